"""Does a quality score foretell errors: the error-versus-discard characteristic (EDC).

Mated pairs of the lowest quality are discarded, and the FNMR of the rest is watched. A quality measure is of use as
far as the curve falls faster than the level line of discarding at random; the ideal one discards only errors.
Source: ISO/IEC 29794-1 and 29794-5 (EDC), which leave open what is chosen here:

- The quality of a pair is the lower of both sides (`PairRule.LOWER`), or that of the probe alone.
- The threshold of the score is set before anything is discarded and stays. Non-mated pairs are not discarded, so
  the FMR at it stays as well.
- What a quality threshold cannot tell apart is discarded together. The curve is a staircase: at a fraction that no
  threshold reaches, it has the value of the nearest fraction below.
- A failure to assess quality is an outcome, no number: such pairs are discarded first, together, before every
  pair that was assessed, as a capture that cannot be assessed would be taken again. Their count is printed.
- A failed comparison is a false non-match at every threshold, discarded when its quality says so.
- pAUC: the area under the staircase from nothing to 20 or 30 % discarded; beside it that of the ideal curve,
  max(0, (FNMR - r) / (1 - r)), and that of the level line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from counterseal.evaluation.by_group import NonMatedRule, rates_by_group
from counterseal.evaluation.comparisons import (
    Comparisons,
    EvaluationInputError,
    Flags,
    Floats,
    Grouping,
    Scores,
)
from counterseal.evaluation.intervals import binomial_rate, clopper_pearson_bounds
from counterseal.evaluation.plan import SmallestGroup
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.verification import threshold_at

Counts = npt.NDArray[np.int64]

LIMITS = (0.2, 0.3)
"""The fractions up to which areas are taken."""
FRACTIONS = (0.05, 0.1, 0.2, 0.3)
"""The fractions at which rates are printed."""
POINTS_OF_CURVE = 200


class PairRule(StrEnum):
    """Whose quality is that of a pair."""

    LOWER = "lower of both sides"
    PROBE = "probe"


@dataclass(frozen=True, slots=True, eq=False)
class DiscardCurve:
    """The staircase: one step for each quality threshold that discards a further pair, and first of all none.

    discarded: (P,) pairs discarded, rising from 0, never all of them. errors: (P,) false non-matches among the rest.
    quality: (P,) the lowest quality that is left; -inf where nothing is discarded, and at a second step that
    discards the failures to assess alone, that of the lowest pair assessed. pairs: M, all mated pairs.
    not_assessed: pairs with a failure to assess.
    """

    discarded: Counts
    errors: Counts
    quality: Floats
    pairs: int
    not_assessed: int

    @property
    def fnmr(self) -> Floats:
        """(P,) of the pairs left."""
        return np.asarray(self.errors / (self.pairs - self.discarded), np.float64)

    def step(self, fraction: float) -> int:
        """The last step that discards at most this fraction of all pairs."""
        return int(np.searchsorted(self.discarded, fraction * self.pairs + 1e-9, "right")) - 1

    def rate(self, fraction: float, confidence: float = 0.95) -> Rate:
        """FNMR of what is left when at most this fraction is discarded."""
        at = self.step(fraction)
        return binomial_rate(int(self.errors[at]), self.pairs - int(self.discarded[at]), confidence)

    def area(self, limit: float) -> float:
        """Area under the staircase from 0 to `limit` discarded."""
        edges = np.append(self.discarded / self.pairs, np.inf).clip(max=limit)
        return float((np.diff(edges) * self.fnmr).sum())

    def ideal_area(self, limit: float) -> float:
        """The same under the curve that discards only errors."""
        start = float(self.fnmr[0])
        end = min(limit, start)
        return end + (1 - start) * float(np.log1p(-end)) if end < 1 else 1.0

    def level_area(self, limit: float) -> float:
        """The same where discarding tells nothing."""
        return limit * float(self.fnmr[0])


def pair_quality(probe: Floats, reference: Floats | None, rule: PairRule = PairRule.LOWER) -> Floats:
    """(n,) quality of each pair, higher is better, NaN for a failure to assess on a side that counts."""
    if rule is PairRule.PROBE:
        return probe
    if reference is None:
        raise EvaluationInputError(
            "the quality of the references was not told: add `reference_quality`, or judge pairs by their probe"
        )
    return np.minimum(probe, reference)  # NaN where either is


def discard_curve(scores: Floats, quality: Floats, threshold: float) -> DiscardCurve:
    """The staircase of mated scores (M,) and pair qualities (M,), NaN for a failure to assess; T is oriented."""
    if scores.shape != quality.shape or scores.ndim != 1:
        raise ValueError("each mated pair has one score and one quality")
    if not len(scores):
        raise EvaluationInputError("without mated pairs there is nothing to discard")
    if np.isinf(quality).any():
        raise EvaluationInputError(
            f"pair {int(np.argmax(np.isinf(quality))) + 1} has an infinite quality: a quality is a number, or it was"
            " not assessed"
        )
    wrong = scores < scores.dtype.type(threshold)
    # A failure to assess sorts before all that was assessed.
    order = np.argsort(np.where(np.isnan(quality), -np.inf, quality), kind="stable")
    sorted_quality = np.where(np.isnan(quality), -np.inf, quality)[order]
    starts = np.flatnonzero(np.append(True, sorted_quality[1:] > sorted_quality[:-1]))
    before = np.append(0, np.cumsum(wrong[order]))
    least = sorted_quality[starts].astype(np.float64)
    least[0] = -np.inf
    return DiscardCurve(
        discarded=starts.astype(np.int64),
        errors=(before[-1] - before[starts]).astype(np.int64),
        quality=least,
        pairs=len(scores),
        not_assessed=int(np.isnan(quality).sum()),
    )


def quality_document(
    comparisons: Comparisons,
    probe_quality: Floats,
    reference_quality: Floats | None,
    *,
    fmr_targets: Sequence[float],
    rule: PairRule = PairRule.LOWER,
    smallest_group: SmallestGroup | None = None,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """What a result document says under `quality`. Qualities: (n,) of each comparison, NaN for a failure to assess."""
    n = len(comparisons)
    if probe_quality.shape != (n,) or (reference_quality is not None and reference_quality.shape != (n,)):
        raise ValueError("each comparison has one quality a side")
    mated = comparisons.mated
    quality = pair_quality(probe_quality, reference_quality, rule)
    if np.isnan(quality[mated]).all():
        raise EvaluationInputError("no mated pair has a quality: there is nothing to rank")
    scores = Scores.of(comparisons)
    smallest = smallest_group or SmallestGroup()
    curves = []
    for target in fmr_targets:
        threshold = threshold_at(scores, target).threshold
        whole = discard_curve(comparisons.scores[mated], quality[mated], threshold)
        curves.append(
            {
                "target_fmr": target,
                "threshold": comparisons.direction.shown(threshold),
                **_curve_document(whole, confidence),
                "groups": [
                    row
                    for grouping in comparisons.groupings.values()
                    for row in _groups(comparisons, grouping, quality, threshold, whole, smallest, confidence)
                ],
            }
        )
    return {
        "pair_rule": str(rule),
        "pairs": int(mated.sum()),
        "not_assessed": {
            "mated": int(np.isnan(quality[mated]).sum()),
            "non_mated": int(np.isnan(quality[~mated]).sum()),
        },
        "failures_to_assess": "discarded first",
        "threshold_rule": "set before anything is discarded",
        "discard": curves,
    }


def _groups(
    comparisons: Comparisons,
    grouping: Grouping,
    quality: Floats,
    threshold: float,
    whole: DiscardCurve,
    smallest: SmallestGroup,
    confidence: float,
) -> list[dict[str, Any]]:
    """Each group's own curve, and what one quality threshold for all discards of it.

    A quality threshold that refuses one group more often is a differential, whatever it does to the FNMR.
    """
    rows = []
    held = rates_by_group(comparisons, grouping, [threshold], NonMatedRule.ALL, smallest).groups
    for code, group in enumerate(held):
        row: dict[str, Any] = {
            "grouping": grouping.name,
            "how": grouping.how,
            "group": group.label,
            "pairs": group.n_mated,
            "evaluated": group.evaluated,
            "why_not": group.why_not,
        }
        if group.evaluated:
            pairs: Flags = comparisons.mated & (grouping.probe == code)
            here, worth = comparisons.scores[pairs], quality[pairs]
            row |= _curve_document(discard_curve(here, worth, threshold), confidence, points=False)
            row["same_quality_for_all"] = [
                _discarded_at(here, worth, threshold, whole, fraction, confidence) for fraction in FRACTIONS
            ]
        rows.append(row)
    return rows


def _discarded_at(
    scores: Floats, quality: Floats, threshold: float, whole: DiscardCurve, fraction: float, confidence: float
) -> dict[str, Any]:
    """Of one group, at the quality threshold that discards this fraction of all pairs."""
    at = whole.step(fraction)
    least = float(whole.quality[at])
    out = np.zeros(len(quality), bool) if at == 0 else ~(quality >= least)
    left = scores[~out]
    missed = int((left < left.dtype.type(threshold)).sum())
    return {
        "fraction": fraction,
        "quality": least if np.isfinite(least) else None,
        "discarded": binomial_rate(int(out.sum()), len(out), confidence).document(),
        "fnmr": binomial_rate(missed, len(left), confidence).document(),
    }


def _curve_document(curve: DiscardCurve, confidence: float, *, points: bool = True) -> dict[str, Any]:
    document: dict[str, Any] = {
        "not_assessed": curve.not_assessed,
        "fnmr": curve.rate(0.0, confidence).document(),
        "at": [
            {
                "fraction": fraction,
                "discarded": int(curve.discarded[curve.step(fraction)]),
                "fnmr": curve.rate(fraction, confidence).document(),
            }
            for fraction in FRACTIONS
        ],
        "areas": [
            {
                "to": limit,
                "area": curve.area(limit),
                "ideal": curve.ideal_area(limit),
                "level": curve.level_area(limit),
            }
            for limit in LIMITS
        ],
    }
    if points:
        document["curve"] = _points(curve, confidence)
    return document


def _points(curve: DiscardCurve, confidence: float) -> list[dict[str, Any]]:
    """At most `POINTS_OF_CURVE` steps, evenly spread over the fractions discarded, both ends among them."""
    wanted = np.linspace(0, curve.discarded[-1], POINTS_OF_CURVE)
    steps = np.unique(np.searchsorted(curve.discarded, wanted, "right") - 1)
    left = curve.pairs - curve.discarded[steps]
    low, high = clopper_pearson_bounds(curve.errors[steps], left, confidence)
    return [
        {
            "fraction": float(curve.discarded[i] / curve.pairs),
            "quality": float(curve.quality[i]) if np.isfinite(curve.quality[i]) else None,
            "errors": int(curve.errors[i]),
            "trials": int(curve.pairs - curve.discarded[i]),
            "fnmr": float(curve.fnmr[i]),
            "fnmr_low": float(below),
            "fnmr_high": float(above),
        }
        for i, below, above in zip(steps, low, high, strict=True)
    ]
