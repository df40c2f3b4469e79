"""How scores are spread: counts of both kinds over the same bins.

Bins are of equal width between the lowest and the highest score that was seen; a score on an edge belongs to the bin
above it, the highest score to the last bin. Failed comparisons (-inf) are in none.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from counterseal.evaluation.comparisons import Direction, Floats, Scores

BINS = 100


@dataclass(frozen=True, slots=True)
class Histogram:
    """edges: (bins + 1,) ascending, in numbers of the file; mated, non_mated: (bins,) counts."""

    edges: tuple[float, ...]
    mated: tuple[int, ...]
    non_mated: tuple[int, ...]

    def document(self) -> dict[str, list[float] | list[int]]:
        """As a result document holds it."""
        return {"edges": list(self.edges), "mated": list(self.mated), "non_mated": list(self.non_mated)}


def histogram(scores: Scores, bins: int = BINS) -> Histogram | None:
    """None where no finite score is there. Where all are one number, there is one bin of no width."""
    kinds = [_finite(scores.mated), _finite(scores.non_mated)]
    there = [a for a in kinds if len(a)]
    if not there:
        return None
    low, high = min(a[0] for a in there), max(a[-1] for a in there)
    # Halves, lest the distance of two numbers of the scores' precision overflow it.
    middle, half = float(low) / 2 + float(high) / 2, float(high) / 2 - float(low) / 2
    edges = (middle + half * np.linspace(-1, 1, bins + 1)).astype(low.dtype)
    edges[0], edges[-1] = low, high
    edges = np.unique(edges) if high > low else np.array([low, high])
    counts = [_counts(a, edges) for a in kinds]
    if scores.direction is Direction.SIMILARITY:
        shown = edges
    else:
        shown, counts = -edges[::-1], [c[::-1] for c in counts]
    return Histogram(
        tuple(float(e) for e in shown),
        tuple(int(c) for c in counts[0]),
        tuple(int(c) for c in counts[1]),
    )


def _finite(ascending: Floats) -> Floats:
    kind = ascending.dtype.type
    first = int(np.searchsorted(ascending, kind(-np.inf), side="right"))
    return ascending[first : int(np.searchsorted(ascending, kind(np.inf)))]


def _counts(ascending: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    places = np.searchsorted(ascending, edges)
    places[-1] = len(ascending)
    return np.diff(places).astype(np.int64)
