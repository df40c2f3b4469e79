"""A service in a process of its own, seen from the gateway: start it, ask it, stop it.

The process is a child of whoever opens the connector, listens on a socket in a private folder, and is
stopped by its pid. A slow, dying or babbling process is a failure value, never a hang and never a guess.
"""

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from threading import Lock

from counterseal.connectors.checked import checked
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.wire import Message, WireError, answer_of, receive, send, submission_message
from counterseal.terms.biometrics import Mode
from counterseal.terms.errors import UnavailableError


class ServiceProcess:
    """The client end of one connector process. One question at a time."""

    def __init__(self, folder: Path, *, start_within: float = 60.0, answer_within: float = 30.0) -> None:
        self._folder = folder
        self._start_within, self._answer_within = start_within, answer_within
        self._lock = Lock()
        self._connection: Connection | None = None
        self._child, self._socket = self._start(start_within)

    @property
    def pid(self) -> int:
        """The process behind the port."""
        return self._child.pid

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        """Ask once; see `FaceService`."""
        asked = json.loads(submission.request)
        try:
            said = self.ask(submission_message(submission))
            answer = answer_of(said)
        except TimeoutError:
            return ServiceFailure("timeout", f"the service did not answer within {self._answer_within:g} s")
        except (EOFError, ConnectionError):
            return ServiceFailure("hung-up", "the service hung up before it answered")
        except UnavailableError as error:
            return ServiceFailure("unreachable", str(error))
        except WireError as error:
            return ServiceFailure("unreadable-answer", str(error))
        return checked(answer, limit=asked["limit"], lists=asked["mode"] == Mode.IDENTIFICATION)

    def ask(self, message: Message) -> Message:
        """Send one message and wait for one.

        A process that died since the last question is started again first.

        Raises:
            TimeoutError: no answer in time; the connection is dropped, a late answer reaches nobody.
            UnavailableError: the process does not start again, or does not know our credential.
            EOFError, ConnectionError: the process hung up or is gone. WireError: it sent no message.
        """
        with self._lock:
            try:
                if self._child.poll() is not None:
                    self._gone()
                    self._child, self._socket = self._start(self._start_within)
                connection = self._connected()
                send(connection, message)
                if not connection.poll(self._answer_within):
                    raise TimeoutError
                return receive(connection)
            except BlockingIOError as error:
                self._drop()
                raise TimeoutError from error
            except BaseException:
                # Whatever this connection still carries belongs to no question of ours.
                self._drop()
                raise

    def close(self) -> None:
        """Stop the process by its pid and wait until it is gone."""
        with self._lock:
            self._drop()
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._gone()

    def _gone(self) -> None:
        """Clear away what a process that has ended leaves."""
        self._drop()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._socket.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.parent.rmdir()

    def _start(self, start_within: float) -> "tuple[subprocess.Popen[bytes], Path]":
        if not (self._folder / "service.toml").is_file():
            raise UnavailableError(f"no service lives in `{self._folder}`: there is no service.toml")
        # Socket paths are short by nature (108 bytes), homes need not be.
        path = Path(tempfile.mkdtemp(prefix="counterseal-")) / "s"
        child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            [
                sys.executable,
                "-m",
                "counterseal.connectors.serve",
                str(self._folder),
                str(path),
                str(os.getpid()),
            ],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        said = child.stdout
        assert said is not None
        ready, _, _ = select.select([said], [], [], start_within)
        if not ready or said.readline() != b"ready\n":
            child.kill()
            child.wait()
            said.close()
            path.unlink(missing_ok=True)
            path.parent.rmdir()
            raise UnavailableError(
                f"the service in `{self._folder}` did not start; its own message stands above"
            )
        return child, path

    def _connected(self) -> Connection:
        if self._connection is None:
            try:
                self._connection = self._shake_hands(credential(self._folder))
            except BlockingIOError as error:
                raise TimeoutError from error
            except AuthenticationError as error:
                raise UnavailableError("the service does not know our credential") from error
            except (OSError, EOFError) as error:
                raise ConnectionError(str(error)) from error
        return self._connection

    def _shake_hands(self, secret: bytes) -> Connection:
        """What `multiprocessing.connection.Client` does, but no read or write waits longer than an answer may."""
        patience = struct.pack("ll", int(self._answer_within), int(self._answer_within % 1 * 1e6))
        with socket.socket(socket.AF_UNIX) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
            ours.connect(str(self._socket))
            connection = Connection(ours.detach())
        try:
            answer_challenge(connection, secret)
            deliver_challenge(connection, secret)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def credential(folder: Path) -> bytes:
    """The secret that gateway and connector share.

    Raises:
        UnavailableError: it is missing or too short.
    """
    try:
        secret = (folder / "credential").read_bytes()
    except OSError as error:
        raise UnavailableError(f"the service's credential cannot be read: {error}") from error
    if len(secret) < 32:
        raise UnavailableError(f"the credential in `{folder}` is too short to be one")
    return secret
