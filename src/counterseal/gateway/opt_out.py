"""Choose not to be compared, take the choice back, complain, and hand the list of choices to programs.

A choice needs no face, no identity document and no approval, and holds from the instant it is sealed. What
is kept is a keyed token. However often a reference is registered, it is one choice on the list; each
registration has a receipt of its own, and only the holder of a receipt takes that registration back, so that
nobody can undo another person's choice by registering it once more.

Clauses: D-026-11/opt-out.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import timedelta

from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.ledger.checkpoint import Signer
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import (
    AlternativeTaken,
    Complaint,
    LogEntry,
    OptOut,
    OptOutListIssued,
    OptOutStatus,
    Use,
)
from counterseal.oversight.optout import LIST_NAME, ReferenceKind, receipt_code, sign_list, token_of
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

ANYBODY = "anybody"
ABOUT = ("not-told", "pressed", "delayed", "not-honoured", "other")
LONGEST_WORDS = 4000
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Registered:
    """A choice that holds from now on. code: shown once, to the person alone; it takes the choice back, and
    stands for it at a checkpoint. receipt: proves the entry at `index`."""

    code: str = field(repr=False)
    index: int
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The registration was taken back; its tokens are gone."""

    index: int
    receipt: bytes


@dataclass(frozen=True, slots=True)
class IssuedList:
    """A signed list for programs without a connection. vkey: the key that a reader trusts."""

    data: bytes
    row: OptOutListIssued
    vkey: str


def register_choice(office: Office, *, kind: str = "", reference: str = "") -> Registered:
    """Register a choice, for a reference or for the receipt code alone. Anybody may, for themselves.

    kind: document or booking; empty with an empty reference. The answer is the same whether or not the
    reference was registered before: nobody learns here what somebody else chose.

    Raises:
        BadInputError: a reference that is none, or of an unknown kind.
    """
    if bool(kind) != bool(reference):
        raise BadInputError("give a reference with its kind, or neither")
    if kind and kind not in (ReferenceKind.DOCUMENT, ReferenceKind.BOOKING):
        raise BadInputError(f"a choice is registered for a document or a booking, not for a `{kind}`")
    begun = office.clock()
    key = opt_out_key(office)
    token = token_of(key, ReferenceKind(kind), reference) if kind else ""
    code = receipt_code(office.token(16))
    with change(office) as now:
        choice = OptOut(
            id=office.new_id(OptOut),
            token=token,
            receipt_token=token_of(key, ReferenceKind.RECEIPT, code),
            status=OptOutStatus.STANDING,
            made_at=now.at,
        )
        sealed = now.seal(
            "optout.registered",
            by=ANYBODY,
            action="register a choice",
            target=choice.id,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            public={
                "by": kind or str(ReferenceKind.RECEIPT),
                "lag_ms": max(0, round((now.at - begun).total_seconds() * 1000)),
            },
            rows=[choice],
        )
    return Registered(code, sealed.index, now.receipt)


def withdraw_choice(office: Office, *, code: str) -> Withdrawn:
    """Take back the registration of this receipt, at once. Its tokens are erased from the register.

    Raises:
        BadInputError: no registration that stands has this receipt.
    """
    token = token_of(opt_out_key(office), ReferenceKind.RECEIPT, code)
    with change(office) as now:
        row_id = (
            OptOut.objects.filter(receipt_token=token, status=OptOutStatus.STANDING)
            .values_list("id", flat=True)
            .first()
        )
        if row_id is None:
            raise BadInputError(
                "no choice that stands has this receipt: check the code; what was withdrawn once is gone"
            )
        choice = found(OptOut, row_id)
        choice.token, choice.receipt_token = "", ""
        choice.status, choice.withdrawn_at = OptOutStatus.WITHDRAWN, now.at
        sealed = now.seal(
            "optout.withdrawn",
            by=ANYBODY,
            action="withdraw a choice",
            target=choice.id,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            rows=[choice],
        )
    return Withdrawn(sealed.index, now.receipt)


def issue_list(office: Office, *, by: str) -> IssuedList | Refusal:
    """Sign the list of all choices that stand, under the next number, for programs without a connection."""
    with change(office) as now:
        list_id = office.new_id(OptOutListIssued)
        move = "issue a list of choices"
        if refusal := stands_against(now, move, by=by, target=list_id):
            return refusal
        standing = OptOut.objects.filter(status=OptOutStatus.STANDING)
        tokens = {t for pair in standing.values_list("token", "receipt_token") for t in pair if t}
        last = OptOutListIssued.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        policies = office.policies.in_force(now.at)
        days = office.policies.opt_out(now.at).list_valid_days
        signer = list_signer(office)
        data = sign_list(
            tokens, signer=signer, sequence=last + 1, issued=now.at, days=days, pack=policies.digest
        )
        row = OptOutListIssued(
            id=list_id,
            sequence=last + 1,
            list_digest=hashlib.sha256(data).hexdigest(),
            count=len(tokens),
            issued_at=now.at,
            valid_until=now.at + timedelta(days=days),
            issued_by_id=by,
        )
        now.seal(
            "optout.list-issued",
            by=by,
            action=move,
            target=row.id,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            public={"sequence": row.sequence, "count": row.count, "days": days},
            committed={"digest": row.list_digest},
            rows=[row],
        )
        return IssuedList(data, row, signer.vkey)


