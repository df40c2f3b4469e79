"""Read the decisions of the log with their facts, to be made again."""

from collections.abc import Iterator

from counterseal.ledger.entry import Disclosure, open_committed, read_entry
from counterseal.oversight.models import LogDisclosures, LogEntry
from counterseal.policy.replay import Logged

_REFUSED = "refused"


def logged_decisions() -> Iterator[Logged]:
    """Every entry that commits to the facts of a decision, or did before its openings were destroyed.

    An entry that names determining policies was decided by them, whether or not its facts were kept.
    """
    openings = {row.index: row.encoded for row in LogDisclosures.objects.exclude(encoded="").iterator()}
    for row in LogEntry.objects.order_by("index").iterator():
        entry = read_entry(bytes(row.body))
        lines = filter(None, openings.get(row.index, "").split("\n"))
        # Checked against the entry: facts that were put there afterwards are not the ones that were decided on.
        found = [d for d in map(Disclosure.parse, lines) if d.name == "facts"]
        facts = open_committed(entry, found).get("facts")
        if facts is None and not entry.reason.policies:
            continue
        yield Logged(
            index=row.index,
            digest=entry.reason.pack or "",
            policies=tuple(entry.reason.policies),
            clauses=tuple(entry.reason.clauses),
            permitted=entry.outcome != _REFUSED,
            facts=facts if isinstance(facts, dict) else None,
        )
