"""Published score files: every number that is known of them, to the digits that are known; counts exactly.

Numbers of identification, intervals and indices of groups are in test_identification, test_intervals and
test_differentials.
"""

import math
import os
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from counterseal.evaluation.bootstrap import subject_bootstrap
from counterseal.evaluation.calibration import cllr, min_cllr
from counterseal.evaluation.comparisons import Comparisons, Direction, Scores
from counterseal.evaluation.evaluate import Document, Settings, evaluate
from counterseal.evaluation.intervals import wilson
from counterseal.evaluation.reading import read_comparisons, read_scores
from counterseal.evaluation.verification import auc, equal_error_rate, fmr, fnmr, threshold_at

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "scores"
pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no folder of published scores ($COUNTERSEAL_DATA)"),
]
TARGETS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)


@cache
def bssr1(name: str) -> Comparisons:
    return read_comparisons(
        DATA / "nist-bssr1-set1" / f"{name}.csv", format="matrix", direction=Direction.SIMILARITY
    )


@cache
def face_c() -> Document:
    return evaluate(bssr1("face-C"), Settings(fmr_targets=TARGETS, bootstrap=2000, seed=1))


@cache
def bob(kind: str) -> Scores:
    def numbers(side: str) -> Any:
        with h5py.File(DATA / "bob-measure/tests/data" / f"{kind}-{side}.hdf5") as file:
            return file["array"][:]

    return Scores.sorted_in_place(numbers("positives"), numbers("negatives"), Direction.SIMILARITY)


def row(target: float) -> Document:
    found = next(t for t in face_c()["thresholds"] if t["target_fmr"] == target)
    assert isinstance(found, dict)
    return found


class TestFaceC:
    """NIST BSSR1 set 1, face matcher C: 517 x 517, mated on the diagonal."""

    def test_counts(self):
        assert (face_c()["n_mated"], face_c()["n_non_mated"], face_c()["n_subjects"]) == (517, 266_772, 517)

    def test_equal_error_rate_and_area(self):
        assert round(face_c()["eer"]["midpoint"], 6) == 0.044480
        assert round(face_c()["auc"], 6) == 0.989089

    @pytest.mark.parametrize(
        ("target", "threshold", "missed"),
        [
            (1e-1, 0.57274, 0.023211),
            (1e-2, 0.61248, 0.085106),
            (1e-3, 0.64386, 0.160542),
            (1e-4, 0.67278, 0.257253),
            (1e-5, 0.70469, 0.431335),
        ],
    )
    def test_fnmr_at_each_target(self, target, threshold, missed):
        assert (row(target)["threshold"], round(row(target)["fnmr"], 6)) == (threshold, missed)

    def test_counts_at_one_in_a_thousand(self):
        at = row(1e-3)

        assert (at["fnmr_count"], at["fnmr_trials"]) == (83, 517)
        assert (at["fmr_count"], at["fmr_trials"]) == (266, 266_772)
        assert f"{at['fmr']:.3e}" == "9.971e-04"

    def test_intervals_at_one_in_a_thousand(self):
        at = row(1e-3)

        assert [round(end, 6) for end in at["fnmr_interval"]] == [0.129946, 0.195078]
        assert at["fnmr_method"] == "clopper-pearson"
        assert [round(end, 6) for end in wilson(83, 517)] == [0.131419, 0.194672]
        assert [f"{end:.4g}" for end in wilson(266, 266_772)] == ["0.0008843", "0.001124"]

    def test_the_bootstrap_of_fmr(self):
        """Drawn numbers: of 2,000 replicates the published standard error is known to some percent."""
        found = subject_bootstrap(bssr1("face-C"), [0.64386], replicates=2000, seed=1).fmr[0]

        assert found.standard_error == pytest.approx(2.25e-4, rel=0.08)
        assert found.percentiles == pytest.approx((6.05e-4, 1.49e-3), rel=0.06)
        assert found.design_effect == pytest.approx(13.6, rel=0.16)
        binomial = fmr(Scores.of(bssr1("face-C")), 0.64386).interval
        assert binomial is not None
        width = found.percentiles[1] - found.percentiles[0]
        assert width / (binomial[1] - binomial[0]) == pytest.approx(3.7, rel=0.08)

    def test_measured_again_gives_the_same_bytes(self):
        again = evaluate(bssr1("face-C"), Settings(fmr_targets=TARGETS, bootstrap=2000, seed=1))

        assert repr(again) == repr(face_c())


