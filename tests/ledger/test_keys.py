"""Rotation: the old key says who follows, and is worth nothing afterwards."""

import pytest

from counterseal.ledger.checkpoint import Checkpoint, Signer, Verifier, sign_checkpoint
from counterseal.ledger.entry import read_entry
from counterseal.ledger.errors import (
    LedgerError,
    MalformedKeyError,
    OriginError,
    RetiredKeyError,
    SignatureError,
)
from counterseal.ledger.keys import KeyHistory, KeyPeriod, rotation_entry, rotation_fault

ORIGIN = "log.agency.example/ledger"
FIRST, SECOND, THIRD = (Signer.from_seed(ORIGIN, bytes([at]) * 32) for at in (1, 2, 3))
HISTORY = (
    KeyHistory.single(FIRST.verifier).rotated(SECOND.verifier, at_size=5).rotated(THIRD.verifier, at_size=9)
)


def signed(size: int, *signers: Signer) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), *signers)


class TestWhoSpeaks:
    @pytest.mark.parametrize(
        ("size", "signers"),
        [
            (1, (FIRST,)),
            (4, (FIRST,)),
            (5, (FIRST, SECOND)),
            (6, (SECOND,)),
            (8, (SECOND,)),
            (9, (SECOND, THIRD)),
            (10, (THIRD,)),
            (10**6, (THIRD,)),
        ],
    )
    def test_the_key_in_force_signs_and_both_at_a_rotation(self, size, signers):
        assert HISTORY.open_checkpoint(signed(size, *signers)).size == size
        assert HISTORY.required_at(size) == tuple(signer.verifier for signer in signers)

    @pytest.mark.parametrize(
        ("size", "signers"),
        [
            (6, (FIRST,)),
            (10**6, (FIRST, SECOND)),
            (4, (SECOND,)),
            (5, (FIRST,)),
            (5, (SECOND,)),
            (9, (THIRD,)),
        ],
    )
    def test_any_other_key_does_not(self, size, signers):
        with pytest.raises(RetiredKeyError, match=f"at size {size}"):
            HISTORY.open_checkpoint(signed(size, *signers))

    def test_an_unknown_key_does_not(self):
        with pytest.raises(SignatureError):
            HISTORY.open_checkpoint(signed(6, Signer.from_seed(ORIGIN, b"\x09" * 32)))

    def test_the_origin_is_checked(self):
        with pytest.raises(OriginError):
            HISTORY.open_checkpoint(signed(6, SECOND), origin="other.example")


class TestHistory:
    def test_keys_json_reads_back(self):
        assert KeyHistory.from_json(HISTORY.to_json()) == HISTORY
        assert HISTORY.current == THIRD.verifier

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"[]",
            b"{}",
            b'{"keys":1}',
            b'{"keys":[1]}',
            b'{"keys":[{"from_size":0}]}',
            b'{"keys":[]}',
            b'{"keys":[],"more":1}',
            b"[" * 50_000,
            "é".encode(),
            HISTORY.to_json() + b" ",
            HISTORY.to_json().replace(b'"from_size": 5', b'"from_size": 5.0'),
            HISTORY.to_json().replace(b'"from_size": 0', b'"from_size": false'),
            HISTORY.to_json().replace(b'"from_size": 0', b'"from_size": 1'),
            HISTORY.to_json().replace(b'"from_size": 9', b'"from_size": 5'),
            HISTORY.to_json().replace(FIRST.vkey.encode(), SECOND.vkey.encode()),
            HISTORY.to_json().replace(FIRST.vkey.encode(), b"no key"),
        ],
        ids=lambda data: repr(data[-30:]),
    )
    def test_another_file_is_refused(self, data):
        with pytest.raises(MalformedKeyError):
            KeyHistory.from_json(data)

    def test_every_key_has_the_logs_name(self):
        stranger = Verifier("other.example", SECOND.verifier.public)
        with pytest.raises(MalformedKeyError, match="the log's name"):
            KeyHistory((KeyPeriod(FIRST.verifier, 0), KeyPeriod(stranger, 5)))


class TestRotationEntry:
    def test_it_names_the_new_key(self, new_log):
        log = new_log()
        log.seal()
        old = log.signer.verifier
        log.rotate(b"\x02" * 32)
        entry = read_entry(log.bodies[-1])

        assert rotation_fault(entry, old, log.signer.verifier) is None
        assert "does not hand over" in str(rotation_fault(entry, log.signer.verifier, old))
        assert "not `log.key-rotated`" in str(rotation_fault(read_entry(log.bodies[0]), old, old))
        assert log.keys.open_checkpoint(log.checkpoint()).size == 2

    def test_the_checkpoint_of_a_rotation_needs_both(self, new_log):
        log = new_log()
        log.rotate(b"\x02" * 32)
        with pytest.raises(RetiredKeyError):
            log.keys.open_checkpoint(sign_checkpoint(log.head, log.signer))

    def test_the_new_key_is_new_and_of_this_log(self, new_log):
        log = new_log()
        for other in (log.signer.verifier, Verifier("other.example", bytes(32))):
            with pytest.raises(LedgerError, match="another key"):
                rotation_entry(old=log.signer.verifier, new=other, at=None, committed={}, salt=log.salt)
