"""`counterseal optout`: choose not to be compared, check choices, lists for programs without a connection."""

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from counterseal.cli.choosing import choice_of, choice_options, typed
from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.cli.views import answered, json_value
from counterseal.gateway import opt_out as verbs
from counterseal.gateway.check_opt_out import check_opt_out
from counterseal.ledger.checkpoint import Verifier
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import LogEntry
from counterseal.oversight.optout import ReferenceKind, Seen, read_list, token_of
from counterseal.oversight.optout_figures import choice_figures
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

optout = Ordered(
    "optout", help="Choose not to be compared; check choices; lists for programs without a connection."
)
USE = click.option("--use", "which", default="", help="Use id or name; the only active one unless told.")
WHO = {
    "everyone": "Everyone may decline. Nobody is asked why, or for proof of anything.",
    "us-citizens": "U.S. citizens may decline, and nobody is asked to prove citizenship to be heard.",
}


@command(optout, "who")
def who(desk: Desk) -> Outcome:
    """Who may decline under the policies in force, and how long a list holds."""
    rule = desk.office.policies.opt_out(desk.office.clock())
    in_force = desk.office.policies.in_force(desk.office.clock())
    data = {"who_may": rule.who_may, "list_valid_days": rule.list_valid_days, "pack_digest": in_force.digest}
    return Outcome(data, headline=WHO[rule.who_may])


@command(optout, "register")
@click.option("--document", default="", help="A document number; `-` reads it from standard input.")
@click.option("--booking", default="", help="A booking reference; `-` reads it from standard input.")
def register(desk: Desk, *, document: str, booking: str) -> Outcome:
    """Register a choice: no face, no name, no approval. Holds at once.

    Without any reference the code on the receipt stands for the choice. What is kept is a keyed token.
    """
    if document and booking:
        raise BadInputError("register one reference at a time: a document or a booking")
    kind = "document" if document else "booking" if booking else ""
    registered = verbs.register_choice(desk.office, kind=kind, reference=typed(document or booking))
    return Outcome(
        {"code": registered.code, "entry": registered.index, "receipt": registered.receipt.decode()},
        headline="Registered; it holds from now on. Keep the code: it is shown this once.",
        hidden=("receipt",),
        then=("To take it back: counterseal optout withdraw CODE",),
    )


@command(optout, "withdraw")
@click.argument("code")
def withdraw(desk: Desk, *, code: str) -> Outcome:
    """Take back the registration of this receipt. `-` reads the code from standard input."""
    withdrawn = verbs.withdraw_choice(desk.office, code=typed(code))
    return Outcome(
        {"entry": withdrawn.index, "receipt": withdrawn.receipt.decode()},
        headline="Taken back; nothing of it is left on the register.",
        hidden=("receipt",),
    )


@command(optout, "check", acts="gail")
@USE
@choice_options
def check(desk: Desk, *, which: str, **said: Any) -> Outcome:
    """Check whether somebody declines, with a sealed receipt. Exit code 1 where they do."""
    checked = check_opt_out(desk.office, use_id=desk.use(which), choice=choice_of(said), by=desk.by)
    if isinstance(checked, Refusal):
        return refused(checked)
    data = {
        "declined": checked.declined,
        "via": checked.via,
        "alternative": checked.alternative,
        "entry": checked.index,
        "receipt": checked.receipt.decode(),
    }
    return Outcome(
        data,
        Exit.REFUSED if checked.declined else Exit.DONE,
        "Declined: follow the alternative procedure." if checked.declined else "Not declined.",
        hidden=("receipt",),
    )


@command(optout, "done", acts="gail")
@click.argument("entry", type=int)
def done(desk: Desk, *, entry: int) -> Outcome:
    """Record that the alternative procedure after this ENTRY is done; the time it took is counted."""
    return answered(verbs.finish_alternative(desk.office, after_entry=entry, by=desk.by), "Recorded.")


@command(optout, "complain")
@USE
@click.option("--about", type=click.Choice(verbs.ABOUT), required=True)
@click.option("--words", default="", help="What happened; `-` reads a line from standard input.")
def complain(desk: Desk, *, which: str, about: str, words: str) -> Outcome:
    """Complain about a use, without a name."""
    row = verbs.complain(desk.office, use_id=desk.use(which), about=about, words=typed(words))
    return answered(row, "Recorded. Nobody's name is kept.")


