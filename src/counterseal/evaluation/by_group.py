"""Count errors by group: one pass over the comparisons gives every group, every pair of groups, every threshold.

- A non-mated comparison belongs to a group by the rule `within-group` (both sides are of the group; what NIST's
  pages count, and the harsher) or `all` (the probe is of the group, whoever it is compared with).
- A mated comparison belongs to the group of its probe: a person may have been older at one capture than at another.
- A group with too few people or comparisons is named, with the reason, and enters no index and no comparison.
- All groups are measured at the same thresholds.

Groups are told, never inferred; a side whose group nobody told is counted in none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

import numpy as np
import numpy.typing as npt

from counterseal.evaluation.comparisons import (
    UNKNOWN,
    Codes,
    Comparisons,
    EvaluationInputError,
    Floats,
    Grouping,
)
from counterseal.evaluation.plan import JOINED, SmallestGroup

Counts = npt.NDArray[np.int64]

MOST_GROUPS = 500
"""Beyond it a table of pairs of groups says nothing, and fills the memory."""
_ROWS_AT_ONCE = 1 << 16


class NonMatedRule(StrEnum):
    """Which non-mated comparisons are counted for a group."""

    WITHIN_GROUP = "within-group"
    ALL = "all"


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How many comparisons of each kind there were between each two groups, and how many at or above each threshold.

    trials: (2, G, G) non-mated first, then mated; rows are the probe's group, columns the reference's.
    at_or_above: (T, 2, G, G). probe_only: the same two, (2, G) and (T, 2, G), of comparisons of which only the
    probe's group was told.
    """

    grouping: str
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    trials: Counts
    at_or_above: Counts
    probe_only: tuple[Counts, Counts]

    def non_mated(self, rule: NonMatedRule) -> tuple[Counts, Counts]:
        """False matches (T, G) and non-mated comparisons (G,) of each group."""
        errors, trials = self.at_or_above[:, 0], self.trials[0]
        if rule is NonMatedRule.WITHIN_GROUP:
            return np.diagonal(errors, axis1=1, axis2=2).copy(), np.diagonal(trials).copy()
        return errors.sum(axis=2) + self.probe_only[1][:, 0], trials.sum(axis=1) + self.probe_only[0][0]

    def mated(self) -> tuple[Counts, Counts]:
        """False non-matches (T, G) and mated comparisons (G,) of each group."""
        trials = self.trials[1].sum(axis=1) + self.probe_only[0][1]
        above = self.at_or_above[:, 1].sum(axis=2) + self.probe_only[1][:, 1]
        return trials - above, trials


