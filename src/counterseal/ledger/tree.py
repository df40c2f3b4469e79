"""The Merkle tree of RFC 6962 section 2.1 over stored levels.

A node (level, index) is the hash of the complete subtree over leaves index * 2**level up to
(index + 1) * 2**level. Only complete nodes are stored; what is incomplete at a size is computed from them.
Proof checks follow RFC 9162 sections 2.1.3.2 and 2.1.4.2. Nothing here returns a bare truth value:
a check that fails raises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from counterseal.ledger.errors import ProofError, TreeRangeError
from counterseal.ledger.strict import LARGEST

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""Gives the stored hash of the complete node (level, index)."""


def leaf_hash(body: bytes) -> bytes:
    """Hash of one entry's bytes: SHA-256(0x00 || body)."""
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def hash_pairs(hashes: bytes) -> bytes:
    """The next level of concatenated 32-byte hashes; an odd last one is left out."""
    return b"".join(
        [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes) // 64 * 64, 64)]
    )


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree's hash at its place: 2**level leaves from leaf index * 2**level on."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The tree's state between two appends; everything an append needs.

    size: number of leaves. peaks: hashes of the complete subtrees that make up the tree, largest first
    (one for each set bit of size). joined: the left siblings that the last append consumed, lowest level
    first (one for each trailing zero bit of size); with them the last leaf's proof needs no read.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()
    joined: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a state that no tree can have."""
        if not 0 <= self.size <= LARGEST:
            raise TreeRangeError(f"a tree cannot have size {self.size}")
        if len(self.peaks) != self.size.bit_count() or len(self.joined) != _trailing_zeros(self.size):
            raise TreeRangeError(f"a tree of size {self.size} cannot have these peaks")
        if any(len(part) != HASH_SIZE for part in self.peaks + self.joined):
            raise TreeRangeError("every hash of a tree's state has 32 bytes")

    def append(self, leaf: bytes) -> tuple["Frontier", tuple[Node, ...]]:
        """The state after one more leaf, and the newly complete nodes to store, the leaf first.

        leaf: the entry's `leaf_hash`, 32 bytes.
        """
        if len(leaf) != HASH_SIZE:
            raise TreeRangeError("a leaf hash has 32 bytes")
        nodes = [Node(0, self.size, leaf)]
        peaks = list(self.peaks)
        joined = []
        index, level = self.size, 0
        while index & 1:
            left = peaks.pop()
            joined.append(left)
            index, level = index >> 1, level + 1
            nodes.append(Node(level, index, node_hash(left, nodes[-1].hash)))
        peaks.append(nodes[-1].hash)
        return Frontier(self.size + 1, tuple(peaks), tuple(joined)), tuple(nodes)

    def root(self) -> bytes:
        """The root hash at this size; of the empty tree, SHA-256 of nothing."""
        return _fold(self.peaks) if self.peaks else EMPTY_ROOT

    def inclusion_path_of_last(self) -> tuple[bytes, ...]:
        """Inclusion proof of leaf size - 1 in this tree, without reading any stored node."""
        if not self.size:
            raise TreeRangeError("an empty tree has no last leaf")
        return self.joined + tuple(reversed(self.peaks[:-1]))

    def to_bytes(self) -> bytes:
        """8 bytes of size, big-endian, then peaks, then joined."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks) + b"".join(self.joined)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """Read what `to_bytes` wrote.

        Raises:
            TreeRangeError: a wrong length or size.
        """
        size = int.from_bytes(data[:8], "big")
        peaks = size.bit_count()
        total = peaks + _trailing_zeros(size)
        if len(data) != 8 + total * HASH_SIZE:
            raise TreeRangeError(f"{len(data)} bytes are no stored state of a tree")
        hashes = tuple(data[at : at + HASH_SIZE] for at in range(8, len(data), HASH_SIZE))
        return cls(size, hashes[:peaks], hashes[peaks:])


def place(level: int, index: int) -> int:
    """The in-order place of a complete subtree: one number a node, rising as the log grows.

    Leaves stand at even places; the node over two subtrees stands between them.
    """
    return ((2 * index + 1) << level) - 1


def at_place(place: int) -> tuple[int, int]:
    """Level and index of the node at an in-order place, 0 or more."""
    level = _trailing_zeros(place + 1)
    return level, place >> (level + 1)


def root_hash(size: int, node: NodeReader) -> bytes:
    """The root hash of the first `size` leaves, from stored nodes."""
    _check_size(size)
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """The audit path of leaf `index` at `size` leaves (RFC 6962 section 2.1.1), the leaf's sibling first.

    Raises:
        TreeRangeError: the index is not below the size.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise TreeRangeError(f"leaf {index} is not in a tree of size {size}")
    path = []
    level = 0
    while size - 1 >> level:
        sibling = (index >> level) ^ 1
        if (sibling + 1) << level <= size:
            path.append(node(level, sibling))
        elif sibling << level < size:
            path.append(_range_root(sibling << level, size, node))
        level += 1
    return tuple(path)


