"""What lies beside the tiles in an exported directory, so that an outsider can verify it alone.

checkpoint             the latest signed checkpoint
checkpoints/<size>     every checkpoint that was kept
tile/...               tiles of hashes and bundles of entries
log.vkey, keys.json    the key in force, and every key with the size from which it speaks
verify.py, README.txt  the offline verifier, and how to use it
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files

from counterseal.ledger.errors import MisfiledCheckpointError
from counterseal.ledger.keys import KeyHistory


def checkpoint_path(size: int) -> str:
    """Where a kept checkpoint lies."""
    return f"checkpoints/{size}"


def offline_verifier() -> bytes:
    """The source of the offline verifier, as it lies in this room."""
    return files("counterseal.ledger").joinpath("offline_verifier.py").read_bytes()


def side_files(keys: KeyHistory, checkpoints: Mapping[int, bytes]) -> Iterator[tuple[str, bytes]]:
    """Every (path, bytes) beside tiles and `checkpoint`: write these first, `tiles.export` after.

    checkpoints: signed checkpoints by size; those of the key rotations must be among them.

    Raises:
        MisfiledCheckpointError: one was signed for another size, or that of a key rotation is lacking.
        LedgerError: one that the keys in force at its size did not sign.
    """
    for size in sorted(checkpoints):
        signed = keys.open_checkpoint(checkpoints[size], origin=keys.current.name)
        if signed.size != size:
            raise MisfiledCheckpointError(f"the checkpoint kept for size {size} was signed for {signed.size}")
        yield checkpoint_path(size), checkpoints[size]
    if lacking := [period.from_size for period in keys.periods[1:] if period.from_size not in checkpoints]:
        raise MisfiledCheckpointError(f"the checkpoint of the key rotation at size {lacking[0]} is not there")
    yield "log.vkey", (keys.current.vkey + "\n").encode("utf-8")
    yield "keys.json", keys.to_json()
    yield "verify.py", offline_verifier()
    yield "README.txt", readme(keys).encode("utf-8")


def readme(keys: KeyHistory) -> str:
    """The text of README.txt: for a reader who has this directory and nothing else."""
    key = keys.current
    return f"""This directory is a copy of the log {key.name}.

Every face recognition use that the gateway decided is an entry in it: what was asked, whether it was
permitted or refused, by which clause, and what came of it. Entries hold codes and salted digests; no name,
no photograph and no sentence about a person is in here.

To check it you need Python 3.11 or later and its package `cryptography`:

    python3 verify.py . --vkey '{key.vkey}'

Take the key from somebody other than whoever handed you this directory: a page that the agency published, an
oversight office, an earlier export. Without --vkey the program uses log.vkey, and its answer is worth as
much as your trust in whoever wrote that file.

If you kept a checkpoint from an earlier visit, add --older FILE: the program then shows that nothing before
it was changed or taken out. If you hold a receipt, add --receipt FILE --entry FILE.

Exit code 0: everything holds. 3: something does not, and the output says what. 2: nothing could be checked,
since the command was wrong or this is no such directory.

What it cannot show: that nothing was left out before it reached the log, and that nobody was shown another
history. One key without witnesses can sign two histories. Compare your checkpoint with other people's.

Programs by others read these files too: the formats are tlog-tiles, tlog-checkpoint, signed-note and
tlog-proof of the C2SP collection, over the Merkle tree of RFC 6962. The key in force is
{key.key_id.hex()}; keys.json lists every key the log has had, each with the tree size from which it speaks.
"""
