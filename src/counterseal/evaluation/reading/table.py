"""Tables of text, batch by batch, every cell still text; and where a row stands in the file, when a fault needs it.

Rows are counted as an editor shows them: the heading is row 1 and blank lines count. A cell holds no line break: a
quote that somebody forgot to close would swallow all rows up to the next one.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.files import first_line, open_text, open_words, text_lines

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_BLOCK = 1 << 24
_NAMES = pa.dictionary(pa.int32(), pa.string())


def records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Row number and cells of each record that is not blank, slowly; for a space, cells are words."""
    lines = text_lines(path)
    if delimiter == " ":
        for row, line in enumerate(lines, start=1):
            if words := line.strip(" \t\r\n"):
                yield row, re.split("[ \t]+", words)
        return
    reader = csv.reader(lines, delimiter=delimiter)
    end = 0
    try:
        for cells in reader:
            row, end = end + 1, reader.line_num
            if cells:
                yield row, cells
    except csv.Error as broken:
        remedy = "close the quote that is open here, or shorten the cell"
        raise fault(path, f"the table is broken ({broken})", remedy, row=end + 1) from None


def heading(path: Path, delimiter: str) -> list[str]:
    """The cells of the first record."""
    first_line(path)  # refuses a file of blank lines
    return [cell.strip() for cell in next(records(path, delimiter))[1]]


def named_rows(path: Path, delimiter: str, names: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Row number and the cells under these headings, stripped, of each record after the heading; slowly.

    A name that is no heading is left out. Raises EvaluationInputError for a row with too many or too few cells.
    """
    found = heading(path, delimiter)
    at = {name: found.index(name) for name in names if name in found}
    table = records(path, delimiter)
    next(table)
    for row, cells in table:
        if len(cells) != len(found):
            what = f"it has {len(cells)} cells where {len(found)} are expected"
            raise fault(path, what, "every row has a cell for each column", row=row)
        yield row, {name: cells[i].strip() for name, i in at.items()}


def batches(
    path: Path, delimiter: str, names: list[str], *, skip_heading: bool, coded: frozenset[str] = frozenset()
) -> Iterator[pa.RecordBatch]:
    """Batches of text cells under these names, one for each column of the file; `coded` ones come as dictionaries.

    Raises EvaluationInputError with the row of the first that has too many or too few cells or is not UTF-8.
    """
    words = delimiter == " "
    read = pacsv.ReadOptions(block_size=_BLOCK, column_names=names, skip_rows_after_names=0)
    parse = pacsv.ParseOptions(
        delimiter=delimiter, quote_char=False if words else '"', newlines_in_values=not words
    )
    types = {name: _NAMES if name in coded else pa.string() for name in names}
    convert = pacsv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[])
    with (open_words if words else open_text)(path) as stream:
        try:
            for batch in pacsv.open_csv(stream, read, parse, convert):
                if not words and any(_has_break(column) for column in batch.columns):
                    raise _located(path, delimiter, len(names), "a cell holds a line break")
                if skip_heading and batch.num_rows:
                    batch, skip_heading = batch.slice(1), False
                if batch.num_rows:
                    yield batch
        except pa.ArrowInvalid as broken:
            raise _located(path, delimiter, len(names), str(broken)) from None


def row_of(path: Path, delimiter: str, place: int) -> int:
    """The row of the record at this 0-based place; counted without blank lines should it not be found."""
    return next((row for row, _ in itertools.islice(records(path, delimiter), place, None)), place + 1)


def _has_break(column: pa.Array) -> bool:
    """Is there a line break in one of these cells."""
    text = column.dictionary if pa.types.is_dictionary(column.type) else column
    return any(pc.any(pc.match_substring(text, end)).as_py() for end in "\r\n")


def _located(path: Path, delimiter: str, width: int, why: str) -> Exception:
    """The fault of the first record of another width or with a line break; reading it tells what is not UTF-8."""
    for row, cells in records(path, delimiter):
        if any("\n" in cell or "\r" in cell for cell in cells):
            return fault(
                path, "a cell holds a line break", "remove it, or close the quote that is open here", row=row
            )
        if len(cells) != width:
            remedy = "every row has a cell for each column; quote a cell that holds the delimiter"
            return fault(path, f"it has {len(cells)} cells where {width} are expected", remedy, row=row)
    return fault(
        path, f"the table cannot be read ({why.splitlines()[0][:200]})", "write it again as plain CSV"
    )
