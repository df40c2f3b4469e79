"""What is shown of a row. Never a score, rank or foil mark of a candidate: those come out of the review alone."""

from datetime import UTC, datetime
from typing import Any

from counterseal.casework.evidence_graph import Standing
from counterseal.casework.models import (
    Case,
    CaseAssignment,
    Comparison,
    Disposition,
    EnforcementAction,
    EvidenceItem,
    EvidenceRelation,
    InvestigativeStep,
    Lead,
    Probe,
    Review,
    SearchRequest,
)
from counterseal.cli.outcome import Outcome, refused
from counterseal.oversight.models import (
    AcquisitionReview,
    AlternativeTaken,
    AnalysisApproval,
    ApiClient,
    Complaint,
    Concurrence,
    Disclosure,
    Finding,
    PartnerAgreement,
    PrincipleEvidence,
    ProgramCode,
    Reconciliation,
    Referral,
    SamplePeriod,
    Service,
    ServiceReview,
    ServiceTest,
    SupervisorReview,
    TermsAcceptance,
    TrialDeclaration,
    Use,
    UseRisk,
    VerificationTerms,
)
from counterseal.people.models import (
    Attestation,
    Certificate,
    ExaminerQualification,
    Person,
    RoleGrant,
    Session,
    SessionDisowned,
)
from counterseal.terms.decisions import Refusal
from counterseal.terms.rows import SealedRow

