"""Our log asks witnesses: what holds is kept and carried, every lie has a name, and nothing of it blocks sealing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from django.db import connection

import databases
from counterseal import bootstrap
from counterseal.api.witness import WitnessServer
from counterseal.connectors.witnesses import HasSize, Lines, NoCosignature, WitnessAnswer
from counterseal.gateway.admit_person import admit_person
from counterseal.gateway.cosign import POLICY, Cosigned, cosign, standing
from counterseal.gateway.export_ledger import entry_of, export_ledger, key_history, receipt_of
from counterseal.gateway.office import Office
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.witness_folder import WitnessFolder, init_witness, single_key
from counterseal.ledger.checkpoint import Signer, parse_checkpoint, split_note
from counterseal.ledger.cosignature import Cosigner, open_cosignatures, split_lines
from counterseal.ledger.receipt import parse_receipt, verify_receipt
from counterseal.ledger.witness import Response, Witness, parse_request
from counterseal.oversight.models import LogCosignature, LogState
from counterseal.terms.errors import BadInputError, UnavailableError

ORIGIN = "log.agency.example/faces"
IG = Cosigner.from_seed("inspector.example/w1", b"\x31" * 32)
COURT = Cosigner.from_seed("court.example/w2", b"\x32" * 32)


class MemoryHeads:
    """A witness's memory without a disk."""

    def __init__(self) -> None:
        self.heads: dict = {}

    def turn(self, origin: str) -> "MemoryHeads":
        self.origin = origin
        return self

    def __enter__(self) -> "MemoryHeads":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    @property
    def head(self):
        return self.heads.get(self.origin)

    def put(self, head) -> None:
        self.heads[self.origin] = head

    def keep_evidence(self, *_: object) -> None:
        """Not looked at here."""


@dataclass
class Log:
    """An installation with a clock that can be set, and honest witnesses reached without a network."""

    office: Office
    admin: str
    now: datetime

    def __post_init__(self) -> None:
        self.witnesses: dict[str, Witness] = {}
        self.memory: dict[str, MemoryHeads] = {}
        self.lies: dict[str, Callable[[bytes], WitnessAnswer]] = {}
        self.asked: list[tuple[str, bytes]] = []
        for url, cosigner in (("http://ig.example", IG), ("http://court.example", COURT)):
            self.memory[url] = MemoryHeads()
            self.witnesses[url] = Witness(
                cosigner, lambda origin: key_history(), self.memory[url], lambda: int(self.now.timestamp())
            )

    def policy(self, text: str = "") -> None:
        default = (
            f"# counts from 2026-01-01T00:00:00Z\nwitness ig {IG.key.vkey} http://ig.example\n"
            f"# counts from 2026-01-01T00:00:00Z\nwitness court {COURT.key.vkey} http://court.example\n"
            "group both all ig court\nquorum both\n"
        )
        (self.office.home / POLICY).write_text(text or default)

    def grow(self, count: int = 1) -> None:
        for _ in range(count):
            admit_person(self.office, name="Pat Person", unit="Synthetic Agency", by=self.admin)

    def ask(self, url: str, body: bytes) -> WitnessAnswer:
        self.asked.append((url, body))
        try:
            if url in self.lies:
                return self.lies[url](body)
            return answer_of(self.witnesses[url].add_checkpoint(body))
        finally:
            connection.close()  # this witness reads the log's keys, in whichever thread asks it

    def forget(self) -> None:
        """The answers are lost, as after a crash before they were stored."""
        with databases.as_owner(self.office.home), connection.cursor() as cursor:
            cursor.execute("DELETE FROM oversight_logcosignature")

    def cosign(self) -> Cosigned:
        return cosign(self.office, ask=self.ask)

    @property
    def size(self) -> int:
        return parse_checkpoint(split_note(bytes(LogState.objects.get().checkpoint))[0]).size


def answer_of(response: Response) -> WitnessAnswer:
    if response.status == 200:
        return Lines(split_lines(response.body))
    if response.status == 409:
        return HasSize(int(response.body))
    return NoCosignature({422: "not-consistent", 403: "key-unknown"}[response.status], "so")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("cosign") / "home"
    office, admin = bootstrap.init_home(
        home, agency="Synthetic Agency", origin=ORIGIN, administrator="Ada Administrator"
    )
    bootstrap.close(office)
    return home, admin


@pytest.fixture
def log(founded: tuple[Path, str], tmp_path: Path) -> Iterator[Log]:
    databases.copy_home(founded[0], tmp_path / "home")
    opened = bootstrap.open_office(tmp_path / "home")
    made = Log(opened, founded[1], datetime.now(UTC))
    object.__setattr__(opened, "clock", lambda: made.now)
    made.policy()
    yield made
    bootstrap.close(opened)


def codes(done: Cosigned) -> dict[str, str]:
    return {a.witness: a.code for a in done.asked}


