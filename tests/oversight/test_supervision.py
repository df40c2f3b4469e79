"""Supervisors review what the packs say, and a share that nobody could choose; whoever is concerned decides nothing."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from counterseal.casework.models import Approval, SearchRequest
from counterseal.gateway import supervising
from counterseal.gateway.admit_person import admit_person, grant_role
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.belonging import case_of
from counterseal.gateway.destroy import destroy
from counterseal.gateway.draw_sample import Drawn, draw_sample, open_period, verify_sample
from counterseal.gateway.findings import (
    act_on_finding,
    answer_referral,
    dismiss_finding,
    open_finding,
    refer_finding,
    seal_finding,
)
from counterseal.gateway.holds import place_hold
from counterseal.gateway.request_search import Exigency
from counterseal.gateway.review_search_use import review_search_use
from counterseal.gateway.sealing import change
from counterseal.gateway.search import Answered
from counterseal.gateway.view_records import view_records
from counterseal.oversight.approvals import habits_of
from counterseal.oversight.models import (
    Duty,
    Finding,
    FindingStatus,
    LogDisclosures,
    Referral,
    SamplePeriod,
    SupervisorReview,
)
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, CountersealError, StaleError
from office import SimulatedOffice, made, person

CLAUSE = "HSI-M/4E4-supervisor-review"
KIND = "supervisor-review"
FACTS = "the abducted child was seen in a grey van and the driver threatened to hurt him"
WHY = "both supervisors of the unit were on a flight and their deputies did not answer"


@pytest.fixture
def desk(office: SimulatedOffice) -> SimulatedOffice:
    """The office on a Wednesday morning, within everybody's hours."""
    now = office.clock.now
    wednesday = now + timedelta(days=(2 - now.weekday()) % 7 or 7)
    office.clock.now = wednesday.astimezone(UTC).replace(hour=15, minute=0)
    return office


def another(office: SimulatedOffice, *roles: str, name: str = "Sid Supervisor") -> str:
    """Somebody else with these roles: a second supervisor unless told otherwise."""
    row = made(admit_person(office.office, name=name, unit="Fraud unit", by=office.who("admin")))
    for role in roles or ("supervisor",):
        made(grant_role(office.office, person_id=row.id, role=role, by=office.who("admin")))
    return row.id


def duty_of(request: SearchRequest) -> Duty | None:
    return Duty.objects.filter(kind=KIND, about=request.id).first()


def plain(office: SimulatedOffice, n: int = 3) -> Answered:
    """A search that no reason puts under review: a photograph and a case of its own."""
    return office.searched(photograph=person(n).photograph(2 + n), purpose=office.another_reason())


def filled(office: SimulatedOffice, *no: str) -> dict[str, Mapping[str, str]]:
    """A worksheet: every line yes but these, which say why."""
    lines = office.office.policies.supervision(office.clock.now).worksheet
    return {
        "answers": {line: "no" if line in no else "yes" for line in lines},
        "reasons": dict.fromkeys(no, "the case file says otherwise"),
    }


def reviewed(
    office: SimulatedOffice, request: SearchRequest, *no: str, by: str = "", conclusion: str = ""
) -> SupervisorReview | Refusal:
    return review_search_use(
        office.office,
        request_id=request.id,
        conclusion=conclusion or ("finding" if no else "in-order"),
        by=by or office.who("sol"),
        **filled(office, *no),
    )


def found_by_review(office: SimulatedOffice, n: int = 3) -> tuple[SearchRequest, Finding]:
    """A search by Ines that Sol reviewed with one no."""
    request = plain(office, n).request
    made(reviewed(office, request, "means"))
    return request, Finding.objects.get(kind="review-means", about=request.id)


def exigent(office: SimulatedOffice, n: int = 6) -> SearchRequest:
    """An exigent use that ran without prior approval."""
    case = office.case(with_step=False)
    probe = office.probe(case, photograph=person(n).photograph(4))
    request = made(
        office.request(
            case, probe, exigency=Exigency("physical-harm", FACTS, WHY), purpose=office.another_reason()
        )
    )
    assert isinstance(office.search(request), Answered)
    return SearchRequest.objects.get(pk=request.id)


