"""The translation and Cedar decide alike: decision, determining policies and errors, on thousands of requests.

Requests are permitted examples with a few facts changed, so that they lie on both sides of every boundary, and
requests that the solver makes for each policy and each way it can come out.
"""

import copy
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from counterseal.policy import PolicySetInForce
from counterseal.policy.engine import Asked, compile_set, policies_of
from counterseal.policy.facts import read_instant
from counterseal.policy.pack import Condition, Policy
from counterseal.policy.proof.cedar import Evaluated
from counterseal.policy.proof.errors import UntranslatableError
from counterseal.policy.proof.questions import Questions, Rules, questions_of, witness
from counterseal.policy.proof.replay import question_of
from counterseal.policy.proof.requests import LEAST_LONG, MOST_LONG, instant_text, milliseconds, value_at
from counterseal.policy.proof.solvers import z3
from counterseal.policy.schema import LeafType

Request = dict[str, Any]
AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
FROM_EXAMPLES = 560  # for each action

# Every operator, also where it errs, over facts of the shipped schema.
OPERATORS = r"""
permit (principal, action, resource) when { principal has active && principal has nothing };
permit (principal, action, resource) when { principal has id && principal.nothing };
permit (principal, action, resource) when { principal.active && principal.nothing };
permit (principal, action, resource) when { !principal.active || principal.nothing };
permit (principal, action, resource)
  when { if principal.active then context.at > datetime("2026-11-01") else principal.nothing };
permit (principal, action, resource)
  when { (if principal.active then principal.id else "person-4f2a") == "person-4f2a" };
permit (principal, action, resource) when { principal.id like "person-*" };
permit (principal, action, resource) when { principal.id like "*-4*a" && !(principal.id like "p\**") };
permit (principal, action, resource) unless { principal.id like "*" };
permit (principal == Person::"person-4f2a", action, resource);
permit (principal in Person::"person-4f2a", action, resource);
permit (principal, action == Action::"disclosure", resource is Record);
permit (principal is Person in Person::"person-4f2a", action in [Action::"disclosure", Action::"analysis"], resource);
permit (principal, action, resource is Service) when { resource.test == {status: "passed", due: context.at} };
permit (principal, action, resource is Service)
  when { resource.test == {status: "passed"} || resource is Record };
permit (principal, action, resource) when { principal in [Person::"person-4f2a", Person::"other-1"] };
permit (principal, action, resource) when { principal in context.at };
permit (principal, action, resource is Service)
  when { context.use.id == principal.id || resource.id == context.use.id };
permit (principal, action, resource is Service) when { resource.modes == ["identification", "verification"] };
permit (principal, action, resource is Service) when { resource.modes.containsAny(principal.roles) };
permit (principal, action, resource is Service)
  when { resource.modes.containsAll(principal.roles) || principal.roles == resource.modes };
permit (principal, action, resource is Service) when { resource.case_types.contains(context.use.id) };
permit (principal, action, resource is Service)
  when { [context.use.id, resource.id].containsAll(resource.modes) };
permit (principal, action, resource) when { [1, 2].contains(context.volume.batch) };
permit (principal, action, resource)
  when { [1, 2].containsAll([context.volume.batch, context.volume.case_faces]) };
permit (principal, action, resource) when { context.volume.batch + 1 > context.volume.case_faces };
permit (principal, action, resource) when { context.volume.batch * 2 - 3 <= -(context.volume.case_faces) };
permit (principal, action, resource)
  when { context.volume.batch < 0 || context.volume.batch * context.volume.batch >= 4 };
permit (principal, action, resource) when { context.volume.batch == "1" };
permit (principal, action, resource) when { context.volume.batch < "1" };
permit (principal, action, resource)
  when { context.at.offset(duration("-1d2h3m4s5ms")) < context.probe.captured };
permit (principal, action, resource) when { context.at.durationSince(context.probe.captured).toDays() < 6 };
permit (principal, action, resource)
  when { context.at.durationSince(context.probe.captured).toHours() == 114 };
permit (principal, action, resource) when { context.at.toDate() == datetime("2026-11-20") };
permit (principal, action, resource)
  when { context.probe.captured.toDate() <= context.at.offset(duration("-120h")) };
permit (principal, action, resource) when { context.at.toTime() < duration("15h1ms") };
permit (principal, action, resource) when { context.at < datetime("2026-11-20T15:00:00.001Z") };
permit (principal, action, resource) when { context.at >= datetime("2026-11-20T16:00:00+0100") };
permit (principal, action, resource) when { context.at == duration("1d") };
permit (principal, action, resource) when { context.at > duration("1d") };
permit (principal, action, resource) when { datetime("2026-13-01") == context.at };
permit (principal, action, resource) when { principal.roles.isEmpty() || [].isEmpty() };
permit (principal, action, resource) when { principal.id.nothing == 1 || principal.id has nothing };
permit (principal, action, resource) when { principal.id has nothing };
permit (principal, action, resource) when { (if principal.active then principal.nothing else true) };
permit (principal, action, resource) when { (if principal.active then 1 else 2) == 2 };
permit (principal, action, resource) when { (if principal.nothing then 1 else 2) == 2 || true };
permit (principal, action, resource) when { (if principal.active then false else principal.id == "") };
permit (principal, action, resource) when { principal.active == false };
permit (principal, action, resource) when { principal.id < 1 };
permit (principal, action, resource) when { principal.active like "a*" };
permit (principal, action, resource) when { (if principal.active then "ab" else principal.id) like "a*" };
permit (principal, action, resource) when { principal.id is Person };
permit (principal, action, resource) when { principal is Person in Person::"person-4f2a" };
permit (principal, action, resource) when { principal is Record in principal.nothing };
permit (principal, action, resource) when { principal == resource || action == principal };
permit (principal, action, resource) when { principal.id.contains("a") };
permit (principal, action, resource) when { principal.roles.containsAll("a") };
permit (principal, action, resource) when { principal.roles.containsAny("a") };
permit (principal, action, resource) when { principal.roles.containsAny(["a", "investigator"]) };
permit (principal, action, resource) when { ["a", principal.id].containsAny(principal.roles) };
permit (principal, action, resource) when { principal.id.isEmpty() };
permit (principal, action, resource) when { {a: principal.id, b: principal.nothing}.a == "" };
permit (principal, action, resource) when { {a: principal.id, b: 1}.a == "person-4f2a" };
permit (principal, action, resource) when { {a: principal.roles, b: 9223372036854775807 + 1}.a.isEmpty() };
permit (principal, action, resource) when { {a: [1], b: principal.nothing}.a.contains(1) };
permit (principal, action, resource) when { {a: {c: 1}, b: principal.nothing}.a has c };
permit (principal, action, resource) when { {a: principal, b: principal.nothing}.a == principal };
permit (principal, action, resource) when { {a: 1, b: principal.nothing}.a == 1 };
permit (principal, action, resource) when { {a: 1 + 1, b: 1}.a == 2 };
permit (principal, action, resource) when { -principal.id == 1 };
permit (principal, action, resource) when { principal.id + 1 == 1 };
permit (principal, action, resource) when { context.at.offset(context.at) == context.at };
permit (principal, action, resource) when { duration("1d1d") == duration("1d") };
permit (principal, action, resource) when { duration("9999999999999d") == duration("1d") };
permit (principal, action, resource) when { datetime("yesterday") == context.at };
permit (principal, action, resource is Service) when { resource.modes == resource.case_types };
permit (principal, action, resource is Service) when { resource.modes.containsAll(resource.case_types) };
permit (principal, action, resource is Service) when { resource.test == resource.test };
permit (principal, action, resource is Service) when { context.terms == {accepted_version: resource.terms_version} };
permit (principal, action, resource)
  when { principal.roles.contains(1) || principal.roles.contains(principal.id) };
"""


