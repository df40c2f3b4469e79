"""Draw a random share that anybody can draw again from the seed.

1 the secret: random bytes, whose commitment is sealed before the period begins; 2 at the draw the secret is
shown, and the seed is made of it and of the log's root hash at that size, which nobody knew when they committed;
3 each id gets SHA-256(seed, 0x00, id); 4 the share with the lowest hashes is drawn, at least one.

No clock, file or random source: the caller brings the secret. Clauses: HSI-M/4E4-supervisor-review, HSI-M/4E5-audits.
"""

import hashlib
import hmac
from collections.abc import Iterable
from fractions import Fraction
from math import ceil

from counterseal.terms.errors import BadInputError

SECRET_BYTES = 32
_COMMITMENT = b"counterseal sample commitment v1\x00"
_SEED = b"counterseal sample seed v1\x00"


class SamplingError(BadInputError):
    """Nothing can be drawn from this."""


def commitment_of(secret: bytes) -> str:
    """What is sealed before the period begins: SHA-256 (hex) over a label and the secret.

    Raises:
        SamplingError: the secret is not of 32 bytes.
    """
    if len(secret) != SECRET_BYTES:
        raise SamplingError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return hashlib.sha256(_COMMITMENT + secret).hexdigest()


def seed_of(secret: bytes, *, commitment: str, tree_size: int, root_hash: bytes) -> bytes:
    """The seed of a draw: 32 bytes out of the committed secret and the log's head at the draw.

    Raises:
        SamplingError: the secret is not the one committed to, or this is no head of a log.
    """
    if not hmac.compare_digest(commitment_of(secret), commitment):
        raise SamplingError("this secret is not the one that was committed to before the period began")
    if len(root_hash) != hashlib.sha256().digest_size or tree_size < 1:
        raise SamplingError("a head of the log has a size of 1 or more and a root hash of 32 bytes")
    return hashlib.sha256(_SEED + secret + tree_size.to_bytes(8, "big") + root_hash).digest()


def share_of(text: str) -> Fraction:
    """A share as it is written in a pack: `1/10`, above 0 and at most 1.

    Raises:
        SamplingError: it is no such fraction.
    """
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise SamplingError(f"a share is a fraction like `1/10`, not `{text}`") from error
    if not 0 < share <= 1:
        raise SamplingError(f"a share is above 0 and at most 1, not `{text}`")
    return share


def count_of(population: int, share: Fraction) -> int:
    """How many are drawn: the share rounded up, so at least one of any population but an empty one."""
    return ceil(population * share)


def place_of(seed: bytes, drawn_id: str) -> bytes:
    """Where an id stands in the drawing order: SHA-256(seed, 0x00, id)."""
    return hashlib.sha256(seed + b"\x00" + drawn_id.encode()).digest()


def draw(ids: Iterable[str], *, seed: bytes, share: Fraction) -> tuple[str, ...]:
    """The ids drawn, in drawing order; the order in which they come does not matter.

    Raises:
        SamplingError: an id comes twice, or the share is not above 0 and at most 1.
    """
    share = share_of(str(share))
    population = list(ids)
    if len(set(population)) != len(population):
        raise SamplingError("an id comes twice in the population: each is drawn with the same chance, once")
    return tuple(sorted(population, key=lambda i: place_of(seed, i))[: count_of(len(population), share)])
