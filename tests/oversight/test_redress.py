"""Redress: asked without a name, answered by a day and by nobody who acted in it, read by the code alone."""

import inspect
import tempfile
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import databases
from counterseal.gateway.admit_person import admit_person, grant_role
from counterseal.gateway.destroy import destroy
from counterseal.gateway.redress import (
    LONGEST_CONTACT,
    acted_in,
    answer_redress,
    ask_redress,
    redress_standing,
)
from counterseal.gateway.supervising import late
from counterseal.gateway.view_records import view_records
from counterseal.oversight.figures.followed import redress_by_standing
from counterseal.oversight.figures.rule import Rule
from counterseal.oversight.models import Duty, RedressOutcome, RedressRequest
from counterseal.oversight.models.redress import PUT_RIGHT
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import SimulatedOffice, made, open_copy

WORDS = "On 3 May at the ferry terminal two officers held me for an hour and called me by another name"
CLAUSE = "D-026-11/rights-safe-bias"


def ask(office: SimulatedOffice, **stated: str):
    return ask_redress(office.office, **{"about": "stopped", "words": WORDS, "contact": "desk 4"} | stated)


def answer(office: SimulatedOffice, redress_id: str, *, by: str = "pat", **stated: str):
    given = {"outcome": "nothing-found", "words": "We looked and found no search of you."} | stated
    return answer_redress(office.office, redress_id=redress_id, by=office.who(by), **given)


class TestAsking:
    def test_no_account_and_no_name_can_even_be_given(self):
        assert list(inspect.signature(ask_redress).parameters) == ["office", "about", "words", "contact"]

    def test_what_is_asked_is_in_the_vault_and_the_code_nowhere(self, office):
        asked = ask(office)
        database = databases.stored(office.office.home)

        for secret in (WORDS, "desk 4", asked.code, asked.code.replace("-", "")):
            assert secret.encode() not in database
        row = RedressRequest.objects.get()
        assert office.office.vault.open(row.words).decode() == WORDS
        assert office.office.vault.open(row.contact) == b"desk 4"
        assert asked.receipt.startswith(b"c2sp.org/tlog-proof")

    def test_two_codes_for_the_same_words(self, office):
        assert ask(office).code != ask(office).code

    def test_the_day_is_the_packs_and_a_duty_stands(self, office):
        asked = ask(office, contact="")
        row = RedressRequest.objects.get()
        duty = Duty.objects.get(kind="redress", about=row.id)

        assert row.due - row.asked_at == timedelta(days=30) == duty.due - duty.opened_at
        assert (asked.due, duty.owner, duty.because, row.contact) == (row.due, "privacy", ["stopped"], "")

    @pytest.mark.parametrize(
        ("stated", "says"),
        [
            ({"about": "identified"}, "linked, stopped, arrested, refused"),
            ({"words": " \n"}, "say what happened"),
            ({"words": "x" * 4001}, "at most 4000"),
            ({"contact": "x" * (LONGEST_CONTACT + 1)}, "at most 400"),
        ],
    )
    def test_bad_input_leaves_nothing(self, office, stated, says):
        size = len(office.bodies())

        with pytest.raises(BadInputError, match=says):
            ask(office, **stated)
        assert (len(office.bodies()), RedressRequest.objects.count()) == (size, 0)


