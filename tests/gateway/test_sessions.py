"""One session for each person: who takes a second one ends the first, and it shows."""

from dataclasses import replace

import pytest
from django.db import IntegrityError as ConstraintError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.gateway.admit_person import grant_role, revoke_role
from counterseal.gateway.open_case import open_case
from counterseal.gateway.sealing import change
from counterseal.gateway.sessions import (
    Begun,
    SessionOverError,
    begin_session,
    disown_session,
    end_session,
    entries_of,
    under_session,
)
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import Finding, LogEntry
from counterseal.people.models import Session, SessionDisowned
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, IntegrityError, StaleError
from office import made


def begun(office, who: str = "ines", *, factor: str = "password", terminal: str = "desk-1") -> Begun:
    """A session that must come about."""
    answer = begin_session(office.office, person_id=office.who(who), factor=factor, terminal=terminal)
    assert isinstance(answer, Begun), answer
    return answer


def opens_a_case(office, acting, number: str = "2031-1"):
    """Any small act that seals."""
    return made(
        open_case(
            acting.office,
            number=number,
            case_type="fraud",
            statutory_authority="18 U.S.C. 1343",
            program_code="FRS-2026",
            by=acting.person_id,
        )
    )


class TestOneAtATime:
    def test_second_session_elsewhere_ends_the_first_and_is_a_finding(self, office):
        """The scenario in two calls."""
        first = begun(office)
        second = begun(office, terminal="desk-2")

        with pytest.raises(SessionOverError, match="begun-elsewhere"):
            under_session(office.office, first.token)
        assert under_session(office.office, second.token).person_id == office.who("ines")
        finding = Finding.objects.get(kind="concurrent-session")
        assert (finding.about, finding.person_id) == (first.session.id, office.who("ines"))
        kinds = [read_entry(bytes(LogEntry.objects.get(pk=i).body)).kind for i in finding.entries]
        assert kinds == ["session.begun", "session.ended", "session.begun"]

    def test_same_terminal_begins_anew_without_a_finding(self, office):
        """Somebody whose browser crashed is no suspect."""
        first = begun(office)
        begun(office)

        assert Session.objects.get(pk=first.session.id).ended_because == "begun-again"
        assert not Finding.objects.exists()

    @pytest.mark.parametrize("pause", [{"minutes": 31}, {"hours": 13}])
    def test_session_that_ran_out_is_no_finding(self, office, pause):
        """Home in the evening, back at another desk in the morning."""
        first = begun(office)
        office.clock.forward(**pause)
        begun(office, terminal="desk-2")

        assert Session.objects.get(pk=first.session.id).ended_because == "run-out"
        assert not Finding.objects.exists()

    def test_two_people_do_not_disturb_each_other(self, office):
        """One for each person, not one for all."""
        one, other = begun(office), begun(office, "ivan", terminal="desk-1")

        assert under_session(office.office, one.token).person_id == office.who("ines")
        assert under_session(office.office, other.token).person_id == office.who("ivan")

    def test_database_holds_no_two_open_sessions_of_a_person(self, office):
        """An ORM insert can go round Python."""
        one = begun(office).session
        two = Session(
            **{
                f.attname: getattr(one, f.attname)
                for f in Session._meta.concrete_fields
                if f.attname not in ("id", "token_hash")
            },
            id="session-x",
            token_hash="x",
        )
        with pytest.raises(ConstraintError):
            two.save(force_insert=True)


class TestFactors:
    def test_weaker_factor_than_the_role_needs_is_refused(self, office):
        """D-026-11/security: whoever grants roles brings a key that cannot be told."""
        answer = begin_session(office.office, person_id=office.who("admin"), factor="totp", terminal="desk-9")
        office.sealed_refusal(answer, "session.refused", "D-026-11/security")
        assert begun(office, "admin", factor="phishing-resistant").session.factor == "phishing-resistant"

    def test_refused_beginning_does_not_end_the_session_that_stands(self, office):
        """Else anybody could put everybody out."""
        standing = begun(office, "admin", factor="phishing-resistant")
        refused = begin_session(
            office.office, person_id=office.who("admin"), factor="password", terminal="desk-2"
        )

        assert isinstance(refused, Refusal)
        assert under_session(office.office, standing.token).session.id == standing.session.id

    def test_new_role_that_needs_more_ends_what_was_begun_with_less(self, office):
        """Rights count anew with each request."""
        session = begun(office)
        made(grant_role(office.office, person_id=office.who("ines"), role="auditor", by=office.who("admin")))
        with pytest.raises(SessionOverError, match="phishing-resistant"):
            under_session(office.office, session.token)

    def test_unknown_factor_is_bad_input(self, office):
        with pytest.raises(BadInputError, match="no factor"):
            begin_session(office.office, person_id=office.who("ines"), factor="smile", terminal="d")


