"""The service's own process: slow, failing, lying, dying, strange or without our credential.

Each way ends in a sealed outcome: an intent is never left without one unless the gateway itself dies.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Client, Listener
from pathlib import Path

import pytest

from counterseal import bootstrap
from counterseal.bootstrap import Services
from counterseal.cli.demo.agency import add_service
from counterseal.connectors.port import ServiceFailure, Submission
from counterseal.connectors.process import ServiceProcess, credential
from counterseal.connectors.wire import Message, WireError
from counterseal.gateway.register_service import accept_terms
from counterseal.gateway.search import Answered, Failed
from counterseal.oversight.models import Finding, ServiceStatus
from counterseal.terms.errors import UnavailableError
from office import SimulatedOffice, made, person

NOTHING = Submission(b'{"limit": 10, "mode": "identification"}', b"", "", b"", b"")


def alive(pid: int) -> bool:
    """Whether this process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Outside:
    """A simulated outside service in a process of its own, and an office whose searches go to it."""

    def __init__(self, office: SimulatedOffice, *, answer_within: float = 20.0) -> None:
        service = add_service(
            office.office,
            office.agency.people,
            name="Outside",
            connector="outside",
            status=ServiceStatus.APPROVED,
        )
        self.folder = bootstrap.connect_service(
            office.office,
            name="outside",
            service_id=service.id,
            backend="simulator",
            config={"slow_seconds": 3, "max_age_seconds": 3600},
        )
        accept_terms(office.office, service_id=service.id, by=office.who("ines"))
        self.process = ServiceProcess(self.folder, answer_within=answer_within)
        self.office = office
        self.service_id = service.id
        office.office = replace(office.office, services=lambda _: self.process)

    def behave(self, how: str) -> None:
        """From the next question on."""
        (self.folder / "behaviour").write_text(how)

    def search(self, **asked: object) -> Answered | Failed:
        """One whole search."""
        case = self.office.case()
        probe = self.office.probe(case)
        request = made(
            self.office.request(
                case,
                probe,
                service_id=self.service_id,
                purpose=self.office.another_reason(),
                why_again="to try the service",
                **asked,
            )
        )
        outcome = self.office.search(request)
        assert isinstance(outcome, Answered | Failed), outcome
        return outcome

    def calls(self) -> int:
        """How often the backend behind the gate was asked."""
        path = self.folder / "calls"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def outside(office: SimulatedOffice) -> Iterator[Outside]:
    """The simulated service, stopped by its pid afterwards."""
    service = Outside(office)
    yield service
    pid = service.process.pid
    service.process.close()
    assert not alive(pid)


