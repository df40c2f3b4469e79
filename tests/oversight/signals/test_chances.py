"""The tails are exact: they agree with sums, with each other, and with dice."""

import random
from fractions import Fraction
from math import comb, exp, inf, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.oversight.signals.chances import rate_of, tail_of_counts, tail_of_pairs


@given(st.integers(0, 60), st.floats(0.01, 30))
def test_poisson_tail_is_one_minus_the_sum_below(count, mean):
    """The textbook sum, where it does not cancel."""
    below, term = 0.0, exp(-mean)
    for k in range(count):
        below += term
        term *= mean / (k + 1)

    assert isclose(tail_of_counts(count, mean), max(1 - below, 0), rel_tol=1e-6, abs_tol=1e-9)


@given(st.integers(1, 40), st.floats(0.05, 20), st.floats(0.2, 50))
def test_unlike_people_make_high_counts_likelier_than_alike_ones(count, mean, shape):
    """Over-dispersion fattens the tail above the mean; with no difference left it is Poisson."""
    if count > 2 * mean + 2:
        assert tail_of_counts(count, mean, shape) >= tail_of_counts(count, mean) * 0.999
    assert isclose(tail_of_counts(count, mean, 1e7), tail_of_counts(count, mean), rel_tol=1e-3, abs_tol=1e-9)


@given(st.integers(0, 60), st.floats(0.05, 20), st.floats(0.2, 50))
def test_more_is_never_likelier(count, mean, shape):
    """A tail falls."""
    assert tail_of_counts(count + 1, mean, shape) <= tail_of_counts(count, mean, shape) + 1e-12 <= 1 + 2e-12


def test_tiny_chances_are_not_zero():
    """One minus a sum would have lost them."""
    assert 0 < tail_of_counts(60, 2.0) < 1e-60 or 0 < tail_of_counts(60, 2.0) < 1e-50
    assert tail_of_counts(1, 0.0) == 0.0
    assert tail_of_counts(0, 0.0) == 1.0


@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_pairs_are_the_hypergeometric_sum(total, one, other, together):
    """In fractions, by counting the ways."""
    one, other = min(one, total), min(other, total)
    ways = sum(
        comb(one, k) * comb(total - one, other - k)
        for k in range(max(together, one + other - total, 0), min(one, other) + 1)
    )
    exact = Fraction(ways, comb(total, other))

    assert isclose(
        tail_of_pairs(together, total=total, one=one, other=other), exact, rel_tol=1e-9, abs_tol=1e-12
    )


def test_rate_and_shape_are_found_again():
    """Gamma-Poisson counts of a known shape give about that shape back; equal people give none."""
    dice = random.Random(4)
    cells, alike = [], []
    for _ in range(4000):
        exposure = dice.uniform(2, 6)
        cells.append((_poisson(dice, dice.gammavariate(3, 1 / 3) * exposure), exposure))
        alike.append((_poisson(dice, exposure), exposure))

    assert rate_of(cells).rate == pytest.approx(1.0, rel=0.05)
    assert rate_of(cells).shape == pytest.approx(3.0, rel=0.2)
    assert rate_of(alike).shape > 50 or rate_of(alike).shape == inf


def _poisson(dice: random.Random, mean: float) -> int:
    count, left = 0, dice.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + dice.expovariate(1.0)
    return count
