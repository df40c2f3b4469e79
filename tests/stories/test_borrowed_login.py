"""borrowed-login: an agent used a colleague's password for searches; the log showed the colleague.

Ines works at her desk. Ivan has her password, and signs in as her in the back office. What stands in the way:
her session ends in front of her and the two are a finding; what he searched is bound to his session in the log,
so that she can disown it and it leads nowhere; and where a factor is asked for that cannot be told, he does not
get in at all.
"""

from dataclasses import replace

import pytest

from counterseal.gateway.findings import open_finding
from counterseal.gateway.mark_lead import mark_lead
from counterseal.gateway.sealing import change
from counterseal.gateway.search import Answered, search
from counterseal.gateway.sessions import (
    Acting,
    Begun,
    SessionOverError,
    begin_session,
    disown_session,
    entries_of,
    under_session,
)
from counterseal.oversight.models import Finding
from counterseal.policy import load_policies
from counterseal.terms.decisions import Refusal
from office import SimulatedOffice, made


def signs_in(office: SimulatedOffice, who: str, terminal: str, factor: str = "password") -> Begun | Refusal:
    """A sign-in with this person's password, whoever types it."""
    return begin_session(office.office, person_id=office.who(who), factor=factor, terminal=terminal)


def at_work(office: SimulatedOffice, begun: Begun | Refusal) -> SimulatedOffice:
    """The office as the holder of this session's token uses it."""
    assert isinstance(begun, Begun), begun
    acting: Acting = under_session(office.office, begun.token)
    return SimulatedOffice(acting.office, office.agency, office.clock, office.local)


@pytest.fixture
def borrowed(office: SimulatedOffice) -> tuple[Begun, Begun, Answered]:
    """Her session, his in her name, and the search that he made in it on her case."""
    hers = signs_in(office, "ines", "front desk")
    her_office = at_work(office, hers)
    case = her_office.case()
    office.clock.forward(minutes=5)
    his = signs_in(office, "ines", "back office")
    his_office = at_work(office, his)
    request = made(his_office.request(case, his_office.probe(case), limit=2))
    answered = search(his_office.office, request_id=request.id, by=office.who("ines"))
    assert isinstance(answered, Answered), answered
    assert isinstance(hers, Begun)
    assert isinstance(his, Begun)
    return hers, his, answered


class TestWhatTheColleagueNotices:
    def test_her_session_ends_in_front_of_her(self, office, borrowed):
        """The next thing she does tells her why."""
        hers, _, _ = borrowed
        with pytest.raises(SessionOverError, match="begun-elsewhere"):
            under_session(office.office, hers.token)

    def test_supervisor_sees_a_finding_that_names_both_terminals(self, office, borrowed):
        """One, whose entries lead to both sessions, and which she cannot decide herself."""
        hers, _, _ = borrowed
        finding = Finding.objects.get(kind="concurrent-session")

        assert finding.about == hers.session.id
        assert "`back office`" in finding.says
        assert "`front desk`" in finding.says
        assert finding.person_id == office.who("ines")
        assert [office.entries()[i].kind for i in finding.entries] == [
            "session.begun",
            "session.ended",
            "session.begun",
        ]

    def test_each_return_is_a_finding_of_its_own(self, office, borrowed):
        """She signs in again, he does too: the sessions that were put out are three."""
        signs_in(office, "ines", "front desk")
        signs_in(office, "ines", "back office")

        assert Finding.objects.filter(kind="concurrent-session").count() == 3


class TestAttribution:
    def test_search_is_bound_to_the_session_it_was_made_in(self, office, borrowed):
        """The log still shows her as the initiator; and beside it, his session and not hers."""
        hers, his, answered = borrowed
        for index in (answered.request.entry_index, answered.intent_index, answered.outcome_index):
            opened = office.opened(index)
            assert opened["initiator"] == office.who("ines")
            assert opened["session"] == his.session.id
        assert answered.intent_index in entries_of(his.session)
        assert not set(entries_of(his.session)) & set(entries_of(hers.session))
        assert office.fsck().sound

    def test_disowned_search_leads_nowhere(self, office, borrowed):
        """Two people keep the candidate and it is compared; it is no lead, because nobody's search found it."""
        _, his, answered = borrowed
        candidate = office.kept(answered)
        office.compare(candidate)
        made(
            disown_session(
                office.office,
                session_id=his.session.id,
                words="I was at the front desk; I searched nobody",
                by=office.who("ines"),
            )
        )
        refusal = mark_lead(office.office, candidate_id=candidate.id, by=office.who("ines"))

        office.sealed_refusal(refusal, "lead.refused", "HSI-M/4E1-log")
        finding = Finding.objects.get(kind="disowned-session")
        assert set(entries_of(his.session)) < set(finding.entries)

    def test_not_disowned_it_would_have_been_a_lead(self, office, borrowed):
        """Only the one thing is different."""
        _, _, answered = borrowed
        candidate = office.kept(answered)
        office.compare(candidate)

        assert made(mark_lead(office.office, candidate_id=candidate.id, by=office.who("ines")))

    def test_lead_that_came_before_the_word_clears_no_action(self, office, borrowed):
        """She notices late. The lead stands in the file; nobody is arrested on it."""
        _, his, answered = borrowed
        lead = office.lead(answered)
        office.support(lead)
        made(disown_session(office.office, session_id=his.session.id, words="not I", by=office.who("ines")))

        office.sealed_refusal(office.clearance(lead), "action.refused", "HSI-M/4D2-compare", "HSI-B/compare")

    def test_borrower_cannot_put_his_own_search_into_her_name_without_her_session(self, office, borrowed):
        """His own session does not carry her person id."""
        his_own = at_work(office, signs_in(office, "ivan", "his desk"))
        with pytest.raises(Exception, match="about to act in the session"), change(his_own.office) as now:
            rows = open_finding(now, "many-faces-on-one-case", "case-x", "says")
            now.seal(
                "search.intent", by=office.who("ines"), action="x", target="x", outcome="permitted", rows=rows
            )


class TestFactorThatCannotBeTold:
    @pytest.fixture
    def strict(self, office: SimulatedOffice) -> SimulatedOffice:
        """The same agency after one line of its pack was changed."""
        path = office.office.home / "policies/dhs-026-11/sessions.toml"
        text = path.read_text("utf-8")
        assert 'least_factor = "password"' in text
        path.write_text(
            text.replace('least_factor = "password"', 'least_factor = "phishing-resistant"'), "utf-8"
        )
        policies = load_policies(office.office.home / "policies")
        return SimulatedOffice(
            replace(office.office, policies=policies), office.agency, office.clock, office.local
        )

    @pytest.mark.parametrize("factor", ["password", "totp"])
    def test_password_or_code_is_refused_and_she_keeps_working(self, strict, factor):
        """D-026-11/security: what can be typed can be borrowed."""
        hers = signs_in(strict, "ines", "front desk", "phishing-resistant")
        his = signs_in(strict, "ines", "back office", factor)

        strict.sealed_refusal(his, "session.refused", "D-026-11/security")
        assert at_work(strict, hers).case().status == "open"
        assert not Finding.objects.exists()
