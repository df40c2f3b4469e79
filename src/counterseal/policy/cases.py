"""Cases: a named sentence, a request near a permitted one, and what must come of it.

`policies/<document>/cases/*.toml` holds `[[case]]` tables:
    name        a sentence, unique
    base        an example that is permitted, by the name of its file in examples/
    set         facts changed, by dotted path; remove: facts taken out
    decision    "permit" or "refusal"
    clauses     of a refusal: exactly the clauses it names, in any order
    obligations of a permit: exactly the obligations it opens; may be left out
A file may begin with `[given.<group>]`: facts that the pack brings itself, added where the example lacks the group.
A case runs under the composition with its own pack in it.
"""

import copy
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterseal.policy.decide import authorise
from counterseal.policy.errors import CaseFileError
from counterseal.policy.facts import instant_of
from counterseal.policy.library import PolicyLibrary, PolicySetInForce
from counterseal.terms.decisions import Permit

_FIELDS = {"name", "base", "set", "remove", "decision", "clauses", "obligations"}
REMOVED = "(removed)"


@dataclass(frozen=True, slots=True)
class Case:
    """One case. changes: what differs from the base, by dotted path (`REMOVED` for facts taken out)."""

    name: str
    file: Path
    base: str
    changes: Mapping[str, object]
    request: Mapping[str, object] = field(repr=False)
    permitted: bool
    clauses: frozenset[str]
    obligations: frozenset[str] | None
    pack: str = ""
    given: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case. clauses: of a refusal; obligations: of a permit."""

    permitted: bool
    clauses: frozenset[str]
    obligations: frozenset[str]

    def decides_as(self, case: Case) -> bool:
        """The decision is the one the case demands."""
        return self.permitted is case.permitted

    def agrees_with(self, case: Case) -> bool:
        """Decision, clauses and obligations are those the case demands."""
        return (
            self.decides_as(case)
            and self.clauses == case.clauses
            and (case.obligations is None or self.obligations == case.obligations)
        )


def run(case: Case, library: PolicyLibrary) -> Outcome:
    """Decide the case at the instant it states, under the packs in force at that instant."""
    at = instant_of(case.request)
    in_force = library.under(case.pack).in_force(at)
    decision = authorise(_asked(case, in_force), in_force, at=at)
    if isinstance(decision, Permit):
        return Outcome(True, frozenset(), frozenset(o.name for o in decision.obligations))
    return Outcome(False, frozenset(decision.clauses), frozenset())


def _asked(case: Case, in_force: PolicySetInForce) -> Mapping[str, object]:
    """The case's request with what its pack brings to this action."""
    shape = in_force.shapes.get(str(case.request.get("action")))
    if shape is None:
        return case.request
    brought = {group: facts for group, facts in case.given.items() if group in shape.facts.members}
    return {**brought, **case.request}


def load_cases(policies: Path, examples: Path) -> tuple[Case, ...]:
    """Every case of every pack, and every example as a case of its own: it is permitted.

    Raises: CaseFileError.
    """
    bases: dict[str, dict[str, Any]] = {}
    cases: list[Case] = []
    for path in sorted(examples.glob("permitted-*.json")):
        try:
            bases[path.stem] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise CaseFileError(f"`{path}` is not valid JSON: {error}") from error
        name = f"the example {path.stem} is permitted as it stands"
        cases.append(Case(name, path, path.stem, {}, bases[path.stem], True, frozenset(), None))
    for path in sorted(policies.glob("*/cases/*.toml")):
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise CaseFileError(f"`{path}` is not valid TOML: {error}") from error
        given = document.get("given", {})
        if not isinstance(given, dict) or not all(isinstance(group, dict) for group in given.values()):
            raise CaseFileError(f"`{path}`: `given` is a table of groups of facts")
        cases += [_case(table, path, bases, given) for table in document.get("case", [])]
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise CaseFileError(f"the case `{name}` stands twice; give each a sentence of its own")
    return tuple(cases)


def _case(
    table: dict[str, Any],
    path: Path,
    bases: Mapping[str, dict[str, Any]],
    given: Mapping[str, Mapping[str, object]],
) -> Case:
    name = table.get("name", "a case without a name")
    unknown = table.keys() - _FIELDS
    if unknown or not {"name", "base", "decision"} <= table.keys():
        raise CaseFileError(
            f"`{path}`, `{name}`: a case has name, base, decision and some of {sorted(_FIELDS)}"
        )
    if table["base"] not in bases:
        raise CaseFileError(f"`{path}`, `{name}`: there is no example `{table['base']}`")
    permitted = table["decision"] == "permit"
    if not permitted and (table["decision"] != "refusal" or not table.get("clauses")):
        raise CaseFileError(
            f"`{path}`, `{name}`: decision is `permit`, or `refusal` with the clauses it names"
        )
    request = copy.deepcopy(bases[table["base"]])
    changes: dict[str, object] = {}
    for fact in (*table.get("set", {}), *table.get("remove", ())):
        group = fact.split(".")[0]
        if group in given and group not in request:
            request[group] = dict(given[group])
    for fact, value in table.get("set", {}).items():
        _place(request, fact, path, name)[fact.rsplit(".", 1)[-1]] = value
        changes[fact] = value
    for fact in table.get("remove", []):
        _place(request, fact, path, name).pop(fact.rsplit(".", 1)[-1], None)
        changes[fact] = REMOVED
    return Case(
        name=name,
        file=path,
        base=table["base"],
        changes=changes,
        request=request,
        permitted=permitted,
        clauses=frozenset(table.get("clauses", ())),
        obligations=frozenset(table["obligations"]) if "obligations" in table else None,
        pack=path.parent.parent.name,
        given=given,
    )


def _place(request: dict[str, Any], fact: str, path: Path, name: str) -> dict[str, Any]:
    """The group that holds `fact`."""
    group = request
    for part in fact.split(".")[:-1]:
        if not isinstance(group.get(part), dict):
            raise CaseFileError(f"`{path}`, `{name}`: the example has no group for `{fact}`")
        group = group[part]
    return group
