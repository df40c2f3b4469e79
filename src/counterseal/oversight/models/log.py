"""The rows of the log. Inserts only; the database refuses to change or delete them (`gateway/guards.py`)."""

from django.db import models
from django.db.models import Q


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


class LogCosignature(models.Model):
    """A witness's cosignature on the checkpoint of one size, kept beside the log: to seal it would grow the log.

    Whoever reads it verifies it again. checkpoint: the note that was cosigned. line: the signature line.
    """

    id = models.BigAutoField(primary_key=True)
    size = models.BigIntegerField()
    vkey = models.TextField()
    checkpoint = models.BinaryField()
    line = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["size", "vkey"], name="cosigned_once")]

    def __str__(self) -> str:
        return f"cosignature at size {self.size}"
