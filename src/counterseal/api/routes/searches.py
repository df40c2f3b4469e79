"""Search requests: asked, approved, submitted, and their state. Never a candidate, rank or score."""

from ninja import Path, Router

from counterseal.api.asking import PAGE, Asked, known, page_of
from counterseal.api.declaring import route
from counterseal.api.schemas import (
    ApprovalGiven,
    ApprovalShown,
    Cursor,
    DutyShown,
    Id,
    Limit,
    Page,
    SearchGiven,
    SearchShown,
    SubmissionShown,
)
from counterseal.casework.models import SearchRequest
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.readers import cases_to_read
from counterseal.gateway.request_search import Exigency, Purpose, request_search
from counterseal.gateway.review import CAVEAT
from counterseal.gateway.search import Failed, search
from counterseal.terms.decisions import Refusal

router = Router(tags=["searches"])
READ, WRITE = "search:read", "search:write"


def search_shown(row: SearchRequest) -> SearchShown:
    """A request as it is answered."""
    answered = getattr(row, "candidate_list", None)
    return SearchShown(
        id=row.id,
        case=row.case_id,
        probe=row.probe_id,
        service=row.service_id,
        use=row.use_id,
        mode=row.mode,
        purpose=row.purpose_code,
        limit=row.limit,
        status=row.status,
        exigency=row.exigency_claimed,
        requester=row.requester_id,
        requested_at=row.requested_at,
        submitted_at=row.submitted_at,
        intent=row.intent_index,
        candidate_list=answered.id if answered else None,
        entry=row.entry_index,
    )


@route(router, "GET", "/searches", answers=Page[SearchShown], scope=READ, problems=(422,))
def list_searches(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[SearchShown]:
    """List search requests with their state: of one's own cases, or all where one's role reads all."""
    rows = SearchRequest.objects.select_related("candidate_list").filter(
        cases_to_read(request.office, "searches", by=request.by)
    )
    found, following = page_of(request, rows, cursor=cursor, limit=limit, by="requested_at")
    return Page[SearchShown](items=[search_shown(row) for row in found], next=following)


@route(router, "GET", "/searches/{request_id}", answers=SearchShown, scope=READ, problems=(422,))
def read_search(request: Asked, request_id: Path[Id]) -> SearchShown:
    """Read the state of one search request."""
    row = known(SearchRequest, request_id, "search request")
    request.told("searches", case_id=row.case_id)
    return search_shown(row)


@route(router, "POST", "/searches", answers=SearchShown, scope=WRITE, status=201, changes=True)
def request_a_search(request: Asked, given: SearchGiven) -> SearchShown | Refusal:
    """Write down what is asked. Nothing is decided and nothing leaves yet."""
    row = request_search(
        request.office,
        case_id=given.case,
        probe_id=given.probe,
        service_id=given.service,
        use_id=given.use,
        mode=given.mode,
        purpose=Purpose(given.purpose, given.narrative, given.relevant, given.necessary),
        limit=given.limit,
        minimum=given.minimum,
        second_probe_id=given.second_probe,
        claimed_reference=given.claimed_reference,
        exigency=Exigency(**given.exigency.model_dump()) if given.exigency else None,
        witness_methods_exhausted=given.witness_methods_exhausted,
        why_again=given.why_again,
        on_behalf_of=given.on_behalf_of,
        by=request.by,
    )
    return row if isinstance(row, Refusal) else search_shown(row)


@route(
    router,
    "POST",
    "/searches/{request_id}/approvals",
    answers=ApprovalShown,
    scope=WRITE,
    status=201,
    changes=True,
)
def approve_a_search(request: Asked, request_id: Path[Id], given: ApprovalGiven) -> ApprovalShown | Refusal:
    """Decide, as a second person, on a request as it was frozen."""
    known(SearchRequest, request_id, "search request")
    row = approve_search(
        request.office,
        request_id=request_id,
        kind=given.kind,
        granted=given.granted,
        words=given.words,
        by=request.by,
    )
    if isinstance(row, Refusal):
        return row
    return ApprovalShown(
        id=row.id, request=request_id, kind=row.kind, granted=row.granted, entry=row.entry_index
    )


@route(
    router, "POST", "/searches/{request_id}/submission", answers=SubmissionShown, scope=WRITE, changes=True
)
def submit_a_search(request: Asked, request_id: Path[Id]) -> SubmissionShown | Refusal:
    """Take a request down the road: decide, seal, ask the service, seal what came of it.

    The answer says how many candidates there are, and never which or how alike: that comes out of the reviews.
    """
    known(SearchRequest, request_id, "search request")
    done = search(request.office, request_id=request_id, by=request.by)
    if isinstance(done, Refusal):
        return done
    if isinstance(done, Failed):
        return SubmissionShown(
            request=request_id,
            outcome="failed",
            intent=done.intent_index,
            entry=done.outcome_index,
            candidate_list=None,
            candidates=0,
            searched=None,
            comparison=None,
            failure=done.failure.code,
            duties=[],
            caveat=CAVEAT,
        )
    one = done.answer.comparison
    return SubmissionShown(
        request=request_id,
        outcome="answered",
        intent=done.intent_index,
        entry=done.outcome_index,
        candidate_list=done.candidate_list.id,
        candidates=len(done.answer.candidates),
        searched=done.answer.searched,
        comparison=str(one.decision or "no-decision") if one else None,
        failure=None,
        duties=[
            DutyShown(
                name=duty.name,
                clause=duty.clause,
                owner=duty.owner,
                within_hours=duty.within.total_seconds() / 3600,
                says=duty.says,
            )
            for duty in done.permit.obligations
        ],
        caveat=CAVEAT,
    )