def sealed_failure(office: SimulatedOffice, outcome: Answered | Failed, code: str) -> None:
    """The failure is the intent's outcome, named by its code, with a finding for oversight, and fsck is content."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.code == code, outcome.failure
    last = office.entries()[-1]
    assert (last.kind, last.outcome, last.causes) == ("search.failed", code, (outcome.intent_index,))
    assert Finding.objects.get(about=outcome.request.id).kind == f"service-{code}"
    assert outcome.request.status == "failed"
    report = office.fsck()
    assert report.sound
    assert report.log.open_intents == ()


class TestSimulatedService:
    def test_honest_answer_comes_through_the_process(self, outside):
        """The same port, another process, a verified receipt."""
        answered = outside.search()

        assert isinstance(answered, Answered)
        assert len(answered.answer.candidates) == 5
        assert answered.candidate_list.candidates.count() == 5
        assert outside.calls() == 1
        assert isinstance(outside.search(mode="verification", claimed_reference="ref-1"), Answered)

    @pytest.mark.parametrize(
        ("how", "code"),
        [
            ("fails", "service-error"),
            ("lies-about-count", "inconsistent-answer"),
            ("lies-about-order", "inconsistent-answer"),
            ("too-many", "inconsistent-answer"),
            ("babbles", "inconsistent-answer"),
            ("hangs-up", "hung-up"),
        ],
    )
    def test_misbehaviour_is_a_sealed_outcome_and_the_next_call_works(self, outside, how, code):
        """Nothing of a wrong answer reaches a reviewer."""
        outside.behave(how)
        failed = outside.search()
        sealed_failure(outside.office, failed, code)
        assert not hasattr(failed.request, "candidate_list")

        outside.behave("honest")
        assert isinstance(outside.search(), Answered)

    def test_slow_service_is_given_up_and_its_late_answer_reaches_nobody(self, office):
        """Bounded in time; the answer to the first question is never taken for that to the second."""
        outside = Outside(office, answer_within=0.7)
        try:
            outside.behave("slow")
            began = time.monotonic()
            sealed_failure(office, outside.search(), "timeout")
            assert time.monotonic() - began < 2.5

            outside.behave("honest")
            second = outside.search(limit=2)
            assert isinstance(second, Answered), second
            assert len(second.answer.candidates) == 2
        finally:
            outside.process.close()

    def test_receipt_is_verified_in_the_process_itself(self, outside):
        """The gateway's word is not enough: an empty receipt is refused there, and nothing runs."""
        answer = outside.process.submit(NOTHING)
        assert isinstance(answer, ServiceFailure)
        assert answer.code == "receipt-refused"
        assert outside.calls() == 0


