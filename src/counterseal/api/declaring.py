"""Declare a route: its scope, what it answers, and, where it changes state, that it is done once.

1 the token and its scope, or the count of a route without login; 2 the body, checked against its schema; 3 the
idempotency key is claimed; 4 the view calls one verb or one reading; 5 its answer is rendered, a refusal as a
problem with the entry that sealed it; 6 the answer is noted under the key. If we stop between 4 and 6, the next
request with this key learns what is known (docs/how-to/use-the-api.md).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.http import HttpResponse
from ninja import Router
from ninja.constants import NOT_SET
from pydantic import BaseModel

from counterseal.api.asking import Asked, Needs, NotTooOften
from counterseal.api.problems import ProblemError, as_answer, of_error, of_refusal
from counterseal.gateway.api_notes import (
    Claimed,
    OtherRequest,
    Stored,
    Unanswered,
    answer,
    claim,
    entry_of_refusal,
    let_go,
    log_size,
    request_digest,
)
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import CountersealError

JSON = "application/json"
ViewT = TypeVar("ViewT", bound=Callable[..., Any])
# What any route may answer beside what it is for.
ALWAYS = (400, 406, 500, 503)

_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "Chosen by the client, new for each request that is meant anew. The same key and body get the "
    "stored answer for 24 hours.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,128}$"},
    "example": "0b7c1f6e-5a31-4d0c-9a55-1d2f3e4a5b6c",
}


def route(
    router: Router,
    method: str,
    path: str,
    *,
    answers: Any,
    scope: str | None = None,
    gate: NotTooOften | None = None,
    status: int = 200,
    changes: bool = False,
    problems: tuple[int, ...] = (),
    produces: str = JSON,
    extra: Mapping[str, Any] | None = None,
) -> Callable[[ViewT], ViewT]:
    """Declare a view. scope: what its token must have (empty: any token); None for a route without login.

    changes: done once for each idempotency key. produces: the media type of the answer; where it is not JSON, the
    view gives an HttpResponse. problems: statuses beyond those that follow from the rest.
    """
    statuses = set(ALWAYS) | set(problems)
    if scope is not None:
        statuses |= {401, 403}
    if gate is not None:
        statuses |= {429}
    if method == "POST":
        statuses |= {413, 415, 422}
    if changes:
        statuses |= {409}
    if "{" in path:
        statuses |= {404}
    described: dict[str, Any] = {
        "responses": {str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted(statuses)},
        "security": [] if scope is None else [{"oauth2": [scope] if scope else []}],
        "x-scope": scope,
        "x-changes-state": changes,
        "parameters": [_KEY] if changes else [],
    }
    if produces != JSON:
        described["responses"][str(status)] = {
            "description": "The bytes.",
            "content": {produces: {"schema": {"type": "string"}}},
        }
    described = {**described, **(extra or {})}

    def decorate(view: ViewT) -> ViewT:
        @functools.wraps(view)
        def answered(request: Asked, **given: Any) -> HttpResponse:
            _check_accept(request, produces)
            work = functools.partial(view, request, **given)
            if changes:
                return _once(request, work, status)
            # A refusal of a look is sealed too, from here on.
            request.log_size = log_size() if scope is not None else 0
            return _rendered(request, work(), status)

        auth: Any = NOT_SET
        if scope is not None:
            auth = Needs(scope)
        elif gate is not None:
            auth = gate
        router.api_operation(
            [method],
            path,
            auth=auth,
            response={status: answers if produces == JSON else None},
            summary=(view.__doc__ or "").strip().split("\n")[0].rstrip("."),
            description="\n".join(
                line.strip() for line in (view.__doc__ or "").strip().split("\n")[1:]
            ).strip()
            or None,
            operation_id=view.__name__,
            openapi_extra=described,
        )(answered)
        return view

    return decorate


def rendered(shown: BaseModel, status: int = 200) -> HttpResponse:
    """A body of ours as an answer."""
    return HttpResponse(shown.model_dump_json(), status=status, content_type=JSON)


def _rendered(request: Asked, result: Any, status: int) -> HttpResponse:
    if isinstance(result, Refusal):
        raise of_refusal(result, entry_of_refusal(result, request.by, since=request.log_size))
    return result if isinstance(result, HttpResponse) else rendered(result, status)


def _once(request: Asked, work: Callable[[], Any], status: int) -> HttpResponse:
    key = request.headers.get("Idempotency-Key", "")
    if not 8 <= len(key) <= 128 or not key.isascii() or not key.replace("-", "").replace("_", "").isalnum():
        raise ProblemError(
            "key-missing",
            "send `Idempotency-Key: KEY`, 8 to 128 letters, digits, dashes and underscores, new for each request that "
            "is meant anew; nothing was done",
        )
    assert request.bearer is not None
    digest = request_digest(request.office, client_id=request.bearer.client_id, key=key)
    if not request.server.begins(digest):
        raise _in_progress()
    try:
        return _claimed(request, digest, key, work, status)
    finally:
        request.server.ends(digest)


def _claimed(request: Asked, digest: str, key: str, work: Callable[[], Any], status: int) -> HttpResponse:
    match claim(
        request.office,
        digest,
        person_id=request.by,
        key=key,
        request=f"{request.method} {request.get_full_path()}\n".encode() + request.body,
        server=request.server.id,
        lives=request.server.lives,
    ):
        case Stored(stored_status, content_type, body):
            return HttpResponse(
                body, status=stored_status, content_type=content_type, headers={"Idempotent-Replay": "true"}
            )
        case OtherRequest():
            raise ProblemError(
                "key-reused",
                "this key was used for another request within 24 hours: take a new key for a new request",
            )
        case Unanswered(running=True):
            raise _in_progress()
        case Unanswered(entries=entries):
            raise ProblemError(
                "outcome-unknown",
                "the server stopped before it noted what came of this request. These entries were sealed for this "
                "person since it came in; look at them before you ask anew with a new key",
                {"entries": list(entries)},
            )
        case Claimed() as mine:
            return _done(request, mine, work, status)
    raise AssertionError("a claim is one of these")


def _done(request: Asked, mine: Claimed, work: Callable[[], Any], status: int) -> HttpResponse:
    request.log_size = mine.size
    try:
        try:
            response = _rendered(request, work(), status)
        except CountersealError as error:
            response = as_answer(of_error(error), instance=request.instance)
        except ProblemError as error:
            response = as_answer(error, instance=request.instance)
    except Exception:
        let_go(request.office, mine.digest)
        raise
    # What did not answer may have been done in part: it stays claimed, and the next one is told what is known. So
    # too where the session ended in the middle: whoever it is asks again under the same key, with a new token.
    if response.status_code >= 500 or response.status_code == 401:
        let_go(request.office, mine.digest)
    else:
        answer(
            request.office,
            mine.digest,
            status=response.status_code,
            content_type=response["Content-Type"],
            body=response.content,
        )
    return response


def _in_progress() -> ProblemError:
    return ProblemError(
        "in-progress",
        "the same request is being worked on: ask again with the same key in a moment",
        headers={"Retry-After": "1"},
    )


def _check_accept(request: Asked, produces: str) -> None:
    if "*" not in produces and not request.accepts(produces):
        raise ProblemError("not-acceptable", f"this answers in `{produces}`")
