"""Prove what a composition guarantees, with two solvers, and show a concrete request where it does not.

    1 each property over the base: no request that Cedar allows (or, `by` a pack, that its forbids let pass)
      breaks it. Vacuity is refused: something must be allowed where it applies, and something must break it;
    2 no policy and no duty errs, on any request that fits the schema;
    3 Cedar and the gateway decide alike: no second permit allows what the gateway's own would not;
    4 each overlay composed with the base allows nothing that the base does not. Overlays only forbid, so this
      holds of any number of them together, and (1) with it;
    5 each forbid is needed by a property: without it one would fail. So its deletion cannot pass unseen.

All is asked over Cedar's whole domain, and so holds of the gateway, which lets less in. The questions are one
SMT-LIB 2 script for each action and set of policies; z3 and cvc5 read the same text and must agree. A request
that breaks a property is put to Cedar itself, which must agree with the solver too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from counterseal.policy.decide import authorise
from counterseal.policy.engine import Json
from counterseal.policy.facts import instant_of
from counterseal.policy.library import PolicySetInForce
from counterseal.policy.pack import Policy
from counterseal.policy.proof.cedar import FALSE, both, either, negated
from counterseal.policy.proof.errors import DisagreementError
from counterseal.policy.proof.properties import GENERAL, Property, expected_of
from counterseal.policy.proof.questions import Questions, Rules, questions_of, witness
from counterseal.policy.proof.replay import OPEN, ask
from counterseal.policy.proof.solvers import SOLVERS, Formula, answers_of_cvc5, answers_of_z3
from counterseal.terms.decisions import Permit

Asker = Callable[[str], tuple[str, ...]]

PROVED, FAILED, NOT_PROVED, VACUOUS = "proved", "failed", "not proved", "vacuous"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A request that breaks a property. decided: who decides it so, in words. gateway: `permit` or `refusal`."""

    action: str
    request: Json
    decided: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one property. over: what it is a claim about. why: of one that is not proved."""

    name: str
    clauses: tuple[str, ...]
    says: str
    over: str
    actions: tuple[str, ...]
    status: str
    why: str = ""
    counterexample: Counterexample | None = None

    def json(self) -> Json:
        """As data."""
        example = self.counterexample
        return {
            "name": self.name,
            "clauses": list(self.clauses),
            "says": self.says,
            "over": self.over,
            "actions": list(self.actions),
            "status": self.status,
            **({"why": self.why} if self.why else {}),
            **(
                {
                    "counterexample": {
                        "action": example.action,
                        "decided": example.decided,
                        "gateway": example.gateway,
                        "request": example.request,
                    }
                }
                if example
                else {}
            ),
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything that was asked. asked: questions put to each solver. forbids: that a property needs, and all."""

    findings: tuple[Finding, ...]
    asked: int
    forbids: tuple[int, int]
    solvers: Mapping[str, str] = field(default_factory=lambda: dict(SOLVERS))

    @property
    def holds(self) -> bool:
        """Every property is proved, and there are some."""
        return bool(self.findings) and all(finding.status == PROVED for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Check:
    """One question of a script: the formulas that hold together, and the answer that proves."""

    property: Property
    wanted: str
    formulas: tuple[Formula, ...]


def prove(
    base: PolicySetInForce | Rules,
    overlays: Mapping[str, PolicySetInForce | Rules],
    *,
    near: Iterable[Json] = (),
    askers: Sequence[Asker] = (answers_of_z3, answers_of_cvc5),
) -> Proof:
    """Prove the properties of a base and of overlays over it.

    overlays: by pack, the base composed with that overlay alone. near: requests that counterexamples should
    resemble. Raises: UntranslatableError, DisagreementError, ProofError.
    """
    examples = tuple(near)
    runs = [_Run("", base, examples), *(_Run(name, rules, examples) for name, rules in overlays.items())]
    scripts = [script for run in runs for script in run.scripts()]
    texts = [script.text() for script in scripts]
    with ThreadPoolExecutor(max_workers=2) as pool:
        by_solver = list(pool.map(lambda asker: [asker(text) for text in texts], askers))
    findings: dict[str, Finding] = {}
    asked = 0
    for number, script in enumerate(scripts):
        answers = _agreed(script, [each[number] for each in by_solver])
        asked += len(answers)
        for name, finding in script.findings(answers):
            findings[name] = _worse(findings.get(name), finding)
    needed = all_forbids = 0
    for run in runs:
        for finding in (*run.not_asked(), *(unneeded := list(run.unneeded()))):
            findings[finding.name] = _worse(findings.get(finding.name), finding)
        all_forbids += len(run.forbids)
        needed += len(run.forbids) - len(unneeded)
    return Proof(tuple(findings.values()), asked, (needed, all_forbids))


def _worse(one: Finding | None, other: Finding) -> Finding:
    """Two findings about one property as one: the worse of them, over all their actions."""
    if one is None:
        return other
    kept = one if one.status != PROVED else other
    return replace(kept, actions=tuple(dict.fromkeys((*one.actions, *other.actions))))


def _agreed(script: "_Script", answers: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if any(len(each) != len(script.checks) for each in answers) or len(set(answers)) != 1:
        for check, *said in zip(script.checks, *answers, strict=False):
            if len(set(said)) != 1 and "unknown" not in said:
                raise DisagreementError(
                    f"the solvers disagree on `{check.property.name}` for `{script.questions.action}`: {said}"
                )
        if any(len(each) != len(script.checks) for each in answers):
            raise DisagreementError(f"a solver left questions about `{script.questions.action}` unanswered")
    return tuple(said[0] if len(set(said)) == 1 else "unknown" for said in zip(*answers, strict=True))


class _Run:
    """The base (without a name), or the base composed with one overlay."""

    def __init__(self, overlay: str, policies: PolicySetInForce | Rules, near: tuple[Json, ...]) -> None:
        self.overlay = overlay
        self.rules = policies if isinstance(policies, Rules) else Rules.of(policies)
        self.in_force = policies if isinstance(policies, PolicySetInForce) else None
        self.near = near
        packs = dict.fromkeys(policy.pack for policy in self.rules.policies)
        self.expected = expected_of([overlay] if overlay else [GENERAL, *packs])
        self.forbids = [
            policy
            for policy in self.rules.policies
            if not policy.permits and (not overlay or policy.pack == overlay)
        ]
        self.questions: dict[str, Questions] = {}
        for action, shape in self.rules.shapes.items():
            said = any(p.pack == overlay and p.applies_to(shape) for p in self.rules.policies)
            if overlay and not said and not self._asked_of(action):
                continue  # what an overlay says nothing about is decided by the base alone
            claims = [
                claim for each in self._asked_of(action) for claim in each.claims if not claim.missing(shape)
            ]
            self.questions[action] = questions_of(self.rules, action, claims=claims)

    def _asked_of(self, action: str) -> list[Property]:
        return [each for each in self.expected if action in each.actions]

    def scripts(self) -> Iterator["_Script"]:
        for action, questions in self.questions.items():
            expected = [
                each
                for each in self._asked_of(action)
                if not any(claim.missing(questions.request.shape) for claim in each.claims)
            ]
            yield _Script(self, questions, expected)

    def not_asked(self) -> Iterator[Finding]:
        """Properties about facts that an action does not have, or about actions that are not there."""
        for each in self.expected:
            for action in each.actions:
                shape = self.rules.shapes.get(action)
                if shape is None:
                    missing = [f"the action `{action}`"]
                else:
                    missing = [
                        f"`{path}` of {action}" for claim in each.claims for path in claim.missing(shape)
                    ]
                if missing:
                    why = "the packs do not carry " + ", ".join(dict.fromkeys(missing))
                    yield _finding(each, (action,), NOT_PROVED, why)

    def unneeded(self) -> Iterator[Finding]:
        """The forbids that could be deleted without any property failing."""
        for forbid in self.forbids:
            if not any(self._needs(questions, forbid) for questions in self.questions.values()):
                (condition,) = forbid.conditions
                yield Finding(
                    name=f"{forbid.id}-is-needed",
                    clauses=condition.clauses,
                    says=f"Some property fails without the forbid `{forbid.id}`.",
                    over=f"the forbids of {forbid.pack}",
                    actions=(),
                    status=NOT_PROVED,
                    why="it could be deleted without any property failing: claim what it sees to in "
                    f"expected/{forbid.pack}.toml",
                )

    def _needs(self, questions: Questions, forbid: Policy) -> bool:
        if forbid.id not in questions.evaluated:
            return False
        without = {name: each for name, each in questions.evaluated.items() if name != forbid.id}
        broken = [
            broken_by(each, questions)
            for each in self._asked_of(questions.action)
            if each.by == forbid.pack and not any(c.missing(questions.request.shape) for c in each.claims)
        ]
        passes = questions.no_forbid(without, [forbid.pack])
        return (
            bool(broken) and witness(questions.request, [passes, either(*broken)], gateway=False) is not None
        )


def broken_by(each: Property, questions: Questions) -> Formula:
    """A request breaks a property: what it presupposes holds, and what it claims does not."""
    given, always = claimed(each, questions)
    return both(given, negated(always))


def claimed(each: Property, questions: Questions) -> tuple[Formula, Formula]:
    """What a property presupposes and what it claims, as formulas."""
    assert each.always is not None
    always = each.always.formula(questions.request, questions.owes)
    given = both() if each.given is None else each.given.formula(questions.request, questions.owes)
    return given, always


def passed(each: Property, questions: Questions) -> Formula:
    """The requests that a property is about: those its pack lets pass, or those that Cedar allows."""
    if each.by:
        return questions.no_forbid(questions.evaluated, [each.by])
    return questions.cedar_allows


NEVER_ERR = Property(
    name="policies-never-err",
    clauses=("road/engine",),
    actions=(),
    says="No policy and no duty ends in an error, on any request that fits the schema.",
    given=None,
    always=None,
)
ONE_PERMIT = replace(
    NEVER_ERR,
    name="one-permit-decides",
    clauses=("road/pack", "road/engine"),
    says="Whatever Cedar allows, the gateway permits, by the one policy that may: there is no second way.",
)


def _narrows(overlay: str) -> Property:
    return replace(
        NEVER_ERR,
        name=f"{overlay}-only-narrows",
        clauses=(),
        says=f"Composed with the base, `{overlay}` allows nothing that the base does not allow.",
    )


class _Script:
    """The questions about one action under one set of policies, as one SMT-LIB 2 script."""

    def __init__(self, run: _Run, questions: Questions, expected: Sequence[Property]) -> None:
        self.run = run
        self.questions = questions
        self.checks = [check for each in expected for check in self._checks(each)]
        allows = questions.cedar_allows
        if run.overlay:
            base = {
                name: each
                for name, each in questions.evaluated.items()
                if questions.policies[name].pack != run.overlay
            }
            narrows = _narrows(run.overlay)
            self.checks += [
                _Check(narrows, "unsat", (allows, negated(questions.allows(base)))),
                _Check(narrows, "sat", (allows,)),
            ]
        self.checks += [
            _Check(NEVER_ERR, "unsat", (questions.errs,)),
            _Check(ONE_PERMIT, "unsat", (allows, negated(questions.gateway_permits))),
            _Check(ONE_PERMIT, "sat", (allows,)),
        ]

    def _checks(self, each: Property) -> Iterator[_Check]:
        given, always = claimed(each, self.questions)
        about = passed(each, self.questions)
        yield _Check(each, "unsat", (about, given, negated(always)))
        yield _Check(each, "sat", (about, given))
        # An obligation is the policies' own: without any, the claim must be one that a request can break.
        assert each.always is not None
        unowed = each.always.formula(self.questions.request, lambda _: FALSE)
        yield _Check(each, "sat", (given, negated(unowed)))

    def text(self) -> str:
        """The script. What several questions share is defined once."""
        request = self.questions.request
        shared: dict[int, str] = {}
        lines = ["(set-logic ALL)"]
        lines += [term.decl().sexpr() for symbol in request.symbols.values() for term in symbol.terms]
        lines += [f"(assert {bound.sexpr()})" for bound in request.domain(gateway=False)]
        for check in self.checks:
            for formula in check.formulas:
                if formula.get_id() not in shared:
                    name = f"part-{len(shared)}"
                    shared[formula.get_id()] = name
                    lines.append(f"(define-fun {name} () Bool {formula.sexpr()})")
        for check in self.checks:
            lines.append("(push 1)")
            lines += [f"(assert {shared[formula.get_id()]})" for formula in check.formulas]
            lines += ["(check-sat)", "(pop 1)"]
        return "\n".join(lines) + "\n"

    def findings(self, answers: Sequence[str]) -> Iterator[tuple[str, Finding]]:
        """What came of each property; a counterexample where there is one."""
        for check, answer in zip(self.checks, answers, strict=True):
            each, action = check.property, (self.questions.action,)
            if answer == check.wanted:
                yield each.name, _finding(each, action, PROVED)
            elif answer == "unknown":
                yield each.name, _finding(each, action, NOT_PROVED, "a solver found no answer")
            elif check.wanted == "unsat":
                example = self._counterexample(check)
                found = _finding(each, action, FAILED, f"a request for {self.questions.action} breaks it")
                yield each.name, replace(found, counterexample=example)
            else:
                why = f"no request for {action[0]} is allowed where it applies, or none could break it"
                yield each.name, _finding(each, action, VACUOUS, why)

    def _counterexample(self, check: _Check) -> Counterexample:
        """A concrete request, as near to what the gateway lets in as there is one, put to Cedar."""
        run, questions = self.run, self.questions
        for gateway in (True, False):
            request = witness(questions.request, check.formulas, run.near, gateway=gateway)
            if request is not None:
                break
        else:
            raise DisagreementError(
                f"no request breaks `{check.property.name}`, although both solvers say so"
            )
        shape, schema, by = questions.request.shape, run.rules.schema, check.property.by
        rules = {policy.id: policy.cedar for policy in questions.policies.values()}
        duties = {duty.id: duty.cedar for duty in run.rules.duties if duty.applies_to(shape)}
        if check.property is NEVER_ERR:
            answer = ask(request, shape, {**rules, **duties}, schema)
            agreed, decided = bool(answer.errors), f"Cedar errs: {'; '.join(answer.errors)}"
        elif by:
            forbids = {p.id: p.cedar for p in questions.policies.values() if p.pack == by and not p.permits}
            agreed = ask(request, shape, {**forbids, "(anybody)": OPEN}, schema).allowed
            decided = f"no forbid of {by} stops it, so whatever permits it does"
        else:
            answer = ask(request, shape, rules, schema)
            agreed, decided = answer.allowed, f"Cedar allows it by {', '.join(answer.reasons)}"
        if check.property.always is not None:
            opened = ask(request, shape, duties, schema).reasons
            owed = {duty.name for duty in run.rules.duties if duty.id in opened}
            given = check.property.given
            agreed = (
                agreed
                and (given is None or given.holds(request, shape, owed))
                and not check.property.always.holds(request, shape, owed)
            )
        if not agreed:
            raise DisagreementError(
                f"the solver says that `{check.property.name}` is broken, and Cedar or its words do not: {request}"
            )
        return Counterexample(questions.action, request, decided, self._at_the_gateway(request))

    def _at_the_gateway(self, request: Json) -> str:
        if self.run.in_force is None:
            return "refusal: these packs do not load"
        decision = authorise(request, self.run.in_force, at=instant_of(request))
        return "permit" if isinstance(decision, Permit) else "refusal"


def _finding(each: Property, actions: tuple[str, ...], status: str, why: str = "") -> Finding:
    over = f"whatever the forbids of {each.by} let pass" if each.by else "whatever Cedar allows"
    return Finding(each.name, each.clauses, each.says, over, actions, status, why)
