"""Decide whether one use may run.

No permit, no use. A forbid wins. Whatever is missing, misspelt, of the wrong type or in error is a refusal.
Reads no clock, file or network: the caller brings the instant, the policy set and the facts.

A permit is given only when all of this holds:
    1 every fact the action needs is stated, in its type, and nothing else is;
    2 a pack in force can permit the action;
    3 request and entities conform to the schema, Cedar's decision is Allow, without any error, by a named
      policy, and that policy is the one that may permit this action;
    4 the obligations were worked out without any error.
Else a refusal lists every unmet condition at once, and is never empty.
Left to the caller: sealing the decision, and opening the permit's obligations.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from counterseal.policy.engine import Answer, Asked, Json
from counterseal.policy.facts import Facts, read_facts
from counterseal.policy.library import ActionRules, FactTree, PolicySetInForce
from counterseal.policy.pack import FACT_IN_WORDS
from counterseal.policy.road import ENGINE, FACTS, PACK
from counterseal.terms.decisions import Decision, Obligation, Permit, Refusal, Unmet

_ERRING = re.compile(r"while evaluating policy `([^`]*)`")


def authorise(request: Mapping[str, object], policies: PolicySetInForce, *, at: datetime) -> Decision:
    """The decision on `request`, made at `at` under `policies`.

    request: the facts as JSON, see docs/reference/facts.md. Nothing in it raises; it can only be refused.
    Raises: PolicyError if `at` has no time zone.
    """
    # (1)
    facts = read_facts(request, policies.shapes, at=at)
    if isinstance(facts, Unmet):
        return Refusal((facts,), (), policies.digest)
    rules = policies.actions[facts.shape.action]
    # (2)
    if rules.permit is None or not facts.complete:
        return _refusal(request, facts, rules, policies, ())
    # (3)
    asked = Asked(facts.question, policies.schema)
    answer = asked.put_to(policies.compiled, policies.schema)
    if not answer.allows or answer.reasons != (rules.permit,):
        return _refusal(request, facts, rules, policies, answer.errors)
    # (4) The request was checked at (3); the duties see only the facts they read, which costs a tenth.
    obligations: tuple[Obligation, ...] = ()
    if rules.duties is not None:
        owed = asked.put_to(rules.duties, None, _part(facts.question.context, rules.duty_facts))
        if owed.errors:
            return _refusal(request, facts, rules, policies, owed.errors)
        obligations = _obligations(owed, rules)
    return Permit(rules.clauses, answer.reasons, policies.digest, obligations)


def _part(context: Json, wanted: FactTree) -> Json:
    """The facts of `context` that `wanted` names."""
    return {name: _part(context[name], inner) if inner else context[name] for name, inner in wanted.items()}


def _obligations(duties: Answer, rules: ActionRules) -> tuple[Obligation, ...]:
    return tuple(
        Obligation(name=duty.name, clause=duty.clause, owner=duty.owner, within=duty.within, says=duty.says)
        for identifier, duty in rules.duty_by_id.items()
        if identifier in duties.reasons
    )


def _refusal(
    request: Mapping[str, object],
    facts: Facts,
    rules: ActionRules,
    policies: PolicySetInForce,
    errors: tuple[str, ...],
) -> Refusal:
    """Everything that is unmet, in the order in which a person would mend it."""
    # Asked without the schema: with it, one absent fact would hide every other unmet condition.
    answer = Asked(facts.question, None).put_to(rules.questions, None)
    erring = {name for error in answer.errors for name in _ERRING.findall(error)}
    unmet = [*facts.problems, *_not_stated(facts, rules), *_no_permit(rules, policies)]
    fired = []
    for identifier, question in rules.meaning.items():
        satisfied = identifier in answer.reasons
        if identifier in erring:
            # An absent or wrong fact is named above already; any other error is a fault of the policy.
            if facts.complete:
                unmet += _faulty(identifier, question.condition.clauses)
        elif satisfied is question.unmet_if_satisfied:
            unmet += [
                Unmet(
                    clause,
                    question.condition.missing,
                    with_facts(question.condition.remedy, request),
                    question.condition.name,
                )
                for clause in question.condition.clauses
            ]
            if question.unmet_if_satisfied:
                fired.append(identifier)
    owed = {name for error in errors for name in _ERRING.findall(error)} & rules.duty_by_id.keys()
    for identifier in sorted(owed):
        unmet += _faulty(identifier, (rules.duty_by_id[identifier].clause,))
    if not unmet:
        unmet.append(
            Unmet(
                ENGINE,
                "The request could not be decided without error.",
                "Report this to whoever runs the gateway; nothing in the request needs to be mended.",
                ENGINE,
            )
        )
    return Refusal(tuple(unmet), tuple(fired), policies.digest)


def with_facts(words: str, request: Mapping[str, object]) -> str:
    """The words with each fact they name, such as `{service.test.report}`, as the request states it."""

    def stated(named: re.Match[str]) -> str:
        value: object = request
        for part in named[1].split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return "(not stated)" if value is None else str(value)

    return FACT_IN_WORDS.sub(stated, words)


def _not_stated(facts: Facts, rules: ActionRules) -> list[Unmet]:
    """One entry per clause that reads an absent fact, naming all of that clause's absent facts."""
    by_clause: dict[str, list[str]] = {}
    for path in facts.missing:
        for clause in rules.readers[path] or (FACTS,):
            by_clause.setdefault(clause, []).append(path)
    leaves = rules.shape.leaves
    return [
        Unmet(
            clause,
            "Not stated: " + ", ".join(f"`{path}`" for path in paths) + ".",
            "State " + "; ".join(f"`{path}`: {leaves[path].doc}" for path in paths) + ".",
            FACTS,
        )
        for clause, paths in by_clause.items()
    ]


def _no_permit(rules: ActionRules, policies: PolicySetInForce) -> list[Unmet]:
    if rules.permit is not None:
        return []
    ran_out = [
        pack.source
        for pack in policies.packs
        if not pack.permits and rules.shape.action in pack.source.permits
    ]
    if ran_out:
        missing = f"The pack `{ran_out[0].id}`, which permits this, ran out on {ran_out[0].in_force_until}."
    else:
        missing = f"No policy pack in force permits {rules.shape.action}."
    return [Unmet(PACK, missing, "Ask those who keep the policy packs; no request can mend this.", PACK)]


def _faulty(identifier: str, clauses: tuple[str, ...]) -> list[Unmet]:
    return [
        Unmet(
            clause,
            f"The policy `{identifier}` could not be evaluated.",
            "Report this to whoever keeps the policy packs; until it is mended, the use is refused.",
            ENGINE,
        )
        for clause in clauses
    ]
