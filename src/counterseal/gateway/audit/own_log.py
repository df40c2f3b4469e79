"""The log of an audit office: the same entries, tree, checkpoints and receipts as an agency's log.

Everything that an audit office does is an entry here, and nothing else is kept: its register of auditors, its
saved questions, samples, findings and case files are read back from the openings that lie beside the entries.

What it can tell about itself: a database that was put back from an older copy (the head file has seen more),
thinned, or made by another key. What it cannot: a whole folder put back. For that, compare with a checkpoint that
somebody else kept or cosigned (`verify`, `cosignatures`).
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from counterseal.gateway.export_ledger import write_file
from counterseal.gateway.witness_folder import replace_file
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.cosignature import with_lines
from counterseal.ledger.directory import side_files
from counterseal.ledger.entry import Disclosure, Entry, JsonValue, SealedEntry, open_committed, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.findings import Finding
from counterseal.ledger.fsck import LogRow, fsck
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tiles import export
from counterseal.ledger.tree import (
    Frontier,
    Node,
    at_place,
    inclusion_proof,
    leaf_hash,
    place,
    root_hash,
)
from counterseal.terms.errors import BadInputError, IntegrityError, UnavailableError

LOG = "log.sqlite3"
HEAD = "head"
_TABLES = """
PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; BEGIN;
CREATE TABLE office (vkey TEXT NOT NULL);
CREATE TABLE entry (place INTEGER PRIMARY KEY, body BLOB NOT NULL, openings TEXT NOT NULL);
CREATE INDEX entry_kind ON entry (json_extract(CAST(body AS TEXT), '$.kind'));
CREATE TABLE node (place INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
  checkpoint BLOB NOT NULL);
CREATE TABLE cosignature (size INTEGER NOT NULL, vkey TEXT NOT NULL, note BLOB NOT NULL, line TEXT NOT NULL,
  UNIQUE (size, vkey));
