"""A matrix of scores: one row a probe, one column a reference.

With names (first row and first column), a comparison is mated exactly when the names of row and column are the
same; names are people, so two probes of one person carry the same name. Without names the matrix is square and
mated on its diagonal. Delimiter: comma, semicolon, tab or spaces.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterseal.evaluation.comparisons import Comparisons, Flags, Floats, Indices
from counterseal.evaluation.reading.assemble import SELF, Options, Reading, Samples
from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.files import first_line
from counterseal.evaluation.reading.numbers import FAILURE_WORDS, read_cells
from counterseal.evaluation.reading.table import DELIMITERS, batches, heading, row_of


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """(P, R) scores as the file has them, NaN where a comparison failed; names of people of rows and columns."""

    scores: Floats
    rows: list[str]
    columns: list[str]
    named: bool
    failures: dict[str, int]


def read_matrix(path: Path, options: Options, *, samples: bool = False) -> Reading:
    """A matrix as comparisons, row after row."""
    matrix = _read(path, options)
    subjects = tuple(sorted({*matrix.rows, *matrix.columns}))
    code = {name: i for i, name in enumerate(subjects)}
    rows = np.array([code[name] for name in matrix.rows], np.int32)
    columns = np.array([code[name] for name in matrix.columns], np.int32)
    mated = rows[:, None] == columns[None, :]
    for kind, there in (("mated", mated.any()), ("non-mated", not mated.all())):
        if not there:
            what = f"none of the {mated.size} comparisons is {kind}"
            raise fault(path, what, "rows and columns are named by person: the same person, the same name")
    scores = matrix.scores.ravel()
    kept = _without_diagonal(path, matrix, options)
    probe, reference = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    flags = mated.ravel()
    left_out = {}
    if kept is not None:
        scores, flags, probe, reference = scores[kept], flags[kept], probe[kept], reference[kept]
        left_out = {SELF: int((~kept).sum())}
        if not flags.any():
            raise fault(path, "without self comparisons none is mated", "people need two samples each")
    oriented = options.direction.oriented(scores)
    oriented = np.where(np.isnan(oriented), -np.inf, oriented).astype(scores.dtype, copy=False)
    comparisons = Comparisons(
        oriented,
        flags,
        options.direction,
        subjects,
        probe,
        reference,
        failures=dict(sorted(matrix.failures.items())),
    )
    probes = references = None
    if samples:
        probes = Samples(_told_apart(matrix.rows), _axis(matrix, kept, 0))
        references = Samples(_told_apart(matrix.columns), _axis(matrix, kept, 1))
    return Reading(comparisons, "matrix", matrix.scores.size, left_out, probes, references)


def _axis(matrix: Matrix, kept: Flags | None, axis: int) -> Indices:
    """Row (0) or column (1) of each comparison."""
    places: Indices = np.indices(matrix.scores.shape, np.int32)[axis].ravel()
    return places if kept is None else places[kept]


def _told_apart(people: list[str]) -> tuple[str, ...]:
    """Names of samples: those of the people, numbered where one has several."""
    several = {name for name, count in Counter(people).items() if count > 1}
    seen: Counter[str] = Counter()
    names = []
    for name in people:
        seen[name] += 1
        names.append(f"{name} ({seen[name]})" if name in several else name)
    return tuple(names)


def _without_diagonal(path: Path, matrix: Matrix, options: Options) -> Flags | None:
    """Which cells stay where rows and columns are the same samples in the same order, else None.

    That they are shows in the scores: both halves alike, and one value all along the diagonal.
    """
    scores = matrix.scores
    if matrix.rows != matrix.columns or len(matrix.rows) < 3:
        return None
    diagonal = np.diagonal(scores)
    if not ((diagonal == diagonal[0]).all() and np.array_equal(scores, scores.T)):
        return None
    if SELF not in options.leave_out:
        what = (
            f"it is symmetric and all its diagonal is {diagonal[0]:g}: each sample was compared with itself"
        )
        raise fault(path, what, f"compare different samples, or have {SELF} left out and counted (`{SELF}`)")
    return ~np.eye(len(scores), dtype=np.bool_).ravel()


def _read(path: Path, options: Options) -> Matrix:
    """The cells and names of a text file."""
    line = first_line(path)
    delimiter = max(DELIMITERS, key=line.count)
    if not line.count(delimiter):
        delimiter = " "
    head = heading(path, delimiter)
    named = not all(_is_score(cell, options) for cell in head)
    skip = 1 if named else 0
    blocks: list[Floats] = []
    rows: list[str] = []
    failures: dict[str, int] = {}
    width = len(head) - skip
    for batch in batches(path, delimiter, [str(i) for i in range(len(head))], skip_heading=named):
        first = len(rows)
        rows += [name.strip() for name in batch.column(0).to_pylist()] if named else [""] * batch.num_rows
        block = np.empty((batch.num_rows, width))
        cells = [batch.column(skip + j) for j in range(width)]
        block[:] = _numbers(path, cells, options, failures, delimiter, first + skip).T
        blocks.append(block)
    scores = np.concatenate(blocks) if blocks else np.empty((0, width))
    if not named:
        if scores.shape[0] != scores.shape[1]:
            what = f"it has {scores.shape[0]} rows and {scores.shape[1]} columns, and no names"
            raise fault(
                path,
                what,
                "a matrix without names is square, mated on its diagonal; or name rows and columns",
            )
        numbers = [str(i) for i in range(1, width + 1)]
        return Matrix(scores, numbers, numbers, named, failures)
    columns = head[1:]
    for names, what in ((rows, "row"), (columns, "column")):
        if "" in names:
            at = row_of(path, delimiter, names.index("") + 1) if what == "row" else 1
            raise fault(path, f"a {what} has no name", "name every row and column by person", row=at)
    return Matrix(scores, rows, columns, named, failures)


def _numbers(
    path: Path, cells: list[pa.Array], options: Options, failures: dict[str, int], delimiter: str, first: int
) -> Floats:
    """(columns, rows) of one batch; failures are counted on the way. The first row at fault is told."""
    out = np.empty((len(cells), len(cells[0])))
    worst: tuple[int, int, str, str] | None = None
    for j, text in enumerate(cells):
        read = read_cells(text, None, options.failure_words)
        if read.wrong is not None:
            worst = min(
                worst or (read.wrong, j, read.why, read.remedy), (read.wrong, j, read.why, read.remedy)
            )
            continue
        out[j] = read.scores
        if read.reasons is not None:
            for count in pc.value_counts(read.reasons.drop_null()):
                reason = count["values"].as_py()
                failures[reason] = failures.get(reason, 0) + count["counts"].as_py()
    if worst is not None:
        at, j, why, _ = worst
        remedy = f"a comparison that failed has one of the words {', '.join(FAILURE_WORDS)} in its cell"
        raise fault(
            path, f"column {j + 1} of the scores: {why}", remedy, row=row_of(path, delimiter, first + at)
        )
    return out


def _is_score(cell: str, options: Options) -> bool:
    """Could this cell of the first row be a score, so that it names nobody."""
    text = cell.strip().lower()
    try:
        float(text)
    except ValueError:
        return text in FAILURE_WORDS or text in options.failure_words
    return True
