"""A real run in a process of its own, killed in the middle and taken up again: the same bytes as undisturbed."""

import csv
import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from counterseal.cli.demo.synthetic_people import cartoon, people

IMAGES = 9
# What the child runs: a whole test with the embedded engine, that says after each image how many are done.
RUN = """
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from counterseal.connectors.under_test import under_test
from counterseal.evaluation.protocol import Plan
from counterseal.gateway.run_test import run_test

@contextmanager
def progress(label, total):
    yield lambda done: print(label, done, flush=True)

tested = under_test({})
plan = Plan.from_toml(sys.argv[3].replace("ENGINE", tested.engine_id))
images = Path(sys.argv[1])
manifest = images.parent / "manifest.csv"
run_test(
    Path(sys.argv[2]), plan, tested, images=images, manifest=manifest, at=datetime.now(UTC), progress=progress
)
"""
PLAN = """
title = "Killed"
kind = "direct"
mode = "two-photographs"
use_case = "a test of the run itself"
who_may_rely = "nobody"
tester = "the tests"
independence = "none"
standard = "measures after ISO/IEC 19795-1"
fmr_targets = [0.1, 0.05, 0.01]
operating_fmr = 0.1
non_mated_rule = "all"
confidence = 0.95
bootstrap = 0
seed = 1
system = { service = "none", engine_id = "ENGINE", version = "1" }

[[goals]]
id = "acquired"
says = "A sample is acquired of most photographs"
measure = "fta"
scope = "overall"
limit = { at_most = 90, unit = "percent" }
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "images"
    folder.mkdir()
    rows = [("image", "subject", "role")]
    for person in people(4):
        for n in range(2):
            rows.append((f"{person.number}-{n}.jpg", str(person.number), "both"))
            (folder / rows[-1][0]).write_bytes(person.photograph(n))
    rows.append(("drawing.png", "1", "probe"))
    (folder / "drawing.png").write_bytes(cartoon())
    with (folder.parent / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def started(images: Path, folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(images), str(folder), PLAN], stdout=subprocess.PIPE, text=True
    )


def finished(images: Path, folder: Path) -> dict[str, str]:
    """What the run wrote, by file; times are no result."""
    with started(images, folder) as child:
        child.communicate(timeout=120)
    assert child.returncode == 0
    written = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    del written["times.json"], written["run.json"]
    return written


def test_killed_and_taken_up_again(images, tmp_path):
    whole = finished(images, tmp_path / "whole")
    assert set(whole) == {"scores.parquet", "failures.csv", "counted.json", "corpus.json"}

    for stop in ("acquiring images 1", "acquiring images 6", "comparing probes 3"):
        folder = tmp_path / stop.replace(" ", "-")
        with started(images, folder) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if line.strip() == stop:
                    child.send_signal(signal.SIGKILL)
                    break
        assert child.returncode == -signal.SIGKILL
        assert (folder / "work.jsonl").is_file() and not (folder / "scores.parquet").exists()
        lines = (folder / "work.jsonl").read_bytes().count(b"\n") - 1
        assert lines >= min(IMAGES, int(stop.split()[-1]))

        assert finished(images, folder) == whole
