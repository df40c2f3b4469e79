"""Full audit of an exported log: everything is computed again, nothing is believed.

An entry whose bytes were changed leaves tiles, checkpoint and consistency proofs as they were; only hashing
every entry finds it. So the audit does:
1 open the checkpoint, 2 hash every entry of every bundle, 3 compare each tile with what the entries give,
4 rebuild the root hash, 5 decode every entry strictly and follow its causes, 6 check each key rotation
against its entry and its doubly signed checkpoint, 7 check that earlier checkpoints are prefixes.
What it cannot see: entries that were never logged, and a second history shown to somebody else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from counterseal.ledger.checkpoint import Checkpoint
from counterseal.ledger.entry import KEY_ROTATED, read_entry
from counterseal.ledger.errors import LedgerError, MalformedEntryError
from counterseal.ledger.findings import Blame, Finding, Progress, blame
from counterseal.ledger.intents import OpenIntents
from counterseal.ledger.keys import KeyHistory, Trust, open_trusted, rotation_fault
from counterseal.ledger.tiles import (
    CHECKPOINT,
    WIDTH,
    Reader,
    Tile,
    TileNodes,
    check_tile,
    split_bundle,
)
from counterseal.ledger.tree import (
    EMPTY_ROOT,
    HASH_SIZE,
    consistency_proof,
    hash_pairs,
    node_hash,
    verify_consistency,
)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """checkpoint: None where it could not be opened. hashed, decoded: numbers of entries.

    open_intents: indices of intents without outcome; they are for the overseer and no fault of the log.
    decoded is 0 where the caller asked for hashes only.
    """

    checkpoint: Checkpoint | None
    hashed: int
    decoded: int
    open_intents: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def audit(
    read: Reader,
    trust: Trust,
    *,
    origin: str | None = None,
    older: Iterable[bytes] = (),
    decode: bool = True,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit the exported log behind `read`.

    trust: keys or key history. older: signed checkpoints that were kept from before. decode: also read each
    entry (some fifteen times the time of the hashes). progress: called after each bundle.
    """
    # (1) Without a checkpoint that a trusted key signed there is nothing to hold the rest against.
    try:
        checkpoint = open_trusted(read(CHECKPOINT), trust, origin=origin)
    except (LedgerError, OSError) as error:
        finding = Finding("checkpoint-not-trusted", CHECKPOINT, _says(error))
        return AuditReport(None, 0, 0, (), (finding,))
    run = _Audit(read, trust, checkpoint, decode)
    run.entries(progress)
    run.root()
    run.rotations()
    for note in older:
        run.older(note)
    return AuditReport(
        checkpoint, run.hashed, run.decoded, run.intents.open if decode else (), tuple(run.findings)
    )


