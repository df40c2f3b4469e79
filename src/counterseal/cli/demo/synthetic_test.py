"""A whole test set of synthetic people: images, manifest, corpus card and plan, made on the spot.

Nobody in it exists. Its groups are synthetic and say so, and two differences between them are planted, so that the
report has something to find: the people of the series `narrow` are drawn from a narrower range of features (more of
them look alike), and their later photographs were taken in poorer light. Nothing in it says anything about anybody.

Everything is a plain function of numbers: the same call writes the same bytes.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from counterseal.cli.demo.synthetic_people import PARAMETERS, SyntheticPerson, cartoon, group_photograph

GLASSES = list(PARAMETERS).index("glasses")
PROBES = 2
FIRST_DAY = date(2024, 1, 15)
_NOT_A_PICTURE = b"This file is no picture. A test counts it as a failure to acquire.\n"


@dataclass(frozen=True, slots=True)
class Series:
    """One synthetic group. spread: share of each feature's range that is drawn from. light: of later photographs."""

    label: str
    people: int
    spread: float
    light: float


SERIES = (Series("wide", 30, 1.0, 1.0), Series("narrow", 30, 0.55, 0.6), Series("few", 5, 1.0, 1.0))
PEOPLE = sum(series.people for series in SERIES)
IMAGES = PEOPLE * (1 + PROBES) + 3
# Not those of the story: no parameter was chosen so that the engine holds these people apart.
_FIRST_NUMBER = 1001


@dataclass(frozen=True, slots=True)
class TestSet:
    """What was written. corpus, plan: TOML, as a person would write them."""

    images: Path
    manifest: Path
    corpus: Path
    plan: Path

    __test__ = False  # no class of tests


def make_test_set(folder: Path, *, plan: str, advance: Callable[[int], None]) -> TestSet:
    """Write the test set into a folder. plan: the plan's text. advance: called with how many images are there."""
    images = folder / "images"
    images.mkdir(parents=True)
    rows = []
    for person, series in everybody():
        subject = f"S{person.number}"
        groups = {
            "series": series.label,
            "glasses": "drawn" if person.parameters[GLASSES] > 0.5 else "none",
        }
        for n in range(1 + PROBES):
            picture = person.photograph(n)
            if n:
                rng = np.random.default_rng([person.number, n])
                picture = poorer(picture, light=series.light, rng=rng)
            day = FIRST_DAY + timedelta(days=person.number % 7 + n * (180 + 10 * (person.number % 13)))
            rows.append(_row(images, f"{subject}-{n}.jpg", picture, subject, n, day, groups))
            advance(len(rows))
    rows += _spoilt(images, rows)
    advance(len(rows))
    made = TestSet(images, folder / "manifest.csv", folder / "corpus.toml", folder / "plan.toml")
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    made.manifest.write_text(text.getvalue())
    made.corpus.write_text(CORPUS)
    made.plan.write_text(plan)
    return made


def everybody() -> list[tuple[SyntheticPerson, Series]]:
    """Every synthetic person of the test with the series that they are of."""
    made: list[tuple[SyntheticPerson, Series]] = []
    for series in SERIES:
        for _ in range(series.people):
            made.append((_person(_FIRST_NUMBER + len(made), series.spread), series))
    return made


def _person(number: int, spread: float) -> SyntheticPerson:
    low, high = np.array(list(PARAMETERS.values())).T
    middle = (low + high) / 2
    drawn = np.random.default_rng(number).uniform(low, high)
    return SyntheticPerson(number, tuple(np.round(middle + (drawn - middle) * spread, 2).tolist()))


