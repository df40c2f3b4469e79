"""Signed notes and checkpoints: the three lines that a key vouches for.

Formats: C2SP signed-note and tlog-checkpoint, signature type 0x01 (Ed25519, RFC 8032).
Decided stricter than the text: a checkpoint of ours has no extension lines (nobody can audit them), its
origin is a key name (no spaces, no plus), a trusted key signs at most once, and a wrong signature by a
trusted key refuses the whole note. Signatures of unknown keys are ignored, as the text demands: witnesses
may add theirs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterseal.ledger.errors import MalformedKeyError, MalformedNoteError, OriginError, SignatureError
from counterseal.ledger.strict import LARGEST, base64_std, decimal, to_base64_std
from counterseal.ledger.tree import EMPTY_ROOT, HASH_SIZE

ED25519 = b"\x01"
MAX_NOTE = 256 << 10  # sixteen post-quantum signatures fit
MAX_SIGNATURES = 64
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """origin: the log's name. size: number of leaves. root: the root hash, 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed.

        Raises:
            MalformedNoteError: no such checkpoint can exist.
        """
        if not _is_name(self.origin):
            raise MalformedNoteError(f"`{self.origin[:60]}` is no origin: no spaces, no plus, not empty")
        if not 0 <= self.size <= LARGEST or len(self.root) != HASH_SIZE:
            raise MalformedNoteError(
                f"a tree of size {self.size} with a root of {len(self.root)} bytes cannot be"
            )
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedNoteError("the empty tree has another root hash")
        return f"{self.origin}\n{self.size}\n{to_base64_std(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name. key_id: 4 bytes, SHA-256(name || 0x0A || 0x01 || key)[:4]."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the id; refuse a name or key that no note could carry."""
        if not _is_name(self.name):
            raise MalformedKeyError(f"`{self.name[:60]}` is no key name: no spaces, no plus, not empty")
        if len(self.public) != 32:
            raise MalformedKeyError(f"an Ed25519 public key has 32 bytes, not {len(self.public)}")
        digest = sha256(self.name.encode("utf-8") + b"\n" + ED25519 + self.public).digest()
        object.__setattr__(self, "key_id", digest[:4])
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.public))

    @classmethod
    def from_vkey(cls, vkey: str) -> "Verifier":
        """Read `name+id+base64(0x01 || key)`.

        Raises:
            MalformedKeyError: another form, another algorithm, or an id that is not the key's.
        """
        parts = vkey.split("+", 2)
        try:
            if len(parts) != 3:
                raise ValueError("it needs name, id and key with a plus between")
            encoded = base64_std(parts[2], 33)
            if encoded[:1] != ED25519:
                raise ValueError("only Ed25519 (type 1) is used here")
        except ValueError as error:
            raise MalformedKeyError(f"`{vkey[:160]}` is no verifier key: {error}") from None
        verifier = cls(parts[0], encoded[1:])
        if parts[1] != verifier.key_id.hex():
            raise MalformedKeyError(
                f"`{vkey[:160]}` is no verifier key: its id should be {verifier.key_id.hex()}"
            )
        return verifier

    @property
    def vkey(self) -> str:
        """The key as one line of text, to hand to whoever verifies."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64_std(ED25519 + self.public)}"

    def verify(self, text: bytes, signature: bytes) -> None:
        """Check an Ed25519 signature over `text`.

        Raises:
            SignatureError: it is not this key's.
        """
        try:
            self._key.verify(signature, text)
        except InvalidSignature:
            raise SignatureError(f"the signature of `{self.name}` ({self.key_id.hex()}) is wrong") from None


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its name; never shown, never written by this room."""

    verifier: Verifier
    _key: Ed25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "Signer":
        """The key that grows from 32 secret bytes (RFC 8032 section 5.1.5).

        Raises:
            MalformedKeyError: another length, or a name that no note could carry.
        """
        if len(seed) != 32:
            raise MalformedKeyError(f"the seed of a key has 32 bytes, not {len(seed)}")
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(Verifier(name, key.public_key().public_bytes_raw()), key)

    @property
    def vkey(self) -> str:
        """The public half as one line of text."""
        return self.verifier.vkey

    def signature_line(self, text: bytes) -> str:
        """The note's signature line over `text`."""
        signed = self.verifier.key_id + self._key.sign(text)
        return f"{_DASH}{self.verifier.name} {to_base64_std(signed)}\n"


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note whose signatures were checked. signed_by: the trusted keys that signed it, never empty."""

    text: str
    signed_by: tuple[Verifier, ...]


def sign_note(text: str, *signers: Signer) -> bytes:
    """A signed note of this text.

    Raises:
        MalformedNoteError: a text that cannot be one, no signer, or one signer twice.
    """
    if not signers or len({signer.vkey for signer in signers}) != len(signers):
        raise MalformedNoteError("a note has at least one signer, and each signs once")
    data = text.encode("utf-8")
    note = data + b"\n" + "".join(signer.signature_line(data) for signer in signers).encode("utf-8")
    split_note(note)
    return note


def split_note(note: bytes) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """The text and the (key name, id and signature) of each signature line. Nothing is trusted yet.

    Raises:
        MalformedNoteError: the bytes are no note.
    """
    if len(note) > MAX_NOTE:
        raise MalformedNoteError(f"a note has at most {MAX_NOTE} bytes")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedNoteError("a note is UTF-8") from None
    if _CONTROL.search(whole):
        raise MalformedNoteError("a note has no control characters")
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise MalformedNoteError(
            "a note is a text, an empty line, and signature lines, each ended by a newline"
        )
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedNoteError(f"a note has at most {MAX_SIGNATURES} signatures")
    return head + "\n", tuple(_signature(line) for line in lines)


def open_note(note: bytes, verifiers: Iterable[Verifier]) -> OpenedNote:
    """Check a note against trusted keys.

    Raises:
        MalformedNoteError: the bytes are no note, or a trusted key signed twice.
        SignatureError: a trusted key's signature is wrong, or no trusted key signed.
    """
    text, signatures = split_note(note)
    data = text.encode("utf-8")
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signed_by: list[Verifier] = []
    for name, signed in signatures:
        verifier = known.get((name, signed[:4]))
        if verifier is None:
            continue
        if verifier in signed_by:
            raise MalformedNoteError(f"`{name}` signed this note twice")
        verifier.verify(data, signed[4:])
        signed_by.append(verifier)
    if not signed_by:
        raise SignatureError("no trusted key signed this note")
    return OpenedNote(text, tuple(signed_by))


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text is. Says nothing about who signed it.

    Raises:
        MalformedNoteError: not exactly three lines in their one spelling.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedNoteError("a checkpoint of this log has three lines and no extension lines")
    try:
        checkpoint = Checkpoint(lines[0], decimal(lines[1]), base64_std(lines[2], HASH_SIZE))
    except ValueError as error:
        raise MalformedNoteError(f"this is no checkpoint: {error}") from None
    checkpoint.text()
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """The signed note of a checkpoint; each key's name is the origin.

    Raises:
        MalformedNoteError: no such checkpoint, no signer, one twice, or a key of another name.
    """
    text = checkpoint.text()
    if any(signer.verifier.name != checkpoint.origin for signer in signers):
        raise MalformedNoteError(f"a key that signs `{checkpoint.origin}` has that name")
    return sign_note(text, *signers)


def open_checkpoint(note: bytes, verifiers: Iterable[Verifier], *, origin: str | None = None) -> Checkpoint:
    """The checkpoint of a note that a trusted key signed.

    origin: the log it must be of; None accepts any origin that the keys sign.

    Raises:
        MalformedNoteError: no note, or no checkpoint of ours.
        SignatureError: a trusted key's signature is wrong, or no trusted key signed.
        OriginError: a checkpoint of another log.
    """
    checkpoint = parse_checkpoint(open_note(note, verifiers).text)
    check_origin(checkpoint, origin)
    return checkpoint


def check_origin(checkpoint: Checkpoint, origin: str | None) -> None:
    """Raises `OriginError` where the checkpoint is not of the log `origin`; None accepts any."""
    if origin is not None and checkpoint.origin != origin:
        raise OriginError(f"this is a checkpoint of `{checkpoint.origin}`, not of `{origin}`")


def _signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _is_name(name):
        raise MalformedNoteError(f"`{line[:80]}` is no signature line")
    try:
        signed = base64_std(encoded)
    except ValueError as error:
        raise MalformedNoteError(f"the signature of `{name}` is malformed: {error}") from None
    if len(signed) < 5:
        raise MalformedNoteError(f"the signature of `{name}` is too short")
    return name, signed


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
