"""Mutants: every single-point change of a policy that lets more through, and what notices it.

A mutant is one policy with one point changed: a condition, conjunct or alternative dropped, `&&` and `||`
exchanged, something negated or made constant, a comparison turned or moved by one, a word of a list taken out or
added, a text or number changed, a fact taken for another of its group and type, a scope widened or narrowed, a
whole forbid dropped.

The solver decides whether it widens: some request is permitted that was not, or (of a forbid) passes the forbids
of its pack that did not, whatever else permits. One that does not is equivalent or stricter, and is left out.
What widens must be killed: a property of `properties.py` breaks, or a case comes out otherwise. What is neither
survives: nobody would notice this slip of the pen.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from counterseal.policy.cases import Case, run
from counterseal.policy.engine import Json
from counterseal.policy.library import PolicyLibrary
from counterseal.policy.pack import Policy
from counterseal.policy.proof.cedar import Evaluated, both, either, negated
from counterseal.policy.proof.errors import ProofError
from counterseal.policy.proof.properties import GENERAL, Property, expected_of
from counterseal.policy.proof.prove import broken_by
from counterseal.policy.proof.questions import Questions, Rules, texts_of, witness
from counterseal.policy.proof.requests import SymbolicRequest
from counterseal.policy.proof.solvers import Formula, z3
from counterseal.policy.proof.texts import Fact, Written
from counterseal.policy.schema import PRINCIPAL_GROUP, ActionShape, LeafType

# A word that no list has.
UNLISTED = "(a word of no list)"
TRUE, FALSE = {"Value": True}, {"Value": False}
_ORDER = ("<", "<=", ">", ">=")
_TRUTHS = {
    *_ORDER,
    "==",
    "!=",
    "&&",
    "||",
    "!",
    "contains",
    "containsAll",
    "containsAny",
    "isEmpty",
    "in",
    "is",
    "like",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One policy with one point changed. change: what was changed, in words."""

    policy: Policy
    change: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a mutant. widens: it lets more through. killed_by: the property or case that notices.

    request: of a survivor, one that it lets through and the policy does not.
    """

    mutant: Mutant
    widens: bool
    killed_by: str = ""
    request: Json | None = None

    @property
    def survives(self) -> bool:
        """It lets more through and nothing notices."""
        return self.widens and not self.killed_by


# For a fact, by its group (or variable) and name, the other facts of the same type beside it.
Neighbours = Mapping[tuple[str, str], tuple[str, ...]]


def neighbours_of(shapes: Iterable[ActionShape]) -> Neighbours:
    """The facts that a slip of the pen could name in place of another."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for shape in shapes:
        variables = {PRINCIPAL_GROUP: "principal", shape.resource_group: "resource", "": "context"}
        for paths in _beside(shape):
            for path in paths:
                group, _, name = path.rpartition(".")
                owner = variables.get(group, group.rpartition(".")[2])
                others = found.setdefault((owner, name), {})
                others.update({other.rpartition(".")[2]: None for other in paths if other != path})
    return {fact: tuple(others) for fact, others in found.items()}


def _beside(shape: ActionShape) -> Iterable[list[str]]:
    """The facts of an action, those of one group and type together."""
    together: dict[tuple[str, LeafType], list[str]] = {}
    for path, leaf in shape.leaves.items():
        together.setdefault((path.rpartition(".")[0], leaf.type), []).append(path)
    return together.values()


def mutants_of(policy: Policy, neighbours: Neighbours | None = None) -> Iterator[Mutant]:
    """Every single-point change of a policy, each once. neighbours: facts that may stand in for one another."""
    seen = [policy.cedar]
    for change, cedar in _changed(policy.cedar, neighbours or {}):
        if cedar not in seen:
            seen.append(cedar)
            yield Mutant(replace(policy, cedar=cedar), change)


