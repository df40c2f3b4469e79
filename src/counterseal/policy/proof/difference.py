"""What changes from one set of policies to another: for each action what is newly allowed and newly denied.

Decided by the solver over every request at once, so a rewording shows as none and no change hides between two
examples. Each change comes with a concrete request, which both sets then decide for themselves.

A request states the facts that its own set demands. Where the two demand different facts, a request is one
over the facts of both, and each set is shown its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from counterseal.policy.decide import authorise
from counterseal.policy.engine import Json
from counterseal.policy.facts import instant_of
from counterseal.policy.library import PolicySetInForce
from counterseal.policy.pack import Duty
from counterseal.policy.proof.cedar import both, negated
from counterseal.policy.proof.errors import DisagreementError, ProofError
from counterseal.policy.proof.questions import Questions, Rules, texts_of, witness
from counterseal.policy.proof.requests import SymbolicRequest
from counterseal.policy.proof.solvers import Formula
from counterseal.policy.schema import ActionShape, Leaf, Record
from counterseal.terms.calendar import in_words
from counterseal.terms.decisions import Permit

Change = Literal["newly-allowed", "newly-denied", "newly-owed", "no-longer-owed", "owed-otherwise"]


@dataclass(frozen=True, slots=True)
class Witness:
    """A request as each of the two sets reads it; None for a set that does not know the action."""

    before: Json | None
    after: Json | None


@dataclass(frozen=True, slots=True)
class ActionChange:
    """One change in what is decided about an action.

    duty: name of the obligation concerned; empty where the decision itself changes. was, becomes: of an
    obligation owed otherwise, its terms. witness: a request that the two sets decide so.
    """

    action: str
    change: Change
    witness: Witness
    duty: str = ""
    was: str = ""
    becomes: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that changes between two sets, known by their digests. No change: they are equivalent."""

    before: str
    after: str
    changes: tuple[ActionChange, ...]

    @property
    def equivalent(self) -> bool:
        """Every request is decided alike and opens the same obligations, whatever the words."""
        return not self.changes

    @property
    def loosens(self) -> bool:
        """Something is newly allowed, or something that was owed is owed no longer or otherwise."""
        return any(c.change in ("newly-allowed", "no-longer-owed", "owed-otherwise") for c in self.changes)

    def json(self) -> Json:
        """As data, for a log and for a reader's program."""
        return {
            "before": self.before,
            "after": self.after,
            "equivalent": self.equivalent,
            "changes": [
                {
                    "action": change.action,
                    "change": change.change,
                    **({"duty": change.duty} if change.duty else {}),
                    **({"was": change.was, "becomes": change.becomes} if change.becomes else {}),
                    "request_before": change.witness.before,
                    "request_after": change.witness.after,
                }
                for change in self.changes
            ],
        }


def difference(before: PolicySetInForce, after: PolicySetInForce, *, near: Iterable[Json] = ()) -> Difference:
    """What changes from `before` to `after`.

    near: requests (such as the shipped examples) that witnesses should resemble.
    Raises: UntranslatableError, DisagreementError, ProofError.
    """
    examples = tuple(near)
    old, new = Rules.of(before), Rules.of(after)
    changes = [
        change
        for action in dict.fromkeys((*old.shapes, *new.shapes))
        for change in _Comparison(action, old, new, examples).changes()
    ]
    for change in changes:
        _replay(change, before, after)
    return Difference(before.digest, after.digest, tuple(changes))


