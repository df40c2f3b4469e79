"""One monitor: a rule of past-time temporal logic as a small automaton with one state for each thing it follows.

It sees each entry once, in order, and does a bounded amount of work for it. It can say three things of what it
followed: violated, still waiting (its time is not over), or not evaluated, because a value is closed. It never
passes over anything in silence: `checked` counts what it looked at, `closed` what it could not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol, runtime_checkable

from counterseal.oversight.monitors.errors import ClosedError
from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.roles import RoleBook


@dataclass(frozen=True, slots=True)
class Rule:
    """What a monitor holds the history to. blind: what it cannot see, however much is opened."""

    id: str
    clause: str
    says: str
    blind: str


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """since: from when on the rule was broken. entries: indices, the deed last. says: what is wrong, in words."""

    since: datetime
    entries: tuple[int, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one monitor says. checked: how many deeds it looked at. waiting: indices of entries whose time is not
    over. closed: indices of entries that it could not judge, or not wholly."""

    rule: Rule
    checked: int
    violations: tuple[Violation, ...]
    waiting: tuple[int, ...]
    closed: tuple[int, ...]

    @property
    def verdict(self) -> str:
        """`violated`, `not-evaluated` (nothing found, but not everything could be judged) or `holds`."""
        if self.violations:
            return "violated"
        return "not-evaluated" if self.closed else "holds"


class Monitor:
    """One rule, followed over one history; made anew for each run. kinds: of entries that concern it; None: all."""

    rule: ClassVar[Rule]
    kinds: ClassVar[frozenset[str] | None] = None

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        self.expects = expects
        self.roles = roles
        self.checked = 0
        self._violations: list[Violation] = []
        self._closed: dict[int, None] = {}

    def wants(self, kind: str) -> bool:
        """Whether entries of this kind concern the monitor."""
        return self.kinds is None or kind in self.kinds

    def see(self, line: Line) -> None:
        """Take the next entry that concerns the monitor."""
        try:
            self.follow(line)
        except ClosedError:
            self.cannot_judge(line.index)

    def follow(self, line: Line) -> None:
        """One step; a monitor without a step of its own judges nothing.

        Raises:
            ClosedError: the entry cannot be judged for want of an opening.
        """
        self.cannot_judge(line.index)

    def end(self, until: datetime) -> Iterable[int]:  # noqa: ARG002
        """The history is over at `until`: judge what is overdue; answers with what still waits."""
        return ()

    def violated(self, says: str, *entries: int, since: datetime) -> None:
        """The rule is broken."""
        self._violations.append(Violation(since, entries, says))

    def cannot_judge(self, *indices: int) -> None:
        """These entries could not be judged, or not wholly."""
        self._closed |= dict.fromkeys(indices)

    def result(self, until: datetime) -> Result:
        """What is to be said at `until`."""
        waiting = tuple(sorted(self.end(until)))
        return Result(
            self.rule, self.checked, tuple(sorted(self._violations)), waiting, tuple(sorted(self._closed))
        )


@runtime_checkable
class ChecksNotes(Protocol):
    """What a monitor has that reads the signed checkpoints as well."""

    def note(self, name: str, note: bytes) -> None:
        """Take a signed checkpoint; after the last entry. Raises: LedgerError, where it is none."""


def words(span: timedelta) -> str:
    """A time span for people: `24 hours`, `14 days`."""
    hours = span.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 and hours % 24 == 0 else f"{hours:g} hours"


def instant_of(text: str | None) -> datetime | None:
    """The instant that a committed text is, with its time zone; None where it is none."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo else None
