"""Check a move against the tables of transitions, the same way for every verb."""

from collections.abc import Mapping

from counterseal.casework.models import Case, CaseAssignment
from counterseal.casework.transitions import SUPERVISES
from counterseal.casework.transitions import TRANSITIONS as CASEWORK
from counterseal.gateway.sealing import Change
from counterseal.oversight.transitions import TRANSITIONS as OVERSIGHT
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.transitions import Transition, check_transition

ALL: Mapping[str, Transition] = {**CASEWORK, **OVERSIGHT}


def works_on(case_id: str, person_id: str) -> bool:
    """Whether this person is assigned to this case, or it is an established program: those are open to all."""
    return (
        CaseAssignment.objects.filter(case_id=case_id, person_id=person_id).exists()
        or Case.objects.filter(pk=case_id, program_established=True).exists()
    )


def stands_against(
    now: Change,
    name: str,
    *,
    by: str,
    target: str,
    state: str = "",
    people: Mapping[str, str] | None = None,
    on_case: str = "",
) -> Refusal | None:
    """None when `by` may make the move `name` from `state`; else the refusal, already sealed.

    on_case: the case whose file the move writes in. Strangers to it write nothing there; a supervisor may.
    """
    transition = ALL[name]
    roles = now.office.acting(by)
    unmet = check_transition(transition, state=state, actor=by, roles=roles, people=people or {})
    if on_case and not roles & SUPERVISES and not works_on(on_case, by):
        unmet += (
            Unmet(
                "HSI-M/3-own-investigation",
                f"you do not work on the case that `{name}` belongs to",
                "ask somebody who does, or have yourself assigned to it by somebody else",
            ),
        )
    if not unmet:
        return None
    kind = transition.table.split(".")[1]
    return now.refuse(f"{kind}.refused", now.unmet(unmet), by=by, action=name, target=target)