class TestReasons:
    """What is reviewed in any case."""

    def test_a_plain_search_is_left_to_chance(self, desk: SimulatedOffice) -> None:
        assert duty_of(plain(desk).request) is None

    def test_an_exigent_one_is_reviewed_once(self, desk: SimulatedOffice) -> None:
        """The policy opens the duty; the packs' reasons are written on it, and open no second one."""
        request = exigent(desk)
        duty = Duty.objects.get(kind=KIND, about=request.id)

        assert duty.because == ["exigent"]
        assert duty.due == duty.opened_at + timedelta(days=30)

    @pytest.mark.parametrize(
        ("at", "because"),
        [
            (datetime(2026, 12, 2, 11, 0, tzinfo=UTC), []),  # 06:00 in New York
            (datetime(2026, 12, 2, 10, 50, tzinfo=UTC), ["out-of-hours"]),
            (datetime(2026, 12, 3, 0, 50, tzinfo=UTC), []),  # still Wednesday there, 19:50
            (datetime(2026, 12, 3, 1, 0, tzinfo=UTC), ["out-of-hours"]),
            (datetime(2026, 12, 5, 17, 0, tzinfo=UTC), ["out-of-hours"]),  # a Saturday
            (datetime(2027, 7, 7, 10, 0, tzinfo=UTC), []),  # summer time
        ],
    )
    def test_hours_are_the_unit_s_own(
        self, office: SimulatedOffice, at: datetime, because: list[str]
    ) -> None:
        rule = office.office.policies.supervision(at)

        assert rule.on_duty("Fraud unit", at) == (not because)

    def test_a_search_at_night_is_reviewed(self, desk: SimulatedOffice) -> None:
        desk.clock.forward(hours=12)
        duty = duty_of(plain(desk).request)

        assert duty is not None
        assert duty.because == ["out-of-hours"]

    def test_the_same_photograph_again_is_reviewed(self, desk: SimulatedOffice) -> None:
        """Under another case too: that is where shopping for an answer shows."""
        desk.searched()
        again = desk.searched(purpose=desk.another_reason(), why_again="the gallery has grown since")
        duty = duty_of(again.request)

        assert duty is not None
        assert duty.because == ["same-photograph"]

    def test_a_second_search_of_a_case_is_reviewed(self, desk: SimulatedOffice) -> None:
        first = plain(desk)
        case = first.request.case
        probe = desk.probe(case, photograph=person(5).photograph(4))
        request = made(desk.request(case, probe, purpose=desk.another_reason()))
        assert isinstance(desk.search(request), Answered)
        duty = duty_of(request)

        assert duty is not None
        assert duty.because == ["same-case"]

    def test_a_request_that_was_refused_is_no_earlier_search(self, desk: SimulatedOffice) -> None:
        """Asked, never submitted: nothing left the gateway."""
        case = desk.case()
        probe = desk.probe(case)
        made(desk.request(case, probe))
        again = made(
            desk.request(case, probe, purpose=desk.another_reason(), why_again="the first was withdrawn")
        )
        desk.search(again)

        assert duty_of(again) is None


