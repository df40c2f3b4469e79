"""Gather what a policy may read, as plain values.

One function an action; each returns the JSON groups that `policies/schema.cedarschema` declares. Nothing is
decided here: these are counts, codes and instants as the records hold them at `at`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from counterseal.casework.evidence_graph import Standing
from counterseal.casework.models import (
    Approval,
    Case,
    CaseAssignment,
    EnforcementAction,
    InvestigativeStep,
    Probe,
    Review,
    SearchRequest,
)
from counterseal.casework.words import ActionKind, ApprovalKind, ComparisonResult, LeadStatus
from counterseal.gateway.collect_probe import meets_floor
from counterseal.oversight.models import (
    Concurrence,
    Duty,
    ProgramCode,
    Service,
    ServiceTest,
    TermsAcceptance,
    Use,
)
from counterseal.people.models import (
    Attestation,
    AttestationKind,
    Certificate,
    ExaminerQualification,
    Person,
    roles_of,
)
from counterseal.terms.biometrics import Mode

Facts = dict[str, object]

# What stands for "never" where a fact is an instant: it has passed, so nothing rests on it.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as the facts carry instants."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def person_facts(person_id: str) -> Facts:
    """The person who asks."""
    return {
        "id": person_id,
        "active": Person.objects.filter(pk=person_id, active=True).exists(),
        "roles": sorted(roles_of(person_id)),
    }


def use_facts(use_id: str) -> Facts:
    """The use under which the search runs."""
    use = Use.objects.filter(pk=use_id).first()
    return {
        "id": use_id,
        "status": use.status if use else "unknown",
        "law_enforcement": bool(use and use.law_enforcement),
        "concurrences": sorted(
            Concurrence.objects.filter(use_id=use_id, concurs=True).values_list("office", flat=True)
        ),
    }


def search_facts(request: SearchRequest, *, at: datetime) -> Facts:
    """Everything that decides whether this search may run at this instant."""
    service = Service.objects.get(pk=request.service_id)
    approvals = {
        a.kind: a for a in request.approvals.filter(granted=True, payload_digest=request.payload_digest)
    }
    facts: Facts = {
        "action": request.mode,
        "at": instant(at),
        "person": person_facts(request.requester_id),
        "service": _service(service, at=at),
        "use": use_facts(request.use_id),
        "certificate": _certificate(request.requester_id),
        "case": _case(request.case, request.requester_id, at=at),
        "program": {
            "id": request.case_id if request.case.program_established else "",
            "established": request.case.program_established,
            "assessed": request.case.program_assessed,
        },
        "purpose": {
            "kind": "law-enforcement",
            "relevant": request.relevant,
            "necessary": request.necessary,
            "code": request.purpose_code,
            "narrative": {
                key: request.narrative_measures[key] for key in ("distinct_words", "stop_listed", "repeated")
            },
        },
        "prior_means": _prior_means(request.case, at=at),
        "probe": _probe(request.probe, service),
        "witness": _approval(approvals.get(ApprovalKind.WITNESS))
        | {"methods_exhausted": request.witness_methods_exhausted},
        "event": {
            "escalated": ApprovalKind.EVENT in approvals,
            "approver": approvals[ApprovalKind.EVENT].approver_id if ApprovalKind.EVENT in approvals else "",
        },
        "exigency": _exigency(request, approvals, at=at),
        "terms": {"accepted_version": _accepted_terms(service, request.requester_id)},
        "volume": _volume(request, at=at),
    }
    if request.mode == Mode.VERIFICATION:
        facts["claim"] = {"reference": request.claimed_reference}
    if request.second_probe is not None:
        facts["second_photograph"] = _second_photograph(
            request.second_probe, service, of_case=request.case_id
        )
    return facts


def disclosure_facts(
    *,
    by: str,
    record: str,
    case_id: str,
    recipient: str,
    authority: Mapping[str, object],
    contents: list[str],
    at: datetime,
) -> Facts:
    """What is to be handed out, to whom and on what authority. Our exports always carry the caveat."""
    return {
        "action": "disclosure",
        "at": instant(at),
        "person": person_facts(by),
        "record": {"id": record},
        "case": {"id": case_id},
        "disclosure": {"recipient": recipient, "contents": sorted(contents), "caveat_included": True},
        "authority": dict(authority),
    }


def clearance_facts(action: EnforcementAction, standing: Standing, *, by: str, at: datetime) -> Facts:
    """What an enforcement action rests on, as the evidence graph computes it.

    The request is its own action; once somebody stands as confirmer, the question is the confirmation.
    """
    return {
        "action": "clear-action" if action.confirmed_by_id else "request-clearance",
        "at": instant(at),
        "person": person_facts(by),
        "enforcement": {
            "id": action.id,
            "kind": "civil" if action.kind == ActionKind.CIVIL_ENFORCEMENT else "criminal",
        },
        "case": {"id": action.case_id},
        "lead": {
            "exists": action.lead.status != LeadStatus.CLOSED,
            "compared": action.lead.comparison.result == ComparisonResult.CONSISTENT,
            "noted_in_report": bool(action.lead.report),
        },
        "support": {
            "independent_for_offence": standing.independent_for_offence,
            "independent_total": standing.independent_total,
            "from_face_recognition": standing.from_face_recognition,
        },
        "clearance": {
            "requester": action.requested_by_id,
            "confirmer": action.confirmed_by_id,
            "contradictions_open": standing.contradictions_open,
            "location_check": action.location_check,
            "disclosure_text_included": action.disclosure_text_included,
        },
    }


def examination_facts(review: Review, *, candidate: str, conclusion: str, at: datetime) -> Facts:
    """Whether this reviewer may state this conclusion of this candidate."""
    qualification = (
        ExaminerQualification.objects.filter(person_id=review.reviewer_id).order_by("-expires").first()
    )
    return {
        "action": "conclude-examination",
        "at": instant(at),
        "person": person_facts(review.reviewer_id),
        "examination": {"id": candidate, "conclusion": conclusion},
        "case": {"id": review.candidate_list.request.case_id},
        "certificate": _certificate(review.reviewer_id),
        "qualification": {
            "trained": qualification is not None,
            "authorised": qualification is not None and bool(qualification.authority),
            "expires": instant(qualification.expires if qualification else NEVER),
        },
    }


def _service(service: Service, *, at: datetime) -> Facts:
    test = ServiceTest.objects.filter(service=service, version=service.version).order_by("-tested_at").first()
    if test is None:
        status, due = "none", NEVER
    else:
        status, due = ("passed" if test.passed else "failed"), test.due
    expired = service.status in ("approved", "approved-with-conditions") and service.approval_expires <= at
    return {
        "id": service.id,
        "status": "expired" if expired else service.status,
        "approval_expires": instant(service.approval_expires),
        "modes": sorted(service.modes),
        "case_types": sorted(service.case_types),
        "terms_version": service.terms_version,
        "test": {"status": status, "due": instant(due)},
    }


def _certificate(person_id: str) -> Facts:
    certificate = Certificate.objects.filter(person_id=person_id).order_by("-expires").first()
    latest = {
        kind: Attestation.objects.filter(person_id=person_id, kind=kind).order_by("-at").first()
        for kind in AttestationKind
    }

    def version(kind: AttestationKind) -> str:
        attestation = latest[kind]
        return attestation.text_version if attestation else ""

    return {
        "course": certificate.course if certificate else "",
        "course_version": certificate.course_version if certificate else "",
        "expires": instant(certificate.expires if certificate else NEVER),
        "completion_attested": certificate is not None
        and version(AttestationKind.COURSE) == certificate.course_version,
        "best_practice_version": version(AttestationKind.BEST_PRACTICE),
        "safeguards_version": version(AttestationKind.SAFEGUARDS),
    }


def _case(case: Case, person_id: str, *, at: datetime) -> Facts:
    return {
        "id": case.id,
        "status": case.status,
        "assigned": CaseAssignment.objects.filter(case=case, person_id=person_id).exists(),
        "type": case.type,
        "statutory_authority": case.statutory_authority,
        "program_code": case.program_code,
        "program_code_in_force": ProgramCode.objects.filter(
            code=case.program_code, valid_from__lte=at, valid_until__gt=at
        ).exists(),
    }


def _prior_means(case: Case, *, at: datetime) -> Facts:
    steps = InvestigativeStep.objects.filter(case=case, taken_at__lte=at, recorded_at__lte=at).order_by(
        "-taken_at"
    )
    latest = steps.first()
    return {"count": steps.count(), "latest": instant(latest.taken_at if latest else NEVER)}


def _probe(probe: Probe, service: Service) -> Facts:
    return _photograph(probe, service) | {
        "subject_role": probe.subject_role,
        "depicts": probe.depicts,
        "generated": probe.generated,
        "sketch": probe.sketch,
        "look_alike": probe.look_alike,
        "protected_event": probe.protected_event,
    }


def _second_photograph(probe: Probe, service: Service, *, of_case: str) -> Facts:
    facts = _photograph(probe, service) | {"generated": probe.generated or probe.sketch}
    if probe.case_id != of_case:
        facts["evidence_item"] = ""  # bound to another case: to this one it has no origin
    return facts


def _photograph(probe: Probe, service: Service) -> Facts:
    return {
        "id": probe.id,
        "media": probe.media,
        "faces": probe.faces,
        "quality_acceptable": meets_floor(probe, service),
        "evidence_item": probe.evidence_item_id,
        "source_class": probe.source_class,
        "lawful_basis": probe.lawful_basis,
        "bases_of_collection": sorted(set(probe.bases_of_collection)),
        "captured": instant(probe.captured_at),
        "from_live_feed": probe.from_live_feed,
        "edits_recorded": probe.edits.count() >= probe.edits_declared,
    }


def _approval(approval: Approval | None) -> Facts:
    return {"approved": approval is not None, "approver": approval.approver_id if approval else ""}


def _exigency(request: SearchRequest, approvals: Mapping[str, Approval], *, at: datetime) -> Facts:
    approval = approvals.get(ApprovalKind.EXIGENT)
    overdue = Duty.objects.filter(
        kind="exigent-approval", person_id=request.requester_id, closed_at=None, due__lt=at
    ).count()
    return {
        "claimed": request.exigency_claimed,
        "ground": request.exigency_ground,
        "facts_stated": bool(request.exigency_facts),
        "prior_approval": approval is not None,
        "approver": approval.approver_id if approval else "",
        "why_no_prior_approval": bool(request.exigency_why_no_prior_approval),
        "overdue": overdue,
    }


def _accepted_terms(service: Service, person_id: str) -> str:
    latest = TermsAcceptance.objects.filter(service=service, person_id=person_id).order_by("-at").first()
    return latest.terms_version if latest else ""


def _volume(request: SearchRequest, *, at: datetime) -> Facts:
    """This use counts itself: the numbers are what they would be after it."""
    day = at - timedelta(days=1)
    sealed = SearchRequest.objects.filter(intent_index__isnull=False)
    today = sealed.filter(submitted_at__gt=day)
    faces = set(sealed.filter(case=request.case).values_list("probe__fingerprint", flat=True))
    return {
        "batch": 1,
        "person_today": today.filter(requester_id=request.requester_id).count() + 1,
        "case_faces": len(faces | {request.probe.fingerprint}),
        "gallery_today": today.filter(Q(service_id=request.service_id)).count() + 1,
    }
