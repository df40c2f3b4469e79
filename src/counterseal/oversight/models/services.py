"""Services, their tests, reviews and terms, and the program codes under which they are used."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class ServiceStatus(StrEnum):
    """Where the reviewing unit has got to with a service (HSI-M/4C1-approved, 4C3-disapproved)."""

    UNREVIEWED = "unreviewed"
    UNDER_REVIEW = "under-review"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved-with-conditions"
    DISAPPROVED = "disapproved"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


class Service(SealedRow):
    """A facial recognition service: an operator with its own images and algorithm (HSI-M/2-service).

    modes, case_types: what it may be used for (HSI-B/parameters). connector: the name under which the
    gateway reaches it. quality_floor: what it demands of a probe beyond the capture step's own floor.
    gallery_legality to breaches: the rest of the record; without them there is no approval. narrowed: what the
    conditions of an approval leave of `modes` and `case_types`; conditions: the others, in words.
    """

    prefix = "service"

    name = models.CharField(max_length=120, unique=True)
    operator = models.CharField(max_length=120)
    algorithm = models.CharField(max_length=120)
    version = models.CharField(max_length=80)
    gallery = models.CharField(max_length=300)
    contract = models.CharField(max_length=120, blank=True)
    connector = models.CharField(max_length=80)
    status = models.CharField(max_length=30, default=ServiceStatus.UNREVIEWED)
    approval_expires = models.DateTimeField()
    modes = models.JSONField(default=list)
    case_types = models.JSONField(default=list)
    quality_floor = models.JSONField(default=dict)
    terms_version = models.CharField(max_length=40)
    terms = models.TextField()
    gallery_legality = models.CharField(max_length=300, blank=True)
    probe_retention = models.CharField(max_length=300, blank=True)
    security = models.CharField(max_length=300, blank=True)
    breaches = models.CharField(max_length=300, blank=True)
    conditions = models.CharField(max_length=600, blank=True)
    narrowed = models.JSONField(default=dict)
    decided_by_id = models.CharField(max_length=48, blank=True)
    decided_at = models.DateTimeField(null=True)
    registered_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(s) for s in ServiceStatus]), name="service_status"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "approved-with-conditions"]) | ~Q(decided_by_id=""),
                name="approval_has_a_decider",
            ),
            models.CheckConstraint(
                condition=~Q(decided_by_id=F("registered_by_id")), name="service_decided_by_another"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "approved-with-conditions"])
                | ~(
                    Q(contract="")
                    | Q(terms="")
                    | Q(gallery_legality="")
                    | Q(probe_retention="")
                    | Q(security="")
                    | Q(breaches="")
                ),
                name="approval_of_a_whole_record",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved-with-conditions") | ~Q(conditions="") | ~Q(narrowed={}),
                name="conditions_are_stated",
            ),
        ]


class ProgramCode(SealedRow):
    """A program code and when it may be used (HSI-M/4E3-program-code)."""

    prefix = "program"

    code = models.CharField(max_length=40)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)


class ServiceTestPlan(SealedRow):
    """The plan of a test, frozen before its scores (D-026-11/testing). One that nobody concludes stays for all to see.

    use_id: the one use it is for, empty for every use in this mode. plan: vault object; sha256: of its canonical JSON.
    """

    prefix = "testplan"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="test_plans")
    version = models.CharField(max_length=80)
    mode = models.CharField(max_length=30)
    use_id = models.CharField(max_length=48, blank=True)
    plan = models.CharField(max_length=48)
    sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=20)
    planned_at = models.DateTimeField()
    planned_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["planned", "concluded"]), name="service_test_plan_status"
            ),
        ]


class ServiceTest(SealedRow):
    """What is known of the errors of one version of a service, and how (D-026-11/testing).

    kind: a code of `terms.testing.Kind`; outcome: passed, failed or not-shown. modes: which comparisons it is about.
    use_id: the one use it is for, empty for every use. plan: of a direct test, and of no other. report: where it
    stands; report_sha256: of the report, else of the result, empty where nobody gave one. result, verdict: vault
    objects. inputs: SHA-256 of what was measured. tested_at: when its run began, or its report was made.
    """

    prefix = "test"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="tests")
    version = models.CharField(max_length=80)
    modes = models.JSONField(default=list)
    use_id = models.CharField(max_length=48, blank=True)
    kind = models.CharField(max_length=20)
    outcome = models.CharField(max_length=20)
    plan = models.OneToOneField(ServiceTestPlan, on_delete=models.PROTECT, null=True, related_name="test")
    standard = models.CharField(max_length=120)
    made_by = models.CharField(max_length=120)
    report = models.CharField(max_length=200)
    report_sha256 = models.CharField(max_length=64, blank=True)
    result = models.CharField(max_length=48, blank=True)
    verdict = models.CharField(max_length=48, blank=True)
    inputs = models.JSONField(default=list)
    tested_at = models.DateTimeField()
    due = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["passed", "failed", "not-shown"]), name="service_test_outcome"
            ),
            models.CheckConstraint(
                condition=Q(kind="direct", plan__isnull=False)
                | Q(kind__in=["operational", "third-party"], plan=None),
                name="service_test_direct_by_plan",
            ),
        ]


class ReviewOutcome(StrEnum):
    """What a review that exigency opened may come to. Each moves the service."""

    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved-with-conditions"
    DISAPPROVED = "disapproved"
    SUSPENDED = "suspended"


class ServiceReview(SealedRow):
    """A review that a use in exigency opened; only an outcome closes it (HSI-M/4C3-after-review)."""

    prefix = "servicereview"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="reviews")
    because_of_request = models.CharField(max_length=48)
    status = models.CharField(max_length=20)
    opened_at = models.DateTimeField()
    due = models.DateTimeField()
    outcome = models.CharField(max_length=30, blank=True)
    decided_by_id = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", outcome="") | (Q(status="closed") & ~Q(outcome="")),
                name="review_closed_by_outcome",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", *map(str, ReviewOutcome)]), name="review_outcome_is_known"
            ),
        ]


class TermsAcceptance(SealedRow):
    """A person accepted one version of a service's terms (HSI-M/4C4-terms)."""

    prefix = "acceptance"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="acceptances")
    person_id = models.CharField(max_length=48)
    terms_version = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "person_id", "terms_version"], name="terms_accepted_once"
            ),
        ]


