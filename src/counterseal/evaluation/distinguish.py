"""Which differences between groups are more than sampling noise, and which are shown not to matter.

For two groups with rates p and q, each with its own interval [l, u] at some level:

- Difference: p - q - sqrt((p - l_p)^2 + (u_q - q)^2 - 2 r (p - l_p)(u_q - q)), and so above; the ratio from the same
  argument (MOVER: Zou and Donner, Statistics in Medicine 27, 2008; Donner and Zou, ibid. 31, 2012). r: how the
  replicates of both, from the same drawn people, go together; 0 where the trials are independent.
- P-value: the level at which the interval of the difference begins to hold 0, so that both always agree; where the
  trials of both are independent, twice the smaller tail of Fisher's exact test.
- Adjusted: Holm's step-down over the whole family that is given, that is, everything that is printed together.
- Equivalence: two one-sided tests, each at the level of the test (0.05 where intervals cover 0.95), so that the
  interval of 0.90 lies within the margin.

"Not distinguishable" does not mean equal: `power` says which gap the test could have seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from scipy.stats import hypergeom

from counterseal.evaluation.bootstrap import Estimate, bounds_of
from counterseal.evaluation.plan import Bound

Numbers = npt.NDArray[np.float64]

_WIDEST = 8.0
"""Standard deviations beyond which a p-value is no longer told apart from 1e-15."""
_HALVINGS = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups compared in one error rate. a, b: labels. margin: what would not matter, None where none is stated.

    A ratio is a / b. None: a ratio to 0, and the open end of an interval; equivalent is None without a margin.
    distinguishable: the adjusted p-value is at most 0.05, where intervals cover 0.95.
    """

    measure: str
    a: str
    b: str
    rate_a: float
    rate_b: float
    ratio: float | None
    ratio_interval: tuple[float | None, float | None]
    difference: float
    difference_interval: tuple[float, float]
    p_value: float
    adjusted_p: float
    distinguishable: bool
    margin: Bound | None
    equivalent: bool | None


@dataclass(frozen=True, slots=True)
class Family:
    """The estimates of one measure over groups at one threshold: every two of them are compared."""

    measure: str
    labels: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    margin: Bound | None = None


