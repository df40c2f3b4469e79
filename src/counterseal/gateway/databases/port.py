"""What the gateway asks of a database beyond what Django asks for it: `sqlite.py` and `postgresql.py` answer.

Guards are told once, in words of SQL that both understand (`guards.py`); each renders them as triggers of its own.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.db.backends.utils import CursorWrapper


@dataclass(frozen=True, slots=True)
class Guard:
    """A row that the database itself refuses.

    event: INSERT, DELETE, UPDATE, or UPDATE OF columns. when: SQL about NEW and OLD; the row is refused where it
    is true. says: the words of the refusal.
    """

    name: str
    event: str
    table: str
    when: str
    says: str


def first_line(error: Exception) -> str:
    """What a database said; the lines after that tell values and places of no use to whoever asked."""
    return str(error).strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of a change whose commit failed. made: None where nobody can tell now. remedy: what to do."""

    made: bool | None
    remedy: str = ""


class Copied(Protocol):
    """A copy of the database in a backup, read without putting it back."""

    def values(self, table: str, key: str, value: str | int, *columns: str) -> tuple[object, ...] | None:
        """These columns of the row whose column `key` has this value: bytes, text, numbers as they were kept.

        Raises:
            UnavailableError: the copy cannot be read.
        """


class Database(Protocol):
    """A kind of database. Implemented by modules: there is nothing to keep between calls."""

    COPY: str
    SERVED: bool  # whether its files lie with a server of its own, and not in the home

    def rendered(self, guard: Guard) -> str:
        """The statements that make this guard."""

    def install(self, guards: Sequence[Guard]) -> None:
        """Make these guards, and only these. On PostgreSQL: as the owner."""

    def missing(self, guards: Sequence[Guard]) -> list[str]:
        """Names of those that the database does not hold as they are made here, or holds switched off."""

    def writing(self, home: Path) -> AbstractContextManager[CursorWrapper]:
        """Wait in line for the one writer's place, and open a transaction that is durable when left."""

    def after_failed_commit(self, index: int, body: bytes) -> Aftermath:
        """Find out, and settle, whether the change with this entry was made."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Everything read inside is of one instant; nothing may be written, and no writer waits."""

    def copy(self, home: Path, folder: Path) -> None:
        """Copy the database, as of one instant, into the file `COPY` of this folder.

        Raises:
            UnavailableError: it could not be copied whole.
        """

    def copied(self, folder: Path) -> AbstractContextManager[Copied]:
        """Open a copy that `copy` made."""