def complain(office: Office, *, use_id: str, about: str, words: str = "") -> Complaint:
    """Complain about a use, without a name. words: at most `LONGEST_WORDS` characters; they go to the vault.

    Raises:
        BadInputError: unknown use or subject, or too many words.
    """
    if about not in ABOUT:
        raise BadInputError(f"a complaint is about {', '.join(ABOUT)}, not `{about}`")
    if len(words) > LONGEST_WORDS:
        raise BadInputError(f"a complaint has at most {LONGEST_WORDS} characters, this one {len(words)}")
    with change(office) as now:
        use, complaint_id = found(Use, use_id), office.new_id(Complaint)
        kept = [
            office.vault.put(
                office.new_name("object"), words.encode(), kind="complaint", about=complaint_id, at=now.at
            )
            for _ in range(1 if words.strip() else 0)
        ]
        complaint = Complaint(
            id=complaint_id, use=use, about=about, words=kept[0].id if kept else "", at=now.at
        )
        now.seal(
            "optout.complaint",
            by=ANYBODY,
            action="complain",
            target=complaint.id,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            public={"use": use.id, "about": about},
            rows=[complaint],
            objects=kept,
        )
        return complaint


def finish_alternative(office: Office, *, after_entry: int, by: str) -> AlternativeTaken | Refusal:
    """Record that the alternative procedure is done for the person of that entry, and how long it took.

    after_entry: index of the `optout.checked`, `verification.refused`, `verification.not-acquired`,
    `verification.outcome` or `verification.failed` entry that sent them there.

    Raises:
        BadInputError: there is no such entry, it sent nobody there, or its alternative is recorded already.
    """
    with change(office) as now:
        if Role.GATE_OPERATOR not in office.acting(by):
            return now.refuse(
                "optout.alternative-refused",
                now.unmet(
                    [
                        Unmet(
                            "road/role",
                            "recording an alternative needs the role gate-operator",
                            "ask whoever keeps the roles",
                        )
                    ]
                ),
                by=by,
                action="finish the alternative",
                target=str(after_entry),
            )
        stored = LogEntry.objects.filter(pk=after_entry).first()
        entry = read_entry(bytes(stored.body)) if stored else None
        if entry is None or ((entry.kind, entry.outcome) not in _SENT_THERE and entry.kind not in _FAILED):
            raise BadInputError(f"entry {after_entry} sent nobody to the alternative procedure")
        if AlternativeTaken.objects.filter(after_entry=after_entry).exists():
            raise BadInputError(f"the alternative after entry {after_entry} is recorded already")
        use = found(Use, str(entry.public["use"]))
        taken = AlternativeTaken(
            id=office.new_id(AlternativeTaken),
            use=use,
            after_entry=after_entry,
            seconds=max(0, round((now.at - entry.at).total_seconds())),
            at=now.at,
        )
        now.seal(
            "optout.alternative-done",
            by=by,
            action="finish the alternative",
            target=taken.id,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            causes=[after_entry],
            public={"use": use.id, "seconds": taken.seconds},
            rows=[taken],
        )
        return taken


def hand_out_token_key(office: Office, *, program: str, by: str) -> bytes | Refusal:
    """The key by which a program without a connection makes tokens of its own travellers' references; sealed.

    program: a code. Whoever holds the key and a list can test references that they know; nothing else.

    Raises:
        BadInputError: a name that is no code.
    """
    if _CODE.fullmatch(program) is None:
        raise BadInputError(f"`{program[:60]}` is no code: write lower-case letters, digits and dashes")
    with change(office) as now:
        move = "issue a list of choices"
        if refusal := stands_against(now, move, by=by, target=program):
            return refusal
        now.seal(
            "optout.key-handed-out",
            by=by,
            action="hand out the key of the tokens",
            target=program,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            public={"program": program},
        )
    return opt_out_key(office)


def opt_out_key(office: Office) -> bytes:
    """The key of the tokens, which programs with a list hold too. Nobody gets from it to the key it comes from."""
    return _derived(office, b"counterseal/opt-out tokens/1")


def list_signer(office: Office) -> Signer:
    """The key that signs lists, and nothing else. Its name is the log's origin and `/opt-out`."""
    return Signer.from_seed(f"{office.origin}/{LIST_NAME}", _derived(office, b"counterseal/opt-out lists/1"))


def _derived(office: Office, purpose: bytes) -> bytes:
    return hmac.new(office.fingerprint_key, purpose, hashlib.sha256).digest()


_SENT_THERE = frozenset(
    {
        ("optout.checked", "declined"),
        ("verification.refused", "refused"),
        ("verification.outcome", "not-verified"),
        ("verification.outcome", "no-decision"),
    }
)
_FAILED = frozenset({"verification.not-acquired", "verification.failed"})