def compare(families: Sequence[Family], confidence: float) -> tuple[tuple[Pair, ...], ...]:
    """Compare every two groups of each family; p-values are adjusted over all families together."""
    found = [_pairs(f, confidence) for f in families]
    adjusted = iter(holm([p.p_value for pairs in found for p in pairs]))
    made = []
    for pairs in found:
        row = []
        for pair in pairs:
            p = next(adjusted)
            row.append(replace(pair, adjusted_p=p, distinguishable=p <= 1 - confidence))
        made.append(tuple(row))
    return tuple(made)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given (Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, so_far = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        so_far = max(so_far, min(1.0, (len(order) - rank) * p_values[at]))
        adjusted[at] = so_far
    return adjusted


def _pairs(family: Family, confidence: float) -> list[Pair]:
    estimates = family.estimates
    one, other = np.triu_indices(len(estimates), 1)
    if not len(one):
        return []
    p, q = (np.array([estimates[i].value or 0.0 for i in side]) for side in (one, other))
    r = _together(estimates)[one, other]
    sides = Sides([estimates[i] for i in one], [estimates[i] for i in other], p, q, r)
    low, high = sides.difference(np.full(len(p), confidence))
    ratio_low, ratio_high = sides.ratio(confidence)
    p_values = sides.p_values()
    within = _within(sides, family.margin, confidence)
    return [
        Pair(
            family.measure,
            family.labels[i],
            family.labels[j],
            float(p[n]),
            float(q[n]),
            float(p[n] / q[n]) if q[n] > 0 else None,
            (_number(ratio_low[n]), _number(ratio_high[n])),
            float(p[n] - q[n]),
            (float(low[n]), float(high[n])),
            float(p_values[n]),
            1.0,
            False,
            family.margin,
            None if within is None else bool(within[n]),
        )
        for n, (i, j) in enumerate(zip(one, other, strict=True))
    ]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _together(estimates: Sequence[Estimate]) -> Numbers:
    """(G, G) correlations of the replicates; 0 where there are none, or they do not vary."""
    n = len(estimates)
    found = [e.replicates for e in estimates]
    if any(x is None for x in found):
        return np.zeros((n, n))
    table = np.array(found, float)
    table = table[:, np.isfinite(table).all(axis=0)]
    if not table.shape[1]:
        return np.zeros((n, n))
    table -= table.mean(axis=1, keepdims=True)
    spread = np.sqrt((table**2).sum(axis=1))
    table /= np.where(spread > 0, spread, 1.0)[:, None]
    correlations: Numbers = np.clip(table @ table.T, -1, 1)
    return correlations


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Many pairs of estimates at once, with rates p, q and correlations r."""

    a: Sequence[Estimate]
    b: Sequence[Estimate]
    p: Numbers
    q: Numbers
    r: Numbers

    def difference(self, level: Numbers) -> tuple[Numbers, Numbers]:
        """The interval of p - q, each pair at its own level."""
        (low_p, high_p), (low_q, high_q) = bounds_of(self.a, level), bounds_of(self.b, level)
        p, q, r = self.p, self.q, self.r
        below = _length(p - low_p, high_q - q, r)
        above = _length(high_p - p, q - low_q, r)
        return np.maximum(p - q - below, -1.0), np.minimum(p - q + above, 1.0)

    def ratio(self, confidence: float) -> tuple[Numbers, Numbers]:
        """The interval of p / q; inf where it is open above, NaN where nothing is known (0 of 0)."""
        (low_p, high_p), (low_q, high_q) = bounds_of(self.a, confidence), bounds_of(self.b, confidence)
        low = _lower_ratio(self.p, low_p, self.q, high_q, self.r)
        with np.errstate(divide="ignore"):
            return low, 1 / _lower_ratio(self.q, low_q, self.p, high_p, self.r)

    def p_values(self) -> Numbers:
        """Of no difference, two-sided."""
        z_low, z_high = np.zeros(len(self.p)), np.full(len(self.p), _WIDEST)
        for _ in range(_HALVINGS):
            z = (z_low + z_high) / 2
            low, high = self.difference(2 * ndtr(z) - 1)
            holds = (low <= 0) & (high >= 0)
            z_low, z_high = np.where(holds, z_low, z), np.where(holds, z, z_high)
        exact = np.array([a.alone and b.alone for a, b in zip(self.a, self.b, strict=True)])
        counts = np.array(
            [(a.errors, a.trials, b.errors, b.trials) for a, b in zip(self.a, self.b, strict=True)]
        )
        values: Numbers = np.where(exact, fisher(*counts.T), np.minimum(1.0, 2 * ndtr(-z_low)))
        return values


def fisher(
    errors: npt.NDArray[np.int64],
    trials: npt.NDArray[np.int64],
    other_errors: npt.NDArray[np.int64],
    other_trials: npt.NDArray[np.int64],
) -> Numbers:
    """Fisher's exact test of equal rates, two-sided as twice the smaller tail; of many pairs at once."""
    table = (trials + other_trials, errors + other_errors, trials)
    below, above = hypergeom.cdf(errors, *table), hypergeom.sf(errors - 1, *table)
    found: Numbers = np.minimum(1.0, 2 * np.minimum(below, above))
    return found


def _length(x: Numbers, y: Numbers, r: Numbers) -> Numbers:
    length: Numbers = np.sqrt(np.maximum(x**2 + y**2 - 2 * r * x * y, 0.0))
    return length


def _lower_ratio(p: Numbers, low_p: Numbers, q: Numbers, high_q: Numbers, r: Numbers) -> Numbers:
    """The R at which the lower bound of p - R q is 0: (p - R q)^2 = x^2 + R^2 y^2 - 2 r x R y, R below p / q."""
    x, y = p - low_p, high_q - q
    # (q^2 - y^2) R^2 - 2 (p q - r x y) R + (p^2 - x^2) = 0, solved so that nothing cancels where q^2 = y^2.
    half, last = p * q - r * x * y, p**2 - x**2
    root = np.sqrt(np.maximum(half**2 - (q**2 - y**2) * last, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(last <= 0, 0.0, last / (half + root))


def _within(sides: Sides, margin: Bound | None, confidence: float) -> npt.NDArray[np.bool_] | None:
    """Whether the interval of two one-sided tests lies within the margin."""
    if margin is None:
        return None
    level = 2 * confidence - 1
    if margin.unit == "ratio":
        (low, high), least = sides.ratio(level), 1 / margin.at_most
    else:
        (low, high), least = sides.difference(np.full(len(sides.p), level)), -margin.at_most
    within: npt.NDArray[np.bool_] = (low >= least) & (high <= margin.at_most)
    return within
