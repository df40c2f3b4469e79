"""Cosignatures: a witness says that at this instant this was the largest consistent tree it had seen.

Format: C2SP tlog-cosignature, Ed25519 (`cosignature/v1`, key type 0x04): 8 bytes of POSIX seconds,
big-endian, then an Ed25519 signature over a header line, a time line and the whole text of the checkpoint.
Keys of other types (0x06, ML-DSA-44, and whatever comes) are read and carried, never verified: whom they
belong to does not count.
Decided stricter than the text: a witness cosigns one note at most once, a wrong cosignature by a known key
refuses the note, and a time of 0 is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterseal.ledger.checkpoint import (
    MAX_NOTE,
    MAX_SIGNATURES,
    parse_checkpoint,
    split_note,
)
from counterseal.ledger.errors import MalformedKeyError, MalformedNoteError, SignatureError
from counterseal.ledger.strict import LARGEST, base64_std, to_base64_std

ED25519_COSIGNATURE = 0x04
# Types that sign something else than a checkpoint's cosignature, and types that are never to be used.
NOT_COSIGNATURES = (0x00, 0x01, 0x02, 0x03, 0x05)
_HEADER = b"cosignature/v1\n"
_TIME = 8


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's Ed25519 key with its name. key_id: SHA-256(name || 0x0A || 0x04 || key)[:4]."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the id; refuse a name or key that no note could carry."""
        check_name(self.name)
        if len(self.public) != 32:
            raise MalformedKeyError(f"an Ed25519 public key has 32 bytes, not {len(self.public)}")
        object.__setattr__(self, "key_id", _key_id(self.name, bytes([ED25519_COSIGNATURE]) + self.public))
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.public))

    @property
    def vkey(self) -> str:
        """The key as one line of text, to hand to whoever verifies."""
        return _vkey(self.name, self.key_id, bytes([ED25519_COSIGNATURE]) + self.public)

    def open(self, text: bytes, signature: bytes) -> int:
        """Check one cosignature of a checkpoint's text (without key id); the instant, POSIX seconds.

        Raises:
            SignatureError: it is not this key's, or its time is none.
        """
        at = int.from_bytes(signature[:_TIME], "big")
        if len(signature) != _TIME + 64 or not 0 < at <= LARGEST:
            raise SignatureError(f"what `{self.name}` ({self.key_id.hex()}) signed is no timed signature")
        try:
            self._key.verify(signature[_TIME:], cosigned_message(text, at))
        except InvalidSignature:
            raise SignatureError(f"the cosignature of `{self.name}` ({self.key_id.hex()}) is wrong") from None
        return at


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A witness's key of a type that this program does not verify: carried, and never counted."""

    name: str
    key_id: bytes
    material: bytes

    @property
    def vkey(self) -> str:
        """The key as one line of text."""
        return _vkey(self.name, self.key_id, self.material)


WitnessKey: TypeAlias = CosignerKey | ForeignKey


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's private key with its name; never shown, never written by this room."""

    key: CosignerKey
    _key: Ed25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "Cosigner":
        """The key that grows from 32 secret bytes (RFC 8032 section 5.1.5).

        Raises:
            MalformedKeyError: another length, or a name that no note could carry.
        """
        if len(seed) != 32:
            raise MalformedKeyError(f"the seed of a key has 32 bytes, not {len(seed)}")
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(CosignerKey(name, private.public_key().public_bytes_raw()), private)

    def cosign(self, text: bytes, *, at: int) -> str:
        """The signature line over a checkpoint's text. at: POSIX seconds, above 0.

        Raises:
            MalformedNoteError: such a time cannot be written.
        """
        if not 0 < at <= LARGEST:
            raise MalformedNoteError(f"a cosignature cannot be of the instant {at}")
        signed = self.key.key_id + at.to_bytes(_TIME, "big") + self._key.sign(cosigned_message(text, at))
        return signature_line(self.key.name, signed)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature. at: POSIX seconds, by the witness's clock. line: as it stands in the note."""

    key: CosignerKey
    at: int
    line: str


def cosigned_message(text: bytes, at: int) -> bytes:
    """The bytes that are signed. text: of the checkpoint, with its last newline."""
    return _HEADER + b"time %d\n" % at + text


