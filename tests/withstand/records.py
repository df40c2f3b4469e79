"""Read an installation's records as an outsider would: straight from the files."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from crowd import CONNECTOR

from databases import Raw
from databases import raw as database

__all__ = ["Call", "calls", "database", "entry", "request_row", "totals", "tree_size"]


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


def entry(raw: Raw, index: int) -> dict[str, Any] | None:
    """The stored entry of this index, decoded."""
    row = raw.execute('SELECT body FROM oversight_logentry WHERE "index" = ?', (index,)).fetchone()
    return None if row is None else json.loads(row[0])


def tree_size(raw: Raw) -> int:
    """How many entries the stored tree state speaks of."""
    (frontier,) = raw.execute("SELECT frontier FROM oversight_logstate").fetchone()
    return int.from_bytes(frontier[:8], "big")


def request_row(raw: Raw, request_id: str) -> tuple[str, int | None] | None:
    """A request's status and the index of its intent."""
    found = raw.execute(
        "SELECT status, intent_index FROM casework_searchrequest WHERE id = ?", (request_id,)
    ).fetchone()
    return None if found is None else (str(found[0]), found[1])


def totals(raw: Raw) -> dict[str, int]:
    """Rows by table, of every table."""
    return {n: int(raw.execute(f"SELECT count(*) FROM {n}").fetchone()[0]) for n in raw.tables()}
