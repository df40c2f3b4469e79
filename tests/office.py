"""The simulated office that tests speak to: a real installation in a temporary folder, with real parts.

Real SQLite file, real log, real vault, real policy packs, the real embedded engine behind the real receipt
gate and wire format. Two things are swapped through ports: the clock can be set, and a service answers in
this process instead of in a child, so that a test need not wait for one to start.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from counterseal import bootstrap
from counterseal.casework.models import Case, EvidenceItem, Probe, SearchRequest
from counterseal.cli.demo import agency as synthetic
from counterseal.cli.demo.agency import Agency, made
from counterseal.cli.demo.synthetic_people import SyntheticPerson, people
from counterseal.connectors.checked import checked
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.serve import Server, build
from counterseal.connectors.wire import Message, answer_of, submission_message
from counterseal.gateway.add_evidence import add_evidence
from counterseal.gateway.collect_probe import Collection, Edit, collect_probe
from counterseal.gateway.enrol_references import enrol_references
from counterseal.gateway.office import Office
from counterseal.gateway.open_case import open_case, record_step
from counterseal.gateway.request_search import Purpose, request_search
from counterseal.gateway.run_fsck import Report, run_fsck
from counterseal.gateway.search import Answered, Failed, search
from counterseal.terms.biometrics import FailureToAcquire, Mode
from counterseal.terms.decisions import Refusal

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
        answer = answer_of(_through_the_wire(self.server.respond(_through_the_wire(submission_message(submission)))))
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
        return self.agency.people[short]

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

    def request(self, case: Case, probe: Probe, *, by: str = "ines", **asked: object) -> SearchRequest | Refusal:
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


def person(n: int) -> SyntheticPerson:
    """The n-th synthetic person, from 0; the first `IN_GALLERY` have their photograph 0 enrolled."""
    return people(n + 1)[n]


def make_template(home: Path, pictures: Path) -> None:
    """Make the installation that every test gets a copy of."""
    office, administrator = bootstrap.init_home(
        home, agency=synthetic.AGENCY, origin=synthetic.ORIGIN, administrator="Ada Administrator", evaluation=True
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


@contextmanager
def open_copy(template: Path, home: Path) -> Iterator[SimulatedOffice]:
    """A fresh office from the template, with clock and services swapped through the ports."""
    shutil.copytree(template, home)
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
