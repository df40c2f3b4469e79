"""Compare two templates of one engine. A score keeps its direction in its type; no threshold is built in.

Scores are computed in float64 from the stored float32 features, and by the same function as in a 1:N search.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.engine import Engine, Metric, Template, require_engine
from counterseal.biometrics.errors import EngineMismatchError, TemplateError
from counterseal.biometrics.quality import QualityFloor
from counterseal.biometrics.stills import DEFAULT_LIMITS, StillLimits
from counterseal.terms.biometrics import (
    ComparisonDecision,
    ComparisonScore,
    DissimilarityScore,
    FailureToAcquire,
    SimilarityScore,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verification:
    """One decision on one comparison, at a threshold that the caller stated."""

    score: ComparisonScore
    threshold: ComparisonScore
    decision: ComparisonDecision


@dataclass(frozen=True, eq=False, slots=True)
class PhotographComparison:
    """Two photographs compared: a score, both captures, and no decision."""

    score: ComparisonScore
    first: Capture
    second: Capture


@dataclass(frozen=True, slots=True)
class NotCompared:
    """One of the two photographs could not be acquired. which: 1 or 2."""

    which: int
    failure: FailureToAcquire


def raw_scores(metric: Metric, probe: Floats, rows: Floats) -> Floats:
    """Score of one probe (d,) against rows (n, d), all float64: distances, or cosines."""
    if metric is Metric.EUCLIDEAN:
        return np.asarray(np.sqrt(((rows - probe) ** 2).sum(axis=1)))
    lengths = np.sqrt((rows**2).sum(axis=1)) * np.sqrt((probe**2).sum())
    return np.asarray(np.clip((rows * probe).sum(axis=1) / lengths, -1.0, 1.0))


def as_score(metric: Metric, value: float, engine_id: str) -> ComparisonScore:
    """The number with its direction."""
    kind = DissimilarityScore if metric is Metric.EUCLIDEAN else SimilarityScore
    return kind(value, engine_id)


def compare(a: Template, b: Template, engine: Engine) -> ComparisonScore:
    """The score of two templates, the same in either order.

    Raises EngineMismatchError: one of them is of another engine. TemplateError: unequal length.
    """
    require_engine(engine.engine_id, a.engine_id, b.engine_id)
    if a.values.size != b.values.size:
        raise TemplateError(f"templates of {a.values.size} and {b.values.size} numbers cannot be compared")
    rows = b.values.astype(np.float64)[None]
    return as_score(
        engine.metric,
        float(raw_scores(engine.metric, a.values.astype(np.float64), rows)[0]),
        engine.engine_id,
    )


def reaches(score: ComparisonScore, threshold: ComparisonScore) -> bool:
    """Whether a score is at or better than a threshold: not above a distance, not below a similarity.

    Raises EngineMismatchError: they are of two engines or two directions.
    """
    require_engine(threshold.engine_id, score.engine_id)
    match score, threshold:
        case DissimilarityScore(), DissimilarityScore():
            return score.value <= threshold.value
        case SimilarityScore(), SimilarityScore():
            return score.value >= threshold.value
    raise EngineMismatchError(
        f"a `{type(score).__name__}` cannot be held against a `{type(threshold).__name__}`:"
        " their directions differ"
    )


def verify(
    probe: Template, reference: Template, threshold: ComparisonScore, *, engine: Engine
) -> Verification:
    """Decide one 1:1 comparison at a stated threshold.

    Raises EngineMismatchError: templates or threshold are of another engine or direction.
    """
    score = compare(probe, reference, engine)
    decision = ComparisonDecision.MATCH if reaches(score, threshold) else ComparisonDecision.NON_MATCH
    return Verification(score, threshold, decision)


def compare_photographs(
    first: bytes,
    second: bytes,
    *,
    engine: Engine,
    floor: QualityFloor,
    limits: StillLimits = DEFAULT_LIMITS,
) -> PhotographComparison | NotCompared:
    """Compare the faces of two stills. Nothing is stored and nothing is decided."""
    a = capture(first, engine=engine, floor=floor, limits=limits)
    if isinstance(a, FailureToAcquire):
        return NotCompared(1, a)
    b = capture(second, engine=engine, floor=floor, limits=limits)
    if isinstance(b, FailureToAcquire):
        return NotCompared(2, b)
    return PhotographComparison(compare(a.template, b.template, engine), a, b)
