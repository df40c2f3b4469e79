"""A database restored from before an erasure: it works no more until the erasure is repeated; and the drill."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import databases
from counterseal.connectors.embedded import GalleryDesk
from counterseal.gateway import erasures
from counterseal.gateway.backup import back_up
from counterseal.gateway.databases import database
from counterseal.gateway.destroy import destroy
from counterseal.gateway.destroy_openings import destroy_openings
from counterseal.gateway.enrol_references import erase_references
from counterseal.gateway.erasure_drill import hold_drill
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.holds import lift_hold, place_hold
from counterseal.gateway.restore import Replayed, restore
from counterseal.gateway.search import Answered
from counterseal.oversight.keystore import KeyStore
from counterseal.oversight.models import LogEntry, VaultObject
from counterseal.oversight.vault import DestroyedError, Vault
from counterseal.terms.errors import BadInputError, IntegrityError
from office import SimulatedOffice, made, person


def kept_item(office: SimulatedOffice, words: bytes = b"a statement") -> str:
    """The vault id of an item's content."""
    return str(office.item(office.case(), content=words).content)


def destroyed(office: SimulatedOffice, object_id: str) -> None:
    """The records office destroys it."""
    about = VaultObject.objects.get(pk=object_id).about
    made(destroy(office.office, about=about, authority="order-1", by=office.who("arc")))


def put_back(office: SimulatedOffice, backup: Path) -> None:
    """The operator puts the backup's database and vault in place of today's."""
    home = office.office.home
    databases.put_back(home, backup)
    shutil.rmtree(home / "vault")
    shutil.copytree(backup / "vault", home / "vault")


def again(office: SimulatedOffice, **given: object) -> Replayed:
    """The records office repeats the destructions."""
    return made(restore(office.office, by=office.who("arc"), **given))  # type: ignore[arg-type]


