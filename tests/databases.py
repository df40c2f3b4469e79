"""Which database the tests' installations run on: a file in each home, or a real PostgreSQL.

COUNTERSEAL_TEST_DATABASE names a cluster as libpq does, with a superuser (`tools/test_postgres` makes one): then
every installation that a test makes in this process has a database of its own there, copied from a template as
its home is. Tests about SQLite's files bear the mark `sqlite`; such a run skips them, each by name.
"""

import atexit
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection, connections
from django.db.models import Model

from counterseal import bootstrap
from counterseal.bootstrap import ServerSettings
from counterseal.gateway.audit.folder import READER
from counterseal.gateway.databases import database
from counterseal.gateway.databases.port import Guard
from counterseal.gateway.guards import guards

CLUSTER = os.environ.get("COUNTERSEAL_TEST_DATABASE", "")
OWNER, APPLICATION = "counterseal_owner", "counterseal"
ROLES = (OWNER, APPLICATION, READER)
_numbers = count(1)
_openings = 0
_made: list[tuple[str, str]] = []


def server() -> ServerSettings | None:
    """A new, empty database of the cluster; None where tests run on SQLite."""
    return _server(_create("template0")) if CLUSTER else None


def server_of(home: Path) -> ServerSettings | None:
    """The server that an installation names."""
    return bootstrap.read_settings(home).server


def copy_home(template: Path, home: Path) -> None:
    """Copy an installation that nobody has open, with its database."""
    shutil.copytree(template, home)
    used = server_of(home)
    if used is not None:
        there = _server(_create(_name(used)))
        settings = home / "office.toml"
        settings.write_text(settings.read_text().replace(used.connection, there.connection))


@contextmanager
def as_owner(home: Path) -> Iterator[None]:
    """Be who owns the tables: what somebody who goes round the programs would be. On SQLite everybody is."""
    used = server_of(home)
    if used is not None:
        bootstrap.use_database(home, used, as_owner=True)
    try:
        yield
    finally:
        if used is not None:
            bootstrap.use_database(home, used)


def let_auditors_read(home: Path) -> None:
    """What an agency's owner role grants to an audit office's (docs/how-to/audit.md). On SQLite files are read."""
    if server_of(home) is not None:
        with raw(home) as database:
            database.execute(f"GRANT USAGE ON SCHEMA counterseal TO {READER}")
            database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA counterseal TO {READER}")


def leave_alone(guard: Guard, *, standing: bool) -> None:
    """Inside a transaction, as the owner: take every guard of this table away, or every one but this."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {guard.table} DISABLE TRIGGER USER")
            if standing:
                cursor.execute(f"ALTER TABLE {guard.table} ENABLE ALWAYS TRIGGER guard_{guard.name}")
            return
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            if not (standing and name == f"guard_{guard.name}"):
                cursor.execute(f"DROP TRIGGER {name}")


def drop_guard(name: str) -> None:
    """As the owner: take one guard away, as somebody who goes round the programs would."""
    guard = guards()[name]
    on = f" ON {guard.table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER guard_{name}{on}")


def weaken_guard(name: str) -> None:
    """As the owner: leave the guard's name, and take its sense away."""
    guard = replace(guards()[name], when="FALSE")
    made = database().rendered(guard)
    if connection.vendor == "postgresql":
        made = made.partition("; CREATE TRIGGER")[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    else:
        drop_guard(name)
    with connection.cursor() as cursor:
        cursor.execute(made)


def refuse_rows(home: Path, table: str) -> None:
    """Let the database take no row into this table any more."""
    with as_owner(home), connection.cursor() as cursor:
        cursor.execute(database().rendered(Guard("full", "INSERT", table, "TRUE", "disk is full")))


def replacing(model: type[Model]) -> str:
    """A statement that puts the first row of this table in its own place again, past every guard of changes."""
    table = model._meta.db_table
    listed = ", ".join(f'"{f.column}"' for f in model._meta.concrete_fields)
    taken = f"SELECT {listed} FROM {table} LIMIT 1"
    if not CLUSTER:
        return f"INSERT OR REPLACE INTO {table} ({listed}) {taken}"
    key = ", ".join(f'"{f.column}"' for f in model._meta.pk_fields)
    return (
        f"INSERT INTO {table} ({listed}) ({taken}) ON CONFLICT ({key}) DO UPDATE SET {key} = EXCLUDED.{key}"
    )


def first_line(error: BaseException) -> str:
    """What the database said; PostgreSQL adds where."""
    return str(error).partition("\n")[0]


def put_back(home: Path, copied: Path) -> None:
    """The operator puts a backup's database in the place of today's. Nobody has it open afterwards."""
    connections.close_all()
    used = server_of(home)
    if used is None:
        for name in ("counterseal.sqlite3", "counterseal.sqlite3-wal", "counterseal.sqlite3-shm"):
            (home / name).unlink(missing_ok=True)
        shutil.copyfile(copied / "counterseal.sqlite3", home / "counterseal.sqlite3")
        return
    name = _name(used)
    admin().execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin().execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    subprocess.run(
        ["pg_restore", "--exit-on-error", "--single-transaction", "-d", f"{used.connection} user={OWNER}",
         str(copied / "counterseal.dump")],
        check=True,
    )  # fmt: skip


@contextmanager
def databases_of_a_test() -> Iterator[None]:
    """Drop what was made inside."""
    before = len(_made)
    try:
        yield
    finally:
        while len(_made) > before:
            made_on, name = _made.pop()
            with on_cluster(made_on):
                admin().execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def on_cluster(connection: str) -> Iterator[None]:
    """Installations that are made inside have databases of this cluster. Who ends them: `databases_of_a_test`."""
    global CLUSTER  # noqa: PLW0603 - as the environment would, for a while
    before, CLUSTER = CLUSTER, connection
    try:
        yield
    finally:
        CLUSTER = before


def obey_the_cluster() -> None:
    """From now on every installation that is made in this process has a database of the cluster, if there is one.

    And each database that is opened here is counted.
    """
    init_home, use_database = bootstrap.init_home, bootstrap.use_database

    def made(home: Path, **given: Any) -> Any:
        if given.get("server") is None:
            given["server"] = server()
        return init_home(home, **given)

    def used(home: Path, *given: Any, **more: Any) -> None:
        global _openings  # noqa: PLW0603 - counted for the whole process
        _openings += 1
        use_database(home, *given, **more)

    bootstrap.init_home, bootstrap.use_database = made, used


def opened() -> int:
    """How often a database was opened in this process."""
    return _openings


def admin() -> Any:
    """A connection as the superuser of the cluster, made anew where a test stopped the server meanwhile."""
    import psycopg

    try:
        _admin(CLUSTER).execute("SELECT 1")
    except psycopg.OperationalError:
        _admin.cache_clear()
    return _admin(CLUSTER)


@cache
def _admin(cluster: str) -> Any:
    import psycopg

    admin = psycopg.connect(cluster, dbname="postgres", autocommit=True)
    atexit.register(admin.close)
    for role in ROLES:
        with suppress(
            psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation
        ):  # another process of tests
            admin.execute(f"CREATE ROLE {role} LOGIN")
    return admin


def _create(template: str) -> str:
    name = f"t_{os.getpid()}_{next(_numbers)}"
    connections.close_all()  # nobody may be connected to what is copied
    made_as = "ENCODING 'UTF8' LOCALE 'C'" if template == "template0" else ""
    admin().execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} {made_as}")
    _made.append((CLUSTER, name))
    return name


