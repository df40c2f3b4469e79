"""The interface in a process of its own, asked over a socket by a client that knows nothing of the program."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from counterseal import bootstrap
from counterseal.api.application import LARGEST_BODY
from counterseal.gateway.api_clients import RegisteredClient, register_client
from counterseal.oversight.models import Use
from office import SimulatedOffice, made, open_copy

USE = {"name": "Over the wire", "purpose": "to try", "law_enforcement": False}


class Remote:
    """A server process and a client of it."""

    def __init__(self, home: Path, *more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "counterseal.api.serve", "--home", str(home), "--json", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, self.process.stderr and self.process.stderr.read()
        self.host = json.loads(said)["address"].removeprefix("http://")

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def token(self, client: RegisteredClient) -> str:
        shown = base64.b64encode(f"{client.client.id}:{client.secret}".encode()).decode()
        status, _, body = self.ask(
            "POST",
            "/api/v1/token",
            urlencode({"grant_type": "client_credentials"}).encode(),
            Authorization=f"Basic {shown}",
            Content_Type="application/x-www-form-urlencoded",
        )
        assert status == 200, body
        return str(json.loads(body)["access_token"])

    def post(self, token: str, path: str, given: object, key: str) -> tuple[int, dict[str, str], Any]:
        status, headers, body = self.ask(
            "POST",
            path,
            json.dumps(given).encode(),
            Authorization=f"Bearer {token}",
            Content_Type="application/json",
            Idempotency_Key=key,
        )
        return status, headers, json.loads(body)

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(30)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


@contextmanager
def serving(home: Path, *more: str) -> Iterator[Remote]:
    remote = Remote(home, *more)
    try:
        yield remote
    finally:
        if remote.process.poll() is None:
            remote.end()


@pytest.fixture
def wired(office_template: Path, tmp_path: Path) -> Iterator[tuple[SimulatedOffice, RegisteredClient]]:
    """An office, a client of its supervisor, and nothing of it open here while the server works."""
    with open_copy(office_template, tmp_path / "home") as sim:
        client = made(
            register_client(
                sim.office,
                name="curl",
                person_id=sim.who("sol"),
                scopes=["uses:read", "uses:write"],
                by=sim.who("admin"),
            )
        )
        yield sim, client


def test_served_asked_and_ended_cleanly(wired):
    sim, client = wired
    with serving(sim.office.home) as remote:
        status, headers, body = remote.ask("GET", "/health")
        assert (status, json.loads(body)["status"]) == (200, "ok")
        assert "Server" not in headers
        token = remote.token(client)
        status, _, made_use = remote.post(token, "/api/v1/uses", USE, "one-request")
        assert status == 201
        again, headers, same = remote.post(token, "/api/v1/uses", USE, "one-request")
        assert (again, same, headers["Idempotent-Replay"]) == (201, made_use, "true")
        assert remote.ask("GET", "/nothing")[0] == 404
        assert remote.end() == 0
    assert Use.objects.filter(name=USE["name"]).count() == 1
    assert not list((sim.office.home / "servers").glob("*.alive"))
    assert sim.fsck().sound


def test_what_the_http_server_turns_away_is_a_problem_too(wired):
    sim, _ = wired
    with serving(sim.office.home) as remote:
        host, port = remote.host.split(":")
        for request, wanted in (
            (f"POST /api/v1/uses HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY + 10}\r\n\r\n", 413),
            ("POST /api/v1/uses HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n", 400),
            ("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + "y" * 40_000 + "\r\n\r\n", 413),
            ("nonsense\r\n\r\n", 400),
        ):
            with socket.create_connection((host, int(port)), timeout=20) as talk:
                talk.sendall(request.encode())
                answer = http.client.HTTPResponse(talk)
                answer.begin()
                assert answer.getheader("Content-Type") == "application/problem+json", request[:40]
                said = json.loads(answer.read())
                answer.close()
                assert answer.status == said["status"] == wanted, (request[:40], said)
        assert remote.ask("GET", "/health")[0] == 200


def test_killed_in_the_middle_and_begun_again(wired, tmp_path):
    """kill -9 under load: what was acknowledged is there; what was not is known, or honestly unknown, never twice."""
    sim, client = wired
    acknowledged: dict[str, str] = {}
    unclear: list[str] = []
    with serving(sim.office.home) as remote:
        token = remote.token(client)
        stop = time.monotonic() + 2.0
        killer = subprocess.Popen(["/bin/sh", "-c", f"sleep 1; kill -9 {remote.process.pid}"])
        for n in range(10_000):
            key, name = f"request-{n:05}", f"use number {n}"
            try:
                status, _, said = remote.post(token, "/api/v1/uses", USE | {"name": name}, key)
            except (OSError, http.client.HTTPException):
                unclear.append(key)
                break
            assert status == 201, said
            acknowledged[name] = said["id"]
        killer.wait(30)
        assert time.monotonic() < stop + 60
        assert remote.end() == -signal.SIGKILL
    assert acknowledged and len(unclear) == 1
    for name, use_id in acknowledged.items():
        assert Use.objects.get(pk=use_id).name == name
    with serving(sim.office.home) as remote:
        token = remote.token(client)
        number = int(unclear[0].removeprefix("request-"))
        name = f"use number {number}"
        status, _, said = remote.post(token, "/api/v1/uses", USE | {"name": name}, unclear[0])
        assert status in (201, 409), said
        if status == 409:
            assert said["type"].endswith(":outcome-unknown")
        assert Use.objects.filter(name=name).count() <= 1
        assert (status == 201) <= Use.objects.filter(name=name).exists()
        last = f"request-{len(acknowledged) - 1:05}"
        status, headers, said = remote.post(
            token, "/api/v1/uses", USE | {"name": f"use number {len(acknowledged) - 1}"}, last
        )
        assert (status, headers["Idempotent-Replay"]) == (201, "true")
    assert sim.fsck().sound


def test_a_proxy_is_believed_only_where_it_is_named(wired):
    """Somebody who writes X-Forwarded-For themselves is still one address."""
    sim, _ = wired

    def choices(remote: Remote) -> list[int]:
        return [
            remote.ask(
                "POST",
                "/api/v1/opt-out/choices",
                b"{}",
                Content_Type="application/json",
                X_Forwarded_For=f"198.51.100.{n}",
            )[0]
            for n in range(22)
        ]

    with serving(sim.office.home) as remote:
        assert 429 in choices(remote)
    with serving(sim.office.home, "--proxy", "127.0.0.1") as remote:
        assert set(choices(remote)) == {201}


def test_where_there_is_no_installation(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "counterseal.cli.main", "serve", "--json", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COUNTERSEAL_HOME": ""},
    )
    assert (ran.returncode, json.loads(ran.stdout)["error"]["kind"]) == (2, "bad-input")


def test_commands_register_serve_and_end(wired, tmp_path):
    """From the command line alone: a client, its secret in a file, a server, a token, the end of the client."""
    sim, _ = wired
    home = str(sim.office.home)
    bootstrap.close(sim.office)

    def command(*words: str) -> dict[str, Any]:
        ran = subprocess.run(
            [sys.executable, "-m", "counterseal.cli.main", *words, "--json", "--home", home],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran
        said = json.loads(ran.stdout)
        assert isinstance(said, dict)
        return said

    secret = tmp_path / "secret"
    client = command(
        "api",
        "register-client",
        "gate 4",
        "--person",
        "gail",
        "--scope",
        "verify",
        "--secret-out",
        str(secret),
    )
    assert "secret" not in client and secret.stat().st_mode & 0o077 == 0
    assert [c["id"] for c in command("api", "clients")["clients"]].count(client["id"]) == 1
    remote = Remote(Path(home))
    try:
        shown = base64.b64encode(f"{client['id']}:{secret.read_text().strip()}".encode()).decode()
        form = b"grant_type=client_credentials"
        headers = {"Authorization": f"Basic {shown}", "Content_Type": "application/x-www-form-urlencoded"}
        status, _, body = remote.ask("POST", "/api/v1/token", form, **headers)
        assert status == 200, body
        token = json.loads(body)["access_token"]
        assert remote.ask("GET", "/api/v1/whoami", Authorization=f"Bearer {token}")[0] == 200
        assert command("api", "end-client", client["id"])["status"] == "ended"
        assert remote.ask("GET", "/api/v1/whoami", Authorization=f"Bearer {token}")[0] == 401
        assert remote.ask("POST", "/api/v1/token", form, **headers)[0] == 401
    finally:
        assert remote.end() == 0