class TestAnswering:
    def test_the_asker_reads_it_with_the_code_and_others_do_not(self, office):
        asked, other = ask(office), ask(office)
        answered = answer(office, asked.id)
        standing = redress_standing(office.office, code=asked.code.lower().replace("-", " "))

        assert (standing.status, standing.outcome) == ("answered", "nothing-found")
        assert "found no search" in standing.answer
        assert answered.receipt.startswith(b"c2sp.org/tlog-proof")
        assert redress_standing(office.office, code=other.code).status == "open"
        assert office.fsck().sound
        for wrong in ("AAAA-AAAA-AAAA-AAAA", asked.id, answered.row.id):
            with pytest.raises(BadInputError):
                redress_standing(office.office, code=wrong)

    def test_the_state_holds_no_words_of_the_asker(self, office):
        asked = ask(office)

        assert WORDS not in repr(redress_standing(office.office, code=asked.code))

    @pytest.mark.parametrize("short", ["ines", "sol", "rue", "gail", "aud", "admin"])
    def test_only_the_offices_answer(self, office, short):
        asked = ask(office)

        office.sealed_refusal(answer(office, asked.id, by=short), "redressrequest.refused", CLAUSE)
        assert Duty.objects.get(kind="redress").closed_at is None

    @pytest.mark.parametrize("short", ["pat", "cora", "cio", "arc"])
    def test_each_of_the_four_does(self, office, short):
        assert not isinstance(answer(office, ask(office).id, by=short), Refusal)

    def test_nobody_answers_for_a_case_they_acted_in(self, office):
        """An investigator who holds an office too, asked about their own search."""
        answered = office.searched()
        case = answered.candidate_list.request.case
        made(grant_role(office.office, person_id=office.who("ines"), role="privacy", by=office.who("admin")))
        asked = ask(office)
        for record in (case.id, answered.candidate_list.request_id):
            refusal = answer(office, asked.id, by="ines", outcome="lead-withdrawn", record_id=record)
            office.sealed_refusal(refusal, "redressrequest.refused", CLAUSE)
        # And naming no case, or another one's, is no way round.
        office.sealed_refusal(answer(office, asked.id, by="ines"), "redressrequest.refused", CLAUSE)
        assert office.who("ines") in acted_in(case.id) & acted_in("")

        outcome = answer(office, asked.id, outcome="lead-withdrawn", record_id=case.id)
        assert outcome.row.case_id == case.id

    def test_nobody_answers_for_a_case_they_approved_or_reviewed_in(self, office):
        answered = office.searched()
        case = answered.candidate_list.request.case
        office.review(answered.candidate_list.id, by="exa")
        asked = ask(office)
        made(
            grant_role(
                office.office, person_id=office.who("exa"), role="civil-rights", by=office.who("admin")
            )
        )

        assert office.who("exa") in acted_in(case.id)
        refusal = answer(office, asked.id, by="exa", outcome="record-corrected", record_id=case.id)
        office.sealed_refusal(refusal, "redressrequest.refused", CLAUSE)

    def test_somebody_of_another_case_may_where_the_case_is_known(self, office):
        answered, other = office.searched(), office.case()
        office.review(answered.candidate_list.id, by="exa")
        made(
            grant_role(
                office.office, person_id=office.who("exa"), role="civil-rights", by=office.who("admin")
            )
        )

        outcome = answer(office, ask(office).id, by="exa", outcome="record-corrected", record_id=other.id)
        assert not isinstance(outcome, Refusal)

    @pytest.mark.parametrize("outcome", sorted(PUT_RIGHT))
    def test_what_was_put_right_stands_somewhere(self, office, outcome):
        with pytest.raises(BadInputError, match="name the case"):
            answer(office, ask(office).id, outcome=outcome)

    @pytest.mark.parametrize(
        "stated",
        [{"outcome": "identified"}, {"words": " "}, {"words": "x" * 4001}, {"record_id": "case-nobody"}],
    )
    def test_bad_input_leaves_it_open(self, office, stated):
        asked = ask(office)

        with pytest.raises(BadInputError):
            answer(office, asked.id, **stated)
        assert redress_standing(office.office, code=asked.code).status == "open"

    def test_twice_is_stale(self, office):
        asked = ask(office)
        answer(office, asked.id)

        with pytest.raises(StaleError):
            answer(office, asked.id, words="Something else.")
        assert "found no search" in redress_standing(office.office, code=asked.code).answer

    def test_overdue_is_shown_until_it_is_answered(self, office):
        asked = ask(office)
        assert not late(at=office.clock.now)
        office.clock.forward(days=31)

        assert [(o.what, o.owner) for o in late(at=office.clock.now)] == [("redress", "privacy")]
        assert redress_standing(office.office, code=asked.code).overdue
        answer(office, asked.id)
        assert not late(at=office.clock.now)
        assert not redress_standing(office.office, code=asked.code).overdue
        assert office.entries()[-1].public["in_time"] is False

    def test_an_answer_whose_words_went_says_so_by_its_state(self, office):
        asked = ask(office)
        answer(office, asked.id)
        made(destroy(office.office, about=asked.id, authority="redress", by=office.who("arc")))

        standing = redress_standing(office.office, code=asked.code)
        assert (standing.status, standing.answer) == ("answered", "")


class TestReading:
    def test_the_offices_read_the_words_and_a_supervisor_does_not(self, office):
        """What an asker wrote may be about the supervisor."""
        ask(office)
        words = RedressRequest.objects.get().words
        look = {"objects": [words], "why": "request-of-a-person"}

        for short in ("pat", "cora", "cio", "arc", "aud"):
            assert view_records(office.office, by=office.who(short), **look)[words].decode() == WORDS
        for short in ("ines", "sol", "gail"):
            assert isinstance(view_records(office.office, by=office.who(short), **look), Refusal)


