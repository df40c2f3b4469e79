"""`counterseal public`: release public figures, and check a release without believing whoever made it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.outcome import Exit, Json, Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.ledger.tiles import Reader
from counterseal.oversight.figures.release import percent
from counterseal.oversight.figures.rule import Rule
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

if TYPE_CHECKING:  # loading it takes a second, which `verify` does not need
    from counterseal.cli.desk import Desk

public = Ordered("public", help="Release public figures; check a release on any machine.")
FOLDER = click.argument("folder", metavar="DIR", type=FILE)
LONGEST = 256  # MB; a bundle has at most 16


@command(public, "release", acts="pat")
@FOLDER
@click.option("--until", type=INSTANT, help="Count nothing after this; the delay holds as well.")
@click.option("--fewest", type=click.IntRange(min=2), default=Rule().k, show_default=True,
              help="How many entries must show the same before it is shown.")  # fmt: skip
@click.option("--delay-days", type=click.IntRange(min=0), default=Rule().delay_days, show_default=True,
              help="How old an entry is before it is counted.")  # fmt: skip
@click.option("--why", default="", help="Why figures of the release before count differently; published.")
def release(
    desk: "Desk", *, folder: Path, until: datetime | None, fewest: int, delay_days: int, why: str
) -> Outcome:
    """Count the log's old entries and write them out with the figures, so that anybody can count again.

    Rule, entries, hashes and signed checkpoint go along; the release itself is sealed in the log. Codes about
    persons sought are shown only where enough entries show the same.
    """
    from counterseal.gateway.release_figures import release_figures

    released = release_figures(
        desk.office,
        folder=folder,
        by=desk.by,
        rule=Rule(k=fewest, delay_days=delay_days),
        until=until,
        why=why,
    )
    if isinstance(released, Refusal):
        return refused(released)
    return Outcome(
        {
            "version": released.version,
            "counted": released.counted,
            "until": f"{released.until:%Y-%m-%dT%H:%M:%SZ}",
            "entry": released.index,
            "tree_size": released.tree_size,
            "corrections": released.corrections,
            "vkey": released.vkey,
            "path": str(released.path),
        },
        headline=f"Released: {released.counted} of {released.tree_size} entries are counted.",
        then=(f"Next: counterseal public verify {folder} --vkey '{released.vkey}'",),
    )


@command(public, "verify", opens=False)
@FOLDER
@click.option("--vkey", help="The log's key, from somebody other than whoever wrote DIR.")
@click.option("--older", type=FILE, multiple=True, help="A checkpoint that was kept from before.")
@click.option("--previous", type=FILE, help="The folder of an earlier release.")
def verify(
    bench: Bench, *, folder: Path, vkey: str | None, older: tuple[Path, ...], previous: Path | None
) -> Outcome:
    """Count every figure of a release again, from its entries, against its signed checkpoint.

    Needs no installation, no database and no network. Exit code 3: something differs, and is named.
    """
    from counterseal.oversight.figures.verify_release import verify_release

    for path in (folder, *([previous] if previous else [])):
        if not path.is_dir():
            raise BadInputError(f"`{path}` is no folder; name one that `counterseal public release` wrote")
    notes = {str(path): read_file(path, "the older checkpoint") for path in older}
    with bench.voice.progress("counting", None):
        found = verify_release(
            reader(folder), vkey=vkey, older=notes, previous=reader(previous) if previous else None
        )
    sound = not found.findings
    data: Json = {
        "ok": sound,
        "origin": found.origin,
        "version": found.version,
        "counted": found.counted,
        "tree_size": found.tree_size,
        "rows": found.figures,
        "key": KEY_BROUGHT if vkey else NO_KEY_BROUGHT,
        "held": list(found.held),
        "findings": [{"code": f.code, "where": f.where, "says": f.says} for f in found.findings],
    }
    if sound:
        data["figures"] = _numbers(found.content)
    return Outcome(
        data,
        Exit.DONE if sound else Exit.INTEGRITY,
        "Every figure was counted again and agrees."
        if sound
        else f"{len(found.findings)} things do not hold.",
        tables={"figures": ("figure", "year", "code", "count")}
        if sound
        else {"findings": ("code", "where", "says")},
        hidden=("ok", "findings") if sound else ("ok",),
    )


KEY_BROUGHT = "You brought the key yourself."
NO_KEY_BROUGHT = "No --vkey was given: this is worth as much as your trust in whoever handed it over."


def reader(folder: Path) -> Reader:
    """Reads the files of a released folder; a link that leads out of it is not followed."""
    root = folder.resolve()

    def read(path: str) -> bytes:
        file = (root / path).resolve()
        if not file.is_relative_to(root):
            raise PermissionError(13, "a link leads out of the folder", path)
        if not file.is_file():
            raise FileNotFoundError(2, "it is not there", path)
        if file.stat().st_size > LONGEST << 20:
            raise PermissionError(13, f"it is larger than {LONGEST} MB", path)
        return file.read_bytes()

    return read


def _numbers(content: Mapping[str, Any]) -> list[Json]:
    """Figures and shares as the lines of one table."""
    lines: list[Json] = [
        {"figure": figure["id"], "year": year, "code": code, "count": count}
        for figure in content["figures"]
        for year, code, count in figure["rows"]
    ]
    for share in content["shares"]:
        lines += [
            {
                "figure": share["id"],
                "year": year,
                "code": f"{percent(part, of)} %",
                "count": f"{part} of {of}",
            }
            for year, part, of in share["rows"]
        ]
    return lines
