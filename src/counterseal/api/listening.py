"""A bounded HTTP server on loopback around one WSGI application, and the command that runs it until interrupted.

Plain HTTP: what is meant for the world outside gets a TLS proxy before it.
"""

import json
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, ClassVar

from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]

from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server takes. body, header: bytes. within: seconds in which a request must have arrived. at_work: threads.
    finishing: seconds for what is at work when the server ends."""

    body: int
    header: int
    within: int
    at_work: int
    connections: int = 100
    finishing: int = 5
    more: dict[str, Any] = field(default_factory=dict)


class BoundedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection on which each request must arrive within a time, however it dribbles."""

    within: ClassVar[int]
    began: float | None = None

    def received(self, data: bytes) -> bool:
        """Take bytes in. The library's own limit is on silence only: a byte now and then would win any time."""
        now = time.monotonic()
        if self.began is not None and now - self.began > self.within:
            self.will_close = True
            return False
        taken: bool = super().received(data)
        if self.request is None:
            self.began = None
        elif self.began is None:
            self.began = now
        return taken


class Listening:
    """One listening server."""

    def __init__(
        self,
        application: Any,
        bounds: Bounds,
        *,
        host: str,
        port: int,
        channel: type[BoundedChannel] = BoundedChannel,
    ) -> None:
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
        self._finishing = bounds.finishing
        self._server = create_server(
            application,
            map=self._sockets,
            sockets=[listening],
            threads=bounds.at_work,
            connection_limit=bounds.connections,
            max_request_header_size=bounds.header,
            max_request_body_size=bounds.body,
            channel_timeout=bounds.within,
            cleanup_interval=min(5, max(1, bounds.within // 5)),
            ident=None,
            clear_untrusted_proxy_headers=True,
            expose_tracebacks=False,
            **bounds.more,
        )
        self._server.channel_class = type("_Channel", (channel,), {"within": bounds.within})

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._place
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self) -> None:
        """Serve until interrupted or told to end. What is at work is finished first; then every socket is closed."""
        try:
            while not self._ending:
                wasyncore.loop(timeout=0.5, use_poll=True, map=self._sockets, count=1)
        except (SystemExit, KeyboardInterrupt):
            pass  # how an operator ends it
        finally:
            self._server.task_dispatcher.shutdown(cancel_pending=False, timeout=self._finishing)
            wasyncore.close_all(self._sockets)

    def end(self) -> None:
        """Let `run` return within half a second; from any thread."""
        self._ending = True


def run_until_interrupted(
    begin: Callable[[], tuple[Listening, dict[str, Any], str]], *, as_json: bool
) -> int:
    """Begin, say where, serve until SIGTERM or Ctrl-C. Exit codes: 0, 2 bad input, 3 integrity failure.

    begin: the server, what `--json` says of it, and the same in words.
    """
    try:
        server, said, words = begin()
    except CountersealError as error:
        bad = 3 if isinstance(error, IntegrityError) else 2
        kind = "integrity-failure" if bad == 3 else "bad-input"
        if as_json:
            print(json.dumps({"error": {"kind": kind, "says": str(error)}}))
        else:
            print(f"error: {error}", file=sys.stderr)
        return bad
    print(json.dumps(said) if as_json else f"{words}\nCtrl-C stops it.", flush=True)
    signal.signal(signal.SIGTERM, _end)
    server.run()
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)  # the server's loop ends on this and lets go of its sockets
