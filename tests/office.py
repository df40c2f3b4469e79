"""The simulated office that tests speak to: a real installation in a temporary folder, with real parts.

Real database (`databases.py`), real log, real vault, real policy packs, real embedded engine behind the real receipt
gate and wire format. Two things are swapped through ports: the clock can be set, and a service answers in
this process instead of in a child, so that a test need not wait for one to start.
"""

import json
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from counterseal import bootstrap
from counterseal.casework.models import (
    CandidateRow,
    Case,
    Comparison,
    EvidenceItem,
    Lead,
    Probe,
    Review,
    SearchRequest,
)
from counterseal.cli.demo import agency as synthetic
from counterseal.cli.demo.agency import Agency, made
from counterseal.cli.demo.synthetic_people import SyntheticPerson, people
from counterseal.connectors.checked import checked
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.serve import Server, build
from counterseal.connectors.wire import Message, answer_of, submission_message
from counterseal.gateway.add_evidence import add_evidence, relate
from counterseal.gateway.collect_probe import Collection, Edit, collect_probe
from counterseal.gateway.enrol_references import enrol_references
from counterseal.gateway.mark_lead import mark_lead, note_in_report
from counterseal.gateway.office import Office
from counterseal.gateway.open_case import open_case, record_step
from counterseal.gateway.record_comparison import record_comparison
from counterseal.gateway.request_clearance import Cleared, NotCleared, confirm_action, request_clearance
from counterseal.gateway.request_search import Purpose, request_search
from counterseal.gateway.review import dispose_of_candidate, lock_review, open_review
from counterseal.gateway.run_fsck import Report, run_fsck
from counterseal.gateway.search import Answered, Failed, search
from counterseal.ledger.entry import Disclosure, Entry, open_committed, read_entry
from counterseal.oversight.models import LogDisclosures, LogEntry
from counterseal.people.models import RoleGrant
from counterseal.terms.biometrics import FailureToAcquire, Mode
from counterseal.terms.decisions import Refusal
from databases import copy_home, let_auditors_read

NARRATIVE = (
    "Three forged cheques were paid in at the harbour branch on Monday; the teller described the man, "
    "and neither the cheque register nor the branch records gave a name"
)
IN_GALLERY = 8


@dataclass
class Clock:
    """A clock that a test sets: it stands where it was put, and moves a little with each look."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        """The instant, each a millisecond after the last."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def forward(self, **by: float) -> None:
        """Let time pass: `forward(days=2)`."""
        self.now += timedelta(**by)


