"""Indices of how unlike the error rates of groups are. They stand beside the rates, never instead of them.

For rates x_1 .. x_n of n groups at one threshold for all, m their mean, g their geometric mean:

- max/min, max/m, max/g; mean |log10(x_d / g)|: the columns of NIST's pages on demographic effects.
- Gini = sum_ij |x_i - x_j| / (2 n^2 m); corrected: times n / (n - 1), so that its most is 1 whatever n.
- FDR = 1 - (alpha A + (1 - alpha) B), A the largest difference of two FMRs, B of two FNMRs; 1 where there is none
  (de Freitas Pereira and Marcel, IEEE T-BIOM 2022).
- IR = A^alpha B^(1 - alpha), A and B max/min of FMR and FNMR; 1 where there is no difference (Grother, NIST IR 8429).
- GARBE = alpha A + (1 - alpha) B, A and B the corrected Gini of FMR and of FNMR; 0 where there is no difference
  (Howard, Laird, Sirotin, Rubin, Tipton and Vemury, 2022).

What is not defined is None: a ratio to 0, anything of fewer than two groups. Where the lowest rate is 0 or lies at a
floor below which rates were not told, `max_min_at_least` says what can be said.

All of them depend on the list of groups: two groups merged never raise max/min. And none says how often anybody errs:
a system that refuses everybody shows no difference. So nothing here puts systems into an order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterseal.evaluation.comparisons import Floats

ALPHA = 0.5
"""How much FMR weighs against FNMR in FDR, IR and GARBE, unless told."""


@dataclass(frozen=True, slots=True)
class Indices:
    """How unlike the rates of `groups` groups are, for one error rate."""

    groups: int
    max_min: float | None = None
    max_min_at_least: float | None = None
    max_mean: float | None = None
    max_geomean: float | None = None
    mean_abs_log10: float | None = None
    gini: float | None = None
    gini_corrected: float | None = None


@dataclass(frozen=True, slots=True)
class Joint:
    """Indices of FMR and FNMR together. alpha: the weight of FMR."""

    alpha: float
    fdr: float | None = None
    ir: float | None = None
    garbe: float | None = None


def indices(
    rates: Sequence[float], *, lowest_at_most: float | None = None, floor: float | None = None
) -> Indices:
    """The indices of one error rate over groups, each rate 0 to 1.

    lowest_at_most: upper bound of the lowest rate, used where that is 0. floor: rates at or below it are known
    only to be no higher than it.
    """
    x = _rates(rates)
    n = len(x)
    if n < 2:
        return Indices(n)
    low, high, mean = float(x[0]), float(x[-1]), math.fsum(x) / n
    bound = floor if floor is not None and low <= floor else lowest_at_most if low == 0 else None
    censored = bound is not None or low == 0
    at_least = max(1.0, high / bound) if bound and high > 0 else None
    if high == 0:
        return Indices(n)
    # Sorted ascending: sum_ij |x_i - x_j| = 2 sum_i (2 i - n + 1) x_i, without the n^2 differences.
    gini = math.fsum((2 * i - n + 1) * float(v) for i, v in enumerate(x)) / (n * n * mean)
    gini = max(0.0, gini)
    logs = [math.log10(v) for v in x] if low > 0 else None
    centre = math.fsum(logs) / n if logs else 0.0
    return Indices(
        groups=n,
        max_min=None if censored else high / low,
        max_min_at_least=at_least,
        max_mean=high / mean,
        max_geomean=high / 10**centre if logs else None,
        mean_abs_log10=math.fsum(abs(v - centre) for v in logs) / n if logs else None,
        gini=gini,
        gini_corrected=gini * n / (n - 1),
    )


def joint(fmr: Sequence[float], fnmr: Sequence[float], alpha: float = ALPHA) -> Joint:
    """The indices of both error rates of the same groups, in the same order.

    Raises:
        ValueError: not the same groups, or a weight outside 0 to 1.
    """
    if len(fmr) != len(fnmr):
        raise ValueError(f"{len(fmr)} groups with an FMR, {len(fnmr)} with an FNMR: not the same groups")
    if not 0 <= alpha <= 1:
        raise ValueError(f"the weight of FMR is 0 to 1, not {alpha}")
    x, y = _rates(fmr), _rates(fnmr)
    if len(x) < 2:
        return Joint(alpha)
    a, b = indices(fmr), indices(fnmr)
    ratios = _weighed(a.max_min, b.max_min, alpha)
    ginis = _weighed(a.gini_corrected, b.gini_corrected, alpha)
    return Joint(
        alpha=alpha,
        fdr=1 - (alpha * float(x[-1] - x[0]) + (1 - alpha) * float(y[-1] - y[0])),
        ir=None if ratios is None else ratios[0] ** alpha * ratios[1] ** (1 - alpha),
        garbe=None if ginis is None else alpha * ginis[0] + (1 - alpha) * ginis[1],
    )


def _weighed(a: float | None, b: float | None, alpha: float) -> tuple[float, float] | None:
    """Both, unless one that has a weight is not defined."""
    if (a is None and alpha > 0) or (b is None and alpha < 1):
        return None
    return (1.0 if a is None else a, 1.0 if b is None else b)


def _rates(rates: Sequence[float]) -> Floats:
    """In ascending order, so that the order of groups cannot count, not even in the last digit."""
    x = np.sort(np.asarray(rates, np.float64))
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("an error rate is 0 to 1")
    return x
