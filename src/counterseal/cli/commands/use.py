"""`counterseal use`: uses of face recognition, and the three offices' word on them."""

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.views import answered, view
from counterseal.gateway import propose_use as verbs
from counterseal.oversight.models import Use
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.terms.decisions import Refusal

use = Ordered("use", help="Uses of face recognition, and the three offices' word on them.")


@command(use, "propose", acts="sol")
@click.argument("name")
@click.option("--purpose", required=True, help="What it is for, in a sentence.")
@click.option("--law-enforcement/--not-law-enforcement", required=True, help="Which kind of use it is.")
def propose(desk: Desk, *, name: str, purpose: str, law_enforcement: bool) -> Outcome:
    """Put a use before the three offices. Nothing runs under it until all three concur."""
    row = verbs.propose_use(
        desk.office, name=name, purpose=purpose, law_enforcement=law_enforcement, by=desk.by
    )
    return answered(row, "Proposed.", "Next: counterseal use concur {id} --office OFFICE")


@command(use, "concur", acts="pat")
@click.argument("which", metavar="USE")
@click.option("--office", "as_office", type=click.Choice(sorted(THREE_OFFICES)), required=True)
@click.option("--object", "objects", is_flag=True, help="Say no instead.")
def concur(desk: Desk, *, which: str, as_office: str, objects: bool) -> Outcome:
    """Give one office's word. The third concurrence, by a third person, activates the use."""
    use_id = desk.use(which)
    row = verbs.concur(desk.office, use_id=use_id, as_office=as_office, concurs=not objects, by=desk.by)
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome({**view(row), "use_status": Use.objects.get(pk=use_id).status}, headline="Recorded.")


@command(use, "suspend", acts="cora")
@click.argument("which", metavar="USE")
def suspend(desk: Desk, *, which: str) -> Outcome:
    """Suspend a use at once. Any one of the three offices does this."""
    row = verbs.suspend_use(desk.office, use_id=desk.use(which), by=desk.by)
    return answered(row, "Suspended.")


@command(use, "list")
def list_uses(_: Desk) -> Outcome:
    """Every use with its state and the offices that concur."""
    uses = [
        {**view(u), "concurring": sorted(c.office for c in u.concurrences.filter(concurs=True))}
        for u in Use.objects.order_by("entry_index")
    ]
    return Outcome({"uses": uses}, tables={"uses": ("id", "name", "status", "concurring")})