class TestRoundPython:
    """The database refuses what goes round the verb."""

    def sql(self, statement: str, *values: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)

    def test_an_actor_is_not_written_in(self, office):
        case = office.searched().candidate_list.request.case
        ask(office)
        for case_id in (case.id, ""):
            with pytest.raises(IntegrityError, match="acted in that case"):
                self.sql(
                    "UPDATE oversight_redressrequest SET status = 'answered', outcome = 'nothing-found', "
                    "case_id = %s, answer = 'object-x', answered_by_id = %s, answered_at = asked_at",
                    case_id,
                    office.who("ines"),
                )

    def test_the_duty_is_not_closed_without_an_answer(self, office):
        ask(office)
        with pytest.raises(IntegrityError, match="closed by an answer"):
            self.sql(
                "UPDATE oversight_duty SET closed_at = due, closed_by_id = 'person-x' WHERE kind = 'redress'"
            )

    @pytest.mark.parametrize(
        "change", ["outcome = 'other-agency'", "words = 'object-y'", "due = answered_at"]
    )
    def test_an_answer_is_not_changed(self, office, change):
        answer(office, ask(office).id)
        with pytest.raises(IntegrityError):
            self.sql(f"UPDATE oversight_redressrequest SET {change}")


class TestFigures:
    def test_each_request_by_its_day(self, office):
        in_time, late_one, _ = ask(office), ask(office), ask(office)
        answer(office, in_time.id)
        office.clock.forward(days=31)
        answer(office, late_one.id)
        ask(office)
        entries = dict(enumerate(office.entries()))

        def counted(until):
            return sorted(c for _, c in redress_by_standing(entries, rule=Rule(), until=until))

        assert counted(office.clock.now) == ["in-time", "late", "overdue", "waiting"]


class AnyOrder(RuleBasedStateMachine):
    """Asking and answering by anybody in any order; the machine knows nothing of the rules."""

    template: Path
    done: ClassVar[dict[str, int]] = {}

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.opened = open_copy(self.template, Path(self.folder.name) / "home")
        self.office = self.opened.__enter__()
        self.case = self.office.searched().candidate_list.request.case
        admin = self.office.who("admin")
        both = made(admit_person(self.office.office, name="both", unit="Privacy unit", by=admin)).id
        made(grant_role(self.office.office, person_id=self.office.who("ines"), role="privacy", by=admin))
        made(grant_role(self.office.office, person_id=both, role="civil-rights", by=admin))
        self.people = [self.office.who(s) for s in ("ines", "pat", "arc", "sol")] + [both]
        self.codes: dict[str, str] = {}

    @rule(seed=st.integers(0, 2**32 - 1))
    def try_something(self, seed: int) -> None:
        """One number chooses everything evenly; drawn apart, most would be the first."""
        chosen = Random(seed)
        what = chosen.choice(["ask", "answer", "answer", "answer", "wait"])
        try:
            outcome = getattr(self, what)(chosen)
        except (BadInputError, StaleError):
            return
        name = "refused" if isinstance(outcome, Refusal) else what
        self.done[name] = self.done.get(name, 0) + 1

    def ask(self, chosen: Random) -> None:
        about = chosen.choice(["linked", "refused", "refused", "nothing"])
        asked = ask_redress(self.office.office, about=about, words=chosen.choice([WORDS, WORDS, ""]))
        self.codes[asked.id] = asked.code

    def answer(self, chosen: Random) -> object:
        return answer_redress(
            self.office.office,
            redress_id=chosen.choice([*self.codes, "redress-nobody"]),
            outcome=chosen.choice(list(RedressOutcome)),
            words="what we found",
            record_id=chosen.choice([self.case.id, ""]),
            by=chosen.choice(self.people),
        )

    def wait(self, chosen: Random) -> None:
        self.office.clock.forward(days=chosen.randint(1, 20))

    @invariant()
    def each_is_answered_once_by_somebody_apart_or_its_duty_stands(self) -> None:
        if not hasattr(self, "office"):
            return
        for row in RedressRequest.objects.all():
            duty = Duty.objects.get(kind="redress", about=row.id)
            standing = redress_standing(self.office.office, code=self.codes[row.id])
            assert (duty.closed_at is None) == (row.status == "open") == (standing.answer == "")
            assert duty.closed_by_id == row.answered_by_id
            assert row.answered_by_id not in {self.office.who("ines"), self.office.who("sol")}
            assert standing.status == row.status

    def teardown(self) -> None:
        if hasattr(self, "office"):
            try:
                assert self.office.fsck().sound
            finally:
                self.opened.__exit__(None, None, None)
                self.folder.cleanup()


def test_any_order_of_acts(office_template):
    AnyOrder.template, AnyOrder.done = office_template, {}
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=8, stateful_step_count=40, deadline=None, database=None, phases=[Phase.generate]
        ),
    )
    assert {"ask", "answer", "refused"} <= AnyOrder.done.keys(), AnyOrder.done