class TestKilled:
    def test_process_killed_in_the_middle_is_a_failure_and_is_started_again(self, outside):
        """kill -9 while it compares: the outcome is sealed, the next question finds a new process."""
        outside.behave("slow")
        first, already = outside.process.pid, outside.calls()

        def kill() -> None:
            while outside.calls() == already:
                time.sleep(0.02)
            os.kill(first, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        sealed_failure(outside.office, outside.search(), "hung-up")
        killer.join()

        outside.behave("honest")
        assert isinstance(outside.search(), Answered)
        assert outside.process.pid != first
        assert not alive(first)

    def test_process_that_does_not_start_again_is_unavailable(self, outside):
        """Said so and sealed so; nothing hangs."""
        os.kill(outside.process.pid, signal.SIGKILL)
        outside.process._child.wait()
        config = outside.folder / "service.toml"
        config.rename(outside.folder / "away")

        sealed_failure(outside.office, outside.search(), "unreachable")

        (outside.folder / "away").rename(config)
        assert isinstance(outside.search(), Answered)

    def test_process_ends_with_its_parent(self, outside, tmp_path):
        """A gateway that is killed leaves no service behind."""
        program = (
            "import sys, os, signal; from pathlib import Path\n"
            "from counterseal.connectors.process import ServiceProcess\n"
            "s = ServiceProcess(Path(sys.argv[1])); print(s.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
        )
        said = subprocess.run(
            [sys.executable, "-c", program, str(outside.folder)],
            check=False,
            stdout=subprocess.PIPE,
            timeout=60,
        )
        pid = int(said.stdout)
        deadline = time.monotonic() + 10
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(pid)


class TestCredential:
    def test_caller_without_the_credential_is_turned_away_and_others_still_served(self, outside):
        """A wrong secret ends that call, not the service."""
        for wrong in (b"x" * 32, b""):
            with pytest.raises(Exception, match=r"digest|rejected|closed|reset|^$"):
                Client(str(outside.process._socket), "AF_UNIX", authkey=wrong)
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(str(outside.process._socket))
            rude.send(b"\0\0\0\4rude")

        assert isinstance(outside.search(), Answered)

    def test_gateway_with_another_credential_is_told_and_it_is_sealed(self, outside):
        """Somebody replaced the file."""
        secret = outside.folder / "credential"
        true = secret.read_bytes()
        secret.write_bytes(b"y" * 32)
        outside.process._drop()
        sealed_failure(outside.office, outside.search(), "unreachable")

        secret.write_bytes(true)
        assert isinstance(outside.search(), Answered)

    @pytest.mark.parametrize("content", [None, b"short"])
    def test_missing_or_short_credential_is_unavailable(self, tmp_path, content):
        """Not an empty secret."""
        if content is not None:
            (tmp_path / "credential").write_bytes(content)
        with pytest.raises(UnavailableError):
            credential(tmp_path)


class Impostor:
    """Something else behind the socket, that knows the credential and says what it likes."""

    def __init__(self, process: ServiceProcess, say: bytes, *, stall: bool = False) -> None:
        self._listener = Listener(str(process._socket) + "x", "AF_UNIX", authkey=credential(process._folder))
        process._drop()
        process._socket = process._socket.with_name("sx")
        self._say, self._stall = say, stall
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection = self._listener.accept()
        connection.recv_bytes()
        if self._stall:
            os.write(connection.fileno(), self._say)  # a frame that is never finished
            self._done.wait(20)
        else:
            connection.send_bytes(self._say)
        connection.close()

    def close(self) -> None:
        """Go away."""
        self._done.set()
        self._thread.join(10)
        self._listener.close()


class TestStrangeEnd:
    @pytest.mark.parametrize(
        ("say", "code"),
        [
            (b"\0\0\0\2{}", "unreadable-answer"),
            (b"hello", "unreadable-answer"),
            (b"\0\0\x27\x10" + b"[" * 10_000, "unreadable-answer"),
            (b'\0\0\0\x1d{"say":"answer","parts":[]}  ', "unreadable-answer"),
        ],
    )
    def test_babble_is_a_sealed_failure(self, outside, say, code):
        """Bytes that are no message of ours."""
        real = outside.process._socket
        impostor = Impostor(outside.process, say)
        try:
            sealed_failure(outside.office, outside.search(), code)
        finally:
            impostor.close()
            outside.process._socket = real

    def test_end_that_stalls_in_the_middle_of_a_frame_is_a_timeout(self, office):
        """Half an answer and then nothing is not waited for without end."""
        outside = Outside(office, answer_within=1.0)
        real = outside.process._socket
        impostor = Impostor(outside.process, b"\0\0\1\0half", stall=True)
        try:
            began = time.monotonic()
            sealed_failure(office, outside.search(), "timeout")
            assert time.monotonic() - began < 5
        finally:
            impostor.close()
            outside.process._socket = real
            outside.process.close()

    def test_ask_drops_the_connection_after_rubbish(self, outside):
        """Whatever the connection still carries belongs to no question of ours."""
        real = outside.process._socket
        impostor = Impostor(outside.process, b"rubbish")
        try:
            with pytest.raises(WireError):
                outside.process.ask(Message({"say": "submit"}))
            assert outside.process._connection is None
        finally:
            impostor.close()
            outside.process._socket = real


class TestEmbeddedProcess:
    def test_start_search_stop(self, office):
        """The real thing: a process with the engine and its gallery, a search, and no process left."""
        services = Services(office.office.home)
        office.office = replace(office.office, services=services)

        answered = office.searched(photograph=person(3).photograph(2))

        pid = services("embedded").pid
        assert pid != os.getpid()
        assert alive(pid)
        assert answered.answer.candidates[0].person_ref == person(3).person_id
        assert answered.answer.searched == 8
        services.close()
        assert not alive(pid)
        assert office.fsck().sound

    def test_folder_without_a_service_is_unavailable(self, tmp_path):
        """Nothing is started for it."""
        with pytest.raises(UnavailableError, match=r"no service\.toml"):
            ServiceProcess(tmp_path)

    def test_service_that_does_not_come_up_is_unavailable(self, tmp_path):
        """A backend that does not exist: said, and no process or folder left."""
        (tmp_path / "service.toml").write_text('backend = "none"\n')
        with pytest.raises(UnavailableError, match="did not start"):
            ServiceProcess(tmp_path)
