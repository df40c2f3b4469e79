"""What holds each clause, for anybody: the page that `counterseal policy coverage --html` writes."""

import base64
import hashlib

from django.http import HttpResponse
from ninja import Router

from counterseal.api.asking import PUBLIC_PER_ADDRESS, Asked, NotTooOften
from counterseal.api.declaring import route
from counterseal.policy.cases import load_cases
from counterseal.policy.coverage import PAGE_STYLE, coverage, coverage_html, floor_in_words
from counterseal.shipped import shipped

router = Router(tags=["policies"])
GATE = NotTooOften("clauses", PUBLIC_PER_ADDRESS)
_STYLE = base64.b64encode(hashlib.sha256(PAGE_STYLE.encode()).digest()).decode()


@route(router, "GET", "/clauses", answers=None, gate=GATE, produces="text/html")
def read_clauses(request: Asked) -> HttpResponse:
    """Read what holds each clause of the packs in force, and what is not covered, as a page. Needs no login."""
    at, policies = request.office.clock(), request.office.policies
    cases = load_cases(request.office.home / "policies", shipped("examples"))
    return HttpResponse(
        coverage_html(coverage(policies, cases, at=at), floor_in_words(policies, at)),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE}'"},
    )
