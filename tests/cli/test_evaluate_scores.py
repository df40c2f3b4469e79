"""`counterseal evaluate SCORES`: any format, in words or as the document; needs no installation."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Ran, run_plain

from counterseal.evaluation.comparisons import Comparisons, Direction
from counterseal.evaluation.reading import write_parquet

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "scores"
PEOPLE = 40


@pytest.fixture(scope="module")
def table() -> np.ndarray[Any, Any]:
    """Forty synthetic people, everybody's probe against everybody's reference, with few digits and so with ties."""
    rng = np.random.default_rng(2)
    return np.round(rng.normal(0, 1, (PEOPLE, PEOPLE)) + 4 * np.eye(PEOPLE), 2)


@pytest.fixture(scope="module")
def files(table: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[str]]]:
    """The same scores in every format: name -> file and what else must be told."""
    folder = tmp_path_factory.mktemp("scores")
    names = [f"s{n:02}" for n in range(PEOPLE)]
    cells = [(p, r, float(table[i, j])) for i, p in enumerate(names) for j, r in enumerate(names)]

    def written(name: str, lines: list[str]) -> Path:
        path = folder / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    head = ",".join(["", *names])
    matrix = [head] + [",".join([p, *map(str, table[i].tolist())]) for i, p in enumerate(names)]
    pairs = ["probe_subject,reference_subject,score"] + [f"{p},{r},{s}" for p, r, s in cells]
    bob4 = [f"{r} {p} probe-{p} {s}" for p, r, s in cells]
    bob5 = [f"{r} model-{r} {p} probe-{p} {s}" for p, r, s in cells]
    columns = [f"{1 if p == r else -1} {s}" for p, r, s in cells]
    probe, reference = (side.ravel().astype(np.int32) for side in np.mgrid[0:PEOPLE, 0:PEOPLE])
    write_parquet(
        Comparisons(table.ravel(), probe == reference, Direction.SIMILARITY, tuple(names), probe, reference),
        folder / "scores.parquet",
    )
    return {
        "matrix": (written("matrix.csv", matrix), ["--similarity"]),
        "pairs": (written("pairs.csv", pairs), ["--similarity"]),
        "bob4": (written("bob4.txt", bob4), ["--similarity"]),
        "bob5": (written("bob5.txt", bob5), ["--similarity"]),
        "columns": (written("columns.txt", columns), ["--similarity"]),
        "parquet": (folder / "scores.parquet", []),
    }


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("groups") / "groups.csv"
    rows = [f"s{n:02},{'ab'[n % 2]},{'young' if n < 35 else 'old'}" for n in range(PEOPLE)]
    path.write_text("\n".join(["subject,side,age", "#how,document,self-declared", *rows]) + "\n", "utf-8")
    return path


def measured(*words: object) -> dict[str, Any]:
    ran = run_plain("evaluate", *words, "--json")
    assert ran.code == 0, ran.out
    return ran.json


def refused(*words: object) -> str:
    ran = run_plain("evaluate", *words, "--json")
    assert ran.code == 2, ran.out
    says = ran.json["error"]["says"]
    assert isinstance(says, str)
    return says


class TestFormats:
    @pytest.mark.parametrize("form", ["matrix", "pairs", "bob4", "bob5", "columns", "parquet"])
    def test_the_same_scores_measure_alike_in_every_format(self, files, table, form):
        path, told = files[form]
        found = measured(path, "--format", form, *told, "--fmr", "1e-2")
        mated = np.eye(PEOPLE, dtype=bool)
        t = found["thresholds"][0]

        assert (found["n_mated"], found["n_non_mated"]) == (PEOPLE, PEOPLE * (PEOPLE - 1))
        assert t["fmr_count"] == int((table[~mated] >= t["threshold"]).sum()) <= 15
        assert t["fnmr_count"] == int((table[mated] < t["threshold"]).sum())
        assert found["inputs"][0]["format"] == form
        assert len(found["inputs"][0]["sha256"]) == 64
        assert (found["n_subjects"] is None) == (form == "columns")

    def test_a_distance_is_measured_as_one(self, table, tmp_path):
        path = tmp_path / "distances.csv"
        np.savetxt(path, 10 - table, delimiter=",", fmt="%.2f")
        found = measured(path, "--format", "matrix", "--distance", "--fmr", "1e-2")
        t = found["thresholds"][0]

        assert found["settings"]["direction"] == "dissimilarity"
        assert t["fmr_count"] == int(
            (np.round(10 - table, 2)[~np.eye(PEOPLE, dtype=bool)] <= t["threshold"]).sum()
        )

    def test_scores_alone(self, files):
        path, _ = files["parquet"]
        alone, whole = (measured(path, "--format", "parquet", *more) for more in (["--scores-only"], []))

        assert alone["n_subjects"] is None
        for key in ("eer", "auc", "det", "histogram"):
            assert alone[key] == whole[key]


class TestWords:
    def test_options_may_stand_before_the_file(self, files):
        path, _ = files["matrix"]
        options = ["--format", "matrix", "--similarity", "--fmr", "1e-2"]
        after = run_plain("evaluate", path, *options, "--json")

        assert after.code == 0
        assert run_plain("evaluate", *options, path, "--json").out == after.out
        assert run_plain("evaluate", "--json", *options, path).out == after.out
        assert run_plain("evaluate", "scores", path, *options, "--json").out == after.out

    def test_again_gives_the_same_bytes(self, files, groups):
        path, _ = files["pairs"]
        words = [
            path,
            "--format",
            "pairs",
            "--similarity",
            "--groups",
            groups,
            "--bootstrap",
            "100",
            "--json",
        ]

        assert run_plain("evaluate", *words).out == run_plain("evaluate", *words).out
        assert run_plain("evaluate", *words).out != run_plain("evaluate", *words, "--seed", "1").out

    def test_a_reader_gets_counts_first_and_every_part(self, files, groups):
        path, _ = files["matrix"]
        ran = run_plain(
            "evaluate", path, "--format", "matrix", "--similarity", "--fmr", "0.1", "--groups", groups,
            "--bootstrap", "100", "--smallest-group", "10", "--failures", "3/120", "--threshold", "2.5",
            "--cross", "side,age", "--margin", "fnmr=0.2", "--list-length", "5",
        )  # fmt: skip

        assert ran.code == 0, ran.err
        assert ran.out.startswith("40 mated and 1,560 non-mated comparisons; 40 people\n")
        for part in (
            "thresholds", "stated", "FRR", "equal error rate", "groups by side (document; non-mated: within-group)",
            "old: not evaluated, too few people: 5 of at least 10", "differences by side x age", "max/min",
            "failures to acquire: 3/120", "searches of 40 references", "lists of 5", "calibration", "mind",
        ):  # fmt: skip
            assert part in ran.out, part
        assert "measuring 1,600 comparisons, 100 replicates" in ran.err

    def test_what_a_file_says_cannot_drive_a_terminal(self, tmp_path, table):
        path = tmp_path / "pairs.csv"
        rows = [f"s{i},s{j},{table[i, j]}" for i in range(PEOPLE) for j in range(PEOPLE)]
        path.write_text("probe_subject,reference_subject,score\n" + "\n".join(rows), "utf-8")
        groups = tmp_path / "groups.csv"
        labels = [f"s{n},{chr(27)}[31m{'ab'[n % 2]}" for n in range(PEOPLE)]
        groups.write_text("subject,side\n" + "\n".join(labels), "utf-8")
        words = [path, "--format", "pairs", "--similarity", "--fmr", "0.1", "--groups", groups]
        ran = run_plain("evaluate", *words)

        assert "\x1b" not in ran.out + ran.err

    def test_it_needs_no_installation_and_no_database(self, files):
        """In a process of its own: nothing of the shell is loaded to measure a file."""
        path, _ = files["matrix"]
        program = (
            "import sys; from counterseal.cli.main import cli\n"
            "try: cli.main(sys.argv[1:])\n"
            "finally: sys.stderr.write('django' if 'django' in sys.modules else 'without')"
        )
        words = ["evaluate", str(path), "--format", "matrix", "--similarity", "--bootstrap", "50", "--json"]
        ran = [
            subprocess.run(
                [sys.executable, "-c", program, *words],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONHASHSEED": seed},
            )
            for seed in ("1", "2")
        ]

        assert [each.stderr for each in ran] == ["without", "without"]
        assert json.loads(ran[0].stdout)["n_mated"] == PEOPLE
        assert ran[0].stdout == ran[1].stdout


class TestMore:
    def test_groups_crossed_and_equivalence(self, files, groups):
        path, _ = files["parquet"]
        found = measured(
            path, "--format", "parquet", "--fmr", "0.1", "--groups", groups, "--cross", "side,age",
            "--margin", "fmr=2x", "--smallest-group", "5", "--non-mated", "all",
        )  # fmt: skip

        assert {g["grouping"] for g in found["groups"]} == {"side", "age", "side x age"}
        assert found["settings"]["margins"] == {"fmr": {"at_most": 2.0, "unit": "ratio"}}
        assert all(
            isinstance(p["equivalent"], bool)
            for p in found["differentials"][0]["pairs"]
            if p["measure"] == "fmr"
        )
        assert [i["role"] for i in found["inputs"]] == ["scores", "groups"]

    def test_candidate_lists(self, files, tmp_path):
        lists = tmp_path / "lists.csv"
        lists.write_text(
            "search,search_subject,mate_enrolled,rank,candidate_subject,score\n"
            "1,s01,1,1,s01,5.0\n1,s01,1,2,s02,1.0\n2,x9,0,1,s03,0.5\n2,x9,0,2,s04,0.25\n",
            "utf-8",
        )
        path, _ = files["columns"]
        words = [path, "--format", "columns", "--similarity", "--fmr", "0.1", "--candidates", lists]

        assert "--database-size" in refused(*words)
        found = measured(*words, "--database-size", "40", "--list-length", "2")["identification"]
        assert (found["database_size"], found["searches_mated"], found["searches_non_mated"]) == (40, 1, 1)

    def test_attack_presentations(self, files, tmp_path):
        attacks = tmp_path / "attacks.csv"
        rows = ["species,score"] + [f",{s}" for s in range(10, 30)] + [f"print,{s}" for s in range(20)]
        attacks.write_text("\n".join(rows) + "\n", "utf-8")
        path, _ = files["columns"]
        words = [path, "--format", "columns", "--similarity", "--fmr", "0.1"]

        assert "--attack-scores" in refused(*words, "--attacks", attacks)
        assert "--attacks" in refused(*words, "--attack-threshold", "3")
        asked = ["--attacks", attacks, "--attack-scores", "bona-fide", "--attack-threshold", "15"]
        found = measured(*words, *asked)["attack_detection"]
        assert found["presentations"] == {"bona_fide": 20, "attacks": 20}
        assert found["thresholds"][0]["threshold"] == 15
        assert "attack detection: 20 bona fide" in run_plain("evaluate", *words, *asked).out

    def test_quality_beside_the_scores(self, table, tmp_path):
        path = tmp_path / "pairs.csv"
        rows = [f"s{i},s{j},{table[i, j]},{i},{j}" for i in range(PEOPLE) for j in range(PEOPLE)]
        head = "probe_subject,reference_subject,score,probe_quality,reference_quality"
        path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
        found = measured(path, "--format", "pairs", "--similarity", "--fmr", "0.1")

        assert found["quality"]["pairs"] == PEOPLE
        assert found["quality"]["discard"][0]["target_fmr"] == 0.1


class TestRefused:
    def words(self, files: Any, *more: str) -> list[object]:
        return [files["matrix"][0], "--format", "matrix", "--similarity", *more]

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            (["--fmr", "1e-4"], "1 in 1,560"),
            (["--fmr", "2"], "between 0 and 1"),
            (["--fmr", "0.1", "--fmr", "0.1"], "twice"),
            (["--confidence", "1"], "confidence"),
            (["--bootstrap", "1"], "replicates"),
            (["--failures", "5"], "failures/attempts"),
            (["--failures", "5/4"], "failures/attempts"),
            (["--failures", "0/0"], "failures/attempts"),
            (["--margin", "fmr=1"], "between 0 and 1, or a ratio"),
            (["--margin", "fmr=0.5x"], "ratio above 1"),
            (["--margin", "fpir=0.1"], "not `fpir`"),
            (["--margin", "fmr"], "NAME=VALUE"),
            (["--cross", "sex,age"], "no grouping `sex`"),
            (["--scores-only", "--bootstrap", "10"], "knows nobody"),
            (["--scores-only", "--cross", "sex,age"], "knows nobody"),
            (["--distance"], "did you mean --similarity"),
            (["--list-length", "41"], "41"),
        ],
    )
    def test_what_cannot_be_measured_is_said(self, files, more, says):
        assert says in refused(*self.words(files, *more))

    def test_the_direction_is_never_guessed(self, files):
        assert "--similarity (more alike) or --distance" in refused(files["matrix"][0], "--format", "matrix")

    def test_who_insists_is_heard(self, files):
        found = measured(*self.words(files, "--distance", "--against-direction", "--fmr", "0.1"))
        assert found["auc"] < 0.5

        found = measured(*self.words(files, "--fmr", "1e-4", "--beyond-measure"))
        assert (found["thresholds"][0]["measurable"], found["thresholds"][0]["fmr_count"]) == (False, 0)

    def test_a_file_that_is_not_there_or_of_another_format(self, files, tmp_path):
        assert "nowhere.csv" in refused(tmp_path / "nowhere.csv", "--format", "pairs", "--similarity")
        assert "matrix.csv" in refused(files["matrix"][0], "--format", "bob4", "--similarity")
        assert "'--format'" in refused(files["matrix"][0], "--similarity")

    def test_a_misspelt_command_is_no_file_of_scores(self, tmp_path, monkeypatch, files):
        assert "did you mean `report`" in refused("reprot", tmp_path)
        monkeypatch.chdir(tmp_path)
        Path("reprot").write_bytes(files["matrix"][0].read_bytes())
        assert measured("reprot", "--format", "matrix", "--similarity")["n_mated"] == PEOPLE

    def test_a_wrong_row_is_told(self, files, tmp_path):
        path = tmp_path / "pairs.csv"
        lines = files["pairs"][0].read_text("utf-8").splitlines()
        lines[7] = lines[7].rsplit(",", 1)[0] + ",nan"
        path.write_text("\n".join(lines), "utf-8")

        assert "row 8" in refused(path, "--format", "pairs", "--similarity")


def ran(*words: object) -> Ran:
    return run_plain("evaluate", *words, "--json")


BOB = "bob-bio-base/tests/data"
FILES = [
    *((f"nist-bssr1-set1/{name}.csv", "matrix", "--similarity", [], 517) for name in ("face-C", "face-G")),
    *(
        (f"nist-bssr1-set1/finger-{side}.csv", "matrix", "--similarity", [], 517)
        for side in ("left", "right")
    ),
    (f"{BOB}/dev-4col.txt", "bob4", "--similarity", [], 390),
    (f"{BOB}/dev-5col.txt", "bob5", "--similarity", [], 390),
    (f"{BOB}/scores-nonorm-dev", "bob4", "--distance", [], None),
    (f"{BOB}/scores-nonorm-fivecol-dev", "bob5", "--distance", [], None),
    (
        "pyeer/pyeer/example_files/non_hist/exp1_false.txt",
        "columns",
        "--similarity",
        ["--mated-file", DATA / "pyeer/pyeer/example_files/non_hist/exp1_true.txt"],
        2_793,
    ),
]


@pytest.mark.shared_data
@pytest.mark.skipif(not DATA.is_dir(), reason="no folder of published scores ($COUNTERSEAL_DATA)")
class TestPublishedFiles:
    @pytest.mark.parametrize(("name", "form", "direction", "more", "mated"), FILES, ids=[f[0] for f in FILES])
    def test_each_is_measured(self, name, form, direction, more, mated):
        found = measured(DATA / name, "--format", form, direction, *more, "--fmr", "1e-1")

        assert mated in (None, found["n_mated"])
        assert 0.9 < found["auc"] <= 1
        assert found["thresholds"][0]["fmr"] <= 0.1

    def test_pairs_of_another_table_by_its_own_column_names(self):
        engines = ["VGG-Face_cosine", "Facenet_euclidean", "OpenFace_cosine", "DeepFace_euclidean_l2"]
        for engine in engines:
            columns = {"probe": "file_x", "reference": "file_y", "mated": "decision", "score": engine}
            told = [word for ours, theirs in columns.items() for word in ("--column", f"{ours}={theirs}")]
            path = DATA / "deepface-pairs/face-recognition-pivot.csv"
            found = measured(path, "--format", "pairs", "--distance", *told, "--fmr", "1e-1")

            assert found["n_mated"] + found["n_non_mated"] == 280
            assert found["auc"] > 0.5
            turned = ran(path, "--format", "pairs", "--similarity", *told, "--fmr", "1e-1")
            assert "did you mean --distance" in turned.json["error"]["says"]
