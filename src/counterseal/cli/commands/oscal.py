"""`counterseal oscal`: clauses, what holds them and what was seen, for programs that read OSCAL."""

import json
from pathlib import Path
from typing import Any

import click

from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome
from counterseal.cli.parsing import FILE, new_folder, read_file
from counterseal.gateway.export_ledger import write_file
from counterseal.gateway.export_oscal import oscal_documents
from counterseal.oversight.oscal.check import ROOTS, check
from counterseal.oversight.oscal.results import Gate, Proved
from counterseal.terms.errors import BadInputError

oscal = Ordered("oscal", help="OSCAL documents: catalog, component definition, assessment results.")
FOLDER = click.argument("folder", metavar="DIR", type=FILE)


@command(oscal, "export")
@FOLDER
@click.option("--proofs", type=FILE, help="What `counterseal policy prove --json` printed.")
@click.option("--gates", type=FILE, help='Results of gates: a JSON list of {"name", "passed", "says"}.')
def export(desk: Desk, *, folder: Path, proofs: Path | None, gates: Path | None) -> Outcome:
    """Write three OSCAL files into a new folder DIR: every clause, what holds it, what was seen under the latest
    checkpoint of the log.

    Runs the monitors. The same log, packs and program give the same bytes.
    """
    files = oscal_documents(
        desk.office,
        policies=desk.office.home / "policies",
        proofs=read_proofs(proofs) if proofs else (),
        gates=read_gates(gates) if gates else (),
    )
    new_folder(folder, "the OSCAL documents")
    for name, data in files.items():
        write_file(folder / name, data)
    findings = json.loads(files["assessment-results.json"])["assessment-results"]["results"][0]["findings"]
    states = [finding["target"]["status"]["state"] for finding in findings]
    return Outcome(
        {
            "path": str(folder),
            "files": sorted(files),
            "clauses": len(states),
            "satisfied": states.count("satisfied"),
            "not_satisfied": states.count("not-satisfied"),
        },
        headline=f"Written: {len(states)} clauses, {states.count('satisfied')} of them satisfied.",
        then=(f"Next: counterseal oscal check {folder}",),
    )


@command(oscal, "check", opens=False)
@FOLDER
def check_folder(_: Bench, *, folder: Path) -> Outcome:
    """Check three OSCAL files of DIR: identifiers, required members, every reference within and across them.

    Needs no installation. Exit code 3: something does not hold. `make oscal` has compliance-trestle read them too.
    """
    if not folder.is_dir():
        raise BadInputError(f"`{folder}` is no folder; name one that `counterseal oscal export` wrote")
    faults = check({name: read_file(folder / name, "the OSCAL document") for name in ROOTS})
    found = [{"where": fault.where, "says": fault.says} for fault in faults]
    return Outcome(
        {"ok": not found, "files": sorted(ROOTS), "faults": found},
        Exit.INTEGRITY if found else Exit.DONE,
        f"{len(found)} things do not hold." if found else "Every reference leads somewhere.",
        tables={"faults": ("where", "says")} if found else {},
        hidden=("ok",) if found else ("ok", "faults"),
    )


def read_proofs(path: Path) -> tuple[Proved, ...]:
    """The properties in what `counterseal policy prove --json` printed.

    Raises:
        BadInputError: it is something else.
    """
    document = _json(path, "the proofs")
    try:
        return tuple(
            Proved(
                str(each["name"]), str(each["says"]), str(each["status"]), tuple(map(str, each["clauses"]))
            )
            for each in document["properties"]
        )
    except (KeyError, TypeError) as error:
        raise BadInputError(
            f"`{path}` is not what `counterseal policy prove --json` prints: {error}"
        ) from error


def read_gates(path: Path) -> tuple[Gate, ...]:
    """The results of gates in a JSON list.

    Raises:
        BadInputError: it is something else.
    """
    document = _json(path, "the gates")
    try:
        gates = tuple(Gate(str(each["name"]), each["passed"], str(each.get("says", ""))) for each in document)
        if any(type(gate.passed) is not bool for gate in gates):
            raise TypeError("`passed` is true or false")
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"`{path}` is no list of gates: {error}") from error
    return gates


def _json(path: Path, what: str) -> Any:
    try:
        return json.loads(read_file(path, what))
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{what} `{path}` are no JSON: {error}") from error
