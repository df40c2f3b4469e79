"""From the bytes of a file to a table of cells: CSV in several code pages, and Excel workbooks.

Bounds stand before anything is unpacked. A workbook with a DTD, a macro-era `.xls` and an encrypted workbook are
refused; a formula is refused, since its value is whatever a program last made of it.
"""

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from counterseal.oversight.inventory.errors import UnusableInventoryError
from counterseal.oversight.inventory.rows import Change, ChangeKind

MAX_BYTES = 64 * 1024 * 1024
MAX_UNPACKED = 512 * 1024 * 1024
MAX_PARTS = 5_000
MAX_ROWS = 200_000
MAX_COLUMNS = 500

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS = {b"%PDF": "a PDF", b"\x1f\x8b": "a gzip archive", b"<htm": "a web page", b"<!DO": "a web page"}


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text, by row. sheet: name of the workbook's sheet, else empty."""

    rows: tuple[tuple[str, ...], ...]
    sheet: str = ""
    changes: tuple[Change, ...] = ()


def tables_of(data: bytes) -> Iterator[Table]:
    """The tables in a file: the one of a CSV, the visible sheets of a workbook.

    Raises:
        UnusableInventoryError: it is neither, is encrypted, or is out of bounds.
    """
    if len(data) > MAX_BYTES:
        raise UnusableInventoryError(f"the file has {len(data)} bytes; an inventory has at most {MAX_BYTES}")
    if not data.strip():
        raise UnusableInventoryError("the file is empty")
    if data.startswith(_OLE):
        raise UnusableInventoryError(
            "the file is an encrypted workbook or one in the old `.xls` form; open it in a spreadsheet program, "
            "take the password off and save it as `.xlsx` or CSV"
        )
    for magic, what in _OTHERS.items():
        if data[:4].lower().startswith(magic.lower()):
            raise UnusableInventoryError(f"the file is {what}; bring the inventory as CSV or `.xlsx`")
    if data.startswith(_ZIP):
        yield from _workbook(data)
    else:
        yield _csv(data)


def _csv(data: bytes) -> Table:
    text, changes = _decoded(data)
    delimiter = max(",;\t|", key=text[:20_000].split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return Table(tuple(_bounded(reader)), changes=changes)
    except csv.Error as error:
        raise UnusableInventoryError(
            f"the file is not a CSV: {error} near line {reader.line_num}; save it again from a spreadsheet program"
        ) from error


def _decoded(data: bytes) -> tuple[str, tuple[Change, ...]]:
    encodings: tuple[str, ...]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    elif b"\0" in data:
        raise UnusableInventoryError("the file is not a CSV: it holds zero bytes; bring CSV or `.xlsx`")
    else:
        encodings = ("utf-8-sig", "cp1252")
    for tried in encodings:
        try:
            text = data.decode(tried)
        except UnicodeDecodeError:
            continue
        if tried == "utf-8-sig":
            return text, ()
        return text, (Change(0, "", ChangeKind.CODE_PAGE, f"the file is in {tried}, not UTF-8"),)
    raise UnusableInventoryError(
        "the file is text in no code page that is known (UTF-8, UTF-16, Windows-1252); save it as UTF-8"
    )


def _workbook(data: bytes) -> Iterator[Table]:
    _inspect(data)
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # what openpyxl does not carry over, styles and such, is not read here
        try:
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
            for sheet in book.worksheets:
                if sheet.sheet_state == "visible":
                    rows = tuple(_bounded(_cells(sheet)))
                    yield Table(rows, sheet=str(sheet.title))
        except UnusableInventoryError:
            raise
        # openpyxl meets a broken part with whatever error the part's parser had.
        except Exception as error:
            raise UnusableInventoryError(
                f"the workbook cannot be read ({type(error).__name__}: {error}); save it again, or as CSV"
            ) from error


def _inspect(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise UnusableInventoryError(
                    f"the workbook unpacks to more than {MAX_UNPACKED} bytes or {MAX_PARTS} parts; bring a CSV"
                )
            if "xl/workbook.xml" not in archive.namelist():
                raise UnusableInventoryError(
                    "the file is an archive but no `.xlsx` workbook; bring CSV or `.xlsx`"
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _no_dtd(archive.read(part), part.filename)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise UnusableInventoryError(f"the workbook cannot be unpacked ({error}); save it again") from error


def _no_dtd(content: bytes, name: str) -> None:
    # Without a DTD there are no entities to expand or fetch. Zero bytes aside, also in UTF-16.
    if b"<!doctype" in content.replace(b"\0", b"").lower():
        raise UnusableInventoryError(
            f"the workbook's part `{name}` has a document type, which no workbook needs"
        )


def _cells(sheet: Any) -> Iterator[tuple[str, ...]]:
    for row in sheet.iter_rows():
        cells = []
        for cell in row:
            if cell.data_type == "f":
                raise UnusableInventoryError(
                    f"cell {cell.coordinate} of sheet `{sheet.title}` holds a formula; "
                    "copy the sheet and paste its values, then bring that"
                )
            cells.append(_cell(cell.value))
        yield tuple(cells)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _bounded(rows: Iterator[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS or len(row) > MAX_COLUMNS:
            raise UnusableInventoryError(
                f"row {number} lies outside {MAX_ROWS} rows of {MAX_COLUMNS} columns; is this an inventory?"
            )
        yield tuple(row)
