"""`counterseal fsck`: compare everything that is stored with the log."""

from pathlib import Path

import click

from counterseal.cli.command import command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome
from counterseal.cli.parsing import FILE
from counterseal.cli.witnessed import witnessed_json, witnessed_lines
from counterseal.gateway.cosign import standing
from counterseal.gateway.run_fsck import run_fsck
from counterseal.oversight.models import LogEntry
from counterseal.terms.errors import BadInputError


@command(None, "fsck")
@click.option("--tiles", type=FILE, help="An exported folder to hold against the database.")
def fsck(desk: Desk, *, tiles: Path | None) -> Outcome:
    """Compare log, hashes, rows and vault with one another, both ways. Nothing is repaired.

    Intents without outcome are listed for the overseer, and entries that no quorum of witnesses has seen are
    shown; neither is a fault of the log. Exit code 3: something was found.
    """
    if tiles is not None and not (tiles / "checkpoint").is_file():
        raise BadInputError(f"`{tiles}` is no exported log: it has no file `checkpoint`")
    with desk.voice.progress("checking", LogEntry.objects.count()) as advance:
        report = run_fsck(desk.office, tiles=tiles, progress=advance)
    # A log that does not hold has no standing to speak of.
    witnessed = standing(desk.office) if report.sound else None
    findings = [{"code": f.code, "where": f.where, "says": f.says} for f in report.log.findings]
    return Outcome(
        {
            "sound": report.sound,
            "entries": report.log.size,
            "rows": report.log.rows,
            "tiles": report.log.tiles,
            "orphans": report.orphans,
            "intents_without_outcome": list(report.log.open_intents),
            "witnessed": witnessed and witnessed_json(witnessed),
            "findings": findings,
        },
        Exit.DONE if report.sound else Exit.INTEGRITY,
        "Everything agrees." if report.sound else f"{len(findings)} things do not agree.",
        tables={} if report.sound else {"findings": ("code", "where", "says")},
        hidden=("findings", "witnessed") if report.sound else ("witnessed",),
        then=witnessed_lines(witnessed) if witnessed else (),
    )
