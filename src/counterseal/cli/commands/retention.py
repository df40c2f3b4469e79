"""`counterseal retention`: clocks, holds, backups, restores, and the drill that proves erasure."""

from pathlib import Path

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.demo.synthetic_people import people
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Json, Outcome, refused
from counterseal.cli.parsing import FILE
from counterseal.gateway import destroy_openings as openings
from counterseal.gateway import holds
from counterseal.gateway.backup import LEFT_OUT, back_up
from counterseal.gateway.erasure_drill import hold_drill
from counterseal.gateway.restore import restore as repeat
from counterseal.gateway.retention import Due, outlook, run_retention
from counterseal.oversight.models import Hold
from counterseal.terms.decisions import Refusal

retention = Ordered("retention", help="Clocks, holds, backups, restores, and the drill that proves erasure.")


@command(retention, "due")
@click.option("--all", "everything", is_flag=True, help="Also what is not due yet.")
def due(desk: Desk, *, everything: bool) -> Outcome:
    """What is due to be destroyed, under which clock, and which holds stand over it. Changes nothing."""
    at = desk.office.clock()
    found = outlook(desk.office, at=at)
    shown = [d for d in found.due if everything or d.at <= at]
    return Outcome(
        {
            "due": sum(d.at <= at for d in found.due),
            "held": sum(d.at <= at and bool(d.held_by) for d in found.due),
            "later": sum(d.at > at for d in found.due),
            "not_begun": [{"class": c, "objects": n} for c, n in sorted(found.not_begun.items())],
            "objects": [_due(d) for d in shown],
        },
        tables={
            "objects": ("at", "class", "record", "clock", "held_by"),
            "not_begun": ("class", "objects"),
        },
    )


@command(retention, "run", acts="arc")
def run(desk: Desk) -> Outcome:
    """Destroy what is due: sealed, listed, keys, bytes. It cannot be undone. First finishes what was interrupted."""
    done = run_retention(desk.office, by=desk.by)
    if isinstance(done, Refusal):
        return refused(done)
    return Outcome(
        {
            "destroyed": [{"record": a, "clock": c, "objects": n} for a, c, n in done.destroyed],
            "held": [_due(d) for d in done.held],
            "finished": done.finished,
        },
        headline=f"Destroyed: {sum(n for *_, n in done.destroyed)} objects. Held back: {len(done.held)}.",
        tables={"destroyed": ("record", "clock", "objects"), "held": ("at", "class", "record", "held_by")},
    )


@command(retention, "hold", acts="arc")
@click.argument("about", metavar="RECORD")
@click.option("--kind", required=True, help="litigation, oversight or audit, as the packs name them.")
@click.option("--reason", required=True, help="Why, in words; kept in the vault.")
def hold(desk: Desk, *, about: str, kind: str, reason: str) -> Outcome:
    """Keep a record, or a case and all that belongs to it, from being destroyed."""
    placed = holds.place_hold(desk.office, about=about, kind=kind, reason=reason, by=desk.by)
    return refused(placed) if isinstance(placed, Refusal) else Outcome(_hold(placed), headline="It is held.")


@command(retention, "lift", acts="aud")
@click.argument("hold_id", metavar="HOLD")
def lift(desk: Desk, *, hold_id: str) -> Outcome:
    """Lift a hold. Where the pack says so, another person than the one who placed it."""
    lifted = holds.lift_hold(desk.office, hold_id=hold_id, by=desk.by)
    return (
        refused(lifted) if isinstance(lifted, Refusal) else Outcome(_hold(lifted), headline="It is lifted.")
    )


@command(retention, "holds")
@click.option("--all", "everything", is_flag=True, help="Also those that were lifted.")
def list_holds(desk: Desk, *, everything: bool) -> Outcome:  # noqa: ARG001 - opens the installation
    """The holds that stand."""
    found = [_hold(h) for h in holds.list_holds(all_of_them=everything)]
    return Outcome(
        {"count": len(found), "holds": found},
        tables={"holds": ("hold", "about", "kind", "status", "placed_at", "two_persons")},
    )


