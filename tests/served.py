"""The interface as it runs, in a process of its own, and a load on it from another one (tools/load.py)."""

import base64
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkpoint import Gate
from counterseal.api.application import Application
from interface import Interface
from office import open_copy, person

LOAD = Path(__file__).parents[1] / "tools/load.py"
NO = {"told": True, "said": "no"}


@dataclass(frozen=True)
class Checkpoint:
    """A home with a gate that a machine runs, nobody in it."""

    home: Path
    token: str
    check: dict[str, Any]
    decline: dict[str, Any]
    claim: dict[str, Any]

    def plan(self, name: str, address: str, path: str, *bodies: dict[str, Any], **said: object) -> str:
        """A plan for tools/load.py."""
        return json.dumps({
            "name": name, "address": address, "token": self.token, "path": f"/api/v1/{path}",
            "bodies": bodies, "workers": 8, "patience": 30, **said,
        })  # fmt: skip


def make_checkpoint(template: Path, home: Path) -> Checkpoint:
    """A copy of an installation in which Gail's machine may verify claims."""
    with open_copy(template, home) as office:
        gate = Gate(office)
        interface = Interface(office, Application(office.office))
        token = interface.token("gail", "verify")
        interface.application.close()
        told = {"told": True}
        claim = {
            "use": gate.use_id,
            "reference": gate.reference(3),
            "choice": told,
            "picture": base64.b64encode(person(3).photograph(2)).decode(),
            "liveness": "no-attack-seen",
        }
        check = {"use": gate.use_id, "choice": told}
        return Checkpoint(home, token, check, {**check, "choice": NO}, claim)


def free_port() -> int:
    """A port of the loopback that nobody holds now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def serving(home: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, until the block is left; and its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "counterseal.api.serve", "--home", str(home), "--port", str(port), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stderr is not None
    try:
        line = server.stdout.readline()
        assert line, server.stderr.read()
        yield server, json.loads(line)["address"]
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
            server.stderr.close()


@contextmanager
def loading(plan: str) -> Iterator["subprocess.Popen[str]"]:
    """The load, running in its own process."""
    load = subprocess.Popen(
        [sys.executable, str(LOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert load.stdin is not None
    assert load.stdout is not None
    try:
        load.stdin.write(plan)
        load.stdin.close()
        yield load
    finally:
        load.kill()
        load.wait()
        load.stdout.close()


def answers_of(load: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """All that it was answered, once it is done."""
    assert load.stdout is not None
    answers = [json.loads(line) for line in load.stdout]
    assert load.wait(60) == 0
    return answers
