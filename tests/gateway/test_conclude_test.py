"""A test is concluded against its frozen plan: the verdict is judged here, and nobody's word is taken for it."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from counterseal.evaluation.protocol import CorpusCard, document_digest, verdict_document
from counterseal.gateway.conclude_test import conclude_test, expires
from counterseal.gateway.plan_test import Planned, plan_test
from counterseal.oversight.models import Service, ServiceTest, ServiceTestPlan
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from measured import CARD, plan_for, result_for
from office import SimulatedOffice, made

REPORT = {"report.html": "ab" * 32, "public.html": "cd" * 32}


class Trial:
    """One planned test of the embedded service."""

    def __init__(self, office: SimulatedOffice, **changes: Any) -> None:
        self.office = office
        self.plan = plan_for(Service.objects.get(pk=office.agency.service_id), **changes)
        planned = plan_test(
            office.office, service_id=office.agency.service_id, plan=self.plan, by=office.who("rue")
        )
        assert isinstance(planned, Planned), planned
        self.planned = planned.row

    def conclude(self, came_to: str = "passed", *, by: str = "rue", **given: Any) -> ServiceTest | Refusal:
        """Conclude it with a result that passes, fails or shows too little; `given` replaces arguments."""
        arguments = {
            "result": result_for(self.plan, came_to),
            "began_at": self.office.clock(),
            "reports": REPORT,
        }
        return conclude_test(
            self.office.office, plan_id=self.planned.id, by=self.office.who(by), **(arguments | given)
        )


@pytest.mark.parametrize("came_to", ["passed", "failed", "not-shown"])
def test_the_verdict_is_judged_here(office, came_to) -> None:
    """Row, entry and vault say what plan and result give."""
    tested = Trial(office)

    test = made(tested.conclude(came_to))

    assert (test.outcome, test.kind, test.modes, test.version) == (came_to, "direct", ["identification"], "1")
    entry = office.entries()[-1]
    assert (entry.kind, entry.outcome) == ("test.concluded", came_to)
    assert entry.causes == (tested.planned.entry_index,)
    result = json.loads(office.office.vault.open(test.result))
    verdict = json.loads(office.office.vault.open(test.verdict))
    day = expires(office.office, test.tested_at, at=test.tested_at)
    assert verdict == verdict_document(tested.plan, result, expires=day)
    opened = office.opened(test.entry_index)
    assert opened["plan_sha256"] == tested.plan.digest()
    assert opened["result_sha256"] == document_digest(result)
    assert opened["verdict_sha256"] == document_digest(verdict)
    assert opened["reports"] == REPORT
    assert (test.report, test.report_sha256) == ("report.html", REPORT["report.html"])
    assert ServiceTestPlan.objects.get(pk=tested.planned.id).status == "concluded"
    assert office.fsck().sound


def test_three_years_are_three_years_of_the_calendar(office) -> None:
    tested = Trial(office)

    test = made(tested.conclude())

    assert (test.due.year, test.due.month) == (test.tested_at.year + 3, test.tested_at.month)
    assert test.due.day in (test.tested_at.day, 28)


class TestNobodysWord:
    def test_a_verdict_that_was_brought_is_compared(self, office) -> None:
        """A report that shows a pass beside a result that fails is not sealed."""
        tested, at = Trial(office), office.clock()
        passing = verdict_document(
            tested.plan, result_for(tested.plan), expires=expires(office.office, at, at=at)
        )

        with pytest.raises(BadInputError, match="not what plan and result give"):
            tested.conclude("failed", verdict=passing, began_at=at)
        assert made(tested.conclude("passed", verdict=passing, began_at=at)).outcome == "passed"

    def test_a_result_of_another_plan_shows_nothing(self, office) -> None:
        """Frozen with one confidence, measured with another."""
        tested = Trial(office)
        other = plan_for(Service.objects.get(pk=office.agency.service_id), confidence=0.9)

        assert made(tested.conclude(result=result_for(other))).outcome == "not-shown"

    def test_by_nobody_who_put_the_service_on_the_register(self, office) -> None:
        tested = Trial(office)
        for by in ("reg", "ines", "sol"):
            office.sealed_refusal(tested.conclude(by=by), "servicetestplan.refused", "D-026-11/testing")

    def test_once(self, office) -> None:
        """A failed test is not concluded again until it passes."""
        tested = Trial(office)
        made(tested.conclude("failed"))

        with pytest.raises((StaleError, BadInputError)):
            made_or_raised(tested.conclude("passed"))
        assert [t.outcome for t in ServiceTest.objects.filter(kind="direct")] == ["failed"]


def made_or_raised(outcome: object) -> object:
    """A refusal is as good as an error here."""
    if isinstance(outcome, Refusal):
        raise StaleError(outcome.unmet[0].missing)
    return outcome


class TestAfterThePlan:
    def test_a_run_that_began_before_its_plan(self, office) -> None:
        before = office.clock()
        tested = Trial(office)

        for began_at in (before, tested.planned.planned_at, office.clock.now + timedelta(days=1)):
            with pytest.raises(BadInputError, match="begins after its plan was frozen"):
                tested.conclude(began_at=began_at)

    def test_scores_of_a_test_that_was_concluded_cannot_be_planned_for(self, office) -> None:
        """Failed under plan A; plan B is made to measure. Its scores are known: refused, and sealed."""
        made(Trial(office).conclude("failed"))
        second = Trial(office, title="made to measure")

        refusal = second.conclude("passed")

        office.sealed_refusal(refusal, "servicetestplan.refused", "D-026-11/testing")
        others = result_for(second.plan, "passed", scores="new scores")
        assert made(second.conclude(result=others)).outcome == "passed"

    def test_two_plans_frozen_before_may_share_scores(self, office) -> None:
        """Verification and search measured from one set of captures, both planned before."""
        searches, claims = Trial(office), Trial(office, mode="verification")

        assert made(searches.conclude()).outcome == made(claims.conclude()).outcome == "passed"


class TestInput:
    @pytest.mark.parametrize(
        "inputs", [None, [], [{"role": "groups", "sha256": "ab" * 32}], [{"role": "scores"}]]
    )
    def test_a_result_names_its_scores(self, office, inputs) -> None:
        tested = Trial(office)
        with pytest.raises(BadInputError, match="names the scores"):
            tested.conclude(result=result_for(tested.plan) | {"inputs": inputs})

    def test_a_report_has_a_digest(self, office) -> None:
        with pytest.raises(BadInputError, match=r"`report.html` needs its SHA-256"):
            Trial(office).conclude(reports={"report.html": "here"})

    def test_the_corpus_card_is_the_one_that_was_planned(self, office) -> None:
        card = CorpusCard.from_json(CARD)
        tested = Trial(office, corpus=card.digest())

        for wrong in (None, CorpusCard.from_json(CARD | {"people": 41})):
            with pytest.raises(BadInputError, match="corpus card"):
                tested.conclude(corpus=wrong)
        made(tested.conclude(corpus=card))

    def test_no_such_plan(self, office) -> None:
        with pytest.raises(BadInputError, match="there is no service test plan"):
            conclude_test(
                office.office,
                plan_id="testplan-0",
                result=result_for(Trial(office).plan),
                began_at=datetime.now().astimezone(),
                by=office.who("rue"),
            )
