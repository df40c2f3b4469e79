"""Our own uses as rows of the 2025 inventory: built from facts, held against the dictionary, written as CSV.

Nothing leaves that breaks a rule, or that would not be the same after `read_inventory`: the export refuses
text that reading would tidy (runs of spaces, carriage returns, invisible characters), so import is lossless.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import Any, Protocol

from counterseal.oversight.inventory.cells import clean_text
from counterseal.oversight.inventory.columns import (
    BY_NAME,
    COLUMNS_2025,
    COMING_UP,
    DEPLOYED,
    Column,
    Kind,
)
from counterseal.oversight.inventory.errors import ExportRefusedError, InventoryError
from counterseal.oversight.inventory.rows import Inventory, Row
from counterseal.oversight.inventory.selections import of_2025
from counterseal.oversight.inventory.validate import COLUMNS_YEAR, faults_of

SHOWN = 12  # faults in the message of a refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class UseForInventory:
    """One use in the 36 columns of 2025; `hi_justification` is the column `HI_justification`.

    Selections are the dictionary's shorthand codes. Empty means not answered.
    """

    agency: str
    agency_name: str
    id: str
    use_case_name: str
    agency_bureau: str
    contact_email: str
    development_stage: str
    is_high_impact: str
    is_withheld: str = "No"
    hi_justification: str = ""
    topic_area: str = ""
    classification: str = ""
    problem_solved: str = ""
    benefits: str = ""
    system_outputs: str = ""
    operational_date: date | None = None
    contracting_usage: str = ""
    vendor_name: str = ""
    have_ato: str = ""
    system_name_ato: str = ""
    data_description: str = ""
    link_to_data: str = ""
    has_pii: str = ""
    pia_url: str = ""
    demographic_features: tuple[str, ...] = ()
    has_custom_code: str = ""
    code_url: str = ""
    hi_testing_conducted: str = ""
    hi_assessment_completed: str = ""
    hi_potential_impacts: str = ""
    hi_independent_review: str = ""
    hi_ongoing_monitoring: str = ""
    hi_training_established: str = ""
    hi_failsafe_presence: str = ""
    hi_appeal_process: str = ""
    hi_public_consultation: tuple[str, ...] = ()

    @classmethod
    def of(cls, answers: Mapping[str, Any]) -> "UseForInventory":
        """A use from answers by column; selections as codes or in published words, dates as 2025-01-31.

        Raises:
            InventoryError: a column is unknown or missing, or an answer is of the wrong kind.
        """
        given = {(_JUSTIFICATION if name == _COLUMN else name): value for name, value in answers.items()}
        unknown = sorted(set(given) - _FIELDS)
        missing = sorted(_MUST - set(given))
        if unknown or missing:
            raise InventoryError(
                "a use has the columns of the inventory of 2025; "
                + "; ".join(
                    f"{what}: {', '.join(f'`{n}`' for n in names)}"
                    for what, names in (("unknown", unknown), ("missing", missing))
                    if names
                )
            )
        return cls(**{name: _value(_column(name), value) for name, value in given.items()})


_JUSTIFICATION, _COLUMN = "hi_justification", "HI_justification"
_FIELDS = frozenset(field.name for field in fields(UseForInventory))
_MUST = frozenset(field.name for field in fields(UseForInventory) if field.default is MISSING)


def _column(field: str) -> Column:
    return BY_NAME[_COLUMN if field == _JUSTIFICATION else field]


def _value(column: Column, value: Any) -> Any:
    match column.kind, value:
        case Kind.DATE, date() | None:
            return value
        case Kind.DATE, "":
            return None
        case Kind.DATE, str():
            try:
                return date.fromisoformat(value)
            except ValueError as error:
                raise InventoryError(
                    f"`{column.name}` is “{value}”; give a day such as 2025-01-31"
                ) from error
        case Kind.LIST, list() | tuple() if all(isinstance(item, str) for item in value):
            given = {_code(column, item) for item in value}
            known = [choice.code for choice in column.choices if choice.code in given]
            return (*known, *sorted(given - set(known)))
        case Kind.LIST, _:
            raise InventoryError(f"`{column.name}` takes a list of selections, not {type(value).__name__}")
        case Kind.CHOICE, str():
            return _code(column, value)
        case _, str():
            return value
    raise InventoryError(f"`{column.name}` takes {column.kind.value}, not {type(value).__name__}")


def _code(column: Column, value: str) -> str:
    return of_2025(column.name).code_of(value) or value


class RegisteredUse(Protocol):
    """What the register of uses (`oversight.models.Use`) says of a use."""

    id: str
    name: str
    purpose: str
    law_enforcement: bool
    status: str


_STAGE = {"under-review": COMING_UP, "active": DEPLOYED}


def from_register(use: RegisteredUse, answers: Mapping[str, Any]) -> UseForInventory:
    """A registered use with the answers that the register does not hold; where both speak, the answers hold.

    A suspended use has no stage of its own in the dictionary: the answers must state one.

    Raises:
        InventoryError: as `UseForInventory.of`.
    """
    known: dict[str, Any] = {"id": use.id, "use_case_name": use.name, "problem_solved": use.purpose}
    if use.law_enforcement:
        known["topic_area"] = "Law Enforcement"
    if use.status in _STAGE:
        known["development_stage"] = _STAGE[use.status]
    return UseForInventory.of({**known, **answers})


def row_of(use: UseForInventory, number: int) -> Row:
    """The use as a row, as `read_inventory` would give it."""
    texts: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for field in fields(use):
        value, name = getattr(use, field.name), _column(field.name).name
        if isinstance(value, tuple):
            if value:
                lists[name] = value
        elif value:
            texts[name] = value.isoformat() if isinstance(value, date) else value
    return Row(number, use.id, use.agency, texts, lists)


def use_of(row: Row) -> UseForInventory:
    """A row as a use: the way back from our own export.

    Raises:
        InventoryError: an answer is missing that a use must have, or a date is no whole day.
    """
    return UseForInventory.of(
        {
            name: row.lists.get(name, ()) if column.kind is Kind.LIST else row[name]
            for name, column in BY_NAME.items()
        }
    )


def uses_of(inventory: Inventory) -> tuple[UseForInventory, ...]:
    """Every row as a use.

    Raises:
        InventoryError: the file is of 2024, or a row is no whole use.
    """
    if inventory.form != COLUMNS_YEAR:
        raise InventoryError(
            f"the file is of {inventory.form}; only rows of {COLUMNS_YEAR} are uses in our columns"
        )
    return tuple(use_of(row) for row in inventory.rows)


def faults(uses: Sequence[UseForInventory]) -> tuple[str, ...]:
    """What forbids the export of these uses, a sentence each; empty where nothing does."""
    found = []
    seen: dict[tuple[str, str], int] = {}
    # The header is row 1.
    for number, use in enumerate(uses, start=2):
        row = row_of(use, number)
        label = f"use {use.id or number}"
        found += [f"{label}: {fault.why} ({name})" for name, fault in faults_of(row)]
        found += [f"{label}: `{name}` is empty" for name in ("agency", "agency_name") if not row[name]]
        found += [f"{label}: {says}" for says in _untidy(row)]
        if use.id and (first := seen.setdefault((use.agency, use.id), number)) != number:
            found.append(f"{label}: the identifier also stands in row {first}")
    return tuple(found)


def _untidy(row: Row) -> Iterable[str]:
    for name, text in row.texts.items():
        cleaned, kinds = clean_text(text, breaks=not BY_NAME[name].one_line)
        if cleaned != text:
            yield f"`{name}` would be tidied when it is read ({', '.join(kinds)}); write it as “{cleaned[:60]}…”"


def export_csv(uses: Sequence[UseForInventory], *, short: bool = False) -> bytes:
    """The uses as CSV in UTF-8 with a byte order mark, in the order given, under the 36 published names.

    short: write selections as the dictionary's shorthand codes, as the published file does, instead of its words.

    Raises:
        ExportRefusedError: a use breaks a rule; says which and how.
    """
    wrong = faults(uses)
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise ExportRefusedError("nothing was written: " + "; ".join(wrong[:SHOWN]) + more)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS_2025)
    for number, use in enumerate(uses, start=2):
        row = row_of(use, number)
        writer.writerow(_written(row, column, short) for column in COLUMNS_2025)
    return out.getvalue().encode("utf-8-sig")


def _written(row: Row, column: Column, short: bool) -> str:
    if column.kind is Kind.LIST:
        # The demographic features have no shorthand: the published file has their words too.
        as_codes = short and column.name != "demographic_features"
        return repr([code if as_codes else column.label_of(code) for code in row.lists.get(column.name, ())])
    return row[column.name] if short else column.label_of(row[column.name])
