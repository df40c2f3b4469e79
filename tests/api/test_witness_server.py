"""The witness as it runs: over HTTP, on disk, with threads, a second process, kills and a lost state."""

import http.client
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from threading import Thread, Timer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.api.witness import WitnessApp, WitnessServer
from counterseal.gateway import witness_folder
from counterseal.gateway.witness_folder import (
    STATE,
    WitnessFolder,
    init_witness,
    monitoring_name,
    open_witness,
    single_key,
)
from counterseal.ledger.checkpoint import Checkpoint, Signer, open_note, sign_checkpoint
from counterseal.ledger.cosignature import open_cosignatures, with_lines
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.tree import Frontier, consistency_proof, leaf_hash
from counterseal.ledger.witness import MAX_REQUEST, Head, Witness, build_request
from counterseal.terms.errors import BadInputError, IntegrityError

ORIGIN = "log.agency.example/ledger"
NAME = "inspector.example/w1"
LOG = Signer.from_seed(ORIGIN, b"\x07" * 32)


class Tree:
    """Leaves, nodes, signed checkpoints and requests of one history."""

    def __init__(self, *bodies: bytes, signer: Signer = LOG) -> None:
        self.signer = signer
        self.frontiers = [Frontier()]
        self.nodes: dict[tuple[int, int], bytes] = {}
        for body in bodies:
            frontier, nodes = self.frontiers[-1].append(leaf_hash(body))
            self.frontiers.append(frontier)
            self.nodes.update({(n.level, n.index): n.hash for n in nodes})

    def note(self, size: int) -> bytes:
        root = self.frontiers[size].root()
        return sign_checkpoint(Checkpoint(self.signer.verifier.name, size, root), self.signer)

    def request(self, old: int, size: int) -> bytes:
        proof = consistency_proof(old, size, lambda *at: self.nodes[at])
        return build_request(old, proof, self.note(size))


ENTRIES = [b"%d" % n for n in range(40)]
TREE = Tree(*ENTRIES)
FORK = Tree(*ENTRIES[:5], b"another", *ENTRIES[6:])


@pytest.fixture
def folder(tmp_path: Path) -> WitnessFolder:
    made = init_witness(tmp_path / "w", NAME)
    made.trust(single_key(LOG.vkey))
    return made


@pytest.fixture
def server(folder: WitnessFolder) -> Iterator[WitnessServer]:
    served = WitnessServer(folder)
    thread = Thread(target=served.run)
    thread.start()
    yield served
    served.end()
    thread.join(10)
    assert not thread.is_alive()


def at(address: str) -> http.client.HTTPConnection:
    host, port = address.removeprefix("http://").split(":")
    return http.client.HTTPConnection(host, int(port), timeout=20)


