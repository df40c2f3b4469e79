"""Intervals of one rate, held to numbers computed elsewhere and to the binomial distribution itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from counterseal.evaluation.intervals import (
    binomial_rate,
    clopper_pearson,
    clopper_pearson_bounds,
    enough_errors,
    rule_of_three,
    wilson,
    wilson_bounds,
)

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


class TestWorkedNumbers:
    def test_face_c_of_bssr1(self):
        assert wilson(83, 517) == pytest.approx((0.131419, 0.194672), abs=5e-7)
        assert clopper_pearson(83, 517) == pytest.approx((0.129946, 0.195078), abs=5e-7)
        assert wilson(266, 266_772) == pytest.approx((8.843e-4, 1.1243e-3), abs=5e-8)

    def test_rule_of_three(self):
        assert rule_of_three(300) == pytest.approx(0.009936, abs=5e-7)
        assert rule_of_three(10**6) == pytest.approx(3e-6, rel=2e-3)
        assert rule_of_three(0) == 1

    def test_rule_of_thirty(self):
        assert not enough_errors(29)
        assert enough_errors(30)
        low, high = wilson(30, 10**7, 0.90)
        assert (30 - low * 10**7, high * 10**7 - 30) == pytest.approx((9, 9), abs=2)


class TestBounds:
    @given(COUNTS, st.floats(0.5, 0.999))
    def test_the_rate_lies_between(self, counts, confidence):
        k, n = counts
        for interval in (clopper_pearson, wilson):
            low, high = interval(k, n, confidence)
            assert 0 <= low <= k / n <= high <= 1

    @given(COUNTS)
    def test_the_bounds_leave_the_stated_tails(self, counts):
        """By the definition of the exact interval, on the binomial distribution and not on the beta."""
        k, n = counts
        low, high = clopper_pearson(k, n)
        assert k == 0 or binom.sf(k - 1, n, low) == pytest.approx(0.025, rel=1e-6)
        assert k == n or binom.cdf(k, n, high) == pytest.approx(0.025, rel=1e-6)

    @given(COUNTS)
    def test_errors_and_successes_mirror_each_other(self, counts):
        k, n = counts
        for interval in (clopper_pearson, wilson):
            low, high = interval(k, n)
            assert interval(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)

    def test_nothing_tried_nothing_known(self):
        assert clopper_pearson(0, 0) == wilson(0, 0) == (0, 1)
        assert binomial_rate(0, 0).interval is None

    def test_no_error_leaves_an_upper_bound(self):
        low, high = clopper_pearson(0, 300, 0.90)
        assert (low, high) == (0, pytest.approx(rule_of_three(300)))

    def test_many_at_once_are_the_same(self):
        k, n = np.array([[0, 1], [5, 9]]), np.array([[3, 4], [5, 1000]])
        for many, one in ((clopper_pearson_bounds, clopper_pearson), (wilson_bounds, wilson)):
            low, high = many(k, n)
            for at in np.ndindex(2, 2):
                assert (low[at], high[at]) == pytest.approx(one(k[at], n[at]), rel=1e-12)

    def test_exact_never_covers_less_than_stated(self):
        """Summed over the binomial distribution, no simulation."""
        for n in (5, 20, 100):
            k = np.arange(n + 1)
            low, high = clopper_pearson_bounds(k, n)
            for p in np.linspace(0.001, 0.999, 97):
                assert binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum() >= 0.95


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5), (0, float("inf")), (float("nan"), 5)])
def test_counts_that_no_test_gives_are_refused(counts):
    for interval in (clopper_pearson, wilson):
        with pytest.raises(ValueError, match="at most as many as trials"):
            interval(*counts)


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_an_impossible_level_is_refused(confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        clopper_pearson(1, 5, confidence)
