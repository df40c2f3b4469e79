"""Score files by others, where the optional folder is: each is read, or refused for what it is."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.reading import read, read_comparisons, read_scores, write_parquet

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "scores"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no folder of score files ($COUNTERSEAL_DATA)"),
]

NIST, BOB, MEASURE = "nist-bssr1-set1", "bob-bio-base/tests/data", "bob-measure/tests/data"
PYEER, PAIRS = "pyeer/pyeer/example_files", "deepface-pairs/face-recognition-pivot.csv"
VULN = {
    "columns": {
        "probe_subject": "probe_subject_id",
        "reference_subject": "bio_ref_subject_id",
        "attack": "probe_attack_type",
    },
    "leave_out": ["attack presentations"],
}

# file, format, what else is told, comparisons, mated ones, people
READ: list[tuple[str, str, Mapping[str, object], int, int, int]] = [
    *((f"{NIST}/{name}.csv", "matrix", {}, 267_289, 517, 517) for name in ("face-C", "face-G")),
    *((f"{NIST}/{name}.csv", "matrix", {}, 267_289, 517, 517) for name in ("finger-left", "finger-right")),
    *((f"{BOB}/{name}-4col.txt", "bob4", {}, 910, 390, 26) for name in ("dev", "test")),
    *((f"{BOB}/{name}-5col.txt", "bob5", {}, 910, 390, 26) for name in ("dev", "test")),
    (f"{BOB}/dev-4col.tar.gz", "bob4", {}, 910, 390, 26),
    (f"{BOB}/dev-5col.tar.gz", "bob5", {}, 910, 390, 26),
    (f"{BOB}/scores-cmc-4col.txt", "bob4", {}, 2000, 100, 20),
    (f"{BOB}/scores-cmc-5col.txt", "bob5", {}, 2000, 100, 20),
    *(
        (f"{BOB}/scores-cmc-4col-open-set{end}.txt", "bob4", {}, 27, 7, 5)
        for end in ("", "-one-error", "-two-errors")
    ),
    *(
        (f"{BOB}/scores-{name}-dev", "bob4", {}, 2000, 100, 20)
        for name in ("nonorm", "nonorm-calibrated", "ztnorm", "ztnorm-calibrated")
    ),
    *((f"{BOB}/scores-{name}-fivecol-dev", "bob5", {}, 2000, 100, 20) for name in ("nonorm", "ztnorm")),
    *((f"{BOB}/scores-{name}-fileset-dev", "bob4", {}, 400, 20, 20) for name in ("nonorm", "ztnorm")),
    (f"{BOB}/scores-nonorm-openset-dev", "bob4", {}, 1000, 50, 20),
    (f"{BOB}/scores.mtx", "matrix", {"mated_file": f"{BOB}/scores.mask"}, 2000, 100, 0),
    *(
        (f"{BOB}/vuln/scores-{name}.csv", "pairs", VULN, 10_000, 5000, 2)
        for name in ("dev", "dev-med", "eval", "eval-med")
    ),
    (f"{MEASURE}/dev-1.txt", "columns", {"failure_words": ["nan"]}, 1000, 479, 0),
    (f"{MEASURE}/dev-2.txt", "columns", {"failure_words": ["nan"]}, 1000, 469, 0),
    (f"{MEASURE}/test-1.txt", "columns", {"failure_words": ["nan"]}, 1000, 498, 0),
    (f"{MEASURE}/test-2.txt", "columns", {"failure_words": ["nan"]}, 1000, 495, 0),
    *(
        (
            f"{PYEER}/non_hist/exp{i}_false.txt",
            "columns",
            {"mated_file": f"{PYEER}/non_hist/exp{i}_true.txt"},
            non_mated + mated,
            mated,
            0,
        )
        for i, non_mated, mated in ((1, 4950, 2793), (2, 3619, 180), (3, 66_633, 2786))
    ),
    *(
        (
            f"{PYEER}/cmc/exp{i}_scores.txt",
            "pairs",
            {"mated_file": f"{PYEER}/cmc/exp{i}_tp.txt"},
            21_845,
            85,
            0,
        )
        for i in (1, 2)
    ),
]


def told(more: Mapping[str, object]) -> dict[str, object]:
    """What is told about a file, with whole paths."""
    return {k: DATA / str(v) if k == "mated_file" else v for k, v in more.items()}


@pytest.mark.parametrize(
    ("name", "format_", "more", "rows", "mated", "people"), READ, ids=[r[0] for r in READ]
)
def test_is_read_whole(
    tmp_path: Path, name: str, format_: str, more: Mapping[str, object], rows: int, mated: int, people: int
) -> None:
    """And comes out of a Parquet file of ours as it was."""
    c = read_comparisons(DATA / name, format=format_, direction="similarity", **told(more))  # type: ignore[arg-type]
    write_parquet(c, tmp_path / "ours.parquet")
    k = read_comparisons(tmp_path / "ours.parquet", format="parquet", direction=None)

    assert (len(c), int(c.mated.sum()), len(c.subjects)) == (rows, mated, people)
    assert np.array_equal(k.scores, c.scores)
    assert np.array_equal(k.mated, c.mated)
    assert k.subjects == c.subjects


@pytest.mark.parametrize("name", ["face-C", "face-G", "finger-left", "finger-right"])
def test_in_every_format(tmp_path: Path, name: str) -> None:
    """The same comparisons of 150 people with all, written as pairs, as bob's files, as columns and as Parquet."""
    c = read_comparisons(DATA / NIST / f"{name}.csv", format="matrix", direction="similarity")
    assert c.probe_subject is not None
    assert c.reference_subject is not None
    n = 150 * 517
    scores, mated, people = c.scores[:n], c.mated[:n], np.array(c.subjects)
    probe, reference = people[c.probe_subject[:n]], people[c.reference_subject[:n]]
    told = list(zip(probe, reference, mated.astype(int), map(repr, scores.tolist()), strict=True))
    texts = {
        "pairs": [
            "probe_subject;reference_subject;mated;score",
            *(f"{p};{r};{m};{s}" for p, r, m, s in told),
        ],
        "bob4": [f"{r} {p} x {s}" for p, r, _, s in told],
        "bob5": [f"{r} {r} {p} {p} {s}" for p, r, _, s in told],
        "columns": [f"{m}\t{s}" for _, _, m, s in told],
    }
    for form, lines in texts.items():
        (tmp_path / form).write_text("\n".join(lines))
    part = replace(
        c,
        scores=scores,
        mated=mated,
        probe_subject=c.probe_subject[:n],
        reference_subject=c.reference_subject[:n],
    )
    write_parquet(part, tmp_path / "parquet")

    for form in (*texts, "parquet"):
        k = read_comparisons(tmp_path / form, format=form, direction="similarity")

        assert np.array_equal(k.scores, scores)
        assert np.array_equal(k.mated, mated)
        if form != "columns":
            assert k.subjects == c.subjects
            assert np.array_equal(k.probe_subject, part.probe_subject)  # type: ignore[arg-type]
            assert np.array_equal(k.reference_subject, part.reference_subject)  # type: ignore[arg-type]


