"""Claims outside law enforcement, and the choice not to be compared. Registering a choice needs no login."""

import base64
import binascii
from typing import Any

from django.http import HttpResponse
from ninja import Router

from counterseal.api.asking import PUBLIC_PER_ADDRESS, Asked, NotTooOften
from counterseal.api.declaring import route
from counterseal.api.schemas import (
    AlternativeGiven,
    AlternativeShown,
    Answered,
    CheckGiven,
    CheckShown,
    ChoiceGiven,
    ChoiceRegistration,
    ClaimGiven,
    ComplaintGiven,
    ComplaintShown,
    Registration,
    UnmetCondition,
    WhoMay,
    WithdrawalGiven,
    WithdrawalShown,
)
from counterseal.connectors.port import ServiceFailure
from counterseal.gateway import opt_out as verbs
from counterseal.gateway.check_opt_out import Choice, check_opt_out
from counterseal.gateway.current_list import current_list
from counterseal.gateway.verify_claim import Sample, Verified, verify_claim
from counterseal.terms.biometrics import FailureToAcquire
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

router = Router(tags=["checkpoints"])
CHECKPOINT = "verify"
GATE = NotTooOften("choices", PUBLIC_PER_ADDRESS)
_GPC = {
    "in": "header",
    "name": "Sec-GPC",
    "required": False,
    "description": "Global Privacy Control of the person's own device, passed on: `1` counts as a spoken no.",
    "schema": {"type": "string", "enum": ["1"]},
}


def choice_of(request: Asked, given: ChoiceGiven) -> Choice:
    """What the person chose: in words, or by the signal of their own device."""
    said = given.said
    if said == "nothing" and request.headers.get("Sec-GPC", "").strip() == "1":
        said = "no"
    return Choice(
        told=given.told,
        said=said,
        says_no_citizen=given.says_no_citizen,
        references=tuple((r.kind, r.reference) for r in given.references),
    )


def with_gpc(operation: dict[str, Any]) -> None:
    """Add the header to the parameters of an operation of the document."""
    operation["parameters"].append(_GPC)


@route(router, "POST", "/verify", answers=Answered, scope=CHECKPOINT, changes=True)
def verify(request: Asked, given: ClaimGiven) -> Answered:
    """Verify one claim, for whoever does not decline.

    The choice is heard before the picture is decoded. Everything but `verified` means: follow the alternative
    procedure. Nothing is kept but what the use's own record says, and the answer itself for 24 hours.
    """
    done = verify_claim(
        request.office,
        use_id=given.use,
        reference=given.reference,
        choice=choice_of(request, given.choice),
        camera=lambda: Sample(_decoded(given.picture), given.liveness),
        by=request.by,
    )
    shown: dict[str, Any] = {
        "entry": done.index,
        "receipt": done.receipt.decode(),
        "kept_until": done.kept_until,
    }
    if isinstance(done, Verified):
        return Answered(outcome="verified", alternative="", threshold=done.threshold, **shown)
    shown["alternative"] = done.alternative
    match done.why:
        case Refusal() as refusal:
            return Answered(
                outcome="declined" if done.honoured else "refused",
                clauses=list(refusal.clauses),
                unmet=[UnmetCondition.model_validate(u) for u in refusal.unmet],
                **shown,
            )
        case FailureToAcquire() as failure:
            return Answered(outcome="not-acquired", failure=str(failure.code), **shown)
        case ServiceFailure() as failure:
            return Answered(outcome="failed", failure=failure.code, **shown)
        case "not-verified":
            return Answered(outcome="not-verified", **shown)
    return Answered(outcome="no-decision", **shown)


@route(router, "POST", "/opt-out/checks", answers=CheckShown, scope=CHECKPOINT, changes=True)
def check_choice(request: Asked, given: CheckGiven) -> CheckShown | Refusal:
    """Check whether somebody declines, with a sealed receipt."""
    done = check_opt_out(
        request.office, use_id=given.use, choice=choice_of(request, given.choice), by=request.by
    )
    if isinstance(done, Refusal):
        return done
    return CheckShown(
        declined=done.declined,
        via=done.via,
        alternative=done.alternative,
        entry=done.index,
        receipt=done.receipt.decode(),
    )


@route(
    router,
    "POST",
    "/opt-out/alternatives",
    answers=AlternativeShown,
    scope=CHECKPOINT,
    status=201,
    changes=True,
)
def finish_alternative(request: Asked, given: AlternativeGiven) -> AlternativeShown | Refusal:
    """Record that the alternative procedure after an entry is done; the time it took is counted."""
    row = verbs.finish_alternative(request.office, after_entry=given.entry, by=request.by)
    if isinstance(row, Refusal):
        return row
    return AlternativeShown(id=row.id, use=row.use_id, seconds=row.seconds, entry=row.entry_index)


@route(
    router,
    "GET",
    "/opt-out/list",
    answers=None,
    scope="optout:list",
    problems=(403,),
    produces="text/plain",
)
def fetch_list(request: Asked) -> HttpResponse | Refusal:
    """Fetch the signed list of choices, for programs without a connection.

    A new one is issued, and sealed, where choices changed since the last. The ETag is the digest of the list:
    `If-None-Match` with it answers 304 while the list is in force.
    """
    issued = current_list(request.office, by=request.by)
    if isinstance(issued, Refusal):
        return issued
    etag = f'"{issued.row.list_digest}"'
    headers = {"ETag": etag, "Counterseal-List-Key": issued.vkey, "Cache-Control": "private, no-cache"}
    if etag in [
        tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")
    ]:
        return HttpResponse(status=304, content_type="text/plain; charset=utf-8", headers=headers)
    return HttpResponse(issued.data, content_type="text/plain; charset=utf-8", headers=headers)


@route(router, "GET", "/opt-out/rule", answers=WhoMay)
def read_rule(request: Asked) -> WhoMay:
    """Read who may decline under the policies in force. Needs no login."""
    at = request.office.clock()
    rule = request.office.policies.opt_out(at)
    return WhoMay(
        who_may=rule.who_may,
        list_valid_days=rule.list_valid_days,
        pack_digest=request.office.policies.in_force(at).digest,
    )


@route(router, "POST", "/opt-out/choices", answers=Registration, gate=GATE, status=201)
def register_choice(request: Asked, given: ChoiceRegistration) -> Registration:
    """Register a choice not to be compared. Needs no login, no photograph, no name; holds at once.

    Registering twice is one choice with two receipts, so that this takes no idempotency key.
    """
    done = verbs.register_choice(request.office, kind=given.kind, reference=given.reference)
    return Registration(code=done.code, entry=done.index, receipt=done.receipt.decode())


@route(router, "POST", "/opt-out/withdrawals", answers=WithdrawalShown, gate=GATE)
def withdraw_choice(request: Asked, given: WithdrawalGiven) -> WithdrawalShown:
    """Take a registration back by the code of its receipt. Needs no login."""
    done = verbs.withdraw_choice(request.office, code=given.code)
    return WithdrawalShown(entry=done.index, receipt=done.receipt.decode())


@route(router, "POST", "/opt-out/complaints", answers=ComplaintShown, gate=GATE, status=201)
def complain(request: Asked, given: ComplaintGiven) -> ComplaintShown:
    """Complain about a use, without a name. Needs no login."""
    row = verbs.complain(request.office, use_id=given.use, about=given.about, words=given.words)
    return ComplaintShown(id=row.id, entry=row.entry_index)


def _decoded(picture: str) -> bytes:
    try:
        return base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInputError(f"the picture is no base64 (RFC 4648, section 4): {error}") from error
