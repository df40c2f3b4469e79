"""Ask for redress after a wrong link, without an account or a name; answer by a day; read the answer.

Whoever asks gets a code, shown once, and with it reads the state and the answer, and nothing else. An office
answers that acted in nothing of what it is about: where the answer names a case, nobody who acted in that case;
where it names none, nobody knows which it was, and only somebody who acted in no search at all may say so.

Clauses: D-026-11/rights-safe-bias.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from counterseal.casework.models import Approval, EnforcementAction, Review, SearchRequest
from counterseal.gateway.belonging import case_of
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.opt_out import ANYBODY, LONGEST_WORDS
from counterseal.gateway.sealing import Change, change
from counterseal.oversight.keystore import DestroyedError
from counterseal.oversight.models import (
    Duty,
    RedressAbout,
    RedressOutcome,
    RedressRequest,
    RedressStatus,
    VaultObject,
)
from counterseal.oversight.models.redress import PUT_RIGHT
from counterseal.oversight.optout import ReferenceKind, receipt_code, token_of
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

KIND = "redress"
LONGEST_CONTACT = 400
ANSWER = "answer a request for redress"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was sealed. code: shown once, to the asker alone. receipt: proves the entry at `index`."""

    id: str
    code: str = field(repr=False)
    due: datetime
    index: int
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was sealed, with its proof."""

    row: RedressRequest
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """What the holder of a code reads. overdue: the day passed without an answer.

    answer: empty where there is none yet, or where its words went with their clock.
    """

    status: str
    asked_at: datetime
    due: datetime
    overdue: bool
    outcome: str
    answered_at: datetime | None
    answer: str


def ask_redress(office: Office, *, about: str, words: str, contact: str = "") -> Asked:
    """Ask what happened, as somebody who was wrongly linked, stopped, arrested or refused. Anybody may.

    words: what happened, when and where. contact: how to be reached; empty to be answered by the code alone. Both
    go to the vault.

    Raises:
        BadInputError: none of these subjects, no words, or too many.
    """
    if about not in list(RedressAbout):
        raise BadInputError(
            f"redress is asked for by whoever was {', '.join(RedressAbout)}, not `{about[:40]}`"
        )
    if not words.strip():
        raise BadInputError("say what happened, and when and where: nobody can look for it otherwise")
    for text, longest in ((words, LONGEST_WORDS), (contact, LONGEST_CONTACT)):
        if len(text) > longest:
            raise BadInputError(f"at most {longest} characters, these are {len(text)}")
    code = receipt_code(office.token(16))
    with change(office) as now:
        rule = office.policies.redress(now.at)
        row_id = office.new_id(RedressRequest)
        kept = [_keep(now, row_id, text) for text in (words, contact) if text.strip()]
        row = RedressRequest(
            id=row_id,
            about=about,
            words=kept[0].id,
            contact=kept[1].id if len(kept) > 1 else "",
            code_token=_token(office, code),
            status=RedressStatus.OPEN,
            asked_at=now.at,
            due=rule.answer_within.after(now.at),
        )
        duty = Duty(
            id=office.new_id(Duty),
            kind=KIND,
            clause=rule.clause,
            about=row.id,
            person_id=ANYBODY,
            owner="privacy",
            because=[about],
            opened_at=now.at,
            due=row.due,
        )
        sealed = now.seal(
            "redress.asked",
            by=ANYBODY,
            action="ask for redress",
            target=row.id,
            outcome="open",
            clauses=[rule.clause],
            public={"about": about, "due": int(row.due.timestamp())},
            rows=[row, duty],
            objects=kept,
        )
    return Asked(row.id, code, row.due, sealed.index, now.receipt)


def answer_redress(
    office: Office, *, redress_id: str, outcome: str, words: str, by: str, record_id: str = ""
) -> Answer | Refusal:
    """Answer a request, for the asker to read. record_id: the case that was looked into, or a record of it.

    Raises:
        BadInputError: no such request, outcome or record; no words or too many; or something was put right and no
            record says where. StaleError: it was answered.
    """
    if outcome not in list(RedressOutcome):
        raise BadInputError(f"redress ends as {', '.join(RedressOutcome)}, not as `{outcome[:40]}`")
    if not words.strip() or len(words) > LONGEST_WORDS:
        raise BadInputError(f"answer in words, at most {LONGEST_WORDS} characters: the asker reads them")
    if outcome in PUT_RIGHT and not record_id:
        raise BadInputError(f"`{outcome}` put something right: name the case, or a record of it")
    with change(office) as now:
        row = found(RedressRequest, redress_id)
        case_id = case_of(record_id) if record_id else ""
        if record_id and not case_id:
            raise BadInputError(f"there is no case to which `{record_id[:60]}` belongs")
        if refusal := stands_against(now, ANSWER, by=by, target=row.id, state=row.status):
            return refusal
        clause = office.policies.redress(now.at).clause
        if by in acted_in(case_id):
            return now.refuse(
                "redressrequest.refused",
                now.unmet([_acted(clause, case_id)]),
                by=by,
                action=ANSWER,
                target=row.id,
            )
        asked_index = row.entry_index
        kept = _keep(now, row.id, words)
        row.status, row.outcome, row.case_id, row.answer = RedressStatus.ANSWERED, outcome, case_id, kept.id
        row.answered_by_id, row.answered_at = by, now.at
        duty = Duty.objects.get(kind=KIND, about=row.id)
        duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "redress.answered",
            by=by,
            action=ANSWER,
            target=row.id,
            outcome=outcome,
            clauses=[clause],
            causes=[asked_index],
            public={"about": row.about, "in_time": now.at <= row.due},
            rows=[row, duty],
            objects=[kept],
        )
    return Answer(row, now.receipt)


def redress_standing(office: Office, *, code: str) -> Standing:
    """What became of the request of this code.

    Raises:
        BadInputError: no request has this code.
    """
    row = RedressRequest.objects.filter(code_token=_token(office, code)).first()
    if row is None:
        raise BadInputError("no request for redress has this code: check it, letter by letter")
    answer = ""
    if row.answer:
        try:
            answer = office.vault.open(row.answer).decode()
        except DestroyedError:
            answer = ""
    late = row.status == RedressStatus.OPEN and office.clock() > row.due
    return Standing(row.status, row.asked_at, row.due, late, row.outcome, row.answered_at, answer)


def acted_in(case_id: str) -> frozenset[str]:
    """Whoever requested, approved or reviewed a search of this case, or asked for or confirmed an act on its leads.

    Of every case, where it is empty.
    """
    of_case = {"case_id": case_id} if case_id else {}
    of_request = {"request__case_id": case_id} if case_id else {}
    of_list = {"candidate_list__request__case_id": case_id} if case_id else {}
    people: set[str] = set()
    people.update(SearchRequest.objects.filter(**of_case).values_list("requester_id", flat=True))
    people.update(Approval.objects.filter(**of_request).values_list("approver_id", flat=True))
    people.update(Review.objects.filter(**of_list).values_list("reviewer_id", flat=True))
    for pair in EnforcementAction.objects.filter(**of_case).values_list("requested_by_id", "confirmed_by_id"):
        people.update(pair)
    return frozenset(people - {""})


def _acted(clause: str, case_id: str) -> Unmet:
    if case_id:
        return Unmet(clause, "you acted in the case that this is about", "ask somebody who did not")
    return Unmet(
        clause,
        "you acted in searches, and nobody knows whether this is about one of them",
        "name the case that was looked into, or ask somebody who never acted in a search",
    )


def _keep(now: Change, row_id: str, text: str) -> VaultObject:
    office = now.office
    return office.vault.put(office.new_name("object"), text.encode(), kind=KIND, about=row_id, at=now.at)


def _token(office: Office, code: str) -> str:
    # A key of its own: programs hold the key of the choices.
    key = hmac.new(office.fingerprint_key, b"counterseal/redress codes/1", hashlib.sha256).digest()
    return token_of(key, ReferenceKind.RECEIPT, code)
