"""Exact 1:N identification: every searchable reference is compared, and the list is the true one.

A scan in float32 finds which references could be on the list: those that the rounding bound cannot exclude.
They alone are scored again in float64, so the list equals the list of a float64 search over all. Nothing is
approximate, because a missed reference is an error the law asks about.

No decision is made here, and no threshold is built in: a service states an `OperatingPoint` calibrated for
its size, or gets the list alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from counterseal.biometrics.compare import as_score, raw_scores, reaches
from counterseal.biometrics.engine import Metric, Template, require_engine
from counterseal.biometrics.errors import OperatingPointError, TemplateError
from counterseal.terms.biometrics import Candidate, CandidateList, ComparisonScore, DissimilarityScore

LIMIT_MAX = 50
# References scanned at a time: bounds the memory of one search.
BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Reference:
    """What the index keeps beside a template: the service's own pseudonymous ids, and the capture date."""

    reference_id: str
    person_id: str
    captured_on: date | None = None


class Index:
    """References in memory, ready to be searched. A copy: it can be thrown away and rebuilt.

    Every searchable reference is one row of `values` (n, dimension) float32. Immutable.
    """

    def __init__(
        self,
        references: Sequence[Reference],
        values: npt.NDArray[np.float32],
        *,
        engine_id: str,
        metric: Metric,
    ) -> None:
        """Build it; `values` is copied.

        Raises TemplateError: shapes do not fit, or a number is not finite. ValueError: an id occurs twice.
        """
        rows = np.array(values, dtype=np.float32, order="C")
        if rows.ndim != 2 or len(rows) != len(references):
            raise TemplateError(
                f"{len(references)} references and templates of shape {rows.shape} do not fit"
            )
        if not np.all(np.isfinite(rows)):
            raise TemplateError("a template in the index holds a number that is not finite")
        if len({reference.reference_id for reference in references}) != len(references):
            raise ValueError("a reference id occurs twice in the index")
        self.engine_id = engine_id
        self.metric = metric
        self.references = tuple(references)
        self._rows = rows
        self._rows.setflags(write=False)
        wide = rows.astype(np.float64)
        self._squares = np.einsum("ij,ij->i", wide, wide)

    def __len__(self) -> int:
        """Number of references compared in every search."""
        return len(self.references)

    @property
    def dimension(self) -> int:
        """Length of a template; 0 where there is none."""
        return int(self._rows.shape[1])

    def nearest(self, probe: Template, limit: int) -> list[tuple[int, float]]:
        """Row and float64 score of the `limit` best references, best first, ties by reference id."""
        if not self.references:
            return []
        query = probe.values
        wide = query.astype(np.float64)
        rows = self._possible(query, float(wide @ wide), limit)
        scores = raw_scores(self.metric, wide, self._rows[rows].astype(np.float64))
        best_first = scores if self.metric is Metric.EUCLIDEAN else -scores
        ids = [self.references[row].reference_id for row in rows]
        order = sorted(range(len(rows)), key=lambda i: (best_first[i], ids[i]))[:limit]
        return [(int(rows[i]), float(scores[i])) for i in order]

    def _possible(self, query: npt.NDArray[np.float32], square: float, limit: int) -> npt.NDArray[np.intp]:
        """Rows that could be among the best `limit`.

        The float32 dot product errs by at most g |q| |x|, g = d u / (1 - d u), u = 2**-24, in whatever order
        it is summed (Higham, Accuracy and Stability, section 3.1). With key k and bound b, the `limit`-th
        smallest k + b is reached by at least `limit` rows; a row on the list has k - b no larger than it.
        """
        unit = self.dimension * 2.0**-24
        gain = unit / (1 - unit)
        keys, bounds, at = [], [], []
        threshold = math.inf
        for start in range(0, len(self), BLOCK):
            squares = self._squares[start : start + BLOCK]
            dots = (self._rows[start : start + BLOCK] @ query).astype(np.float64)
            lengths = np.sqrt(squares * square)
            if self.metric is Metric.EUCLIDEAN:
                # Squared distance. 1e-12: float64 rounding here and in the exact score. 1e-30: underflow.
                key = squares + square - 2 * dots
                bound = 2 * gain * lengths + 1e-12 * (squares + square) + 1e-30
            else:
                # Minus the cosine; zero rows cannot occur, `Template` refuses them.
                key = -dots / lengths
                bound = np.full(len(key), gain + 1e-12) + 1e-30 / lengths
            if len(key) > limit:
                threshold = min(threshold, float(np.partition(key + bound, limit - 1)[limit - 1]))
            kept = np.flatnonzero(key - bound <= threshold)
            keys.append(key[kept])
            bounds.append(bound[kept])
            at.append(kept + start)
        if not keys:
            return np.empty(0, dtype=np.intp)
        key, bound, row = np.concatenate(keys), np.concatenate(bounds), np.concatenate(at)
        if len(key) > limit:
            threshold = float(np.partition(key + bound, limit - 1)[limit - 1])
            row = row[key - bound <= threshold]
        return np.asarray(row)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A calibrated threshold for 1:N searches, stated by the service.

    reference_count_max: the largest reference database it was calibrated for. threshold: at or better is
    returned. fpir: measured rate of searches without a mate that return a candidate, 0 to 1. calibration:
    which data and when.
    """

    id: str
    reference_count_max: int
    threshold: ComparisonScore
    fpir: float
    calibration: str

    def __post_init__(self) -> None:
        """Refuse a point that says nothing.

        Raises OperatingPointError: a field is out of range or empty.
        """
        if not self.id or not self.calibration:
            raise OperatingPointError(
                "an operating point needs an id and says on what data it was calibrated"
            )
        if self.reference_count_max < 1 or not 0 <= self.fpir <= 1:
            raise OperatingPointError(f"operating point `{self.id}` has a size or rate out of range")
        if not math.isfinite(self.threshold.value):
            raise OperatingPointError(f"operating point `{self.id}` has no finite threshold")


def identify(
    probe: Template,
    index: Index,
    *,
    limit: int,
    minimum: ComparisonScore | None = None,
    operating_point: OperatingPoint | None = None,
) -> CandidateList:
    """The candidates for one probe: at most `limit` (1 to 50), none worse than `minimum`.

    With an operating point, none worse than its threshold either. Candidates are no identification.

    Raises EngineMismatchError: probe, minimum or point are of another engine or direction. ValueError:
    `limit` out of range. OperatingPointError: the index is larger than the point was calibrated for.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise ValueError(f"`limit` is {limit}: 1 to {LIMIT_MAX} candidates can be asked for")
    require_engine(index.engine_id, probe.engine_id)
    if len(index) and probe.values.size != index.dimension:
        raise TemplateError(f"a probe of {probe.values.size} numbers does not fit {index.dimension}")
    bounds = [minimum] if minimum is not None else []
    if operating_point is not None:
        if len(index) > operating_point.reference_count_max:
            raise OperatingPointError(
                f"operating point `{operating_point.id}` was calibrated for at most"
                f" {operating_point.reference_count_max:,} references; {len(index):,} are searched: calibrate"
                " again, or return the list without a decision"
            )
        bounds.append(operating_point.threshold)
    for bound in bounds:
        _require_direction(index, bound)
    found = [
        (row, as_score(index.metric, value, index.engine_id)) for row, value in index.nearest(probe, limit)
    ]
    kept = [(row, score) for row, score in found if all(reaches(score, bound) for bound in bounds)]
    return CandidateList(
        candidates=tuple(
            Candidate(
                rank=place,
                reference_id=index.references[row].reference_id,
                person_id=index.references[row].person_id,
                score=score,
                captured_on=index.references[row].captured_on,
            )
            for place, (row, score) in enumerate(kept, start=1)
        ),
        searched=len(index),
        limit=limit,
        minimum=minimum,
        operating_point=operating_point.id if operating_point else None,
    )


def _require_direction(index: Index, bound: ComparisonScore) -> None:
    require_engine(index.engine_id, bound.engine_id)
    if isinstance(bound, DissimilarityScore) != (index.metric is Metric.EUCLIDEAN):
        raise OperatingPointError(
            f"a bound of type `{type(bound).__name__}` has the wrong direction for metric `{index.metric}`"
        )
    if not math.isfinite(bound.value):
        raise OperatingPointError("a bound on scores must be a finite number")
