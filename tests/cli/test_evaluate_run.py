"""`counterseal evaluate run` and `demo`: a whole test from the command line, and every wrong order of its steps."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from calling import Ran, Run, run_plain

from counterseal.cli.demo import synthetic_test
from counterseal.cli.demo.synthetic_people import blurred_still, people
from counterseal.cli.demo.synthetic_test import Series
from counterseal.connectors.under_test import under_test

WRITTEN = {
    "plan.json", "corpus.json", "run.json", "scores.parquet", "failures.csv", "counted.json", "times.json",
    "result.json", "verdict.json", "result.csv", "report.html", "public.html", "sha256.txt",
}  # fmt: skip


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people, a reference and a probe each, and one blurred still; manifest.csv lies beside the folder."""
    folder = tmp_path_factory.mktemp("set") / "images"
    folder.mkdir()
    rows = [("image", "subject", "role", "series")]
    for person in people(6):
        for n, role in enumerate(("reference", "probe")):
            name = f"{person.number}-{n}.jpg"
            (folder / name).write_bytes(person.photograph(n))
            rows.append((name, str(person.number), role, "odd" if person.number % 2 else "even"))
    (folder / "blurred.jpg").write_bytes(blurred_still(people(1)[0]))
    rows.append(("blurred.jpg", "1", "probe", "odd"))
    with (folder.parent / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def plan_text(*, service: str = "demonstration", version: str = "1", most: int = 90, **changes: str) -> str:
    tested = under_test({})
    said = {"engine_id": tested.engine_id, "model_sha256": tested.model_sha256} | changes
    corpus = f'corpus = "{said["corpus"]}"\n' if "corpus" in said else ""
    searches = said.get("mode") == "identification"
    return f'''
title = "A small test"
kind = "direct"
mode = "{said.get("mode", "two-photographs")}"
{corpus}{"list_length = 3" if searches else ""}
{"database_size = 6" if searches else ""}
use_case = "a test of the command"
who_may_rely = "nobody"
tester = "the tests"
independence = "none"
standard = "measures after ISO/IEC 19795-1"
fmr_targets = [0.2, 0.1, 0.05]
operating_fmr = 0.1
non_mated_rule = "all"
confidence = 0.95
bootstrap = 50
seed = 1
smallest_group = {{ subjects = 2 }}

[system]
service = "{service}"
version = "{version}"
engine_id = "{said["engine_id"]}"
model_sha256 = "{said["model_sha256"]}"

[[groupings]]
name = "series"
how = "synthetic"
labels = ["odd", "even"]

[[goals]]
id = "missed"
says = "In each series few are missed"
measure = "fnmr"
at_fmr = 0.1
scope = "each-group"
grouping = "series"
limit = {{ at_most = {most}, unit = "percent" }}
{SEEN if searches else ""}
'''


SEEN = """
[[goals]]
id = "seen"
says = "In few searches the person is not on the list"
measure = "miss-rate"
scope = "overall"
limit = { at_most = 90, unit = "percent" }
"""


def unsealed(folder: Path, **changes: str) -> Path:
    """A folder with a plan that nobody sealed."""
    from counterseal.evaluation.protocol import Plan
    from counterseal.gateway.testing.folder import PLAN, write_json

    folder.mkdir()
    write_json(folder / PLAN, Plan.from_toml(plan_text(**changes)).as_json())
    return folder


def over(images: Path, folder: Path, *words: object) -> Ran:
    manifest = images.parent / "manifest.csv"
    return run_plain(
        "evaluate", "run", folder, "--images", images, "--manifest", manifest, "--no-pdf", "--json", *words
    )


def says(ran: Ran) -> str:
    assert ran.code == 2, ran.out
    return str(ran.json["error"]["says"])


@pytest.fixture(scope="session")
def done(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a test that ran, to be copied."""
    folder = unsealed(tmp_path_factory.mktemp("done") / "test")
    assert over(images, folder).code == 0
    return folder


@pytest.fixture
def finished(done: Path, tmp_path: Path) -> Path:
    """A copy of it for this test alone."""
    return Path(shutil.copytree(done, tmp_path / "finished"))


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


class TestRun:
    def test_a_whole_test(self, images: Path, tmp_path: Path) -> None:
        folder = unsealed(tmp_path / "test")
        ran = over(images, folder)

        assert ran.code == 0, ran.out
        assert {f.name for f in folder.iterdir()} == WRITTEN
        assert (ran.json["overall"], ran.json["images"], ran.json["people"]) == ("pass", 13, 6)
        assert (ran.json["n_mated"], ran.json["n_non_mated"]) == (6, 30)
        assert ran.json["not_acquired"] == {"too-blurred": 1}
        result = json.loads((folder / "result.json").read_text())
        assert result["failures"]["to_acquire"]["errors"] == 1
        assert result["failures"]["to_acquire"]["trials"] == 7
        assert result["failures"]["to_enrol"]["trials"] == 6
        assert result["quality"]["pairs"] == result["n_mated"]
        assert [i["role"] for i in result["inputs"]] == ["scores", "manifest", "failures"]
        assert result["inputs"][0]["sha256"] == digest(folder / "scores.parquet")
        for line in (folder / "sha256.txt").read_text().splitlines():
            said, name = line.split("  ")
            assert name == "manifest.csv" or said == digest(folder / name)

    def test_measured_again_it_gives_the_same_bytes(self, finished: Path) -> None:
        before = {name: digest(finished / name) for name in WRITTEN}
        for name in ("result.json", "result.csv", "report.html"):
            (finished / name).unlink()
        ran = run_plain("evaluate", "run", finished, "--no-pdf", "--json")

        assert ran.code == 0, ran.out
        assert {name: digest(finished / name) for name in WRITTEN} == before

    def test_run_again_over_the_same_images_it_gives_the_same_result(
        self, images: Path, finished: Path
    ) -> None:
        before = digest(finished / "result.json"), digest(finished / "scores.parquet")
        assert over(images, finished).code == 0

        assert (digest(finished / "result.json"), digest(finished / "scores.parquet")) == before

    def test_a_reader_is_told_goal_by_goal(self, finished: Path) -> None:
        ran = run_plain("evaluate", "run", finished, "--no-pdf")

        assert "The test is passed." in ran.out
        assert "missed" in ran.out and "0/3 = 0" in ran.out
        assert "report.html" in ran.out


class TestSearches:
    def test_every_probe_is_a_search_of_all_references(self, images: Path, tmp_path: Path) -> None:
        """N references, R of the plan; a mate that every search finds is missed by none."""
        folder = unsealed(tmp_path / "test", mode="identification")
        ran = over(images, folder)

        assert ran.code == 0, ran.out
        found = json.loads((folder / "result.json").read_text())["identification"]
        assert (found["database_size"], found["list_length"], found["searches_mated"]) == (6, 3, 6)
        assert [g["verdict"] for g in ran.json["goals"]] == ["pass", "pass"]


class TestScores:
    def test_scores_made_elsewhere_are_kept_and_measured(self, finished: Path, tmp_path: Path) -> None:
        folder = unsealed(tmp_path / "test")
        file = tmp_path / "theirs.csv"
        rows = ["probe_subject,reference_subject,probe_series,reference_series,mated,score"]
        for a in range(1, 7):
            for b in range(1, 7):
                series = [("even", "odd")[n % 2] for n in (a, b)]
                rows.append(
                    f"{a},{b},{series[0]},{series[1]},{int(a == b)},{0.9 if a == b else 0.1 + a / 100}"
                )
        file.write_text("\n".join(rows) + "\n")
        ran = run_plain(
            "evaluate",
            "run",
            folder,
            "--scores",
            file,
            "--format",
            "pairs",
            "--similarity",
            "--no-pdf",
            "--json",
        )

        assert ran.code == 0, ran.out
        assert (ran.json["n_mated"], ran.json["n_non_mated"]) == (6, 30)
        assert digest(folder / "theirs.csv") == digest(file)
        before = digest(folder / "result.json")
        assert run_plain("evaluate", "run", folder, "--no-pdf").code == 0
        assert digest(folder / "result.json") == before
        (folder / "theirs.csv").write_text("score\n1\n")
        assert "is not the file that the run began with" in says(
            run_plain("evaluate", "run", folder, "--json")
        )

    @pytest.mark.parametrize(
        ("words", "wrong"),
        [
            (["--scores", "none.csv", "--format", "pairs"], "there is no file `none.csv`"),
            (["--scores", "none.csv"], "give --images with --manifest, or --scores with --format"),
            (["--images", "x"], "give --images with --manifest"),
            (["--scores", "a", "--format", "pairs", "--images", "b"], "give --images with --manifest"),
        ],
    )
    def test_half_an_order_is_refused(self, tmp_path: Path, words: list[str], wrong: str) -> None:
        assert wrong in says(run_plain("evaluate", "run", unsealed(tmp_path / "test"), "--json", *words))

    def test_a_name_that_means_something_here_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "result.json").write_text("score")
        words = ("--scores", tmp_path / "result.json", "--format", "pairs", "--similarity", "--json")

        assert "cannot be kept in a test's folder" in says(
            run_plain("evaluate", "run", unsealed(tmp_path / "test"), *words)
        )


class TestWrongOrder:
    def test_no_plan(self, images: Path, tmp_path: Path) -> None:
        (tmp_path / "test").mkdir()

        assert "a test begins with a plan" in says(over(images, tmp_path / "test"))
        assert "is no folder" in says(over(images, tmp_path / "nowhere"))

    def test_no_run(self, tmp_path: Path) -> None:
        folder = unsealed(tmp_path / "test")

        assert "run the test first" in says(run_plain("evaluate", "run", folder, "--json"))

    def test_a_plan_of_another_engine_or_model(self, images: Path, tmp_path: Path) -> None:
        assert "the plan is for the engine `other:1`" in says(
            over(images, unsealed(tmp_path / "a", engine_id="other:1"))
        )
        assert "the plan is for the model" in says(
            over(images, unsealed(tmp_path / "b", model_sha256="0" * 64))
        )

    def test_a_plan_changed_after_the_run(self, images: Path, finished: Path, tmp_path: Path) -> None:
        shutil.copy(unsealed(tmp_path / "other", most=1) / "plan.json", finished / "plan.json")

        assert "was of another plan" in says(run_plain("evaluate", "run", finished, "--json"))
        assert "had another plan" in says(over(images, finished))

    def test_the_folder_of_another_test(self, images: Path, finished: Path, tmp_path: Path) -> None:
        manifest = tmp_path / "manifest.csv"
        manifest.write_text((images.parent / "manifest.csv").read_text() + "\n")
        ran = run_plain("evaluate", "run", finished, "--images", images, "--manifest", manifest, "--json")

        assert "had another manifest" in says(ran) and "a folder is for one test" in says(ran)

    def test_a_half_finished_run(self, finished: Path) -> None:
        begun = json.loads((finished / "run.json").read_text())
        del begun["wrote"]
        (finished / "run.json").write_text(json.dumps(begun))

        assert "did not end: start it again with the same images" in says(
            run_plain("evaluate", "run", finished, "--json")
        )

    def test_another_card_than_the_plan_names(self, images: Path, tmp_path: Path) -> None:
        folder = unsealed(tmp_path / "test", corpus="a" * 64)
        assert "the plan names a corpus card" in says(over(images, folder))

        (folder / "corpus.json").write_text("{}")
        assert "is not the card that the plan was frozen with" in says(over(images, folder))

    def test_an_image_is_no_probe_of_a_database_that_holds_it(self, images: Path, tmp_path: Path) -> None:
        folder = unsealed(tmp_path / "test", mode="identification")
        text = (images.parent / "manifest.csv").read_text().replace(",reference,", ",both,", 1)
        (tmp_path / "manifest.csv").write_text(text)
        ran = run_plain("evaluate", "run", folder, "--images", images, "--manifest",
                        tmp_path / "manifest.csv", "--json")  # fmt: skip

        assert "row 2: the role `both` is not for a test of identification" in says(ran)

    def test_another_corpus_than_the_cards(self, images: Path, tmp_path: Path) -> None:
        folder = unsealed(tmp_path / "test")
        card = {"people": 7, "images": 13}
        (folder / "corpus.json").write_text(json.dumps(card))

        assert "corpus.json says 7 people, and the manifest has 6" in says(over(images, folder))

    @pytest.mark.parametrize("name", ["scores.parquet", "failures.csv", "counted.json"])
    def test_what_was_changed_after_the_run_is_not_measured(self, finished: Path, name: str) -> None:
        data = bytearray((finished / name).read_bytes())
        data[len(data) // 2] ^= 0x01
        (finished / name).write_bytes(bytes(data))
        assert f"{name}` is not what the run wrote" in says(run_plain("evaluate", "run", finished, "--json"))

        (finished / name).unlink()
        assert f"{name}` is not what the run wrote" in says(run_plain("evaluate", "run", finished, "--json"))


class TestSealed:
    """With an installation: the plan is sealed before, the verdict after, and the service goes by it."""

    @pytest.fixture
    def service(self, run: Run) -> dict[str, str]:
        listed = run("service", "list", "--json").json["services"]
        found = next(s for s in listed if s["connector"] == "embedded")
        return {"service": found["id"], "version": found["version"]}

    def sealed(self, run: Run, folder: Path, service: dict[str, str], **changes: int) -> Path:
        folder.mkdir()
        (folder / "plan.toml").write_text(plan_text(**service, **changes))
        ran = run("evaluate", "plan", folder / "plan.toml", "--service", service["service"], "--json")
        assert ran.code == 0, ran.out
        return folder

    def conclude(self, run: Run, images: Path, folder: Path, service: dict[str, str], *words: object) -> Ran:
        manifest = images.parent / "manifest.csv"
        return run("evaluate", "run", folder, "--images", images, "--manifest", manifest, "--no-pdf",
                   "--json", "--service", service["service"], *words)  # fmt: skip

    def test_a_verdict_is_sealed_with_its_report(
        self, run: Run, images: Path, service: dict[str, str], tmp_path: Path
    ) -> None:
        folder = self.sealed(run, tmp_path / "test", service, most=1)
        ran = self.conclude(run, images, folder, service)

        assert ran.code == 0, ran.out
        assert ran.json["overall"] == "not shown"
        assert ran.json["recorded"]["outcome"] == "not-shown"
        assert ran.json["recorded"]["report_sha256"] == digest(folder / "report.html")
        again = self.conclude(run, images, folder, service)
        assert "was concluded already" in says(again)
        assert run("fsck").code == 0

    def test_a_plan_that_nobody_sealed(
        self, run: Run, images: Path, service: dict[str, str], tmp_path: Path
    ) -> None:
        folder = unsealed(tmp_path / "test", **service)
        ran = self.conclude(run, images, folder, service)

        assert "was never sealed for this service" in says(ran)
        assert not (folder / "run.json").exists(), "nothing was run"

    def test_a_plan_for_another_version_or_service(
        self, run: Run, images: Path, service: dict[str, str], tmp_path: Path
    ) -> None:
        folder = self.sealed(run, tmp_path / "test", service)
        assert run("service", "version", service["service"], "2").code == 0
        assert "the plan is for the version" in says(self.conclude(run, images, folder, service))
        other = unsealed(tmp_path / "other", version="2")
        assert "the plan is for the service `demonstration`" in says(
            self.conclude(run, images, other, service)
        )

    def test_scores_from_elsewhere_say_when_they_began(
        self, run: Run, service: dict[str, str], finished: Path, tmp_path: Path
    ) -> None:
        folder = self.sealed(run, tmp_path / "test", service)
        shutil.copy(finished / "scores.parquet", tmp_path / "theirs.parquet")
        ran = run("evaluate", "run", folder, "--scores", tmp_path / "theirs.parquet", "--format", "parquet",
                  "--distance", "--json", "--service", service["service"])  # fmt: skip

        assert "say when whoever made the scores began" in says(ran)


@pytest.fixture
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration with a handful of people: the whole one takes half a minute."""
    series = (Series("wide", 3, 1.0, 1.0), Series("narrow", 3, 0.55, 0.6), Series("few", 1, 1.0, 1.0))
    people = sum(s.people for s in series)
    images = people * (1 + synthetic_test.PROBES) + 3
    plan = synthetic_test.plan_text
    corpus = synthetic_test.CORPUS
    for was, now in ((synthetic_test.PEOPLE, people), (synthetic_test.IMAGES, images)):
        corpus = corpus.replace(f"= {was}\n", f"= {now}\n")
    monkeypatch.setattr(synthetic_test, "SERIES", series)
    monkeypatch.setattr(synthetic_test, "PEOPLE", people)
    monkeypatch.setattr(synthetic_test, "IMAGES", images)
    monkeypatch.setattr(synthetic_test, "CORPUS", corpus)
    monkeypatch.setattr(
        synthetic_test,
        "plan_text",
        lambda **said: (
            plan(**said)
            .replace("subjects = 20", "subjects = 1")
            .replace("= 1000", "= 50")
            .replace("list_length = 10", "list_length = 5")
        ),
    )


@pytest.mark.usefixtures("fewer")
class TestDemo:
    def test_a_newcomer_sees_a_whole_test(self, tmp_path: Path) -> None:
        ran = run_plain("evaluate", "demo", tmp_path / "demo", "--no-pdf", "--json")

        assert ran.code == 0, ran.out
        assert ran.json["images"] == 24 and ran.json["not_acquired"]["unsupported-type"] == 1
        assert len(ran.json["goals"]) == 5
        assert {"images", "manifest.csv", "plan.toml", "corpus.toml"} | WRITTEN == {
            f.name for f in (tmp_path / "demo").iterdir()
        }
        before = digest(tmp_path / "demo/result.json")
        assert run_plain("evaluate", "run", tmp_path / "demo", "--no-pdf").code == 0
        assert digest(tmp_path / "demo/result.json") == before

    def test_a_folder_with_anything_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo/mine").touch()

        assert "is not empty" in says(run_plain("evaluate", "demo", tmp_path / "demo", "--json"))

    def test_in_an_evaluation_it_switches_the_service_off(
        self, run: Run, photo: Path, tmp_path: Path
    ) -> None:
        """D-026-11/testing: from the command line, plan to refusal."""
        ran = run("evaluate", "demo", tmp_path / "demo", "--service", "", "--no-pdf", "--json")

        assert ran.code == 0, ran.out
        assert ran.json["recorded"]["outcome"] in ("failed", "not-shown")
        refused = run("search", "new", "--photo", photo, "--json")
        assert refused.code == 1
        assert "D-026-11/testing" in refused.json["clauses"]
        assert ran.json["recorded"]["report_sha256"] in json.dumps(refused.json["unmet"])