class TestDraw:
    """The random share."""

    def period(self, office: SimulatedOffice, *, days: int = 30, **more: object) -> SamplePeriod:
        until = office.clock.now + timedelta(days=days)
        return made(open_period(office.office, until=until, by=office.who("sol"), **more))

    def drawn(self, office: SimulatedOffice, period: SamplePeriod) -> Drawn:
        if office.clock.now < period.until:
            office.clock.now = period.until + timedelta(minutes=1)
        return made(draw_sample(office.office, period_id=period.id, by=office.who("sol")))

    def test_opens_a_duty_for_at_least_one(self, desk: SimulatedOffice) -> None:
        period = self.period(desk)
        plainly = {plain(desk, n).request.id for n in (1, 2, 3)}
        grave = exigent(desk)
        drawn = self.drawn(desk, period)

        assert (drawn.population, len(drawn.drawn), drawn.between) == (3, 1, ())
        assert set(drawn.drawn) <= plainly
        duties = Duty.objects.filter(kind=KIND)
        assert {d.about: d.because for d in duties} == {
            drawn.drawn[0]: ["sampled"],
            grave.id: ["exigent"],
        }
        again = verify_sample(SamplePeriod.objects.get(pk=period.id).drawn_index or 0)
        assert (again.wrong, again.drawn, again.seed) == ((), drawn.drawn, drawn.seed.hex())
        assert desk.fsck().sound

    def test_nothing_searched_is_nothing_drawn(self, desk: SimulatedOffice) -> None:
        drawn = self.drawn(desk, self.period(desk))

        assert (drawn.population, drawn.drawn) == (0, ())
        assert verify_sample(drawn.period.drawn_index or 0).wrong == ()

    def test_a_gap_between_periods_is_no_way_out(self, desk: SimulatedOffice) -> None:
        """Searched while no period was open: every one is reviewed."""
        before = plain(desk, 1).request.id
        first = self.period(desk)
        inside = plain(desk, 2).request.id
        self.drawn(desk, first)
        gap = plain(desk, 3).request.id
        second = self.period(desk)
        drawn = self.drawn(desk, second)

        assert drawn.between == (gap,)
        assert {d.about: d.because for d in Duty.objects.filter(kind=KIND)} == {
            before: ["between-periods"],
            inside: ["sampled"],
            gap: ["between-periods"],
        }
        assert verify_sample(drawn.period.drawn_index or 0).wrong == ()

    def test_not_before_it_is_over_and_not_twice(self, desk: SimulatedOffice) -> None:
        """Whoever draws early could wait for a better moment; whoever draws twice could choose."""
        period = self.period(desk)
        with pytest.raises(BadInputError, match="over"):
            draw_sample(desk.office, period_id=period.id, by=desk.who("sol"))
        self.drawn(desk, period)
        with pytest.raises(StaleError):
            draw_sample(desk.office, period_id=period.id, by=desk.who("aud"))

    def test_the_commitment_comes_first(self, desk: SimulatedOffice) -> None:
        """A secret made after the searches could be made to fit them."""
        now = desk.clock.now
        with pytest.raises(BadInputError, match="begins now or later"):
            self.period(desk, since=now - timedelta(days=1))
        with pytest.raises(BadInputError, match="begins now or later"):
            self.period(desk, days=-1)

    def test_periods_do_not_overlap(self, desk: SimulatedOffice) -> None:
        first = self.period(desk)
        with pytest.raises(BadInputError, match="another period lasts until"):
            self.period(desk, days=60, since=desk.clock.now + timedelta(days=5))
        second = self.period(desk, days=60)

        assert second.since == first.until == second.after

    def test_an_earlier_period_is_drawn_first(self, desk: SimulatedOffice) -> None:
        """Else a draw could be left out for good."""
        first, second = self.period(desk), self.period(desk, days=60)
        desk.clock.forward(days=61)
        with pytest.raises(StaleError, match="draw it first"):
            draw_sample(desk.office, period_id=second.id, by=desk.who("sol"))
        self.drawn(desk, first)
        self.drawn(desk, second)

    def test_the_secret_is_not_in_the_open_before_the_draw(self, desk: SimulatedOffice) -> None:
        period = self.period(desk)
        secret = desk.office.vault.open(period.secret)

        assert all(secret.hex()[:16].encode() not in body for body in desk.bodies())
        self.drawn(desk, period)
        assert secret.hex()[:16].encode() in desk.bodies()[-1]

    @pytest.mark.parametrize("who", ["sol", "aud", "arc", "dis"])
    def test_nobody_is_shown_the_secret(self, desk: SimulatedOffice, who: str) -> None:
        """Whoever sees everything else could try before the draw which head of the log suits them."""
        period = self.period(desk)
        shown = view_records(desk.office, objects=[period.secret], why="supervision", by=desk.who(who))

        desk.sealed_refusal(shown, "vaultobject.refused", "D-026-11/security")

    def test_what_does_not_fit_is_named(self, desk: SimulatedOffice) -> None:
        """Openings that somebody exchanged open nothing; an entry that is no draw is told so."""
        drawn = self.drawn(desk, self.period(desk))
        index = drawn.period.drawn_index or 0
        with pytest.raises(BadInputError, match="not a draw"):
            verify_sample(drawn.period.opened_index)
        with pytest.raises(BadInputError, match="no entry"):
            verify_sample(99_999)
        LogDisclosures.objects.filter(pk=index).update(encoded="")
        with pytest.raises(CountersealError):
            verify_sample(index)

    @pytest.mark.parametrize(
        ("told", "wrong"),
        [
            ({"drawn": []}, "another draw comes out"),
            ({"population": []}, "not those of every search"),
            ({"reviewed_already": ["request-x"]}, "not those of every search"),
        ],
    )
    def test_a_draw_that_lies_is_found(
        self,
        desk: SimulatedOffice,
        monkeypatch: pytest.MonkeyPatch,
        told: dict[str, object],
        wrong: str,
    ) -> None:
        """A gateway that was changed seals another outcome than the seed gives; the log itself tells."""
        period = self.period(desk)
        plain(desk)
        from counterseal.gateway.sealing import Change

        honest = Change.seal

        def lying(self: Change, kind: str, **given: object) -> object:
            if kind == "audit.sampled":
                given["committed"] = {**given["committed"], **told}
            return honest(self, kind, **given)

        monkeypatch.setattr(Change, "seal", lying)
        drawn = self.drawn(desk, period)
        monkeypatch.undo()

        assert any(wrong in said for said in verify_sample(drawn.period.drawn_index or 0).wrong)

    @pytest.mark.parametrize("who", ["ines", "rue", "admin"])
    def test_only_who_supervises_or_audits(self, desk: SimulatedOffice, who: str) -> None:
        refusal = open_period(desk.office, until=desk.clock.now + timedelta(days=3), by=desk.who(who))

        desk.sealed_refusal(refusal, "sampleperiod.refused", CLAUSE)