def _changed(cedar: Json, neighbours: Neighbours) -> Iterator[tuple[str, Json]]:
    if cedar["effect"] == "forbid":
        yield "the forbid dropped", {**cedar, "conditions": [{"kind": "when", "body": FALSE}]}
    for part in ("principal", "action", "resource"):
        for change, scope in _scopes(cedar[part]):
            yield f"{part}: {change}", {**cedar, part: scope}
    for number, condition in enumerate(cedar["conditions"]):
        place = f"condition {number + 1}"
        other = {"when": "unless", "unless": "when"}[condition["kind"]]
        for change, replaced in (
            (f"`{condition['kind']}` becomes `{other}`", {**condition, "kind": other}),
            *(
                (f"{change}", {**condition, "body": body})
                for change, body in _expressions(condition["body"], neighbours)
            ),
        ):
            conditions = [*cedar["conditions"]]
            conditions[number] = replaced
            yield f"{place}: {change}", {**cedar, "conditions": conditions}


def _scopes(scope: Json) -> Iterator[tuple[str, Json]]:
    if scope["op"] == "All":
        return
    yield "anything", {"op": "All"}
    named = scope.get("entities")
    for entity in named or ():
        if len(named or ()) > 1:
            kept = [other for other in named or () if other != entity]
            yield f"without `{entity['id']}`", {**scope, "entities": kept}


def _expressions(tree: Json, neighbours: Neighbours) -> Iterator[tuple[str, Json]]:
    """Every expression that differs from `tree` in one point; `tree` stays as it is."""
    yield from _here(tree)
    yield from _other_facts(tree, neighbours)
    ((operator, operands),) = tree.items()
    for place, inner in _inner(operator, operands):
        for change, changed in _expressions(inner, neighbours):
            # What is not changed is shared with the original, so that it is translated once.
            copied = copy.copy(operands)
            copied[place] = changed
            yield change, {operator: copied}


def _inner(operator: str, operands: object) -> Iterator[tuple[str | int, Json]]:
    """The expressions right below an operator, by their place."""
    if operator in ("Value", "Var", ".", "has", "Set"):
        return
    places = enumerate(operands) if isinstance(operands, list) else operands.items()  # type: ignore[attr-defined]
    for place, inner in places:
        if isinstance(inner, dict) and len(inner) == 1:
            yield place, inner


def _here(tree: Json) -> Iterator[tuple[str, Json]]:
    ((operator, operands),) = tree.items()
    said = shown(tree)
    if operator in _TRUTHS:
        yield f"{said} becomes true", TRUE
        yield f"{said} becomes false", FALSE
        yield f"{said} negated", operands["arg"] if operator == "!" else {"!": {"arg": tree}}
    if operator == "." or tree in (TRUE, FALSE):
        # Only a truth may be negated; what is none errs, and so widens nothing.
        yield f"{said} negated", {"!": {"arg": tree}}
        yield f"{said} becomes true", TRUE
        yield f"{said} becomes false", FALSE
    if operator in ("&&", "||"):
        other = "||" if operator == "&&" else "&&"
        yield f"{said}: `{operator}` becomes `{other}`", {other: operands}
        yield f"{said}: the left side dropped", operands["right"]
        yield f"{said}: the right side dropped", operands["left"]
    if operator in _ORDER:
        for other in _ORDER:
            yield f"{said}: becomes `{other}`", {other: operands}
    for one, other in (
        ("==", "!="),
        ("!=", "=="),
        ("containsAll", "containsAny"),
        ("containsAny", "containsAll"),
    ):
        if operator == one:
            yield f"{said}: becomes `{other}`", {other: operands}
    if operator == "containsAll":
        yield f"{said}: sides exchanged", {operator: {"left": operands["right"], "right": operands["left"]}}
    if operator == "Value" and isinstance(operands, str):
        yield f"{said} becomes another text", {operator: UNLISTED}
        if operands:
            yield f"{said} becomes empty", {operator: ""}
    if operator == "Value" and isinstance(operands, int) and not isinstance(operands, bool):
        for number in (operands - 1, operands + 1):
            yield f"{said} becomes {number}", {operator: number}
    if operator == "Set":
        for number, element in enumerate(operands):
            yield (
                f"{said} without {shown(element)}",
                {operator: [*operands[:number], *operands[number + 1 :]]},
            )
        yield f"{said} with a word more", {operator: [*operands, {"Value": UNLISTED}]}


