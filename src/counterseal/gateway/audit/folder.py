"""The folder of an audit office: its key, its log, and which agency it looks at.

    audit.toml       its name, the home of the agency, and how its database server is reached, if it has one
    audit.key        its secret key, 32 bytes, for nobody's eyes
    agency.json      the keys of the agency's log, as somebody who answers for them said
    log.sqlite3      its own log (`own_log`)
    head             the latest checkpoint of that log, apart from the database
    reading/         a copy of the agency's SQLite file while a question is answered; empty otherwise

It lies outside the agency's home and belongs to another account: whoever runs the gateway has no business in it.
"""

import fcntl
import json
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from stat import S_IMODE
from typing import TYPE_CHECKING

from counterseal.gateway.audit.own_log import OwnLog, Record, Sealed
from counterseal.gateway.witness_folder import replace_file
from counterseal.ledger.checkpoint import Signer, Verifier
from counterseal.ledger.entry import JsonValue, PublicValue, Reason, SealedEntry, make_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import KeyHistory
from counterseal.terms.errors import BadInputError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

FOUNDING = "founding"
READER = "counterseal_auditor"
CLAUSE = "HSI-M/4E5-audits"
READING, READING_LOCK = "reading", "reading.lock"


@dataclass(frozen=True, slots=True)
class AgencyServer:
    """An agency's PostgreSQL. connection: as libpq writes it, without password and user. role: one that only reads."""

    connection: str
    role: str = READER


