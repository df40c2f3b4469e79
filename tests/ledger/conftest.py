"""A whole log in memory, on the real formats: the simulated office's ledger."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.entry import Disclosure, Reason, SealedEntry, make_entry
from counterseal.ledger.keys import KeyHistory, rotation_entry
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tiles import export
from counterseal.ledger.tree import Frontier, leaf_hash

ORIGIN = "log.agency.example/ledger"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def salts(start: int = 0) -> Callable[[], bytes]:
    """Salts that differ and are known: fit for tests only."""
    counter = iter(range(start, 1 << 60))
    return lambda: sha256(b"test salt %d" % next(counter)).digest()[:16]


class MemoryLog:
    """Appends, signs and exports as an installation does; everything is kept to be looked at and broken."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.signer = Signer.from_seed(origin, b"\x07" * 32)
        self.keys = KeyHistory.single(self.signer.verifier)
        self.frontier = Frontier()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.bodies: list[bytes] = []
        self.disclosures: list[tuple[Disclosure, ...]] = []
        self.checkpoints: dict[int, bytes] = {}
        self.salt = salts()

    @property
    def size(self) -> int:
        return self.frontier.size

    def append(self, body: bytes, disclosures: tuple[Disclosure, ...] = ()) -> int:
        self.frontier, nodes = self.frontier.append(leaf_hash(body))
        self.nodes.update({(node.level, node.index): node.hash for node in nodes})
        self.bodies.append(body)
        self.disclosures.append(disclosures)
        return self.size - 1

    def seal(
        self,
        kind: str = "case.opened",
        *,
        outcome: str = "done",
        causes: Iterable[int] = (),
        rows: Iterable[tuple[str, str, str]] = (),
        destroyed: Iterable[tuple[str, str]] = (),
        **committed: object,
    ) -> int:
        sealed = make_entry(
            kind=kind,
            at=NOON + timedelta(seconds=self.size),
            outcome=outcome,
            reason=Reason("sha256:" + "ab" * 32, ("demo-7.1",), ("HSI-M/4A3-training",)),
            causes=causes,
            public={"mode": "identification", "searched": 774},
            committed={
                "initiator": "person-4f2a",
                "action": kind,
                "target": "case-77b1",
                "rows": [list(row) for row in rows],
                **({"destroyed": [list(row) for row in destroyed]} if destroyed else {}),
                **committed,
            },
            salt=self.salt,
        )
        return self.append_sealed(sealed)

    def append_sealed(self, sealed: SealedEntry) -> int:
        return self.append(sealed.body, sealed.disclosures)

    def rotate(self, seed: bytes) -> None:
        new = Signer.from_seed(self.origin, seed)
        committed = {"initiator": "person-1", "action": "rotate", "target": "log-key", "rows": []}
        self.append_sealed(
            rotation_entry(
                old=self.signer.verifier, new=new.verifier, at=NOON, committed=committed, salt=self.salt
            )
        )
        self.keys = self.keys.rotated(new.verifier, at_size=self.size)
        self.checkpoints[self.size] = sign_checkpoint(self.head, self.signer, new)
        self.signer = new

    @property
    def head(self) -> Checkpoint:
        return Checkpoint(self.origin, self.size, self.frontier.root())

    def checkpoint(self) -> bytes:
        if self.size not in self.checkpoints:
            self.checkpoints[self.size] = sign_checkpoint(self.head, self.signer)
        return self.checkpoints[self.size]

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def receipt_of_last(self) -> bytes:
        return build_receipt(self.size - 1, self.frontier.inclusion_path_of_last(), self.checkpoint())

    def export(self, since: int = 0) -> Iterator[tuple[str, bytes]]:
        return export(
            self.size, self.node, lambda start, end: self.bodies[start:end], self.checkpoint(), since=since
        )

    def files(self) -> "Files":
        return Files(self.export())


class Files(dict[str, bytes]):
    """An exported directory in memory."""

    def read(self, path: str) -> bytes:
        try:
            return self[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def flip(self, path: str, at: int, bit: int = 1) -> None:
        data = bytearray(self[path])
        data[at] ^= bit
        self[path] = bytes(data)


@pytest.fixture
def new_log() -> type[MemoryLog]:
    return MemoryLog


@pytest.fixture
def log() -> MemoryLog:
    """A log of 700 sealed entries: two full bundles and a partial one."""
    made = MemoryLog()
    for _ in range(700):
        made.seal()
    return made


@pytest.fixture(scope="session")
def cheap_log() -> Callable[[int], MemoryLog]:
    """A log of `size` leaves whose bytes are no sealed entries."""

    def make(size: int) -> MemoryLog:
        made = MemoryLog()
        for index in range(size):
            made.append(b"leaf %d" % index)
        return made

    return make