class Pair:
    """The same policies twice: as formulas over one action, and compiled for Cedar."""

    def __init__(self, questions: Questions, policies: PolicySetInForce, texts: Mapping[str, Any]) -> None:
        self.questions = questions
        self.request = questions.request
        self.schema = policies.schema
        self.compiled = compile_set(texts)
        self.names = list(questions.evaluated)
        bits = [bit for each in questions.evaluated.values() for bit in (each.satisfied, each.errs)]
        holder = z3.Function("all of it", *([z3.BoolSort()] * (len(bits) + 1)))
        self.bits = holder(*bits)

    def translated(self, facts: Request) -> dict[str, tuple[bool, bool]]:
        """For each policy whether it is satisfied and whether it errs."""
        self.request.forget()
        swaps = []
        for path, symbol in self.request.symbols.items():
            terms = self.request.terms(path, value_at(facts, path))
            assert terms is not None, f"no member stands for {path}"
            swaps += list(zip(symbol.terms, terms, strict=True))
        known = [z3.is_true(bit) for bit in z3.simplify(z3.substitute(self.bits, *swaps)).children()]
        return {name: (known[2 * n], known[2 * n + 1]) for n, name in enumerate(self.names)}

    def compare(self, facts: Request) -> tuple[bool, int]:
        """Both decide alike. Answers whether Cedar allows, and how many policies err."""
        outcomes = self.translated(facts)
        permits = {n for n, (held, _) in outcomes.items() if held and self.questions.policies[n].permits}
        forbids = {n for n, (held, _) in outcomes.items() if held and not self.questions.policies[n].permits}
        errs = {n for n, (_, err) in outcomes.items() if err}
        answer = Asked(question_of(facts, self.request.shape), self.schema).put_to(self.compiled, self.schema)

        assert answer.allowed is (bool(permits) and not forbids), facts
        assert set(answer.reasons) == (forbids or permits), facts
        assert {name for name in self.names if any(f"`{name}`" in said for said in answer.errors)} == errs, (
            facts
        )
        assert len(answer.errors) == len(errs)
        return answer.allowed, len(errs)


