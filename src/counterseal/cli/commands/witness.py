"""`counterseal witness`: run a witness for other people's logs, and ask witnesses to cosign one's own."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.outcome import Exit, Json, Outcome
from counterseal.cli.parsing import FILE, read_file
from counterseal.terms.errors import BadInputError

if TYPE_CHECKING:  # loading an installation takes a second, which a witness does not need
    from counterseal.cli.desk import Desk
    from counterseal.gateway.witness_folder import Known

witness = click.Group(
    "witness",
    help="Run a witness of other people's logs (init, trust, run, show, evidence); have one's own log cosigned "
    "(ask, standing); judge a checkpoint by a policy (judge).",
)
FOLDER = click.argument("folder", metavar="DIR", type=FILE)


@command(witness, "init", opens=False)
@FOLDER
@click.option("--name", required=True, help="The witness's name for ever, like `witness.example/w1`.")
def init(_: Bench, *, folder: Path, name: str) -> Outcome:
    """Make a new witness in DIR: a fresh key and an empty state. Needs no installation of the gateway."""
    from counterseal.gateway.witness_folder import init_witness

    made = init_witness(folder, name)
    return Outcome(
        {"name": name, "vkey": made.vkey, "path": str(folder)},
        headline="The witness is made.",
        then=(
            f"Next: counterseal witness trust {folder} --origin ORIGIN --vkey VKEY",
            f"then: counterseal witness run {folder}",
            f"Hand the vkey to the logs that should count this witness. Never put an older copy of {folder} back.",
        ),
    )


@command(witness, "trust", opens=False)
@FOLDER
@click.option("--origin", required=True, help="The log's name, as its checkpoints bear it.")
@click.option("--vkey", help="The log's key; taken from somebody who answers for it.")
@click.option(
    "--from-size", type=click.IntRange(min=1), help="The key replaces the last one from this size on."
)
@click.option("--keys", "keys_file", type=FILE, help="In place of --vkey: keys.json of an export.")
def trust(
    _: Bench, *, folder: Path, origin: str, vkey: str | None, from_size: int | None, keys_file: Path | None
) -> Outcome:
    """Know a log, or the key that it has changed to. Counts at once, also in a witness that runs."""
    from counterseal.gateway.witness_folder import open_witness, single_key
    from counterseal.ledger.checkpoint import Verifier
    from counterseal.ledger.keys import KeyHistory

    if (vkey is None) == (keys_file is None):
        raise BadInputError("name the log's key with `--vkey`, or its whole history with `--keys keys.json`")
    opened = open_witness(folder)
    if keys_file is not None:
        keys = KeyHistory.from_json(read_file(keys_file, "the key history"))
    elif from_size is None:
        keys = single_key(vkey or "")
    else:
        known = opened.keys_of(origin)
        if known is None:
            raise BadInputError(f"no key of `{origin}` is known yet: name its first one without --from-size")
        keys = known.rotated(Verifier.from_vkey(vkey or ""), at_size=from_size)
    if keys.current.name != origin:
        raise BadInputError(f"that key is of the log `{keys.current.name}`, not of `{origin}`")
    new = opened.trust(keys)
    return Outcome(
        {"origin": origin, "vkey": keys.current.vkey, "keys": len(keys.periods), "changed": new},
        headline="The log is known." if new else "That was known already.",
    )


@command(witness, "run", opens=False)
@FOLDER
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: the system chooses.")
def run(bench: Bench, *, folder: Path, host: str, port: int) -> Outcome:
    """Serve until interrupted. Prints its address first; put a TLS proxy before it for the world outside."""
    given = [str(folder), "--host", host, "--port", str(port), *(["--json"] if bench.voice.as_json else [])]
    # The server takes this process's place: front ends do not call one another, and signals go to it.
    sys.stdout.flush()
    os.execv(  # noqa: S606 - our own interpreter, our own module
        sys.executable, [sys.executable, "-m", "counterseal.api.witness", *given]
    )


@command(witness, "show", opens=False)
@FOLDER
def show(_: Bench, *, folder: Path) -> Outcome:
    """The witness's key, the logs it knows, and where each stands. Exit code 3: a log showed two histories."""
    from counterseal.gateway.witness_folder import open_witness

    opened = open_witness(folder)
    logs = [_known(log) for log in opened.logs()]
    kept = sum(log["evidence"] for log in logs)
    return Outcome(
        {"name": opened.cosigner.key.name, "vkey": opened.vkey, "logs": logs},
        Exit.INTEGRITY if kept else Exit.DONE,
        f"{kept} signed checkpoints did not fit: `counterseal witness evidence {folder}` shows them."
        if kept
        else "",
        tables={"logs": ("origin", "size", "cosigned_at", "evidence", "vkey")},
    )