@command(retention, "close-opening", acts="arc")
@click.argument("index", type=int)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--authority", required=True, help="Code of the rule or order that demands it.")
def close_opening(desk: Desk, *, index: int, names: tuple[str, ...], authority: str) -> Outcome:
    """Destroy what opens committed values of entry INDEX. The entry and its proofs stay. It cannot be undone."""
    done = openings.destroy_openings(
        desk.office, index=index, names=list(names), authority=authority, by=desk.by
    )
    if isinstance(done, Refusal):
        return refused(done)
    return Outcome({"index": index, "openings": done}, headline="Nobody can open them any more.")


@command(retention, "backup")
@click.argument("folder", metavar="DIR", type=FILE)
def backup(desk: Desk, *, folder: Path) -> Outcome:
    """Copy database, vault, settings and policies. It opens nothing that is destroyed afterwards.

    Left out on purpose: keys, key store and erasure list, and the services' folders.
    """
    made = back_up(desk.office, folder)
    return Outcome(
        {"path": str(made.path), "objects": made.objects, "left_out": list(LEFT_OUT)}, headline="Copied."
    )


@command(retention, "restore", acts="arc")
@click.option(
    "--export", "exported", type=FILE, help="A log exported after the backup: shows what is missing."
)
def restore(desk: Desk, *, exported: Path | None) -> Outcome:
    """After a backup's database was put back: repeat every destruction that it does not know of.

    Until this has run, such an installation takes no change. Exit code 3: something is left to be put right.
    """
    done = repeat(desk.office, by=desk.by, exported=exported)
    if isinstance(done, Refusal):
        return refused(done)
    return Outcome(
        {
            "complete": done.complete,
            "objects": list(done.objects),
            "persons": list(done.persons),
            "finished": done.finished,
            "held": list(done.held),
            "missing": list(done.missing),
            "unlisted": list(done.unlisted),
        },
        Exit.DONE if done.complete else Exit.INTEGRITY,
        f"Destroyed again: {len(done.objects)} objects, {len(done.persons)} persons."
        + ("" if done.complete else " Something is left: see below, and run it again."),
    )


@command(retention, "drill", acts="arc")
@click.option("--connector", default="", help="A gallery of our own to drill too, for example `embedded`.")
@click.option(
    "--server-files",
    type=FILE,
    help="Data directory of the PostgreSQL server, to look there too; this program must be able to read it.",
)
def drill(desk: Desk, *, connector: str, server_files: Path | None) -> Outcome:
    """Plant markers, back up, destroy, then look for them everywhere and try to open what is left.

    Nothing real is touched. Exit code 3: something was found, or opens.
    """
    picture = people(1)[0].photograph(1)
    held = hold_drill(
        desk.office,
        by=desk.by,
        photograph=picture,
        connector=connector,
        face=picture,
        server_files=server_files,
    )
    if isinstance(held, Refusal):
        return refused(held)
    return Outcome(
        {
            "passed": held.passed,
            "about": held.about,
            "checks": [{"check": c.what, "holds": c.holds, "saw": c.saw} for c in held.checks],
        },
        Exit.DONE if held.passed else Exit.INTEGRITY,
        "Nothing is left, and nothing opens."
        if held.passed
        else "THE DRILL FAILED: what was destroyed can be found or opened.",
        tables={"checks": ("holds", "check", "saw")},
    )


def _due(found: Due) -> Json:
    return {
        "object": found.object_id,
        "class": found.record_class,
        "record": found.about,
        "clock": found.clock.id,
        "at": found.at.isoformat(),
        "held_by": list(found.held_by),
    }


def _hold(row: Hold) -> Json:
    return {
        "hold": row.id,
        "about": row.about,
        "kind": row.kind,
        "status": str(row.status),
        "two_persons": row.two_persons,
        "placed_by": row.placed_by_id,
        "placed_at": row.placed_at.isoformat(),
        "lifted_by": row.lifted_by_id,
    }
