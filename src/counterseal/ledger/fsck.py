"""Full comparison of what an installation stores, both ways: no row without entry, no entry without row.

1 every stored body hashes to its stored leaf, every stored node to its parent;
2 the root equals the signed checkpoint's, the stored tree state is the tree's;
3 every entry decodes, its causes are earlier, its disclosures are its own and all there;
4 every sealed row is what the latest entry that names it says, and every row so named is there;
5 the exported tiles and bundles hold what the rows hold;
6 intents without outcome are listed.

Everything comes in through iterators; nothing is repaired. A row is (table, key, digest), as in an entry's
committed value `rows`; `destroyed` of a `record.destroyed` entry lists (table, key), and its `openings` list
(index, digest) of committed values whose openings were destroyed: those, and no others, may be missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from counterseal.ledger.checkpoint import Checkpoint
from counterseal.ledger.entry import Disclosure, Entry, JsonValue, check_disclosure, read_entry
from counterseal.ledger.errors import LedgerError, MalformedEntryError
from counterseal.ledger.findings import Blame, Finding, Progress, blame
from counterseal.ledger.intents import OpenIntents
from counterseal.ledger.keys import Trust, open_trusted
from counterseal.ledger.tiles import CHECKPOINT, HEIGHT, WIDTH, Reader, check_tile, split_bundle, tiles_of
from counterseal.ledger.tree import HASH_SIZE, Frontier, Node, hash_pairs, leaf_hash, root_hash

DESTROYED = "record.destroyed"
FAR = 1_000_000  # a gap of more is a broken index, and is not filled entry by entry


@dataclass(frozen=True, slots=True)
class LogRow:
    """One stored entry. disclosures: encoded, in any order."""

    index: int
    body: bytes
    disclosures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedRow:
    """One row of casework as it stands now. digest: computed from the row. entry_index: what the row says."""

    table: str
    key: str
    digest: str
    entry_index: int


@dataclass(frozen=True, slots=True)
class FsckReport:
    """size: entries read. rows: sealed rows compared. tiles: exported files compared.

    open_intents: indices of intents without outcome; for the overseer, no fault of the log.
    """

    size: int
    rows: int
    tiles: int
    open_intents: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def fsck(
    rows: Iterable[LogRow],
    nodes: Iterable[Node],
    *,
    frontier: Frontier,
    checkpoint: bytes,
    trust: Trust,
    origin: str | None = None,
    sealed: Iterable[SealedRow] | None = None,
    read: Reader | None = None,
    progress: Progress | None = None,
) -> FsckReport:
    """Compare an installation with its own log.

    rows: the stored entries by rising index. nodes: the stored hashes, in any order. frontier: the stored
    tree state. checkpoint: the latest signed note. sealed: casework's rows; None leaves rule 4 out. read: the
    exported directory; None leaves rule 5 out. progress: called once an entry.
    """
    run = _Fsck(checkpoint, trust, origin)
    run.entries(rows, progress)
    run.store(nodes)
    leaves = run.leaf_hashes()
    if leaves is not None:
        run.tree(leaves, frontier)
    if sealed is not None:
        run.casework(sealed)
    if read is not None and leaves is not None:
        run.export(leaves, read, trust, origin)
    return FsckReport(run.size, run.rows, run.tiles, run.intents.open, tuple(run.findings))


@dataclass
class _Level:
    """The stored hashes of one level: bytes at index * 32, and which of them are there."""

    hashes: bytearray = field(default_factory=bytearray)
    there: bytearray = field(default_factory=bytearray)

    def put(self, index: int, value: bytes) -> bool:
        """Keep a hash; False where one was there already."""
        if index >= len(self.there):
            more = max(index + 1, 2 * len(self.there)) - len(self.there)
            self.there += bytes(more)
            self.hashes += bytes(more * HASH_SIZE)
        fresh = not self.there[index]
        self.there[index] = 1
        self.hashes[index * HASH_SIZE : (index + 1) * HASH_SIZE] = value
        return fresh

    def get(self, index: int) -> bytes | None:
        if index >= len(self.there) or not self.there[index]:
            return None
        return bytes(self.hashes[index * HASH_SIZE : (index + 1) * HASH_SIZE])


class _Fsck:
    def __init__(self, note: bytes, trust: Trust, origin: str | None) -> None:
        self.findings: list[Finding] = []
        self.stored: dict[int, _Level] = {}
        self.leaves = _Level()
        self.size = self.rows = self.tiles = 0
        self.intents = OpenIntents()
        # For each (table, key): every (index, digest) that names it, rising; and the last destruction.
        self.named: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self.destroyed: dict[tuple[str, str], int] = {}
        self.unopened: set[int] = set()
        # By entry: digests that nothing opens; and (index, digest) that a later entry says were destroyed.
        self.lacking: dict[int, set[str]] = {}
        self.closed: set[tuple[str, str]] = set()
        self.head: Checkpoint | None = None
        try:
            self.head = open_trusted(note, trust, origin=origin)
        except LedgerError as error:
            self._found("checkpoint-not-trusted", CHECKPOINT, str(error))

    def entries(self, rows: Iterable[LogRow], progress: Progress | None) -> None:
        # Only a signed size is believed: it says how many entries there should be.
        expected = self.head.size if self.head is not None else 0
        done = 0
        for row in rows:
            if row.index < self.size:
                self._found("entry-duplicate", f"entry {row.index}", "the index stands twice or out of order")
                continue
            if row.index >= max(expected, self.size) + FAR:
                self._found(
                    "entry-far-off", f"entry {row.index}", "the index is far beyond the end of the log"
                )
                continue
            self._missing(row.index)
            self.leaves.put(row.index, leaf_hash(row.body))
            self.size = row.index + 1
            self._entry(row)
            done += 1
            if progress is not None:
                progress(done, max(done, expected))
        self._missing(expected)
        self.size = max(self.size, expected)
        for index, digests in self.lacking.items():
            if lost := sum((str(index), digest) not in self.closed for digest in digests):
                self._found(
                    "disclosure-missing",
                    f"entry {index}",
                    f"{lost} of its committed values cannot be opened, and no entry says that they were destroyed",
                )
            if index in self.unopened:
                self._found(
                    "rows-not-openable", f"entry {index}", "which rows the entry changed cannot be told"
                )
        if self.head is not None and self.head.size != self.size:
            self._found(
                "size-differs", CHECKPOINT, f"signed for size {expected}; {self.size} entries are stored"
            )

    def _missing(self, end: int) -> None:
        for index in range(self.size, end):
            self._found("entry-missing", f"entry {index}", "the log has no entry at this index")

    # (1)
    def store(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            where = f"node {node.level}/{node.index}"
            if not (0 <= node.level < 64 and node.index >= 0 and len(node.hash) == HASH_SIZE):
                self._found("node-malformed", where, "no tree has such a node")
            elif (node.index + 1) << node.level > self.size:
                self._found("node-surplus", where, "the node lies beyond the end of the log")
            elif not self.stored.setdefault(node.level, _Level()).put(node.index, node.hash):
                self._found("node-duplicate", where, "the node is stored twice")

    # (3)
    def _entry(self, row: LogRow) -> None:
        where = f"entry {row.index}"
        try:
            entry = read_entry(row.body)
        except MalformedEntryError as error:
            self._found("entry-malformed", where, str(error))
            return
        if entry.causes and entry.causes[-1] >= row.index:
            self._found("cause-not-earlier", where, f"it names entry {entry.causes[-1]} as a cause")
        self.intents.see(row.index, entry)
        opened = self._open_committed(row, entry, where)
        try:
            self._names(row.index, entry, opened)
        except ValueError as error:
            self._found("rows-malformed", where, str(error))

    def _open_committed(self, row: LogRow, entry: Entry, where: str) -> dict[str, JsonValue]:
        opened: dict[str, JsonValue] = {}
        shown = set()
        for encoded in row.disclosures:
            try:
                disclosure = Disclosure.parse(encoded)
                name, value = check_disclosure(entry, disclosure)
            except LedgerError as error:
                self._found("disclosure-foreign", where, str(error))
                continue
            if name in opened:
                self._found("disclosure-foreign", where, f"`{name}` is disclosed twice")
            opened[name] = value
            shown.add(disclosure.digest)
        if lacking := set(entry.digests) - shown:
            self.lacking[row.index] = lacking
            if "rows" not in opened:
                self.unopened.add(row.index)
        return opened

    def _names(self, index: int, entry: Entry, opened: Mapping[str, JsonValue]) -> None:
        for table, key, digest in _lists(opened.get("rows", []), 3, "rows"):
            entries = self.named.setdefault((table, key), [])
            if entries and entries[-1][0] == index:
                raise ValueError(f"the entry names row {table} {key} twice")
            entries.append((index, digest))
        if entry.kind == DESTROYED:
            for table, key in _lists(opened.get("destroyed", []), 2, "destroyed"):
                self.destroyed[table, key] = index
            for place, digest in _lists(opened.get("openings", []), 2, "openings"):
                if place.isdigit() and int(place) < index:
                    self.closed.add((place, digest))

    # (1)
    def leaf_hashes(self) -> bytes | None:
        """The leaf hashes to go on with: of the bodies, or the stored one where a body is gone or changed."""
        stored = self.stored.get(0, _Level())
        size, whole = self.size, b"\x01" * self.size
        hashes = bytes(self.leaves.hashes[: size * HASH_SIZE])
        complete = self.leaves.there[:size] == stored.there[:size] == whole
        if complete and hashes == stored.hashes[: size * HASH_SIZE]:
            return hashes
        leaves = bytearray()
        for index in range(size):
            body, leaf = self.leaves.get(index), stored.get(index)
            if leaf is None:
                self._found("node-missing", f"node 0/{index}", "the leaf hash is not stored")
            if body is not None and leaf is not None and body != leaf:
                body = self._differs(index, body, leaf)
            sound = body or leaf
            if sound is None:
                self._found(
                    "root-differs", CHECKPOINT, f"nothing is left of entry {index}: no root to compute"
                )
                return None
            leaves += sound
        return bytes(leaves)

    # (1), (2)
    def tree(self, leaves: bytes, frontier: Frontier) -> None:
        peaks: list[bytes] = []
        joined: list[bytes] = []
        hashes, level = leaves, 0
        while hashes:
            if level:
                self._compare_level(level, hashes)
            if len(hashes) // HASH_SIZE & 1:
                peaks.append(hashes[-HASH_SIZE:])
            elif not peaks:
                joined.append(hashes[-2 * HASH_SIZE : -HASH_SIZE])
            hashes, level = hash_pairs(hashes), level + 1
        found = Frontier(self.size, tuple(reversed(peaks)), tuple(joined))
        if found != frontier:
            self._found("frontier-differs", "tree state", "the stored tree state is not that of the entries")
        if self.head is not None and self.head.size == self.size and found.root() != self.head.root:
            self._found(
                "root-differs",
                CHECKPOINT,
                f"the entries do not hash to the root that was signed for size {self.size}",
            )

    def _differs(self, index: int, body: bytes, leaf: bytes) -> bytes:
        where = f"entry {index}"
        verdict = Blame.UNDECIDED
        if self.head is not None:
            verdict = blame(index, self.head.size, self.head.root, body=body, stored=leaf, node=self._node)
        if verdict is Blame.STORED:
            self._found(
                "node-changed",
                f"node 0/{index}",
                "the stored leaf hash was changed: the entry's bytes lead to the signed root, it does not",
            )
            return body
        if verdict is Blame.BODY:
            self._found(
                "entry-changed",
                where,
                "the bytes of the entry were changed: its leaf hash leads to the signed root, they do not",
            )
        else:
            self._found("entry-and-node-differ", where, "the entry's bytes and its stored leaf hash disagree")
        return leaf

    def _node(self, level: int, index: int) -> bytes:
        found = self.stored.get(level, _Level()).get(index)
        if found is None:
            raise LookupError(f"node {level}/{index} is not stored")
        return found

    def _compare_level(self, level: int, hashes: bytes) -> None:
        stored = self.stored.get(level, _Level())
        count = len(hashes) // HASH_SIZE
        if stored.there[:count] == b"\x01" * count and stored.hashes[: len(hashes)] == hashes:
            return
        for index in range(count):
            kept = stored.get(index)
            if kept is None:
                self._found("node-missing", f"node {level}/{index}", "the hash is not stored")
            elif kept != hashes[index * HASH_SIZE : (index + 1) * HASH_SIZE]:
                self._found(
                    "node-changed", f"node {level}/{index}", "it is not the hash of the two nodes below"
                )

    # (4)
    def casework(self, sealed: Iterable[SealedRow]) -> None:
        seen: set[tuple[str, str]] = set()
        for row in sealed:
            self.rows += 1
            place = (row.table, row.key)
            if place in seen:
                self._found("row-duplicate", f"row {row.table} {row.key}", "the row was brought twice")
                continue
            seen.add(place)
            self._row(row, self.named.get(place, []), self.destroyed.get(place, -1))
        for place, entries in self.named.items():
            if place not in seen and self.destroyed.get(place, -1) < entries[-1][0]:
                self._found(
                    "row-missing",
                    f"row {place[0]} {place[1]}",
                    f"entry {entries[-1][0]} is the latest that names it, and the row is gone",
                )

    def _row(self, row: SealedRow, entries: list[tuple[int, str]], destroyed: int) -> None:
        where = f"row {row.table} {row.key}"
        said = dict(entries)
        if not 0 <= row.entry_index < self.size:
            self._found(
                "row-entry-missing", where, f"it names entry {row.entry_index}, which is not in the log"
            )
        elif row.entry_index not in said:
            if row.entry_index not in self.unopened:
                self._found("row-not-in-entry", where, f"entry {row.entry_index} does not name this row")
        elif said[row.entry_index] != row.digest:
            self._found("row-changed", where, f"it is not what entry {row.entry_index} sealed")
        elif destroyed > row.entry_index:
            self._found(
                "row-not-destroyed",
                where,
                f"entry {destroyed} says it was destroyed: replay the list of erasures",
            )
        if entries and row.entry_index < entries[-1][0]:
            self._found(
                "row-stale", where, f"entry {entries[-1][0]} changed it after entry {row.entry_index}"
            )

    # (5)
    def export(self, leaves: bytes, read: Reader, trust: Trust, origin: str | None) -> None:
        try:
            head = open_trusted(read(CHECKPOINT), trust, origin=origin)
        except (LedgerError, OSError) as error:
            self._found("export-not-trusted", CHECKPOINT, f"the exported checkpoint: {error}")
            return
        if head.size > self.size:
            self._found(
                "export-ahead", CHECKPOINT, f"{head.size} entries were exported, {self.size} are stored"
            )
            return
        levels = [leaves[: head.size * HASH_SIZE]]
        while len(levels[-1]) >= 2 * HASH_SIZE:
            levels.append(hash_pairs(levels[-1]))
        if head.root != root_hash(head.size, lambda level, at: _slice(levels[level], at, 1)):
            self._found(
                "export-root-differs", CHECKPOINT, "the exported root hash is not that of the entries"
            )
        for tile in tiles_of(head.size):
            self.tiles += 1
            first = tile.index * WIDTH
            try:
                data = read(tile.path)
                if tile.level is None:
                    data = b"".join(
                        [sha256(b"\x00" + body).digest() for body in split_bundle(data, tile.width)]
                    )
                check_tile(data, tile.width)
            except (LedgerError, OSError) as error:
                self._found("tile-unreadable", tile.path, f"{type(error).__name__}: {error}")
                continue
            expected = _slice(levels[(tile.level or 0) * HEIGHT], first, tile.width)
            for slot in range(tile.width if data != expected else 0):
                if _slice(data, slot, 1) != _slice(expected, slot, 1):
                    what = "entry" if tile.level is None else "hash"
                    self._found(
                        "bundle-changed" if tile.level is None else "tile-changed",
                        f"{what} {slot} of {tile.path}",
                        "the exported file is not what the stored entries give",
                    )

    def _found(self, code: str, where: str, says: str) -> None:
        self.findings.append(Finding(code, where, says))


def _slice(hashes: bytes, first: int, count: int) -> bytes:
    return hashes[first * HASH_SIZE : (first + count) * HASH_SIZE]


def _lists(value: JsonValue, length: int, name: str) -> Iterator[tuple[str, ...]]:
    """A committed list of lists of `length` texts; raises ValueError for anything else."""
    for each in value if isinstance(value, list) else [None]:
        match each:
            case [*parts] if len(parts) == length and all(isinstance(part, str) for part in parts):
                yield tuple(parts)
            case _:
                raise ValueError(f"its `{name}` is a list of lists of {length} texts")