"""
_STAYS = ("entry", "node", "office", "cosignature")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One entry of the office's own log: its place, its bytes, and the proof that it is there."""

    index: int
    body: bytes
    openings: tuple[str, ...]
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One entry read back: what it says, and what it commits to."""

    index: int
    entry: Entry
    opened: Mapping[str, JsonValue]

    def says(self, name: str) -> str:
        """A committed text; empty where the entry has none of this name."""
        value = self.opened.get(name, "")
        return value if isinstance(value, str) else ""


class OwnLog:
    """The log in one folder. Writers take turns by the database's write lock, in every thread and process."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        """Open the log that this key signs.

        Raises:
            IntegrityError: it is gone, another's, damaged, thinned, or older than the head file beside it.
        """
        self._folder, self._signer = folder, signer
        if not (folder / LOG).is_file():
            raise IntegrityError(
                f"the audit office's log in `{folder}` is gone: restore it whole from its newest backup, and compare "
                "it with the last checkpoint that a witness holds"
            )
        with self._reading() as database:
            self._check(database)

    @classmethod
    def create(cls, folder: Path, signer: Signer) -> None:
        """Make an empty log, bound to this key. The file must not be there."""
        os.close(os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        empty = Frontier()
        note = sign_checkpoint(Checkpoint(signer.verifier.name, 0, empty.root()), signer)
        with closing(sqlite3.connect(folder / LOG, isolation_level=None)) as database:
            database.executescript(_TABLES)
            for table in _STAYS:
                for act in ("UPDATE", "DELETE"):
                    database.execute(
                        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                        "BEGIN SELECT RAISE(ABORT, 'what an audit office recorded stays'); END"
                    )
            database.execute(
                "CREATE TRIGGER state_only_grows BEFORE UPDATE ON state WHEN NEW.size <= OLD.size "
                "BEGIN SELECT RAISE(ABORT, 'the log of an audit office does not go back'); END"
            )
            database.execute("INSERT INTO office VALUES (?)", (signer.vkey,))
            database.execute("INSERT INTO state VALUES (1, 0, ?, ?)", (empty.to_bytes(), note))
            database.execute("COMMIT")
        replace_file(folder / HEAD, note)

    @property
    def keys(self) -> KeyHistory:
        """Whose signature counts."""
        return KeyHistory.single(self._signer.verifier)

    @property
    def size(self) -> int:
        """How many entries there are."""
        with self._reading() as database:
            return _state(database)[0].size

    def append(self, entries: Sequence[SealedEntry]) -> tuple[Sealed, ...]:
        """Take up entries. On return all of them are durable under one signed checkpoint; on an exception none is.

        Raises:
            UnavailableError: the disk did not take them: nothing may be shown. IntegrityError: as on opening.
        """
        try:
            with self._turn() as database:
                self._check(database)
                frontier, _ = _state(database)
                first = frontier.size
                for entry in entries:
                    openings = "\n".join(d.encoded for d in entry.disclosures)
                    database.execute(
                        "INSERT INTO entry VALUES (?, ?, ?)", (frontier.size, entry.body, openings)
                    )
                    frontier, nodes = frontier.append(leaf_hash(entry.body))
                    database.executemany(
                        "INSERT INTO node VALUES (?, ?)", [(place(n.level, n.index), n.hash) for n in nodes]
                    )
                note = sign_checkpoint(
                    Checkpoint(self._signer.verifier.name, frontier.size, frontier.root()), self._signer
                )
                database.execute(
                    "UPDATE state SET size = ?, frontier = ?, checkpoint = ?",
                    (frontier.size, frontier.to_bytes(), note),
                )
                node = _Nodes(database)
                made = tuple(
                    Sealed(
                        index,
                        entry.body,
                        tuple(d.encoded for d in entry.disclosures),
                        build_receipt(index, inclusion_proof(index, frontier.size, node), note),
                    )
                    for index, entry in enumerate(entries, first)
                )
            # After the commit: a head that the database has not would stop the office for ever.
            with self._turn():
                self._move_head(note)
        except (sqlite3.Error, OSError) as error:
            raise UnavailableError(
                f"the audit office's own log could not take the entry ({error}): nothing is shown; mend the storage, "
                "then repeat the command"
            ) from error
        return made

    def records(self, *kinds: str, newest_first: bool = False) -> Iterator[Record]:
        """The entries of these kinds, of every kind unless told, with what they commit to; oldest first unless told.

        Raises:
            IntegrityError: an entry or its openings were changed.
        """
        where = (
            f"WHERE json_extract(CAST(body AS TEXT), '$.kind') IN ({', '.join('?' * len(kinds))})"
            if kinds
            else ""
        )
        with self._reading() as database:
            rows = database.execute(
                f"SELECT place, body, openings FROM entry {where} ORDER BY place {'DESC' if newest_first else 'ASC'}",  # noqa: S608
                kinds,
            )
            for index, body, openings in rows:
                try:
                    entry = read_entry(_blob(body))
                    opened = open_committed(entry, [Disclosure.parse(line) for line in openings.split("\n")])
                except LedgerError as error:
                    raise IntegrityError(
                        f"entry {index} of the audit office's log was changed: {error}"
                    ) from error
                yield Record(index, entry, opened)

    def receipt_of(self, index: int) -> bytes:
        """The receipt of one entry under the latest checkpoint.

        Raises:
            BadInputError: there is no such entry.
        """
        with self._reading() as database:
            frontier, note = _state(database)
            if not 0 <= index < frontier.size:
                raise BadInputError(
                    f"the audit office's log has {frontier.size} entries; there is no entry {index}"
                )
            return build_receipt(index, inclusion_proof(index, frontier.size, _Nodes(database)), note)

    def head_at(self, size: int | None = None) -> tuple[Checkpoint, bytes]:
        """The checkpoint at this size, the latest unless told, signed, with the cosignatures that were stored on it.

        Raises:
            BadInputError: the log is not as long.
        """
        with self._reading() as database:
            return self._head_at(database, size)

    def node(self, level: int, index: int) -> bytes:
        """A stored hash of the tree: a `NodeReader`."""
        with self._reading() as database:
            return _Nodes(database)(level, index)

    def cosigned(self, vkey: str) -> int:
        """The largest size that this witness cosigned; 0 where it never did."""
        with self._reading() as database:
            (size,) = database.execute("SELECT max(size) FROM cosignature WHERE vkey = ?", (vkey,)).fetchone()
        return size or 0

    def keep_cosignature(self, size: int, vkey: str, note: bytes, line: str) -> None:
        """Keep a witness's line on the checkpoint of this size."""
        with self._turn() as database:
            database.execute(
                "INSERT OR IGNORE INTO cosignature VALUES (?, ?, ?, ?)", (size, vkey, note, line)
            )

    def verify(self, older: Sequence[bytes] = ()) -> tuple[Finding, ...]:
        """Compute everything again: entries, openings, tree, checkpoint; hold it against kept ones."""
        with self._reading() as database:
            frontier, note = _state(database)
            rows = [
                LogRow(index, _blob(body), tuple(openings.split("\n")))
                for index, body, openings in database.execute(
                    "SELECT place, body, openings FROM entry ORDER BY place"
                )
            ]
            nodes = [
                Node(*at_place(at), _blob(stored))
                for at, stored in database.execute("SELECT place, hash FROM node")
            ]
            found = list(
                fsck(
                    rows,
                    nodes,
                    frontier=frontier,
                    checkpoint=note,
                    trust=self.keys,
                    origin=self._signer.verifier.name,
                ).findings
            )
            for kept in (*older, (self._folder / HEAD).read_bytes()):
                found += self._not_a_prefix(kept, frontier.size, database)
        return tuple(found)

    def export(self, folder: Path) -> None:
        """Write the log as static files with the offline verifier, for a court or whoever audits the auditors.

        Raises:
            BadInputError: the folder holds another log. OSError: it cannot be written.
        """
        if (folder / "keys.json").exists() and (folder / "keys.json").read_bytes() != self.keys.to_json():
            raise BadInputError(f"`{folder}` holds another log; choose an empty folder")
        with self._reading() as database:
            checkpoint, note = self._head_at(database)
            cosigned = [size for (size,) in database.execute("SELECT DISTINCT size FROM cosignature")]
            kept = {checkpoint.size: note} | {size: self._head_at(database, size)[1] for size in cosigned}
            rows = database.execute("SELECT body FROM entry ORDER BY place").fetchall()
            tiles = export(
                checkpoint.size,
                _Nodes(database),
                lambda first, end: (_blob(body) for (body,) in rows[first:end]),
                note,
            )
            for path, data in (*side_files(self.keys, kept), *tiles):
                write_file(folder / path, data)

    def _head_at(self, database: sqlite3.Connection, size: int | None = None) -> tuple[Checkpoint, bytes]:
        frontier, note = _state(database)
        if size is not None and size != frontier.size:
            if size > frontier.size:
                raise BadInputError(f"the audit office's log has {frontier.size} entries, not {size}")
            # Ed25519 signs the same text the same way: this is the note as it was.
            root = root_hash(size, _Nodes(database))
            note = sign_checkpoint(Checkpoint(self._signer.verifier.name, size, root), self._signer)
        checkpoint = self.keys.open_checkpoint(note)
        lines = database.execute(
            "SELECT line FROM cosignature WHERE size = ? AND note = ?", (checkpoint.size, note)
        ).fetchall()
        return checkpoint, with_lines(note, [line for (line,) in lines])

    def _check(self, database: sqlite3.Connection) -> None:
        """The cheap part of `verify`, at every opening and before every entry."""
        try:
            bound = [str(row[0]) for row in database.execute("SELECT vkey FROM office")]
            frontier, note = _state(database)
            (count, last) = database.execute("SELECT count(*), max(place) FROM entry").fetchone()
            checkpoint = self.keys.open_checkpoint(note, origin=self._signer.verifier.name)
        except sqlite3.Error as error:
            raise _fault(error) from error
        except (LedgerError, TypeError) as error:
            raise IntegrityError(f"the audit office's log is damaged or another's: {error}") from error
        if bound != [self._signer.vkey]:
            raise IntegrityError(f"this log belongs to the key {bound}, not to {self._signer.vkey}")
        if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
            raise IntegrityError("the audit office's log and its signed checkpoint do not agree")
        if count != frontier.size or (last if last is not None else -1) != frontier.size - 1:
            raise IntegrityError(
                f"the audit office's log holds {count} entries where its checkpoint speaks of {frontier.size}: "
                "entries were taken out"
            )
        try:
            head = (self._folder / HEAD).read_bytes()
        except OSError as error:
            raise IntegrityError(
                f"the head file of the audit office's log cannot be read: {error}"
            ) from error
        for finding in self._not_a_prefix(head, frontier.size, database):
            raise IntegrityError(f"the audit office's log was put back from an older copy: {finding.says}")

    def _not_a_prefix(self, kept: bytes, size: int, database: sqlite3.Connection) -> list[Finding]:
        try:
            was = self.keys.open_checkpoint(kept, origin=self._signer.verifier.name)
            if was.size > size:
                return [
                    Finding("log-shorter", HEAD, f"it was signed for {was.size} entries; {size} are left")
                ]
            if root_hash(was.size, _Nodes(database)) != was.root:
                return [
                    Finding(
                        "log-differs", HEAD, f"its first {was.size} entries are not those that were signed"
                    )
                ]
        except sqlite3.Error as error:
            raise _fault(error) from error
        except LedgerError as error:
            return [Finding("checkpoint-not-trusted", HEAD, str(error))]
        return []

    def _move_head(self, note: bytes) -> None:
        """Note outside the database how far the log has come. In a turn: two processes may finish in any order."""
        path = self._folder / HEAD
        if self.keys.open_checkpoint(path.read_bytes()).size < self.keys.open_checkpoint(note).size:
            replace_file(path, note)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as database:
                database.execute("BEGIN")
                yield database
        except sqlite3.Error as error:
            raise _fault(error) from error

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its first read on."""
        with closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: SQLite would make an empty file where the log was taken away.
        database = sqlite3.connect(
            f"{(self._folder / LOG).absolute().as_uri()}?mode=rw", uri=True, timeout=30, isolation_level=None
        )
        # EXTRA: the folder is synced too when the journal is gone, so that what was shown stays sealed.
        database.execute("PRAGMA synchronous=EXTRA")
        return database


def _fault(error: sqlite3.Error) -> IntegrityError | UnavailableError:
    if "locked" in str(error):
        return UnavailableError("the audit office's log is busy: repeat the command")
    return IntegrityError(f"the audit office's log cannot be read: {error}")


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise IntegrityError(
            "a row of the audit office's log was changed: it holds no bytes where bytes belong"
        )
    return value


def _state(database: sqlite3.Connection) -> tuple[Frontier, bytes]:
    frontier, note = database.execute("SELECT frontier, checkpoint FROM state WHERE id = 1").fetchone()
    return Frontier.from_bytes(_blob(frontier)), _blob(note)


class _Nodes:
    """The stored hashes, as `ledger.tree` reads them."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __call__(self, level: int, index: int) -> bytes:
        row = self._database.execute(
            "SELECT hash FROM node WHERE place = ?", (place(level, index),)
        ).fetchone()
        if row is None:
            raise IntegrityError(f"the stored hash {level}/{index} of the audit office's log is gone")
        return _blob(row[0])