def codes(office: SimulatedOffice) -> set[str]:
    """What fsck finds."""
    return {f.code for f in office.fsck().log.findings}


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Where a backup goes."""
    return tmp_path / "backup"


class TestRestore:
    def test_erasures_since_the_backup_are_repeated(self, office: SimulatedOffice, backup: Path) -> None:
        """Refused, named by fsck, repeated, sealed, and then everything works and agrees."""
        gone, stays = kept_item(office), kept_item(office, b"another")
        back_up(office.office, backup)
        destroyed(office, gone)
        put_back(office, backup)

        with pytest.raises(DestroyedError, match="older than the destruction"):
            office.office.vault.open(gone)
        assert codes(office) == {"restored-from-before", "erasure-not-repeated", "vault-object-changed"}
        entries = LogEntry.objects.count()
        with pytest.raises(IntegrityError, match=r"retention restore.*nothing was done"):
            office.case()
        assert LogEntry.objects.count() == entries

        answer = again(office)
        assert (answer.objects, answer.complete) == ((gone,), True)
        assert codes(office) == set()
        assert gone not in office.office.vault.stored()
        assert office.office.vault.open(stays) == b"another"
        kinds = [e.kind for e in office.entries()][-3:]
        assert kinds == ["restore.begun", "record.destroyed", "restore.replayed"]
        office.case()
        assert again(office).objects == ()

    def test_openings_and_gallery_are_repeated_too(self, office: SimulatedOffice, backup: Path) -> None:
        """A person of the gallery, put back with an old copy of its file, and an opening."""
        probe = office.probe(office.case())
        index = probe.entry_index  # type: ignore[union-attr]
        folder = office.office.home / "services/embedded"
        desk = GalleryDesk(folder)
        person_ref = desk.references()[0].person_id
        desk.close()
        back_up(office.office, backup)
        shutil.copytree(folder, backup / "embedded")
        destroy_openings(
            office.office, index=index, names=["photograph"], authority="order-1", by=office.who("arc")
        )
        erase_references(office.office, connector="embedded", person_ref=person_ref, by=office.who("arc"))
        put_back(office, backup)
        shutil.rmtree(folder)
        shutil.copytree(backup / "embedded", folder)
        assert "photograph" in office.opened(index)

        assert again(office).persons == (person_ref,)
        assert "photograph" not in office.opened(index)
        desk = GalleryDesk(folder)
        assert person_ref not in {r.person_id for r in desk.references()}
        desk.close()
        assert codes(office) == set()

    def test_key_store_restored_with_the_rest_is_emptied_again(
        self, office: SimulatedOffice, backup: Path
    ) -> None:
        """Database, vault and key store all from before: this opens, until it is repeated."""
        gone = kept_item(office)
        back_up(office.office, backup)
        slots = office.office.home / "erasure/slots"
        shutil.copyfile(slots, backup / "slots")
        destroyed(office, gone)
        put_back(office, backup)
        shutil.copyfile(backup / "slots", slots)
        assert office.office.vault.open(gone) == b"a statement"
        slot = VaultObject.objects.get(pk=gone).slot

        assert again(office).objects == (gone,)
        assert KeyStore(slots).destroyed(slot)
        assert codes(office) == set()

    def test_old_key_store_alone_is_named_and_finished(self, office: SimulatedOffice, backup: Path) -> None:
        """The database knows of the destruction; the key came back."""
        gone = kept_item(office)
        backup.mkdir()
        slots = office.office.home / "erasure/slots"
        shutil.copyfile(slots, backup / "slots")
        destroyed(office, gone)
        shutil.copyfile(backup / "slots", slots)

        assert codes(office) == {"key-left"}
        assert again(office).finished == 1
        assert codes(office) == set()

    def test_export_tells_what_the_list_lacks(
        self, office: SimulatedOffice, backup: Path, tmp_path: Path
    ) -> None:
        """Whoever removed a file from the list is found out by an exported log."""
        first, second = kept_item(office), kept_item(office, b"another")
        back_up(office.office, backup)
        destroyed(office, first)
        destroyed(office, second)
        export_ledger(tmp_path / "export")
        lost = sorted(erasures.folder(office.office.home).glob("*.json"))[1]
        lost.unlink()
        put_back(office, backup)

        answer = again(office, exported=tmp_path / "export")
        assert answer.objects == (first,)
        assert answer.missing == (f"entry {int(lost.name[:12])}",)
        assert answer.unlisted == (second,)
        assert not answer.complete
        assert office.entries()[-1].outcome == "incomplete"

    def test_a_hold_of_the_restored_database_stays(self, office: SimulatedOffice, backup: Path) -> None:
        """It was lifted after the backup: lift it again, and run it again."""
        gone = kept_item(office)
        about = VaultObject.objects.get(pk=gone).about
        hold = made(
            place_hold(office.office, about=about, kind="litigation", reason="a claim", by=office.who("arc"))
        )
        back_up(office.office, backup)
        made(lift_hold(office.office, hold_id=hold.id, by=office.who("aud")))
        destroyed(office, gone)
        put_back(office, backup)

        assert again(office).held == (gone,)
        assert "erasure-not-repeated" in codes(office)
        made(lift_hold(office.office, hold_id=hold.id, by=office.who("aud")))
        answer = again(office)
        assert (answer.objects, answer.complete) == ((gone,), True)
        assert codes(office) == set()

    def test_only_records_office_or_administrator(self, office: SimulatedOffice) -> None:
        office.sealed_refusal(
            restore(office.office, by=office.who("ines")), "restore.refused", "D-026-11/security"
        )

    def test_export_that_does_not_hold_is_refused(self, office: SimulatedOffice, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="no exported log"):
            again(office, exported=tmp_path)
        export_ledger(tmp_path / "export")
        bundle = next((tmp_path / "export/tile/entries").rglob("*.p/*"))
        bundle.write_bytes(bundle.read_bytes().replace(b'"outcome":"done"', b'"outcome":"none"', 1))
        with pytest.raises(IntegrityError, match="do not hash to the root"):
            again(office, exported=tmp_path / "export")

    def test_unreadable_head_stops_work(self, office: SimulatedOffice) -> None:
        """Fail closed: who empties the file has not made the database newer."""
        destroyed(office, kept_item(office))
        (office.office.home / "erasure/head.json").write_text("{}")
        with pytest.raises(IntegrityError, match=r"head\.json"):
            office.case()


class TestBackup:
    def test_holds_no_key(self, office: SimulatedOffice, backup: Path) -> None:
        """Neither keys, key store, erasure list nor gallery; private to its owner."""
        kept_item(office)
        made_backup = back_up(office.office, backup)

        copied = database().COPY
        assert sorted(p.name for p in backup.iterdir()) == [
            copied,
            "office.toml",
            "policies",
            "vault",
        ]
        assert made_backup.objects > 0
        assert (backup / copied).stat().st_mode & 0o077 == 0
        secrets = [p.read_bytes() for p in (office.office.home / "keys").iterdir()]
        assert len(secrets) == 3
        assert not any(s in p.read_bytes() for p in backup.rglob("*") if p.is_file() for s in secrets)

    def test_is_not_made_over_something(self, office: SimulatedOffice, backup: Path) -> None:
        backup.mkdir()
        (backup / "x").touch()
        with pytest.raises(BadInputError, match="not empty"):
            back_up(office.office, backup)


class TestDrill:
    def test_passes_with_the_gallery(self, office: SimulatedOffice) -> None:
        """Every line holds, and the installation is as sound as before."""
        picture = person(9).photograph(1)
        drill = made(
            hold_drill(
                office.office, by=office.who("arc"), photograph=picture, connector="embedded", face=picture
            )
        )

        assert [c for c in drill.checks if not c.holds] == []
        assert len(drill.checks) > 15
        assert codes(office) == set()
        assert office.entries()[-1].outcome == "passed"
        assert not VaultObject.objects.filter(about=drill.about, destroyed_at=None).exists()

    @pytest.mark.parametrize(
        ("broken", "named"),
        [
            ("keys-stay", "does not open from the backup"),
            ("bytes-stay", "nothing in vault"),
            ("plain-copy", "nothing in left-over"),
            ("no-list", "a restored database is refused"),
        ],
    )
    def test_fails_when_an_erasure_is_not_one(
        self, office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch, broken: str, named: str
    ) -> None:
        """A drill that cannot fail proves nothing."""
        with _broken(office, monkeypatch, broken):
            drill = made(hold_drill(office.office, by=office.who("arc"), photograph=b"a picture "))

        failed = [c.what for c in drill.checks if not c.holds]
        assert any(named in what for what in failed), failed
        assert office.entries()[-1].outcome == "failed"

    def test_only_the_records_office_holds_one(self, office: SimulatedOffice) -> None:
        office.sealed_refusal(
            hold_drill(office.office, by=office.who("ines"), photograph=b"x"),
            "record.not-destroyed",
            "D-026-11/security",
        )


@contextmanager
def _broken(office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch, how: str) -> Iterator[None]:
    with monkeypatch.context() as patched:
        if how == "keys-stay":
            patched.setattr(KeyStore, "destroy", lambda *_: None)
        elif how == "bytes-stay":
            patched.setattr(Vault, "sweep", lambda *_: None)
        elif how == "no-list":
            patched.setattr(erasures, "keep", lambda *_: None)
        else:
            put = Vault.put

            def leak(vault: Vault, object_id: str, data: bytes, **given: object) -> VaultObject:
                (office.office.home / "left-over").write_bytes(data)
                return put(vault, object_id, data, **given)  # type: ignore[arg-type]

            patched.setattr(Vault, "put", leak)
        yield


def test_markers_planted_through_the_verbs_are_nowhere_after(office: SimulatedOffice, backup: Path) -> None:
    """In a probe's photograph, in a narrative, in evidence, all of one real search; service folders too."""
    marks = [b"Zq7markerinthephotograph", b"zqmarkerinthenarrative", b"Zq7markerintheevidence"]
    case = office.case()
    item = office.item(case, content=b"statement " + marks[2])
    probe = office.probe(case, photograph=person(3).photograph(2) + marks[0])
    reason = office.another_reason()
    purpose = replace(reason, narrative=f"{reason.narrative} {marks[1].decode()}")
    request = made(office.request(case, probe, purpose=purpose))  # type: ignore[arg-type]
    assert isinstance(office.search(request), Answered)
    assert office.office.vault.open(probe.original).endswith(marks[0])  # type: ignore[union-attr]
    assert marks[1] in office.office.vault.open(request.narrative)
    back_up(office.office, backup)
    for about in (probe.id, request.id, item.id):  # type: ignore[union-attr]
        made(destroy(office.office, about=about, authority="order-1", by=office.who("arc")))

    files = [f for top in (office.office.home, backup) for f in top.rglob("*") if f.is_file()]
    assert len(files) > 20
    assert {f.name for f in files} >= {database().COPY, "slots", "references.sqlite3"}
    assert [f.name for f in files if any(mark in f.read_bytes() for mark in marks)] == []
    assert not any(mark in databases.stored(office.office.home) for mark in marks)
    put_back(office, backup)
    for object_id in (probe.original, request.narrative, item.content):  # type: ignore[union-attr]
        with pytest.raises(DestroyedError):
            office.office.vault.open(object_id)


@pytest.mark.sqlite
def test_a_scan_reads_the_database_as_bytes(office: SimulatedOffice) -> None:
    """The wrapped key is overwritten in the file itself, not only in the row."""
    gone = kept_item(office)
    wrapped = bytes(VaultObject.objects.get(pk=gone).wrapped_key)
    home = office.office.home
    destroyed(office, gone)
    database().empty_log(home)

    assert not any(wrapped in p.read_bytes() for p in home.glob("counterseal.sqlite3*"))
