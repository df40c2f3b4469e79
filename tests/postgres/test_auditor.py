"""An audit office reads an agency's server as a role that writes nothing, and believes what the log proves."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster
from django.db import DatabaseError, connection

sys.path.insert(0, str(Path(__file__).parents[1] / "audit"))

from beside import NAME, Audited

import databases
from counterseal import bootstrap
from counterseal.casework.models import Case
from counterseal.gateway.audit.ask import ask
from counterseal.gateway.audit.folder import READER, AgencyServer
from counterseal.gateway.audit.question import Question
from counterseal.gateway.audit.reading import reading
from counterseal.gateway.sealing import change
from counterseal.terms.errors import BadInputError, IntegrityError, UnavailableError
from office import SimulatedOffice

LOG = Question(kind="log")
PAGE = Path(__file__).parents[2] / "docs/how-to/audit.md"


@pytest.fixture
def audited(office: SimulatedOffice, tmp_path: Path) -> Iterator[Audited]:
    """An audit office beside an agency on the cluster."""
    own, first = bootstrap.make_audit_office(
        tmp_path / "audit",
        name=NAME,
        home=office.office.home,
        vkey=office.office.signer.vkey,
        auditor="Olive Outside",
    )
    yield Audited(own, office, first, first)
    databases.admin().execute(f"ALTER ROLE {READER} NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION LOGIN")


def as_owner(audited: Audited, statement: str) -> None:
    """Change rights as the owner."""
    with databases.raw(audited.agency.office.home) as database:
        database.execute(statement)


class TestReading:
    def test_it_is_another_role_than_the_agencys(self, audited: Audited) -> None:
        """And what it asks is answered with a proof; afterwards the agency works as before."""
        agency = audited.agency
        own = databases.server_of(agency.office.home)
        assert own is not None
        assert audited.again().server == AgencyServer(own.connection, READER)

        with reading(audited.office), connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_setting('transaction_read_only')")
            assert cursor.fetchone() == (READER, "on")
        answer = ask(audited.office, LOG, by=audited.first).answer

        assert answer.tree_size == len(agency.entries())
        agency.case()
        assert ask(audited.office, LOG, by=audited.first).answer.tree_size > answer.tree_size
        assert agency.fsck().sound

    def test_an_answer_is_of_one_instant(self, audited: Audited) -> None:
        """What the agency does meanwhile is in the next answer, and nobody waits for anybody."""
        import psycopg

        used = databases.server_of(audited.agency.office.home)
        assert used is not None
        with reading(audited.office) as read, connection.cursor():
            with psycopg.connect(used.connection, user=used.application) as other:
                other.execute("SET search_path = counterseal")
                other.execute("SET lock_timeout = '2s'")
                other.execute("UPDATE oversight_logstate SET checkpoint = 'meanwhile'")
            assert read.head.size == len(read.entries)
            from counterseal.oversight.models import LogState

            assert bytes(LogState.objects.get().checkpoint) != b"meanwhile"
        with pytest.raises(IntegrityError, match="does not hold"):
            ask(audited.office, LOG, by=audited.first)

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO casework_case SELECT * FROM casework_case",
            "UPDATE people_person SET name = 'x'",
            "DELETE FROM oversight_logentry",
            "CREATE TABLE counterseal.mine (n int)",
            "SET transaction_read_only = off; DELETE FROM oversight_logentry",
            "COMMIT; BEGIN; SET transaction_read_only = off; DELETE FROM oversight_logentry",
        ],
    )
    def test_it_can_write_nothing(self, audited: Audited, statement: str) -> None:
        """Not in the reading's transaction, and not in one that somebody would begin: the role has no right."""
        with reading(audited.office), pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(statement)
        assert audited.agency.fsck().sound