def ask(
    address: str, body: bytes, method: str = "POST", path: str = "/add-checkpoint"
) -> tuple[int, str, bytes]:
    with closing(at(address)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()


class TestOverHttp:
    def test_cosigns_growth_and_survives_a_restart(self, folder, server):
        status, _, line = ask(server.address, TREE.request(0, 3))

        assert status == 200
        assert len(open_cosignatures(with_lines(TREE.note(3), [line.decode()]), [folder.cosigner.key])) == 1
        with closing_server(open_witness(folder.path)) as again:
            assert ask(again.address, TREE.request(0, 8))[0] == 409
            assert ask(again.address, TREE.request(3, 8))[0] == 200

    def test_the_codes_of_the_protocol(self, server):
        """Done-when 5: a fork, a stale size and the key of another log are refused, with the codes."""
        assert ask(server.address, TREE.request(0, 10))[0] == 200
        other = Tree(*ENTRIES[:12], signer=Signer.from_seed("log.other.example/l", b"\x09" * 32))
        impostor = Tree(*ENTRIES[:12], signer=Signer.from_seed(ORIGIN, b"\x09" * 32))
        asked = {
            "fork": FORK.request(10, 12),
            "fork at the same size": build_request(10, (), FORK.note(10)),
            "stale size": TREE.request(4, 12),
            "unknown log": other.request(0, 12),
            "wrong key": impostor.request(10, 12),
            "bad proof": build_request(10, (), TREE.note(12)),
            "garbage": b"garbage",
            "old above new": build_request(11, (), TREE.note(10)),
        }
        answers = {name: ask(server.address, body) for name, body in asked.items()}

        assert {name: answer[0] for name, answer in answers.items()} == {
            "fork": 422,
            "fork at the same size": 409,
            "stale size": 409,
            "unknown log": 404,
            "wrong key": 403,
            "bad proof": 422,
            "garbage": 400,
            "old above new": 400,
        }
        assert answers["stale size"][1:] == ("text/x.tlog.size", b"10\n")
        assert ask(server.address, TREE.request(10, 12))[0] == 200

    def test_several_requests_on_one_connection(self, server):
        with closing(at(server.address)) as connection:
            for old, new in ((0, 1), (1, 5), (5, 9)):
                connection.request("POST", "/add-checkpoint", TREE.request(old, new))
                answer = connection.getresponse()
                assert (answer.status, bool(answer.read())) == (200, True)

    def test_oversize_is_not_read(self, server, folder):
        assert ask(server.address, TREE.request(0, 3) + b"x" * MAX_REQUEST)[0] == 413
        assert folder.store.head(ORIGIN) is None

    def test_a_request_that_dribbles_is_closed(self, folder, monkeypatch):
        """Bounded in time: one byte now and then does not keep a connection, which silence alone would end."""
        monkeypatch.setattr("counterseal.api.witness.REQUEST_WITHIN", 1)
        closed, sent = False, 0
        with closing_server(folder) as server:
            host, port = server.address.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), 30) as slow:
                slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 5000\r\n\r\n")
                slow.settimeout(0.5)
                while not closed and sent < 40:
                    try:
                        slow.sendall(b"x")
                        sent += 1
                        closed = slow.recv(100) == b""
                    except TimeoutError:
                        continue
                    except OSError:
                        closed = True

        assert closed

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/add-checkpoint", 405),
            ("PUT", "/add-checkpoint", 405),
            ("POST", "/", 404),
            ("GET", "/", 404),
            ("GET", "/../witness.key", 404),
            ("GET", "/" + "0" * 64 + "/checkpoint", 404),
            ("DELETE", f"/{monitoring_name(ORIGIN)}/checkpoint", 404),
            ("GET", "/health", 200),
        ],
    )
    def test_other_paths_and_methods(self, server, method, path, status):
        assert ask(server.address, b"", method, path)[0] == status

    def test_anybody_can_fetch_what_was_cosigned(self, folder, server):
        path = f"/{monitoring_name(ORIGIN)}/checkpoint"
        assert ask(server.address, b"", "GET", path)[0] == 404
        ask(server.address, TREE.request(0, 7))
        status, _, note = ask(server.address, b"", "GET", path)

        assert status == 200
        assert open_note(note, [LOG.verifier]).text == Checkpoint(ORIGIN, 7, TREE.frontiers[7].root()).text()
        assert len(open_cosignatures(note, [folder.cosigner.key])) == 1

    def test_a_log_that_is_added_counts_at_once(self, folder, server):
        other = Signer.from_seed("log.other.example/l", b"\x09" * 32)
        tree = Tree(*ENTRIES[:3], signer=other)
        assert ask(server.address, tree.request(0, 3))[0] == 404

        assert folder.trust(single_key(other.vkey))
        assert ask(server.address, tree.request(0, 3))[0] == 200