def _other_facts(tree: Json, neighbours: Neighbours) -> Iterator[tuple[str, Json]]:
    """A fact replaced by another of its group and type."""
    if "." not in tree:
        return
    owner, name = tree["."]["left"], tree["."]["attr"]
    group = owner["."]["attr"] if "." in owner else owner.get("Var", "")
    for other in neighbours.get((group, name), ()):
        yield f"{shown(tree)} becomes `{other}`", {".": {"left": owner, "attr": other}}


def shown(tree: object) -> str:
    """An expression in few words, as Cedar writes it."""
    if not isinstance(tree, dict) or len(tree) != 1:
        return "…"
    ((operator, operands),) = tree.items()
    match operator:
        case "Value":
            return f'"{operands}"' if isinstance(operands, str) else str(operands).lower()
        case "Var":
            return str(operands)
        case ".":
            return f"{shown(operands['left'])}.{operands['attr']}"
        case "Set":
            listed = ", ".join(map(shown, operands[:2]))
            return f"[{listed}{', …' if len(operands) > 2 else ''}]"
        case "!":
            return f"!({shown(operands['arg'])})"
        case "isEmpty":
            return f"{shown(operands['arg'])}.isEmpty()"
        case "contains" | "containsAll" | "containsAny":
            return f"{shown(operands['left'])}.{operator}({shown(operands['right'])})"
    if isinstance(operands, dict) and operands.keys() == {"left", "right"}:
        return f"({shown(operands['left'])} {operator} {shown(operands['right'])})"
    return f"{operator}(…)"


