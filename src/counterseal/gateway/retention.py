"""Retention: when each object of the vault is due to go, and the run that destroys what is due.

1 each object has a class: its kind, and a candidate's photograph that was a foil is a foil; 2 each clock of the
packs in force that names the class has a beginning, or none yet; 3 the object is due when the first of its
clocks has run out; 4 a hold stops it, whatever is due; 5 the run asks 1 to 4 again under the log's pen, so that
a lead or a hold that came in between counts.

A sample of a verification has a day of its own, from the terms of its use (`KeptSample.due`).
The clocks are data (`retention.toml`), and nothing is stored of them: a new records schedule counts at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from counterseal.casework.models import CandidateRow, Case, Comparison, Lead, SearchRequest
from counterseal.casework.words import CaseStatus, RequestStatus
from counterseal.gateway import erasures
from counterseal.gateway.belonging import case_of
from counterseal.gateway.destroy import finish, not_the_records_office, seal_destruction
from counterseal.gateway.export_ledger import key_history, receipt_of
from counterseal.gateway.holds import holds_on
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.ledger.entry import Disclosure, read_entry
from counterseal.ledger.tree import leaf_hash
from counterseal.oversight.models import Hold, HoldStatus, KeptSample, LogDisclosures, LogEntry, VaultObject
from counterseal.policy import Clock
from counterseal.terms.calendar import Period
from counterseal.terms.decisions import Refusal

# Every class of record that the gateway's verbs put into the vault; the packs' clocks are held against it.
RECORD_CLASSES = frozenset(
    {
        "acquisition-review",
        "approval",
        "candidate",
        "comparison",
        "complaint",
        "drill-photograph",
        "drill-prose",
        "evidence",
        "exigency-facts",
        "exigency-why",
        "finding-words",
        "foil",
        "hold-reason",
        "narrative",
        "notes",
        "office-words",
        "operator-log",
        "pack-difference",
        "probe-edit",
        "probe-original",
        "probe-sent",
        "program-file",
        "redress",
        "resolution",
        "session-words",
        "sample-secret",
        "supervision-words",
        "test-corpus",
        "test-plan",
        "test-result",
        "test-verdict",
        "trial",
        "use-change",
        "why-again",
    }
)
# The class that goes by the stated terms of its use.
SAMPLE = "sample"
_DONE = frozenset({RequestStatus.ANSWERED, RequestStatus.FAILED, RequestStatus.REFUSED})
ACTION = "run the clocks of retention"


@dataclass(frozen=True, slots=True)
class Due:
    """One object and the clock that ran out, or will first. held_by: ids of the holds that stand over it."""

    object_id: str
    record_class: str
    about: str
    clock: Clock
    at: datetime
    held_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did. destroyed: acts, each of one record under one clock. held: objects due and held back.

    finished: objects whose destruction was sealed earlier and had been interrupted.
    """

    destroyed: tuple[tuple[str, str, int], ...]
    held: tuple[Due, ...]
    finished: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """Every object with a clock that runs, the earliest first; and how many, by class, none of whose clocks
    has begun."""

    due: tuple[Due, ...]
    not_begun: Mapping[str, int]


def outlook(office: Office, *, at: datetime | None = None) -> Outlook:
    """When each object goes, as the records and the packs stand now. at: the packs of another instant."""
    return _outlook(
        office, VaultObject.objects.filter(destroyed_at=None).order_by("id"), at or office.clock()
    )


def run_retention(office: Office, *, by: str) -> Run | Refusal:
    """Finish what was interrupted, then destroy what is due: one sealed act for each record and clock.

    Raises:
        SealingError, UnavailableError: it stopped in between; what was done stands, run it again.
    """
    with change(office) as now:
        if refusal := not_the_records_office(now, by=by, action=ACTION, target="vault"):
            return refusal
        at = now.at
        before = outlook(office, at=at)
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        held = [due for due in before.due if due.at <= at and due.held_by]
        for due in before.due:
            if due.at <= at and not due.held_by:
                groups[due.about, due.clock.id].append(due.object_id)
        started = now.seal(
            "retention.run",
            by=by,
            action=ACTION,
            target="vault",
            outcome="begun",
            public={"due": sum(map(len, groups.values())), "held": len(held)},
            committed={"held": [d.object_id for d in held]},
        )
    finished = finish_interrupted(office)
    destroyed = []
    for (about, clock_id), ids in sorted(groups.items()):
        # (5) A hold or a lead may have come since.
        with change(office) as now:
            still = [
                due
                for due in _outlook(office, _live(ids), now.at).due
                if due.at <= now.at and not due.held_by and due.clock.id == clock_id
            ]
            if not still:
                _nothing_any_more(now, about, clock_id, by, started)
                continue
            objects = list(_live([due.object_id for due in still]))
            classes = sorted({due.record_class for due in still})
            sealed = seal_destruction(
                now,
                objects,
                about=about,
                by=by,
                action=ACTION,
                clauses=[still[0].clock.clause],
                public={"rule": clock_id, "class": classes[0] if len(classes) == 1 else "several"},
                committed={"authority": clock_id, "classes": list(classes)},
            )
        finish(office, objects, sealed, now.receipt)
        destroyed.append((about, clock_id, len(objects)))
    return Run(tuple(destroyed), tuple(held), finished)