class TestReview:
    """A supervisor's word on one search."""

    def test_closes_its_duty(self, desk: SimulatedOffice) -> None:
        desk.clock.forward(hours=12)
        request = plain(desk).request
        review = made(reviewed(desk, request))
        duty = duty_of(request)

        assert duty is not None
        assert (duty.closed_by_id, duty.closed_at) == (desk.who("sol"), review.at)
        assert supervising.queue(at=desk.clock.now) == ()
        assert Finding.objects.count() == 0
        assert desk.fsck().sound

    def test_a_no_becomes_a_finding_about_the_requester(self, desk: SimulatedOffice) -> None:
        request, finding = found_by_review(desk)

        assert (finding.person_id, finding.status) == (request.requester_id, "open")
        assert request.intent_index in finding.entries
        last = desk.entries()[-1]
        assert (last.kind, last.public) == ("audit.finding", {"kind": "review-means"})

    def test_referred_hands_every_finding_over(self, desk: SimulatedOffice) -> None:
        request = plain(desk).request
        made(reviewed(desk, request, "means", "report", conclusion="referred"))

        assert {f.status for f in Finding.objects.all()} == {FindingStatus.REFERRED}
        assert Referral.objects.count() == 2
        assert desk.fsck().sound

    def test_a_hold_on_the_case_keeps_its_words(self, desk: SimulatedOffice) -> None:
        """A claim about the case reaches what supervisors wrote of it, and of what they found."""
        request, finding = found_by_review(desk)
        made(dismiss_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("sol")))
        review = SupervisorReview.objects.get(request_id=request.id)

        assert [case_of(each) for each in (review.id, finding.id)] == [request.case_id] * 2
        made(
            place_hold(
                desk.office, about=request.case_id, kind="litigation", reason="a claim", by=desk.who("arc")
            )
        )
        for about in (review.id, finding.id):
            held = destroy(desk.office, about=about, authority="schedule-1", by=desk.who("arc"))
            assert isinstance(held, Refusal)

    def test_words_are_in_the_vault_only(self, desk: SimulatedOffice) -> None:
        request = plain(desk).request
        made(reviewed(desk, request, "means"))

        assert not any(b"says otherwise" in body for body in desk.bodies())

    def test_requester_does_not_review(self, desk: SimulatedOffice) -> None:
        """Not as a supervisor either."""
        request = plain(desk).request
        made(grant_role(desk.office, person_id=desk.who("ines"), role="supervisor", by=desk.who("admin")))

        desk.sealed_refusal(reviewed(desk, request, by=desk.who("ines")), "supervisorreview.refused", CLAUSE)

    def test_approver_does_not_review(self, desk: SimulatedOffice) -> None:
        request = exigent(desk)
        self.approve(desk, request, by=desk.who("sol"))

        desk.sealed_refusal(reviewed(desk, request), "supervisorreview.refused", CLAUSE)
        made(reviewed(desk, request, by=another(desk)))

    def test_reviewer_does_not_approve_afterwards(self, desk: SimulatedOffice) -> None:
        """The other order of the same two acts."""
        request = exigent(desk)
        made(reviewed(desk, request))

        desk.sealed_refusal(self.approve(desk, request, by=desk.who("sol")), "approval.refused", CLAUSE)

    def approve(self, office: SimulatedOffice, request: SearchRequest, *, by: str) -> Approval | Refusal:
        return approve_search(
            office.office, request_id=request.id, kind="exigent", granted=True, words="it bore out", by=by
        )

    @pytest.mark.parametrize("who", ["exa", "rue", "aud", "admin"])
    def test_only_a_supervisor(self, desk: SimulatedOffice, who: str) -> None:
        desk.sealed_refusal(
            reviewed(desk, plain(desk).request, by=desk.who(who)), "supervisorreview.refused", CLAUSE
        )

    def test_twice_is_stale(self, desk: SimulatedOffice) -> None:
        request = plain(desk).request
        made(reviewed(desk, request))
        with pytest.raises(StaleError):
            reviewed(desk, request, by=another(desk))

    def test_what_never_ran_is_not_reviewed(self, desk: SimulatedOffice) -> None:
        case = desk.case()
        request = made(desk.request(case, desk.probe(case)))
        with pytest.raises(BadInputError, match="never submitted"):
            reviewed(desk, request)

    @pytest.mark.parametrize(
        ("change_of", "says"),
        [
            (lambda g: g["answers"].pop("means"), "missing: means"),
            (lambda g: g["answers"].update(more="yes"), "no line `more`"),
            (lambda g: g["answers"].update(means="perhaps"), "not `perhaps`"),
            (lambda g: g["answers"].update(means="no"), "say why"),
            (lambda g: g["reasons"].update(more="x"), "no line `more`"),
            (lambda g: g.update(conclusion="fine"), "not `fine`"),
            (lambda g: g.update(conclusion="finding"), "in order where no line"),
            (
                lambda g: (g["answers"].update(means="no"), g["reasons"].update(means="x")),
                "in order where no line",
            ),
        ],
    )
    def test_a_worksheet_is_filled_in(
        self, desk: SimulatedOffice, change_of: Callable[[dict[str, object]], object], says: str
    ) -> None:
        request = plain(desk).request
        given: dict[str, object] = {"conclusion": "in-order", **filled(desk)}
        change_of(given)
        before = len(desk.bodies())
        with pytest.raises(BadInputError, match=says):
            review_search_use(desk.office, request_id=request.id, by=desk.who("sol"), **given)

        assert len(desk.bodies()) == before


