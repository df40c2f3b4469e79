"""Who belongs to which group, as somebody told it: a CSV with the heading `subject,<grouping>,...`.

How membership was obtained stands in a second row whose first cell is `#how`, or is told by the caller:
`self-declared`, `document`, `measured` or `synthetic`. It is never inferred, from a name, a picture or a score. A
person about whom nothing was told has an empty cell; a person who is missing from the file is a fault, since nobody can
say which it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from counterseal.evaluation.comparisons import UNKNOWN, Grouping
from counterseal.evaluation.reading.assemble import MOST_LABELS, UNUSED, Reading
from counterseal.evaluation.reading.faults import fault, listed
from counterseal.evaluation.reading.table import DELIMITERS, heading, records

HOW = ("self-declared", "document", "measured", "synthetic")
NOT_STATED = "not stated"
HOW_ROW = "#how"


@dataclass(frozen=True, slots=True)
class Groups:
    """A groups file. membership: subject -> the label of each grouping, empty where it was not told."""

    path: Path
    names: tuple[str, ...]
    how: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    membership: Mapping[str, tuple[str, ...]]


def read_groups(
    path: Path, *, how: Mapping[str, str] | None = None, labels: Mapping[str, Sequence[str]] | None = None
) -> Groups:
    """Read a groups file. how: grouping -> how membership was obtained. labels: grouping -> the only labels allowed.

    Raises EvaluationInputError for an unknown grouping or label, a person told twice, a grouping with one label.
    """
    table = records(path, _delimiter(path))
    first = [cell.strip() for cell in next(table)[1]]
    names = tuple(first[1:])
    if first[0].lower() != "subject" or not all(names) or not names or len(set(names)) < len(names):
        remedy = "begin with `subject` and one name for each grouping, such as `subject,sex,age`"
        raise fault(path, f"the heading is {listed(first)}", remedy, row=1)
    in_file: tuple[str, ...] = ("",) * len(names)
    membership: dict[str, tuple[str, ...]] = {}
    rows: dict[str, int] = {}
    for row, cells in table:
        if len(cells) != len(first):
            what = f"it has {len(cells)} cells where {len(first)} are expected"
            raise fault(path, what, "leave a cell empty where nothing was told", row=row)
        subject, *told = (cell.strip() for cell in cells)
        if subject == HOW_ROW:
            if membership or any(in_file):
                raise fault(
                    path, f"`{HOW_ROW}` stands only once, after the heading", "move it there", row=row
                )
            in_file = tuple(told)
            continue
        if not subject:
            raise fault(path, "the subject has no name", "name every person", row=row)
        if subject in membership:
            remedy = "one row for each person"
            raise fault(path, f"`{subject}` was told in row {rows[subject]} already", remedy, row=row)
        membership[subject], rows[subject] = tuple(told), row
    if not membership:
        raise fault(path, "nobody is in it", "one row for each person")
    found = tuple(tuple(sorted({m[i] for m in membership.values()} - {""})) for i in range(len(names)))
    for name, each in zip(names, found, strict=True):
        if len(each) < 2:
            what = f"`{name}` has only one label ({listed(list(each)) or 'none'})"
            raise fault(
                path, what, "a grouping tells at least two groups apart; remove the column or mend it"
            )
        if len(each) > MOST_LABELS:
            raise fault(path, f"`{name}` has {len(each)} labels", f"at most {MOST_LABELS} can be told apart")
    allowed = _allowed(path, names, found, labels or {})
    for subject, given in membership.items():
        for name, label, known in zip(names, given, allowed, strict=True):
            if label and label not in known:
                what = f"`{label}` is no label of `{name}`"
                raise fault(path, what, f"the labels are {listed(list(known))}", row=rows[subject])
    return Groups(path, names, _how(path, names, in_file, how or {}), allowed, membership)


def with_groups(reading: Reading, groups: Groups) -> Reading:
    """The same comparisons with the groupings of this file.

    Raises EvaluationInputError for people that the file lacks, and for groupings that the scores carry themselves.
    """
    c = reading.comparisons
    if c.probe_subject is None or c.reference_subject is None:
        what = "the scores name nobody, so that nobody can be put into a group"
        raise fault(groups.path, what, "use a format that names the subjects")
    if twice := [name for name in groups.names if name in c.groupings]:
        raise fault(
            groups.path, f"the scores tell {listed(twice)} themselves", "tell a grouping in one place"
        )
    if missing := [name for name in c.subjects if name not in groups.membership]:
        what = f"{len(missing)} of {len(c.subjects)} people are missing: {listed(missing)}"
        raise fault(groups.path, what, "add a row for each, with empty cells where nothing was told")
    groupings = dict(c.groupings)
    for i, (name, how, labels) in enumerate(zip(groups.names, groups.how, groups.labels, strict=True)):
        code = {label: j for j, label in enumerate(labels)}
        of = np.array([code.get(groups.membership[s][i], UNKNOWN) for s in c.subjects], np.int16)
        groupings[name] = Grouping(name, labels, how, of[c.probe_subject], of[c.reference_subject])
    unused = len(groups.membership) - len(c.subjects)
    left_out = {**reading.left_out, **({UNUSED: unused} if unused else {})}
    return replace(
        reading, comparisons=replace(c, groupings=groupings), left_out=dict(sorted(left_out.items()))
    )


def with_how(path: Path, reading: Reading, how: Mapping[str, str]) -> Reading:
    """How membership was obtained, for groupings that the scores carry themselves."""
    c = reading.comparisons
    told = _how(path, tuple(c.groupings), tuple(g.how for g in c.groupings.values()), how)
    groupings = {g.name: replace(g, how=h) for g, h in zip(c.groupings.values(), told, strict=True)}
    return replace(reading, comparisons=replace(c, groupings=groupings))


def with_labels(path: Path, reading: Reading, labels: Mapping[str, Sequence[str]]) -> Reading:
    """The groupings that the scores carry themselves with the only labels allowed, in the order in which they are told.

    Raises EvaluationInputError for a label that is not among them.
    """
    c = reading.comparisons
    groupings = dict(c.groupings)
    if lacking := sorted(set(labels) - set(groupings)):
        what = f"there is no grouping {listed(lacking)}"
        raise fault(
            path, what, f"it holds {listed(list(groupings)) or 'none'}; bring a groups file, or add columns"
        )
    for name, allowed in labels.items():
        found = groupings[name]
        if unknown := [label for label in found.labels if label not in allowed]:
            what = f"{listed(unknown)} is no label of `{name}`"
            raise fault(path, what, f"the labels are {listed(list(allowed))}")
        place = np.array([*(list(allowed).index(label) for label in found.labels), UNKNOWN], np.int16)
        groupings[name] = Grouping(
            name, tuple(allowed), found.how, place[found.probe], place[found.reference]
        )
    return replace(reading, comparisons=replace(c, groupings=groupings))


def _delimiter(path: Path) -> str:
    """The delimiter of the heading: the one that makes most cells."""
    return max(DELIMITERS, key=lambda d: len(heading(path, d)))


def _allowed(
    path: Path, names: Sequence[str], found: Sequence[Sequence[str]], labels: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], ...]:
    """The labels of each grouping: those that were stated, else those that were found."""
    if unknown := sorted(set(labels) - set(names)):
        raise fault(path, f"there is no grouping {listed(unknown)}", f"it holds {listed(list(names))}")
    return tuple(tuple(labels.get(name, given)) for name, given in zip(names, found, strict=True))


def _how(path: Path, names: Sequence[str], told: Sequence[str], how: Mapping[str, str]) -> tuple[str, ...]:
    """How membership of each was obtained; file and caller must not disagree."""
    if unknown := sorted(set(how) - set(names)):
        raise fault(
            path, f"there is no grouping {listed(unknown)}", f"it holds {listed(list(names)) or 'none'}"
        )
    answer = []
    for name, inside in zip(names, told, strict=True):
        inside = "" if inside == NOT_STATED else inside
        stated = how.get(name) or inside
        if inside and stated != inside:
            raise fault(
                path, f"`{name}` was obtained by `{inside}` here, by `{stated}` as told", "tell one of them"
            )
        if stated and stated not in HOW:
            what = f"`{stated}` is no way in which membership of `{name}` may be obtained"
            raise fault(path, what, f"ways are {', '.join(HOW)}; it is never inferred")
        answer.append(stated or NOT_STATED)
    return tuple(answer)
