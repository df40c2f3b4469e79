"""The connector process: `python -m counterseal.connectors.serve FOLDER SOCKET PARENT`.

Holds the service's credential and everything else of the service in FOLDER, verifies each receipt itself,
and only then lets the backend compare. Listens on the socket at SOCKET, in a folder that only its owner can
enter, and never on a network. Ends when its parent does.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Protocol

from counterseal.connectors.port import Answer, HangUpError, ServiceFailure, Submission
from counterseal.connectors.process import credential
from counterseal.connectors.receipts import Question, ReceiptGate, ReceiptRefusedError, UsedReceipts
from counterseal.connectors.wire import Message, WireError, answer_message, receive, send, submission_of
from counterseal.ledger.keys import KeyHistory
from counterseal.terms.errors import CountersealError


class Backend(Protocol):
    """What compares, behind the gate."""

    def answer(self, question: Question, submission: Submission) -> Answer | ServiceFailure:
        """Answer a question whose receipt was verified."""
        ...


class Server:
    """One service: its gate, and what compares behind it."""

    def __init__(self, gate: ReceiptGate, backend: Backend) -> None:
        self._gate = gate
        self._backend = backend

    def respond(self, message: Message) -> Message:
        """Answer one message; whatever goes wrong inside is a failure that says so."""
        try:
            submission = submission_of(message)
            question = self._gate.admit(submission)
            return answer_message(self._backend.answer(question, submission))
        except ReceiptRefusedError as error:
            return answer_message(ServiceFailure("receipt-refused", str(error)))
        except CountersealError as error:
            return answer_message(ServiceFailure("service-error", str(error)))
        except (ValueError, KeyError, TypeError, OSError, RuntimeError) as error:
            return answer_message(ServiceFailure("service-error", f"{type(error).__name__}: {error}"))

    def attend(self, connection: Connection) -> None:
        """Serve one connection until it ends."""
        try:
            while True:
                send(connection, self.respond(receive(connection)))
        except (EOFError, ConnectionError, HangUpError, WireError):
            pass  # this connection is over, the service is not
        finally:
            connection.close()  # whatever happened: a caller is never left waiting


def build(folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Server:
    """Make the server of a service folder (see docs/reference/service-folder.md)."""
    with (folder / "service.toml").open("rb") as file:
        config = tomllib.load(file)
    gate = ReceiptGate(
        trust=KeyHistory.from_json((folder / "log-keys.json").read_bytes()),
        origin=config["log_origin"],
        service_id=config["service_id"],
        used=UsedReceipts(folder / "receipts.sqlite3"),
        clock=clock,
        max_age=timedelta(seconds=config.get("max_age_seconds", 60)),
    )
    backend: Backend
    if config["backend"] == "embedded":
        from counterseal.connectors.embedded import EmbeddedService

        backend = EmbeddedService(folder, config)
    elif config["backend"] == "simulator":
        from counterseal.connectors.simulator import SimulatedService

        backend = SimulatedService(folder, config)
    else:
        raise WireError(f"`{folder}/service.toml` names no backend that exists: `{config['backend']}`")
    return Server(gate, backend)


def main() -> None:
    """Serve until the parent process ends or SIGTERM comes."""
    folder, socket = Path(sys.argv[1]), sys.argv[2]
    # Told, not asked for: a parent that is killed while this starts would leave it to init, for ever.
    parent = int(sys.argv[3])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent, Path(socket)), daemon=True).start()
    server = build(folder)
    with Listener(socket, "AF_UNIX", authkey=credential(folder)) as listener:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            try:
                connection = listener.accept()
            except (OSError, EOFError, AuthenticationError):
                continue  # a caller without the credential; the next one may have it
            threading.Thread(target=server.attend, args=(connection,), daemon=True).start()


def _end_with(parent: int, socket: Path) -> None:
    """End when the parent has, and clear away the socket, which it can no longer do."""
    while os.getppid() == parent:
        time.sleep(0.5)
    socket.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        socket.parent.rmdir()
    os._exit(0)


if __name__ == "__main__":
    main()
