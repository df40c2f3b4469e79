"""Reading a home: no trace in it, nothing believed that its log does not prove."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from beside import Audited
from django.db import DatabaseError, connections

import databases
from counterseal.casework.models import SearchRequest
from counterseal.gateway.add_evidence import add_evidence
from counterseal.gateway.audit.ask import ask, view_object
from counterseal.gateway.audit.package import write_audit_package
from counterseal.gateway.audit.question import Question
from counterseal.gateway.audit.reading import DATABASE, reading
from counterseal.gateway.audit.sample import commit_to_sample, draw_sample
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.tree import Frontier, leaf_hash, place
from counterseal.oversight.models import LogEntry
from counterseal.terms.errors import BadInputError, IntegrityError, UnavailableError

SEARCHES = Question(kind="search")


def whole(home: Path) -> dict[str, tuple[str, int, int, int]]:
    """Every file and folder of a home: bytes, size, time of change, rights."""
    found = {}
    for path in sorted([home, *home.rglob("*")]):
        stat = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(home))] = (digest, stat.st_size, stat.st_mtime_ns, stat.st_mode)
    return found


def spoil(home: Path, *statements: str) -> None:
    """Write into the agency's database as somebody who owns it and without scruples."""
    with databases.raw_without_guards(home) as database:
        for statement in statements:
            database.execute(statement)


