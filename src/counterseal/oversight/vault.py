"""The vault: photographs, prose and names, each sealed under a key of its own.

An object's bytes are AES-256-GCM under a random key. That key is stored in the database, wrapped by a key
made of the vault's master key and of the object's slot in the key store. Destroying the slot erases the
object in every copy of its bytes *and of the database*, while each log proof that commits to it still
verifies. Order: bytes and slot durable first, then the row; bytes without a row are noise that nobody can open.
"""

import os
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import connection

from counterseal.oversight.keystore import DestroyedError, KeyStore, VaultError, wrapping_key
from counterseal.oversight.models import VaultObject
from counterseal.terms.errors import UnavailableError

__all__ = ["DestroyedError", "Vault", "VaultError"]

_NONCE = 12
_KEY = "SELECT wrapped_key, slot FROM oversight_vaultobject WHERE id = %s"


class Vault:
    """Seals and opens objects. `master`: 32 bytes. `keys`: the slots that, with it, wrap the objects' keys."""

    def __init__(self, storage: Storage, master: bytes, keys: KeyStore) -> None:
        self._storage = storage
        self._master = master
        self.keys = keys

    def put(self, object_id: str, data: bytes, *, kind: str, about: str, at: datetime) -> VaultObject:
        """Seal `data` and return its row, unsaved: the caller saves it in the transaction of the act.

        Raises:
            UnavailableError: the bytes or the key could not be stored; nothing is kept.
        """
        key = secrets.token_bytes(32)
        sealed = _encrypt(AESGCM(key), data, object_id)
        slot, secret = self.keys.take()
        try:
            name = self._storage.save(_path(object_id), ContentFile(sealed))
            if name != _path(object_id):
                raise VaultError(f"vault object `{object_id}` exists already")
            _make_durable(self._storage, name)
        except OSError as error:
            raise UnavailableError(
                f"the vault could not store an object: {error}; nothing was recorded"
            ) from error
        return VaultObject(
            id=object_id,
            kind=kind,
            about=about,
            slot=slot,
            wrapped_key=_encrypt(AESGCM(wrapping_key(self._master, secret)), key, object_id),
            created_at=at,
        )

    def open(self, object_id: str) -> bytes:
        """The object's bytes.

        Raises:
            DestroyedError: its key was destroyed. VaultError: it is unknown, or its bytes or key were changed.
            UnavailableError: the storage did not answer.
        """
        with connection.cursor() as cursor:
            cursor.execute(_KEY, [object_id])
            row = cursor.fetchone()
        if row is None:
            raise VaultError(f"the vault holds no object `{object_id}`")
        if row[0] is None:
            raise DestroyedError(f"vault object `{object_id}` was destroyed: nobody can open it any more")
        try:
            with self._storage.open(_path(object_id)) as stored:
                sealed = stored.read()
        except OSError as error:
            if self.keys.destroyed(row[1]):
                raise _database_is_older(object_id) from error
            raise UnavailableError(f"vault object `{object_id}` cannot be read: {error}") from error
        return self.unseal(object_id, sealed, wrapped_key=bytes(row[0]), slot=row[1])

    def unseal(self, object_id: str, sealed: bytes, *, wrapped_key: bytes, slot: int) -> bytes:
        """Open bytes with a wrapped key from anywhere, for example both from a backup.

        Raises:
            DestroyedError: the slot was destroyed. VaultError: they do not belong together, or were changed.
        """
        try:
            secret = self.keys.secret(slot)
        except DestroyedError as error:
            raise _database_is_older(object_id) from error
        try:
            key = _decrypt(AESGCM(wrapping_key(self._master, secret)), wrapped_key, object_id)
            return _decrypt(AESGCM(key), sealed, object_id)
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                f"vault object `{object_id}` was changed: it does not open under its key"
            ) from error

    def sealed_bytes(self, object_id: str) -> bytes:
        """The bytes as they are stored, sealed.

        Raises:
            UnavailableError: the storage did not answer, or has none.
        """
        try:
            with self._storage.open(_path(object_id)) as stored:
                return bytes(stored.read())
        except OSError as error:
            raise UnavailableError(f"vault object `{object_id}` cannot be read: {error}") from error

    def destroy(self, objects: Iterable[VaultObject]) -> None:
        """Destroy the slots of these objects, then their bytes. Safe to repeat; their rows say so already.

        Raises:
            UnavailableError: key store or storage could not be written; repeat it (`counterseal retention run`).
        """
        gone = list(objects)
        self.keys.destroy(o.slot for o in gone)
        for held in gone:
            self.sweep(held.id)

    def sweep(self, object_id: str) -> None:
        """Remove the stored bytes of an object whose key is gone. Safe to repeat."""
        try:
            self._storage.delete(_path(object_id))
        except OSError as error:
            raise UnavailableError(
                f"the bytes of vault object `{object_id}` could not be removed: {error}; nobody can open them"
            ) from error

    def stored(self) -> set[str]:
        """Ids of all objects of which bytes are stored, with or without a row."""
        found = set()
        for shard in self._storage.listdir("")[0]:
            found.update(self._storage.listdir(shard)[1])
        return found


def _database_is_older(object_id: str) -> DestroyedError:
    return DestroyedError(
        f"vault object `{object_id}` was destroyed: nobody can open it any more. The database does not know "
        "it: it is older than the destruction; run `counterseal retention restore`"
    )


def _path(object_id: str) -> str:
    return f"{object_id[-2:]}/{object_id}"


def _encrypt(cipher: AESGCM, data: bytes, object_id: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + cipher.encrypt(nonce, data, object_id.encode())


def _decrypt(cipher: AESGCM, sealed: bytes, object_id: str) -> bytes:
    return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], object_id.encode())


def _make_durable(storage: Storage, name: str) -> None:
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        return  # a remote store acknowledges only what it keeps
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
