"""One still with one face to one sample, or a failure to acquire."""

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from counterseal.biometrics.capture import Capture, DetectedFaces, capture, crop_to, detect_faces
from counterseal.biometrics.compare import compare
from counterseal.biometrics.engine import Box, Template
from counterseal.cli.demo.synthetic_people import cartoon, group_photograph
from counterseal.terms.biometrics import FailureCode, FailureToAcquire


def test_one_face_gives_a_sample(engine, crowd, probe_floor):
    taken = capture(crowd[0].photograph(1), engine=engine, floor=probe_floor)

    assert isinstance(taken, Capture)
    assert taken.template.values.shape == (128,) and taken.template.engine_id == engine.engine_id
    assert taken.chip.shape == (150, 150, 3)
    assert len(taken.face.landmarks) == 5
    assert taken.metadata.file_type == "JPEG"


def test_the_same_bytes_give_the_same_template(engine, crowd, probe_floor):
    photograph = crowd[1].photograph(0)
    first, second = (capture(photograph, engine=engine, floor=probe_floor) for _ in range(2))

    assert first.template == second.template


def test_the_crop_gives_nearly_the_same_template(engine, crowd, probe_floor):
    """What leaves for a service stands for the whole photograph."""
    for person in crowd:
        whole = capture(person.photograph(2), engine=engine, floor=probe_floor)
        again = capture(whole.crop, engine=engine, floor=probe_floor)

        assert isinstance(again, Capture)
        assert compare(whole.template, again.template, engine).value < 0.1


def test_a_large_photograph_is_cropped_to_a_bounded_size(engine, crowd, probe_floor):
    image = Image.open(io.BytesIO(crowd[0].photograph(0))).resize((2400, 3000), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, "JPEG")

    floor = dataclasses.replace(probe_floor, sharpness=0)
    taken = capture(out.getvalue(), engine=engine, floor=floor)

    assert isinstance(taken, Capture)
    assert max(Image.open(io.BytesIO(taken.crop)).size) <= 1280
    again = capture(taken.crop, engine=engine, floor=floor)
    assert compare(taken.template, again.template, engine).value < 0.15


def test_no_metadata_of_the_original_is_in_the_crop(engine, crowd, probe_floor):
    exif = Image.Exif()
    exif[0x010F], exif[0x0131] = "SECRET-CAMERA", "SECRET-SOFTWARE"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.open(io.BytesIO(crowd[0].photograph(0))).save(out, "JPEG", exif=exif, comment=b"SECRET-COMMENT")
    assert b"SECRET-CAMERA" in out.getvalue()

    taken = capture(out.getvalue(), engine=engine, floor=probe_floor)

    assert taken.metadata.camera == "SECRET-CAMERA" and taken.metadata.has_position
    assert b"SECRET" not in taken.crop
    crop = Image.open(io.BytesIO(taken.crop))
    crop.load()
    assert crop.info == {} and not crop.getexif()


def test_a_group_is_refused_and_each_face_can_be_chosen(engine, crowd, probe_floor):
    """Several faces: an official chooses one, and the crop is an edit of its own."""
    group = group_photograph(crowd[:3])
    refused = capture(group, engine=engine, floor=probe_floor)
    assert isinstance(refused, FailureToAcquire) and refused.code is FailureCode.SEVERAL_FACES
    assert refused.says.startswith("3 faces")

    found = detect_faces(group, engine=engine)
    assert isinstance(found, DetectedFaces) and len(found.faces) == 3
    by_place = sorted(found.faces, key=lambda face: face.face.box.left)
    for chosen, person in zip(by_place, crowd[:3], strict=True):
        crop = crop_to(group, chosen.suggested_crop)
        taken = capture(crop, engine=engine, floor=probe_floor)
        own = capture(person.photograph(0), engine=engine, floor=probe_floor)
        assert isinstance(taken, Capture)
        assert compare(taken.template, own.template, engine).value < 0.45


