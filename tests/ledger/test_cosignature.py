"""Cosignatures and the policy of witnesses: the published examples, and one spelling of everything."""

import base64
import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.checkpoint import MAX_SIGNATURES, Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.cosignature import (
    Cosigner,
    CosignerKey,
    ForeignKey,
    cosigned_message,
    open_cosignatures,
    read_witness_key,
    signature_line,
    split_lines,
    with_lines,
)
from counterseal.ledger.errors import (
    LedgerError,
    MalformedKeyError,
    MalformedNoteError,
    MalformedPolicyError,
    SignatureError,
)
from counterseal.ledger.quorum import WitnessPolicy, parse_policy

# The example of C2SP tlog-cosignature ("Below is an example of a checkpoint that contains a cosignature").
# Neither key is published: the layout can be checked, the signatures cannot.
C2SP_COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe"
    "4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWX"
    "EhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
# The example of the same text, section "Ed25519 signed message": the message that is signed.
C2SP_MESSAGE = (
    b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
    b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)
# The example of C2SP tlog-witness: three cosignatures that a witness answered.
C2SP_ANSWER = (
    "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DX"
    "DqI5G2HgLatVs0pWh6Up69HVOw==\n"
    "— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+"
    "UfzuOBMh9ChdMkP1vi/lCAsmlw==\n"
    "— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJh"
    "m/kWl7oJlqU3rXXvpysAdyP3wQ==\n"
).encode()

ORIGIN = "log.agency.example/ledger"
LOG = Signer.from_seed(ORIGIN, b"\x01" * 32)
W1 = Cosigner.from_seed("inspector.example/w1", b"\x02" * 32)
W2 = Cosigner.from_seed("court.example/w2", b"\x03" * 32)
W3 = Cosigner.from_seed("press.example/w3", b"\x04" * 32)
CHECKPOINT = Checkpoint(ORIGIN, 7, b"\x05" * 32)
NOTE = sign_checkpoint(CHECKPOINT, LOG)
TEXT = CHECKPOINT.text().encode()
AT = 1_800_000_000


def cosigned(*cosigners: Cosigner, at: int = AT, note: bytes = NOTE) -> bytes:
    return with_lines(note, [c.cosign(TEXT, at=at) for c in cosigners])


class TestPublishedExamples:
    def test_message_is_as_published(self):
        text = b"".join(C2SP_MESSAGE.splitlines(keepends=True)[2:])

        assert cosigned_message(text, 1679315147) == C2SP_MESSAGE

    def test_cosigned_checkpoint_is_laid_out_as_published(self):
        """8 bytes of time behind the key id; the published time is that of the published message."""
        (_, (name, signed)) = split_lines(C2SP_COSIGNED.partition(b"\n\n")[2])

        assert (name, signed[:4].hex(), len(signed)) == ("witness.example.com/w1", "8d66cf3f", 4 + 8 + 64)
        assert int.from_bytes(signed[4:12], "big") == 1679315147
        assert open_cosignatures(C2SP_COSIGNED, [W1.key]) == ()

    def test_answer_of_a_witness_is_split_as_published(self):
        assert [name for name, _ in split_lines(C2SP_ANSWER)] == ["witness.example/w1"] * 2 + [
            "witness.example/w2"
        ]
        assert {len(signed) for _, signed in split_lines(C2SP_ANSWER)} == {76}

    def test_key_id_is_the_formula(self):
        """SHA-256(<name> || "\\n" || 0x04 || key)[:4], computed here from nothing of ours."""
        public = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32).public_key().public_bytes_raw()
        expected = sha256(b"inspector.example/w1\n\x04" + public).digest()[:4]

        assert W1.key.key_id == expected
        assert (
            W1.key.vkey
            == f"inspector.example/w1+{expected.hex()}+{base64.b64encode(b'%c' % 4 + public).decode()}"
        )

    def test_signature_is_over_the_published_layout(self):
        """Checked with the key alone, without our own verifier."""
        (_, signed), *_ = split_lines(W1.cosign(TEXT, at=AT).encode())
        public = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32).public_key()

        public.verify(signed[12:], b"cosignature/v1\ntime 1800000000\n" + TEXT)


