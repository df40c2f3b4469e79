"""Wire an installation together: one home folder in, one `Office` out.

A home holds office.toml, the keys, the database, the vault, the services' folders and nothing else. The
keys folder is what must be kept apart from the rest by whoever runs this (docs/explanation/threat-model.md).
"""

import json
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import django
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "counterseal.settings")
django.setup()  # models can be imported only after this

from counterseal.connectors.embedded import shared_engine  # noqa: E402
from counterseal.connectors.process import ServiceProcess  # noqa: E402
from counterseal.gateway.audit.folder import (  # noqa: E402
    READER,
    AgencyServer,
    AuditOffice,
    agency_keys,
    init_audit_folder,
    open_audit_folder,
)
from counterseal.gateway.change_pack import acts_on_packs  # noqa: E402
from counterseal.gateway.databases import postgresql, sqlite  # noqa: E402
from counterseal.gateway.export_ledger import key_history  # noqa: E402
from counterseal.gateway.guards import install_guards, rights  # noqa: E402
from counterseal.gateway.office import Office  # noqa: E402
from counterseal.gateway.sealing import change  # noqa: E402
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint  # noqa: E402
from counterseal.ledger.tree import Frontier  # noqa: E402
from counterseal.oversight.keystore import KeyStore  # noqa: E402
from counterseal.oversight.models import LogKey, LogState  # noqa: E402
from counterseal.oversight.vault import Vault  # noqa: E402
from counterseal.people.models import Person, Role, RoleGrant  # noqa: E402
from counterseal.policy import load_policies  # noqa: E402
from counterseal.shipped import shipped  # noqa: E402
from counterseal.terms.errors import BadInputError, IntegrityError  # noqa: E402

FOUNDING = "founding"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where PostgreSQL is. connection: as libpq writes it, without password and user. owner: the role that owns
    the tables. application: the role that the programs work as."""

    connection: str
    owner: str = "counterseal_owner"
    application: str = "counterseal"


@dataclass(frozen=True, slots=True)
class OfficeSettings:
    """office.toml. agency: its name. origin: the log's name, as checkpoints bear it. evaluation: a trial on
    synthetic people, marked as such on everything that people read. server: None for SQLite in the home."""

    agency: str
    origin: str
    evaluation: bool
    server: ServerSettings | None = None


class Services:
    """The connectors of one home, each started when first asked for and stopped with `close`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._open: dict[str, ServiceProcess] = {}
        self._lock = Lock()

    def __call__(self, name: str) -> ServiceProcess:
        """The connector of this name.

        Raises:
            UnavailableError: no such service, or its process does not start.
        """
        with self._lock:
            if name not in self._open:
                self._open[name] = ServiceProcess(self._home / "services" / name)
            return self._open[name]

    def close(self) -> None:
        """Stop every process that was started here."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


def init_home(
    home: Path,
    *,
    agency: str,
    origin: str,
    administrator: str,
    evaluation: bool = False,
    server: ServerSettings | None = None,
) -> tuple[Office, str]:
    """Make a new installation: keys, policies, database with guards, the log's first entry, one administrator.

    server: PostgreSQL, an empty database and two roles that are there already; else SQLite in the home.
    Answers with the office and the administrator's person id.

    Raises:
        BadInputError: the folder or the database holds something already, or a name is missing.
        UnavailableError: the database server does not answer, or lets its owner's role do nothing.
    """
    if home.exists() and any(home.iterdir()):
        raise BadInputError(f"`{home}` is not empty; choose a new folder (nothing was changed there)")
    if not agency.strip() or not administrator.strip():
        raise BadInputError("an installation names its agency and its first administrator")
    if not re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)*", origin):
        raise BadInputError(f"the log's origin looks like `agency.example/faces`, not like `{origin}`")
    (home / "keys").mkdir(parents=True)
    for private in (home, home / "keys"):
        private.chmod(0o700)
    for folder in ("vault", "services"):
        (home / folder).mkdir()
    shutil.copytree(shipped("policies"), home / "policies")
    for key in ("log.key", "vault.key", "fingerprint.key"):
        _write_secret(home / "keys" / key, secrets.token_bytes(32))
    _key_store(home).make()
    written = OfficeSettings(agency, origin, evaluation, server)
    _write_settings(home, written)
    with _made_database(home, written):
        office = _office(home)
        return office, _found(office, agency=agency, administrator=administrator)


def open_office(home: Path) -> Office:
    """Open an installation.

    Raises:
        BadInputError: there is none in this folder, or its settings or policies cannot be read.
        IntegrityError: its database is gone. UnavailableError: its database server does not answer.
    """
    if not (home / "office.toml").is_file():
        raise BadInputError(
            f"there is no installation in `{home}`: make one with `counterseal init --home {home}`"
        )
    options = read_settings(home)
    if options.server is None and not (home / sqlite.FILE).is_file():  # SQLite would make an empty one
        raise IntegrityError(
            f"the database of the installation in `{home}` is gone: restore `{sqlite.FILE}` from its backup"
        )
    use_database(home, options.server)
    if options.server is not None:
        postgresql.look(rights(), evaluation=options.evaluation)
    return _office(home)


def read_settings(home: Path) -> OfficeSettings:
    """office.toml, checked."""
    try:
        with (home / "office.toml").open("rb") as file:
            content = tomllib.load(file)
        server = ServerSettings(**content["database"]) if "database" in content else None
        return OfficeSettings(
            str(content["agency"]), str(content["origin"]), bool(content["evaluation"]), server
        )
    except KeyError as error:
        raise BadInputError(f"`{home / 'office.toml'}` does not say {error}: add that line") from error
    except TypeError as error:
        raise BadInputError(
            f"`{home / 'office.toml'}`: the section `[database]` has the lines `connection`, `owner`, `application`"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"`{home / 'office.toml'}` cannot be used: {error}") from error


def connect_service(
    office: Office, *, name: str, service_id: str, backend: str, config: Mapping[str, str | int | float]
) -> Path:
    """Make the folder of a connector: its credential, the log keys it trusts, its settings."""
    folder = office.home / "services" / name
    folder.mkdir(parents=True, mode=0o700)
    _write_secret(folder / "credential", secrets.token_bytes(32))
    _write_secret(folder / "gallery.key", secrets.token_bytes(32))
    lines = {"service_id": service_id, "log_origin": office.origin, "backend": backend, **config}
    (folder / "service.toml").write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in lines.items()))
    trust_log_keys(office)
    return folder


def trust_log_keys(office: Office) -> None:
    """Tell every connector of this home which keys the log has: at its making, and after a rotation."""
    for folder in (office.home / "services").iterdir():
        (folder / "log-keys.json").write_bytes(key_history().to_json())


def install_log_key(office: Office, new: Signer, seed: bytes) -> Office:
    """Put the successor's key in place after a rotation; the old private key is gone."""
    _write_secret(office.home / "keys" / "log.key", seed)
    trust_log_keys(office)
    return replace(office, signer=new)


