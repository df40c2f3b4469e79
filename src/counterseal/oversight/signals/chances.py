"""Exact tails: how often chance alone brings about at least as much as was seen.

All take counts and answer with a probability in [0, 1]. Sums run over the upper tail itself, so that a small chance
is not the difference of two numbers near one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log
from statistics import median

_NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True)
class Rate:
    """What others do: events per unit of exposure, and how unlike each other they are.

    shape: of the gamma distribution of their rates; infinite where they differ no more than chance makes them.
    median: of their own rates. others: how many cells of others it rests on.
    """

    rate: float
    shape: float
    median: float
    others: int


def pooled(count: float, exposure: float) -> float:
    """Events per unit of exposure, never quite none; infinite without any exposure, so that nothing is above it."""
    return (count + 0.5) / (exposure + 0.5) if exposure else inf


def rate_of(cells: Sequence[tuple[float, float]]) -> Rate:
    """The rate of (count, exposure) cells; exposures are above 0. By moments, as long as there is any exposure."""
    total, exposure = sum(c for c, _ in cells), sum(e for _, e in cells)
    rate = pooled(total, exposure)
    expected = [rate * e for _, e in cells]
    # Var(count) = m + m^2 / shape, summed over the cells: what is more than m is the difference between people.
    unlike = sorted((c - m) ** 2 - m for (c, _), m in zip(cells, expected, strict=True))
    # Without the one that stands out most: one who misuses the system must not hide another.
    excess = sum(unlike[:-1])
    shape = sum(m * m for m in expected) / excess if excess > 0 else inf
    return Rate(rate, shape, median(c / e for c, e in cells) if cells else 0.0, len(cells))


def tail_of_counts(count: int, mean: float, shape: float = inf) -> float:
    """P(X >= count) for a Poisson count whose mean itself varies by a gamma of this shape (infinite: not at all)."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0

    def log_chance(k: int) -> float:
        if shape == inf:
            return k * log(mean) - mean - lgamma(k + 1)
        return (
            lgamma(k + shape)
            - lgamma(shape)
            - lgamma(k + 1)
            + shape * log(shape / (shape + mean))
            + k * log(mean / (shape + mean))
        )

    if count <= mean:
        return max(0.0, 1.0 - sum(exp(log_chance(k)) for k in range(count)))
    total, k = 0.0, count
    while True:
        chance = exp(log_chance(k))
        total += chance
        if chance <= _NEGLIGIBLE * total or k > count + 100_000:
            return min(1.0, total)
        k += 1


def tail_of_pairs(together: int, *, total: int, one: int, other: int) -> float:
    """P(X >= together) where `one` and `other` of `total` are drawn without regard to each other.

    The hypergeometric tail of Fisher's exact test.
    """

    def ways(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    most = min(one, other)
    chance = sum(
        exp(ways(one, k) + ways(total - one, other - k) - ways(total, other))
        for k in range(max(together, one + other - total, 0), most + 1)
    )
    return min(1.0, chance)
