"""Indices, held to published numbers, to what each must be at equality and under scaling, and to their limits."""

import csv
import math
import os
from dataclasses import astuple, fields
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from counterseal.evaluation import differentials
from counterseal.evaluation.differentials import Indices, indices, joint

DATA = Path(os.environ.get("COUNTERSEAL_DATA", Path(__file__).parents[3] / "shared/data")) / "scores"
SEX_RACE = DATA / "nist-frvt11-sex-race"
needs_nist = pytest.mark.skipif(
    not SEX_RACE.is_dir(),
    reason=f"{SEX_RACE}: no table of NIST's; set COUNTERSEAL_DATA to have these tests run",
)
RATE = st.floats(1e-6, 1)
RATES = st.lists(RATE, min_size=2, max_size=8)
RATIOS = ("max_min", "max_mean", "max_geomean", "mean_abs_log10", "gini", "gini_corrected")


class TestPublishedNumbers:
    def test_gini_of_three_counts(self):
        """The corrected form on three counts, as published with GARBE's code."""
        assert indices([0.35, 0.95, 0.89]).gini_corrected == pytest.approx(0.273972602739726, abs=1e-15)

    @needs_nist
    @pytest.mark.shared_data
    def test_nist_acisw_003(self):
        found = indices(_fmr_of_groups()["acisw-003"])
        assert found.groups == 4
        assert found.max_min == pytest.approx(8.8, abs=1e-12)
        for name, value in (
            ("max_mean", 2.4110),
            ("max_geomean", 3.3214),
            ("mean_abs_log10", 0.2727),
            ("gini", 0.4144),
            ("gini_corrected", 0.5525),
        ):
            assert getattr(found, name) == pytest.approx(value, abs=5e-5), name


class TestNoRankOnOneIndex:
    @needs_nist
    @pytest.mark.shared_data
    def test_the_best_fdr_belongs_to_an_algorithm_that_refuses_nearly_everybody(self):
        """240 algorithms: the one with the least difference in FMR has an FNMR of 0.9 to 0.98 on every set."""
        fdr = {name: joint(x, x, alpha=1).fdr for name, x in _fmr_of_groups().items()}
        best = max(fdr, key=fdr.__getitem__)
        with (SEX_RACE / "frvt_11_overview.csv").open() as file:
            misses = next(row for row in csv.DictReader(file) if row["Name"] == best)
        assert len(fdr) == 240
        assert min(float(misses[k]) for k in ("Mugshot, 1e-5", "Visa, 1e-6", "Border, 1e-5")) > 0.9

    def test_refusing_everybody_looks_perfect(self):
        refuses = joint([1e-9] * 4, [1.0] * 4)
        useful = joint([1e-4, 2e-4, 1e-4, 1e-4], [0.01, 0.012, 0.01, 0.01])
        assert refuses.fdr >= useful.fdr
        assert refuses.garbe < useful.garbe
        assert refuses.ir < useful.ir

    def test_nothing_here_puts_into_an_order(self):
        """No function of the module takes more than one system, and no result can be compared with `<`."""
        public = {
            n
            for n, v in vars(differentials).items()
            if getattr(v, "__module__", "") == differentials.__name__
        }
        assert {n for n in public if not n.startswith("_")} == {"Indices", "Joint", "indices", "joint"}
        for made in (indices([0.1, 0.2]), joint([0.1, 0.2], [0.1, 0.2])):
            with pytest.raises(TypeError):
                sorted([made, made])


