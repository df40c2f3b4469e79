"""`counterseal action`: clear an enforcement action on independent support."""

import click

from counterseal.casework.models import EnforcementAction
from counterseal.casework.words import ActionKind, ActionStatus
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome, refusal_json, refused
from counterseal.cli.views import standing_view, view
from counterseal.gateway.found import found
from counterseal.gateway.request_clearance import (
    Cleared,
    NotCleared,
    confirm_action,
    request_clearance,
    standing_of,
)
from counterseal.terms.decisions import Refusal

action = Ordered("action", help="Clear an enforcement action on independent support.")
WEIGHED = {"weighed": ("item", "counts", "why")}


@command(action, "request", acts="ines")
@click.argument("lead_id", metavar="LEAD")
@click.option("--kind", type=click.Choice([str(k) for k in ActionKind]), required=True)
@click.option(
    "--location-check",
    type=click.Choice(["done", "open", "contradicts"]),
    required=True,
    help="Could this person have been there?",
)
@click.option(
    "--disclosure-text/--no-disclosure-text",
    required=True,
    help="Whether the package says that face recognition was used.",
)
def request(desk: Desk, *, lead_id: str, kind: str, location_check: str, disclosure_text: bool) -> Outcome:
    """Ask whether an action against the person of a lead may go to a second person."""
    return _answer(
        request_clearance(
            desk.office,
            lead_id=lead_id,
            kind=kind,
            location_check=location_check,
            disclosure_text_included=disclosure_text,
            by=desk.by,
        )
    )


@command(action, "confirm", acts="sol")
@click.argument("action_id", metavar="ACTION")
def confirm(desk: Desk, *, action_id: str) -> Outcome:
    """Confirm, as a second person; everything is asked again on the records as they are now."""
    return _answer(confirm_action(desk.office, action_id=action_id, by=desk.by))


@command(action, "show")
@click.argument("action_id", metavar="ACTION")
def show(_: Desk, *, action_id: str) -> Outcome:
    """An action, and how its support is weighed now."""
    row = found(EnforcementAction, action_id)
    return Outcome({**view(row), **standing_view(standing_of(row.lead))}, tables=WEIGHED)


def _answer(answer: Cleared | NotCleared | Refusal) -> Outcome:
    if isinstance(answer, Refusal):
        return refused(answer)
    if isinstance(answer, NotCleared):
        return Outcome(
            {**refusal_json(answer.refusal), **view(answer.action), **standing_view(answer.standing)},
            Exit.REFUSED,
            "Refused.",
            tables=WEIGHED,
        )
    row = answer.action
    waits = row.status == ActionStatus.AWAITING_CONFIRMATION
    return Outcome(
        {
            **view(row),
            "decision": "permitted",
            "clauses": list(answer.decision.clauses),
            "pack_digest": answer.decision.pack_digest,
            **standing_view(answer.standing),
        },
        headline="It may go forward to a second person." if waits else "Cleared.",
        hidden=("clauses", "decision", "pack_digest"),
        tables=WEIGHED,
        then=(f"Next, by a supervisor: counterseal action confirm {row.id}",) if waits else (),
    )
