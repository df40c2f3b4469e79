"""The file of one investigation: cases, evidence, probes, requests, candidates, leads, actions.

Every row is sealed together with the log entry of the act that made or changed it. Prose, photographs and
names are not here: they lie in the vault, and rows hold the vault's object ids.
There is no state called identified, and no column for a protected attribute of a person.
"""

from django.db import models
from django.db.models import F, Q

from counterseal.casework.words import (
    ActionKind,
    ActionStatus,
    ApprovalKind,
    CaseStatus,
    Judgement,
    LeadStatus,
    NodeKind,
    Relation,
    RequestStatus,
    ReviewStatus,
)
from counterseal.terms.biometrics import Mode
from counterseal.terms.rows import SealedRow

VAULT_ID = 48


class Case(SealedRow):
    """An investigation, or an established program that was assessed (HSI-M/4A1-purpose)."""

    prefix = "case"

    number = models.CharField(max_length=80, unique=True)
    type = models.CharField(max_length=60)
    statutory_authority = models.CharField(max_length=120)
    program_code = models.CharField(max_length=40)
    program_established = models.BooleanField(default=False)
    program_assessed = models.BooleanField(default=False)
    status = models.CharField(max_length=20, default=CaseStatus.OPEN)
    opened_by_id = models.CharField(max_length=48)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=[str(s) for s in CaseStatus]), name="case_status"),
        ]


class CaseAssignment(SealedRow):
    """Somebody works on a case."""

    prefix = "assignment"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="assignments")
    person_id = models.CharField(max_length=48)
    assigned_by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "person_id"], name="assigned_once"),
        ]


class InvestigativeStep(SealedRow):
    """A traditional means that was tried, with its outcome (HSI-M/4A2-traditional-means)."""

    prefix = "step"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=60)
    outcome = models.CharField(max_length=60)
    taken_at = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)
    recorded_at = models.DateTimeField()
    notes = models.CharField(max_length=VAULT_ID, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(taken_at__lte=F("recorded_at")), name="step_taken_before_recorded"
            ),
            models.CheckConstraint(condition=~Q(outcome=""), name="step_has_outcome"),
        ]


class EvidenceItem(SealedRow):
    """Something that the case holds: footage, a statement, a record. Its content lies in the vault.

    kind: see `words.NodeKind`. saw_offence: for what a witness says, whether that witness saw the offence.
    """

    prefix = "evidence"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=40)
    source_class = models.CharField(max_length=60)
    lawful_basis = models.CharField(max_length=60)
    obtained_at = models.DateTimeField()
    saw_offence = models.BooleanField(null=True)
    content = models.CharField(max_length=VAULT_ID, blank=True)
    added_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=[str(k) for k in NodeKind]), name="evidence_kind"),
        ]


class Probe(SealedRow):
    """One still with one face, bound to an evidence item of its case (HSI-M/2-probe).

    original, sent: vault ids of the file as it came, and of the crop without metadata that services get.
    fingerprint: keyed hash of the original, to notice the same photograph again; not the photograph's hash.
    """

    prefix = "probe"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="probes")
    evidence_item = models.ForeignKey(EvidenceItem, on_delete=models.PROTECT, related_name="probes")
    original = models.CharField(max_length=VAULT_ID)
    sent = models.CharField(max_length=VAULT_ID)
    fingerprint = models.CharField(max_length=64, db_index=True)
    media = models.CharField(max_length=20)
    faces = models.IntegerField()
    quality = models.JSONField(default=dict)
    source_class = models.CharField(max_length=60)
    lawful_basis = models.CharField(max_length=60)
    bases_of_collection = models.JSONField(default=list)
    subject_role = models.CharField(max_length=40)
    depicts = models.CharField(max_length=40)
    captured_at = models.DateTimeField()
    from_live_feed = models.BooleanField()
    generated = models.BooleanField()
    sketch = models.BooleanField()
    look_alike = models.BooleanField()
    protected_event = models.BooleanField()
    edits_declared = models.IntegerField(default=0)
    collected_by_id = models.CharField(max_length=48)
    collected_at = models.DateTimeField()


class ProbeEdit(SealedRow):
    """One edit of a probe, kept with what it was before and after (R13)."""

    prefix = "edit"

    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="edits")
    number = models.IntegerField()
    kind = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    before = models.CharField(max_length=VAULT_ID)
    after = models.CharField(max_length=VAULT_ID)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["probe", "number"], name="edit_numbered_once"),
        ]