def near_misses(pair: Pair, example: Request, dice: random.Random, count: int) -> Iterator[Request]:
    """The example with none to four facts changed to something that matters."""
    paths = list(pair.request.symbols)
    for number in range(count):
        facts = copy.deepcopy(example)
        for path in dice.sample(paths, number % 5):
            *groups, name = path.split(".")
            group = facts
            for part in groups:
                group = group[part]
            group[name] = changed(pair, path, facts, dice)
        yield facts


def changed(pair: Pair, path: str, facts: Request, dice: random.Random) -> object:
    symbol = pair.request.symbols[path]
    match symbol.type:
        case LeafType.BOOL:
            return dice.random() < 0.5
        case LeafType.LONG:
            return dice.choice(
                [
                    0,
                    1,
                    2,
                    7,
                    8,
                    9,
                    10,
                    11,
                    20,
                    21,
                    500,
                    501,
                    114,
                    MOST_LONG,
                    -1,
                    -2,
                    LEAST_LONG,
                    LEAST_LONG + 1,
                ]
            )
        case LeafType.DATETIME:
            instants = [p for p, s in pair.request.symbols.items() if s.type is LeafType.DATETIME]
            near = read_instant(value_at(facts, dice.choice(instants)))
            assert near is not None
            return instant_text(milliseconds(near) + dice.choice([0, 0, 1, -1, 86_400_000, -86_400_000]))
        case LeafType.STRING:
            assert symbol.texts is not None
            return dice.choice(symbol.texts.members)
        case _:
            assert symbol.texts is not None
            members = list(symbol.texts.members)
            return dice.sample(members, dice.randint(0, min(4, len(members))))


def from_the_solver(pair: Pair) -> Iterator[Request]:
    """A request for each policy and each way it can come out; of the forbids, each alone beside a permit."""
    questions = pair.questions

    def outcomes(each: Evaluated) -> Iterator[Any]:
        yield each.satisfied
        yield each.errs
        yield z3.Not(z3.Or(each.satisfied, each.errs))

    for name, each in questions.evaluated.items():
        wanted = [[formula] for formula in outcomes(each)]
        wanted += [[questions.cedar_allows, formula] for formula in outcomes(each)]
        if not questions.policies[name].permits:
            others = {n: e for n, e in questions.evaluated.items() if n != name}
            wanted.append([each.satisfied, questions.allows(others)])
        for formulas in wanted:
            facts = witness(pair.request, formulas, gateway=False)
            if facts is not None:
                yield facts


