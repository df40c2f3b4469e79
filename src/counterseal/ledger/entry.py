"""An entry's bytes: what a leaf of the log says, and what it only commits to.

An entry is canonical JSON (RFC 8785) of at most 65,535 bytes. Its public part holds codes; everything that
could point at a person stands in the committed part, each value salted and hashed on its own in the manner
of RFC 9901 (SD-JWT, section 4.2), so that one value can be shown without the others and what was erased
leaves a digest that tells nothing.

The form of a code keeps sentences and digests out (no spaces, at most 40 characters, no long run of hex
digits). It cannot tell a name from a code: whoever adds a public key answers for its vocabulary.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any, TypeAlias

from counterseal.ledger.canonical import read_canonical, write_canonical
from counterseal.ledger.errors import (
    EntryTooLargeError,
    ForeignDisclosureError,
    MalformedDisclosureError,
    MalformedEntryError,
    UncodedValueError,
)
from counterseal.ledger.strict import base64_url, to_base64_url

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
Code: TypeAlias = str
PublicValue: TypeAlias = "Code | int | bool | Sequence[Code]"

MAX_ENTRY = 65_535
MAX_DISCLOSURE = 4 << 20
SALT_SIZE = 16
REQUIRED = ("action", "initiator", "target")
LARGEST_INT = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it a reader may round
KEY_ROTATED = "log.key-rotated"

_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}(\.[a-z][a-z0-9-]{0,31}){1,3}")
_OUTCOME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_PACK = re.compile(r"sha256:[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,39}")
# 32 bytes in unpadded base64url: the last of 43 characters carries four bits, its two spare bits are zero.
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_HEX_RUN = re.compile(r"[0-9a-fA-F]{32}")
_VKEY = re.compile(r"[!-*,-~]{1,128}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}")
_ENTRY_KEYS = {"v", "kind", "at", "outcome", "reason", "causes", "public", "_sd_alg", "_sd"}
_REASON_KEYS = {"pack", "policies", "clauses"}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the outcome is what it is.

    pack: `sha256:` and 64 hex digits of everything that decided, or None where no policy was asked.
    policies, clauses: ids, in the decision's order.
    """

    pack: str | None = None
    policies: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a leaf says. causes: indices of earlier entries, rising. digests: of what is committed, sorted."""

    kind: str
    at: datetime
    outcome: str
    reason: Reason
    causes: tuple[int, ...]
    public: Mapping[str, PublicValue]
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One committed value with its salt: what must be shown to open one digest of an entry.

    encoded: base64url of the canonical JSON array [salt, name, value]. value: plain JSON.
    """

    name: str
    value: JsonValue
    encoded: str

    @property
    def digest(self) -> str:
        """base64url of SHA-256 over the ASCII bytes of `encoded` (RFC 9901 section 4.2.3)."""
        return to_base64_url(sha256(self.encoded.encode("ascii")).digest())

    @classmethod
    def make(cls, name: str, value: JsonValue, *, salt: bytes) -> "Disclosure":
        """Seal a value under 16 fresh random bytes.

        Raises:
            MalformedDisclosureError: a salt of another length, a name that is no key, a value not JSON.
        """
        if len(salt) != SALT_SIZE:
            raise MalformedDisclosureError(f"the salt of `{name}` has {len(salt)} bytes, not {SALT_SIZE}")
        try:
            encoded = to_base64_url(write_canonical([to_base64_url(salt), name, value]))
        except (ValueError, RecursionError) as error:
            raise MalformedDisclosureError(f"`{name}` cannot be committed to: {error}") from None
        if not _KEY.fullmatch(name) or len(encoded) > MAX_DISCLOSURE:
            raise MalformedDisclosureError(
                f"a disclosure has a lower-case name and at most {MAX_DISCLOSURE} characters"
            )
        return cls(name, value, encoded)

    @classmethod
    def parse(cls, encoded: str) -> "Disclosure":
        """Read one disclosure, strictly: canonical JSON, a 128-bit salt, one spelling.

        Raises:
            MalformedDisclosureError: anything else.
        """
        if len(encoded) > MAX_DISCLOSURE:
            raise MalformedDisclosureError(f"a disclosure has at most {MAX_DISCLOSURE} characters")
        try:
            parts = read_canonical(base64_url(encoded))
        except ValueError as error:
            raise MalformedDisclosureError(f"this is no disclosure: {error}") from None
        match parts:
            case [str(salt), str(name), value] if _KEY.fullmatch(name):
                try:
                    base64_url(salt, SALT_SIZE)
                except ValueError as error:
                    raise MalformedDisclosureError(f"the salt of `{name}` is not 128 bits: {error}") from None
                return cls(name, value, encoded)
        raise MalformedDisclosureError("a disclosure is [salt, name, value] with a lower-case name")


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """The bytes for the log, and the disclosures that open its digests, by name. The latter stay inside."""

    body: bytes
    disclosures: tuple[Disclosure, ...]


