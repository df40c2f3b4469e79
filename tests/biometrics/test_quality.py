"""Measured components and the floor that a service states."""

import dataclasses
import io
import math

import numpy as np
import pytest
from PIL import Image, ImageFilter

from counterseal.biometrics import quality
from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.engine import Box, Face, LandmarkScheme
from counterseal.biometrics.quality import (
    COMPRESSION_ARTIFACTS,
    NotAssessed,
    QualityComponent,
    QualityFloor,
    aligned_chip,
    assess,
    head_pose,
    laplacian_variance,
    luminance,
)
from counterseal.terms.biometrics import FailureCode


def values_of(components: tuple[QualityComponent, ...]) -> dict[str, float | NotAssessed]:
    return {component.name: component.value for component in components}


def face_at(left_eye, right_eye, nose, scheme=LandmarkScheme.EYES_NOSE_MOUTH) -> Face:
    if scheme is LandmarkScheme.EYES_NOSE_MOUTH:
        points = (left_eye, right_eye, nose, (0.0, 0.0), (0.0, 0.0))
    else:
        points = (right_eye, right_eye, left_eye, left_eye, nose)
    return Face(Box(0, 0, 100, 100), points, scheme, 1.0, "test")


@pytest.fixture(scope="module")
def sample(engine, crowd) -> tuple[np.ndarray, Face, np.ndarray]:
    pixels = np.asarray(Image.open(io.BytesIO(crowd[0].photograph(0))))
    (face,) = engine.detect(pixels)
    return pixels, face, engine.chip(pixels, face)


def test_every_component_is_measured_once(sample):
    names = [c.name for c in assess(*sample, jpeg_quality=None, faces=1)]

    assert len(names) == len(set(names)) == 14


def test_sharpness_falls_with_blur(sample):
    chip = Image.fromarray(sample[2])
    sharpness = [
        laplacian_variance(luminance(np.asarray(chip.filter(ImageFilter.GaussianBlur(radius)))))
        for radius in (0, 0.5, 1, 2, 3, 5)
    ]

    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[0] > 20 * sharpness[-1]


def test_a_blurred_face_at_the_border_is_not_sharp(sample):
    """Outside the picture the chip is black: its hard edge is no sharpness."""
    blurred = np.array(Image.fromarray(sample[2]).filter(ImageFilter.GaussianBlur(4)))
    whole = laplacian_variance(luminance(blurred))
    blurred[:, 110:] = 0
    cut = laplacian_variance(luminance(blurred))

    assert whole < 10 and cut < 10
    blurred[:, 20:] = 0
    assert isinstance(laplacian_variance(luminance(blurred)), NotAssessed)


def test_dark_bright_flat_and_one_sided_light_show(sample):
    pixels, face, chip = sample
    measured = {
        name: values_of(assess(pixels, face, changed.astype(np.uint8), jpeg_quality=None, faces=1))
        for name, changed in {
            "as is": chip,
            "dark": chip * 0.05,
            "bright": np.clip(chip * 8.0, 0, 255),
            "flat": chip * 0.02 + 120,
            "one side": chip * np.linspace(0.1, 1, 150)[None, :, None],
        }.items()
    }

    good = measured["as is"]
    assert (
        measured["dark"][quality.UNDER_EXPOSURE_PREVENTION] < 0.05 < good[quality.UNDER_EXPOSURE_PREVENTION]
    )
    assert measured["bright"][quality.OVER_EXPOSURE_PREVENTION] < 0.3 < good[quality.OVER_EXPOSURE_PREVENTION]
    assert measured["flat"][quality.DYNAMIC_RANGE] < 40 < good[quality.DYNAMIC_RANGE]
    assert measured["flat"][quality.LUMINANCE_VARIANCE] < 5 < good[quality.LUMINANCE_VARIANCE]
    side = quality.ILLUMINATION_UNIFORMITY
    assert measured["one side"][side] < good[side]


@pytest.mark.parametrize("degrees", [-30, -12, 0, 12, 30])
def test_roll_is_measured(degrees: int):
    turn = math.radians(degrees)
    eyes = [(50 + 20 * side * math.cos(turn), 50 + 20 * side * math.sin(turn)) for side in (-1, 1)]
    nose = (50 - 22 * math.sin(turn), 50 + 22 * math.cos(turn))

    yaw, pitch, roll = head_pose(face_at(*eyes, nose))

    assert roll == pytest.approx(degrees, abs=0.01)
    assert yaw == pytest.approx(0, abs=0.01) and abs(pitch) < 1