class TestAtOnce:
    def test_two_histories_in_many_threads_give_one(self, folder):
        """32 requests from size 0, half of them of a fork, on two stores as two processes would have them."""
        witnesses = [WitnessApp(folder), WitnessApp(open_witness(folder.path))]
        requests = [(TREE if n % 2 else FORK, 6 + n // 2) for n in range(32)]

        def post(each: tuple[int, tuple[Tree, int]]) -> tuple[Tree, int, int]:
            number, (tree, size) = each
            return tree, size, call(witnesses[number % 2], tree.request(0, size))

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(post, enumerate(requests)))
        signed = [(tree, size) for tree, size, status in answers if status == 200]

        assert len(signed) == 1
        assert {status for _, _, status in answers} == {200, 409}
        head = folder.store.head(ORIGIN)
        assert head is not None
        ((tree, size),) = signed
        assert (head.size, head.root) == (size, tree.frontiers[size].root())

    def test_a_log_in_many_threads_only_grows(self, folder):
        """Each asks from whatever size it learns, until the end: sizes and times of what was signed rise together."""
        app = WitnessApp(folder)

        def climb(step: int) -> list[tuple[int, int]]:
            old, got = 0, []
            while old < len(ENTRIES):
                size = min(len(ENTRIES), old + step)
                status, body = answer(app, TREE.request(old, size))
                if status == 200:
                    (cosignature,) = open_cosignatures(
                        with_lines(TREE.note(size), [body.decode()]), [folder.cosigner.key]
                    )
                    got.append((size, cosignature.at))
                    old = size
                else:
                    assert status == 409
                    old = int(body)
            return got

        with ThreadPoolExecutor(4) as pool:
            signed = [each for got in pool.map(climb, (1, 2, 3, 5)) for each in got]

        assert max(signed)[0] == len(ENTRIES)
        in_time = sorted(signed, key=lambda each: each[1])
        for (size, then), (larger, later) in pairwise(in_time):
            assert size <= larger or then == later

    @given(
        asked=st.lists(
            st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 12), st.booleans()),
            min_size=8,
            max_size=40,
        )
    )
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_is_asked_at_once_one_history_is_signed(self, folder, asked):
        """Any mixture of two histories and of sizes, in four threads, through witnesses that start anew in between."""
        shutil.rmtree(folder.path)
        path = init_witness(folder.path, NAME).path
        open_witness(path).trust(single_key(LOG.vkey))
        apps = [WitnessApp(open_witness(path))]

        def post(each: tuple[bool, int, int, bool]) -> tuple[int, bytes] | None:
            forked, first, second, restart = each
            if restart:
                apps.append(WitnessApp(open_witness(path)))
            tree, (old, size) = (FORK if forked else TREE), sorted((first, second))
            return (
                (size, tree.frontiers[size].root())
                if call(apps[-1], tree.request(old, size)) == 200
                else None
            )

        with ThreadPoolExecutor(4) as pool:
            signed = [each for each in pool.map(post, [(False, 0, 4, False), *asked]) if each]

        histories = [
            all(tree.frontiers[size].root() == root for size, root in signed) for tree in (TREE, FORK)
        ]
        assert any(histories)
        head = open_witness(path).store.head(ORIGIN)
        assert (head is not None) == bool(signed)
        assert head is None or (head.size, head.root) == max(signed)


