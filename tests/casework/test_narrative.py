"""A narrative is measured by what it says beyond filler."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.casework.narrative import NarrativeMeasures, measure, normalised

STOP = ("case", "see file", "The")


@pytest.mark.parametrize(
    ("text", "distinct", "stop_listed"),
    [
        ("", 0, True),
        (". , !", 0, True),
        ("case", 0, True),
        ("CASE, the file; see!", 0, True),
        ("xxxx aaa", 0, True),
        ("12 345 6", 0, True),
        ("theft theft Theft", 1, False),
        ("the forged cheque", 2, False),
        ("Überfall im Café 24", 3, False),
        ("snake_case is two words: snake", 4, False),
    ],
)
def test_words_that_say_something_are_counted_once(text, distinct, stop_listed):
    """Filler, digits and one-letter repetition say nothing, in any case."""
    assert measure(text, STOP) == NarrativeMeasures(distinct, stop_listed)


@given(st.text(), st.integers(1, 4))
def test_repetition_adds_nothing(text, times):
    """Pasting the same sentence again is not more reason."""
    assert measure(" ".join([text] * times), STOP) == measure(text, STOP)


@given(st.lists(st.sampled_from(["case", "see", "file", "the", "THE", "7", "zz", "-"])))
def test_filler_alone_is_stop_listed(words):
    """In any number and order."""
    assert measure(" ".join(words), STOP) == NarrativeMeasures(0, stop_listed=True)


@given(st.text())
def test_normalised_text_is_a_fixed_point(text):
    """Repetition is judged on words: case, spaces and punctuation do not make a reason new."""
    once = normalised(text)
    assert normalised(once) == once
    assert normalised(f" {text}\t!! ") == once
