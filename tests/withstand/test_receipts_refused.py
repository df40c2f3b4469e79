"""Receipts at the connector, end to end: the real service process, over its socket, from the outside.

Submissions are taken from real searches on their way to the service, then altered, kept, repeated. The
service counts its calls in a file: after each refusal the count has not moved.
"""

import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from threading import Barrier, Lock, Thread

import pytest
from counts import Counts
from crowd import CONNECTOR, Crowd, make_crowd, opened, request
from records import calls

from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.process import ServiceProcess
from counterseal.connectors.receipts import UsedReceipts
from counterseal.connectors.wire import answer_of, receive, send, submission_message
from counterseal.gateway.export_ledger import entry_of, receipt_of
from counterseal.gateway.office import Office
from counterseal.gateway.search import search
from counterseal.ledger.checkpoint import Checkpoint, Signer, open_checkpoint, sign_checkpoint
from counterseal.ledger.receipt import build_receipt, parse_receipt

pytestmark = pytest.mark.withstand

ATTACK = "receipts at the service's door"


@dataclass
class Keeper:
    """Stands in the place of a connector, keeps what it should have passed on, and passes on nothing."""

    kept: list[Submission] = field(default_factory=list)

    def submit(self, submission: Submission) -> ServiceFailure:
        """Keep it."""
        self.kept.append(submission)
        return ServiceFailure("kept", "kept for a trial")

    def close(self) -> None:
        """Nothing to stop."""


def sealed(office: Office, crowd: Crowd, n: int, *, ahead: timedelta = timedelta(0)) -> Submission:
    """A submission of a search that was truly sealed, on a clock so far ahead, and not passed on."""
    keeper = Keeper()
    aside = replace(office, services=lambda _: keeper, clock=lambda: datetime.now(UTC) + ahead)
    asked = request(office, crowd, crowd.requesters[n])
    search(aside, request_id=asked.id, by=asked.requester_id)
    (kept,) = keeper.kept
    return kept


@dataclass
class Door:
    """The service's process, and the way past the gateway to its socket."""

    home: Path
    process: ServiceProcess
    attacks: int = 0
    let_in: int = 0

    def knock(self, submission: Submission) -> Answer | ServiceFailure:
        """Ask as the gateway would, on a connection of one's own."""
        secret = (self.home / "services" / CONNECTOR / "credential").read_bytes()
        with Client(str(self.process._socket), "AF_UNIX", authkey=secret) as connection:
            send(connection, submission_message(submission))
            assert connection.poll(20)
            return answer_of(receive(connection))

    def refused(self, submission: Submission, says: str) -> None:
        """It must be turned away for this reason, and nothing may have been asked of the service."""
        before = calls(self.home)
        self.attacks += 1
        answer = self.knock(submission)
        self.let_in += isinstance(answer, Answer)
        assert isinstance(answer, ServiceFailure), answer
        assert answer.code == "receipt-refused", answer
        assert says in answer.says, answer.says
        assert calls(self.home) == before, "refused, and called all the same"

    def admitted(self, submission: Submission) -> None:
        """The honest case, so that the refusals above mean something."""
        before = len(calls(self.home))
        assert isinstance(self.knock(submission), Answer)
        assert len(calls(self.home)) == before + 1


def told(counts: Counts, what: str, *doors: Door) -> None:
    """Into the table."""
    let_in = sum(d.let_in for d in doors)
    counts.put(ATTACK, f"{what}: tried, let in", f"{sum(d.attacks for d in doors)}, {let_in}")


@contextmanager
def door(home: Path, office: Office) -> Iterator[Door]:
    """The running service of a home."""
    process = office.services(CONNECTOR)
    assert isinstance(process, ServiceProcess)
    yield Door(home, process)


