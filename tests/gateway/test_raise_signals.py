"""Signals at the gateway: with each search, and over a period; once, with entries, by whoever may."""

from datetime import timedelta

import pytest

from counterseal.casework.models import SearchRequest
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.findings import dismiss_finding
from counterseal.gateway.open_case import assign, close_case
from counterseal.gateway.raise_signals import Ran, history_of, run_signals
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Finding
from counterseal.people.models import Person
from counterseal.policy import SignalRule
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made, person


def run(office: SimulatedOffice, *, by: str = "sol", days: float = 30) -> Ran:
    """A run over the last days that must be allowed."""
    now = office.clock.now + timedelta(seconds=1)
    ran = run_signals(office.office, since=now - timedelta(days=days), until=now, by=office.who(by))
    assert isinstance(ran, Ran), ran
    return ran


def searched(office: SimulatedOffice, case, n: int, *, by: str = "ines", item=None) -> Answered:
    """One more face on this case."""
    probe = office.probe(case, photograph=person(n % 8).photograph(3 + n // 8), by=by, item=item)
    answered = office.search(made(office.request(case, probe, by=by, purpose=office.another_reason())), by=by)
    assert isinstance(answered, Answered), answered
    return answered


def kinds() -> list[str]:
    return sorted(Finding.objects.values_list("kind", flat=True))


class TestAtSearch:
    def test_same_photograph_for_another_case_by_a_colleague(self, office):
        """Noticed at the second search, for whom it concerns, with the entry."""
        first = office.searched(photograph=person(3).photograph(2))
        case = office.case(by="ivan")
        probe = office.probe(case, by="ivan", photograph=person(3).photograph(2))
        second = office.search(
            made(
                office.request(
                    case, probe, by="ivan", why_again="another victim", purpose=office.another_reason()
                )
            ),
            by="ivan",
        )
        assert isinstance(second, Answered), second
        finding = Finding.objects.get()

        assert (finding.kind, finding.person_id) == ("same-face-elsewhere", office.who("ivan"))
        assert "2 cases by 2 persons" in finding.says
        assert finding.entries == [second.intent_index]
        assert first.intent_index not in finding.entries
        assert office.fsck().sound

    def test_refused_search_raises_nothing(self, office):
        """What was not searched is counted nowhere; its refusal is sealed as it is."""
        case = office.case(with_step=False)
        item = office.item(case, "photograph", source_class="social-media", lawful_basis="publicly-posted")
        office.search(made(office.request(case, office.probe(case, item=item))))

        assert kinds() == []

    def test_office_whose_packs_have_no_numbers_searches_all_the_same(self, office, monkeypatch):
        """A signal stops nothing, and its absence neither; a run says what is missing."""
        monkeypatch.setattr(type(office.office.policies), "signals", lambda self, at: None)
        office.searched()
        with pytest.raises(BadInputError, match=r"no pack in force has a signals\.toml"):
            run(office)


class TestRun:
    def test_same_history_opens_each_finding_once(self, office):
        """Run again: the same list, nothing opened; dismissed: still nothing opened."""
        case = office.case()
        item = office.footage(case)
        for n in range(5):
            searched(office, case, n, item=item)
        assert kinds() == ["many-faces-on-one-case"]

        first = run(office)
        assert [f.kind for f in first.opened] == ["many-faces-from-one-source"]
        again = run(office)
        assert (again.signals, again.opened) == (first.signals, ())
        made(
            dismiss_finding(
                office.office,
                finding_id=first.opened[0].id,
                reason="one gang, one camera",
                by=office.who("sol"),
            )
        )
        assert run(office).opened == ()
        assert office.fsck().sound

    def test_structuring_by_two_is_found(self, office):
        """Each below the limit of the batch, together above it, within the hour."""
        case = office.case()
        made(assign(office.office, case_id=case.id, person_id=office.who("ivan"), by=office.who("ines")))
        for n in range(6):
            searched(office, case, n, by=("ines", "ivan")[n % 2])

        (batch,) = [s for s in run(office).signals if s.kind == "batch-of-several-persons"]
        assert batch.about == case.id
        assert "6 different faces on one case within 60 minutes by 2 persons" in batch.says
        assert [office.entries()[i].kind for i in batch.entries] == ["search.intent"] * 6

    def test_history_is_what_happened(self, office):
        """Searches with duty hours and intents, cases closed by those who were on them, approvals with their time."""
        answered = office.searched(witness_methods_exhausted=True)
        request = SearchRequest.objects.get(pk=answered.request.id)
        office.clock.forward(seconds=20)
        made(
            approve_search(
                office.office,
                request_id=request.id,
                kind="witness",
                granted=True,
                words="x",
                by=office.who("sol"),
            )
        )
        made(close_case(office.office, case_id=request.case_id, by=office.who("ines")))
        rule = office.office.policies.signals(office.clock.now)
        assert isinstance(rule, SignalRule)
        now = office.clock.now + timedelta(days=1)
        history = history_of(office.office, rule, since=now - timedelta(days=2), until=now)

        (search,) = history.searches
        assert (search.id, search.entry) == (request.id, answered.intent_index)
        assert search.unit == Person.objects.get(pk=office.who("ines")).unit
        assert search.on_duty == office.office.policies.supervision(now).on_duty(search.unit, search.at)
        assert [c.person for c in history.closed] == [office.who("ines")]
        (approved,) = history.approved
        assert approved.decided.approver_id == office.who("sol")
        assert 20 <= approved.decided.seconds < 30
        assert office.entries()[approved.entry].kind == "search.approved"

    def test_period_the_wrong_way_round_is_bad_input(self, office):
        now = office.clock.now
        with pytest.raises(BadInputError, match="ends after it begins"):
            run_signals(office.office, since=now, until=now, by=office.who("sol"))

    @pytest.mark.parametrize("who", ["ines", "admin", "rue", "dis"])
    def test_who_does_not_review_does_not_run_it(self, office, who):
        """Patterns of colleagues are for those who answer for them."""
        now = office.clock.now
        office.sealed_refusal(
            run_signals(office.office, since=now - timedelta(days=1), until=now, by=office.who(who)),
            "finding.refused",
            "HSI-M/4E5-audits",
        )
