"""Register a service, decide on it, accept its terms, close a review that exigency opened.

An approval rests on a whole record (terms and contract, legality of the gallery, retention of probes, security,
breaches), a test of the present version, and an acquisition review of it by somebody else than its registrar. A
new version suspends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from counterseal.casework.models import SearchRequest
from counterseal.gateway.coding import coded
from counterseal.gateway.collect_probe import check_floor
from counterseal.gateway.found import found
from counterseal.gateway.moving import ALL, stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.oversight.models import (
    AcquisitionReview,
    Duty,
    ProgramCode,
    ReviewOutcome,
    Service,
    ServiceReview,
    ServiceStatus,
    ServiceTest,
    TermsAcceptance,
)
from counterseal.terms.biometrics import Mode
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

# An approval may cover age estimation (D-026-11/no-face-analysis); no service that is built does it.
MODES = {*map(str, Mode), "age-estimation"}
_MOVES = {
    ServiceStatus.UNDER_REVIEW: "take up a service's review",
    ServiceStatus.APPROVED: "approve a service",
    ServiceStatus.APPROVED_WITH_CONDITIONS: "approve a service with conditions",
    ServiceStatus.DISAPPROVED: "disapprove a service",
    ServiceStatus.SUSPENDED: "suspend a service",
}


# What the record of a service must say before it can be approved, and in which words it is asked for.
RECORD = {
    "contract": "the contract or agreement it is used under",
    "terms": "its terms",
    "gallery_legality": "on what lawful ground its images were gathered",
    "probe_retention": "what its operator keeps of a probe, and how long",
    "security": "how it is secured",
    "breaches": "its history of breaches, or that none is known",
}
_APPROVALS = (ServiceStatus.APPROVED, ServiceStatus.APPROVED_WITH_CONDITIONS)


@dataclass(frozen=True, slots=True)
class Conditions:
    """On what a service is approved. modes, case_types, longest_list, a_day: checked at each use, None for all.

    longest_list: candidates in a list. a_day: searches in a day. words: the others.
    """

    words: str = ""
    modes: Sequence[str] | None = None
    case_types: Sequence[str] | None = None
    longest_list: int | None = None
    a_day: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """What a service is: who runs it, what with, on whose images, under which terms."""

    name: str
    operator: str
    algorithm: str
    version: str
    gallery: str
    connector: str
    modes: Sequence[str]
    case_types: Sequence[str]
    terms_version: str
    terms: str
    contract: str = ""
    quality_floor: Mapping[str, float] = field(default_factory=dict)
    gallery_legality: str = ""
    probe_retention: str = ""
    security: str = ""
    breaches: str = ""


def register_service(office: Office, *, description: ServiceDescription, by: str) -> Service | Refusal:
    """Put a service on the register, unreviewed."""
    for said in ("name", "operator", "algorithm", "version", "gallery", "terms_version"):
        if not str(getattr(description, said)).strip():
            raise BadInputError(f"a service states its {said.replace('_', ' ')}")
    if unknown := set(description.modes) - MODES:
        raise BadInputError(
            f"there is no mode {', '.join(sorted(unknown))}; the modes are {', '.join(sorted(MODES))}"
        )
    check_floor(description.quality_floor)
    with change(office) as now:
        service_id = office.new_id(Service)
        if refusal := stands_against(now, "register a service", by=by, target=service_id):
            return refusal
        service = Service(
            id=service_id,
            name=description.name,
            operator=description.operator,
            algorithm=description.algorithm,
            version=description.version,
            gallery=description.gallery,
            contract=description.contract,
            connector=description.connector,
            status=ServiceStatus.UNREVIEWED,
            approval_expires=now.at,
            modes=sorted(description.modes),
            case_types=sorted(description.case_types),
            quality_floor=dict(description.quality_floor),
            terms_version=description.terms_version,
            terms=description.terms,
            gallery_legality=description.gallery_legality,
            probe_retention=description.probe_retention,
            security=description.security,
            breaches=description.breaches,
            registered_by_id=by,
        )
        now.seal(
            "service.registered",
            by=by,
            action="register a service",
            target=service.id,
            outcome="done",
            clauses=["HSI-M/2-service"],
            public={
                "service": service.id,
                "name": coded(service.name),
                "operator": coded(service.operator),
                "algorithm": coded(service.algorithm),
                "version": coded(service.version),
                "contract": coded(service.contract),
            },
            rows=[service],
        )
        return service


def complete_record(
    office: Office, *, service_id: str, stated: Mapping[str, str], by: str
) -> Service | Refusal:
    """State what the record of a service lacks, by the names of `RECORD`. An approved service is taken up first."""
    if unknown := set(stated) - set(RECORD):
        raise BadInputError(f"a record has no {', '.join(sorted(unknown))}; it has {', '.join(RECORD)}")
    if not stated or not all(said.strip() for said in stated.values()):
        raise BadInputError("say what the record is to state; nothing may be empty")
    with change(office) as now:
        service = found(Service, service_id)
        move = "complete a service's record"
        if refusal := stands_against(now, move, by=by, target=service_id, state=service.status):
            return refusal
        for name, said in stated.items():
            setattr(service, name, said)
        now.seal(
            "service.completed",
            by=by,
            action=move,
            target=service.id,
            outcome="done",
            clauses=["HSI-M/2-service"],
            public={"service": service.id},
            rows=[service],
        )
        return service


def report_version(office: Office, *, service_id: str, version: str, by: str) -> Service | Refusal:
    """Record that a service runs another version. What was approved was the old one: an approval is suspended.

    Tests and acquisition reviews are of one version, so both are due anew.
    """
    if not version.strip():
        raise BadInputError("say which version it is now")
    with change(office) as now:
        service = found(Service, service_id)
        move = "report a new version"
        if refusal := stands_against(now, move, by=by, target=service_id, state=service.status):
            return refusal
        if version == service.version:
            raise BadInputError(f"`{version}` is the version on the register already")
        service.version = version
        if service.status in _APPROVALS:
            service.status = ServiceStatus.SUSPENDED
        now.seal(
            "service.version-changed",
            by=by,
            action=move,
            target=service.id,
            outcome=service.status,
            clauses=["D-026-11/testing"],
            public={"service": service.id, "version": coded(version)},
            rows=[service],
        )
        return service


def decide_on_service(
    office: Office,
    *,
    service_id: str,
    status: str,
    by: str,
    approval_expires: datetime | None = None,
    conditions: Conditions | None = None,
) -> Service | Refusal:
    """Change a service's standing; it takes effect at the next submission.

    An approval needs the day it ends, and conditions where it is one with conditions. It is refused with a list
    of what the record lacks.
    """
    if status not in _MOVES:
        raise BadInputError(f"a service is put to {', '.join(_MOVES)}, not `{status}`")
    with change(office) as now:
        service = found(Service, service_id)
        if refusal := _move(now, service, status, by, approval_expires, conditions):
            return refusal
        now.seal(
            "service.decided",
            by=by,
            action=_MOVES[ServiceStatus(status)],
            target=service.id,
            outcome=status,
            clauses=[ALL[_MOVES[ServiceStatus(status)]].clause],
            public={"service": service.id},
            rows=[service],
        )
        return service


def _move(
    now: Change,
    service: Service,
    status: str,
    by: str,
    approval_expires: datetime | None,
    conditions: Conditions | None,
) -> Refusal | None:
    """Put the service, unsaved, to this status; or the refusal, sealed."""
    move = _MOVES[ServiceStatus(status)]
    people = {"registered_by_id": service.registered_by_id}
    if refusal := stands_against(now, move, by=by, target=service.id, state=service.status, people=people):
        return refusal
    if status in _APPROVALS:
        if approval_expires is None or approval_expires <= now.at:
            raise BadInputError("an approval ends on a day in the future; give it")
        said = conditions or Conditions()
        narrowed = _narrowed(service, said)
        if (status == ServiceStatus.APPROVED_WITH_CONDITIONS) != bool(narrowed or said.words.strip()):
            raise BadInputError(
                "an approval with conditions states them, and one without has none; give the status that fits"
            )
        if unmet := missing_for_approval(service):
            return now.refuse("service.refused", now.unmet(unmet), by=by, action=move, target=service.id)
        service.approval_expires = approval_expires
        service.conditions, service.narrowed = said.words.strip(), narrowed
    service.status, service.decided_at = status, now.at
    if service.registered_by_id != by:
        service.decided_by_id = by
    return None


def _narrowed(service: Service, said: Conditions) -> dict[str, list[str] | int]:
    narrowed: dict[str, list[str] | int] = {}
    for name, most in (("longest_list", said.longest_list), ("a_day", said.a_day)):
        if most is None:
            continue
        if most < 1:
            raise BadInputError(f"a condition on {name.replace('_', ' ')} leaves at least one")
        narrowed[name] = most
    for name, allowed in (("modes", said.modes), ("case_types", said.case_types)):
        if allowed is None:
            continue
        if not allowed or set(allowed) - set(getattr(service, name)):
            raise BadInputError(
                f"a condition on {name.replace('_', ' ')} leaves some of what the service is registered for: "
                f"{', '.join(getattr(service, name))}"
            )
        narrowed[name] = sorted(set(allowed))
    return narrowed


def missing_for_approval(service: Service) -> list[Unmet]:
    """Everything that the record of a service lacks for an approval of its present version, in plain words."""
    unmet = [
        Unmet(
            "HSI-M/4C1-approved",
            f"the record does not state {words}",
            f"complete it (`counterseal service complete`, {name})",
        )
        for name, words in RECORD.items()
        if not str(getattr(service, name)).strip()
    ]
    if not ServiceTest.objects.filter(service=service, version=service.version).exists():
        unmet.append(
            Unmet(
                "D-026-11/testing",
                f"no test of version {service.version} is recorded",
                "have it tested (`counterseal evaluate plan`), or record a test there is (`counterseal service test`)",
            )
        )
    reviewed = (
        AcquisitionReview.objects.filter(service=service, version=service.version).order_by("-at").first()
    )
    if reviewed is None or not reviewed.acceptable:
        unmet.append(
            Unmet(
                "PS-139-06/acquisition",
                f"no acquisition review found version {service.version} acceptable"
                if reviewed is None
                else f"the latest acquisition review of version {service.version} did not find it acceptable",
                "somebody other than its registrar reviews it (`counterseal service acquire`)",
            )
        )
    return unmet


def accept_terms(office: Office, *, service_id: str, by: str) -> TermsAcceptance:
    """Accept the service's terms in their present version, for oneself (HSI-M/4C4-terms)."""
    with change(office) as now:
        office.acting(by)
        service = found(Service, service_id)
        acceptance = TermsAcceptance(
            id=office.new_id(TermsAcceptance),
            service=service,
            person_id=by,
            terms_version=service.terms_version,
            at=now.at,
        )
        now.seal(
            "terms.accepted",
            by=by,
            action="accept terms",
            target=service.id,
            outcome="done",
            clauses=["HSI-M/4C4-terms"],
            rows=[acceptance],
        )
        return acceptance


