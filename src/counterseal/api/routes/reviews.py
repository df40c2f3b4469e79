"""Blind reviews of candidate lists. Ranks and scores come last, by a verb that seals the look."""

from django.http import HttpResponse
from ninja import Path, Router

from counterseal.api.asking import Asked, known
from counterseal.api.declaring import route
from counterseal.api.problems import ProblemError
from counterseal.api.schemas import (
    DispositionGiven,
    DispositionShown,
    Id,
    RevealedCandidate,
    Revelation,
    ReviewShown,
    SheetShown,
)
from counterseal.casework.models import CandidateListRow, Review
from counterseal.gateway import review as verbs
from counterseal.gateway.view_records import Why, view_records
from counterseal.terms.decisions import Refusal

router = Router(tags=["reviews"])
SCOPE = "review"
PROBE = "probe"


def sheet_shown(sheet: verbs.Sheet) -> SheetShown:
    """A sheet as it is answered: vault ids stay here, paths go out."""
    names = [PROBE, *(candidate for candidate, _ in sheet.items)]
    return SheetShown(
        review=sheet.review_id,
        turn=sheet.turn,
        probe=PROBE,
        candidates=[candidate for candidate, _ in sheet.items],
        photographs={name: f"/api/v1/reviews/{sheet.review_id}/photographs/{name}" for name in names},
        caveat=verbs.CAVEAT,
    )


@route(router, "POST", "/lists/{list_id}/reviews", answers=SheetShown, scope=SCOPE, status=201, changes=True)
def open_review(request: Asked, list_id: Path[Id]) -> SheetShown | Refusal:
    """Open the next turn of review for oneself, and get its blind sheet."""
    known(CandidateListRow, list_id, "candidate list")
    sheet = verbs.open_review(request.office, list_id=list_id, by=request.by)
    return sheet if isinstance(sheet, Refusal) else sheet_shown(sheet)


@route(router, "GET", "/reviews/{review_id}/sheet", answers=SheetShown, scope=SCOPE, problems=(409, 422))
def read_sheet(request: Asked, review_id: Path[Id]) -> SheetShown:
    """Read the sheet of one's own open review again."""
    known(Review, review_id, "review")
    return sheet_shown(verbs.own_sheet(request.office, review_id=review_id, by=request.by))


@route(
    router,
    "GET",
    "/reviews/{review_id}/photographs/{name}",
    answers=None,
    scope=SCOPE,
    problems=(409, 422),
    produces="image/*",
)
def read_photograph(request: Asked, review_id: Path[Id], name: str) -> HttpResponse | Refusal:
    """Read one photograph of the sheet of one's own open review: `probe`, or a candidate's id."""
    known(Review, review_id, "review")
    sheet = verbs.own_sheet(request.office, review_id=review_id, by=request.by)
    objects = {PROBE: sheet.probe, **dict(sheet.items)}
    if name not in objects:
        raise ProblemError("not-found", "there is no such photograph on this sheet")
    shown = view_records(request.office, objects=[objects[name]], why=Why.REVIEW, by=request.by)
    if isinstance(shown, Refusal):
        return shown
    picture = shown[objects[name]]
    kind = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
    return HttpResponse(picture, content_type=kind)


@route(
    router,
    "POST",
    "/reviews/{review_id}/dispositions",
    answers=DispositionShown,
    scope=SCOPE,
    status=201,
    changes=True,
)
def dispose_of_candidate(
    request: Asked, review_id: Path[Id], given: DispositionGiven
) -> DispositionShown | Refusal:
    """Judge one candidate of one's own open review. A judgement is not changed afterwards."""
    known(Review, review_id, "review")
    row = verbs.dispose_of_candidate(
        request.office,
        review_id=review_id,
        candidate_id=given.candidate,
        judgement=given.judgement,
        by=request.by,
    )
    if isinstance(row, Refusal):
        return row
    return DispositionShown(
        id=row.id,
        review=review_id,
        candidate=row.candidate_id,
        judgement=row.judgement,
        entry=row.entry_index,
    )


@route(router, "POST", "/reviews/{review_id}/lock", answers=ReviewShown, scope=SCOPE, changes=True)
def lock_review(request: Asked, review_id: Path[Id]) -> ReviewShown | Refusal:
    """Close one's review, once every candidate has its disposition."""
    known(Review, review_id, "review")
    row = verbs.lock_review(request.office, review_id=review_id, by=request.by)
    if isinstance(row, Refusal):
        return row
    return ReviewShown(
        id=row.id,
        candidate_list=row.candidate_list_id,
        turn=row.turn,
        status=row.status,
        none_of_these=row.none_of_these,
        entry=row.entry_index,
    )


@route(router, "POST", "/lists/{list_id}/revelation", answers=Revelation, scope=SCOPE, changes=True)
def reveal_list(request: Asked, list_id: Path[Id]) -> Revelation | Refusal:
    """See rank and score of every candidate, once the reviews are locked. The reading is sealed."""
    known(CandidateListRow, list_id, "candidate list")
    seen = verbs.reveal(request.office, list_id=list_id, by=request.by)
    if isinstance(seen, Refusal):
        return seen
    return Revelation(
        candidate_list=list_id,
        caveat=verbs.CAVEAT,
        candidates=[
            RevealedCandidate(
                candidate=c.candidate_id,
                rank=c.rank,
                score=c.score,
                score_kind=c.score_kind,
                kept_by=c.kept_by,
                statement=c.statement,
            )
            for c in seen
        ],
    )
