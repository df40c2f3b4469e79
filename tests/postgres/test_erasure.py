"""Erasure where the server keeps dead rows and a log of its own; and what its owner changes is found."""

import subprocess
import sys
from pathlib import Path

import pytest
from cluster import Cluster
from django.db import connection

import databases
from counterseal.cli.demo.synthetic_people import people
from counterseal.gateway.backup import back_up
from counterseal.gateway.destroy import destroy
from counterseal.gateway.erasure_drill import Drill, hold_drill
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.guards import guards
from counterseal.gateway.restore import restore
from counterseal.oversight.keystore import KeyStore
from counterseal.oversight.models import VaultObject
from counterseal.oversight.vault import DestroyedError
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made


def drill(office: SimulatedOffice, **given: object) -> Drill:
    """Hold one, with the gallery."""
    picture = people(1)[0].photograph(1)
    return made(
        hold_drill(
            office.office,
            by=office.who("arc"),
            photograph=picture,
            connector="embedded",
            face=picture,
            **given,  # type: ignore[arg-type]
        )
    )


class TestDrill:
    def test_holds_on_a_server_whose_files_are_looked_at(
        self, office: SimulatedOffice, cluster: Cluster
    ) -> None:
        """Tables, dead rows, write-ahead log and dump: nothing that opens anything; and the looking sees."""
        held = drill(office, server_files=cluster.data)

        assert held.passed, [c for c in held.checks if not c.holds]
        said = {c.what: c.saw for c in held.checks}
        assert "files were looked at" in said["after: no marker and no key secret in the server's files"]
        # Honest: the wrapped keys of what was destroyed are still there, until the server cleans up.
        assert "in " in said["after: wrapped keys and sealed bytes in the server's files open nothing"]
        assert office.fsck().sound

    def test_says_what_it_did_not_look_at(self, office: SimulatedOffice) -> None:
        held = drill(office)

        assert held.passed
        assert {c.what: c.saw for c in held.checks}[
            "the server's files"
        ] == "left out: their folder was not named"

    def test_fails_where_the_folder_holds_no_server(self, office: SimulatedOffice, tmp_path: Path) -> None:
        """A folder of something else proves nothing."""
        (tmp_path / "other").mkdir()
        assert not drill(office, server_files=tmp_path / "other").passed

    def test_finds_a_secret_that_went_into_the_database(
        self, office: SimulatedOffice, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program that kept the slots' secrets in a table would be caught, in the server's files and in the dump."""
        take = KeyStore.take

        def leaks(keys: KeyStore) -> tuple[int, bytes]:
            slot, secret = take(keys)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO oversight_logcosignature (size, vkey, checkpoint, line, received_at) "
                    "VALUES (%s, 'x', %s, '', now())",
                    [10_000 + slot, secret],
                )
            return slot, secret

        monkeypatch.setattr(KeyStore, "take", leaks)
        held = drill(office, server_files=cluster.data)

        assert {c.what for c in held.checks if not c.holds} == {
            "after: no marker and no key secret in the server's files",
            "after: no marker and no key secret in the backup",
        }


def test_a_backup_restored_with_the_servers_own_tool(office: SimulatedOffice, tmp_path: Path) -> None:
    """Into an empty database, as the owner: guards and rights are back, destructions repeated, all agrees."""
    item = office.item(office.case(), content=b"a statement that must go")
    gone = str(item.content)
    back_up(office.office, tmp_path / "backup")
    made(
        destroy(
            office.office,
            about=VaultObject.objects.get(pk=gone).about,
            authority="order-1",
            by=office.who("arc"),
        )
    )
    databases.put_back(office.office.home, tmp_path / "backup")

    with pytest.raises(DestroyedError, match="older than the destruction"):
        office.office.vault.open(gone)
    codes = {f.code for f in office.fsck().log.findings}
    assert "restored-from-before" in codes
    assert "guard-missing" not in codes
    assert made(restore(office.office, by=office.who("arc"))).complete
    assert office.fsck().sound


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE oversight_logentry SET body = body || ' '::bytea WHERE \"index\" = 3", "entry-changed"),
        ('DELETE FROM oversight_logentry WHERE "index" = 3', ""),
        ("UPDATE casework_case SET status = 'closed'", "row"),
        ("UPDATE people_person SET name = 'Somebody Else' WHERE name LIKE 'Sol %'", "row"),
        ("DELETE FROM oversight_concurrence", "row"),
    ],
)
def test_what_the_owner_changes_is_found(office: SimulatedOffice, statement: str, code: str) -> None:
    """With the triggers switched off, the change, and on again: fsck names it; meanwhile it names the triggers."""
    office.case()
    assert office.fsck().sound
    table = statement.split()[1 if statement.startswith("UPDATE") else 2]
    with databases.raw(office.office.home) as owner:
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner.execute(statement)
        off = {f.where for f in office.fsck().log.findings if f.code == "guard-missing"}
        assert off == {name for name, guard in guards().items() if guard.table == table}
        for name, guard in guards().items():
            if guard.table == table:
                owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER guard_{name}")
                if guard.event == "DELETE":
                    owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER guard_{name}_all")

    found = {f.code for f in office.fsck().log.findings}
    assert found, "nothing was found"
    assert "guard-missing" not in found
    assert any(code in one for one in found), found


def test_a_trigger_that_fires_less_than_always_is_named(office: SimulatedOffice) -> None:
    """Switched on again in the ordinary way it sleeps in replica mode."""
    with databases.raw(office.office.home) as owner:
        owner.execute("ALTER TABLE oversight_logentry ENABLE TRIGGER guard_oversight_logentry_once")
        owner.execute("ALTER FUNCTION guard_casework_lead_kept() RESET search_path")
        owner.execute("DROP TRIGGER guard_oversight_lognode_kept_all ON oversight_lognode")

    found = {(f.code, f.where) for f in office.fsck().log.findings}
    assert found == {
        ("guard-missing", "oversight_logentry_once"),
        ("guard-missing", "casework_lead_kept"),
        ("guard-missing", "oversight_lognode_kept"),
    }


def test_a_truncated_table_is_refused_to_its_owner(office: SimulatedOffice) -> None:
    """By the guard: an owner's slip is no destruction."""
    with databases.raw(office.office.home) as owner, pytest.raises(Exception, match="never deleted"):
        owner.execute("TRUNCATE oversight_logentry")


def test_an_export_verifies_without_us(office: SimulatedOffice, tmp_path: Path) -> None:
    """With the verifier that travels with it, in a process of its own."""
    office.searched()
    export_ledger(tmp_path / "log")
    done = subprocess.run(
        [sys.executable, "-I", tmp_path / "log/verify.py", tmp_path / "log"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert run_fsck_with(office, tmp_path / "log")


def run_fsck_with(office: SimulatedOffice, tiles: Path) -> bool:
    """fsck of the database against the exported tiles."""
    from counterseal.gateway.run_fsck import run_fsck

    return run_fsck(office.office, tiles=tiles).sound


def test_a_backup_says_what_it_lacks(
    office: SimulatedOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without PostgreSQL's client programs nothing is copied in part."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Exception, match=r"pg_dump.*client programs"):
        back_up(office.office, tmp_path / "backup")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(BadInputError, match="not empty"):
        back_up(office.office, tmp_path / "full")
