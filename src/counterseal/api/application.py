"""The WSGI application of one office: bounds, one place for faults, headers.

Whatever happens, the answer is JSON: what the routes answer, or a problem (`problems.py`). Front end only.
"""

import re
import sys
import traceback
from typing import cast

from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from ninja.errors import HttpError, ValidationError

from counterseal.api.asking import Asked
from counterseal.api.oauth import FORM
from counterseal.api.problems import MEDIA_TYPE, ProblemError, as_answer, of_error, of_status
from counterseal.api.servers import Server
from counterseal.gateway.office import Office
from counterseal.terms.errors import CountersealError

LARGEST_BODY = 5_000_000  # bytes
_LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)


class Application(WSGIHandler):
    """What a WSGI server calls. `close` when it ends."""

    request_class = Asked

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office
        self.server = Server(office)

    def close(self) -> None:
        """Let go of this server's place."""
        self.server.close()

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and turn every fault into a problem."""
        asked = cast(Asked, request)
        asked.office, asked.server, asked.bearer, asked.log_size = self.office, self.server, None, 0
        asked.instance = f"urn:counterseal:request:{self.office.token(8).hex()}"
        asked.urlconf = "counterseal.api.urls"
        try:
            _read_body(asked)
            response = cast(HttpResponse, self._get_response(asked))  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - the last resort: no traceback reaches a client
            response = as_answer(_problem_of(asked, error), instance=asked.instance)
        if response.status_code >= 400 and not _says_why(asked, response):
            allowed = {"Allow": response["Allow"]} if response.has_header("Allow") else {}
            bare = ProblemError(
                of_status(response.status_code), "see the document at /api/v1/openapi.json", {}, allowed
            )
            response = as_answer(bare, instance=asked.instance)
        response.setdefault("Cache-Control", "no-store")
        response["X-Content-Type-Options"] = "nosniff"
        response.setdefault("Content-Security-Policy", "default-src 'none'")
        response["Content-Length"] = str(len(response.content))
        return response


def _read_body(request: Asked) -> None:
    """Take the whole body in, bounded, and only in the form that is read here."""
    said = request.META.get("CONTENT_LENGTH", "") or "0"
    if not _LENGTH.fullmatch(said):
        raise ProblemError("malformed", "the length of the request is no number")
    if int(said) > LARGEST_BODY:
        raise ProblemError("too-large", f"a request has at most {LARGEST_BODY} bytes; nothing was done")
    request._body = request.META["wsgi.input"].read(int(said))
    if len(request._body) != int(said):
        raise ProblemError("malformed", "the request ended before its length")
    wanted = FORM if request.path.endswith("/token") else "application/json"
    if request.method == "POST" and request._body and request.content_type != wanted:
        raise ProblemError("unsupported-media-type", f"send the body as `{wanted}`")


def _problem_of(request: Asked, error: Exception) -> ProblemError:
    match error:
        case ProblemError():
            return error
        case CountersealError():
            return of_error(error)
        case ValidationError():
            unfit = [
                {"where": "/".join(map(str, e.get("loc", ()))), "says": str(e.get("msg", ""))}
                for e in error.errors
            ]
            return ProblemError("bad-input", "the request does not fit its schema", {"errors": unfit[:50]})
        case Http404():
            return ProblemError("not-found", "there is no such route: see /api/v1/openapi.json")
        case HttpError():
            return ProblemError("malformed", "the body is no JSON")
        case UnreadablePostError() | UnicodeError() | RecursionError():
            return ProblemError("malformed", "the request cannot be read")
        case DatabaseError():
            _note(request, error)
            return ProblemError(
                "unavailable", "the database does not answer; try again", {}, {"Retry-After": "5"}
            )
    _note(request, error)
    return ProblemError(
        "fault", f"report this with `{request.instance}`; `counterseal fsck` says whether all is sound"
    )


def _note(request: Asked, error: Exception) -> None:
    """For the operator's eyes: what went wrong, under the name that the client was told. No body, no token."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    at = f"{where[0].filename}:{where[0].lineno}" if where else "nowhere"
    print(f"{request.instance} {type(error).__name__}: {error} at {at}", file=sys.stderr, flush=True)


def _says_why(request: Asked, response: HttpResponse) -> bool:
    """Whether an answer is in one of the forms that the document declares for what was not done."""
    kind = response.get("Content-Type", "")
    return kind == MEDIA_TYPE or (request.path.endswith("/token") and kind == "application/json")
