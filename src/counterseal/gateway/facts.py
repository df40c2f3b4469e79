"""Gather what a policy may read, as plain values.

One function an action; each returns the JSON groups that `policies/schema.cedarschema` declares. Nothing is
decided here: these are counts, codes and instants as the records hold them at `at`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from counterseal.casework.evidence_graph import Standing
from counterseal.casework.models import (
    EnforcementAction,
    Probe,
    Review,
    SearchRequest,
)
from counterseal.casework.words import ActionKind, ApprovalKind, CaseStatus, ComparisonResult, LeadStatus
from counterseal.gateway.brought import instant_text as instant
from counterseal.gateway.collect_probe import meets_floor
from counterseal.gateway.office import Office
from counterseal.gateway.partners import Partner
from counterseal.gateway.records import Records
from counterseal.gateway.sessions import is_disowned
from counterseal.oversight.models import (
    AnalysisApproval,
    Concurrence,
    Service,
    ServiceTest,
    ServiceTestPlan,
    TermsAcceptance,
    Use,
    UseStatus,
    VerificationTerms,
)
from counterseal.oversight.standing_test import standing_test
from counterseal.people.models import (
    Attestation,
    AttestationKind,
    Certificate,
    ExaminerQualification,
    Person,
    roles_of,
)
from counterseal.terms.biometrics import Mode
from counterseal.terms.testing import Kind, Tested

Facts = dict[str, object]

# What stands for "never" where a fact is an instant: it has passed, so nothing rests on it.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# What stands where the conditions of a service say nothing: the longest list there is, and more than anybody makes.
LONGEST_LIST = 50
SEARCHES_A_DAY = 1_000_000


def person_facts(person_id: str) -> Facts:
    """The person who asks."""
    return {
        "id": person_id,
        "active": Person.objects.filter(pk=person_id, active=True).exists(),
        "roles": sorted(roles_of(person_id)),
    }


def search_facts(
    request: SearchRequest,
    service: Service,
    held: Records,
    *,
    test: Facts,
    partner: Partner | None,
    at: datetime,
) -> Facts:
    """Everything that decides whether this search may run at this instant.

    held, test (`facts_of_test`), partner: read at that instant.
    """
    facts: Facts = {
        "action": request.mode,
        "at": instant(at),
        "person": {"id": request.requester_id, "active": held.active, "roles": list(held.roles)},
        "service": service_facts(service, test, at=at),
        "use": {
            "id": request.use_id,
            "status": use_standing(
                held.use_status,
                held.use_conditions,
                mode=request.mode,
                case_type=request.case.type,
                service=request.service_id,
                at=at,
            ),
            "law_enforcement": held.use_law_enforcement,
            "concurrences": list(held.concurrences),
        },
        "certificate": {
            "course": held.course,
            "course_version": held.course_version,
            "expires": instant(held.course_expires or NEVER),
            "completion_attested": held.course_attested,
            "best_practice_version": held.best_practice_version,
            "safeguards_version": held.safeguards_version,
        },
        "case": {
            "id": request.case_id,
            "status": request.case.status,
            "assigned": held.assigned,
            "type": request.case.type,
            "statutory_authority": request.case.statutory_authority,
            "program_code": request.case.program_code,
            "program_code_in_force": held.program_code_in_force,
        },
        "program": {
            "id": request.case_id if request.case.program_established else "",
            # A program that was closed is established no more.
            "established": request.case.program_established and request.case.status == CaseStatus.OPEN,
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
        "prior_means": {"count": held.steps, "latest": instant(held.latest_step or NEVER)},
        "probe": _photograph(request.probe, service, edits=held.edits)
        | {
            "subject_role": request.probe.subject_role,
            "depicts": request.probe.depicts,
            "generated": request.probe.generated,
            "sketch": request.probe.sketch,
            "look_alike": request.probe.look_alike,
            "protected_event": request.probe.protected_event,
        },
        "witness": {
            "approved": ApprovalKind.WITNESS in held.approvers,
            "approver": held.approvers.get(ApprovalKind.WITNESS, ""),
            "methods_exhausted": request.witness_methods_exhausted,
        },
        "event": {
            "escalated": ApprovalKind.EVENT in held.approvers,
            "approver": held.approvers.get(ApprovalKind.EVENT, ""),
        },
        "exigency": {
            "claimed": request.exigency_claimed,
            "ground": request.exigency_ground,
            "facts_stated": bool(request.exigency_facts),
            "prior_approval": ApprovalKind.EXIGENT in held.approvers,
            "approver": held.approvers.get(ApprovalKind.EXIGENT, ""),
            "why_no_prior_approval": bool(request.exigency_why_no_prior_approval),
            "overdue": held.overdue,
        },
        "terms": {"accepted_version": held.accepted_terms},
        # This use counts itself: the numbers are what they would be after it.
        "volume": {
            "batch": 1,
            "person_today": held.by_person + 1,
            "case_faces": held.faces + 1,
            "gallery_today": held.by_gallery + 1,
            "list_asked": request.limit,
            "list_allowed": service.narrowed.get("longest_list", LONGEST_LIST),
            "service_allowed": service.narrowed.get("a_day", SEARCHES_A_DAY),
        },
    }
    facts["partner"] = _partner(partner, service_standing(service, at=at), at=at)
    if request.mode == Mode.VERIFICATION:
        facts["claim"] = {"reference": request.claimed_reference}
    if request.second_probe is not None:
        facts["second_photograph"] = _photograph(request.second_probe, service, edits=held.second_edits) | {
            "generated": request.second_probe.generated or request.second_probe.sketch
        }
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
            # A search that its person disowned leads nowhere, whoever marked the lead and when.
            "exists": action.lead.status != LeadStatus.CLOSED
            and not is_disowned(
                action.lead.entry_index, action.lead.candidate.candidate_list.request.intent_index
            ),
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


def _partner(partner: Partner | None, own_status: str, *, at: datetime) -> Facts:
    if partner is None:
        return {
            "agency": "",
            "authority": "",
            "citation": "",
            "valid_from": instant(at),
            "valid_until": instant(at),
            "reached_status": own_status,
            "bars_it": False,
        }
    return {
        "agency": partner.agency,
        "authority": partner.authority,
        "citation": partner.citation,
        "valid_from": instant(partner.valid_from),
        "valid_until": instant(partner.valid_until),
        "reached_status": service_standing(partner.reached, at=at),
        "bars_it": partner.bars_it,
    }


def service_standing(service: Service, *, at: datetime) -> str:
    """The service's standing at this instant: an approval that has run out is none."""
    expired = service.status in ("approved", "approved-with-conditions") and service.approval_expires <= at
    return "expired" if expired else service.status


