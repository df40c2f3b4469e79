"""Whose cosignatures are enough: the policy file, and what it says of one checkpoint.

Format: C2SP tlog-policy (lines `log`, `witness`, `group`, `quorum`), so that programs by others read the same
file. One thing is added, in a comment that they skip: above each witness stands from when until when it counts.

    # counts from 2026-11-20T00:00:00Z until 2028-01-01T00:00:00Z
    witness inspector-general inspector.example/w1+...+... https://witness.inspector.example

A witness without such a line is refused: a misspelt date must not become "for ever". What counts is the
instant in the cosignature, so an old checkpoint keeps the quorum that it had when it was cosigned.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from counterseal.ledger.checkpoint import Verifier
from counterseal.ledger.cosignature import (
    Cosignature,
    CosignerKey,
    WitnessKey,
    open_cosignatures,
    read_witness_key,
)
from counterseal.ledger.errors import MalformedKeyError, MalformedPolicyError

MAX_POLICY = 256 << 10
NONE = "none"
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK = re.compile(r"[ \t]+")
_COUNTS = re.compile(r"#[ \t]*counts from (\S+)(?: until (\S+))?")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_THRESHOLD = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """One witness. counts_from, counts_until: instants; the second is the first at which it no longer counts.

    url: its submission prefix, empty where none is stated.
    """

    name: str
    key: WitnessKey
    url: str
    counts_from: datetime
    counts_until: datetime | None

    def counts_at(self, at: datetime) -> bool:
        """Whether a cosignature of this instant counts."""
        return self.counts_from <= at and (self.counts_until is None or at < self.counts_until)


@dataclass(frozen=True, slots=True)
class Group:
    """Some witnesses or groups, of which at least `threshold` must have witnessed."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a policy says of one checkpoint.

    held: the quorum is there. by: names of the witnesses that count, in the policy's order. since: the
    instant at which it was complete. missing: what is missing, in words; empty where it is held.
    """

    held: bool
    by: tuple[str, ...]
    since: datetime | None
    missing: str


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """A policy file. quorum: the name of a witness or group, or `none`. logs: may be empty."""

    logs: tuple[Verifier, ...]
    witnesses: tuple[WitnessLine, ...]
    groups: tuple[Group, ...]
    quorum: str

    @property
    def keys(self) -> tuple[CosignerKey, ...]:
        """Every key that can be verified, whether its witness counts now or not."""
        return tuple(w.key for w in self.witnesses if isinstance(w.key, CosignerKey))

    @property
    def fewest(self) -> int:
        """The least number of witnesses that can make the quorum."""
        needs = {w.name: 1 for w in self.witnesses} | {NONE: 0}
        for group in self.groups:
            needs[group.name] = sum(sorted(needs[name] for name in group.members)[: group.threshold])
        return needs[self.quorum]

    def judge(self, note: bytes) -> Witnessed:
        """What the policy says of a checkpoint and the cosignatures on it. The log's own signature is not looked at.

        Raises:
            MalformedNoteError, SignatureError: as `open_cosignatures`.
        """
        return self.judge_cosignatures(open_cosignatures(note, self.keys))

    def judge_cosignatures(self, cosignatures: Iterable[Cosignature]) -> Witnessed:
        """The same for cosignatures that were verified, all of one checkpoint."""
        found = {c.key: datetime.fromtimestamp(min(c.at, _LAST), UTC) for c in cosignatures}
        counted: dict[str, datetime] = {}
        for witness in self.witnesses:
            if not isinstance(witness.key, CosignerKey):
                continue
            at = found.get(witness.key)
            if at is not None and witness.counts_at(at):
                counted[witness.name] = at
        since = self._since(counted)
        missing = "" if self.quorum == NONE or since is not None else self._missing(counted)
        return Witnessed(not missing, tuple(counted), since, missing)

    def _since(self, counted: Mapping[str, datetime]) -> datetime | None:
        """When the quorum was complete: of each group, the instant of its k-th member."""
        done: dict[str, datetime | None] = {w.name: counted.get(w.name) for w in self.witnesses}
        for group in self.groups:
            there = sorted(at for name in group.members if (at := done[name]) is not None)
            done[group.name] = there[group.threshold - 1] if len(there) >= group.threshold else None
        return done.get(self.quorum)

    def _missing(self, counted: Mapping[str, datetime]) -> str:
        for group in self.groups:
            if group.name == self.quorum:
                there = [
                    name
                    for name in group.members
                    if WitnessPolicy(self.logs, self.witnesses, self.groups, name)._since(counted)
                ]
                lacking = ", ".join(name for name in group.members if name not in there)
                return (
                    f"{len(there)} of the {group.threshold} that `{group.name}` needs; "
                    f"without a cosignature that counts: {lacking}"
                )
        return f"no cosignature by `{self.quorum}` that counts"


_LAST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


def parse_policy(data: bytes) -> WitnessPolicy:
    """Read a policy file.

    Raises:
        MalformedPolicyError: what is wrong, with its line.
    """
    if len(data) > MAX_POLICY:
        raise MalformedPolicyError(f"a policy file has at most {MAX_POLICY} bytes")
    if _FORBIDDEN.search(data):
        raise MalformedPolicyError("a policy file has no control characters but tab and newline")
    if data and not data.endswith(b"\n"):
        raise MalformedPolicyError("the last line of a policy file ends with a newline, too")
    reading = _Reading()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # names are opaque octets: any decoding that keeps them apart will do
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            reading.line(line.strip(" \t"))
        except (ValueError, MalformedKeyError) as error:
            raise MalformedPolicyError(f"line {number} of the policy: {error}") from None
    return reading.policy()


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.logs: list[Verifier] = []
        self.witnesses: list[WitnessLine] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self.member_of: dict[str, str] = {}
        self.counts: tuple[datetime, datetime | None] | None = None

    def line(self, line: str) -> None:
        if self.counts is not None and not line.startswith("witness"):
            raise ValueError("below a line `# counts from ...` comes its witness")
        if not line:
            return
        if line.startswith("#"):
            self.comment(line)
            return
        word, *given = _BLANK.split(line)
        match word, given:
            case "log", [vkey, *url] if len(url) < 2:
                self.log(vkey)
            case "witness", [name, vkey, *url] if len(url) < 2:
                self.witness(name, vkey, *url)
            case "group", [name, threshold, *members] if members:
                self.group(name, threshold, members)
            case "quorum", [name]:
                if self.quorum is not None:
                    raise ValueError("there is one quorum line, and it was there already")
                if name != NONE:
                    self.defined(name)
                self.quorum = name
            case _:
                raise ValueError(
                    f"`{line[:80]}` is none of: log VKEY [URL], witness NAME VKEY [URL], "
                    "group NAME all|any|K NAME..., quorum NAME"
                )

    def comment(self, line: str) -> None:
        found = _COUNTS.fullmatch(line)
        if found is None:
            return
        first, last = _instant(found[1]), _instant(found[2]) if found[2] else None
        if last is not None and last <= first:
            raise ValueError("a witness counts from one instant until a later one")
        self.counts = (first, last)

    def log(self, vkey: str) -> None:
        verifier = Verifier.from_vkey(vkey)
        if verifier.public in [log.public for log in self.logs]:
            raise ValueError(f"the key of `{verifier.name}` was listed already")
        self.logs.append(verifier)

    def witness(self, name: str, vkey: str, url: str = "") -> None:
        self.undefined(name)
        if self.counts is None:
            raise ValueError(
                f"above the witness `{name}` it must say from when it counts: "
                "`# counts from 2026-01-01T00:00:00Z`, with ` until ...` if it ends"
            )
        key = read_witness_key(vkey)
        if _material(key) in [_material(w.key) for w in self.witnesses]:
            raise ValueError(f"the key of `{name}` was listed already")
        if url and not re.fullmatch(r"https?://[!-~]+", url):
            raise ValueError(f"`{url[:80]}` is no address: it begins with https:// or http://")
        self.witnesses.append(WitnessLine(name, key, url.rstrip("/"), *self.counts))
        self.counts = None

    def group(self, name: str, threshold: str, members: list[str]) -> None:
        self.undefined(name)
        for member in members:
            self.defined(member)
            if member in self.member_of:
                raise ValueError(f"`{member}` is in `{self.member_of[member]}` already; it counts once")
            self.member_of[member] = name
        if threshold in ("all", "any"):
            needed = len(members) if threshold == "all" else 1
        elif _THRESHOLD.fullmatch(threshold):
            needed = int(threshold)
        else:
            raise ValueError(f"`{threshold[:40]}` is no threshold: all, any, or a number")
        if needed > len(members):
            raise ValueError(f"{needed} of {len(members)} can never be there")
        self.groups.append(Group(name, needed, tuple(members)))

    def defined(self, name: str) -> None:
        if name not in self.names():
            raise ValueError(f"`{name[:80]}` is not defined above")

    def undefined(self, name: str) -> None:
        if name == NONE or name in self.names():
            raise ValueError(f"the name `{name[:80]}` is taken")

    def names(self) -> set[str]:
        return {w.name for w in self.witnesses} | {g.name for g in self.groups}

    def policy(self) -> WitnessPolicy:
        if self.counts is not None:
            raise MalformedPolicyError("the policy ends below a line `# counts from ...`")
        if self.quorum is None:
            raise MalformedPolicyError(
                "the policy has no quorum line; to ask for no cosignature: `quorum none`"
            )
        return WitnessPolicy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)


def _material(key: WitnessKey) -> bytes:
    """What makes two keys the same: the key itself, whatever its name and type."""
    return key.public if isinstance(key, CosignerKey) else key.material[1:]


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"`{text[:40]}` is no instant like 2026-01-01T00:00:00Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"`{text}` does not exist ({error})") from None
