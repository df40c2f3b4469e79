"""What three offices are asked before a use is active, what stops it, and what they made a condition of."""

from datetime import timedelta

import pytest

from counterseal.cli.demo.agency import assess
from counterseal.gateway.admit_person import admit_person, grant_role
from counterseal.gateway.assess_use import (
    COLUMNS,
    close_risk,
    import_existing_uses,
    missing_of,
    read_existing_uses,
    record_risk,
    show_principle,
)
from counterseal.gateway.propose_use import concur, propose_use, review_again, suspend_use
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Duty, Use
from counterseal.oversight.principles import PRINCIPLES
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import made

OFFICES = {"pat": "privacy", "cora": "civil-rights", "cio": "information-officer"}


@pytest.fixture
def use(office) -> Use:
    return made(
        propose_use(office.office, name="Leads", purpose="p", law_enforcement=True, by=office.who("sol"))
    )


def says(office, use, who, *, concurs=True, **more):
    return concur(
        office.office, use_id=use.id, as_office=OFFICES[who], concurs=concurs, by=office.who(who), **more
    )


def all_concur(office, use, **more):
    for who in OFFICES:
        made(says(office, use, who, **(more if who == "pat" else {})))
    assert Use.objects.get(pk=use.id).status == "active"


class TestAssessment:
    def test_no_office_concurs_before_the_assessment_is_whole(self, office, use):
        office.sealed_refusal(
            says(office, use, "pat"), "use.refused", "D-026-11/risk-assessment", "PS-139-06/eo-13960"
        )

    @pytest.mark.parametrize("left_out", list(PRINCIPLES))
    def test_each_of_the_nine_principles_is_asked_for(self, office, use, left_out):
        sol = office.who("sol")
        due = office.clock.now + timedelta(days=9)
        made(record_risk(office.office, use_id=use.id, risk="r", mitigation="m", owner=sol, due=due, by=sol))
        for principle in set(PRINCIPLES) - {left_out}:
            made(show_principle(office.office, use_id=use.id, principle=principle, evidence="e", by=sol))

        (unmet,) = missing_of(use)

        assert unmet.missing.endswith(f"principles {left_out}")

    def test_the_owner_of_a_risk_does_not_find_it_mitigated(self, office, use):
        pat = office.who("pat")
        due = office.clock.now + timedelta(days=9)
        risk = made(
            record_risk(
                office.office,
                use_id=use.id,
                risk="r",
                mitigation="m",
                owner=pat,
                due=due,
                by=office.who("sol"),
            )
        )

        refused = close_risk(office.office, risk_id=risk.id, evidence="e", by=pat)

        office.sealed_refusal(refused, "userisk.refused", "D-026-11/risk-assessment")
        assert (
            made(close_risk(office.office, risk_id=risk.id, evidence="e", by=office.who("cora"))).status
            == "mitigated"
        )


class TestThreeOffices:
    def test_a_reviewer_of_the_unit_that_asks_is_none(self, office):
        """Role and person differ, the unit is the same: the word is not from outside."""
        admin = office.who("admin")
        inside = made(admit_person(office.office, name="Ivo Inside", unit="Fraud unit", by=admin))
        made(grant_role(office.office, person_id=inside.id, role="privacy", by=admin))
        use = made(
            propose_use(office.office, name="Leads", purpose="p", law_enforcement=True, by=office.who("sol"))
        )
        assess(office.office, use.id, office.agency.people)

        refused = concur(office.office, use_id=use.id, as_office="privacy", concurs=True, by=inside.id)

        office.sealed_refusal(refused, "use.refused", "D-026-11/oversight")
        assert "unit that asks" in refused.unmet[0].missing

    def test_an_objection_stops_whatever_the_others_say(self, office, use):
        assess(office.office, use.id, office.agency.people)
        made(says(office, use, "pat"))
        word = made(says(office, use, "cora", concurs=False, words="the list holds bystanders"))

        assert Use.objects.get(pk=use.id).status == "objected"
        assert office.office.vault.open(word.words) == b"the list holds bystanders"
        assert b"bystanders" not in b"".join(office.bodies())
        with pytest.raises(StaleError, match="already `objected`"):
            says(office, use, "cio")

    def test_an_objection_gives_its_reasons(self, office, use):
        with pytest.raises(BadInputError, match="gives its reasons"):
            says(office, use, "pat", concurs=False)

    @pytest.mark.parametrize(
        ("conditions", "match"),
        [
            ({"weather": ["fair"]}, "nothing checks a condition `weather`"),
            ({"modes": []}, "an empty list allows nothing"),
            ({"modes": ["crowd"]}, "no mode crowd"),
            ({"until": "2030"}, "give an instant"),
        ],
    )
    def test_a_condition_that_nothing_checks_is_not_taken_as_checked(self, office, use, conditions, match):
        with pytest.raises(BadInputError, match=match):
            says(office, use, "pat", conditions=conditions)


