"""What the pages say in words: rates for people who read no rates, differences no stronger and no weaker than shown."""

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import parsed
from simulated import Json, Made

from counterseal.evaluation.report import documents, public_page, report_page
from counterseal.evaluation.report.svg import Scale
from counterseal.evaluation.report.text import between, number, one_in, spoken, times


class TestNumbers:
    @pytest.mark.parametrize(
        ("rate", "says"),
        [
            (1e-3, "1 in 1,000"), (9.97e-4, "1 in 1,000"), (1 / 1720, "1 in 1,720"), (1e-6, "1 in 1,000,000"),
            (0.16, "16 in 100"), (1.0, "100 in 100"), (0.999, "fewer than 100 in 100"), (0.0, "none"),
            (None, "not known"),
        ],
    )  # fmt: skip
    def test_one_in(self, rate: float | None, says: str) -> None:
        assert one_in(rate) == says

    def test_no_error_is_told_with_what_it_allows(self) -> None:
        """None seen is not none: the upper bound stands beside it."""
        says = spoken(0, 0.0, (0.0, 0.00368))

        assert says == "no such error was seen; it may still be as often as 1 in 272"

    def test_what_was_not_measured_is_not_zero(self) -> None:
        assert spoken(None, None, None) == "not measured"
        assert "not known" in spoken(3, 0.01, None)

    @given(st.floats(1e-12, 1e12))
    def test_a_number_keeps_four_digits(self, value: float) -> None:
        assert float(number(value)) == pytest.approx(value, rel=5e-4)

    @given(st.floats(1, 1e9))
    def test_times_have_two_digits_and_no_exponent(self, ratio: float) -> None:
        assert "e" not in times(ratio)
        assert float(times(ratio).replace(",", "")) == pytest.approx(ratio, rel=0.06)

    def test_an_open_end_is_said(self) -> None:
        assert between((0.5, None)) == "at least 0.5"
        assert between((None, 0.5)) == "at most 0.5"
        assert between((None, None)) == between(None) == "no interval"

    @given(st.sampled_from(["linear", "log", "probit"]), st.floats(0.001, 0.9), st.floats(0.001, 0.9))
    def test_a_scale_keeps_the_order(self, kind: Any, a: float, b: float) -> None:
        scale = Scale(kind, 0.001, 0.9, 0, 100)

        assert (scale.at(a) <= scale.at(b)) == (a <= b) or math.isclose(scale.at(a), scale.at(b))
        assert all(0.001 <= v <= 0.9 * 1.001 for v, _ in scale.ticks())


def _text(page: str) -> str:
    return " ".join("".join(parsed(page).text).split())


def _found(made: Made) -> Any:
    return documents(made.result, plan=made.plan, corpus=made.corpus, verdict=made.verdict)


def _operating(result: Json) -> Json:
    return next(d for d in result["differentials"] if d["target_fmr"] == 1e-3)


class TestDifferences:
    def test_the_planted_difference_is_told_with_both_rates_and_the_interval(self, documents: Made) -> None:
        text = _text(public_page(_found(documents)))

        assert "two different people of the group D were taken for one more often than in the group" in text
        assert "times as often, between" in text

    def test_a_difference_that_only_stands_alone_is_neither_hidden_nor_made_more_of(
        self, documents: Made
    ) -> None:
        """Its interval leaves 0 out, the adjustment for all pairs does not: both are said."""
        made = copy.deepcopy(documents)
        for pair in _operating(made.result)["pairs"]:
            pair["distinguishable"] = False
        text = _text(public_page(_found(made)))

        assert (
            "Alone this would be beyond chance; among all the pairs that this test compared, it may be chance."
            in text
        )
        assert "By region: no difference was shown to be beyond chance" in text
        assert "beyond noise if it were the only pair" in _text(report_page(_found(made)))

    def test_groups_that_were_not_compared_are_not_called_alike(self, documents: Made) -> None:
        made = copy.deepcopy(documents)
        _operating(made.result)["pairs"] = []
        text = _text(public_page(_found(made)))

        assert "By region: not tested." in text or "Not tested: whether it errs" in text
        assert "no difference" not in text

    def test_a_missed_ratio_is_told_the_right_way_round(self, documents: Made) -> None:
        """0.09 against a limit of 1.5 is eleven times, and reads as missed."""
        made = copy.deepcopy(documents)
        made.verdict["verdicts"][0] |= {
            "measured": 0.0892, "limit": {"at_most": 1.5, "unit": "ratio"}, "verdict": "fail",
        }  # fmt: skip
        text = _text(public_page(_found(made)))

        assert (
            "missed: measured 11 times as often in one group as in the other; limit: ratio at most 1.5"
            in text
        )


class TestWhatIsNeverSaid:
    @pytest.mark.parametrize("word", ["accuracy", "bias", "unbiased", "suspect", "hit rate", "%"])
    def test_words_that_mislead(self, documents: Made, word: str) -> None:
        found = _found(documents)

        assert word not in _text(report_page(found)).lower()
        assert word not in _text(public_page(found)).lower()

    def test_one_to_one_rates_are_not_told_as_those_of_searches(self, documents: Made) -> None:
        made = copy.deepcopy(documents)
        made.result["identification"] = None

        assert "Searches among many people were not tested." in _text(public_page(_found(made)))
        assert "A candidate is a lead" in _text(public_page(_found(made)))
