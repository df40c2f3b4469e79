"""Samples, reviews, findings and referrals in any order of acts by any persons.

The machine knows nothing of the rules. Refusals, stale acts and bad input are answers; anything else is a fault.
No order closes a duty by the requester or an approver, none leaves an exigent search without a duty.
"""

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterseal.casework.models import Approval, SearchRequest
from counterseal.gateway.admit_person import admit_person, grant_role
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.draw_sample import draw_sample, open_period, verify_sample
from counterseal.gateway.findings import (
    act_on_finding,
    answer_referral,
    concerned,
    dismiss_finding,
    refer_finding,
)
from counterseal.gateway.request_search import Exigency
from counterseal.gateway.review_search_use import review_search_use
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Duty, Finding, Referral, SamplePeriod, SupervisorReview
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from counterseal.terms.rows import SealedRow
from office import made, open_copy, person

RowT = TypeVar("RowT", bound=SealedRow)
PEOPLE = ("ines", "sol", "sol", "sid", "sid", "aud", "aud", "both", "rue")
WHAT = (
    "search", "exigent", "approve", "approve", "review", "review", "review", "period", "draw", "draw",
    "dismiss", "act_on", "act_on", "refer", "refer", "answer", "answer", "wait",
)  # fmt: skip
FACTS = "the abducted child was seen in a grey van and the driver threatened to hurt him"
WHY = "both supervisors of the unit were on a flight and their deputies did not answer"


def standing(place: int) -> dict[str, str]:
    """Mostly one that is open; now and then any, as somebody would who read it too long ago."""
    return {"status": "open"} if place else {}