class TestConditions:
    """Each is met by the near neighbour: the same search runs once only the condition differs."""

    def searched(self, office, use, **more):
        assess(office.office, use.id, office.agency.people)
        all_concur(office, use, **more)
        case = office.case()
        return made(office.request(case, office.probe(case), use_id=use.id, limit=2))

    @pytest.mark.parametrize(
        "conditions",
        [{"modes": ["verification"]}, {"case_types": ["robbery"]}, {"services": ["service-other"]}],
    )
    def test_outside_a_condition_nothing_runs(self, office, use, conditions):
        request = self.searched(office, use, conditions=conditions)

        refused = office.search(request)

        assert isinstance(refused, Refusal)
        assert "D-026-11/oversight" in refused.clauses
        assert office.local == {}

    @pytest.mark.parametrize("conditions", [{"modes": ["identification"]}, {"case_types": ["fraud"]}])
    def test_within_it_the_search_runs(self, office, use, conditions):
        assert isinstance(office.search(self.searched(office, use, conditions=conditions)), Answered)

    def test_a_concurrence_that_ended_carries_nothing(self, office, use):
        until = office.clock.now + timedelta(hours=1)
        request = self.searched(office, use, conditions={"until": until})
        office.clock.forward(hours=2)

        refused = office.search(request)

        assert isinstance(refused, Refusal)
        assert "D-026-11/oversight" in refused.clauses


class TestReviewAgain:
    def test_a_change_sends_it_back_and_the_old_words_count_no_more(self, office, use):
        assess(office.office, use.id, office.agency.people)
        all_concur(office, use)

        made(
            review_again(
                office.office,
                use_id=use.id,
                what="gallery",
                words="a second state joined",
                by=office.who("sol"),
            )
        )

        case = office.case()
        request = made(office.request(case, office.probe(case), use_id=use.id))
        assert "D-026-11/oversight" in office.search(request).clauses
        assert "principles lawful" in says(office, use, "pat").unmet[0].missing
        for principle in PRINCIPLES:
            made(
                show_principle(
                    office.office, use_id=use.id, principle=principle, evidence="e", by=office.who("sol")
                )
            )
        all_concur(office, Use.objects.get(pk=use.id))

    def test_a_suspension_is_no_objection_to_answer(self, office, use):
        made(suspend_use(office.office, use_id=use.id, by=office.who("cora")))
        with pytest.raises(BadInputError, match="does not send back a use that is `suspended`"):
            review_again(office.office, use_id=use.id, what="objection", words="w", by=office.who("sol"))


class TestExistingUses:
    HEAD = ",".join(COLUMNS) + "\n"

    def test_imported_and_queued_with_a_day(self, office):
        text = (
            self.HEAD
            + "Gate,check,verification,no,2024-01-01,2031-01-01\nLeads,find,identification,yes,2020-02-02,2030-01-01\n"
        )

        made_of = import_existing_uses(office.office, uses=read_existing_uses(text), by=office.who("sol"))

        assert [(u.status, u.kind) for u in made_of] == [
            ("under-review", "verification"),
            ("under-review", "identification"),
        ]
        duties = Duty.objects.filter(kind="use-review", closed_at=None)
        assert {d.due.year for d in duties} == {2030, 2031}
        assess(office.office, made_of[0].id, office.agency.people)
        all_concur(office, made_of[0])
        assert duties.all().count() == 1
        assert office.fsck().sound

    @pytest.mark.parametrize(
        ("rows", "match"),
        [
            ("", "holds no use"),
            ("Gate,check,verification,no,2024-01-01\n", "row 2: it has more or fewer"),
            ("Gate,check,crowd,no,2024-01-01,2031-01-01\n", "row 2: there is no kind `crowd`"),
            ("Gate,check,capture,perhaps,2024-01-01,2031-01-01\n", "row 2: `law_enforcement` is yes or no"),
            ("Gate,check,capture,no,soon,2031-01-01\n", "row 2: `in_use_since` is no date"),
            ("G,c,capture,no,2024-01-01,2031-01-01\n" * 2, "`G` stands there twice"),
        ],
    )
    def test_a_fault_is_named_by_its_row_and_nothing_is_read(self, rows, match):
        with pytest.raises(BadInputError, match=match):
            read_existing_uses(self.HEAD + rows)

    def test_one_that_is_on_the_register_stops_the_whole_import(self, office):
        text = (
            self.HEAD
            + "New,check,capture,no,2024-01-01,2031-01-01\nInvestigative leads,x,capture,no,2024-01-01,2031-01-01\n"
        )

        with pytest.raises(BadInputError, match="on the register already"):
            import_existing_uses(office.office, uses=read_existing_uses(text), by=office.who("sol"))

        assert not Use.objects.filter(name="New").exists()
