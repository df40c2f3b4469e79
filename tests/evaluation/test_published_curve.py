"""A published curve gives what stands in it and nothing else."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.cli.main import cli
from counterseal.evaluation.comparisons import Direction, EvaluationInputError, Scores
from counterseal.evaluation.published_curve import PublishedCurve, curve_document
from counterseal.evaluation.reading.curves import read_curve
from counterseal.evaluation.verification import (
    auc,
    convex_hull_eer,
    det_curve,
    equal_error_rate,
    fnmr,
    threshold_at,
)

DATA = Path(os.environ.get("COUNTERSEAL_DATA", Path(__file__).parents[3] / "shared/data"))
OPENFACE = DATA / "scores/openface-lfw/comparisons"
TMR_FMR = {"tmr": "1", "fmr": "2"}


def scores(seed: int, gap: float = 1.5, n: int = 300) -> Scores:
    rng = np.random.default_rng(seed)
    return Scores.sorted_in_place(rng.normal(gap, 1, n), rng.normal(0, 1, n), Direction.SIMILARITY)


class TestAgainstTheScoresBehindIt:
    @given(st.integers(0, 50))
    def test_every_number_is_that_of_the_scores(self, seed) -> None:
        """All points of a step curve: the same EER, hull, area and FNMR at a target as from the scores themselves."""
        made = scores(seed)
        every = np.concatenate([[-np.inf], np.unique(np.concatenate([made.mated, made.non_mated])), [np.inf]])
        missed = np.searchsorted(made.mated, every) / len(made.mated)
        wrong = 1 - np.searchsorted(made.non_mated, every) / len(made.non_mated)

        found = curve_document(PublishedCurve.of(wrong, missed), [0.1, 0.01])

        assert found["auc"] == pytest.approx(auc(made), abs=1e-12)
        assert found["eer"]["convex_hull"] == pytest.approx(convex_hull_eer(made), abs=1e-9)
        eer = equal_error_rate(made)
        assert found["eer"]["midpoint"] == pytest.approx(eer.midpoint, abs=1 / 300)
        for row in found["thresholds"]:
            here = threshold_at(made, row["target_fmr"]).threshold
            assert row["fnmr"] == pytest.approx(fnmr(made, here).value, abs=1e-12)

    def test_the_order_of_the_points_does_not_matter(self) -> None:
        curve = det_curve(scores(1))
        order = np.random.default_rng(2).permutation(len(curve.fmr))

        assert curve_document(PublishedCurve.of(curve.fmr, curve.fnmr)) == curve_document(
            PublishedCurve.of(curve.fmr[order], curve.fnmr[order])
        )


class TestWhatItDoesNotSay:
    def test_no_count_interval_group_or_verdict(self) -> None:
        found = curve_document(PublishedCurve.of(np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.2, 0.0])))

        assert (found["n_mated"], found["groups"], found["differentials"]) == (None, [], [])
        assert "no verdict" in found["warnings"][0]
        assert all("interval" not in key for row in found["thresholds"] for key in row)

    def test_nothing_beyond_its_points(self) -> None:
        """A curve that begins at an FMR of 0.1 says nothing at 0.01, and has no area."""
        found = curve_document(PublishedCurve.of(np.array([0.1, 1.0]), np.array([0.2, 0.0])), [0.01])

        assert found["thresholds"][0]["fnmr"] is None
        assert found["auc"] is None

    def test_a_curve_that_turns_back_is_told(self) -> None:
        fmr, fnmr_ = np.array([0.0, 0.1, 0.2, 1.0]), np.array([1.0, 0.2, 0.3, 0.0])

        assert any("not one system" in w for w in curve_document(PublishedCurve.of(fmr, fnmr_))["warnings"])


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "columns", "says"),
        [
            ("0 100\n50 0\n", {"fmr": "1", "fnmr": "2"}, "not percent"),
            ("0.1 0.2\n", {"fmr": "1", "fnmr": "2"}, "one point is no curve"),
            ("fmr,fnmr\n0.1,x\n", {"fmr": "fmr", "fnmr": "fnmr"}, "row 2: `x` is no number"),
            ("fmr,fnmr\n0.1,0.2\n", {"fmr": "far", "fnmr": "fnmr"}, "no column `far`"),
            ("fmr,fnmr\n0.1,0.2\n", {"fmr": "1", "fnmr": "2"}, "read where columns are given by name"),
            ("fmr,fnmr\n0.1\n", {"fmr": "fmr", "fnmr": "fnmr"}, "row 2: it has 1 cells"),
            ("fmr,fnmr\n", {"fmr": "fmr", "fnmr": "fnmr"}, "there are no points"),
            ("0.1 0.2\n0.2 0.1\n", {"fmr": "1", "fnmr": "3"}, "no column 3"),
            ("0.1 nan\n0.2 0.1\n", {"fmr": "1", "fnmr": "2"}, "no rate"),
            ("0.1 0.2\n0.2 0.1\n", {"fnmr": "1", "tmr": "2"}, "which columns hold the rates"),
            ("", {"fmr": "1", "fnmr": "2"}, "empty"),
        ],
    )  # fmt: skip
    def test_is_told_with_its_remedy(self, tmp_path, text, columns, says) -> None:
        file = tmp_path / "curve.txt"
        file.write_text(text)

        with pytest.raises(EvaluationInputError, match=says):
            read_curve(file, columns)

    def test_swapped_columns_are_asked_about(self) -> None:
        """TMR given for FNMR: below a half."""
        fmr, tmr = np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.8, 1.0])

        with pytest.raises(EvaluationInputError, match="the other way round"):
            curve_document(PublishedCurve.of(fmr, tmr))

    def test_a_target_that_is_no_rate(self) -> None:
        with pytest.raises(EvaluationInputError, match="lies above 0"):
            curve_document(PublishedCurve.of(np.array([0.0, 1.0]), np.array([1.0, 0.0])), [0.0])

    @pytest.mark.parametrize("rates", ["fmr", "fmr=1,fmr=2", "far=1,frr=2", "fmr=,tmr=2"])
    def test_the_command_says_how_to_name_columns(self, tmp_path, rates) -> None:
        (tmp_path / "c.txt").write_text("0 1\n1 0\n")

        with pytest.raises(SystemExit) as ended:
            cli.main(["evaluate", "curve", str(tmp_path / "c.txt"), "--rates", rates])

        assert ended.value.code == 2


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "columns", "points"),
    [
        ("kumar_human_crop.txt", TMR_FMR, 63),
        ("BaiduIDLFinal.TPFP", TMR_FMR, 6_000),
        ("deepface_ensemble.txt", TMR_FMR, 6_002),
        ("eigenfaces-original-roc.txt", TMR_FMR, 870),
        ("openbr.v1.0.0.DET.csv", {"fmr": "X", "fnmr": "Y"}, 500),
        ("openbr.v1.1.0.DET.csv", {"fmr": "X", "fnmr": "Y"}, 500),
    ],
)
def test_published_curves_are_read_whole(name, columns, points) -> None:
    path = OPENFACE / name
    if not path.is_file():
        pytest.skip(f"no shared data at {path}")

    found = curve_document(read_curve(path, columns))

    assert found["points"] == points
    assert found["eer"]["low"] <= found["eer"]["midpoint"] <= found["eer"]["high"] < 0.4
