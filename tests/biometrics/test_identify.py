"""1:N: the list is the true one, in the true order, of all references."""

import dataclasses
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.biometrics import identify as identify_module
from counterseal.biometrics.compare import compare
from counterseal.biometrics.engine import Metric, Template
from counterseal.biometrics.errors import EngineMismatchError, OperatingPointError, TemplateError
from counterseal.biometrics.identify import Index, OperatingPoint, Reference, identify
from counterseal.terms.biometrics import DissimilarityScore, SimilarityScore

ENGINE = "test:1"


class Distance:
    engine_id, metric, dimension = ENGINE, Metric.EUCLIDEAN, 0


class Cosine:
    engine_id, metric, dimension = ENGINE, Metric.COSINE, 0


def index_of(values, metric=Metric.EUCLIDEAN) -> Index:
    references = [Reference(f"r{i:06d}", f"p{i}", date(2020, 1, 1)) for i in range(len(values))]
    return Index(references, np.asarray(values, dtype=np.float32), engine_id=ENGINE, metric=metric)


def probe_of(values) -> Template:
    return Template(np.asarray(values, dtype=np.float32), ENGINE)


def brute_force(probe: Template, index: Index, values, limit: int) -> list[tuple[str, float]]:
    """Every reference compared one by one in float64, as `compare` does it."""
    engine = Distance if index.metric is Metric.EUCLIDEAN else Cosine
    sign = 1 if index.metric is Metric.EUCLIDEAN else -1
    scored = [
        (reference.reference_id, compare(probe, probe_of(row), engine).value)
        for reference, row in zip(index.references, values, strict=True)
    ]
    return sorted(scored, key=lambda pair: (sign * pair[1], pair[0]))[:limit]


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 300),
    dimension=st.sampled_from([2, 3, 16, 128, 512]),
    limit=st.integers(1, 50),
    metric=st.sampled_from(list(Metric)),
    spread=st.sampled_from([1.0, 1e-3, 1e-6, 0.0]),
    scale=st.sampled_from([1.0, 1e-8, 1e5]),
    block=st.sampled_from([1, 7, 64, 65_536]),
)
def test_the_list_equals_the_float64_brute_force(seed, count, dimension, limit, metric, spread, scale, block):
    """Near-ties and exact ties that float32 cannot tell apart are the point: `spread` makes them."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=dimension)
    values = ((centre + spread * rng.normal(size=(count, dimension))) * scale).astype(np.float32)
    if count > 4:
        values[rng.integers(count)] = values[rng.integers(count)]
    probe = probe_of((centre + spread * rng.normal(size=dimension)) * scale)
    index = index_of(values, metric)

    old, identify_module.BLOCK = identify_module.BLOCK, block
    try:
        found = identify(probe, index, limit=limit)
    finally:
        identify_module.BLOCK = old

    assert [(c.reference_id, c.score.value) for c in found.candidates] == brute_force(
        probe, index, values, limit
    )
    assert found.searched == count
    assert [c.rank for c in found.candidates] == list(range(1, min(count, limit) + 1))


@pytest.mark.parametrize("metric", list(Metric))
def test_the_list_is_exact_at_ten_thousand(metric):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(10_000, 128)).astype(np.float32) / 8
    index = index_of(values, metric)
    engine = Distance if metric is Metric.EUCLIDEAN else Cosine
    for _ in range(3):
        probe = probe_of(values[rng.integers(10_000)] + rng.normal(size=128) / 50)
        found = [(c.reference_id, c.score.value) for c in identify(probe, index, limit=50).candidates]
        scores = sorted(
            ((compare(probe, probe_of(row), engine).value, f"r{i:06d}") for i, row in enumerate(values)),
            key=lambda pair: (pair[0] if metric is Metric.EUCLIDEAN else -pair[0], pair[1]),
        )
        assert found == [(reference, score) for score, reference in scores[:50]]


def test_the_scan_would_be_wrong_without_the_bound(monkeypatch):
    """The property test can fail: float32 alone loses the order of near-ties."""
    rng = np.random.default_rng(4)
    values = (rng.normal(size=64) * 100 + rng.normal(size=(200, 64)) * 1e-5).astype(np.float32)
    probe = probe_of(values[0] + rng.normal(size=64).astype(np.float32) * 1e-5)
    float32 = np.argsort(((values @ probe.values) * -2 + (values**2).sum(1)), kind="stable")[:5]

    truth = [reference for reference, _ in brute_force(probe, index_of(values), values, 5)]

    assert [f"r{i:06d}" for i in float32] != truth
    assert [c.reference_id for c in identify(probe, index_of(values), limit=5).candidates] == truth


def test_ties_go_by_reference_id():
    index = index_of([[1, 0], [1, 0], [1, 0]])

    ids = [c.reference_id for c in identify(probe_of([1, 0.5]), index, limit=2).candidates]

    assert ids == ["r000000", "r000001"]


def test_minimum_score_is_at_or_better():
    index = index_of([[1, 0], [2, 0], [3, 0]])
    found = identify(probe_of([1, 0]), index, limit=50, minimum=DissimilarityScore(1.0, ENGINE))
    assert [c.score.value for c in found.candidates] == [0.0, 1.0]
    assert found.minimum == DissimilarityScore(1.0, ENGINE) and found.searched == 3

    cosine = index_of([[1, 0], [1, 1], [0, 1]], Metric.COSINE)
    found = identify(probe_of([1, 0]), cosine, limit=50, minimum=SimilarityScore(0.5, ENGINE))
    assert [c.reference_id for c in found.candidates] == ["r000000", "r000001"]


@pytest.mark.parametrize("limit", [0, -1, 51, 1000])
def test_more_than_fifty_candidates_cannot_be_asked_for(limit):
    with pytest.raises(ValueError, match="1 to 50"):
        identify(probe_of([1, 0]), index_of([[1, 0]]), limit=limit)


def test_an_empty_index_gives_an_empty_list():
    empty = Index([], np.empty((0, 0), np.float32), engine_id=ENGINE, metric=Metric.EUCLIDEAN)

    found = identify(probe_of([1, 0]), empty, limit=5)

    assert (found.candidates, found.searched) == ((), 0)


def test_another_engine_or_direction_is_refused():
    index = index_of([[1, 0]])
    with pytest.raises(EngineMismatchError):
        identify(Template(np.ones(2, np.float32), "other:1"), index, limit=5)
    with pytest.raises(EngineMismatchError):
        identify(probe_of([1, 0]), index, limit=5, minimum=DissimilarityScore(1, "other:1"))
    with pytest.raises(OperatingPointError, match="direction"):
        identify(probe_of([1, 0]), index, limit=5, minimum=SimilarityScore(1, ENGINE))
    with pytest.raises(OperatingPointError, match="finite"):
        identify(probe_of([1, 0]), index, limit=5, minimum=DissimilarityScore(float("nan"), ENGINE))
    with pytest.raises(TemplateError):
        identify(probe_of([1, 0, 0]), index, limit=5)


POINT = OperatingPoint("op-1", 3, DissimilarityScore(0.5, ENGINE), 0.016, "774 portraits, 2026")


def test_an_operating_point_bounds_the_list_and_is_named():
    index = index_of([[1, 0], [1.4, 0], [2, 0]])

    found = identify(probe_of([1, 0]), index, limit=50, operating_point=POINT)

    assert found.operating_point == "op-1"
    assert [c.reference_id for c in found.candidates] == ["r000000", "r000001"]
    assert identify(probe_of([1, 0]), index, limit=50).operating_point is None


def test_the_stricter_of_point_and_minimum_holds():
    index = index_of([[1, 0], [1.4, 0], [2, 0]])
    minimum = DissimilarityScore(0.1, ENGINE)

    found = identify(probe_of([1, 0]), index, limit=50, operating_point=POINT, minimum=minimum)

    assert [c.reference_id for c in found.candidates] == ["r000000"]


def test_a_database_larger_than_calibrated_is_refused():
    """The same threshold gives more wrong candidates in a larger database."""
    with pytest.raises(OperatingPointError, match="calibrated for at most 3"):
        identify(probe_of([1, 0]), index_of(np.eye(4, 2) + 1), limit=5, operating_point=POINT)


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"calibration": ""},
        {"reference_count_max": 0},
        {"fpir": 1.5},
        {"threshold": DissimilarityScore(float("inf"), ENGINE)},
    ],
)
def test_an_operating_point_of_nonsense_is_refused(change):
    with pytest.raises(OperatingPointError):
        dataclasses.replace(POINT, **change)


def test_an_index_of_nonsense_is_refused():
    one = [Reference("a", "p")]
    for references, values in (
        (one, np.ones((2, 4))),
        (one, np.ones(4)),
        (one, np.full((1, 4), np.nan)),
    ):
        with pytest.raises(TemplateError):
            Index(references, values, engine_id=ENGINE, metric=Metric.EUCLIDEAN)
    with pytest.raises(ValueError, match="twice"):
        Index(one * 2, np.ones((2, 4)), engine_id=ENGINE, metric=Metric.EUCLIDEAN)