class TestKilled:
    """The process is killed around the store; afterwards the witness knows exactly what it may have said."""

    WORK = """
import os, signal, sys
from pathlib import Path
from counterseal.gateway import witness_folder
from counterseal.api.witness import WitnessApp

when, folder = sys.argv[1], witness_folder.open_witness(Path(sys.argv[2]))
put = witness_folder.SqliteTurn.put
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if when == "before-store":
    witness_folder.SqliteTurn.put = die
elif when == "before-commit":
    witness_folder.SqliteTurn.put = lambda self, head: (put(self, head), die())
app = WitnessApp(folder)
start = die if when == "before-answer" else lambda *_: None
import io
body = sys.stdin.buffer.read()
app({"PATH_INFO": "/add-checkpoint", "REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)),
     "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr}, start)
print("answered")
"""

    @pytest.mark.parametrize(
        ("when", "size"), [("before-store", 4), ("before-commit", 4), ("before-answer", 9)]
    )
    def test_state_is_old_or_new_and_never_behind_the_answer(self, folder, when, size):
        assert call(WitnessApp(folder), TREE.request(0, 4)) == 200
        child = subprocess.run(
            [sys.executable, "-c", self.WORK, when, str(folder.path)],
            input=TREE.request(4, 9),
            capture_output=True,
            check=False,
        )
        assert (child.returncode, child.stdout) == (-signal.SIGKILL, b""), child.stderr

        again = open_witness(folder.path)
        head = again.store.head(ORIGIN)
        assert head is not None
        assert head.size == size
        # The fork that an attacker offers after the kill never wins what was stored.
        assert call(WitnessApp(again), FORK.request(size, 12)) == (422 if size > 5 else 200)
        if size == 9:
            assert call(WitnessApp(again), TREE.request(9, 9)) == 200

    def test_random_kills_under_load(self, folder):
        """A server killed at random instants: no cosignature was handed out that the state does not bear."""
        done = 0
        for round_ in range(6):
            child = subprocess.Popen(
                [sys.executable, "-m", "counterseal.api.witness", str(folder.path), "--json"],
                stdout=subprocess.PIPE,
            )
            try:
                assert child.stdout is not None
                address = json.loads(child.stdout.readline())["address"]
                killer = Timer(0.01 * round_, child.kill)
                killer.start()
                while done < len(ENTRIES):
                    try:
                        status, _, body = ask(address, TREE.request(done, min(done + 1, len(ENTRIES))))
                    except (OSError, http.client.HTTPException):
                        break
                    done = done + 1 if status == 200 else int(body)
                killer.join()
            finally:
                child.kill()
                child.wait(10)
                assert child.stdout is not None
                child.stdout.close()
            head = open_witness(folder.path).store.head(ORIGIN)
            assert (head.size if head else 0) >= done
        assert done > 0


class TestState:
    def test_without_its_state_a_witness_does_not_start(self, folder):
        """A witness that forgot would cosign any history from size 0."""
        (folder.path / STATE).unlink()

        with pytest.raises(IntegrityError, match="new witness with a new key"):
            open_witness(folder.path)

    def test_state_taken_away_under_a_running_witness(self, folder):
        app = WitnessApp(folder)
        (folder.path / STATE).unlink()

        assert call(app, TREE.request(0, 3)) == 503
        assert not (folder.path / STATE).exists()

    def test_state_of_another_witness_refuses(self, folder, tmp_path):
        other = init_witness(tmp_path / "other", NAME)
        (folder.path / STATE).write_bytes((other.path / STATE).read_bytes())

        with pytest.raises(IntegrityError, match="belongs to"):
            open_witness(folder.path)

    def test_damaged_state_refuses(self, folder):
        (folder.path / STATE).write_bytes(b"not a database at all" * 100)

        with pytest.raises(IntegrityError, match="damaged"):
            open_witness(folder.path)

    def test_full_disk_hands_nothing_out(self, folder, monkeypatch):
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(witness_folder.SqliteTurn, "put", full)
        assert call(WitnessApp(folder), TREE.request(0, 3)) == 503
        monkeypatch.undo()
        assert folder.store.head(ORIGIN) is None

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE head SET size = 1",
            "UPDATE head SET root = x'00'",
            "UPDATE head SET at = 1",
            "DELETE FROM head",
        ],
    )
    def test_the_database_itself_refuses_to_go_back(self, folder, statement):
        assert call(WitnessApp(folder), TREE.request(0, 3)) == 200

        with closing(sqlite3.connect(folder.path / STATE)) as database, pytest.raises(sqlite3.IntegrityError):
            database.execute(statement)

    def test_a_turn_that_fails_leaves_nothing(self, folder):
        with pytest.raises(RuntimeError), folder.store.turn(ORIGIN) as turn:
            turn.put(Head(1, bytes(32), 5, b"note"))
            raise RuntimeError

        assert folder.store.head(ORIGIN) is None

    def test_evidence_is_kept_once_and_bounded(self, folder, monkeypatch):
        monkeypatch.setattr(witness_folder, "MAX_EVIDENCE", 2)
        app = WitnessApp(folder)
        assert call(app, TREE.request(0, 10)) == 200
        for size in (12, 12, 13, 14, 15):
            assert call(app, FORK.request(10, size)) == 422

        kept = folder.store.evidence()
        assert [e.note for e in kept] == [FORK.note(12), FORK.note(13)]
        assert [log.evidence for log in folder.logs()] == [2]


