"""detroit-2020: a dim still, an old photograph, a line-up shown to somebody who had seen nothing, an arrest.

As it happened: the still goes in as it is. Then, with a better still, everything is done by the book except
the one thing: what should support the arrest comes from the search, or from somebody who did not see.
"""

from counterseal.casework.models import EvidenceItem, Probe
from counterseal.cli.demo.synthetic_people import blurred_still, store_camera_still
from counterseal.gateway.add_evidence import relate
from counterseal.gateway.request_clearance import Cleared
from counterseal.gateway.search import Answered
from counterseal.terms.biometrics import FailureCode, FailureToAcquire
from office import SimulatedOffice, person


def thief_on_camera(office: SimulatedOffice) -> Answered:
    """The same theft with a still that shows a face."""
    return office.searched(photograph=store_camera_still(person(3)))


class TestDimStill:
    def test_still_is_refused_at_capture(self, office):
        """The quality floor: no template is made of it, nothing is kept, and the failure is sealed."""
        case = office.case()
        item = office.footage(case)

        failure = office.probe(case, item=item, photograph=blurred_still(person(3)))

        assert isinstance(failure, FailureToAcquire)
        assert failure.code == FailureCode.TOO_BLURRED
        assert Probe.objects.count() == 0
        last = office.entries()[-1]
        assert (last.kind, last.outcome) == ("probe.failed", FailureCode.TOO_BLURRED)
        assert office.fsck().sound

    def test_usable_still_of_the_same_camera_is_taken(self, office):
        """Only the quality stood against it."""
        case = office.case()

        assert isinstance(office.probe(case, photograph=store_camera_still(person(3))), Probe)


class TestLineUp:
    def test_line_up_with_the_candidate_is_not_independent(self, office):
        """The guard picked the photograph that the search had put before him: it descends from the search."""
        lead = office.lead(thief_on_camera(office))
        office.support(lead, "line-up", saw_offence=True, derived_from=lead.candidate_id)

        outcome = office.clearance(lead)

        office.sealed_refusal(outcome, "action.refused", "HSI-M/4D3-leads-only", "D-026-11/not-sole-basis")
        assert outcome.standing.independent_total == 0
        assert outcome.standing.from_face_recognition == 1

    def test_line_up_shown_the_lead_is_not_independent_however_recorded(self, office):
        """The same line-up, recorded as "the lead was shown to the witness"."""
        lead = office.lead(thief_on_camera(office))
        line_up = office.support(lead, "line-up", saw_offence=True)
        relate(office.office, source=lead.id, relation="shown-to", target=line_up.id, by=office.who("ines"))

        office.sealed_refusal(
            office.clearance(lead), "action.refused", "HSI-M/4D3-leads-only", "D-026-11/not-sole-basis"
        )

    def test_witness_who_did_not_see_the_offence_does_not_tie_anybody_to_it(self, office):
        """Were it independent, it would still come from a man who had only watched the recording."""
        lead = office.lead(thief_on_camera(office))
        office.support(lead, "witness-statement", saw_offence=False)

        outcome = office.clearance(lead)

        office.sealed_refusal(outcome, "action.refused", "HSI-M/4D3-leads-only")
        assert (outcome.standing.independent_for_offence, outcome.standing.independent_total) == (0, 1)

    def test_footage_that_was_searched_with_cannot_support_its_own_result(self, office):
        """The still that found the man proves nothing more by being called evidence."""
        answered = thief_on_camera(office)
        lead = office.lead(answered)
        footage = EvidenceItem.objects.get(pk=answered.request.probe.evidence_item_id)
        relate(
            office.office,
            source=footage.id,
            relation="supports-offence",
            target=lead.id,
            by=office.who("ines"),
        )

        office.sealed_refusal(
            office.clearance(lead), "action.refused", "HSI-M/4D3-leads-only", "D-026-11/not-sole-basis"
        )

    def test_action_clears_once_a_witness_who_saw_it_speaks_unprompted(self, office):
        """Only the one thing is mended: a statement by somebody who saw the theft and was shown nobody."""
        lead = office.lead(thief_on_camera(office))
        office.support(lead, "line-up", saw_offence=False, derived_from=lead.candidate_id)
        office.sealed_refusal(
            office.clearance(lead), "action.refused", "HSI-M/4D3-leads-only", "D-026-11/not-sole-basis"
        )

        office.support(lead, "witness-statement", saw_offence=True)
        confirmed = office.confirm(office.clearance(lead))

        assert isinstance(confirmed, Cleared)
        assert confirmed.action.status == "cleared"
        assert office.entries()[-1].kind == "action.cleared"
        assert office.fsck().sound
