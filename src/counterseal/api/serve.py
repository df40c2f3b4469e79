"""Serve the interface of one installation.

Requests are bounded: 5 MB, 30 seconds to arrive, 100 connections, 8 at work. Plain HTTP on loopback: what is meant
for the world outside gets a TLS proxy before it, whose address is named so that callers are told apart.

`python -m counterseal.api.serve` serves; `counterseal serve` is the same.
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connections
from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from counterseal import bootstrap
from counterseal.api.application import LARGEST_BODY, Application
from counterseal.api.problems import KINDS, MEDIA_TYPE, document, of_status
from counterseal.gateway.office import Office
from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError

REQUEST_WITHIN = 30  # seconds
AT_WORK = 8
CONNECTIONS = 100


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


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection on which each request must arrive within `REQUEST_WITHIN`, however it dribbles."""

    error_task_class = _Turned
    began: float | None = None

    def received(self, data: bytes) -> bool:
        """Take bytes in. The library's own limit is on silence only: a byte now and then would win any time."""
        now = time.monotonic()
        if self.began is not None and now - self.began > REQUEST_WITHIN:
            self.will_close = True
            return False
        taken: bool = super().received(data)
        if self.request is None:
            self.began = None
        elif self.began is None:
            self.began = now
        return taken


class ApiServer:
    """The listening interface of one office."""

    def __init__(
        self, office: Office, *, host: str = "127.0.0.1", port: int = 0, proxy: str | None = None
    ) -> None:
        """Bind. port: 0 lets the system choose. proxy: address of the TLS proxy whose X-Forwarded-For counts.

        Raises:
            BadInputError: that address cannot be listened on.
        """
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, port), family=family)
        except (OSError, OverflowError) as error:
            raise BadInputError(f"`{host}` port {port} cannot be listened on: {error}") from error
        self._place = listening.getsockname()[:2]
        self._sockets: dict[int, Any] = {}
        self._ending = False
        self._application = Application(office)
        trusted = {"trusted_proxy": proxy, "trusted_proxy_headers": {"x-forwarded-for"}} if proxy else {}
        self._server = create_server(
            self._application,
            map=self._sockets,
            sockets=[listening],
            threads=AT_WORK,
            connection_limit=CONNECTIONS,
            max_request_header_size=32 << 10,
            max_request_body_size=LARGEST_BODY,
            channel_timeout=REQUEST_WITHIN,
            cleanup_interval=5,
            ident=None,
            clear_untrusted_proxy_headers=True,
            expose_tracebacks=False,
            **trusted,
        )
        self._server.channel_class = _Channel

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._place
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self) -> None:
        """Serve until interrupted or told to end. What is at work is finished first."""
        try:
            while not self._ending:
                wasyncore.loop(timeout=0.5, use_poll=True, map=self._sockets, count=1)
        except (SystemExit, KeyboardInterrupt):
            pass  # how an operator ends it
        finally:
            self._server.task_dispatcher.shutdown(cancel_pending=False, timeout=REQUEST_WITHIN)
            wasyncore.close_all(self._sockets)
            self._application.close()

    def end(self) -> None:
        """Let `run` return within half a second; from any thread."""
        self._ending = True


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
    try:
        office = bootstrap.open_office(given.home)
        server = ApiServer(office, host=given.host, port=given.port, proxy=given.proxy)
    except CountersealError as error:
        bad = 3 if isinstance(error, IntegrityError) else 2
        kind = "integrity-failure" if bad == 3 else "bad-input"
        if given.json:
            print(json.dumps({"error": {"kind": kind, "says": str(error)}}))
        else:
            print(f"error: {error}", file=sys.stderr)
        return bad
    # A thread keeps its connection: opening one takes longer than most requests.
    connections.settings["default"]["CONN_MAX_AGE"] = None
    said = {"address": server.address, "document": f"{server.address}/api/v1/openapi.json"}
    print(json.dumps(said) if given.json else f"Listening on {server.address}\nCtrl-C stops it.", flush=True)
    signal.signal(signal.SIGTERM, _end)
    try:
        server.run()
    finally:
        bootstrap.close(office)
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)  # the server's loop ends on this and lets go of its sockets


if __name__ == "__main__":
    sys.exit(main())
