"""The published form of the log, one file at a time, from what is stored (C2SP tlog-tiles)."""

from counterseal.gateway.cosignatures import with_cosignatures
from counterseal.gateway.export_ledger import bodies, node
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger.errors import MalformedTileError
from counterseal.ledger.tiles import HEIGHT, WIDTH, Tile, pack_bundle
from counterseal.ledger.tree import Frontier
from counterseal.oversight.models import LogState


def latest_checkpoint() -> bytes:
    """The latest signed checkpoint, with the cosignatures on it."""
    with snapshot():
        return with_cosignatures(bytes(LogState.objects.get().checkpoint))


def tile_bytes(path: str) -> bytes | None:
    """The bytes at this path; None where it is no path of a tile, or the log has not grown so far."""
    try:
        tile = Tile.parse(path)
    except MalformedTileError:
        return None
    with snapshot():
        size = Frontier.from_bytes(bytes(LogState.objects.get().frontier)).size
        first = tile.index * WIDTH
        if first + tile.width > (size if tile.level is None else size >> HEIGHT * tile.level):
            return None
        if tile.level is None:
            return pack_bundle(bodies(first, first + tile.width))
        return b"".join(node(tile.level * HEIGHT, first + slot) for slot in range(tile.width))