def signature_line(name: str, signed: bytes) -> str:
    """A note's signature line. signed: key id and signature."""
    return f"\u2014 {name} {to_base64_std(signed)}\n"


def read_witness_key(vkey: str) -> WitnessKey:
    """Read a witness's `name+id+base64(type || key)`.

    Raises:
        MalformedKeyError: another form, an id that is not the key's, or a type that makes no cosignatures.
    """
    parts = vkey.split("+", 2)
    try:
        if len(parts) != 3:
            raise ValueError("it needs name, id and key with a plus between")
        name, stated, encoded = parts
        material = base64_std(encoded)
        check_name(name)
        if len(material) < 2:
            raise ValueError("there is no key in it")
        if material[0] in NOT_COSIGNATURES:
            raise ValueError(f"a key of type {material[0]} makes no cosignatures; a witness's key has type 4")
        if material[0] == ED25519_COSIGNATURE:
            if len(material) != 33:
                raise ValueError(f"an Ed25519 key has 32 bytes, not {len(material) - 1}")
            key: WitnessKey = CosignerKey(name, material[1:])
        else:
            key = ForeignKey(name, _key_id(name, material), material)
    except (ValueError, MalformedKeyError) as error:
        raise MalformedKeyError(f"`{vkey[:160]}` is no witness's key: {error}") from None
    if stated != key.key_id.hex():
        raise MalformedKeyError(
            f"`{vkey[:160]}` is no witness's key: its id should be {key.key_id.hex()}"
        ) from None
    return key


def open_cosignatures(note: bytes, keys: Iterable[CosignerKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of known witnesses on a note, in its order; none where none of them signed.

    Says nothing about the log's own signature: open the checkpoint for that.

    Raises:
        MalformedNoteError: the bytes are no note of a checkpoint, or a known witness signed it twice.
        SignatureError: a known witness's cosignature is wrong.
    """
    text, signatures = split_note(note)
    parse_checkpoint(text)
    data = text.encode("utf-8")
    known = {(key.name, key.key_id): key for key in keys}
    opened: dict[CosignerKey, Cosignature] = {}
    for name, signed in signatures:
        key = known.get((name, signed[:4]))
        if key is None:
            continue
        if key in opened:
            raise MalformedNoteError(f"`{name}` cosigned this note twice")
        opened[key] = Cosignature(key, key.open(data, signed[4:]), signature_line(name, signed))
    return tuple(opened.values())


def split_lines(body: bytes) -> tuple[tuple[str, bytes], ...]:
    """The (key name, id and signature) of each signature line of a witness's answer. Nothing is verified.

    Raises:
        MalformedNoteError: the bytes are not one or more signature lines.
    """
    return split_note(b"-\n\n" + body)[1]


def with_lines(note: bytes, lines: Iterable[str]) -> bytes:
    """The note with more signature lines below its own; lines that it bears already are left out.

    Raises:
        MalformedNoteError: that is no note, or too long a one.
    """
    _, there = split_note(note)
    whole, seen = note, {signature_line(name, signed) for name, signed in there}
    for line in lines:
        if line not in seen:
            seen.add(line)
            whole += line.encode("utf-8")
    if len(seen) > MAX_SIGNATURES or len(whole) > MAX_NOTE:
        raise MalformedNoteError(f"a note has at most {MAX_SIGNATURES} signatures and {MAX_NOTE} bytes")
    split_note(whole)
    return whole


def check_name(name: str) -> None:
    """Raises `MalformedKeyError` where `name` cannot be a key's name (signed-note, Format)."""
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 for c in name):
        raise MalformedKeyError(f"`{name[:60]}` is no key name: no spaces, no plus, not empty")


def _key_id(name: str, material: bytes) -> bytes:
    try:
        return sha256(name.encode("utf-8") + b"\n" + material).digest()[:4]
    except UnicodeEncodeError:
        raise MalformedKeyError("a key name is UTF-8") from None


def _vkey(name: str, key_id: bytes, material: bytes) -> str:
    return f"{name}+{key_id.hex()}+{to_base64_std(material)}"
