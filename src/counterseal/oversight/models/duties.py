"""What somebody must do by a day."""

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class Duty(SealedRow):
    """An obligation that a permit opened: what, who, until when. Lateness is a fact that policy reads.

    because: codes that say why a search is reviewed.
    """

    prefix = "duty"

    kind = models.CharField(max_length=60)
    clause = models.CharField(max_length=80)
    about = models.CharField(max_length=48)
    person_id = models.CharField(max_length=48)
    owner = models.CharField(max_length=40)
    because = models.JSONField(default=list)
    opened_at = models.DateTimeField()
    due = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by_id = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "about"], name="duty_once"),
            # Noting a result is the requester's own duty; every other one is somebody else's to close.
            models.CheckConstraint(
                condition=Q(kind="note-result") | ~Q(person_id=F("closed_by_id")),
                name="duty_closed_by_another",
            ),
        ]