def pairs(policies: PolicySetInForce) -> Iterator[Pair]:
    rules = Rules.of(policies)
    for action in rules.shapes:
        questions = questions_of(rules, action)
        yield Pair(questions, policies, {p.id: p.cedar for p in questions.policies.values()})


def test_the_shipped_packs_decide_as_their_translation(
    library: Any, examples: Mapping[str, Request], base: PolicySetInForce
) -> None:
    """At least 5,000 requests, at least 500 of them permits, and no mismatch. Printed with `-s`."""
    counted: Counter[str] = Counter()
    # With every overlay that is in force, so that all of their forbids are among them.
    whole = library.in_force(AT)
    for policies in (whole, base):
        for pair in pairs(policies):
            dice = random.Random(f"{pair.questions.action}")  # the same requests every time
            mine = [e for e in examples.values() if e["action"] == pair.questions.action]
            assert mine
            count = FROM_EXAMPLES if policies is whole else 0
            groups = [near_misses(pair, example, dice, count) for example in mine]
            for facts in (*(facts for group in groups for facts in group), *from_the_solver(pair)):
                if any(value_at(facts, path) is None for path in pair.request.symbols):
                    facts = stated(pair, facts)
                allowed, errs = pair.compare(facts)
                counted["requests"] += 1
                counted["permits"] += allowed
                counted["errors"] += errs
    print(f"\n{counted['requests']} requests, {counted['permits']} of them permits, no mismatch")
    assert counted["requests"] >= 5_000
    assert counted["permits"] >= 500
    assert counted["errors"] == 0


def stated(pair: Pair, facts: Request) -> Request:
    """An example of the base, with the facts that an overlay asks for beside it."""
    found = witness(pair.request, [], [facts])
    assert found is not None
    return found


@pytest.mark.parametrize("action", ["identification", "disclosure", "verify-claim"])
def test_every_operator_is_translated_as_cedar_evaluates_it(
    action: str, base: PolicySetInForce, examples: Mapping[str, Request]
) -> None:
    """Values and errors, one policy for each operator; most of these packs would not load."""
    texts = {f"operator-{n}": cedar for n, cedar in enumerate(policies_of(OPERATORS))}
    policies = tuple(
        Policy(name, "operators", True, cedar, (Condition(name, (), "", ""),))
        for name, cedar in texts.items()
    )
    rules = Rules(base.shapes, policies, (), base.schema)
    shape = base.shapes[action]
    concerning = {policy.id: policy.cedar for policy in rules.concerning(shape)}
    pair = Pair(questions_of(rules, action), base, concerning)
    dice = random.Random(action)
    seen: dict[str, set[tuple[bool, bool]]] = {name: set() for name in concerning}
    mine = [e for e in examples.values() if e["action"] == action]
    requests = [facts for example in mine for facts in near_misses(pair, example, dice, 150)]
    for facts in (*requests, *from_the_solver(pair)):
        pair.compare(facts)
        for name, outcome in pair.translated(facts).items():
            seen[name].add(outcome)
    assert len(concerning) >= 25
    # Many come out in two ways at least, so that a translation that never holds would be seen.
    assert sum(len(outcomes) >= 2 for outcomes in seen.values()) >= len(seen) // 3


@pytest.mark.parametrize(
    ("condition", "at_fault"),
    [
        ('context.probe.quality.lessThan(decimal("1.0"))', "lessThan"),
        ('ip("10.0.0.1").isLoopback()', "isLoopback"),
        ('(if principal.active then principal.roles else resource.modes).contains("x")', "if"),
        ("context.at == datetime(principal.id)", "datetime"),
    ],
)
def test_what_has_no_translation_is_named_with_its_place(
    condition: str, at_fault: str, base: PolicySetInForce
) -> None:
    (cedar,) = policies_of(f"permit (principal, action, resource) when {{ {condition} }};")
    odd = Policy("odd", "some-pack", True, cedar, (Condition("odd", (), "", ""),))

    with pytest.raises(UntranslatableError, match="some-pack, policy `odd`") as caught:
        questions_of(Rules(base.shapes, (odd,), (), base.schema), "identification")
    assert at_fault in str(caught.value)
