"""What the interface answers when it does not do what was asked: RFC 9457, with a stable type for each kind.

Each type is `urn:counterseal:problem:<code>` and stands in docs/reference/http-api.md. A refusal names its clauses,
each unmet condition with its remedy, and the entry that sealed it. No answer holds a traceback or HTML.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from counterseal.gateway.sealing import SessionOverError
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import (
    BadInputError,
    CountersealError,
    IntegrityError,
    StaleError,
    UnavailableError,
)

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:counterseal:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. title: the same each time."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read"),
    "key-missing": Kind(400, "A request that changes state needs an idempotency key"),
    "not-authenticated": Kind(401, "A valid token is needed"),
    "refused": Kind(403, "Refused by policy"),
    "scope-missing": Kind(403, "The token is not for this part of the interface"),
    "role-missing": Kind(403, "The person behind the token may not read this"),
    "not-found": Kind(404, "There is no such thing here"),
    "method-not-allowed": Kind(405, "This method does nothing here"),
    "not-acceptable": Kind(406, "No form of the answer is acceptable to you"),
    "stale": Kind(409, "Somebody was faster, or it was done already"),
    "in-progress": Kind(409, "The same request is being worked on"),
    "outcome-unknown": Kind(409, "What came of this request is not known"),
    "too-large": Kind(413, "The request is too large"),
    "unsupported-media-type": Kind(415, "The request is in a form that is not read here"),
    "bad-input": Kind(422, "What was brought cannot be used as it is"),
    "key-reused": Kind(422, "The idempotency key was used for another request"),
    "too-many-requests": Kind(429, "Too many requests"),
    "fault": Kind(500, "A fault of this program"),
    "integrity-failure": Kind(503, "Something sealed does not hold any more"),
    "unavailable": Kind(503, "Something that is needed does not answer"),
}


@dataclass
class ProblemError(Exception):
    """Answer with this problem. more: further members. headers: of the answer."""

    code: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def as_answer(error: ProblemError, *, instance: str) -> HttpResponse:
    """A problem as an answer. instance: the urn of the request."""
    return HttpResponse(
        document(error.code, error.detail, instance=instance, more=error.more),
        status=KINDS[error.code].status,
        content_type=MEDIA_TYPE,
        headers=dict(error.headers),
    )


def document(code: str, detail: str, *, instance: str, more: Mapping[str, Any] | None = None) -> bytes:
    """The JSON of a problem."""
    kind = KINDS[code]
    said: dict[str, Any] = {
        "type": PREFIX + code,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        **(more or {}),
    }
    return json.dumps(said).encode()


def not_authenticated(detail: str, *, invalid: bool) -> ProblemError:
    """Nobody is known behind this request. invalid: a token was given that counts no more (RFC 6750, 3.1)."""
    given = ', error="invalid_token"' if invalid else ""
    return ProblemError(
        "not-authenticated", detail, headers={"WWW-Authenticate": f'Bearer realm="counterseal"{given}'}
    )


def of_error(error: CountersealError) -> ProblemError:
    """The problem that an error of ours is."""
    match error:
        case IntegrityError():
            return ProblemError("integrity-failure", str(error))
        case UnavailableError():
            return ProblemError("unavailable", str(error), headers={"Retry-After": "5"})
        case SessionOverError():
            return not_authenticated(str(error), invalid=True)
        case StaleError():
            return ProblemError("stale", str(error))
        case BadInputError():
            return ProblemError("bad-input", str(error))
    return ProblemError("bad-input", str(error))


def refused_members(refusal: Refusal, entry: int | None) -> dict[str, Any]:
    """What a refusal says beside title and detail. entry: index of the entry that sealed it, where one did."""
    return {
        "clauses": list(refusal.clauses),
        "unmet": [{"clause": u.clause, "missing": u.missing, "remedy": u.remedy} for u in refusal.unmet],
        "entry": entry,
    }


def of_refusal(refusal: Refusal, entry: int | None) -> ProblemError:
    """The problem that a refusal is."""
    detail = "; ".join(u.missing for u in refusal.unmet)
    return ProblemError("refused", detail, refused_members(refusal, entry))


def of_status(status: int) -> str:
    """The code for a bare HTTP status, for answers that a library made."""
    for code in (
        "malformed",
        "not-authenticated",
        "not-found",
        "method-not-allowed",
        "too-large",
        "unavailable",
    ):
        if KINDS[code].status == status:
            return code
    if status in (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HTTPStatus.REQUEST_URI_TOO_LONG):
        return "too-large"
    return "malformed" if status < 500 else "fault"
