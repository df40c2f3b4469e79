"""Health, the document, tokens, and for whom a token acts."""

import json
import tempfile

from django.http import HttpResponse
from ninja import Router

from counterseal.api.asking import TOKENS_PER_ADDRESS, Asked, NotTooOften
from counterseal.api.declaring import route
from counterseal.api.oauth import token_answer
from counterseal.api.schemas import Health, TokenAnswer, Whoami
from counterseal.gateway.api_notes import log_size
from counterseal.terms.errors import UnavailableError

outside = Router(tags=["access"])
router = Router(tags=["access"])
_TOKEN_FORM = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": {"type": "string", "const": "client_credentials"},
                    "scope": {
                        "type": "string",
                        "description": "scopes with spaces between; all of the client's unless told",
                    },
                    "client_assertion_type": {
                        "type": "string",
                        "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    },
                    "client_assertion": {
                        "type": "string",
                        "description": "RFC 7523, signed with Ed25519 or ES256",
                    },
                },
            }
        }
    },
}


@route(outside, "GET", "/health", answers=Health)
def read_health(request: Asked) -> Health:
    """Say whether this server can do its work: the log can be read, the disk can be written. Needs no login."""
    size = log_size()
    try:
        with tempfile.TemporaryFile(dir=request.office.home) as file:
            file.write(b"ok")
            file.flush()
    except OSError as error:
        raise UnavailableError(f"the disk cannot be written: {error.strerror or error}") from error
    return Health(status="ok", log_size=size)


@route(router, "GET", "/openapi.json", answers=dict)
def read_document(request: Asked) -> HttpResponse:  # noqa: ARG001 - a route has one
    """Read this document. Needs no login."""
    from counterseal.api.openapi import document  # it is made from these routes

    return HttpResponse(json.dumps(document()), content_type="application/json")


@route(
    router,
    "POST",
    "/token",
    answers=TokenAnswer,
    gate=NotTooOften("tokens", TOKENS_PER_ADDRESS),
    extra={"requestBody": _TOKEN_FORM},
)
def ask_for_token(request: Asked) -> HttpResponse:
    """Ask for a token (OAuth 2.0 client credentials, RFC 6749).

    The client shows its secret (HTTP Basic) or, better, an assertion that it signed (RFC 7523: `iss` and `sub` its
    id, `aud` `urn:counterseal:token`, `exp` within 5 minutes, `jti` used once). A token is good for
    15 minutes and is the session of the client's person: a new one ends the earlier.
    """
    return token_answer(request)


@route(router, "GET", "/whoami", answers=Whoami, scope="")
def read_whoami(request: Asked) -> Whoami:
    """Say for whom the token acts: its client, the person, their roles now, its scopes."""
    assert request.bearer is not None
    return Whoami(
        client=request.bearer.client_id,
        person=request.by,
        roles=sorted(request.office.acting(request.by)),
        scopes=sorted(request.bearer.scopes),
    )
