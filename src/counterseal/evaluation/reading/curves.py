"""Read the points of a published curve: a table with a column of FMR and one of FNMR or of 1 - FNMR (`tmr`)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from counterseal.evaluation.published_curve import PublishedCurve
from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.files import first_line
from counterseal.evaluation.reading.table import DELIMITERS, heading, records

RATES = ("fmr", "fnmr", "tmr")


def read_curve(path: Path, columns: Mapping[str, str]) -> PublishedCurve:
    """The points. columns: `fmr` and one of `fnmr`, `tmr` -> a column of the file, by its heading or number from 1.

    Cells are set apart by comma, semicolon, tab or spaces. Raises EvaluationInputError with file, row and remedy.
    """
    if "fmr" not in columns or len(columns) != 2 or not set(columns) <= set(RATES):
        raise fault(
            path,
            "it is not told which columns hold the rates",
            "name fmr=COLUMN and one of fnmr=COLUMN, tmr=COLUMN",
        )
    line = first_line(path)
    delimiter = max((*DELIMITERS, " "), key=line.count) if any(d in line for d in (*DELIMITERS, " ")) else " "
    head = heading(path, delimiter)
    by_name = not all(column.isdecimal() for column in columns.values())
    places = {rate: _place(path, column, head, by_name=by_name) for rate, column in columns.items()}
    rows = [
        {rate: _number(path, row, cells, place) for rate, place in places.items()}
        for row, cells in list(records(path, delimiter))[int(by_name) :]
    ]
    if not rows:
        raise fault(path, "there are no points", "give the table with its rows")
    fmr = np.array([row["fmr"] for row in rows])
    other = next(rate for rate in places if rate != "fmr")
    told = np.array([row[other] for row in rows])
    return PublishedCurve.of(fmr, told if other == "fnmr" else 1 - told)


def _place(path: Path, column: str, head: list[str], *, by_name: bool) -> int:
    if by_name:
        if column not in head:
            shown = ", ".join(f"`{name}`" for name in head)
            raise fault(path, f"there is no column `{column}` (the columns are {shown})", "name one of them")
        return head.index(column)
    if not 1 <= int(column) <= len(head):
        raise fault(path, f"there is no column {column}", f"columns count from 1 to {len(head)}")
    return int(column) - 1


def _number(path: Path, row: int, cells: list[str], place: int) -> float:
    try:
        return float(cells[place])
    except IndexError:
        raise fault(
            path, f"it has {len(cells)} cells", "every row has a cell for each column", row=row
        ) from None
    except ValueError:
        remedy = "a heading is read where columns are given by name, not by number"
        raise fault(path, f"`{cells[place]}` is no number", remedy, row=row) from None
