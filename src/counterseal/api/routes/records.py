"""Disclosures, holds and clocks, findings, public figures."""

from ninja import Path, Router

from counterseal.api.asking import (
    PAGE,
    PUBLIC_PER_ADDRESS,
    Asked,
    NotTooOften,
    cursor_at,
    known,
    page_of,
    place_of,
)
from counterseal.api.declaring import route
from counterseal.api.schemas import (
    Cursor,
    DisclosureGiven,
    DisclosureShown,
    DueShown,
    FiguresShown,
    FindingShown,
    HoldGiven,
    HoldShown,
    Id,
    Limit,
    Page,
)
from counterseal.gateway import holds
from counterseal.gateway.disclose import Authority, disclose
from counterseal.gateway.published_figures import published_figures
from counterseal.gateway.retention import outlook
from counterseal.gateway.review import CAVEAT
from counterseal.oversight.models import Disclosure, Finding, Hold
from counterseal.terms.decisions import Refusal

router = Router(tags=["records"])
DISCLOSE, RETENTION = "disclose", "retention"
GATE = NotTooOften("figures", PUBLIC_PER_ADDRESS)


def disclosure_shown(row: Disclosure) -> DisclosureShown:
    """A disclosure as it is answered."""
    return DisclosureShown(
        id=row.id,
        about=row.about,
        recipient=row.recipient,
        authority_kind=row.authority_kind,
        authority_citation=row.authority_citation,
        authority_from=row.authority_from,
        authority_until=row.authority_until,
        contents=list(row.contents),
        by=row.by_id,
        at=row.at,
        caveat=CAVEAT,
        entry=row.entry_index,
    )


def hold_shown(row: Hold) -> HoldShown:
    """A hold as it is answered; its reason stays in the vault."""
    return HoldShown(
        id=row.id,
        about=row.about,
        kind=row.kind,
        status=row.status,
        two_persons=row.two_persons,
        placed_by=row.placed_by_id,
        placed_at=row.placed_at,
        lifted_by=row.lifted_by_id,
        lifted_at=row.lifted_at,
        entry=row.entry_index,
    )


@route(router, "GET", "/disclosures", answers=Page[DisclosureShown], scope=DISCLOSE, problems=(422,))
def list_disclosures(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[DisclosureShown]:
    """List what was handed to whom, on which authority."""
    request.told("disclosures")
    rows, following = page_of(request, Disclosure.objects.all(), cursor=cursor, limit=limit, by="at")
    return Page[DisclosureShown](items=[disclosure_shown(row) for row in rows], next=following)


@route(router, "POST", "/disclosures", answers=DisclosureShown, scope=DISCLOSE, status=201, changes=True)
def record_disclosure(request: Asked, given: DisclosureGiven) -> DisclosureShown | Refusal:
    """Record and seal a disclosure. The caveat always goes with it."""
    row = disclose(
        request.office,
        case_id=given.case,
        about=given.about,
        recipient=given.recipient,
        authority=Authority(**given.authority.model_dump()),
        contents=list(given.contents),
        by=request.by,
    )
    return row if isinstance(row, Refusal) else disclosure_shown(row)


@route(router, "GET", "/holds", answers=Page[HoldShown], scope=RETENTION, problems=(422,))
def list_holds(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[HoldShown]:
    """List every hold there is or was."""
    request.told("clocks")
    rows, following = page_of(request, Hold.objects.all(), cursor=cursor, limit=limit, by="placed_at")
    return Page[HoldShown](items=[hold_shown(row) for row in rows], next=following)


@route(router, "POST", "/holds", answers=HoldShown, scope=RETENTION, status=201, changes=True)
def place_hold(request: Asked, given: HoldGiven) -> HoldShown | Refusal:
    """Hold a record, or a case and everything that belongs to it."""
    row = holds.place_hold(
        request.office, about=given.about, kind=given.kind, reason=given.reason, by=request.by
    )
    return row if isinstance(row, Refusal) else hold_shown(row)


@route(router, "POST", "/holds/{hold_id}/lifting", answers=HoldShown, scope=RETENTION, changes=True)
def lift_hold(request: Asked, hold_id: Path[Id]) -> HoldShown | Refusal:
    """Lift a hold; where the pack says so, never by the person who placed it."""
    known(Hold, hold_id, "hold")
    row = holds.lift_hold(request.office, hold_id=hold_id, by=request.by)
    return row if isinstance(row, Refusal) else hold_shown(row)


@route(router, "GET", "/retention/dues", answers=Page[DueShown], scope=RETENTION, problems=(422,))
def list_dues(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[DueShown]:
    """List what is destroyed when, the earliest first. Computed anew for each page."""
    request.told("clocks")
    begin = place_of(request, cursor=cursor, listing=request.path)
    dues = outlook(request.office).due
    end = begin + limit
    return Page[DueShown](
        items=[
            DueShown(
                object=due.object_id,
                record_class=due.record_class,
                about=due.about,
                clock=due.clock.id,
                at=due.at,
                held_by=list(due.held_by),
            )
            for due in dues[begin:end]
        ],
        next=cursor_at(request, end, listing=request.path) if end < len(dues) else None,
    )


@route(router, "GET", "/findings", answers=Page[FindingShown], scope="findings:read", problems=(422,))
def list_findings(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[FindingShown]:
    """List what oversight must look at. Findings about oneself are not shown to oneself."""
    request.told("findings")
    rows, following = page_of(
        request, Finding.objects.exclude(person_id=request.by), cursor=cursor, limit=limit, by="opened_at"
    )
    items = [
        FindingShown(
            id=row.id,
            kind=row.kind,
            about=row.about,
            says=row.says,
            status=row.status,
            opened_at=row.opened_at,
            entry=row.entry_index,
        )
        for row in rows
    ]
    return Page[FindingShown](items=items, next=following)


@route(router, "GET", "/figures", answers=Page[FiguresShown], gate=GATE, problems=(422,))
def list_figures(request: Asked, cursor: Cursor = "", limit: Limit = 10) -> Page[FiguresShown]:
    """List the releases of public figures, as they were sealed. Needs no login.

    Whoever doubts them checks the released folder: `counterseal public verify DIR`.
    """
    begin = place_of(request, cursor=cursor, listing=request.path)
    found = published_figures(first=begin, most=limit + 1)
    following = cursor_at(request, begin + limit, listing=request.path) if len(found) > limit else None
    items = [FiguresShown(entry=index, document=document) for index, document in found[:limit]]
    return Page[FiguresShown](items=items, next=following)
