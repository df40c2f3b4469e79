"""PostgreSQL: two roles, writers in line by an advisory lock (docs/adr/0021).

The owner makes tables and guards and is then not needed any more. The application's role reads, inserts, and
updates what is no ledger row and no statement; it deletes nothing, and owns nothing. An audit office's role reads.
All work in a schema of our own, and name it before the schema of temporary tables, so that nobody's temporary
table stands in for ours.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from counterseal.gateway.databases.port import Aftermath, Guard, first_line
from counterseal.terms.errors import BadInputError, IntegrityError, UnavailableError

SCHEMA = "counterseal"
SEARCH_PATH = f"{SCHEMA}, pg_temp"
COPY = "counterseal.dump"
SERVED = True
# The place in the line of writers: one number for every process that works on this database.
_TURN = int.from_bytes(b"counters")
_TAKE_TURN = "SELECT pg_advisory_xact_lock(%s)"
# A writer that stopped without ending (a machine gone from the network) gives its place back after this long.
_IDLE = "60s"
_SETTLES_WITHIN = "30s"
_DUMPS_WITHIN = 3600.0


def rendered(guard: Guard) -> str:
    """A function and its trigger; a row never deleted is not truncated either. They fire in replica mode too."""
    return (
        f"CREATE FUNCTION guard_{guard.name}() RETURNS trigger LANGUAGE plpgsql "
        f"SET search_path = {SEARCH_PATH} AS $guard${_body(guard)}$guard$; "
        + "; ".join(
            f"{definition}; ALTER TABLE {guard.table} ENABLE ALWAYS TRIGGER {name}"
            for name, definition in _definitions(guard).items()
        )
    )


def install(guards: Sequence[Guard]) -> None:
    """In one transaction: at no instant is a row without its guards."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
            r"AND proname LIKE 'guard\_%'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {name}() CASCADE")
        cursor.execute("; ".join(rendered(guard) for guard in guards))


def missing(guards: Sequence[Guard]) -> list[str]:
    """Compared as the server tells them: trigger, function, settings of the function, and whether it fires."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, pg_get_triggerdef(t.oid, true), t.tgenabled, p.prosrc, p.proconfig, p.prosecdef "
            "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
            r"WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname LIKE 'guard\_%'"
        )
        held = {name: tuple(rest) for name, *rest in cursor.fetchall()}
    lacking = []
    for guard in guards:
        function = (_body(guard), [f"search_path={SEARCH_PATH}"], False)
        if any(
            held.get(name) != (definition, "A", *function) for name, definition in _definitions(guard).items()
        ):
            lacking.append(guard.name)
    return lacking


@contextmanager
def writing(home: Path) -> Iterator[CursorWrapper]:  # noqa: ARG001 - the port's
    """The server queues who waits, first come first; a dead holder's lock is gone with its connection.

    READ COMMITTED: what is read after the lock is what the writer before left.
    """
    connection.close_if_unusable_or_obsolete()  # the server may have been started anew since the last change
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE}'; {_TAKE_TURN % _TURN}")
        yield cursor


def after_failed_commit(index: int, body: bytes) -> Aftermath:
    """Look whether it was made: the server may have committed and the answer been lost.

    The writers' place is ours only when the failed transaction has ended, one way or the other.
    """
    try:
        connection.close()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_SETTLES_WITHIN}'; {_TAKE_TURN % _TURN}")
            cursor.execute('SELECT body FROM oversight_logentry WHERE "index" = %s', [index])
            row = cursor.fetchone()
    except DatabaseError:
        return Aftermath(
            made=None,
            remedy=f"when the database answers again, look whether entry {index} is the one you made "
            "before you repeat it",
        )
    return Aftermath(made=row is not None and bytes(row[0]) == body)


@contextmanager
def snapshot() -> Iterator[None]:
    """REPEATABLE READ, READ ONLY."""
    connection.close_if_unusable_or_obsolete()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def copy(home: Path, folder: Path) -> None:  # noqa: ARG001 - the port's
    """`pg_dump` as the application's role: everything in our schema, guards and rights too, not compressed.

    Not compressed, so that whoever looks for erased bytes in it sees them.
    """
    from psycopg.conninfo import make_conninfo

    used = connection.settings_dict
    named = {"dbname": used["NAME"]} if used["NAME"] else {}
    there = make_conninfo("", **used["OPTIONS"], **named, user=used["USER"])
    _run("pg_dump", f"--schema={SCHEMA}", "--format=custom", "--compress=0", "--no-password",
         f"--file={folder / COPY}", f"--dbname={there}")  # fmt: skip
    (folder / COPY).chmod(0o600)


class _Dump:
    """The dump's tables, read as `pg_restore` tells them; no database is made for that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: dict[str, tuple[list[str], list[list[str]]]] = {}

    def values(self, table: str, key: str, value: str | int, *columns: str) -> tuple[object, ...] | None:
        """One row's columns."""
        if table not in self._told:
            self._told[table] = self._table(table)
        names, rows = self._told[table]
        place = names.index(key)
        for row in rows:
            if _unescaped(row[place]) == str(value):
                return tuple(_value(row[names.index(column)]) for column in columns)
        return None

    def _table(self, table: str) -> tuple[list[str], list[list[str]]]:
        told = _run("pg_restore", "--data-only", f"--schema={SCHEMA}", f"--table={table}", "--file=-",
                    str(self._path))  # fmt: skip
        head, _, rest = told.partition(" FROM stdin;\n")
        listed = head[head.rindex("(") + 1 : head.rindex(")")]
        rows = rest.partition("\n\\.\n")[0] if not rest.startswith("\\.\n") else ""
        return [name.strip().strip('"') for name in listed.split(",")], [
            line.split("\t") for line in rows.split("\n") if line
        ]


