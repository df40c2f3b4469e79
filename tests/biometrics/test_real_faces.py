"""Real portraits, where the optional folder is: that decoding, detection, templates and search work.

No accuracy is claimed from them, and nothing is inferred about anybody in them.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.compare import PhotographComparison, compare_photographs
from counterseal.biometrics.gallery import Enrolled, Gallery
from counterseal.biometrics.identify import identify
from counterseal.biometrics.quality import QualityFloor

ROOT = Path(__file__).parents[2]
FACES = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "faces"
PORTRAITS = FACES / "us-congress-225x275" / "images"
SEVERAL = FACES / "us-whitehouse-official"
# COUNTERSEAL_ALL_FACES=1 takes all of them (about a minute); else every sixth.
EVERY = 1 if os.environ.get("COUNTERSEAL_ALL_FACES") else 6

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not PORTRAITS.is_dir(), reason="no folder of real pictures ($COUNTERSEAL_DATA)"),
]
FLOOR = QualityFloor.for_probe()


@pytest.fixture(scope="module")
def several() -> dict[str, list[Path]]:
    """Photographs by person: a digit at the end of the name is the photograph's number."""
    found: dict[str, list[Path]] = {}
    for file in sorted(SEVERAL.glob("*.jpg")):
        found.setdefault(file.stem.rstrip("0123456789"), []).append(file)
    return found


@pytest.fixture(scope="module")
def gallery(engine, several, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    with Gallery(folder, key=bytes(range(32)), engine_id=engine.engine_id) as opened:
        failures, took = [], []
        portraits = sorted(PORTRAITS.rglob("*.jpg"))[::EVERY]
        for file in portraits:
            began = time.perf_counter()
            outcome = opened.enrol(
                file.read_bytes(), reference_id=file.stem, person_id=file.stem, engine=engine, floor=FLOOR
            )
            took.append(time.perf_counter() - began)
            if not isinstance(outcome, Enrolled):
                failures.append((file.name, outcome.says))
        print(f"{len(portraits)} portraits, median {1e3 * np.median(took):.1f} ms each; failures: {failures}")
        assert len(portraits) >= 100 and failures == []
        for person, files in several.items():
            for file in files[1:]:
                assert isinstance(
                    opened.enrol(
                        file.read_bytes(),
                        reference_id=file.stem,
                        person_id=person,
                        engine=engine,
                        floor=FLOOR,
                    ),
                    Enrolled,
                )
        yield opened


def test_the_other_photographs_of_a_person_come_first(engine, gallery, several):
    """From a database of everybody else's portraits and the person's other photographs."""
    searched = 0
    for files in several.values():
        mates = {file.stem for file in files[1:]}
        if not mates:
            continue
        probe = capture(files[0].read_bytes(), engine=engine, floor=FLOOR)
        assert isinstance(probe, Capture)

        found = identify(probe.template, gallery.index(), limit=50)

        assert found.candidates[0].reference_id in mates
        # One more place: the portraits may hold an older portrait of the same person.
        assert mates <= {c.reference_id for c in found.candidates[: len(mates) + 1]}
        assert found.searched == len(gallery.references())
        first = [(c.reference_id in mates, round(c.score.value, 3)) for c in found.candidates[:5]]
        print(f"(mate, distance) of the first five among {found.searched}: {first}")
        searched += 1
    assert searched >= 1


def test_every_portrait_finds_itself(engine, gallery):
    files = sorted(PORTRAITS.rglob("*.jpg"))[::EVERY][:20]
    for file in files:
        probe = capture(file.read_bytes(), engine=engine, floor=FLOOR)
        best = identify(probe.template, gallery.index(), limit=1).candidates[0]
        assert (best.reference_id, best.score.value) == (file.stem, 0.0)


def test_two_photographs_compare(engine, several):
    files = [file for group in several.values() for file in group]
    people = [person for person, group in several.items() for _ in group]
    same, other = [], []
    for a in range(len(files)):
        for b in range(a + 1, len(files)):
            compared = compare_photographs(
                files[a].read_bytes(), files[b].read_bytes(), engine=engine, floor=FLOOR
            )
            assert isinstance(compared, PhotographComparison)
            (same if people[a] == people[b] else other).append(compared.score.value)
    assert len(same) == len(other) == 3
    assert max(same) < 0.5 < 0.75 < min(other)


def test_the_crop_of_a_portrait_gives_nearly_the_same_template(engine, several):
    files = [*sorted(PORTRAITS.rglob("*.jpg"))[:20], *(f for group in several.values() for f in group)]
    for file in files:
        whole = capture(file.read_bytes(), engine=engine, floor=FLOOR)
        again = capture(whole.crop, engine=engine, floor=FLOOR)
        assert isinstance(again, Capture)
        assert np.linalg.norm(whole.template.values - again.template.values) < 0.15
