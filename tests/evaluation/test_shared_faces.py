"""The embedded engine over real portraits, where the optional folder is: that a whole run holds, and how fast.

The manifest is made here, with numbers for subjects. The people in the pictures are officials whom nobody asked:
no accuracy is claimed from them, no group is told apart, and nothing is said about any of them. What is held: what
is not a face fails with a code, non-mated scores lie apart from mated ones, a run ends in bounded time.

All pictures (some minutes): COUNTERSEAL_ALL_FACES=1 pytest -n0 -s tests/evaluation/test_shared_faces.py
"""

import csv
import io
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from counterseal.connectors.under_test import EngineUnderTest, under_test
from counterseal.evaluation.protocol import Plan
from counterseal.evaluation.reading import read_comparisons
from counterseal.gateway.run_test import Run, run_test

ROOT = Path(__file__).parents[2]
FACES = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "faces"
PORTRAITS = FACES / "us-congress-225x275" / "images"
SEVERAL = FACES / "us-whitehouse-official"
EVERY = 1 if os.environ.get("COUNTERSEAL_ALL_FACES") else 14

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not PORTRAITS.is_dir(), reason="no folder of real pictures ($COUNTERSEAL_DATA)"),
]


def plan_for(tested: EngineUnderTest) -> Plan:
    """A plan without groups: nobody's are known."""
    return Plan.from_toml(f'''
title = "Does a run hold"
kind = "direct"
mode = "two-photographs"
use_case = "checking that a run holds"
who_may_rely = "nobody"
tester = "the tests"
independence = "none"
standard = "measures after ISO/IEC 19795-1"
fmr_targets = [1e-2, 1e-3, 1e-4]
operating_fmr = 1e-3
non_mated_rule = "all"
confidence = 0.95
bootstrap = 0
seed = 1
system = {{ service = "none", engine_id = "{tested.engine_id}", version = "1" }}

[[goals]]
id = "acquired"
says = "A sample is acquired of most photographs"
measure = "fta"
scope = "overall"
limit = {{ at_most = 10, unit = "percent" }}
''')


@contextmanager
def silent(label: str, total: int):
    yield lambda done: None


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> tuple[Path, Path]:
    """Copies under numbers, and their manifest. A digit at the end of a name is the photograph's number."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "images").mkdir()
    several: dict[str, list[Path]] = {}
    for file in sorted(SEVERAL.glob("*.jpg")):
        several.setdefault(file.stem.rstrip("0123456789"), []).append(file)
    portraits = sorted(PORTRAITS.rglob("*.jpg"))[::EVERY]
    people = [*several.values(), *([file] for file in portraits)]
    rows = []
    for subject, files in enumerate(people, start=1):
        for file in files:
            name = f"{len(rows):04d}.jpg"
            (folder / "images" / name).write_bytes(file.read_bytes())
            rows.append((name, subject, "both"))
    for name, data in (("text.jpg", b"no picture"), ("grey.png", _grey())):
        (folder / "images" / name).write_bytes(data)
        rows.append((name, 1, "probe"))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "subject", "role"), *rows])
    assert len(rows) >= 50
    return folder / "images", folder / "manifest.csv"


def _grey() -> bytes:
    """A picture without a face."""
    out = io.BytesIO()
    Image.fromarray(np.full((240, 240, 3), 127, dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def ran(images, tmp_path_factory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("test")
    tested = under_test({})
    began = time.monotonic()
    run = run_test(
        folder,
        plan_for(tested),
        tested,
        images=images[0],
        manifest=images[1],
        at=datetime.now(UTC),
        progress=silent,
    )
    times = json.loads((folder / "times.json").read_text())
    print(
        f"\n{run.images} images of {run.people} people in {time.monotonic() - began:.1f} s: {run.mated} mated, "
        f"{run.non_mated:,} non-mated; not acquired {run.not_acquired}, not enrolled {run.not_enrolled}; "
        f"enrolment {1e3 * times['enrolment_seconds']['median']:.1f} ms (95th "
        f"{1e3 * times['enrolment_seconds']['p95']:.1f}), comparison "
        f"{1e6 * times['comparison_seconds']['median']:.0f} us"
    )
    return folder, run


def test_what_shows_no_face_fails_with_its_code(ran):
    folder, run = ran
    with (folder / "failures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {row["image"]: row["code"] for row in rows if row["stage"] == "acquire"} == {
        "text.jpg": "unsupported-type",
        "grey.png": "no-face",
    }
    assert run.not_acquired == {"no-face": 1, "unsupported-type": 1}


def test_every_pair_is_compared_once(ran):
    folder, run = ran
    enrolled = run.images - 2 - sum(run.not_enrolled.values())
    total = run.mated + run.non_mated

    assert run.mated == 3
    assert enrolled * (enrolled - 1) // 2 <= total <= (run.images - 2) * (run.images - 3) // 2
    assert total == len(read_comparisons(folder / "scores.parquet", format="parquet", direction=None))


def test_mated_pairs_lie_apart_from_the_rest(ran):
    folder, _ = ran
    read = read_comparisons(folder / "scores.parquet", format="parquet", direction=None)
    mated, others = -read.scores[read.mated], -read.scores[~read.mated]
    quantiles = {q: round(float(np.quantile(others, q)), 3) for q in (1e-5, 1e-4, 1e-3, 1e-2, 0.5)}
    counts = {t: int((others <= t).sum()) for t in (0.6, 0.55, 0.5, 0.45, 0.4)}
    print(
        f"mated {np.sort(mated).round(3)}; non-mated quantiles {quantiles}; at or below {counts} of {len(others):,}"
    )

    assert mated.max() < 0.5
    assert 0.7 < np.median(others) < 0.9
    assert (others <= 0.4).mean() < 1e-3