class TestNoTrace:
    def test_a_home_is_the_same_bytes_after_every_kind_of_read(
        self, audited: Audited, tmp_path: Path
    ) -> None:
        narrative = SearchRequest.objects.filter(narrative__gt="").earliest("entry_index").narrative
        sample_id, _ = commit_to_sample(audited.office, by=audited.first)
        home = audited.agency.office.home
        connections.close_all()  # the agency's own: it would be seen to come and go
        before = whole(home)

        ask(audited.office, SEARCHES, by=audited.first)
        ask(audited.office, Question(kind="probe"), by=audited.first, photograph=b"some file")
        assert view_object(audited.office, object_id=narrative, why="w", by=audited.first).data
        draw_sample(audited.office, sample_id=sample_id, question=SEARCHES, share="1/3", by=audited.first)
        write_audit_package(
            audited.office,
            question=SEARCHES,
            objects=[narrative],
            recipient="a court",
            folder=tmp_path / "package",
            by=audited.first,
        )

        assert whole(home) == before
        assert len(before) > 50
        assert not list((audited.folder / "reading").glob("*"))

    def test_two_auditors_at_once(self, audited: Audited) -> None:
        """Neither takes the other's copy away, and every answer of both is sealed."""
        program = (
            "import sys\n"
            "from pathlib import Path\n"
            "from counterseal import bootstrap\n"
            "from counterseal.gateway.audit.ask import ask\n"
            "from counterseal.gateway.audit.question import Question\n"
            "for _ in range(4):\n"
            "    office = bootstrap.open_audit_office(Path(sys.argv[1]))\n"
            "    done = ask(office, Question(kind='search'), by=sys.argv[2])\n"
            "    print(done.sealed.index, done.answer.digest())\n"
        )
        both = [
            subprocess.Popen(
                [sys.executable, "-c", program, str(audited.folder), by], stdout=subprocess.PIPE, text=True
            )
            for by in (audited.first, audited.own)
        ]
        said = [line.split() for each in both for line in each.communicate()[0].splitlines()]

        assert [each.returncode for each in both] == [0, 0]
        office = audited.again()
        sealed = {r.index: r.opened.get("answer") for r in office.log.records("audit.asked")}
        assert len(said) == len(sealed) == 8
        assert all(sealed[int(index)] == digest for index, digest in said)
        assert office.log.verify() == ()

    def test_it_needs_no_right_to_write(self, audited: Audited) -> None:
        """Nothing but reads: the home may lie on a medium that takes no writes at all."""
        home = audited.agency.office.home
        opened: list[str] = []
        real = Path.open

        def watched(self: Path, mode: str = "r", *args: object, **more: object):
            if self.is_relative_to(home):
                opened.append(mode)
            return real(self, mode, *args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "open", watched)
            ask(audited.office, SEARCHES, by=audited.first)
        assert set(opened) <= {"rb"}

    def test_the_agency_works_on_while_it_is_read(self, audited: Audited) -> None:
        """A writer never waits for an auditor, and every answer is of one instant, with its whole proof."""
        agency, stop, failed = audited.agency, Event(), []
        case = agency.case()

        def write() -> None:
            try:
                while not stop.wait(0.005):  # a busy agency, whose log stays small enough to read
                    add_evidence(
                        agency.office,
                        case_id=case.id,
                        kind="record",
                        source_class="case-photograph",
                        lawful_basis="agency-record",
                        obtained_at=agency.clock.now,
                        by=agency.who("ines"),
                    )
            except Exception as error:  # noqa: BLE001 - said below
                failed.append(error)
            finally:
                connections.close_all()

        # The reader is a process of its own, as in life: in this one the models would follow it to its copy.
        program = (
            "import sys\n"
            "from pathlib import Path\n"
            "from counterseal import bootstrap\n"
            "from counterseal.gateway.audit.ask import ask\n"
            "from counterseal.gateway.audit.question import Question\n"
            "office = bootstrap.open_audit_office(Path(sys.argv[1]))\n"
            "for _ in range(5):\n"
            "    print(ask(office, Question(kind='log'), by=sys.argv[2]).answer.tree_size)\n"
        )
        writer = Thread(target=write)
        writer.start()
        try:
            ran = subprocess.run(
                [sys.executable, "-c", program, str(audited.folder), audited.first],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            stop.set()
            writer.join()
        assert ran.returncode == 0, ran.stderr
        sizes = [int(line) for line in ran.stdout.split()]
        assert failed == []
        assert len(sizes) == 5
        assert sizes == sorted(sizes)
        assert len(set(sizes)) > 1, "the log grew while it was read"
        assert audited.again().log.verify() == ()

    def test_what_a_killed_command_left_is_gone_at_the_next(self, audited: Audited) -> None:
        left = audited.folder / "reading"
        left.mkdir()
        (left / DATABASE).write_bytes(b"a copy of what may be erased since")

        audited.again()
        assert not left.exists()


def _reseal(home: Path, bodies: list[bytes], signer: Signer) -> None:
    """Put another history in place, signed with the agency's own key: whoever holds it can."""
    frontier, nodes = Frontier(), []
    for body in bodies:
        frontier, new = frontier.append(leaf_hash(body))
        nodes += new
    note = sign_checkpoint(Checkpoint(signer.verifier.name, frontier.size, frontier.root()), signer)
    with databases.raw_without_guards(home) as database:
        database.execute("DELETE FROM oversight_logentry")
        database.execute("DELETE FROM oversight_lognode")
        for index, body in enumerate(bodies):
            database.execute("INSERT INTO oversight_logentry VALUES (?, ?)", (index, body))
        for n in nodes:
            database.execute("INSERT INTO oversight_lognode VALUES (?, ?)", (place(n.level, n.index), n.hash))
        state = (frontier.to_bytes(), note)
        database.execute("UPDATE oversight_logstate SET frontier = ?, checkpoint = ?", state)
        database.execute('DELETE FROM oversight_logdisclosures WHERE "index" >= ?', (len(bodies),))


class TestNothingBelieved:
    @pytest.mark.parametrize(
        "statement",
        [
            'UPDATE oversight_logentry SET body = ? WHERE "index" = 5',
            'DELETE FROM oversight_logentry WHERE "index" = 5',
            'DELETE FROM oversight_logentry WHERE "index" = (SELECT max("index") FROM oversight_logentry)',
            'INSERT INTO oversight_logentry SELECT "index" + 100000, body FROM oversight_logentry WHERE "index" = 5',
            "UPDATE oversight_logdisclosures SET encoded = (SELECT encoded FROM oversight_logdisclosures "
            'WHERE "index" = 6) WHERE "index" = 5',
            "UPDATE oversight_logstate SET checkpoint = ?",
            "DELETE FROM oversight_logstate",
            "DROP TABLE oversight_logentry",
        ],
    )
    def test_a_changed_log_answers_nothing(self, audited: Audited, statement: str) -> None:
        """And that it did not hold is sealed where the unit cannot take it back."""
        changed = bytes(LogEntry.objects.get(pk=5).body).replace(b"done", b"gone")
        with databases.raw_without_guards(audited.agency.office.home) as database:
            database.execute(statement, (changed,) if "?" in statement else ())

        with pytest.raises(IntegrityError, match="does not hold"):
            ask(audited.office, SEARCHES, by=audited.first)
        last = list(audited.office.log.records())[-1]
        assert (last.entry.kind, last.entry.outcome) == ("audit.integrity-failed", "failed")
        assert last.says("says")

    def test_another_key_than_the_office_was_told(self, audited: Audited) -> None:
        """Whoever can write to the database can put a key of their own there, and sign what they like."""
        home = audited.agency.office.home
        forger = Signer.from_seed(audited.agency.office.origin, b"\x42" * 32)
        bodies = [bytes(e.body) for e in LogEntry.objects.order_by("index")]
        _reseal(home, bodies, forger)
        spoil(home, f"UPDATE oversight_logkey SET vkey = '{forger.vkey}'")

        with pytest.raises(IntegrityError, match="this office was told"):
            ask(audited.office, SEARCHES, by=audited.first)

    def test_a_key_that_nobody_handed_over_to(self, audited: Audited) -> None:
        forger = Signer.from_seed(audited.agency.office.origin, b"\x42" * 32)
        home = audited.agency.office.home
        bodies = [bytes(e.body) for e in LogEntry.objects.order_by("index")]
        _reseal(home, bodies, forger)
        with databases.raw_without_guards(home) as database:
            new = (len(bodies), forger.vkey, b"")
            database.execute("INSERT INTO oversight_logkey VALUES (?, ?, ?)", new)

        with pytest.raises(IntegrityError, match="does not hold"):
            ask(audited.office, SEARCHES, by=audited.first)

    @pytest.mark.parametrize(
        ("history", "says"),
        [(lambda b: b[:-3], "put back or cut"), (lambda b: [*b[:-3], *b[-2:], b[-3]], "two histories")],
    )
    def test_another_history_under_the_right_key(
        self, audited: Audited, history: Callable[[list[bytes]], list[bytes]], says: str
    ) -> None:
        """The office keeps the head that it saw: who signs a second history is found at the next question."""
        ask(audited.office, SEARCHES, by=audited.first)
        bodies = [bytes(e.body) for e in LogEntry.objects.order_by("index")]
        home = audited.agency.office.home
        spoil(home, f'DELETE FROM oversight_logdisclosures WHERE "index" >= {len(bodies) - 3}')
        _reseal(home, history(bodies), audited.agency.office.signer)

        with pytest.raises(IntegrityError, match=says):
            ask(audited.office, SEARCHES, by=audited.first)

    def test_a_change_of_key_by_the_book_is_followed(self, audited: Audited) -> None:
        agency = audited.agency
        seed = b"\x51" * 32
        done = rotate_log_key(
            agency.office, new=Signer.from_seed(agency.office.origin, seed), by=agency.who("admin")
        )
        assert done

        assert (
            ask(audited.office, Question(kind="log"), by=audited.first).answer.rows[-1].kind
            == "log.key-rotated"
        )

    @pytest.mark.sqlite
    def test_a_home_that_is_not_there(self, audited: Audited) -> None:
        home = audited.agency.office.home
        (home / DATABASE).rename(home / "elsewhere")
        with pytest.raises(BadInputError, match="no SQLite database"):
            ask(audited.office, SEARCHES, by=audited.first)
        (home / DATABASE).write_bytes(b"no database at all" * 100)
        with pytest.raises(IntegrityError):
            ask(audited.office, SEARCHES, by=audited.first)

    @pytest.mark.sqlite
    def test_a_home_that_changes_all_the_time(
        self, audited: Audited, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changing = iter(range(1000))
        monkeypatch.setattr(
            "counterseal.gateway.audit.reading._read", lambda *_: next(changing).to_bytes(32, "big")
        )
        monkeypatch.setattr("counterseal.gateway.audit.reading._PAUSE", 0)

        with pytest.raises(UnavailableError, match="faster than it can be read"):
            ask(audited.office, SEARCHES, by=audited.first)

    def test_nothing_can_be_written_where_it_reads(self, audited: Audited) -> None:
        with reading(audited.office), pytest.raises(DatabaseError, match=r"read-?only"):
            LogEntry.objects.create(index=10**6, body=b"")
