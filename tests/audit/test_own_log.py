"""The audit office's own log: nothing is shown that is not in it, and nothing leaves it unseen."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from beside import NAME, Audited, copied
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal import bootstrap
from counterseal.gateway.audit import ask as asking
from counterseal.gateway.audit.ask import ask
from counterseal.gateway.audit.auditors import admit_auditor, auditors, end_auditor
from counterseal.gateway.audit.folder import agency_keys, init_audit_folder
from counterseal.gateway.audit.own_log import HEAD, LOG
from counterseal.gateway.audit.question import Question
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.receipt import verify_receipt
from counterseal.terms.errors import BadInputError, IntegrityError, StaleError, UnavailableError

SEARCHES = Question(kind="search")


def spoil(folder: Path, *statements: str) -> None:
    """Write into the log as somebody with the file and without scruples."""
    with sqlite3.connect(folder / LOG) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
    database.close()


class TestWhole:
    def test_every_act_is_there_with_its_proof(self, audited: Audited) -> None:
        asked = ask(audited.office, SEARCHES, by=audited.first)

        assert [r.entry.kind for r in audited.office.log.records()] == [
            "audit.opened",
            "audit.auditor-admitted",
            "audit.asked",
        ]
        proof = audited.office.log.receipt_of(asked.sealed.index)
        for receipt in (proof, asked.sealed.receipt):
            shown = verify_receipt(receipt, asked.sealed.body, audited.office.log.keys, NAME)
            assert shown.index == asked.sealed.index == 2
        record = list(audited.office.log.records())[-1]
        assert record.opened["answer"] == asked.answer.digest()
        assert record.opened["found"] == len(asked.answer.rows) > 3
        assert record.opened["question"] == {"kind": "search"}
        assert audited.office.log.verify() == ()

    def test_nothing_of_a_question_is_public(self, audited: Audited) -> None:
        """Whoever gets the exported log sees that something was read, and not what."""
        ines = audited.agency.who("ines")
        asked = ask(audited.office, Question(person=ines), by=audited.first)

        assert ines.encode() not in asked.sealed.body
        assert audited.first.encode() not in asked.sealed.body

    def test_the_export_holds_for_a_program_that_knows_nothing_of_us(
        self, audited: Audited, tmp_path: Path
    ) -> None:
        for _ in range(3):
            ask(audited.office, SEARCHES, by=audited.first)
            audited.office.log.export(tmp_path / "out")

        ran = subprocess.run(
            [
                sys.executable,
                tmp_path / "out/verify.py",
                tmp_path / "out",
                "--vkey",
                audited.office.signer.vkey,
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        with pytest.raises(BadInputError, match="another log"):
            other, _ = bootstrap.make_audit_office(
                tmp_path / "other",
                name="other.example/audit",
                home=audited.agency.office.home,
                vkey=audited.agency.office.signer.vkey,
                auditor="Somebody",
            )
            other.log.export(tmp_path / "out")


class TestAttacked:
    def test_an_older_database_put_back(self, audited: Audited, tmp_path: Path) -> None:
        kept = tmp_path / LOG
        shutil.copy(audited.folder / LOG, kept)
        ask(audited.office, SEARCHES, by=audited.first)
        shutil.copy(kept, audited.folder / LOG)

        with pytest.raises(IntegrityError, match="older copy"):
            audited.again()
        with pytest.raises(IntegrityError, match="older copy"):
            ask(audited.office, SEARCHES, by=audited.first)

    def test_a_whole_folder_put_back_is_seen_against_a_kept_checkpoint(
        self, audited: Audited, tmp_path: Path
    ) -> None:
        """Nothing in the folder can tell; whoever kept a checkpoint can."""
        older = copied(audited.folder, tmp_path / "older")
        ask(audited.office, SEARCHES, by=audited.first)
        kept = audited.office.log.head_at()[1]
        shutil.rmtree(audited.folder)
        older.rename(audited.folder)

        office = audited.again()
        assert office.log.verify() == ()
        assert [f.code for f in office.log.verify([kept])] == ["log-shorter"]
        ask(office, Question(kind="case"), by=audited.first)
        assert [f.code for f in office.log.verify([kept])] == ["log-differs"]

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM entry WHERE place = 1",
            "DELETE FROM entry WHERE place = 2",
            "UPDATE entry SET place = 9 WHERE place = 2",
            "UPDATE office SET vkey = 'x'",
            "DELETE FROM state",
            "UPDATE state SET size = 0, checkpoint = x''",
            "DROP TABLE node",
        ],
    )
    def test_a_thinned_log_is_not_opened(self, audited: Audited, statement: str) -> None:
        ask(audited.office, SEARCHES, by=audited.first)
        spoil(audited.folder, statement)

        with pytest.raises(IntegrityError):
            audited.again()
        with pytest.raises(IntegrityError):
            ask(audited.office, SEARCHES, by=audited.first)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE entry SET body = cast(replace(cast(body AS TEXT), 'audit.asked', 'audit.baked') AS BLOB) "
            "WHERE place = 2",
            "UPDATE entry SET openings = (SELECT openings FROM entry WHERE place = 1) WHERE place = 2",
            "UPDATE node SET hash = zeroblob(32) WHERE place = 2",
        ],
    )
    def test_what_was_changed_inside_is_found_by_verify(self, audited: Audited, statement: str) -> None:
        ask(audited.office, SEARCHES, by=audited.first)
        spoil(audited.folder, statement)

        with suppress(IntegrityError):  # found sooner
            assert audited.again().log.verify() != ()

    def test_the_database_itself_refuses(self, audited: Audited) -> None:
        with sqlite3.connect(audited.folder / LOG) as database:
            for statement in (
                "DELETE FROM entry",
                "UPDATE entry SET body = x''",
                "DELETE FROM node",
                "UPDATE office SET vkey = 'x'",
                "UPDATE state SET size = 1",
            ):
                with pytest.raises(sqlite3.DatabaseError, match=r"stays|go back"):
                    database.execute(statement)
        database.close()

    def test_another_key(self, audited: Audited) -> None:
        (audited.folder / "audit.key").write_bytes(b"\x09" * 32)

        with pytest.raises(IntegrityError):
            audited.again()

    def test_a_head_that_another_key_signed(self, audited: Audited) -> None:
        other = Signer.from_seed(NAME, b"\x08" * 32)
        note = (audited.folder / HEAD).read_bytes()
        (audited.folder / HEAD).write_bytes(sign_checkpoint(Checkpoint(NAME, 1, b"\x01" * 32), other))
        with pytest.raises(IntegrityError):
            audited.again()
        (audited.folder / HEAD).unlink()
        with pytest.raises(IntegrityError):
            audited.again()
        (audited.folder / HEAD).write_bytes(note)
        assert audited.again().log.size == 2

    def test_a_log_that_was_taken_away_is_not_made_anew(self, audited: Audited) -> None:
        (audited.folder / LOG).unlink()

        with pytest.raises(IntegrityError, match="gone"):
            audited.again()
        with pytest.raises((IntegrityError, UnavailableError)):
            ask(audited.office, SEARCHES, by=audited.first)
        assert not (audited.folder / LOG).exists()


class TestNoSealNoAnswer:
    def test_a_full_disk_shows_nothing(self, audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
        """The answer is computed and never leaves."""
        shown = []
        whole = asking.answer
        monkeypatch.setattr(asking, "answer", lambda *a, **k: shown.append(whole(*a, **k)) or shown[-1])
        spoil(
            audited.folder,
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
        )

        with pytest.raises(UnavailableError, match="nothing is shown"):
            ask(audited.office, SEARCHES, by=audited.first)
        assert len(shown) == 1
        assert audited.office.log.size == 2

    def test_killed_at_any_instant_every_answer_shown_has_its_sealed_read(
        self, audited: Audited, tmp_path: Path
    ) -> None:
        """A process that asks without end is killed, again and again, as soon as it shows something."""
        program = (
            "import sys\n"
            "from pathlib import Path\n"
            "from counterseal import bootstrap\n"
            "from counterseal.gateway.audit.ask import ask\n"
            "from counterseal.gateway.audit.question import Question\n"
            "office = bootstrap.open_audit_office(Path(sys.argv[1]))\n"
            "while True:\n"
            "    done = ask(office, Question(kind='search'), by=sys.argv[2])\n"
            "    print(done.sealed.index, done.answer.digest(), flush=True)\n"
        )
        shown: list[tuple[int, str]] = []
        for lines in (1, 2, 3):
            child = subprocess.Popen(
                [sys.executable, "-c", program, str(audited.folder), audited.first],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert child.stdout is not None
            said = [child.stdout.readline() for _ in range(lines)]
            child.kill()
            # What it wrote before it died counts as shown, whether or not somebody waited for it.
            said += child.stdout.read().splitlines()
            child.stdout.close()
            child.wait()
            shown += [(int(line.split()[0]), line.split()[1]) for line in said]
            office = audited.again()
            assert office.log.verify() == ()
        office = audited.again()
        sealed = {r.index: r.opened.get("answer") for r in office.log.records()}
        assert len(sealed) >= 2 + 6
        assert all(sealed[index] == digest for index, digest in shown)
        assert ask(office, SEARCHES, by=audited.first).sealed.index == len(sealed)


class TestFolder:
    def test_it_lies_apart_from_the_home(self, audited: Audited, tmp_path: Path) -> None:
        home, vkey = audited.agency.office.home, audited.agency.office.signer.vkey
        for folder in (home / "audit", home / "keys/a"):
            with pytest.raises(BadInputError, match="lies apart"):
                bootstrap.make_audit_office(folder, name=NAME, home=home, vkey=vkey, auditor="A")
            assert not folder.exists()
        (tmp_path / "in").mkdir()
        with pytest.raises(BadInputError, match="lies apart"):
            bootstrap.make_audit_office(
                tmp_path / "in", name=NAME, home=tmp_path / "in/home", vkey=vkey, auditor="A"
            )
        with pytest.raises(BadInputError, match="not empty"):
            bootstrap.make_audit_office(audited.folder, name=NAME, home=home, vkey=vkey, auditor="A")
        with pytest.raises(BadInputError, match="agency's own log"):
            bootstrap.make_audit_office(
                tmp_path / "x", name=audited.agency.office.origin, home=home, vkey=vkey, auditor="A"
            )
        with pytest.raises(BadInputError, match="no key"):
            bootstrap.make_audit_office(tmp_path / "x", name=NAME, home=home, vkey="x", auditor="A")
        with pytest.raises(BadInputError, match="first auditor"):
            bootstrap.make_audit_office(tmp_path / "x", name=NAME, home=home, vkey=vkey, auditor=" ")

    @pytest.mark.parametrize("which", [".", "audit.key"])
    def test_open_to_others_it_is_not_used(self, audited: Audited, which: str) -> None:
        path = audited.folder / which
        path.chmod(path.stat().st_mode | 0o040)

        with pytest.raises(BadInputError, match="open to other accounts"):
            audited.again()

    def test_the_units_account_reads_nothing_of_it(self, audited: Audited) -> None:
        """Another account of the machine, as the gateway would run under one."""
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            pytest.skip("needs root and setpriv to become another account")
        for parent in audited.folder.parents:
            if parent.stat().st_uid == 0 and parent.is_relative_to("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o005 if parent.name else 0)
        unit = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for act in (
            ["ls", str(audited.folder)],
            ["cat", str(audited.folder / LOG)],
            ["cat", str(audited.folder / "audit.key")],
        ):
            ran = subprocess.run([*unit, *act], check=False, capture_output=True, text=True)
            assert ran.returncode != 0
            assert "Permission denied" in ran.stderr
        assert subprocess.run([*unit, "ls", str(audited.folder.parent)], check=False).returncode == 0


class TestAuditors:
    def test_who_is_none_reads_nothing(self, audited: Audited) -> None:
        """Not even somebody whom the agency calls an auditor: the register is the office's own."""
        for nobody in (audited.agency.who("aud"), audited.agency.who("admin"), "auditor-x", ""):
            with pytest.raises(BadInputError, match="no auditor"):
                ask(audited.office, SEARCHES, by=nobody)
            with pytest.raises(BadInputError, match="no auditor"):
                admit_auditor(audited.office, name="X", persons=[], by=nobody)
        assert audited.office.log.size == 2

    def test_who_was_ended_reads_nothing(self, audited: Audited) -> None:
        end_auditor(audited.office, auditor_id=audited.own, by=audited.first)

        with pytest.raises(BadInputError, match="no auditor"):
            ask(audited.office, SEARCHES, by=audited.own)
        with pytest.raises(StaleError):
            end_auditor(audited.office, auditor_id=audited.own, by=audited.first)
        with pytest.raises(BadInputError, match="last auditor"):
            end_auditor(audited.office, auditor_id=audited.first, by=audited.first)
        with pytest.raises(BadInputError, match="no auditor `x`"):
            end_auditor(audited.office, auditor_id="x", by=audited.first)
        assert [a.active for a in auditors(audited.again()).values()] == [True, False]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 70), max_size=6))
def test_any_number_of_entries_verifies(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    folder = tmp_path_factory.mktemp("log") / "audit"
    init_audit_folder(
        folder,
        name=NAME,
        home=folder.parent / "home",
        agency=agency_keys(Signer.from_seed("agency.example/log", b"\x05" * 32).vkey),
        auditor="A",
        at=datetime.now(UTC),
        persons=[],
    )
    office = bootstrap.open_audit_office(folder)
    for size in sizes:
        made = office.log.append(
            [office.entry("audit.day-closed", by="audit", action="x", target="y") for _ in range(size)]
        )
        for each in (made[0], made[-1]):
            verify_receipt(each.receipt, each.body, office.log.keys, NAME)
            verify_receipt(office.log.receipt_of(each.index), each.body, office.log.keys, NAME)
    assert office.log.size == 1 + sum(sizes)
    assert office.log.verify() == ()
