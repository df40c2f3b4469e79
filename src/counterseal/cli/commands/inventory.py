"""`counterseal inventory`: read, search and check a federal inventory of AI uses; write our own uses as one.

Needs no installation. Findings and faults are what was asked for, not a failure: the exit code is 0 when the file
was read. A file that cannot be read, and uses that may not be exported, are bad input.
"""

import json
from pathlib import Path

import click

from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.outcome import Json, Outcome
from counterseal.cli.parsing import FILE, read_file
from counterseal.oversight.inventory import (
    CHECKS,
    Inventory,
    UnusableInventoryError,
    UseForInventory,
    about_faces,
    check,
    export_csv,
    glance,
    read_inventory,
    validate,
)
from counterseal.oversight.inventory.validate import absent
from counterseal.terms.errors import BadInputError

inventory = Ordered("inventory", help="Read and check a federal inventory of AI uses; export our own uses.")
FILED = click.argument("file", metavar="FILE", type=FILE)
_COLUMNS = ("row", "id", "agency", "finding", "why", "columns")


@command(inventory, "check", opens=False)
@FILED
@click.option("--against", metavar="OLDER", type=FILE, help="The same inventory of an earlier year.")
@click.option("--only", metavar="CHECK", multiple=True, help="Only findings of this check; may be repeated.")
def check_(bench: Bench, *, file: Path, against: Path | None, only: tuple[str, ...]) -> Outcome:  # noqa: ARG001
    """Look for contradictions and omissions in FILE: the CSV of 2024 or 2025, or an agency's workbook.

    With an earlier year also for what vanished, came back or was dropped in between; `row` of a use that vanished
    is its row in OLDER. The checks are listed in docs/reference/inventory.md.
    """
    names = [entry.name for entry in CHECKS]
    for name in only:
        if name not in names:
            raise BadInputError(f"there is no check `{name}`; there are {', '.join(names)}")
    read = _read(file)
    found = check(read, _read(against) if against else None)
    shown = [dict(f.as_json()) for f in found if not only or f.finding in only]
    return Outcome(
        {"findings": shown},
        headline=f"{_plural(len(read.rows), 'row')} read, {_plural(len(shown), 'finding')}.",
        tables={"findings": _COLUMNS[:-1]},
    )


@command(inventory, "faces", opens=False)
@FILED
@click.option("--near", is_flag=True, help="Also the rows that were narrowly not taken, and why not.")
def faces(bench: Bench, *, file: Path, near: bool) -> Outcome:  # noqa: ARG001
    """List the rows of FILE about face recognition or face capture, with the words that say so."""
    read = _read(file)
    rows = [
        {
            "row": found.row.number,
            "id": found.row.identifier,
            "agency": found.row.agency,
            "name": found.row.name,
            "about": str(found.sense),
            "reason": found.reason,
            "columns": list(found.columns),
        }
        for found in about_faces(read)
    ]
    data: Json = {"rows": rows}
    tables: dict[str, tuple[str, ...]] = {"rows": ("row", "id", "agency", "name", "about", "reason")}
    if near:
        data["near"] = [
            {
                "row": g.row.number,
                "id": g.row.identifier,
                "agency": g.row.agency,
                "name": g.row.name,
                "reason": g.reason,
            }
            for g in glance(read)
        ]
        tables["near"] = ("row", "id", "agency", "name", "reason")
    return Outcome(data, headline=f"{len(rows)} of {len(read.rows)} rows are about faces.", tables=tables)


@command(inventory, "validate", opens=False)
@FILED
def validate_(bench: Bench, *, file: Path) -> Outcome:  # noqa: ARG001
    """Hold FILE against the published dictionary of 2025: selections, required answers, questions out of turn."""
    read = _read(file)
    found = [dict(fault.as_json()) for fault in validate(read)]
    return Outcome(
        {"valid": not found, "absent_columns": list(absent(read)), "faults": found},
        headline=f"{_plural(len(read.rows), 'row')} read, {_plural(len(found), 'fault')}.",
        tables={"faults": _COLUMNS[:-1]},
    )


@command(inventory, "read", opens=False)
@FILED
@click.option("--changes", is_flag=True, help="Every single change, not only how many of each kind.")
def read_(bench: Bench, *, file: Path, changes: bool) -> Outcome:  # noqa: ARG001
    """Read FILE and tell what was tidied: code page, line breaks, selections spelled differently, blank rows."""
    read = _read(file)
    data: Json = {
        "form": read.form,
        "sheet": read.sheet,
        "rows": len(read.rows),
        "columns": len(read.columns),
        "tidied": [{"kind": str(kind), "times": times} for kind, times in read.counts().items()],
    }
    tables: dict[str, tuple[str, ...]] = {"tidied": ("kind", "times")}
    if changes:
        data["changes"] = [
            {"row": c.row, "column": c.column, "kind": str(c.kind), "says": c.says} for c in read.changes
        ]
        tables["changes"] = ("row", "column", "kind", "says")
    return Outcome(data, headline="Read whole.", tables=tables)


@command(inventory, "export", opens=False)
@click.argument("file", metavar="USES", type=FILE)
@click.argument("out", metavar="CSV", type=FILE)
@click.option("--short", is_flag=True, help="Selections as the dictionary's shorthand codes.")
def export(bench: Bench, *, file: Path, out: Path, short: bool) -> Outcome:  # noqa: ARG001
    """Write the uses in USES, a JSON list of answers by column, as an inventory of 2025.

    Nothing is written when a use breaks a rule of the dictionary, or would not be the same when it is read again.
    """
    uses = [UseForInventory.of(answers) for answers in _answers(file)]
    data = export_csv(uses, short=short)
    try:
        with out.open("xb") as writing:
            writing.write(data)
    except FileExistsError as error:
        raise BadInputError(f"`{out}` is there already; name a new file") from error
    except OSError as error:
        raise BadInputError(f"`{out}` cannot be written: {error.strerror or error}") from error
    return Outcome({"uses": len(uses), "path": str(out)}, headline=f"{_plural(len(uses), 'use')} written.")


def _read(path: Path) -> Inventory:
    try:
        return read_inventory(read_file(path, "the inventory"))
    except UnusableInventoryError as error:
        raise UnusableInventoryError(f"`{path}`: {error}") from error


def _answers(path: Path) -> list[Json]:
    try:
        read = json.loads(read_file(path, "the uses").decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"`{path}` is not JSON: {error}") from error
    if not isinstance(read, list) or not read or not all(isinstance(one, dict) for one in read):
        raise BadInputError(f"`{path}` is not a JSON list of uses, each an object with answers by column")
    return read


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
