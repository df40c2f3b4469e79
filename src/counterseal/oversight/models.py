"""Services, uses, duties, findings and disclosures; and the rows of the log and the vault.

The log's own tables take inserts only; the database refuses to change or delete them (`guards`).
"""

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


class UseStatus(StrEnum):
    """Whether three offices have concurred in a use, and whether it was suspended since."""

    UNDER_REVIEW = "under-review"
    ACTIVE = "active"
    SUSPENDED = "suspended"


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


class Use(SealedRow):
    """A use of face recognition that three offices review before it becomes active (D-026-11/oversight)."""

    prefix = "use"

    name = models.CharField(max_length=120, unique=True)
    purpose = models.CharField(max_length=300)
    law_enforcement = models.BooleanField()
    analysis_approved = models.JSONField(default=list)
    status = models.CharField(max_length=20, default=UseStatus.UNDER_REVIEW)
    proposed_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=[str(s) for s in UseStatus]), name="use_status"),
        ]


class Concurrence(SealedRow):
    """One office's recorded word on a use. Three offices, three persons, none of them the proposer."""

    prefix = "concurrence"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="concurrences")
    office = models.CharField(max_length=40)
    person_id = models.CharField(max_length=48)
    proposer_id = models.CharField(max_length=48)
    concurs = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(office__in=["privacy", "civil-rights", "information-officer"]),
                name="concurrence_office",
            ),
            models.UniqueConstraint(fields=["use", "office"], name="office_once"),
            models.UniqueConstraint(fields=["use", "person_id"], name="three_distinct_persons"),
            models.CheckConstraint(condition=~Q(person_id=F("proposer_id")), name="concurred_by_another"),
        ]


class Duty(SealedRow):
    """An obligation that a permit opened: what, who, until when. Lateness is a fact that policy reads."""

    prefix = "duty"

    kind = models.CharField(max_length=60)
    clause = models.CharField(max_length=80)
    about = models.CharField(max_length=48)
    person_id = models.CharField(max_length=48)
    owner = models.CharField(max_length=40)
    opened_at = models.DateTimeField()
    due = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by_id = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "about"], name="duty_once"),
            models.CheckConstraint(condition=~Q(person_id=F("closed_by_id")), name="duty_closed_by_another"),
        ]


class Finding(SealedRow):
    """Something that oversight must look at."""

    prefix = "finding"

    kind = models.CharField(max_length=60)
    about = models.CharField(max_length=48)
    says = models.CharField(max_length=300)
    opened_at = models.DateTimeField()


class Disclosure(SealedRow):
    """Information handed to somebody outside, and on what authority (HSI-M/3-sharing)."""

    prefix = "disclosure"

    about = models.CharField(max_length=48)
    recipient = models.CharField(max_length=200)
    authority_kind = models.CharField(max_length=20)
    authority_citation = models.CharField(max_length=200)
    authority_from = models.DateTimeField()
    authority_until = models.DateTimeField()
    contents = models.JSONField(default=list)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()


class LogEntry(models.Model):
    """One leaf: its place in the tree and the bytes that were hashed. Inserted, never changed or deleted."""

    index = models.BigIntegerField(primary_key=True)
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"entry {self.index}"


class LogDisclosures(models.Model):
    """The openings of an entry's committed part. Deleting one erases what it opens; the proofs still verify."""

    index = models.BigIntegerField(primary_key=True)
    encoded = models.TextField()  # one disclosure a line

    def __str__(self) -> str:
        return f"disclosures of entry {self.index}"


class LogNode(models.Model):
    """A complete subtree's hash (RFC 6962 hashing), by its in-order place in the tree: see `ledger.tree.place`."""

    place = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"node at {self.place}"


class LogState(models.Model):
    """The one row that says how long the log is: written in the transaction of every append."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    frontier = models.BinaryField()
    checkpoint = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_log")]

    def __str__(self) -> str:
        return "the log's state"


class LogKey(models.Model):
    """A key of the log's signer and the tree size from which it signs."""

    from_size = models.BigIntegerField(primary_key=True)
    vkey = models.CharField(max_length=200, unique=True)
    checkpoint = models.BinaryField(default=b"")  # the note that both keys signed at the change

    def __str__(self) -> str:
        return self.vkey


class VaultObject(models.Model):
    """A sealed object's wrapped key. Without it the stored bytes are noise: destroying it erases the object."""

    id = models.CharField(primary_key=True, max_length=48)
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=48, db_index=True)
    wrapped_key = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(wrapped_key__isnull=False, destroyed_at=None)
                | Q(wrapped_key=None, destroyed_at__isnull=False),
                name="destroyed_has_no_key",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
