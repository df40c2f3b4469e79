"""Pairs: one comparison a row, with a heading that names the columns.

The smallest table is `mated,score`. Delimiter: comma, semicolon or tab, whichever lets the heading be understood.
Without a heading, three words a line (`probe reference score`) are read when a second file lists the mated pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.reading.assemble import RESERVED, ROLES, Assembler, Options, Reading
from counterseal.evaluation.reading.faults import fault, listed
from counterseal.evaluation.reading.table import DELIMITERS, batches, heading, records, row_of

_SIDES = ("probe", "reference")


def read_pairs(
    path: Path, options: Options, *, mated_file: Path | None = None, samples: bool = False
) -> Reading:
    """A table of pairs; mated_file lists the mated pairs of a table without a heading, two words a line."""
    if mated_file is not None:
        return _read_triples(path, mated_file, options, samples)
    delimiter, names, used = _heading(path, options)
    return _assemble(path, options, delimiter, names, used, samples)


def chosen(path: Path, found: Sequence[str], options: Options) -> dict[str, str]:
    """Our name -> the file's name of every column that is read.

    Raises EvaluationInputError where a column is missing, named twice, or stands on one side only.
    """
    wanted = dict(options.columns)
    if unknown := [
        role for role in wanted if role not in RESERVED and not role.startswith(("probe_", "reference_"))
    ]:
        raise fault(path, f"{listed(unknown)} is no column of ours", f"columns are {', '.join(ROLES)}")
    if absent := [name for name in wanted.values() if name not in found]:
        raise fault(path, f"there is no column {listed(absent)}", f"the columns are {listed(list(found))}")
    if twice := sorted({name for name in found if found.count(name) > 1 and name}):
        raise fault(
            path, f"two columns are named {listed(twice)}", "give each column a name of its own", row=1
        )
    taken = set(wanted.values())
    for name in found:
        ours = name in RESERVED or _twin(name) in found
        if ours and name not in wanted and name not in taken:
            wanted[name] = name
    for role in wanted:
        twin = _twin(role)
        if twin and not role.endswith("_quality") and twin not in wanted:
            raise fault(
                path, f"there is `{role}` but no `{twin}`", "tell both sides of a comparison, or neither"
            )
    if "score" not in wanted:
        what = f"there is no column `score` (the columns are {listed(list(found))})"
        remedy = (
            "name the column that holds the score (score=...); a table of rates (ROC, DET) holds no scores"
        )
        raise fault(path, what, remedy)
    if "mated" not in wanted and "probe_subject" not in wanted:
        what = f"there is neither `mated` nor subjects (the columns are {listed(list(found))})"
        raise fault(path, what, "name the column that tells which comparisons are mated (mated=...)")
    return wanted


def _twin(role: str) -> str | None:
    """The column of the other side, for a column of one side."""
    side, joint, what = role.partition("_")
    other = {"probe": "reference", "reference": "probe"}.get(side)
    return other and other + joint + what


def _heading(path: Path, options: Options) -> tuple[str, list[str], dict[str, str]]:
    """The delimiter under which the heading is understood best, the file's columns, and which are read as what."""
    best: EvaluationInputError | None = None
    widths = {d: len(heading(path, d)) for d in DELIMITERS}
    for delimiter in sorted(DELIMITERS, key=lambda d: -widths[d]):
        names = heading(path, delimiter)
        try:
            return delimiter, names, chosen(path, names, options)
        except EvaluationInputError as why:
            best = best or why
    raise best or fault(
        path, "the heading cannot be understood", "begin with a heading such as `mated,score`"
    )


def _assemble(
    path: Path, options: Options, delimiter: str, names: list[str], used: dict[str, str], samples: bool
) -> Reading:
    """Read the rows under a heading."""
    plain = frozenset(
        used[role] for role in used if role in {"score", "failure", "mated", "attack"} or "quality" in role
    )
    coded = frozenset(used.values()) - plain
    unique = [name or f"\0{i}" for i, name in enumerate(names)]
    rows = Assembler(path, options, row_of=lambda at: row_of(path, delimiter, at + 1), samples=samples)
    for batch in batches(path, delimiter, unique, skip_heading=True, coded=coded):
        rows.add({role: batch.column(name) for role, name in used.items()})
    unused = tuple(name for name in names if name not in used.values())
    return replace(rows.done("pairs"), unused=unused)


def _read_triples(path: Path, mated_file: Path, options: Options, samples: bool) -> Reading:
    """`probe reference score` on each line; mated exactly when the second file lists the pair."""
    mated = {tuple(pair) for pair in _listed_pairs(mated_file)}
    known = pa.array([f"{probe} {reference}" for probe, reference in mated])
    rows = Assembler(path, options, row_of=lambda at: row_of(path, " ", at), samples=samples)
    seen = 0
    for batch in batches(path, " ", ["probe", "reference", "score"], skip_heading=False):
        pair = pc.binary_join_element_wise(batch.column("probe"), batch.column("reference"), " ")
        flags = pc.is_in(pair, known)
        seen += pc.sum(flags).as_py() or 0
        rows.add({**{name: batch.column(name) for name in ("probe", "reference", "score")}, "mated": flags})
    reading = rows.done("pairs")
    if seen != len(mated):
        what = f"it lists {len(mated)} mated pairs, of which {seen} have a score in `{path.name}`"
        raise fault(
            mated_file, what, "a mated comparison without a score is a failure and must be told as one"
        )
    return reading


def _listed_pairs(path: Path) -> Iterator[list[str]]:
    """The pairs of a list, two words a line, each once."""
    seen = set()
    for row, cells in records(path, " "):
        if len(cells) != len(_SIDES):
            raise fault(
                path, f"it has {len(cells)} words where 2 are expected", "write `probe reference`", row=row
            )
        if tuple(cells) in seen:
            raise fault(path, "the pair is listed twice", "list each mated pair once", row=row)
        seen.add(tuple(cells))
        yield cells
