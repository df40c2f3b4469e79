"""partner-agency: a service that is barred is reached by asking a neighbouring agency to run the search.

A request to another agency is a use: the same decision, the same log, and it says on whose behalf. The
neighbours that are allowed are told too: an approved service behind a partner, and a search for a partner
under an agreement in force.
"""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from counterseal import bootstrap
from counterseal.casework.models import Probe
from counterseal.cli.demo.agency import add_service
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.partners import record_agreement
from counterseal.gateway.register_service import accept_terms, decide_on_service
from counterseal.gateway.request_search import Exigency
from counterseal.gateway.search import Answered
from counterseal.oversight.models import PartnerAgreement, PartnerService, Service, ServiceStatus
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made

FACTS = "the abducted child was seen in a grey van an hour ago and the driver threatened to hurt him"
WHY = "both supervisors of the unit were on a flight and their deputies did not answer the telephone"


@dataclass
class Neighbour:
    """The city police next door: their search desk is on our register; behind it stands somebody's service."""

    office: SimulatedOffice
    desk: Service
    behind: Service

    def agree(self, **stated: object) -> PartnerAgreement | Refusal:
        """An agreement in force under which they run searches for us; `stated` overrides any argument."""
        now = self.office.clock()
        arguments: dict[str, object] = {
            "agency": "city-police",
            "kind": "agreement",
            "citation": "Agreement 2026-14, section 3",
            "valid_from": now - timedelta(days=100),
            "valid_until": now + timedelta(days=100),
            "services": ((self.desk.id, self.behind.id),),
            "by": self.office.who("dis"),
        } | stated
        return record_agreement(self.office.office, **arguments)  # type: ignore[arg-type]

    def ask(self, **asked: object):
        """Ines asks the desk of the city police to run a search on a case of hers."""
        case = self.office.case()
        probe = self.office.probe(case)
        assert isinstance(probe, Probe), probe
        request = made(self.office.request(case, probe, service_id=self.desk.id, **asked))
        return request, self.office.search(request)


def neighbour(office: SimulatedOffice, behind: ServiceStatus) -> Neighbour:
    """The desk itself is approved and tested, and Ines has accepted its terms."""
    people = office.agency.people
    desk = add_service(office.office, people, name="Search desk of the city police", connector="desk")
    bootstrap.connect_service(office.office, name="desk", service_id=desk.id, backend="simulator", config={})
    accept_terms(office.office, service_id=desk.id, by=office.who("ines"))
    return Neighbour(
        office,
        desk,
        add_service(office.office, people, name="Barred faces", connector="none", status=behind),
    )


class TestBarredBehindAPartner:
    def test_refused_as_if_it_were_reached_directly(self, office):
        """Everything else is in order: the desk, the agreement, the case, the probe, the training."""
        city = neighbour(office, ServiceStatus.DISAPPROVED)
        made(city.agree())

        _, refusal = city.ask()

        office.sealed_refusal(refusal, "search.refused", "HSI-M/4C1-approved", "HSI-M/4C3-disapproved")
        assert office.local.get("desk") is None or office.local["desk"].calls == 0
        assert not (office.office.home / "services/desk/calls").exists()

    def test_no_emergency_opens_it(self, office):
        """HSI-M/4C3-disapproved holds under any facts, also next door."""
        city = neighbour(office, ServiceStatus.DISAPPROVED)
        made(city.agree())
        case = office.case()
        request = made(
            office.request(
                case,
                office.probe(case),
                service_id=city.desk.id,
                exigency=Exigency("physical-harm", FACTS, WHY),
            )
        )
        made(
            approve_search(
                office.office,
                request_id=request.id,
                kind="exigent",
                granted=True,
                words="the danger is at hand",
                by=office.who("sol"),
            )
        )

        refusal = office.search(request)

        assert isinstance(refusal, Refusal)
        assert "HSI-M/4C3-disapproved" in refusal.clauses

    def test_saying_nothing_of_the_partner_does_not_help(self, office):
        """The register knows what stands behind the desk; nobody has to say so, and nobody can leave it out."""
        city = neighbour(office, ServiceStatus.DISAPPROVED)
        made(city.agree())

        request, refusal = city.ask(on_behalf_of="")

        assert request.on_behalf_of == ""
        assert "HSI-M/4C3-disapproved" in refusal.clauses

    def test_a_decision_on_the_service_behind_takes_effect_at_the_next_submission(self, office):
        city = neighbour(office, ServiceStatus.APPROVED)
        made(city.agree())
        case = office.case()
        request = made(office.request(case, office.probe(case), service_id=city.desk.id))
        made(
            decide_on_service(
                office.office, service_id=city.behind.id, status="disapproved", by=office.who("rue")
            )
        )

        assert "HSI-M/4C3-disapproved" in office.search(request).clauses

    def test_a_service_behind_whose_approval_ran_out_is_refused(self, office):
        """The desk's own approval is renewed; the one behind it is not."""
        city = neighbour(office, ServiceStatus.APPROVED)
        made(city.agree(valid_until=office.clock.now + timedelta(days=400)))
        office.clock.forward(days=201)
        made(
            decide_on_service(
                office.office,
                service_id=city.desk.id,
                status="approved",
                approval_expires=office.clock.now + timedelta(days=30),
                by=office.who("rue"),
            )
        )

        _, refusal = city.ask()

        office.sealed_refusal(refusal, "search.refused", "HSI-M/4C1-approved")


