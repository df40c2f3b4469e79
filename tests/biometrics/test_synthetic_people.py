"""The synthetic people: nobody who exists, held apart by the engine, alike in their own photographs."""

import ast
import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.quality import QualityFloor
from counterseal.cli.demo import synthetic_people
from counterseal.cli.demo.synthetic_people import (
    MOST_PEOPLE,
    PARAMETERS,
    blurred_still,
    cartoon,
    group_photograph,
    people,
    store_camera_still,
)
from counterseal.terms.biometrics import FailureCode, FailureToAcquire

PHOTOGRAPHS = 3
APART = 0.55
ALIKE = 0.40


@pytest.fixture(scope="module")
def templates(engine) -> list[np.ndarray]:
    """Of every person: three photographs and the store camera's still, (4, 128)."""
    everybody = []
    for person in people(MOST_PEOPLE):
        rows = []
        for n in range(PHOTOGRAPHS):
            taken = capture(person.photograph(n), engine=engine, floor=QualityFloor.for_enrolment())
            assert isinstance(taken, Capture), (person.person_id, n, taken)
            rows.append(taken.template.values)
        still = capture(store_camera_still(person), engine=engine, floor=QualityFloor.for_probe())
        assert isinstance(still, Capture), (person.person_id, still)
        rows.append(still.template.values)
        everybody.append(np.array(rows, dtype=np.float64))
    return everybody


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))


def test_at_least_two_dozen_people():
    assert MOST_PEOPLE >= 24
    assert len({person.person_id for person in people(MOST_PEOPLE)}) == MOST_PEOPLE


def test_any_two_people_stand_apart(templates):
    apart = [
        distances(templates[a], templates[b]).min()
        for a in range(len(templates))
        for b in range(a + 1, len(templates))
    ]
    print(f"closest two people {min(apart):.3f}, median {np.median(apart):.3f}")
    assert len(apart) == MOST_PEOPLE * (MOST_PEOPLE - 1) // 2
    assert min(apart) >= APART


def test_photographs_of_one_person_are_alike(templates):
    alike = [distances(rows, rows).max() for rows in templates]
    print(f"farthest two photographs of one person {max(alike):.3f}")
    assert 0.05 < max(alike) <= ALIKE


def test_the_same_call_gives_the_same_picture():
    person, again = people(3)[2], people(3)[2]

    assert person == again
    assert person.photograph(1) == again.photograph(1) != person.photograph(2)


def test_a_photograph_is_made_quickly():
    fresh = people(MOST_PEOPLE)[-1]
    synthetic_people._neutral_photograph.cache_clear()
    fresh.photograph(0)
    synthetic_people._neutral_photograph.cache_clear()
    began = time.process_time()
    fresh.photograph(0)

    assert time.process_time() - began < 1.0, "about 0.15 s on a quiet machine"


def test_a_dim_still_falls_under_the_floor(engine):
    for person in people(MOST_PEOPLE):
        refused = capture(blurred_still(person), engine=engine, floor=QualityFloor.for_probe())
        assert isinstance(refused, FailureToAcquire), person.person_id
        assert refused.code in (FailureCode.TOO_BLURRED, FailureCode.NO_FACE)
    first = capture(blurred_still(people(1)[0]), engine=engine, floor=QualityFloor.for_probe())
    assert first.code is FailureCode.TOO_BLURRED


def test_a_group_shows_several_faces(engine):
    everybody = people(12)
    for start in (0, 3, 6, 9):
        refused = capture(
            group_photograph(everybody[start : start + 3]), engine=engine, floor=QualityFloor.for_probe()
        )
        assert isinstance(refused, FailureToAcquire) and refused.code is FailureCode.SEVERAL_FACES
    with pytest.raises(ValueError, match="at least two"):
        group_photograph(everybody[:1])


def test_the_cartoon_shows_no_face(engine):
    assert capture(cartoon(), engine=engine, floor=QualityFloor.for_probe()).code is FailureCode.NO_FACE


def test_pictures_carry_no_metadata():
    for data in (people(1)[0].photograph(0), cartoon(), store_camera_still(people(1)[0])):
        picture = Image.open(io.BytesIO(data))
        assert not picture.getexif() and "comment" not in picture.info


@pytest.mark.parametrize("count", [0, -1, MOST_PEOPLE + 1])
def test_more_people_than_there_are_cannot_be_made(count):
    with pytest.raises(ValueError, match=f"1 to {MOST_PEOPLE}"):
        people(count)


def test_a_photograph_has_a_number_from_zero():
    with pytest.raises(ValueError, match="negative"):
        people(1)[0].photograph(-1)


def test_every_parameter_is_in_its_range():
    for person in people(MOST_PEOPLE):
        assert len(person.parameters) == len(PARAMETERS)
        for value, (name, (low, high)) in zip(person.parameters, PARAMETERS.items(), strict=True):
            assert low <= value <= high, (person.person_id, name)


def test_it_imports_nothing_of_the_biometrics_room():
    """Plain functions of pixels: the engine cannot have a hand in what it is tested on."""
    tree = ast.parse(Path(synthetic_people.__file__).read_text())
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert {"numpy", "PIL", "skimage", "matplotlib"} <= modules
    assert "counterseal" not in modules and "dlib" not in modules
