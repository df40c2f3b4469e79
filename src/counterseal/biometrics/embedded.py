"""The embedded engine: dlib's detectors and 5-point alignment, its recogniser in ONNX Runtime.

Small and dated, and it errs more on some groups: docs/reference/model-card-embedded-engine.md says so.
"""

import hashlib
import json
import threading
from typing import Any

import _dlib_pybind11 as dlib
import numpy as np
from PIL import Image

from counterseal.biometrics.engine import Box, Face, LandmarkScheme, Metric, Pixels, Template
from counterseal.biometrics.models import MMOD_DETECTOR, PINNED, SHAPE_PREDICTOR, private_copy
from counterseal.biometrics.recogniser import CHIP_SIZE, DIMENSION, Recogniser

CHIP_PADDING = 0.25
# The longest side that a detector sees; a larger picture is reduced first. Landmarks are taken at full size.
HOG_MAX_SIDE = 1_280
# The network takes about 1.5 s at 640 px, and runs only where HOG found nothing.
MMOD_MAX_SIDE = 640
# Under this side dlib's network fails instead of finding nothing; no face of use fits into it.
MMOD_MIN_SIDE = 40
# Raise this when the pipeline changes so that templates differ: every reference must then be enrolled anew.
PIPELINE = 1


def _engine_id() -> str:
    pipeline = {
        "pipeline": PIPELINE,
        "chip": [CHIP_SIZE, CHIP_PADDING],
        "files": {file.name: file.sha256 for file in PINNED},
    }
    digest = hashlib.sha256(json.dumps(pipeline, sort_keys=True).encode()).hexdigest()
    return f"dlib-resnet-v1:{digest[:16]}"


class EmbeddedEngine:
    """HOG, then MMOD where HOG finds nothing; 5 points; 150 px chip; 128 numbers, Euclidean distance."""

    engine_id = _engine_id()
    metric = Metric.EUCLIDEAN
    dimension = DIMENSION

    def __init__(self, *, threads: int = 1) -> None:
        """Load and self-test.

        Raises EngineLoadError: a file is missing or changed, or the self-test differs.
        """
        self._recogniser = Recogniser(threads=threads)
        self._hog = dlib.get_frontal_face_detector()
        with private_copy(SHAPE_PREDICTOR) as path:
            self._points = dlib.shape_predictor(path)
        with private_copy(MMOD_DETECTOR) as path:
            self._mmod = dlib.cnn_face_detection_model_v1(path)
        # dlib's detectors keep scratch space between calls.
        self._lock = threading.Lock()

    def detect(self, pixels: Pixels) -> tuple[Face, ...]:
        """Every face, the largest first. Smaller than about 80 px may stay unseen beside a larger one."""
        with self._lock:
            found = self._hog_boxes(pixels) or self._mmod_boxes(pixels)
            faces = [self._face(pixels, box, score, name) for box, score, name in found]
        return tuple(sorted(faces, key=lambda face: (-face.box.width, face.box.left, face.box.top)))

    def chip(self, pixels: Pixels, face: Face) -> Pixels:
        """The 150 px square, aligned on the five points."""
        if face.scheme is not LandmarkScheme.EYE_CORNERS:
            raise ValueError("the embedded engine aligns on its own five points")
        points = dlib.points([dlib.point(round(x), round(y)) for x, y in face.landmarks])
        box = dlib.rectangle(face.box.left, face.box.top, face.box.right - 1, face.box.bottom - 1)
        shape = dlib.full_object_detection(box, points)
        chip = dlib.get_face_chip(pixels, shape, size=CHIP_SIZE, padding=CHIP_PADDING)
        return np.asarray(chip, dtype=np.uint8)

    def template(self, chip: Pixels) -> Template:
        """128 float32, not of unit length."""
        return Template(self._recogniser.features(chip[None])[0], self.engine_id)

    def _hog_boxes(self, pixels: Pixels) -> list[tuple[Box, float, str]]:
        view, factor = _reduced(pixels, HOG_MAX_SIDE)
        rectangles, scores, _ = self._hog.run(view, 0, 0.0)
        return [(_box(r, factor), float(s), "hog") for r, s in zip(rectangles, scores, strict=True)]

    def _mmod_boxes(self, pixels: Pixels) -> list[tuple[Box, float, str]]:
        view, factor = _reduced(pixels, MMOD_MAX_SIDE)
        if min(view.shape[:2]) < MMOD_MIN_SIDE:
            return []
        return [(_box(found.rect, factor), float(found.confidence), "mmod") for found in self._mmod(view, 0)]

    def _face(self, pixels: Pixels, box: Box, score: float, detector: str) -> Face:
        shape = self._points(pixels, dlib.rectangle(box.left, box.top, box.right - 1, box.bottom - 1))
        landmarks = tuple((float(point.x), float(point.y)) for point in shape.parts())
        return Face(box, landmarks, LandmarkScheme.EYE_CORNERS, score, detector)


def _reduced(pixels: Pixels, longest: int) -> tuple[Pixels, float]:
    """The picture no longer than `longest`, and the factor back to its own pixels."""
    height, width = pixels.shape[:2]
    factor = max(height, width) / longest
    if factor <= 1:
        return np.ascontiguousarray(pixels), 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX)), factor


def _box(rectangle: Any, factor: float) -> Box:
    left, top = round(rectangle.left() * factor), round(rectangle.top() * factor)
    right, bottom = round((rectangle.right() + 1) * factor), round((rectangle.bottom() + 1) * factor)
    return Box(left, top, max(right, left + 1), max(bottom, top + 1))


def load_embedded(*, threads: int = 1) -> EmbeddedEngine:
    """The embedded engine on `threads` threads, self-tested.

    Raises EngineLoadError: a model file is missing or changed, or the self-test differs.
    """
    return EmbeddedEngine(threads=threads)