class TestFindings:
    """A finding stands until somebody whom it does not concern says what came of it."""

    def test_dismissed_and_acted_on(self, desk: SimulatedOffice) -> None:
        for n, verb, words, status in (
            (1, dismiss_finding, {"reason": "the check was made elsewhere"}, "dismissed"),
            (2, act_on_finding, {"done": "the officer was retrained"}, "acted-on"),
        ):
            _, finding = found_by_review(desk, n)
            row = made(verb(desk.office, finding_id=finding.id, by=desk.who("sol"), **words))
            assert (row.status, row.decided_by_id) == (status, desk.who("sol"))
            with pytest.raises(StaleError):
                verb(desk.office, finding_id=finding.id, by=desk.who("aud"), **words)
        assert desk.fsck().sound

    def test_not_by_whom_it_concerns(self, desk: SimulatedOffice) -> None:
        _, finding = found_by_review(desk)
        made(grant_role(desk.office, person_id=desk.who("ines"), role="supervisor", by=desk.who("admin")))
        for verb, words in (
            (dismiss_finding, {"reason": "r"}),
            (act_on_finding, {"done": "d"}),
            (refer_finding, {"reason": "r"}),
        ):
            outcome = verb(desk.office, finding_id=finding.id, by=desk.who("ines"), **words)
            desk.sealed_refusal(outcome, "finding.refused", CLAUSE)

    def test_not_by_who_approved_the_search(self, desk: SimulatedOffice) -> None:
        """A finding about a search concerns its approver too."""
        request = exigent(desk)
        made(
            approve_search(
                desk.office,
                request_id=request.id,
                kind="exigent",
                granted=True,
                words="it bore out",
                by=desk.who("sol"),
            )
        )
        made(reviewed(desk, request, "circumstances", by=another(desk)))
        finding = Finding.objects.get(kind="review-circumstances")
        outcome = dismiss_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("sol"))

        desk.sealed_refusal(outcome, "finding.refused", CLAUSE)

    def test_by_whose_kind_it_is(self, desk: SimulatedOffice) -> None:
        """What an audit found is not for the supervisor under audit to dismiss."""
        with change(desk.office) as now:
            (finding,) = seal_finding(
                now, "audit-no-file", "case-x", "no file", by=desk.who("aud"), clauses=["HSI-M/4E5-audits"]
            )
        outcome = dismiss_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("sol"))

        desk.sealed_refusal(outcome, "finding.refused", CLAUSE)
        made(dismiss_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("aud")))

    def test_one_of_a_kind_about_one_thing_stands_at_a_time(self, desk: SimulatedOffice) -> None:
        """Referred stands too; after it is closed, the same may come again."""

        def raised() -> tuple[Finding, ...]:
            with change(desk.office) as now:
                opened = seal_finding(
                    now,
                    "many-faces-on-one-case",
                    "case-x",
                    "many",
                    by=desk.who("aud"),
                    clauses=[CLAUSE],
                )
                if not opened:
                    now.seal("test.nothing", by="p", action="a", target="t", outcome="done")
            return opened

        (first,) = raised()
        assert raised() == ()
        referral = made(refer_finding(desk.office, finding_id=first.id, reason="grave", by=desk.who("sol")))
        assert raised() == ()
        made(
            answer_referral(
                desk.office, referral_id=referral.id, outcome="dismissed", words="w", by=desk.who("aud")
            )
        )
        assert len(raised()) == 1

    @pytest.mark.parametrize(
        ("kind", "about", "says"),
        [
            ("nothing-known", "case-x", "s"),
            ("review-", "case-x", "s"),
            ("many-faces-on-one-case", "", "s"),
            ("many-faces-on-one-case", "case-x", " "),
        ],
    )
    def test_what_is_no_finding(self, desk: SimulatedOffice, kind: str, about: str, says: str) -> None:
        with pytest.raises(BadInputError), change(desk.office) as now:
            open_finding(now, kind, about, says)

    def test_words_are_asked_for(self, desk: SimulatedOffice) -> None:
        _, finding = found_by_review(desk)
        with pytest.raises(BadInputError, match="words"):
            dismiss_finding(desk.office, finding_id=finding.id, reason="  ", by=desk.who("sol"))
        with pytest.raises(BadInputError, match="there is no finding"):
            dismiss_finding(desk.office, finding_id="finding-x", reason="r", by=desk.who("sol"))


