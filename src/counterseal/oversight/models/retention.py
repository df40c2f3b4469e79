"""Holds: what must not be destroyed, whatever the clocks say."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class HoldStatus(StrEnum):
    """A hold stands until somebody lifts it; a lifted one does not come back: place a new one."""

    IN_FORCE = "in-force"
    LIFTED = "lifted"


class Hold(SealedRow):
    """Nothing about `about` (a record, or a case and all that belongs to it) is destroyed while this stands.

    reason: a vault id. two_persons: as the pack said when it was placed.
    """

    prefix = "hold"

    about = models.CharField(max_length=48, db_index=True)
    kind = models.CharField(max_length=20)
    status = models.CharField(max_length=20, default=HoldStatus.IN_FORCE)
    reason = models.CharField(max_length=48)
    two_persons = models.BooleanField()
    placed_by_id = models.CharField(max_length=48)
    placed_at = models.DateTimeField()
    lifted_by_id = models.CharField(max_length=48, blank=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=[str(s) for s in HoldStatus]), name="hold_status"),
            models.CheckConstraint(
                condition=Q(status="in-force", lifted_by_id="", lifted_at=None)
                | (Q(status="lifted", lifted_at__isnull=False) & ~Q(lifted_by_id="")),
                name="hold_lifted_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(two_persons=True, lifted_by_id=F("placed_by_id")), name="hold_lifted_by_another"
            ),
        ]
