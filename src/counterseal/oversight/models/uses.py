"""Uses of face recognition, and the word of the three offices on each."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class UseStatus(StrEnum):
    """Whether three offices have concurred in a use, and whether it was suspended since."""

    UNDER_REVIEW = "under-review"
    ACTIVE = "active"
    SUSPENDED = "suspended"


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
