"""Comparing two groups: one interval, one p-value, one family; equality is not the absence of proof."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from counterseal.evaluation.bootstrap import FIXED, NAMELESS, RULE_OF_THREE, Estimate
from counterseal.evaluation.distinguish import Family, compare, fisher, holm
from counterseal.evaluation.intervals import CLOPPER_PEARSON, clopper_pearson
from counterseal.evaluation.plan import Bound

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def estimate(errors, trials, *, alone=False, replicates=None, effective=None):
    return Estimate(
        errors,
        trials,
        trials,
        CLOPPER_PEARSON if effective is None else FIXED,
        clopper_pearson(errors, trials),
        float(effective or trials),
        replicates=replicates,
        alone=alone,
    )


def pair(a, b, *, confidence=0.95, margin=None):
    ((found,),) = compare([Family("fmr", ("a", "b"), (a, b), margin)], confidence)
    return found


class TestAgreement:
    @settings(deadline=None)
    @given(COUNTS, COUNTS, st.floats(0.6, 0.99))
    def test_interval_ratio_and_p_value_say_the_same(self, a, b, confidence):
        """The difference excludes 0 exactly where the ratio excludes 1 and p is below the level."""
        found = pair(estimate(*a), estimate(*b), confidence=confidence)
        low, high = found.difference_interval
        assume(min(abs(low), abs(high)) > 1e-9)
        apart = low > 0 or high < 0
        assert (found.p_value <= 1 - confidence) == apart
        ratio_low, ratio_high = found.ratio_interval
        assert ((ratio_low or 0) > 1 or (ratio_high is not None and ratio_high < 1)) == apart
        assert low <= found.difference <= high
        if found.ratio is not None:
            assert (ratio_low or 0) <= found.ratio * (1 + 1e-9)
            assert ratio_high is None or found.ratio <= ratio_high * (1 + 1e-9)

    @settings(deadline=None)
    @given(COUNTS, COUNTS)
    def test_turned_round_it_is_the_same(self, a, b):
        one, other = pair(estimate(*a), estimate(*b)), pair(estimate(*b), estimate(*a))
        assert one.p_value == pytest.approx(other.p_value, abs=1e-6)
        assert one.difference_interval == pytest.approx([-v for v in reversed(other.difference_interval)])
        low, _ = one.ratio_interval
        _, other_high = other.ratio_interval
        assert (low is None or low == 0) == (other_high is None)
        if low:
            assert low == pytest.approx(1 / other_high)

    def test_one_person_more_a_group_never_hurts(self):
        p = [pair(estimate(2 * n, 100 * n), estimate(8 * n, 100 * n)).p_value for n in (1, 2, 4, 8)]
        assert p == sorted(p, reverse=True)
        assert p[-1] < 1e-6


class TestExact:
    @settings(deadline=None)
    @given(COUNTS, COUNTS)
    def test_fisher_is_twice_the_smaller_tail(self, a, b):
        (k, n), (m, o) = a, b
        table = [[k, n - k], [m, o - m]]
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert fisher(*(np.array([v]) for v in (k, n, m, o)))[0] == pytest.approx(
            min(1, 2 * min(tails)), rel=1e-6
        )

    def test_is_used_only_where_nobody_is_twice(self):
        exact = pair(estimate(1, 50, alone=True), estimate(9, 50, alone=True))
        assert exact.p_value == pytest.approx(fisher(*(np.array([v]) for v in (1, 50, 9, 50)))[0])
        assert pair(estimate(1, 50, alone=True), estimate(9, 50)).p_value != exact.p_value


class TestDependence:
    def test_fewer_effective_trials_make_it_harder(self):
        sure, unsure = (pair(estimate(20, 1000), estimate(60, 1000, effective=e)) for e in (1000, 100))
        assert unsure.p_value > 10 * sure.p_value

    def test_people_in_both_groups_are_taken_into_account(self):
        """Replicates that rise and fall together make a difference surer, and unlike ones less sure."""
        wave = np.random.default_rng(1).standard_normal(500)

        def p(sign):
            return pair(
                estimate(40, 1000, effective=900, replicates=0.04 + 0.01 * wave),
                estimate(60, 1000, effective=900, replicates=0.06 + sign * 0.01 * wave),
            ).p_value

        nothing = pair(estimate(40, 1000, effective=900), estimate(60, 1000, effective=900)).p_value
        assert p(1) < nothing < p(-1)

    def test_replicates_without_anybody_are_left_out(self):
        holes = np.array([np.nan, 0.1, 0.2, 0.3, np.nan])
        full = np.array([0.5, 0.1, 0.2, 0.3, -0.5])
        a = estimate(20, 100, effective=50, replicates=holes)
        b = estimate(40, 100, effective=50, replicates=full)
        assert math.isfinite(pair(a, b).p_value)

    def test_equal_rates_of_people_in_many_comparisons(self):
        """The search ends at level 0, where Student's t at 4 degrees is computed as 0 sooner than the normal."""
        same = Estimate(40, 1000, 50, FIXED, (0.01, 0.1), 300.0, degrees_of_freedom=4.0, least_trials=50.0)
        assert pair(same, same).p_value == pytest.approx(1)