class TestAsking:
    def test_all_witnesses_cosign_the_latest_checkpoint(self, log):
        done = log.cosign()

        assert codes(done) == {"ig": "cosigned", "court": "cosigned"}
        assert done.standing.held
        assert (done.standing.held_size, done.standing.uncosigned, done.standing.by) == (
            1,
            0,
            ("ig", "court"),
        )

    def test_growth_is_asked_from_the_size_that_was_learned(self, log):
        """No first try from size 0: what was stored says where each witness stands."""
        log.cosign()
        log.grow(5)
        log.asked.clear()

        assert codes(log.cosign()) == {"ig": "cosigned", "court": "cosigned"}
        assert [parse_request(body).old_size for _, body in log.asked] == [1, 1]

    def test_size_is_learned_from_a_conflict(self, log):
        """The answers were lost, as after a crash before they were stored."""
        log.cosign()
        log.forget()
        log.grow(4)
        log.asked.clear()

        assert codes(log.cosign()) == {"ig": "cosigned", "court": "cosigned"}
        assert sorted(parse_request(body).old_size for _, body in log.asked) == [0, 0, 1, 1]

    def test_lost_answer_for_this_very_checkpoint(self, log):
        log.cosign()
        log.forget()

        assert codes(log.cosign()) == {"ig": "cosigned", "court": "cosigned"}

    def test_what_is_cosigned_is_not_asked_again(self, log):
        log.cosign()
        log.asked.clear()

        assert codes(log.cosign()) == {"ig": "already", "court": "already"}
        assert log.asked == []

    def test_after_a_change_of_key(self, log):
        log.cosign()
        successor = Signer.from_seed(ORIGIN, b"\x77" * 32)
        assert isinstance(rotate_log_key(log.office, new=successor, by=log.admin), int)
        object.__setattr__(log.office, "signer", successor)

        assert log.cosign().standing.held
        log.grow()
        assert log.cosign().standing.held

    def test_over_http_with_the_real_witness(self, log, tmp_path):
        """The whole way on loopback: server, client, proof, store; and the fork that it refuses."""
        folder: WitnessFolder = init_witness(tmp_path / "w", "inspector.example/w9")
        folder.trust(single_key(log.office.signer.vkey))
        server = WitnessServer(folder)
        thread = Thread(target=server.run)
        thread.start()
        try:
            log.policy(
                f"log {log.office.signer.vkey}\n# counts from 2026-01-01T00:00:00Z\n"
                f"witness ig {folder.vkey} {server.address}\nquorum ig\n"
            )
            for count in (0, 1, 7):
                log.grow(count)
                log.now = max(log.now, datetime.now(UTC))
                assert codes(cosign(log.office)) == {"ig": "cosigned"}
        finally:
            server.end()
            thread.join(10)
        head = folder.store.head(ORIGIN)
        assert head is not None
        assert head.size == log.size
        assert codes(cosign(log.office)) == {"ig": "already"}
        log.grow()
        assert codes(cosign(log.office)) == {"ig": "unreachable"}