def poorer(picture: bytes, *, light: float, rng: np.random.Generator) -> bytes:
    """A photograph (JPEG) as a worse camera would have taken it: smaller, softer, noisier, in less light."""
    with Image.open(io.BytesIO(picture)) as image:
        scale = rng.uniform(0.32, 0.8)
        size = (round(image.width * scale), round(image.height * scale))
        small = image.resize(size, Image.Resampling.BOX).filter(
            ImageFilter.GaussianBlur(rng.uniform(0.2, 1.3))
        )
    pixels = np.asarray(small, dtype=np.float64) * (light * rng.uniform(0.8, 1.1))
    pixels = pixels + rng.normal(0, rng.uniform(2, 9), (*pixels.shape[:2], 1))
    out = io.BytesIO()
    quality = int(rng.integers(35, 85))
    Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _spoilt(images: Path, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Three probes of the first person that no sample can be acquired of: two people, a drawing, no picture."""
    first = rows[0]
    two = group_photograph([person for person, _ in everybody()[:2]])
    pictures = (("two-people.jpg", two), ("drawing.png", cartoon()), ("text.jpg", _NOT_A_PICTURE))
    groups = {name: first[name] for name in ("series", "glasses")}
    day = FIRST_DAY + timedelta(days=400)
    return [_row(images, name, data, first["subject"], 1, day, groups) for name, data in pictures]


def _row(
    images: Path, name: str, picture: bytes, subject: str, n: int, day: date, groups: dict[str, str]
) -> dict[str, str]:
    (images / name).write_bytes(picture)
    role = "probe" if n else "reference"
    return {
        "image": name,
        "subject": subject,
        "role": role,
        "session": f"{n + 1}",
        "captured": day.isoformat(),
        **groups,
    }


CORPUS = f"""\
source = "synthetic people, made on the spot from two public-domain portraits; nobody in it exists"
legal_basis = "none is needed: nobody is shown"
consent = "none is needed: nobody is shown"
people = {PEOPLE}
images = {IMAGES}
capture = "drawn; later photographs made smaller, softer, noisier and darker by known amounts"
image_size = "references 320 x 400 px; probes 102 x 128 to 256 x 320 px"
eye_distance = "references 70 to 104 px; probes 25 to 80 px"
ground_truth = "known: each image was made of a numbered person"
label_errors = "none: three probes were spoilt on purpose and are failures to acquire"
training_overlap = "the two portraits may be among the images that the engine was trained on"
notes = "A demonstration. Two differences are planted: see counterseal/cli/demo/synthetic_test.py"
sessions = {PEOPLE * (1 + PROBES)}
time_lapse_days = {{ median = 360, q1 = 240, q3 = 485 }}
"""


def plan_text(*, service: str, engine_id: str, model_sha256: str, version: str) -> str:
    """The plan of the demonstration, as a person would write it."""
    return f'''\
# The plan of a test. It is frozen and sealed before anybody sees a score.
title = "Demonstration: the embedded engine on synthetic people"
kind = "direct"
mode = "identification"
use_case = "a demonstration of how a test is planned, run and judged"
who_may_rely = "nobody: the people are synthetic, and so are their groups"
tester = "whoever ran the demonstration"
independence = "none: the tester runs the system"
standard = "measures after ISO/IEC 19795-1, with groups as the plan lists them"
fmr_targets = [0.02, 0.01, 0.005]
operating_fmr = 0.01
list_length = 10
database_size = {PEOPLE}
non_mated_rule = "within-group"
confidence = 0.95
bootstrap = 1000
seed = 20261121
not_covered = ["real people", "larger databases", "video", "masks"]
intersections = [["series", "glasses"]]

[system]
service = "{service}"
engine_id = "{engine_id}"
version = "{version}"
model_sha256 = "{model_sha256}"

[smallest_group]
subjects = 20

[[groupings]]
name = "series"
how = "synthetic"
labels = [{", ".join(f'"{series.label}"' for series in SERIES)}]

[[groupings]]
name = "glasses"
how = "synthetic"
labels = ["drawn", "none"]

[[goals]]
id = "fnmr-everybody"
says = "At most 20 percent of mated comparisons are missed at the operating point"
measure = "fnmr"
at_fmr = 0.01
scope = "overall"
limit = {{ at_most = 20, unit = "percent" }}

[[goals]]
id = "fnmr-each-series"
says = "In no series more than 30 percent of mated comparisons are missed"
measure = "fnmr"
at_fmr = 0.01
scope = "each-group"
grouping = "series"
limit = {{ at_most = 30, unit = "percent" }}

[[goals]]
id = "fmr-ratio-series"
says = "Between two series, false matches are at most 1.5 times as frequent (a planted difference breaks this)"
measure = "fmr"
at_fmr = 0.01
scope = "ratio"
grouping = "series"
limit = {{ at_most = 1.5, unit = "ratio" }}

[[goals]]
id = "seen-by-the-examiner"
says = "In at most 5 percent of searches the person is not among the 10 candidates that are shown"
measure = "miss-rate"
scope = "overall"
limit = {{ at_most = 5, unit = "percent" }}

[[goals]]
id = "acquired"
says = "Of at most 25 percent of photographs no sample can be acquired"
measure = "fta"
scope = "overall"
limit = {{ at_most = 25, unit = "percent" }}
'''