def claim_facts(
    *,
    by: str,
    use: Use,
    terms: VerificationTerms,
    service: Service,
    test: Facts,
    reference: str,
    choice: Mapping[str, object],
    capture: Mapping[str, object],
    at: datetime,
) -> Facts:
    """What decides whether a claim may be verified outside law enforcement.

    choice: `who_may`, `told`, `declined`, `says_no_citizen`. capture: `done`, `liveness`.
    """
    return {
        "action": "verify-claim",
        "at": instant(at),
        "person": person_facts(by),
        "service": service_facts(service, test, at=at),
        "use": {
            "id": use.id,
            "status": use_standing(
                use.status,
                _conditions(use),
                mode=Mode.VERIFICATION,
                case_type=terms.setting,
                service=service.id,
                at=at,
            ),
            "law_enforcement": use.law_enforcement,
            "concurrences": _concurrences(use),
        },
        "claim": {"reference": reference, "setting": terms.setting},
        "choice": dict(choice),
        "alternative": {"stated": bool(terms.alternative.strip())},
        "face_capture": {**capture, "liveness_called_for": terms.liveness_called_for},
        "terms": {"accepted_version": _accepted_terms(service, by)},
    }


def analysis_facts(
    *, by: str, use: Use, service: Service, test: Facts, operation: str, case_type: str, at: datetime
) -> Facts:
    """What decides whether a face may be analysed. approved_by: the offices' word on age estimation for this use."""
    approved = list(
        AnalysisApproval.objects.filter(use=use).order_by("office").values_list("office", flat=True)
    )
    return {
        "action": "analysis",
        "at": instant(at),
        "person": person_facts(by),
        "service": service_facts(service, test, at=at),
        "use": {
            "id": use.id,
            "status": use_standing(
                use.status, _conditions(use), mode="analysis", case_type=case_type, service=service.id, at=at
            ),
            "concurrences": _concurrences(use),
        },
        "analysis": {
            "operation": operation,
            "approved_use": use.id if approved else "",
            "approved_by": approved,
            "case_type": case_type,
        },
        "terms": {"accepted_version": _accepted_terms(service, by)},
    }


