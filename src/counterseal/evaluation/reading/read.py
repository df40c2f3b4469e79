"""Read a file of scores in the format that the caller names.

Nothing is guessed that would change a number: whether higher means more alike is told, and so is who belongs to which
group. See docs/reference/score-files.md.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path

from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError
from counterseal.evaluation.reading.assemble import ATTACKS, REPEATED, SELF, Options, Reading
from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.matrix import read_matrix
from counterseal.evaluation.reading.pairs import read_pairs


class Format(StrEnum):
    """How the scores lie in the file."""

    MATRIX = "matrix"
    PAIRS = "pairs"


def read(
    path: Path,
    *,
    format: Format | str,  # noqa: A002  the word of the command line
    direction: Direction | str | None,
    mated_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    failure_words: Collection[str] = (),
    leave_out: Collection[str] = (),
    samples: bool = False,
) -> Reading:
    """Everything a file of scores tells.

    direction: what a higher number means in the file. mated_file: the second file that some formats have. columns: our
    name -> the file's name of a column. failure_words: words in a score cell that stand for a failed comparison, beside
    the known ones. leave_out: of `self comparisons`, `repeated comparisons`, `attack presentations`: counted and left
    out instead of refused. samples: keep which samples were compared.

    Raises EvaluationInputError with file, row and remedy for whatever cannot be read as it was told.
    """
    path = Path(path)
    options = Options(
        direction=_direction(path, direction),
        columns=dict(columns or {}),
        failure_words=frozenset(word.strip().lower() for word in failure_words),
        leave_out=_leave_out(path, leave_out),
    )
    match _format(path, format):
        case Format.MATRIX:
            return read_matrix(path, options)
        case Format.PAIRS:
            return read_pairs(path, options, mated_file=mated_file, samples=samples)


def read_comparisons(
    path: Path,
    *,
    format: Format | str,  # noqa: A002  the word of the command line
    direction: Direction | str | None,
    mated_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    failure_words: Collection[str] = (),
    leave_out: Collection[str] = (),
) -> Comparisons:
    """The comparisons of a file alone; `read` tells what was left out and says what the arguments mean."""
    return read(
        path,
        format=format,
        direction=direction,
        mated_file=mated_file,
        columns=columns,
        failure_words=failure_words,
        leave_out=leave_out,
    ).comparisons


def _direction(path: Path, told: Direction | str | None) -> Direction:
    """What a higher number means; never guessed."""
    if told is None:
        raise fault(
            path,
            "nothing tells whether a higher score is more or less alike",
            "say similarity or dissimilarity",
        )
    try:
        return Direction(told)
    except ValueError:
        raise EvaluationInputError(f"`{told}` is no direction; say similarity or dissimilarity") from None


def _format(path: Path, told: Format | str) -> Format:
    """A format of ours."""
    try:
        return Format(told)
    except ValueError:
        raise fault(path, f"`{told}` is no format", f"formats are {', '.join(Format)}") from None


def _leave_out(path: Path, told: Collection[str]) -> frozenset[str]:
    """What may be left out."""
    if unknown := sorted(set(told) - {SELF, REPEATED, ATTACKS}):
        raise fault(path, f"`{unknown[0]}` cannot be left out", f"`{SELF}`, `{REPEATED}`, `{ATTACKS}` can")
    return frozenset(told)
