"""`counterseal evidence`: evidence items, and what was derived from what."""

from datetime import datetime
from pathlib import Path

import click

from counterseal.casework.words import NodeKind, Relation
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import FILE, INSTANT, MEGABYTE, read_file
from counterseal.cli.views import answered, standing_view, view
from counterseal.gateway import add_evidence as verbs
from counterseal.gateway.request_clearance import standing_of

evidence = Ordered("evidence", help="Evidence items, and what was derived from what.")


@command(evidence, "add", acts="ines")
@click.argument("which", metavar="CASE")
@click.option("--kind", type=click.Choice([str(k) for k in NodeKind]), required=True)
@click.option("--source", required=True, help="Source class, for example store-camera-still.")
@click.option("--basis", required=True, help="Lawful basis, for example consent-of-owner.")
@click.option("--obtained", type=INSTANT, required=True, help="When it was obtained.")
@click.option("--saw-offence/--did-not-see-offence", default=None, help="For what a witness says.")
@click.option("--file", "content", type=FILE, help="Its content; kept in the vault.")
def add(
    desk: Desk,
    *,
    which: str,
    kind: str,
    source: str,
    basis: str,
    obtained: datetime,
    saw_offence: bool | None,
    content: Path | None,
) -> Outcome:
    """Take an item into a case."""
    row = verbs.add_evidence(
        desk.office,
        case_id=desk.case(which).id,
        kind=kind,
        source_class=source,
        lawful_basis=basis,
        obtained_at=obtained,
        saw_offence=saw_offence,
        content=read_file(content, "the item's file", most=512 * MEGABYTE) if content else b"",
        by=desk.by,
    )
    return answered(row, "Added.")


@command(evidence, "relate", acts="ines")
@click.argument("source")
@click.argument("relation", type=click.Choice([str(r) for r in Relation]))
@click.argument("target")
def relate(desk: Desk, *, source: str, relation: str, target: str) -> Outcome:
    """Record that SOURCE stands in RELATION to TARGET: ids of anything of one case.

    What was shown to a witness: `relate CANDIDATE shown-to LINE-UP`.
    """
    row = verbs.relate(desk.office, source=source, relation=relation, target=target, by=desk.by)
    return answered(row, "Recorded.")


@command(evidence, "resolve", acts="sol")
@click.argument("relation_id", metavar="RELATION")
@click.option("--reasons", required=True, help="Why the contradiction does not stand, in a sentence.")
def resolve(desk: Desk, *, relation_id: str, reasons: str) -> Outcome:
    """Resolve an open contradiction; never the person who recorded it."""
    row = verbs.resolve_contradiction(desk.office, relation_id=relation_id, reasons=reasons, by=desk.by)
    return answered(row, "Resolved.")


@command(evidence, "graph")
@click.argument("which", metavar="CASE")
def graph(desk: Desk, *, which: str) -> Outcome:
    """Items and relations of a case, and how the support of each lead is weighed."""
    row = desk.case(which)
    weighed = {lead.id: standing_of(lead) for lead in row.leads.order_by("marked_at")}
    return Outcome(
        {
            "case": row.id,
            "items": [view(e) for e in row.evidence.order_by("entry_index")],
            "relations": [view(r) for r in row.relations.order_by("at")],
            "leads": [{"lead": lead, **standing_view(standing)} for lead, standing in weighed.items()],
            "support": [
                {"lead": lead, "item": w.node, "counts": w.counts, "why": w.why}
                for lead, standing in weighed.items()
                for w in standing.weighed
            ],
        },
        hidden=("leads",),
        tables={
            "items": ("id", "kind", "saw_offence", "obtained_at"),
            "relations": ("id", "source", "relation", "target"),
            "support": ("lead", "item", "counts", "why"),
        },
    )
