"""What an approval of a service rests on, what it leaves open, and what ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from counterseal.cli.demo.agency import LOOKED, add_service, supplied_test
from counterseal.gateway.declare_trial import Trial, close_trial, declare_trial
from counterseal.gateway.record_evidence import record_evidence
from counterseal.gateway.register_service import (
    RECORD,
    Conditions,
    close_service_review,
    complete_record,
    decide_on_service,
    report_version,
)
from counterseal.gateway.review_acquisition import review_acquisition
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Finding, Service, ServiceReview, ServiceStatus
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import made


def decided(office, service_id, status, **more):
    return decide_on_service(
        office.office,
        service_id=service_id,
        status=status,
        approval_expires=office.clock.now + timedelta(days=30),
        by=office.who("rue"),
        **more,
    )


def request(office, service_id, **asked):
    case = office.case()
    return made(office.request(case, office.probe(case), service_id=service_id, limit=2, **asked))


class TestApproval:
    def test_says_everything_that_the_record_lacks_at_once(self, office):
        service = add_service(
            office.office,
            office.agency.people,
            name="Outside",
            connector="o",
            status=ServiceStatus.UNREVIEWED,
            tested=False,
        )

        refused = decided(office, service.id, "approved")

        office.sealed_refusal(refused, "service.refused", "D-026-11/testing", "PS-139-06/acquisition")
        assert len(refused.unmet) == 2
        assert Service.objects.get(pk=service.id).status == "unreviewed"

    @pytest.mark.parametrize("lacking", list(RECORD))
    def test_each_field_of_the_record_blocks_it(self, office, lacking, monkeypatch):
        """Everything else is in order: with the field it is approved."""
        from counterseal.cli.demo import agency

        described = agency.ServiceDescription
        monkeypatch.setattr(agency, "ServiceDescription", lambda **given: described(**{**given, lacking: ""}))
        service = add_service(
            office.office, office.agency.people, name="O", connector="o", status=ServiceStatus.SUSPENDED
        )

        refused = decided(office, service.id, "approved")

        assert [u.missing for u in refused.unmet] == [f"the record does not state {RECORD[lacking]}"]
        made(
            complete_record(
                office.office, service_id=service.id, stated={lacking: "said"}, by=office.who("reg")
            )
        )
        assert made(decided(office, service.id, "approved")).status == "approved"

    def test_the_registrar_does_not_review_the_acquisition(self, office):
        refused = review_acquisition(
            office.office, service_id=office.agency.service_id, looked=LOOKED, by=office.who("reg")
        )

        office.sealed_refusal(refused, "acquisitionreview.refused", "PS-139-06/acquisition")

    @pytest.mark.parametrize("fails", ["supplied_test_holds", "contract_terms_hold"])
    def test_the_latest_acquisition_review_counts(self, office, fails):
        service_id = office.agency.service_id
        looked = replace(LOOKED, **{fails: False})
        review = made(
            review_acquisition(office.office, service_id=service_id, looked=looked, by=office.who("rue"))
        )
        assert not review.acceptable

        refused = decided(office, service_id, "approved")

        assert [u.missing.partition("version")[0] for u in refused.unmet] == [
            "the latest acquisition review of "
        ]


class TestConditions:
    @pytest.mark.parametrize(
        ("conditions", "runs"),
        [
            (Conditions(case_types=["theft"]), False),
            (Conditions(modes=["verification"]), False),
            (Conditions(case_types=["fraud"], modes=["identification"]), True),
            (Conditions(longest_list=1), False),
            (Conditions(longest_list=10, a_day=1), True),
        ],
    )
    def test_are_checked_at_the_next_submission(self, office, conditions, runs):
        asked = request(office, office.agency.service_id)
        made(decided(office, office.agency.service_id, "approved-with-conditions", conditions=conditions))

        outcome = office.search(asked)

        assert isinstance(outcome, Answered if runs else Refusal)

    def test_a_daily_number_stops_the_search_after_it_by_its_clause(self, office):
        conditions = Conditions(a_day=1)
        made(decided(office, office.agency.service_id, "approved-with-conditions", conditions=conditions))
        office.searched(limit=2)
        case = office.case()
        again = made(
            office.request(
                case, office.probe(case), purpose=office.another_reason(), why_again="another case", limit=2
            )
        )

        refusal = office.search(again)

        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("HSI-B/parameters",)

    @pytest.mark.parametrize(
        ("status", "conditions", "match"),
        [
            ("approved-with-conditions", None, "states them"),
            ("approved", Conditions(words="only by day"), "one without has none"),
            ("approved-with-conditions", Conditions(modes=["age-estimation"]), "registered for"),
            ("approved-with-conditions", Conditions(a_day=0), "at least one"),
        ],
    )
    def test_fit_the_status(self, office, status, conditions, match):
        with pytest.raises(BadInputError, match=match):
            decided(office, office.agency.service_id, status, conditions=conditions)


class TestNewVersion:
    def test_suspends_until_it_is_tested_and_reviewed_anew(self, office):
        service_id = office.agency.service_id
        asked = request(office, service_id)

        made(report_version(office.office, service_id=service_id, version="2", by=office.who("reg")))

        assert isinstance(office.search(asked), Refusal)
        assert office.local == {}
        assert decided(office, service_id, "approved").clauses == (
            "D-026-11/testing",
            "PS-139-06/acquisition",
        )
        evidence = supplied_test(Service.objects.get(pk=service_id), at=office.clock.now)
        made(record_evidence(office.office, service_id=service_id, evidence=evidence, by=office.who("rue")))
        made(review_acquisition(office.office, service_id=service_id, looked=LOOKED, by=office.who("rue")))
        made(decided(office, service_id, "approved"))
        assert isinstance(office.search(request(office, service_id, why_again="new version")), Answered)

    def test_the_same_version_is_none(self, office):
        with pytest.raises(BadInputError, match="on the register already"):
            report_version(
                office.office, service_id=office.agency.service_id, version="1", by=office.who("reg")
            )


class TestTrials:
    def trial(self, office, **said):
        given = {
            "tool": "Faces Online",
            "operator": "Somebody",
            "unit": "Fraud unit",
            "how": "free-trial",
            "found_by": "expenses",
            "since": office.clock.now - timedelta(days=9),
            "words": "a card paid for it",
        }
        return Trial(**(given | said))

    def test_a_declaration_is_a_finding_until_another_closes_it(self, office):
        row = made(declare_trial(office.office, trial=self.trial(office), by=office.who("rue")))

        assert Finding.objects.get(kind="use-beside-the-register").about == row.id
        assert b"a card paid" not in b"".join(office.bodies())
        office.sealed_refusal(
            close_trial(office.office, trial_id=row.id, outcome="unfounded", by=office.who("rue")),
            "trialdeclaration.refused",
            "HSI-M/4C1-approved",
        )
        made(close_trial(office.office, trial_id=row.id, outcome="stopped", by=office.who("reg")))
        with pytest.raises(StaleError):
            close_trial(office.office, trial_id=row.id, outcome="unfounded", by=office.who("reg"))

    @pytest.mark.parametrize(
        ("said", "match"),
        [
            ({"tool": " "}, "states its tool"),
            ({"how": "by-magic"}, "say how"),
            ({"found_by": "rumour"}, "say how"),
            ({"searches": -1}, "below zero"),
        ],
    )
    def test_a_form_half_filled_is_bad_input(self, office, said, match):
        with pytest.raises(BadInputError, match=match):
            declare_trial(office.office, trial=self.trial(office, **said), by=office.who("ines"))


class TestExigentReferral:
    def test_only_a_known_outcome_closes_it_and_it_moves_the_service(self, told_exigent):
        office, review = told_exigent
        with pytest.raises(BadInputError, match="closes with an outcome"):
            close_service_review(office.office, review_id=review.id, outcome="seen", by=office.who("rue"))
        refused = close_service_review(
            office.office,
            review_id=review.id,
            outcome="approved",
            approval_expires=office.clock.now + timedelta(days=9),
            by=office.who("rue"),
        )
        assert isinstance(refused, Refusal)
        assert ServiceReview.objects.get(pk=review.id).status == "open"

        made(
            close_service_review(
                office.office, review_id=review.id, outcome="disapproved", by=office.who("rue")
            )
        )

        assert Service.objects.get(pk=review.service_id).status == "disapproved"
        assert office.fsck().sound


@pytest.fixture
def told_exigent(office):
    """An unreviewed service was used in an emergency; its review is open."""
    from counterseal import bootstrap
    from counterseal.gateway.register_service import accept_terms
    from counterseal.gateway.request_search import Exigency

    service = add_service(
        office.office,
        office.agency.people,
        name="Outside",
        connector="outside",
        status=ServiceStatus.UNREVIEWED,
    )
    bootstrap.connect_service(
        office.office,
        name="outside",
        service_id=service.id,
        backend="simulator",
        config={"behaviour": "fails"},
    )
    accept_terms(office.office, service_id=service.id, by=office.who("ines"))
    asked = request(
        office,
        service.id,
        exigency=Exigency(
            "physical-harm",
            "the abducted child was seen in a grey van and the driver threatened to hurt him",
            "both supervisors of the unit were on a flight and their deputies did not answer",
        ),
    )
    office.search(asked)
    return office, ServiceReview.objects.get(status="open")
