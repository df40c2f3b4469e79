"""The Union's authorisation: within 48 hours, or the use stops and what it brought is deleted (EU-AIA/26-10)."""

import pytest

from counterseal.gateway.authorise_use import authorise_use
from counterseal.gateway.holds import place_hold
from counterseal.gateway.request_clearance import Cleared, NotCleared
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Duty, UseAuthorisation, VaultObject
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import SimulatedOffice, made


def answer(office: SimulatedOffice, request_id: str, *, granted: bool, by: str = "sol"):
    return authorise_use(
        office.office,
        request_id=request_id,
        granted=granted,
        authority="District Court",
        reference="26-mj-114",
        by=office.who(by),
    )


@pytest.fixture
def union(office: SimulatedOffice) -> SimulatedOffice:
    office.under("eu-ai-act-2024")
    return office


def owed(request_id: str) -> list[Duty]:
    return list(Duty.objects.filter(kind="use-authorisation", about=request_id, closed_at=None))


class TestInTime:
    def test_a_search_owes_it_within_48_hours(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)

        (duty,) = owed(answered.request.id)
        assert (duty.due - duty.opened_at).total_seconds() == 48 * 3600

    def test_granted_closes_the_duty(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)
        made(answer(union, answered.request.id, granted=True))

        assert owed(answered.request.id) == []

    def test_granted_beforehand_owes_nothing(self, union: SimulatedOffice) -> None:
        case = union.case()
        request = made(union.request(case, union.probe(case), limit=2))
        made(answer(union, request.id, granted=True))

        assert isinstance(union.search(request), Answered)
        assert owed(request.id) == []

    def test_an_overdue_authorisation_blocks_the_next_search_on_the_case(
        self, union: SimulatedOffice
    ) -> None:
        answered = union.searched(limit=2)
        union.clock.forward(hours=49)
        case = answered.request.case
        again = made(
            union.request(
                case,
                answered.request.probe,
                limit=2,
                purpose=union.another_reason(),
                why_again="another database was added",
            )
        )

        refusal = union.search(again)

        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("EU-AIA/26-10-authorisation",)


class TestRefused:
    def test_a_refusal_stops_the_use_and_deletes_what_it_brought(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)
        photographs = [c.photograph for c in answered.candidate_list.candidates.all()]
        assert photographs

        refused = made(answer(union, answered.request.id, granted=False))

        assert refused.deleted >= len(photographs)
        assert not VaultObject.objects.filter(id__in=photographs, destroyed_at=None).exists()
        assert [e.kind for e in union.entries()][-2:] == ["search.not-authorised", "record.destroyed"]
        assert union.fsck().sound

    def test_a_search_that_did_not_run_yet_never_does(self, union: SimulatedOffice) -> None:
        case = union.case()
        request = made(union.request(case, union.probe(case)))
        made(answer(union, request.id, granted=False))

        refusal = union.search(request)

        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("EU-AIA/26-10-refused",)

    def test_a_hold_stands_over_the_deletion_and_says_so(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)
        made(
            place_hold(
                union.office,
                about=answered.request.id,
                kind="litigation",
                reason="a claim was filed",
                by=union.who("arc"),
            )
        )

        assert isinstance(answer(union, answered.request.id, granted=False), Refusal)
        assert not UseAuthorisation.objects.filter(request_id=answered.request.id).exists()


class TestAction:
    def test_none_without_the_authorisation(self, union: SimulatedOffice) -> None:
        lead = union.lead(union.searched(limit=2))
        union.support(lead)

        stopped = union.clearance(lead)

        assert isinstance(stopped, NotCleared)
        # Ines and Exa both hold a certificate: two competent verifiers.
        assert stopped.refusal.clauses == ("EU-AIA/26-10-authorisation",)

    def test_goes_forward_with_it(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)
        made(answer(union, answered.request.id, granted=True))
        lead = union.lead(answered)
        union.support(lead)

        assert isinstance(union.clearance(lead), Cleared)

    def test_one_whose_certificate_ran_out_is_no_competent_verifier(self, union: SimulatedOffice) -> None:
        from counterseal.people.models import Certificate

        answered = union.searched(limit=2)
        made(answer(union, answered.request.id, granted=True))
        lead = union.lead(answered)
        union.support(lead)
        last = Certificate.objects.filter(person_id=union.who("exa")).latest("expires").expires
        union.clock.now = last

        stopped = union.clearance(lead)

        assert isinstance(stopped, NotCleared)
        assert "EU-AIA/14-5" in stopped.refusal.clauses


class TestWhoAnswers:
    def test_once(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)
        made(answer(union, answered.request.id, granted=True))

        with pytest.raises(StaleError):
            answer(union, answered.request.id, granted=False)

    def test_never_who_asked_for_the_search(self, union: SimulatedOffice) -> None:
        answered = union.searched(limit=2)

        refused = answer(union, answered.request.id, granted=True, by="ines")

        union.sealed_refusal(refused, "useauthorisation.refused", "EU-AIA/26-10-authorisation")

    def test_says_which_authority(self, union: SimulatedOffice) -> None:
        with pytest.raises(BadInputError, match="which court or authority"):
            authorise_use(
                union.office, request_id="r", granted=True, authority=" ", reference="1", by=union.who("sol")
            )