@command(optout, "figures")
@click.option("--use", "which", default="", help="Use id or name; every use unless told.")
def figures(desk: Desk, *, which: str) -> Outcome:
    """What declining was like: checks, honoured, lag, time added, complaints; from public parts of the log."""
    entries = (
        read_entry(bytes(body))
        for body in LogEntry.objects.order_by("index").values_list("body", flat=True).iterator()
    )
    return Outcome(asdict(choice_figures(entries, use_id=desk.use(which) if which else "")))


@command(optout, "list", acts="pat")
@click.option("--out", "target", type=FILE, required=True, help="The file to write.")
def issue(desk: Desk, *, target: Path) -> Outcome:
    """Sign the list of all choices that stand, for programs without a connection."""
    _new(target)
    issued = verbs.issue_list(desk.office, by=desk.by)
    if isinstance(issued, Refusal):
        return refused(issued)
    target.write_bytes(issued.data)
    data = {
        "file": str(target),
        "sequence": issued.row.sequence,
        "count": issued.row.count,
        "valid_until": json_value(issued.row.valid_until),
        "verifier_key": issued.vkey,
    }
    return Outcome(data, headline="Signed.")


@command(optout, "key", acts="pat")
@click.option("--program", required=True, help="Who gets it, as a code.")
@click.option("--out", "target", type=FILE, required=True, help="The file to write; keep it as a secret.")
def key(desk: Desk, *, program: str, target: Path) -> Outcome:
    """Hand out the key by which a program makes tokens of its own travellers' references. Sealed."""
    _new(target)
    secret = verbs.hand_out_token_key(desk.office, program=program, by=desk.by)
    if isinstance(secret, Refusal):
        return refused(secret)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret.hex() + "\n")
    return Outcome({"file": str(target), "program": program}, headline="Handed out.")


@command(optout, "look-up", opens=False)
@click.argument("list_file", metavar="LIST", type=FILE)
@click.option("--verifier-key", required=True, help="The key that signs lists, as `optout list` prints it.")
@click.option("--token-key", "key_file", type=FILE, required=True, help="The file of `optout key`.")
@click.option(
    "--seen", "seen_file", type=FILE, required=True, help="Where this program notes the latest list."
)
@click.option("--at", type=INSTANT, required=True, help="The instant now, from the program's own clock.")
@click.option("--document", multiple=True, help="A document number; `-` reads it from standard input.")
@click.option("--booking", multiple=True, help="A booking reference; `-` reads it from standard input.")
@click.option("--receipt", multiple=True, help="The code of a receipt; `-` reads it from standard input.")
def look_up(
    _: Bench,
    *,
    list_file: Path,
    verifier_key: str,
    key_file: Path,
    seen_file: Path,
    at: datetime,
    **references: tuple[str, ...],
) -> Outcome:
    """Check choices on a signed list, without a connection. Exit code 1 where somebody declines.

    A list that is forged, cut short, out of date, or older than one seen before is refused (exit code 2):
    then nobody may be compared.
    """
    if not any(references.values()):
        raise BadInputError("say what to look up: `--document`, `--booking` or `--receipt`")
    verifier = Verifier.from_vkey(verifier_key)
    held = read_list(
        read_file(list_file, "the list", most=1 << 30), verifier=verifier, at=at, seen=_seen(seen_file)
    )
    _note(seen_file, held.seen)
    secret = _secret(key_file)
    tokens = [
        token_of(secret, ReferenceKind(kind), typed(text))
        for kind, texts in references.items()
        for text in texts
    ]
    declined = any(held.holds(token) for token in tokens)
    data = {
        "declined": declined,
        "looked_up": len(tokens),
        "sequence": held.sequence,
        "valid_until": json_value(held.valid_until),
    }
    return Outcome(
        data,
        Exit.REFUSED if declined else Exit.DONE,
        "Declined: follow the alternative procedure." if declined else "Not declined.",
    )


def _new(target: Path) -> None:
    if target.exists():
        raise BadInputError(f"`{target}` is there already; name a new file")


def _secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(read_file(path, "the token key", most=200).decode("ascii").strip())
    except ValueError as error:
        raise BadInputError(f"`{path}` is no token key: 64 hex digits are expected") from error
    if len(secret) != 32:
        raise BadInputError(f"`{path}` is no token key: 64 hex digits are expected")
    return secret


def _seen(path: Path) -> Seen | None:
    if not path.exists():
        return None
    try:
        noted = json.loads(read_file(path, "the note of the latest list", most=1000))
        return Seen(int(noted["sequence"]), str(noted["digest"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"`{path}` is no note of the latest list ({error}): find out who changed it, then fetch a new list"
        ) from error


def _note(path: Path, seen: Seen) -> None:
    """Note the latest list, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w") as file:
        json.dump(asdict(seen), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
