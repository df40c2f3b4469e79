"""The reference database: every person's records sealed under a key of their own, in one SQLite file.

Destroying a person's key ends what this file holds of that person. A copy of the file from before still
holds the key, wrapped: with `gallery.key` it opens, so erasures are repeated after a restore. Rows are overwritten
when deleted (`secure_delete`), the write-ahead log is emptied, and the erasure is checked, not assumed. The
index that searches run on is a copy in memory, rebuilt whenever the file changed, by this process or another.

There is no column for any attribute of a person: nothing here can filter or rank by name, sex, race or age.
Not held against somebody who can write the file: the deletion of whole rows. The gateway's log counts them.
"""

import mmap
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from counterseal.biometrics.capture import capture
from counterseal.biometrics.engine import Engine, Metric, Template, require_engine
from counterseal.biometrics.errors import (
    GalleryCorruptError,
    GalleryEngineError,
    GalleryKeyError,
    GalleryStateError,
    GalleryUnavailableError,
)
from counterseal.biometrics.identify import Index, Reference
from counterseal.biometrics.quality import QualityComponent, QualityFloor
from counterseal.biometrics.stills import DEFAULT_LIMITS, StillLimits
from counterseal.terms.biometrics import FailureCode, FailureToAcquire

FILE_NAME = "references.sqlite3"
KEY_BYTES = 32
NONCE_BYTES = 12
# How long an erasure waits for readers before it reports the write-ahead log as not yet emptied.
PATIENCE_SECONDS = 5.0
_FORMAT = "counterseal-references-1"
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

_SCHEMA = """
CREATE TABLE header (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE person (
  row INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, wrapped_key BLOB NOT NULL
);
CREATE TABLE reference (
  row INTEGER PRIMARY KEY,
  reference_id TEXT NOT NULL UNIQUE,
  person_row INTEGER NOT NULL REFERENCES person (row),
  captured_on TEXT,
  engine_id TEXT NOT NULL,
  searchable INTEGER NOT NULL CHECK (searchable IN (0, 1)),
  sealed_template BLOB NOT NULL
);
CREATE INDEX reference_person ON reference (person_row);
CREATE TABLE photograph (row INTEGER PRIMARY KEY REFERENCES reference (row), sealed BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A reference was made and is durable."""

    reference_id: str
    person_id: str
    quality: tuple[QualityComponent, ...]


@dataclass(frozen=True, slots=True)
class FailureToEnrol:
    """No reference was made. cause: the failure to acquire, None where the id was taken already."""

    reference_id: str
    says: str
    remedy: str
    cause: FailureToAcquire | None = None


@dataclass(frozen=True, slots=True)
class StoredReference:
    """One reference as listed; no features, no photograph."""

    reference_id: str
    person_id: str
    captured_on: date | None
    searchable: bool


@dataclass(frozen=True, slots=True)
class ErasureStep:
    """One step of an erasure, done or not, and what was seen."""

    name: str
    done: bool
    says: str


@dataclass(frozen=True, slots=True)
class ErasureSteps:
    """What an erasure did, in order. references: ids that existed; none where nothing was stored."""

    person_id: str
    references: tuple[str, ...]
    steps: tuple[ErasureStep, ...]

    @property
    def complete(self) -> bool:
        """Whether every step is done. Where not, run the erasure again."""
        return all(step.done for step in self.steps)


def default_ids(file: Path) -> tuple[str, str]:
    """Reference id and person id of a file, relative to its folder: `person/file.jpg` or `person.jpg`."""
    parts = file.with_suffix("").parts
    return "/".join(parts), parts[0]