def consistency_proof(old: int, new: int, node: NodeReader) -> tuple[bytes, ...]:
    """Proof that the tree of `new` leaves extends that of `old` (RFC 6962 section 2.1.2).

    Empty where the sizes are equal or `old` is 0: there is nothing to prove.

    Raises:
        TreeRangeError: old is larger than new.
    """
    _check_size(new)
    if not 0 <= old <= new:
        raise TreeRangeError(f"a tree of size {new} cannot extend one of size {old}")
    if old in (0, new):
        return ()
    proof = []
    low, high, whole = 0, new, True
    while old != high:
        split = low + (1 << (high - low - 1).bit_length() - 1)
        if old <= split:
            proof.append(_range_root(split, high, node))
            high = split
        else:
            proof.append(_range_root(low, split, node))
            low, whole = split, False
    if not whole:
        proof.append(_range_root(low, high, node))
    return tuple(reversed(proof))


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` in the tree of `size` leaves with this root.

    Raises:
        ProofError: it does not, or the proof has the wrong length.
    """
    if not 0 <= index < size <= LARGEST:
        raise ProofError(f"leaf {index} is not in a tree of size {size}")
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if not last:
            raise ProofError(f"the inclusion proof of leaf {index} is too long for size {size}")
        if len(sibling) != HASH_SIZE:
            raise ProofError("every hash of a proof has 32 bytes")
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError(f"the inclusion proof of leaf {index} is too short for size {size}")
    if found != root:
        raise ProofError(f"the proof does not lead from leaf {index} to the root hash at size {size}")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree (new, new_root) extends the tree (old, old_root).

    Raises:
        ProofError: it does not, or the proof has the wrong length.
    """
    if not 0 <= old <= new <= LARGEST:
        raise ProofError(f"a tree of size {new} cannot extend one of size {old}")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != expected or (new == 0 and new_root != EMPTY_ROOT):
            raise ProofError(f"the trees of size {old} and {new} are not consistent")
        return
    if any(len(part) != HASH_SIZE for part in proof):
        raise ProofError("every hash of a proof has 32 bytes")
    # The old tree's own root starts the proof where the old tree is one complete subtree.
    path = (old_root, *proof) if old & (old - 1) == 0 else tuple(proof)
    if not path:
        raise ProofError(f"the consistency proof from {old} to {new} is too short")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found_new = path[0]
    for part in path[1:]:
        if not last:
            raise ProofError(f"the consistency proof from {old} to {new} is too long")
        if place & 1 or place == last:
            found_old, found_new = node_hash(part, found_old), node_hash(part, found_new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found_new = node_hash(found_new, part)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError(f"the consistency proof from {old} to {new} is too short")
    if found_old != old_root or found_new != new_root:
        raise ProofError(f"the tree of size {new} does not extend the tree of size {old}")


def _check_size(size: int) -> None:
    if not 0 <= size <= LARGEST:
        raise TreeRangeError(f"a tree cannot have size {size}")


def _trailing_zeros(size: int) -> int:
    return (size & -size).bit_length() - 1 if size else 0


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Join complete subtrees, largest first, into one root."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def _range_root(low: int, high: int, node: NodeReader) -> bytes:
    """Root of leaves low..high-1, where low is a multiple of the smallest power of two >= high - low."""
    peaks = []
    while low < high:
        level = (high - low).bit_length() - 1
        peaks.append(node(level, low >> level))
        low += 1 << level
    return _fold(peaks)
