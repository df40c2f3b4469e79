"""Measured properties of a captured face, and the floor that a service states for them.

The components are *named* as in ISO/IEC 29794-5; the formulas are ours, computable from five points and the
aligned chip, and stand in each function. They are no conformant OFIQ values. A component that cannot be
assessed is `NotAssessed` with its reason, never a number. There is no unified score: we have no model for it.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from counterseal.biometrics.engine import Face, LandmarkScheme, Pixels
from counterseal.terms.biometrics import FailureCode, FailureToAcquire

CHIP = 150

INTER_EYE_DISTANCE = "inter-eye-distance"
HEAD_SIZE = "head-size"
SHARPNESS = "sharpness"
LUMINANCE_MEAN = "luminance-mean"
LUMINANCE_VARIANCE = "luminance-variance"
UNDER_EXPOSURE_PREVENTION = "under-exposure-prevention"
OVER_EXPOSURE_PREVENTION = "over-exposure-prevention"
DYNAMIC_RANGE = "dynamic-range"
ILLUMINATION_UNIFORMITY = "illumination-uniformity"
HEAD_POSE_YAW = "head-pose-yaw"
HEAD_POSE_PITCH = "head-pose-pitch"
HEAD_POSE_ROLL = "head-pose-roll"
COMPRESSION_ARTIFACTS = "compression-artifacts"
SINGLE_FACE_PRESENT = "single-face-present"


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """The component could not be measured; `reason` in plain words."""

    reason: str


@dataclass(frozen=True, slots=True)
class QualityComponent:
    """One measured property. unit: `px`, `share`, `degrees`, `1..100` or what the measure says."""

    name: str
    value: float | NotAssessed
    unit: str


@dataclass(frozen=True, slots=True)
class QualityFloor:
    """What a service demands of a sample. The service states it; there is no default.

    Degrees are magnitudes. jpeg_quality applies only where the file keeps quantisation tables: a PNG has
    none, and nobody can tell from it. Everything else that cannot be assessed is below the floor.
    """

    inter_eye_distance: float
    sharpness: float
    under_exposure_prevention: float
    over_exposure_prevention: float
    dynamic_range: float
    luminance_variance: float
    illumination_uniformity: float
    yaw: float
    pitch: float
    roll: float
    jpeg_quality: float

    def __post_init__(self) -> None:
        """Refuse a floor that is not a number, or below nothing."""
        for name in self.__slots__:
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"quality floor `{name}` is {value}: a finite number from 0 is needed")

    @classmethod
    def for_probe(cls) -> Self:
        """The embedded engine's error rates leave their plateau below these (model card, Degradation)."""
        return cls(
            inter_eye_distance=24,
            sharpness=10,
            under_exposure_prevention=0.5,
            over_exposure_prevention=0.5,
            dynamic_range=45,
            luminance_variance=60,
            illumination_uniformity=0.2,
            yaw=40,
            pitch=35,
            roll=35,
            jpeg_quality=15,
        )

    @classmethod
    def for_enrolment(cls) -> Self:
        """Stricter: a reference answers many searches."""
        return cls(
            inter_eye_distance=40,
            sharpness=20,
            under_exposure_prevention=0.7,
            over_exposure_prevention=0.7,
            dynamic_range=55,
            luminance_variance=120,
            illumination_uniformity=0.3,
            yaw=30,
            pitch=32,
            roll=25,
            jpeg_quality=30,
        )

    def below(self, components: tuple[QualityComponent, ...]) -> FailureToAcquire | None:
        """The first demand that is not met, in the order of this table, or None.

        Raises KeyError: a component that the floor needs was not measured at all.
        """
        values = {component.name: component.value for component in components}
        for demand in self._demands():
            value = values[demand.component]
            if isinstance(value, NotAssessed):
                if demand.component == COMPRESSION_ARTIFACTS:
                    continue
                return FailureToAcquire(
                    demand.code, f"{demand.component} could not be assessed: {value.reason}", demand.remedy
                )
            too_low = demand.at_least and value < demand.bound
            too_high = not demand.at_least and abs(value) > demand.bound
            # Written so that NaN is below every floor.
            if too_low or too_high or math.isnan(value):
                side = "at least" if demand.at_least else "at most"
                return FailureToAcquire(
                    demand.code,
                    f"{demand.component} is {value:.3g}; this service asks for {side} {demand.bound:g}",
                    demand.remedy,
                )
        return None

    def _demands(self) -> tuple["_Demand", ...]:
        larger = "obtain a photograph in which the face is larger; enlarging this one adds nothing"
        sharper = "obtain a sharper photograph; sharpening this one adds nothing"
        light = "obtain a photograph in better light"
        frontal = "obtain a photograph in which the person faces the camera"
        original = "obtain the original file instead of a compressed copy"
        code = FailureCode
        # component, bound, whether the bound is a least or a most, code, remedy
        rows = (
            (INTER_EYE_DISTANCE, self.inter_eye_distance, True, code.FACE_TOO_SMALL, larger),
            (SHARPNESS, self.sharpness, True, code.TOO_BLURRED, sharper),
            (UNDER_EXPOSURE_PREVENTION, self.under_exposure_prevention, True, code.POOR_EXPOSURE, light),
            (OVER_EXPOSURE_PREVENTION, self.over_exposure_prevention, True, code.POOR_EXPOSURE, light),
            (DYNAMIC_RANGE, self.dynamic_range, True, code.POOR_CONTRAST, light),
            (LUMINANCE_VARIANCE, self.luminance_variance, True, code.POOR_CONTRAST, light),
            (ILLUMINATION_UNIFORMITY, self.illumination_uniformity, True, code.POOR_EXPOSURE, light),
            (HEAD_POSE_YAW, self.yaw, False, code.POSE_TOO_FAR, frontal),
            (HEAD_POSE_PITCH, self.pitch, False, code.POSE_TOO_FAR, frontal),
            (HEAD_POSE_ROLL, self.roll, False, code.POSE_TOO_FAR, frontal),
            (COMPRESSION_ARTIFACTS, self.jpeg_quality, True, code.TOO_COMPRESSED, original),
        )
        return tuple(_Demand(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class _Demand:
    component: str
    bound: float
    at_least: bool
    code: FailureCode
    remedy: str


def assess(
    pixels: Pixels, face: Face, chip: Pixels, *, jpeg_quality: float | None, faces: int
) -> tuple[QualityComponent, ...]:
    """Measure every component of one face.

    pixels: the whole picture. chip: the engine's aligned square; one that is not 150 px is replaced by our
    own, so that the numbers mean the same for every engine. jpeg_quality: of the original file, None where
    it keeps no tables. faces: how many were detected.
    """
    if chip.shape[:2] != (CHIP, CHIP):
        chip = aligned_chip(pixels, face)
    grey = luminance(chip)
    skin = grey[_FACE]
    yaw, pitch, roll = head_pose(face)
    return (
        QualityComponent(INTER_EYE_DISTANCE, inter_eye_distance(face), "px"),
        QualityComponent(HEAD_SIZE, face.box.height / pixels.shape[0], "share of the picture's height"),
        QualityComponent(SHARPNESS, laplacian_variance(grey), "grey levels squared"),
        QualityComponent(LUMINANCE_MEAN, float(skin.mean()), "grey levels"),
        QualityComponent(LUMINANCE_VARIANCE, float(skin.var()), "grey levels squared"),
        # Shares of the face that are neither black (up to 25) nor white (from 247).
        QualityComponent(UNDER_EXPOSURE_PREVENTION, float((skin > 25).mean()), "share"),
        QualityComponent(OVER_EXPOSURE_PREVENTION, float((skin < 247).mean()), "share"),
        QualityComponent(DYNAMIC_RANGE, 12.5 * entropy(skin), "0..100"),
        QualityComponent(ILLUMINATION_UNIFORMITY, illumination_uniformity(grey), "0..1"),
        QualityComponent(HEAD_POSE_YAW, yaw, "degrees, rough"),
        QualityComponent(HEAD_POSE_PITCH, pitch, "degrees, rough"),
        QualityComponent(HEAD_POSE_ROLL, roll, "degrees"),
        QualityComponent(
            COMPRESSION_ARTIFACTS,
            NotAssessed("the file keeps no quantisation tables") if jpeg_quality is None else jpeg_quality,
            "JPEG quality 1..100 at the last saving",
        ),
        QualityComponent(SINGLE_FACE_PRESENT, float(faces), "faces detected"),
    )


def luminance(pixels: Pixels) -> npt.NDArray[np.float64]:
    """ITU-R BT.601 luma, 0..255."""
    return np.asarray(pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def inter_eye_distance(face: Face) -> float | NotAssessed:
    """Pixels between the centres of the eyes, not corrected for yaw."""
    (x1, y1), (x2, y2) = face.eyes
    distance = math.hypot(x2 - x1, y2 - y1)
    return distance if distance > 0 else NotAssessed("both eyes were found at one point")


def laplacian_variance(grey: npt.NDArray[np.float64]) -> float | NotAssessed:
    """Variance of the 4-neighbour Laplacian over the chip; falls with blur.

    Beside pure black it is not taken: what lies outside the picture is black in the chip, and its hard edge
    would make a blurred face at the border look sharp.
    """
    stencil = (grey[1:-1, 1:-1], grey[:-2, 1:-1], grey[2:, 1:-1], grey[1:-1, :-2], grey[1:-1, 2:])
    usable = np.minimum.reduce(stencil) > 0
    if usable.mean() < 0.3:
        return NotAssessed("most of the face is black or outside the picture")
    response = sum(stencil[1:]) - 4 * stencil[0]
    return float(response[usable].var())


def entropy(values: npt.NDArray[np.float64]) -> float:
    """Shannon entropy in bits of the 256-level histogram."""
    counts = np.bincount(np.clip(values, 0, 255).astype(np.intp).ravel(), minlength=256)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def illumination_uniformity(grey: npt.NDArray[np.float64]) -> float:
    """Overlap of the histograms (16 levels) of the face's two halves, to the power 0.3: 1 is even light."""
    half = CHIP // 2
    sides = (grey[:, :half][_FACE[:, :half]], grey[:, half:][_FACE[:, half:]])
    shares = [np.histogram(side, bins=16, range=(0, 256))[0] / side.size for side in sides]
    return float(np.minimum(*shares).sum() ** 0.3)


# Mean head, in units of the distance between the eyes' centres: how far the nose point lies below the line
# of the eyes, and how far in front of it. Set on frontal portraits; hence rough.
_NOSE = {LandmarkScheme.EYE_CORNERS: (0.76, 0.45), LandmarkScheme.EYES_NOSE_MOUTH: (0.55, 0.6)}


def head_pose(face: Face) -> tuple[float | NotAssessed, float | NotAssessed, float | NotAssessed]:
    """Yaw, pitch, roll in degrees from eyes and nose under weak perspective.

    Yaw positive towards the picture's right, pitch positive downward (it cannot exceed about 30), roll
    positive clockwise. Yaw and pitch are rough (tens of degrees); roll is as exact as the landmarks.
    """
    (x1, y1), (x2, y2) = face.eyes
    across = math.hypot(x2 - x1, y2 - y1)
    if not across:
        unknown = NotAssessed("both eyes were found at one point")
        return unknown, unknown, unknown
    ux, uy = (x2 - x1) / across, (y2 - y1) / across
    dx, dy = face.nose[0] - (x1 + x2) / 2, face.nose[1] - (y1 + y2) / 2
    below, ahead = _NOSE[face.scheme]
    # Along the line of the eyes: ahead * sin(yaw) / cos(yaw).
    yaw = math.atan(((dx * ux + dy * uy) / across) / ahead)
    # Across it: below * cos(pitch) + ahead * sin(pitch), before the yaw shortens the eyes' distance.
    reach, angle = math.hypot(below, ahead), math.atan2(ahead, below)
    drop = (dy * ux - dx * uy) / across * math.cos(yaw)
    pitch = angle - math.acos(min(1.0, max(-1.0, drop / reach)))
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(uy, ux))


def aligned_chip(pixels: Pixels, face: Face) -> Pixels:
    """Our own 150 px square: eyes level at 39 % of the height, 38 % of the width apart."""
    (x1, y1), (x2, y2) = face.eyes
    scale = math.hypot(x2 - x1, y2 - y1) / (0.38 * CHIP)
    angle = math.atan2(y2 - y1, x2 - x1)
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    u, v = CHIP / 2, 0.39 * CHIP
    matrix = (a, -b, x - a * u + b * v, b, a, y - b * u - a * v)
    # Reduce first: a bilinear pick of a much larger picture would alias.
    picture, shrink = Image.fromarray(pixels), max(1, math.floor(scale))
    if shrink > 1:
        picture = picture.reduce(shrink)
        matrix = (*(m / shrink for m in matrix[:3]), *(m / shrink for m in matrix[3:]))  # type: ignore[assignment]
    turned = picture.transform((CHIP, CHIP), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(turned, dtype=np.uint8)


def _face_ellipse() -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[0:CHIP, 0:CHIP]
    return np.asarray(((x - 74.5) / 54) ** 2 + ((y - 78) / 66) ** 2 <= 1)


# The part of the chip that shows the face.
_FACE = _face_ellipse()