def finish_interrupted(office: Office) -> int:
    """Do what sealed destructions still lack: the listing, the keys, the bytes; answers for how many objects."""
    listed = {e.leaf for e in erasures.listed(office.home, key_history(), office.origin)}
    stored = office.vault.stored()
    done = 0
    for sealed in sealed_destructions():
        if leaf_hash(sealed.body) not in listed:
            erasures.keep(office.home, sealed, receipt_of(sealed.index))
        if "objects" not in sealed.openings:
            continue  # a gallery's
        named = Disclosure.parse(sealed.openings["objects"]).value
        assert isinstance(named, list)
        rows = VaultObject.objects.exclude(destroyed_at=None).filter(pk__in=[str(n) for n in named])
        left = [held for held in rows if held.id in stored or not office.vault.keys.destroyed(held.slot)]
        office.vault.destroy(left)
        done += len(left)
    return done


def sealed_destructions() -> Iterable[Sealed]:
    """Every entry of the log that destroys something, with its openings."""
    kinds = [f'"kind":"{kind}"'.encode() for kind in (erasures.DESTROYED, erasures.GALLERY)]
    for entry in LogEntry.objects.order_by("index").iterator():
        body = bytes(entry.body)
        if not any(kind in body for kind in kinds):
            continue
        opened = LogDisclosures.objects.filter(pk=entry.index).first()
        lines = opened.encoded.split("\n") if opened and opened.encoded else []
        yield Sealed(entry.index, body, {Disclosure.parse(line).name: line for line in lines})


def _outlook(office: Office, objects: Iterable[VaultObject], at: datetime) -> Outlook:
    clocks: dict[str, list[Clock]] = defaultdict(list)
    for clock in office.policies.clocks(at):
        for record_class in clock.classes:
            clocks[record_class].append(clock)
    records = _Records()
    due: list[Due] = []
    waiting: dict[str, int] = defaultdict(int)
    for held in objects:
        record_class = records.class_of(held)
        begun = [
            (clock.within.after(began), clock)
            for clock in (clocks[record_class] if record_class != SAMPLE else _terms_of(held))
            if (began := records.begins(held, clock.starts)) is not None
        ]
        if not begun:
            waiting[record_class] += 1
            continue
        instant, first = min(begun, key=lambda pair: (pair[0], pair[1].id))
        due.append(Due(held.id, record_class, held.about, first, instant, records.held_by(held.about)))
    return Outlook(tuple(sorted(due, key=lambda d: (d.at, d.object_id))), dict(waiting))


class _Records:
    """What the registers say, each asked once a record."""

    def __init__(self) -> None:
        self._foils: dict[str, bool] = {}
        self._begun: dict[tuple[str, str], datetime | None] = {}
        self._holds: dict[str, tuple[str, ...]] = {}

    def class_of(self, held: VaultObject) -> str:
        if held.kind != "candidate":
            return held.kind
        if held.about not in self._foils:
            self._foils[held.about] = CandidateRow.objects.filter(pk=held.about, foil=True).exists()
        return "foil" if self._foils[held.about] else "candidate"

    def begins(self, held: VaultObject, starts: str) -> datetime | None:
        """When a clock that starts so began for this object; None where it has not begun."""
        if (
            held.kind == "hold-reason"
            and Hold.objects.filter(pk=held.about, status=HoldStatus.IN_FORCE).exists()
        ):
            return None
        if starts == "made":
            return held.created_at
        key = (held.about, starts)
        if key not in self._begun:
            reader = {"case-closed": _case_closed, "answered-without-lead": _no_lead}[starts]
            self._begun[key] = reader(held.about)
        return self._begun[key]

    def held_by(self, about: str) -> tuple[str, ...]:
        if about not in self._holds:
            self._holds[about] = tuple(hold.id for hold in holds_on(about))
        return self._holds[about]


def _terms_of(held: VaultObject) -> list[Clock]:
    """The clock that the terms of a use set for this sample when it was kept."""
    sample = KeptSample.objects.filter(object=held.id).first()
    if sample is None:
        return []
    within = Period(0, sample.due - held.created_at)
    return [Clock("verification-terms", (SAMPLE,), "made", within, "D-026-11/opt-out", "as the use states")]


def _case_closed(about: str) -> datetime | None:
    case = Case.objects.filter(pk=case_of(about)).first()
    return _sealed_at(case.entry_index) if case and case.status == CaseStatus.CLOSED else None


def _no_lead(about: str) -> datetime | None:
    """When the last search that this record belongs to ended, where none of them led to a lead."""
    searches = _searches(about)
    if not searches or any(s.status not in _DONE for s in searches):
        return None
    if Lead.objects.filter(candidate__candidate_list__request__in=[s.id for s in searches]).exists():
        return None
    return max(_sealed_at(s.entry_index) for s in searches)


def _searches(about: str) -> Sequence[SearchRequest]:
    """The searches that made this record, or that used it."""
    request = SearchRequest.objects
    readers: Mapping[str, Callable[[], Iterable[SearchRequest]]] = {
        "request": lambda: request.filter(pk=about),
        "probe": lambda: request.filter(Q(probe_id=about) | Q(second_probe_id=about)),
        "candidate": lambda: request.filter(candidate_list__candidates__id=about),
        "comparison": lambda: request.filter(
            candidate_list__candidates__in=Comparison.objects.filter(pk=about).values("candidate_id")
        ),
    }
    reader = readers.get(about.partition("-")[0])
    return list(reader()) if reader else []


def _sealed_at(index: int) -> datetime:
    return read_entry(bytes(LogEntry.objects.get(pk=index).body)).at


def _live(ids: Sequence[str]) -> Iterable[VaultObject]:
    return VaultObject.objects.filter(pk__in=ids, destroyed_at=None).order_by("id")


def _nothing_any_more(now: Change, about: str, clock_id: str, by: str, started: Sealed) -> None:
    now.seal(
        "retention.kept",
        by=by,
        action=ACTION,
        target=about,
        outcome="not-due-any-more",
        causes=[started.index],
        public={"rule": clock_id},
    )
