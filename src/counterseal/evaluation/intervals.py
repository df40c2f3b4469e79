"""Intervals of one rate, for trials that are independent of each other (one comparison of each person).

Where people appear in more than one comparison these are too narrow, often several times: `bootstrap` is for that.

- `clopper_pearson` never covers less than it states, and is wider than needed for small counts. It is what the
  reports print.
- `wilson` covers about what it states on average. It is for drawing, and for the plan of a test.
- rule of three, rule of thirty: ISO/IEC 19795-1 (test size), after Doddington et al., Speech Communication 31 (2000).

Sources: Clopper and Pearson, Biometrika 26 (1934); Wilson, JASA 22 (1927).
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri

from counterseal.evaluation.rates import Interval, Rate

CLOPPER_PEARSON = "clopper-pearson"
ENOUGH_ERRORS = 30
"""With 30 errors a rate is known to about 30 % of itself, either way, nine times in ten: 1.645 / sqrt(30)."""

Bounds = npt.NDArray[np.float64]


def clopper_pearson(errors: float, trials: float, confidence: float = 0.95) -> Interval:
    """The exact binomial interval. Without trials it is 0 to 1: nothing is known.

    The counts may be fractions: an effective number of independent trials, made of dependent ones.
    """
    low, high = clopper_pearson_bounds(errors, trials, confidence)
    return float(low), float(high)


def clopper_pearson_bounds(
    errors: npt.ArrayLike, trials: npt.ArrayLike, confidence: npt.ArrayLike = 0.95
) -> tuple[Bounds, Bounds]:
    """`clopper_pearson` of many counts at once, each at its own level: bounds in the shape of the counts."""
    k, n = _counts(errors, trials)
    tail = _tail(confidence)
    # A beta distribution has no shape of 0: there the bound is 0 or 1, and the shape given is a placeholder.
    low = np.where(k > 0, betaincinv(np.maximum(k, 1e-9), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1e-9), 1 - tail), 1.0)
    return low, high


def wilson(errors: float, trials: float, confidence: float = 0.95) -> Interval:
    """The score interval. Without trials it is 0 to 1."""
    low, high = wilson_bounds(errors, trials, confidence)
    return float(low), float(high)


def wilson_bounds(
    errors: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95
) -> tuple[Bounds, Bounds]:
    """`wilson` of many counts at once."""
    k, n = _counts(errors, trials)
    z2 = quantile_of_normal(1 - _tail(confidence)) ** 2
    centre = k + z2 / 2
    half = np.sqrt(z2) * np.sqrt(k * (n - k) / np.maximum(n, 1) + z2 / 4)
    low = np.where(k > 0, np.clip((centre - half) / (n + z2), 0, 1), 0.0)
    high = np.where(k < n, np.clip((centre + half) / (n + z2), 0, 1), 1.0)
    return low, high


def rule_of_three(trials: float, confidence: float = 0.95) -> float:
    """The rate above which no error in so many independent trials would be seen at most 5 % of the time (at 0.95).

    Exactly 1 - 0.05^(1/n) at 95 %; 3 / n is its usual approximation. 1 without trials.
    """
    _tail(confidence)
    if trials < 0:
        raise ValueError(f"{trials} trials")
    return -math.expm1(math.log1p(-confidence) / trials) if trials else 1.0


def enough_errors(errors: float) -> bool:
    """Whether the rule of thirty holds: fewer errors give a rate that is not worth printing without its interval."""
    return errors >= ENOUGH_ERRORS


def binomial_rate(errors: int, trials: int, confidence: float = 0.95) -> Rate:
    """A rate with its exact binomial interval; without trials it has none."""
    interval = clopper_pearson(errors, trials, confidence) if trials else None
    return Rate(int(errors), int(trials), interval, CLOPPER_PEARSON)


def quantile_of_normal(p: float) -> float:
    """The standard normal quantile, such as 1.959964 of 0.975."""
    return float(ndtri(p))


def _counts(errors: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Any, Any]:
    k, n = np.broadcast_arrays(np.asarray(errors, float), np.asarray(trials, float))
    if not ((k >= 0) & (k <= n) & np.isfinite(n)).all():
        raise ValueError("there are at least 0 errors and at most as many as trials")
    return k, n


def _tail(confidence: npt.ArrayLike) -> Any:
    level = np.asarray(confidence, float)
    if not ((level > 0) & (level < 1)).all():
        raise ValueError(f"an interval covers between 0 and 1 of the time, not {level}")
    return (1 - level) / 2
