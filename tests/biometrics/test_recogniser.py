"""The recogniser in ONNX Runtime gives dlib's own numbers."""

import itertools

import _dlib_pybind11 as dlib
import numpy as np
import pytest

from counterseal.biometrics import self_test
from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.errors import EngineLoadError
from counterseal.biometrics.models import RECOGNISER, private_copy, read_model
from counterseal.biometrics.recogniser import LAYERS, MATRIX_AT, Recogniser, parameters


@pytest.fixture(scope="module")
def dlib_recogniser():
    with private_copy(RECOGNISER) as path:
        return dlib.face_recognition_model_v1(path)


def test_same_numbers_as_dlib(engine, crowd, open_floor, dlib_recogniser):
    """Synthetic faces, noise and flat chips: at most 1e-5 apart in any of the 128 numbers."""
    chips = [self_test.chip(), np.zeros((150, 150, 3), np.uint8), np.full((150, 150, 3), 255, np.uint8)]
    chips.append(np.random.default_rng(3).integers(0, 256, (150, 150, 3), dtype=np.uint8))
    for person in crowd[:2]:
        taken = capture(person.photograph(0), engine=engine, floor=open_floor)
        assert isinstance(taken, Capture)
        chips.append(taken.chip)

    ours = Recogniser(threads=2).features(np.stack(chips))
    theirs = np.array([dlib_recogniser.compute_face_descriptor(chip) for chip in chips])

    assert ours.shape == (6, 128)
    assert np.max(np.abs(ours - theirs)) <= 1e-5
    assert np.max(np.abs(ours[0] - self_test.FEATURES)) <= 1e-5


def test_the_table_of_offsets_covers_every_parameter_once():
    """29 convolutions, 29 affine layers and the matrix: 5.6 million numbers, none overlapping."""
    spans = [(MATRIX_AT, 4 * 256 * 128)]
    for layer in LAYERS:
        spans.append((layer.filters_at, 4 * layer.outputs * (layer.inputs * layer.kernel**2 + 1)))
        spans.append((layer.affine_at, 4 * 2 * layer.outputs))
    spans.sort()

    assert len(spans) == 59
    assert all(at + size <= following for (at, size), (following, _) in itertools.pairwise(spans))
    gaps = read_model(RECOGNISER)
    covered = sum(size for _, size in spans)
    assert len(gaps) - covered < 20_000, "what is left is names and shapes"
    folded, matrix = parameters(gaps)
    assert all(np.isfinite(f).all() and np.isfinite(b).all() for f, b in folded) and np.isfinite(matrix).all()


def test_a_network_that_differs_is_not_served(monkeypatch):
    wrong = (self_test.FEATURES[0] + 1e-3, *self_test.FEATURES[1:])
    monkeypatch.setattr(self_test, "FEATURES", wrong)

    with pytest.raises(EngineLoadError, match="self-test differs"):
        Recogniser()


def test_a_chip_of_another_size_is_refused(engine):
    with pytest.raises(ValueError, match="shape"):
        engine.template(np.zeros((112, 112, 3), np.uint8))


def test_threads_must_be_stated_sanely():
    with pytest.raises(ValueError, match="at least 1"):
        Recogniser(threads=0)
