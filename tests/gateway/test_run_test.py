"""Running an engine over a folder of images: what may be wrong with it, what it writes, and that it can be killed."""

import csv
import hashlib
import io
import json
import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from counterseal.biometrics.engine import Box, Face, LandmarkScheme, Metric, Pixels, Template
from counterseal.biometrics.errors import EngineLoadError
from counterseal.biometrics.models import RECOGNISER
from counterseal.connectors.under_test import EngineUnderTest, Sample, under_test
from counterseal.gateway.testing.corpus import card_from, counted, quality_of_images
from counterseal.gateway.testing.manifest import Image as ManifestImage
from counterseal.gateway.testing.manifest import ManifestError, Part, read_manifest
from counterseal.gateway.testing.pairs import compare_all
from counterseal.gateway.testing.samples import Acquired, HalfFinishedError, acquire_all
from counterseal.terms.errors import BadInputError, StaleError

GROUPINGS = {"series": ("wide", "narrow")}
TOLD = [("series", "synthetic", ("wide", "narrow"))]


class ToyEngine:
    """Finds one face in every picture of at least 100 px and takes its mean colours as features."""

    engine_id = "toy:1"
    metric = Metric.EUCLIDEAN
    dimension = 4

    def __init__(self) -> None:
        self.looked = 0

    def detect(self, pixels: Pixels) -> tuple[Face, ...]:
        self.looked += 1
        height, width = pixels.shape[:2]
        if min(height, width) < 100:
            return ()
        eyes = ((width * 0.7, height * 0.4), (width * 0.6, height * 0.4))
        others = ((width * 0.3, height * 0.4), (width * 0.4, height * 0.4), (width * 0.5, height * 0.6))
        return (Face(Box(0, 0, width, height), (*eyes, *others), LandmarkScheme.EYE_CORNERS, 1.0, "toy"),)

    def chip(self, pixels: Pixels, face: Face) -> Pixels:
        return np.asarray(Image.fromarray(pixels).resize((150, 150)), dtype=np.uint8)

    def template(self, chip: Pixels) -> Template:
        return Template(np.array([*chip.mean(axis=(0, 1)), 1], dtype=np.float32), self.engine_id)


def toy() -> EngineUnderTest:
    return EngineUnderTest(ToyEngine(), "0" * 64)


