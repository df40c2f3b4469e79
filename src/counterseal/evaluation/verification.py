"""Errors of one-to-one comparison, all from two sorted arrays.

Two samples agree iff score >= T. A failed comparison has the score -inf: it never agrees and stays
in every denominator.

- FMR(T) = count(non-mated >= T) / K, FNMR(T) = count(mated < T) / M: ISO/IEC 19795-1.
- The threshold at a target FMR is the smallest score T, mated or not, with count(non-mated >= T) <=
  floor(target * K): the lowest FNMR that keeps the bound. The target is taken as the decimal number it is written as.
- Thresholds are in oriented numbers here; `Direction.shown` turns them into numbers of the file.
- A threshold is rounded to the precision of the scores before it is compared, as a score in a file was.
- What peers call a curve is `det_curve`; its axes (logarithm, probit) are the report's business.

No copy of the scores is made: each function takes a few binary searches, but `auc` and `convex_hull_eer`,
which walk once over the smaller array and over the distinct mated scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from counterseal.evaluation.comparisons import EvaluationInputError, Floats, Scores
from counterseal.evaluation.intervals import binomial_rate, clopper_pearson_bounds
from counterseal.evaluation.rates import Rate

Counts = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]

DET_POINTS = 200
_WALK = 1 << 20  # needles searched for at once: 8 MiB of places


@dataclass(frozen=True, slots=True)
class Threshold:
    """The thresholds that keep a target FMR with the same false matches.

    threshold: the lowest score that was seen and is admissible; where none is, the next number above all scores.
    Every T above `above` and up to `other_end` gives the same false matches, and every T above `above` and up to
    `threshold` the same decisions on these scores. above: the highest score that has to stay below T. other_end: the
    lowest non-mated score that still reaches T; None where none does, and so no T is the largest.
    allowed: floor(target * K). measurable: allowed >= 1; else `threshold` only lies above every non-mated score.
    """

    target_fmr: float
    threshold: float
    other_end: float | None
    above: float
    allowed: int
    measurable: bool


@dataclass(frozen=True, slots=True, eq=False)
class DetCurve:
    """Points of the error trade-off, by rising threshold; every array has one value a point.

    The bounds are exact binomial intervals of each rate alone: a band of points, not of the curve, and too narrow
    where people are in several comparisons.
    """

    threshold: Floats
    false_matches: Counts
    false_non_matches: Counts
    fmr: Weights
    fnmr: Weights
    fmr_bounds: tuple[Weights, Weights]
    fnmr_bounds: tuple[Weights, Weights]


@dataclass(frozen=True, slots=True)
class EqualErrorRate:
    """Where FMR and FNMR are nearest, in three ways of saying one number of it.

    low, high: the lesser and the greater of both rates at the threshold where |FMR - FNMR| is least (of two such
    thresholds the lower one); midpoint: half their sum. convex_hull: where the convex hull of the curve crosses
    FMR = FNMR; it is another number, never greater than `high`.
    """

    low: float
    high: float
    midpoint: float
    convex_hull: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What `measure` answers: counts and rates at each target, the curve, and how many scores there were."""

    n_mated: int
    n_non_mated: int
    thresholds: tuple[tuple[Threshold, Rate, Rate], ...]
    det: DetCurve


def false_matches(scores: Scores, threshold: float) -> int:
    """count(non-mated >= threshold)."""
    return len(scores.non_mated) - _below(scores.non_mated, threshold)


def false_non_matches(scores: Scores, threshold: float) -> int:
    """count(mated < threshold)."""
    return _below(scores.mated, threshold)


def fmr(scores: Scores, threshold: float, confidence: float = 0.95) -> Rate:
    """False match rate with its exact binomial interval."""
    return binomial_rate(false_matches(scores, threshold), len(scores.non_mated), confidence)


def fnmr(scores: Scores, threshold: float, confidence: float = 0.95) -> Rate:
    """False non-match rate with its exact binomial interval."""
    return binomial_rate(false_non_matches(scores, threshold), len(scores.mated), confidence)


def allowed_errors(target: float, trials: int) -> int:
    """floor(target * trials), of the decimal number as which the target is written: 0.29 of 100 is 29."""
    return floor(Fraction(repr(float(target))) * trials)


