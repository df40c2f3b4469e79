"""The witness: the protocol's codes one by one, and a machine of growth and forks in which it signs one history."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from counterseal.ledger.checkpoint import Checkpoint, Signer, parse_checkpoint, sign_checkpoint, split_note
from counterseal.ledger.cosignature import Cosigner, open_cosignatures, with_lines
from counterseal.ledger.errors import MalformedRequestError
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.tree import Frontier, consistency_proof, leaf_hash, verify_consistency
from counterseal.ledger.witness import (
    MAX_REQUEST,
    SIZE_TYPE,
    Head,
    Response,
    Witness,
    build_request,
    parse_request,
)

ORIGIN = "log.agency.example/ledger"
OTHER_ORIGIN = "log.other.example/ledger"
COSIGNER = Cosigner.from_seed("inspector.example/w1", b"\x22" * 32)


class Tree:
    """A log in memory: leaves, nodes, signed checkpoints, proofs. A copy may grow another way."""

    def __init__(self, origin: str = ORIGIN, seed: bytes = b"\x07" * 32) -> None:
        self.origin = origin
        self.signer = Signer.from_seed(origin, seed)
        self.frontiers = [Frontier()]
        self.nodes: dict[tuple[int, int], bytes] = {}

    def grow(self, *bodies: bytes) -> "Tree":
        for body in bodies:
            frontier, nodes = self.frontiers[-1].append(leaf_hash(body))
            self.frontiers.append(frontier)
            self.nodes.update({(n.level, n.index): n.hash for n in nodes})
        return self

    def fork(self, size: int) -> "Tree":
        """The same first `size` entries, and nothing after."""
        forked = Tree(self.origin)
        forked.frontiers = self.frontiers[: size + 1]
        forked.nodes = {(level, at): h for (level, at), h in self.nodes.items() if (at + 1) << level <= size}
        return forked

    @property
    def size(self) -> int:
        return self.frontiers[-1].size

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.size if size is None else size
        return Checkpoint(self.origin, size, self.frontiers[size].root())

    def note(self, size: int | None = None, *signers: Signer) -> bytes:
        return sign_checkpoint(self.checkpoint(size), *(signers or (self.signer,)))

    def request(self, old: int, size: int | None = None) -> bytes:
        size = self.size if size is None else size
        return build_request(old, consistency_proof(old, size, lambda *at: self.nodes[at]), self.note(size))


class MemoryStore:
    """State that survives a `Witness` object, with the evidence beside it."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.evidence: list[tuple[int, str, bytes]] = []
        self.fails = False

    @contextmanager
    def turn(self, origin: str) -> Iterator["MemoryTurn"]:
        turn = MemoryTurn(self, self.heads.get(origin))
        yield turn
        if self.fails:
            raise OSError("the disk is full")
        if turn.new is not None:
            self.heads[origin] = turn.new


class MemoryTurn:
    def __init__(self, store: MemoryStore, head: Head | None) -> None:
        self._store, self._head, self.new = store, head, None

    @property
    def head(self) -> Head | None:
        return self._head

    def put(self, head: Head) -> None:
        self.new = head

    def keep_evidence(self, at: int, said: str, request: bytes) -> None:
        self._store.evidence.append((at, said, request))


class Bench:
    """A witness that knows one log, a clock, and its store."""

    def __init__(self) -> None:
        self.tree = Tree().grow(b"one", b"two", b"three")
        self.now = 1_800_000_000
        self.store = MemoryStore()
        self.logs = {ORIGIN: KeyHistory.single(self.tree.signer.verifier)}
        self.witness = Witness(COSIGNER, self.logs.get, self.store, lambda: self.now)

    def ask(self, body: bytes) -> Response:
        self.now += 1
        return self.witness.add_checkpoint(body)

    def size(self) -> int:
        head = self.store.heads.get(ORIGIN)
        return head.size if head else 0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def assert_cosigned(response: Response, note: bytes, at: int) -> None:
    assert response.status == 200, response.body
    (opened,) = open_cosignatures(with_lines(note, [response.body.decode()]), [COSIGNER.key])
    assert opened.at == at