class SearchRequest(SealedRow):
    """One request for one use of one service. What it asks is frozen: approvals name `payload_digest`.

    limit: longest candidate list asked for, 1 to 50. claimed_reference: for a verification.
    second_probe: for a comparison of two photographs. why_again: the reason where this photograph was
    searched before (R12). on_behalf_of: id of the agreement under which another agency asked; empty for our own.
    """

    prefix = "request"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="requests")
    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="requests")
    second_probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="+", null=True)
    claimed_reference = models.CharField(max_length=64, blank=True)
    service_id = models.CharField(max_length=48)
    use_id = models.CharField(max_length=48)
    requester_id = models.CharField(max_length=48)
    mode = models.CharField(max_length=20)
    limit = models.IntegerField()
    minimum = models.FloatField(null=True)
    purpose_code = models.CharField(max_length=60)
    relevant = models.BooleanField()
    necessary = models.BooleanField()
    narrative = models.CharField(max_length=VAULT_ID)
    narrative_measures = models.JSONField(default=dict)
    witness_methods_exhausted = models.BooleanField(default=False)
    exigency_claimed = models.BooleanField(default=False)
    exigency_ground = models.CharField(max_length=60, blank=True)
    exigency_facts = models.CharField(max_length=VAULT_ID, blank=True)
    exigency_why_no_prior_approval = models.CharField(max_length=VAULT_ID, blank=True)
    why_again = models.CharField(max_length=VAULT_ID, blank=True)
    on_behalf_of = models.CharField(max_length=48, blank=True)
    payload_digest = models.CharField(max_length=64)
    status = models.CharField(max_length=20, default=RequestStatus.REQUESTED)
    requested_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, db_index=True)
    intent_index = models.BigIntegerField(null=True, unique=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(s) for s in RequestStatus]), name="request_status"
            ),
            models.CheckConstraint(condition=Q(mode__in=[str(m) for m in Mode]), name="request_mode"),
            models.CheckConstraint(condition=Q(limit__gte=1, limit__lte=50), name="request_limit"),
            models.CheckConstraint(
                condition=~Q(status__in=["submitted", "answered", "failed"]) | Q(intent_index__isnull=False),
                name="no_submission_without_intent",
            ),
        ]


class Approval(SealedRow):
    """A second person's yes or no to exactly one payload of one request (HSI-M/4B2, 4C3-exigent-approval)."""

    prefix = "approval"

    request = models.ForeignKey(SearchRequest, on_delete=models.PROTECT, related_name="approvals")
    kind = models.CharField(max_length=20)
    approver_id = models.CharField(max_length=48)
    requester_id = models.CharField(max_length=48)
    payload_digest = models.CharField(max_length=64)
    granted = models.BooleanField()
    words = models.CharField(max_length=VAULT_ID)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[str(k) for k in ApprovalKind]), name="approval_kind"
            ),
            models.CheckConstraint(condition=~Q(approver_id=F("requester_id")), name="approved_by_another"),
            models.UniqueConstraint(fields=["request", "kind"], name="approved_once"),
        ]


class CandidateListRow(SealedRow):
    """The answer of one use of one service, kept whole for review and discovery.

    searched: references compared. comparison: for one-to-one uses the score, threshold and decision.
    """

    prefix = "list"

    request = models.OneToOneField(SearchRequest, on_delete=models.PROTECT, related_name="candidate_list")
    engine_id = models.CharField(max_length=120)
    searched = models.BigIntegerField()
    limit = models.IntegerField()
    operating_point = models.CharField(max_length=80, blank=True)
    comparison = models.JSONField(default=dict)
    at = models.DateTimeField()


class CandidateRow(SealedRow):
    """One candidate. Unconfirmed, whatever the rank. `photograph` is a vault id."""

    prefix = "candidate"

    candidate_list = models.ForeignKey(CandidateListRow, on_delete=models.PROTECT, related_name="candidates")
    rank = models.IntegerField(null=True)
    reference_id = models.CharField(max_length=64)
    person_ref = models.CharField(max_length=64)
    score = models.FloatField(null=True)
    score_kind = models.CharField(max_length=20)
    reference_captured_on = models.DateField(null=True)
    photograph = models.CharField(max_length=VAULT_ID)
    foil = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["candidate_list", "reference_id"], name="candidate_once"),
            models.UniqueConstraint(
                fields=["candidate_list", "rank"], condition=Q(rank__isnull=False), name="rank_once"
            ),
            models.CheckConstraint(
                condition=Q(foil=True, rank=None, score=None) | Q(foil=False, rank__gte=1),
                name="foil_has_no_rank",
            ),
        ]