def make_entry(
    *,
    kind: str,
    at: datetime,
    outcome: str,
    reason: Reason,
    causes: Iterable[int],
    public: Mapping[str, PublicValue],
    committed: Mapping[str, JsonValue],
    salt: Callable[[], bytes],
) -> SealedEntry:
    """Encode an entry and seal its committed values.

    kind: dotted code such as `search.intent`. at: an instant with its time zone. causes: indices of the
    entries that led here. committed: at least initiator, action and target. salt: gives 16 random bytes.

    Raises:
        MalformedEntryError: parts that make no entry; its kinds `EntryTooLargeError` and `UncodedValueError`.
        MalformedDisclosureError: a committed value that is no JSON, or a salt that is no salt.
    """
    if missing := [name for name in REQUIRED if committed.get(name) is None]:
        raise MalformedEntryError(
            f"an entry commits to initiator, action and target: `{missing[0]}` is missing"
        )
    if at.tzinfo is None:
        raise MalformedEntryError("the instant of an entry needs its time zone")
    salts = {name: salt() for name in sorted(committed)}
    if len(set(salts.values())) != len(salts):
        raise MalformedDisclosureError("a salt came twice: the source of randomness is broken")
    disclosures = tuple(Disclosure.make(name, committed[name], salt=each) for name, each in salts.items())
    content: Any = {
        "v": 1,
        "kind": kind,
        "at": at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        "outcome": outcome,
        "reason": {
            "pack": reason.pack,
            "policies": list(reason.policies),
            "clauses": list(reason.clauses),
        },
        "causes": sorted(set(causes)),
        "public": {name: _plain(value) for name, value in public.items()},
        "_sd_alg": "sha-256",
        "_sd": sorted(disclosure.digest for disclosure in disclosures),
    }
    _check(content)
    body = write_canonical(content)
    if len(body) > MAX_ENTRY:
        raise EntryTooLargeError(
            f"an entry has at most {MAX_ENTRY} bytes, this one {len(body)}: commit to the long parts"
        )
    return SealedEntry(body, disclosures)


def read_entry(body: bytes) -> Entry:
    """Read an entry's bytes, strictly: exactly what `make_entry` could have written.

    Raises:
        MalformedEntryError: anything else; its kinds `EntryTooLargeError` and `UncodedValueError`.
    """
    if len(body) > MAX_ENTRY:
        raise EntryTooLargeError(f"an entry has at most {MAX_ENTRY} bytes, this one {len(body)}")
    try:
        content = read_canonical(body)
    except ValueError as error:
        raise MalformedEntryError(f"these bytes are no entry: {error}") from None
    return _check(content)


def check_disclosure(entry: Entry, disclosure: Disclosure) -> tuple[str, JsonValue]:
    """The name and value that this disclosure opens under this entry.

    Raises:
        ForeignDisclosureError: the entry does not commit to it.
    """
    if disclosure.digest not in entry.digests:
        raise ForeignDisclosureError(f"this entry does not commit to the disclosure of `{disclosure.name}`")
    return disclosure.name, disclosure.value


def open_committed(entry: Entry, disclosures: Iterable[Disclosure]) -> dict[str, JsonValue]:
    """The committed values that these disclosures open, by name; some may be left out.

    Raises:
        ForeignDisclosureError: one is not under this entry, or two have one name.
    """
    opened: dict[str, JsonValue] = {}
    for disclosure in disclosures:
        name, value = check_disclosure(entry, disclosure)
        if name in opened:
            raise ForeignDisclosureError(f"the entry commits to `{name}` twice, or it was shown twice")
        opened[name] = value
    return opened


