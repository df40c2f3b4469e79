"""From the bytes of one still with one face to a template, or a failure to acquire.

A failure is an outcome with a code, what was seen and what would help. Nothing here raises on any bytes, and
nothing an engine raises gets out. What is kept for later is a clean crop, without the original's metadata.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from counterseal.biometrics.engine import Box, Engine, Face, Pixels, Template
from counterseal.biometrics.quality import QualityComponent, QualityFloor, assess
from counterseal.biometrics.stills import (
    DEFAULT_LIMITS,
    Still,
    StillLimits,
    StillMetadata,
    cut,
    encode_png,
    read_still,
)
from counterseal.terms.biometrics import FailureCode, FailureToAcquire

# Around the face box, in parts of its width and height: enough for a detector to find the face again.
CROP_MARGIN = 0.75
# A larger crop is reduced: no engine of ours reads more from it.
CROP_MAX_SIDE = 1_280

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Capture:
    """One acquired sample.

    crop_pixels: the surroundings of the face. crop_box: what of the upright original they show; they are
    reduced where that is larger than `CROP_MAX_SIDE`. face: in pixels of the upright original. chip: what
    the recogniser read. metadata: of the original, kept apart from the crop.
    """

    crop_pixels: Pixels
    crop_box: Box
    face: Face
    chip: Pixels
    template: Template
    quality: tuple[QualityComponent, ...]
    metadata: StillMetadata

    @property
    def crop(self) -> bytes:
        """The crop as a PNG without metadata; made anew at every call (some milliseconds)."""
        return encode_png(self.crop_pixels)


@dataclass(frozen=True, eq=False, slots=True)
class DetectedFace:
    """One face of a picture, for an official to choose.

    suggested_crop: a box around it that holds no other face's centre; give it to `crop_to`.
    """

    face: Face
    suggested_crop: Box


@dataclass(frozen=True, eq=False, slots=True)
class DetectedFaces:
    """Every face of one picture, the largest first; may be none. width, height: of the upright picture."""

    faces: tuple[DetectedFace, ...]
    width: int
    height: int


class _EngineFailedError(Exception):
    """An engine raised; carries the failure."""

    def __init__(self, failure: FailureToAcquire) -> None:
        super().__init__(failure.says)
        self.failure = failure


def capture(
    data: bytes, *, engine: Engine, floor: QualityFloor, limits: StillLimits = DEFAULT_LIMITS
) -> Capture | FailureToAcquire:
    """Acquire the one face of one still.

    data: a whole file. floor: what the service demands of it.
    """
    # 1 decode, 2 find exactly one face, 3 align, 4 assess against the floor, 5 template, 6 clean crop.
    still = read_still(data, limits=limits)
    if isinstance(still, FailureToAcquire):
        return still
    try:
        faces = _asked(engine, "detector", lambda: engine.detect(still.pixels))
        if len(faces) != 1:
            return _not_one(len(faces))
        (face,) = faces
        chip = _asked(engine, "alignment", lambda: engine.chip(still.pixels, face))
        quality = _asked(
            engine,
            "quality assessment",
            lambda: assess(
                still.pixels, face, chip, jpeg_quality=still.metadata.jpeg_quality, faces=len(faces)
            ),
        )
        # (4) before (5): the detector goes on finding faces where a template is worthless.
        if failure := floor.below(quality):
            return failure
        template = _asked(engine, "recogniser", lambda: engine.template(chip))
        if template.engine_id != engine.engine_id or template.values.size != engine.dimension:
            return _engine_error(engine, "recogniser", "it made a template of another engine or length")
        crop, crop_box = _asked(engine, "cropping", lambda: _clean_crop(still, face.box))
    except _EngineFailedError as failed:
        return failed.failure
    return Capture(crop, crop_box, face, chip, template, quality, still.metadata)


def detect_faces(
    data: bytes, *, engine: Engine, limits: StillLimits = DEFAULT_LIMITS
) -> DetectedFaces | FailureToAcquire:
    """Every face of a still, so that an official can choose one. No template is made."""
    still = read_still(data, limits=limits)
    if isinstance(still, FailureToAcquire):
        return still
    try:
        faces = _asked(engine, "detector", lambda: engine.detect(still.pixels))
    except _EngineFailedError as failed:
        return failed.failure
    boxes = [face.box for face in faces]
    found = tuple(
        DetectedFace(face, _apart(face.box, [b for b in boxes if b is not face.box], still)) for face in faces
    )
    return DetectedFaces(found, still.width, still.height)


def crop_to(data: bytes, box: Box, *, limits: StillLimits = DEFAULT_LIMITS) -> bytes | FailureToAcquire:
    """The part of the upright still inside `box`, as a clean PNG: an edit that the caller records.

    Raises ValueError: the box lies outside the picture.
    """
    still = read_still(data, limits=limits)
    if isinstance(still, FailureToAcquire):
        return still
    return encode_png(cut(still.pixels, box))


def _asked(engine: Engine, part: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    # An engine is other people's code on hostile pixels: whatever it raises, the sample was not acquired.
    except Exception as error:
        raise _EngineFailedError(_engine_error(engine, part, f"{type(error).__name__}: {error}")) from error


def _engine_error(engine: Engine, part: str, says: str) -> FailureToAcquire:
    readable = "".join(c if c.isprintable() else " " for c in says[:200])
    return FailureToAcquire(
        FailureCode.ENGINE_ERROR,
        f"the {part} of engine `{engine.engine_id}` failed: {readable}",
        "report it to whoever runs the engine; another photograph may work",
    )


def _not_one(count: int) -> FailureToAcquire:
    if count == 0:
        return FailureToAcquire(
            FailureCode.NO_FACE,
            "no face was found",
            "use a photograph in which the whole face is visible and larger, turned towards the camera",
        )
    return FailureToAcquire(
        FailureCode.SEVERAL_FACES,
        f"{count} faces were found; a sample has exactly one",
        "choose the face and crop the photograph to it, and record that edit",
    )


def _grown(box: Box, margin: float) -> Box:
    dx, dy = round(box.width * margin), round(box.height * margin)
    return Box(box.left - dx, box.top - dy, box.right + dx, box.bottom + dy)


def _within(box: Box, still: Still) -> Box:
    left, top = min(max(0, box.left), still.width - 1), min(max(0, box.top), still.height - 1)
    return Box(
        left, top, max(left + 1, min(still.width, box.right)), max(top + 1, min(still.height, box.bottom))
    )


def _clean_crop(still: Still, face: Box) -> tuple[Pixels, Box]:
    box = _within(_grown(face, CROP_MARGIN), still)
    pixels = cut(still.pixels, box)
    longest = max(pixels.shape[:2])
    if longest > CROP_MAX_SIDE:
        size = [max(1, round(side * CROP_MAX_SIDE / longest)) for side in (pixels.shape[1], pixels.shape[0])]
        pixels = np.asarray(
            Image.fromarray(pixels).resize((size[0], size[1]), Image.Resampling.BOX), dtype=np.uint8
        )
    return pixels, box


def _apart(face: Box, others: list[Box], still: Still) -> Box:
    """The widest margin, up to `CROP_MARGIN`, that keeps the centres of other faces out."""
    for margin in (CROP_MARGIN, 0.5, 0.35, 0.2, 0.1):
        box = _within(_grown(face, margin), still)
        if not any(_holds_centre(box, other) for other in others):
            return box
    return _within(face, still)


def _holds_centre(box: Box, other: Box) -> bool:
    x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
    return box.left <= x <= box.right and box.top <= y <= box.bottom
