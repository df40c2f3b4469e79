"""maryland-2022: age and height did not fit; one reviewer was enough, and his wife had to clear him."""

from counterseal.gateway.mark_lead import mark_lead
from counterseal.gateway.review import open_review
from office import made


class TestSecondReviewer:
    def test_one_reviewer_alone_makes_no_lead(self, office):
        """Two people, each blind."""
        answered = office.searched()
        candidate = office.candidate(answered)
        office.review(answered.candidate_list.id, by="ines", keep={candidate.id})
        office.compare(candidate)

        refusal = mark_lead(office.office, candidate_id=candidate.id, by=office.who("ines"))

        office.sealed_refusal(refusal, "lead.refused", "HSI-M/2-candidate-list")

    def test_the_same_person_is_no_second_reviewer(self, office):
        """Not in another role either."""
        answered = office.searched()
        office.review(answered.candidate_list.id, by="ines", keep={office.candidate(answered).id})

        refusal = open_review(office.office, list_id=answered.candidate_list.id, by=office.who("ines"))

        office.sealed_refusal(refusal, "review.refused", "HSI-M/2-candidate-list")

    def test_second_reviewer_who_disagrees_ends_it(self, office):
        """Age does not fit, says the second, who was told nothing: no lead."""
        answered = office.searched(limit=3)
        candidate = office.candidate(answered)
        office.review(answered.candidate_list.id, by="ines", keep={candidate.id})
        office.review(answered.candidate_list.id, by="exa", keep=())
        office.compare(candidate)

        refusal = mark_lead(office.office, candidate_id=candidate.id, by=office.who("ines"))

        office.sealed_refusal(refusal, "lead.refused", "HSI-M/2-candidate-list")

    def test_second_reviewer_who_agrees_makes_it_a_possible_lead(self, office):
        """Only the one thing is mended."""
        answered = office.searched(limit=3)
        candidate = office.kept(answered)
        office.compare(candidate)

        lead = made(mark_lead(office.office, candidate_id=candidate.id, by=office.who("ines")))

        assert lead.status == "possible-lead"

    def test_height_that_does_not_fit_ends_it_however_often_the_face_was_kept(self, office):
        """A recorded comparison that speaks against the candidate, beside one that fits."""
        answered = office.searched()
        candidate = office.kept(answered)
        office.compare(candidate)
        office.compare(candidate, "inconsistent")

        refusal = mark_lead(office.office, candidate_id=candidate.id, by=office.who("ines"))

        office.sealed_refusal(refusal, "lead.refused", "HSI-M/4D2-compare")
