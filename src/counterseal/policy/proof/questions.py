"""What one set of policies permits, action by action, as formulas; and a concrete request for any of them.

Two decisions are formed over each symbolic request:
- `cedar`: Cedar's own. Some permit is satisfied and no forbid; a policy that errs counts for nothing.
- `gateway`: ours (`policy/decide.py`). As before, and nothing errs, the determining policy is the one that may
  permit the action, and the duties can be worked out.
What the gateway permits, Cedar allows: so a claim about all that Cedar allows is one about both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from counterseal.policy.engine import Json, Schema
from counterseal.policy.library import PolicySetInForce
from counterseal.policy.pack import Duty, Policy
from counterseal.policy.proof.cedar import FALSE, Evaluated, Translator, both, either, negated, note_texts
from counterseal.policy.proof.claims import Claim
from counterseal.policy.proof.errors import ProofError
from counterseal.policy.proof.requests import SymbolicRequest, value_at
from counterseal.policy.proof.solvers import Formula, z3
from counterseal.policy.proof.texts import TextClasses
from counterseal.policy.schema import ActionShape


@dataclass(frozen=True, slots=True)
class Rules:
    """A set of policies as text: what is proved about. schema: to ask Cedar the same."""

    shapes: Mapping[str, ActionShape]
    policies: tuple[Policy, ...]
    duties: tuple[Duty, ...]
    schema: Schema = field(repr=False)

    @classmethod
    def of(cls, policies: PolicySetInForce) -> "Rules":
        """The policies of a set in force."""
        return cls(policies.shapes, policies.policies, policies.duties, policies.schema)

    def concerning(self, shape: ActionShape) -> tuple[Policy, ...]:
        """The policies whose scope takes in an action."""
        return tuple(policy for policy in self.policies if policy.applies_to(shape))


class Questions:
    """The formulas of one action under one or several sets of policies that share a symbolic request."""

    def __init__(self, request: SymbolicRequest, policies: Sequence[Policy], duties: Sequence[Duty]) -> None:
        self.request = request
        self.translator = Translator(request)
        self.policies = {policy.id: policy for policy in policies}
        self.evaluated = {
            policy.id: self.translator.policy(policy.cedar, f"{policy.pack}, policy `{policy.id}`")
            for policy in policies
        }
        self.duties = {
            duty.id: self.translator.policy(duty.cedar, f"{duty.pack}, duty `{duty.id}`") for duty in duties
        }
        self._owed = {
            duty.name: either(*(self.duties[d.id].satisfied for d in duties if d.name == duty.name))
            for duty in duties
        }

    @property
    def action(self) -> str:
        """The action all of this is about."""
        return self.request.shape.action

    @cached_property
    def cedar_allows(self) -> Formula:
        """Cedar's own decision is Allow."""
        return self.allows(self.evaluated)

    def allows(self, evaluated: Mapping[str, Evaluated]) -> Formula:
        """Cedar's own decision under other translations of these policies."""
        permits = [each.satisfied for name, each in evaluated.items() if self.policies[name].permits]
        return both(either(*permits), self.no_forbid(evaluated))

    def no_forbid(self, evaluated: Mapping[str, Evaluated], packs: Iterable[str] | None = None) -> Formula:
        """No forbid is satisfied; packs: of these packs only."""
        wanted = None if packs is None else frozenset(packs)
        return both(
            *(
                negated(each.satisfied)
                for name, each in evaluated.items()
                if not self.policies[name].permits and (wanted is None or self.policies[name].pack in wanted)
            )
        )

    def owes(self, name: str) -> Formula:
        """The obligation of this name would be opened; false where there is none."""
        return self._owed.get(name, FALSE)

    @cached_property
    def errs(self) -> Formula:
        """Some policy or duty errs."""
        return either(*(each.errs for each in (*self.evaluated.values(), *self.duties.values())))

    @cached_property
    def gateway_permits(self) -> Formula:
        """The gateway's decision is a permit."""
        permits = [name for name, policy in self.policies.items() if policy.permits]
        others = [self.evaluated[name].satisfied for name in permits[1:]]
        return both(self.cedar_allows, negated(self.errs), negated(either(*others)))


def questions_of(
    rules: Rules, action: str, *, claims: Iterable[Claim] = (), beside: Iterable[Policy] = ()
) -> Questions:
    """The formulas of one action. claims, beside: claims and policies that will be asked over the same request.

    Raises: UntranslatableError.
    """
    shape = rules.shapes[action]
    concerning = rules.concerning(shape)
    duties = [duty for duty in rules.duties if duty.applies_to(shape)]
    request = SymbolicRequest(shape, texts_of(shape, [*concerning, *beside], duties, claims))
    return Questions(request, concerning, duties)


def texts_of(
    shape: ActionShape, policies: Iterable[Policy], duties: Iterable[Duty], claims: Iterable[Claim]
) -> TextClasses:
    """The classes of texts that these compare."""
    classes = TextClasses()
    for cedar in (*(policy.cedar for policy in policies), *(duty.cedar for duty in duties)):
        note_texts(cedar, shape, classes)
    for claim in claims:
        claim.note_texts(shape, classes)
    return classes


def witness(
    request: SymbolicRequest, formulas: Sequence[Formula], near: Iterable[Json] = (), *, gateway: bool = True
) -> Json | None:
    """A concrete request of which all formulas hold, or None where there is none.

    near: requests; the witness keeps as many facts as it can of the one that needs the fewest changes.
    Raises: ProofError: the solver gave up.
    """
    solver = z3.Solver()
    solver.set("core.minimize", True)
    solver.add(*request.domain(gateway=gateway), *formulas)
    if not _satisfiable(solver, request):
        return None
    found = request.facts(solver.model(), {})
    fewest = len(request.symbols) + 1
    for example in near:
        if example.get("action") == request.shape.action and fewest > 1:
            changed, facts = _nearest(solver, request, example)
            if changed < fewest:
                fewest, found = changed, facts
    return found


def _satisfiable(solver: Formula, request: SymbolicRequest, *assumed: Formula) -> bool:
    answer = solver.check(*assumed)
    if answer == z3.unknown:
        raise ProofError(f"the solver gave up on `{request.shape.action}`: {solver.reason_unknown()}")
    return bool(answer == z3.sat)


def _nearest(solver: Formula, request: SymbolicRequest, example: Json) -> tuple[int, Json]:
    """How many facts of an example had to change, and the request with the others as they were."""
    wishes: dict[str, Formula] = {}
    request.forget()
    solver.push()
    for path in request.symbols:
        stated = value_at(example, path)
        wish = None if stated is None else request.equals(path, stated)
        if wish is not None:
            name = f"as in the example: {path}"
            wishes[name] = z3.Bool(name)
            solver.add(z3.Implies(wishes[name], wish))
    while not _satisfiable(solver, request, *wishes.values()):
        core = {str(wish).strip("|") for wish in solver.unsat_core()}
        # One fact of the contradiction is given up at a time: the one that stands first in the request.
        del wishes[next(name for name in wishes if name in core)]
    facts = request.facts(solver.model(), example)
    solver.pop()
    return len(request.symbols) - len(wishes), facts
