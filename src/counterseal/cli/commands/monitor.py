"""`counterseal monitor`: run the rules over whole histories, at home or over an exported log."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.commands.decide import policies
from counterseal.cli.commands.public import KEY_BROUGHT, NO_KEY_BROUGHT, reader
from counterseal.cli.desk import Desk, opened
from counterseal.cli.outcome import Exit, Json, Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.gateway.hand_out_openings import hand_out_openings
from counterseal.gateway.run_monitors import monitor_export, run_monitors
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.errors import LedgerError
from counterseal.oversight.figures.release import read_openings
from counterseal.oversight.monitors.exported import Openings, merged
from counterseal.oversight.monitors.monitor import Result
from counterseal.oversight.monitors.watch import Watched
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

monitor = Ordered("monitor", help="Run the rules over whole histories of the log.")


@command(monitor, "run", opens=False)
@click.option("--until", type=INSTANT, help="Judge as of this instant; now, or an export's last entry.")
@click.option("--export", type=FILE, metavar="DIR", help="An exported log, in place of an installation.")
@click.option(
    "--openings", type=FILE, multiple=True, metavar="FILE", help="From `counterseal monitor hand-out`."
)
@click.option("--package", type=FILE, multiple=True, metavar="DIR", help="A discovery or audit package.")
@click.option("--vkey", help="The log's key, from somebody other than whoever wrote DIR.")
def run(
    bench: Bench,
    *,
    until: datetime | None,
    export: Path | None,
    openings: tuple[Path, ...],
    package: tuple[Path, ...],
    vkey: str | None,
) -> Outcome:
    """Follow every entry once and say which rules were broken, by which entries, since when.

    The same rules run over an installation and over an exported log with the openings that somebody was given.
    What cannot be judged for want of an opening is said. Exit code 1: something was violated; 3: the exported
    log does not hold.
    """
    if export is None:
        if openings or package or vkey:
            raise BadInputError(
                "--openings, --package and --vkey belong to an exported log: name it (`--export DIR`)"
            )
        with opened(bench.home, bench.voice, acting="", default="") as desk:
            return _outcome(run_monitors(desk.office, until=until), {})
    if not export.is_dir():
        raise BadInputError(f"`{export}` is no folder; name one that `counterseal ledger export` wrote")
    brought = [read_openings(read_file(path, "the openings")) for path in openings]
    watched = monitor_export(
        reader(export),
        merged(*brought, *map(openings_of_package, package)),
        policies(bench),
        vkey=vkey,
        kept=_kept(export),
        until=until,
    )
    return _outcome(watched, {"key": KEY_BROUGHT if vkey else NO_KEY_BROUGHT})


@command(monitor, "hand-out", acts="pat")
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--recipient", required=True, help="Who gets the file.")
@click.option("--authority", required=True, help="The statute, regulation or agreement it is handed out on.")
def hand_out(desk: Desk, *, file: Path, recipient: str, authority: str) -> Outcome:
    """Write the openings that monitors need into FILE, for somebody outside; sealed first.

    They show ids of persons and records, roles, duties and dates; no name, photograph or sentence.
    """
    answer = hand_out_openings(desk.office, path=file, recipient=recipient, authority=authority, by=desk.by)
    if isinstance(answer, Refusal):
        return refused(answer)
    return Outcome(
        {
            "path": str(answer.path),
            "entries": answer.entries,
            "sha256": answer.sha256,
            "entry": answer.index,
        },
        headline=f"Handed out: openings of {answer.entries} entries.",
        then=("Next: counterseal ledger export DIR, and hand it over with the file.",),
    )


def openings_of_package(folder: Path) -> Openings:
    """The openings in a package: `entries/<index>.openings.json`, each a list of disclosures.

    Raises:
        BadInputError: no package, or a file in it that holds no openings.
    """
    files = sorted((folder / "entries").glob("*.openings.json"))
    if not files:
        raise BadInputError(f"`{folder}` is no package: it has no `entries/*.openings.json`")
    found = {}
    for file in files:
        index = file.name.partition(".")[0]
        try:
            texts = json.loads(read_file(file, "the openings"))
            if not index.isdecimal() or not isinstance(texts, list):
                raise ValueError("it is no list of disclosures of one entry")
            found[int(index)] = [Disclosure.parse(text) for text in texts]
        except (ValueError, TypeError, LedgerError) as error:
            raise BadInputError(f"`{file}` holds no openings: {error}") from error
    return found


def _kept(folder: Path) -> tuple[int, ...]:
    there = folder / "checkpoints"
    names = [path.name for path in there.iterdir()] if there.is_dir() else []
    return tuple(int(name) for name in names if name.isascii() and name.isdecimal())


def _outcome(watched: Watched, more: Mapping[str, str]) -> Outcome:
    violations = [violation for result in watched.results for violation in _violations(result)]
    data: Json = {
        "clean": watched.clean,
        "whole": watched.whole,
        "entries": watched.entries,
        "until": f"{watched.until:%Y-%m-%dT%H:%M:%S.%fZ}" if watched.until else None,
        **more,
        "monitors": [_monitor(result) for result in watched.results],
        "violations": violations,
    }
    if not watched.clean:
        headline = f"{len(violations)} violations."
    elif not watched.whole:
        headline = "No violation was found; not everything could be judged."
    else:
        headline = "Nothing was violated."
    return Outcome(
        data,
        Exit.DONE if watched.clean else Exit.REFUSED,
        headline,
        tables={
            "monitors": ("rule", "verdict", "checked", "violations", "waiting", "not_evaluated"),
            **({"violations": ("rule", "since", "entries", "says")} if violations else {}),
        },
        hidden=("clean", "whole", *(() if violations else ("violations",))),
    )


def _monitor(result: Result) -> Json:
    return {
        "rule": result.rule.id,
        "clause": result.rule.clause,
        "says": result.rule.says,
        "cannot_see": result.rule.blind,
        "verdict": result.verdict,
        "checked": result.checked,
        "violations": len(result.violations),
        "waiting": len(result.waiting),
        "waiting_entries": list(result.waiting),
        "not_evaluated": len(result.closed),
        "not_evaluated_entries": list(result.closed),
    }


def _violations(result: Result) -> list[Json]:
    return [
        {
            "rule": result.rule.id,
            "clause": result.rule.clause,
            "since": f"{violation.since:%Y-%m-%dT%H:%M:%S.%fZ}",
            "entries": list(violation.entries),
            "says": violation.says,
        }
        for violation in result.violations
    ]
