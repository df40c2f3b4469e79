"""Change state and seal the change, in one transaction.

`change(office)` opens the transaction; `Change.seal` saves rows, appends the entry that speaks of them and
grows the tree; on leaving, the new checkpoint is signed and stored, and the commit makes all of it durable
at once. Whoever returns from `change` holds a durable, sealed change; an exception leaves nothing.

Writers take turns: the database of the installation lets them wait in line (`databases/`), so that none starves.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.db import DatabaseError
from django.db import IntegrityError as ConstraintError
from django.db.backends.utils import CursorWrapper

from counterseal.gateway.brought import instant_text
from counterseal.gateway.databases import database
from counterseal.gateway.databases.port import first_line
from counterseal.gateway.erasures import refuse_if_restored
from counterseal.gateway.office import Office
from counterseal.gateway.storing import read, write
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.entry import JsonValue, PublicValue, Reason, make_entry
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tree import Frontier, leaf_hash, place
from counterseal.oversight.models import Duty, LogKey, VaultObject
from counterseal.people.models import Session
from counterseal.terms.decisions import Decision, Refusal, Unmet
from counterseal.terms.errors import IntegrityError, StaleError, UnavailableError
from counterseal.terms.rows import SealedRow


class SealingError(UnavailableError):
    """The log or the database could not take the change; it was not made."""


class UnknownOutcomeError(SealingError):
    """The database was lost while it made the change durable: nobody can tell now whether it was made."""


class SessionOverError(StaleError):
    """There is no such session, or it ended: nothing begins in it any more. Whoever it is signs in again."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed entry: its place, its bytes, its openings by name, and the proof that it is in the tree."""

    index: int
    body: bytes
    openings: Mapping[str, str]
    receipt: bytes = b""


class Change:
    """One transaction's worth of changes. Made by `change`, used inside it, dead after it."""

    def __init__(
        self, office: Office, at: datetime, cursor: CursorWrapper, *, replaying: bool = False
    ) -> None:
        self.office = office
        self.at = at
        self._cursor = cursor
        self._frontier = self._read_frontier()
        if not replaying:
            refuse_if_restored(office.home, self._frontier.size, self._leaf)
        self._session = read(Session, office.session) if office.session else None
        self._last: Sealed | None = None
        self._successor: Signer | None = None
        self.receipt = b""

    @property
    def next_index(self) -> int:
        """The leaf index that the next entry will get."""
        return self._frontier.size

    @property
    def head(self) -> tuple[int, bytes]:
        """Size and root hash of the log as it stands before the next entry."""
        return self._frontier.size, self._frontier.root()

    def seal(
        self,
        kind: str,
        *,
        by: str,
        action: str,
        target: str,
        outcome: str,
        decision: Decision | None = None,
        clauses: Sequence[str] = (),
        causes: Sequence[int] = (),
        public: Mapping[str, PublicValue] | None = None,
        committed: Mapping[str, JsonValue] | None = None,
        rows: Sequence[SealedRow] = (),
        objects: Sequence[VaultObject] = (),
    ) -> Sealed:
        """Save `rows` and `objects`, and append the entry that seals them.

        kind: what happened, for example ``case.opened``. by: person id. action: the verb. outcome: a code.
        decision: the policy decision behind it, whose pack, policies and clauses go into the reason.
        public: codes that may be released. committed: what only a salted commitment shows.
        """
        bound = self._bound(kind, by)
        index = self.next_index
        for row in rows:
            row.entry_index = index
        if decision is None:
            reason = Reason(self.office.policies.in_force(self.at).digest, (), tuple(clauses))
        else:
            reason = Reason(decision.pack_digest, decision.policies, decision.clauses)
        entry = make_entry(
            kind=kind,
            at=self.at,
            outcome=str(outcome),
            reason=reason,
            causes=sorted(set(causes)),
            public={k: str(v) if isinstance(v, str) else v for k, v in (public or {}).items()},
            committed={
                "initiator": by,
                "action": action,
                "target": target,
                "rows": [[r.table(), r.id, r.digest()] for r in rows],
                **_open_duties(rows),
                **_decided_on(decision, self.at),
                **(committed or {}),
                **bound,
            },
            salt=lambda: self.office.token(16),
        )
        for stored in (*rows, *objects):
            write(stored)
        self._append(entry.body, [d.encoded for d in entry.disclosures])
        sealed = Sealed(index, entry.body, {d.name: d.encoded for d in entry.disclosures})
        self._last = sealed
        return sealed

    def refuse(
        self,
        kind: str,
        refusal: Refusal,
        *,
        by: str,
        action: str,
        target: str,
        rows: Sequence[SealedRow] = (),
        public: Mapping[str, PublicValue] | None = None,
    ) -> Refusal:
        """Seal a refusal and hand it back: the one thing a verb does with a no."""
        self.seal(
            kind,
            by=by,
            action=action,
            target=target,
            outcome="refused",
            decision=refusal,
            rows=rows,
            public=public,
            committed={"unmet": [[u.clause, u.missing] for u in refusal.unmet]},
        )
        return refusal

    def unmet(self, unmet: Sequence[Unmet]) -> Refusal:
        """A refusal by a transition's rule rather than by a policy."""
        return Refusal(
            unmet=tuple(unmet), policies=(), pack_digest=self.office.policies.in_force(self.at).digest
        )

    def hand_over_to(self, successor: Signer) -> None:
        """Let the checkpoint of this change bear the next key's signature too: a key rotation."""
        self._successor = successor

    def _bound(self, kind: str, by: str) -> dict[str, JsonValue]:
        """What the entry commits of the session it is sealed in: its own person's, and not after its end.

        An answer to an intent is sealed all the same: what left before the end has happened.
        """
        session = self._session
        if session is None:
            if self.office.session:
                raise SessionOverError(f"there is no session `{self.office.session}`: sign in")
            return {}
        if by != session.person_id:
            raise IntegrityError(
                f"`{by}` was about to act in the session of `{session.person_id}`: nothing was done; "
                "a front end takes the person from the session (`under_session`)"
            )
        over = session.ended_at is not None or session.expires <= self.at
        if over and not kind.endswith((".outcome", ".failed")):
            raise SessionOverError("this session has ended: sign in again")
        return {"session": session.id}

    def _append(self, body: bytes, disclosures: Sequence[str]) -> None:
        index = self._frontier.size
        self._frontier, nodes = self._frontier.append(leaf_hash(body))
        self._cursor.execute('INSERT INTO oversight_logentry ("index", body) VALUES (%s, %s)', [index, body])
        self._cursor.execute(
            'INSERT INTO oversight_logdisclosures ("index", encoded) VALUES (%s, %s)',
            [index, "\n".join(disclosures)],
        )
        self._cursor.executemany(
            "INSERT INTO oversight_lognode (place, hash) VALUES (%s, %s)",
            [[place(n.level, n.index), n.hash] for n in nodes],
        )

    def _close(self) -> None:
        """Sign the tree as it now is, and store the signed checkpoint beside it."""
        if self._last is None:
            raise SealingError("a change must seal at least one entry; nothing was written")
        signers = [self.office.signer] + ([self._successor] if self._successor else [])
        checkpoint = sign_checkpoint(
            Checkpoint(self.office.origin, self._frontier.size, self._frontier.root()), *signers
        )
        if self._successor is not None:
            LogKey.objects.create(
                from_size=self._frontier.size, vkey=self._successor.vkey, checkpoint=checkpoint
            )
        self._cursor.execute(
            "UPDATE oversight_logstate SET frontier = %s, checkpoint = %s WHERE id = 1",
            [self._frontier.to_bytes(), checkpoint],
        )
        self.receipt = build_receipt(self._last.index, self._frontier.inclusion_path_of_last(), checkpoint)

    def _leaf(self, index: int) -> bytes | None:
        self._cursor.execute("SELECT hash FROM oversight_lognode WHERE place = %s", [place(0, index)])
        row = self._cursor.fetchone()
        return bytes(row[0]) if row else None

    def _read_frontier(self) -> Frontier:
        self._cursor.execute(
            "SELECT frontier, (SELECT vkey FROM oversight_logkey ORDER BY from_size DESC LIMIT 1) "
            "FROM oversight_logstate WHERE id = 1"
        )
        row = self._cursor.fetchone()
        if row is None:
            raise IntegrityError("the log's state row is missing: run `counterseal fsck`")
        # Another process may have changed the key since this one read it: an old key signs nothing any more.
        if row[1] != self.office.signer.vkey:
            raise SealingError(
                "the log's key was changed and this program still holds the old one; nothing was done: start it "
                "again, and where a change of key was interrupted, repeat `counterseal ledger rotate-key`"
            )
        return Frontier.from_bytes(bytes(row[0]))