@contextmanager
def copied(folder: Path) -> Iterator[_Dump]:
    """Read it with PostgreSQL's own tool."""
    yield _Dump(folder / COPY)


def connection_settings(connection_string: str, role: str, *, reads_only: bool = False) -> dict[str, Any]:
    """Django's settings for this database and role. The password, if one is needed, is libpq's to find.

    reads_only: every transaction is begun as one that writes nothing.

    Raises:
        BadInputError: it is no connection string of libpq, or holds a password or a role.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise BadInputError(
            "this installation's database is PostgreSQL: install the extra `counterseal[postgresql]`"
        ) from error
    try:
        told: dict[str, Any] = {k: v for k, v in conninfo_to_dict(connection_string).items() if v is not None}
    except ProgrammingError as error:
        raise BadInputError(
            f"the database's connection string cannot be read: {str(error).strip()}"
        ) from error
    if "password" in told or "passfile" in told:
        raise BadInputError(
            "no password in the database's connection string: put it into libpq's password file (~/.pgpass), "
            "or let the server know the operating system's user (`peer`)"
        )
    if "user" in told or "options" in told:
        raise BadInputError(
            "no user and no options in the database's connection string: the two roles are named apart from it"
        )
    name = told.pop("dbname", "")
    if not name and "service" not in told:
        raise BadInputError(
            "the database's connection string must name a database or a service, "
            "for example `service=counterseal` or `host=/run/postgresql dbname=counterseal`"
        )
    options = f"-c search_path={SEARCH_PATH.replace(' ', '')}"
    if reads_only:
        options += " -c default_transaction_read_only=on"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": role,
        "CONN_MAX_AGE": None,
        "OPTIONS": {**told, "options": options},
    }


def make_schema() -> None:
    """As the owner: the schema, empty.

    Raises:
        BadInputError: it is there already, or this is no database for us. UnavailableError: no answer.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_encoding'), datcollate, to_regnamespace(%s) IS NOT NULL "
                "FROM pg_database WHERE datname = current_database()",
                [SCHEMA],
            )
            encoding, collation, taken = cursor.fetchone()
            if taken:
                raise BadInputError(
                    f"the database holds a schema `{SCHEMA}` already: it is left alone; name an empty database"
                )
            # Lists are sorted by the database; an agency that draws a sample again must get the same one.
            if (encoding, collation) not in (("UTF8", "C"), ("UTF8", "POSIX")):
                raise BadInputError(
                    f"the database's encoding is {encoding} and its order {collation}: make it with "
                    "`CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`"
                )
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    except DatabaseError as error:
        raise UnavailableError(f"the database does not take the schema: {first_line(error)}") from error


def drop_schema() -> None:
    """As the owner: take back what an interrupted making left."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def grant(rights: Mapping[str, str], role: str) -> None:
    """As the owner: what the application's role may do, by table, and nothing else to anybody."""
    quoted = connection.ops.quote_name(role)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
        base = connection.ops.quote_name(name)
        cursor.execute(
            f"REVOKE ALL ON DATABASE {base} FROM PUBLIC; GRANT CONNECT ON DATABASE {base} TO {quoted}; "
            f"REVOKE ALL ON SCHEMA {SCHEMA} FROM PUBLIC; GRANT USAGE ON SCHEMA {SCHEMA} TO {quoted}; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {quoted}; "
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {quoted}"
        )
        cursor.execute("; ".join(f"GRANT {what} ON {table} TO {quoted}" for table, what in rights.items()))


_LOOK = """
SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
  to_regclass('oversight_logstate') IS NOT NULL,
  (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user),
  has_schema_privilege(current_schema(), 'CREATE'),
  ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    AND (pg_has_role(relowner, 'MEMBER') OR has_table_privilege(oid, 'TRUNCATE, TRIGGER, REFERENCES')
      OR (relname::text <> ALL(%s) AND has_table_privilege(oid, 'DELETE'))
      OR (relname::text <> ALL(%s) AND has_any_column_privilege(oid, 'UPDATE'))) ORDER BY relname)
"""