class TestUnderASession:
    def test_entries_commit_to_their_session(self, office):
        """So that an act can be attributed later."""
        session = begun(office)
        acting = under_session(office.office, session.token)
        case = opens_a_case(office, acting)

        assert office.opened(case.entry_index)["session"] == session.session.id
        assert entries_of(session.session) == (case.entry_index,)
        assert b"session-" not in office.bodies()[case.entry_index]
        assert office.fsck().sound

    def test_nobody_acts_in_anothers_session(self, office):
        """A front end that mixes up two people does nothing at all."""
        acting = under_session(office.office, begun(office).token)
        before = LogEntry.objects.count()
        with pytest.raises(IntegrityError, match="about to act in the session"):
            opens_a_case(office, replace(acting, person_id=office.who("ivan")))
        assert LogEntry.objects.count() == before

    def test_ended_session_begins_nothing(self, office):
        """Not even where the token was looked at a moment before the end."""
        session = begun(office)
        acting = under_session(office.office, session.token)
        begun(office, terminal="desk-2")

        with pytest.raises(SessionOverError):
            opens_a_case(office, acting)

    def test_what_left_before_the_end_is_answered_after_it(self, office):
        """An intent without outcome would be a lie about the service."""
        case = office.case()
        request = made(office.request(case, office.probe(case)))
        acting = under_session(office.office, begun(office).token)
        with change(acting.office) as now:
            now.seal("search.intent", by=acting.person_id, action="x", target=request.id, outcome="permitted")
        begun(office, terminal="desk-2")
        with change(acting.office) as now:
            now.seal(
                "search.failed", by=acting.person_id, action="x", target=request.id, outcome="unreachable"
            )

        assert office.opened(len(office.entries()) - 1)["session"] == acting.session.id

    def test_made_up_session_is_none(self, office):
        """An id is no token, and no session either."""
        session = begun(office)
        for token in (
            "",
            session.session.id,
            session.token[:-1],
            session.token + "A",
            session.session.token_hash,
        ):
            with pytest.raises(SessionOverError):
                under_session(office.office, token)
        with pytest.raises(SessionOverError), change(replace(office.office, session="session-x")) as now:
            now.seal("case.opened", by=office.who("ines"), action="x", target="x", outcome="done")

    def test_token_is_kept_nowhere(self, office, tmp_path):
        """Neither in the database nor in the log, in no spelling."""
        token = begun(office).token
        held = [*(office.office.home.rglob("*"))]
        assert not [p for p in held if p.is_file() and token.encode() in p.read_bytes()]

    def test_idle_session_is_over_and_use_keeps_it(self, office):
        """Half an hour without a look; never longer than twelve hours."""
        session = begun(office)
        for _ in range(35):
            office.clock.forward(minutes=20)
            under_session(office.office, session.token)
        office.clock.forward(minutes=21)
        with pytest.raises(SessionOverError, match="run out"):
            under_session(office.office, session.token)

        other = begun(office, terminal="desk-3")
        office.clock.forward(minutes=29)
        under_session(office.office, other.token)
        office.clock.forward(minutes=30)
        with pytest.raises(SessionOverError, match="run out"):
            under_session(office.office, other.token)

    def test_without_a_role_nobody_acts(self, office):
        """A role revoked counts at the next request."""
        session = begun(office)
        made(
            revoke_role(
                office.office, person_id=office.who("ines"), role="investigator", by=office.who("admin")
            )
        )
        with pytest.raises(SessionOverError, match="no role"):
            under_session(office.office, session.token)


class TestEnding:
    def test_signed_out_is_over(self, office):
        session = begun(office)
        made(end_session(office.office, session_id=session.session.id, by=office.who("ines")))
        with pytest.raises(SessionOverError, match="signed-out"):
            under_session(office.office, session.token)
        with pytest.raises(StaleError):
            end_session(office.office, session_id=session.session.id, by=office.who("ines"))

    def test_colleague_does_not_end_it_and_a_supervisor_does(self, office):
        session = begun(office).session.id
        office.sealed_refusal(
            end_session(office.office, session_id=session, by=office.who("ivan")),
            "session.refused",
            "D-026-11/security",
        )
        assert made(end_session(office.office, session_id=session, by=office.who("sol"))).ended_because == (
            "ended-by-another"
        )

    def test_only_its_person_disowns_a_session(self, office):
        """Else a supervisor could undo a colleague's work by a word."""
        session = begun(office).session.id
        office.sealed_refusal(
            disown_session(office.office, session_id=session, words="not she", by=office.who("sol")),
            "session.refused",
            "HSI-M/4E1-log",
        )
        made(disown_session(office.office, session_id=session, words="I was at lunch", by=office.who("ines")))
        assert SessionDisowned.objects.get().session_id == session
        assert Session.objects.get(pk=session).ended_at is not None
        with pytest.raises(StaleError):
            disown_session(office.office, session_id=session, words="again", by=office.who("ines"))
        with pytest.raises(BadInputError):
            disown_session(office.office, session_id=session, words=" ", by=office.who("ines"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["ines", "ivan", "sol"]), st.sampled_from(["a", "b"]), st.integers(0, 45)),
        max_size=12,
    )
)
def test_in_any_order_the_last_token_of_a_person_is_the_only_one(office, beginnings):
    """Whatever the order of beginnings and pauses: one live token at most, and it is the newest."""
    newest: dict[str, str] = {}
    old: list[str] = []
    for who, terminal, pause in beginnings:
        office.clock.forward(minutes=pause)
        old += [newest[who]] if who in newest else []
        newest[who] = begun(office, who, terminal=terminal).token
    for token in old:
        with pytest.raises(SessionOverError):
            under_session(office.office, token)
    for who, token in newest.items():
        try:
            assert under_session(office.office, token).person_id == office.who(who)
        except SessionOverError as over:
            assert "run out" in str(over)