def test_a_cartoon_has_no_face(engine, probe_floor):
    refused = capture(cartoon(), engine=engine, floor=probe_floor)

    assert isinstance(refused, FailureToAcquire) and refused.code is FailureCode.NO_FACE


def test_a_small_face_is_refused(engine, crowd, probe_floor):
    image = Image.open(io.BytesIO(crowd[0].photograph(0)))
    canvas = Image.new("RGB", (400, 400), (90, 90, 90))
    canvas.paste(image.resize((80, 100), Image.Resampling.LANCZOS), (160, 150))
    out = io.BytesIO()
    canvas.resize((800, 800)).crop((200, 200, 700, 700)).resize((170, 170)).save(out, "PNG")

    refused = capture(out.getvalue(), engine=engine, floor=probe_floor)

    assert isinstance(refused, FailureToAcquire)
    assert refused.code in (FailureCode.FACE_TOO_SMALL, FailureCode.NO_FACE)


def test_crop_outside_the_picture_is_an_error(noise_picture):
    with pytest.raises(ValueError, match="outside"):
        crop_to(noise_picture(1), Box(500, 500, 600, 600))


def test_crop_of_no_picture_is_a_failure():
    assert crop_to(b"nothing", Box(0, 0, 5, 5)).code is FailureCode.UNSUPPORTED_TYPE


@pytest.mark.parametrize("part", ["detect", "chip", "template"])
@pytest.mark.parametrize("error", [RuntimeError("boom"), MemoryError(), ValueError("x" * 900), KeyError("k")])
def test_whatever_an_engine_raises_is_a_failure(toy, open_floor, noise_picture, monkeypatch, part, error):
    def broken(*_):
        raise error

    monkeypatch.setattr(toy, part, broken)

    refused = capture(noise_picture(1), engine=toy, floor=open_floor)

    assert isinstance(refused, FailureToAcquire) and refused.code is FailureCode.ENGINE_ERROR
    assert toy.engine_id in refused.says and len(refused.says) < 400


def test_numbers_that_no_template_holds_are_a_failure(toy, open_floor, noise_picture, monkeypatch):
    for values in (np.full(16, np.nan), np.zeros(16), np.ones((2, 8)), np.full(16, 1e9)):
        monkeypatch.setattr(
            toy, "template", lambda _, v=values: Template(v.astype(np.float32), toy.engine_id)
        )
        assert capture(noise_picture(1), engine=toy, floor=open_floor).code is FailureCode.ENGINE_ERROR
    monkeypatch.setattr(toy, "template", lambda _: Template(np.ones(7, np.float32), toy.engine_id))
    assert capture(noise_picture(1), engine=toy, floor=open_floor).code is FailureCode.ENGINE_ERROR
    monkeypatch.setattr(toy, "template", lambda _: Template(np.ones(16, np.float32), "another:1"))
    assert capture(noise_picture(1), engine=toy, floor=open_floor).code is FailureCode.ENGINE_ERROR


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_capture_never_raises_on_mutated_photographs(engine, crowd, open_floor, data):
    photograph = bytearray(crowd[0].photograph(0))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(photograph) - 1))
        photograph[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(photograph) // 2, len(photograph)))

    outcome = capture(bytes(photograph[:cut]), engine=engine, floor=open_floor)

    assert isinstance(outcome, Capture | FailureToAcquire)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(1, 70), height=st.integers(1, 70), seed=st.integers(0, 99))
def test_capture_never_raises_on_tiny_or_odd_pictures(toy, open_floor, noise_picture, width, height, seed):
    outcome = capture(noise_picture(seed, (width, height)), engine=toy, floor=open_floor)

    assert isinstance(outcome, Capture | FailureToAcquire)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (1, 2000), (20, 20)])
def test_the_real_engine_takes_tiny_and_odd_pictures(engine, open_floor, noise_picture, size):
    outcome = capture(noise_picture(5, size), engine=engine, floor=open_floor)

    assert isinstance(outcome, FailureToAcquire) and outcome.code is FailureCode.NO_FACE
