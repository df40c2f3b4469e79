"""Receipts: what a connector relies on before it compares anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.checkpoint import Signer, sign_checkpoint
from counterseal.ledger.errors import (
    LedgerError,
    MalformedReceiptError,
    OriginError,
    ProofError,
    RetiredKeyError,
    SignatureError,
)
from counterseal.ledger.receipt import build_receipt, parse_receipt, verify_receipt
from counterseal.ledger.tree import inclusion_proof

# The example of C2SP tlog-proof, without its `extra` line and with a signature line that is well formed.
C2SP_EXAMPLE = b"""c2sp.org/tlog-proof@v1
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

"""


def test_the_published_example_is_read():
    receipt = parse_receipt(C2SP_EXAMPLE)

    assert (receipt.index, len(receipt.proof)) == (73894, 5)
    assert receipt.note.startswith(b"example.com/fancylog\n109482\n")
    assert build_receipt(receipt.index, receipt.proof, receipt.note) == C2SP_EXAMPLE


class TestOfEveryEntry:
    def test_a_receipt_holds(self, log):
        seen = 0
        for index in range(0, log.size, 37):
            proof = inclusion_proof(index, log.size, log.node)
            receipt = build_receipt(index, proof, log.checkpoint())
            for trust in (log.keys, [log.signer.verifier]):
                verified = verify_receipt(receipt, log.bodies[index], trust, log.origin)
                assert (verified.index, verified.checkpoint) == (index, log.head)
                seen += 1
        assert seen == 38

    def test_the_last_entry_needs_no_stored_node(self, new_log):
        """The append itself gives the receipt; nothing is read back."""
        log = new_log()
        for size in range(1, 40):
            log.seal()
            verified = verify_receipt(log.receipt_of_last(), log.bodies[-1], log.keys, log.origin)
            assert verified.checkpoint.size == size


class TestRefused:
    @pytest.fixture
    def log(self, new_log):
        made = new_log()
        for _ in range(11):
            made.seal()
        return made

    def test_for_other_bytes(self, log):
        with pytest.raises(ProofError):
            verify_receipt(log.receipt_of_last(), log.bodies[0], log.keys, log.origin)

    def test_from_another_log(self, log, new_log):
        other = new_log("other.example")
        other.append(log.bodies[-1])

        with pytest.raises(SignatureError):
            verify_receipt(other.receipt_of_last(), log.bodies[-1], log.keys, log.origin)
        with pytest.raises(OriginError):
            verify_receipt(other.receipt_of_last(), log.bodies[-1], other.keys, log.origin)

    def test_under_a_forged_checkpoint(self, log):
        """Whoever holds the database but not the key cannot make one."""
        thief = Signer.from_seed(log.origin, b"\x66" * 32)
        forged = build_receipt(
            log.size - 1, log.frontier.inclusion_path_of_last(), sign_checkpoint(log.head, thief)
        )
        with pytest.raises(SignatureError):
            verify_receipt(forged, log.bodies[-1], log.keys, log.origin)

    def test_under_a_retired_key(self, log):
        old = log.signer
        log.rotate(b"\x08" * 32)
        log.seal()
        stale = build_receipt(
            log.size - 1, log.frontier.inclusion_path_of_last(), sign_checkpoint(log.head, old)
        )
        with pytest.raises(RetiredKeyError, match="is in force, and it did not sign"):
            verify_receipt(stale, log.bodies[-1], log.keys, log.origin)

    @given(data=st.data())
    def test_with_one_flipped_bit(self, data, small_receipt):
        receipt, body, keys, origin = small_receipt
        bit = data.draw(st.integers(0, len(receipt) * 8 - 1))
        changed = bytearray(receipt)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LedgerError):
            verify_receipt(bytes(changed), body, keys, origin)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: b"",
            lambda text: text.replace(b"@v1", b"@v2"),
            lambda text: text.replace(b"\nindex", b"\nextra AAAA\nindex"),
            lambda text: text.replace(b"index 10", b"index 010"),
            lambda text: text.replace(b"index 10", b"index -1"),
            lambda text: text.replace(b"index 10", b"index"),
            lambda text: text.replace(b"index 10", b"place 10"),
            lambda text: text.replace(b"index 10\n", b"index 10\n\n"),
            lambda text: text.replace(b"index 10\n", b"index 10\nAAAA\n"),
            lambda text: text.replace(b"index 10\n", b"index 10\n" + (b"A" * 43 + b"=\n") * 64),
            lambda text: text.replace(b"\n", b"\r\n"),
            lambda text: text.replace(b"index", "indéx".encode()),
            lambda text: text.partition(b"\n\n")[0],
            lambda text: text + b"x" * 300_000,
        ],
    )
    def test_in_another_form(self, log, change):
        changed = change(log.receipt_of_last())
        with pytest.raises(LedgerError):
            verify_receipt(changed, log.bodies[-1], log.keys, log.origin)

    def test_when_no_tree_has_it(self):
        for index, proof in ((-1, ()), (2**63, ()), (0, (b"short",)), (0, (bytes(32),) * 64)):
            with pytest.raises(MalformedReceiptError):
                build_receipt(index, proof, b"")


@pytest.fixture(scope="module")
def small_receipt(cheap_log):
    log = cheap_log(11)
    return log.receipt_of_last(), log.bodies[-1], log.keys, log.origin
