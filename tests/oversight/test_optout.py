"""Keyed tokens and the signed list: what a program without a connection may rely on."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.checkpoint import Signer
from counterseal.oversight.optout import (
    ForgedListError,
    ListRefusedError,
    OptOutList,
    ReferenceKind,
    RolledBackListError,
    Seen,
    StaleListError,
    TruncatedListError,
    normalised_reference,
    read_list,
    receipt_code,
    sign_list,
    token_of,
)
from counterseal.terms.errors import BadInputError

KEY = b"k" * 32
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
SIGNER = Signer.from_seed("agency.example/faces/opt-out", b"s" * 32)
TOKENS = [token_of(KEY, ReferenceKind.BOOKING, f"BOOK{n:03}") for n in range(20)]
PACK = "sha256:" + "0" * 64


def signed(tokens=TOKENS, *, signer: Signer = SIGNER, sequence: int = 7, issued: datetime = NOW) -> bytes:
    return sign_list(tokens, signer=signer, sequence=sequence, issued=issued, days=31, pack=PACK)


def read(data: bytes, *, at: datetime = NOW, seen: Seen | None = None) -> OptOutList:
    return read_list(data, verifier=SIGNER.verifier, at=at, seen=seen)


class TestTokens:
    @pytest.mark.parametrize(
        "written", ["x1234-567", " X 1234 567 ", "X1234567", "x1234.567", "\uff381234567"]
    )
    def test_the_same_reference_however_it_is_written(self, written):
        assert token_of(KEY, ReferenceKind.DOCUMENT, written) == token_of(
            KEY, ReferenceKind.DOCUMENT, "X1234567"
        )

    def test_another_key_another_kind_another_reference_another_token(self):
        tokens = {
            token_of(key, kind, reference)
            for key in (KEY, b"other" * 7)
            for kind in ReferenceKind
            for reference in ("X1234567", "X1234568")
        }
        assert len(tokens) == 12
        assert all(re.fullmatch("[0-9a-f]{32}", token) for token in tokens)

    @pytest.mark.parametrize("wrong", ["", "1234", "A" * 65, "AB/12;34", "näme12", "<script>"])
    def test_what_is_no_reference(self, wrong):
        with pytest.raises(BadInputError, match="5 to 64"):
            normalised_reference(wrong)

    @given(st.binary(min_size=16, max_size=16))
    def test_a_receipt_code_is_read_out_and_typed_back(self, random):
        """Lower case, no dashes, O for 0 and I or L for 1."""
        code = receipt_code(random)
        misread = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

        assert re.fullmatch(r"[0-9A-Z]{6}(-[0-9A-Z]{5}){4}", code)
        assert token_of(KEY, ReferenceKind.RECEIPT, code) == token_of(KEY, ReferenceKind.RECEIPT, misread)

    @given(st.sets(st.binary(min_size=16, max_size=16), min_size=2, max_size=20))
    def test_two_receipts_have_two_codes(self, randoms):
        assert len({receipt_code(r) for r in randoms}) == len(randoms)

    def test_a_code_comes_from_128_random_bits(self):
        with pytest.raises(ValueError, match="16 random bytes"):
            receipt_code(b"short")


class TestList:
    def test_a_signed_list_is_read_back(self):
        read_back = read(signed(reversed(TOKENS)))

        assert read_back.tokens == tuple(sorted(TOKENS))
        assert (read_back.sequence, read_back.issued) == (7, NOW)
        assert read_back.valid_until == NOW + timedelta(days=31)
        assert all(read_back.holds(token) for token in TOKENS)
        assert not read_back.holds(token_of(KEY, ReferenceKind.BOOKING, "BOOK999"))

    def test_a_choice_registered_twice_stands_once(self):
        assert read(signed([*TOKENS, *TOKENS])).tokens == tuple(sorted(TOKENS))

    def test_an_empty_list_is_a_list(self):
        assert read(signed([])).tokens == ()

    def test_it_holds_no_reference(self):
        assert b"BOOK" not in signed()

    @pytest.mark.parametrize("days", [31, 400])
    def test_stale(self, days):
        with pytest.raises(StaleListError, match="ran out"):
            read(signed(), at=NOW + timedelta(days=days))

    def test_the_last_second_still_counts(self):
        assert read(signed(), at=NOW + timedelta(days=31, seconds=-1)).tokens

    def test_from_the_future(self):
        with pytest.raises(StaleListError, match="clock"):
            read(signed(), at=NOW - timedelta(minutes=6))

    def test_of_another_key(self):
        with pytest.raises(ForgedListError):
            read(signed(signer=Signer.from_seed(SIGNER.verifier.name, b"t" * 32)))

    def test_of_another_agency_with_a_key_of_its_own(self):
        with pytest.raises(ForgedListError, match="other"):
            read(signed(signer=Signer.from_seed("other.example/opt-out", b"s" * 32)))

    def test_something_else_signed_by_the_right_key(self):
        text = b"agency.example/faces/opt-out\n12\nabc\n"
        with pytest.raises(ForgedListError):
            read(text + b"\n" + SIGNER.signature_line(text).encode())

    def test_a_number_that_lies_under_a_right_signature(self):
        """Even the signer's own slip is refused: the count is the list's length."""
        text = signed().rpartition(b"\n\n")[0].replace(b"count 20", b"count 21") + b"\n"
        with pytest.raises(TruncatedListError, match="21"):
            read(text + b"\n" + SIGNER.signature_line(text).encode())

    def test_tokens_out_of_order_under_a_right_signature(self):
        """Out of order, a look-up would miss a choice."""
        lines = signed().rpartition(b"\n\n")[0].split(b"\n")
        lines[7], lines[8] = lines[8], lines[7]
        text = b"\n".join(lines) + b"\n"
        with pytest.raises(ForgedListError, match="rising"):
            read(text + b"\n" + SIGNER.signature_line(text).encode())

    def test_rolled_back(self):
        seen = read(signed(sequence=8)).seen
        with pytest.raises(RolledBackListError, match="older"):
            read(signed(sequence=7), seen=seen)

    def test_the_same_list_again_and_a_later_one(self):
        seen = read(signed()).seen
        assert read(signed(), seen=seen).seen == seen
        assert read(signed(sequence=8), seen=seen).seen.sequence == 8

    def test_two_lists_of_one_number(self):
        seen = read(signed()).seen
        with pytest.raises(RolledBackListError, match="two lists"):
            read(signed(TOKENS[1:]), seen=seen)

    @given(st.data())
    def test_no_byte_can_be_changed(self, data):
        whole = signed(TOKENS[:3])
        at = data.draw(st.integers(0, len(whole) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda b: b != whole[at]))
        with pytest.raises(ListRefusedError):
            read(whole[:at] + bytes([byte]) + whole[at + 1 :])

    @given(st.integers(0, len(signed(TOKENS[:3])) - 1))
    def test_no_part_can_be_missing(self, size):
        """Cut short anywhere, or a line taken out, or something added."""
        whole = signed(TOKENS[:3])
        with pytest.raises(ListRefusedError):
            read(whole[:size])

    def test_a_line_cut_out_or_added(self):
        whole = signed()
        lines = whole.split(b"\n")
        for changed in (
            b"\n".join(lines[:9] + lines[10:]),
            b"\n".join([*lines[:9], b"0" * 32, *lines[9:]]),
            whole + b"\n",
            whole + whole.split(b"\n\n")[1],
        ):
            with pytest.raises(ListRefusedError):
                read(changed)

    @pytest.mark.parametrize("tokens", [["x" * 32], ["ab"], ["A" * 32]])
    def test_what_is_no_token_is_not_signed(self, tokens):
        with pytest.raises(ValueError, match="tokens"):
            signed(tokens)