class Gallery:
    """One reference database of one engine. Safe to use from several threads and processes."""

    def __init__(self, path: Path, *, key: bytes, engine_id: str, metric: Metric = Metric.EUCLIDEAN) -> None:
        """Open the folder `path`, made where it is missing; finish an erasure that was interrupted.

        key: 32 bytes that wrap each person's key; kept by the caller, never written here.

        Raises GalleryKeyError: it is another key. GalleryEngineError: the references are of another engine.
        GalleryCorruptError: the file is damaged.
        """
        if len(key) != KEY_BYTES:
            raise GalleryKeyError(f"the key has {len(key)} bytes; {KEY_BYTES} are needed")
        self.engine_id = engine_id
        self.metric = metric
        self._folder = path
        self._master = AESGCM(key)
        self._lock = threading.RLock()
        self._index: Index | None = None
        self._index_version = -1
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path / FILE_NAME
        # Made with its rights from the start; SQLite gives the same rights to its companions.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._db = sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
        try:
            with _readable():
                self._prepare()
                self._check_header()
                unfinished = [
                    row[0]
                    for row in self._db.execute(
                        "SELECT person_id FROM person WHERE wrapped_key = zeroblob(length(wrapped_key))"
                    )
                ]
            for person_id in unfinished:
                self.erase(person_id)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file. The index is dropped."""
        with self._lock:
            self._index = None
            self._db.close()

    def __enter__(self) -> "Gallery":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # Enrolment

    def enrol(
        self,
        photograph: bytes,
        *,
        reference_id: str,
        person_id: str,
        engine: Engine,
        floor: QualityFloor,
        captured_on: date | None = None,
        limits: StillLimits = DEFAULT_LIMITS,
    ) -> Enrolled | FailureToEnrol:
        """Make a reference of one still. When this returns `Enrolled`, it survives a power cut.

        Stored are the template and the clean crop, both sealed; nothing of the original's metadata.

        Raises EngineMismatchError: `engine` is not this database's. ValueError: an id is empty.
        """
        require_engine(self.engine_id, engine.engine_id)
        if not reference_id or not person_id:
            raise ValueError("a reference needs a reference id and a person id")
        if self._exists(reference_id):
            return _taken(reference_id)
        acquired = capture(photograph, engine=engine, floor=floor, limits=limits)
        if isinstance(acquired, FailureToAcquire):
            return FailureToEnrol(reference_id, acquired.says, acquired.remedy, acquired)
        stated = captured_on.isoformat() if captured_on else None
        with self._write() as db:
            if self._exists(reference_id):
                return _taken(reference_id)
            person_row, key = self._person_key(person_id)
            cursor = db.execute(
                "INSERT INTO reference"
                " (reference_id, person_row, captured_on, engine_id, searchable, sealed_template)"
                " VALUES (?, ?, ?, ?, 1, ?)",
                (
                    reference_id,
                    person_row,
                    stated,
                    self.engine_id,
                    _seal(
                        key,
                        acquired.template.values.astype("<f4").tobytes(),
                        self._about("template", reference_id, person_id, stated),
                    ),
                ),
            )
            db.execute(
                "INSERT INTO photograph (row, sealed) VALUES (?, ?)",
                (
                    cursor.lastrowid,
                    _seal(key, acquired.crop, self._about("photograph", reference_id, person_id, stated)),
                ),
            )
        return Enrolled(reference_id, person_id, acquired.quality)

    def enrol_folder(
        self,
        folder: Path,
        *,
        engine: Engine,
        floor: QualityFloor,
        ids: Callable[[Path], tuple[str, str]] = default_ids,
        limits: StillLimits = DEFAULT_LIMITS,
    ) -> Iterator[tuple[Path, Enrolled | FailureToEnrol]]:
        """Enrol every picture under `folder`, in the order of the names; yields each with its outcome.

        ids: reference id and person id from the path relative to `folder`. Run again after an interruption:
        what is enrolled already is passed over as a failure with that reason.
        """
        for file in pictures_in(folder):
            reference_id, person_id = ids(file.relative_to(folder))
            try:
                # Bounded: a file over the limit is refused by its size alone.
                with file.open("rb") as opened:
                    data = opened.read(limits.max_bytes + 1)
            except OSError as error:
                cause = FailureToAcquire(
                    FailureCode.CORRUPT_FILE, f"the file cannot be read: {error.strerror}", "check the file"
                )
                yield file, FailureToEnrol(reference_id, cause.says, cause.remedy, cause)
                continue
            yield (
                file,
                self.enrol(
                    data,
                    reference_id=reference_id,
                    person_id=person_id,
                    engine=engine,
                    floor=floor,
                    limits=limits,
                ),
            )

    # Reading

    def references(self, person_id: str | None = None) -> tuple[StoredReference, ...]:
        """All references, or those of one person, by reference id."""
        query = (
            "SELECT r.reference_id, p.person_id, r.captured_on, r.searchable"
            " FROM reference r JOIN person p ON p.row = r.person_row"
            " WHERE ? IS NULL OR p.person_id = ? ORDER BY r.reference_id"
        )
        with self._lock, _readable():
            rows = self._db.execute(query, (person_id, person_id)).fetchall()
            return tuple(
                StoredReference(reference, person, _date(on), bool(searchable))
                for reference, person, on, searchable in rows
            )

    def template(self, reference_id: str) -> Template:
        """The template of one reference.

        Raises GalleryStateError: there is none. GalleryCorruptError: it does not open.
        """
        with self._lock, _readable():
            return self._opened_template(*self._row(reference_id))

    def photograph(self, reference_id: str) -> bytes:
        """The clean crop that was enrolled, a PNG.

        Raises GalleryStateError: there is none. GalleryCorruptError: it does not open.
        """
        with self._lock, _readable():
            row, person_id, wrapped, stated = self._row(reference_id)[1:5]
            found = self._db.execute("SELECT sealed FROM photograph WHERE row = ?", (row,)).fetchone()
            if found is None:
                raise GalleryCorruptError(f"reference `{reference_id}` has lost its photograph")
            key = self._unwrapped(person_id, wrapped)
            return _unseal(
                key,
                found[0],
                self._about("photograph", reference_id, person_id, stated),
                f"photograph of reference `{reference_id}`",
            )

    def index(self) -> Index:
        """Every searchable reference in memory; rebuilt where the file changed since the last call.

        Raises GalleryCorruptError: a record does not open. No part of a damaged database is searched.
        """
        with self._lock, _readable():
            version = self._version()
            if self._index is None or version != self._index_version:
                self._index, self._index_version = self._built(), version
            return self._index

    # Hygiene and erasure

    def set_searchable(self, reference_id: str, searchable: bool) -> None:
        """Take a reference out of searches, or back in, without erasing it (a dismissed case, a wrong photo).

        Raises GalleryStateError: there is no such reference.
        """
        with self._write() as db:
            changed = db.execute(
                "UPDATE reference SET searchable = ? WHERE reference_id = ?", (int(searchable), reference_id)
            ).rowcount
            if not changed:
                raise GalleryStateError(f"there is no reference `{reference_id}`")

    def erase(self, person_id: str) -> ErasureSteps:
        """Erase everything about one person, and check that it is gone. Safe to run again.

        Not reached from here: backups of the file (their records no longer open), the storage's own copies.
        """
        # 1 destroy the key, 2 delete the rows, 3 empty the write-ahead log, 4 tell the index and check it,
        # 5 look for the bytes in every file of the folder.
        with self._lock:
            with _readable():
                marks, ids, templates = self._before_erasure(person_id)
            with self._write() as db:
                # (1) A transaction of its own: from here on no copy of the records opens, whatever happens.
                db.execute(
                    "UPDATE person SET wrapped_key = zeroblob(length(wrapped_key)) WHERE person_id = ?",
                    (person_id,),
                )
            with self._write() as db:
                found = db.execute("SELECT row FROM person WHERE person_id = ?", (person_id,)).fetchall()
                for row in found:
                    db.execute(
                        "DELETE FROM photograph"
                        " WHERE row IN (SELECT row FROM reference WHERE person_row = ?)",
                        row,
                    )
                    db.execute("DELETE FROM reference WHERE person_row = ?", row)
                    db.execute("DELETE FROM person WHERE row = ?", row)
            steps = [
                ErasureStep("key destroyed", True, "the wrapped key was overwritten with zeros"),
                ErasureStep("rows deleted", True, f"{len(ids)} references with their photographs"),
                self._emptied_log(),
                self._checked_index(ids, templates),
                self._checked_files(marks),
            ]
        return ErasureSteps(person_id, tuple(ids), tuple(steps))

    # Inside

    def _prepare(self) -> None:
        db = self._db
        # Before the first page is written: later it would need a VACUUM.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        if db.execute("PRAGMA secure_delete").fetchone()[0] != 1:
            raise GalleryStateError("this SQLite cannot overwrite deleted rows (`secure_delete`)")
        with self._write():
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return
            for statement in _SCHEMA.split(";"):
                if statement.strip():
                    db.execute(statement)
            check = _seal(self._master, _FORMAT.encode(), self.engine_id.encode())
            db.executemany(
                "INSERT INTO header VALUES (?, ?)",
                [("format", _FORMAT), ("engine_id", self.engine_id), ("key_check", check)],
            )

    def _check_header(self) -> None:
        header = dict(self._db.execute("SELECT name, value FROM header").fetchall())
        if header.get("format") != _FORMAT or "key_check" not in header:
            raise GalleryCorruptError("the reference database has no header of a known format")
        if header.get("engine_id") != self.engine_id:
            raise GalleryEngineError(
                f"the references were made with engine `{header.get('engine_id')}`, not `{self.engine_id}`:"
                " enrol the photographs anew with this engine, or use that one"
            )
        try:
            _open_sealed(self._master, header["key_check"], self.engine_id.encode())
        except InvalidTag as error:
            raise GalleryKeyError("the key does not open this reference database") from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _readable():
            self._db.execute("BEGIN IMMEDIATE")
            self._index = None
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _version(self) -> int:
        """Changes when another connection commits; our own commits drop the index."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _exists(self, reference_id: str) -> bool:
        with self._lock, _readable():
            found = self._db.execute("SELECT 1 FROM reference WHERE reference_id = ?", (reference_id,))
            return found.fetchone() is not None

    def _person_key(self, person_id: str) -> tuple[int, AESGCM]:
        found = self._db.execute(
            "SELECT row, wrapped_key FROM person WHERE person_id = ?", (person_id,)
        ).fetchone()
        if found is not None:
            return int(found[0]), self._unwrapped(person_id, found[1])
        key = AESGCM.generate_key(256)
        wrapped = _seal(self._master, key, self._about("key", person_id))
        cursor = self._db.execute(
            "INSERT INTO person (person_id, wrapped_key) VALUES (?, ?)", (person_id, wrapped)
        )
        return int(cursor.lastrowid or 0), AESGCM(key)

    def _unwrapped(self, person_id: str, wrapped: bytes) -> AESGCM:
        if not any(wrapped):
            raise GalleryStateError(f"the erasure of person `{person_id}` was interrupted: run it again")
        return AESGCM(
            _unseal(self._master, wrapped, self._about("key", person_id), f"key of person `{person_id}`")
        )

    def _about(self, kind: str, *parts: str | None) -> bytes:
        """What a sealed record is bound to: it opens in its own row only."""
        fields = [_FORMAT, self.engine_id, kind, *("" if part is None else part for part in parts)]
        return b"".join(len(field.encode()).to_bytes(4, "big") + field.encode() for field in fields)

    def _row(self, reference_id: str) -> tuple[str, int, str, bytes, str | None, str, bytes]:
        found = self._db.execute(
            "SELECT r.reference_id, r.row, p.person_id, p.wrapped_key, r.captured_on, r.engine_id,"
            " r.sealed_template FROM reference r JOIN person p ON p.row = r.person_row"
            " WHERE r.reference_id = ?",
            (reference_id,),
        ).fetchone()
        if found is None:
            raise GalleryStateError(f"there is no reference `{reference_id}`")
        return found  # type: ignore[no-any-return]

    def _opened_template(
        self,
        reference_id: str,
        _row: int,
        person_id: str,
        wrapped: bytes,
        stated: str | None,
        engine_id: str,
        sealed: bytes,
    ) -> Template:
        if engine_id != self.engine_id:
            raise GalleryEngineError(
                f"reference `{reference_id}` is of engine `{engine_id}`, not `{self.engine_id}`"
            )
        data = _unseal(
            self._unwrapped(person_id, wrapped),
            sealed,
            self._about("template", reference_id, person_id, stated),
            f"template of reference `{reference_id}`",
        )
        return Template(np.frombuffer(data, "<f4"), self.engine_id)

    def _built(self) -> Index:
        rows = self._db.execute(
            "SELECT r.reference_id, r.row, p.person_id, p.wrapped_key, r.captured_on, r.engine_id,"
            " r.sealed_template FROM reference r JOIN person p ON p.row = r.person_row"
            " WHERE r.searchable = 1 AND p.wrapped_key <> zeroblob(length(p.wrapped_key))"
            " ORDER BY r.reference_id"
        ).fetchall()
        templates = [self._opened_template(*row).values for row in rows]
        lengths = {len(values) for values in templates}
        if len(lengths) > 1:
            raise GalleryCorruptError("the templates of one engine have different lengths")
        values = np.stack(templates) if templates else np.empty((0, 0), np.float32)
        references = [Reference(row[0], row[2], _date(row[4])) for row in rows]
        return Index(references, values, engine_id=self.engine_id, metric=self.metric)

    def _before_erasure(self, person_id: str) -> tuple[list[bytes], list[str], list[Template]]:
        """Bytes to look for afterwards, the ids, and the templates that still open."""
        person = self._db.execute(
            "SELECT wrapped_key FROM person WHERE person_id = ?", (person_id,)
        ).fetchone()
        if person is None:
            return [], [], []
        destroyed = not any(person[0])
        ids = [reference.reference_id for reference in self.references(person_id)]
        rows = [self._row(reference_id) for reference_id in ids]
        # An erasure that was interrupted has no key any more to open a template with.
        templates = [] if destroyed else [self._opened_template(*row) for row in rows]
        marks = [bytes(row[6]) for row in rows] + ([] if destroyed else [bytes(person[0])])
        for row in rows:
            for (sealed,) in self._db.execute("SELECT sealed FROM photograph WHERE row = ?", (row[1],)):
                # The head is on the row's own page, the tail on the last of its overflow pages.
                marks += [bytes(sealed[:64]), bytes(sealed[-16:])]
        return marks, ids, templates

    def _emptied_log(self) -> ErasureStep:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            with _readable():
                busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if not busy:
                return ErasureStep("write-ahead log emptied", True, "checkpoint done, the log has no bytes")
            if time.monotonic() > until:
                return ErasureStep(
                    "write-ahead log emptied", False, "another reader holds it: run the erasure again"
                )
            time.sleep(0.05)

    def _checked_index(self, ids: list[str], templates: list[Template]) -> ErasureStep:
        name = "index told and checked"
        index = self.index()
        left = {reference.reference_id for reference in index.references} & set(ids)
        for template in templates:
            left |= {index.references[row].reference_id for row, _ in index.nearest(template, 1)} & set(ids)
        if left:
            return ErasureStep(name, False, f"still found: {', '.join(sorted(left))}")
        return ErasureStep(
            name, True, f"absent by id and from a search with each of {len(templates)} erased templates"
        )

    def _checked_files(self, marks: list[bytes]) -> ErasureStep:
        name = "files searched for the erased bytes"
        if not self._lying_around(marks):
            return ErasureStep(name, True, f"none of {len(marks)} byte strings is in any file of the folder")
        # A page that was split keeps old copies in its free space: write the whole file anew.
        with _readable():
            self._db.execute("VACUUM")
        self._emptied_log()
        if left := self._lying_around(marks):
            return ErasureStep(name, False, f"still in {', '.join(left)}: run the erasure again")
        return ErasureStep(name, True, "old copies were found, the file was rewritten, and they are gone")

    def _lying_around(self, marks: list[bytes]) -> list[str]:
        found = []
        for file in sorted(self._folder.iterdir()):
            # -shm holds page numbers only, and is mapped by every connection.
            if not file.is_file() or file.name.endswith("-shm") or not file.stat().st_size:
                continue
            with (
                file.open("rb") as opened,
                mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content,
            ):
                if any(content.find(mark) >= 0 for mark in marks):
                    found.append(file.name)
        return found


