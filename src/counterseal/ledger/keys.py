"""Which key speaks for the log at which size: rotation, and the history that readers check.

A rotation is an entry of kind `log.key-rotated` whose public part names the new key. That entry, at index
n - 1, is under the checkpoint of size n, which BOTH keys sign: the old one says who follows, the new one
that it is there. From then on only the new key counts. A history file alone proves nothing: whoever reads
it checks each rotation against its entry (`audit` and the offline verifier do).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from counterseal.ledger.checkpoint import (
    Checkpoint,
    Verifier,
    check_origin,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    split_note,
)
from counterseal.ledger.entry import KEY_ROTATED, Entry, JsonValue, Reason, SealedEntry, make_entry
from counterseal.ledger.errors import MalformedKeyError, RetiredKeyError
from counterseal.ledger.strict import LARGEST


@dataclass(frozen=True, slots=True)
class KeyPeriod:
    """A key and the tree size from which it speaks."""

    verifier: Verifier
    from_size: int


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """Every key the log has had, oldest first; the first from size 0, all under one name."""

    periods: tuple[KeyPeriod, ...]

    def __post_init__(self) -> None:
        """Refuse a history that no log can have."""
        sizes = [period.from_size for period in self.periods]
        if not sizes or sizes[0] != 0 or any(not 0 <= size <= LARGEST for size in sizes):
            raise MalformedKeyError("a key history begins with one key from size 0")
        if any(first >= second for first, second in pairwise(sizes)):
            raise MalformedKeyError("the sizes of a key history rise")
        if len({period.verifier.name for period in self.periods}) != 1:
            raise MalformedKeyError("every key of a log has the log's name")
        if len({period.verifier.vkey for period in self.periods}) != len(sizes):
            raise MalformedKeyError("a retired key does not come back")

    @classmethod
    def single(cls, verifier: Verifier) -> "KeyHistory":
        """The history of a log that never changed its key."""
        return cls((KeyPeriod(verifier, 0),))

    @property
    def current(self) -> Verifier:
        """The key in force now."""
        return self.periods[-1].verifier

    def rotated(self, new: Verifier, *, at_size: int) -> "KeyHistory":
        """The history after a rotation whose entry is at index at_size - 1."""
        return KeyHistory((*self.periods, KeyPeriod(new, at_size)))

    def required_at(self, size: int) -> tuple[Verifier, ...]:
        """The keys that must have signed a checkpoint of this size: two at a rotation, else one."""
        at = max(place for place, period in enumerate(self.periods) if period.from_size <= size)
        first = at - 1 if at and self.periods[at].from_size == size else at
        return tuple(period.verifier for period in self.periods[first : at + 1])

    def open_checkpoint(self, note: bytes, *, origin: str | None = None) -> Checkpoint:
        """The checkpoint of a note that the keys in force at its size signed.

        Raises:
            MalformedNoteError, SignatureError, OriginError: as `checkpoint.open_checkpoint`.
            RetiredKeyError: signed, but not by the key (at a rotation: both keys) in force at its size.
        """
        claimed = parse_checkpoint(split_note(note)[0])
        opened = open_note(note, [period.verifier for period in self.periods])
        for verifier in self.required_at(claimed.size):
            if verifier not in opened.signed_by:
                raise RetiredKeyError(
                    f"at size {claimed.size} the key {verifier.key_id.hex()} is in force, and it did not sign"
                )
        check_origin(claimed, origin)
        return claimed

    def to_json(self) -> bytes:
        """The text of `keys.json`."""
        keys = [{"from_size": period.from_size, "vkey": period.verifier.vkey} for period in self.periods]
        return (json.dumps({"keys": keys}, indent=1) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> "KeyHistory":
        """Read `keys.json`, strictly: exactly the bytes that `to_json` writes.

        Raises:
            MalformedKeyError: anything else.
        """
        try:
            content = json.loads(data.decode("ascii"))
        except (ValueError, RecursionError) as error:
            raise MalformedKeyError(f"keys.json is ASCII JSON: {error}") from None
        periods = []
        match content:
            case {"keys": [*keys]} if len(content) == 1:
                for key in keys:
                    match key:
                        case {"from_size": int(size), "vkey": str(vkey)} if (
                            type(size) is int
                        ):  # a bool is none
                            periods.append(KeyPeriod(Verifier.from_vkey(vkey), size))
                        case _:
                            raise MalformedKeyError("each key of keys.json has `from_size` and `vkey`")
            case _:
                raise MalformedKeyError("keys.json has one list, `keys`")
        history = cls(tuple(periods))
        if history.to_json() != data:
            raise MalformedKeyError("keys.json has another layout than the one this program writes")
        return history


Trust: TypeAlias = "Sequence[Verifier] | KeyHistory"
"""Whom a reader trusts: any of some keys, or the key that a history puts in force."""


def open_trusted(note: bytes, trust: Trust, *, origin: str | None = None) -> Checkpoint:
    """The checkpoint of a note under either kind of trust; raises as those do."""
    if isinstance(trust, KeyHistory):
        return trust.open_checkpoint(note, origin=origin)
    return open_checkpoint(note, trust, origin=origin)


def rotation_entry(
    *,
    old: Verifier,
    new: Verifier,
    at: datetime,
    committed: Mapping[str, JsonValue],
    causes: Sequence[int] = (),
    reason: Reason | None = None,
    salt: Callable[[], bytes],
) -> SealedEntry:
    """The entry that hands the log over from `old` to `new`.

    Append it, sign the checkpoint at the size it makes with BOTH keys, and keep `history.rotated(new,
    at_size=that size)`.
    """
    if old.name != new.name or old == new:
        raise MalformedKeyError("the new key has the log's name and is another key")
    return make_entry(
        kind=KEY_ROTATED,
        at=at,
        outcome="rotated",
        reason=reason or Reason(),
        causes=causes,
        public={"old_key_id": old.key_id.hex(), "new_vkey": new.vkey},
        committed=committed,
        salt=salt,
    )


def rotation_fault(entry: Entry, old: Verifier, new: Verifier) -> str | None:
    """What is wrong with the entry that should hand over from `old` to `new`; None where nothing is."""
    if entry.kind != KEY_ROTATED:
        return f"the entry is `{entry.kind}`, not `{KEY_ROTATED}`"
    if entry.public.get("new_vkey") != new.vkey or entry.public.get("old_key_id") != old.key_id.hex():
        return f"the entry does not hand over from key {old.key_id.hex()} to key {new.key_id.hex()}"
    return None
