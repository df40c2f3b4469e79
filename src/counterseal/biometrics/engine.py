"""The protocol that every engine meets, and the values that pass through it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from counterseal.biometrics.errors import EngineMismatchError, TemplateError

Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]


class Metric(StrEnum):
    """How two templates of an engine are compared."""

    EUCLIDEAN = "euclidean"
    """Distance: a `DissimilarityScore`, 0 for the same features."""
    COSINE = "cosine"
    """Cosine of the angle: a `SimilarityScore`, -1 to 1."""


class LandmarkScheme(StrEnum):
    """What the five points are."""

    EYE_CORNERS = "eye-corners"
    """Outer and inner corner of the subject's left eye, the same of the right eye, nose base (dlib)."""
    EYES_NOSE_MOUTH = "eyes-nose-mouth"
    """Subject's right eye, left eye, nose tip, right and left mouth corner (YuNet and most others)."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright picture. It may reach over the picture's edge."""

    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        """Refuse an empty box."""
        if self.right <= self.left or self.bottom <= self.top:
            raise ValueError(f"box {self.left, self.top, self.right, self.bottom} is empty")

    @property
    def width(self) -> int:
        """In pixels, at least 1."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels, at least 1."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face.

    landmarks: five points (x, y) in pixels of the upright picture, in the order of `scheme`.
    detection_score: the detector's own number, higher is surer; no probability. detector: which found it.
    """

    box: Box
    landmarks: tuple[Point, ...]
    scheme: LandmarkScheme
    detection_score: float
    detector: str

    def __post_init__(self) -> None:
        """Hold the promise of five finite points."""
        if len(self.landmarks) != 5 or not np.all(np.isfinite(self.landmarks)):
            raise ValueError("a face has five finite landmarks")

    @property
    def eyes(self) -> tuple[Point, Point]:
        """Centres of the two eyes: the one on the picture's left (the subject's right) first."""
        points = self.landmarks
        if self.scheme is LandmarkScheme.EYES_NOSE_MOUTH:
            return points[0], points[1]
        return _middle(points[2], points[3]), _middle(points[0], points[1])

    @property
    def nose(self) -> Point:
        """The nose point of the scheme: base or tip."""
        return self.landmarks[4 if self.scheme is LandmarkScheme.EYE_CORNERS else 2]


def _middle(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


@dataclass(frozen=True, eq=False, slots=True)
class Template:
    """Features of one face. values: (dimension,) float32, finite, read-only.

    Comparable only with templates of the same `engine_id`.
    """

    values: npt.NDArray[np.float32]
    engine_id: str

    def __post_init__(self) -> None:
        """Refuse numbers that no engine makes, and make the array read-only."""
        values = np.array(self.values, dtype=np.float32)
        if values.ndim != 1 or not values.size:
            raise TemplateError(f"a template is one row of numbers, not shape {values.shape}")
        # 1e6: far above any engine, far below where a float32 square would overflow.
        if not np.all(np.isfinite(values)) or np.max(np.abs(values)) > 1e6:
            raise TemplateError("a template holds a number that is not finite or absurdly large")
        if not np.any(values):
            raise TemplateError("a template of zeros only has no direction")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __eq__(self, other: object) -> bool:
        """The same numbers of the same engine."""
        if not isinstance(other, Template):
            return NotImplemented
        return self.engine_id == other.engine_id and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        """By value."""
        return hash((self.engine_id, self.values.tobytes()))


class Engine(Protocol):
    """A detector, an alignment and a recogniser that belong together.

    engine_id: derived from the digests of everything that shapes a template. Any exception out of an
    engine is caught by `capture` and becomes a failure to acquire.
    """

    @property
    def engine_id(self) -> str:
        """Name and hash; stored with every template, score and threshold."""

    @property
    def metric(self) -> Metric:
        """The direction of its scores."""

    @property
    def dimension(self) -> int:
        """Length of its templates."""

    def detect(self, pixels: Pixels) -> tuple[Face, ...]:
        """Every face in (height, width, 3) uint8 RGB, the largest first."""

    def chip(self, pixels: Pixels, face: Face) -> Pixels:
        """The aligned square that the recogniser reads: (size, size, 3) uint8 RGB."""

    def template(self, chip: Pixels) -> Template:
        """The features of one chip."""


def require_engine(expected: str, *found: str) -> None:
    """Hold that everything comes from one engine.

    Raises EngineMismatchError: naming both.
    """
    for engine_id in found:
        if engine_id != expected:
            raise EngineMismatchError(
                f"`{engine_id}` and `{expected}` are different engines: their templates and scores cannot be"
                " compared; make both with one engine"
            )
