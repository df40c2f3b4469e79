"""Read an agency's records so that nothing in them changes, and believe nothing that its log does not prove.

On PostgreSQL a role that can only read looks at one instant (`databases/postgresql.py`), and (1) and (2) fall away.
SQLite would write beside a database that it only reads (locks, an index of the write-ahead log), and whoever
runs the gateway could see it. So the database is copied by plain reads, and the copy is read:
1 read the database, then its write-ahead log, and look that the log was not begun anew meanwhile: then each page that
changed under the reader lies in the log too, and replaying the copy of the log over the copy of the database mends
it; what was written last lies behind the last whole commit, where SQLite passes it over; 2 open the copy; 3 check the
key history against the keys that the office was told, each change of key against its entry; 4 hash every entry
again and rebuild the root hash that was signed; 5 check that the log extends the one that was seen last. The copy
is removed afterwards: what is erased in the agency must not live on here.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import sleep

from django.core.exceptions import ObjectDoesNotExist
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError, OperationalError

from counterseal.gateway.audit.folder import AgencyServer, AuditOffice
from counterseal.gateway.cosignatures import with_cosignatures
from counterseal.gateway.databases.port import first_line
from counterseal.gateway.export_ledger import bodies, key_history, node
from counterseal.ledger.checkpoint import Checkpoint
from counterseal.ledger.entry import Disclosure, Entry, JsonValue, open_committed, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import KeyHistory, rotation_fault
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.strict import to_base64_url
from counterseal.ledger.tree import Frontier, inclusion_proof, leaf_hash, root_hash, verify_inclusion
from counterseal.oversight.keystore import KeyStore
from counterseal.oversight.models import LogDisclosures, LogEntry, LogKey, LogState
from counterseal.oversight.vault import Vault
from counterseal.terms.errors import BadInputError, IntegrityError, UnavailableError

SEEING = ("audit.asked", "audit.viewed", "audit.sample-drawn", "audit.package-written")
"""The kinds of entries that say which head of the agency's log was seen."""
DATABASE = "counterseal.sqlite3"
_TRIES = 25
_PAUSE = 0.01  # seconds, longer with each try
_WAL_HEADER = 32  # bytes, with two salts that are new whenever the log is begun anew
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Logged:
    """One entry of the agency's log, proved to be there."""

    index: int
    body: bytes
    entry: Entry
    encoded: str

    @cached_property
    def opened(self) -> Mapping[str, JsonValue]:
        """Those of its committed values that still open.

        Raises:
            IntegrityError: an opening is not of this entry.
        """
        try:
            return open_committed(
                self.entry, [Disclosure.parse(line) for line in self.encoded.split("\n") if line]
            )
        except LedgerError as error:
            raise IntegrityError(f"an opening beside entry {self.index} is not of it: {error}") from error

    @property
    def whole(self) -> bool:
        """Whether every committed value still opens; else some opening was destroyed."""
        return len(self.opened) == len(self.entry.digests)

    @property
    def by(self) -> str:
        """Id of the person who acted; empty where that opens no more."""
        return str(self.opened.get("initiator", ""))


@dataclass(frozen=True)
class Reading:
    """An agency's records as of one instant. head, note: what its log's key signed. nodes: of the tree, by place."""

    home: Path
    keys: KeyHistory
    head: Checkpoint
    note: bytes
    entries: tuple[Logged, ...]
    nodes: Mapping[tuple[int, int], bytes]

    def receipt_of(self, index: int) -> bytes:
        """The receipt of one entry under this head, checked.

        Raises:
            LedgerError: it does not hold.
        """
        proof = inclusion_proof(index, self.head.size, lambda level, at: self.nodes[level, at])
        verify_inclusion(index, self.head.size, leaf_hash(self.entries[index].body), proof, self.head.root)
        return build_receipt(index, proof, self.note)

    @cached_property
    def vault(self) -> Vault:
        """The agency's vault, for one object at a time.

        Raises:
            UnavailableError: this account may not read its key.
        """
        storage = FileSystemStorage(location=self.home / "vault")
        return Vault(storage, _secret(self.home, "vault.key"), KeyStore(self.home / "erasure" / "slots"))

    @cached_property
    def fingerprint_key(self) -> bytes:
        """What the agency's fingerprints of photographs are keyed with."""
        return _secret(self.home, "fingerprint.key")


@contextmanager
def reading(office: AuditOffice) -> Iterator[Reading]:
    """Read the agency's home as it is now. What does not hold is sealed in the office's own log, then raised.

    Raises:
        UnavailableError: it cannot be read, or changes faster than it is read.
        IntegrityError: its log does not prove what it holds, or does not extend what was seen before.
    """
    with ExitStack() as stack:
        source: Path | AgencyServer | None = office.server
        if source is None:
            folder = stack.enter_context(office.copying())
            _copy(office.home, folder)
            source = folder / DATABASE
        try:
            stack.enter_context(office.using(source))
            found = _check(office)
        except (LedgerError, IntegrityError, DatabaseError, ObjectDoesNotExist) as error:
            if office.server is not None and isinstance(error, OperationalError):
                raise UnavailableError(
                    f"the agency's database server broke off: {first_line(error)}; ask again when it answers"
                ) from error
            raise _sealed(office, error) from error
        yield found


