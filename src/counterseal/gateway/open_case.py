"""Open a case, assign people to it, close it, and record what was tried by traditional means."""

from datetime import datetime

from counterseal.casework.models import Case, CaseAssignment, InvestigativeStep
from counterseal.casework.transitions import SUPERVISES
from counterseal.casework.words import CaseStatus
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

_NOT_YOUR_CASE = Unmet(
    "HSI-M/3-own-investigation",
    "you are not on this case yourself",
    "ask a supervisor, or somebody who works on the case",
)


def open_case(
    office: Office,
    *,
    number: str,
    case_type: str,
    statutory_authority: str,
    program_code: str,
    by: str,
    program_established: bool = False,
    program_assessed: bool = False,
) -> Case | Refusal:
    """Open a case and assign the opener to it. That it is an established, assessed program a supervisor says."""
    if not number.strip() or not case_type.strip():
        raise BadInputError("a case has a number and a type; give both")
    with change(office) as now:
        case_id = office.new_id(Case)
        if refusal := stands_against(now, "open a case", by=by, target=case_id):
            return refusal
        program = program_established or program_assessed
        if program and (refusal := stands_against(now, "open a program", by=by, target=case_id)):
            return refusal
        if Case.objects.filter(number=number).exists():
            raise BadInputError(f"a case with the number `{number}` is open or closed already; use that one")
        case = Case(
            id=case_id,
            number=number,
            type=case_type,
            statutory_authority=statutory_authority,
            program_code=program_code,
            program_established=program_established,
            program_assessed=program_assessed,
            status=CaseStatus.OPEN,
            opened_by_id=by,
            opened_at=now.at,
        )
        assignment = CaseAssignment(
            id=office.new_id(CaseAssignment), case=case, person_id=by, assigned_by_id=by, at=now.at
        )
        now.seal(
            "case.opened",
            by=by,
            action="open a case",
            target=case.id,
            outcome="done",
            committed={"type": case_type},
            rows=[case, assignment],
        )
        return case


def assign(office: Office, *, case_id: str, person_id: str, by: str) -> CaseAssignment | Refusal:
    """Put another person on an open case. Nobody puts themselves on one; a supervisor or one of its own does it.

    Raises:
        BadInputError: unknown case or person. StaleError: the case is closed, or they are on it already.
    """
    with change(office) as now:
        case = found(Case, case_id)
        refusal = stands_against(
            now,
            "assign to a case",
            by=by,
            target=case_id,
            state=case.status,
            people={"person_id": person_id},
        )
        if refusal:
            return refusal
        on_it = case.assignments.filter(person_id=by).exists()
        if not on_it and not office.acting(by) & SUPERVISES:
            return now.refuse(
                "caseassignment.refused",
                now.unmet([_NOT_YOUR_CASE]),
                by=by,
                action="assign to a case",
                target=case_id,
            )
        office.acting(person_id)
        assignment = CaseAssignment(
            id=office.new_id(CaseAssignment), case=case, person_id=person_id, assigned_by_id=by, at=now.at
        )
        now.seal("case.assigned", by=by, action="assign", target=case_id, outcome="done", rows=[assignment])
        return assignment


def close_case(office: Office, *, case_id: str, by: str) -> Case | Refusal:
    """Close a case: from now on nothing is searched for it."""
    with change(office) as now:
        case = found(Case, case_id)
        if refusal := stands_against(now, "close a case", by=by, target=case_id, state=case.status):
            return refusal
        case.status = CaseStatus.CLOSED
        now.seal("case.closed", by=by, action="close a case", target=case_id, outcome="done", rows=[case])
        return case


def record_step(
    office: Office, *, case_id: str, kind: str, outcome: str, taken_at: datetime, notes: str, by: str
) -> InvestigativeStep | Refusal:
    """Record an investigative step that was tried, with its outcome (HSI-M/4A2-traditional-means)."""
    case = found(Case, case_id)
    if not kind.strip() or not outcome.strip():
        raise BadInputError("a step has a kind (for example records-check) and an outcome; give both")
    with change(office) as now:
        if refusal := stands_against(now, "record a step", by=by, target=case_id, on_case=case_id):
            return refusal
        if taken_at > now.at:
            raise BadInputError("a step that was tried lies in the past")
        step_id = office.new_id(InvestigativeStep)
        objects = []
        if notes:
            objects.append(
                office.vault.put(
                    office.new_name("object"), notes.encode(), kind="notes", about=step_id, at=now.at
                )
            )
        step = InvestigativeStep(
            id=step_id,
            case=case,
            kind=kind,
            outcome=outcome,
            taken_at=taken_at,
            recorded_by_id=by,
            recorded_at=now.at,
            notes=objects[0].id if objects else "",
        )
        now.seal(
            "step.recorded",
            by=by,
            action="record a step",
            target=case_id,
            outcome="done",
            clauses=["HSI-M/4A2-traditional-means"],
            rows=[step],
            objects=objects,
        )
        return step
