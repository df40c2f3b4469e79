"""The vault: what is sealed opens under its own key and name, or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from counterseal.oversight.models import VaultObject
from counterseal.oversight.vault import DestroyedError, Vault, VaultError
from counterseal.terms.errors import UnavailableError
from office import SimulatedOffice

AT = datetime(2026, 3, 4, tzinfo=UTC)
SECRET = b"the photograph of nobody"


def put(office: SimulatedOffice, data: bytes = SECRET, object_id: str = "object-00aa") -> VaultObject:
    """A saved object."""
    row = office.office.vault.put(object_id, data, kind="test", about="case-1", at=AT)
    row.save()
    return row


def stored(office: SimulatedOffice, row: VaultObject) -> Path:
    """Where its bytes lie."""
    return office.office.home / "vault" / row.id[-2:] / row.id


class TestSealed:
    @pytest.mark.parametrize("data", [b"", b"x", SECRET, b"\0" * 100_000])
    def test_what_was_put_opens(self, office, data):
        """Any length."""
        assert office.office.vault.open(put(office, data).id) == data

    def test_neither_bytes_nor_row_show_it(self, office):
        """On disk is noise, readable by the owner only."""
        row = put(office)
        on_disk = stored(office, row)
        assert SECRET not in on_disk.read_bytes()
        assert SECRET not in bytes(row.wrapped_key)
        assert on_disk.stat().st_mode & 0o077 == 0

    def test_each_object_has_a_key_of_its_own(self, office):
        """The same bytes twice are two different objects."""
        one, other = put(office), put(office, object_id="object-00bb")
        assert bytes(one.wrapped_key) != bytes(other.wrapped_key)
        assert stored(office, one).read_bytes() != stored(office, other).read_bytes()

    def test_id_is_used_once(self, office):
        """Nothing is overwritten."""
        put(office)
        with pytest.raises(VaultError, match="exists already"):
            office.office.vault.put("object-00aa", b"other", kind="test", about="x", at=AT)
        assert office.office.vault.open("object-00aa") == SECRET


class TestChanged:
    @pytest.mark.parametrize("position", [0, 5, 12, -1])
    def test_changed_byte_does_not_open(self, office, position):
        """In nonce, text or tag."""
        row = put(office)
        data = bytearray(stored(office, row).read_bytes())
        data[position] ^= 1
        stored(office, row).write_bytes(data)
        with pytest.raises(VaultError, match="was changed"):
            office.office.vault.open(row.id)

    @pytest.mark.parametrize("content", [b"", b"short", b"x" * 11])
    def test_truncated_bytes_do_not_open(self, office, content):
        """Shorter than a nonce, too."""
        row = put(office)
        stored(office, row).write_bytes(content)
        with pytest.raises(VaultError, match="was changed"):
            office.office.vault.open(row.id)

    def test_bytes_of_another_object_do_not_open(self, office):
        """A swap of two photographs is noticed: each is bound to its id."""
        one, other = put(office), put(office, b"another", "object-00bb")
        stored(office, one).write_bytes(stored(office, other).read_bytes())
        with pytest.raises(VaultError, match="was changed"):
            office.office.vault.open(one.id)

    def test_key_of_another_object_does_not_open(self, office):
        """Nor with bytes and key swapped together."""
        one, other = put(office), put(office, b"another", "object-00bb")
        stored(office, one).write_bytes(stored(office, other).read_bytes())
        VaultObject.objects.filter(pk=one.id).update(wrapped_key=other.wrapped_key)
        with pytest.raises(VaultError, match="was changed"):
            office.office.vault.open(one.id)

    def test_wrong_master_key_opens_nothing(self, office):
        """A vault opened with another installation's key."""
        row = put(office)
        wrong = Vault(
            FileSystemStorage(location=office.office.home / "vault"), b"\1" * 32, office.office.vault.keys
        )
        with pytest.raises(VaultError, match="was changed"):
            wrong.open(row.id)

    def test_missing_bytes_are_unavailable_and_fsck_names_them(self, office):
        """Gone is not the same as changed."""
        case = office.case()
        item = office.item(case, content=b"a statement")
        (office.office.home / "vault" / item.content[-2:] / item.content).unlink()
        with pytest.raises(UnavailableError, match="cannot be read"):
            office.office.vault.open(item.content)
        found = [(f.code, f.where) for f in office.fsck().log.findings]
        assert found == [("vault-object-missing", item.content)]

    def test_unknown_object_is_named(self, office):
        """No such id."""
        with pytest.raises(VaultError, match="holds no object `object-x`"):
            office.office.vault.open("object-x")


class TestStorage:
    def test_storage_that_fails_is_unavailable(self, office, monkeypatch):
        """Disk full: nothing is recorded."""

        def full(*_: object) -> str:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(FileSystemStorage, "_save", full)
        with pytest.raises(UnavailableError, match="No space left"):
            put(office)
        assert not VaultObject.objects.filter(pk="object-00aa").exists()

    def test_orphan_is_counted_and_is_no_fault(self, office):
        """Bytes of a change that was never committed: noise that nobody can open."""
        office.office.vault.put("object-00aa", SECRET, kind="test", about="x", at=AT)
        report = office.fsck()
        assert (report.sound, report.orphans) == (True, 1)

    def test_sweep_is_safe_to_repeat(self, office):
        """After a crash between key and bytes."""
        row = put(office)
        office.office.vault.sweep(row.id)
        office.office.vault.sweep(row.id)
        assert not stored(office, row).exists()


class TestDestroyed:
    def test_object_whose_key_is_gone_says_so(self, office):
        """Even while its bytes are still there."""
        row = put(office)
        VaultObject.objects.filter(pk=row.id).update(wrapped_key=None, destroyed_at=AT)
        with pytest.raises(DestroyedError, match="was destroyed"):
            office.office.vault.open(row.id)

    def test_destruction_that_nobody_sealed_is_found(self, office):
        """A key removed with SQL leaves no entry, and fsck says so."""
        item = office.item(office.case(), content=b"a statement")
        VaultObject.objects.filter(pk=item.content).update(wrapped_key=None, destroyed_at=AT)
        found = [(f.code, f.where) for f in office.fsck().log.findings]
        assert found == [("destroyed-unsealed", item.content)]