@dataclass(frozen=True, slots=True)
class Matrix:
    """False matches between each two groups at one threshold; rows are the probe's group.

    fmr is None where nothing was compared.
    """

    grouping: str
    threshold: float
    labels: tuple[str, ...]
    count: tuple[tuple[int, ...], ...]
    trials: tuple[tuple[int, ...], ...]
    fmr: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """What one group brought. subjects: None where nobody is named. why_not: empty where it is evaluated.

    false_matches, false_non_matches: one count a threshold.
    """

    label: str
    subjects: int | None
    n_mated: int
    n_non_mated: int
    false_matches: tuple[int, ...]
    false_non_matches: tuple[int, ...]
    why_not: str

    @property
    def evaluated(self) -> bool:
        """Whether it is large enough for a rate to be printed."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class GroupRates:
    """The counts of every group of one grouping, in the order of its labels."""

    grouping: str
    how: str
    thresholds: tuple[float, ...]
    non_mated_rule: NonMatedRule
    groups: tuple[Group, ...]


def tally(comparisons: Comparisons, grouping: Grouping, thresholds: Sequence[float]) -> Tally:
    """Count everything that a grouping can be asked, in one pass.

    Raises:
        EvaluationInputError: more than `MOST_GROUPS` groups.
    """
    n_groups = len(grouping.labels)
    if n_groups > MOST_GROUPS:
        raise EvaluationInputError(
            f"the grouping `{grouping.name}` has {n_groups:,} groups; at most {MOST_GROUPS} are compared with each "
            "other: merge those that the plan does not need apart"
        )
    ascending, place = np.unique(np.asarray(thresholds, np.float64), return_inverse=True)
    # In the precision of the scores, as everywhere: a threshold of 0.1 counts a score written 0.1.
    bounds = ascending.astype(comparisons.scores.dtype)
    n_levels = len(ascending) + 1
    # A cell is (probe's group, reference's group, mated, thresholds reached); UNKNOWN (-1) is the first group.
    width = n_groups + 1
    cells = width * width * 2 * n_levels
    counts = np.zeros(cells, np.int64)
    step = max(_ROWS_AT_ONCE, cells)
    for begin in range(0, len(comparisons), step):
        rows = slice(begin, begin + step)
        cell = _cells(comparisons, grouping, bounds, rows, width)
        counts += np.bincount(cell, minlength=cells)
    table = counts.reshape(width, width, 2, n_levels)
    # Level l means that the l lowest thresholds were reached: those at or above T are the levels beyond it.
    reached = table[..., ::-1].cumsum(axis=-1)[..., ::-1]
    trials = np.moveaxis(reached[..., 0], 2, 0)
    above = np.moveaxis(reached[..., 1:], (3, 2), (0, 1))[place]
    return Tally(
        grouping.name,
        grouping.labels,
        tuple(float(t) for t in thresholds),
        trials[:, 1:, 1:],
        above[:, :, 1:, 1:],
        (trials[:, 1:, 0], above[:, :, 1:, 0]),
    )


def _cells(
    comparisons: Comparisons, grouping: Grouping, bounds: Floats, rows: slice, width: int
) -> npt.NDArray[np.intp]:
    scores = comparisons.scores[rows]
    level = comparisons.mated[rows].astype(np.int8) * np.int8(len(bounds) + 1)
    for bound in bounds:
        level += scores >= bound
    cell = grouping.probe[rows].astype(np.intp)
    cell *= width
    cell += grouping.reference[rows]
    cell += width + 1
    cell *= 2 * (len(bounds) + 1)
    cell += level
    return cell


def rates_by_group(
    comparisons: Comparisons,
    grouping: Grouping,
    thresholds: Sequence[float],
    non_mated_rule: NonMatedRule | str,
    smallest_group: SmallestGroup,
    *,
    counted: Tally | None = None,
) -> GroupRates:
    """Count the errors of each group. thresholds: oriented. counted: the tally, where it was made already."""
    rule = NonMatedRule(non_mated_rule)
    made = counted or tally(comparisons, grouping, thresholds)
    errors, non_mated = made.non_mated(rule)
    misses, mated = made.mated()
    people = _people(comparisons, grouping)
    groups = []
    for g, label in enumerate(grouping.labels):
        subjects = None if people is None else int(people[g])
        groups.append(
            Group(
                label,
                subjects,
                int(mated[g]),
                int(non_mated[g]),
                tuple(int(k) for k in errors[:, g]),
                tuple(int(k) for k in misses[:, g]),
                _why_not(subjects, int(mated[g]), int(non_mated[g]), smallest_group),
            )
        )
    return GroupRates(grouping.name, grouping.how, made.thresholds, rule, tuple(groups))


def matrix(
    comparisons: Comparisons, grouping: Grouping, threshold: float, *, counted: Tally | None = None
) -> Matrix:
    """False matches between each two groups. counted: a tally that has this threshold."""
    made = counted or tally(comparisons, grouping, [threshold])
    count, trials = made.at_or_above[made.thresholds.index(threshold), 0], made.trials[0]
    return Matrix(
        grouping.name,
        threshold,
        grouping.labels,
        tuple(tuple(row) for row in count.tolist()),
        tuple(tuple(row) for row in trials.tolist()),
        tuple(
            tuple(k / n if n else None for k, n in zip(row, of, strict=True))
            for row, of in zip(count.tolist(), trials.tolist(), strict=True)
        ),
    )


def intersection(*groupings: Grouping) -> Grouping:
    """Cross groupings: `sex x age`, with every pair of labels, those that nobody has too.

    A side is UNKNOWN where any of its groups was not told. how: all ways of telling, where they differ.
    """
    if len(groupings) < 2:
        raise ValueError("an intersection is of at least two groupings")
    return reduce(_crossed, groupings)


def _crossed(a: Grouping, b: Grouping) -> Grouping:
    labels = tuple(f"{x}{JOINED}{y}" for x in a.labels for y in b.labels)
    if len(labels) > np.iinfo(np.int16).max:
        raise EvaluationInputError(
            f"`{a.name}{JOINED}{b.name}` has {len(labels):,} groups; cross groupings with fewer labels"
        )

    def side(x: Codes, y: Codes) -> Codes:
        crossed = x.astype(np.int32) * len(b.labels) + y
        return np.where((x == UNKNOWN) | (y == UNKNOWN), UNKNOWN, crossed).astype(np.int16)

    how = " and ".join(dict.fromkeys([*a.how.split(" and "), *b.how.split(" and ")]))
    name = f"{a.name}{JOINED}{b.name}"
    return Grouping(name, labels, how, side(a.probe, b.probe), side(a.reference, b.reference))


def _people(comparisons: Comparisons, grouping: Grouping) -> npt.NDArray[np.int64] | None:
    """How many different people each group has, on either side of any comparison."""
    probe, reference = comparisons.probe_subject, comparisons.reference_subject
    if probe is None or reference is None:
        return None
    n_subjects, n_groups = len(comparisons.subjects), len(grouping.labels)
    seen = np.zeros((n_groups + 1, n_subjects), np.bool_)
    seen[grouping.probe, probe] = True
    seen[grouping.reference, reference] = True
    people: Counts = np.count_nonzero(seen[:n_groups], axis=1).astype(np.int64)
    return people


def parts(comparisons: Comparisons, grouping: Grouping, rule: NonMatedRule) -> npt.NDArray[np.int16]:
    """(n,) the group that each comparison counts for, UNKNOWN where none: the rules at the top, row by row."""
    if rule is NonMatedRule.ALL:
        return grouping.probe
    apart = (grouping.probe != grouping.reference) & ~comparisons.mated
    return np.where(apart, np.int16(UNKNOWN), grouping.probe)


def _why_not(subjects: int | None, mated: int, non_mated: int, smallest: SmallestGroup) -> str:
    """Why a group is not evaluated; empty where it is."""
    for held, fewest, what in (
        (subjects, smallest.subjects, "people"),
        (mated, smallest.mated, "mated comparisons"),
        (non_mated, smallest.non_mated, "non-mated comparisons"),
    ):
        if held is None:
            # Nobody is named: how many people there are cannot be known, and no more than there are comparisons.
            held = max(mated, non_mated)
            what = f"people (nobody is named, and it has only {held:,} comparisons)"
        if held < fewest:
            return f"too few {what}: {held:,} of at least {fewest:,}"
    return ""
