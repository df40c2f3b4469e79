"""What a curve of rates says that somebody else published (ROC, DET): the scores behind it are not there.

Without counts there is no interval, no test of a difference and no verdict: such a document carries no test of a
service. Rules are those of `verification`, applied to the points as they stand: at a target, the least FNMR among the
points whose FMR is at most the target; the equal error rate as the pair of rates that lie nearest together, and on the
convex hull; the area by straight lines, only of a curve that covers FMR 0 to 1. Nothing is drawn on beyond the points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from counterseal.evaluation.comparisons import EvaluationInputError

SCHEMA = "counterseal-published-curve-1"
TARGETS = (0.1, 0.01, 0.001)
_DUST = 1e-12  # what 1 - 0.9 differs from 0.1 by; published rates have fewer digits

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PublishedCurve:
    """Points of one curve, by rising FMR and then falling FNMR. fmr, fnmr: (n,), 0 to 1, at least two points."""

    fmr: Reals
    fnmr: Reals

    @classmethod
    def of(cls, fmr: Reals, fnmr: Reals) -> "PublishedCurve":
        """Put the points in order. Raises EvaluationInputError for what is no curve of rates."""
        for name, rates in (("FMR", fmr), ("FNMR", fnmr)):
            if not np.isfinite(rates).all() or rates.min() < 0 or rates.max() > 1:
                raise EvaluationInputError(
                    f"{name} from {rates.min():g} to {rates.max():g} is no rate; give rates from 0 to 1, not percent"
                )
        if len(np.unique(np.stack([fmr, fnmr]), axis=1).T) < 2:
            raise EvaluationInputError("one point is no curve; give the points of the whole curve")
        order = np.lexsort((-fnmr, fmr))
        return cls(fmr[order], fnmr[order])

    @property
    def turns(self) -> int:
        """How often FNMR rises although FMR does too: 0 for one system's errors over its thresholds."""
        return int(np.count_nonzero(np.diff(self.fnmr) > _DUST))


def curve_document(curve: PublishedCurve, targets: Sequence[float] = ()) -> dict[str, Any]:
    """Everything that the points say. targets: of FMR, each above 0 and at most 1.

    Raises EvaluationInputError where comparisons of different people come out as more alike (area below a half).
    """
    if bad := [t for t in targets if not 0 < t <= 1]:
        raise EvaluationInputError(f"a target FMR lies above 0 and at most at 1; not {bad[0]:g}")
    warnings = ["no counts were published: no interval, no difference and no verdict can rest on this curve"]
    area = _area(curve)
    if area is None:
        warnings.append(
            f"the curve covers FMR {curve.fmr[0]:g} to {curve.fmr[-1]:g} only: no area under it is told"
        )
    elif area < 0.5:
        raise EvaluationInputError(
            f"the area under the curve is {area:.4f}, below a half: are the columns the other way round "
            "(tmr for fnmr, or the two swapped)?"
        )
    if curve.turns:
        warnings.append(
            f"FNMR rises with FMR at {curve.turns} points: this is not one system over its thresholds"
        )
    return {
        "schema": SCHEMA,
        "n_mated": None,
        "n_non_mated": None,
        "points": len(curve.fmr),
        "fmr_range": [float(curve.fmr[0]), float(curve.fmr[-1])],
        "eer": _equal_errors(curve),
        "auc": area,
        "thresholds": [_at(curve, target) for target in targets or TARGETS],
        "groups": [],
        "differentials": [],
        "identification": None,
        "warnings": warnings,
    }


def _at(curve: PublishedCurve, target: float) -> dict[str, Any]:
    allowed = curve.fmr <= target + _DUST
    if not allowed.any():
        return {"target_fmr": target, "threshold": None, "fmr": None, "fnmr": None}
    best = int(np.argmin(np.where(allowed, curve.fnmr, np.inf)))
    return {
        "target_fmr": target,
        "threshold": None,
        "fmr": float(curve.fmr[best]),
        "fnmr": float(curve.fnmr[best]),
    }


def _equal_errors(curve: PublishedCurve) -> dict[str, float | None]:
    nearest = int(np.argmin(np.abs(curve.fmr - curve.fnmr)))
    low, high = sorted((float(curve.fmr[nearest]), float(curve.fnmr[nearest])))
    return {"low": low, "high": high, "midpoint": (low + high) / 2, "convex_hull": _hull_eer(curve)}


def _hull_eer(curve: PublishedCurve) -> float:
    """Where the lower convex hull of the points, with both trivial systems, crosses the diagonal."""
    hull: list[tuple[float, float]] = []
    for x, y in [(0.0, 1.0), *zip(curve.fmr.tolist(), curve.fnmr.tolist(), strict=True), (1.0, 0.0)]:
        while len(hull) > 1 and _turns_right(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    after = next(i for i, (x, y) in enumerate(hull) if x >= y)
    if after == 0:  # a system without errors: the hull begins on the diagonal
        return hull[0][0]
    (x0, y0), (x1, y1) = hull[after - 1], hull[after]
    share = (y0 - x0) / ((y0 - x0) + (x1 - y1))
    return x0 + share * (x1 - x0)


def _turns_right(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0


def _area(curve: PublishedCurve) -> float | None:
    if curve.fmr[0] > 0 or curve.fmr[-1] < 1:
        return None
    return float(np.trapezoid(1 - curve.fnmr, curve.fmr))
