"""detroit-2019: the arrested man's tattoos and build did not fit the man on the video; nobody had to say why.

Everything else is in order: two blind reviews, a fitting comparison, independent support for the offence.
"""

import pytest

from counterseal.casework.models import EvidenceRelation, Lead
from counterseal.gateway.add_evidence import relate, resolve_contradiction
from counterseal.gateway.request_clearance import Cleared
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made

REASONS = "the tattoo was made in March, after the offence, as the studio's dated receipt shows"


def supported(office: SimulatedOffice) -> Lead:
    """A lead that would clear."""
    lead = office.lead()
    office.support(lead)
    return lead


def contradict(
    office: SimulatedOffice, lead: Lead, *, target: str = "", by: str = "ines"
) -> EvidenceRelation:
    """The description on the video does not fit."""
    description = office.item(lead.case, "description", by=by)
    return relate(
        office.office,
        source=description.id,
        relation="contradicts",
        target=target or lead.id,
        by=office.who(by),
    )


class TestOpenContradiction:
    def test_it_blocks_clearance(self, office):
        """HSI-M/4D2-compare: what does not fit is settled before anybody is arrested."""
        lead = supported(office)
        contradict(office, lead)

        outcome = office.clearance(lead)

        office.sealed_refusal(outcome, "action.refused", "HSI-M/4D2-compare")
        assert outcome.standing.contradictions_open == 1

    def test_it_blocks_from_whichever_end_it_was_recorded(self, office):
        """ "The lead contradicts the description" says the same thing."""
        lead = supported(office)
        description = office.item(lead.case, "description")
        relate(
            office.office, source=lead.id, relation="contradicts", target=description.id, by=office.who("sol")
        )

        office.sealed_refusal(office.clearance(lead), "action.refused", "HSI-M/4D2-compare")

    def test_it_blocks_when_recorded_of_the_candidate(self, office):
        """It was noticed before there was a lead; it is not forgotten when the candidate becomes one."""
        lead = supported(office)
        contradict(office, lead, target=lead.candidate_id)

        office.sealed_refusal(office.clearance(lead), "action.refused", "HSI-M/4D2-compare")

    def test_it_blocks_when_it_concerns_the_support(self, office):
        """An alibi against the only independent statement."""
        lead = office.lead()
        statement = office.support(lead)
        contradict(office, lead, target=statement.id)

        office.sealed_refusal(office.clearance(lead), "action.refused", "HSI-M/4D2-compare")

    def test_one_that_comes_before_the_confirmation_blocks_that_too(self, office):
        """What was true at the request must be true at the confirmation."""
        lead = supported(office)
        asked = office.clearance(lead)
        contradict(office, lead)

        office.sealed_refusal(office.confirm(asked), "action.refused", "HSI-M/4D2-compare")


class TestResolution:
    def test_the_person_who_recorded_it_cannot_resolve_it(self, office):
        """A second person, with reasons."""
        lead = supported(office)
        edge = contradict(office, lead)

        refusal = resolve_contradiction(
            office.office, relation_id=edge.id, reasons=REASONS, by=office.who("ines")
        )

        office.sealed_refusal(refusal, "evidencerelation.refused", "HSI-M/4D3-leads-only")
        office.sealed_refusal(office.clearance(lead), "action.refused", "HSI-M/4D2-compare")

    def test_no_reasons_no_resolution(self, office):
        """ "no issue" is no reason."""
        edge = contradict(office, supported(office))

        with pytest.raises(BadInputError, match="in a sentence"):
            resolve_contradiction(
                office.office, relation_id=edge.id, reasons="no issue here", by=office.who("sol")
            )

    def test_action_clears_once_a_second_person_resolved_it(self, office):
        """Only the one thing is mended."""
        lead = supported(office)
        edge = contradict(office, lead)
        made(resolve_contradiction(office.office, relation_id=edge.id, reasons=REASONS, by=office.who("sol")))

        assert isinstance(office.confirm(office.clearance(lead)), Cleared)
        assert office.fsck().sound