def _check(content: Any) -> Entry:
    """The entry that this decoded JSON is; raises `MalformedEntryError`."""
    if type(content) is not dict or content.keys() != _ENTRY_KEYS:
        raise MalformedEntryError(f"an entry has exactly the keys {', '.join(sorted(_ENTRY_KEYS))}")
    if type(content["v"]) is not int or content["v"] != 1:
        raise MalformedEntryError("this is not an entry of version 1")
    kind = _text(content["kind"], _KIND, "a kind is a dotted lower-case code")
    at = _text(content["at"], _AT, "an instant is written 2026-11-20T15:00:00.000000Z")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise MalformedEntryError(f"`{at}` is no instant") from None
    digests = _list(content["_sd"], "_sd")
    for digest in digests:
        _text(digest, _DIGEST, "a digest is base64url of 32 bytes")
    if digests != sorted(set(digests)) or len(digests) < len(REQUIRED):
        raise MalformedEntryError("an entry has at least three digests, sorted, each once")
    if content["_sd_alg"] != "sha-256":
        raise MalformedEntryError("the digests of an entry are sha-256")
    causes = _list(content["causes"], "causes")
    if any(type(cause) is not int or not 0 <= cause <= LARGEST_INT for cause in causes):
        raise MalformedEntryError("causes are indices of earlier entries")
    if any(first >= second for first, second in pairwise(causes)):
        raise MalformedEntryError("causes rise, each once")
    return Entry(
        kind,
        instant,
        _text(content["outcome"], _OUTCOME, "an outcome is a lower-case code"),
        _reason(content["reason"]),
        tuple(causes),
        _public(content["public"], kind),
        tuple(digests),
    )


def _reason(content: Any) -> Reason:
    if type(content) is not dict or content.keys() != _REASON_KEYS:
        raise MalformedEntryError("a reason has exactly the keys pack, policies, clauses")
    if content["pack"] is not None:
        _text(content["pack"], _PACK, "a pack digest is sha256: and 64 hex digits")
    ids = {
        key: tuple(_text(each, _ID, "an id has no spaces") for each in _list(content[key], key))
        for key in ("policies", "clauses")
    }
    return Reason(content["pack"], ids["policies"], ids["clauses"])


def _public(content: Any, kind: str) -> dict[str, PublicValue]:
    if type(content) is not dict:
        raise MalformedEntryError("the public part maps names to codes")
    for name, value in content.items():
        if type(name) is not str or _KEY.fullmatch(name) is None:
            raise UncodedValueError("a name of the public part is lower case, digits and underscores")
        if kind == KEY_ROTATED and name == "new_vkey":
            # A public key is longer than a code, and the whole point of this kind is to publish it.
            _text(value, _VKEY, "`new_vkey` is a verifier key")
            continue
        for each in value if type(value) is list else (value,):
            if type(each) is str:
                _code(name, each)
            elif type(value) is list or type(each) not in (int, bool):
                raise UncodedValueError(
                    f"`{name}` is public: use codes, whole numbers, booleans, lists of codes"
                )
            elif abs(each) > LARGEST_INT:
                raise UncodedValueError(f"`{name}` is beyond what JSON readers keep exactly")
    return content


def _code(name: str, code: str) -> None:
    if _CODE.fullmatch(code) is None:
        raise UncodedValueError(
            f"`{name}` is public and `{code[:60]}` is no code (1 to 40 letters, digits and ._:/+-): "
            "commit to it instead"
        )
    if _HEX_RUN.search(re.sub(r"[._:/+-]", "", code)):
        raise UncodedValueError(
            f"`{name}` is public and looks like a digest: commit to it under a salt instead"
        )


def _plain(value: PublicValue) -> JsonValue:
    return list(value) if isinstance(value, tuple) else value


def _text(value: Any, pattern: re.Pattern[str], says: str) -> str:
    if type(value) is not str or pattern.fullmatch(value) is None:
        raise MalformedEntryError(f"{says}, not `{str(value)[:60]}`")
    return value


def _list(value: Any, key: str) -> list[Any]:
    if type(value) is not list:
        raise MalformedEntryError(f"`{key}` is a list")
    return value