def _decided_on(decision: Decision | None, at: datetime) -> dict[str, JsonValue]:
    """The facts of a decision, under the entry in which it was made: with its opening it can be decided again."""
    if decision is None or decision.facts.get("at") != instant_text(at):
        return {}
    return {"facts": cast(JsonValue, dict(decision.facts))}


def _open_duties(rows: Sequence[SealedRow]) -> dict[str, JsonValue]:
    """Where rows of duties are among these, those that stand open: whoever reads the log can tell which closed."""
    duties = [row for row in rows if isinstance(row, Duty)]
    if not duties:
        return {}
    standing = [duty for duty in duties if duty.closed_at is None]
    return {"duties": [[duty.id, duty.kind, duty.clause, duty.due.isoformat()] for duty in standing]}


@contextmanager
def change(office: Office, *, replaying: bool = False) -> Iterator[Change]:
    """Open a change. On leaving it is durable and sealed; on an exception nothing of it exists.

    After the block, `Change.receipt` proves the last entry sealed. replaying: only for repeating destructions
    in a database that was restored from before them, which takes no other change.

    Raises:
        IntegrityError: the database is older than the latest destruction (`erasures.py`).
        SealingError: disk full, I/O error, lock not to be had, connection lost: it was not made.
        UnknownOutcomeError: the connection was lost at the end, and could not be had again to look.
    """
    committing: Change | None = None
    try:
        with database().writing(office.home) as cursor:
            now = Change(office, office.clock(), cursor, replaying=replaying)
            yield now
            now._close()
            committing = now
    except ConstraintError as error:
        # The database's own guard: two persons acted at once, or somebody went round the transitions.
        raise StaleError(
            f"the database refused the change and nothing was made: {first_line(error)}; "
            "somebody else acted first, or this may not be done in this state: read it again before you act"
        ) from error
    except (DatabaseError, OSError) as error:
        remedy = "mend the storage (space, rights, hardware), run `counterseal fsck`, then repeat the command"
        if committing is not None and committing._last is not None:
            aftermath = database().after_failed_commit(committing._last.index, committing._last.body)
            if aftermath.made:
                return  # only the answer was lost
            if aftermath.made is None:
                raise UnknownOutcomeError(
                    "the database was lost while it made the change durable, and nobody can tell now whether it was "
                    f"made: {first_line(error)}; {aftermath.remedy}"
                ) from error
            remedy += aftermath.remedy
        raise SealingError(
            f"the change could not be made durable and was not made: {first_line(error)}; {remedy}"
        ) from error
