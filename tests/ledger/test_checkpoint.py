"""Signed notes and checkpoints: the published examples, and one spelling of everything."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.checkpoint import (
    MAX_NOTE,
    Checkpoint,
    Signer,
    Verifier,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    sign_checkpoint,
    sign_note,
    split_note,
)
from counterseal.ledger.errors import (
    LedgerError,
    MalformedKeyError,
    MalformedNoteError,
    OriginError,
    SignatureError,
)
from counterseal.ledger.tree import EMPTY_ROOT

# The example of Go's golang.org/x/mod/sumdb/note (example_test.go), key and note.
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFY"
    "C2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_NOTE = f"{GO_TEXT}\n{GO_SIGNATURE}".encode()
# The example of C2SP tlog-checkpoint. Its key is not published: only the form can be checked.
C2SP_NOTE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe"
    "4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()

ORIGIN = "log.agency.example/ledger"
SIGNER = Signer.from_seed(ORIGIN, b"\x01" * 32)
OTHER = Signer.from_seed(ORIGIN, b"\x02" * 32)
CHECKPOINT = Checkpoint(ORIGIN, 7, b"\x05" * 32)
NOTE = sign_checkpoint(CHECKPOINT, SIGNER)
TEXT, _, LINE = NOTE.decode().rpartition("\n\n")
TEXT += "\n"


def note(text: str = TEXT, lines: str = LINE) -> bytes:
    return f"{text}\n{lines}".encode()


class TestPublishedExamples:
    def test_go_note_opens(self):
        opened = open_note(GO_NOTE, [Verifier.from_vkey(GO_VKEY)])

        assert opened.text == GO_TEXT
        assert [verifier.key_id.hex() for verifier in opened.signed_by] == ["c74f20a3"]

    def test_go_note_is_signed_byte_for_byte(self):
        signer = Signer.from_seed("PeterNeumann", GO_SEED)

        assert signer.vkey == GO_VKEY
        assert sign_note(GO_TEXT, signer) == GO_NOTE

    def test_a_second_signature_stands_below_the_first(self):
        """Go's Sign_add_signatures: EnochRoot's key comes from a reader of zeros."""
        enoch = Signer.from_seed("EnochRoot", bytes(32))
        line = (
            "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp"
            "+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
        )

        assert sign_note(GO_TEXT, Signer.from_seed("PeterNeumann", GO_SEED), enoch) == GO_NOTE + line.encode()

    def test_c2sp_checkpoint_has_our_form(self):
        text, signatures = split_note(C2SP_NOTE)

        checkpoint = parse_checkpoint(text)
        assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
        assert checkpoint.text() == text
        assert [name for name, _ in signatures] == ["example.com/behind-the-sofa"]


class TestOpening:
    def test_a_checkpoint_comes_back(self):
        assert open_checkpoint(NOTE, [SIGNER.verifier], origin=ORIGIN) == CHECKPOINT

    def test_of_another_log_is_refused(self):
        with pytest.raises(OriginError, match=r"not of `other\.example`"):
            open_checkpoint(NOTE, [SIGNER.verifier], origin="other.example")

    def test_signatures_of_unknown_keys_are_ignored(self):
        """C2SP signed-note: witnesses may add theirs, even a broken one of an unknown key."""
        stranger = Signer.from_seed("witness.example", b"\x03" * 32).signature_line(b"another text")
        both = note(lines=stranger * 2 + LINE)

        assert open_checkpoint(both, [SIGNER.verifier]) == CHECKPOINT

    def test_a_name_alone_is_not_a_known_key(self):
        with pytest.raises(SignatureError, match="no trusted key"):
            open_checkpoint(NOTE, [OTHER.verifier])

    def test_no_trusted_key_no_note(self):
        with pytest.raises(SignatureError, match="no trusted key"):
            open_checkpoint(NOTE, [])

    def test_a_wrong_signature_of_a_known_key_refuses_all(self):
        wrong = OTHER.signature_line(b"another text")

        with pytest.raises(SignatureError, match="is wrong"):
            open_checkpoint(note(lines=LINE + wrong), [SIGNER.verifier, OTHER.verifier])

    def test_a_known_key_signs_once(self):
        with pytest.raises(MalformedNoteError, match="twice"):
            open_checkpoint(note(lines=LINE * 2), [SIGNER.verifier])

    def test_sixteen_signatures_are_accepted(self):
        """C2SP signed-note: at least up to 16."""
        signers = [Signer.from_seed(f"witness-{at}.example", bytes([at]) * 32) for at in range(16)]
        signed = sign_note(TEXT, *signers)

        assert len(open_note(signed, [signer.verifier for signer in signers]).signed_by) == 16

    @given(st.data())
    def test_one_flipped_bit_is_refused(self, data):
        bit = data.draw(st.integers(0, len(NOTE) * 8 - 1))
        changed = bytearray(NOTE)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LedgerError):
            open_checkpoint(bytes(changed), [SIGNER.verifier])

    @given(st.binary(max_size=200))
    def test_any_bytes_are_refused(self, data):
        with pytest.raises(LedgerError):
            open_checkpoint(data, [SIGNER.verifier])


class TestOneSpelling:
    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            (NOTE[:-1], "ended by a newline"),
            (NOTE + b"\n", "no signature line|ended by a newline"),
            (NOTE.replace(b"\n\n", b"\n"), "an empty line"),
            (NOTE.replace(b"\n", b"\r\n"), "control characters"),
            (NOTE.replace(b"ledger", b"led\x00er"), "control characters"),
            (NOTE.replace(b"ledger", b"led\tger"), "control characters"),
            (b"\xff" + NOTE, "UTF-8"),
            (NOTE.replace("— ".encode(), b"- "), "no signature line"),
            (note(lines=LINE.replace(f"{ORIGIN} ", "")), "no signature line"),
            (note(lines=LINE.replace(ORIGIN, "")), "no signature line"),
            (note(lines=LINE.replace(ORIGIN, "a+b")), "no signature line"),
            (note(lines=LINE[:-2] + "\n"), "malformed"),
            (note(lines=LINE.replace(" ", "  ")), "no signature line"),
            (note(lines="— name AAAA\n"), "too short"),
            (note(lines=LINE[:-2] + "*\n"), "malformed"),
            (note(lines=LINE * 65), "at most 64"),
            (NOTE + b"x" * MAX_NOTE, "at most"),
        ],
    )
    def test_of_a_note(self, changed, says):
        with pytest.raises(MalformedNoteError, match=says):
            split_note(changed)

    def test_padding_bits_are_zero(self):
        """The last character before `=` has bits that decode to nothing: a second spelling of one signature."""
        at = LINE.index("=") - 1
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
            changed = note(lines=LINE[:at] + other + LINE[at + 1 :])
            if changed != NOTE:
                with pytest.raises(LedgerError):
                    open_checkpoint(changed, [SIGNER.verifier])

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "\n",
            "a\n1\n",
            f"{TEXT}extension\n",
            TEXT.replace("\n7\n", "\n07\n"),
            TEXT.replace("\n7\n", "\n+7\n"),
            TEXT.replace("\n7\n", "\n-7\n"),
            TEXT.replace("\n7\n", "\n٧\n"),
            TEXT.replace("\n7\n", "\n\n"),
            TEXT.replace("\n7\n", f"\n{2**63}\n"),
            TEXT.replace("\n7\n", f"\n{10**30}\n"),
            TEXT.replace("\n7\n", "\n0\n"),
            TEXT.replace("=\n", "\n"),
            TEXT.replace("U=\n", "V=\n"),
            TEXT.replace("BQUF", ""),
            TEXT.replace("BQUF", "BQ F"),
            TEXT.replace("BQUF", "BQéF"),
            TEXT.replace(ORIGIN, ""),
            TEXT.replace(ORIGIN, "two words"),
            TEXT.replace(ORIGIN, "a+b"),
            TEXT[:-1],
        ],
        ids=repr,
    )
    def test_of_a_checkpoint(self, text):
        """Extension lines are allowed by C2SP; our own log has none, so that nothing hides in them."""
        with pytest.raises(MalformedNoteError):
            parse_checkpoint(text)

    def test_signed_extension_lines_are_refused_all_the_same(self):
        with pytest.raises(MalformedNoteError, match="no extension lines"):
            open_checkpoint(sign_note(f"{TEXT}extension\n", SIGNER), [SIGNER.verifier])

    @pytest.mark.parametrize(
        "vkey",
        [
            "",
            "name",
            "name+c74f20a3",
            GO_VKEY.replace("c74f20a3", "c74f20a4"),
            GO_VKEY.replace("c74f20a3", "C74F20A3"),
            GO_VKEY.replace("PeterNeumann", "Peter"),
            GO_VKEY.replace("PeterNeumann", ""),
            GO_VKEY.replace("PeterNeumann", "Peter Neumann"),
            GO_VKEY.replace("+ARpc", "+BBpc"),
            GO_VKEY[:-4],
            GO_VKEY + "\n",
            GO_VKEY + "=",
        ],
        ids=repr,
    )
    def test_of_a_key(self, vkey):
        with pytest.raises(MalformedKeyError):
            Verifier.from_vkey(vkey)


class TestSigning:
    def test_the_empty_tree(self):
        signed = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), SIGNER)

        assert open_checkpoint(signed, [SIGNER.verifier]).size == 0

    @pytest.mark.parametrize(
        "checkpoint",
        [
            Checkpoint(ORIGIN, -1, bytes(32)),
            Checkpoint(ORIGIN, 2**63, bytes(32)),
            Checkpoint(ORIGIN, 1, bytes(31)),
            Checkpoint(ORIGIN, 0, bytes(32)),
            Checkpoint("two words", 1, bytes(32)),
        ],
        ids=repr,
    )
    def test_what_cannot_be_is_not_signed(self, checkpoint):
        with pytest.raises(MalformedNoteError):
            sign_checkpoint(checkpoint, SIGNER)

    def test_a_key_signs_for_its_own_log(self):
        with pytest.raises(MalformedNoteError, match="has that name"):
            sign_checkpoint(Checkpoint("other.example", 1, bytes(32)), SIGNER)

    def test_somebody_signs_and_each_once(self):
        for signers in ((), (SIGNER, SIGNER)):
            with pytest.raises(MalformedNoteError, match="at least one signer"):
                sign_checkpoint(CHECKPOINT, *signers)

    def test_a_seed_has_32_bytes_and_is_never_shown(self):
        with pytest.raises(MalformedKeyError, match="32 bytes"):
            Signer.from_seed(ORIGIN, b"short")
        with pytest.raises(MalformedKeyError, match="32 bytes"):
            Verifier(ORIGIN, b"short")
        assert "PrivateKey" not in repr(SIGNER)
        assert (b"\x01" * 32).hex() not in repr(SIGNER)
