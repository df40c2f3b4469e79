"""Authority: of disclosures, of packs that decided, of keys that signed, of persons who acted."""

from dataclasses import dataclass
from datetime import datetime

from counterseal.ledger.checkpoint import Verifier, parse_checkpoint, split_note
from counterseal.ledger.entry import KEY_ROTATED
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.intents import REFUSED
from counterseal.oversight.monitors.errors import ClosedError
from counterseal.oversight.monitors.expectations import ANYBODY, Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule, instant_of
from counterseal.oversight.monitors.roles import Held, RoleBook

DISCLOSED, RELEASED = "information.disclosed", "discovery.released"
CHANGED = "policy.changed"


@dataclass(frozen=True, slots=True)
class _Authority:
    kind: str
    begins: datetime | None
    ends: datetime | None

    def covers(self, at: datetime) -> bool | None:
        """Whether it was valid at `at`; None where its dates are closed."""
        return None if self.begins is None or self.ends is None else self.begins <= at < self.ends


class DisclosureOnAuthority(Monitor):
    """Each disclosure: permitted by a policy, on an authority that was valid then; each package under one."""

    rule = Rule(
        "disclosure-on-authority",
        "HSI-M/3-sharing",
        "Nothing was handed to anybody outside but on a recorded authority that was valid at that instant, and no "
        "package was written but under such a disclosure.",
        "Whether the cited authority says what it is cited for.",
    )
    kinds = frozenset({DISCLOSED, RELEASED})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._made: dict[int, _Authority] = {}

    def follow(self, line: Line) -> None:
        """One step."""
        self.checked += 1
        entry, kind = line.entry, line.code("authority")
        if not entry.reason.policies:
            self.violated("a disclosure that no policy permitted", line.index, since=entry.at)
            return
        if not kind:
            self.violated("a disclosure that names no authority", line.index, since=entry.at)
            return
        if entry.kind == DISCLOSED:
            authority = _Authority(
                kind, instant_of(line.maybe("authority_from")), instant_of(line.maybe("authority_until"))
            )
            self._made[line.index] = authority
            self._valid(authority, line)
            return
        under = [self._made[cause] for cause in entry.causes if cause in self._made]
        if not any(authority.kind == kind for authority in under):
            self.violated(
                "a package was handed over under no disclosure that the log has", line.index, since=entry.at
            )
        for authority in under:
            self._valid(authority, line)

    def _valid(self, authority: _Authority, line: Line) -> None:
        covers = authority.covers(line.entry.at)
        if covers is None:
            self.cannot_judge(line.index)
        elif not covers:
            self.violated(
                "the authority of a disclosure was not valid when it was used",
                line.index,
                since=line.entry.at,
            )


class PackInForce(Monitor):
    """Each entry with a reason: the policy set that it names was in force at its instant."""

    rule = Rule(
        "pack-in-force",
        "road/pack",
        "Nothing was decided under a policy set that was not in force at that instant.",
        "Whether a policy set that is not known here was in force: its decisions, and all those after an act on packs "
        "that is not known here, are not evaluated.",
    )

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._unknown_act = False

    def follow(self, line: Line) -> None:
        """One step. After an act on packs that is not known here, nobody can say what was in force."""
        entry = line.entry
        if entry.reason.pack is not None:
            self.checked += 1
            self._decided(line, entry.reason.pack)
        self._unknown_act |= entry.kind == CHANGED and entry.at not in self.expects.acts

    def _decided(self, line: Line, pack: str) -> None:
        periods = self.expects.packs.get(pack)
        if periods is None or self._unknown_act:
            self.cannot_judge(line.index)
        elif not any(period.holds(line.entry.at) for period in periods):
            self.violated(
                "decided under a policy set that was not in force then", line.index, since=line.entry.at
            )


class KeyInForce(Monitor):
    """Each change of key names the key before it, no key comes back, and no kept checkpoint bears a retired key."""

    rule = Rule(
        "key-in-force",
        "HSI-M/4E1-format",
        "No checkpoint was signed by a key after it was retired or before it was announced, and no retired key "
        "came back.",
        "Checkpoints that nobody kept.",
    )
    kinds = frozenset({KEY_ROTATED})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        # Key id -> the sizes between which it signs; the first key is known from the first change.
        self._signs: dict[str, tuple[int, int | None]] = {}
        self._current = ""
        self._last: datetime | None = None

    def follow(self, line: Line) -> None:
        """One step: a change of key."""
        self.checked += 1
        size, at = line.index + 1, line.entry.at
        old, vkey = line.code("old_key_id"), line.code("new_vkey")
        self._last = at
        if self._current and old != self._current:
            self.violated("a change of key names another key as the one before it", line.index, since=at)
        try:
            new = Verifier.from_vkey(vkey).key_id.hex()
        except LedgerError:
            self.violated("a change of key names no key that can be read", line.index, since=at)
            return
        begins, _ = self._signs.get(old, (0, None))
        self._signs[old] = (begins, size)
        if new in self._signs:
            self.violated("a retired key came back", line.index, since=at)
        else:
            self._signs[new] = (size, None)
        self._current = new

    def note(self, name: str, note: bytes) -> None:
        """Hold a kept checkpoint against the sizes between which its keys sign. Keys of witnesses are not ours."""
        if not self._signs or self._last is None:
            return
        self.checked += 1
        text, signatures = split_note(note)
        size = parse_checkpoint(text).size
        for _, signed in signatures:
            begins, ends = self._signs.get(signed[:4].hex(), (0, None))
            if size < begins or (ends is not None and size > ends):
                self.violated(
                    f"checkpoint `{name}` of size {size} bears the key {signed[:4].hex()}, which signs from size "
                    f"{begins} to {'now' if ends is None else ends}",
                    max(0, size - 1),
                    since=self._last,
                )


class ActWithinRole(Monitor):
    """Each act: whoever did it held, at that place of the log, a role that carries it."""

    rule = Rule(
        "act-within-role",
        "road/role",
        "Nobody did anything without holding, at that time, a role that carries it.",
        "Whether a role was given to the right person.",
    )

    def follow(self, line: Line) -> None:
        """One step. A refusal is no act."""
        entry = line.entry
        if entry.outcome == REFUSED or entry.kind.endswith(".refused"):
            return
        self.checked += 1
        wanted = self.expects.roles_for(entry.kind, line.code("kind"), line.code("office"))
        if wanted is None:
            raise ClosedError(f"which role `{entry.kind}` needs is not known here")
        if ANYBODY in wanted:
            return
        match self.roles.holds(line.text("initiator"), wanted):
            case Held.CLOSED:
                self.cannot_judge(line.index)
            case Held.NO:
                self.violated(
                    f"`{entry.kind}` by somebody who did not hold the role {' or '.join(sorted(wanted))}",
                    line.index,
                    since=entry.at,
                )
