"""One score a line: two files, one of mated and one of non-mated scores, or one file of `label score`.

Nobody is named, so no interval over people can be made. A histogram holds one count a line instead: the line with
number i (from 0) counts the comparisons with the score i.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from counterseal.evaluation.comparisons import Comparisons, Floats
from counterseal.evaluation.reading.assemble import Assembler, Options, Reading
from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.files import first_line
from counterseal.evaluation.reading.table import DELIMITERS, batches, records, row_of

MOST_COUNTED = 1_000_000_000
"""Comparisons of one histogram."""


def read_columns(path: Path, options: Options, *, mated_file: Path | None = None) -> Reading:
    """With mated_file, one score a line in both; without, `path` holds `label score` (1 is mated, 0 or -1 not)."""
    if mated_file is None:
        delimiter = _delimiter(path)
        rows = Assembler(path, options, row_of=lambda at: row_of(path, delimiter, at))
        for batch in batches(path, delimiter, ["mated", "score"], skip_heading=False):
            rows.add({"mated": batch.column("mated"), "score": batch.column("score")})
        return rows.done("columns")
    rows = Assembler(path, options, row_of=lambda at: row_of(path, " ", at))
    for each, mated in ((path, False), (mated_file, True)):
        rows.turn_to(each, lambda at, each=each: row_of(each, " ", at))  # type: ignore[misc]
        for batch in batches(each, " ", ["score"], skip_heading=False):
            rows.add({"score": batch.column("score"), "mated": pa.repeat(pa.scalar(mated), batch.num_rows)})
    return rows.done("columns")


def read_histograms(path: Path, options: Options, *, mated_file: Path | None) -> Reading:
    """Two files of counts, of the non-mated and of the mated scores 0, 1, 2, ..."""
    first_line(path)
    if mated_file is None:
        raise fault(path, "there is one histogram", "name the file that counts the mated scores too")
    non_mated, mated = _counted(path), _counted(mated_file)
    scores = options.direction.oriented(np.concatenate([non_mated, mated]))
    flags = np.repeat([False, True], [len(non_mated), len(mated)])
    return Reading(Comparisons(scores, flags, options.direction), "histogram", len(scores))


def _counted(path: Path) -> Floats:
    """Every score of a histogram, as often as it was counted."""
    counts = []
    for row, cells in records(path, " "):
        if len(cells) != 1 or not (cells[0].isascii() and cells[0].isdigit()):
            raise fault(path, f"`{' '.join(cells)}` is no count", "one whole number a line", row=row)
        counts.append(int(cells[0]))
        if sum(counts[-1:]) > MOST_COUNTED:
            raise fault(path, f"it counts more than {MOST_COUNTED} comparisons", "check the counts", row=row)
    if not 0 < sum(counts) <= MOST_COUNTED:
        raise fault(path, f"it counts {sum(counts)} comparisons", f"there must be 1 to {MOST_COUNTED}")
    return np.repeat(np.arange(len(counts), dtype=np.float64), counts)


def _delimiter(path: Path) -> str:
    """Comma, semicolon or tab where one stands in the first line, else spaces."""
    line = first_line(path)
    return next((d for d in DELIMITERS if d in line.strip() and d != "\t"), " ")
