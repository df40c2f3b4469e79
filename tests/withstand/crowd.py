"""An installation for attacks: the synthetic agency, a simulated outside service, and a crowd of staff.

Each of the `CROWD` requesters has a case of their own with a step tried, an item of evidence and a probe, so
that a search is one request away; each of the `CROWD` supervisors may decide on any of them.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from counterseal import bootstrap
from counterseal.casework.models import Probe, SearchRequest
from counterseal.cli.demo import agency as synthetic
from counterseal.cli.demo.agency import made
from counterseal.cli.demo.synthetic_people import people
from counterseal.gateway.add_evidence import add_evidence
from counterseal.gateway.admit_person import admit_person, grant_role
from counterseal.gateway.certify import attest, certify
from counterseal.gateway.collect_probe import Collection, collect_probe
from counterseal.gateway.office import Office
from counterseal.gateway.open_case import open_case, record_step
from counterseal.gateway.register_service import accept_terms
from counterseal.gateway.request_search import Purpose, request_search
from counterseal.people.models import AttestationKind, Role
from counterseal.terms.biometrics import Mode

CROWD = 24
CONNECTOR = "simulated"
NARRATIVE = (
    "Three forged cheques were paid in at the harbour branch on Monday; the teller described the man, "
    "and neither the cheque register nor the branch records gave a name"
)


@dataclass(frozen=True, slots=True)
class Requester:
    """One of the crowd, by ids."""

    person: str
    case: str
    probe: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """Everybody, by ids."""

    requesters: tuple[Requester, ...]
    supervisors: tuple[str, ...]
    administrator: str
    service: str
    use: str

    def save(self, path: Path) -> None:
        """Write the ids beside the home that they belong to."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Crowd":
        """Read what `save` wrote."""
        content = json.loads(path.read_text())
        content["requesters"] = tuple(Requester(**r) for r in content["requesters"])
        content["supervisors"] = tuple(content["supervisors"])
        return cls(**content)


def make_crowd(home: Path, *, size: int = CROWD) -> Crowd:
    """Found the installation in `home`, every step through the verbs; the ids also lie in `home`.json."""
    office, administrator = bootstrap.init_home(
        home,
        agency=synthetic.AGENCY,
        origin=synthetic.ORIGIN,
        administrator="Ada Administrator",
        evaluation=True,
    )
    agency = synthetic.found_agency(office, administrator)
    service = synthetic.add_service(
        office, agency.people, name="Simulated outside service", connector=CONNECTOR
    )
    bootstrap.connect_service(
        office,
        name=CONNECTOR,
        service_id=service.id,
        backend="simulator",
        config={"slow_seconds": 0.25},
    )
    photograph = people(1)[0].photograph(1)
    crowd = Crowd(
        requesters=tuple(
            _requester(office, n, administrator, agency.people["tess"], service.id, photograph)
            for n in range(size)
        ),
        supervisors=tuple(
            _admitted(office, f"Supervisor {n}", Role.SUPERVISOR, administrator) for n in range(size)
        ),
        administrator=administrator,
        service=service.id,
        use=agency.use_id,
    )
    bootstrap.close(office)
    crowd.save(roster_of(home))
    return crowd


def roster_of(home: Path) -> Path:
    """Where the ids of a home's crowd lie."""
    return home.with_suffix(".json")


def copy_of(template: Path, home: Path) -> Crowd:
    """Copy an installation that nobody has open, with its ids."""
    from databases import copy_home  # the tests' own, which no worker needs

    copy_home(template, home)
    shutil.copy(roster_of(template), roster_of(home))
    return Crowd.load(roster_of(home))


@contextmanager
def opened(home: Path) -> Iterator[Office]:
    """Open a home in this process, and let go of it afterwards."""
    office = bootstrap.open_office(home)
    try:
        yield office
    finally:
        bootstrap.close(office)


def request(office: Office, crowd: Crowd, who: Requester) -> SearchRequest:
    """One more request for an identification, in the requester's own case."""
    asked = request_search(
        office,
        case_id=who.case,
        probe_id=who.probe,
        service_id=crowd.service,
        use_id=crowd.use,
        mode=Mode.IDENTIFICATION,
        purpose=Purpose("suspect-lead", NARRATIVE),
        by=who.person,
        limit=5,
        why_again="the same question once more, as a trial of durability",
    )
    return made(asked)


def _admitted(office: Office, name: str, role: Role, administrator: str) -> str:
    person = made(admit_person(office, name=name, unit="Fraud unit", by=administrator))
    made(grant_role(office, person_id=person.id, role=role, by=administrator))
    return str(person.id)


def _requester(
    office: Office, n: int, administrator: str, training: str, service: str, photograph: bytes
) -> Requester:
    person = _admitted(office, f"Requester {n}", Role.INVESTIGATOR, administrator)
    course = office.policies.attestation(AttestationKind.COURSE)
    now = office.clock()
    made(
        certify(
            office,
            person_id=person,
            course=course.course,
            course_version=course.version,
            completed_at=now - timedelta(days=30),
            expires=now + timedelta(days=365),
            by=training,
        )
    )
    for kind in AttestationKind:
        attest(office, kind=kind, by=person)
    accept_terms(office, service_id=service, by=person)
    case = made(
        open_case(
            office,
            number=f"2026-W{n:03d}",
            case_type="fraud",
            statutory_authority="18 U.S.C. 1343",
            program_code=synthetic.PROGRAM_CODE,
            by=person,
        )
    )
    record_step(
        office,
        case_id=case.id,
        kind="records-check",
        outcome="nothing-found",
        taken_at=now - timedelta(days=1),
        notes="register of cheques searched by account and by branch",
        by=person,
    )
    item = add_evidence(
        office,
        case_id=case.id,
        kind="footage",
        source_class="store-camera-still",
        lawful_basis="consent-of-owner",
        obtained_at=now - timedelta(days=2),
        by=person,
    )
    probe = collect_probe(
        office,
        evidence_id=item.id,
        photograph=photograph,
        collection=Collection(
            subject_role="suspect",
            depicts="person-sought",
            bases_of_collection=["observed-conduct"],
            captured_at=now - timedelta(days=3),
            from_live_feed=False,
        ),
        by=person,
    )
    assert isinstance(probe, Probe), probe
    return Requester(person, case.id, probe.id)
