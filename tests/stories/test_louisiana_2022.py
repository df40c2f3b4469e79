"""louisiana-2022: a man held six days who had never been in the state; the warrant did not say what led to him."""

from datetime import timedelta

import pytest

from counterseal.casework.models import EnforcementAction, Lead
from counterseal.cli.demo.agency import add_service
from counterseal.gateway.register_service import accept_terms
from counterseal.gateway.request_clearance import Cleared
from counterseal.oversight.models import ServiceStatus
from office import SimulatedOffice, made


def supported(office: SimulatedOffice) -> Lead:
    """A lead that would clear."""
    lead = office.lead()
    office.support(lead)
    return lead


class TestWarrant:
    @pytest.mark.parametrize("location_check", ["open", "contradicts"])
    def test_location_check_that_is_not_done_blocks(self, office, location_check):
        """Could this person have been there? It is asked before, not after six days."""
        lead = supported(office)

        outcome = office.clearance(lead, kind="search-warrant", location_check=location_check)

        refusal = office.sealed_refusal(outcome, "action.refused", "HSI-M/4D2-compare")
        assert [u.condition for u in refusal.unmet] == ["location"]

    def test_warrant_package_that_does_not_say_so_blocks(self, office):
        """The judge reads that face recognition was used, or there is no warrant."""
        lead = supported(office)

        outcome = office.clearance(lead, kind="search-warrant", disclosure_text_included=False)

        refusal = office.sealed_refusal(outcome, "action.refused", "HSI-M/4D3-leads-only")
        assert [u.condition for u in refusal.unmet] == ["says-so"]

    def test_clears_with_both(self, office):
        """Only the two things are mended; a new request is a new record."""
        lead = supported(office)
        office.clearance(lead, kind="search-warrant", location_check="open", disclosure_text_included=False)

        assert isinstance(office.confirm(office.clearance(lead, kind="search-warrant")), Cleared)
        assert sorted(EnforcementAction.objects.values_list("status", flat=True)) == ["cleared", "refused"]
        assert office.fsck().sound


class TestServiceStatus:
    @pytest.mark.parametrize("status", [ServiceStatus.UNREVIEWED, ServiceStatus.DISAPPROVED])
    def test_service_that_nobody_approved_is_not_asked(self, office, status):
        """A commercial service is on the register before it is used, and approved."""
        service = add_service(
            office.office, office.agency.people, name="Commercial", connector="commercial", status=status
        )
        accept_terms(office.office, service_id=service.id, by=office.who("ines"))
        case = office.case()
        request = made(office.request(case, office.probe(case), service_id=service.id))

        refused = ["HSI-M/4C1-approved"] + ["HSI-M/4C3-disapproved"] * (status == ServiceStatus.DISAPPROVED)
        office.sealed_refusal(office.search(request), "search.refused", *refused)

    def test_approval_that_ran_out_is_none(self, office):
        """The approval of the embedded service ends after 200 days."""
        case = office.case()
        request = made(office.request(case, office.probe(case)))
        office.clock.forward(days=201)

        office.sealed_refusal(office.search(request), "search.refused", "HSI-M/4C1-approved")
        office.clock.forward(days=-timedelta(days=201).days)
        assert made(office.search(request)).request.status == "answered"
