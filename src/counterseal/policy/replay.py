"""Decide again what was decided: the same facts under the same packs must give the same answer.

The caller brings each decision as the log has it. What differs is named by its place in the log; a decision whose
facts were not kept, or were erased since, or whose packs are not here any more, is counted and not guessed at.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from counterseal.policy.decide import authorise
from counterseal.policy.errors import PolicyError
from counterseal.policy.facts import instant_of
from counterseal.policy.library import PolicyLibrary
from counterseal.terms.decisions import Permit


@dataclass(frozen=True, slots=True)
class Logged:
    """A decision as its entry has it. facts: None where no opening of them is left."""

    index: int
    digest: str
    policies: tuple[str, ...]
    clauses: tuple[str, ...]
    permitted: bool
    facts: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. differ: (index, what differs). of_other_packs: indices whose packs are not here as they were."""

    same: int
    differ: tuple[tuple[int, str], ...]
    without_facts: int
    of_other_packs: tuple[int, ...]


def replay(decisions: Iterable[Logged], library: PolicyLibrary) -> Replayed:
    """Decide each again, at the instant its facts state."""
    same = without = 0
    differ: list[tuple[int, str]] = []
    other: list[int] = []
    for logged in decisions:
        if logged.facts is None:
            without += 1
            continue
        try:
            at = instant_of(logged.facts)
            in_force = library.in_force(at)
        except PolicyError as error:
            differ.append((logged.index, str(error)))
            continue
        if in_force.digest != logged.digest:
            other.append(logged.index)
            continue
        again = authorise(logged.facts, in_force, at=at)
        if isinstance(again, Permit) is not logged.permitted:
            differ.append((logged.index, "permitted now" if isinstance(again, Permit) else "refused now"))
        elif (set(again.clauses), set(again.policies)) != (set(logged.clauses), set(logged.policies)):
            differ.append((logged.index, "decided alike, by other clauses or policies"))
        else:
            same += 1
    return Replayed(same, tuple(differ), without, tuple(other))