SCORES_OF_PAIRS = [
    f"{engine}_{measure}"
    for engine, measures in {
        "VGG-Face": ("cosine", "euclidean", "euclidean_l2"),
        "Facenet": ("cosine", "euclidean", "euclidean_l2"),
        "OpenFace": ("cosine", "euclidean_l2"),
        "DeepFace": ("cosine", "euclidean", "euclidean_l2"),
    }.items()
    for measure in measures
]


@pytest.mark.parametrize("score", SCORES_OF_PAIRS)
def test_every_engine_of_one_table(score: str) -> None:
    """280 pairs, 11 columns of distances; mated pairs are nearer."""
    reading = read(
        DATA / PAIRS,
        format="pairs",
        direction="dissimilarity",
        columns={"probe": "file_x", "reference": "file_y", "mated": "decision", "score": score},
    )

    c = reading.comparisons
    assert (len(c), int(c.mated.sum()), len(reading.unused)) == (280, 140, 10)
    assert np.median(c.scores[c.mated]) > np.median(c.scores[~c.mated])


def test_failures_are_those_that_were_published() -> None:
    """bob.measure prints 31 of 495 and 28 of 451 at its threshold; the rest of 1,000 failed."""
    c = read_comparisons(
        DATA / MEASURE / "dev-1.txt", format="columns", direction="similarity", failure_words=["nan"]
    )
    there = np.isfinite(c.scores)

    assert c.failures == {"nan": 54}
    assert (int((there & ~c.mated).sum()), int((there & c.mated).sum())) == (495, 451)
    threshold = -8.025286e-03
    assert int((c.scores[there & ~c.mated] >= threshold).sum()) == 31
    assert int((c.scores[there & c.mated] < threshold).sum()) == 28


def test_attack_presentations_are_counted_apart() -> None:
    reading = read(DATA / BOB / "vuln/scores-dev.csv", format="pairs", direction="similarity", **VULN)  # type: ignore[arg-type]

    assert (reading.rows, reading.left_out) == (15_000, {"attack presentations": 5000})
    with pytest.raises(EvaluationInputError, match="this is an attack presentation"):
        read_comparisons(
            DATA / BOB / "vuln/scores-dev.csv",
            format="pairs",
            direction="similarity",
            columns=VULN["columns"],  # type: ignore[arg-type]
        )


def test_a_histogram_holds_the_scores_of_the_list(tmp_path: Path) -> None:
    """One example is given both as counts (its non-mated scores) and as scores."""
    each = np.loadtxt(DATA / PYEER / "hist/exp1_true.txt", dtype=int)
    (tmp_path / "mated.txt").write_text("\n".join(map(str, np.bincount(each))))

    counted = read_scores(
        DATA / PYEER / "hist/exp1_false.txt",
        format="histogram",
        direction="similarity",
        mated_file=tmp_path / "mated.txt",
    )
    listed = read_scores(
        DATA / PYEER / "non_hist/exp3_false.txt",
        format="columns",
        direction="similarity",
        mated_file=DATA / PYEER / "non_hist/exp3_true.txt",
    )

    assert np.array_equal(counted.mated, listed.mated)
    assert np.array_equal(counted.non_mated, listed.non_mated)