class TestReferral:
    """Only professional responsibility's answer closes what was referred."""

    def referred(self, office: SimulatedOffice) -> tuple[Finding, Referral]:
        _, finding = found_by_review(office)
        return finding, made(
            refer_finding(office.office, finding_id=finding.id, reason="grave", by=office.who("sol"))
        )

    def test_has_a_day_and_closes_the_finding(self, desk: SimulatedOffice) -> None:
        finding, referral = self.referred(desk)
        with pytest.raises(StaleError):
            dismiss_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("aud"))
        answered = made(
            answer_referral(
                desk.office, referral_id=referral.id, outcome="acted-on", words="w", by=desk.who("aud")
            )
        )

        assert referral.due == referral.referred_at + timedelta(days=30)
        assert (answered.status, Finding.objects.get(pk=finding.id).status) == ("answered", "acted-on")
        with pytest.raises(StaleError):
            answer_referral(
                desk.office, referral_id=referral.id, outcome="dismissed", words="w", by=desk.who("aud")
            )
        assert desk.fsck().sound

    def test_not_by_who_referred_it(self, desk: SimulatedOffice) -> None:
        """Also where one person holds both roles."""
        _, referral = self.referred(desk)
        made(grant_role(desk.office, person_id=desk.who("sol"), role="auditor", by=desk.who("admin")))
        outcome = answer_referral(
            desk.office, referral_id=referral.id, outcome="dismissed", words="w", by=desk.who("sol")
        )

        desk.sealed_refusal(outcome, "referral.refused", "HSI-M/4E5-audits")

    def test_not_by_whom_it_concerns(self, desk: SimulatedOffice) -> None:
        _, referral = self.referred(desk)
        made(grant_role(desk.office, person_id=desk.who("ines"), role="auditor", by=desk.who("admin")))
        outcome = answer_referral(
            desk.office, referral_id=referral.id, outcome="dismissed", words="w", by=desk.who("ines")
        )

        desk.sealed_refusal(outcome, "finding.refused", "HSI-M/4E5-audits")

    def test_other_outcomes_are_none(self, desk: SimulatedOffice) -> None:
        _, referral = self.referred(desk)
        with pytest.raises(BadInputError, match="acted-on or dismissed"):
            answer_referral(
                desk.office, referral_id=referral.id, outcome="open", words="w", by=desk.who("aud")
            )