class TestRefused:
    @pytest.mark.parametrize(
        ("statement", "says"),
        [
            (f"GRANT UPDATE (status) ON casework_case TO {READER}", "change or own casework_case"),
            (f"GRANT INSERT ON oversight_logentry TO {READER}", "change or own oversight_logentry"),
            (f"GRANT DELETE ON people_person TO {READER}", "change or own people_person"),
            (f"GRANT TRUNCATE ON people_person TO {READER}", "change or own people_person"),
            (f"GRANT CREATE ON SCHEMA counterseal TO {READER}", "makes tables"),
            (f"ALTER TABLE people_person OWNER TO {READER}", "change or own people_person"),
        ],
    )
    def test_a_role_that_can_write(self, audited: Audited, statement: str, says: str) -> None:
        """However it came by the right; and nothing is asked as it."""
        name = databases.server_of(audited.agency.office.home)
        assert name is not None
        if "OWNER TO" in statement:
            import psycopg

            with psycopg.connect(name.connection, user="postgres", autocommit=True) as server:
                server.execute("SET search_path = counterseal")
                server.execute(statement)
        else:
            as_owner(audited, statement)

        with pytest.raises(BadInputError, match=says):
            ask(audited.office, LOG, by=audited.first)
        assert not list(audited.office.log.records("audit.asked"))

    @pytest.mark.parametrize("power", ["SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION"])
    def test_a_role_above_its_rights(self, audited: Audited, power: str) -> None:
        databases.admin().execute(f"ALTER ROLE {READER} {power}")

        with pytest.raises(BadInputError, match="superuser, replicates, or makes"):
            ask(audited.office, LOG, by=audited.first)

    @pytest.mark.parametrize(
        ("statement", "says"),
        [
            (f"REVOKE SELECT ON oversight_logkey FROM {READER}", "cannot read oversight_logkey"),
            (f"REVOKE USAGE ON SCHEMA counterseal FROM {READER}", "cannot read the schema"),
        ],
    )
    def test_a_role_that_cannot_read_everything(self, audited: Audited, statement: str, says: str) -> None:
        """A table that is kept from the auditor is said to be kept; it is not taken for an empty one."""
        as_owner(audited, statement)

        with pytest.raises(BadInputError, match=says):
            ask(audited.office, LOG, by=audited.first)

    def test_a_role_that_is_not_let_in(self, audited: Audited) -> None:
        databases.admin().execute(f"ALTER ROLE {READER} NOLOGIN")

        with pytest.raises(UnavailableError, match="does not answer the role"):
            ask(audited.office, LOG, by=audited.first)

    def test_a_server_that_is_down_proves_nothing_against_the_agency(
        self, audited: Audited, cluster: Cluster
    ) -> None:
        """It is said, not sealed as a log that does not hold; so too where it breaks off in the middle."""
        cluster.stop("fast")
        try:
            with pytest.raises(UnavailableError, match="does not answer"):
                ask(audited.office, LOG, by=audited.first)
        finally:
            cluster.start()

        def breaks(_: object) -> None:
            pid = connection.connection.info.backend_pid
            databases.admin().execute("SELECT pg_terminate_backend(%s)", [pid])
            Case.objects.count()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("counterseal.gateway.audit.reading._check", breaks)
            with pytest.raises(UnavailableError, match="broke off"):
                ask(audited.office, LOG, by=audited.first)
        assert not list(audited.office.log.records("audit.integrity-failed"))
        assert ask(audited.office, LOG, by=audited.first).answer.rows

    def test_an_emptied_database(self, audited: Audited) -> None:
        """Tables that are gone are no log that holds: that is sealed."""
        as_owner(audited, "DROP SCHEMA counterseal CASCADE")

        with pytest.raises(IntegrityError, match="is not there"):
            ask(audited.office, LOG, by=audited.first)
        assert list(audited.office.log.records("audit.integrity-failed"))


class TestFolder:
    def test_what_the_page_says_to_grant_is_enough(self, home: Path, tmp_path: Path) -> None:
        """On a server and an installation that never heard of auditors, typed as it stands there."""
        import psycopg

        used = databases.server()
        assert used is not None
        agency, _ = bootstrap.init_home(
            home, agency="A", origin="a.example/l", administrator="Ada", server=used, evaluation=True
        )
        own, first = bootstrap.make_audit_office(
            tmp_path / "audit", name=NAME, home=home, vkey=agency.signer.vkey, auditor="O", role="page_reader"
        )
        with pytest.raises(UnavailableError):
            ask(own, LOG, by=first)
        statements = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
        databases.admin().execute("DROP ROLE IF EXISTS page_reader")
        statements = statements.replace("counterseal_auditor", "page_reader")
        with psycopg.connect(used.connection, user="postgres", autocommit=True) as server:
            name = server.execute("SELECT current_database()").fetchone()[0]  # type: ignore[index]
            for statement in statements.replace("DATABASE counterseal ", f"DATABASE {name} ").split(";"):
                if statement.strip():
                    server.execute(statement)
            assert ask(own, LOG, by=first).answer.tree_size == 1
            server.execute("SET ROLE counterseal_owner")
            server.execute("CREATE TABLE counterseal.of_a_later_version (n int)")
        assert ask(own, LOG, by=first).answer.tree_size == 1
        bootstrap.close(agency)

    def test_the_auditors_reach_it_their_own_way(self, office: SimulatedOffice, tmp_path: Path) -> None:
        """Through another connection and as another role than the usual one."""
        used = databases.server_of(office.office.home)
        assert used is not None
        databases.admin().execute("DROP ROLE IF EXISTS inspector")
        databases.admin().execute(f"CREATE ROLE inspector LOGIN IN ROLE {READER}")
        own, first = bootstrap.make_audit_office(
            tmp_path / "audit",
            name=NAME,
            home=office.office.home,
            vkey=office.office.signer.vkey,
            auditor="Olive",
            database=f"{used.connection} application_name=audit",
            role="inspector",
        )
        assert ask(own, LOG, by=first).answer.rows

    def test_no_password_goes_into_it(self, office: SimulatedOffice, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="no password"):
            bootstrap.make_audit_office(
                tmp_path / "audit",
                name=NAME,
                home=office.office.home,
                vkey=office.office.signer.vkey,
                auditor="Olive",
                database="service=agency password=secret",
            )
        assert not (tmp_path / "audit").exists()

    def test_a_section_that_cannot_be_used(self, audited: Audited) -> None:
        path = audited.folder / "audit.toml"
        path.write_text(path.read_text().replace("connection =", "conection ="))

        with pytest.raises(BadInputError, match="cannot be read"):
            audited.again()

    def test_sealing_still_goes_to_the_agency_afterwards(self, audited: Audited) -> None:
        ask(audited.office, LOG, by=audited.first)
        with change(audited.agency.office) as now:
            now.seal("drill.held", by="p", action="a", target="t", outcome="passed")
        assert audited.agency.entries()[-1].kind == "drill.held"
