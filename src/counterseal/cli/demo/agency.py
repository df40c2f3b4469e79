"""A synthetic agency, for trying things out: staff in every role, one embedded service, one reviewed use.

Everybody here is made up, and so are the course, the approvals and the test: the records say so. An
installation made this way is marked as an evaluation.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from counterseal import bootstrap
from counterseal.gateway.admit_person import admit_person, grant_role
from counterseal.gateway.assess_use import record_risk, show_principle
from counterseal.gateway.certify import attest, certify
from counterseal.gateway.office import Office
from counterseal.gateway.propose_use import concur, propose_use
from counterseal.gateway.record_evidence import Evidence, record_evidence
from counterseal.gateway.register_service import (
    ServiceDescription,
    accept_terms,
    decide_on_service,
    record_program_code,
    register_service,
)
from counterseal.gateway.review_acquisition import Looked, review_acquisition
from counterseal.oversight.models import Service, ServiceStatus, Use
from counterseal.oversight.principles import PRINCIPLES
from counterseal.people.models import AttestationKind, Person, Role
from counterseal.terms.biometrics import Mode
from counterseal.terms.decisions import Refusal
from counterseal.terms.testing import Kind

RowT = TypeVar("RowT")

AGENCY = "Harbour County Investigations (synthetic)"
ORIGIN = "harbour-county.example/face-recognition"
PROGRAM_CODE = "FRS-2026"
CASE_TYPES = ("fraud", "theft", "robbery", "boarding")
EMBEDDED = "embedded"
USE = "Investigative leads"
LOOKED = Looked(
    evidence="synthetic record for evaluation",
    supplied_test="synthetic record for evaluation",
    supplied_test_holds=True,
    contract_terms_hold=True,
    words="made up: nothing was bought and nothing was looked at",
)

# Staff by the short name the commands accept, with what each may do.
STAFF: dict[str, tuple[str, str, tuple[Role, ...]]] = {
    "ines": ("Ines Investigator", "Fraud unit", (Role.INVESTIGATOR,)),
    "ivan": ("Ivan Investigator", "Theft unit", (Role.INVESTIGATOR,)),
    "untrained": ("Una Newcomer", "Fraud unit", (Role.INVESTIGATOR,)),
    "sol": ("Sol Supervisor", "Fraud unit", (Role.SUPERVISOR,)),
    "exa": ("Exa Examiner", "Face unit", (Role.EXAMINER,)),
    "rue": ("Rue Reviewing", "Service review", (Role.REVIEWING_UNIT,)),
    "reg": ("Reg Registrar", "Service review", (Role.REVIEWING_UNIT,)),
    "tess": ("Tess Training", "Training office", (Role.TRAINING_OFFICE,)),
    "pat": ("Pat Privacy", "Privacy Office", (Role.PRIVACY_OFFICE,)),
    "cora": ("Cora Civilrights", "Civil rights office", (Role.CIVIL_RIGHTS_OFFICE,)),
    "cio": ("Ciro Information", "Chief Information Officer", (Role.INFORMATION_OFFICE,)),
    "gail": ("Gail Gate", "Boarding gate 4", (Role.GATE_OPERATOR,)),
    "dis": ("Dis Disclosure", "Records", (Role.DISCLOSURE_OFFICER,)),
    "arc": ("Arc Archivist", "Records", (Role.RECORDS_OFFICE,)),
    "aud": ("Aud Auditor", "Professional responsibility", (Role.AUDITOR,)),
}
TRAINED = ("ines", "ivan", "exa")


@dataclass(frozen=True, slots=True)
class Agency:
    """What was founded: person ids by short name, the service, the use."""

    people: dict[str, str]
    service_id: str
    use_id: str


def found_agency(office: Office, administrator: str) -> Agency:
    """Fill a fresh installation with the synthetic agency. Every step goes through the verbs and is sealed."""
    people = {"admin": administrator}
    for short, (name, unit, roles) in STAFF.items():
        person = made(admit_person(office, name=name, unit=unit, by=administrator))
        people[short] = person.id
        for role in roles:
            made(grant_role(office, person_id=person.id, role=role, by=administrator))
    now = office.clock()
    year = timedelta(days=365)
    course = office.policies.attestation(AttestationKind.COURSE)
    for short in TRAINED:
        made(
            certify(
                office,
                person_id=people[short],
                course=course.course,
                course_version=course.version,
                completed_at=now - timedelta(days=30),
                expires=now + year,
                by=people["tess"],
            )
        )
    for short in TRAINED:
        for kind in AttestationKind:
            attest(office, kind=kind, by=people[short])
    record_program_code(
        office, code=PROGRAM_CODE, valid_from=now - year, valid_until=now + year, by=people["rue"]
    )
    service = add_service(office, people, name="Embedded engine", connector=EMBEDDED)
    bootstrap.connect_service(
        office,
        name=EMBEDDED,
        service_id=service.id,
        backend="embedded",
        # At distance 0.45, 2.0e-5 of comparisons between different people were wrong (docs: model card).
        config={"verification_threshold": 0.45, "enrolment_floor": "probe"},
    )
    use = made(
        propose_use(
            office,
            name=USE,
            purpose="Find possible leads to persons sought in assigned cases",
            law_enforcement=True,
            by=people["sol"],
        )
    )
    assess(office, use.id, people)
    for short, said_for in (("pat", "privacy"), ("cora", "civil-rights"), ("cio", "information-officer")):
        made(concur(office, use_id=use.id, as_office=said_for, concurs=True, by=people[short]))
    for short in (*TRAINED, "untrained"):
        accept_terms(office, service_id=service.id, by=people[short])
    return Agency(people, service.id, use.id)


def add_service(
    office: Office,
    people: dict[str, str],
    *,
    name: str,
    connector: str,
    status: ServiceStatus = ServiceStatus.APPROVED,
    tested: bool = True,
) -> Service:
    """Register a service, have it tested, and let the reviewing unit decide on it."""
    now = office.clock()
    service = made(
        register_service(
            office,
            description=ServiceDescription(
                name=name,
                operator=AGENCY,
                algorithm="see the model card",
                version="1",
                gallery="synthetic people",
                connector=connector,
                modes=[str(m) for m in Mode],
                case_types=CASE_TYPES,
                terms_version="2026-01",
                terms="Candidates are unconfirmed. No search of anybody but the person sought.",
                contract="none: synthetic",
                gallery_legality="nobody real is in it",
                probe_retention="nothing is kept",
                security="see the threat model",
                breaches="none known",
            ),
            by=people["reg"],
        )
    )
    if tested:
        made(
            record_evidence(
                office, service_id=service.id, evidence=supplied_test(service, at=now), by=people["rue"]
            )
        )
    if status != ServiceStatus.UNREVIEWED:
        made(review_acquisition(office, service_id=service.id, looked=LOOKED, by=people["rue"]))
        expires = now + timedelta(days=200) if status == ServiceStatus.APPROVED else None
        service = made(
            decide_on_service(
                office, service_id=service.id, status=status, approval_expires=expires, by=people["rue"]
            )
        )
    return service


def supplied_test(service: Service, *, at: datetime) -> Evidence:
    """Somebody else's report of the present version, made ten days ago: for an office where no test was made."""
    return Evidence(
        kind=Kind.THIRD_PARTY,
        standard="synthetic record for evaluation, no test was made",
        made_by="nobody: synthetic",
        report="none",
        version=service.version,
        modes=service.modes,
        passed=True,
        tested_at=at - timedelta(days=10),
        due=at + timedelta(days=365),
    )


