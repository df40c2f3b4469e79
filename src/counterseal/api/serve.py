"""Serve the interface of one installation.

Requests are bounded: 5 MB, 30 seconds to arrive, 100 connections, 8 at work. Plain HTTP on loopback: what is meant
for the world outside gets a TLS proxy before it, whose address is named so that callers are told apart.

`python -m counterseal.api.serve` serves; `counterseal serve` is the same.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import connections
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from counterseal import bootstrap
from counterseal.api.application import LARGEST_BODY, Application
from counterseal.api.listening import BoundedChannel, Bounds, Listening, run_until_interrupted
from counterseal.api.problems import KINDS, MEDIA_TYPE, document, of_status
from counterseal.gateway.office import Office
from counterseal.terms.errors import BadInputError

REQUEST_WITHIN = 30  # seconds
AT_WORK = 8


class _Turned(ErrorTask):  # type: ignore[misc]
    """What the HTTP server itself turns away (too large, malformed) is a problem too."""

    def execute(self) -> None:
        """Write the problem, and end the connection."""
        error = self.request.error
        code = of_status(error.code)
        body = document(code, str(error.body)[:200], instance="urn:counterseal:request:unread")
        self.status = f"{KINDS[code].status} {error.reason}"
        self.response_headers.append(("Content-Type", MEDIA_TYPE))
        self.response_headers.append(("Connection", "close"))
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


class _Channel(BoundedChannel):
    error_task_class = _Turned


class ApiServer(Listening):
    """The listening interface of one office."""

    def __init__(
        self, office: Office, *, host: str = "127.0.0.1", port: int = 0, proxy: str | None = None
    ) -> None:
        """Bind. port: 0 lets the system choose. proxy: address of the TLS proxy whose X-Forwarded-For counts.

        Raises:
            BadInputError: that address cannot be listened on.
        """
        trusted = {"trusted_proxy": proxy, "trusted_proxy_headers": {"x-forwarded-for"}} if proxy else {}
        bounds = Bounds(
            body=LARGEST_BODY,
            header=32 << 10,
            within=REQUEST_WITHIN,
            at_work=AT_WORK,
            finishing=REQUEST_WITHIN,
            more=trusted,
        )
        self._application = Application(office)
        try:
            super().__init__(self._application, bounds, host=host, port=port, channel=_Channel)
        except BadInputError:
            self._application.close()
            raise

    def run(self) -> None:
        """Serve until interrupted or told to end. What is at work is finished first."""
        try:
            super().run()
        finally:
            self._application.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one installation until interrupted. Exit codes as of `counterseal`: 0, 2 bad input, 3 integrity failure."""
    parser = argparse.ArgumentParser(prog="counterseal serve", description="Serve the HTTP interface.")
    home = os.environ.get("COUNTERSEAL_HOME", "counterseal-home")
    parser.add_argument("--home", metavar="DIR", type=Path, default=Path(home))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--proxy", default=None)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    opened: list[Office] = []

    def begin() -> tuple[Listening, dict[str, Any], str]:
        opened.append(bootstrap.open_office(given.home))
        server = ApiServer(opened[0], host=given.host, port=given.port, proxy=given.proxy)
        # A thread keeps its connection: opening one takes longer than most requests.
        connections.settings["default"]["CONN_MAX_AGE"] = None
        said = {"address": server.address, "document": f"{server.address}/api/v1/openapi.json"}
        return server, said, f"Listening on {server.address}"

    try:
        return run_until_interrupted(begin, as_json=given.json)
    finally:
        for office in opened:
            bootstrap.close(office)


if __name__ == "__main__":
    sys.exit(main())