def service_facts(service: Service, test: Facts, *, at: datetime) -> Facts:
    """A service and its test (`facts_of_test`)."""
    return {
        "id": service.id,
        "version": service.version,
        "status": service_standing(service, at=at),
        "approval_expires": instant(service.approval_expires),
        # What the conditions of the approval leave of them.
        "modes": sorted(service.narrowed.get("modes", service.modes)),
        "case_types": sorted(service.narrowed.get("case_types", service.case_types)),
        "terms_version": service.terms_version,
        "test": test,
    }


def facts_of_test(office: Office, service: Service, *, mode: str, use_id: str, at: datetime) -> Facts:
    """The test that this use of the service rests on, and how long the packs in force let it count."""
    tests = ServiceTest.objects.filter(service=service, use_id__in=["", use_id]).order_by(
        "tested_at", "entry_index"
    )
    found = standing_test(list(tests), version=service.version, mode=mode)
    if found is None:
        planned = ServiceTestPlan.objects.filter(service=service, status="planned").exists()
        return {
            "status": Tested.PLANNED if planned else Tested.NONE,
            "kind": "none",
            "version": "",
            "modes": [],
            "due": instant(NEVER),
            "report": "there is none",
        }
    counts_until = office.policies.counts_until(Kind(found.kind), found.tested_at, at)
    return {
        "status": found.outcome,
        "kind": found.kind,
        "version": found.version,
        "modes": sorted(found.modes),
        "due": instant(min(found.due, counts_until)),
        "report": f"{found.id} (sha256:{found.report_sha256})" if found.report_sha256 else found.id,
    }


def use_standing(
    status: str,
    conditions: Iterable[Mapping[str, object]],
    *,
    mode: str,
    case_type: str,
    service: str,
    at: datetime,
) -> str:
    """The standing of a use for this very act: active only within every condition that an office set.

    Else `outside-conditions` or `concurrence-ended`, which no policy takes for active.
    """
    if status != UseStatus.ACTIVE:
        return status
    asked = {"modes": mode, "case_types": case_type, "services": service}
    for condition in conditions:
        for name, allowed in condition.items():
            if name == "until":
                if str(allowed) <= instant(at):
                    return "concurrence-ended"
            elif not isinstance(allowed, list) or asked.get(name) not in allowed:
                return "outside-conditions"
    return status


def _concurrences(use: Use) -> list[str]:
    concurring = Concurrence.objects.filter(use=use, round=use.round, concurs=True)
    return list(concurring.order_by("office").values_list("office", flat=True))


def _conditions(use: Use) -> list[dict[str, object]]:
    concurring = Concurrence.objects.filter(use=use, round=use.round, concurs=True)
    return list(concurring.values_list("conditions", flat=True))


def _accepted_terms(service: Service, person_id: str) -> str:
    latest = TermsAcceptance.objects.filter(service=service, person_id=person_id).order_by("-at").first()
    return latest.terms_version if latest else ""


def _certificate(person_id: str) -> Facts:
    certificate = Certificate.objects.filter(person_id=person_id).order_by("-expires").first()
    attested = Attestation.objects.filter(person_id=person_id).order_by("at")
    latest = dict(attested.values_list("kind", "text_version"))
    return {
        "course": certificate.course if certificate else "",
        "course_version": certificate.course_version if certificate else "",
        "expires": instant(certificate.expires if certificate else NEVER),
        "completion_attested": certificate is not None
        and attested.filter(kind=AttestationKind.COURSE, text_version=certificate.course_version).exists(),
        "best_practice_version": latest.get(AttestationKind.BEST_PRACTICE, ""),
        "safeguards_version": latest.get(AttestationKind.SAFEGUARDS, ""),
    }


def _photograph(probe: Probe, service: Service, *, edits: int) -> Facts:
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
        "edits_recorded": edits >= probe.edits_declared,
    }
