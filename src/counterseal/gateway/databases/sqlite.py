"""SQLite: one file in the home, one writer at a time, who waits by a lock on a file (docs/adr/0010)."""

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from counterseal.gateway.databases.port import Aftermath, Guard
from counterseal.terms.errors import UnavailableError

FILE = "counterseal.sqlite3"
COPY = FILE
SERVED = False


def rendered(guard: Guard) -> str:
    """One trigger. `IS DISTINCT FROM` came with SQLite 3.39; `IS NOT` is its older word for the same."""
    when = guard.when.replace("IS DISTINCT FROM", "IS NOT")
    return (
        f"CREATE TRIGGER guard_{guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{guard.says}'); END"
    )


def install(guards: Sequence[Guard]) -> None:
    """Drop what is there, make all anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard_%'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
        for guard in guards:
            cursor.execute(rendered(guard))


def missing(guards: Sequence[Guard]) -> list[str]:
    """Compared by their text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        held = dict(cursor.fetchall())
    return [guard.name for guard in guards if held.get(f"guard_{guard.name}") != rendered(guard)]


@contextmanager
def writing(home: Path) -> Iterator[CursorWrapper]:
    """The kernel queues who waits and wakes them; a dead holder's lock is gone. Then BEGIN IMMEDIATE."""
    with (home / "write.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            yield cursor


def after_failed_commit(index: int, body: bytes) -> Aftermath:  # noqa: ARG001 - the port's
    """Cut off what it left in the write-ahead log.

    A commit whose sync failed is undone for everybody, but its bytes may stand whole behind the last good
    commit: until the next one overwrites them, a start after a crash would take them for made.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (busy, _, _) = cursor.fetchone()
        if busy == 0:
            return Aftermath(made=False)
    except DatabaseError:
        pass
    return Aftermath(
        made=False,
        remedy="; should this machine stop before the next change is made, "
        "look first whether this one was found at the next start",
    )


@contextmanager
def snapshot() -> Iterator[None]:
    """A deferred transaction: `transaction.atomic` would take the writer's place."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def copy(home: Path, folder: Path) -> None:
    """SQLite's own way of copying a database in use."""
    target = folder / COPY
    try:
        with (
            closing(sqlite3.connect(home / FILE, timeout=30)) as live,
            closing(sqlite3.connect(target)) as made,
        ):
            live.backup(made, pages=1024)
            made.execute("PRAGMA journal_mode=DELETE")
        target.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the database could not be copied: {error}") from error


class _File:
    """The copied file, opened for reading."""

    def __init__(self, opened: sqlite3.Connection) -> None:
        self._opened = opened

    def values(self, table: str, key: str, value: str | int, *columns: str) -> tuple[object, ...] | None:
        """One row's columns."""
        listed = ", ".join(f'"{column}"' for column in columns)
        try:
            row: tuple[object, ...] | None = self._opened.execute(
                f'SELECT {listed} FROM {table} WHERE "{key}" = ?',  # noqa: S608 - our own names
                [value],
            ).fetchone()
        except sqlite3.Error as error:
            raise UnavailableError(f"the copy of the database cannot be read: {error}") from error
        return row


@contextmanager
def copied(folder: Path) -> Iterator[_File]:
    """Open it, and close it afterwards."""
    with closing(sqlite3.connect(folder / COPY)) as opened:
        yield _File(opened)


def empty_log(home: Path) -> None:
    """A checkpoint of the write-ahead log."""
    with closing(sqlite3.connect(home / FILE, timeout=30)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
