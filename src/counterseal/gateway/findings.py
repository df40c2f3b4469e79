"""Open a finding, and say what came of it.

A finding is open until somebody whom it does not concern dismisses it with a reason, says what was done about
it, or refers it to professional responsibility; a referred one is closed by the outcome of the referral only.
One finding of a kind about one thing stands at a time.
"""

from collections.abc import Sequence

from counterseal.gateway.sealing import Change
from counterseal.oversight.finding_kinds import kind_of
from counterseal.oversight.models import Finding, FindingStatus
from counterseal.terms.errors import BadInputError

STANDING = (FindingStatus.OPEN, FindingStatus.REFERRED)
LONGEST = 300


def open_finding(
    now: Change, kind: str, about: str, says: str, *, person_id: str = "", entries: Sequence[int] = ()
) -> tuple[Finding, ...]:
    """A new finding for the caller to seal among its `rows`; none where one of this kind about this stands.

    kind: a code of `finding_kinds`. says: sentences out of codes and counts, no free text; cut at 300 characters.
    person_id: whom it concerns, and who can therefore never decide it. entries: leaf indices behind it.

    Raises:
        BadInputError: no such kind, or nothing it is about or says.
    """
    kind_of(kind)
    if not about or not says.strip():
        raise BadInputError("a finding names what it is about, and says something of it")
    if Finding.objects.filter(kind=kind, about=about, status__in=STANDING).exists():
        return ()
    return (
        Finding(
            id=now.office.new_id(Finding),
            kind=kind,
            about=about,
            says=says[:LONGEST],
            person_id=person_id,
            entries=sorted(set(entries)),
            opened_at=now.at,
        ),
    )


def seal_finding(
    now: Change,
    kind: str,
    about: str,
    says: str,
    *,
    by: str,
    clauses: Sequence[str],
    person_id: str = "",
    entries: Sequence[int] = (),
) -> tuple[Finding, ...]:
    """Open a finding that a review or an audit raised, in an entry `audit.finding` of its own.

    by: who raised it. entries: also the entry's causes. Otherwise as `open_finding`.
    """
    opened = open_finding(now, kind, about, says, person_id=person_id, entries=entries)
    if opened:
        now.seal(
            "audit.finding",
            by=by,
            action="raise a finding",
            target=opened[0].id,
            outcome="opened",
            clauses=clauses,
            causes=entries,
            public={"kind": kind},
            rows=opened,
        )
    return opened
