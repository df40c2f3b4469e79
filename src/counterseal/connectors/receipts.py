"""Verify a receipt before anything is compared. No receipt, no call.

Runs in the connector's own process, on what it holds itself: the log's keys and origin, its own name, its
own clock, and its own durable list of receipts used. It trusts nothing that the gateway says besides.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from counterseal.connectors.port import Submission
from counterseal.ledger.entry import Disclosure, check_disclosure, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import Trust
from counterseal.ledger.receipt import verify_receipt
from counterseal.terms.biometrics import Mode
from counterseal.terms.errors import CountersealError, UnavailableError

# Which sealed intents open the gate, and for which comparisons: a checkpoint verifies claims and searches nobody.
_INTENTS = {
    "search.intent": frozenset(Mode),
    "verification.intent": frozenset({Mode.VERIFICATION}),
}


class ReceiptRefusedError(CountersealError):
    """The submission does not prove that exactly this use was sealed, just now, for this service, once."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was sealed and asked: see `gateway/search.py` for the fields."""

    id: str
    mode: str
    limit: int
    minimum: float | None
    claimed_reference: str
    index: int


class UsedReceipts:
    """The durable list of receipts used, shared by every process of this service, synced before each use."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One statement at a time: between a failed step and the reading of its error code, another thread's
        # step on the same connection resets the code, and a second use would look like a first.
        self._one_at_a_time = Lock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS used (leaf_index INTEGER PRIMARY KEY) STRICT")

    def use(self, index: int) -> bool:
        """Note `index` as used; False when it was used before. Durable on return.

        Raises:
            UnavailableError: it could not be noted, so nothing may run.
        """
        try:
            with self._one_at_a_time:
                self._db.execute("INSERT INTO used VALUES (?)", (index,))
        except sqlite3.IntegrityError:
            return False
        except sqlite3.Error as error:
            raise UnavailableError(f"the list of used receipts cannot be written: {error}") from error
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


@dataclass(frozen=True, slots=True)
class ReceiptGate:
    """What a connector checks, in order, before it acts.

    trust: the log's keys. origin: the log's name. service_id: the name that the entry must address.
    max_age: how old a sealed intent may be, by `clock`, and how far ahead of it.
    """

    trust: Trust
    origin: str
    service_id: str
    used: UsedReceipts
    clock: Callable[[], datetime]
    max_age: timedelta = timedelta(seconds=60)

    def admit(self, submission: Submission) -> Question:
        """The question, once everything holds; the receipt is then used up.

        # 1 signature, origin and inclusion, 2 a permitted intent for this service, 3 the request's digest is
        # the one committed, 4 its comparison is one that this kind of intent opens, 5 the photographs are the
        # request's, 6 fresh, 7 single use.

        Raises:
            ReceiptRefusedError: whatever fails first, in words.
        """
        try:
            verified = verify_receipt(submission.receipt, submission.entry, self.trust, self.origin)
            entry = read_entry(submission.entry)
            name, committed = check_disclosure(entry, Disclosure.parse(submission.opening))
        except LedgerError as error:
            raise ReceiptRefusedError(f"the receipt does not hold: {error}") from error
        if entry.kind not in _INTENTS or entry.outcome != "permitted":
            raise ReceiptRefusedError(
                f"the sealed entry is `{entry.kind}`, `{entry.outcome}`: no permitted search or verification"
            )
        if entry.public.get("service") != self.service_id:
            raise ReceiptRefusedError("the sealed intent addresses another service")
        if name != "request" or committed != hashlib.sha256(submission.request).hexdigest():
            raise ReceiptRefusedError("the receipt is for another request")
        asked = json.loads(submission.request)
        if asked["mode"] not in _INTENTS[entry.kind]:
            raise ReceiptRefusedError(f"a `{entry.kind}` opens no `{asked['mode']}`")
        for photograph, field in ((submission.probe, "probe"), (submission.second, "second")):
            digest = hashlib.sha256(photograph).hexdigest() if photograph else ""
            if digest != asked[field]:
                raise ReceiptRefusedError(f"the {field} photograph is not the one that was sealed")
        age = self.clock() - entry.at
        if not -self.max_age <= age <= self.max_age:
            raise ReceiptRefusedError(
                f"the sealed intent is {age.total_seconds():.0f} s old; "
                f"at most {self.max_age.total_seconds():.0f} s are accepted"
            )
        if not self.used.use(verified.index):
            raise ReceiptRefusedError("the receipt was used before")
        return Question(
            id=asked["id"],
            mode=asked["mode"],
            limit=asked["limit"],
            minimum=asked["minimum"],
            claimed_reference=asked["claimed_reference"],
            index=verified.index,
        )
