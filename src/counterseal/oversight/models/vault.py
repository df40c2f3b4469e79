"""The rows of the vault: one wrapped key an object."""

from django.db import models
from django.db.models import Q


class VaultObject(models.Model):
    """A sealed object's wrapped key, and its slot in the key store, without which it unwraps nothing.

    slot: one object's alone, and kept after the destruction, so that it can be looked at.
    """

    id = models.CharField(primary_key=True, max_length=48)
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=48, db_index=True)
    slot = models.BigIntegerField(unique=True)
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