class TestLies:
    """What a witness may do instead. Each is named, counts for nothing, and leaves the other witness's word."""

    def lie(self, log: Log, lie: Callable[[bytes], WitnessAnswer]) -> str:
        log.lies["http://ig.example"] = lie
        done = log.cosign()
        assert codes(done)["court"] == "cosigned"
        assert not done.standing.held
        assert LogCosignature.objects.filter(vkey=IG.key.vkey, size=log.size).count() == 0
        return codes(done)["ig"]

    @staticmethod
    def text(body: bytes) -> bytes:
        return split_note(parse_request(body).note)[0].encode()

    def line(self, log: Log, body: bytes, cosigner: Cosigner = IG, *, apart: int = 0) -> WitnessAnswer:
        at = int(log.now.timestamp()) + apart
        return Lines(split_lines(cosigner.cosign(self.text(body), at=at).encode()))

    def test_another_key(self, log):
        other = Cosigner.from_seed(IG.key.name, b"\x99" * 32)

        assert self.lie(log, lambda body: self.line(log, body, other)) == "wrong-key"

    def test_another_witness_s_line(self, log):
        assert self.lie(log, lambda body: self.line(log, body, COURT)) == "wrong-key"

    def test_two_lines_by_its_key(self, log):
        assert (
            self.lie(
                log,
                lambda body: Lines(
                    self.line(log, body).lines + self.line(log, body, apart=1).lines  # type: ignore[union-attr]
                ),
            )
            == "wrong-key"
        )

    def test_a_cosignature_of_something_else(self, log):
        line = Lines(split_lines(IG.cosign(b"another text\n", at=int(log.now.timestamp())).encode()))

        assert self.lie(log, lambda body: line) == "wrong-signature"

    def test_a_line_that_is_too_short(self, log):
        assert self.lie(log, lambda body: Lines(((IG.key.name, IG.key.key_id + b"x"),))) == "wrong-signature"

    @pytest.mark.parametrize("apart", [-100_000, -700, 700, 10**9])
    def test_a_time_that_is_not_now(self, log, apart):
        assert self.lie(log, lambda body: self.line(log, body, apart=apart)) == "wrong-time"

    @pytest.mark.parametrize("code", ["timeout", "hung-up", "garbage", "unreachable", "busy", "key-unknown"])
    def test_what_the_client_names_is_handed_on(self, log, code):
        assert self.lie(log, lambda body: NoCosignature(code, "so")) == code

    def test_it_says_that_we_forked(self, log):
        log.cosign()
        log.grow()

        assert self.lie(log, lambda body: NoCosignature("not-consistent", "so")) == "fork"

    def test_it_names_a_conflict_at_our_own_size(self, log):
        """Learned the size, asked from there, and again refused: only another root explains it."""
        size = log.size

        assert self.lie(log, lambda body: HasSize(size)) == "fork"

    def test_it_has_seen_more_than_we_have(self, log):
        assert self.lie(log, lambda body: HasSize(10_000)) == "ahead"

    def test_it_forgot_what_it_cosigned(self, log):
        log.grow(3)
        log.cosign()
        log.grow(3)

        assert self.lie(log, lambda body: HasSize(2)) == "rolled-back"

    def test_it_names_another_size_each_time(self, log):
        log.grow(9)
        sizes = iter([2, 5, 3, 7, 4])

        assert self.lie(log, lambda body: HasSize(next(sizes))) == "wrong-size"
        assert len([url for url, _ in log.asked if url == "http://ig.example"]) == 3

    def test_it_names_the_size_that_it_was_asked_from(self, log):
        log.grow(2)

        assert self.lie(log, lambda body: HasSize(parse_request(body).old_size)) == "wrong-size"

    def test_alarming_outcomes_are_marked(self, log):
        log.lies["http://ig.example"] = lambda body: HasSize(10_000)

        assert [a.alarming for a in log.cosign().asked] == [True, False]


class TestDates:
    def test_a_witness_outside_its_dates_is_not_asked(self, log):
        log.policy(
            f"# counts from 2020-01-01T00:00:00Z until 2021-01-01T00:00:00Z\nwitness ig {IG.key.vkey} http://ig.example\n"
            f"# counts from 2026-01-01T00:00:00Z\nwitness court {COURT.key.vkey}\nquorum ig\n"
        )

        assert codes(log.cosign()) == {"ig": "not-counting", "court": "no-address"}
        assert log.asked == []


class TestStanding:
    def test_no_policy_is_said(self, log):
        (log.office.home / POLICY).unlink()

        found = standing(log.office)
        assert not found.held
        assert "no witness is named" in found.says
        assert found.uncosigned == found.size == 1
        with pytest.raises(BadInputError, match=r"witnesses\.policy"):
            log.cosign()

    def test_quorum_none_is_said(self, log):
        log.policy("quorum none\n")

        assert "asks for no cosignature" in standing(log.office).says

    def test_uncosigned_since_the_first_entry_that_no_quorum_saw(self, log):
        log.now += timedelta(hours=1)
        log.cosign()
        log.now += timedelta(hours=2)
        first_unseen = log.now
        log.grow()
        log.now += timedelta(hours=3)
        log.grow(2)
        log.lies["http://ig.example"] = lambda body: NoCosignature("timeout", "so")
        log.cosign()

        found = standing(log.office)
        assert (found.held, found.held_size, found.size, found.uncosigned) == (False, 1, 4, 3)
        assert found.since is not None
        assert abs(found.since - first_unseen) < timedelta(seconds=1)
        assert "without a cosignature that counts: ig" in found.says
        assert "the last 3 of 4 entries" in found.says

    def test_a_quorum_in_two_steps(self, log):
        """One witness was down; when it is back for the same checkpoint, the quorum is complete."""
        log.lies["http://ig.example"] = lambda body: NoCosignature("unreachable", "so")
        assert not log.cosign().standing.held
        log.lies.clear()
        log.now += timedelta(minutes=5)

        done = log.cosign()
        assert codes(done) == {"ig": "cosigned", "court": "already"}
        assert done.standing.held_at == log.now.replace(microsecond=0)

    def test_rows_that_somebody_wrote_count_for_nothing(self, log):
        """The database is not believed: lines are verified again, on our own history."""
        note = bytes(LogState.objects.get().checkpoint)
        at = int(log.now.timestamp())
        log.grow()
        other = b"%s\n1\n%s\n" % (ORIGIN.encode(), b"A" * 43 + b"=")
        forged = other + b"\n" + log.office.signer.signature_line(other).encode()
        for cosigner, checkpoint, line in (
            (IG, note, COURT.cosign(split_note(note)[0].encode(), at=at)),
            (COURT, forged, COURT.cosign(other, at=at)),
        ):
            LogCosignature.objects.create(
                size=1, vkey=cosigner.key.vkey, checkpoint=checkpoint, line=line, received_at=log.now
            )
        LogCosignature.objects.create(
            size=7, vkey=IG.key.vkey, checkpoint=b"no note", line="no line", received_at=log.now
        )

        found = standing(log.office)
        assert (found.held, found.held_size) == (False, None)
        assert codes(log.cosign()) == {"ig": "cosigned", "court": "cosigned"}

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("nonsense\n", "cannot be used"),
            (
                f"log {Signer.from_seed('log.other.example/x', bytes(32)).vkey}\nquorum none\n",
                "of others only",
            ),
        ],
    )
    def test_policy_that_cannot_be_used(self, log, text, says):
        log.policy(text)

        with pytest.raises(BadInputError, match=says):
            standing(log.office)

    def test_the_log_is_no_witness_of_itself(self, log):
        own = Cosigner.from_seed(ORIGIN, (log.office.home / "keys/log.key").read_bytes())
        log.policy(f"# counts from 2026-01-01T00:00:00Z\nwitness own {own.key.vkey}\nquorum own\n")

        with pytest.raises(BadInputError, match="nobody witnesses for themselves"):
            standing(log.office)


