"""Hold the operator's own log of a service against the intents that our log sealed for it (HSI-M/4E1-log).

What is ours only, theirs only, doubled or malformed is sealed as a finding, once, however often the same log comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from counterseal.casework.models import SearchRequest
from counterseal.gateway.findings import open_finding
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.ledger.entry import Disclosure, Entry, open_committed, read_entry
from counterseal.oversight.models import Finding, LogDisclosures, LogEntry, Reconciliation, Service
from counterseal.oversight.reconciliation import OperatorLog, Reconciled, read_operator_log, reconcile
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

OURS_ONLY = "operator-log-ours-only"
THEIRS_ONLY = "operator-log-theirs-only"
DOUBLED = "operator-log-doubled"
MALFORMED = "operator-log-malformed"
_INTENTS = (b'"kind":"search.intent"', b'"kind":"verification.intent"')


@dataclass(frozen=True, slots=True)
class Outcome:
    """The sealed record, what was read, what came of it, and the findings that are new."""

    record: Reconciliation
    log: OperatorLog
    result: Reconciled
    new: tuple[Finding, ...]


def reconcile_service(
    office: Office, *, service_id: str, log: bytes, since: datetime, until: datetime, by: str
) -> Outcome | Refusal:
    """Reconcile the operator's log of a time, half open, with every sealed intent of the service.

    Raises:
        BadInputError: it is no such log (`read_operator_log`), or the time is none or not over yet.
    """
    if until <= since:
        raise BadInputError("the time ends after it begins; give --since and --until in that order")
    read = read_operator_log(log)
    with change(office) as now:
        service = found(Service, service_id)
        record_id = office.new_id(Reconciliation)
        if refusal := stands_against(now, "reconcile a service", by=by, target=record_id):
            return refusal
        if until > now.at:
            raise BadInputError("the time is not over yet: what is searched meanwhile would be ours only")
        result = reconcile(sealed_intents(service_id), read.lines, since=since, until=until)
        known = set(Finding.objects.filter(kind__startswith="operator-log-").values_list("kind", "about"))
        new: list[Finding] = []
        requesters = dict(
            SearchRequest.objects.filter(pk__in=result.ours_only).values_list("id", "requester_id")
        )
        for kind, about, says in _told(office, service, read, result):
            if (kind, about) not in known:
                known.add((kind, about))
                new += open_finding(now, kind, about, says, person_id=requesters.get(about, ""))
        kept = office.vault.put(
            office.new_name("object"), log, kind="operator-log", about=record_id, at=now.at
        )
        record = Reconciliation(
            id=record_id,
            service=service,
            since=since,
            until=until,
            log=kept.id,
            paired=len(result.paired),
            ours_only=len(result.ours_only),
            theirs_only=len(result.theirs_only),
            doubled=len(result.doubled),
            malformed=len(read.malformed),
            by_id=by,
            at=now.at,
        )
        differs = record.ours_only + record.theirs_only + record.doubled + record.malformed
        now.seal(
            "service.reconciled",
            by=by,
            action="reconcile a service",
            target=service.id,
            outcome="differs" if differs else "agrees",
            clauses=["HSI-M/4E1-log"],
            public={
                "service": service.id,
                "paired": record.paired,
                "ours_only": record.ours_only,
                "theirs_only": record.theirs_only,
                "doubled": record.doubled,
                "malformed": record.malformed,
            },
            rows=[record, *new],
            objects=[kept],
        )
        return Outcome(record, read, result, tuple(new))


def sealed_intents(service_id: str) -> dict[str, datetime]:
    """Every intent that the log sealed for this service: request id and instant, in order of the log.

    Where what an entry commits to was destroyed and no request of it is kept, it stands as `entry-INDEX`: nobody
    can pair it any more.
    """
    requests = dict(
        SearchRequest.objects.filter(service_id=service_id)
        .exclude(intent_index=None)
        .values_list("intent_index", "id")
    )
    intents = {}
    for index, body in _bodies():
        entry = read_entry(body)
        if entry.public.get("service") == service_id:
            intents[requests.get(index) or _target(index, entry)] = entry.at
    return intents


def _target(index: int, entry: Entry) -> str:
    encoded = LogDisclosures.objects.filter(pk=index).values_list("encoded", flat=True).first()
    if not encoded:
        return f"entry-{index}"
    opened = dict(open_committed(entry, [Disclosure.parse(e) for e in encoded.split("\n")]))
    return str(opened.get("target", f"entry-{index}"))


def _bodies() -> Iterator[tuple[int, bytes]]:
    for index, body in LogEntry.objects.order_by("index").values_list("index", "body").iterator():
        if any(kind in bytes(body) for kind in _INTENTS):
            yield index, bytes(body)


def _told(
    office: Office, service: Service, log: OperatorLog, result: Reconciled
) -> Iterator[tuple[str, str, str]]:
    """Kind, about and words of each finding. About a line: a keyed name, the same whenever the line comes again."""

    def named(*parts: object) -> str:
        # Lengths, so that no two lines share a name.
        told = "".join(f"{len(str(p))}:{p}" for p in (service.id, *parts))
        return f"line-{office.fingerprint(told.encode())[:32]}"

    for request in result.ours_only:
        yield OURS_ONLY, request, "we sealed this intent and the operator's log has no such search"
    for line in result.theirs_only:
        yield (
            THEIRS_ONLY,
            named(line.request),
            f"row {line.row}: the operator ran a search that we never sealed for `{service.id}`",
        )
    for line in result.doubled:
        yield (
            DOUBLED,
            named(line.request, line.at),
            f"row {line.row}: the operator ran this request more than once",
        )
    for fault in log.malformed:
        yield MALFORMED, named(fault.row, fault.why), f"row {fault.row}: {fault.why}"
