"""Write the log as static files that programs by others verify (C2SP tlog-tiles), with the offline verifier."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from counterseal.gateway.cosignatures import most_cosigned, with_cosignatures
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger.checkpoint import Verifier
from counterseal.ledger.directory import side_files
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import KeyHistory, KeyPeriod
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tiles import export
from counterseal.ledger.tree import Frontier, inclusion_proof, place
from counterseal.oversight.models import LogDisclosures, LogEntry, LogKey, LogState
from counterseal.terms.errors import BadInputError, IntegrityError


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the log's public key, its size, the folder."""

    vkey: str
    tree_size: int
    path: Path


def key_history() -> KeyHistory:
    """Which key signs from which size, as stored."""
    return KeyHistory(
        tuple(
            KeyPeriod(Verifier.from_vkey(k.vkey), k.from_size) for k in LogKey.objects.order_by("from_size")
        )
    )


def export_ledger(folder: Path) -> Exported:
    """Write everything that an outsider needs. Safe to repeat on the same folder; the checkpoint comes last.

    It bears the cosignatures that were collected on it; the checkpoint that most witnesses cosigned lies among
    the kept ones.

    Raises:
        BadInputError: the folder holds another log. OSError: it cannot be written.
    """
    with snapshot():
        state = LogState.objects.get()
        frontier = Frontier.from_bytes(bytes(state.frontier))
        history = key_history()
        checkpoint = with_cosignatures(bytes(state.checkpoint))
        cosigned = most_cosigned(-1, node)
        kept = {frontier.size: checkpoint} | {
            k.from_size: with_cosignatures(bytes(k.checkpoint))
            for k in LogKey.objects.exclude(checkpoint=b"")
        }
        if cosigned is not None:
            kept.setdefault(*cosigned)
        there = folder / "checkpoints"
        for older in there.iterdir() if there.is_dir() else ():
            if older.name.isdigit():  # a crash may leave a half-written file of another name
                kept.setdefault(int(older.name), older.read_bytes())
        try:
            beside = list(side_files(history, kept))
        except LedgerError as error:
            raise BadInputError(
                f"`{folder}` holds another log or was changed: {error}; choose an empty folder"
            ) from error
        for path, data in (*beside, *export(frontier.size, node, bodies, checkpoint)):
            write_file(folder / path, data)
    return Exported(history.current.vkey, frontier.size, folder)


def receipt_of(index: int) -> bytes:
    """The receipt (tlog-proof) of one entry: under the checkpoint that most witnesses cosigned, else the latest.

    Raises:
        BadInputError: the log has no such entry.
    """
    with snapshot():
        state = LogState.objects.get()
        size = Frontier.from_bytes(bytes(state.frontier)).size
        if not 0 <= index < size:
            raise BadInputError(
                f"the log has {size} entries, numbered 0 to {size - 1}; there is no entry {index}"
            )
        size, checkpoint = most_cosigned(index, node) or (size, bytes(state.checkpoint))
        return build_receipt(index, inclusion_proof(index, size, node), checkpoint)


def entry_of(index: int) -> tuple[bytes, list[str]]:
    """An entry's bytes and those of its openings that still exist.

    Raises:
        BadInputError: the log has no such entry.
    """
    entry = LogEntry.objects.filter(pk=index).first()
    if entry is None:
        raise BadInputError(f"the log has no entry {index}")
    opened = LogDisclosures.objects.filter(pk=index).first()
    return bytes(entry.body), opened.encoded.split("\n") if opened and opened.encoded else []


def node(level: int, index: int) -> bytes:
    """A stored hash of the tree."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM oversight_lognode WHERE place = %s", [place(level, index)])
        row = cursor.fetchone()
    if row is None:
        raise IntegrityError(f"the log's stored hash {level}/{index} is missing: run `counterseal fsck`")
    return bytes(row[0])


def bodies(first: int, end: int) -> Iterable[bytes]:
    """The entries' bytes from `first` up to, not including, `end`."""
    return (
        bytes(b)
        for b in LogEntry.objects.filter(index__gte=first, index__lt=end)
        .order_by("index")
        .values_list("body", flat=True)
    )


def write_file(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader sees the old or the new bytes, never half."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(path)