SHOWN: dict[type[SealedRow], tuple[str, ...]] = {
    Person: ("name", "unit", "active", "admitted_at"),
    RoleGrant: ("person_id", "role", "granted_by_id", "granted_at", "revoked_at"),
    Certificate: ("person_id", "course", "course_version", "completed_at", "expires"),
    Attestation: ("person_id", "kind", "text_version", "at"),
    Session: ("person_id", "factor", "terminal", "begun_at", "expires", "ended_at", "ended_because"),
    SessionDisowned: ("session_id", "stated_by_id", "at"),
    ExaminerQualification: ("person_id", "authority", "expires"),
    Case: ("number", "type", "status", "statutory_authority", "program_code", "opened_by_id", "opened_at"),
    CaseAssignment: ("case_id", "person_id", "assigned_by_id", "at"),
    InvestigativeStep: ("case_id", "kind", "outcome", "taken_at", "recorded_at"),
    EvidenceItem: ("case_id", "kind", "source_class", "lawful_basis", "obtained_at", "saw_offence"),
    EvidenceRelation: ("source", "relation", "target", "by_id", "at", "resolved_by_id"),
    Probe: (
        "case_id",
        "evidence_item_id",
        "media",
        "quality",
        "source_class",
        "lawful_basis",
        "bases_of_collection",
        "subject_role",
        "depicts",
        "captured_at",
        "from_live_feed",
        "generated",
        "sketch",
        "look_alike",
        "protected_event",
        "edits_declared",
        "collected_by_id",
        "collected_at",
    ),
    SearchRequest: (
        "case_id",
        "probe_id",
        "second_probe_id",
        "claimed_reference",
        "service_id",
        "use_id",
        "requester_id",
        "mode",
        "limit",
        "minimum",
        "purpose_code",
        "status",
        "exigency_claimed",
        "on_behalf_of",
        "requested_at",
        "submitted_at",
        "intent_index",
    ),
    Review: ("candidate_list_id", "turn", "status", "none_of_these", "opened_at", "locked_at"),
    Disposition: ("review_id", "candidate_id", "judgement", "at"),
    Comparison: ("candidate_id", "with_evidence_id", "with_step_id", "result", "by_id", "at"),
    Lead: ("case_id", "candidate_id", "status", "report", "marked_by_id", "marked_at"),
    EnforcementAction: (
        "case_id",
        "lead_id",
        "kind",
        "status",
        "location_check",
        "disclosure_text_included",
        "requested_by_id",
        "requested_at",
        "confirmed_by_id",
        "confirmed_at",
    ),
    Service: (
        "name",
        "status",
        "approval_expires",
        "modes",
        "case_types",
        "operator",
        "algorithm",
        "version",
        "gallery",
        "connector",
        "terms_version",
        "contract",
        "gallery_legality",
        "probe_retention",
        "security",
        "breaches",
        "conditions",
        "narrowed",
    ),
    AcquisitionReview: (
        "service_id",
        "version",
        "evidence",
        "supplied_test",
        "supplied_test_holds",
        "contract_terms_hold",
        "acceptable",
        "reviewer_id",
        "at",
    ),
    TrialDeclaration: (
        "tool",
        "operator",
        "unit",
        "how",
        "found_by",
        "since",
        "until",
        "searches",
        "status",
        "outcome",
        "declared_by_id",
        "declared_at",
    ),
    Reconciliation: (
        "service_id",
        "since",
        "until",
        "paired",
        "ours_only",
        "theirs_only",
        "doubled",
        "malformed",
        "by_id",
        "at",
    ),
    ServiceTest: ("service_id", "version", "standard", "report", "passed", "tested_at", "due"),
    ServiceReview: ("service_id", "because_of_request", "status", "opened_at", "due", "outcome"),
    TermsAcceptance: ("service_id", "person_id", "terms_version", "at"),
    Use: ("name", "purpose", "kind", "status", "round", "law_enforcement", "since", "proposed_by_id"),
    Concurrence: ("use_id", "round", "office", "concurs", "conditions", "person_id", "at"),
    UseRisk: ("use_id", "risk", "mitigation", "owner_id", "due", "status", "evidence"),
    PrincipleEvidence: ("use_id", "round", "principle", "evidence", "at"),
    ApiClient: ("name", "person_id", "scopes", "status", "registered_at", "ended_at"),
    AlternativeTaken: ("use_id", "after_entry", "seconds", "at"),
    AnalysisApproval: ("use_id", "office", "person_id", "at"),
    Complaint: ("use_id", "about", "at"),
    PartnerAgreement: ("agency", "kind", "citation", "valid_from", "valid_until", "bars"),
    VerificationTerms: (
        "use_id",
        "service_id",
        "setting",
        "alternative",
        "liveness_called_for",
        "destination",
        "keep_hours",
        "at",
    ),
    ProgramCode: ("code", "valid_from", "valid_until"),
    Finding: (
        "kind",
        "about",
        "says",
        "person_id",
        "entries",
        "opened_at",
        "status",
        "decided_by_id",
        "decided_at",
    ),
    Referral: (
        "finding_id",
        "referred_by_id",
        "referred_at",
        "due",
        "status",
        "outcome",
        "answered_by_id",
        "answered_at",
    ),
    SamplePeriod: (
        "since",
        "until",
        "after",
        "commitment",
        "status",
        "opened_index",
        "drawn_at",
        "drawn_index",
    ),
    SupervisorReview: ("request_id", "requester_id", "reviewer_id", "conclusion", "answers", "at"),
    Disclosure: (
        "about",
        "recipient",
        "authority_kind",
        "authority_citation",
        "authority_from",
        "authority_until",
        "contents",
        "by_id",
        "at",
    ),
}


def view(row: SealedRow) -> dict[str, Any]:
    """A row for `--json` and for a reader: its kind under its prefix, its fields, the entry that sealed it."""
    fields = {name.removesuffix("_id"): json_value(getattr(row, name)) for name in SHOWN[type(row)]}
    return {"id": row.id, **fields, "entry": row.entry_index}


def answered(row: SealedRow | Refusal, headline: str, then: str = "", **more: object) -> Outcome:
    """A verb's answer: the row that it made or changed, or its refusal. then: what to do next; `{id}` is the row's."""
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome({**view(row), **more}, headline=headline, then=(then.format(id=row.id),) if then else ())


def json_value(value: Any) -> Any:
    """A field's value in JSON: instants in UTC to the second."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def standing_view(standing: Standing) -> dict[str, Any]:
    """How the support of a lead was weighed, item by item."""
    return {
        "independent_for_offence": standing.independent_for_offence,
        "independent_total": standing.independent_total,
        "from_face_recognition": standing.from_face_recognition,
        "contradictions_open": standing.contradictions_open,
        "weighed": [{"item": w.node, "counts": w.counts, "why": w.why} for w in standing.weighed],
    }
