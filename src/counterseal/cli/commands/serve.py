"""`counterseal serve`: the HTTP interface."""

import os
import sys

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.outcome import Outcome
from counterseal.terms.errors import BadInputError


@command(None, "serve", opens=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8439, show_default=True, help="0: any free one."
)
@click.option("--proxy", help="Address of the TLS proxy before it, whose X-Forwarded-For counts.")
def serve(bench: Bench, *, host: str, port: int, proxy: str | None) -> Outcome:
    """Serve the HTTP interface until interrupted. Prints its address first; put a TLS proxy before it."""
    if not (bench.home / "office.toml").is_file():
        raise BadInputError(
            f"there is no installation in `{bench.home}`: make one with `counterseal init --home {bench.home}`"
        )
    given = ["--home", str(bench.home), "--host", host, "--port", str(port)]
    given += ["--proxy", proxy] if proxy else []
    given += ["--json"] if bench.voice.as_json else []
    # The server takes this process's place: front ends do not call one another, and signals go to it.
    sys.stdout.flush()
    os.execv(  # noqa: S606 - our own interpreter, our own module
        sys.executable, [sys.executable, "-m", "counterseal.api.serve", *given]
    )
