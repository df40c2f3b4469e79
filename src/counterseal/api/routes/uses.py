"""The register of uses, and the three offices' word on them."""

from typing import TypeVar

from ninja import Path, Router

from counterseal.api.asking import PAGE, Asked, known, page_of
from counterseal.api.declaring import route
from counterseal.api.schemas import (
    ConcurrenceGiven,
    ConcurrenceShown,
    Cursor,
    FileDocument,
    FileLineShown,
    Id,
    Limit,
    Page,
    ProgramFileShown,
    RiskGiven,
    RiskShown,
    UseGiven,
    UseShown,
)
from counterseal.gateway import propose_use as verbs
from counterseal.gateway.assess_use import missing_of, record_risk
from counterseal.gateway.program_file import file_of
from counterseal.oversight.models import Use, UseRisk
from counterseal.terms.decisions import Refusal

router = Router(tags=["uses"])
READ, WRITE = "uses:read", "uses:write"
ShownT = TypeVar("ShownT")


def use_shown(row: Use) -> UseShown:
    """A use as it is answered."""
    said = row.concurrences.filter(round=row.round)
    return UseShown(
        id=row.id,
        name=row.name,
        purpose=row.purpose,
        kind=row.kind,
        law_enforcement=row.law_enforcement,
        status=row.status,
        round=row.round,
        since=row.since,
        proposed_by=row.proposed_by_id,
        concurring=sorted(c.office for c in said if c.concurs),
        objecting=sorted(c.office for c in said if not c.concurs),
        open_risks=row.risks.filter(status="open").count(),
        missing=[u.missing for u in missing_of(row)],
        entry=row.entry_index,
    )


def risk_shown(row: UseRisk) -> RiskShown:
    """A risk as it is answered."""
    return RiskShown(
        id=row.id,
        use=row.use_id,
        risk=row.risk,
        mitigation=row.mitigation,
        owner=row.owner_id,
        due=row.due,
        status=row.status,
        evidence=row.evidence,
        entry=row.entry_index,
    )


@route(router, "GET", "/uses", answers=Page[UseShown], scope=READ, problems=(422,))
def list_uses(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[UseShown]:
    """List the uses with their state, the offices' words and what their assessment lacks."""
    request.told("uses")
    rows, following = page_of(request, Use.objects.all(), cursor=cursor, limit=limit)
    return Page[UseShown](items=[use_shown(row) for row in rows], next=following)


@route(router, "GET", "/uses/{use_id}", answers=UseShown, scope=READ, problems=(422,))
def read_use(request: Asked, use_id: Path[Id]) -> UseShown:
    """Read one use."""
    request.told("uses")
    return use_shown(known(Use, use_id, "use"))


@route(router, "GET", "/uses/{use_id}/file", answers=ProgramFileShown, scope=READ, problems=(422,))
def read_program_file(request: Asked, use_id: Path[Id]) -> ProgramFileShown:
    """Read the file of a use outside law enforcement: what is complete, missing or out of date, and its list."""
    request.told("uses")
    known(Use, use_id, "use")
    file = file_of(request.office, use_id=use_id)
    return ProgramFileShown(
        use=use_id,
        compliant=file.compliant,
        complete=file.complete,
        share=file.share,
        valid_until=file.valid_until,
        list_state=file.list_state,
        list_sequence=file.held.sequence if file.held else None,
        list_valid_until=file.held.valid_until if file.held else None,
        lines=[
            FileLineShown(
                line=c.line.id,
                asks=c.line.asks,
                state=c.state,
                valid_until=c.valid_until,
                shown_by=[
                    FileDocument(
                        document=s.document,
                        place=s.place,
                        made_on=s.made_on,
                        valid_until=s.valid_until,
                        recorded_by=s.recorded_by,
                    )
                    for s in c.shown_by
                ],
            )
            for c in file.lines
        ],
    )


@route(router, "POST", "/uses", answers=UseShown, scope=WRITE, status=201, changes=True)
def propose_use(request: Asked, given: UseGiven) -> UseShown | Refusal:
    """Put a use before the three offices. Nothing runs under it until all three concur."""
    row = verbs.propose_use(request.office, **given.model_dump(), by=request.by)
    return row if isinstance(row, Refusal) else use_shown(row)


@route(
    router,
    "POST",
    "/uses/{use_id}/concurrences",
    answers=ConcurrenceShown,
    scope=WRITE,
    status=201,
    changes=True,
)
def concur_in_use(request: Asked, use_id: Path[Id], given: ConcurrenceGiven) -> ConcurrenceShown | Refusal:
    """Give one office's word: it concurs, or it objects and says why.

    The third concurrence, by a third person, activates the use. Any objection stops it.
    """
    known(Use, use_id, "use")
    conditions = {
        "modes": given.only_modes,
        "case_types": given.only_case_types,
        "services": given.only_services,
        "until": given.until,
    }
    row = verbs.concur(
        request.office,
        use_id=use_id,
        as_office=given.office,
        concurs=given.concurs,
        conditions={name: value for name, value in conditions.items() if value},
        words=given.words,
        by=request.by,
    )
    if isinstance(row, Refusal):
        return row
    return ConcurrenceShown(
        id=row.id,
        use=use_id,
        office=row.office,
        concurs=row.concurs,
        round=row.round,
        use_status=Use.objects.get(pk=use_id).status,
        entry=row.entry_index,
    )


@route(router, "POST", "/uses/{use_id}/suspension", answers=UseShown, scope=WRITE, changes=True)
def suspend_use(request: Asked, use_id: Path[Id]) -> UseShown | Refusal:
    """Suspend a use at once. Any one of the three offices does this."""
    known(Use, use_id, "use")
    row = verbs.suspend_use(request.office, use_id=use_id, by=request.by)
    return row if isinstance(row, Refusal) else use_shown(row)


@route(router, "GET", "/uses/{use_id}/risks", answers=Page[RiskShown], scope=READ, problems=(422,))
def list_risks(
    request: Asked,
    use_id: Path[Id],
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> Page[RiskShown]:
    """List the risk register of a use."""
    request.told("uses")
    known(Use, use_id, "use")
    rows, following = page_of(request, UseRisk.objects.filter(use_id=use_id), cursor=cursor, limit=limit)
    return Page[RiskShown](items=[risk_shown(row) for row in rows], next=following)


@route(router, "POST", "/uses/{use_id}/risks", answers=RiskShown, scope=WRITE, status=201, changes=True)
def record_use_risk(request: Asked, use_id: Path[Id], given: RiskGiven) -> RiskShown | Refusal:
    """Enter a risk into the register of a use."""
    known(Use, use_id, "use")
    row = record_risk(request.office, use_id=use_id, **given.model_dump(), by=request.by)
    return row if isinstance(row, Refusal) else risk_shown(row)
