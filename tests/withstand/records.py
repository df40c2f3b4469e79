"""Read an installation's records as an outsider would: straight from the files."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowd import CONNECTOR


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the simulated service really answered: the intent it was shown, and its request."""

    index: int
    request: str


def calls(home: Path) -> list[Call]:
    """Every call that was really made, in order, as the service itself counted them."""
    noted = home / "services" / CONNECTOR / "calls"
    if not noted.exists():
        return []
    return [Call(int(index), name) for index, name in map(str.split, noted.read_text().splitlines())]


@contextmanager
def database(home: Path) -> Iterator[sqlite3.Connection]:
    """The database file itself, with no program of ours between."""
    with closing(sqlite3.connect(home / "counterseal.sqlite3", timeout=30, isolation_level=None)) as raw:
        yield raw


def entry(raw: sqlite3.Connection, index: int) -> dict[str, Any] | None:
    """The stored entry of this index, decoded."""
    row = raw.execute('SELECT body FROM oversight_logentry WHERE "index" = ?', (index,)).fetchone()
    return None if row is None else json.loads(row[0])


def tree_size(raw: sqlite3.Connection) -> int:
    """How many entries the stored tree state speaks of."""
    (frontier,) = raw.execute("SELECT frontier FROM oversight_logstate").fetchone()
    return int.from_bytes(frontier[:8], "big")


def request_row(raw: sqlite3.Connection, request_id: str) -> tuple[str, int | None] | None:
    """A request's status and the index of its intent."""
    found = raw.execute(
        "SELECT status, intent_index FROM casework_searchrequest WHERE id = ?", (request_id,)
    ).fetchone()
    return None if found is None else (str(found[0]), found[1])


def totals(raw: sqlite3.Connection) -> dict[str, int]:
    """Rows by table, of every table."""
    names = [n for (n,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {n: int(raw.execute(f"SELECT count(*) FROM {n}").fetchone()[0]) for n in names}
