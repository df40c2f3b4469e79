"""A row of an inventory, the inventory, and what was changed while it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from counterseal.oversight.inventory.columns import (
    COMING_UP,
    DEPLOYED,
    HIGH,
    PILOT,
    RETIRED,
)


class ChangeKind(StrEnum):
    """What was done to a cell, a row or the file."""

    CODE_PAGE = "code-page"
    MOJIBAKE = "mojibake"
    LINE_BREAK = "line-break"
    INVISIBLE = "invisible-character"
    SPACES = "spaces"
    ENTITY = "html-entity"
    SELECTION = "selection-spelled-differently"
    LIST_FORM = "list-form"
    DATE_FORM = "date-form"
    UNKNOWN_SELECTION = "not-a-selection"
    UNKNOWN_DATE = "not-a-date"
    BLANK_ROW = "blank-row"
    SHORT_ROW = "short-row"
    HEADER = "header-spelled-differently"
    UNKNOWN_COLUMN = "unknown-column"
    ABSENT_COLUMN = "absent-column"
    SHEET = "sheet-not-read"


# These two were not changed: the value stands as it was, and is no answer to the question.
KEPT = (ChangeKind.UNKNOWN_SELECTION, ChangeKind.UNKNOWN_DATE)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed, or that stands although it should not. row 0: the file as a whole."""

    row: int
    column: str
    kind: ChangeKind
    says: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One reported use; equal only to itself, since two rows may say the same.

    number: the record's number in the file, the first being 1 (in a workbook: the number of the sheet's row).
    identifier: as the file has it, empty where it has none. agency: abbreviation; empty where it cannot be told.
    Together they are the row's identity, stable as long as the file is.
    texts: answer by column, codes for selections; lists: the same for columns that take several.
    """

    number: int
    identifier: str
    agency: str
    texts: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, column: str) -> str:
        """The answer in `column`, several of them joined by semicolons; empty where there is none."""
        if column in self.lists:
            return "; ".join(self.lists[column])
        return self.texts.get(column, "")

    @property
    def name(self) -> str:
        """The name of the use."""
        return self["use_case_name"]

    @property
    def component(self) -> str:
        """The part of the agency that answers for the use."""
        return self["agency_bureau"]

    @property
    def label(self) -> str:
        """How a sentence refers to the row: identifier where there is one, and the row's number."""
        return f"{self.identifier} (row {self.number})" if self.identifier else f"row {self.number}"

    @property
    def retired(self) -> bool:
        """Whether the use has ended."""
        return self["development_stage"] == RETIRED

    @property
    def running(self) -> bool:
        """Whether the use is piloted or deployed."""
        return self["development_stage"] in {PILOT, DEPLOYED, *_RUNNING_2024}

    @property
    def deployed(self) -> bool:
        """Whether the use is deployed."""
        return self["development_stage"] in {DEPLOYED, *_RUNNING_2024}

    @property
    def coming(self) -> bool:
        """Whether the use is being made ready."""
        return self["development_stage"] == COMING_UP or self["development_stage"] in _COMING_2024

    @property
    def high_impact(self) -> bool:
        """High-impact (2025), or with an impact on rights or safety (2024)."""
        return self["is_high_impact"] == HIGH or self["impact"] in {"Rights", "Safety", "Both"}


_RUNNING_2024 = ("Implementation and Assessment", "Operation and Maintenance")
_COMING_2024 = ("Initiated", "Acquisition and/or Development")


@dataclass(frozen=True, slots=True)
class Inventory:
    """A file as it was read. form: 2024 or 2025, whose questions it asks; columns: those that it has."""

    form: int
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    changes: tuple[Change, ...] = ()
    sheet: str = ""

    @property
    def has_identifiers(self) -> bool:
        """Whether the file carries identifiers at all; the form of 2024 published none."""
        return any(row.identifier for row in self.rows)

    def by_agency(self) -> Mapping[str, tuple[Row, ...]]:
        """The rows of each agency, in the file's order."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.agency, []).append(row)
        return {agency: tuple(rows) for agency, rows in found.items()}

    def counts(self) -> Mapping[ChangeKind, int]:
        """How often each kind of change was made."""
        found: dict[ChangeKind, int] = {}
        for change in self.changes:
            found[change.kind] = found.get(change.kind, 0) + 1
        return found