class LocalService:
    """A service on the real port, gate and wire, without a process of its own."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.server: Server = build(folder, clock)
        self.calls = 0

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        """Ask through the wire format and back."""
        self.calls += 1
        asked = json.loads(submission.request)
        answer = answer_of(
            _through_the_wire(self.server.respond(_through_the_wire(submission_message(submission))))
        )
        return checked(answer, limit=asked["limit"], lists=asked["mode"] == Mode.IDENTIFICATION)

    def close(self) -> None:
        """Nothing to stop."""


def _through_the_wire(message: Message) -> Message:
    """What the other end would read."""
    return Message(json.loads(json.dumps(message.header)), message.parts)


@dataclass
class SimulatedOffice:
    """An office with the synthetic agency, a gallery of synthetic people, and short ways to say things."""

    office: Office
    agency: Agency
    clock: Clock
    local: dict[str, LocalService]

    def who(self, short: str) -> str:
        """Person id of a member of staff by short name (`cli/demo/agency.py`)."""
        if short == "admin":  # the first administrator, whom no roster names
            return str(RoleGrant.objects.filter(role="administrator").earliest("granted_at").person_id)
        return self.agency.people[short]

    def under(self, *overlays: str) -> None:
        """Compose these overlays over the base, beside what is composed as shipped."""
        packs = self.office.policies
        composed = packs.composed(packs.founding.over((*packs.founding.overlays, *overlays)))
        self.office = replace(self.office, policies=composed)

    def case(self, *, by: str = "ines", number: str | None = None, with_step: bool = True) -> Case:
        """An open fraud case, with one investigative step unless told otherwise."""
        number = number or f"2026-{Case.objects.count() + 1:04d}"
        case = made(
            open_case(
                self.office,
                number=number,
                case_type="fraud",
                statutory_authority="18 U.S.C. 1343",
                program_code=synthetic.PROGRAM_CODE,
                by=self.who(by),
            )
        )
        if with_step:
            self.step(case, by=by)
        return case

    def step(self, case: Case, *, by: str = "ines") -> None:
        """A records check that gave nothing, yesterday."""
        record_step(
            self.office,
            case_id=case.id,
            kind="records-check",
            outcome="nothing-found",
            taken_at=self.clock.now - timedelta(days=1),
            notes="register of cheques searched by account and by branch",
            by=self.who(by),
        )

    def footage(self, case: Case, *, by: str = "ines") -> EvidenceItem:
        """An evidence item: footage from a shop's camera, lawfully obtained."""
        return add_evidence(
            self.office,
            case_id=case.id,
            kind="footage",
            source_class="store-camera-still",
            lawful_basis="consent-of-owner",
            obtained_at=self.clock.now - timedelta(days=2),
            by=self.who(by),
        )

    def probe(
        self,
        case: Case,
        *,
        photograph: bytes | None = None,
        item: EvidenceItem | None = None,
        by: str = "ines",
        edits: tuple[Edit, ...] = (),
        **stated: object,
    ) -> Probe | FailureToAcquire | Refusal:
        """Collect a probe; `stated` overrides what the collector states (`Collection`)."""
        collection = Collection(
            subject_role="suspect",
            depicts="person-sought",
            bases_of_collection=["observed-conduct"],
            captured_at=self.clock.now - timedelta(days=3),
            from_live_feed=False,
        )
        return collect_probe(
            self.office,
            evidence_id=(item or self.footage(case, by=by)).id,
            photograph=photograph or person(3).photograph(2),
            collection=replace(collection, **stated),  # type: ignore[arg-type]
            by=self.who(by),
            edits=edits,
        )

    def request(
        self, case: Case, probe: Probe, *, by: str = "ines", **asked: object
    ) -> SearchRequest | Refusal:
        """Request an identification; `asked` overrides any argument of `request_search`."""
        arguments: dict[str, object] = {
            "case_id": case.id,
            "probe_id": probe.id,
            "service_id": self.agency.service_id,
            "use_id": self.agency.use_id,
            "mode": Mode.IDENTIFICATION,
            "purpose": Purpose("suspect-lead", NARRATIVE),
            "by": self.who(by),
        } | asked
        return request_search(self.office, **arguments)  # type: ignore[arg-type]

    def searched(self, *, by: str = "ines", photograph: bytes | None = None, **asked: object) -> Answered:
        """A whole permitted search in a new case: case, probe, request, answer."""
        case = self.case(by=by)
        probe = self.probe(case, by=by, photograph=photograph)
        assert isinstance(probe, Probe), probe
        request = made(self.request(case, probe, by=by, **asked))
        answered = search(self.office, request_id=request.id, by=self.who(by))
        assert isinstance(answered, Answered), answered
        return answered

    def search(self, request: SearchRequest, *, by: str = "ines") -> Answered | Failed | Refusal:
        """Take a request down the road."""
        return search(self.office, request_id=request.id, by=self.who(by))

    def fsck(self) -> Report:
        """Compare everything with everything."""
        return run_fsck(self.office)

    def item(
        self,
        case: Case,
        kind: str = "record",
        *,
        by: str = "ines",
        saw_offence: bool | None = None,
        **stated: object,
    ) -> EvidenceItem:
        """An evidence item that has nothing to do with a face, unless `kind` says so."""
        arguments: dict[str, object] = {
            "source_class": "case-photograph",
            "lawful_basis": "agency-record",
            "obtained_at": self.clock.now - timedelta(hours=20),
        } | stated
        return add_evidence(
            self.office,
            case_id=case.id,
            kind=kind,
            saw_offence=saw_offence,
            by=self.who(by),
            **arguments,  # type: ignore[arg-type]
        )

    def support(
        self,
        lead: Lead,
        kind: str = "physical-evidence",
        relation: str = "supports-offence",
        *,
        by: str = "ines",
        saw_offence: bool | None = None,
        derived_from: str = "",
    ) -> EvidenceItem:
        """An item that stands in `relation` to the lead, derived from something where that is told."""
        item = self.item(lead.case, kind, by=by, saw_offence=saw_offence)
        if derived_from:
            relate(self.office, source=item.id, relation="derived-from", target=derived_from, by=self.who(by))
        relate(self.office, source=item.id, relation=relation, target=lead.id, by=self.who(by))
        return item

    def review(self, list_id: str, *, by: str, keep: Container[str] = ()) -> Review:
        """One whole blind review: open, dispose of everything on the sheet, lock."""
        sheet = made(open_review(self.office, list_id=list_id, by=self.who(by)))
        for candidate, _ in sheet.items:
            made(
                dispose_of_candidate(
                    self.office,
                    review_id=sheet.review_id,
                    candidate_id=candidate,
                    judgement="potential-lead" if candidate in keep else "excluded",
                    by=self.who(by),
                )
            )
        return made(lock_review(self.office, review_id=sheet.review_id, by=self.who(by)))

    def review_list(self, review_id: str) -> str:
        """The candidate list that a review is of."""
        return str(Review.objects.get(pk=review_id).candidate_list_id)

    def candidate(self, answered: Answered, rank: int = 1) -> CandidateRow:
        """The candidate of this rank."""
        return answered.candidate_list.candidates.get(rank=rank)

    def kept(
        self, answered: Answered, *, rank: int = 1, by: tuple[str, str] = ("ines", "exa")
    ) -> CandidateRow:
        """A candidate that two people kept, each in a blind review of their own."""
        candidate = self.candidate(answered, rank)
        for reviewer in by:
            self.review(answered.candidate_list.id, by=reviewer, keep={candidate.id})
        return candidate

    def compare(self, candidate: CandidateRow, result: str = "consistent", *, by: str = "ines") -> Comparison:
        """Hold a candidate against a record of the case."""
        case = candidate.candidate_list.request.case
        return record_comparison(
            self.office,
            candidate_id=candidate.id,
            result=result,
            notes="height and address in the register of vehicles held against the teller's words",
            evidence_id=self.item(case, by=by).id,
            by=self.who(by),
        )

    def lead(self, answered: Answered | None = None, *, by: str = "ines", reported: bool = True) -> Lead:
        """A possible lead by the book: searched, reviewed twice, compared, marked, noted in a report."""
        answered = answered or self.searched(by=by)
        candidate = self.kept(answered, by=(by, "exa"))
        self.compare(candidate, by=by)
        lead = made(mark_lead(self.office, candidate_id=candidate.id, by=self.who(by)))
        if reported:
            note_in_report(self.office, lead_id=lead.id, report="ROI-2026-17", by=self.who(by))
        return Lead.objects.get(pk=lead.id)

    def clearance(self, lead: Lead, *, by: str = "ines", **asked: object) -> Cleared | NotCleared | Refusal:
        """Ask for clearance of an arrest; `asked` overrides any argument of `request_clearance`."""
        arguments: dict[str, object] = {
            "lead_id": lead.id,
            "kind": "arrest",
            "location_check": "done",
            "disclosure_text_included": True,
            "by": self.who(by),
        } | asked
        return request_clearance(self.office, **arguments)  # type: ignore[arg-type]

    def confirm(
        self, cleared: Cleared | NotCleared | Refusal, *, by: str = "sol"
    ) -> Cleared | NotCleared | Refusal:
        """A second person confirms what was asked."""
        assert isinstance(cleared, Cleared), cleared
        return confirm_action(self.office, action_id=cleared.action.id, by=self.who(by))

    def another_reason(self) -> Purpose:
        """A reason that nobody gave before."""
        letters = "".join(chr(97 + int(digit)) for digit in str(SearchRequest.objects.count() + 1))
        return Purpose("suspect-lead", f"{NARRATIVE}; the same man tried again at branch q{letters}")

    def bodies(self) -> list[bytes]:
        """The bytes of every entry, in order: all that leaves."""
        return [bytes(e.body) for e in LogEntry.objects.order_by("index")]

    def entries(self) -> list[Entry]:
        """Every entry of the log, in order."""
        return [read_entry(bytes(e.body)) for e in LogEntry.objects.order_by("index")]

    def opened(self, index: int) -> dict[str, object]:
        """What an entry only commits to, opened."""
        encoded = LogDisclosures.objects.get(pk=index).encoded.split("\n")
        entry = read_entry(bytes(LogEntry.objects.get(pk=index).body))
        return dict(open_committed(entry, [Disclosure.parse(e) for e in encoded]))

    def sealed_refusal(self, outcome: object, kind: str, *clauses: str) -> Refusal:
        """Assert that `outcome` refuses on exactly these clauses, and that the last entry seals just that."""
        refusal = outcome.refusal if isinstance(outcome, NotCleared) else outcome
        assert isinstance(refusal, Refusal), refusal
        assert clauses == refusal.clauses, refusal.unmet
        last = self.entries()[-1]
        assert (kind, "refused", clauses) == (last.kind, last.outcome, last.reason.clauses)
        unmet = self.opened(len(self.entries()) - 1)["unmet"]
        assert [[u.clause, u.missing] for u in refusal.unmet] == unmet
        return refusal