class _Comparison:
    """The two sets on one action, over one symbolic request."""

    def __init__(self, action: str, old: Rules, new: Rules, near: tuple[Json, ...]) -> None:
        self.action = action
        self.near = near
        self.shapes = tuple(rules.shapes.get(action) for rules in (old, new))
        shape = _joined(*(shape for shape in self.shapes if shape is not None))
        policies = [rules.concerning(shape) if action in rules.shapes else () for rules in (old, new)]
        duties = [
            [duty for duty in rules.duties if duty.applies_to(shape)] if action in rules.shapes else []
            for rules in (old, new)
        ]
        classes = texts_of(shape, [*policies[0], *policies[1]], [*duties[0], *duties[1]], ())
        self.request = SymbolicRequest(shape, classes)
        self.old, self.new = (Questions(self.request, p, d) for p, d in zip(policies, duties, strict=True))
        self.duties = [{duty.name: duty for duty in each} for each in duties]

    def changes(self) -> Iterable[ActionChange]:
        was, becomes = self.old.gateway_permits, self.new.gateway_permits
        yield from self._if_any("newly-allowed", becomes, negated(was))
        yield from self._if_any("newly-denied", was, negated(becomes))
        permitted = both(was, becomes)
        for name in dict.fromkeys((*self.duties[0], *self.duties[1])):
            owed, owes = self.old.owes(name), self.new.owes(name)
            yield from self._if_any("newly-owed", permitted, owes, negated(owed), duty=name)
            yield from self._if_any("no-longer-owed", permitted, owed, negated(owes), duty=name)
            one, other = (_terms(each.get(name)) for each in self.duties)
            if one and other and one != other:
                yield from self._if_any(
                    "owed-otherwise", permitted, owed, owes, duty=name, was=one, becomes=other
                )

    def _if_any(
        self, change: Change, *formulas: Formula, duty: str = "", was: str = "", becomes: str = ""
    ) -> Iterable[ActionChange]:
        facts = witness(self.request, formulas, self.near)
        if facts is not None:
            before, after = (None if shape is None else _of_shape(facts, shape) for shape in self.shapes)
            yield ActionChange(self.action, change, Witness(before, after), duty, was, becomes)


def _terms(duty: Duty | None) -> str:
    return "" if duty is None else f"by {duty.owner} within {in_words(duty.within)}, {duty.clause}"


def _of_shape(facts: Json, shape: ActionShape) -> Json:
    """The facts of a request that a shape has, in its order."""

    def part(record: Record, values: Json) -> Json:
        return {
            name: part(member, values[name]) if isinstance(member, Record) else values[name]
            for name, member in record.members.items()
        }

    return {"action": facts["action"], **part(shape.facts, facts)}


def _joined(one: ActionShape, other: ActionShape | None = None) -> ActionShape:
    """An action with the facts of both shapes."""
    if other is None or one.facts == other.facts:
        return one
    kinds = [(s.principal_type, s.resource_type, s.resource_group) for s in (one, other)]
    if kinds[0] != kinds[1]:
        raise ProofError(f"`{one.action}` is about other types before and after: no request fits both")
    return ActionShape(one.action, *kinds[0], _together(one.facts, other.facts, one.action))


def _together(one: Record, other: Record, where: str) -> Record:
    members: dict[str, Leaf | Record] = dict(one.members)
    for name, member in other.members.items():
        mine = members.get(name)
        if isinstance(mine, Record) and isinstance(member, Record):
            members[name] = _together(mine, member, f"{where}.{name}")
        elif mine is None:
            members[name] = member
        elif not (isinstance(mine, Leaf) and isinstance(member, Leaf) and mine.type == member.type):
            raise ProofError(f"the fact `{where}.{name}` is of another type before and after")
    return Record(members)


def _replay(change: ActionChange, before: PolicySetInForce, after: PolicySetInForce) -> None:
    """Both sets decide the witness as the solver says, or it is a fault of this program."""
    permitted: Mapping[str, tuple[bool, bool]] = {
        "newly-allowed": (False, True),
        "newly-denied": (True, False),
    }
    wanted = permitted.get(change.change, (True, True))
    for facts, policies, permits in zip(
        (change.witness.before, change.witness.after), (before, after), wanted, strict=True
    ):
        decided = False
        if facts is not None:
            decided = isinstance(authorise(facts, policies, at=instant_of(facts)), Permit)
        if decided is not permits:
            raise DisagreementError(
                f"the solver and Cedar disagree on a request for `{change.action}` ({change.change}): {facts}"
            )
