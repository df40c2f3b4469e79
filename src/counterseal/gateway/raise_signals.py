"""Raise signals: findings that open by themselves, with their reason in words, for a supervisor to look at.

Two occasions, one set of rules (`oversight/signals`): with each search that is permitted, what it shows by itself,
sealed with its intent; and over a period, by whoever reviews, what only many searches show. A signal stops
nothing, accuses nobody, and can be dismissed with a reason. The same history raises the same signal once: a
finding about it, whatever came of it, is not opened again by a run.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from counterseal.casework.models import Approval, Case, CaseAssignment, SearchRequest
from counterseal.casework.words import CaseStatus
from counterseal.gateway.findings import open_finding
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.gateway.supervising import decision_of
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import Finding, LogEntry
from counterseal.oversight.signals.limits import SOCIAL_MEDIA, Seen, at_search
from counterseal.oversight.signals.rows import Approved, Closed, History, Search, Signal
from counterseal.oversight.signals.run import signals_of
from counterseal.people.models import Person
from counterseal.policy import SignalRule
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

# So many findings are sealed in one entry; a run that finds more seals several.
_AT_A_TIME = 100

# One statement, because the log's pen is held while it is read. Others than this very photograph, case, person
# and service; the photograph itself is counted by `_seen`.
_SEEN = """
SELECT
  (SELECT count(DISTINCT p.fingerprint) FROM casework_searchrequest r JOIN casework_probe p ON p.id = r.probe_id
    WHERE r.case_id = %(case)s AND r.intent_index IS NOT NULL AND p.source_class = %(social)s
    AND p.fingerprint <> %(face)s),
  count(DISTINCT CASE WHEN r.case_id <> %(case)s THEN r.case_id END),
  count(DISTINCT CASE WHEN r.requester_id <> %(person)s THEN r.requester_id END),
  count(DISTINCT CASE WHEN r.service_id <> %(service)s THEN r.service_id END)
FROM casework_probe p JOIN casework_searchrequest r ON r.probe_id = p.id
WHERE p.fingerprint = %(face)s AND r.intent_index IS NOT NULL
"""
_FACES_OF_CASES = """
SELECT count(DISTINCT p.fingerprint) FROM casework_searchrequest r JOIN casework_probe p ON p.id = r.probe_id
WHERE r.intent_index >= %s AND r.case_id <> %s GROUP BY r.case_id
"""
# Cases to compare with are those searched within so many last entries: a bound, because the pen is held.
_LATELY = 5_000


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run found, the most striking first, and the findings that it opened: those that were new."""

    signals: tuple[Signal, ...]
    opened: tuple[Finding, ...]
    searches: int


def signals_at_search(now: Change, request: SearchRequest, *, faces: int) -> list[Finding]:
    """The findings that a permitted search opens by itself, for the caller to seal with the intent.

    faces: different photographs searched for the case, this one included.
    """
    rule = now.office.policies.signals(now.at)
    if rule is None:
        return []
    search = _plain(
        request, unit="", on_duty=True, at=now.at, entry=now.next_index
    )  # neither is asked of one search
    seen = _seen(request, faces)
    signals = at_search(search, seen, rule, faces_of_cases=lambda: _faces_of_cases(now, request.case_id))
    return [row for signal in signals for row in _finding(now, signal)]


def run_signals(office: Office, *, since: datetime, until: datetime, by: str) -> Ran | Refusal:
    """Look at every search of this time, half open, against those before it, and open a finding for each new signal.

    Raises:
        BadInputError: the time ends before it begins, or no pack says when something is a signal.
    """
    if until <= since:
        raise BadInputError("the time to look at ends after it begins")
    office.acting(by)
    rule = office.policies.signals(office.clock())
    if rule is None:
        raise BadInputError("no pack in force has a signals.toml: nobody knows what a signal is")
    # Before the transaction: nobody waits for these sums with the log's pen in hand.
    history = history_of(office, rule, since=since, until=until)
    signals = signals_of(history, rule, since=since, until=until)
    with change(office) as now:
        if refusal := stands_against(now, "run the signals", by=by, target="log"):
            return refusal
        known = set(Finding.objects.filter(kind__in={s.kind for s in signals}).values_list("kind", "about"))
        opened = [
            row for s in signals if (s.kind, s.about) not in known for row in _finding(now, s)
        ]  # fmt: skip
        for begin in range(0, max(len(opened), 1), _AT_A_TIME):
            rows = opened[begin : begin + _AT_A_TIME]
            now.seal(
                "signals.run",
                by=by,
                action="run the signals",
                target="log",
                outcome="done",
                clauses=[rule.clause],
                public={"signals": len(signals), "opened": len(rows)},
                committed={"since": since.isoformat(), "until": until.isoformat()},
                rows=rows,
            )
        searches = sum(since <= s.at < until for s in history.searches)
        return Ran(tuple(signals), tuple(opened), searches)