class TestAllowedNeighbours:
    def test_an_approved_service_behind_a_partner_is_searched_and_the_log_says_through_whom(self, office):
        city = neighbour(office, ServiceStatus.APPROVED)
        made(city.agree())

        _, answered = city.ask()

        assert isinstance(answered, Answered), answered
        (intent,) = [e for e in office.entries() if e.kind == "search.intent"]
        assert intent.public["partner"] == "city-police"
        assert office.fsck().sound

    def test_our_own_search_says_that_there_is_no_partner(self, office):
        office.searched()

        assert [e for e in office.entries() if e.kind == "search.intent"][-1].public["partner"] == "none"


class TestOnBehalf:
    """Our service, their question."""

    def asked(self, office: SimulatedOffice, agreement: PartnerAgreement):
        case = office.case()
        request = made(office.request(case, office.probe(case), on_behalf_of=agreement.id))
        return request, office.search(request)

    @pytest.fixture
    def city(self, office: SimulatedOffice) -> Neighbour:
        return neighbour(office, ServiceStatus.APPROVED)

    def test_under_an_agreement_in_force_it_runs(self, office, city):
        _, answered = self.asked(office, made(city.agree(services=())))

        assert isinstance(answered, Answered), answered
        intent = [e for e in office.entries() if e.kind == "search.intent"][-1]
        assert intent.public["partner"] == "city-police"
        assert [e for e in office.entries() if e.kind == "search.requested"][-1].public["on_behalf"] is True

    @pytest.mark.parametrize(("begins", "ends"), [(-200, -1), (1, 200)])
    def test_an_agreement_that_is_not_in_force_authorises_nothing(self, office, city, begins, ends):
        now = office.clock.now
        agreement = made(
            city.agree(
                services=(),
                valid_from=now + timedelta(days=begins),
                valid_until=now + timedelta(days=ends),
            )
        )

        _, refusal = self.asked(office, agreement)

        office.sealed_refusal(refusal, "search.refused", "HSI-M/3-sharing")

    @pytest.mark.parametrize("bars", ["this", "*"])
    def test_what_their_own_rules_bar_is_not_run_for_them(self, office, city, bars):
        """A city that banned the use asks us instead: its own ban is data, and is honoured."""
        barred = office.agency.service_id if bars == "this" else bars
        _, refusal = self.asked(office, made(city.agree(services=(), bars=(barred,))))

        office.sealed_refusal(refusal, "search.refused", "HSI-M/3-sharing")

    def test_a_bar_on_another_service_is_no_bar_here(self, office, city):
        _, answered = self.asked(office, made(city.agree(services=(), bars=(city.desk.id,))))

        assert isinstance(answered, Answered), answered

    def test_for_one_through_another_both_agreements_must_hold(self, office, city):
        now = office.clock.now
        made(city.agree(valid_until=now + timedelta(days=1)))
        county = made(city.agree(agency="county-sheriff", services=()))
        office.clock.forward(days=2)

        _, refusal = city.ask(on_behalf_of=county.id)

        office.sealed_refusal(refusal, "search.refused", "HSI-M/3-sharing")

    def test_what_an_approver_approved_names_the_agency(self, office, city):
        """The agreement is part of the frozen question: one cannot be put in its place afterwards."""
        agreement = made(city.agree(services=()))
        case = office.case()
        probe = office.probe(case)
        first = made(office.request(case, probe))
        second = made(office.request(case, probe, on_behalf_of=agreement.id))

        assert first.payload_digest != second.payload_digest

    def test_an_agreement_that_nobody_recorded_cannot_be_named(self, office):
        case = office.case()
        with pytest.raises(BadInputError, match="no partner agreement"):
            office.request(case, office.probe(case), on_behalf_of="partner-0000")


class TestAgreements:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "telephone call"},
            {"citation": "  "},
            {"agency": "The City Police"},
            {"bars": ("service-none",)},
            {"services": (("service-none", "service-none"),)},
        ],
    )
    def test_what_is_no_agreement(self, office, wrong):
        with pytest.raises(BadInputError):
            neighbour(office, ServiceStatus.APPROVED).agree(**wrong)
        assert not PartnerAgreement.objects.exists()

    def test_an_investigator_records_none(self, office):
        refusal = neighbour(office, ServiceStatus.APPROVED).agree(by=office.who("ines"))

        office.sealed_refusal(refusal, "partneragreement.refused", "HSI-M/3-sharing")

    def test_a_desk_stands_behind_one_partner(self, office):
        city = neighbour(office, ServiceStatus.APPROVED)
        made(city.agree())

        with pytest.raises(BadInputError, match="already stands behind"):
            city.agree(agency="county-sheriff")
        assert PartnerService.objects.count() == 1
