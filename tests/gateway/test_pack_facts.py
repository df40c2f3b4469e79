"""Facts that a pack brings itself: asked for while it is in force, stated by the role it names, or counted."""

from datetime import datetime

import pytest

from counterseal.gateway.search import Answered
from counterseal.gateway.state_fact import due_a_year_after, state_fact
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made


def asked(office: SimulatedOffice):
    case = office.case()
    return made(office.request(case, office.probe(case), limit=2))


def say(office: SimulatedOffice, fact: str, about: str, value: object, *, by: str):
    return state_fact(office.office, fact=fact, about=about, value=value, by=office.who(by))


def test_without_the_overlay_nobody_is_asked(office: SimulatedOffice) -> None:
    assert isinstance(office.search(asked(office)), Answered)


class TestMaryland:
    def test_what_nobody_stated_is_refused_by_the_clauses_that_read_it(self, office: SimulatedOffice) -> None:
        request = asked(office)
        office.under("us-md-2024")

        refusal = office.search(request)

        assert isinstance(refusal, Refusal)
        assert set(refusal.clauses) == {"MD/2-503-offences", "MD/2-505-training"}
        assert any("maryland.offence" in unmet.missing for unmet in refusal.unmet)

    def test_a_listed_offence_and_a_current_training_let_it_run(self, office: SimulatedOffice) -> None:
        request = asked(office)
        office.under("us-md-2024")
        made(say(office, "maryland.offence", request.case_id, "stalking", by="sol"))
        due = due_a_year_after(office.clock.now)
        made(say(office, "maryland.training_due", office.who("ines"), due, by="tess"))

        assert isinstance(office.search(request), Answered)

    def test_the_latest_statement_counts(self, office: SimulatedOffice) -> None:
        request = asked(office)
        office.under("us-md-2024")
        due = due_a_year_after(office.clock.now)
        made(say(office, "maryland.training_due", office.who("ines"), due, by="tess"))
        for offence in ("stalking", "none"):
            made(say(office, "maryland.offence", request.case_id, offence, by="sol"))

        refusal = office.search(request)

        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("MD/2-503-offences",)

    def test_training_of_a_leap_day_is_due_on_the_last_of_february(self) -> None:
        assert due_a_year_after(datetime.fromisoformat("2024-02-29T09:00:00+00:00")).startswith(
            "2025-02-28T09"
        )


class TestWashington:
    def test_a_service_untested_in_operation_is_refused_until_it_is_stated(
        self, office: SimulatedOffice
    ) -> None:
        first, second = asked(office), None
        office.under("us-wa-43-386")
        refusal = office.search(first)
        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("WA/060-operational-test",)

        made(say(office, "washington.tested_in_operation", office.agency.service_id, True, by="rue"))
        second = asked(office)

        assert isinstance(office.search(second), Answered)

    def test_the_fourth_search_of_one_face_is_tracking(self, office: SimulatedOffice) -> None:
        office.under("us-wa-43-386")
        made(say(office, "washington.tested_in_operation", office.agency.service_id, True, by="rue"))
        outcomes = []
        for _ in range(4):
            case = office.case()
            request = made(
                office.request(
                    case,
                    office.probe(case),
                    limit=2,
                    purpose=office.another_reason(),
                    why_again="a new trace",
                )
            )
            outcomes.append(office.search(request))

        assert [isinstance(o, Answered) for o in outcomes] == [True, True, True, False]
        assert outcomes[-1].clauses == ("WA/080-surveillance",)


class TestWhoStates:
    def test_another_role_does_not(self, office: SimulatedOffice) -> None:
        refused = say(office, "maryland.offence", office.case().id, "stalking", by="ines")

        office.sealed_refusal(refused, "packfact.refused", "road/role")

    def test_nobody_does_about_themselves(self, office: SimulatedOffice) -> None:
        due = due_a_year_after(office.clock.now)

        refused = say(office, "maryland.training_due", office.who("tess"), due, by="tess")

        office.sealed_refusal(refused, "packfact.refused", "road/role")

    @pytest.mark.parametrize(
        ("fact", "value", "words"),
        [
            ("maryland.offense", "stalking", "no pack here asks to have `maryland.offense` stated"),
            ("washington.earlier_searches", 0, "no pack here asks"),
            ("maryland.offence", True, "is no String"),
            ("maryland.offence", "", "is no String"),
            ("maryland.training_due", "tomorrow", "is no datetime"),
            ("washington.tested_in_operation", "yes", "is no Bool"),
        ],
    )
    def test_bad_input(self, office: SimulatedOffice, fact: str, value: object, words: str) -> None:
        with pytest.raises(BadInputError, match=words):
            say(office, fact, "case-1", value, by="sol")

    def test_about_another_kind_of_thing(self, office: SimulatedOffice) -> None:
        with pytest.raises(BadInputError, match="stated about a case"):
            say(office, "maryland.offence", office.who("ines"), "stalking", by="sol")