def close(office: Office) -> None:
    """Stop what this process started, and let go of the database."""
    if isinstance(office.services, Services):
        office.services.close()
    connections.close_all()


def open_audit_office(folder: Path) -> AuditOffice:
    """Open the folder of an audit office. Raises as `open_audit_folder`."""
    return open_audit_folder(
        folder, clock=lambda: datetime.now(UTC), token=secrets.token_bytes, using=reading_from
    )


def make_audit_office(
    folder: Path,
    *,
    name: str,
    home: Path,
    vkey: str,
    auditor: str,
    persons: Sequence[str] = (),
    database: str = "",
    role: str = READER,
) -> tuple[AuditOffice, str]:
    """Make the folder of a new audit office; answers with it and its first auditor's id.

    database: how the auditors reach the agency's PostgreSQL, where that is another way than the agency's own;
    role: as whom, to read and nothing else. An agency on SQLite has neither.

    Raises: as `init_audit_folder`; BadInputError: the server cannot be reached in the way that is written.
    """
    if not database and (home / "office.toml").is_file():
        named = read_settings(home).server
        database = named.connection if named is not None else ""
    if database:
        postgresql.connection_settings(database, role)
    first = init_audit_folder(
        folder,
        name=name,
        home=home,
        agency=agency_keys(vkey),
        auditor=auditor,
        at=datetime.now(UTC),
        persons=persons,
        server=AgencyServer(database, role) if database else None,
    )
    return open_audit_office(folder), first


@contextmanager
def reading_from(source: Path | AgencyServer) -> Iterator[None]:
    """Point Django for a while at a copy of an agency's database, or at its server; nothing can be written there.

    Raises: as `postgresql.look_as_reader`.
    """
    if isinstance(source, Path):
        with _pointed_at({**settings.DATABASE, "NAME": str(source)}):
            with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                cursor.execute("PRAGMA query_only=ON")
            yield
        return
    chosen = postgresql.connection_settings(source.connection, source.role, reads_only=True)
    with _pointed_at(chosen):
        postgresql.look_as_reader(source.role)
        with postgresql.snapshot():
            yield


