"""The clause gate: is every policy needed, and does every clause show?

1 Drop each policy, each `when` of a permit and each obligation in turn: some case must come out otherwise.
2 Every clause held by cedar is named by a refused case whose near neighbour, one fact away, is permitted; or
  it opens an obligation in one case and not in another.
3 Every fact of every action is read by some policy, so that leaving it out names a clause (`at` is read by
  `authorise` itself).
4 Every case comes out as it says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from counterseal.policy.cases import Case, Outcome, run
from counterseal.policy.library import PolicyLibrary
from counterseal.policy.pack import Holder
from counterseal.policy.reads import facts_read
from counterseal.policy.schema import with_groups

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Row:
    """One thing left out. case: one that noticed, or None. decisive: its decision flipped."""

    dropped: str
    clauses: tuple[str, ...]
    case: str | None
    decisive: bool
    flips: int


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate found. faults: sentences, empty where all is well."""

    rows: tuple[Row, ...]
    cases: int
    clauses: int
    faults: tuple[str, ...]


def check(library: PolicyLibrary, cases: Sequence[Case]) -> GateReport:
    """Run the gate over `library` with `cases`."""
    faults = [f"case fails: {case.name}" for case in cases if not run(case, library).agrees_with(case)]
    rows = [
        _drop(name, clauses, variant, [case for case in cases if case.request.get("action") in actions])
        for name, clauses, actions, variant in _variants(library)
    ]
    faults += [f"nothing notices that `{row.dropped}` is gone" for row in rows if row.case is None]
    held = [
        clause.id for clause in library.clauses if Holder.CEDAR in clause.held_by and clause.pack != "road"
    ]
    opened = {duty.clause: duty.name for duty in library.duties()}
    faults += [
        f"clause `{clause}` decides no case with a permitted near neighbour"
        for clause in held
        if not _shows(clause, opened.get(clause), cases)
    ]
    faults += _unread(library)
    return GateReport(tuple(rows), len(cases), len(held), tuple(faults))


def _variants(
    library: PolicyLibrary,
) -> Iterator[tuple[str, tuple[str, ...], frozenset[str], PolicyLibrary]]:
    """(what is left out, its clauses, the actions it concerns, the library without it)."""
    for policy in library.policies():
        actions = frozenset(action for action, shape in library.shapes.items() if policy.applies_to(shape))
        clauses = tuple(dict.fromkeys(c for condition in policy.conditions for c in condition.clauses))
        yield policy.id, clauses, actions, library.without_policy(policy.id)
        if policy.permits:
            for number, condition in enumerate(policy.conditions):
                name = f"{policy.id}/{condition.name}"
                yield name, condition.clauses, actions, library.without_condition(policy.id, number)
    for duty in library.duties():
        actions = frozenset(action for action, shape in library.shapes.items() if duty.applies_to(shape))
        yield duty.id, (duty.clause,), actions, library.without_policy(duty.id)


def _drop(name: str, clauses: tuple[str, ...], variant: PolicyLibrary, cases: Sequence[Case]) -> Row:
    noticed: list[tuple[Case, Outcome]] = []
    for case in cases:
        outcome = run(case, variant)
        if not outcome.agrees_with(case):
            noticed.append((case, outcome))
    # A flipped decision is the better witness; a changed list of clauses is one where two packs say the same.
    noticed.sort(key=lambda pair: pair[1].decides_as(pair[0]))
    if not noticed:
        return Row(name, clauses, None, False, 0)
    case, outcome = noticed[0]
    return Row(name, clauses, case.name, not outcome.decides_as(case), len(noticed))


def _differ(one: Case, other: Case) -> int:
    facts = one.changes.keys() | other.changes.keys()
    return sum(one.changes.get(fact, _ABSENT) != other.changes.get(fact, _ABSENT) for fact in facts)


def _shows(clause: str, duty: str | None, cases: Sequence[Case]) -> bool:
    permitted = [case for case in cases if case.permitted]
    if duty is not None and any(duty in (case.obligations or ()) for case in permitted):
        return any(
            case.obligations is not None and duty not in case.obligations for case in permitted
        ) or any(clause in case.clauses for case in cases)
    return any(
        clause in case.clauses and case.base == other.base and _differ(case, other) == 1
        for case in cases
        for other in permitted
    )


def _unread(library: PolicyLibrary) -> Iterator[str]:
    for action, shape in with_groups(library.shapes, *(pack.groups for pack in library.packs)).items():
        read = {"at"}
        for policy in library.policies():
            if policy.applies_to(shape):
                read |= facts_read(policy.cedar["conditions"], shape)
                read.update(fact for condition in policy.conditions for fact in condition.facts_named)
        for leaf in shape.leaves:
            if leaf not in read:
                yield f"no policy reads the fact `{leaf}` of {action}"
