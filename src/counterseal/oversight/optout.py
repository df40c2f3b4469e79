"""Choices as keyed tokens, and the signed list of them for programs without a connection.

A token is a keyed hash of a reference that somebody travels under (a document, a booking, or the receipt of
the choice itself). The list holds tokens and never identities; whoever lacks the key learns nothing from it,
and whoever has the key can only test a reference that they already know.

The list is a text: six header lines, one token a line in rising order, an empty line, one Ed25519 signature
over all before it. A reader refuses it when forged, cut short, not yet or no longer valid, or older than one
already seen. Reads no clock, file or network.

Clauses: D-026-11/opt-out.
"""

import hashlib
import hmac
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from counterseal.ledger.checkpoint import Signer, Verifier
from counterseal.ledger.errors import SignatureError
from counterseal.ledger.strict import base64_std, decimal
from counterseal.terms.errors import BadInputError, CountersealError

TOKEN_HEX = 32
LIST_NAME = "opt-out"
_HEADER = ("sequence", "issued", "valid-until", "count", "pack")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_REFERENCE = re.compile(r"[A-Z0-9]{5,64}")
_TOKEN = re.compile(rf"[0-9a-f]{{{TOKEN_HEX}}}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_SIGNATURE = re.compile(rb"\xe2\x80\x94 (\S+) ([A-Za-z0-9+/=]+)\n")
# Clocks of programs without a connection run ahead and behind.
_CLOCKS_DIFFER = timedelta(minutes=5)


class ListRefusedError(CountersealError):
    """A list of choices cannot be relied on: nobody may be compared on its word."""


class ForgedListError(ListRefusedError):
    """Its signature is not the agency's, or it is no list of this agency."""


class TruncatedListError(ListRefusedError):
    """Part of it is missing."""


class StaleListError(ListRefusedError):
    """It is not valid at this instant."""


class RolledBackListError(ListRefusedError):
    """A later one was seen before, or another one of the same number."""


class ReferenceKind(StrEnum):
    """What a reference is. A receipt is the code that came of a choice made without any other reference."""

    DOCUMENT = "document"
    BOOKING = "booking"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest list that a reader accepted. digest: hex SHA-256 of its bytes."""

    sequence: int
    digest: str


@dataclass(frozen=True, slots=True)
class OptOutList:
    """A list that was checked. tokens: rising. seen: what the reader keeps for the next time."""

    origin: str
    sequence: int
    issued: datetime
    valid_until: datetime
    tokens: tuple[str, ...]
    seen: Seen

    def holds(self, token: str) -> bool:
        """Whether the choice behind this token stands on the list."""
        place = bisect_left(self.tokens, token)
        return place < len(self.tokens) and self.tokens[place] == token


def normalised_reference(text: str) -> str:
    """The reference without case, spaces and dashes, so that it is the same however it is written.

    Raises:
        BadInputError: fewer than 5 or more than 64 letters and digits, or anything else in it.
    """
    bare = re.sub(r"[\s./-]", "", unicodedata.normalize("NFKC", text)).upper()
    if _REFERENCE.fullmatch(bare) is None:
        raise BadInputError(
            "a reference has 5 to 64 letters and digits (spaces and dashes do not count): "
            "give the number of a document or a booking, or the code of a receipt"
        )
    return bare


def token_of(key: bytes, kind: ReferenceKind, reference: str) -> str:
    """The keyed token of a reference: 128 bits of HMAC-SHA-256 (RFC 2104) in hex.

    Raises:
        BadInputError: see `normalised_reference`.
    """
    bare = normalised_reference(reference)
    if kind is ReferenceKind.RECEIPT:
        # Whoever reads a code out loud says O for 0 and I or L for 1.
        bare = bare.translate(str.maketrans("OIL", "011"))
    message = f"counterseal/opt-out/1\n{kind}\n{bare}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:TOKEN_HEX]


def receipt_code(random: bytes) -> str:
    """16 random bytes as a code that can be read out: 26 characters in groups.

    Raises:
        ValueError: another number of bytes.
    """
    if len(random) != 16:
        raise ValueError(f"a receipt code comes from 16 random bytes, not {len(random)}")
    number = int.from_bytes(random, "big")
    code = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
    return "-".join((code[:6], code[6:11], code[11:16], code[16:21], code[21:]))


def sign_list(
    tokens: Iterable[str], *, signer: Signer, sequence: int, issued: datetime, days: int, pack: str
) -> bytes:
    """The signed list of these tokens. signer: its name is the list's origin. pack: digest of the policies.

    Raises:
        ValueError: something that is no token, or no sequence number.
    """
    rising = sorted(set(tokens))
    if any(_TOKEN.fullmatch(token) is None for token in rising) or sequence < 1:
        raise ValueError("a list holds tokens and has a number from 1 on")
    text = "".join(
        f"{line}\n"
        for line in (
            signer.verifier.name,
            f"sequence {sequence}",
            f"issued {_instant(issued)}",
            f"valid-until {_instant(issued + timedelta(days=days))}",
            f"count {len(rising)}",
            f"pack {pack}",
            *rising,
        )
    ).encode("ascii")
    return text + b"\n" + signer.signature_line(text).encode()


def read_list(data: bytes, *, verifier: Verifier, at: datetime, seen: Seen | None = None) -> OptOutList:
    """Check a list as a program without a connection must, before it compares anybody.

    # 1 whole, 2 signed by the agency's list key, 3 of that name and in its one spelling, 4 valid at this
    # instant, 5 not older than one seen before.

    Raises:
        TruncatedListError, ForgedListError, StaleListError, RolledBackListError: the first that fails.
    """
    # (1)
    text, blank, line = data.rpartition(b"\n\n")
    signature = _SIGNATURE.fullmatch(line)
    if not blank or signature is None:
        raise TruncatedListError("the list does not end in a signature: fetch it again, whole")
    text += b"\n"
    # (2)
    name = signature[1].decode("utf-8", "replace")
    try:
        signed = base64_std(signature[2].decode("ascii"), 68)
        if name != verifier.name or signed[:4] != verifier.key_id:
            raise ForgedListError(f"the list is signed by `{name[:80]}`, not by the key of `{verifier.name}`")
        verifier.verify(text, signed[4:])
    except (ValueError, SignatureError) as error:
        raise ForgedListError(
            f"the list was changed, or a part of it is missing, or another key signed it: {error}"
        ) from error
    # (3)
    lines = text.decode("ascii").splitlines()
    origin, header, tokens = lines[0], lines[1 : 1 + len(_HEADER)], tuple(lines[1 + len(_HEADER) :])
    fields = dict(field.split(" ", 1) for field in header if " " in field)
    if origin != verifier.name or tuple(fields) != _HEADER:
        raise ForgedListError("what is signed is no list of choices of this agency")
    try:
        sequence, count = decimal(fields["sequence"]), decimal(fields["count"])
        issued, valid_until = _read_instant(fields["issued"]), _read_instant(fields["valid-until"])
    except ValueError as error:
        raise ForgedListError(f"what is signed is no list of choices: {error}") from error
    if count != len(tokens):
        raise TruncatedListError(f"the list says that it holds {count} choices and holds {len(tokens)}")
    if any(_TOKEN.fullmatch(token) is None for token in tokens) or any(a >= b for a, b in pairwise(tokens)):
        raise ForgedListError("the choices on the list are not tokens in rising order")
    # (4)
    if issued > at + _CLOCKS_DIFFER:
        raise StaleListError(f"the list is dated {_instant(issued)}, which is yet to come: check the clock")
    if at >= valid_until:
        raise StaleListError(
            f"the list ran out on {_instant(valid_until)}: fetch a new one; until then nobody is compared"
        )
    # (5)
    mine = Seen(sequence, hashlib.sha256(data).hexdigest())
    if seen is not None and sequence < seen.sequence:
        raise RolledBackListError(f"list {sequence} is older than list {seen.sequence}, seen before")
    if seen is not None and sequence == seen.sequence and mine.digest != seen.digest:
        raise RolledBackListError(f"there are two lists of the number {sequence}: report both")
    return OptOutList(origin, sequence, issued, valid_until, tokens, mine)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_instant(text: str) -> datetime:
    if _INSTANT.fullmatch(text) is None:
        raise ValueError(f"`{text[:40]}` is no instant")
    return datetime.fromisoformat(text)