def pictures_in(folder: Path) -> list[Path]:
    """The files under `folder` that are named like pictures, by name. Hidden ones are left out.

    Raises GalleryStateError: there is no such folder.
    """
    if not folder.is_dir():
        raise GalleryStateError(f"there is no folder `{folder}`")
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in _PICTURES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise GalleryUnavailableError(
            f"the reference database cannot be used now: {error}; free the disk or the lock and try again"
        ) from error
    except sqlite3.DatabaseError as error:
        raise GalleryCorruptError(f"the reference database cannot be read: {error}") from error


def _taken(reference_id: str) -> FailureToEnrol:
    return FailureToEnrol(
        reference_id, f"reference `{reference_id}` is enrolled already", "use another id, or erase it first"
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _seal(key: AESGCM, data: bytes, about: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, data, about)


def _open_sealed(key: AESGCM, sealed: Any, about: bytes) -> bytes:
    data = bytes(sealed)
    if len(data) < NONCE_BYTES + 16:
        raise InvalidTag
    return key.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], about)


def _unseal(key: AESGCM, sealed: Any, about: bytes, what: str) -> bytes:
    try:
        return _open_sealed(key, sealed, about)
    except InvalidTag as error:
        raise GalleryCorruptError(f"the {what} does not open: the record was changed or moved") from error
