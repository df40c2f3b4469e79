"""An answer that contradicts itself, or what was asked, is no answer."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.connectors.checked import checked
from counterseal.connectors.port import Answer, ComparisonAnswer, Foil, ReturnedCandidate, ServiceFailure


def candidate(n: int, score: float, photograph: bytes = b"face") -> ReturnedCandidate:
    """The n-th candidate."""
    return ReturnedCandidate(f"ref-{n}", f"p-{n}", score, None, photograph)


LIST = Answer(
    "engine-1", "similarity", 10, 2, (candidate(1, 0.9), candidate(2, 0.8)), (Foil("ref-9", "p-9", b"face"),)
)
ONE = Answer("engine-1", "similarity", 1, 0, comparison=ComparisonAnswer(0.9, 0.8, None))


class TestLists:
    def test_honest_answers_pass_unchanged(self):
        """In both directions of scores, full, short and empty."""
        nearest = replace(LIST, score_kind="dissimilarity", candidates=LIST.candidates[::-1])
        for answer in (LIST, nearest, Answer("e", "similarity", 0, 0), ServiceFailure("x", "y")):
            assert checked(answer, limit=2, lists=True) is answer

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (replace(LIST, score_kind="probability"), "no stated direction"),
            (replace(LIST, engine_id=""), "names no engine"),
            (replace(LIST, returned=3), "it returned 3 candidates and sent 2"),
            (replace(LIST, returned=0), "it returned 0 candidates and sent 2"),
            (
                replace(LIST, candidates=(*LIST.candidates, candidate(3, 0.1)), returned=3),
                "2 candidates were asked for",
            ),
            (replace(LIST, searched=2), "it compared 2 references and shows 3"),
            (replace(LIST, searched=-1), "it compared -1 references"),
            (replace(LIST, candidates=(candidate(1, 0.9), candidate(1, 0.8))), "listed twice"),
            (replace(LIST, foils=(Foil("ref-1", "p-9", b"x"),)), "listed twice"),
            (replace(LIST, foils=(Foil("ref-8", "p-1", b"x"),)), "a foil shows a person who is on the list"),
            (replace(LIST, candidates=(candidate(1, math.nan), candidate(2, 0.8))), "a score is no number"),
            (replace(LIST, candidates=(candidate(1, math.inf), candidate(2, 0.8))), "a score is no number"),
            (replace(LIST, comparison=ONE.comparison), "compared where a list was asked for"),
            (
                replace(LIST, candidates=(candidate(1, 0.9, b""), candidate(2, 0.8))),
                "no photograph to review",
            ),
            (replace(LIST, foils=(Foil("ref-9", "p-9", b""),)), "no photograph to review"),
            (replace(LIST, candidates=LIST.candidates[::-1]), "not in the order of its scores"),
            (replace(LIST, score_kind="dissimilarity"), "not in the order of its scores"),
            (
                replace(LIST, searched=900, foils=tuple(Foil(f"f-{n}", f"q-{n}", b"x") for n in range(51))),
                "51 foils",
            ),
        ],
    )
    def test_lie_is_named(self, answer, why):
        """A failure value with the stable code, and which lie it was."""
        failure = checked(answer, limit=2, lists=True)
        assert isinstance(failure, ServiceFailure)
        assert failure.code == "inconsistent-answer"
        assert why in failure.says

    @given(
        st.lists(st.floats(0, 1), max_size=60),
        st.integers(1, 50),
        st.sampled_from(["similarity", "dissimilarity"]),
    )
    def test_what_passes_is_in_order_and_within_the_limit(self, scores, limit, kind):
        """Property over any list a service could send."""
        answer = Answer("e", kind, 100, len(scores), tuple(candidate(n, s) for n, s in enumerate(scores)))
        honest = len(scores) <= limit and scores == sorted(scores, reverse=kind == "similarity")
        assert (checked(answer, limit=limit, lists=True) is answer) == honest

    def test_fifty_is_the_longest_list_whatever_was_asked(self):
        """HSI-M/2-candidate-list has a bound of its own."""
        long = tuple(candidate(n, 0.5) for n in range(51))
        answer = Answer("e", "similarity", 100, 51, long)
        assert isinstance(checked(answer, limit=60, lists=True), ServiceFailure)


class TestComparisons:
    def test_honest_comparison_passes(self):
        """With and without a threshold."""
        for answer in (ONE, replace(ONE, comparison=ComparisonAnswer(0.5, None, None))):
            assert checked(answer, limit=10, lists=False) is answer

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (replace(ONE, comparison=None), "no comparison where one was asked for"),
            (replace(LIST, comparison=ONE.comparison), "no comparison where one was asked for"),
            (replace(ONE, comparison=ComparisonAnswer(math.nan, None, None)), "a score is no number"),
            (replace(ONE, comparison=ComparisonAnswer(0.5, math.inf, None)), "a score is no number"),
        ],
    )
    def test_lie_is_named(self, answer, why):
        """A number that is none would not even be stored."""
        failure = checked(answer, limit=10, lists=False)
        assert isinstance(failure, ServiceFailure)
        assert why in failure.says
