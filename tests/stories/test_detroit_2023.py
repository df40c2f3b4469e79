"""detroit-2023: 73 candidates, an eight-year-old photograph, a line-up, and a visible contradiction."""

from dataclasses import replace
from datetime import date

import pytest

from counterseal.connectors.port import Answer
from counterseal.gateway.add_evidence import relate, resolve_contradiction
from counterseal.gateway.mark_lead import mark_lead
from counterseal.gateway.request_clearance import Cleared
from counterseal.gateway.review import dispose_of_candidate, lock_review, open_review, reveal
from counterseal.gateway.search import Answered
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made

OLD = date(2015, 4, 1)


def searched_among_old_photographs(office: SimulatedOffice) -> Answered:
    """A search of a gallery whose photographs were taken in 2015, as the service says."""
    local = office.office.services("embedded")
    answer = local.server._backend.answer

    def dated(question, submission):
        answered = answer(question, submission)
        assert isinstance(answered, Answer)
        return replace(answered, candidates=tuple(replace(c, captured_on=OLD) for c in answered.candidates))

    local.server._backend.answer = dated
    return office.searched()


class TestLongList:
    def test_list_of_seventy_three_is_not_to_be_had(self, office):
        """A list holds at most 50; ten unless somebody asks for more."""
        case = office.case()
        probe = office.probe(case)

        with pytest.raises(BadInputError, match="1 to 50"):
            office.request(case, probe, limit=73)
        assert made(office.request(case, probe)).limit == 10

    def test_review_cannot_be_locked_before_every_candidate_is_disposed_of(self, office):
        """Nobody picks one face and leaves the rest unlooked at."""
        answered = office.searched()
        me = office.who("ines")
        sheet = made(open_review(office.office, list_id=answered.candidate_list.id, by=me))
        first, *others = [c for c, _ in sheet.items]
        made(
            dispose_of_candidate(
                office.office,
                review_id=sheet.review_id,
                candidate_id=first,
                judgement="potential-lead",
                by=me,
            )
        )

        with pytest.raises(BadInputError, match=f"{len(others)} of {len(others) + 1} candidates"):
            lock_review(office.office, review_id=sheet.review_id, by=me)
        refusal = mark_lead(office.office, candidate_id=first, by=me)
        office.sealed_refusal(refusal, "lead.refused", "HSI-M/2-candidate-list", "HSI-M/4D2-compare")

        for other in others:
            made(
                dispose_of_candidate(
                    office.office, review_id=sheet.review_id, candidate_id=other, judgement="excluded", by=me
                )
            )
        assert made(lock_review(office.office, review_id=sheet.review_id, by=me)).status == "locked"


class TestOldPhotograph:
    def test_age_of_the_reference_is_shown_with_rank_and_score(self, office):
        """What is revealed after both locks says when the reference photograph was taken."""
        answered = searched_among_old_photographs(office)
        office.kept(answered)

        shown = reveal(office.office, list_id=answered.candidate_list.id, by=office.who("ines"))

        assert len(answered.answer.candidates) == len(shown) > 0
        assert {OLD} == {r.reference_captured_on for r in shown}
        assert office.entries()[-1].kind == "candidates.revealed"


class TestLineUpAndContradiction:
    def test_line_up_alone_does_not_clear(self, office):
        """It was shown because of the search."""
        lead = office.lead(searched_among_old_photographs(office))
        office.support(lead, "line-up", saw_offence=True, derived_from=lead.candidate_id)

        office.sealed_refusal(
            office.clearance(lead), "action.refused", "HSI-M/4D3-leads-only", "D-026-11/not-sole-basis"
        )

    def test_what_no_witness_described_blocks_until_a_second_person_resolved_it(self, office):
        """Independent support is there; the woman is visibly pregnant and no witness said so."""
        lead = office.lead(searched_among_old_photographs(office))
        office.support(lead, "witness-statement", saw_offence=True)
        description = office.item(lead.case, "description")
        edge = relate(
            office.office,
            source=description.id,
            relation="contradicts",
            target=lead.id,
            by=office.who("ines"),
        )

        office.sealed_refusal(office.clearance(lead), "action.refused", "HSI-M/4D2-compare")

        made(
            resolve_contradiction(
                office.office,
                relation_id=edge.id,
                reasons="two witnesses were asked again and both describe it, on the record",
                by=office.who("sol"),
            )
        )
        assert isinstance(office.confirm(office.clearance(lead)), Cleared)
        assert office.fsck().sound
