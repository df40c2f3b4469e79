"""Which packs decide together: the base packs, the overlays over them, and the acts that changed this since.

`policies/composition.toml` says what an installation begins with. Afterwards only an act of two persons changes
it (`PackAct`); the caller brings the acts, in the order in which they were made. A base pack may permit; an
overlay only forbids, so that one more of them never opens anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Layer(StrEnum):
    """Whether a pack may permit, or only narrow what others permit."""

    BASE = "base"
    OVERLAY = "overlay"


class ActKind(StrEnum):
    """What two persons did with a pack."""

    ACTIVATE = "activate"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class PackAct:
    """From `at` on a pack counts, or counts no more.

    digest: of the pack's files as they were then. replaces: the pack whose place it takes, or empty.
    """

    at: datetime
    kind: ActKind
    pack: str
    digest: str
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Composition:
    """Ids of packs: `base` first, then `overlays`, each in order.

    persons: how many take part in an act on a pack. signers: the keys one of which signed each pack, as base64 of
    a raw Ed25519 key; empty where packs need no signature.
    """

    base: tuple[str, ...]
    overlays: tuple[str, ...]
    persons: int = 2
    signers: tuple[str, ...] = ()

    @property
    def packs(self) -> tuple[str, ...]:
        """All of them, in order."""
        return (*self.base, *self.overlays)

    def after(self, act: PackAct, layer: Layer) -> "Composition":
        """The composition once this act on a pack of this layer was made."""
        gone = {act.pack, act.replaces} if act.kind is ActKind.ACTIVATE else {act.pack}
        base = tuple(pack for pack in self.base if pack not in gone)
        overlays = tuple(pack for pack in self.overlays if pack not in gone)
        if act.kind is ActKind.ACTIVATE and layer is Layer.BASE:
            base += (act.pack,)
        elif act.kind is ActKind.ACTIVATE:
            overlays += (act.pack,)
        return replace(self, base=base, overlays=overlays)

    def over(self, overlays: Iterable[str]) -> "Composition":
        """The same base under these overlays."""
        return replace(self, overlays=tuple(overlays))
