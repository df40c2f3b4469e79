"""`counterseal lead`: compare a candidate with other information, mark and note a lead."""

import click

from counterseal.casework.models import Lead
from counterseal.casework.words import ComparisonResult
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.views import answered, standing_view, view
from counterseal.gateway import mark_lead as verbs
from counterseal.gateway.found import found
from counterseal.gateway.note_no_result import note_no_result
from counterseal.gateway.record_comparison import record_comparison
from counterseal.gateway.request_clearance import standing_of
from counterseal.gateway.review import CAVEAT
from counterseal.terms.decisions import Refusal

lead = Ordered("lead", help="Compare a candidate with other information, mark and note a lead.")
LEAD = click.argument("lead_id", metavar="LEAD")


@command(lead, "compare", acts="ines")
@click.argument("candidate_id", metavar="CANDIDATE")
@click.option("--result", type=click.Choice([str(r) for r in ComparisonResult]), required=True)
@click.option("--notes", required=True, help="What was compared and what was seen.")
@click.option("--with-evidence", "evidence_id", default="", metavar="EVIDENCE")
@click.option("--with-step", "step_id", default="", metavar="STEP")
def compare(
    desk: Desk, *, candidate_id: str, result: str, notes: str, evidence_id: str, step_id: str
) -> Outcome:
    """Record what came of holding a kept candidate against one evidence item or one step."""
    row = record_comparison(
        desk.office,
        candidate_id=candidate_id,
        result=result,
        notes=notes,
        evidence_id=evidence_id,
        step_id=step_id,
        by=desk.by,
    )
    return answered(row, "Recorded.")


@command(lead, "mark", acts="ines")
@click.argument("candidate_id", metavar="CANDIDATE")
def mark(desk: Desk, *, candidate_id: str) -> Outcome:
    """Make a possible lead of a candidate, or say everything that stands against it."""
    row = verbs.mark_lead(desk.office, candidate_id=candidate_id, by=desk.by)
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome(
        {**view(row), "caveat": CAVEAT},
        headline="Marked as a possible lead.",
        then=(f"Next: counterseal lead note {row.id} REPORT",),
    )


@command(lead, "note", acts="ines")
@LEAD
@click.argument("report")
def note(desk: Desk, *, lead_id: str, report: str) -> Outcome:
    """Note a lead in a report of investigation (HSI-M/4E2-results)."""
    row = verbs.note_in_report(desk.office, lead_id=lead_id, report=report, by=desk.by)
    return answered(row, "Noted.")


@command(lead, "close", acts="ines")
@LEAD
def close(desk: Desk, *, lead_id: str) -> Outcome:
    """Close a lead that came to nothing."""
    row = verbs.close_lead(desk.office, lead_id=lead_id, by=desk.by)
    return answered(row, "Closed.")


@command(lead, "none", acts="ines")
@click.argument("request_id", metavar="REQUEST")
def none(desk: Desk, *, request_id: str) -> Outcome:
    """Record that no result of a search is used; it closes the duty to note results."""
    row = note_no_result(desk.office, request_id=request_id, by=desk.by)
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome(
        {"request": request_id, "duty": row.id}, headline="Recorded: no result of this search is used."
    )


@command(lead, "show")
@LEAD
def show(_: Desk, *, lead_id: str) -> Outcome:
    """A lead, and how each item of its support is weighed."""
    row = found(Lead, lead_id)
    return Outcome(
        {**view(row), "caveat": CAVEAT, **standing_view(standing_of(row))},
        tables={"weighed": ("item", "counts", "why")},
    )
