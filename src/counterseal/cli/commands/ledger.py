"""`counterseal ledger`: export the log, verify an export, receipts, change of key."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.outcome import Exit, Json, Outcome, refused
from counterseal.cli.parsing import FILE
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, UnavailableError

if TYPE_CHECKING:  # loading it takes a second, which `verify` does not need
    from counterseal.cli.desk import Desk

ledger = Ordered("ledger", help="Export the log, verify an export, receipts, change of key.")
FOLDER = click.argument("folder", metavar="DIR", type=FILE)


@command(ledger, "export")
@FOLDER
def export(desk: "Desk", *, folder: Path) -> Outcome:
    """Write the log as static files that programs by others verify, with the offline verifier.

    Safe to repeat on the same folder: what is there already is kept where it is the same log.
    """
    from counterseal.cli.witnessed import witnessed_json, witnessed_lines
    from counterseal.gateway.cosign import standing
    from counterseal.gateway.export_ledger import export_ledger

    if folder.exists() and (
        not folder.is_dir() or (any(folder.iterdir()) and not (folder / "log.vkey").is_file())
    ):
        raise BadInputError(f"`{folder}` holds something else; name a new folder or an earlier export")
    try:
        written = export_ledger(folder)
    except ValueError as error:
        raise BadInputError(f"`{folder}` holds something else ({error}); name a new folder") from error
    except OSError as error:
        raise BadInputError(f"`{folder}` cannot be written: {error.strerror or error}") from error
    seen = standing(desk.office)
    return Outcome(
        {
            "vkey": written.vkey,
            "tree_size": written.tree_size,
            "path": str(written.path),
            "witnessed": witnessed_json(seen),
        },
        headline="Exported.",
        hidden=("witnessed",),
        then=(
            *witnessed_lines(seen),
            f"To check it anywhere: python3 {folder / 'verify.py'} {folder} --vkey '{written.vkey}'",
        ),
    )


@command(ledger, "verify", opens=False)
@FOLDER
@click.option("--vkey", help="The log's key, from somebody other than whoever wrote DIR.")
@click.option("--older", type=FILE, multiple=True, help="A checkpoint that was kept from before.")
@click.option("--receipt", type=FILE, help="A receipt for one entry; needs --entry.")
@click.option("--entry", type=FILE, help="The bytes of that entry.")
def verify(
    bench: Bench,
    *,
    folder: Path,
    vkey: str | None,
    older: tuple[Path, ...],
    receipt: Path | None,
    entry: Path | None,
) -> Outcome:
    """Verify an exported log with the offline verifier, in a process of its own.

    Needs no installation, no server and no network. Exit code 3: something does not hold.
    """
    return verified(bench, folder, vkey=vkey, older=older, receipt=receipt, entry=entry)


@command(ledger, "receipt")
@click.argument("index", type=int)
@click.option("--out", type=FILE, help="Write the receipt and the entry to files in this folder.")
@click.option("--openings", is_flag=True, help="Also show what the entry only commits to (who, what, rows).")
def receipt(_: "Desk", *, index: int, out: Path | None, openings: bool) -> Outcome:
    """Prove that entry N is in the log: the receipt (C2SP tlog-proof) and the entry's bytes."""
    from counterseal.gateway.export_ledger import entry_of, receipt_of
    from counterseal.ledger.entry import Disclosure, open_committed, read_entry

    proof = receipt_of(index).decode("utf-8")  # a note's signature line begins with a dash that ASCII lacks
    body, encoded = entry_of(index)
    data: Json = {"index": index, "receipt": proof, "entry": body.decode("ascii")}
    if openings:
        data["openings"] = open_committed(read_entry(body), [Disclosure.parse(e) for e in encoded])
    then: tuple[str, ...] = ()
    if out is not None:
        files = {"receipt_file": out / f"receipt-{index}.txt", "entry_file": out / f"entry-{index}.json"}
        try:
            out.mkdir(parents=True, exist_ok=True)
            for file, text in zip(files.values(), (proof, data["entry"]), strict=True):
                file.write_bytes(text.encode("utf-8"))
        except OSError as error:
            raise BadInputError(f"`{out}` cannot be written: {error.strerror or error}") from error
        data |= {name: str(file) for name, file in files.items()}
        then = (
            "To check it: counterseal ledger verify EXPORT "
            f"--receipt {files['receipt_file']} --entry {files['entry_file']}",
        )
    return Outcome(data, then=then)


@command(ledger, "rotate-key", acts="admin")
def rotate_key(desk: "Desk") -> Outcome:
    """Change the key that signs the log. The old private key is overwritten; every connector learns the new one."""
    from counterseal.cli import rotation
    from counterseal.gateway.rotate_log_key import rotate_log_key
    from counterseal.ledger.checkpoint import Signer

    seed = rotation.successor_seed(desk.office)
    successor = Signer.from_seed(desk.office.origin, seed)
    size = rotate_log_key(desk.office, new=successor, by=desk.by)
    if isinstance(size, Refusal):
        return refused(size)
    rotation.install(desk.office, seed)
    return Outcome(
        {"from_size": size, "vkey": successor.vkey},
        headline="The log has a new key.",
        then=("Publish it, and back up the keys folder.",),
    )


def verified(
    bench: Bench,
    folder: Path,
    *,
    vkey: str | None = None,
    older: tuple[Path, ...] = (),
    receipt: Path | None = None,
    entry: Path | None = None,
) -> Outcome:
    """What the offline verifier says of an exported folder."""
    from counterseal.ledger import offline_verifier

    given = [str(folder.resolve()), "--json"]
    given += ["--vkey", vkey] if vkey else []
    given += [word for path in older for word in ("--older", str(path))]
    given += ["--receipt", str(receipt)] if receipt else []
    given += ["--entry", str(entry)] if entry else []
    with bench.voice.progress("verifying", None):
        answer = run_verifier(Path(offline_verifier.__file__), given)
    if "error" in answer:
        raise BadInputError(f"{answer['error']}; name a folder that `counterseal ledger export` wrote")
    theirs = folder / "verify.py"
    if theirs.is_file() and theirs.read_bytes() != Path(offline_verifier.__file__).read_bytes():
        bench.voice.note("note: verify.py in this folder is another version than the one that was run")
    ok = bool(answer["ok"])
    return Outcome(
        answer,
        Exit.DONE if ok else Exit.INTEGRITY,
        "The log holds." if ok else "THE LOG DOES NOT HOLD. Keep this directory as it is.",
        hidden=("ok", *(() if answer.get("failures") else ("failures",))),
        tables={
            "refusals": ("index", "at", "kind", "clauses"),
            "intents_without_outcome": ("index", "at"),
        },
    )


def run_verifier(program: Path, given: list[str]) -> Json:
    """Run a verifier file as a program of its own, and read its JSON.

    Raises:
        UnavailableError: it gave no answer.
    """
    ran = subprocess.run(  # noqa: S603 - our own interpreter on our own file
        [sys.executable, "-I", str(program), *given], capture_output=True, text=True, check=False
    )
    try:
        answer: Json = json.loads(ran.stdout)
    except ValueError:
        last = ran.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise UnavailableError(f"the offline verifier gave no answer: {last[0]}") from None
    return answer
