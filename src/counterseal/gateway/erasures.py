"""The erasure list: each destruction as a file of its own, kept apart from the database.

A database restored from a backup knows nothing of what was destroyed since. This list does, and it proves
itself: each file holds the log's entry, the openings that say what was destroyed, and the receipt that shows
the entry under a checkpoint signed by the log's key. Nobody without that key adds one that is believed.
Not held against somebody who can write the folder: the removal of files. An exported log tells how many
there should be (`restore.py`).

`head.json` names the latest destruction; a database whose log lacks that entry is older than it, and takes
no change until `counterseal retention restore` has run.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterseal.ledger.entry import Disclosure, open_committed, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import Trust
from counterseal.ledger.receipt import verify_receipt
from counterseal.ledger.tree import leaf_hash
from counterseal.terms.errors import IntegrityError, UnavailableError

if TYPE_CHECKING:
    from counterseal.gateway.sealing import Sealed

DESTROYED = "record.destroyed"
GALLERY = "gallery.erasure.intent"
REPLAYED = "restore.replayed"
_SHOWN = ("objects", "openings", "target", "person", "authority")
_REMEDY = "run `counterseal retention restore`: it repeats what was destroyed since, and seals that it did"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One destruction that the log once sealed. objects: vault ids. person: of the gallery of `target`.

    openings: entry and digest of committed values that nothing opens any more.
    """

    path: Path
    index: int
    leaf: bytes
    kind: str
    target: str
    objects: tuple[str, ...]
    openings: tuple[tuple[int, str], ...]
    person: str


def keep(home: Path, sealed: "Sealed", receipt: bytes) -> None:
    """Put a sealed destruction on the list, durably. Safe to repeat.

    Raises:
        UnavailableError: the folder cannot be written; the destruction is sealed, and is listed by the next
            `counterseal retention run`.
    """
    leaf = leaf_hash(sealed.body)
    content = {
        "index": sealed.index,
        "entry": sealed.body.decode("ascii"),
        "openings": [sealed.openings[name] for name in _SHOWN if name in sealed.openings],
        "receipt": receipt.decode("utf-8"),
    }
    _write(folder(home) / f"{sealed.index:012d}-{leaf.hex()[:16]}.json", content)
    if sealed.index >= (_head(home) or (-1, b""))[0]:
        set_head(home, sealed.index, leaf)


def set_head(home: Path, index: int, leaf: bytes) -> None:
    """Say which entry the log must hold at least, from now on."""
    _write(home / "erasure" / "head.json", {"index": index, "leaf": leaf.hex()})


def listed(home: Path, trust: Trust, origin: str) -> Iterator[Erasure]:
    """Every destruction on the list, in order of the log, each verified.

    Raises:
        IntegrityError: a file was changed, or is of another log.
    """
    for path in sorted(folder(home).glob("*.json")):
        yield _read(path, trust, origin)


def folder(home: Path) -> Path:
    """Where the list lies."""
    return home / "erasure" / "list"


def settle(erasure: Erasure) -> None:
    """Take a destruction of a lost history off the list, once it was repeated and sealed anew."""
    there = erasure.path.parents[1] / "repeated"
    there.mkdir(mode=0o700, exist_ok=True)
    erasure.path.replace(there / erasure.path.name)
    _sync(there)
    _sync(erasure.path.parent)


def restored_from_before(home: Path, size: int, leaf_at: Callable[[int], bytes | None]) -> str | None:
    """Why this log is older than the latest destruction, or None. size: its entries. leaf_at: its leaf hashes.

    Raises:
        IntegrityError: head.json cannot be read.
    """
    latest = _head(home)
    if latest is None:
        return None
    index, leaf = latest
    if index < size and leaf_at(index) == leaf:
        return None
    return (
        f"the database is older than the latest destruction (entry {index}; it holds {size} entries): it was "
        f"restored from a backup, or is of another history; {_REMEDY}"
    )


def refuse_if_restored(home: Path, size: int, leaf_at: Callable[[int], bytes | None]) -> None:
    """Stop every change until what was destroyed has been destroyed again.

    Raises:
        IntegrityError: the database is older than the latest destruction.
    """
    if says := restored_from_before(home, size, leaf_at):
        raise IntegrityError(f"{says}; nothing was done")


def _head(home: Path) -> tuple[int, bytes] | None:
    path = home / "erasure" / "head.json"
    try:
        content = json.loads(path.read_text("ascii"))
        return int(content["index"]), bytes.fromhex(content["leaf"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"`{path.name}` of the erasure list cannot be read ({error}): restore it from a copy; {_REMEDY}"
        ) from error


def _read(path: Path, trust: Trust, origin: str) -> Erasure:
    try:
        content = json.loads(path.read_text("utf-8"))
        body = content["entry"].encode("ascii")
        entry = read_entry(body)
        proved = verify_receipt(content["receipt"].encode("utf-8"), body, trust, origin)
        opened: dict[str, Any] = dict(
            open_committed(entry, [Disclosure.parse(text) for text in content["openings"]])
        )
        if entry.kind not in (DESTROYED, GALLERY):
            raise ValueError(f"an entry of kind `{entry.kind}` is no destruction")
        if entry.kind == DESTROYED and not isinstance(opened["objects"], list):
            raise ValueError("it does not say what was destroyed")
        return Erasure(
            path=path,
            index=proved.index,
            leaf=leaf_hash(body),
            kind=entry.kind,
            target=str(opened["target"]),
            objects=tuple(str(held) for held in opened["objects"]) if entry.kind == DESTROYED else (),
            openings=tuple((int(index), str(digest)) for index, digest in opened.get("openings", [])),
            person=str(opened["person"]) if entry.kind == GALLERY else "",
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LedgerError) as error:
        raise IntegrityError(
            f"`{path.name}` of the erasure list does not hold: {error}; keep it as evidence, and bring the "
            "list from a copy"
        ) from error


def _write(path: Path, content: object) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)  # 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        _sync(path.parent)
    except OSError as error:
        raise UnavailableError(
            f"the erasure list cannot be written: {error}; the destruction is sealed: mend the storage, then "
            "run `counterseal retention run`"
        ) from error


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
