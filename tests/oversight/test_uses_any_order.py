"""Uses in any order of acts by any persons: none becomes active without three offices and its assessment.

The machine knows nothing of the rules. Refusals, stale acts and bad input are answers; anything else is a fault.
"""

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterseal.cli.demo.agency import assess
from counterseal.gateway.assess_use import close_risk, record_risk, show_principle
from counterseal.gateway.propose_use import concur, propose_use, review_again, suspend_use
from counterseal.oversight.models import Concurrence, PrincipleEvidence, Use, UseChange, UseRisk
from counterseal.oversight.principles import CHANGES, PRINCIPLES
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.people.models import Person
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import made, open_copy

OFFICES = {"pat": "privacy", "cora": "civil-rights", "cio": "information-officer"}
PEOPLE = ("pat", "pat", "cora", "cora", "cio", "cio", "sol", "ines", "aud")
WHAT = ("concur", "concur", "concur", "concur", "risk", "principles", "close", "suspend", "change")


class Uses(RuleBasedStateMachine):
    """Acts in any order. `template`: the installation to begin from; `moved`: acts that changed something."""

    template: Path
    moved: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opened = open_copy(self.template, self.folder / "home")
        self.office = self.opened.__enter__()
        self.use = ""
        self.rounds = 0

    def teardown(self) -> None:
        """Sound whatever was done."""
        try:
            report = self.office.fsck()
            assert report.sound, report.log.findings
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

    @initialize(assessed=st.booleans(), proposer=st.sampled_from(("sol", "ines", "rue")))
    def begin(self, assessed: bool, proposer: str) -> None:
        """A proposed use, assessed already or not."""
        by = self.office.who(proposer)
        use = made(propose_use(self.office.office, name="Tried", purpose="p", law_enforcement=True, by=by))
        self.use = use.id
        if assessed:
            assess(self.office.office, use.id, self.office.agency.people)

    @rule(seed=st.integers(0, 2**32 - 1))
    def try_something(self, seed: int) -> None:
        """Anybody tries anything. One number chooses all three evenly; drawn apart, most would be the first."""
        chosen = Random(seed)
        getattr(self, chosen.choice(WHAT))(chosen.choice(PEOPLE), chosen.randrange(12))

    def concur(self, who: str, place: int) -> None:
        """Say yes, say yes on conditions, or object; mostly for one's own office."""
        self.act(
            concur,
            use_id=self.use,
            as_office=OFFICES.get(who, "privacy") if place else "privacy",
            concurs=place != 5,
            conditions={"modes": ["identification"]} if place > 8 else None,
            words="because of the list" if place in (5, 6) else "",
            by=self.office.who(who),
        )

    def risk(self, who: str, place: int) -> None:
        """Enter a risk."""
        self.act(
            record_risk,
            use_id=self.use,
            risk="r",
            mitigation="m",
            owner=self.office.who("pat" if place > 8 else "sol"),
            due=self.office.clock.now + timedelta(days=30),
            by=self.office.who(who),
        )

    def principles(self, who: str, place: int) -> None:
        """Show evidence of one principle, or of all that are left."""
        for principle in PRINCIPLES if place > 3 else [list(PRINCIPLES)[place]]:
            self.act(
                show_principle, use_id=self.use, principle=principle, evidence="e", by=self.office.who(who)
            )

    def close(self, who: str, place: int) -> None:
        """Find a mitigation in place."""
        risks = list(UseRisk.objects.filter(use_id=self.use).order_by("entry_index"))
        if risks:
            row = risks[place % len(risks)]
            self.act(close_risk, risk_id=row.id, evidence="e", by=self.office.who(who))

    def suspend(self, who: str, place: int) -> None:
        """Suspend it, not every time."""
        if place < 6:
            self.act(suspend_use, use_id=self.use, by=self.office.who(who))

    def change(self, who: str, place: int) -> None:
        """Send it back for what changed."""
        what = list(CHANGES)[place % len(CHANGES)]
        self.act(review_again, use_id=self.use, what=what, words="w", by=self.office.who(who))

    @invariant()
    def active_only_with_its_duties(self) -> None:
        """Three offices of this round, three persons, none of the proposer's unit; nine principles; a risk register."""
        use = Use.objects.filter(pk=self.use).first()
        if use is None or use.status != "active":
            return
        self.moved["active"] = self.moved.get("active", 0) + 1
        words = list(Concurrence.objects.filter(use=use, round=use.round))
        assert {w.office for w in words} == THREE_OFFICES
        assert all(w.concurs for w in words)
        assert len({w.person_id for w in words} - {use.proposed_by_id}) == 3
        unit = Person.objects.get(pk=use.proposed_by_id).unit
        assert unit not in set(
            Person.objects.filter(pk__in=[w.person_id for w in words]).values_list("unit", flat=True)
        )
        shown = PrincipleEvidence.objects.filter(use=use, round=use.round)
        assert set(shown.values_list("principle", flat=True)) == set(PRINCIPLES)
        assert UseRisk.objects.filter(use=use).exists()

    @invariant()
    def objection_stops(self) -> None:
        """A round with an objection is never active; the reasons are in the vault."""
        use = Use.objects.filter(pk=self.use).first()
        if use is None:
            return
        for word in Concurrence.objects.filter(use=use, concurs=False):
            assert word.words
            assert word.round < use.round or use.status in ("objected", "suspended")

    @invariant()
    def each_round_says_what_changed(self) -> None:
        """Rounds only rise, by one, each with its reason."""
        use = Use.objects.filter(pk=self.use).first()
        if use is None:
            return
        assert use.round >= self.rounds
        self.rounds = use.round
        begun = sorted(UseChange.objects.filter(use=use).values_list("round", flat=True))
        assert begun == list(range(2, use.round + 1))

    @invariant()
    def nobody_closes_their_own_risk(self) -> None:
        """The owner of a mitigation does not find it in place."""
        for row in UseRisk.objects.filter(status="mitigated"):
            assert row.closed_by_id not in ("", row.owner_id)


def test_any_order_of_acts(office_template: Path) -> None:
    """Every act changed something at least once, and a use was active; the counts are printed."""
    machine = type("Machine", (Uses,), {"template": office_template, "moved": {}})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=14,
            stateful_step_count=24,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print(f"\nacts that changed something: {machine.moved}")
    assert {
        "active",
        "concur",
        "record_risk",
        "close_risk",
        "show_principle",
        "suspend_use",
        "review_again",
    } <= set(machine.moved)