class AcquisitionReview(SealedRow):
    """What was looked at before a supplied service was taken (PS-139-06/acquisition).

    Of one version. acceptable: all three held up. registered_by_id: as the service says; somebody else reviews.
    words: vault object of the findings.
    """

    prefix = "acquisition"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="acquisitions")
    version = models.CharField(max_length=80)
    evidence = models.CharField(max_length=200)
    supplied_test = models.CharField(max_length=200)
    supplied_test_holds = models.BooleanField()
    contract_terms_hold = models.BooleanField()
    acceptable = models.BooleanField()
    words = models.CharField(max_length=48)
    reviewer_id = models.CharField(max_length=48)
    registered_by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(acceptable=False) | Q(supplied_test_holds=True, contract_terms_hold=True),
                name="acceptable_when_all_holds",
            ),
            models.CheckConstraint(
                condition=~Q(reviewer_id=F("registered_by_id")), name="acquisition_reviewed_by_another"
            ),
        ]


class TrialDeclaration(SealedRow):
    """Somebody says that a service is or was used beside the register: a trial, an account of one's own.

    found_by, how: codes of `declare_trial`. searches: how many, None where nobody knows. words: vault object of
    the rest. Only an outcome closes it.
    """

    prefix = "trial"

    tool = models.CharField(max_length=120)
    operator = models.CharField(max_length=120)
    unit = models.CharField(max_length=120)
    how = models.CharField(max_length=30)
    found_by = models.CharField(max_length=30)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    searches = models.IntegerField(null=True)
    words = models.CharField(max_length=48)
    status = models.CharField(max_length=20)
    outcome = models.CharField(max_length=30, blank=True)
    declared_by_id = models.CharField(max_length=48)
    declared_at = models.DateTimeField()
    closed_by_id = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", outcome="", closed_by_id="")
                | (Q(status="closed") & ~Q(outcome="") & ~Q(closed_by_id="")),
                name="trial_closed_by_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(closed_by_id=F("declared_by_id")), name="trial_closed_by_another"
            ),
        ]


class Reconciliation(SealedRow):
    """The operator's own log of a time held against the sealed intents of it. log: vault object of the file."""

    prefix = "reconciliation"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="reconciliations")
    since = models.DateTimeField()
    until = models.DateTimeField()
    log = models.CharField(max_length=48)
    paired = models.IntegerField()
    ours_only = models.IntegerField()
    theirs_only = models.IntegerField()
    doubled = models.IntegerField()
    malformed = models.IntegerField()
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()
