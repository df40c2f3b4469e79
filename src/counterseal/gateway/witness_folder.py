"""The folder of a witness: its key, the logs it knows, and the state that it must never lose.

    witness.toml          its name
    witness.key           its secret key, 32 bytes, for nobody's eyes
    logs/<digest>.json    the keys of each log it knows, in the layout of an exported log's keys.json
    state.sqlite3         the latest checkpoint cosigned of each log, and signed requests that did not fit

Needs no installation of the gateway and no Django. The state must never be lost or put back from an older copy:
a witness that forgets can be made to cosign two histories. So a folder without its state is refused, and the
state is bound to the key.
"""

import json
import os
import secrets
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from counterseal.ledger.checkpoint import Verifier
from counterseal.ledger.cosignature import Cosigner
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.witness import Head
from counterseal.terms.errors import BadInputError, IntegrityError

STATE = "state.sqlite3"
MAX_EVIDENCE = 1000  # a log: more would let anybody who holds a signed checkpoint fill the disk


@dataclass(frozen=True, slots=True)
class Evidence:
    """A request that the log's key signed and that did not fit. at: POSIX seconds. note: the checkpoint."""

    origin: str
    at: int
    says: str
    note: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A log that a witness knows, and where it stands. head: None where nothing was cosigned yet."""

    origin: str
    keys: KeyHistory
    head: Head | None
    evidence: int


class SqliteStore:
    """A witness's state on disk: `HeadStore`, for threads and processes at once.

    A turn is one transaction that holds the write lock from its first read on. synchronous=EXTRA: the folder
    is synced too when the journal is gone, so that what was acknowledged survives a power cut.
    """

    def __init__(self, path: Path, vkey: str) -> None:
        """Open the state of the witness with this key.

        Raises:
            IntegrityError: it is gone, damaged, or another witness's.
        """
        self._path = path
        if not path.is_file():
            raise IntegrityError(
                f"the witness's state `{path}` is gone: with this key it must not cosign again; "
                "make a new witness with a new key, and tell every log that used this one"
            )
        try:
            with closing(self._connect()) as database:
                bound = [str(row[0]) for row in database.execute("SELECT vkey FROM witness")]
        except sqlite3.DatabaseError as error:
            raise IntegrityError(f"the witness's state `{path}` is damaged ({error})") from error
        if bound != [vkey]:
            raise IntegrityError(f"the state `{path}` belongs to the witness {bound}, not to {vkey}")

    @classmethod
    def create(cls, path: Path, vkey: str) -> None:
        """Make an empty state, bound to this key. The file must not be there."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.executescript(
                "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; BEGIN;"
                "CREATE TABLE witness (vkey TEXT NOT NULL);"
                "CREATE TABLE head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,"
                " at INTEGER NOT NULL, note BLOB NOT NULL);"
                "CREATE TABLE evidence (origin TEXT NOT NULL, at INTEGER NOT NULL, says TEXT NOT NULL,"
                " note BLOB NOT NULL, UNIQUE (origin, note));"
                "CREATE TRIGGER head_only_grows BEFORE UPDATE ON head WHEN NEW.size < OLD.size OR NEW.at < OLD.at"
                " OR (NEW.size = OLD.size AND NEW.root != OLD.root) OR NEW.origin != OLD.origin"
                " BEGIN SELECT RAISE(ABORT, 'a witness does not go back'); END;"
                "CREATE TRIGGER head_stays BEFORE DELETE ON head"
                " BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END;"
            )
            database.execute("INSERT INTO witness VALUES (?)", (vkey,))
            database.execute("COMMIT")

    @contextmanager
    def turn(self, origin: str) -> Iterator["SqliteTurn"]:
        """One transaction. Raises `sqlite3.Error` where it cannot be begun or made durable."""
        with closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteTurn(database, origin)
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise

    def head(self, origin: str) -> Head | None:
        """The latest that was cosigned, as it is on disk."""
        with closing(self._connect()) as database:
            return _head(database, origin)

    def evidence(self) -> list[Evidence]:
        """Everything that was kept, oldest first."""
        with closing(self._connect()) as database:
            rows = database.execute(
                "SELECT origin, at, says, note FROM evidence ORDER BY at, rowid"
            ).fetchall()
        return [Evidence(*row) for row in rows]

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: SQLite would make an empty file where the state was taken away under a running witness.
        database = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None
        )
        database.execute("PRAGMA synchronous=FULL")
        return database


class SqliteTurn:
    """One exclusive turn on one log's state: see `ledger.witness.Turn`."""

    def __init__(self, database: sqlite3.Connection, origin: str) -> None:
        self._database, self._origin = database, origin
        self._head = _head(database, origin)

    @property
    def head(self) -> Head | None:
        """The latest that was cosigned."""
        return self._head

    def put(self, head: Head) -> None:
        """Replace it; the database itself refuses to go back."""
        self._database.execute(
            "INSERT INTO head VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET"
            " size = excluded.size, root = excluded.root, at = excluded.at, note = excluded.note",
            (self._origin, head.size, head.root, head.at, head.note),
        )

    def keep_evidence(self, at: int, said: str, request: bytes) -> None:
        """Keep a signed request, once, and at most `MAX_EVIDENCE` of a log."""
        (there,) = self._database.execute(
            "SELECT count(*) FROM evidence WHERE origin = ?", (self._origin,)
        ).fetchone()
        if there < MAX_EVIDENCE:
            self._database.execute(
                "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?)", (self._origin, at, said, request)
            )