class Review(SealedRow):
    """One reviewer's blind pass over a candidate list. `turn` 1 sees all candidates, 2 the chosen ones and foils.

    order: candidate ids in the order shown, drawn at random for this review.
    """

    prefix = "review"

    candidate_list = models.ForeignKey(CandidateListRow, on_delete=models.PROTECT, related_name="reviews")
    turn = models.IntegerField()
    reviewer_id = models.CharField(max_length=48)
    order = models.JSONField(default=list)
    status = models.CharField(max_length=20, default=ReviewStatus.OPEN)
    none_of_these = models.BooleanField(null=True)
    opened_at = models.DateTimeField()
    locked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(turn__in=[1, 2]), name="review_turn"),
            models.UniqueConstraint(fields=["candidate_list", "turn"], name="review_turn_once"),
            models.UniqueConstraint(
                fields=["candidate_list", "reviewer_id"], name="two_reviewers_are_two_people"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[str(s) for s in ReviewStatus]), name="review_status"
            ),
            models.CheckConstraint(
                condition=Q(status="open", locked_at=None) | Q(status="locked", locked_at__isnull=False),
                name="locked_has_instant",
            ),
        ]


class Disposition(SealedRow):
    """What one reviewer judged of one candidate, before any score, rank or name was seen."""

    prefix = "disposition"

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="dispositions")
    candidate = models.ForeignKey(CandidateRow, on_delete=models.PROTECT, related_name="dispositions")
    judgement = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "candidate"], name="disposed_once"),
            models.CheckConstraint(
                condition=Q(judgement__in=[str(j) for j in Judgement]), name="judgement_known"
            ),
        ]


class Comparison(SealedRow):
    """A candidate held against information from traditional means (HSI-M/4D2-compare)."""

    prefix = "comparison"

    candidate = models.ForeignKey(CandidateRow, on_delete=models.PROTECT, related_name="comparisons")
    with_evidence = models.ForeignKey(EvidenceItem, on_delete=models.PROTECT, related_name="+", null=True)
    with_step = models.ForeignKey(InvestigativeStep, on_delete=models.PROTECT, related_name="+", null=True)
    result = models.CharField(max_length=20)
    notes = models.CharField(max_length=VAULT_ID)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(with_evidence__isnull=False, with_step=None)
                | Q(with_evidence=None, with_step__isnull=False),
                name="compared_with_one_thing",
            ),
        ]


class Lead(SealedRow):
    """A possible lead: a candidate that two reviewers kept and that was compared. Nothing more."""

    prefix = "lead"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="leads")
    candidate = models.OneToOneField(CandidateRow, on_delete=models.PROTECT, related_name="lead")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="leads")
    first_reviewer_id = models.CharField(max_length=48)
    second_reviewer_id = models.CharField(max_length=48)
    status = models.CharField(max_length=20, default=LeadStatus.POSSIBLE_LEAD)
    report = models.CharField(max_length=80, blank=True)
    marked_by_id = models.CharField(max_length=48)
    marked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=[str(s) for s in LeadStatus]), name="lead_status"),
            models.CheckConstraint(
                condition=~Q(first_reviewer_id=F("second_reviewer_id")), name="lead_two_reviewers"
            ),
        ]


class EvidenceRelation(SealedRow):
    """An edge of the evidence graph: `source` stands in `relation` to `target` (ids of any rows of the case).

    A `contradicts` edge is open until a second person resolves it with reasons.
    """

    prefix = "relation"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="relations")
    source = models.CharField(max_length=48)
    relation = models.CharField(max_length=30)
    target = models.CharField(max_length=48)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()
    resolved_by_id = models.CharField(max_length=48, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=VAULT_ID, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(relation__in=[str(r) for r in Relation]), name="relation_known"
            ),
            models.CheckConstraint(condition=~Q(source=F("target")), name="relation_between_two"),
            models.CheckConstraint(condition=~Q(resolved_by_id=F("by_id")), name="resolved_by_another"),
            models.UniqueConstraint(fields=["source", "relation", "target"], name="relation_once"),
        ]


class EnforcementAction(SealedRow):
    """An arrest, warrant, citation or other act against a person. It clears only on independent support."""

    prefix = "action"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="actions")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=30)
    status = models.CharField(max_length=40)
    location_check = models.CharField(max_length=20)
    disclosure_text_included = models.BooleanField()
    requested_by_id = models.CharField(max_length=48)
    requested_at = models.DateTimeField()
    confirmed_by_id = models.CharField(max_length=48, blank=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=[str(k) for k in ActionKind]), name="action_kind"),
            models.CheckConstraint(
                condition=Q(status__in=[str(s) for s in ActionStatus]), name="action_status"
            ),
            models.CheckConstraint(
                condition=~Q(requested_by_id=F("confirmed_by_id")), name="confirmed_by_another"
            ),
            models.CheckConstraint(
                condition=~Q(status="cleared") | (~Q(confirmed_by_id="") & Q(confirmed_at__isnull=False)),
                name="cleared_is_confirmed",
            ),
        ]