class TestOtherMatchers:
    def test_face_g(self):
        scores = Scores.of(bssr1("face-G"))
        at = threshold_at(scores, 1e-3)

        assert at.threshold == 74.92747
        assert (fnmr(scores, at.threshold).errors, round(fnmr(scores, at.threshold).value or 0, 6)) == (
            115,
            0.222437,
        )
        found = subject_bootstrap(bssr1("face-G"), [at.threshold], replicates=2000, seed=1).fmr[0]
        assert found.standard_error == pytest.approx(1.92e-4, rel=0.08)
        assert found.design_effect == pytest.approx(9.9, rel=0.16)

    @pytest.mark.parametrize(("finger", "achieved"), [("finger-left", 0.00777), ("finger-right", 0.00756)])
    def test_coarse_scores_keep_the_bound_from_below(self, finger, achieved):
        """Few distinct scores: a target of 0.01 is met well below it."""
        scores = Scores.of(bssr1(finger))
        at = threshold_at(scores, 1e-2)

        assert round(fmr(scores, at.threshold).value or 0, 5) == achieved
        assert (fmr(scores, at.above).value or 0) > 1e-2

    def test_few_distinct_scores_and_an_equal_error_rate_that_is_an_interval(self):
        scores = Scores.of(bssr1("finger-left"))
        found = equal_error_rate(scores)

        assert len(np.unique(scores.non_mated)) == 37
        assert (round(found.high, 4), round(found.low, 4)) == (0.0871, 0.0832)
        assert found.low < found.convex_hull < found.high


class TestBob:
    def test_nonsep(self):
        scores = bob("nonsep")

        assert (len(scores.mated), len(scores.non_mated)) == (50, 50)
        assert round(auc(scores), 6) == 0.932600
        assert round(equal_error_rate(scores).convex_hull, 9) == 0.116363636
        assert round(equal_error_rate(scores).midpoint, 2) == 0.11
        assert round(cllr(scores) or 0, 6) == 3.618335

    def test_linsep(self):
        scores = bob("linsep")

        assert (auc(scores), equal_error_rate(scores).convex_hull, min_cllr(scores)) == (1, 0, 0)

    def test_its_curve_is_ours_where_it_was_sampled(self):
        """Their ROC of nonsep samples thresholds: each of their points is one of ours."""
        with h5py.File(DATA / "bob-measure/tests/data/nonsep-roc.hdf5") as file:
            wrong, missed = file["array"][:]
        scores = bob("nonsep")
        every = np.unique(np.concatenate([scores.mated, scores.non_mated, [math.inf]]))
        ours = {
            (round(fmr(scores, t).value or 0, 9), round(fnmr(scores, t).value or 0, 9))
            for t in every.tolist()
        }

        theirs = {(round(float(x), 9), round(float(y), 9)) for x, y in zip(wrong, missed, strict=True)}
        assert len(theirs) > 10
        assert theirs <= ours


class TestEdgeRules:
    def test_pyeer_keeps_the_bound_and_so_misses_more(self):
        """Of 4,950 non-mated scores 4 may match, not the nearest count 5: FNMR 0.2914, not 0.2846."""
        example = DATA / "pyeer/pyeer/example_files/non_hist"
        scores = read_scores(
            example / "exp1_false.txt",
            format="columns",
            direction=Direction.SIMILARITY,
            mated_file=example / "exp1_true.txt",
        )
        at = threshold_at(scores, 1e-3)

        assert len(scores.non_mated) == 4_950
        assert (at.allowed, fmr(scores, at.threshold).errors) == (4, 4)
        assert round(fnmr(scores, at.threshold).value or 0, 4) == 0.2914
        fifth = float(scores.non_mated[-5])
        assert (fmr(scores, fifth).errors, at.above) == (5, fifth)
        lowest = np.concatenate([scores.mated, scores.non_mated])
        nearest = float(lowest[lowest > scores.non_mated[-6]].min())
        assert round(fmr(scores, nearest).value or 0, 5) == 0.00101
        assert round(fnmr(scores, nearest).value or 0, 4) == 0.2846

    def test_the_other_end_of_the_gap_misses_more(self):
        """Between two neighbouring non-mated scores FMR is one number and FNMR is not."""
        scores = Scores.of(bssr1("face-C"))
        at = threshold_at(scores, 1e-5)

        assert at.other_end is not None
        assert fmr(scores, at.threshold).errors == fmr(scores, at.other_end).errors == 2
        assert fnmr(scores, at.threshold).errors == 223 < fnmr(scores, at.other_end).errors
