"""Which difference between two groups a test can see, before there are results.

- By formula: the rate p of one group and a higher rate of another are told apart with the stated power by the test
  of two proportions with continuity correction (Casagrande, Pike and Smith, Biometrics 34, 1978), on the effective
  trials that each would have at its rate.
- By simulation: made-up tests go through the very code that compares groups in a real one, and the share in which
  the planted difference is found is counted.

Both need one assumption on how alike the comparisons of one person are. `shared` is the part of the variance of a
score that belongs to the two people and not to their comparison: score = sqrt(shared / 2) (z_i + z_j) +
sqrt(1 - shared) e_ij. From it follow the design effects, for any number of people and any rate. 0.4 gives about what
was measured on two face recognition systems with 517 people (NIST BSSR1, at FMR 1e-3).

Level: 0.05 / m (where intervals cover 0.95) for m comparisons printed together, as the first step of Holm asks.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

from counterseal.evaluation.bootstrap import Resampling, bootstrap_by_part
from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError
from counterseal.evaluation.distinguish import Family, Pair, compare
from counterseal.evaluation.plan import JOINED, Plan

Numbers = npt.NDArray[np.float64]

SHARED = 0.4
POWER = 0.8
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(101)


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """People of one group and how many mated comparisons they bring; within the group all pairs are compared once.

    non_mated: where it is known better than people (people - 1) / 2.
    """

    label: str
    people: int
    mated: int
    non_mated: int | None = None

    def __post_init__(self) -> None:
        """Refuse a group that cannot be compared."""
        if self.people < 2 or self.mated < 1 or (self.non_mated is not None and self.non_mated < 1):
            raise EvaluationInputError(
                f"the group `{self.label}` needs at least 2 people and 1 mated comparison to be planned with"
            )

    @property
    def pairs(self) -> int:
        """Non-mated comparisons within the group."""
        return self.people * (self.people - 1) // 2 if self.non_mated is None else self.non_mated


@dataclass(frozen=True, slots=True)
class Visible:
    """The smallest gap that is seen with this power: a group at `rate` times `ratio`, the other at `rate`.

    against: the other group, the one of most effective trials. ratio, difference: None where no gap can be seen.
    """

    measure: str
    group: str
    against: str
    rate: float
    ratio: float | None
    difference: float | None
    power: float


@dataclass(frozen=True, slots=True)
class Design:
    """A test of groups, as it is planned. fnmr: what is expected. family: comparisons that are printed together.

    design_effects: by measure, where they are known; else they follow from `shared`.
    """

    groups: tuple[PlannedGroup, ...]
    fmr: float
    fnmr: float
    confidence: float = 0.95
    shared: float = SHARED
    family: int | None = None
    design_effects: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be planned with."""
        if len(self.groups) < 2:
            raise EvaluationInputError("a difference is between at least two groups")
        for name, value in (("FMR", self.fmr), ("FNMR", self.fnmr), ("shared part", self.shared)):
            if not 0 <= value < 1 or (value == 0 and name != "shared part"):
                raise EvaluationInputError(f"the {name} is between 0 and 1, not {value}")

    @property
    def comparisons(self) -> int:
        """How many p-values are adjusted together: every pair, both measures, unless told."""
        return self.family or len(self.groups) * (len(self.groups) - 1)

    @property
    def level(self) -> float:
        """The level of one comparison."""
        return (1 - self.confidence) / self.comparisons

    def design_effect(self, measure: str, group: PlannedGroup, rate: float) -> float:
        """How many comparisons of the group know as much as one independent trial, were its rate this."""
        if measure in self.design_effects:
            return self.design_effects[measure]
        if measure == "fmr":
            return non_mated_design_effect(group.people, group.pairs, rate, self.shared)
        return mated_design_effect(group.people, group.mated, rate, self.shared)

    def effective(self, measure: str, group: PlannedGroup, rate: float) -> float:
        """Independent trials that would know as much, less what it costs not to know the design effect before."""
        effect = self.design_effect(measure, group, rate)
        trials = (group.pairs if measure == "fmr" else group.mated) / effect
        if effect == 1:
            return trials
        # The degrees of freedom that made-up tests have, roughly: few errors are carried by few people.
        freedom = 3.5 + trials * rate / 2 if measure == "fmr" else 2 * trials * rate + 1
        tail = 1 - self.level / 2
        widened = trials * float(ndtri(tail) / stdtrit(freedom, tail)) ** 2
        return max(widened, min(trials, float(group.people)))


