"""Transitions as data, and the one function that checks them.

A transition says from where to where a row may go, which role may move it, from whom the mover must be a
different person, and which clause demands that. The rooms hold tables of these; the same tables make the
database's own guards, because an update can go round Python.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from counterseal.terms.decisions import Unmet
from counterseal.terms.errors import StaleError


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed move.

    table: label of the model, lower case. name: the verb. before: states it may start from ("" is the
    making of the row). roles: any one of these. distinct_from: fields of the row that hold a person who
    must be somebody else. clause: what demands role and distinctness.
    """

    table: str
    name: str
    before: tuple[str, ...]
    after: str
    roles: frozenset[str]
    clause: str
    distinct_from: tuple[str, ...] = ()


def check_transition(
    transition: Transition,
    *,
    state: str,
    actor: str,
    roles: Collection[str],
    people: Mapping[str, str],
) -> tuple[Unmet, ...]:
    """Say what stands against this move, empty when nothing does.

    state: where the row is now. roles: what the actor holds now. people: field name -> person id.

    Raises:
        StaleError: the row is not in a state from which this move starts; somebody was faster.
    """
    if state not in transition.before:
        raise StaleError(
            f"cannot `{transition.name}`: the state is already `{state}`, not {' or '.join(map(repr, transition.before))}; "
            "read it again before you act"
        )
    unmet = []
    if not transition.roles & set(roles):
        wanted = " or ".join(sorted(transition.roles))
        unmet.append(
            Unmet(
                transition.clause,
                f"`{transition.name}` needs the role {wanted}",
                f"ask somebody who holds the role {wanted}",
            )
        )
    for field in transition.distinct_from:
        if people[field] == actor:
            unmet.append(
                Unmet(
                    transition.clause,
                    f"the person who acts is the same as the {field.removesuffix('_id').replace('_', ' ')}",
                    "a second person must do this; nobody can do it for themselves, in any role",
                )
            )
    return tuple(unmet)