class TestCarried:
    def test_export_bears_the_cosignatures(self, log, tmp_path):
        log.cosign()
        export_ledger(tmp_path / "out")
        note = (tmp_path / "out/checkpoint").read_bytes()

        assert {c.key for c in open_cosignatures(note, [IG.key, COURT.key])} == {IG.key, COURT.key}
        assert (tmp_path / "out/checkpoints/1").read_bytes() == note

    def test_export_of_a_longer_log_keeps_the_cosigned_checkpoint(self, log, tmp_path):
        log.grow(3)
        log.cosign()
        log.grow(2)
        export_ledger(tmp_path / "out")

        assert open_cosignatures((tmp_path / "out/checkpoint").read_bytes(), [IG.key]) == ()
        assert len(open_cosignatures((tmp_path / "out/checkpoints/4").read_bytes(), [IG.key, COURT.key])) == 2

    def test_receipt_is_under_the_most_cosigned_checkpoint(self, log):
        log.grow(3)
        log.cosign()
        log.grow(2)
        log.lies["http://ig.example"] = lambda body: NoCosignature("timeout", "so")
        log.cosign()
        for index, size, witnesses in ((0, 4, 2), (3, 4, 2), (4, 6, 1), (5, 6, 1)):
            receipt = receipt_of(index)
            verified = verify_receipt(receipt, entry_of(index)[0], key_history(), ORIGIN)
            assert verified.checkpoint.size == size
            assert len(open_cosignatures(parse_receipt(receipt).note, [IG.key, COURT.key])) == witnesses
        log.grow()
        verified = verify_receipt(receipt_of(6), entry_of(6)[0], key_history(), ORIGIN)
        assert verified.checkpoint.size == 7


class TestNothingBlocks:
    def test_sealing_goes_on_while_a_witness_hangs(self, log):
        """The network is waited for without a lock: entries are sealed meanwhile, and the answer still fits."""
        hangs, go_on = Event(), Event()

        def hang(body: bytes) -> WitnessAnswer:
            hangs.set()
            assert go_on.wait(20)
            return answer_of(log.witnesses["http://ig.example"].add_checkpoint(body))

        log.lies["http://ig.example"] = hang
        done: list[Cosigned] = []

        def work() -> None:
            try:
                done.append(log.cosign())
            finally:
                connection.close()

        worker = Thread(target=work)
        worker.start()
        assert hangs.wait(20)
        started = time.monotonic()
        log.grow(3)
        took = time.monotonic() - started
        go_on.set()
        worker.join(20)

        assert took < 5
        assert codes(done[0]) == {"ig": "cosigned", "court": "cosigned"}
        assert (done[0].size, done[0].standing.size, done[0].standing.held) == (1, 4, False)

    def test_two_of_us_at_once_store_each_answer_once(self, log):
        results: list[Cosigned] = []

        def work() -> None:
            try:
                results.append(log.cosign())
            finally:
                connection.close()

        workers = [Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)

        assert len(results) == 3
        assert all(set(codes(r).values()) <= {"cosigned", "already"} for r in results)
        assert LogCosignature.objects.count() == 2

    def test_storage_that_fails_says_so_and_leaves_the_log(self, log):
        databases.refuse_rows(log.office.home, "oversight_logcosignature")
        with pytest.raises(UnavailableError, match="ask again later"):
            log.cosign()
        log.grow()
        assert log.size == 2
