"""The key store: half of what opens each vault object, in a file of its own, destroyed by overwriting.

The database keeps each object's key wrapped. What unwraps it is made of the vault's master key *and* of a
random secret in this file, one slot an object. A backup of the database holds no slot: once a slot is
overwritten, no copy of database, vault and master key opens the object. A copy of *this file* from before
does, together with all three: it is backed up apart, for a short time, or not at all (docs/adr/0016).

One flat file, because its erasure can be seen: the bytes are overwritten where they lie, and no journal
keeps the page from before. Not reached: what the storage below keeps of overwritten blocks.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from counterseal.terms.errors import IntegrityError, UnavailableError

SLOT = 32
_HEADER = b"counterseal-key-store-1".ljust(SLOT, b"\n")
_GONE = bytes(SLOT)
_FIRST, _MOST = 4, 256


class VaultError(IntegrityError):
    """A vault object cannot be opened: its bytes or its key were changed."""


class DestroyedError(VaultError):
    """The object's key was destroyed; nobody can open it any more."""


class KeyStore:
    """Slots of 32 random bytes, numbered from 0. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready: deque[tuple[int, bytes]] = deque()
        self._batch = _FIRST
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def make(self) -> None:
        """Make the file, empty; where it is there already, leave it.

        Raises:
            UnavailableError: it cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        except OSError as error:
            raise UnavailableError(f"the key store cannot be made: {error}") from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(_HEADER)
            file.flush()
            os.fsync(file.fileno())

    def take(self) -> tuple[int, bytes]:
        """A slot that nobody else was given, and its secret, durable already.

        Slots are made some at a time, so that most objects cost no write; those of a process that ends
        before it used them stay unused.

        Raises:
            UnavailableError: the file cannot be written.
        """
        with self._lock:
            if self._owner != os.getpid():  # a fork must not hand out its parent's slots
                self._ready.clear()
                self._owner = os.getpid()
            if not self._ready:
                self._ready.extend(self._reserve(self._batch))
                self._batch = min(2 * self._batch, _MOST)
            return self._ready.popleft()

    def secret(self, slot: int) -> bytes:
        """The secret of one slot.

        Raises:
            DestroyedError: it was overwritten. VaultError: the file has no such slot.
            UnavailableError: the file cannot be read.
        """
        found = self._read(slot)
        if len(found) < SLOT:
            raise VaultError(
                f"the key store has no slot {slot}: it is older than the database, or was cut; "
                "restore the newest copy of it, then run `counterseal retention restore`"
            )
        if found == _GONE:
            raise DestroyedError(f"slot {slot} of the key store was destroyed")
        return found

    def destroyed(self, slot: int) -> bool:
        """Whether this slot holds nothing (any more)."""
        return self._read(slot) in (_GONE, b"")

    def destroy(self, slots: Iterable[int]) -> None:
        """Overwrite these slots, and look that they are overwritten. Safe to repeat.

        Raises:
            UnavailableError: the file cannot be written; repeat it.
        """
        gone = sorted(set(slots))
        with self._opened() as descriptor:
            size = os.fstat(descriptor).st_size
            for slot in gone:
                if (slot + 2) * SLOT <= size:
                    os.pwrite(descriptor, _GONE, (slot + 1) * SLOT)
            os.fsync(descriptor)
        left = [slot for slot in gone if not self.destroyed(slot)]
        if left:
            raise UnavailableError(f"slots {left} of the key store were not overwritten; repeat it")

    def count(self) -> int:
        """How many slots the file has."""
        try:
            return max(0, self.path.stat().st_size // SLOT - 1)
        except OSError as error:
            raise UnavailableError(f"the key store cannot be read: {error}") from error

    def _reserve(self, count: int) -> Iterator[tuple[int, bytes]]:
        with self._opened() as descriptor:
            # An append that was cut short by a crash was given to nobody: overwrite it.
            first = os.fstat(descriptor).st_size // SLOT - 1
            made = [secrets.token_bytes(SLOT) for _ in range(count)]
            at, data = (first + 1) * SLOT, b"".join(made)
            while data:
                written = os.pwrite(descriptor, data, at)
                at, data = at + written, data[written:]
            os.fsync(descriptor)
        return iter(list(enumerate(made, start=first)))

    def _read(self, slot: int) -> bytes:
        if slot < 0:
            return b""
        try:
            with self.path.open("rb", buffering=0) as file:
                return os.pread(file.fileno(), SLOT, (slot + 1) * SLOT)
        except OSError as error:
            raise UnavailableError(f"the key store cannot be read: {error}") from error

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            with self.path.open("r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.pread(file.fileno(), SLOT, 0) != _HEADER:
                    raise VaultError(f"`{self.path.name}` is no key store, or was changed: restore it")
                yield file.fileno()
        except OSError as error:
            raise UnavailableError(f"the key store cannot be written: {error}") from error


def wrapping_key(master: bytes, secret: bytes) -> bytes:
    """What wraps one object's key: nobody has it who lacks the master key or the slot's secret."""
    return hmac.new(master, b"counterseal vault 1\0" + secret, hashlib.sha256).digest()