def person(n: int) -> SyntheticPerson:
    """The n-th synthetic person, from 0; the first `IN_GALLERY` have their photograph 0 enrolled."""
    return people(n + 1)[n]


def make_template(home: Path, pictures: Path) -> None:
    """Make the installation that every test gets a copy of."""
    office, administrator = bootstrap.init_home(
        home,
        agency=synthetic.AGENCY,
        origin=synthetic.ORIGIN,
        administrator="Ada Administrator",
        evaluation=True,
    )
    agency = synthetic.found_agency(office, administrator)
    pictures.mkdir()
    for synthetic_person in people(IN_GALLERY):
        (pictures / f"{synthetic_person.person_id}.jpg").write_bytes(synthetic_person.photograph(0))
    enrolled = enrol_references(
        office, connector=synthetic.EMBEDDED, pictures=pictures, by=agency.people["rue"]
    )
    assert not isinstance(enrolled, Refusal)
    assert enrolled.enrolled == IN_GALLERY, enrolled
    bootstrap.close(office)
    let_auditors_read(home)


@contextmanager
def open_copy(template: Path, home: Path) -> Iterator[SimulatedOffice]:
    """A fresh office from the template, with clock and services swapped through the ports."""
    copy_home(template, home)
    office = bootstrap.open_office(home)
    clock = Clock()
    local: dict[str, LocalService] = {}

    def service(name: str) -> LocalService:
        if name not in local:
            local[name] = LocalService(home / "services" / name, clock)
        return local[name]

    agency = synthetic.roster()
    try:
        yield SimulatedOffice(replace(office, clock=clock, services=service), agency, clock, local)
    finally:
        bootstrap.close(office)