@pytest.mark.parametrize(
    ("mated", "non_mated", "sizes"),
    [
        ("linsep-positives.hdf5:array", "linsep-negatives.hdf5:array", (50, 50)),
        ("nonsep-positives.hdf5:array", "nonsep-negatives.hdf5:array", (50, 50)),
        ("two-cols.hdf5:positives", "two-cols.hdf5:negatives", (479, 521)),
    ],
)
def test_arrays_of_hdf5_as_text(tmp_path: Path, mated: str, non_mated: str, sizes: tuple[int, int]) -> None:
    """The file itself is refused with the remedy; what the remedy says is then read, to the last digit."""
    arrays = []
    for name in (mated, non_mated):
        file, key = name.split(":")
        with pytest.raises(EvaluationInputError, match="an HDF5 file; write its arrays as text"):
            read_comparisons(DATA / MEASURE / file, format="columns", direction="similarity")
        with h5py.File(DATA / MEASURE / file) as opened:
            arrays.append(opened[key][()])
        (tmp_path / f"{len(arrays)}.txt").write_text("\n".join(map(repr, arrays[-1].tolist())))
    words = ["nan"] if np.isnan(np.concatenate(arrays)).any() else []

    c = read_comparisons(
        tmp_path / "2.txt",
        format="columns",
        direction="similarity",
        mated_file=tmp_path / "1.txt",
        failure_words=words,
    )

    assert (int(c.mated.sum()), int((~c.mated).sum())) == sizes
    assert np.array_equal(c.scores[c.mated], np.nan_to_num(arrays[0], nan=-np.inf, neginf=-np.inf))
    assert np.array_equal(c.scores[~c.mated], np.nan_to_num(arrays[1], nan=-np.inf, neginf=-np.inf))


CURVES = "a table of rates (ROC, DET) holds no scores"
NO_SCORES = [
    *(
        (f"openface-lfw/comparisons/{name}", "columns", CURVES)
        for name in (
            "BaiduIDLFinal.TPFP",
            "deepface_ensemble.txt",
            "eigenfaces-original-roc.txt",
            "kumar_human_crop.txt",
        )
    ),
    *((f"openface-lfw/comparisons/openbr.v1.{i}.0.DET.csv", "pairs", CURVES) for i in (0, 1)),
    *(
        (f"openface-lfw/lfw.nn4.{name}.accuracies.txt", "pairs", "there is no column `score`")
        for name in ("v1", "v2", "small1.v1", "small2.v1")
    ),
    *((f"nist-frvt11-sex-race/frvt_11_{name}.csv", "pairs", CURVES) for name in ("gender_race", "overview")),
    ("deepface-pairs/master.csv", "pairs", "there is no column `score`"),
    *((f"{MEASURE}/test_m{i}.txt", "columns", "row 1: it has 9 cells") for i in (1, 2)),
    *(
        (f"{MEASURE}/{name}.hdf5", "columns", "an HDF5 file")
        for name in ("nonsep-det", "nonsep-epc", "nonsep-precisionrecall", "nonsep-roc", "test-cmc")
    ),
    *((f"{MEASURE}/test{i}-open-set.hdf5", "columns", "an HDF5 file") for i in range(3)),
    *(
        (f"{BOB}/{name}/for_scores.lst", "bob4", "none of the")
        for name in ("example_filelist/dev", "example_filelist/eval", "example_filelist2/dev")
    ),
]


@pytest.mark.parametrize(("name", "format_", "why"), NO_SCORES, ids=[r[0] for r in NO_SCORES])
def test_without_scores_is_refused_for_what_it_is(name: str, format_: str, why: str) -> None:
    with pytest.raises(EvaluationInputError) as refused:
        read_comparisons(DATA / name, format=format_, direction="similarity")

    assert why in str(refused.value)


def test_no_file_was_passed_over() -> None:
    """Every file of the folder is in one of the tables above, but texts about the data."""
    seen = {row[0] for row in READ} | {row[0] for row in NO_SCORES} | {PAIRS}
    seen |= {str(row[2]["mated_file"]) for row in READ if "mated_file" in row[2]}
    seen |= {f"{PYEER}/hist/exp1_{name}.txt" for name in ("true", "false")}
    seen |= {
        f"{MEASURE}/{name}.hdf5"
        for name in (
            "linsep-positives",
            "linsep-negatives",
            "nonsep-positives",
            "nonsep-negatives",
            "two-cols",
        )
    }
    there = {str(file.relative_to(DATA)) for file in DATA.rglob("*") if file.is_file()}
    about = {name for name in there if "LICENSE" in name or "README" in name}

    assert there - about == seen
    assert len(seen) > 70