def close_service_review(
    office: Office,
    *,
    review_id: str,
    outcome: str,
    by: str,
    approval_expires: datetime | None = None,
    conditions: Conditions | None = None,
) -> ServiceReview | Refusal:
    """Close a review that a use in exigency opened. Only an outcome closes it (HSI-M/4C3-after-review).

    Never the person whose use opened it. The outcome moves the service: what `decide_on_service` asks of a
    decision is asked here too.
    """
    if outcome not in set(ReviewOutcome):
        raise BadInputError(f"a review closes with an outcome: {', '.join(ReviewOutcome)}; not `{outcome}`")
    with change(office) as now:
        review = found(ServiceReview, review_id)
        move = "close a service review"
        requester = SearchRequest.objects.get(pk=review.because_of_request).requester_id
        refusal = stands_against(
            now,
            move,
            by=by,
            target=review_id,
            state=review.status,
            people={"requester_id": requester},
        )
        if refusal:
            return refusal
        service = found(Service, review.service_id)
        if refusal := _move(now, service, outcome, by, approval_expires, conditions):
            return refusal
        review.status, review.outcome, review.decided_by_id = "closed", outcome, by
        duties = list(
            Duty.objects.filter(kind="service-review", about=review.because_of_request, closed_at=None)
        )
        for duty in duties:
            duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "service.review-closed",
            by=by,
            action=move,
            target=review.service_id,
            outcome=outcome,
            clauses=["HSI-M/4C3-after-review"],
            public={"service": service.id},
            rows=[review, service, *duties],
        )
        return review


def record_program_code(
    office: Office, *, code: str, valid_from: datetime, valid_until: datetime, by: str
) -> ProgramCode | Refusal:
    """Put a program code into force for a time (HSI-M/4E3-program-code)."""
    if not code.strip() or valid_until <= valid_from:
        raise BadInputError("a program code has a name and ends after it begins")
    with change(office) as now:
        row_id = office.new_id(ProgramCode)
        if refusal := stands_against(now, "record a program code", by=by, target=row_id):
            return refusal
        row = ProgramCode(
            id=row_id,
            code=code,
            valid_from=valid_from,
            valid_until=valid_until,
            recorded_by_id=by,
        )
        now.seal(
            "program.recorded",
            by=by,
            action="record a program code",
            target=row.id,
            outcome="done",
            clauses=["HSI-M/4E3-program-code"],
            rows=[row],
        )
        return row