class TestOpen:
    def test_known_witnesses_open_in_the_order_of_the_note(self):
        opened = open_cosignatures(cosigned(W2, W1), [W1.key, W2.key])

        assert [(c.key.name, c.at) for c in opened] == [
            ("court.example/w2", AT),
            ("inspector.example/w1", AT),
        ]

    def test_unknown_witness_is_ignored(self):
        """signed-note: signatures of unknown keys are ignored, even under a known name."""
        imposter = Cosigner.from_seed(W1.key.name, b"\x09" * 32)

        assert open_cosignatures(cosigned(imposter, W3), [W1.key, W2.key]) == ()

    def test_unknown_signature_type_is_carried(self):
        line = signature_line("future.example/w", b"\x01\x02\x03\x04" + b"\x00" * 2428)
        note = with_lines(cosigned(W1), [line])

        assert line.encode() in note
        assert len(open_cosignatures(note, [W1.key])) == 1

    @pytest.mark.parametrize("byte", [4, 11, 12, 40, 75])
    def test_any_changed_byte_of_a_known_cosignature_refuses(self, byte):
        (name, signed), *_ = split_lines(W1.cosign(TEXT, at=AT).encode())
        forged = signature_line(name, signed[:byte] + bytes([signed[byte] ^ 1]) + signed[byte + 1 :])

        with pytest.raises(SignatureError):
            open_cosignatures(with_lines(NOTE, [forged]), [W1.key])

    def test_cosignature_of_another_checkpoint_refuses(self):
        other = W1.cosign(Checkpoint(ORIGIN, 8, b"\x05" * 32).text().encode(), at=AT)

        with pytest.raises(SignatureError):
            open_cosignatures(with_lines(NOTE, [other]), [W1.key])

    @pytest.mark.parametrize("length", [1, 8, 64, 71, 73, 200])
    def test_wrong_length_refuses(self, length):
        with pytest.raises(SignatureError, match="no timed signature"):
            open_cosignatures(
                with_lines(NOTE, [signature_line(W1.key.name, W1.key.key_id + b"\x01" * length)]), [W1.key]
            )

    @pytest.mark.parametrize("at", [0, 1 << 63, (1 << 64) - 1])
    def test_time_that_is_none_refuses(self, at):
        private = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
        signed = at.to_bytes(8, "big") + private.sign(cosigned_message(TEXT, at))

        with pytest.raises(SignatureError, match="no timed signature"):
            W1.key.open(TEXT, signed)

    def test_a_log_signature_under_the_same_key_is_no_cosignature(self):
        """The header keeps the domains apart: the key signs the bare text, and that counts for nothing."""
        private = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)

        with pytest.raises(SignatureError):
            W1.key.open(TEXT, AT.to_bytes(8, "big") + private.sign(TEXT))

    def test_one_witness_twice_refuses(self):
        with pytest.raises(MalformedNoteError, match="twice"):
            open_cosignatures(with_lines(cosigned(W1), [W1.cosign(TEXT, at=AT + 1)]), [W1.key])

    def test_the_same_line_is_not_added_twice(self):
        line = W1.cosign(TEXT, at=AT)

        assert with_lines(NOTE, [line, line]) == with_lines(with_lines(NOTE, [line]), [line])

    def test_too_many_lines_refuse(self):
        lines = [W1.cosign(TEXT, at=AT + n) for n in range(MAX_SIGNATURES)]

        with pytest.raises(MalformedNoteError, match="at most"):
            with_lines(NOTE, lines)

    @pytest.mark.parametrize("at", [0, -1, 1 << 63])
    def test_nothing_is_cosigned_at_an_instant_that_is_none(self, at):
        with pytest.raises(MalformedNoteError):
            W1.cosign(TEXT, at=at)

    @pytest.mark.parametrize(
        "body", [b"", b"\n", b"garbage\n", b"<html></html>\n", C2SP_ANSWER[:-1], b"\xff\n"]
    )
    def test_answer_that_is_no_lines_refuses(self, body):
        with pytest.raises(MalformedNoteError):
            split_lines(body)

    @given(st.binary(max_size=300))
    def test_no_bytes_break_the_reader(self, body):
        for read in (split_lines, lambda b: open_cosignatures(b, [W1.key])):
            try:
                read(body)
            except LedgerError as error:
                assert str(error)