def threshold_at(scores: Scores, target: float) -> Threshold:
    """The smallest admissible threshold for a target FMR, and the other end.

    Raises EvaluationInputError: without non-mated scores, for a target outside 0 to 1, or where so many non-mated
    scores are +inf that no threshold keeps the target.
    """
    count = len(scores.non_mated)
    if not count:
        raise EvaluationInputError("no non-mated scores: no false match rate can be measured")
    if not 0 < target < 1:
        raise EvaluationInputError(f"a target FMR lies between 0 and 1, not {target}")
    allowed = allowed_errors(target, count)
    excess = scores.non_mated[count - 1 - allowed]
    if np.isposinf(excess):
        raise EvaluationInputError(
            f"no threshold keeps an FMR of {target}: more than {allowed} of {count} non-mated scores are +inf; "
            "look at what wrote them"
        )
    seen = [_next_above(each, excess) for each in (scores.mated, scores.non_mated)]
    threshold = min((t for t in seen if t is not None), default=_next_number(excess))
    return Threshold(target, threshold, seen[1], float(excess), allowed, allowed >= 1)


def measure(scores: Scores, targets: Sequence[float], confidence: float = 0.95) -> Measured:
    """Counts, thresholds with both rates, and the curve: what a test of any size can afford."""
    found = [threshold_at(scores, target) for target in targets]
    rows = [(t, fmr(scores, t.threshold, confidence), fnmr(scores, t.threshold, confidence)) for t in found]
    return Measured(
        len(scores.mated), len(scores.non_mated), tuple(rows), det_curve(scores, confidence=confidence)
    )


