"""Choices not to be compared, and how a use outside law enforcement verifies claims.

No row here names a person. A choice is a keyed token; a complaint is anonymous.
"""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.oversight.models.uses import Use
from counterseal.terms.rows import SealedRow


class OptOutStatus(StrEnum):
    """Whether a choice stands. What was withdrawn holds no token any more."""

    STANDING = "standing"
    WITHDRAWN = "withdrawn"


class OptOut(SealedRow):
    """One choice to decline (D-026-11/opt-out). token, receipt_token: keyed tokens (`oversight/optout.py`) of
    the reference that was given and of the receipt that was handed out; both are emptied on withdrawal."""

    prefix = "optout"

    token = models.CharField(max_length=32, blank=True, db_index=True)
    receipt_token = models.CharField(max_length=32, blank=True, db_index=True)
    status = models.CharField(max_length=20, default=OptOutStatus.STANDING)
    made_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="standing", withdrawn_at=None) & ~Q(receipt_token="")
                | Q(status="withdrawn", withdrawn_at__isnull=False, token="", receipt_token=""),
                name="withdrawn_holds_no_token",
            ),
            models.UniqueConstraint(
                fields=["receipt_token"], condition=~Q(receipt_token=""), name="receipt_once"
            ),
        ]


class OptOutListIssued(SealedRow):
    """One signed list of choices that was handed out. sequence: from 1, each once. list_digest: hex SHA-256 of it."""

    prefix = "optoutlist"

    sequence = models.IntegerField(unique=True)
    list_digest = models.CharField(max_length=64)
    count = models.IntegerField()
    issued_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    issued_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sequence__gte=1, count__gte=0), name="optout_list_counts"),
        ]


class VerificationTerms(SealedRow):
    """How one use outside law enforcement verifies claims; the latest row of a use is in force.

    setting: the kind of checkpoint, for example ``boarding``. alternative: the procedure for whoever is not
    compared, in words for that person. keep_hours: hours that a sample is kept, by outcome and then
    destination; what it does not name is not kept at all.
    """

    prefix = "verificationterms"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="verification_terms")
    service_id = models.CharField(max_length=48)
    setting = models.CharField(max_length=40)
    alternative = models.TextField()
    liveness_called_for = models.BooleanField()
    destination = models.CharField(max_length=40)
    keep_hours = models.JSONField(default=dict)
    stated_by_id = models.CharField(max_length=48)
    proposer_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(alternative=""), name="alternative_is_stated"),
            models.CheckConstraint(
                condition=~Q(stated_by_id=F("proposer_id")), name="verification_stated_by_another"
            ),
        ]


class KeptSample(SealedRow):
    """A sample that a use keeps for a while. object: its vault id. due: the instant by which it is destroyed."""

    prefix = "sample"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="kept_samples")
    object = models.CharField(max_length=48, unique=True)
    outcome = models.CharField(max_length=20)
    destination = models.CharField(max_length=40)
    kept_at = models.DateTimeField()
    due = models.DateTimeField(db_index=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(due__gt=F("kept_at")), name="sample_due_later"),
        ]


class AlternativeTaken(SealedRow):
    """The alternative procedure was completed for the person of one entry. seconds: from that entry on."""

    prefix = "alternative"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="alternatives_taken")
    after_entry = models.BigIntegerField(unique=True)
    seconds = models.IntegerField()
    at = models.DateTimeField()


class Complaint(SealedRow):
    """An anonymous complaint about a use. words: vault id, empty where none were given."""

    prefix = "complaint"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="complaints")
    about = models.CharField(max_length=20)
    words = models.CharField(max_length=48, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(about__in=["not-told", "pressed", "delayed", "not-honoured", "other"]),
                name="complaint_about",
            ),
        ]


class AnalysisApproval(SealedRow):
    """One office's approval of age estimation for this very use (D-026-11/no-face-analysis)."""

    prefix = "analysisapproval"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="analysis_approvals")
    office = models.CharField(max_length=40)
    person_id = models.CharField(max_length=48)
    proposer_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(office__in=["privacy", "civil-rights", "information-officer"]),
                name="analysis_office",
            ),
            models.UniqueConstraint(fields=["use", "office"], name="analysis_office_once"),
            models.UniqueConstraint(fields=["use", "person_id"], name="analysis_three_persons"),
            models.CheckConstraint(condition=~Q(person_id=F("proposer_id")), name="analysis_by_another"),
        ]