class TestViews:
    """What is shown is read from the records."""

    def test_the_gravest_first_then_the_oldest(self, desk: SimulatedOffice) -> None:
        desk.clock.forward(hours=12)
        late_one = plain(desk, 1).request
        desk.clock.forward(days=2)
        grave = exigent(desk)
        newer = plain(desk, 2).request

        assert [q.request.id for q in supervising.queue(at=desk.clock.now)] == [
            grave.id,
            late_one.id,
            newer.id,
        ]

    def test_leaves_out_what_one_may_not_review(self, desk: SimulatedOffice) -> None:
        request = exigent(desk)

        assert supervising.queue(at=desk.clock.now, unless=desk.who("ines")) == ()
        TestReview().approve(desk, request, by=desk.who("sol"))
        assert supervising.queue(at=desk.clock.now, unless=desk.who("sol")) == ()
        assert len(supervising.queue(at=desk.clock.now, unless=another(desk))) == 1

    def test_the_level_above_sees_what_is_late(self, desk: SimulatedOffice) -> None:
        period = TestDraw().period(desk, days=3)
        exigent(desk)
        _, finding = found_by_review(desk)
        made(refer_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("sol")))
        assert supervising.late(at=desk.clock.now) == ()
        desk.clock.forward(days=31)
        late = supervising.late(at=desk.clock.now)

        assert {o.what for o in late} == {
            "exigent-approval",
            "note-result",
            "sample",
            "referral",
            KIND,
        }
        assert ("sample", period.id) in {(o.what, o.about) for o in late}
        assert [o.due for o in late] == sorted(o.due for o in late)

    def test_what_waits_for_an_approval(self, desk: SimulatedOffice) -> None:
        request = exigent(desk)
        (waiting,) = supervising.awaiting_approval(at=desk.clock.now)

        assert (waiting.request.id, waiting.kind) == (request.id, "exigent")
        assert waiting.until is not None
        TestReview().approve(desk, request, by=desk.who("sol"))
        assert supervising.awaiting_approval(at=desk.clock.now) == ()

    def test_a_search_with_its_surroundings(self, desk: SimulatedOffice) -> None:
        others = [plain(desk, n).request.id for n in (1, 2)]
        case = SearchRequest.objects.get(pk=others[0]).case
        probe = desk.probe(case, photograph=person(5).photograph(4))
        request = made(desk.request(case, probe, purpose=desk.another_reason()))
        desk.search(request)
        seen = supervising.surroundings(request.id)

        assert [r.id for r in seen.person_last] == others[::-1]
        assert [r.id for r in seen.of_case] == others[:1]
        assert seen.because == ("same-case",)
        assert seen.review is None

    def test_completion_and_habits(self, desk: SimulatedOffice) -> None:
        start = desk.clock.now
        request = exigent(desk)
        desk.clock.forward(hours=1)
        TestReview().approve(desk, request, by=desk.who("sol"))
        made(reviewed(desk, request, by=another(desk)))
        exigent(desk, 5)
        end = desk.clock.now + timedelta(days=60)
        done = supervising.completion(since=start, until=end)
        habits = habits_of(desk.who("sol"), supervising.decided(since=start, until=end))

        assert (done.due, done.in_time, done.late, done.missing) == (2, 1, 0, 1)
        assert (habits.decisions, habits.refused, dict(habits.requesters)) == (
            1,
            0,
            {desk.who("ines"): 1},
        )
        assert habits.median_seconds == pytest.approx(3600, abs=5)