@contextmanager
def _pointed_at(chosen: Mapping[str, Any]) -> Iterator[None]:
    before = connections.settings
    _point_at(connections.configure_settings({DEFAULT_DB_ALIAS: dict(chosen)}))
    try:
        yield
    finally:
        _point_at(before)


def _point_at(chosen: dict[str, dict[str, Any]]) -> None:
    connections.close_all()
    connections.settings = chosen
    connections[DEFAULT_DB_ALIAS] = connections.create_connection(DEFAULT_DB_ALIAS)


def _office(home: Path) -> Office:
    options = read_settings(home)
    storage = FileSystemStorage(location=home / "vault", file_permissions_mode=0o600)
    return Office(
        home=home,
        origin=options.origin,
        clock=lambda: datetime.now(UTC),
        token=secrets.token_bytes,
        policies=replace(load_policies(home / "policies"), acts=acts_on_packs),
        signer=Signer.from_seed(options.origin, _secret(home, "log.key")),
        vault=Vault(storage, _secret(home, "vault.key"), _key_store(home)),
        fingerprint_key=_secret(home, "fingerprint.key"),
        services=Services(home),
        engine=shared_engine,
        evaluation=options.evaluation,
    )


def _key_store(home: Path) -> KeyStore:
    return KeyStore(home / "erasure" / "slots")


def _found(office: Office, *, agency: str, administrator: str) -> str:
    """The log's first entry, and the first administrator: the only role that nobody granted."""
    empty = Frontier()
    LogKey.objects.create(from_size=0, vkey=office.signer.vkey)
    LogState.objects.create(
        frontier=empty.to_bytes(),
        checkpoint=sign_checkpoint(Checkpoint(office.origin, 0, empty.root()), office.signer),
    )
    with change(office) as now:
        person = Person(id=office.new_id(Person), name=administrator, unit=agency, admitted_at=now.at)
        grant = RoleGrant(
            id=office.new_id(RoleGrant),
            person=person,
            role=Role.ADMINISTRATOR,
            granted_by_id=FOUNDING,
            granted_at=now.at,
        )
        now.seal(
            "log.opened",
            by=FOUNDING,
            action="open the log",
            target="log",
            outcome="done",
            rows=[person, grant],
        )
        return person.id


def use_database(home: Path, server: ServerSettings | None, *, as_owner: bool = False) -> None:
    """Point Django at this home's database. One process works on one home at a time.

    Raises:
        BadInputError: the server cannot be reached in the way that is written there.
    """
    if server is None:
        chosen = {**settings.DATABASE, "NAME": str(home / sqlite.FILE)}
    else:
        role = server.owner if as_owner else server.application
        chosen = postgresql.connection_settings(server.connection, role)
    os.environ["COUNTERSEAL_HOME"] = str(home)
    _point_at(connections.configure_settings({DEFAULT_DB_ALIAS: chosen}))


@contextmanager
def _made_database(home: Path, options: OfficeSettings) -> Iterator[None]:
    """Tables, guards and rights; a server's schema that was not founded to the end is taken away again."""
    server = options.server
    use_database(home, server, as_owner=True)
    if server is not None:
        postgresql.make_schema()
    try:
        call_command("migrate", verbosity=0, interactive=False)
        install_guards()
        if server is not None:
            postgresql.grant(rights(), server.application)
            use_database(home, server)
            postgresql.look(rights(), evaluation=options.evaluation)
        yield
    except BaseException:
        if server is not None:
            use_database(home, server, as_owner=True)
            postgresql.drop_schema()
        raise


def _write_settings(home: Path, options: OfficeSettings) -> None:
    lines = [
        f"agency = {json.dumps(options.agency)}",
        f"origin = {json.dumps(options.origin)}",
        f"evaluation = {str(options.evaluation).lower()}",
    ]
    if options.server is not None:
        lines += ["", "[database]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in asdict(options.server).items()]
    (home / "office.toml").write_text("\n".join(lines) + "\n")


def _secret(home: Path, name: str) -> bytes:
    try:
        secret = (home / "keys" / name).read_bytes()
    except OSError as error:
        raise BadInputError(f"the key `{name}` of this installation cannot be read: {error}") from error
    if len(secret) != 32:
        raise IntegrityError(
            f"the key `{name}` of this installation is not 32 bytes long; restore it from its backup"
        )
    return secret


def _write_secret(path: Path, secret: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
