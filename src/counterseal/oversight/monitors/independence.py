"""Independence: a second person behind each yes, who owes that power to nobody who needs the yes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule
from counterseal.oversight.monitors.roles import Grant, Held, RoleBook

SERVICE_APPROVED = frozenset({"approved", "approved-with-conditions"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that somebody else must answer. by: None where it is closed who asked."""

    index: int
    by: str | None


def _always(_: Line) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two kinds of entries about one thing: who asked, and who may not be the one to answer.

    key: what both are about. answers: whether this entry is a yes.
    """

    thing: str
    key: Callable[[Line], str]
    answers: Callable[[Line], bool] = _always


def _target(line: Line) -> str:
    return line.text("target")


def _use(line: Line) -> str:
    return line.code("use")


def _service(line: Line) -> str:
    return line.code("service")


ASKED: Mapping[str, _Pair] = {
    "search.requested": _Pair("search", _target),
    "action.clearance-requested": _Pair("action", _target),
    "service.registered": _Pair("service", _service),
    "use.proposed": _Pair("use", _use),
    "use.imported": _Pair("use", _use),
    "trial.declared": _Pair("trial", _target),
    "policy.change-proposed": _Pair("packs", _target),
}
ANSWERED: Mapping[str, _Pair] = {
    "search.approved": _Pair("search", _target),
    "supervision.reviewed": _Pair("search", _target),
    "action.cleared": _Pair("action", _target),
    "service.decided": _Pair("service", _service, lambda line: line.entry.outcome in SERVICE_APPROVED),
    "use.reviewed": _Pair("use", _use, lambda line: line.entry.outcome != "objects"),
    "analysis.approved": _Pair("use", _use),
    "trial.closed": _Pair("trial", _target),
    "policy.change-confirmed": _Pair("packs", _target),
    "policy.changed": _Pair("packs", _target),
}
# What somebody may not do for themselves, however they came to be able to: the entry's target is a person.
FOR_A_PERSON = frozenset({"role.granted", "certificate.recorded", "qualification.recorded"})


class NotForOneself(Monitor):
    """Each yes: by another person, whose role does not go back, since the question, to the person who asked.

    A role goes back to whoever gave it, and to whoever made its giver an administrator, and so on, as long as
    each of these grants is younger than the question. One role that does not go back to them is enough.
    """

    rule = Rule(
        "not-for-oneself",
        "D-026-11/security",
        "Nobody approved, cleared, reviewed, recorded or granted anything for themselves, neither directly nor through "
        "anybody to whom they gave that power since they asked, through any chain of role changes.",
        "Whether two ids belong to one person, and favours that leave no entry.",
    )
    kinds = frozenset({*ASKED, *ANSWERED, *FOR_A_PERSON})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._asked: dict[tuple[str, str], _Asked] = {}

    def follow(self, line: Line) -> None:
        """One step."""
        kind = line.entry.kind
        if asked := ASKED.get(kind):
            self._asked[asked.thing, asked.key(line)] = _Asked(line.index, line.maybe("initiator"))
        elif kind in FOR_A_PERSON:
            self.checked += 1
            if line.text("initiator") == line.text("target"):
                self.violated(f"`{kind}` by a person for themselves", line.index, since=line.entry.at)
        elif (answered := ANSWERED[kind]).answers(line):
            self.checked += 1
            self._answered(line, self._asked.get((answered.thing, answered.key(line))))

    def _answered(self, line: Line, asked: _Asked | None) -> None:
        answerer = line.text("initiator")
        if asked is None or asked.by is None:
            self.cannot_judge(line.index)
            return
        if answerer == asked.by:
            self.violated(
                f"`{line.entry.kind}` by the person who had asked",
                asked.index,
                line.index,
                since=line.entry.at,
            )
            return
        wanted = (
            self.expects.roles_for(line.entry.kind, line.code("kind"), line.code("office")) or frozenset()
        )
        held = self.roles.holds(answerer, wanted)
        chains = [_chain(grant, asked.index) for grant in self.roles.grants(answerer, wanted)]
        owed = [chain for chain in chains if any(grant.giver == asked.by for grant in chain)]
        if held is Held.CLOSED:
            self.cannot_judge(line.index)
        elif chains and len(owed) == len(chains):
            through = min(owed, key=len)
            self.violated(
                f"`{line.entry.kind}` by somebody who owes that power to the person who had asked, given after "
                f"they asked, through {len(through)} change{'s' if len(through) > 1 else ''} of roles",
                asked.index,
                *sorted(grant.index for grant in through),
                line.index,
                since=line.entry.at,
            )
        elif chains and all(chain in owed or _broken(chain) for chain in chains):
            self.cannot_judge(line.index)


def _chain(grant: Grant | None, since: int) -> tuple[Grant, ...]:
    """The grants younger than `since` to which this one goes back, itself first."""
    chain = []
    while grant is not None and grant.index > since:
        chain.append(grant)
        grant = grant.under
    return tuple(chain)


def _broken(chain: tuple[Grant, ...]) -> bool:
    """Whether a chain ends at a giver of whom no grant is open: anybody may stand behind them."""
    return bool(chain) and chain[-1].under is None and bool(chain[-1].giver)


class ActionOnIndependentSupport(Monitor):
    """Each cleared action: asked for and confirmed by two persons, on support that descends from no face."""

    rule = Rule(
        "action-on-independent-support",
        "HSI-M/4D3-leads-only",
        "No action was cleared without a permit, without a second person, or without at least one item of support "
        "that counts because it does not descend from face recognition.",
        "Whether what was recorded as a source of evidence is its source.",
    )
    kinds = frozenset({"action.clearance-requested", "action.cleared"})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._asked: dict[str, _Asked] = {}
        self._some_closed = False

    def see(self, line: Line) -> None:
        """Take the next entry; a closed question may be the one behind any later answer."""
        if line.entry.kind == "action.clearance-requested" and line.maybe("target") is None:
            self._some_closed = True
        super().see(line)

    def follow(self, line: Line) -> None:
        """One step."""
        entry = line.entry
        if entry.kind == "action.clearance-requested":
            self._asked[line.text("target")] = _Asked(line.index, line.maybe("initiator"))
            return
        self.checked += 1
        if not entry.reason.policies:
            self.violated("an action was cleared, and no policy permitted it", line.index, since=entry.at)
            return
        counted = [item for item in line.items("weighed") if isinstance(item, list) and item[1:2] == [True]]
        if not counted:
            self.violated("an action was cleared without independent support", line.index, since=entry.at)
            return
        asked = self._asked.get(line.text("target"))
        if asked is None and not self._some_closed:
            self.violated("an action was cleared that nobody had asked for", line.index, since=entry.at)
        elif asked is None or asked.by is None:
            self.cannot_judge(line.index)
        elif asked.by == line.text("initiator"):
            self.violated(
                "one person asked for an action and confirmed it", asked.index, line.index, since=entry.at
            )
