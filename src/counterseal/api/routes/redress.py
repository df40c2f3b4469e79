"""Redress, for whoever was wrongly linked, stopped, arrested or refused. Needs no login and no name."""

from ninja import Router

from counterseal.api.asking import PUBLIC_PER_ADDRESS, Asked, NotTooOften
from counterseal.api.declaring import route
from counterseal.api.schemas import RedressAsked, RedressCode, RedressGiven, RedressShown
from counterseal.gateway import redress as verbs

router = Router(tags=["redress"])
GATE = NotTooOften("redress", PUBLIC_PER_ADDRESS)


@route(router, "POST", "/redress", answers=RedressAsked, gate=GATE, status=201)
def ask_redress(request: Asked, given: RedressGiven) -> RedressAsked:
    """Ask what happened. Needs no login and no name.

    The code is shown this once, and reads the answer. Asking twice is two requests, so that this takes no
    idempotency key.
    """
    asked = verbs.ask_redress(request.office, **given.model_dump())
    return RedressAsked(code=asked.code, due=asked.due, entry=asked.index, receipt=asked.receipt.decode())


@route(router, "POST", "/redress/status", answers=RedressShown, gate=GATE)
def read_redress(request: Asked, given: RedressCode) -> RedressShown:
    """Read what became of a request by its code, and the answer. Needs no login."""
    standing = verbs.redress_standing(request.office, code=given.code)
    return RedressShown(
        status=standing.status,
        asked_at=standing.asked_at,
        due=standing.due,
        overdue=standing.overdue,
        outcome=standing.outcome,
        answered_at=standing.answered_at,
        answer=standing.answer,
    )