class TestFolder:
    def test_secret_files_are_private(self, folder):
        for name in ("witness.key", STATE):
            assert (folder.path / name).stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("name", ["", "two words", "a+b"])
    def test_name_that_no_key_can_have(self, tmp_path, name):
        with pytest.raises(BadInputError):
            init_witness(tmp_path / "w", name)
        assert not (tmp_path / "w").exists()

    def test_folder_that_holds_something(self, folder):
        with pytest.raises(BadInputError, match="not empty"):
            init_witness(folder.path, NAME)

    def test_no_witness_here(self, tmp_path):
        with pytest.raises(BadInputError, match="witness init"):
            open_witness(tmp_path)

    def test_own_key_is_no_log(self, folder):
        own = Signer.from_seed(ORIGIN, (folder.path / "witness.key").read_bytes())

        with pytest.raises(BadInputError, match="own key"):
            folder.trust(single_key(own.vkey))

    def test_a_second_key_needs_the_size_from_which_it_signs(self, folder):
        new = Signer.from_seed(ORIGIN, b"\x08" * 32)

        with pytest.raises(BadInputError, match="--from-size"):
            folder.trust(single_key(new.vkey))
        assert folder.trust(KeyHistory.single(LOG.verifier).rotated(new.verifier, at_size=9))
        assert not folder.trust(single_key(LOG.vkey))

    def test_a_changed_file_of_keys_stops_that_log(self, folder):
        (file,) = (folder.path / "logs").iterdir()
        file.write_text('{"keys": []}')

        assert call(WitnessApp(folder), TREE.request(0, 3)) == 503
        with pytest.raises(IntegrityError):
            folder.logs()

    def test_address_that_cannot_be_had(self, folder, server):
        with pytest.raises(BadInputError, match="listened on"):
            WitnessServer(folder, port=int(server.address.rpartition(":")[2]))


def test_without_a_length_nothing_is_read(folder):
    environ = {"PATH_INFO": "/add-checkpoint", "REQUEST_METHOD": "POST"}
    statuses: list[str] = []
    WitnessApp(folder)(environ, lambda status, headers: statuses.append(status))

    assert statuses == ["411 Length Required"]


def test_witness_and_app_agree_on_the_clock(folder):
    """The application gives the witness whole seconds of its own clock."""
    app = WitnessApp(folder, clock=lambda: 1_800_000_000)
    _, body = answer(app, TREE.request(0, 2))

    (cosignature,) = open_cosignatures(with_lines(TREE.note(2), [body.decode()]), [folder.cosigner.key])
    assert cosignature.at == 1_800_000_000
    assert isinstance(Witness(folder.cosigner, folder.keys_of, folder.store, lambda: 5), Witness)


class closing_server:  # noqa: N801 - reads like the `closing` of the library
    """A second server on the same folder, for a while."""

    def __init__(self, folder: WitnessFolder) -> None:
        self.server = WitnessServer(folder)
        self.thread = Thread(target=self.server.run)

    def __enter__(self) -> WitnessServer:
        self.thread.start()
        return self.server

    def __exit__(self, *_: object) -> None:
        self.server.end()
        self.thread.join(10)


def answer(app: WitnessApp, body: bytes) -> tuple[int, bytes]:
    """Ask the application without HTTP."""
    import io

    statuses: list[str] = []
    environ = {
        "PATH_INFO": "/add-checkpoint",
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
    }
    said = b"".join(app(environ, lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), said


def call(app: WitnessApp, body: bytes) -> int:
    return answer(app, body)[0]