class TestRoundPython:
    """What goes round the verbs meets the database."""

    def refused(self, says: str, act: Callable[[], object]) -> None:
        with pytest.raises(IntegrityError, match=says), transaction.atomic():
            act()

    def test_a_review_by_the_approver(self, desk: SimulatedOffice) -> None:
        request = exigent(desk)
        TestReview().approve(desk, request, by=desk.who("sol"))
        row = {
            "id": "supervision-x", "entry_index": 0, "request_id": request.id, "conclusion": "in-order",
            "answers": {}, "words": "object-x", "pack": "p", "at": desk.clock.now,
        }  # fmt: skip
        for requester, reviewer in ((request.requester_id, desk.who("sol")), ("person-x", "person-y")):
            self.refused(
                "by an approver of the search",
                lambda r=requester, v=reviewer: SupervisorReview.objects.create(
                    **row, requester_id=r, reviewer_id=v
                ),
            )
        self.refused(
            "supervised_by_another",
            lambda: SupervisorReview.objects.create(
                **row, requester_id=request.requester_id, reviewer_id=request.requester_id
            ),
        )

    def test_an_approval_by_the_reviewer(self, desk: SimulatedOffice) -> None:
        request = exigent(desk)
        made(reviewed(desk, request))
        self.refused(
            "by the supervisor who reviewed",
            lambda: Approval.objects.create(
                id="approval-x", entry_index=0, request=request, kind="exigent", approver_id=desk.who("sol"),
                requester_id=request.requester_id, payload_digest="x", granted=True, words="o",
                at=desk.clock.now,
            ),
        )  # fmt: skip

    def test_a_duty_closed_without_a_review(self, desk: SimulatedOffice) -> None:
        request = exigent(desk)
        duty = Duty.objects.filter(kind=KIND, about=request.id)
        self.refused(
            "closed by a review",
            lambda: duty.update(closed_at=desk.clock.now, closed_by_id=desk.who("sol")),
        )

    def test_a_period_over_another(self, desk: SimulatedOffice) -> None:
        first = TestDraw().period(desk)
        copy = SamplePeriod.objects.get(pk=first.id)
        copy.id = "period-x"
        self.refused("before another one ends", lambda: copy.save(force_insert=True))

    def test_a_finding_that_moves_wrongly(self, desk: SimulatedOffice) -> None:
        request, finding = found_by_review(desk)
        row = Finding.objects.filter(pk=finding.id)
        told = {"decided_at": desk.clock.now, "words": "object-x"}
        self.refused("referral", lambda: row.update(status="referred", decided_by_id="person-x", **told))
        self.refused(
            "requester or an approver|finding_decided_by_another",
            lambda: row.update(status="dismissed", decided_by_id=request.requester_id, **told),
        )
        self.refused("finding_decided_with_words", lambda: row.update(status="dismissed"))
        self.refused("only status", lambda: row.update(person_id=""))
        made(refer_finding(desk.office, finding_id=finding.id, reason="r", by=desk.who("sol")))
        self.refused(
            "closed by the outcome",
            lambda: row.update(status="dismissed", decided_by_id=desk.who("aud"), **told),
        )
        self.refused("change only with where it stands", lambda: row.update(words="object-y"))
        _, other = found_by_review(desk, 1)
        made(act_on_finding(desk.office, finding_id=other.id, done="d", by=desk.who("sol")))
        self.refused(
            "cannot follow",
            lambda: Finding.objects.filter(pk=other.id).update(
                status="open", decided_by_id="", decided_at=None, words=""
            ),
        )

    def test_a_finding_twice(self, desk: SimulatedOffice) -> None:
        _, finding = found_by_review(desk)
        finding.id = "finding-x"
        self.refused("finding_once_while_open|UNIQUE", lambda: finding.save(force_insert=True))
