"""Hold rows against the published dictionary of 2025: selections, required answers, questions out of turn, form.

Source: the data dictionary of the 2025 inventory (valid selections, and the sentence “Required: …” of each
column). Two limits are ours: the 32,767 characters that a spreadsheet's cell holds, and no text that a
spreadsheet would run as a formula. A column that the file lacks altogether is told once, not for every row:
agencies may leave identifiers and withheld uses out of what they publish.
"""

from collections.abc import Iterator, Sequence

from counterseal.oversight.inventory.cells import read_date
from counterseal.oversight.inventory.columns import BY_NAME, COLUMNS_2025, HIGH, Column, Kind
from counterseal.oversight.inventory.errors import UnusableInventoryError
from counterseal.oversight.inventory.findings import Finding, Seen
from counterseal.oversight.inventory.rows import Inventory, Row

MAX_CELL = 32_767
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NONE = "None of the above"

FAULTS = {
    "required": "a question that must be answered at this stage is not",
    "out-of-turn": "a question is answered that the answer before it closes",
    "not-a-selection": "an answer is none of the valid selections",
    "contradicting-selections": "“none of the above” stands beside others",
    "not-a-date": "a date is none",
    "not-a-mail-address": "a mail address is none",
    "too-long": f"an answer is longer than the {MAX_CELL} characters of a spreadsheet's cell",
    "formula": "a spreadsheet would run an answer as a formula",
}


def validate(inventory: Inventory) -> tuple[Finding, ...]:
    """Every fault of every row, in the file's order; empty where the file is valid.

    Raises:
        UnusableInventoryError: the inventory is in the form of 2024, which has another dictionary.
    """
    if inventory.form != COLUMNS_YEAR:
        raise UnusableInventoryError(
            f"the file asks the questions of {inventory.form}; only the dictionary of {COLUMNS_YEAR} can be applied"
        )
    present = [BY_NAME[name] for name in inventory.columns]
    return tuple(seen.named(fault) for row in inventory.rows for fault, seen in faults_of(row, present))


COLUMNS_YEAR = 2025


def absent(inventory: Inventory) -> tuple[str, ...]:
    """The columns of 2025 that the file does not have."""
    return tuple(column.name for column in COLUMNS_2025 if column.name not in inventory.columns)


def faults_of(row: Row, columns: Sequence[Column] = COLUMNS_2025) -> Iterator[tuple[str, Seen]]:
    """The faults of one row: name of the fault, and what is wrong."""
    for column in columns:
        yield from _of_need(row, column)
        yield from _of_form(row, column)


def needed(row: Row, column: Column) -> bool:
    """Whether the dictionary requires an answer, given the stage and the other answers."""
    need = column.need
    if need is None or row["development_stage"] not in need.stages:
        # Without a stage nothing is known but that the stage is missing.
        return column.name == "development_stage"
    if need.high_impact and row["is_high_impact"] != HIGH:
        return False
    return need.only is None or row[need.only[0]] in need.only[1]


def _of_need(row: Row, column: Column) -> Iterator[tuple[str, Seen]]:
    answered = bool(row[column.name])
    if needed(row, column) and not answered:
        yield "required", Seen(row, f"`{column.name}` {_when(row, column)} and is empty", (column.name,))
    only = column.need.only if column.need else None
    if only is not None and answered and row[only[0]] and row[only[0]] not in only[1]:
        yield (
            "out-of-turn",
            Seen(
                row,
                f"`{column.name}` is answered, though the question appears only if `{only[0]}` is "
                + " or ".join(f"“{code}”" for code in only[1])
                + f"; it is “{row[only[0]]}”",
                (column.name, only[0]),
            ),
        )


def _when(row: Row, column: Column) -> str:
    need = column.need
    if column.name == "development_stage" or need is None or (len(need.stages) == 4 and need.only is None):
        return "must always be answered"
    stage = f"must be answered for a use whose stage is “{row['development_stage']}”"
    if need.high_impact:
        return stage + " and that is high-impact"
    return stage + (f" and whose `{need.only[0]}` is “{row[need.only[0]]}”" if need.only else "")


def _of_form(row: Row, column: Column) -> Iterator[tuple[str, Seen]]:
    name, codes = column.name, tuple(choice.code for choice in column.choices)
    for answer in row.lists.get(name) or ((row[name],) if row[name] else ()):
        if codes and answer not in codes:
            yield "not-a-selection", Seen(row, f"`{name}` is “{_short(answer)}”, no valid selection", (name,))
        if column.kind is Kind.DATE and read_date(answer) is None:
            yield (
                "not-a-date",
                Seen(row, f"`{name}` is “{_short(answer)}”; give 2025-01-31, 2025-01 or 2025", (name,)),
            )
        if column.kind is Kind.EMAIL and ("@" not in answer or " " in answer):
            yield "not-a-mail-address", Seen(row, f"`{name}` is “{_short(answer)}”", (name,))
        if len(answer) > MAX_CELL:
            yield (
                "too-long",
                Seen(row, f"`{name}` has {len(answer)} characters; a cell holds {MAX_CELL}", (name,)),
            )
        if not codes and answer.startswith(_FORMULA):
            yield (
                "formula",
                Seen(
                    row,
                    f"`{name}` begins with “{answer[0]}”, which a spreadsheet runs; begin with a word",
                    (name,),
                ),
            )
    items = row.lists.get(name, ())
    if _NONE in items and len(items) > 1:
        yield "contradicting-selections", Seen(row, f"`{name}`: “{_NONE}” stands beside others", (name,))


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
