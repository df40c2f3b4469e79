"""Bands of the error trade-off where people appear in more than one comparison.

At a few points of the curve people are resampled; how many independent comparisons would know as much is interpolated
between them, and every point has the exact interval on so many. Each point's interval is its own: the band is not
one that holds the whole curve at once.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from counterseal.evaluation.bootstrap import FIXED, Estimate, subject_bootstrap
from counterseal.evaluation.comparisons import Comparisons
from counterseal.evaluation.intervals import CLOPPER_PEARSON, Bounds, clopper_pearson_bounds
from counterseal.evaluation.verification import Counts, DetCurve

KNOTS = 25
MOST_REPLICATES = 500
RESAMPLED = f"subject bootstrap at {KNOTS} points of the curve at most, interpolated between them"

Band = tuple[Bounds, Bounds]


def bands(
    comparisons: Comparisons, curve: DetCurve, *, replicates: int, seed: int, confidence: float
) -> tuple[Band, Band, str]:
    """Bounds of FMR and of FNMR at every point of the curve, and how they were made."""
    points = np.unique(np.linspace(0, len(curve.threshold) - 1, KNOTS).round().astype(int))
    found = subject_bootstrap(
        comparisons,
        curve.threshold[points].tolist(),
        replicates=min(replicates, MOST_REPLICATES),
        seed=seed,
        confidence=confidence,
    )
    used = {e.method for kind in (found.fmr, found.fnmr) for e in kind}
    return (
        _band(curve.false_matches, points, found.fmr, confidence),
        _band(curve.false_non_matches, points, found.fnmr, confidence),
        RESAMPLED if FIXED in used else CLOPPER_PEARSON,
    )


def _band(errors: Counts, points: Counts, estimates: Sequence[Estimate], confidence: float) -> Band:
    trials = estimates[0].trials
    known = [_independent(e, confidence) for e in estimates]
    effective = np.interp(np.arange(len(errors)), points, known)
    return clopper_pearson_bounds(errors / trials * effective, effective, confidence)


def _independent(estimate: Estimate, confidence: float) -> float:
    """How many independent comparisons would give an interval as wide, at this confidence."""
    if math.isinf(estimate.degrees_of_freedom):
        return estimate.effective_trials
    level = (1 + confidence) / 2
    return estimate.effective_trials * float(ndtri(level) / stdtrit(estimate.degrees_of_freedom, level)) ** 2
