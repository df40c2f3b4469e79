"""No current passed test of this version and mode, no use: whoever asks, wherever, in any emergency."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.casework.models import SearchRequest
from counterseal.cli.demo.agency import LOOKED, add_service, supplied_test
from counterseal.gateway.conclude_test import conclude_test
from counterseal.gateway.facts import facts_of_test
from counterseal.gateway.plan_test import Planned, plan_test
from counterseal.gateway.record_evidence import record_evidence
from counterseal.gateway.register_service import accept_terms, decide_on_service, report_version
from counterseal.gateway.review_acquisition import review_acquisition
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Service, ServiceStatus, ServiceTest, ServiceTestPlan
from counterseal.oversight.standing_test import standing_test
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from measured import plan_for, result_for
from office import SimulatedOffice, made


def service_of(office: SimulatedOffice) -> Service:
    """The embedded service as the register has it now."""
    return Service.objects.get(pk=office.agency.service_id)


def direct_test(
    office: SimulatedOffice, came_to: str = "passed", *, mode: str = "identification", use_id: str = ""
) -> ServiceTest:
    """A direct test from plan to conclusion."""
    service = service_of(office)
    plan = plan_for(service, mode=mode)
    planned = plan_test(office.office, service_id=service.id, plan=plan, use_id=use_id, by=office.who("rue"))
    assert isinstance(planned, Planned), planned
    scores = f"scores {ServiceTestPlan.objects.count()}"
    return made(
        conclude_test(
            office.office,
            plan_id=planned.row.id,
            result=result_for(plan, came_to, scores=scores),
            began_at=office.clock(),
            by=office.who("rue"),
        )
    )


def known(office: SimulatedOffice, **changes: Any) -> ServiceTest:
    """Evidence that is no direct test: passed, of the present version, made ten days ago, unless told otherwise."""
    evidence = replace(supplied_test(service_of(office), at=office.clock.now), **changes)
    return made(
        record_evidence(
            office.office, service_id=office.agency.service_id, evidence=evidence, by=office.who("rue")
        )
    )


def untested(office: SimulatedOffice) -> None:
    """From here on it is about a service that nobody tested yet; what was founded with the agency is left alone."""
    people = office.agency.people
    service = add_service(
        office.office, people, name="New", connector="new", status=ServiceStatus.UNREVIEWED, tested=False
    )
    accept_terms(office.office, service_id=service.id, by=people["ines"])
    office.agency = replace(office.agency, service_id=service.id)


def approve(office: SimulatedOffice) -> None:
    """Everything but the testing clause is met."""
    service_id, rue = office.agency.service_id, office.who("rue")
    made(review_acquisition(office.office, service_id=service_id, looked=LOOKED, by=rue))
    expires = office.clock.now + timedelta(days=200)
    made(
        decide_on_service(
            office.office, service_id=service_id, status="approved", approval_expires=expires, by=rue
        )
    )


def standing(office: SimulatedOffice, *, mode: str = "identification", use_id: str = "") -> dict[str, object]:
    """What a policy reads of the service's test now."""
    return facts_of_test(office.office, service_of(office), mode=mode, use_id=use_id, at=office.clock.now)


def asked(office: SimulatedOffice) -> Answered | Refusal:
    """One search in a new case."""
    case = office.case()
    request = made(
        office.request(
            case,
            office.probe(case),
            purpose=office.another_reason(),
            why_again="the service was tested again",
        )
    )
    assert isinstance(request, SearchRequest)
    outcome = office.search(request)
    assert isinstance(outcome, Answered | Refusal), outcome
    return outcome


def refused(office: SimulatedOffice, *conditions: str) -> Refusal:
    """The next search is refused on the testing clause, by exactly these policies; no service was asked."""
    outcome = asked(office)
    assert isinstance(outcome, Refusal), outcome
    assert outcome.clauses == ("D-026-11/testing",)
    assert tuple(u.condition for u in outcome.unmet) == conditions
    return outcome


def test_a_failed_test_switches_off_and_the_refusal_names_the_report(office) -> None:
    assert isinstance(asked(office), Answered)
    test = direct_test(office, "failed")

    refusal = refused(office, "dhs-test-failed")

    (unmet,) = refusal.unmet
    assert f"{test.id} (sha256:{test.report_sha256})" in unmet.remedy
    assert len(test.report_sha256) == 64
    direct_test(office, "passed")
    assert isinstance(asked(office), Answered)


def test_what_is_not_shown_is_not_passed(office) -> None:
    test = direct_test(office, "not-shown")

    assert test.id in refused(office, "dhs-test-not-shown").unmet[0].remedy


def test_a_test_of_verification_carries_no_search(office) -> None:
    """1:1 results do not carry over to 1:N."""
    untested(office)
    direct_test(office, mode="verification")
    approve(office)

    refused(office, "dhs-test-one-to-many")
    assert standing(office, mode="verification")["modes"] == ["verification"]
    direct_test(office)
    assert standing(office)["modes"] == ["identification"]