def assess(office: Office, use_id: str, people: dict[str, str]) -> None:
    """Give a use what three offices must see before they concur: a risk, and evidence for the nine principles."""
    made(
        record_risk(
            office,
            use_id=use_id,
            risk="a candidate is taken for the person sought",
            mitigation="two blind reviews, and independent support before any action",
            owner=people["sol"],
            due=office.clock() + timedelta(days=180),
            by=people["sol"],
        )
    )
    for principle in PRINCIPLES:
        made(
            show_principle(
                office,
                use_id=use_id,
                principle=principle,
                evidence="synthetic record for evaluation",
                by=people["sol"],
            )
        )


def roster() -> Agency:
    """The agency of the evaluation installation that is open, read back from its records."""
    names = {name: short for short, (name, _, _) in STAFF.items()}
    people = {names[p.name]: p.id for p in Person.objects.all() if p.name in names}
    service = Service.objects.filter(connector=EMBEDDED).get()
    return Agency(people, service.id, Use.objects.get(name=USE).id)


def made(outcome: RowT | Refusal) -> RowT:
    """The row that a verb made; a refusal here is a fault of this program and stops it."""
    if isinstance(outcome, Refusal):
        raise RuntimeError(f"the synthetic agency could not be founded: {outcome.unmet}")  # noqa: TRY004
    return outcome
