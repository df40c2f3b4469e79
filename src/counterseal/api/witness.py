"""The witness server: what an inspector-general, a court or an association runs from this package.

Paths: POST /add-checkpoint (C2SP tlog-witness); GET /<SHA-256 of the origin, hex>/checkpoint, the latest
cosigned, so that anybody can compare; GET /health. Requests are bounded in size and time. It speaks plain HTTP on
loopback: what is meant for the world outside gets a TLS proxy before it.

`python -m counterseal.api.witness DIR` serves; `counterseal witness run DIR` is the same.
"""

import argparse
import json
import re
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]

from counterseal.gateway.witness_folder import WitnessFolder, open_witness
from counterseal.ledger.witness import MAX_REQUEST, TEXT_TYPE, Response, Witness
from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError

REQUEST_WITHIN = 10  # seconds
_MONITORED = re.compile(r"/([0-9a-f]{64})/checkpoint")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    422: "Unprocessable Entity",
    503: "Service Unavailable",
}

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class WitnessApp:
    """The WSGI application of one witness. clock: POSIX seconds."""

    def __init__(self, folder: WitnessFolder, clock: Callable[[], int] = lambda: int(time.time())) -> None:
        self._folder = folder
        self._witness = Witness(folder.cosigner, folder.keys_of, folder.store, clock)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request; a fault of the state is 503, and nothing was cosigned."""
        try:
            response = self._answer(environ)
        except (sqlite3.Error, OSError, IntegrityError) as error:
            environ["wsgi.errors"].write(f"the witness's state: {error}\n")
            response = Response(503, b"this witness cannot keep its state; nothing was cosigned\n")
        start_response(
            f"{response.status} {_REASONS[response.status]}",
            [
                ("Content-Type", response.content_type),
                ("Content-Length", str(len(response.body))),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                *([("Allow", "POST")] if response.status == 405 else []),
            ],
        )
        return [response.body]

    def _answer(self, environ: dict[str, Any]) -> Response:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == "/add-checkpoint":
            if method != "POST":
                return Response(405, b"POST only\n")
            length = environ.get("CONTENT_LENGTH", "")
            if not re.fullmatch(r"[0-9]{1,9}", length):
                return Response(411, b"a request states its length\n")
            if int(length) > MAX_REQUEST:
                return Response(413, b"a request has at most %d bytes\n" % MAX_REQUEST)
            body = environ["wsgi.input"].read(int(length))
            return self._witness.add_checkpoint(body)
        if method != "GET":
            return Response(404, b"no such path\n")
        if path == "/health":
            self._folder.store.evidence()  # the state can be read
            return Response(200, b"ok\n")
        if found := _MONITORED.fullmatch(path):
            head = self._folder.head_named(found[1])
            if head is not None:
                return Response(200, head.note, TEXT_TYPE)
        return Response(404, b"no such path, or nothing was cosigned yet\n")


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection on which each request must arrive within `REQUEST_WITHIN`, however it dribbles."""

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


class WitnessServer:
    """A listening witness. Bounded: 256 KiB a request, 10 s to send it, 100 connections, 4 at work."""

    def __init__(self, folder: WitnessFolder, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind. port: 0 lets the system choose.

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
        self._server = create_server(
            WitnessApp(folder),
            map=self._sockets,
            sockets=[listening],
            threads=4,
            connection_limit=100,
            max_request_header_size=16 << 10,
            max_request_body_size=MAX_REQUEST,
            channel_timeout=REQUEST_WITHIN,
            cleanup_interval=2,
            ident=None,
            clear_untrusted_proxy_headers=True,
            expose_tracebacks=False,
        )
        self._server.channel_class = _Channel

    @property
    def address(self) -> str:
        """The submission prefix, for the policy of the logs."""
        host, port = self._place
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self) -> None:
        """Serve until interrupted or told to end; returns when every socket is closed."""
        try:
            while not self._ending:
                wasyncore.loop(timeout=0.5, use_poll=True, map=self._sockets, count=1)
        except (SystemExit, KeyboardInterrupt):
            pass  # how an operator ends it
        finally:
            self._server.task_dispatcher.shutdown()
            wasyncore.close_all(self._sockets)

    def end(self) -> None:
        """Let `run` return within half a second; from any thread."""
        self._ending = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one witness until interrupted. Exit codes as of `counterseal`: 0, 2 bad input, 3 integrity failure."""
    parser = argparse.ArgumentParser(prog="counterseal witness run", description="Serve a witness.")
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        folder = open_witness(given.folder)
        logs = [log.origin for log in folder.logs()]
        server = WitnessServer(folder, host=given.host, port=given.port)
    except CountersealError as error:
        bad = 3 if isinstance(error, IntegrityError) else 2
        kind = "integrity-failure" if bad == 3 else "bad-input"
        if given.json:
            print(json.dumps({"error": {"kind": kind, "says": str(error)}}))
        else:
            print(f"error: {error}", file=sys.stderr)
        return bad
    said = {"address": server.address, "vkey": folder.vkey, "logs": logs}
    print(json.dumps(said) if given.json else _words(said), flush=True)
    signal.signal(signal.SIGTERM, _end)
    server.run()
    return 0


def _words(said: dict[str, Any]) -> str:
    knows = ", ".join(said["logs"]) or "none yet (`counterseal witness trust`)"
    return f"The witness listens on {said['address']}\nvkey  {said['vkey']}\nlogs  {knows}\nCtrl-C stops it."


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)  # the server's loop ends on this and lets go of its sockets


if __name__ == "__main__":
    sys.exit(main())
