"""The key store: slots are given once, are durable before they are used, and are gone when destroyed."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.gateway.databases import database
from counterseal.gateway.destroy import destroy
from counterseal.oversight.keystore import SLOT, DestroyedError, KeyStore, VaultError
from counterseal.oversight.models import VaultObject
from counterseal.terms.errors import UnavailableError
from office import SimulatedOffice

AT = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    """A new key store."""
    made = KeyStore(tmp_path / "erasure" / "slots")
    made.make()
    return made


class TestSlots:
    def test_each_slot_is_given_once(self, keys: KeyStore) -> None:
        """Two objects in one slot would die together."""
        other = KeyStore(keys.path)
        with ThreadPoolExecutor(4) as threads:
            taken = list(threads.map(lambda n: (keys, other)[n % 2].take(), range(400)))

        assert len({slot for slot, _ in taken}) == len({secret for _, secret in taken}) == 400
        assert all(KeyStore(keys.path).secret(slot) == secret for slot, secret in taken)

    def test_fork_does_not_hand_out_its_parents_slots(self, keys: KeyStore, monkeypatch) -> None:
        """Both processes hold the same list of ready slots in memory."""
        first, _ = keys.take()
        ready = {slot for slot, _ in keys._ready}
        monkeypatch.setattr(os, "getpid", lambda: 1)

        assert keys.take()[0] not in ready | {first}

    def test_slot_is_in_the_file_before_it_is_given(self, keys: KeyStore) -> None:
        """A crash after the row's commit must find it."""
        slot, secret = keys.take()

        assert keys.path.read_bytes()[(slot + 1) * SLOT :][:SLOT] == secret

    def test_append_cut_short_is_written_over(self, keys: KeyStore) -> None:
        """A crash in the middle of the append: that slot was given to nobody."""
        keys.take()
        with keys.path.open("ab") as file:
            file.write(b"torn")
        slot, secret = KeyStore(keys.path).take()

        assert keys.secret(slot) == secret
        assert keys.path.stat().st_size % SLOT == 0

    def test_destroyed_slot_is_gone_from_the_file(self, keys: KeyStore) -> None:
        """Overwritten where it lay; its neighbours stay."""
        (one, secret), (other, kept) = keys.take(), keys.take()
        keys.destroy([one])
        keys.destroy([one])

        assert secret not in keys.path.read_bytes()
        assert keys.destroyed(one)
        assert keys.secret(other) == kept
        with pytest.raises(DestroyedError, match=f"slot {one}"):
            keys.secret(one)

    def test_older_copy_of_the_file_says_so(self, keys: KeyStore) -> None:
        """The database speaks of a slot that the restored file never had."""
        with pytest.raises(VaultError, match="older than the database"):
            keys.secret(10_000)
        with pytest.raises(VaultError, match="older than the database"):
            keys.secret(-1)

    def test_file_of_something_else_is_refused(self, keys: KeyStore) -> None:
        """Nothing is overwritten in a file that is no key store."""
        keys.path.write_bytes(b"x" * 4096)
        for act in (keys.take, lambda: keys.destroy([1])):
            with pytest.raises(VaultError, match="no key store"):
                act()
        assert keys.path.read_bytes() == b"x" * 4096

    def test_missing_file_is_unavailable(self, tmp_path: Path) -> None:
        """Said plainly, and nothing is made in its place."""
        lost = KeyStore(tmp_path / "slots")
        for act in (lost.take, lost.count, lambda: lost.secret(0), lambda: lost.destroy([0])):
            with pytest.raises(UnavailableError, match="key store cannot be"):
                act()
        assert not lost.path.exists()

    def test_it_is_readable_by_its_owner_alone(self, keys: KeyStore) -> None:
        assert keys.path.stat().st_mode & 0o077 == 0
        assert keys.path.parent.stat().st_mode & 0o077 == 0


class TestBackups:
    def test_old_database_and_master_key_do_not_open_what_was_destroyed(
        self, office: SimulatedOffice, tmp_path: Path
    ) -> None:
        """Shown opening before, with the same backup: so it is the slot that decides."""
        content = b"a statement that must go"
        item = office.item(office.case(), content=content)
        home = office.office.home
        database().copy(home, tmp_path)
        sealed = (home / "vault" / item.content[-2:] / item.content).read_bytes()
        with database().copied(tmp_path) as copied:
            row = copied.values("oversight_vaultobject", "id", item.content, "wrapped_key", "slot")
        assert row is not None
        wrapped, slot = row

        def opens() -> bytes:
            return office.office.vault.unseal(item.content, sealed, wrapped_key=wrapped, slot=slot)  # type: ignore[arg-type]

        assert opens() == content
        assert destroy(office.office, about=item.id, authority="order-1", by=office.who("arc")) == [
            item.content
        ]
        with pytest.raises(DestroyedError, match="nobody can open it any more"):
            opens()

    def test_restored_row_says_what_to_do(self, office: SimulatedOffice) -> None:
        """A database from before the destruction, with the key store of today."""
        item = office.item(office.case(), content=b"a statement")
        office.office.vault.keys.destroy([VaultObject.objects.get(pk=item.content).slot])

        with pytest.raises(DestroyedError, match="retention restore"):
            office.office.vault.open(item.content)

    def test_slot_belongs_to_one_row(self, office: SimulatedOffice) -> None:
        """The database refuses a second object in the same slot."""
        from django.db import IntegrityError

        item = office.item(office.case(), content=b"a statement")
        held = VaultObject.objects.get(pk=item.content)
        with pytest.raises(IntegrityError):
            VaultObject.objects.create(
                id="object-x", kind="x", about="x", slot=held.slot, wrapped_key=b"x", created_at=AT
            )
