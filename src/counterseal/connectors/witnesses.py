"""Ask a witness over HTTP, bounded in time and size. What it answers is a value, unverified; nothing raises.

Redirects are not followed and nothing secret is sent. Whether a cosignature is the witness's, and over our
checkpoint, is for the caller to verify.
"""

import contextlib
import http.client
import re
import socket
import ssl
from dataclasses import dataclass
from threading import Timer
from typing import TypeAlias
from urllib.parse import urlsplit

from counterseal.ledger.checkpoint import MAX_NOTE
from counterseal.ledger.cosignature import split_lines
from counterseal.ledger.errors import MalformedNoteError
from counterseal.ledger.strict import decimal
from counterseal.ledger.witness import SIZE_TYPE

MAX_ANSWER = MAX_NOTE


@dataclass(frozen=True, slots=True)
class Lines:
    """The witness answered signature lines: (key name, id and signature) of each. Nothing is verified."""

    lines: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class HasSize:
    """The witness's latest checkpoint of this log is of another size (409), or of this size with another root."""

    size: int


@dataclass(frozen=True, slots=True)
class NoCosignature:
    """There is none. code: a stable word. says: in words, what the witness said shortened and made printable.

    `unreachable`, `timeout`, `hung-up`, `too-long`, `garbage`, `no-address`; and by the protocol's status
    `log-unknown` (404), `key-unknown` (403), `not-consistent` (422), `not-understood` (400), `busy` (429, 5xx),
    `other-status`.
    """

    code: str
    says: str


WitnessAnswer: TypeAlias = Lines | HasSize | NoCosignature
_STATUS = {400: "not-understood", 403: "key-unknown", 404: "log-unknown", 422: "not-consistent", 429: "busy"}


def ask_witness(url: str, body: bytes, *, within: float = 5.0) -> WitnessAnswer:
    """Post one add-checkpoint request. url: the submission prefix. within: seconds for all of it, but for
    the look-up of the name, which has the system's own limit."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.query:
        return NoCosignature("no-address", f"`{_plain(url)}` is no address of a witness")
    secure = parts.scheme == "https"
    question = _Question(parts.hostname, port or (443 if secure else 80), secure, within)
    return question.ask(f"{parts.path.rstrip('/')}/add-checkpoint", body)


class _Question:
    """One exchange. A socket's own timeout starts anew with each byte, so a watch ends the whole at its time."""

    def __init__(self, host: str, port: int, secure: bool, within: float) -> None:
        self.connection = http.client.HTTPConnection(host, port)
        self.host, self.port, self.secure, self.within = host, port, secure, within
        self.held: socket.socket | None = None
        self.late = False

    def ask(self, path: str, body: bytes) -> WitnessAnswer:
        watch = Timer(self.within, self.end)
        watch.daemon = True
        watch.start()
        try:
            self.connection.sock = self.connect()
            headers = {"Content-Type": "text/plain", "Connection": "close"}
            self.connection.request("POST", path, body, headers)
            with self.connection.getresponse() as answer:
                said = answer.read(MAX_ANSWER + 1)
                # A shorter body than stated raises nothing where it was asked for by length.
                if answer.length:
                    raise http.client.IncompleteRead(said)
            if self.late:
                raise TimeoutError
            return _read(answer.status, answer.headers.get("Content-Type", ""), said)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return self.failure(error)
        finally:
            watch.cancel()
            self.connection.close()
            if self.held is not None:
                self.held.close()

    def connect(self) -> socket.socket:
        """Connect; what the watch ends is known to it before anything is waited for."""
        self.held = socket.create_connection((self.host, self.port), timeout=self.within)
        if self.secure:
            wrapped = ssl.create_default_context().wrap_socket(
                self.held, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.held = wrapped
            wrapped.do_handshake()
        return self.held

    def end(self) -> None:
        self.late = True
        if self.held is not None:
            # The reader wakes with an end of file; closing alone would leave it waiting.
            with contextlib.suppress(OSError):
                self.held.shutdown(socket.SHUT_RDWR)

    def failure(self, error: Exception) -> NoCosignature:
        if self.late or isinstance(error, TimeoutError):
            return NoCosignature("timeout", f"the witness did not answer within {self.within:g} s")
        # A peer that has gone shows while we still send, or when we read: a race, and the same to us.
        if isinstance(error, http.client.IncompleteRead) or (
            self.held is not None and isinstance(error, ConnectionError)
        ):
            return NoCosignature("hung-up", "the witness hung up before it had answered")
        if isinstance(error, OSError):
            return NoCosignature("unreachable", f"the witness cannot be reached: {_plain(str(error))}")
        return NoCosignature("garbage", f"the witness does not speak HTTP: {_plain(str(error))}")


def _read(status: int, content_type: str, body: bytes) -> WitnessAnswer:
    if len(body) > MAX_ANSWER:
        return NoCosignature("too-long", f"the witness answered more than {MAX_ANSWER} bytes")
    if status == 200:
        try:
            return Lines(split_lines(body))
        except MalformedNoteError as error:
            return NoCosignature(
                "garbage", f"what the witness answered is no cosignature: {_plain(str(error))}"
            )
    if status == 409:
        if content_type.partition(";")[0].strip().lower() != SIZE_TYPE:
            return NoCosignature("garbage", f"the witness named a conflict without a {SIZE_TYPE}")
        try:
            return HasSize(decimal(body.decode("ascii").removesuffix("\n")))
        except ValueError:
            return NoCosignature("garbage", f"the witness named a conflict with `{_plain(body[:80])}`")
    code = _STATUS.get(status, "busy" if status >= 500 else "other-status")
    return NoCosignature(code, f"the witness answered {status}: {_plain(body[:200])}")


def _plain(said: str | bytes) -> str:
    """What somebody else wrote, in printable ASCII, at most 200 characters."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return re.sub(r"[^ -~]+", " ", text)[:200].strip()
