"""Routine review: the periods of which a random share is drawn, and what a supervisor said of one search."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class PeriodStatus(StrEnum):
    """Whether the period's share was drawn."""

    OPEN = "open"
    DRAWN = "drawn"


class ReviewConclusion(StrEnum):
    """What a supervisor's review of a search came to."""

    IN_ORDER = "in-order"
    FINDING = "finding"
    REFERRED = "referred"


class SamplePeriod(SealedRow):
    """A time, half open, of whose searches a random share is drawn when it is over.

    after: where the period before it ended; what was searched between that and `since` is reviewed whole.
    commitment: of the secret, sealed before the period begins. secret: vault id, shown at the draw.
    opened_index: leaf index of the entry that sealed the commitment.
    """

    prefix = "period"

    since = models.DateTimeField()
    until = models.DateTimeField()
    after = models.DateTimeField(null=True)
    commitment = models.CharField(max_length=64)
    secret = models.CharField(max_length=48)
    opened_by_id = models.CharField(max_length=48)
    opened_at = models.DateTimeField()
    opened_index = models.BigIntegerField()
    status = models.CharField(max_length=20, default=PeriodStatus.OPEN)
    drawn_by_id = models.CharField(max_length=48, blank=True)
    drawn_at = models.DateTimeField(null=True)
    drawn_index = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("since"), since__gte=F("opened_at")), name="period_committed_before"
            ),
            models.CheckConstraint(
                condition=Q(status="open", drawn_by_id="", drawn_at=None, drawn_index=None)
                | (
                    Q(status="drawn", drawn_at__gte=F("until"), drawn_index__gt=F("opened_index"))
                    & ~Q(drawn_by_id="")
                ),
                name="period_drawn_after_its_end",
            ),
        ]


class SupervisorReview(SealedRow):
    """A supervisor's review of one search (HSI-M/4E4-supervisor-review).

    answers: line of the worksheet -> yes, no or not-applicable. words: vault id of the reason for each no, and of
    what else was said. pack: digest of the packs that the worksheet came from.
    """

    prefix = "supervision"

    request_id = models.CharField(max_length=48, unique=True)
    requester_id = models.CharField(max_length=48)
    reviewer_id = models.CharField(max_length=48)
    conclusion = models.CharField(max_length=20)
    answers = models.JSONField()
    words = models.CharField(max_length=48)
    pack = models.CharField(max_length=71)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(conclusion__in=[str(c) for c in ReviewConclusion]),
                name="supervision_conclusion",
            ),
            models.CheckConstraint(condition=~Q(reviewer_id=F("requester_id")), name="supervised_by_another"),
        ]