def _server(name: str) -> ServerSettings:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    told = {k: v for k, v in conninfo_to_dict(CLUSTER).items() if k != "user"}
    return ServerSettings(make_conninfo("", **{**told, "dbname": name}), OWNER, APPLICATION)


def _name(used: ServerSettings) -> str:
    from psycopg.conninfo import conninfo_to_dict

    return str(conninfo_to_dict(used.connection)["dbname"])


class Raw:
    """The database itself with no program of ours between, as whoever owns it: `?` marks a value."""

    def __init__(self, opened: Any, mark: str) -> None:
        self._opened, self._mark = opened, mark

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Run one statement; answers with a cursor."""
        if values:
            return self._opened.execute(statement.replace("?", self._mark), values)
        return self._opened.execute(statement)

    def tables(self) -> list[str]:
        """Every table."""
        if self._mark == "?":
            asked = "SELECT name FROM sqlite_master WHERE type = 'table'"
        else:
            asked = "SELECT tablename FROM pg_tables WHERE schemaname = 'counterseal'"
        return [str(name) for (name,) in self.execute(asked)]


@contextmanager
def raw(home: Path, *, role: str = OWNER) -> Iterator[Raw]:
    """Open it, each statement a transaction of its own. role: as whom; everybody is alike on SQLite."""
    used = server_of(home)
    if used is None:
        with closing(
            sqlite3.connect(home / "counterseal.sqlite3", timeout=30, isolation_level=None)
        ) as opened:
            yield Raw(opened, "?")
        return
    import psycopg

    options = "-c search_path=counterseal"
    with psycopg.connect(used.connection, user=role, autocommit=True, options=options) as server:
        yield Raw(server, "%s")


@contextmanager
def raw_without_guards(home: Path, *, back: bool = False) -> Iterator[Raw]:
    """The same for who goes round the programs without scruples, in one transaction: no guard and no foreign key holds.

    back: afterwards they stand as if nothing had been.
    """
    if server_of(home) is None:
        with raw(home) as database:
            found = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            database.execute("BEGIN IMMEDIATE")
            for name, _ in found:
                database.execute(f"DROP TRIGGER {name}")
            yield database
            for _, made in found if back else ():
                database.execute(made)
            database.execute("COMMIT")
        return
    from psycopg.conninfo import conninfo_to_dict

    with raw(home, role=str(conninfo_to_dict(CLUSTER)["user"])) as database:
        asked = "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgenabled = 'A'"
        found, tables = database.execute(asked).fetchall(), database.tables()
        assert found or not back  # gone already, if not for the first time
        database.execute("BEGIN")
        for table in tables:
            database.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield database
        for table in tables if back else ():
            database.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        for table, name in found if back else ():
            database.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
        database.execute("COMMIT")


def stored(home: Path) -> bytes:
    """Everything the database holds, as bytes: its files, or a dump of the server's with bytes written out."""
    used = server_of(home)
    if used is None:
        return b"".join(file.read_bytes() for file in sorted(home.glob("counterseal.sqlite3*")))
    dump = subprocess.run(
        ["pg_dump", "-d", f"{used.connection} user={OWNER}"], check=True, capture_output=True
    ).stdout
    return dump + b"".join(
        bytes.fromhex(found.decode()) for found in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", dump)
    )