class TestKeys:
    def test_keys_come_back_from_their_text(self):
        assert read_witness_key(W1.key.vkey) == W1.key

    def test_ml_dsa_key_is_carried_and_not_verified(self):
        material = b"\x06" + b"\x07" * 1312
        key_id = sha256(b"new.example/w\n" + material).digest()[:4]
        vkey = f"new.example/w+{key_id.hex()}+{base64.b64encode(material).decode()}"
        key = read_witness_key(vkey)

        assert isinstance(key, ForeignKey)
        assert key.vkey == vkey

    @pytest.mark.parametrize(
        ("vkey", "says"),
        [
            ("", "name, id and key"),
            ("a+b", "name, id and key"),
            (LOG.vkey, "makes no cosignatures"),
            (W1.key.vkey.replace("inspector", "inspektor"), "its id should be"),
            (W1.key.vkey[:-4] + "####", "not base64"),
            ("w+00000000+BA==", "no key in it"),
            ("w+00000000+BAUG", "32 bytes"),
            (" +00000000+BAUG", "no key name"),
            ("\udc80+00000000+" + W1.key.vkey.split("+", 2)[2], "UTF-8"),
        ],
    )
    def test_malformed_key_refuses(self, vkey, says):
        with pytest.raises(MalformedKeyError, match=says):
            read_witness_key(vkey)

    def test_seed_and_public_key_have_32_bytes(self):
        with pytest.raises(MalformedKeyError):
            Cosigner.from_seed("w", b"\x01" * 31)
        with pytest.raises(MalformedKeyError):
            CosignerKey("w", b"\x01" * 33)


HEAD = "# counts from 2026-01-01T00:00:00Z"
POLICY = f"""# the witnesses of our log
log {LOG.vkey}

{HEAD}
witness ig {W1.key.vkey} https://witness.inspector.example/
{HEAD} until 2027-01-01T00:00:00Z
\twitness  court {W2.key.vkey}
{HEAD}
witness press {W3.key.vkey}
group public 1 court press
group both all ig public
quorum both
"""
IN_2026 = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
END_2026 = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())


def policy(text: str = POLICY) -> WitnessPolicy:
    return parse_policy(text.encode())


