"""Read a file of scores in the format that the caller names.

Nothing is guessed that would change a number: whether higher means more alike is told, and so is who belongs to which
group. See docs/reference/score-files.md.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Scores
from counterseal.evaluation.reading.assemble import ATTACKS, REPEATED, SELF, Options, Reading
from counterseal.evaluation.reading.bee import is_bee, read_bee
from counterseal.evaluation.reading.bob import read_bob
from counterseal.evaluation.reading.columns import read_columns, read_histograms
from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.files import opening
from counterseal.evaluation.reading.groups import read_groups, with_groups, with_how, with_labels
from counterseal.evaluation.reading.matrix import read_matrix
from counterseal.evaluation.reading.pairs import read_pairs
from counterseal.evaluation.reading.parquet import read_parquet, read_parquet_scores

T = TypeVar("T")


class Format(StrEnum):
    """How the scores lie in the file."""

    MATRIX = "matrix"
    PAIRS = "pairs"
    BOB4 = "bob4"
    BOB5 = "bob5"
    COLUMNS = "columns"
    HISTOGRAM = "histogram"
    PARQUET = "parquet"


def read(
    path: Path,
    *,
    format: Format | str,  # noqa: A002  the word of the command line
    direction: Direction | str | None,
    groups: Path | None = None,
    groups_how: Mapping[str, str] | None = None,
    group_labels: Mapping[str, Sequence[str]] | None = None,
    mated_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    failure_words: Collection[str] = (),
    leave_out: Collection[str] = (),
    samples: bool = False,
) -> Reading:
    """Everything a file of scores tells.

    direction: what a higher number means in the file; None only for a Parquet file of ours, which says it. groups: who
    belongs to which group. groups_how: grouping -> how membership was obtained, where the file does not say.
    group_labels: grouping -> the only labels allowed. mated_file: the second file of some formats (mated scores, list
    of mated pairs, mask). columns: our name -> the file's name of a column. failure_words: words in a score cell that
    stand for a failed comparison, beside the known ones. leave_out: of `self comparisons`, `repeated comparisons`,
    `attack presentations`: counted and left out instead of refused. samples: keep which samples were compared.

    Raises EvaluationInputError with file, row and remedy for whatever cannot be read as it was told.
    """
    path = Path(path)
    kind = _format(path, format)
    reading = _read(
        path,
        kind,
        _options(path, kind, direction, columns, failure_words, leave_out),
        mated_file,
        columns or {},
        samples,
    )
    # What is told of a grouping belongs to the scores if they carry it, and else to the groups file.
    carried = (
        reading.comparisons.groupings.keys()
        if groups is not None
        else {*(groups_how or {}), *(group_labels or {})}
    )
    own_how, how = _parted(groups_how, carried)
    own_labels, labels = _parted(group_labels, carried)
    if own_how:
        reading = with_how(path, reading, own_how)
    if own_labels:
        reading = with_labels(path, reading, own_labels)
    if groups is not None:
        reading = with_groups(reading, read_groups(Path(groups), how=how, labels=labels))
    return reading


def _parted(told: Mapping[str, T] | None, names: Collection[str]) -> tuple[dict[str, T], dict[str, T]]:
    """What is told of these names, and of others."""
    mine = {name: value for name, value in (told or {}).items() if name in names}
    return mine, {name: value for name, value in (told or {}).items() if name not in names}


def read_comparisons(
    path: Path,
    *,
    format: Format | str,  # noqa: A002  the word of the command line
    direction: Direction | str | None,
    groups: Path | None = None,
    groups_how: Mapping[str, str] | None = None,
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
        groups=groups,
        groups_how=groups_how,
        mated_file=mated_file,
        columns=columns,
        failure_words=failure_words,
        leave_out=leave_out,
    ).comparisons


def read_scores(
    path: Path,
    *,
    format: Format | str,  # noqa: A002  the word of the command line
    direction: Direction | str | None,
    mated_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    failure_words: Collection[str] = (),
    leave_out: Collection[str] = (),
) -> Scores:
    """Mated and non-mated scores alone, sorted. A Parquet file takes 4 bytes of memory a float32 score.

    For that, only the columns `mated`, `score` and `failure` of a Parquet file are looked at; other formats are read
    and checked whole.
    """
    path = Path(path)
    kind = _format(path, format)
    if kind is Format.PARQUET and not leave_out:
        options = _options(path, kind, direction, columns, failure_words, leave_out)
        return read_parquet_scores(path, options, columns=columns or {})
    return Scores.of(
        read_comparisons(
            path,
            format=kind,
            direction=direction,
            mated_file=mated_file,
            columns=columns,
            failure_words=failure_words,
            leave_out=leave_out,
        )
    )


def _read(
    path: Path,
    kind: Format,
    options: Options | None,
    mated_file: Path | None,
    columns: Mapping[str, str],
    samples: bool,
) -> Reading:
    """By the reader of this format."""
    if kind is Format.PARQUET:
        _one_file(path, kind, mated_file)
        return read_parquet(path, options, columns=columns, samples=samples)
    if options is None:
        raise fault(
            path,
            "nothing tells whether a higher score is more or less alike",
            "say similarity or dissimilarity",
        )
    match kind:
        case Format.MATRIX:
            if is_bee(opening(path)):
                return read_bee(path, options, mask=mated_file, samples=samples)
            _one_file(path, kind, mated_file)
            return read_matrix(path, options, samples=samples)
        case Format.PAIRS:
            return read_pairs(path, options, mated_file=mated_file, samples=samples)
        case Format.BOB4 | Format.BOB5:
            _one_file(path, kind, mated_file)
            return read_bob(path, kind, options, samples=samples)
        case Format.COLUMNS:
            return read_columns(path, options, mated_file=mated_file)
        case Format.HISTOGRAM:
            return read_histograms(path, options, mated_file=mated_file)


def _one_file(path: Path, kind: Format, mated_file: Path | None) -> None:
    """Refuse a second file that would not be looked at."""
    if mated_file is not None:
        raise fault(path, f"the format `{kind}` is one file", f"leave `{Path(mated_file).name}` away")


def _options(
    path: Path,
    kind: Format,
    direction: Direction | str | None,
    columns: Mapping[str, str] | None,
    failure_words: Collection[str],
    leave_out: Collection[str],
) -> Options | None:
    """What the caller said; None without a direction."""
    if columns and kind not in (Format.PAIRS, Format.PARQUET):
        raise fault(
            path, f"the format `{kind}` has no heading", "name columns for `pairs` and `parquet` only"
        )
    words = frozenset(word.strip().lower() for word in failure_words)
    if words and kind is Format.PARQUET:
        raise fault(path, "the scores of a Parquet file are numbers", "tell failures in its column `failure`")
    left = _leave_out(path, leave_out)
    if direction is None:
        return None
    return Options(_direction(direction), dict(columns or {}), words, left)


def _direction(told: Direction | str) -> Direction:
    """What a higher number means; never guessed."""
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