class Supervision(RuleBasedStateMachine):
    """Acts in any order. `template`: the installation to begin from; `moved`: acts that changed something."""

    template: Path
    moved: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opened = open_copy(self.template, self.folder / "home")
        self.office = self.opened.__enter__()
        self.people: dict[str, str] = {}
        self.searched = 0

    def teardown(self) -> None:
        """Sound whatever was done, and every draw comes out again."""
        try:
            report = self.office.fsck()
            assert report.sound, report.log.findings
            for period in SamplePeriod.objects.filter(status="drawn"):
                assert verify_sample(period.drawn_index or 0).wrong == ()
        finally:
            self.opened.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    def act(self, verb: Callable[..., object], **given: object) -> None:
        """Try it; what changed something is counted."""
        try:
            outcome = verb(self.office.office, **given)
        except (BadInputError, StaleError):
            return
        if not isinstance(outcome, Refusal):
            self.moved[verb.__name__] = self.moved.get(verb.__name__, 0) + 1

    @initialize()
    def begin(self) -> None:
        """A second supervisor; an investigator who supervises; an auditor who supervises."""
        office, admin = self.office, self.office.who("admin")
        self.people = {short: office.who(short) for short in ("ines", "sol", "aud", "rue")}
        for short, roles in {"sid": ("supervisor",), "both": ("supervisor", "auditor")}.items():
            row = made(admit_person(office.office, name=short, unit="Fraud unit", by=admin))
            self.people[short] = row.id
            for role in roles:
                made(grant_role(office.office, person_id=row.id, role=role, by=admin))
        made(grant_role(office.office, person_id=self.people["ines"], role="supervisor", by=admin))

    @rule(seed=st.integers(0, 2**32 - 1))
    def try_something(self, seed: int) -> None:
        """Anybody tries anything. One number chooses all three evenly; drawn apart, most would be the first."""
        chosen = Random(seed)
        what, who, place = chosen.choice(WHAT), chosen.choice(PEOPLE), chosen.randrange(12)
        getattr(self, what)(self.people[who], place)

    def search(self, who: str, place: int) -> None:
        """A plain search in a case of its own, a few at most."""
        if self.searched < 4:
            self.searched += 1
            self.office.searched(
                photograph=person(self.searched).photograph(5), purpose=self.office.another_reason()
            )

    def exigent(self, who: str, place: int) -> None:
        """An exigent one without prior approval. While an approval is overdue it is refused."""
        if self.searched < 4:
            self.searched += 1
            case = self.office.case(with_step=False)
            probe = self.office.probe(case, photograph=person(self.searched).photograph(6))
            request = self.office.request(
                case,
                probe,
                exigency=Exigency("physical-harm", FACTS, WHY),
                purpose=self.office.another_reason(),
            )
            if isinstance(self.office.search(made(request)), Answered):
                self.moved["exigent"] = self.moved.get("exigent", 0) + 1

    def approve(self, who: str, place: int) -> None:
        """Approve an exigent use after the fact."""
        if request := self.one_of(SearchRequest, place, exigency_claimed=True):
            self.act(
                approve_search,
                request_id=request.id,
                kind="exigent",
                granted=place != 3,
                words="it bore out",
                by=who,
            )

    def review(self, who: str, place: int) -> None:
        """Review a search, with a no every other time."""
        if request := self.one_of(SearchRequest, place):
            lines = self.office.office.policies.supervision(self.office.clock.now).worksheet
            no = dict.fromkeys(("means", "report", "edits"), "it was not") if place % 4 else {}
            self.act(
                review_search_use,
                request_id=request.id,
                answers={line: "no" if line in no else "yes" for line in lines},
                reasons=no,
                conclusion=("referred" if place > 10 else "finding") if no else "in-order",
                by=who,
            )

    def period(self, who: str, place: int) -> None:
        """Open a period of a few hours."""
        until = self.office.clock.now + timedelta(hours=1 + place // 4)
        self.act(open_period, until=until, by=who)

    def draw(self, who: str, place: int) -> None:
        """Draw one, over or not."""
        if period := self.one_of(SamplePeriod, place):
            self.act(draw_sample, period_id=period.id, by=who)

    def dismiss(self, who: str, place: int) -> None:
        """Dismiss a finding."""
        if finding := self.one_of(Finding, place, **standing(place)):
            self.act(dismiss_finding, finding_id=finding.id, reason="nothing in it", by=who)

    def act_on(self, who: str, place: int) -> None:
        """Say what was done about one."""
        if finding := self.one_of(Finding, place, **standing(place)):
            self.act(act_on_finding, finding_id=finding.id, done="retrained", by=who)

    def refer(self, who: str, place: int) -> None:
        """Refer one."""
        if finding := self.one_of(Finding, place, **standing(place)):
            self.act(refer_finding, finding_id=finding.id, reason="grave", by=who)

    def answer(self, who: str, place: int) -> None:
        """Answer a referral; half the time whoever may."""
        who = self.people["aud"] if place > 5 else who
        if referral := self.one_of(Referral, place, **standing(place)):
            outcome = "acted-on" if place % 2 else "dismissed"
            self.act(answer_referral, referral_id=referral.id, outcome=outcome, words="w", by=who)

    def wait(self, who: str, place: int) -> None:
        """Let hours or days pass."""
        self.office.clock.forward(hours=1 + 6 * place)

    def one_of(self, model: type[RowT], place: int, **where: object) -> RowT | None:
        """Some row of this kind, if there is one."""
        rows = list(model._default_manager.filter(**where).order_by("entry_index", "id"))
        return rows[place % len(rows)] if rows else None

    @invariant()
    def nobody_closes_for_themselves(self) -> None:
        """Neither the requester nor an approver, in either order of the two acts."""
        approvers = {(a.request_id, a.approver_id) for a in Approval.objects.all()}
        for duty in Duty.objects.filter(kind="supervisor-review", closed_at__isnull=False):
            assert duty.closed_by_id != duty.person_id
            assert (duty.about, duty.closed_by_id) not in approvers
            assert SupervisorReview.objects.get(request_id=duty.about).reviewer_id == duty.closed_by_id

    @invariant()
    def every_exigent_search_has_its_duty(self) -> None:
        """Open, or closed by a review."""
        ran = SearchRequest.objects.filter(exigency_claimed=True, intent_index__isnull=False)
        for request in ran:
            assert Duty.objects.filter(kind="supervisor-review", about=request.id).count() == 1

    @invariant()
    def no_finding_is_decided_by_whom_it_concerns(self) -> None:
        """And a referred one is closed by its referral's outcome only, by another person than referred it."""
        for finding in Finding.objects.exclude(status="open"):
            assert finding.decided_by_id not in concerned(finding)
            referral = Referral.objects.filter(finding=finding).first()
            if referral is None:
                assert finding.status in ("dismissed", "acted-on")
            elif referral.status == "open":
                assert finding.status == "referred"
            else:
                assert (finding.status, finding.decided_by_id) == (referral.outcome, referral.answered_by_id)
                assert referral.answered_by_id != referral.referred_by_id

    @invariant()
    def what_was_drawn_over_is_reviewed(self) -> None:
        """After a draw nothing before its period is left to chance; of the period at least one search."""
        drawn = SamplePeriod.objects.filter(status="drawn").order_by("-until").first()
        if drawn is None:
            return
        duties = set(Duty.objects.filter(kind="supervisor-review").values_list("about", flat=True))
        first = SamplePeriod.objects.earliest("since")
        ran = SearchRequest.objects.filter(intent_index__isnull=False)
        assert {r.id for r in ran.filter(submitted_at__lt=first.since)} <= duties
        within = {r.id for r in ran.filter(submitted_at__gte=drawn.since, submitted_at__lt=drawn.until)}
        assert not within or within & duties


def test_any_order_of_acts(office_template: Path) -> None:
    """Every act changed something at least once; the counts are printed."""
    machine = type("Machine", (Supervision,), {"template": office_template, "moved": {}})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print(f"\nacts that changed something: {machine.moved}")
    assert {
        "exigent",
        "approve_search",
        "review_search_use",
        "open_period",
        "draw_sample",
        "dismiss_finding",
        "act_on_finding",
        "refer_finding",
        "answer_referral",
    } <= set(machine.moved)
