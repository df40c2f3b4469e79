"""exigent-denied: in an emergency, a service is used that the reviewing unit had rejected.

Refused under any facts. The neighbour that is allowed, a service that nobody has reviewed yet, is told too:
it runs, and it opens duties.
"""

import itertools
from datetime import timedelta

import pytest

from counterseal import bootstrap
from counterseal.cli.demo.agency import add_service
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.register_service import accept_terms, decide_on_service
from counterseal.gateway.request_search import Exigency, Purpose
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Duty, Service, ServiceReview, ServiceStatus
from counterseal.terms.errors import StaleError
from office import SimulatedOffice, made, person

FACTS = "the abducted child was seen in a grey van an hour ago and the driver threatened to hurt him"
WHY = "both supervisors of the unit were on a flight and their deputies did not answer the telephone"
EMERGENCY = Exigency("physical-harm", FACTS, WHY)


def outside_service(office: SimulatedOffice, status: ServiceStatus) -> Service:
    """Another service on the real port, in the given standing; Ines has accepted its terms."""
    service = add_service(
        office.office, office.agency.people, name="Outside", connector="outside", status=status
    )
    bootstrap.connect_service(
        office.office, name="outside", service_id=service.id, backend="simulator", config={}
    )
    accept_terms(office.office, service_id=service.id, by=office.who("ines"))
    return service


class TestDisapprovedService:
    @pytest.mark.parametrize("approved_before", [False, True])
    @pytest.mark.parametrize("ground", ["physical-harm", "destruction-of-evidence", "escape", ""])
    def test_refused_whatever_the_emergency(self, office, ground, approved_before):
        """No ground, no facts and no approval open what was rejected. Without an emergency neither."""
        service = outside_service(office, ServiceStatus.DISAPPROVED)
        case = office.case()
        request = made(
            office.request(
                case,
                office.probe(case),
                service_id=service.id,
                exigency=Exigency(ground, FACTS, WHY) if ground else None,
            )
        )
        if approved_before:
            made(
                approve_search(
                    office.office,
                    request_id=request.id,
                    kind="exigent",
                    granted=True,
                    words="go ahead at once",
                    by=office.who("sol"),
                )
            )

        office.sealed_refusal(
            office.search(request), "search.refused", "HSI-M/4C1-approved", "HSI-M/4C3-disapproved"
        )
        assert office.local == {}, "the service was not asked"
        assert ServiceReview.objects.count() == 0

    def test_it_stays_barred_while_it_is_looked_at_again(self, office):
        """A new review opens it only with its decision: "under review" is no way round the rejection."""
        service = outside_service(office, ServiceStatus.DISAPPROVED)

        with pytest.raises(StaleError, match="already `disapproved`"):
            decide_on_service(
                office.office, service_id=service.id, status="under-review", by=office.who("rue")
            )

    def test_it_is_open_once_a_new_review_approved_it(self, office):
        """Only the one thing is mended, and no emergency is needed then."""
        service = outside_service(office, ServiceStatus.DISAPPROVED)
        made(
            decide_on_service(
                office.office,
                service_id=service.id,
                status="approved",
                approval_expires=office.clock.now + timedelta(days=30),
                by=office.who("rue"),
            )
        )
        case = office.case()
        request = made(office.request(case, office.probe(case), service_id=service.id))

        assert isinstance(office.search(request), Answered)


class TestUnreviewedService:
    def test_in_an_emergency_it_runs_and_opens_its_review_and_its_duties(self, office):
        """HSI-M/4C3: used first, reviewed after, approved by somebody else, all with a date."""
        service = outside_service(office, ServiceStatus.UNREVIEWED)
        case = office.case(with_step=False)
        request = made(office.request(case, office.probe(case), service_id=service.id, exigency=EMERGENCY))

        assert isinstance(office.search(request), Answered)

        review = ServiceReview.objects.get()
        assert (review.service_id, review.because_of_request, review.status) == (
            service.id,
            request.id,
            "open",
        )
        duties = {d.kind: d for d in Duty.objects.filter(about=request.id)}
        assert set(duties) == {"exigent-approval", "service-review", "note-result", "supervisor-review"}
        assert duties["exigent-approval"].due - duties["exigent-approval"].opened_at == timedelta(hours=24)
        request.refresh_from_db()
        assert {d.entry_index for d in duties.values()} == {request.intent_index}

    @pytest.mark.parametrize("status", [ServiceStatus.UNREVIEWED, ServiceStatus.UNDER_REVIEW])
    def test_without_an_emergency_it_does_not(self, office, status):
        """Only the emergency is taken away."""
        service = outside_service(office, status)
        case = office.case()
        request = made(office.request(case, office.probe(case), service_id=service.id))

        office.sealed_refusal(office.search(request), "search.refused", "HSI-M/4C1-approved")

    @pytest.mark.parametrize(
        ("exigency", "clause"),
        [
            (Exigency("boredom", FACTS, WHY), "HSI-M/2-exigent"),
            (Exigency("physical-harm", "", WHY), "HSI-M/2-exigent"),
            (Exigency("physical-harm", "emergency.", WHY), "HSI-M/2-exigent"),
            (Exigency("physical-harm", FACTS, ""), "HSI-M/4C3-exigent-approval"),
            (Exigency("physical-harm", FACTS, "x x x"), "HSI-M/4C3-exigent-approval"),
        ],
    )
    def test_emergency_states_ground_facts_and_why_nobody_approved(self, office, exigency, clause):
        """A word is no fact."""
        service = outside_service(office, ServiceStatus.UNREVIEWED)
        case = office.case()
        request = made(office.request(case, office.probe(case), service_id=service.id, exigency=exigency))

        office.sealed_refusal(office.search(request), "search.refused", clause)


class TestLateness:
    def test_overdue_approval_blocks_the_next_emergency_until_somebody_else_decides(self, office):
        """A day without the approval after the fact, and the next exigent use is refused."""
        told = (
            f"{w} van with the abducted child passed a toll gate north of town at dawn"
            for w in ("grey", "blue")
        )
        faces = itertools.count()

        def emergency():
            case = office.case()
            probe = office.probe(case, photograph=person(3).photograph(2 + next(faces)))
            purpose = Purpose("victim-lead", next(told))
            return made(office.request(case, probe, exigency=EMERGENCY, purpose=purpose))

        first = emergency()
        assert isinstance(office.search(first), Answered)
        second = emergency()
        office.clock.forward(hours=25)
        office.sealed_refusal(office.search(second), "search.refused", "HSI-M/4C3-exigent-approval")

        def decide(by: str):
            return approve_search(
                office.office,
                request_id=first.id,
                kind="exigent",
                granted=True,
                words="the facts bore it out, and nobody could be reached",
                by=office.who(by),
            )

        office.sealed_refusal(decide("ines"), "approval.refused", "HSI-M/4C3-exigent-approval")
        made(decide("sol"))

        duty = Duty.objects.get(kind="exigent-approval", about=first.id)
        assert duty.closed_by_id == office.who("sol")
        assert isinstance(office.search(second), Answered)
        assert office.fsck().sound
