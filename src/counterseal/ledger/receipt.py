"""Receipts: proof, in one text, that an entry is in the log under a signed checkpoint (C2SP tlog-proof).

Stricter than the text: a receipt of ours carries no `extra` line, since nothing authenticates it.
Whether a receipt is fresh, was used before, or is for this very request is the connector's to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from counterseal.ledger.checkpoint import MAX_NOTE, Checkpoint
from counterseal.ledger.errors import MalformedReceiptError
from counterseal.ledger.keys import Trust, open_trusted
from counterseal.ledger.strict import LARGEST, base64_std, decimal, to_base64_std
from counterseal.ledger.tree import HASH_SIZE, leaf_hash, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = 63


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says, unverified. proof: 32-byte hashes, leaf's sibling first. note: the checkpoint."""

    index: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """The entry stands at `index` under `checkpoint`, which a trusted key signed."""

    index: int
    checkpoint: Checkpoint


def build_receipt(index: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The receipt's text. note: the signed checkpoint, carried verbatim.

    Raises:
        MalformedReceiptError: an index or proof that no tree has.
    """
    if not 0 <= index <= LARGEST:
        raise MalformedReceiptError(f"{index} is no leaf index")
    if len(proof) > MAX_PROOF or any(len(part) != HASH_SIZE for part in proof):
        raise MalformedReceiptError(f"an inclusion proof has at most {MAX_PROOF} hashes of 32 bytes")
    lines = [HEADER, f"index {index}", *map(to_base64_std, proof), "", ""]
    return "\n".join(lines).encode("ascii") + note


def parse_receipt(receipt: bytes) -> Receipt:
    """Read a receipt's text, strictly; nothing is verified yet.

    Raises:
        MalformedReceiptError: the bytes are no receipt of this log.
    """
    if len(receipt) > MAX_NOTE + 4096:
        raise MalformedReceiptError("the receipt is too long")
    head, blank, note = receipt.partition(b"\n\n")
    try:
        header, place, *proof = head.decode("ascii").split("\n")
        if header != HEADER or not blank or not place.startswith("index ") or len(proof) > MAX_PROOF:
            raise ValueError(f"it needs `{HEADER}`, the index, at most {MAX_PROOF} hashes and a checkpoint")
        index = decimal(place.removeprefix("index "))
        hashes = tuple(base64_std(line, HASH_SIZE) for line in proof)
    except ValueError as error:
        raise MalformedReceiptError(f"this is no receipt: {error}") from None
    return Receipt(index, hashes, note)


def verify_receipt(receipt: bytes, body: bytes, trust: Trust, origin: str) -> VerifiedReceipt:
    """Check that `body` is in the log `origin`, under a checkpoint that a trusted key signed.

    # 1 read the text, 2 check the checkpoint's signature and origin, 3 check the inclusion of these bytes.

    Raises:
        MalformedReceiptError, MalformedNoteError: the bytes are no receipt.
        SignatureError, OriginError, ProofError: they are one, and it does not hold.
    """
    parsed = parse_receipt(receipt)
    checkpoint = open_trusted(parsed.note, trust, origin=origin)
    verify_inclusion(parsed.index, checkpoint.size, leaf_hash(body), parsed.proof, checkpoint.root)
    return VerifiedReceipt(parsed.index, checkpoint)
