"""Programs that use the HTTP interface, and the interface's own notes. No note of a request holds what it carried.

A client is a sealed row. Tokens, assertions, counts and answers are notes that run out within a day: no clause
rests on them, and losing them costs a client a new token, or one honest "unknown".
"""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class ApiClientStatus(StrEnum):
    """Whether a client may act. An ended one does not come back: register a new one."""

    ACTIVE = "active"
    ENDED = "ended"


class ApiClient(SealedRow):
    """A program that acts as one person, with that person's roles, within its scopes.

    secret_hash: keyed hash of its secret, or empty. public_key: its public key as a JWK, or empty. One of the two.
    """

    prefix = "client"

    name = models.CharField(max_length=120)
    person_id = models.CharField(max_length=48, db_index=True)
    scopes = models.JSONField(default=list)
    secret_hash = models.CharField(max_length=64, blank=True)
    public_key = models.JSONField(default=dict)
    status = models.CharField(max_length=20, default=ApiClientStatus.ACTIVE)
    registered_by_id = models.CharField(max_length=48)
    registered_at = models.DateTimeField()
    ended_by_id = models.CharField(max_length=48, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="active", ended_by_id="", ended_at=None)
                | (Q(status="ended", ended_at__isnull=False) & ~Q(ended_by_id="")),
                name="client_ended_by_somebody",
            ),
            models.CheckConstraint(
                condition=(~Q(secret_hash="") & Q(public_key={})) | (Q(secret_hash="") & ~Q(public_key={})),
                name="client_has_one_credential",
            ),
            models.CheckConstraint(
                condition=~Q(person_id=F("registered_by_id")), name="client_registered_by_another"
            ),
        ]


class ApiToken(models.Model):
    """A bearer token: its keyed hash, whose it is, and until when. Deleted when it ran out or its client ended."""

    digest = models.CharField(primary_key=True, max_length=64)
    client_id = models.CharField(max_length=48, db_index=True)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"token of {self.client_id}"


class ApiAssertion(models.Model):
    """A signed assertion that was used once and is not taken again. digest: keyed hash of client and `jti`."""

    digest = models.CharField(primary_key=True, max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return "an assertion that was used"


class ApiCount(models.Model):
    """How often somebody asked within one window. bucket: keyed hash of what is counted, for example an address."""

    bucket = models.CharField(primary_key=True, max_length=64)
    window_ends = models.DateTimeField(db_index=True)
    count = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.count} requests"


class ApiAnswer(models.Model):
    """One request that changes state, by its idempotency key: claimed before the act, answered after it.

    digest: keyed hash of client and key. asked: keyed hash of the request under a key that the client alone holds.
    person_id: for whom it acted. server: the server process that claimed it. size: of the log at that instant.
    status, body: the answer; None and empty until it is known.
    """

    digest = models.CharField(primary_key=True, max_length=64)
    asked = models.CharField(max_length=64)
    person_id = models.CharField(max_length=48)
    server = models.CharField(max_length=48)
    size = models.BigIntegerField()
    claimed_at = models.DateTimeField(db_index=True)
    status = models.IntegerField(null=True)
    content_type = models.CharField(max_length=80, blank=True)
    body = models.BinaryField(default=b"")

    def __str__(self) -> str:
        return f"answer {self.status}"
