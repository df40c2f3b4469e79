"""Check a move against the tables of transitions, the same way for every verb."""

from collections.abc import Mapping

from counterseal.casework.transitions import TRANSITIONS as CASEWORK
from counterseal.gateway.sealing import Change
from counterseal.oversight.transitions import TRANSITIONS as OVERSIGHT
from counterseal.terms.decisions import Refusal
from counterseal.terms.transitions import Transition, check_transition

ALL: Mapping[str, Transition] = {**CASEWORK, **OVERSIGHT}


def stands_against(
    now: Change, name: str, *, by: str, target: str, state: str = "", people: Mapping[str, str] | None = None
) -> Refusal | None:
    """None when `by` may make the move `name` from `state`; else the refusal, already sealed."""
    transition = ALL[name]
    unmet = check_transition(
        transition, state=state, actor=by, roles=now.office.acting(by), people=people or {}
    )
    if not unmet:
        return None
    kind = transition.table.split(".")[1]
    return now.refuse(f"{kind}.refused", now.unmet(unmet), by=by, action=name, target=target)