class TestCodes:
    def test_200_first_checkpoint_from_size_0(self, bench):
        assert_cosigned(bench.ask(bench.tree.request(0)), bench.tree.note(), bench.now)
        assert bench.size() == 3

    def test_200_growth_with_its_proof(self, bench):
        bench.ask(bench.tree.request(0))
        bench.tree.grow(b"four", b"five")

        assert_cosigned(bench.ask(bench.tree.request(3)), bench.tree.note(), bench.now)
        assert bench.size() == 5

    def test_200_the_same_checkpoint_again_with_a_new_time(self, bench):
        """A log that lost the answer asks again from the size that is there."""
        bench.ask(bench.tree.request(0))

        assert_cosigned(bench.ask(bench.tree.request(3)), bench.tree.note(), bench.now)

    def test_200_empty_tree(self, bench):
        empty = Tree()

        assert_cosigned(bench.ask(empty.request(0)), empty.note(), bench.now)

    def test_other_signatures_on_the_note_are_ignored(self, bench):
        """tlog-witness: the checkpoint may bear several; those of unknown keys are ignored."""
        line = Cosigner.from_seed("another.example/w", b"\x01" * 32).cosign(b"whatever", at=1)
        note = with_lines(bench.tree.note(), [line])

        assert bench.ask(build_request(0, (), note)).status == 200
        assert line.encode() not in bench.store.heads[ORIGIN].note

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"old 0\n",
            b"garbage",
            b"old 0\n\n",
            b"old 00\n\n%s",
            b"old -1\n\n%s",
            b"old 1 \n\n%s",
            b"old 99999999999999999999\n\n%s",
            b"OLD 0\n\n%s",
            b"old 0\nnot base64\n\n%s",
            b"old 0\nAAAA\n\n%s",
            b"old 0\r\n\r\n%s",
            b"\xff\xfe\n\n%s",
            b"old 0\n\n%s\n",
        ],
    )
    def test_400_garbage(self, bench, body):
        response = bench.ask(body.replace(b"%s", bench.tree.note()))

        assert response.status == 400
        assert response.body.strip()
        assert bench.size() == 0

    def test_400_signed_twice_by_the_known_key(self, bench):
        note = bench.tree.note()
        twice = note + note.rpartition(b"\n\n")[2]

        assert bench.ask(build_request(0, (), twice)).status == 400

    def test_400_more_than_63_hashes(self, bench):
        line = bench.tree.request(0).replace(b"old 0\n", b"old 0\n" + (b"A" * 43 + b"=\n") * 64)

        assert bench.ask(line).status == 400

    def test_400_too_long(self, bench):
        assert bench.ask(bench.tree.request(0) + b"x" * MAX_REQUEST).status == 400

    def test_400_old_size_above_the_checkpoint(self, bench):
        assert bench.ask(build_request(4, (), bench.tree.note())).status == 400

    def test_400_extension_line(self, bench):
        text = bench.tree.checkpoint().text() + "extension\n"
        note = f"{text}\n{bench.tree.signer.signature_line(text.encode())}".encode()

        assert bench.ask(build_request(0, (), note)).status == 400

    def test_403_key_of_nobody(self, bench):
        note = bench.tree.note(3, Signer.from_seed(ORIGIN, b"\x55" * 32))

        assert bench.ask(build_request(0, (), note)).status == 403

    def test_403_key_of_another_log_that_is_known(self, bench):
        """Its key is trusted for its own origin and for no other, even where it takes the origin's name."""
        other = Tree(OTHER_ORIGIN, b"\x66" * 32)
        bench.logs[OTHER_ORIGIN] = KeyHistory.single(other.signer.verifier)
        impostor = Signer.from_seed(ORIGIN, b"\x66" * 32)
        text = bench.tree.checkpoint().text()
        own_name = f"{text}\n{other.signer.signature_line(text.encode())}".encode()

        assert bench.ask(build_request(0, (), bench.tree.note(3, impostor))).status == 403
        assert bench.ask(build_request(0, (), own_name)).status == 403
        assert bench.size() == 0

    def test_403_wrong_signature_under_the_known_key(self, bench):
        longer = bench.tree.note().replace(b"\n3\n", b"\n4\n")

        assert bench.ask(build_request(0, (), longer)).status == 403

    def test_403_retired_key(self, bench):
        """After a rotation only the new key counts, and at the rotation both."""
        new = Signer.from_seed(ORIGIN, b"\x08" * 32)
        bench.logs[ORIGIN] = bench.logs[ORIGIN].rotated(new.verifier, at_size=3)

        assert bench.ask(bench.tree.request(0)).status == 403
        assert bench.ask(build_request(0, (), bench.tree.note(3, new))).status == 403
        both = bench.tree.note(3, bench.tree.signer, new)
        assert_cosigned(bench.ask(build_request(0, (), both)), both, bench.now)
        bench.tree.grow(b"four")
        assert bench.ask(bench.tree.request(3)).status == 403

    def test_404_unknown_log(self, bench):
        assert bench.ask(Tree(OTHER_ORIGIN, b"\x66" * 32).grow(b"x").request(0)).status == 404

    def test_409_stale_size_names_the_latest(self, bench):
        bench.tree.grow(*(b"%d" % n for n in range(9)))
        bench.ask(bench.tree.request(0, 10))

        for old, size in ((0, 12), (3, 12), (9, 12), (11, 12), (0, 5), (5, 5), (0, 10)):
            response = bench.ask(bench.tree.request(old, size))
            assert (response.status, response.body, response.content_type) == (409, b"10\n", SIZE_TYPE)
        assert bench.size() == 10

    def test_409_another_root_at_the_same_size_is_kept_as_evidence(self, bench):
        bench.ask(bench.tree.request(0))
        fork = bench.tree.fork(2).grow(b"another three")

        for old in (3, 0):
            response = bench.ask(fork.request(old) if old == 0 else build_request(3, (), fork.note()))
            assert (response.status, response.body, response.content_type) == (409, b"3\n", SIZE_TYPE)
        assert [kept for _, _, kept in bench.store.evidence] == [fork.note()] * 2

    def test_422_fork(self, bench):
        """A longer tree with another past: the proof leads from the fork's own old root, not from ours."""
        bench.ask(bench.tree.request(0))
        fork = bench.tree.fork(2).grow(b"another three", b"four")

        response = bench.ask(fork.request(3))

        assert response.status == 422
        assert bench.size() == 3
        assert [kept for _, _, kept in bench.store.evidence] == [fork.note()]

    def test_422_bad_proofs(self, bench):
        bench.ask(bench.tree.request(0))
        bench.tree.grow(b"four", b"five", b"six", b"seven")
        good = parse_request(bench.tree.request(3)).proof
        bad = [
            (),
            good[:-1],
            (*good, good[0]),
            good[::-1],
            (bytes(32), *good[1:]),
            tuple(bytes([p[0] ^ 1]) + p[1:] for p in good),
        ]

        assert [bench.ask(build_request(3, proof, bench.tree.note())).status for proof in bad] == [422] * 6
        assert bench.ask(build_request(3, good, bench.tree.note())).status == 200

    def test_422_proof_with_old_size_0(self, bench):
        """tlog-witness: the proof must be empty if the old size is zero."""
        assert bench.ask(build_request(0, (bytes(32),), bench.tree.note())).status == 422

    def test_503_clock_before_the_last_cosignature(self, bench):
        bench.ask(bench.tree.request(0))
        bench.tree.grow(b"four")
        bench.now -= 100

        assert bench.ask(bench.tree.request(3)).status == 503
        assert bench.size() == 3

    def test_nothing_is_handed_out_that_was_not_stored(self, bench):
        bench.store.fails = True

        with pytest.raises(OSError, match="full"):
            bench.ask(bench.tree.request(0))
        assert bench.size() == 0

    def test_size_outside_the_protocol_cannot_be_asked_for(self):
        with pytest.raises(MalformedRequestError):
            build_request(-1, (), b"")
        with pytest.raises(MalformedRequestError):
            build_request(1, (b"short",), b"")

    @given(st.binary(max_size=400))
    @settings(max_examples=60)
    def test_no_bytes_break_it(self, body):
        assert Bench().ask(body).status == 400

    @given(st.integers(0, 400), st.integers(0, 255))
    @settings(max_examples=100)
    def test_no_changed_byte_gets_a_wrong_cosignature(self, place, value):
        """Whatever one byte becomes: a refusal, or a cosignature of what the log itself signed."""
        bench = Bench()
        body = bytearray(bench.tree.request(0))
        body[place % len(body)] = value
        response = bench.ask(bytes(body))

        if response.status == 200:
            text, _ = split_note(parse_request(bytes(body)).note)
            assert parse_checkpoint(text) == bench.tree.checkpoint()


