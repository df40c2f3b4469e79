"""The rows of the vault: one wrapped key an object."""

from django.db import models
from django.db.models import Q


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
