"""vague-reason: "investigation", "." and "case" were typed as the reason for 156,161 searches in five months."""

import pytest

from counterseal.gateway.request_search import Purpose
from counterseal.gateway.search import Answered
from office import NARRATIVE, SimulatedOffice, made, person


def asked(
    office: SimulatedOffice, narrative: str, *, code: str = "suspect-lead", photograph: bytes | None = None
):
    """A request that lacks nothing but a reason that says something."""
    case = office.case()
    return made(
        office.request(case, office.probe(case, photograph=photograph), purpose=Purpose(code, narrative))
    )


class TestEmptyReason:
    @pytest.mark.parametrize(
        "narrative",
        [
            "investigation",
            ".",
            "case",
            "",
            "  \n ",
            "Investigation, case number 2026-0001, see file",
            "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii",
            "theft theft theft theft theft theft theft theft theft",
            "11 22 33 44 55 66 77 88 99",
            "Official law enforcement criminal investigation of unknown suspect, photo attached",
        ],
    )
    def test_refused_by_its_clause_alone(self, office, narrative):
        """HSI-M/4A1-purpose: relevant and necessary to what, it must say."""
        office.sealed_refusal(office.search(asked(office, narrative)), "search.refused", "HSI-M/4A1-purpose")
        assert office.local == {}, "the service was not asked"

    def test_uncoded_reason_is_refused(self, office):
        """The code is one of three."""
        office.sealed_refusal(
            office.search(asked(office, NARRATIVE, code="curiosity")), "search.refused", "HSI-M/4A1-purpose"
        )

    @pytest.mark.parametrize("stated", [{"relevant": False}, {"necessary": False}])
    def test_irrelevant_or_unnecessary_is_refused(self, office, stated):
        """Both are stated, neither is assumed."""
        case = office.case()
        request = made(
            office.request(case, office.probe(case), purpose=Purpose("suspect-lead", NARRATIVE, **stated))
        )

        office.sealed_refusal(office.search(request), "search.refused", "HSI-M/4A1-purpose")


class TestRepeatedReason:
    def test_the_same_words_for_another_photograph_are_no_reason(self, office):
        """A reason is copied a hundred thousand times more easily than it is thought of."""
        assert isinstance(office.search(asked(office, NARRATIVE)), Answered)

        again = asked(office, NARRATIVE.upper().replace(" ", " - "), photograph=person(4).photograph(2))

        office.sealed_refusal(office.search(again), "search.refused", "HSI-M/4A1-purpose")


class TestTellingReason:
    def test_a_sentence_that_says_something_goes_through(self, office):
        """Only the one thing is mended; what was typed lies in the vault and not in the log."""
        request = asked(office, NARRATIVE)

        assert isinstance(office.search(request), Answered)
        request.refresh_from_db()
        assert office.office.vault.open(request.narrative).decode() == NARRATIVE
        assert not any(b"cheques" in body for body in office.bodies())