def picture(seed: int, *, side: int = 160, contrast: int = 200) -> bytes:
    """A picture of noise that passes both floors, its mean colour by the seed."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 255 - contrast, 3)
    out = io.BytesIO()
    pixels = base + rng.integers(0, contrast, (side, side, 1))
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


class Set:
    """A folder of images and its manifest, as a test changes it."""

    def __init__(self, folder: Path) -> None:
        self.images = folder / "images"
        self.images.mkdir()
        self.manifest = folder / "manifest.csv"
        self.work = folder / "work.jsonl"
        self.rows: list[dict[str, str]] = []

    def add(self, name: str, subject: str, role: str, data: bytes, **more: str) -> None:
        (self.images / name).parent.mkdir(parents=True, exist_ok=True)
        (self.images / name).write_bytes(data)
        self.rows.append({"image": name, "subject": subject, "role": role, "series": "wide"} | more)

    def write(self, rows: list[dict[str, str]] | None = None) -> "Set":
        rows = self.rows if rows is None else rows
        with self.manifest.open("w", newline="") as file:
            columns = dict.fromkeys(name for row in rows for name in row)
            writer = csv.DictWriter(file, columns or ["image", "subject", "role", "series"])
            writer.writeheader()
            writer.writerows(rows)
        return self

    def read(self, groupings=GROUPINGS):
        return read_manifest(self.manifest, self.images, groupings=groupings)

    def acquired(self, engine: EngineUnderTest | None = None):
        return acquire_all(self.read(), engine or toy(), self.work, lambda n: None)


@pytest.fixture
def small(tmp_path) -> Set:
    """Two people, a reference and a probe each."""
    made = Set(tmp_path)
    for n, subject in enumerate(("1", "2")):
        made.add(f"{subject}-r.png", subject, "reference", picture(10 * n))
        made.add(f"{subject}-p.png", subject, "probe", picture(10 * n + 1), series="narrow")
    return made.write()


class TestManifest:
    def test_says_who_and_what(self, small):
        small.rows[1] |= {"session": "2", "captured": "2025-03-01", "quality": "0.5"}
        small.write()
        read = small.read()

        assert read.subjects == ("1", "2") and len(read.images) == 4
        first, second = read.images[:2]
        assert (first.row, first.part, first.captured, first.quality) == (2, Part.REFERENCE, None, None)
        assert (second.session, second.captured, second.quality) == ("2", date(2025, 3, 1), 0.5)
        assert second.groups == {"series": "narrow"}
        assert first.sha256 == hashlib.sha256((small.images / first.name).read_bytes()).hexdigest()

    def test_a_byte_order_mark_blank_lines_and_an_empty_group_are_read(self, small):
        text = small.manifest.read_text().replace("narrow", "", 1)
        small.manifest.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n ,,,\r\n")

        assert small.read().images[1].groups == {"series": ""}

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"image": "nowhere.png"}, "row 3: there is no image `nowhere.png`"),
            ({"image": "../images/1-p.png"}, "row 3: `../images/1-p.png` leaves the folder"),
            ({"image": "/etc/passwd"}, "row 3: `/etc/passwd` leaves the folder"),
            ({"image": "a\\b.png"}, "leaves the folder"),
            ({"image": "a\nb.png"}, "leaves the folder"),
            ({"image": "."}, "row 3: `.` is no file"),
            ({"image": ""}, "row 3: no image"),
            ({"image": "x" * 5000}, "row 3: .* cannot be looked at"),
            ({"image": "1-r.png"}, "an image is there twice: row 3 `1-r.png` is row 2"),
            ({"subject": " "}, "row 3: no subject"),
            ({"role": "suspect"}, "row 3: role `suspect`; it is probe, reference, both"),
            ({"series": "wyde"}, "row 3: `wyde` is no label of `series`: the plan lists wide, narrow"),
            ({"captured": "2025-02-30"}, "row 3: captured `2025-02-30`"),
            ({"captured": "yesterday"}, "row 3: captured"),
            ({"quality": "good"}, "row 3: quality `good` is no number"),
            ({"quality": "inf"}, "row 3: quality `inf` is not finite"),
            ({"sha256": "00"}, "row 3: `1-p.png` has the sha256"),
        ],
    )
    def test_one_wrong_cell_is_named_with_its_row(self, small, change, says):
        small.rows[1] |= change
        small.write()

        with pytest.raises(ManifestError, match=says):
            small.read()

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"", "row 1: column `image` is missing"),
            (b"image,subject\n", "row 1: column `role` is missing"),
            (b"image,subject,role\n", "the plan tells people apart by `series`, and there is no such column"),
            (b"image,subject,role,series,name\n", "row 1: column `name` is unknown"),
            (b"image,subject,role,series,image\n", "column `image` is there 2 times"),
            (b"image,subject,role,series\n", "names no image"),
            (b"image,subject,role,series\n1-r.png,1\n", "row 2: 2 cells; the header has 4"),
            (b"image,subject,role,series\n1-r.png,\0,probe,\n", "row 2: a NUL byte"),
            (b"image,subject,role,series\n1-r.png,\xff,probe,\n", "row 2: no UTF-8"),
            (b'image,subject,role,series\n"1-r.png"x,1,probe,\n', "row 2: no CSV"),
            (b"image,subject,role,series\n1-r.png,1,both,\n2-r.png,1,both,\n", "one subject only"),
            (
                b"image,subject,role,series\n1-r.png,1,reference,\n2-r.png,2,reference,\n",
                "0 probes and 2 ref",
            ),
            (b"image,subject,role,series\n1-r.png,1,reference,\n2-r.png,2,probe,\n", "has no mated pair"),
            (b"image,subject,role,series\n1-r.png,1,both,\n2-r.png,2,both,\n", "has no mated pair"),
        ],
    )
    def test_a_file_that_no_test_can_be_made_with(self, small, data, says):
        small.manifest.write_bytes(data)

        with pytest.raises(ManifestError, match=says):
            small.read()

    def test_the_same_bytes_under_two_names_are_refused(self, small):
        """A copy of a reference as probe is a mated pair at distance 0, or the same face under two numbers."""
        (small.images / "2-p.png").write_bytes((small.images / "1-r.png").read_bytes())

        with pytest.raises(ManifestError, match=r"row 5 `2-p\.png` has the bytes of row 2 `1-r\.png`"):
            small.read()

    def test_links_are_refused_wherever_they_lead(self, small, tmp_path):
        (tmp_path / "outside.png").write_bytes(picture(99))
        for target in (tmp_path / "outside.png", small.images / "2-p.png", small.images / "1-p.png"):
            (small.images / "1-p.png").unlink(missing_ok=True)
            (small.images / "1-p.png").symlink_to(target)
            with pytest.raises(
                ManifestError, match=r"row 3: `1-p.png` (is reached through a link|cannot be)"
            ):
                small.read()
        (small.images / "deep").symlink_to(small.images)
        small.rows[1]["image"] = "deep/2-p.png"
        small.write()
        with pytest.raises(ManifestError, match="reached through a link"):
            small.read()

    def test_a_pipe_is_no_image(self, small):
        (small.images / "1-p.png").unlink()
        os.mkfifo(small.images / "1-p.png")

        with pytest.raises(ManifestError, match=r"`1-p\.png` is no file"):
            small.read()

    def test_no_manifest_no_folder(self, small, tmp_path):
        with pytest.raises(ManifestError, match="no manifest"):
            read_manifest(tmp_path / "none.csv", small.images, groupings={})
        with pytest.raises(ManifestError, match="is no folder"):
            read_manifest(small.manifest, tmp_path / "none", groupings={})

    def test_the_folder_itself_may_be_reached_through_a_link(self, small, tmp_path):
        (tmp_path / "link").symlink_to(small.images)

        assert len(read_manifest(small.manifest, tmp_path / "link", groupings=GROUPINGS).images) == 4


class TestSamples:
    def test_what_fails_is_an_outcome_with_its_code(self, small):
        small.add("text.png", "1", "probe", b"no picture")
        small.add("tiny.png", "1", "probe", picture(3, side=60))
        small.add("flat.png", "2", "both", picture(4, contrast=25))
        small.add("soft.png", "2", "both", picture(5, contrast=40))
        small.add("empty.png", "2", "reference", b"")
        small.write()
        found = {a.image.name: (a.sample.not_acquired, a.sample.not_enrolled) for a in small.acquired()}

        assert found["1-r.png"] == ("", "")
        assert found["text.png"] == ("unsupported-type", "unsupported-type")
        assert found["tiny.png"] == ("no-face", "no-face")
        assert found["flat.png"] == ("poor-contrast", "poor-contrast")
        assert found["soft.png"] == ("", "poor-contrast"), "good enough for a probe, not for a reference"
        assert found["empty.png"] == ("corrupt-file", "corrupt-file")

    def test_a_killed_run_goes_on_where_it_stopped(self, small):
        """Whatever was written when it stopped, the samples are those of a run that nobody disturbed."""
        whole = small.acquired()
        text = small.work.read_bytes()
        for cut in (
            0,
            1,
            text.index(b"\n") + 1,
            len(text) // 2,
            text.rindex(b'"seconds"'),
            len(text) - 1,
            len(text),
        ):
            small.work.write_bytes(text[:cut])
            engine = ToyEngine()
            again = small.acquired(EngineUnderTest(engine, "0" * 64))

            assert [(a.image, a.sample) for a in again] == [(a.image, a.sample) for a in whole]
            assert engine.looked == 4 - max(0, text[:cut].count(b"\n") - 1), "what was done is not done again"
            assert small.work.read_bytes().count(b"\n") == 5

    def test_only_its_owner_reads_the_work_file(self, small):
        small.acquired()

        assert small.work.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        "damage", [b"{}\n", b"[1]\n", b"\xff\n", b'{"image": "a", "seconds": "x"}\n', b"x\n"]
    )
    def test_a_damaged_work_file_is_not_used(self, small, damage):
        small.acquired()
        small.work.write_bytes(small.work.read_bytes() + damage)

        with pytest.raises(HalfFinishedError, match="is damaged: remove it"):
            small.acquired()

    def test_the_work_of_another_engine_is_not_used(self, small):
        small.acquired()

        with pytest.raises(HalfFinishedError, match="the beginning of a run of `toy:1`"):
            small.acquired(EngineUnderTest(ToyEngine(), "1" * 64))

    def test_two_runs_at_once_in_one_folder_are_refused(self, small):
        def meanwhile(done: int) -> None:
            with pytest.raises(StaleError, match="another run is at work"):
                small.acquired()

        acquire_all(small.read(), toy(), small.work, meanwhile)

    def test_an_image_that_changes_meanwhile_stops_the_run(self, small):
        read = small.read()
        (small.images / "2-p.png").write_bytes(picture(77))

        with pytest.raises(ManifestError, match=r"`2-p\.png` changed while the test ran"):
            acquire_all(read, toy(), small.work, lambda n: None)


class TestPairs:
    def compared(self, small: Set):
        return compare_all(small.acquired(), toy(), groupings=TOLD, progress=lambda n: None)

    def names(self, compared) -> set[tuple[str, str]]:
        images = compared.images
        pairs = [
            (images[p].name, images[r].name) for p, r in zip(compared.probe, compared.reference, strict=True)
        ]
        assert len(set(pairs)) == len(pairs)
        return set(pairs)

    def test_each_probe_with_each_reference(self, small):
        compared = self.compared(small)
        c = compared.comparisons

        assert self.names(compared) == {
            (p, r) for p in ("1-p.png", "2-p.png") for r in ("1-r.png", "2-r.png")
        }
        assert c.subjects == ("1", "2")
        assert list(c.mated) == [
            bool(a == b) for a, b in zip(c.probe_subject, c.reference_subject, strict=True)
        ]
        assert c.mated.sum() == 2
        series = c.groupings["series"]
        assert series.how == "synthetic" and set(series.probe) == {1} and set(series.reference) == {0}

    def test_images_of_both_roles_are_compared_once_and_never_with_themselves(self, small):
        for row in small.rows:
            row["role"] = "both"
        small.write()
        names = self.names(self.compared(small))

        assert len(names) == 6 == len({frozenset(pair) for pair in names})
        assert all(a != b for a, b in names)

    def test_a_mixture_of_roles_leaves_no_pair_out(self, small):
        """Against a plain double loop, with failures of either kind among them."""
        for n, role in enumerate(["both", "probe", "reference", "both", "both"]):
            small.add(f"m{n}.png", str(1 + n % 2), role, picture(40 + n, contrast=40 if n == 3 else 200))
        small.write()
        acquired = small.acquired()
        compared = compare_all(acquired, toy(), groupings=TOLD, progress=lambda n: None)
        usable = {
            (p.image.name, r.image.name)
            for p in acquired
            for r in acquired
            if p is not r
            and p.image.part.is_probe
            and r.image.part.is_reference
            and not p.sample.not_acquired
            and not r.sample.not_enrolled
        }

        assert {frozenset(pair) for pair in self.names(compared)} == {frozenset(pair) for pair in usable}
        assert self.names(compared) <= usable
        assert len(self.names(compared)) == len({frozenset(pair) for pair in usable})

    def test_scores_are_those_of_the_engine_one_by_one(self, small):
        """All at once and one at a time give the same bits."""
        acquired = small.acquired()
        compared = compare_all(acquired, toy(), groupings=TOLD, progress=lambda n: None)
        for row, score in enumerate(compared.comparisons.scores):
            a, b = acquired[compared.probe[row]].sample, acquired[compared.reference[row]].sample
            assert -score == toy().compare_one(a.features, b.features) > 0
        assert compared.comparisons.direction == "dissimilarity"

    def test_nothing_left_to_compare_is_said(self, small):
        for name in ("1-p.png", "2-p.png"):
            (small.images / name).write_bytes(name.encode())
        with pytest.raises(BadInputError, match="every probe or every reference failed"):
            self.compared(small)

    def test_no_mated_pair_left_is_said(self, small):
        (small.images / "1-p.png").write_bytes(b"no picture")
        (small.images / "2-r.png").write_bytes(b"no picture either")
        with pytest.raises(BadInputError, match="no mated pair is left"):
            self.compared(small)


class InMemory:
    """An engine whose features are one number, for pairs without pictures; counts what it is asked."""

    direction = "similarity"

    def scores(self, probe: bytes, references: np.ndarray) -> np.ndarray:
        return references[:, 0] + np.frombuffer(probe, "<f4")[0] * 1000

    def compare_one(self, probe: bytes, reference: bytes) -> float:
        return 0.0


PARTS = st.sampled_from(list(Part))
OUTCOMES = st.sampled_from(["", "", "", "enrol", "acquire"])


@given(st.lists(st.tuples(st.integers(1, 4), PARTS, OUTCOMES), min_size=2, max_size=14))
@settings(deadline=None)
def test_any_mixture_of_roles_and_failures_is_compared_as_a_double_loop_would(rows) -> None:
    """Every unordered pair of which one can be the probe and the other the reference, once, with its own score."""
    acquired = []
    for n, (subject, part, outcome) in enumerate(rows):
        image = ManifestImage(n, f"{n}", f"{subject}", part, "", None, None, f"{n:064}", {"series": ""})
        code = "no-face" if outcome else ""
        features = b"" if outcome == "acquire" else np.array([n], "<f4").tobytes()
        sample = Sample(features, code if outcome == "acquire" else "", code, "", {}, 1, 1)
        acquired.append(Acquired(image, sample, 0.1))

    def may(a: Acquired, b: Acquired) -> bool:
        probe = a.image.part.is_probe and not a.sample.not_acquired
        return probe and b.image.part.is_reference and not b.sample.not_enrolled

    wanted = {
        frozenset((a.image.row, b.image.row)) for a in acquired for b in acquired if a is not b and may(a, b)
    }
    kinds = {len({rows[i][0] for i in pair}) == 1 for pair in wanted}
    try:
        compared = compare_all(acquired, InMemory(), groupings=TOLD, progress=lambda n: None)
    except BadInputError:
        assert kinds != {True, False}
        return
    found = list(zip(compared.probe.tolist(), compared.reference.tolist(), strict=True))

    assert len(found) == len(wanted) and {frozenset(pair) for pair in found} == wanted
    assert all(may(acquired[p], acquired[r]) for p, r in found)
    assert compared.comparisons.scores.tolist() == [r + 1000 * p for p, r in found]
    assert compared.comparisons.mated.tolist() == [rows[p][0] == rows[r][0] for p, r in found]


class TestEngines:
    def test_an_engine_that_is_not_there_says_so(self, tmp_path):
        with pytest.raises(EngineLoadError, match=r"model\.toml"):
            under_test({"engine": str(tmp_path)})

    def test_the_embedded_engine_is_known_by_its_recogniser(self):
        tested = under_test({})

        assert tested.model_sha256 == RECOGNISER.sha256
        assert (tested.direction, tested.template_bytes) == ("dissimilarity", 512)
        assert set(tested.floors) == {"probe", "reference"}


class TestCounted:
    def test_counts_and_card(self, small):
        for n, row in enumerate(small.rows):
            row |= {"captured": f"2025-01-{1 + 10 * (n % 2):02d}", "session": str(n % 2), "quality": str(n)}
        small.add("text.png", "1", "probe", b"no picture")
        small.write()
        acquired = small.acquired()
        counts = counted(acquired, compare_all(acquired, toy(), groupings=TOLD, progress=lambda n: None))

        assert [counts[k] for k in ("people", "images", "probes", "references", "sessions")] == [
            2,
            5,
            3,
            2,
            4,
        ]
        assert counts["time_lapse_days"] == {"median": 10, "q1": 10, "q3": 10, "pairs": 2}
        assert counts["mated_in_one_session"] == 0
        assert counts["image_size"]["width"] == {"min": 160, "q1": 160, "median": 160, "q3": 160, "max": 160}
        assert sum(counts["quality"]["sharpness"]["counts"]) == 4
        assert sum(counts["quality"]["stated-in-manifest"]["counts"]) == 4
        card = card_from(counts)
        assert (
            card["people"] == 2
            and card["consent"] == "not stated"
            and card["image_size"].startswith("160 to")
        )
        json.dumps(counts, allow_nan=False)

    def test_the_quality_is_the_manifests_own_or_sharpness(self, small):
        """One of them for all images: two scales are never mixed."""
        for n, row in enumerate(small.rows):
            row["quality"] = str(n)
        small.add("text.png", "1", "probe", b"no picture", quality="9")
        small.write()
        name, values = quality_of_images(small.acquired())
        assert name == "stated-in-manifest" and values[:4].tolist() == [0, 1, 2, 3] and np.isnan(values[4])

        small.rows[0]["quality"] = ""
        small.write()
        name, values = quality_of_images(small.acquired())
        assert name == "sharpness" and (values[:4] > 4).all() and np.isnan(values[4])

    def test_what_nobody_told_is_null(self, small):
        acquired = small.acquired()
        counts = counted(acquired, compare_all(acquired, toy(), groupings=TOLD, progress=lambda n: None))

        assert counts["sessions"] is counts["time_lapse_days"] is counts["mated_in_one_session"] is None
        assert card_from(counts)["time_lapse_days"] is None
