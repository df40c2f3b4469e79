"""Cells: what is tidied, what is told, and that a second tidying finds nothing to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.oversight.inventory.cells import (
    Selections,
    clean_text,
    has_substance,
    read_date,
    read_list,
    words,
)
from counterseal.oversight.inventory.columns import Choice
from counterseal.oversight.inventory.rows import ChangeKind as K
from counterseal.oversight.inventory.selections import of_2025


class TestText:
    @pytest.mark.parametrize(
        ("raw", "clean", "kinds"),
        [
            ("plain words", "plain words", ()),
            ("  ends\t and\u00a0 middle  ", "ends and middle", (K.SPACES,)),
            ("one\r\ntwo\rthree", "one\ntwo\nthree", (K.LINE_BREAK,)),
            ("one_x000D_\n\n \n two", "one\ntwo", (K.LINE_BREAK,)),
            ("one\u2028two", "one\ntwo", (K.LINE_BREAK,)),
            ("zero\u200bwidth\ufeff", "zerowidth", (K.INVISIBLE,)),
            ("bell\x07", "bell", (K.INVISIBLE,)),
            ("donâ€™t", "don’t", (K.MOJIBAKE,)),
            ("SARs).Â\u00a0 Both", "SARs). Both", (K.MOJIBAKE, K.SPACES)),
            ("ðŸ˜€", "😀", (K.MOJIBAKE,)),
            ("salt &amp; pepper &lt;3", "salt & pepper <3", (K.ENTITY,)),
            ("twice &amp;amp;lt;", "twice <", (K.ENTITY,)),
        ],
    )
    def test_is_tidied_and_told(self, raw: str, clean: str, kinds: tuple[K, ...]) -> None:
        assert clean_text(raw) == (clean, kinds)

    def test_what_only_looks_like_a_wrong_code_page_stays(self) -> None:
        """An accent is no fault; nor is a lead byte's letter that decodes to nothing."""
        for text in ("São Tomé", "Ångström", "naïve", "à€€"):
            assert clean_text(text) == (text, ())

    def test_a_name_has_no_line_breaks(self) -> None:
        assert clean_text("Perimeter\n fence", breaks=False) == ("Perimeter fence", (K.LINE_BREAK,))

    @given(st.text(max_size=60), st.booleans())
    def test_a_second_tidying_changes_nothing(self, text: str, breaks: bool) -> None:
        once, _ = clean_text(text, breaks=breaks)

        assert clean_text(once, breaks=breaks) == (once, ())

    @given(st.text(st.sampled_from("&amp;lt_x000D\r\n \u00a0Ââ€™\u200b"), max_size=24))
    def test_nor_does_it_where_faults_are_nested(self, text: str) -> None:
        once, _ = clean_text(text)

        assert clean_text(once) == (once, ())

    def test_two_wrong_code_pages_and_a_mark_inside_an_entity(self) -> None:
        """One mending uncovers the next."""
        assert clean_text("donÃ¢â‚¬â„¢t &am\u200bp; go") == (
            "don’t & go",
            (K.MOJIBAKE, K.INVISIBLE, K.ENTITY),
        )

    def test_what_two_spellings_share(self) -> None:
        assert words("Health & Medical") == words("health and  MEDICAL.") == "health and medical"
        assert has_substance("`a`")
        assert not has_substance(" `.\n")


class TestSelections:
    @pytest.mark.parametrize(
        ("column", "spelled", "code"),
        [
            ("development_stage", "c)  Deployed – whatever follows is not looked at", None),
            ("development_stage", "deployed", "Deployed"),
            ("development_stage", "b)  b) Pilot", "Pilot"),
            (
                "development_stage",
                "a) Pre-deployment ñ The use case is in a development or acquisition status.",
                "Pre-deployment",
            ),
            ("is_high_impact", "a) High-impact ", "High-impact"),
            (
                "is_high_impact",
                "b) Presumed high-impact but determined not high-impact",
                "Presumed High-Impact, but Not High-impact",
            ),
            ("topic_area", "Health & Medical", "Health and Medical"),
            ("topic_area", "Other – Gardening", None),
            ("classification", "Agentic-AI", "Agentic AI"),
            ("classification", "Natural Language Processing (NLP)", "NLP"),
            ("has_pii", "TRUE", "Yes"),
            ("has_pii", "perhaps", None),
            ("hi_ongoing_monitoring", " b) Development of monitoring protocols is in-progess", "In-progress"),
            ("hi_training_established", "b) Development of monitoring protocols is in-progess", None),
            (
                "hi_appeal_process",
                "\na) Yes, an appropriate appeal process has been established\n",
                "Appeal Process Established",
            ),
            ("hi_independent_review", "Yes", None),
            ("hi_failsafe_presence", "waived", "CAIO Waived"),
        ],
    )
    def test_spellings(self, column: str, spelled: str, code: str | None) -> None:
        assert of_2025(column).code_of(spelled) == code

    def test_a_spelling_that_begins(self) -> None:
        selections = Selections([Choice("No testing", "No testing")], {"no testing …": "No testing"})

        assert selections.code_of("No testing: none was made.") == "No testing"
        assert selections.code_of("Some testing") is None


class TestLists:
    @pytest.mark.parametrize(
        ("text", "items", "unknown"),
        [
            ("['c) Age', 'a) Race/Ethnicity']", ("Race/Ethnicity", "Age"), ()),
            ('["Age", "Sex/Gender"]', ("Sex", "Age"), ()),
            ("Sex/Gender, Age", ("Sex", "Age"), ()),
            ("Age; Sex", ("Sex", "Age"), ()),
            ("Age\nSex", ("Sex", "Age"), ()),
            ("Age, shoe size", ("Age, shoe size",), ("Age, shoe size",)),
            ("['Age', 'shoe size', ' ']", ("Age", "shoe size"), ("shoe size",)),
            ("None", ("None of the above",), ()),
            ("[]", (), ()),
            ("[1, 2]", ("[1, 2]",), ("[1, 2]",)),
            ("[broken", ("[broken",), ("[broken",)),
            ("[broken]", ("[broken]",), ("[broken]",)),
        ],
    )
    def test_forms(self, text: str, items: tuple[str, ...], unknown: tuple[str, ...]) -> None:
        assert read_list(text, of_2025("demographic_features")) == (items, unknown)


class TestDates:
    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("2024-09-30 00:00:00", "2024-09-30"),
            ("09/30/2024 12:00:00 AM", "2024-09-30"),
            ("9/3/2024", "2024-09-03"),
            ("9/3/2024 0:00", "2024-09-03"),
            ("09/2024", "2024-09"),
            ("2024-09", "2024-09"),
            ("Sep-24", "2024-09"),
            ("September 2024", "2024-09"),
            ("2024", "2024"),
            ("13/2024", None),
            ("2/31/2024", None),
            ("2024-02-30", None),
            ("Foo-24", None),
            ("1776", None),
            ("soon", None),
        ],
    )
    def test_forms(self, text: str, read: str | None) -> None:
        assert read_date(text) == read
