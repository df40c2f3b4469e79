"""`counterseal case`: cases, assignments, investigative steps."""

from datetime import datetime

import click

from counterseal.casework.models import Case
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import INSTANT
from counterseal.cli.views import answered, view
from counterseal.gateway import open_case as verbs

case = Ordered("case", help="Cases, assignments, investigative steps.")
CASE = click.argument("which", metavar="CASE")


@command(case, "open", acts="ines")
@click.argument("number")
@click.option("--type", "case_type", required=True, help="For example fraud.")
@click.option("--authority", required=True, help="The statute under which it is investigated.")
@click.option("--program-code", required=True, help="A program code in force.")
@click.option("--program-established", is_flag=True, help="It is an established program ...")
@click.option("--program-assessed", is_flag=True, help="... that was assessed.")
def open_(
    desk: Desk,
    *,
    number: str,
    case_type: str,
    authority: str,
    program_code: str,
    program_established: bool,
    program_assessed: bool,
) -> Outcome:
    """Open a case, and assign the opener to it."""
    row = verbs.open_case(
        desk.office,
        number=number,
        case_type=case_type,
        statutory_authority=authority,
        program_code=program_code,
        program_established=program_established,
        program_assessed=program_assessed,
        by=desk.by,
    )
    return answered(row, "Opened.", "Next: record what was tried: counterseal case step {id}")


@command(case, "assign", acts="ines")
@CASE
@click.argument("who", metavar="PERSON")
def assign(desk: Desk, *, which: str, who: str) -> Outcome:
    """Put another person on a case."""
    row = verbs.assign(desk.office, case_id=desk.case(which).id, person_id=desk.person(who), by=desk.by)
    return answered(row, "Assigned.")


@command(case, "step", acts="ines")
@CASE
@click.option("--kind", required=True, help="What was tried, for example records-check.")
@click.option("--result", required=True, help="What came of it, for example nothing-found.")
@click.option("--taken", type=INSTANT, required=True, help="When it was tried.")
@click.option("--notes", default="", help="In words; kept in the vault.")
def step(desk: Desk, *, which: str, kind: str, result: str, taken: datetime, notes: str) -> Outcome:
    """Record an investigative step that was tried (HSI-M/4A2-traditional-means)."""
    row = verbs.record_step(
        desk.office,
        case_id=desk.case(which).id,
        kind=kind,
        outcome=result,
        taken_at=taken,
        notes=notes,
        by=desk.by,
    )
    return answered(row, "Recorded.")


@command(case, "close", acts="ines")
@CASE
def close(desk: Desk, *, which: str) -> Outcome:
    """Close a case: from now on nothing is searched for it."""
    row = verbs.close_case(desk.office, case_id=desk.case(which).id, by=desk.by)
    return answered(row, "Closed.")


@command(case, "list")
def list_cases(_: Desk) -> Outcome:
    """Every case."""
    return Outcome(
        {"cases": [view(c) for c in Case.objects.order_by("opened_at", "id")]},
        tables={"cases": ("id", "number", "type", "status", "opened_at")},
    )


@command(case, "show")
@CASE
def show(desk: Desk, *, which: str) -> Outcome:
    """One case and everything in it, by id."""
    row = desk.case(which)
    return Outcome(
        {
            **view(row),
            "assigned": sorted(row.assignments.values_list("person_id", flat=True)),
            "steps": [view(s) for s in row.steps.order_by("taken_at")],
            "evidence": [view(e) for e in row.evidence.order_by("entry_index")],
            "probes": [view(p) for p in row.probes.order_by("collected_at")],
            "requests": [view(r) for r in row.requests.order_by("requested_at")],
            "leads": [view(x) for x in row.leads.order_by("marked_at")],
            "actions": [view(a) for a in row.actions.order_by("requested_at")],
        },
        tables={
            "steps": ("id", "kind", "outcome", "taken_at"),
            "evidence": ("id", "kind", "source_class", "obtained_at"),
            "probes": ("id", "evidence_item", "subject_role", "captured_at"),
            "requests": ("id", "mode", "status", "intent_index"),
            "leads": ("id", "candidate", "status", "report"),
            "actions": ("id", "kind", "status", "lead"),
        },
    )