def together(rate: float, correlation: float) -> float:
    """Correlation of two errors of this rate whose scores are correlated so (normal scores); 0 to 1."""
    if correlation == 0:
        return 0.0
    cut = ndtri(1 - rate)
    each = ndtr((math.sqrt(correlation) * _NODES - cut) / math.sqrt(1 - correlation))
    both = float((_WEIGHTS * each**2).sum() / _WEIGHTS.sum())
    return max(0.0, (both - rate**2) / (rate * (1 - rate)))


def non_mated_design_effect(people: int, comparisons: int, rate: float, shared: float = SHARED) -> float:
    """Of comparisons spread evenly over all pairs of so many people."""
    appearances = 2 * comparisons / people
    return 1 + 2 * max(appearances - 1, 0.0) * together(rate, shared / 2)


def mated_design_effect(people: int, comparisons: int, rate: float, shared: float = SHARED) -> float:
    """Of mated comparisons spread evenly over so many people."""
    return 1 + max(comparisons / people - 1, 0.0) * together(rate, shared)


def power_of_two(p: float, q: float, n: float, m: float, level: float) -> float:
    """Chance to tell a rate p in n independent trials from q in m, two-sided at this level."""
    pooled = (n * p + m * q) / (n + m)
    null = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    spread = math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    gap = abs(p - q) - (1 / n + 1 / m) / 2 - float(ndtri(1 - level / 2)) * null
    return float(ndtr(gap / spread))


def chance(
    design: Design, measure: str, group: PlannedGroup, against: PlannedGroup, p: float, q: float
) -> float:
    """Power to tell `group` at rate p from `against` at rate q."""
    n, m = design.effective(measure, group, p), design.effective(measure, against, q)
    return power_of_two(p, q, n, m, design.level)


def visible(design: Design, measure: str, power: float = POWER) -> tuple[Visible, ...]:
    """The smallest gap of each group, above the expected rate, against the other group of most effective trials."""
    rate = design.fmr if measure == "fmr" else design.fnmr
    known = [design.effective(measure, g, rate) for g in design.groups]
    made = []
    for at, group in enumerate(design.groups):
        other = max((h for h in range(len(known)) if h != at), key=lambda h: (known[h], -h))
        seen = _smallest(design, measure, group, design.groups[other], rate, power)
        made.append(
            Visible(
                measure,
                group.label,
                design.groups[other].label,
                rate,
                None if seen is None else seen / rate,
                None if seen is None else seen - rate,
                power,
            )
        )
    return tuple(made)


def _smallest(
    design: Design, measure: str, group: PlannedGroup, against: PlannedGroup, rate: float, power: float
) -> float | None:
    """The lowest rate of `group` that is told from `rate` with this power; None if no rate is."""
    low, high = rate, 0.999
    if high <= low or chance(design, measure, group, against, high, rate) < power:
        return None
    for _ in range(40):
        middle = math.sqrt(low * high)
        if chance(design, measure, group, against, middle, rate) < power:
            low = middle
        else:
            high = middle
    return high


def planned(design: Design, power: float = POWER) -> tuple[Visible, ...]:
    """What a planned test can see, by formula, in both error rates."""
    return visible(design, "fmr", power) + visible(design, "fnmr", power)


# -- made-up tests ---------------------------------------------------------------------------------------