def test_a_new_version_is_untested(office) -> None:
    direct_test(office)
    made(
        report_version(office.office, service_id=office.agency.service_id, version="2", by=office.who("reg"))
    )

    outcome = asked(office)

    assert isinstance(outcome, Refusal)
    assert "dhs-test-version" in {u.condition for u in outcome.unmet}
    assert "dhs-service-suspended" in {u.condition for u in outcome.unmet}


def test_a_supplied_result_counts_for_a_year(office) -> None:
    """ours/own-test: it bridges the time until the service is tested here."""
    at = office.clock.now
    untested(office)
    known(office, tested_at=at - timedelta(days=364), due=at + timedelta(days=900))
    approve(office)
    due = datetime.fromisoformat(str(standing(office)["due"]))
    assert timedelta(0) < due - office.clock.now < timedelta(days=3)

    office.clock.forward(days=3)

    refused(office, "dhs-test-overdue")
    direct_test(office)
    assert standing(office)["kind"] == "direct"


def test_due_is_what_the_test_says_where_that_is_sooner(office) -> None:
    at = office.clock.now
    known(office, tested_at=at - timedelta(days=2), due=at - timedelta(days=1))

    refused(office, "dhs-test-overdue")


class TestKinds:
    """Each is recorded as what it is; a weaker kind takes away what it never gives."""

    def test_statistics_of_use_carry_nothing_alone(self, office) -> None:
        untested(office)
        known(office, kind="operational")
        approve(office)

        refused(office, "dhs-test-overdue", "dhs-test-kind")

    def test_they_do_not_stand_before_a_direct_test(self, office) -> None:
        direct_test(office)
        known(office, kind="operational", tested_at=office.clock.now)

        assert isinstance(asked(office), Answered)

    @pytest.mark.parametrize("kind", ["operational", "third-party"])
    def test_a_later_failure_of_any_kind_switches_off(self, office, kind) -> None:
        direct_test(office)
        test = known(office, kind=kind, passed=False, tested_at=office.clock())

        assert test.id in refused(office, "dhs-test-failed").unmet[0].remedy

    def test_a_weaker_pass_lifts_no_failure(self, office) -> None:
        """Failed here; a vendor's report of the week after says passed."""
        direct_test(office, "failed")
        known(office, tested_at=office.clock())

        refused(office, "dhs-test-failed")

    def test_a_direct_test_lifts_any(self, office) -> None:
        known(office, passed=False)
        refused(office, "dhs-test-failed")
        direct_test(office)

        assert isinstance(asked(office), Answered)

    def test_a_direct_test_is_not_recorded_without_a_plan(self, office) -> None:
        with pytest.raises(BadInputError, match="a direct test has a plan"):
            known(office, kind="direct")

    @pytest.mark.parametrize(
        "changes",
        [
            {"made_by": " "},
            {"standard": ""},
            {"version": ""},
            {"modes": []},
            {"modes": ["1:N"]},
            {"report_sha256": "x"},
        ],
    )
    def test_evidence_says_what_it_is(self, office, changes) -> None:
        with pytest.raises(BadInputError):
            known(office, **changes)


def test_a_test_for_one_use_carries_no_other(office) -> None:
    untested(office)
    test = direct_test(office, use_id=office.agency.use_id)

    assert str(standing(office, use_id=office.agency.use_id)["report"]).startswith(test.id)
    assert standing(office, use_id="use-other")["status"] == "none"


def test_a_plan_alone_shows_nothing_and_stands_for_all_to_see(office) -> None:
    untested(office)
    service = service_of(office)
    assert standing(office)["status"] == "none"
    plan_test(office.office, service_id=service.id, plan=plan_for(service), by=office.who("rue"))
    assert standing(office)["status"] == "planned"

    outcome = asked(office)

    assert isinstance(outcome, Refusal)
    assert "dhs-not-tested" in {u.condition for u in outcome.unmet}
    assert "dhs-test-overdue" not in {u.condition for u in outcome.unmet}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["direct", "third-party", "operational"]),
            st.sampled_from(["passed", "failed", "not-shown"]),
            st.sampled_from(["1", "2"]),
            st.sampled_from([("identification",), ("verification",), ("identification", "verification")]),
        ),
        max_size=7,
    )
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_recorded_in_whatever_order(records) -> None:
    """The latest failure of this version and mode stands until a test of its own kind or a stronger one."""
    strength = {"direct": 2, "third-party": 1, "operational": 0}
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        ServiceTest(
            kind=kind,
            outcome=came_to,
            version=version,
            modes=list(modes),
            tested_at=start + timedelta(days=n),
        )
        for n, (kind, came_to, version, modes) in enumerate(records)
    ]

    found = standing_test(rows, version="1", mode="identification")

    about_it = [row for row in rows if row.version == "1" and "identification" in row.modes]
    assert (found is None) == (not rows)
    if about_it:
        assert found in about_it
        for n, row in enumerate(about_it):
            later = [other for other in about_it[n + 1 :] if strength[other.kind] >= strength[row.kind]]
            if row.outcome == "failed" and not later:
                assert found.outcome == "failed"
        if found.outcome == "passed":
            assert strength[found.kind] == max(strength[row.kind] for row in about_it)
    elif found is not None:
        assert found.version != "1" or "identification" not in found.modes
