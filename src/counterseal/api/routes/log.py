"""The log for machines: checkpoint, tiles (C2SP tlog-tiles), receipts, how far witnesses have seen it."""

from django.http import HttpResponse
from ninja import Path, Router

from counterseal.api.asking import Asked
from counterseal.api.declaring import route
from counterseal.api.problems import ProblemError
from counterseal.api.schemas import ReceiptShown, WitnessedShown
from counterseal.gateway.api_notes import log_size
from counterseal.gateway.cosign import standing
from counterseal.gateway.export_ledger import entry_of, receipt_of
from counterseal.gateway.serve_tiles import latest_checkpoint, tile_bytes

router = Router(tags=["log"])
SCOPE = "log:read"


@route(router, "GET", "/log/checkpoint", answers=None, scope=SCOPE, produces="text/plain")
def read_checkpoint(request: Asked) -> HttpResponse:
    """Read the latest signed checkpoint, with the cosignatures collected on it."""
    request.told("log")
    return HttpResponse(latest_checkpoint(), content_type="text/plain; charset=utf-8")


@route(
    router,
    "GET",
    "/log/tile/{path:rest}",
    answers=None,
    scope=SCOPE,
    produces="application/octet-stream",
)
def read_tile(request: Asked, rest: str) -> HttpResponse:
    """Read one tile or bundle of entries, by its tlog-tiles path. What it holds never changes."""
    request.told("log")
    data = tile_bytes(f"tile/{rest}")
    if data is None:
        raise ProblemError("not-found", "the log has no such tile, or not so wide yet")
    return HttpResponse(
        data,
        content_type="application/octet-stream",
        headers={"Cache-Control": "private, max-age=31536000"},
    )


@route(router, "GET", "/log/entries/{index}/receipt", answers=ReceiptShown, scope=SCOPE, problems=(422,))
def read_receipt(request: Asked, index: Path[int]) -> ReceiptShown:
    """Read the receipt (tlog-proof) of one entry, and the entry's bytes. What it only commits to is not opened."""
    request.told("log")
    if not 0 <= index < log_size():
        raise ProblemError("not-found", "the log has no such entry")
    body, _ = entry_of(index)
    return ReceiptShown(index=index, receipt=receipt_of(index).decode(), entry=body.decode("ascii"))


@route(router, "GET", "/log/witnesses", answers=WitnessedShown, scope=SCOPE, problems=(422,))
def read_witnesses(request: Asked) -> WitnessedShown:
    """Read how far witnesses have seen the log, and since when a quorum is missing."""
    request.told("log")
    seen = standing(request.office)
    return WitnessedShown(
        size=seen.size,
        held=seen.held,
        held_size=seen.held_size,
        held_at=seen.held_at,
        by=list(seen.by),
        uncosigned=seen.uncosigned,
        uncosigned_since=seen.since,
        says=seen.says,
    )
