"""The published form of the log: tiles of hashes and bundles of entries (C2SP tlog-tiles).

Yields paths and bytes; whoever calls writes them. Every path and file here is static once written; only
`checkpoint` changes, and it comes last, so that no reader sees a checkpoint without its tiles.
A log of ours is never pruned.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from counterseal.ledger.entry import MAX_ENTRY
from counterseal.ledger.errors import MalformedTileError
from counterseal.ledger.strict import LARGEST
from counterseal.ledger.tree import HASH_SIZE, NodeReader, hash_pairs

HEIGHT = 8
WIDTH = 1 << HEIGHT
CHECKPOINT = "checkpoint"
ENTRIES = "entries"

Reader = Callable[[str], bytes]
"""Gives the bytes at a path of the exported directory; raises `FileNotFoundError` where there are none."""
BodyReader = Callable[[int, int], Iterable[bytes]]
"""Gives the entries' bytes from index start up to (not including) end."""

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """One file: a tile of `width` hashes at `level`, or (level None) a bundle of `width` entries.

    level: 0 to 63, or None. index: of the tile in its level. width: 1 to 256; 256 is full.
    """

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies: `tile/<L>/<N>[.p/<W>]`, N in groups of three digits."""
        place = f"{self.index % 1000:03}"
        rest = self.index // 1000
        while rest:
            place = f"x{rest % 1000:03}/{place}"
            rest //= 1000
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{ENTRIES if self.level is None else self.level}/{place}{partial}"

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """Read a path, strictly.

        Raises:
            MalformedTileError: no path of a tile or bundle, or a second spelling of one.
        """
        found = _PATH.fullmatch(path)
        if found is None:
            raise MalformedTileError(f"`{path[:100]}` is no path of a tile")
        level = None if found[1] == ENTRIES else int(found[1])
        tile = cls(level, int(found[2].replace("x", "").replace("/", "")), int(found[3] or WIDTH))
        whole = found[3] is None or tile.width < WIDTH
        if (level or 0) > 63 or tile.index > LARGEST or not whole or tile.path != path:
            raise MalformedTileError(f"`{path[:100]}` is no path of a tile")
        return tile


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """The files that a log of `size` entries needs beyond one of `since`: bundles, then tiles by level.

    Raises:
        MalformedTileError: `since` is beyond `size`.
    """
    if not 0 <= since <= size <= LARGEST:
        raise MalformedTileError(f"a log of {size} entries does not grow from {since}")
    yield from _row(None, size, since)
    level = 0
    while size:
        yield from _row(level, size, since)
        level, size, since = level + 1, size >> HEIGHT, since >> HEIGHT


def export(
    size: int, node: NodeReader, bodies: BodyReader, checkpoint: bytes, *, since: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Every (path, bytes) that the export of `since` entries lacks; the checkpoint's note comes last.

    node: stored hashes. bodies: the entries' bytes. since: size of the export that is already there.

    Raises:
        MalformedTileError: what is stored does not fill a tile or bundle.
    """
    for tile in tiles_of(size, since=since):
        first = tile.index * WIDTH
        if tile.level is None:
            bundle = tuple(bodies(first, first + tile.width))
            if len(bundle) != tile.width:
                raise MalformedTileError(
                    f"`{tile.path}` needs {tile.width} entries, {len(bundle)} are stored"
                )
            yield tile.path, pack_bundle(bundle)
        else:
            level = tile.level * HEIGHT
            data = b"".join([node(level, first + slot) for slot in range(tile.width)])
            if len(data) != tile.width * HASH_SIZE:
                raise MalformedTileError(f"`{tile.path}` needs hashes of {HASH_SIZE} bytes")
            yield tile.path, data
    yield CHECKPOINT, checkpoint


def pack_bundle(bodies: Iterable[bytes]) -> bytes:
    """Entries one after the other, each behind its length in two bytes, big-endian.

    Raises:
        MalformedTileError: an entry too long for two bytes.
    """
    parts: list[bytes] = []
    for body in bodies:
        if len(body) > MAX_ENTRY:
            raise MalformedTileError(f"an entry has at most {MAX_ENTRY} bytes, this one {len(body)}")
        parts += (len(body).to_bytes(2, "big"), body)
    return b"".join(parts)


def split_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, exactly `width` of them and nothing behind.

    Raises:
        MalformedTileError: too few, cut short, or bytes left over.
    """
    bodies: list[bytes] = []
    at, end = 0, len(data)
    for _ in range(width):
        start = at + 2
        if start > end:
            raise MalformedTileError(f"the bundle ends after {len(bodies)} entries, it should hold {width}")
        at = start + (data[start - 2] << 8 | data[start - 1])
        bodies.append(data[start:at])
    if at != end:
        raise MalformedTileError(f"the bundle of {width} entries has {end} bytes, its lengths say {at}")
    return bodies


def check_tile(data: bytes, width: int) -> bytes:
    """The same bytes, when they are `width` hashes.

    Raises:
        MalformedTileError: another length.
    """
    if len(data) != width * HASH_SIZE:
        raise MalformedTileError(f"a tile {width} wide has {width * HASH_SIZE} bytes, not {len(data)}")
    return data


class TileNodes:
    """A `NodeReader` over the tiles of an exported log. Trusts them: its user checks proofs or roots."""

    def __init__(self, read: Reader, size: int, *, keep: int = 64) -> None:
        """read: the exported directory. size: of its tree. keep: number of tiles held in memory."""
        self._read = read
        self._size = size
        self._keep = keep
        self._held: OrderedDict[Tile, bytes] = OrderedDict()

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of the complete node (level, index).

        Raises:
            MalformedTileError: the tile is cut short. FileNotFoundError: it is missing.
        """
        row, rise = divmod(level, HEIGHT)
        first = index << rise
        width = min(WIDTH, (self._size >> HEIGHT * row) - first // WIDTH * WIDTH)
        data = self._tile(Tile(row, first // WIDTH, width))
        slot = first % WIDTH * HASH_SIZE
        hashes = data[slot : slot + (HASH_SIZE << rise)]
        for _ in range(rise):
            hashes = hash_pairs(hashes)
        return hashes

    def _tile(self, tile: Tile) -> bytes:
        if tile in self._held:
            self._held.move_to_end(tile)
        else:
            self._held[tile] = check_tile(self._read(tile.path), tile.width)
            if len(self._held) > self._keep:
                self._held.popitem(last=False)
        return self._held[tile]


def _row(level: int | None, size: int, since: int) -> Iterator[Tile]:
    if size > since:
        full, rest = divmod(size, WIDTH)
        for index in range(since // WIDTH, full):
            yield Tile(level, index)
        if rest:
            yield Tile(level, full, rest)