def look(rights: Mapping[str, str], *, evaluation: bool) -> None:
    """At every start: whether commits are durable here, and whether this role can do no more than it may.

    Raises:
        UnavailableError: the server does not answer. IntegrityError: our tables are not there.
        BadInputError: it must not be used as it is set up.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                _LOOK, [[t for t, may in rights.items() if word in may] for word in ("DELETE", "UPDATE")]
            )
            fsync, pages, synchronous, there, above, creates, owned = cursor.fetchone()
    except DatabaseError as error:
        raise UnavailableError(
            f"the database does not answer: {first_line(error)}; look at the server"
        ) from error
    if not there:
        raise IntegrityError(
            "the database of this installation is gone: its tables are not there; restore it from its backup"
        )
    if above or creates or owned:
        raise BadInputError(
            "the database role that the application works as may do more than it must: "
            + ("it is a superuser or makes roles; " if above else "")
            + ("it makes tables; " if creates else "")
            + (f"it can delete, change or own {', '.join(owned[:3])}; " if owned else "")
            + "give it the rights that `counterseal init` gave it, and no other (docs/how-to/run-on-postgresql.md)"
        )
    off = [
        name
        for name, value in (
            ("fsync", fsync),
            ("full_page_writes", pages),
            ("synchronous_commit", synchronous),
        )
        if value == "off"
    ]
    if off and not evaluation:
        raise BadInputError(
            f"the database server has {' and '.join(off)} off: what was acknowledged could be lost; "
            "turn it on (only an installation for evaluation runs without)"
        )


_LOOK_AS_READER = """
SELECT n.oid IS NOT NULL,
  (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = current_user),
  has_schema_privilege(n.oid, 'CREATE'), has_schema_privilege(n.oid, 'USAGE'),
  ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = n.oid AND relkind = 'r'
    AND (pg_has_role(relowner, 'MEMBER') OR has_table_privilege(oid, 'DELETE, TRUNCATE, TRIGGER')
      OR has_any_column_privilege(oid, 'INSERT, UPDATE, REFERENCES')) ORDER BY relname),
  ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = n.oid AND relkind = 'r'
    AND NOT has_table_privilege(oid, 'SELECT') ORDER BY relname)
FROM (SELECT to_regnamespace(%s) AS oid) AS n
"""


def look_as_reader(role: str) -> None:
    """At every reading by an audit office: whether this role reads everything and can write nothing.

    Raises:
        UnavailableError: the server does not answer, or does not let the role in. IntegrityError: our tables are
        not there. BadInputError: the role may do more, or less.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LOOK_AS_READER, [SCHEMA])
            there, above, creates, enters, writes, hidden = cursor.fetchone()
    except DatabaseError as error:
        raise UnavailableError(
            f"the agency's database does not answer the role `{role}`: {first_line(error)}; look at the server, and "
            "whether it lets this role in (docs/how-to/audit.md)"
        ) from error
    if not there:
        raise IntegrityError(f"the schema `{SCHEMA}` is not there")
    if above or creates or writes:
        raise BadInputError(
            f"an auditor reads as a role that can write nothing, and `{role}` can: "
            + ("it is a superuser, replicates, or makes roles or databases; " if above else "")
            + ("it makes tables; " if creates else "")
            + (f"it can change or own {', '.join(writes[:3])}; " if writes else "")
            + "take these rights from it (docs/how-to/audit.md)"
        )
    if not enters or hidden:
        raise BadInputError(
            f"the role `{role}` cannot read {', '.join(hidden[:3]) if enters else f'the schema `{SCHEMA}`'}: have the "
            f"owner `GRANT USAGE ON SCHEMA {SCHEMA}` and `GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA}` to it"
        )


def _body(guard: Guard) -> str:
    kept = (
        "OLD" if guard.event == "DELETE" else "NEW"
    )  # a trigger that returns nothing drops the row's change
    return (
        f" BEGIN IF ({guard.when}) THEN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', "
        f"MESSAGE = '{guard.says}'; END IF; RETURN {kept}; END "
    )


def _definitions(guard: Guard) -> dict[str, str]:
    """Name and statement of each trigger of this guard, as the server tells them."""
    name = f"guard_{guard.name}"
    calls = f"EXECUTE FUNCTION {name}()"
    made = {name: f"CREATE TRIGGER {name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW {calls}"}
    if guard.event == "DELETE":
        made[f"{name}_all"] = (
            f"CREATE TRIGGER {name}_all BEFORE TRUNCATE ON {guard.table} FOR EACH STATEMENT {calls}"
        )
    return made


def _run(tool: str, *words: str) -> str:
    found = shutil.which(tool)
    if found is None:
        raise UnavailableError(f"`{tool}` is not on the PATH: install PostgreSQL's client programs")
    try:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own tool, our own words
            [found, *words], capture_output=True, text=True, timeout=_DUMPS_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"`{tool}` did not end: {error}") from error
    if done.returncode:
        raise UnavailableError(f"`{tool}` failed: {done.stderr.strip()[:500]}")
    return done.stdout


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescaped(text: str) -> str:
    """A value of a COPY line without its backslashes."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text)


def _value(text: str) -> object:
    if text == r"\N":
        return None
    plain = _unescaped(text)
    if plain.startswith(r"\x"):
        return bytes.fromhex(plain[2:])
    return int(plain) if re.fullmatch(r"-?\d+", plain) else plain