@command(witness, "evidence", opens=False)
@FOLDER
def evidence(_: Bench, *, folder: Path) -> Outcome:
    """Checkpoints that a log's key signed and that do not fit what was cosigned: keep them, and show them."""
    from counterseal.gateway.witness_folder import open_witness

    kept = [
        {"origin": e.origin, "at": _instant(e.at), "says": e.says, "checkpoint": e.note.decode("utf-8")}
        for e in open_witness(folder).store.evidence()
    ]
    return Outcome({"evidence": kept}, tables={"evidence": ("origin", "at", "says", "checkpoint")})


@command(witness, "ask")
def ask(desk: "Desk") -> Outcome:
    """Ask the witnesses of `witnesses.policy` to cosign the latest checkpoint.

    Exit code 3: a witness says that there are two histories, or forgot its own. 4: the quorum is not there.
    """
    from counterseal.cli.witnessed import instant, witnessed_json, witnessed_lines
    from counterseal.gateway.cosign import cosign

    with desk.voice.progress("asking", None):
        done = cosign(desk.office)
    asked = [
        {"witness": a.witness, "outcome": a.code, "at": a.at and instant(a.at), "says": a.says}
        for a in done.asked
    ]
    alarming = any(a.alarming for a in done.asked)
    held = done.standing.held
    return Outcome(
        {"tree_size": done.size, "asked": asked, "witnessed": witnessed_json(done.standing)},
        Exit.INTEGRITY if alarming else Exit.DONE if held else Exit.UNAVAILABLE,
        "A WITNESS CONTRADICTS THIS LOG. Keep everything as it is, and look."
        if alarming
        else "Cosigned."
        if held
        else "The quorum is not there.",
        tables={"asked": ("witness", "outcome", "at", "says")},
        hidden=("witnessed",),
        then=witnessed_lines(done.standing),
    )


@command(witness, "standing")
@click.option(
    "--alarm-after",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Hours that an entry may wait for its quorum.",
)
def standing(desk: "Desk", *, alarm_after: float) -> Outcome:
    """Since which entry, and since when, a quorum of witnesses is missing. Exit code 4: longer than it may be."""
    from counterseal.cli.witnessed import witnessed_json, witnessed_lines
    from counterseal.gateway.cosign import standing as stands

    found = stands(desk.office)
    late = found.since is not None and desk.office.clock() - found.since > timedelta(hours=alarm_after)
    return Outcome(
        {"witnessed": witnessed_json(found), "alarm": late},
        Exit.UNAVAILABLE if late else Exit.DONE,
        "A quorum of witnesses has seen the whole log."
        if found.held
        else "ALARM: a quorum of witnesses has been missing too long."
        if late
        else "The last entries wait for their quorum.",
        then=witnessed_lines(found),
    )


@command(witness, "judge", opens=False)
@click.argument("file", type=FILE)
@click.option(
    "--policy", "policy_file", type=FILE, required=True, help="A policy of witnesses (tlog-policy)."
)
@click.option("--vkey", help="The log's key, where the policy names none.")
def judge(_: Bench, *, file: Path, policy_file: Path, vkey: str | None) -> Outcome:
    """Whether a checkpoint, or the one in a receipt, has the quorum of a policy. Needs no installation.

    Exit code 3: it has not, or the log did not sign it.
    """
    from counterseal.ledger.checkpoint import Verifier, open_checkpoint
    from counterseal.ledger.quorum import parse_policy
    from counterseal.ledger.receipt import HEADER, parse_receipt

    policy = parse_policy(read_file(policy_file, "the policy"))
    note = read_file(file, "the checkpoint")
    if note.startswith(HEADER.encode("ascii")):
        note = parse_receipt(note).note
    logs = (Verifier.from_vkey(vkey),) if vkey else policy.logs
    if not logs:
        raise BadInputError("the policy names no log: say whose checkpoint it must be with `--vkey`")
    checkpoint = open_checkpoint(note, logs)
    judged = policy.judge(note)
    return Outcome(
        {
            "origin": checkpoint.origin,
            "tree_size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "quorum": judged.held,
            "by": list(judged.by),
            "since": judged.since and _instant(int(judged.since.timestamp())),
            "missing": judged.missing,
        },
        Exit.DONE if judged.held else Exit.INTEGRITY,
        "The quorum is there." if judged.held else "THE QUORUM IS NOT THERE.",
    )


def _known(log: "Known") -> Json:
    return {
        "origin": log.origin,
        "vkey": log.keys.current.vkey,
        "size": log.head.size if log.head else None,
        "root": log.head.root.hex() if log.head else None,
        "cosigned_at": _instant(log.head.at) if log.head else None,
        "evidence": log.evidence,
    }


def _instant(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
