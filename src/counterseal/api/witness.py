"""The witness server: what an inspector-general, a court or an association runs from this package.

Paths: POST /add-checkpoint (C2SP tlog-witness); GET /<SHA-256 of the origin, hex>/checkpoint, the latest
cosigned, so that anybody can compare; GET /health. Requests are bounded in size and time. It speaks plain HTTP on
loopback: what is meant for the world outside gets a TLS proxy before it.

`python -m counterseal.api.witness DIR` serves; `counterseal witness run DIR` is the same.
"""

import argparse
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from counterseal.api.listening import Bounds, Listening, run_until_interrupted
from counterseal.gateway.witness_folder import WitnessFolder, open_witness
from counterseal.ledger.witness import MAX_REQUEST, TEXT_TYPE, Response, Witness
from counterseal.terms.errors import IntegrityError

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


class WitnessServer(Listening):
    """A listening witness. Bounded: 256 KiB a request, 10 s to send it, 100 connections, 4 at work. Its `address` is
    the submission prefix, for the policy of the logs."""

    def __init__(self, folder: WitnessFolder, *, host: str = "127.0.0.1", port: int = 0) -> None:
        bounds = Bounds(body=MAX_REQUEST, header=16 << 10, within=REQUEST_WITHIN, at_work=4)
        super().__init__(WitnessApp(folder), bounds, host=host, port=port)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one witness until interrupted. Exit codes as of `counterseal`: 0, 2 bad input, 3 integrity failure."""
    parser = argparse.ArgumentParser(prog="counterseal witness run", description="Serve a witness.")
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)

    def begin() -> tuple[Listening, dict[str, Any], str]:
        folder = open_witness(given.folder)
        logs = [log.origin for log in folder.logs()]
        server = WitnessServer(folder, host=given.host, port=given.port)
        said = {"address": server.address, "vkey": folder.vkey, "logs": logs}
        return server, said, _words(said)

    return run_until_interrupted(begin, as_json=given.json)


def _words(said: dict[str, Any]) -> str:
    knows = ", ".join(said["logs"]) or "none yet (`counterseal witness trust`)"
    return f"The witness listens on {said['address']}\nvkey  {said['vkey']}\nlogs  {knows}"


if __name__ == "__main__":
    sys.exit(main())
