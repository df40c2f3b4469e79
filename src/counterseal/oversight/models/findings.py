"""What oversight must look at, until somebody says what came of it."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class FindingStatus(StrEnum):
    """Where a finding stands. Referred is closed by the outcome of its referral only."""

    OPEN = "open"
    DISMISSED = "dismissed"
    ACTED_ON = "acted-on"
    REFERRED = "referred"


class ReferralStatus(StrEnum):
    """Where a referral stands."""

    OPEN = "open"
    ANSWERED = "answered"


class Finding(SealedRow):
    """Something that oversight must look at.

    kind: a code of `finding_kinds`. about: id of the record or person. says: made from codes and counts, no free
    text. person_id: whom it concerns, empty where nobody is known. entries: leaf indices behind it.
    words: vault id of the reason for where it stands now.
    """

    prefix = "finding"

    kind = models.CharField(max_length=60)
    about = models.CharField(max_length=48)
    says = models.CharField(max_length=300)
    person_id = models.CharField(max_length=48, blank=True)
    entries = models.JSONField(default=list)
    opened_at = models.DateTimeField()
    status = models.CharField(max_length=20, default=FindingStatus.OPEN)
    decided_by_id = models.CharField(max_length=48, blank=True)
    decided_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(s) for s in FindingStatus]), name="finding_status"
            ),
            models.UniqueConstraint(
                fields=["kind", "about"],
                condition=Q(status__in=["open", "referred"]),
                name="finding_once_while_open",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_id="") | ~Q(person_id=F("decided_by_id")),
                name="finding_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(status="open", decided_by_id="", decided_at=None, words="")
                | (~Q(status="open") & ~Q(decided_by_id="") & Q(decided_at__isnull=False) & ~Q(words="")),
                name="finding_decided_with_words",
            ),
        ]


class Referral(SealedRow):
    """A finding handed to professional responsibility. Only an outcome closes it.

    reason, words: vault ids of why it was referred, and of the answer.
    """

    prefix = "referral"

    finding = models.OneToOneField(Finding, on_delete=models.PROTECT, related_name="referral")
    referred_by_id = models.CharField(max_length=48)
    referred_at = models.DateTimeField()
    reason = models.CharField(max_length=48)
    due = models.DateTimeField()
    status = models.CharField(max_length=20, default=ReferralStatus.OPEN)
    outcome = models.CharField(max_length=20, blank=True)
    answered_by_id = models.CharField(max_length=48, blank=True)
    answered_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", outcome="", answered_by_id="", answered_at=None, words="")
                | (
                    Q(status="answered", outcome__in=["acted-on", "dismissed"], answered_at__isnull=False)
                    & ~Q(answered_by_id="")
                    & ~Q(words="")
                ),
                name="referral_answered_with_words",
            ),
            models.CheckConstraint(
                condition=~Q(referred_by_id=F("answered_by_id")), name="referral_answered_by_another"
            ),
            models.CheckConstraint(condition=Q(due__gt=F("referred_at")), name="referral_due_later"),
        ]
