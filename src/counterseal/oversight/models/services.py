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
        ]


class ProgramCode(SealedRow):
    """A program code and when it may be used (HSI-M/4E3-program-code)."""

    prefix = "program"

    code = models.CharField(max_length=40)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)


class ServiceTest(SealedRow):
    """A test of a service for differences between groups, and when the next is due (D-026-11/testing)."""

    prefix = "test"

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="tests")
    version = models.CharField(max_length=80)
    standard = models.CharField(max_length=120)
    report = models.CharField(max_length=200)
    passed = models.BooleanField()
    tested_at = models.DateTimeField()
    due = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)


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