class _Audit:
    def __init__(self, read: Reader, trust: Trust, checkpoint: Checkpoint, decode: bool) -> None:
        self.read = read
        self.trust = trust
        self.checkpoint = checkpoint
        self.decode = decode
        self.node = TileNodes(read, checkpoint.size)
        self.findings: list[Finding] = []
        self.hashed = self.decoded = 0
        self.intents = OpenIntents()
        self.rotated_at: set[int] = set()
        # Hashes that await their tile, by level: at most one tile each.
        self.pending: list[bytearray] = [bytearray()]
        self.filled: list[int] = [0]

    def entries(self, progress: Progress | None) -> None:
        size = self.checkpoint.size
        for first in range(0, size, WIDTH):
            width = min(WIDTH, size - first)
            self._bundle(Tile(None, first // WIDTH, width), Tile(0, first // WIDTH, width))
            if progress is not None:
                progress(first + width, size)

    def _bundle(self, bundle: Tile, tile: Tile) -> None:
        stored = self._tile(tile)
        try:
            bodies = split_bundle(self.read(bundle.path), bundle.width)
        except (LedgerError, OSError) as error:
            self._found("bundle-unreadable", bundle.path, _says(error))
            bodies = []
        # (2)
        hashes = b"".join([sha256(b"\x00" + body).digest() for body in bodies])
        self.hashed += len(bodies)
        if not bodies:
            hashes = stored or b""
        elif stored is not None and hashes != stored:
            hashes = self._differs(bundle, tile, hashes, stored)
        if self.decode:
            for place, body in enumerate(bodies):
                self._decode(bundle.index * WIDTH + place, body)
        self._push(hashes, tile.width, 0)

    def _differs(self, bundle: Tile, tile: Tile, hashes: bytes, stored: bytes) -> bytes:
        """Name every entry that differs from its tile; the hashes to go on with."""
        sound = bytearray(hashes)
        size, root = self.checkpoint.size, self.checkpoint.root
        for slot in range(tile.width):
            part = slice(slot * HASH_SIZE, (slot + 1) * HASH_SIZE)
            body, leaf = hashes[part], stored[part]
            if body == leaf:
                continue
            index = tile.index * WIDTH + slot
            match blame(index, size, root, body=body, stored=leaf, node=self.node):
                case Blame.BODY:
                    sound[part] = leaf
                    self._found(
                        "entry-changed",
                        f"entry {index} in {bundle.path}",
                        "the bytes of the entry were changed: its leaf hash in the tile leads to the signed "
                        "root, the hash of its bytes does not",
                    )
                case Blame.STORED:
                    self._found(
                        "tile-changed",
                        f"hash {slot} of {tile.path}",
                        "the tile was changed: the entry's bytes lead to the signed root, its hash does not",
                    )
                case _:
                    self._found(
                        "entry-and-tile-differ",
                        f"entry {index} in {bundle.path} and {tile.path}",
                        "the entry's bytes and its leaf hash disagree, and neither leads to the signed root",
                    )
        return bytes(sound)

    def _decode(self, index: int, body: bytes) -> None:
        # (5)
        try:
            entry = read_entry(body)
        except MalformedEntryError as error:
            self._found("entry-malformed", f"entry {index}", _says(error))
            return
        self.decoded += 1
        if entry.causes and entry.causes[-1] >= index:
            self._found(
                "cause-not-earlier", f"entry {index}", f"it names entry {entry.causes[-1]} as a cause"
            )
        self.intents.see(index, entry)
        if entry.kind == KEY_ROTATED:
            self.rotated_at.add(index + 1)

    def _push(self, hashes: bytes, width: int, level: int) -> None:
        """Hand a tile's worth of hashes to the level above. What was unreadable leaves a gap."""
        if width < WIDTH:
            self.pending[level] += hashes
            self.filled[level] += width
            return
        root = hashes
        while len(root) > HASH_SIZE:
            root = hash_pairs(root)
        above = level + 1
        if above == len(self.pending):
            self.pending.append(bytearray())
            self.filled.append(0)
        self.pending[above] += root
        self.filled[above] += 1
        if self.filled[above] % WIDTH == 0:
            done = bytes(self.pending[above])
            self.pending[above].clear()
            self._compare(Tile(above, self.filled[above] // WIDTH - 1), done)
            self._push(done, WIDTH, above)

    def _compare(self, tile: Tile, computed: bytes) -> None:
        # (3)
        stored = self._tile(tile)
        if stored is not None and stored != computed:
            self._found("tile-changed", tile.path, "the tile is not what the tiles below it hash to")

    def root(self) -> None:
        # (4) The peaks lie in the unfinished tiles, largest in the highest.
        peaks: list[bytes] = []
        for level in reversed(range(len(self.pending))):
            hashes = bytes(self.pending[level])
            if level and hashes:
                index, width = divmod(self.filled[level], WIDTH)
                self._compare(Tile(level, index, width), hashes)
            peaks += _peaks(hashes)
        found = peaks.pop() if peaks else EMPTY_ROOT
        while peaks:
            found = node_hash(peaks.pop(), found)
        if found != self.checkpoint.root:
            self._found(
                "root-differs",
                CHECKPOINT,
                f"the entries do not hash to the root that was signed for size {self.checkpoint.size}",
            )

    def rotations(self) -> None:
        # (6)
        if not isinstance(self.trust, KeyHistory):
            return
        named = set()
        for before, period in pairwise(self.trust.periods):
            size = period.from_size
            if size > self.checkpoint.size:
                continue
            named.add(size)
            where = f"key {period.verifier.key_id.hex()} from size {size}"
            try:
                index = (size - 1) // WIDTH
                width = min(WIDTH, self.checkpoint.size - index * WIDTH)
                bodies = split_bundle(self.read(Tile(None, index, width).path), width)
                fault = rotation_fault(
                    read_entry(bodies[(size - 1) % WIDTH]), before.verifier, period.verifier
                )
                if fault:
                    self._found("rotation-not-logged", where, fault)
                self.older(self.read(f"checkpoints/{size}"), where, size)
            except (LedgerError, OSError) as error:
                self._found("rotation-not-logged", where, _says(error))
        for size in sorted(self.rotated_at - named):
            self._found(
                "rotation-unknown", f"entry {size - 1}", "the key history does not hold this rotation"
            )

    def older(self, note: bytes, where: str = "older checkpoint", of_size: int | None = None) -> None:
        # (7)
        size, root = self.checkpoint.size, self.checkpoint.root
        try:
            old = open_trusted(note, self.trust, origin=self.checkpoint.origin)
        except LedgerError as error:
            self._found("checkpoint-not-trusted", where, _says(error))
            return
        if of_size not in (None, old.size):
            self._found("rotation-not-logged", where, f"its checkpoint was signed for size {old.size}")
            return
        if old.size > size:
            self._found("log-shrank", where, f"it was signed for size {old.size}; the log has {size}")
            return
        where = f"{where} of size {old.size}"
        try:
            verify_consistency(old.size, size, old.root, root, consistency_proof(old.size, size, self.node))
        except (LedgerError, OSError) as error:
            self._found("not-an-extension", where, _says(error))

    def _tile(self, tile: Tile) -> bytes | None:
        try:
            return check_tile(self.read(tile.path), tile.width)
        except (LedgerError, OSError) as error:
            self._found("tile-unreadable", tile.path, _says(error))
            return None

    def _found(self, code: str, where: str, says: str) -> None:
        self.findings.append(Finding(code, where, says))


def _peaks(hashes: bytes) -> Sequence[bytes]:
    """Roots of the complete subtrees over these hashes, largest first; below one tile of them."""
    peaks = []
    while hashes:
        if len(hashes) // HASH_SIZE & 1:
            peaks.append(hashes[-HASH_SIZE:])
        hashes = hash_pairs(hashes)
    return peaks[::-1]


def _says(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, OSError) else str(error)