def history_of(office: Office, rule: SignalRule, *, since: datetime, until: datetime) -> History:
    """The plain rows of this time, and of the packs' `base` before it."""
    begin = since - rule.base
    units = dict(Person.objects.values_list("id", "unit"))
    supervision = office.policies.supervision(until)
    requests = (
        SearchRequest.objects.filter(
            intent_index__isnull=False, submitted_at__gte=begin, submitted_at__lt=until
        )
        .select_related("case", "probe")
        .order_by("intent_index")
    )
    searches = []
    for request in requests.iterator():
        unit, at = units.get(request.requester_id, ""), request.submitted_at
        if at is not None and request.intent_index is not None:
            on_duty = supervision.on_duty(unit, at)
            searches.append(_plain(request, unit=unit, on_duty=on_duty, at=at, entry=request.intent_index))
    approvals = (
        Approval.objects.filter(at__gte=begin, at__lt=until).select_related("request").order_by("at", "id")
    )
    approved = [Approved(decision_of(a), units.get(a.requester_id, ""), a.entry_index) for a in approvals]
    return History(searches, tuple(_closed(begin, until)), approved)


def _closed(begin: datetime, until: datetime) -> Iterator[Closed]:
    """Each case that was closed in this time, once for each who was on it. Its latest entry closed it."""
    cases = dict(Case.objects.filter(status=CaseStatus.CLOSED).values_list("entry_index", "id"))
    at = {}
    for entry in LogEntry.objects.filter(index__in=cases).order_by("index").iterator():
        at[cases[entry.index]] = read_entry(bytes(entry.body)).at
    worked = CaseAssignment.objects.filter(case_id__in=at).order_by("case_id", "person_id")
    for case_id, person in worked.values_list("case_id", "person_id"):
        if begin <= at[case_id] < until:
            yield Closed(person, at[case_id])


def _plain(request: SearchRequest, *, unit: str, on_duty: bool, at: datetime, entry: int) -> Search:
    return Search(
        id=request.id,
        person=request.requester_id,
        unit=unit,
        case=request.case_id,
        case_type=request.case.type,
        service=request.service_id,
        source_class=request.probe.source_class,
        item=request.probe.evidence_item_id,
        face=request.probe.fingerprint,
        captured=request.probe.captured_at,
        protected_event=request.probe.protected_event,
        at=at,
        on_duty=on_duty,
        entry=entry,
    )


def _seen(request: SearchRequest, faces: int) -> Seen:
    asked = {
        "case": request.case_id,
        "face": request.probe.fingerprint,
        "person": request.requester_id,
        "service": request.service_id,
        "social": SOCIAL_MEDIA,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, asked)
        social, cases, persons, services = cursor.fetchone()
    return Seen(
        faces=faces,
        social_faces=social + (request.probe.source_class == SOCIAL_MEDIA),
        cases=cases + 1,
        persons=persons + 1,
        services=services + 1,
    )


def _faces_of_cases(now: Change, but: str) -> Sequence[int]:
    with connection.cursor() as cursor:
        cursor.execute(_FACES_OF_CASES, [max(now.next_index - _LATELY, 0), but])
        return [faces for (faces,) in cursor.fetchall()]


def _finding(now: Change, signal: Signal) -> Iterable[Finding]:
    return open_finding(
        now, signal.kind, signal.about, signal.says, person_id=signal.person, entries=signal.entries
    )
