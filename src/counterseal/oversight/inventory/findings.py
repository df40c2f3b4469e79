"""What a check found in one row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterseal.oversight.inventory.rows import Row


@dataclass(frozen=True, slots=True)
class Finding:
    """A contradiction or an omission. finding: the check's name; why: in plain words; columns: those concerned."""

    row: int
    id: str
    agency: str
    finding: str
    why: str
    columns: tuple[str, ...]

    def as_json(self) -> Mapping[str, Any]:
        """The members in the order in which the command prints them."""
        return {
            "row": self.row,
            "id": self.id,
            "agency": self.agency,
            "finding": self.finding,
            "why": self.why,
            "columns": list(self.columns),
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check says of a row; its name is added by the table of checks."""

    row: Row
    why: str
    columns: tuple[str, ...]

    def named(self, finding: str) -> Finding:
        """The finding of the check of that name."""
        return Finding(self.row.number, self.row.identifier, self.row.agency, finding, self.why, self.columns)
