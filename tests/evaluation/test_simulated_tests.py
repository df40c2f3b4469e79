"""200 made-up tests: a planted difference is found, a planted equality is not called one, intervals cover.

Made up are people who share something over all their comparisons, so that intervals of independent trials fail: that
they do is asserted too. Every number is counted, printed (`pytest -s`) and held to a binomial band: the chance to
fall out of it is below 1 in 1000 where the stated number is true.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.stats import binom

from counterseal.evaluation.bootstrap import (
    FIXED,
    RULE_OF_THREE,
    Resampling,
    bootstrap_by_part,
    subject_bootstrap,
)
from counterseal.evaluation.comparisons import Scores
from counterseal.evaluation.distinguish import Family, compare
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.plan import Bound
from counterseal.evaluation.power import Design, PlannedGroup, planned, simulated_test
from counterseal.evaluation.verification import threshold_at

TESTS = 200
REPLICATES = 200
LEVEL = 0.95
OUTSIDE = 1e-3 / 2


@dataclass
class Counted:
    """How often the truth was below, within and above the intervals."""

    below: int = 0
    above: int = 0
    intervals: int = 0

    def add(self, interval, truth):
        self.below += truth < interval[0]
        self.above += truth > interval[1]
        self.intervals += 1

    @property
    def covered(self):
        return 1 - (self.below + self.above) / self.intervals


@dataclass
class Seen:
    """What came of all made-up tests of one design."""

    coverage: dict = field(default_factory=dict)
    methods: set = field(default_factory=set)
    called: dict = field(default_factory=dict)
    equivalent: int = 0

    def of(self, name):
        return self.coverage.setdefault(name, Counted())


def simulate(design, fmr, fnmr, *, seed, margin=None):
    """Make up tests, measure them as real ones, and count."""
    seen, labels = Seen(), tuple(g.label for g in design.groups)
    truth = {"fmr": fmr, "fnmr": fnmr}
    for rng in np.random.default_rng(seed).spawn(TESTS):
        comparisons, group = simulated_test(design, fmr, fnmr, rng)
        how = Resampling(REPLICATES, int(rng.integers(2**31)), LEVEL)
        parts = bootstrap_by_part(comparisons, [0.0], group, len(labels), how)
        estimates = {m: tuple(getattr(each, m)[0] for each in parts) for m in truth}
        for measure, found in estimates.items():
            for estimate, rate in zip(found, truth[measure], strict=True):
                seen.of(measure).add(estimate.interval, rate)
                seen.of(f"{measure}, as if independent").add(
                    clopper_pearson(estimate.errors, estimate.trials), rate
                )
                seen.methods.add(estimate.method)
        families = [Family(m, labels, found, margin) for m, found in estimates.items()]
        pairs = [pair for found in compare(families, LEVEL) for pair in found]
        for pair in pairs:
            a, b = (truth[pair.measure][labels.index(label)] for label in (pair.a, pair.b))
            seen.of(f"{pair.measure} difference").add(pair.difference_interval, a - b)
            seen.of(f"{pair.measure} ratio").add(
                [
                    0 if pair.ratio_interval[0] is None else pair.ratio_interval[0],
                    pair.ratio_interval[1] or np.inf,
                ],
                a / b,
            )
            name = (pair.measure, pair.a, pair.b)
            seen.called[name] = seen.called.get(name, 0) + pair.distinguishable
        seen.called["any"] = seen.called.get("any", 0) + any(p.distinguishable for p in pairs)
        seen.equivalent += any(p.equivalent for p in pairs)
    for name, counted in seen.coverage.items():
        print(
            f"{design.groups[0].people:4d} people {name:24s} covered {counted.covered:.3f} of {counted.intervals} "
            f"(truth below {counted.below}, above {counted.above})"
        )
    return seen


def least(p, n):
    """The fewest of n that a chance of p gives, but for a chance of `OUTSIDE`."""
    return int(binom.ppf(OUTSIDE, n, p))


def most(p, n):
    return int(binom.ppf(1 - OUTSIDE, n, p))


def assert_covers(counted, *, exactly=False):
    """At least as often as stated; exactly: and not more often either, which small counts cannot hold."""
    covered = counted.intervals - counted.below - counted.above
    assert covered >= least(LEVEL, counted.intervals)
    if exactly:
        assert covered <= most(LEVEL, counted.intervals)


def groups(n, people, mated):
    return tuple(PlannedGroup(f"g{g}", people, mated) for g in range(n))


class TestCoverage:
    """The stated 95 %, in tests of different sizes and rates."""

    def test_middling_counts(self):
        """Some 20 to 60 false matches a group, three mated comparisons a person."""
        seen = simulate(Design(groups(2, 60, 180), 0.01, 0.05), [0.01, 0.03], [0.1, 0.2], seed=11)
        for name in ("fmr", "fnmr"):
            assert_covers(seen.of(name), exactly=True)
        for name in ("fmr difference", "fnmr difference", "fmr ratio", "fnmr ratio"):
            assert_covers(seen.of(name))
        assert seen.methods == {FIXED}

    def test_intervals_of_independent_trials_would_fail(self):
        """The made-up people are alike enough: the exact binomial interval covers far less than it states."""
        seen = simulate(Design(groups(2, 60, 240), 0.05, 0.1, shared=0.6), [0.05, 0.1], [0.1, 0.2], seed=12)
        for measure in ("fmr", "fnmr"):
            assert_covers(seen.of(measure))
            assert seen.of(f"{measure}, as if independent").covered < 0.85

    def test_small_counts(self):
        """Thirty people, a few errors a group or none: never less than stated, and often more."""
        seen = simulate(Design(groups(2, 30, 60), 0.003, 0.02), [0.003, 0.006], [0.02, 0.05], seed=13)
        for name in ("fmr", "fnmr", "fmr difference", "fnmr difference", "fmr ratio", "fnmr ratio"):
            assert_covers(seen.of(name))
        assert seen.methods >= {FIXED, RULE_OF_THREE}

    def test_nothing_in_common(self):
        """Comparisons that are independent in truth, though people appear in many: not far too wide either."""
        seen = simulate(Design(groups(2, 50, 150), 0.03, 0.1, shared=0.0), [0.03, 0.03], [0.1, 0.1], seed=14)
        for name in ("fmr", "fnmr"):
            assert_covers(seen.of(name), exactly=True)


class TestThresholdSetOnTheSameScores:
    def test_fnmr_at_an_fmr_is_covered_where_the_threshold_is_set_anew(self):
        """The threshold comes from the scores that are then measured: kept fixed, its own uncertainty is lost."""
        design = Design(groups(2, 40, 400), 0.05, 0.3)
        fixed, anew = Counted(), Counted()
        for rng in np.random.default_rng(15).spawn(TESTS):
            comparisons, _ = simulated_test(design, [0.05] * 2, [0.3] * 2, rng)
            threshold = threshold_at(Scores.of(comparisons), 0.05).threshold
            seed = int(rng.integers(2**31))
            for rule, counted in (("fixed", fixed), ("re-estimated", anew)):
                found = subject_bootstrap(
                    comparisons, [threshold], replicates=REPLICATES, seed=seed, threshold_rule=rule
                )
                counted.add(found.fnmr[0].interval, 0.3)
        print(
            f"fnmr at an fmr: covered {anew.covered:.3f} of {TESTS}; with a fixed threshold {fixed.covered:.3f}"
        )
        assert_covers(anew, exactly=True)
        assert fixed.covered < 0.9


class TestPlantedEquality:
    @pytest.mark.parametrize(("people", "mated", "seed"), [(30, 60, 21), (60, 60, 22)])
    def test_is_not_called_a_difference_more_often_than_stated(self, people, mated, seed):
        """Four groups, both error rates: twelve comparisons, and one false call among them counts."""
        seen = simulate(Design(groups(4, people, mated), 0.01, 0.05), [0.01] * 4, [0.05] * 4, seed=seed)
        print(f"equality called a difference in {seen.called['any']} of {TESTS}")
        assert seen.called["any"] <= most(1 - LEVEL, TESTS)

    def test_a_difference_at_the_margin_is_not_called_equivalent(self):
        """The error of the other kind: groups exactly a margin apart, shown equivalent at most 5 % of the time."""
        seen = simulate(
            Design(groups(2, 40, 400), 0.05, 0.1),
            [0.05, 0.1],
            [0.1, 0.2],
            seed=23,
            margin=Bound(2.0, "ratio"),
        )
        print(f"equivalent though a margin apart in {seen.equivalent} of {TESTS}")
        assert seen.equivalent <= most(2 * (1 - LEVEL), TESTS), "two measures, each at 5 %"


class TestPlantedDifference:
    def test_is_found_with_the_stated_power(self):
        """The gaps that the plan says are seen four times in five, planted in one of three groups."""
        design = Design(groups(3, 60, 120), 0.02, 0.05)
        gaps = {v.measure: v for v in planned(design, 0.8) if v.group == "g0"}
        fmr, fnmr = ([v.rate * v.ratio, v.rate, v.rate] for v in (gaps["fmr"], gaps["fnmr"]))
        seen = simulate(design, fmr, fnmr, seed=31)
        for measure, gap in gaps.items():
            found = seen.called[measure, "g0", gap.against]
            print(f"{measure} x {gap.ratio:.2f} found in {found} of {TESTS}, stated {gap.power}")
            assert found >= least(gap.power, TESTS)
        wrong = seen.called["fmr", "g1", "g2"] + seen.called["fnmr", "g1", "g2"]
        print(f"groups that are equal called different in {wrong} of {TESTS}")
        assert wrong <= most(1 - LEVEL, TESTS)

    def test_half_the_gap_is_found_less_often(self):
        """So that the power stated is of the gap, and not of anything."""
        design = Design(groups(2, 40, 80), 0.03, 0.1)
        gap = next(v for v in planned(design, 0.8) if v.measure == "fnmr")
        seen = simulate(design, [0.03] * 2, [0.1 * (1 + (gap.ratio - 1) / 2), 0.1], seed=32)
        found = seen.called["fnmr", "g0", "g1"]
        print(f"fnmr, half the gap, found in {found} of {TESTS}")
        assert found < least(gap.power, TESTS)
