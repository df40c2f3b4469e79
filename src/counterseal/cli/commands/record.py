"""`counterseal record`: look at what the vault holds; every look is sealed first."""

from pathlib import Path

import click

from counterseal.cli.command import command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, new_folder
from counterseal.gateway.package import picture_suffix
from counterseal.gateway.view_records import Why, view_records
from counterseal.oversight.models import VaultObject
from counterseal.terms.decisions import Refusal


@command(None, "record", acts="sol")
@click.argument("about", metavar="RECORD")
@click.option("--why", type=click.Choice([str(w) for w in Why]), required=True, help="Why it is looked at.")
@click.option("--out", type=FILE, required=True, help="A new folder for what the vault holds of it.")
def record(desk: Desk, *, about: str, why: str, out: Path) -> Outcome:
    """Write what the vault holds of RECORD (a request, a probe, a step ...) to files. The look is sealed first."""
    by = desk.by
    held = VaultObject.objects.filter(about=about, destroyed_at=None).order_by("pk")
    kinds = dict(held.values_list("pk", "kind"))
    new_folder(out, "the record")
    shown = view_records(desk.office, objects=list(kinds), why=why, by=by)
    if isinstance(shown, Refusal):
        return refused(shown)
    files = []
    for object_id, data in shown.items():
        path = out / f"{kinds[object_id]}-{object_id}{picture_suffix(data).replace('.bin', '.txt')}"
        path.write_bytes(data)
        files.append({"class": kinds[object_id], "object": object_id, "file": str(path)})
    return Outcome(
        {"record": about, "why": why, "files": files}, tables={"files": ("class", "object", "file")}
    )
