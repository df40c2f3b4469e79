"""What the application's role cannot do, each attempt made and refused by the server itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cluster import Cluster
from django.apps import apps

import databases
from counterseal import bootstrap
from counterseal.bootstrap import ServerSettings
from counterseal.gateway.guards import NEVER_DELETED, RUN_OUT, never_updated, rights
from counterseal.oversight.models import LogEntry
from counterseal.terms.errors import BadInputError, UnavailableError
from counterseal.terms.errors import IntegrityError as BrokenError
from counterseal.terms.rows import SealedRow
from office import SimulatedOffice

LEDGER = (
    "oversight_logentry",
    "oversight_lognode",
    "oversight_logkey",
    "oversight_logcosignature",
)


@pytest.fixture
def application(office: SimulatedOffice) -> Iterator["psycopg.Connection"]:
    """The application's role, with nothing of ours between."""
    used = databases.server_of(office.office.home)
    assert used is not None
    with psycopg.connect(used.connection, user=used.application, autocommit=True) as opened:
        opened.execute("SET search_path = counterseal")
        yield opened


def refused(opened: "psycopg.Connection", statement: str) -> str:
    """Assert that the server refuses this statement for want of rights; what it said."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        opened.execute(statement)
    return str(error.value)


class TestLedger:
    @pytest.mark.parametrize("table", LEDGER)
    def test_rows_are_not_changed(self, application: "psycopg.Connection", table: str) -> None:
        """Neither updated, deleted nor truncated, nor locked against others."""
        column = application.execute(f"SELECT * FROM {table} LIMIT 0").description[0].name  # type: ignore[index]
        before = application.execute(f"SELECT count(*) FROM {table}").fetchone()

        for statement in (
            f'UPDATE {table} SET "{column}" = "{column}"',
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"TRUNCATE {table} CASCADE",
            f"MERGE INTO {table} t USING {table} s ON FALSE WHEN MATCHED THEN DELETE",
            f'SELECT * FROM {table} WHERE "{column}" IS NOT NULL FOR UPDATE',
        ):
            assert "permission denied" in refused(application, statement), statement
        assert application.execute(f"SELECT count(*) FROM {table}").fetchone() == before

    @pytest.mark.parametrize("table", LEDGER)
    def test_tables_are_not_altered(self, application: "psycopg.Connection", table: str) -> None:
        """Nor their triggers taken away, switched off, or joined by others."""
        for statement in (
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"ALTER TABLE {table} DISABLE TRIGGER USER",
            f"ALTER TABLE {table} ADD COLUMN x int",
            f"ALTER TABLE {table} RENAME TO other",
            f"ALTER TABLE {table} OWNER TO counterseal",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING",
            f"CREATE TRIGGER t BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            f"DROP TABLE {table}",
            f"GRANT UPDATE ON {table} TO counterseal",
            f"COPY {table} FROM PROGRAM 'true'",
        ):
            try:
                refused(application, statement)
            except pytest.fail.Exception:
                # A grant by whoever has nothing to grant is a warning, and grants nothing.
                assert statement.startswith("GRANT")
                refused(application, f"DELETE FROM {table}")

    @pytest.mark.parametrize(
        "statement",
        [
            "SET session_replication_role = replica",
            "SET ROLE counterseal_owner",
            "SET SESSION AUTHORIZATION counterseal_owner",
            "ALTER ROLE counterseal SUPERUSER",
            "DROP FUNCTION guard_oversight_logentry_once() CASCADE",
            "ALTER FUNCTION guard_oversight_logentry_once() RESET ALL",
            "CREATE OR REPLACE FUNCTION guard_oversight_logentry_once() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NEW; END'",
            "CREATE TABLE mine (x int)",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP SCHEMA counterseal CASCADE",
            "ALTER SCHEMA counterseal RENAME TO other",
            "UPDATE pg_trigger SET tgenabled = 'D'",
            "DELETE FROM pg_class WHERE relname = 'oversight_logentry'",
        ],
    )
    def test_no_way_round(self, application: "psycopg.Connection", statement: str) -> None:
        """Replica mode, the owner's role, the guards' functions, the catalogue."""
        refused(application, statement)

    def test_openings_alone_are_changed(self, application: "psycopg.Connection") -> None:
        """What erasure needs, and not the place it belongs to."""
        application.execute("UPDATE oversight_logdisclosures SET encoded = encoded")
        refused(application, 'UPDATE oversight_logdisclosures SET "index" = 7')


class TestEveryTable:
    def test_every_model_has_its_rights(self) -> None:
        """Only notes that run out are deleted; what is written once is never updated."""
        assert set(rights()) == {m._meta.db_table for m in apps.get_models()}
        assert len(rights()) > 50
        deleted = {table for table, allowed in rights().items() if "DELETE" in allowed}
        assert deleted == {apps.get_model(label)._meta.db_table for label in RUN_OUT}
        assert not any(issubclass(apps.get_model(label), SealedRow) for label in RUN_OUT)
        assert not deleted & {apps.get_model(label)._meta.db_table for label in NEVER_DELETED}
        assert not any("TRUNCATE" in allowed for allowed in rights().values())
        assert set(LEDGER) <= set(never_updated())

    def test_nothing_is_deleted_anywhere(self, application: "psycopg.Connection") -> None:
        """Each table, asked for."""
        for table, allowed in rights().items():
            if "DELETE" not in allowed:
                refused(application, f"DELETE FROM {table}")
            refused(application, f"TRUNCATE {table}")
        for table in never_updated():
            column = application.execute(f"SELECT * FROM {table} LIMIT 0").description[0].name  # type: ignore[index]
            refused(application, f'UPDATE {table} SET "{column}" = "{column}"')

    def test_a_temporary_table_stands_in_for_none(
        self, application: "psycopg.Connection", office: SimulatedOffice
    ) -> None:
        """A guard asks the real table, though the session names its own temporary one first."""
        forged = (
            "INSERT INTO counterseal.oversight_concurrence (id, entry_index, use_id, office, person_id, "
            "proposer_id, concurs, at, round, unit, proposer_unit, conditions, words) SELECT 'concurrence-x', 0, "
            "id, 'privacy', 'person-x', 'person-y', TRUE, now(), round, 'u', 'v', '{}', '' "
            "FROM counterseal.oversight_use LIMIT 1"
        )
        application.execute("SET search_path = pg_temp, counterseal")
        application.execute("CREATE TABLE pg_temp.oversight_use AS TABLE counterseal.oversight_use")
        application.execute("UPDATE pg_temp.oversight_use SET proposed_by_id = 'person-y'")
        assert application.execute("SELECT DISTINCT proposed_by_id FROM oversight_use").fetchone() == (
            "person-y",
        )

        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="names another proposer"):
            application.execute(forged)

    def test_no_temporary_tables_where_it_was_founded(self, home: Path) -> None:
        office, _ = bootstrap.init_home(home, agency="A", origin="a.example/l", administrator="Ada")
        bootstrap.close(office)
        used = databases.server_of(home)
        assert used is not None
        with psycopg.connect(used.connection, user=used.application) as opened:
            refused(opened, "CREATE TEMPORARY TABLE x (y int)")


def broken(home: Path, statement: str) -> None:
    """Run a statement as the cluster's superuser in this home's database."""
    used = databases.server_of(home)
    assert used is not None
    with psycopg.connect(used.connection, user="postgres", autocommit=True) as server:
        server.execute(f"SET search_path = counterseal; {statement}")


class TestStart:
    """A role that may more than it must, or a server that forgets, is not worked with."""

    @pytest.mark.parametrize(
        ("made_wrong", "says"),
        [
            ("GRANT UPDATE ON oversight_logentry TO counterseal", "oversight_logentry"),
            ("GRANT UPDATE (body) ON oversight_logentry TO counterseal", "oversight_logentry"),
            ("GRANT DELETE ON casework_case TO counterseal", "casework_case"),
            ("GRANT TRUNCATE ON people_person TO PUBLIC", "people_person"),
            ("GRANT TRIGGER ON oversight_lognode TO counterseal", "oversight_lognode"),
            ("ALTER TABLE casework_lead OWNER TO counterseal", "casework_lead"),
            ("GRANT CREATE ON SCHEMA counterseal TO counterseal", "makes tables"),
        ],
    )
    def test_rights_too_wide(self, office: SimulatedOffice, made_wrong: str, says: str) -> None:
        home = office.office.home
        bootstrap.close(office.office)
        broken(home, made_wrong)

        with pytest.raises(BadInputError, match=says):
            bootstrap.open_office(home)

    @pytest.mark.parametrize("made", ["SUPERUSER", "CREATEROLE", "IN ROLE counterseal_owner"])
    def test_a_role_above(self, office: SimulatedOffice, made: str) -> None:
        home = office.office.home
        bootstrap.close(office.office)
        broken(home, f"DROP ROLE IF EXISTS too_much; CREATE ROLE too_much LOGIN {made}; "
                     "GRANT counterseal TO too_much")  # fmt: skip
        settings = home / "office.toml"
        settings.write_text(settings.read_text().replace('"counterseal"', '"too_much"'))

        with pytest.raises(BadInputError, match="may do more than it must"):
            bootstrap.open_office(home)

    @pytest.mark.parametrize("evaluation", [False, True])
    def test_a_server_that_forgets(self, home: Path, evaluation: bool) -> None:
        """Refused, but for a trial."""
        office, _ = bootstrap.init_home(
            home, agency="A", origin="a.example/l", administrator="Ada", evaluation=evaluation
        )
        bootstrap.close(office)
        used = databases.server_of(home)
        assert used is not None
        name = psycopg.conninfo.conninfo_to_dict(used.connection)["dbname"]
        broken(home, f"ALTER DATABASE {name} SET synchronous_commit = off")

        if evaluation:
            bootstrap.close(bootstrap.open_office(home))
            return
        with pytest.raises(BadInputError, match="synchronous_commit off"):
            bootstrap.open_office(home)

    def test_tables_that_are_gone(self, office: SimulatedOffice) -> None:
        home = office.office.home
        bootstrap.close(office.office)
        broken(home, "DROP SCHEMA counterseal CASCADE")

        with pytest.raises(BrokenError, match="restore it from its backup"):
            bootstrap.open_office(home)

    def test_a_server_that_does_not_answer(self, office: SimulatedOffice, tmp_path: Path) -> None:
        home = office.office.home
        bootstrap.close(office.office)
        settings = home / "office.toml"
        used = databases.server_of(home)
        assert used is not None
        settings.write_text(settings.read_text().replace(used.connection, f"host={tmp_path} dbname=x"))

        with pytest.raises(UnavailableError, match="does not answer"):
            bootstrap.open_office(home)


class TestInit:
    def _init(self, home: Path, server: ServerSettings) -> None:
        office, _ = bootstrap.init_home(
            home, agency="A", origin="a.example/l", administrator="Ada", server=server
        )
        bootstrap.close(office)

    @pytest.mark.parametrize(
        ("spoilt", "says"),
        [
            (lambda c: f"{c} password=secret", "no password"),
            (lambda c: f"{c} user=postgres", "no user"),
            (lambda c: f"{c} options='-c x=y'", "no options"),
            (lambda c: "host=/run", "must name a database"),
            (lambda c: "colour=blue", "cannot be read"),
            (lambda c: "postgresql://me:secret@host/db", "no password"),
        ],
    )
    def test_connection_strings(self, home: Path, spoilt: Callable[[str], str], says: str) -> None:
        used = databases.server()
        assert used is not None
        with pytest.raises(BadInputError, match=says):
            self._init(home, ServerSettings(spoilt(used.connection)))

    def test_not_into_a_schema_that_is_there(self, office: SimulatedOffice, tmp_path: Path) -> None:
        used = databases.server_of(office.office.home)
        assert used is not None
        with pytest.raises(BadInputError, match="left alone"):
            self._init(tmp_path / "other", used)
        bootstrap.use_database(office.office.home, used)
        assert LogEntry.objects.count() > 10

    def test_not_with_another_order(self, home: Path, cluster: Cluster) -> None:
        """A sample is drawn from sorted lists: each installation sorts alike."""
        databases.admin().execute("DROP DATABASE IF EXISTS latin")
        databases.admin().execute(
            "CREATE DATABASE latin OWNER counterseal_owner TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
        )
        with pytest.raises(BadInputError, match="LATIN1"):
            self._init(home, ServerSettings(f"host={cluster.folder} dbname=latin"))

    def test_what_fails_half_way_leaves_nothing(self, home: Path, tmp_path: Path) -> None:
        """The same database takes the next one."""
        used = databases.server()
        assert used is not None
        nobody = ServerSettings(used.connection, used.owner, "nobody_of_this_name")
        with pytest.raises(Exception, match="nobody_of_this_name"):
            self._init(home, nobody)

        self._init(tmp_path / "again", used)

    def test_no_password_lies_in_the_home(self, office: SimulatedOffice) -> None:
        written = (office.office.home / "office.toml").read_text()
        assert "[database]" in written
        assert "password" not in written