class TestWithoutErrors:
    def test_a_ratio_to_nothing_is_open(self):
        found = pair(estimate(30, 1000), estimate(0, 1000))
        assert found.ratio is None
        assert found.ratio_interval[0] > 1
        assert found.ratio_interval[1] is None
        assert found.distinguishable

    def test_nothing_against_nothing(self):
        none = Estimate(0, 500, 30, RULE_OF_THREE, (0, 0.1), 30.0)
        found = pair(none, none)
        assert (found.ratio, found.p_value, found.distinguishable) == (None, 1, False)
        assert found.difference_interval[0] < 0 < found.difference_interval[1]

    def test_nobody_named(self):
        found = pair(*(Estimate(k, 400, None, NAMELESS, None, 400.0) for k in (4, 40)))
        assert found.distinguishable


class TestFamily:
    @given(st.lists(st.floats(0, 1), max_size=12))
    def test_holm(self, p_values):
        adjusted = holm(p_values)
        assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
        assert all(a <= 1 for a in adjusted)
        order = np.argsort(p_values, kind="stable")
        assert (np.diff(np.array(adjusted)[order]) >= 0).all()
        for level in (0.01, 0.05):
            # The step-down procedure itself: reject from the smallest on until the first that is too large.
            rejected = 0
            for rank, at in enumerate(order):
                if (len(p_values) - rank) * p_values[at] > level:
                    break
                rejected += 1
            assert sum(a <= level for a in adjusted) == rejected

    def test_worked(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_everything_printed_together_is_one_family(self):
        close = Family("fmr", ("a", "b"), (estimate(10, 1000), estimate(26, 1000)))
        alone = compare([close], 0.95)[0][0]
        among = compare(
            [close, *[Family("fnmr", ("a", "b"), (estimate(5, 100), estimate(5, 100)))] * 20], 0.95
        )[0][0]
        assert alone.distinguishable
        assert among.p_value == alone.p_value
        assert among.adjusted_p == pytest.approx(21 * alone.p_value)
        assert not among.distinguishable

    def test_every_two_groups_once(self):
        family = Family("fmr", tuple("abcd"), tuple(estimate(k, 100) for k in (1, 2, 3, 4)))
        assert [(p.a, p.b) for p in compare([family], 0.95)[0]] == [
            ("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d"),
        ]  # fmt: skip

    @given(st.permutations("abcd"))
    @settings(max_examples=10, deadline=None)
    def test_the_order_of_groups_does_not_count(self, order):
        known = {label: estimate(3 * n + 1, 200) for n, label in enumerate("abcd")}
        family = Family("fmr", tuple(order), tuple(known[label] for label in order))
        found = {frozenset((p.a, p.b)): p.adjusted_p for p in compare([family], 0.95)[0]}
        usual = Family("fmr", tuple("abcd"), tuple(known.values()))
        assert found == pytest.approx(
            {frozenset((p.a, p.b)): p.adjusted_p for p in compare([usual], 0.95)[0]}
        )

    def test_one_group_has_no_pair(self):
        assert compare([Family("fmr", ("a",), (estimate(1, 10),))], 0.95) == ((),)


class TestEquivalence:
    def test_not_distinguishable_is_not_equivalent(self):
        few = pair(estimate(1, 60), estimate(2, 60), margin=Bound(1.5, "ratio"))
        assert not few.distinguishable
        assert few.equivalent is False

    def test_shown_with_enough_trials(self):
        many = pair(estimate(20_000, 10**6), estimate(20_100, 10**6), margin=Bound(1.1, "ratio"))
        assert many.equivalent is True

    def test_distinguishable_and_equivalent_at_once(self):
        """A difference that is certain and too small to matter."""
        found = pair(estimate(20_000, 10**6), estimate(21_000, 10**6), margin=Bound(1.1, "ratio"))
        assert found.distinguishable
        assert found.equivalent

    def test_margin_of_a_difference(self):
        for most, shown in ((0.05, True), (0.01, False)):
            found = pair(estimate(100, 2000), estimate(110, 2000), margin=Bound(most, "rate"))
            assert found.equivalent is shown

    def test_no_margin_nothing_said(self):
        assert pair(estimate(5, 100), estimate(5, 100)).equivalent is None

    def test_no_ratio_of_nothing_is_equivalent(self):
        none = estimate(0, 10**6)
        assert pair(none, none, margin=Bound(2.0, "ratio")).equivalent is False
