"""The successor's key on its way into place: durable before the log speaks of it, installed after.

Between the two a change of key can be interrupted. `keys/log.key.next` then holds the key that the log names
already (install it) or does not name yet (the next rotation takes it).
"""

import os
from contextlib import suppress
from pathlib import Path

from counterseal import bootstrap
from counterseal.gateway.export_ledger import key_history
from counterseal.gateway.office import Office
from counterseal.ledger.checkpoint import Signer
from counterseal.terms.errors import IntegrityError


def waiting_key(office: Office) -> Path:
    """Where the successor's key waits."""
    return office.home / "keys" / "log.key.next"


def successor_seed(office: Office) -> bytes:
    """The seed of the next key: the one that waits already, else a new one, durable on return."""
    waiting = waiting_key(office)
    with suppress(FileExistsError):
        descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(office.token(32))
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(waiting.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    seed = waiting.read_bytes()
    if len(seed) != 32:
        raise IntegrityError(f"`{waiting}` is not 32 bytes long: remove it, then rotate again")
    return seed


def install(office: Office, seed: bytes) -> Office:
    """Put the successor's key in place; nothing waits any more."""
    renewed = bootstrap.install_log_key(office, Signer.from_seed(office.origin, seed), seed)
    waiting_key(office).unlink(missing_ok=True)
    return renewed


def finished(office: Office) -> Office:
    """The office with the key in force: a change of key that was interrupted is finished here.

    Raises:
        IntegrityError: the key file is of another key than the log says, and none waits.
    """
    current = key_history().current.vkey
    if office.signer.vkey == current:
        return office
    with suppress(FileNotFoundError):
        seed = waiting_key(office).read_bytes()
        if len(seed) == 32 and Signer.from_seed(office.origin, seed).vkey == current:
            return install(office, seed)
    raise IntegrityError(
        "`keys/log.key` is not the key that the log says is in force: restore the key that the last rotation made "
        f"(`{current}`); nothing is written until then"
    )