class Hunt:
    """The mutants of the policies of one composition, and the means to kill them.

    overlay: the pack whose policies are mutated, over the base; empty for the policies of the base itself.
    cases: killed with, where no property does it; they run under `library`. near: requests that those of
    survivors should resemble.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        overlay: str = "",
        library: PolicyLibrary | None = None,
        cases: Sequence[Case] = (),
        near: Sequence[Json] = (),
    ) -> None:
        packs = dict.fromkeys(policy.pack for policy in rules.policies)
        self._rules = rules
        self._library = library
        self._cases = cases
        self._near = near
        self._expected = expected_of([overlay] if overlay else [GENERAL, *packs])
        neighbours = neighbours_of(rules.shapes.values())
        self.mutants = tuple(
            mutant
            for policy in rules.policies
            if not overlay or policy.pack == overlay
            for mutant in mutants_of(policy, neighbours)
        )
        self._fields: dict[str, _Field] = {}

    def verdict(self, mutant: Mutant) -> Verdict:
        """Whether a mutant widens, and what kills it."""
        widening: list[Callable[[], Json]] = []
        for action, shape in self._rules.shapes.items():
            before = next(p for p in self._rules.policies if p.id == mutant.policy.id)
            if not (mutant.policy.applies_to(shape) or before.applies_to(shape)):
                continue
            field = self._field(action, shape)
            widens, killer = field.judged(mutant)
            if killer:
                return Verdict(mutant, True, f"property {killer}")
            if widens:
                widening.append(partial(field.request_of, mutant, self._near))
        if not widening:
            return Verdict(mutant, False)
        case = self._case_that_notices(mutant)
        if case:
            return Verdict(mutant, True, f"case {case}")
        return Verdict(mutant, True, request=widening[0]())

    def _field(self, action: str, shape: ActionShape) -> "_Field":
        if action not in self._fields:
            expected = [
                each
                for each in self._expected
                if action in each.actions and not any(claim.missing(shape) for claim in each.claims)
            ]
            self._fields[action] = _Field(self._rules, shape, expected)
        return self._fields[action]

    def _case_that_notices(self, mutant: Mutant) -> str:
        if self._library is None:
            return ""
        changed = with_policy(self._library, mutant.policy)
        for case in self._cases:
            shape = self._rules.shapes.get(str(case.request.get("action")))
            if shape is not None and not run(case, changed).agrees_with(case):
                return case.name
        return ""


def with_policy(library: PolicyLibrary, changed: Policy) -> PolicyLibrary:
    """The same packs with one policy changed. Nothing decides by it; it is for what must notice the change."""
    packs = tuple(
        replace(pack, policies=tuple(changed if p.id == changed.id else p for p in pack.policies))
        for pack in library.packs
    )
    return replace(library, packs=packs, _sets={})


class _Field:
    """One action: the policies as they are, the properties, and a solver that knows both."""

    def __init__(self, rules: Rules, shape: ActionShape, expected: Sequence[Property]) -> None:
        duties = [duty for duty in rules.duties if duty.applies_to(shape)]
        claims = [claim for each in expected for claim in each.claims]
        # Policies of other actions too: a mutant's scope may reach here. A mutant compares a fact with these two
        # texts, or with whatever a neighbour of it is compared with.
        classes = texts_of(shape, rules.policies, duties, claims)
        for paths in _beside(shape):
            if shape.leaves[paths[0]].type in (LeafType.STRING, LeafType.STRINGS):
                classes.compare([*map(Fact, paths), Written(UNLISTED), Written("")])
        self.request = SymbolicRequest(shape, classes)
        self.shape = shape
        self.expected = expected
        self.questions = Questions(self.request, rules.policies, duties)
        self.solver = z3.Solver()
        self.solver.add(*self.request.domain(gateway=True))
        # Named once, so that the solver reads each policy and each property once and not for every mutant.
        self.evaluated = {
            name: Evaluated(self._named(f"policy {name}", each.satisfied), each.errs)
            for name, each in self.questions.evaluated.items()
        }
        self.broken = {
            each.name: self._named(f"broken {each.name}", broken_by(each, self.questions))
            for each in expected
        }
        self.allowed = self._named("allowed", self.questions.allows(self.evaluated))

    def _named(self, name: str, formula: Formula) -> Formula:
        named = z3.Bool(name)
        self.solver.add(named == formula)
        return named

    def judged(self, mutant: Mutant) -> tuple[bool, str]:
        """Whether a mutant widens here, and the property that breaks, if one does."""
        changed = self._changed(mutant, self.evaluated)
        becomes = self.questions.allows(changed)
        widens = self._model(becomes, negated(self.allowed)) is not None
        if widens:
            general = [each for each in self.expected if not each.by]
            killer = self._breaks(becomes, general)
            if killer:
                return True, killer
        pack = mutant.policy.pack
        if not mutant.policy.permits:
            passed = self.questions.no_forbid(self.evaluated, [pack])
            passes = self.questions.no_forbid(changed, [pack])
            if self._model(passes, negated(passed)) is not None:
                own = [each for each in self.expected if each.by == pack]
                return True, self._breaks(passes, own)
        return widens, ""

    def _changed(self, mutant: Mutant, among: Mapping[str, Evaluated]) -> Mapping[str, Evaluated]:
        each = self.questions.translator.policy(mutant.policy.cedar, mutant.policy.id)
        return {**among, mutant.policy.id: each}

    def _breaks(self, passes: Formula, properties: Sequence[Property]) -> str:
        broken = [self.broken[each.name] for each in properties]
        model = self._model(passes, either(*broken)) if broken else None
        if model is None:
            return ""
        return next(
            each.name
            for each in properties
            if z3.is_true(model.eval(self.broken[each.name], model_completion=True))
        )

    def _model(self, *formulas: Formula) -> Formula | None:
        self.solver.push()
        self.solver.add(*formulas)
        answer = self.solver.check()
        model = self.solver.model() if answer == z3.sat else None
        self.solver.pop()
        if answer == z3.unknown:
            raise ProofError(f"the solver gave up on `{self.shape.action}`")
        return model

    def request_of(self, mutant: Mutant, near: Sequence[Json]) -> Json:
        """A request that a mutant lets through and the policy does not."""
        before, pack = self.questions.evaluated, [mutant.policy.pack]
        changed = self._changed(mutant, before)
        widened = both(self.questions.allows(changed), negated(self.questions.allows(before)))
        passes = both(
            self.questions.no_forbid(changed, pack), negated(self.questions.no_forbid(before, pack))
        )
        found = witness(self.request, [widened], near) or witness(self.request, [passes], near)
        assert found is not None
        return found