@dataclass(frozen=True, slots=True)
class WitnessFolder:
    """An open folder of a witness."""

    path: Path
    cosigner: Cosigner
    store: SqliteStore

    @property
    def vkey(self) -> str:
        """The witness's public key, for the logs that ask it."""
        return self.cosigner.key.vkey

    def keys_of(self, origin: str) -> KeyHistory | None:
        """The keys of a log, read anew each time: a log that was added counts at once. None where it is not known.

        Raises:
            IntegrityError: its file was changed into something else.
        """
        try:
            data = self._file(origin).read_bytes()
        except FileNotFoundError:
            return None
        return _history(data, origin, self._file(origin))

    def head_named(self, digest: str) -> Head | None:
        """The latest that was cosigned of the log whose origin has this SHA-256 (hex); None where there is none."""
        file = self.path / "logs" / f"{digest}.json"
        if not file.is_file():
            return None
        return self.store.head(_history(file.read_bytes(), None, file).current.name)

    def logs(self) -> list[Known]:
        """Every log that is known, by its origin."""
        held = self.store.evidence()
        known = []
        for file in sorted((self.path / "logs").glob("*.json")):
            keys = _history(file.read_bytes(), None, file)
            origin = keys.current.name
            if file != self._file(origin):
                raise IntegrityError(f"`{file}` holds the keys of another log, `{origin}`")
            kept = sum(1 for each in held if each.origin == origin)
            known.append(Known(origin, keys, self.store.head(origin), kept))
        return sorted(known, key=lambda each: each.origin)

    def trust(self, keys: KeyHistory) -> bool:
        """Know a log, or a key that it has rotated to; False where nothing was new.

        Raises:
            BadInputError: the keys contradict those that are known, or one is the witness's own.
        """
        origin = keys.current.name
        if any(period.verifier.public == self.cosigner.key.public for period in keys.periods):
            raise BadInputError("that is this witness's own key; a log has a key of its own")
        known = self.keys_of(origin)
        if known is not None and known.periods[: len(keys.periods)] == keys.periods:
            return False
        if known is not None and keys.periods[: len(known.periods)] != known.periods:
            raise BadInputError(
                f"other keys of `{origin}` are known already: {known.current.vkey} since size "
                f"{known.periods[-1].from_size}; a log changes its key by a rotation, "
                "which is told with the size from which the new key signs (--from-size)"
            )
        replace_file(self._file(origin), keys.to_json())
        return True

    def _file(self, origin: str) -> Path:
        return self.path / "logs" / f"{monitoring_name(origin)}.json"


def monitoring_name(origin: str) -> str:
    """The SHA-256 of an origin in hex: its place in paths and file names."""
    return sha256(origin.encode("utf-8")).hexdigest()


def init_witness(path: Path, name: str) -> WitnessFolder:
    """Make a new witness: a fresh key and an empty state.

    Raises:
        BadInputError: the folder holds something, or the name cannot be a key's name.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BadInputError(
            f"`{path}` is not empty; a witness needs a new folder (nothing was changed there)"
        )
    seed = secrets.token_bytes(32)
    try:
        cosigner = Cosigner.from_seed(name, seed)
    except LedgerError as error:
        raise BadInputError(f"{error}; a witness's name looks like `witness.example/w1`") from error
    path.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.chmod(0o700)
    (path / "logs").mkdir()
    SqliteStore.create(path / STATE, cosigner.key.vkey)
    replace_file(path / "witness.key", seed)
    # Last: a folder without it is no witness.
    replace_file(path / "witness.toml", f"name = {json.dumps(name)}\n".encode())
    return open_witness(path)


def open_witness(path: Path) -> WitnessFolder:
    """Open a witness's folder.

    Raises:
        BadInputError: there is none here, or it cannot be read.
        IntegrityError: its state is gone or another's.
    """
    try:
        content = tomllib.loads((path / "witness.toml").read_text("utf-8"))
        cosigner = Cosigner.from_seed(str(content["name"]), (path / "witness.key").read_bytes())
    except FileNotFoundError as error:
        raise BadInputError(
            f"there is no witness in `{path}`: make one with `counterseal witness init {path} --name NAME`"
        ) from error
    except (OSError, ValueError, KeyError, LedgerError) as error:
        raise BadInputError(f"the witness in `{path}` cannot be read: {error}") from error
    return WitnessFolder(path, cosigner, SqliteStore(path / STATE, cosigner.key.vkey))


def _head(database: sqlite3.Connection, origin: str) -> Head | None:
    row = database.execute("SELECT size, root, at, note FROM head WHERE origin = ?", (origin,)).fetchone()
    return None if row is None else Head(*row)


def _history(data: bytes, origin: str | None, file: Path) -> KeyHistory:
    try:
        keys = KeyHistory.from_json(data)
    except LedgerError as error:
        raise IntegrityError(f"`{file}` cannot be read: {error}") from error
    if origin is not None and keys.current.name != origin:
        raise IntegrityError(f"`{file}` holds the keys of another log, `{keys.current.name}`")
    return keys


def single_key(vkey: str) -> KeyHistory:
    """The history of a log that never changed its key.

    Raises:
        MalformedKeyError: the text is no log's key.
    """
    return KeyHistory.single(Verifier.from_vkey(vkey))


def replace_file(path: Path, data: bytes) -> None:
    """Write a private file in one step, durably."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
