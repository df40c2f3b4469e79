"""`counterseal api`: the programs that use the HTTP interface."""

import json
import os
from pathlib import Path
from typing import Any

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, read_file
from counterseal.cli.views import answered, view
from counterseal.gateway import api_clients as verbs
from counterseal.oversight.models import ApiClient
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

api = Ordered("api", help="Programs that use the HTTP interface: register, end, list.")


@command(api, "register-client", acts="admin")
@click.argument("name")
@click.option("--person", "who", required=True, help="As whom it acts: one account is one person.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(list(verbs.SCOPES)), help="What for."
)
@click.option("--public-key", "key_file", type=FILE, help="Its public key as a JWK (Ed25519 or P-256).")
@click.option(
    "--secret-out", "target", type=FILE, help="Write the secret to this new file, not to the screen."
)
def register_client(
    desk: Desk, *, name: str, who: str, scopes: tuple[str, ...], key_file: Path | None, target: Path | None
) -> Outcome:
    """Register a program that acts as one person, with that person's roles, within these scopes.

    With --public-key it signs what it asks for tokens with; else it gets a secret, shown this once. Nobody
    registers a program for themselves.
    """
    if target is not None and target.exists():
        raise BadInputError(f"`{target}` is there already; name a new file")
    registered = verbs.register_client(
        desk.office,
        name=name,
        person_id=desk.person(who),
        scopes=scopes,
        public_key=_key(key_file) if key_file else None,
        by=desk.by,
    )
    if isinstance(registered, Refusal):
        return refused(registered)
    data = view(registered.client)
    if registered.secret and target is not None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(registered.secret + "\n")
        data["secret_file"] = str(target)
    elif registered.secret:
        data["secret"] = registered.secret
    return Outcome(
        data,
        headline="Registered." + (" Keep the secret: it is shown this once." if "secret" in data else ""),
        then=("It asks for a token at /api/v1/token: see docs/how-to/use-the-api.md",),
    )


@command(api, "end-client", acts="admin")
@click.argument("client_id", metavar="CLIENT")
def end_client(desk: Desk, *, client_id: str) -> Outcome:
    """End a program and every token of it, at once. It does not come back."""
    return answered(verbs.end_client(desk.office, client_id=client_id, by=desk.by), "Ended.")


@command(api, "clients")
def list_clients(_: Desk) -> Outcome:
    """Every program that is or was registered, as whom it acts, and for what."""
    rows = [view(row) for row in ApiClient.objects.order_by("registered_at", "id")]
    return Outcome({"clients": rows}, tables={"clients": ("id", "name", "person", "scopes", "status")})


def _key(path: Path) -> dict[str, Any]:
    try:
        key = json.loads(read_file(path, "the public key", most=10_000))
    except ValueError as error:
        raise BadInputError(f"`{path}` is no JWK: {error}") from error
    if not isinstance(key, dict):
        raise BadInputError(f"`{path}` is no JWK: a JSON object is expected")
    return key
