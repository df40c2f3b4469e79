"""What a score says in words: never more than its test can carry."""

import numpy as np
import pytest

from counterseal.evaluation.comparisons import Comparisons, Direction
from counterseal.evaluation.evaluate import Settings, evaluate
from counterseal.evaluation.statement import graded_statement


def a_result(direction: Direction = Direction.SIMILARITY, gap: float = 3.0, n: int = 400) -> dict:
    """The result of a test with `n` comparisons of each kind, `gap` standard deviations apart."""
    rng = np.random.default_rng(5)
    scores = np.concatenate([rng.normal(gap, 1, n), rng.normal(0, 1, n)])
    mated = np.arange(2 * n) < n
    return evaluate(Comparisons(scores, mated, direction), Settings(fmr_targets=(0.1,), bootstrap=0))


RESULT = a_result()


def said(
    score: float, *, result: dict | None = None, kind: str = "similarity", searched: int = 1000
) -> str | None:
    return graded_statement(result or RESULT, score, score_kind=kind, searched=searched)


class TestWhatItSays:
    def test_a_high_score_favours_one_person_and_counts_the_others(self) -> None:
        text = said(3.0)

        assert text is not None
        assert "times as often for photographs of one person as of two people" in text
        assert "support for photographs of one person" in text
        assert "Among 1,000 references" in text

    def test_a_low_score_favours_two_people(self) -> None:
        text = said(0.0)

        assert text is not None
        assert "support for photographs of two people" in text

    def test_between_them_it_favours_neither(self) -> None:
        line = RESULT["calibration"]
        text = said(-line["intercept"] / line["slope"])

        assert text is not None
        assert "favours neither" in text

    def test_a_distance_reads_the_other_way(self) -> None:
        """The same people, told as distances: the same words at the mirrored score."""
        mirrored = a_result(Direction.DISSIMILARITY)

        assert said(-3.0, result=mirrored, kind="dissimilarity") == said(3.0)

    def test_far_out_it_says_how_far_it_can_speak(self) -> None:
        """A score that nobody saw is told at the bound, with that word."""
        text = said(1e6)

        assert text is not None
        assert "of which the test cannot speak" in text

    def test_a_larger_database_holds_more_others(self) -> None:
        """R28: the same score means less among more."""
        few, many = said(2.5, searched=1_000), said(2.5, searched=100_000)

        assert few is not None
        assert many is not None
        assert _others(many) == pytest.approx(100 * _others(few), rel=0.05)

    def test_the_others_are_never_fewer_than_were_counted(self) -> None:
        """The nearest point of the curve on the side that counts more."""
        for score in np.linspace(-2, 4, 25):
            text = said(float(score), searched=10_000)
            assert text is not None
            if "cannot say" not in text:
                line = [p["fmr"] for p in RESULT["det"] if p["threshold"] <= score]
                assert _others(text) >= min(line) * 10_000 * 0.94


class TestWhatItDoesNotSay:
    def test_nothing_without_a_calibration(self) -> None:
        assert said(3.0, result=RESULT | {"calibration": None}) is None

    def test_nothing_where_its_check_did_not_hold(self) -> None:
        spoilt = RESULT["calibration"] | {"check": RESULT["calibration"]["check"] | {"holds": False}}

        assert said(3.0, result=RESULT | {"calibration": spoilt}) is None

    def test_nothing_where_it_was_not_checked(self) -> None:
        assert said(3.0, result=RESULT | {"calibration": RESULT["calibration"] | {"check": None}}) is None

    def test_nothing_of_scores_of_another_direction(self) -> None:
        """A distance of 3 is not a similarity of 3."""
        assert said(3.0, kind="dissimilarity") is None

    def test_no_probability_and_no_percent(self) -> None:
        """R28: never a percentage of likeness."""
        for score in np.linspace(-3, 6, 40):
            text = said(float(score)) or ""
            assert "%" not in text
            assert "probab" not in text


def _others(text: str) -> float:
    return float(text.split("about ")[-1].split(" other")[0].replace(",", ""))