@dataclass(frozen=True)
class AuditOffice:
    """An audit office that is open. clock: the instant now, UTC. token: n random bytes.

    server: None where the agency's database is a file in its home. using: points the models for a while at a copy
    of that file, or at the server, where nothing can be written and everything is of one instant.
    """

    folder: Path
    home: Path
    agency: KeyHistory
    signer: Signer
    log: OwnLog
    clock: "Callable[[], datetime]"
    token: "Callable[[int], bytes]"
    using: "Callable[[Path | AgencyServer], AbstractContextManager[None]]"
    server: AgencyServer | None = None

    def new_name(self, prefix: str) -> str:
        """A fresh random name with this prefix."""
        return f"{prefix}-{self.token(8).hex()}"

    def entry(
        self,
        kind: str,
        *,
        by: str,
        action: str,
        target: str,
        outcome: str = "done",
        public: Mapping[str, PublicValue] | None = None,
        causes: Sequence[int] = (),
        committed: Mapping[str, JsonValue] | None = None,
    ) -> SealedEntry:
        """An entry of the office's log, not taken up yet. committed: everything that says what was looked at."""
        return make_entry(
            kind=kind,
            at=self.clock(),
            outcome=outcome,
            reason=Reason(None, (), (CLAUSE,)),
            causes=causes,
            public=public or {},
            committed={"initiator": by, "action": action, "target": target, **(committed or {})},
            salt=lambda: self.token(16),
        )

    def seal(self, kind: str, **said: object) -> Sealed:
        """Seal one entry, durably; arguments as `entry`. Whoever shows something shows it after this.

        Raises:
            UnavailableError: it could not be sealed. IntegrityError: the office's own log does not hold.
        """
        return self.log.append([self.entry(kind, **said)])[0]  # type: ignore[arg-type]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait in line to look at the office's state and change it. A dead holder's turn is over."""
        with (self.folder / "turn.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def copying(self) -> Iterator[Path]:
        """A private folder for a copy of the agency's database, gone afterwards."""
        with (self.folder / READING_LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            copy = self.folder / READING / self.new_name("copy")
            copy.mkdir(mode=0o700, parents=True)
            try:
                yield copy
            finally:
                shutil.rmtree(copy, ignore_errors=True)

    def records(self, *kinds: str) -> list[Record]:
        """What the office recorded, of these kinds, oldest first."""
        return list(self.log.records(*kinds))


def init_audit_folder(
    folder: Path,
    *,
    name: str,
    home: Path,
    agency: KeyHistory,
    auditor: str,
    at: datetime,
    persons: Sequence[str],
    server: AgencyServer | None = None,
) -> str:
    """Make the folder of a new audit office and its first auditor; answers with that auditor's id.

    agency: the keys of the agency's log. persons: ids of the accounts that this auditor holds in the agency.
    server: the agency's database server, if it has one.

    Raises:
        BadInputError: the folder holds something, lies in the home or around it, or a name cannot be used.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(
            f"`{folder}` is not empty; an audit office needs a new folder (nothing was changed there)"
        )
    _apart(folder, home)
    if not re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)*", name) or not auditor.strip():
        raise BadInputError(
            f"an audit office has a name like `inspector.example/audit` (not `{name}`), and a first auditor"
        )
    if name == agency.current.name:
        raise BadInputError(f"`{name}` is the name of the agency's own log; an audit office has another")
    seed = secrets.token_bytes(32)
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    OwnLog.create(folder, Signer.from_seed(name, seed))
    replace_file(folder / "audit.key", seed)
    replace_file(folder / "agency.json", agency.to_json())
    # Last: a folder without it is no audit office.
    lines = [f"name = {json.dumps(name)}", f"home = {json.dumps(str(home.absolute()))}"]
    if server is not None:
        lines += [
            "",
            "[database]",
            *(f"{key} = {json.dumps(value)}" for key, value in asdict(server).items()),
        ]
    replace_file(folder / "audit.toml", ("\n".join(lines) + "\n").encode())
    office = open_audit_folder(folder, clock=lambda: at, token=secrets.token_bytes, using=_no_database)
    first = office.new_name("auditor")
    office.seal(
        "audit.opened",
        by=FOUNDING,
        action="open the audit office",
        target=first,
        committed={"name": auditor.strip(), "persons": sorted(persons), "agency": agency.current.vkey},
    )
    return first


def open_audit_folder(
    folder: Path,
    *,
    clock: "Callable[[], datetime]",
    token: "Callable[[int], bytes]",
    using: "Callable[[Path | AgencyServer], AbstractContextManager[None]]",
) -> AuditOffice:
    """Open an audit office.

    Raises:
        BadInputError: there is none here, it cannot be read, or others may read it too.
        IntegrityError: its log is gone, thinned, another's, or older than its head.
    """
    try:
        content = tomllib.loads((folder / "audit.toml").read_text("utf-8"))
        name, home = str(content["name"]), Path(str(content["home"]))
        server = AgencyServer(**content["database"]) if "database" in content else None
        seed = (folder / "audit.key").read_bytes()
        signer = Signer.from_seed(name, seed)
    except FileNotFoundError as error:
        raise BadInputError(
            f"there is no audit office in `{folder}`: make one with `counterseal audit init {folder}`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, LedgerError) as error:
        raise BadInputError(f"the audit office in `{folder}` cannot be read: {error}") from error
    for private in (folder, folder / "audit.key"):
        if S_IMODE(private.stat().st_mode) & 0o077:
            raise BadInputError(
                f"`{private}` is open to other accounts, and whoever is audited may be one of them: "
                f"`chmod go= {private}`, and look who read it"
            )
    _apart(folder, home)
    try:
        agency = KeyHistory.from_json((folder / "agency.json").read_bytes())
    except (OSError, LedgerError) as error:
        raise IntegrityError(f"`{folder / 'agency.json'}` cannot be used: {error}") from error
    _clear_away(folder)
    return AuditOffice(folder, home, agency, signer, OwnLog(folder, signer), clock, token, using, server)


def agency_keys(vkey: str) -> KeyHistory:
    """The history of an agency's log that never changed its key.

    Raises:
        BadInputError: the text is no log's key.
    """
    try:
        return KeyHistory.single(Verifier.from_vkey(vkey))
    except LedgerError as error:
        raise BadInputError(f"`{vkey[:160]}` is no key of a log: {error}") from error


def _clear_away(folder: Path) -> None:
    """Remove the copies that killed commands left, unless somebody is reading now."""
    with (folder / READING_LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder / READING, ignore_errors=True)


def _apart(folder: Path, home: Path) -> None:
    ours, theirs = folder.absolute().resolve(), home.absolute().resolve()
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise BadInputError(
            f"`{folder}` and the agency's home `{home}` lie in one another: an audit office's folder lies apart, "
            "with an account of its own"
        )


def _no_database(_: Path | AgencyServer) -> "AbstractContextManager[None]":
    raise BadInputError("a new audit office asks nothing yet")