def det_curve(scores: Scores, points: int = DET_POINTS, confidence: float = 0.95) -> DetCurve:
    """At most so many points, evenly spread over the logarithms of both counts of errors.

    Both ends are among them: the lowest score, which all reach, and a threshold above all, which none does.
    Points are chosen by rank, so that a monotone map of the scores moves the thresholds and nothing else.
    """
    _both(scores)
    half = max(points // 2 - 1, 1)
    by_fmr = scores.non_mated[len(scores.non_mated) - _spread(len(scores.non_mated), half)]
    by_fnmr = scores.mated[_spread(len(scores.mated), half) - 1]
    ends = [min(scores.mated[0], scores.non_mated[0]), _above(scores)]
    at = np.unique(np.concatenate([by_fmr, by_fnmr, np.array(ends, by_fmr.dtype)]))
    wrong = len(scores.non_mated) - np.searchsorted(scores.non_mated, at)
    missed = np.searchsorted(scores.mated, at)
    return DetCurve(
        at,
        wrong,
        missed,
        wrong / len(scores.non_mated),
        missed / len(scores.mated),
        clopper_pearson_bounds(wrong, len(scores.non_mated), confidence),
        clopper_pearson_bounds(missed, len(scores.mated), confidence),
    )


def equal_error_rate(scores: Scores) -> EqualErrorRate:
    """The equal error rate as an interval with its midpoint, and on the convex hull."""
    _both(scores)
    above = _above(scores)
    crossing = min(
        _first_crossing(scores.mated, scores, above), _first_crossing(scores.non_mated, scores, above)
    )
    candidates = [_rates(scores, crossing)]
    before = [a[i - 1] for a in (scores.mated, scores.non_mated) if (i := _below(a, crossing))]
    if before:
        candidates.insert(0, _rates(scores, float(max(before))))
    # Compared as fractions of one denominator: two rates that are equally near must not be told apart by rounding.
    wrong, missed = min(
        candidates, key=lambda c: abs(c[0] * len(scores.mated) - c[1] * len(scores.non_mated))
    )
    rates = wrong / len(scores.non_mated), missed / len(scores.mated)
    return EqualErrorRate(min(rates), max(rates), sum(rates) / 2, convex_hull_eer(scores))


def auc(scores: Scores) -> float:
    """The probability that a mated score exceeds a non-mated one, ties counted half: exact, failures included."""
    _both(scores)
    pairs = len(scores.mated) * len(scores.non_mated)
    if len(scores.mated) <= len(scores.non_mated):
        return _twice_below(scores.mated, scores.non_mated) / (2 * pairs)
    return (2 * pairs - _twice_below(scores.non_mated, scores.mated)) / (2 * pairs)


def convex_hull_eer(scores: Scores) -> float:
    """Where the lower convex hull of (FMR, FNMR) crosses the diagonal.

    Source: the hull is that of Fawcett and Provost; it is found by pooling adjacent violators (Fawcett and
    Niculescu-Mizil, Machine Learning 68 (2007)).
    """
    pooled = pooled_blocks(scores)
    # At a threshold before block i all blocks below it are non-matches: rising steps of both rates.
    missed = np.concatenate([[0.0], np.cumsum(pooled.mated)]) / len(scores.mated)
    wrong = 1 - np.concatenate([[0.0], np.cumsum(pooled.non_mated)]) / len(scores.non_mated)
    after = int(np.argmax(missed >= wrong))  # at 0 nothing is missed and all is wrong; at the end the reverse
    x0, y0, x1, y1 = wrong[after - 1], missed[after - 1], wrong[after], missed[after]
    share = (x0 - y0) / ((x0 - y0) + (y1 - x1))
    return float(y0 + share * (y1 - y0))


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Runs of neighbouring scores with one share of mated ones each, by rising score and rising share.

    mated, non_mated: how many of each kind are in the block.
    """

    mated: Weights
    non_mated: Weights


def pooled_blocks(scores: Scores) -> Blocks:
    """The scores pooled until the share of mated ones rises with the score (pool adjacent violators).

    Between two distinct mated scores all that matters is how many non-mated ones there are, so the work is that
    of the distinct mated scores however many the others.
    """
    _both(scores)
    values, first = np.unique(scores.mated, return_index=True)
    mated = np.diff(np.append(first, len(scores.mated)))
    left = np.searchsorted(scores.non_mated, values)
    right = np.searchsorted(scores.non_mated, values, side="right")
    # gap before the first value, first value, gap, second value, ..., gap after the last
    edges = np.concatenate([[0], np.ravel([left, right], order="F"), [len(scores.non_mated)]])
    non_mated = np.diff(edges).astype(np.float64)
    with_mated = np.zeros(len(non_mated))
    with_mated[1::2] = mated
    weight = with_mated + non_mated
    used = weight > 0
    with_mated, non_mated, weight = with_mated[used], non_mated[used], weight[used]
    starts = isotonic_regression(with_mated / weight, weights=weight).blocks[:-1]
    return Blocks(np.add.reduceat(with_mated, starts), np.add.reduceat(non_mated, starts))


def _below(ascending: Floats, threshold: float) -> int:
    # In the dtype of the scores: searching with a wider number would copy all of them into that width.
    return int(np.searchsorted(ascending, ascending.dtype.type(threshold)))


def _next_above(ascending: Floats, score: np.floating) -> float | None:
    """The lowest of these scores above another."""
    place = int(np.searchsorted(ascending, score, side="right"))
    return float(ascending[place]) if place < len(ascending) else None


def _next_number(score: np.floating) -> float:
    """The next number in the score's own precision."""
    return float(np.nextafter(score, np.array(np.inf, score.dtype)))


def _rates(scores: Scores, threshold: float) -> tuple[int, int]:
    return false_matches(scores, threshold), false_non_matches(scores, threshold)


def _first_crossing(ascending: Floats, scores: Scores, above: float) -> float:
    """The lowest of these scores at which FNMR >= FMR; `above` where there is none."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        wrong, missed = _rates(scores, float(ascending[middle]))
        if missed * len(scores.non_mated) >= wrong * len(scores.mated):
            high = middle
        else:
            low = middle + 1
    return float(ascending[low]) if low < len(ascending) else above


def _above(scores: Scores) -> float:
    """A threshold that no score reaches. It is +inf where the largest score is the largest number, or +inf itself."""
    return _next_number(max(scores.mated[-1], scores.non_mated[-1]))


def _spread(count: int, points: int) -> Counts:
    """Whole numbers from 1 to count, evenly spread over their logarithms."""
    return np.unique(np.rint(np.geomspace(1, count, points)).astype(np.int64))


def _twice_below(needles: Floats, ascending: Floats) -> int:
    """The sum over the needles of 2 count(below) + count(equal)."""
    total = 0
    for start in range(0, len(needles), _WALK):
        part = needles[start : start + _WALK]
        total += int(np.searchsorted(ascending, part).sum())
        total += int(np.searchsorted(ascending, part, side="right").sum())
    return total


def _both(scores: Scores) -> None:
    for name, there in (("mated", scores.mated), ("non-mated", scores.non_mated)):
        if not len(there):
            raise EvaluationInputError(
                f"no {name} scores: without both kinds there is no error trade-off to measure"
            )
