"""Sessions in any order of acts: beginnings at any desk, acts, ends, words of disowning, pauses, by anybody.

Held after each step: a person has one live token at most, the newest; every act is in the log under the session
it was done in, and its own person; a beginning elsewhere beside a session in use is a finding, and nothing else is.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from counterseal.gateway.sealing import change
from counterseal.gateway.sessions import (
    Begun,
    SessionOverError,
    begin_session,
    disown_session,
    end_session,
    entries_of,
    is_disowned,
    under_session,
)
from counterseal.oversight.models import Finding
from counterseal.people.models import Session
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import StaleError
from office import SimulatedOffice, open_copy

PEOPLE = ("ines", "ivan", "sol")
DESKS = ("desk-1", "desk-2")


@dataclass
class Held:
    """What we know of one session without looking at the records."""

    begun: Begun
    who: str
    desk: str
    since: datetime
    used: datetime
    ended: bool = False
    disowned: bool = False
    acts: list[int] = field(default_factory=list)

    def live(self, at: datetime) -> bool:
        """Whether its token still opens the office."""
        return (
            not self.ended
            and at < self.since + timedelta(hours=12)
            and at < self.used + timedelta(minutes=30)
        )


class Sessions(RuleBasedStateMachine):
    """The office, and a book kept beside it."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        self.held: list[Held] = []
        self.found = 0

    @initialize()
    def open(self) -> None:
        """A fresh office."""
        folder = self.exits.enter_context(tempfile.TemporaryDirectory())
        self.office: SimulatedOffice = self.exits.enter_context(
            open_copy(self.template, Path(folder) / "home")
        )

    @property
    def now(self) -> datetime:
        return self.office.clock.now + timedelta(milliseconds=2)

    def newest(self, who: str) -> Held | None:
        return next((h for h in reversed(self.held) if h.who == who), None)

    @rule(who=st.sampled_from(PEOPLE), desk=st.sampled_from(DESKS))
    def begin(self, who: str, desk: str) -> None:
        """At a desk, whoever sits there."""
        earlier = self.newest(who)
        if earlier is not None and earlier.live(self.now) and earlier.desk != desk:
            self.found += 1
        begun = begin_session(
            self.office.office, person_id=self.office.who(who), factor="password", terminal=desk
        )
        assert isinstance(begun, Begun)
        if earlier is not None:
            earlier.ended = True
        self.held.append(Held(begun, who, desk, self.office.clock.now, self.office.clock.now))

    @rule(n=st.integers(0, 30))
    def act(self, n: int) -> None:
        """Seal something with a token of any age."""
        if not self.held:
            return
        held = self.held[n % len(self.held)]
        live = held.live(self.now)
        try:
            acting = under_session(self.office.office, held.begun.token)
        except SessionOverError:
            assert not live
            return
        assert live
        # A look is written down once a minute; so the pause is counted from the last that was.
        if self.office.clock.now - held.used >= timedelta(minutes=1):
            held.used = self.office.clock.now
        with change(acting.office) as now:
            held.acts.append(now.next_index)
            now.seal("case.looked-at", by=acting.person_id, action="look", target="case-x", outcome="done")

    @rule(n=st.integers(0, 30), by=st.sampled_from(PEOPLE))
    def end(self, n: int, by: str) -> None:
        """By its person, a supervisor, or somebody whom it does not concern."""
        if not self.held:
            return
        held = self.held[n % len(self.held)]
        try:
            ended = end_session(self.office.office, session_id=held.begun.session.id, by=self.office.who(by))
        except StaleError:
            assert held.ended
            return
        assert not held.ended
        assert isinstance(ended, Refusal) == (by not in (held.who, "sol"))
        held.ended = not isinstance(ended, Refusal)

    @rule(n=st.integers(0, 30), by=st.sampled_from(PEOPLE))
    def disown(self, n: int, by: str) -> None:
        """Once, by its person only."""
        if not self.held:
            return
        held = self.held[n % len(self.held)]
        try:
            said = disown_session(
                self.office.office, session_id=held.begun.session.id, words="not I", by=self.office.who(by)
            )
        except StaleError:
            assert held.disowned
            return
        assert isinstance(said, Refusal) == (by != held.who)
        if by == held.who:
            held.disowned = held.ended = True

    @rule(minutes=st.sampled_from([1, 5, 20, 31, 13 * 60]))
    def wait(self, minutes: int) -> None:
        """A pause."""
        self.office.clock.forward(minutes=minutes)

    @invariant()
    def holds(self) -> None:
        """The records say what the book says."""
        if not hasattr(self, "office"):
            return
        for who in PEOPLE:
            mine = Session.objects.filter(person_id=self.office.who(who), ended_at=None)
            assert mine.count() == sum(not h.ended for h in self.held if h.who == who) <= 1
        assert Finding.objects.filter(kind="concurrent-session").count() == self.found
        assert Finding.objects.filter(kind="disowned-session").count() == sum(h.disowned for h in self.held)
        for held in self.held:
            assert entries_of(held.begun.session) == tuple(held.acts)
            assert all(is_disowned(index) == held.disowned for index in held.acts)

    def teardown(self) -> None:
        """The records are sound, whatever was done."""
        if hasattr(self, "office"):
            assert self.office.fsck().sound
        self.exits.close()


def test_any_order(office_template: Path) -> None:
    """Every order keeps the promises."""
    machine = type("Here", (Sessions,), {"template": office_template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
