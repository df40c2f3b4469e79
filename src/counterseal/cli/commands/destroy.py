"""`counterseal destroy`: destroy what the vault holds about a record."""

import click

from counterseal.cli.command import command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.gateway.destroy import destroy as destroy_about
from counterseal.terms.decisions import Refusal


@command(None, "destroy", acts="arc")
@click.argument("about", metavar="RECORD")
@click.option("--authority", required=True, help="Code of the retention rule or order that demands it.")
def destroy(desk: Desk, *, about: str, authority: str) -> Outcome:
    """Destroy every photograph and prose that the vault holds about a record. It cannot be undone.

    Sealed first; the log keeps the fact, and every proof still verifies.
    """
    objects = destroy_about(desk.office, about=about, authority=authority, by=desk.by)
    if isinstance(objects, Refusal):
        return refused(objects)
    return Outcome({"record": about, "objects": objects}, headline=f"Destroyed: {len(objects)} objects.")