def test_a_receipt_serves_once(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Replayed at once, replayed by sixteen at the same moment, replayed after the service started anew."""
    with opened(home) as office, door(home, office) as at:
        used = sealed(office, crowd, 0)
        at.admitted(used)
        at.refused(used, "used before")

        fresh = [sealed(office, crowd, n) for n in range(1, 9)]
        before = len(calls(home))
        together, answers = Barrier(32), []

        def replay(submission: Submission) -> None:
            together.wait()
            answers.append(at.knock(submission))

        threads = [Thread(target=replay, args=(fresh[n % 8],)) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        admitted = sum(isinstance(a, Answer) for a in answers)
        assert (len(answers), admitted) == (32, 8)
        made = calls(home)[before:]
        assert len(made) == len({c.index for c in made}) == 8

        at.process.close()
    with opened(home) as office, door(home, office) as again:
        again.refused(used, "used before")
        again.refused(fresh[0], "used before")
        told(counts, "replayed one after the other, and after a restart", at, again)
        counts.put(ATTACK, "8 receipts, each shown 4 times in one moment: let in", f"{admitted}, each once")


def test_two_threads_never_both_use_a_receipt_first(tmp_path: Path, counts: Counts) -> None:
    """Eight connections' threads note the same receipts in the one list."""
    used, firsts = UsedReceipts(tmp_path / "receipts.sqlite3"), Counter[int]()
    receipts, noting = range(1500), Lock()

    def use_all() -> None:
        for index in receipts:
            if used.use(index):
                with noting:
                    firsts[index] += 1

    threads = [Thread(target=use_all) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        used.close()
    twice = sum(n > 1 for n in firsts.values())
    counts.put(ATTACK, "receipts noted by 8 threads at once: noted, twice first", f"{len(firsts)}, {twice}")
    assert firsts == Counter(receipts)


def test_a_receipt_is_for_one_request_of_one_service(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Another request, another photograph, another wish, another entry under the same receipt."""
    with opened(home) as office, door(home, office) as at:
        one, other = sealed(office, crowd, 0), sealed(office, crowd, 1)
        at.refused(replace(one, request=other.request), "another request")
        at.refused(replace(other, receipt=one.receipt), "does not hold")
        at.refused(replace(one, entry=other.entry), "does not hold")
        at.refused(replace(one, opening=other.opening), "does not hold")
        asked = json.loads(one.request) | {"limit": 50}
        at.refused(replace(one, request=json.dumps(asked).encode()), "another request")
        at.refused(replace(one, probe=one.probe + b"\0"), "not the one that was sealed")
        at.refused(replace(one, second=one.probe), "not the one that was sealed")
        at.refused(replace(one, receipt=b""), "does not hold")
        # An entry of the log that is no intent, truly included.
        index = json.loads(one.entry)["causes"][0]
        body, openings = entry_of(index)
        at.refused(
            replace(one, entry=body, opening=openings[0], receipt=receipt_of(index)), "no permitted search"
        )
        toml = home / "services" / CONNECTOR / "service.toml"
        at.process.close()
        said = toml.read_text()
        toml.write_text(said.replace(crowd.service, "service-0000000000000000"))
    with opened(home) as office, door(home, office) as renamed:
        renamed.refused(one, "another service")
        renamed.process.close()
    toml.write_text(said)
    with opened(home) as office, door(home, office) as last:
        last.admitted(one)
        last.admitted(other)
    told(counts, "for another request, photograph, entry or service", at, renamed)


def test_a_receipt_of_another_log(crowd: Crowd, home: Path, tmp_path: Path, counts: Counts) -> None:
    """A whole other installation of the same agency name: same origin, same words, another key."""
    other_home = tmp_path / "other" / "home"
    other = make_crowd(other_home, size=1)
    with opened(other_home) as office:
        foreign = sealed(office, other, 0)
        seed = (other_home / "keys" / "log.key").read_bytes()
        assert seed != (home / "keys" / "log.key").read_bytes()
    with opened(home) as office, door(home, office) as at:
        at.refused(foreign, "does not hold")
        at.admitted(sealed(office, crowd, 0))
        told(counts, "of another log under the same name", at)


def test_a_stale_receipt(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Sealed too long ago, or ahead: the connector goes by its own clock, and the log's key cannot help."""
    with (home / "services" / CONNECTOR / "service.toml").open("a") as toml:
        toml.write("max_age_seconds = 2\n")
    with opened(home) as office, door(home, office) as at:
        old = [sealed(office, crowd, n) for n in range(3)]
        at.refused(sealed(office, crowd, 3, ahead=timedelta(minutes=2)), "s old")
        at.refused(sealed(office, crowd, 4, ahead=timedelta(seconds=5)), "s old")
        time.sleep(2.2)
        for submission in old:
            at.refused(submission, "s old")
        at.admitted(sealed(office, crowd, 5))
        told(counts, "sealed too long ago, or ahead of the clock", at)


def test_a_forged_checkpoint(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Signed by another key, by nobody, for another tree, with a bit turned, under another name."""
    with opened(home) as office, door(home, office) as at:
        honest = sealed(office, crowd, 0)
        receipt = parse_receipt(honest.receipt)
        head = open_checkpoint(receipt.note, [office.signer.verifier])

        def with_note(note: bytes) -> Submission:
            return replace(honest, receipt=build_receipt(receipt.index, receipt.proof, note))

        forger = Signer.from_seed(office.origin, b"\x66" * 32)
        at.refused(with_note(sign_checkpoint(head, forger)), "does not hold")
        text, _, signature = receipt.note.decode().partition("\n\n")
        at.refused(with_note(f"{text}\n\n".encode()), "does not hold")
        # The true key id on the forger's signature.
        line = sign_checkpoint(head, forger).decode().partition("\n\n")[2].split(" ")
        raw = office.signer.verifier.key_id + base64.b64decode(line[2])[4:]
        forged = f"{text}\n\n{line[0]} {line[1]} {base64.b64encode(raw).decode()}\n"
        at.refused(with_note(forged.encode()), "does not hold")
        larger = Checkpoint(head.origin, head.size + 1, head.root)
        at.refused(with_note(f"{larger.text()}\n{signature}".encode()), "does not hold")
        other_root = Checkpoint(head.origin, head.size, bytes(32))
        at.refused(with_note(f"{other_root.text()}\n{signature}".encode()), "does not hold")
        # Truly signed by the log's key, but the entry is not in that tree, or the log has another name.
        at.refused(with_note(sign_checkpoint(other_root, office.signer)), "does not hold")
        renamed = Signer.from_seed("elsewhere.example/log", (home / "keys" / "log.key").read_bytes())
        elsewhere = Checkpoint("elsewhere.example/log", head.size, head.root)
        at.refused(with_note(sign_checkpoint(elsewhere, renamed)), "does not hold")
        for place in range(0, len(honest.receipt), 37):
            turned = bytearray(honest.receipt)
            turned[place] ^= 1
            at.refused(replace(honest, receipt=bytes(turned)), "does not hold")
        at.admitted(honest)
        told(counts, "forged checkpoints and proofs", at)


def test_nobody_without_the_credential_is_heard(crowd: Crowd, home: Path, counts: Counts) -> None:
    """A true receipt, from somebody who reached the socket but does not know the service's secret."""
    with opened(home) as office, door(home, office) as at:
        honest = sealed(office, crowd, 0)
        before = calls(home)
        for secret in (b"", b"x" * 32):
            with pytest.raises((AuthenticationError, EOFError, ConnectionError)):
                Client(str(at.process._socket), "AF_UNIX", authkey=secret)
        assert calls(home) == before
        at.admitted(honest)
        counts.put(ATTACK, "callers without the credential, none heard", 2)
