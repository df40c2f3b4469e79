"""One comparison: direction, engines kept apart, decisions only at a stated threshold."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from counterseal.biometrics import compare as compare_module
from counterseal.biometrics.compare import (
    NotCompared,
    PhotographComparison,
    compare,
    compare_photographs,
    reaches,
    verify,
)
from counterseal.biometrics.engine import Metric, Template
from counterseal.biometrics.errors import EngineMismatchError, TemplateError
from counterseal.cli.demo.synthetic_people import cartoon
from counterseal.terms.biometrics import (
    ComparisonDecision,
    DissimilarityScore,
    FailureCode,
    SimilarityScore,
)


class Cosine:
    engine_id, metric, dimension = "cosine:1", Metric.COSINE, 4


class Distance:
    engine_id, metric, dimension = "distance:1", Metric.EUCLIDEAN, 4


def template(engine, *values: float) -> Template:
    return Template(np.array(values, dtype=np.float32), engine.engine_id)


def test_a_distance_falls_and_a_similarity_rises_with_likeness():
    """The type says which."""
    near, far = (1, 0.1, 0, 0), (0, 1, 0, 0)
    for engine, kind, sign in ((Distance, DissimilarityScore, 1), (Cosine, SimilarityScore, -1)):
        a = template(engine, 1, 0, 0, 0)
        alike, unlike = (
            compare(a, template(engine, *near), engine),
            compare(a, template(engine, *far), engine),
        )
        assert isinstance(alike, kind) and isinstance(unlike, kind)
        assert sign * alike.value < sign * unlike.value
        assert alike.engine_id == engine.engine_id


def test_the_distance_is_euclidean():
    score = compare(template(Distance, 1, 2, 3, 4), template(Distance, 1, 2, 6, 8), Distance)

    assert score.value == 5.0


numbers = hnp.arrays(np.float32, 4, elements=st.floats(-100, 100, width=32)).filter(lambda v: np.any(v))


@given(numbers, numbers)
def test_a_score_is_the_same_in_either_order(a, b):
    for engine in (Distance, Cosine):
        first, second = Template(a, engine.engine_id), Template(b, engine.engine_id)
        one, other = compare(first, second, engine), compare(second, first, engine)
        assert one == other
        assert compare(first, first, engine).value == pytest.approx(0 if engine is Distance else 1, abs=1e-9)
        assert (one.value >= 0) if engine is Distance else (-1 <= one.value <= 1)


def test_templates_of_two_engines_never_meet():
    ours, theirs = template(Distance, 1, 2, 3, 4), template(Cosine, 1, 2, 3, 4)

    for a, b in ((ours, theirs), (theirs, ours), (theirs, theirs)):
        with pytest.raises(EngineMismatchError, match="cosine:1"):
            compare(a, b, Distance)


def test_templates_of_unequal_length_never_meet():
    with pytest.raises(TemplateError):
        compare(template(Distance, 1, 2), template(Distance, 1, 2, 3), Distance)


@pytest.mark.parametrize(
    ("value", "threshold", "expected"),
    [
        (0.49, 0.5, ComparisonDecision.MATCH),
        (0.5, 0.5, ComparisonDecision.MATCH),
        (0.51, 0.5, ComparisonDecision.NON_MATCH),
    ],
)
def test_at_or_better_than_the_threshold_is_a_match(value, threshold, expected):
    distance = verify(
        template(Distance, 1, 0, 0, 0),
        template(Distance, 1, value, 0, 0),
        # The stored number is float32: the threshold that equals it exactly is too.
        DissimilarityScore(float(np.float32(threshold)), Distance.engine_id),
        engine=Distance,
    )
    assert distance.decision is expected
    assert reaches(SimilarityScore(-value, "s"), SimilarityScore(-threshold, "s")) == (
        expected is ComparisonDecision.MATCH
    )


def test_a_threshold_of_the_other_direction_or_engine_is_refused():
    a = template(Distance, 1, 2, 3, 4)
    for threshold in (SimilarityScore(0.5, Distance.engine_id), DissimilarityScore(0.5, "other:1")):
        with pytest.raises(EngineMismatchError):
            verify(a, a, threshold, engine=Distance)


def test_no_function_has_a_threshold_of_its_own():
    functions = inspect.getmembers(compare_module, inspect.isfunction)
    thresholds = [
        f.__name__
        for _, f in functions
        if "threshold" in (parameters := inspect.signature(f).parameters)
        and parameters["threshold"].default is not inspect.Parameter.empty
    ]

    assert len(functions) > 5 and thresholds == []


def test_two_photographs_of_one_synthetic_person(engine, crowd, probe_floor):
    same = compare_photographs(
        crowd[0].photograph(0), crowd[0].photograph(1), engine=engine, floor=probe_floor
    )
    other = compare_photographs(
        crowd[0].photograph(0), crowd[1].photograph(0), engine=engine, floor=probe_floor
    )

    assert isinstance(same, PhotographComparison) and isinstance(other, PhotographComparison)
    assert same.score.value < 0.4 < 0.5 < other.score.value


@pytest.mark.parametrize("which", [1, 2])
def test_which_photograph_failed_is_said(engine, crowd, probe_floor, which):
    pictures = [crowd[0].photograph(0)] * 2
    pictures[which - 1] = cartoon()

    outcome = compare_photographs(*pictures, engine=engine, floor=probe_floor)

    assert isinstance(outcome, NotCompared)
    assert (outcome.which, outcome.failure.code) == (which, FailureCode.NO_FACE)


def test_a_template_is_read_only():
    made = template(Distance, 1, 2, 3, 4)
    with pytest.raises(ValueError, match="read-only"):
        made.values[0] = 9
    assert made == template(Distance, 1, 2, 3, 4) and hash(made) == hash(template(Distance, 1, 2, 3, 4))
    assert made != template(Cosine, 1, 2, 3, 4)