class TestProperties:
    @given(RATES, st.randoms(use_true_random=False))
    def test_the_order_of_groups_does_not_count(self, rates, order):
        assert indices(order.sample(rates, len(rates))) == indices(rates)

    @given(st.lists(st.floats(1e-4, 0.5), min_size=2, max_size=8), st.floats(1e-2, 2))
    def test_ratio_indices_do_not_change_with_scale(self, rates, scale):
        one, other = indices(rates), indices([r * scale for r in rates])
        for name in RATIOS:
            assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-12), name

    @given(RATE, st.integers(2, 9), st.floats(0, 1))
    def test_equality(self, rate, n, alpha):
        same = indices([rate] * n)
        assert (same.max_min, same.max_mean, same.max_geomean) == pytest.approx((1, 1, 1))
        assert (same.mean_abs_log10, same.gini, same.gini_corrected) == pytest.approx((0, 0, 0), abs=1e-12)
        both = joint([rate] * n, [rate] * n, alpha)
        assert (both.fdr, both.ir, both.garbe) == pytest.approx((1, 1, 0), abs=1e-12)

    @given(RATES, RATES, st.floats(0, 1))
    def test_bounds(self, fmr, fnmr, alpha):
        n = min(len(fmr), len(fnmr))
        for rates in (fmr, fnmr):
            found = indices(rates)
            assert found.max_min >= found.max_geomean * (1 - 1e-12) >= found.max_mean * (1 - 1e-9)
            assert found.max_mean >= 1 - 1e-12
            assert 0 <= found.mean_abs_log10 <= math.log10(found.max_min) + 1e-12
            assert 0 <= found.gini <= found.gini_corrected <= 1 + 1e-12
        both = joint(fmr[:n], fnmr[:n], alpha)
        assert -1e-12 <= both.fdr <= 1
        assert both.ir >= 1 - 1e-12
        assert 0 <= both.garbe <= 1 + 1e-12

    @given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 500)), min_size=3, max_size=7))
    def test_merging_groups_never_raises_max_min(self, counts):
        """Why the list of groups is fixed before the test."""
        (k, n), (k2, n2), *rest = counts
        merged = [(k + k2, n + n2), *rest]
        before, after = (indices([a / b for a, b in c]) for c in (counts, merged))
        assume(before.max_min is not None)
        assert after.max_min <= before.max_min * (1 + 1e-12)

    @given(RATES)
    def test_gini_is_the_mean_absolute_difference(self, rates):
        """By the formula with n^2 differences, which the module does not use."""
        n, mean = len(rates), math.fsum(rates) / len(rates)
        slow = math.fsum(abs(a - b) for a in rates for b in rates) / (2 * n * n * mean)
        assert indices(rates).gini == pytest.approx(slow, rel=1e-9, abs=1e-12)


class TestUndefined:
    def test_no_division_by_zero(self):
        found = indices([0.0, 0.002, 0.001], lowest_at_most=0.0005)
        assert found.max_min is None
        assert found.max_min_at_least == pytest.approx(4)
        assert found.max_geomean is found.mean_abs_log10 is None
        assert found.gini == pytest.approx(4 / 9)
        assert joint([0.0, 0.002], [0.1, 0.2]).ir is None
        assert joint([0.0, 0.002], [0.1, 0.2]).garbe is not None

    def test_a_bound_above_the_highest_rate_says_nothing_below_one(self):
        assert indices([0.0, 0.002], lowest_at_most=0.5).max_min_at_least == 1

    def test_a_floor_censors(self):
        """Rates told as `at most 1e-5`: the ratio is at least so much, and no more is known."""
        found = indices([1e-5, 6.31e-4], floor=1e-5)
        assert found.max_min is None
        assert found.max_min_at_least == pytest.approx(63.1)

    def test_without_errors_nothing_is_known_of_ratios(self):
        assert indices([0.0, 0.0]) == Indices(2)
        assert joint([0.0, 0.0], [0.0, 0.0]).garbe is None
        assert joint([0.0, 0.0], [0.0, 0.0]).fdr == 1

    def test_fewer_than_two_groups(self):
        for rates in ([], [0.1]):
            assert astuple(indices(rates))[1:] == (None,) * (len(fields(Indices)) - 1)
            assert joint(rates, rates).fdr is None

    def test_what_has_no_weight_need_not_be_defined(self):
        assert joint([0.0, 0.0], [0.1, 0.2], alpha=0).ir == pytest.approx(2)
        assert joint([0.0, 0.0], [0.1, 0.2], alpha=0.01).ir is None

    def test_groups_must_be_the_same(self):
        with pytest.raises(ValueError, match="not the same groups"):
            joint([0.1, 0.2], [0.1])

    @pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan, math.inf])
    def test_what_is_no_rate(self, rate):
        with pytest.raises(ValueError, match="0 to 1"):
            indices([0.1, rate])

    def test_more_unlike_is_more(self):
        steps = [indices([0.01, 0.01 * k]) for k in (1, 2, 4, 8)]
        for a, b in pairwise(steps):
            assert all(getattr(a, name) < getattr(b, name) for name in RATIOS)


def _fmr_of_groups():
    """Algorithm -> FMR of white men, black men, white women, black women, within each group."""
    with (SEX_RACE / "frvt_11_gender_race.csv").open() as file:
        return {
            row[""]: [float(row[k]) for k in ("MW_MW", "MB_MB", "FW_FW", "FB_FB")]
            for row in csv.DictReader(file)
        }
