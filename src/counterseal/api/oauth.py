"""The token endpoint: OAuth 2.0 client credentials (RFC 6749) with a secret or a signed assertion (RFC 7523).

An assertion is signed with Ed25519 or ES256, is for us, short-lived, and taken once. A token is a session of the
client's person: how strongly the client showed itself is the session's factor, and the packs say what a role needs.
"""

import json
from collections import defaultdict
from typing import Any

from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    AuthorizationServer,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.errors import (  # type: ignore[import-untyped]
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant  # type: ignore[import-untyped]
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion  # type: ignore[import-untyped]
from django.http import HttpResponse
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from counterseal.api.asking import Asked
from counterseal.api.problems import ProblemError
from counterseal.gateway.api_clients import SCOPES
from counterseal.gateway.api_notes import TOKEN_MINUTES, active_client, first_use, give_token, knows_secret
from counterseal.gateway.office import Office
from counterseal.oversight.models import ApiClient
from counterseal.terms.decisions import Refusal
from counterseal.terms.sessions import Factor

AUDIENCE = "urn:counterseal:token"
FORM = "application/x-www-form-urlencoded"
LONGEST_ASSERTION = 300  # seconds until its `exp`
_LEEWAY = 30
_SIGNED = "signed_assertion"
_ALGORITHMS = ["Ed25519", "EdDSA", "ES256"]


def token_answer(request: Asked) -> HttpResponse:
    """Answer a token request. Errors have the form of RFC 6749, section 5.2.

    Raises:
        ProblemError: the request is no form.
    """
    if request.content_type != FORM:
        raise ProblemError("unsupported-media-type", f"send the token request as `{FORM}`")
    response: HttpResponse = _TokenServer(request).create_token_response(request)
    return response


class _Client:
    """A client as the library asks about it."""

    def __init__(self, office: Office, row: ApiClient) -> None:
        self.office, self.row = office, row

    def check_client_secret(self, secret: str) -> bool:
        return knows_secret(self.office, self.row, secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        uses = _SIGNED if self.row.public_key else "client_secret_basic"
        return endpoint == "token" and method == uses

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _Payload(OAuth2Payload):  # type: ignore[misc]
    """What the form says. A member that stands twice is refused (RFC 6749, 3.2)."""

    def __init__(self, request: Asked) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, values in request.POST.lists():
            self._lists[name] = [str(v) for v in values]

    @property
    def data(self) -> dict[str, str]:
        return {name: values[-1] for name, values in self._lists.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, request: Asked) -> None:
        # Whether TLS was used is for the proxy before us to see to; what a client signs is for this name.
        super().__init__("POST", f"https://{AUDIENCE}/", headers=request.headers)
        self.payload = _Payload(request)

    @property
    def args(self) -> dict[str, str]:
        return {}

    @property
    def form(self) -> dict[str, str]:
        return dict(self.payload.data)


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", _SIGNED)

    def validate_token_request(self) -> None:
        if any(len(values) > 1 for values in self.request.payload.datalist.values()):
            raise InvalidRequestError("A member of the form stands twice.")
        super().validate_token_request()
        asked = frozenset((self.request.payload.scope or "").split())
        if beyond := asked - frozenset(self.request.client.row.scopes):
            known = sorted(beyond & SCOPES.keys())
            raise InvalidScopeError(
                f"the client has not the scope {', '.join(known) or 'that was asked for'}"
            )


class _Assertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """Assertions signed by the client's own key."""

    CLIENT_AUTH_METHOD = _SIGNED

    def __init__(self, request: Asked) -> None:
        super().__init__(leeway=_LEEWAY)
        self._request = request

    def get_audiences(self) -> list[str]:
        return [AUDIENCE]  # never an address: what a request says of the host is the sender's word

    def resolve_client_public_key(self, client: _Client) -> Any:
        if not client.row.public_key:
            raise InvalidClientError(description="This client has no key.")
        return jwk.import_key(client.row.public_key)

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=_ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidClientError(description="The assertion does not hold.") from error
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: Any) -> None:
        at = self._request.office.clock().timestamp()
        expires = claims.get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise InvalidClientError(description="Missing claim: 'exp'")
        if not at - _LEEWAY < expires <= at + LONGEST_ASSERTION + _LEEWAY:
            raise InvalidClientError(
                description="The assertion ran out, or would be valid for more than 5 minutes."
            )
        issued = claims.get("nbf", claims.get("iat", at))
        if isinstance(issued, bool) or not isinstance(issued, int | float) or issued > at + _LEEWAY:
            raise InvalidClientError(description="The assertion is from a time yet to come.")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if not set(map(str, audiences)) & set(self.get_audiences()):
            raise InvalidClientError(description="The assertion is for somebody else.")
        if claims.get("iss") != claims.get("sub"):
            raise InvalidClientError(description="Issuer and subject are not the same.")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 8 <= len(jti) <= 200:
            raise InvalidClientError(description="Missing JWT ID.")
        seconds = LONGEST_ASSERTION + 2 * _LEEWAY
        if not first_use(self._request.office, client_id=claims["sub"], jti=jti, seconds=seconds):
            raise InvalidClientError(description="JWT ID is used before.")


class _TokenServer(AuthorizationServer):  # type: ignore[misc]
    """The library's server, over our clients and for one request."""

    def __init__(self, request: Asked) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self._asked = request
        self.register_grant(_Grant)
        self.register_client_auth_method(_SIGNED, _Assertion(request))

    def query_client(self, client_id: str) -> _Client | None:
        row = active_client(client_id) if client_id.isprintable() else None
        return _Client(self._asked.office, row) if row else None

    def generate_token(self, grant_type: str, client: _Client, **asked: Any) -> dict[str, Any]:  # noqa: ARG002
        scopes = frozenset((asked.get("scope") or "").split()) or frozenset(client.row.scopes)
        return {"token_type": "Bearer", "expires_in": TOKEN_MINUTES * 60, "scope": " ".join(sorted(scopes))}

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Begin the session, and put its token into what is answered."""
        row = request.client.row
        factor = Factor.PHISHING_RESISTANT if row.public_key else Factor.PASSWORD
        begun = give_token(self._asked.office, row, frozenset(token["scope"].split()), factor=factor)
        if isinstance(begun, Refusal):
            raise UnauthorizedClientError(
                "; ".join(f"{u.missing}: {u.remedy} ({u.clause})" for u in begun.unmet)
            )
        token["access_token"] = begun

    def create_oauth2_request(self, request: Asked) -> _Request:
        return _Request(request)

    send_signal = staticmethod(lambda *_given, **_named: None)  # nobody listens

    def handle_response(self, status: int, body: Any, headers: Any) -> HttpResponse:
        response = HttpResponse(json.dumps(body), status=status, content_type="application/json")
        for name, value in headers:
            response[name] = value
        return response