class TestQuorum:
    def test_policy_reads_as_the_text_says(self):
        read = policy()

        assert read.logs == (LOG.verifier,)
        assert [(w.name, w.url) for w in read.witnesses] == [
            ("ig", "https://witness.inspector.example"),
            ("court", ""),
            ("press", ""),
        ]
        assert [(g.name, g.threshold, g.members) for g in read.groups] == [
            ("public", 1, ("court", "press")),
            ("both", 2, ("ig", "public")),
        ]
        assert read.quorum == "both"

    @pytest.mark.parametrize(
        ("who", "held"),
        [
            ((), False),
            ((W1,), False),
            ((W2, W3), False),
            ((W1, W2), True),
            ((W1, W3), True),
            ((W1, W2, W3), True),
        ],
    )
    def test_groups_are_counted_as_the_example_of_the_text(self, who, held):
        judged = policy().judge(cosigned(*who, at=IN_2026))

        assert judged.held is held
        assert (judged.missing == "") is held
        assert len(judged.by) == len(who)

    def test_the_fewest_that_can_make_the_quorum(self):
        """2 of 3 in one group and any of another: three witnesses at least."""
        names = [Cosigner.from_seed(f"w.example/{n}", bytes([n + 50]) * 32) for n in range(5)]
        lines = "".join(f"{HEAD}\nwitness w{n} {c.key.vkey}\n" for n, c in enumerate(names))
        text = lines + "group x 2 w0 w1 w2\ngroup y any w3 w4\ngroup z all x y\n"

        fewest = {
            quorum: policy(f"{text}quorum {quorum}\n").fewest for quorum in ("w0", "x", "y", "z", "none")
        }
        assert fewest == {"w0": 1, "x": 2, "y": 1, "z": 3, "none": 0}

    def test_what_is_missing_is_named(self):
        missing = policy().judge(cosigned(W2, at=IN_2026)).missing

        assert missing == "1 of the 2 that `both` needs; without a cosignature that counts: ig"

    def test_quorum_is_complete_with_its_last_needed_member(self):
        note = with_lines(
            NOTE,
            [W1.cosign(TEXT, at=IN_2026), W2.cosign(TEXT, at=IN_2026 + 9), W3.cosign(TEXT, at=IN_2026 + 5)],
        )

        assert policy().judge(note).since == datetime.fromtimestamp(IN_2026 + 5, UTC)

    @pytest.mark.parametrize(
        ("at", "held"),
        [(END_2026 - 1, True), (END_2026, False), (END_2026 + 1, False), (1_700_000_000, False)],
    )
    def test_a_witness_counts_only_within_its_dates(self, at, held):
        """The last second counts, the first instant after does not; neither does a time before the first."""
        assert policy().judge(cosigned(W1, W2, at=at)).held is held

    def test_a_time_beyond_all_calendars_does_not_break(self):
        assert policy().judge(cosigned(W1, W3, at=2**63 - 1)).held

    def test_single_witness_and_none(self):
        alone = policy(POLICY.replace("quorum both", "quorum ig"))
        nobody = policy(POLICY.replace("quorum both", "quorum none"))

        assert alone.judge(cosigned(W1, at=IN_2026)).held
        assert alone.judge(NOTE).missing == "no cosignature by `ig` that counts"
        assert nobody.judge(NOTE).held
        assert nobody.judge(NOTE).since is None

    def test_key_that_cannot_be_verified_never_counts(self):
        """Fail closed: a line under such a key is carried, and the quorum stays missing."""
        material = b"\x06" + b"\x07" * 1312
        key_id = sha256(b"new.example/w\n" + material).digest()[:4]
        vkey = f"new.example/w+{key_id.hex()}+{base64.b64encode(material).decode()}"
        read = policy(f"{HEAD}\nwitness new {vkey}\nquorum new\n")
        note = with_lines(NOTE, [signature_line("new.example/w", key_id + b"\x00" * 2428)])

        assert not read.judge(note).held

    def test_wrong_cosignature_of_a_listed_witness_refuses_the_note(self):
        with pytest.raises(SignatureError):
            policy().judge(with_lines(NOTE, [signature_line(W1.key.name, W1.key.key_id + b"\x01" * 72)]))

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (("quorum both\n", ""), "no quorum line"),
            (("quorum both\n", "quorum both\nquorum ig\n"), "one quorum line"),
            (("quorum both", "quorum nobody"), "not defined above"),
            (("quorum both\n", "quorum both"), "ends with a newline"),
            ((HEAD, "# count from 2026-01-01T00:00:00Z"), "line 5 .* must say from when it counts"),
            ((HEAD, "# counts from 2026-01-01"), "no instant"),
            ((HEAD, "# counts from 2026-02-30T00:00:00Z"), "does not exist"),
            (("until 2027", "until 2025"), "until a later one"),
            (("\nlog", f"\n{HEAD}\nlog"), "comes its witness"),
            (("quorum both\n", f"quorum both\n{HEAD}\n"), "ends below"),
            ((f"log {LOG.vkey}", f"log {LOG.vkey}\nlog {LOG.vkey}"), "listed already"),
            ((f"witness press {W3.key.vkey}", f"witness press {W2.key.vkey}"), "listed already"),
            ((f"log {LOG.vkey}", f"log {W1.key.vkey}"), "only Ed25519 .type 1."),
            (("witness press", "witness ig"), "is taken"),
            (("witness press", "witness none"), "is taken"),
            (("group public 1", "group ig 1"), "is taken"),
            (("group public 1 court press", "group public 3 court press"), "can never be there"),
            (("group public 1 court press", "group public 0 court press"), "no threshold"),
            (("group public 1 court press", "group public 01 court press"), "no threshold"),
            (("group public 1 court press", "group public some court press"), "no threshold"),
            (("group public 1 court press", "group public 1"), "is none of"),
            (("group public 1 court press", "group public 1 court court"), "counts once"),
            (("group both all ig public", "group both all ig court"), "counts once"),
            (("group both all ig public", "group both all ig none"), "not defined above"),
            (("https://", "ftp://"), "no address"),
            (("quorum both", "quorum both extra"), "is none of"),
            (("# the", "\x00 the"), "control characters"),
            (("# the", "# the\r"), "control characters"),
            (("# the", "qorum the"), "is none of"),
        ],
    )
    def test_anything_else_refuses_and_says_where(self, change, says):
        assert change[0] in POLICY
        with pytest.raises(MalformedPolicyError, match=says):
            policy(POLICY.replace(*change))

    def test_a_policy_that_is_too_long_refuses(self):
        with pytest.raises(MalformedPolicyError, match="at most"):
            parse_policy(b"#" * (1 << 20) + b"\n")

    def test_names_are_opaque_octets(self):
        """tlog-policy, Character set: octets above 0x7F may appear and mean nothing."""
        read = parse_policy(re.sub(r"(?<=[ ])press\b(?!\.)", "pr\u00e9ss", POLICY).encode("latin-1"))

        assert read.judge(cosigned(W1, W3, at=IN_2026)).held

    @given(st.text(alphabet="#logwitnesqurmcafk 012\n\t+"))
    def test_no_text_breaks_the_reader(self, text):
        try:
            parse_policy(text.encode())
        except MalformedPolicyError as error:
            assert str(error)
