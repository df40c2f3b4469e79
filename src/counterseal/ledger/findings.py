"""What an audit or `fsck` finds, as values with stable codes, and which bytes a difference is due to."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from counterseal.ledger.errors import LedgerError
from counterseal.ledger.tree import NodeReader, inclusion_proof, verify_inclusion

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold. code: stable. where: the file, entry or row. says: in plain words."""

    code: str
    where: str
    says: str


class Blame(Enum):
    """Which of two bytes that disagree was changed, as far as the signed root hash can tell."""

    BODY = "body"
    STORED = "stored"
    UNDECIDED = "undecided"


def blame(index: int, size: int, root: bytes, *, body: bytes, stored: bytes, node: NodeReader) -> Blame:
    """Whether an entry's body or its stored leaf hash was changed.

    The one that the other stored hashes lead from to the signed root is sound.
    body: hash of the entry's bytes. stored: the leaf hash kept for it. node: the other stored hashes.
    """
    try:
        proof = inclusion_proof(index, size, node)
    except (LedgerError, LookupError, OSError):
        return Blame.UNDECIDED
    for leaf, other in ((stored, Blame.BODY), (body, Blame.STORED)):
        try:
            verify_inclusion(index, size, leaf, proof, root)
        except LedgerError:
            continue
        return other
    return Blame.UNDECIDED
