"""The vault: photographs, prose and names, each sealed under a key of its own.

An object's bytes are AES-256-GCM under a random key; that key is wrapped by the vault's master key and
stored in the database. Destroying the wrapped key erases the object in every copy of its bytes, while each
log proof that commits to it still verifies. Not in a copy of the *database* from before: with the master key
it opens, until the erasure is repeated there. Order: bytes durable first, then the row; bytes without a row
are noise that nobody can open.
"""

import os
import secrets
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import connection

from counterseal.oversight.models import VaultObject
from counterseal.terms.errors import IntegrityError, UnavailableError

_NONCE = 12
_KEY = "SELECT wrapped_key FROM oversight_vaultobject WHERE id = %s"


class VaultError(IntegrityError):
    """A vault object cannot be opened: its bytes or its key were changed."""


class DestroyedError(VaultError):
    """The object's key was destroyed; nobody can open it any more."""


class Vault:
    """Seals and opens objects. `master` is the 32-byte key that wraps the objects' keys."""

    def __init__(self, storage: Storage, master: bytes) -> None:
        self._storage = storage
        self._wrap = AESGCM(master)

    def put(self, object_id: str, data: bytes, *, kind: str, about: str, at: datetime) -> VaultObject:
        """Seal `data` and return its row, unsaved: the caller saves it in the transaction of the act.

        Raises:
            UnavailableError: the bytes could not be stored; nothing is kept.
        """
        key = secrets.token_bytes(32)
        sealed = _encrypt(AESGCM(key), data, object_id)
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
            wrapped_key=_encrypt(self._wrap, key, object_id),
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
            raise UnavailableError(f"vault object `{object_id}` cannot be read: {error}") from error
        try:
            key = _decrypt(self._wrap, bytes(row[0]), object_id)
            return _decrypt(AESGCM(key), sealed, object_id)
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                f"vault object `{object_id}` was changed: it does not open under its key"
            ) from error

    def sweep(self, object_id: str) -> None:
        """Remove the stored bytes of an object whose key is gone. Safe to repeat."""
        self._storage.delete(_path(object_id))

    def stored(self) -> set[str]:
        """Ids of all objects of which bytes are stored, with or without a row."""
        found = set()
        for shard in self._storage.listdir("")[0]:
            found.update(self._storage.listdir(shard)[1])
        return found


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