def simulated_test(
    design: Design, fmr: Sequence[float], fnmr: Sequence[float], rng: np.random.Generator
) -> tuple[Comparisons, npt.NDArray[np.int16]]:
    """One made-up test with these rates of each group at the threshold 0, and the group of each comparison.

    Every two people of a group are compared once; mated comparisons are dealt out evenly.
    """
    scores, mated, probe, reference, group = [], [], [], [], []
    first = 0
    for g, (planned_group, x, y) in enumerate(zip(design.groups, fmr, fnmr, strict=True)):
        people, n = planned_group.people, planned_group.mated
        i, j = np.triu_indices(people, 1)
        who = np.arange(n) % people
        own, between = rng.standard_normal((2, people))
        apart = math.sqrt(design.shared / 2) * (between[i] + between[j])
        alike = math.sqrt(design.shared) * own[who]
        rest = math.sqrt(1 - design.shared)
        scores += [
            apart + rest * rng.standard_normal(len(i)) + ndtri(x),
            alike + rest * rng.standard_normal(n) - ndtri(y),
        ]
        mated += [np.zeros(len(i), bool), np.ones(n, bool)]
        probe += [first + i, first + who]
        reference += [first + j, first + who]
        group.append(np.full(len(i) + n, g, np.int16))
        first += people
    comparisons = Comparisons(
        np.concatenate(scores),
        np.concatenate(mated),
        Direction.SIMILARITY,
        tuple(str(s) for s in range(first)),
        np.concatenate(probe).astype(np.int32),
        np.concatenate(reference).astype(np.int32),
    )
    return comparisons, np.concatenate(group)


def simulated_results(
    design: Design,
    fmr: Sequence[float],
    fnmr: Sequence[float],
    *,
    tests: int,
    seed: int,
    replicates: int,
) -> Iterator[tuple[Pair, ...]]:
    """The compared pairs of each of so many made-up tests, adjusted as in `compare` over both measures."""
    labels = tuple(g.label for g in design.groups)
    for rng in np.random.default_rng(seed).spawn(tests):
        comparisons, group = simulated_test(design, fmr, fnmr, rng)
        how = Resampling(replicates, int(rng.integers(2**31)), design.confidence)
        found = bootstrap_by_part(comparisons, [0.0], group, len(labels), how)
        families = [
            Family("fmr", labels, tuple(b.fmr[0] for b in found)),
            Family("fnmr", labels, tuple(b.fnmr[0] for b in found)),
        ]
        yield tuple(pair for pairs in compare(families, design.confidence) for pair in pairs)


def simulated_power(design: Design, seen: Visible, *, tests: int, seed: int, replicates: int = 400) -> float:
    """The share of made-up tests in which this gap, planted in its group, is distinguishable."""
    assert seen.ratio is not None
    planted = [seen.rate * (seen.ratio if g.label == seen.group else 1.0) for g in design.groups]
    fmr, fnmr = [design.fmr] * len(planted), [design.fnmr] * len(planted)
    fmr, fnmr = (planted, fnmr) if seen.measure == "fmr" else (fmr, planted)
    results = simulated_results(design, fmr, fnmr, tests=tests, seed=seed, replicates=replicates)
    both = {seen.group, seen.against}
    found = sum(
        pair.distinguishable
        for pairs in results
        for pair in pairs
        if pair.measure == seen.measure and {pair.a, pair.b} == both
    )
    return found / tests


# -- from a plan ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """What one grouping at one target FMR can see."""

    grouping: str
    target_fmr: float
    design: Design


def designs_of(plan: Plan, fnmr: float, *, shared: float = SHARED) -> tuple[Planned, ...]:
    """The comparisons that a plan asks for: each grouping and intersection at each target, groups equally large.

    People and mated comparisons are those that the plan expects, spread evenly; where it expects none, every group
    is as small as the plan allows.

    Raises:
        EvaluationInputError: no groupings, or too few people for two in each group.
    """
    names = [g.name for g in plan.groupings] + [JOINED.join(each) for each in plan.intersections]
    if not names:
        raise EvaluationInputError("the plan has no `groupings`: there is no difference to see")
    labels = {name: plan.labels_of(name) for name in names}
    pairs = sum(len(each) * (len(each) - 1) // 2 for each in labels.values())
    family = pairs * 2 * len(plan.fmr_targets)
    made = []
    for name in names:
        n, expected, least = len(labels[name]), plan.expected, plan.smallest_group
        people = expected.subjects // n if expected and expected.subjects else least.subjects
        mated = expected.mated // n if expected and expected.mated else max(people, least.mated)
        all_pairs = people * (people - 1) // 2
        non_mated = min(expected.non_mated // n, all_pairs) if expected and expected.non_mated else all_pairs
        groups = tuple(PlannedGroup(label, people, mated, non_mated) for label in labels[name])
        made += [
            Planned(name, target, Design(groups, target, fnmr, plan.confidence, shared, family))
            for target in plan.fmr_targets
        ]
    return tuple(made)
