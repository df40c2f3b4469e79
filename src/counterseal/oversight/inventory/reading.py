"""Read an inventory whole: every use in the file becomes one row, and every change on the way is told.

1 tables, 2 header, 3 rows, 4 answers. A row that holds a letter or a digit anywhere is a use; any other is
blank, left out and told. Columns that are not the form's are kept under their own header and told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from counterseal.oversight.inventory.cells import (
    Selections,
    clean_text,
    has_substance,
    read_date,
    read_list,
    words,
)
from counterseal.oversight.inventory.columns import ANYWHERE, COLUMNS_2025, SPELLINGS, Column, Kind
from counterseal.oversight.inventory.errors import UnusableInventoryError
from counterseal.oversight.inventory.form_2024 import ANYWHERE_2024, COLUMNS_2024, SPELLINGS_2024
from counterseal.oversight.inventory.rows import Change, ChangeKind, Inventory, Row
from counterseal.oversight.inventory.tables import Table, tables_of

HEADER_WITHIN = 20  # rows; DHS's workbook has one of section titles above the header
FEWEST = 5  # recognised columns that make a row a header

# Without these a row says nothing that could be checked.
_NEEDED: Mapping[int, tuple[str, ...]] = {
    2025: ("use_case_name", "development_stage", "is_high_impact"),
    2024: ("use_case_name", "development_stage", "impact", "agency"),
}
_AGENCY_OF_ID = re.compile(r"([A-Z]{2,6})\s?[-–]\s?\w")
_TAIL = re.compile(r" (?:practice|subpractice|sub practice) .*")


@dataclass(frozen=True, slots=True)
class _Form:
    year: int
    columns: tuple[Column, ...]
    spellings: Mapping[str, Mapping[str, str]]
    anywhere: Mapping[str, str]

    def selections(self) -> Mapping[str, Selections]:
        return {
            column.name: Selections(column.choices, self.spellings.get(column.name, {}), self.anywhere)
            for column in self.columns
            if column.choices
        }


_FORMS = (
    _Form(2025, COLUMNS_2025, SPELLINGS, ANYWHERE),
    _Form(2024, COLUMNS_2024, SPELLINGS_2024, ANYWHERE_2024),
)


@dataclass(frozen=True, slots=True)
class _Header:
    form: _Form
    index: int  # of its row in the table
    columns: tuple[Column | None, ...]  # by place; None where the form has no such question
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return sum(column is not None for column in self.columns)


def read_inventory(data: bytes) -> Inventory:
    """Read the bytes of an inventory: the CSV of 2024 or 2025, an agency's own CSV, or its `.xlsx` workbook.

    Raises:
        UnusableInventoryError: it is no such thing; says which columns are missing, or what else is wrong.
    """
    # (1) tables
    tables = list(tables_of(data))
    # (2) header
    found = [(table, header) for table in tables if (header := _header(table)) is not None]
    if not found:
        raise UnusableInventoryError(_why_no_header(tables))
    table, header = max(found, key=lambda pair: len(pair[0].rows))
    changes = [*table.changes, *_told_of_header(header)]
    changes += [
        Change(0, "", ChangeKind.SHEET, f"sheet `{other.sheet}` was not read")
        for other in tables
        if other is not table and any(has_substance(cell) for row in other.rows for cell in row)
    ]
    # (3) rows
    rows = tuple(_rows(table, header, changes))
    if not rows:
        raise UnusableInventoryError("the file has a header and no use under it")
    columns = tuple(column.name for column in header.columns if column is not None)
    return Inventory(header.form.year, columns, rows, tuple(changes), table.sheet)


def _key(header: str) -> str:
    cleaned, _ = clean_text(header, breaks=False)
    # The identifier's header shows the form of an identifier in brackets; practices have a line of their own.
    return _TAIL.sub("", words(cleaned.split("[", 1)[0]))


def _header(table: Table) -> _Header | None:
    best: _Header | None = None
    for index, texts in enumerate(table.rows[:HEADER_WITHIN]):
        for form in _FORMS:
            header = _Header(form, index, tuple(_recognised(form, texts)), texts)
            if len(header) >= FEWEST and (best is None or len(header) > len(best)):
                best = header
    if best is None:
        return None
    names = [column.name for column in best.columns if column is not None]
    for name in names:
        if names.count(name) > 1:
            raise UnusableInventoryError(f"the column `{name}` stands twice in the header; take one away")
    missing = [name for name in _NEEDED[best.form.year] if name not in names]
    if missing:
        wanted = {column.name: column.header for column in best.form.columns}
        raise UnusableInventoryError(
            f"the header is that of an inventory of {best.form.year} but lacks "
            + ", ".join(f"`{name}` (“{wanted[name]}”)" for name in missing)
        )
    return best


def _recognised(form: _Form, texts: Sequence[str]) -> Iterator[Column | None]:
    by_key: dict[str, list[Column]] = {}
    begins: dict[str, Column] = {}
    for column in form.columns:
        if column.header.endswith("…"):
            begins[_key(column.header)] = column
        for key in dict.fromkeys((_key(column.header), words(column.name))):
            by_key.setdefault(key, []).append(column)
    last = -1
    for text in texts:
        candidates = by_key.get(_key(text)) or [
            c for begin, c in begins.items() if _key(text).startswith(begin)
        ]
        # A header that the form repeats stands for the first of its questions after the one before it.
        chosen = next((c for c in candidates if form.columns.index(c) > last), None) or (
            candidates[0] if len(candidates) == 1 else None
        )
        if chosen is not None:
            last = form.columns.index(chosen)
        yield chosen


def _why_no_header(tables: Sequence[Table]) -> str:
    shown = next((row for table in tables for row in table.rows if any(map(has_substance, row))), ())
    names = [clean_text(text, breaks=False)[0][:40] for text in shown if has_substance(text)][:6]
    return (
        f"none of the first {HEADER_WITHIN} rows is the header of an inventory: at least {FEWEST} of its columns, "
        f"among them {', '.join(f'`{n}`' for n in _NEEDED[2025])}; found "
        + (", ".join(f"“{name}”" for name in names) or "nothing")
    )


def _told_of_header(header: _Header) -> Iterator[Change]:
    present = set()
    for column, text in zip(header.columns, header.texts, strict=True):
        if column is None:
            if has_substance(text):
                cleaned, _ = clean_text(text, breaks=False)
                yield Change(0, cleaned, ChangeKind.UNKNOWN_COLUMN, "no question of the form; kept as it is")
            continue
        present.add(column.name)
        if text not in (column.name, column.header):
            yield Change(0, column.name, ChangeKind.HEADER, f"“{clean_text(text, breaks=False)[0][:60]}”")
    for column in header.form.columns:
        if column.name not in present:
            yield Change(0, column.name, ChangeKind.ABSENT_COLUMN, "the file does not have this question")


def _rows(table: Table, header: _Header, changes: list[Change]) -> Iterator[Row]:
    selections = header.form.selections()
    width = len(header.texts)
    for number, cells in enumerate(table.rows[header.index + 1 :], start=header.index + 2):
        if not any(map(has_substance, cells)):
            held = "".join(cells).strip()
            changes.append(Change(number, "", ChangeKind.BLANK_ROW, f"holds only `{held}`" if held else ""))
            continue
        if any(map(has_substance, cells[width:])):
            raise UnusableInventoryError(
                f"row {number} has {len(cells)} cells and the header {width}: a comma without quotes, or a line "
                "that was cut; mend that row"
            )
        if len(cells) < width:
            changes.append(Change(number, "", ChangeKind.SHORT_ROW, f"{len(cells)} cells of {width}"))
        yield _row(number, cells, header, selections, changes)


def _row(
    number: int,
    cells: Sequence[str],
    header: _Header,
    selections: Mapping[str, Selections],
    changes: list[Change],
) -> Row:
    # (4) answers
    texts: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for column, title, cell in zip(header.columns, header.texts, cells, strict=False):
        if column is None:
            if has_substance(cell):
                texts[clean_text(title, breaks=False)[0] or "(no header)"] = clean_text(cell)[0]
            continue
        if not cell:
            continue
        cleaned, kinds = clean_text(cell, breaks=not column.one_line)
        changes.extend(Change(number, column.name, kind) for kind in kinds)
        if column.kind is Kind.LIST:
            items, unknown = read_list(cleaned, selections[column.name])
            if items:
                lists[column.name] = items
            if cleaned not in items and not _is_empty_list(cleaned):
                changes.append(Change(number, column.name, ChangeKind.LIST_FORM))
            changes.extend(
                Change(number, column.name, ChangeKind.UNKNOWN_SELECTION, _short(item)) for item in unknown
            )
        elif cleaned:
            texts[column.name] = _answer(number, column, cleaned, selections, changes)
    agency = texts.get("agency") or _agency_of(texts.get("id", ""))
    return Row(number, texts.get("id", ""), agency, texts, lists)


def _answer(
    number: int, column: Column, text: str, selections: Mapping[str, Selections], changes: list[Change]
) -> str:
    if column.kind is Kind.CHOICE:
        code = selections[column.name].code_of(text)
        if code is None:
            if not has_substance(text):
                return ""
            changes.append(Change(number, column.name, ChangeKind.UNKNOWN_SELECTION, _short(text)))
            return text
        if text not in (code, column.label_of(code)):
            changes.append(Change(number, column.name, ChangeKind.SELECTION, f"“{_short(text)}” is {code}"))
        return code
    if column.kind is Kind.DATE:
        read = read_date(text)
        if read is None:
            changes.append(Change(number, column.name, ChangeKind.UNKNOWN_DATE, _short(text)))
            return text
        if read != text:
            changes.append(Change(number, column.name, ChangeKind.DATE_FORM, f"“{text}” is {read}"))
        return read
    return text


def _is_empty_list(text: str) -> bool:
    return text in ("", "[]")


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _agency_of(identifier: str) -> str:
    found = _AGENCY_OF_ID.match(identifier)
    return found[1] if found else ""
