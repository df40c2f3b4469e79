"""The cosignatures that were collected, read back: every one is verified again, whatever the database says."""

from collections.abc import Iterable, Iterator

from django.db.models import Count, QuerySet

from counterseal.ledger.checkpoint import Checkpoint, parse_checkpoint, split_note
from counterseal.ledger.cosignature import CosignerKey, read_witness_key, split_lines, with_lines
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.tree import NodeReader, root_hash
from counterseal.oversight.models import LogCosignature
from counterseal.terms.errors import CountersealError


def with_cosignatures(note: bytes) -> bytes:
    """A checkpoint of ours with every cosignature that was collected on this very text."""
    text, _ = split_note(note)
    return _cosigned(note, text, LogCosignature.objects.filter(size=parse_checkpoint(text).size))


def most_cosigned(above: int, node: NodeReader) -> tuple[int, bytes] | None:
    """Size and note of the checkpoint that most witnesses cosigned, the newest of them; None where there is none.

    above: it must hold the entry of this index.
    """
    sizes = _sizes(1).filter(size__gt=above).order_by("-witnesses", "-size")
    return next(((c.size, note) for c, note in _checkpoints(sizes, node)), None)


def cosigned_checkpoints(node: NodeReader, *, at_least: int = 1) -> Iterator[tuple[Checkpoint, bytes]]:
    """The checkpoints of this log with so many cosignatures stored or more, each with those that hold, newest first."""
    return _checkpoints(_sizes(at_least).order_by("-size"), node)


def last_cosigned(key: CosignerKey, node: NodeReader) -> int:
    """The largest size of this log that this witness cosigned; 0 where it never did."""
    for row in LogCosignature.objects.filter(vkey=key.vkey).order_by("-size"):
        for checkpoint, _ in _notes([row]):
            if _is_ours(checkpoint, node):
                return checkpoint.size
    return 0


def _sizes(at_least: int) -> QuerySet[LogCosignature, dict[str, int]]:
    counted = LogCosignature.objects.values("size").annotate(witnesses=Count("id"))
    return counted.filter(witnesses__gte=at_least)


def _checkpoints(
    sizes: QuerySet[LogCosignature, dict[str, int]], node: NodeReader
) -> Iterator[tuple[Checkpoint, bytes]]:
    for found in sizes.iterator():
        for checkpoint, note in _notes(LogCosignature.objects.filter(size=found["size"])):
            if _is_ours(checkpoint, node):
                yield checkpoint, note


def _notes(rows: Iterable[LogCosignature]) -> Iterator[tuple[Checkpoint, bytes]]:
    """The notes of one size: one, unless the key changed there or somebody wrote into the database."""
    texts: dict[str, list[LogCosignature]] = {}
    for row in rows:
        try:
            texts.setdefault(split_note(bytes(row.checkpoint))[0], []).append(row)
        except LedgerError:
            continue
    for text, of_text in texts.items():
        try:
            checkpoint = parse_checkpoint(text)
            note = _cosigned(bytes(of_text[0].checkpoint), text, of_text)
        except LedgerError:
            continue
        if note != bytes(of_text[0].checkpoint):
            yield checkpoint, note


def _cosigned(note: bytes, text: str, rows: Iterable[LogCosignature]) -> bytes:
    """The note with the lines that are cosignatures of this text by the keys that they were stored under."""
    for row in rows:
        try:
            key = read_witness_key(row.vkey)
            if split_note(bytes(row.checkpoint))[0] != text:
                continue
            ((name, signed),) = split_lines(row.line.encode("utf-8"))
            if (name, signed[:4]) != (key.name, key.key_id):
                continue
            if isinstance(key, CosignerKey):
                key.open(text.encode("utf-8"), signed[4:])
            longer = with_lines(note, [row.line])
        except (LedgerError, ValueError):
            continue
        note = longer
    return note


def _is_ours(checkpoint: Checkpoint, node: NodeReader) -> bool:
    """Whether this log's first entries have that root: an answer about another history is no answer."""
    try:
        return checkpoint.root == root_hash(checkpoint.size, node)
    except CountersealError:
        return False  # it lies beyond what this log has, or a stored hash is gone (`fsck` names that)