class Growth(RuleBasedStateMachine):
    """A log with forks asks for cosignatures in any order, with any old size; the witness restarts in between."""

    def __init__(self) -> None:
        super().__init__()
        self.trees = [Tree().grow(b"first")]
        self.now = 1_800_000_000
        self.store = MemoryStore()
        self.keys = KeyHistory.single(self.trees[0].signer.verifier)
        self.signed: list[tuple[Checkpoint, int]] = []
        self.asked = 0
        self.restart()

    @rule()
    def restart(self) -> None:
        """What is not in the store is forgotten."""
        self.witness = Witness(
            COSIGNER, lambda origin: self.keys if origin == ORIGIN else None, self.store, lambda: self.now
        )

    @rule(data=st.data(), count=st.integers(1, 5))
    def grow(self, data: st.DataObject, count: int) -> None:
        tree = data.draw(st.sampled_from(self.trees))
        mark = sha256(b"%d" % self.trees.index(tree)).digest()
        tree.grow(*(mark + b"%d" % n for n in range(count)))

    @precondition(lambda self: len(self.trees) < 4)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        tree = data.draw(st.sampled_from(self.trees))
        self.trees.append(tree.fork(data.draw(st.integers(0, tree.size))))

    @rule(data=st.data(), back=st.integers(0, 3), true_old=st.booleans(), step=st.integers(-1, 3))
    def ask(self, data: st.DataObject, back: int, true_old: bool, step: int) -> None:
        tree = data.draw(st.sampled_from(self.trees))
        size = max(0, tree.size - back)
        head = self.store.heads.get(ORIGIN)
        known = head.size if head else 0
        old = known if true_old and known <= size else data.draw(st.integers(0, size))
        self.now += step
        self.asked += 1
        response = self.witness.add_checkpoint(tree.request(old, size))
        assert response.status in (200, 409, 422, 503)
        if response.status == 200:
            note = with_lines(tree.note(size), [response.body.decode()])
            (cosignature,) = open_cosignatures(note, [COSIGNER.key])
            self.signed.append((tree.checkpoint(size), cosignature.at))

    @invariant()
    def one_history(self) -> None:
        """Of any two cosigned trees the later extends the earlier: shown by a proof from some one log."""
        for (first, at), (second, then) in zip(self.signed, self.signed[1:], strict=False):
            assert first.size <= second.size
            assert at <= then
            shown = []
            for tree in self.trees:
                if tree.size < second.size:
                    continue
                if (tree.checkpoint(first.size), tree.checkpoint(second.size)) == (first, second):
                    proof = consistency_proof(first.size, second.size, lambda *at, t=tree: t.nodes[at])
                    verify_consistency(first.size, second.size, first.root, second.root, proof)
                    shown.append(tree)
            assert shown


TestGrowth = Growth.TestCase
TestGrowth.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_the_machine_reaches_cosignatures_and_refusals():
    """Else the machine above would hold of a witness that refuses everything."""
    machine = Growth()
    tree = machine.trees[0]
    tree.grow(b"a", b"b")
    answers = [
        machine.witness.add_checkpoint(tree.request(old, size)).status for old, size in ((0, 1), (1, 3))
    ]
    fork = tree.fork(1).grow(b"x", b"y", b"z")
    machine.trees.append(fork)
    answers += [machine.witness.add_checkpoint(fork.request(old)).status for old in (1, 3)]

    assert answers == [200, 200, 409, 422]