@pytest.mark.parametrize("scheme", list(LandmarkScheme))
def test_yaw_and_pitch_have_the_right_sign(scheme):
    below = 0.76 * 40 if scheme is LandmarkScheme.EYE_CORNERS else 0.55 * 40
    neutral = head_pose(face_at((30.0, 50.0), (70.0, 50.0), (50.0, 50 + below), scheme))
    right = head_pose(face_at((30.0, 50.0), (70.0, 50.0), (62.0, 50 + below), scheme))
    up = head_pose(face_at((30.0, 50.0), (70.0, 50.0), (50.0, 50 + below - 8), scheme))

    assert neutral == pytest.approx((0, 0, 0), abs=0.5)
    assert 15 < right[0] < 60
    assert up[1] < -8


def test_two_eyes_at_one_point_are_not_assessed():
    face = face_at((50.0, 50.0), (50.0, 50.0), (50.0, 60.0))

    assert all(isinstance(value, NotAssessed) for value in head_pose(face))
    assert isinstance(quality.inter_eye_distance(face), NotAssessed)


def test_a_chip_of_another_size_is_replaced_by_ours(sample):
    """So that sharpness means the same for an engine with 112 px chips."""
    pixels, face, chip = sample
    small = np.asarray(Image.fromarray(chip).resize((112, 112)))

    ours = values_of(assess(pixels, face, small, jpeg_quality=None, faces=1))[quality.SHARPNESS]
    theirs = values_of(assess(pixels, face, chip, jpeg_quality=None, faces=1))[quality.SHARPNESS]

    assert aligned_chip(pixels, face).shape == (150, 150, 3)
    assert ours == pytest.approx(theirs, rel=0.6)


# What breaks each demand, and the code that must come.
BREAKS = {
    quality.INTER_EYE_DISTANCE: (10.0, FailureCode.FACE_TOO_SMALL),
    quality.SHARPNESS: (2.0, FailureCode.TOO_BLURRED),
    quality.UNDER_EXPOSURE_PREVENTION: (0.1, FailureCode.POOR_EXPOSURE),
    quality.OVER_EXPOSURE_PREVENTION: (0.1, FailureCode.POOR_EXPOSURE),
    quality.DYNAMIC_RANGE: (10.0, FailureCode.POOR_CONTRAST),
    quality.LUMINANCE_VARIANCE: (5.0, FailureCode.POOR_CONTRAST),
    quality.ILLUMINATION_UNIFORMITY: (0.01, FailureCode.POOR_EXPOSURE),
    quality.HEAD_POSE_YAW: (-60.0, FailureCode.POSE_TOO_FAR),
    quality.HEAD_POSE_PITCH: (-60.0, FailureCode.POSE_TOO_FAR),
    quality.HEAD_POSE_ROLL: (50.0, FailureCode.POSE_TOO_FAR),
    quality.COMPRESSION_ARTIFACTS: (3.0, FailureCode.TOO_COMPRESSED),
}


def test_every_demand_of_the_floor_has_a_breaking_case():
    assert len(BREAKS) == len(dataclasses.fields(QualityFloor)) > 0


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("floor", [QualityFloor.for_probe(), QualityFloor.for_enrolment()])
def test_below_the_floor_is_refused_with_the_components_code(sample, name: str, floor: QualityFloor):
    value, code = BREAKS[name]
    good = assess(*sample, jpeg_quality=90, faces=1)
    assert floor.below(good) is None

    for broken in (value, math.nan):
        failure = floor.below(
            tuple(dataclasses.replace(c, value=broken) if c.name == name else c for c in good)
        )
        assert failure is not None and failure.code is code and failure.remedy
        assert name in failure.says


@pytest.mark.parametrize("name", BREAKS)
def test_not_assessed_is_below_the_floor_except_for_compression(sample, name: str):
    good = assess(*sample, jpeg_quality=90, faces=1)
    unknown = tuple(
        dataclasses.replace(c, value=NotAssessed("for the test")) if c.name == name else c for c in good
    )

    failure = QualityFloor.for_probe().below(unknown)

    assert (failure is None) == (name == COMPRESSION_ARTIFACTS)


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
def test_a_floor_of_nonsense_is_refused(bad: float):
    with pytest.raises(ValueError, match="sharpness"):
        dataclasses.replace(QualityFloor.for_probe(), sharpness=bad)


def test_a_dim_blurred_still_is_refused_although_a_face_is_found(engine, crowd, probe_floor, open_floor):
    """The detector goes on finding faces where the template is worthless: the floor stops the search."""
    from counterseal.cli.demo.synthetic_people import blurred_still

    still = blurred_still(crowd[0])

    assert isinstance(capture(still, engine=engine, floor=open_floor), Capture)
    assert capture(still, engine=engine, floor=probe_floor).code is FailureCode.TOO_BLURRED