def last_seen(office: AuditOffice) -> tuple[int, bytes]:
    """Size and root hash of the agency's log when it was last read; 0 where it never was."""
    for record in office.log.records(*SEEING, newest_first=True):
        seen = record.opened.get("agency_head")
        if isinstance(seen, Sequence) and len(seen) == 2:
            return int(str(seen[0])), bytes.fromhex(str(seen[1]))
    return 0, b""


def head_of(read: Reading) -> list[JsonValue]:
    """How an entry of the office says which log it saw."""
    return [read.head.size, read.head.root.hex()]


def _sealed(office: AuditOffice, error: Exception) -> IntegrityError:
    """Seal that the agency's log did not hold, where the agency cannot take it back; what to raise."""
    office.seal(
        "audit.integrity-failed",
        by="audit",
        action="check the agency's log",
        target=office.agency.current.name,
        outcome="failed",
        committed={"says": str(error)},
    )
    return IntegrityError(
        f"the agency's log does not hold: {error}; this is sealed in the audit office's log: keep the home as it is "
        "and look"
    )


def _check(office: AuditOffice) -> Reading:
    state = LogState.objects.get()
    keys = key_history()
    # (3)
    known = office.agency.periods
    if keys.periods[: len(known)] != known:
        raise IntegrityError(
            f"it names the key {keys.periods[0].verifier.vkey}; this office was told {known[0].verifier.vkey}"
        )
    head = keys.open_checkpoint(bytes(state.checkpoint), origin=office.agency.current.name)
    for before, period in zip(keys.periods, keys.periods[1:], strict=False):
        _check_rotation(keys, before.verifier.vkey, period.from_size)
    # (4)
    frontier, entries, nodes = Frontier(), [], {}
    openings = dict(LogDisclosures.objects.values_list("index", "encoded"))
    for index, body in enumerate(bodies(0, head.size)):
        frontier, new = frontier.append(leaf_hash(body))
        nodes.update({(n.level, n.index): n.hash for n in new})
        logged = Logged(index, body, read_entry(body), openings.get(index, ""))
        for line in filter(None, logged.encoded.split("\n")):
            if to_base64_url(sha256(line.encode("ascii", "replace")).digest()) not in logged.entry.digests:
                raise IntegrityError(f"an opening beside entry {index} is not of it")
        entries.append(logged)
    if (frontier.size, frontier.root()) != (head.size, head.root):
        raise IntegrityError("its entries do not hash to the root hash that was signed")
    if LogEntry.objects.count() != head.size:
        raise IntegrityError("it holds entries that no checkpoint speaks of")
    # (5)
    size, root = last_seen(office)
    if size > head.size:
        raise IntegrityError(f"it has {head.size} entries; {size} were seen before: it was put back or cut")
    if size and root_hash(size, node) != root:
        raise IntegrityError(
            f"its first {size} entries are not those that were seen before: there are two histories"
        )
    note = with_cosignatures(bytes(state.checkpoint))
    return Reading(office.home, keys, head, note, tuple(entries), nodes)


def _check_rotation(keys: KeyHistory, old: str, size: int) -> None:
    at = next(place for place, period in enumerate(keys.periods) if period.from_size == size)
    entry = read_entry(bytes(LogEntry.objects.get(pk=size - 1).body))
    if fault := rotation_fault(entry, keys.periods[at - 1].verifier, keys.periods[at].verifier):
        raise IntegrityError(f"the change of the key {old[:80]}: {fault}")
    note = bytes(LogKey.objects.get(pk=size).checkpoint)
    if keys.open_checkpoint(note).root != root_hash(size, node):
        raise IntegrityError(f"the checkpoint that both keys signed at {size} entries is of another log")


def _copy(home: Path, folder: Path) -> None:
    # (1)
    source, wal = home / DATABASE, home / f"{DATABASE}-wal"
    if not source.is_file():
        raise BadInputError(
            f"there is no SQLite database in `{home}`; where the agency works on PostgreSQL, `audit.toml` says "
            "so in a section `[database]` (docs/how-to/audit.md)"
        )
    try:
        for tried in range(_TRIES):
            sleep(tried * _PAUSE)
            begun = _read(wal, _WAL_HEADER)
            digest = _copy_file(source, folder / DATABASE)
            log = _read(wal)
            same = begun == log[:_WAL_HEADER] == _read(wal, _WAL_HEADER)
            # Without a log nobody should have written at all: one may have come and gone between two looks.
            if same and (log or digest == _digest(source)):
                if log:
                    (folder / f"{DATABASE}-wal").write_bytes(log)
                return
    except OSError as error:
        raise UnavailableError(f"the home `{home}` cannot be read: {error.strerror or error}") from error
    raise UnavailableError(
        f"the home `{home}` changes faster than it can be read: try again, or read a backup of it"
    )


def _copy_file(source: Path, target: Path) -> bytes:
    digest = hashlib.sha256()
    with (
        source.open("rb") as file,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy,
    ):
        while block := file.read(_BLOCK):
            digest.update(block)
            copy.write(block)
    return digest.digest()


def _digest(source: Path) -> bytes:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _read(path: Path, most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return b""


def _secret(home: Path, name: str) -> bytes:
    try:
        return (home / "keys" / name).read_bytes()
    except OSError as error:
        raise UnavailableError(
            f"the agency's `{name}` cannot be read by this account ({error.strerror}): ask for read rights on it"
        ) from error
