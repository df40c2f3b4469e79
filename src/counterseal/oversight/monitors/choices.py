"""Choices: whoever declines is not compared, and a use runs only while three offices concur."""

from dataclasses import dataclass, field

from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule
from counterseal.oversight.monitors.roles import RoleBook

CHECKED, VERIFYING, NOT_ACQUIRED = "optout.checked", "verification.intent", "verification.not-acquired"
SEARCHING = "search.intent"
EVERYONE = "everyone"


@dataclass(slots=True)
class _Check:
    declined: bool
    use: str
    who_may: str
    spent: int | None = None


class NoMeansNo(Monitor):
    """Each claim that was compared: one check before it, in the same use, in which the person did not decline."""

    rule = Rule(
        "no-means-no",
        "D-026-11/opt-out",
        "No face of somebody who had declined was captured or compared in that use, and nobody was compared "
        "without having been asked first.",
        "Who it was: no entry points at a person; and a choice that was registered after the check.",
    )
    kinds = frozenset({CHECKED, VERIFYING, NOT_ACQUIRED})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._checks: dict[int, _Check] = {}

    def follow(self, line: Line) -> None:
        """One step. All of it is public."""
        entry, use = line.entry, line.code("use")
        if entry.kind == CHECKED:
            self._checks[line.index] = _Check(entry.outcome == "declined", use, line.code("who_may"))
            return
        self.checked += 1
        before = [(cause, self._checks[cause]) for cause in entry.causes if cause in self._checks]
        if len(before) != 1 or before[0][1].use != use:
            self.violated(
                "a face was looked at without a check of the choice in that use before",
                *(cause for cause, _ in before),
                line.index,
                since=entry.at,
            )
            return
        cause, check = before[0]
        if check.spent is not None:
            self.violated(
                "one check of a choice stands behind two captures",
                cause,
                check.spent,
                line.index,
                since=entry.at,
            )
        elif check.declined and check.who_may == EVERYONE:
            self.violated(
                "a face was looked at although the person had declined", cause, line.index, since=entry.at
            )
        elif check.declined:
            # Where only citizens may decline, what the person said of that is in no entry.
            self.cannot_judge(line.index)
        check.spent = line.index


@dataclass(slots=True)
class _Use:
    round: object = 1
    active: bool = False
    words: dict[str, str | None] = field(default_factory=dict)
    index: int = -1


class UseConcurred(Monitor):
    """Each use: active only once three offices, three persons, concurred in one round.

    That none of them proposed it is held by `NotForOneself`.
    """

    rule = Rule(
        "use-concurred",
        "D-026-11/oversight",
        "No use became active without the concurrence of three offices by three persons, and nothing was searched "
        "or verified under a use that was not active.",
        "What an office was shown before it concurred.",
    )
    kinds = frozenset(
        {
            "use.proposed",
            "use.imported",
            "use.reviewed",
            "use.changed",
            "use.suspended",
            SEARCHING,
            VERIFYING,
        }
    )

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._uses: dict[str, _Use] = {}

    def follow(self, line: Line) -> None:
        """One step."""
        kind = line.entry.kind
        use = self._uses.setdefault(line.code("use"), _Use())
        if kind in ("use.proposed", "use.imported"):
            use.index = line.index
        elif kind == "use.reviewed":
            self._reviewed(line, use)
        elif kind == "use.changed":
            use.active, use.round, use.words = False, line.entry.public.get("round"), {}
        elif kind == "use.suspended":
            use.active = False
        else:
            self.checked += 1
            if not use.active:
                self.violated(f"`{kind}` under a use that was not active", line.index, since=line.entry.at)

    def _reviewed(self, line: Line, use: _Use) -> None:
        if line.entry.outcome == "objects":
            use.active = False
            return
        if line.entry.public.get("round") == use.round:
            use.words[line.code("office")] = line.maybe("initiator")
        if line.code("status") != "active":
            return
        self.checked += 1
        use.active = True
        persons = list(use.words.values())
        named = [person for person in persons if person is not None]
        if use.words.keys() != self.expects.offices:
            says = f"a use became active on the word of {len(use.words)} offices"
        elif len(set(named)) < len(named):
            says = "a use became active on the word of one person for two offices"
        else:
            if None in persons:
                self.cannot_judge(line.index)
            return
        self.violated(says, *([use.index] if use.index >= 0 else []), line.index, since=line.entry.at)
