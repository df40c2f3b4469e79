"""One request: at which office, for whom, and how it is turned away."""

import base64
import hmac
import json
from datetime import datetime
from typing import Any, TypeVar, cast

from django.core.handlers.wsgi import WSGIRequest
from django.db.models import Model, Q, QuerySet

from counterseal.api.problems import ProblemError, not_authenticated
from counterseal.api.servers import Server
from counterseal.gateway.api_clients import keyed
from counterseal.gateway.api_notes import Bearer, bearer_of, wait_before
from counterseal.gateway.office import Office
from counterseal.gateway.readers import may_read

PUBLIC_WINDOW = 60  # seconds
PUBLIC_PER_ADDRESS = 20
PUBLIC_IN_ALL = 600
TOKENS_PER_ADDRESS = 60
PAGE = 50
_SIGNATURE = 16

RowT = TypeVar("RowT", bound=Model)


class Asked(WSGIRequest):
    """A request on its way through the interface. office: of its session, once somebody is known."""

    office: Office
    server: Server
    instance: str
    urlconf: str
    bearer: Bearer | None
    log_size: int

    @property
    def by(self) -> str:
        """The person who acts."""
        assert self.bearer is not None  # routes with a scope have one
        return self.bearer.person_id

    def told(self, register: str, *, case_id: str = "") -> None:
        """Turn away whoever may not read this register.

        Raises:
            ProblemError: role-missing.
        """
        if not may_read(self.office, register, by=self.by, case_id=case_id):
            raise ProblemError(
                "role-missing", f"the person behind this token holds no role that reads {register}"
            )


class Needs:
    """Authentication of one route: a token with this scope."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def __call__(self, request: Asked) -> bool:
        """Find out for whom the token speaks.

        Raises:
            ProblemError: not-authenticated, scope-missing.
        """
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = bearer_of(request.office, token.strip()) if kind.lower() == "bearer" else None
        if bearer is None:
            raise not_authenticated(
                "ask for a token at /api/v1/token and send it as `Authorization: Bearer TOKEN`",
                invalid=bool(kind),
            )
        if self.scope and self.scope not in bearer.scopes:
            raise ProblemError(
                "scope-missing",
                f"this needs the scope `{self.scope}`; the token has: {' '.join(sorted(bearer.scopes))}",
                {"scope": self.scope},
                {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self.scope}"'},
            )
        request.bearer, request.office = bearer, bearer.office
        return True


class NotTooOften:
    """The gate of a route without login: so many requests from one address, and so many in all."""

    def __init__(self, what: str, per_address: int) -> None:
        self.what, self.per_address = what, per_address

    def __call__(self, request: Asked) -> bool:
        """Count this request.

        Raises:
            ProblemError: too-many-requests, with the seconds to wait.
        """
        address = request.META.get("REMOTE_ADDR", "")
        limits = ((f"{self.what} from {address}", self.per_address), (f"{self.what} in all", PUBLIC_IN_ALL))
        for what, at_most in limits:
            if wait := wait_before(request.office, what, at_most=at_most, seconds=PUBLIC_WINDOW):
                raise ProblemError(
                    "too-many-requests",
                    f"at most {at_most} in {PUBLIC_WINDOW} seconds; nothing was done",
                    headers={"Retry-After": str(wait)},
                )
        return True


def known(model: type[RowT], row_id: str, what: str) -> RowT:
    """The row of this id.

    Raises:
        ProblemError: not-found.
    """
    row = model._default_manager.filter(pk=row_id).first()
    if row is None:
        raise ProblemError("not-found", f"there is no {what} of this id")
    return row


def page_of(
    request: Asked, rows: "QuerySet[RowT]", *, cursor: str, limit: int, by: str = ""
) -> tuple[list[RowT], str | None]:
    """One page of these rows in a stable order, and the cursor of the next.

    by: an instant that is never changed and orders them before their id. A row that is there all the time is seen
    exactly once, however many come and go meanwhile.

    Raises:
        ProblemError: bad-input, for a cursor that this listing did not give out.
    """
    listing = f"{request.path} {by}"
    after = _opened(request, listing, cursor) if cursor else None
    if after is not None:
        value, last = after
        if by:
            value = datetime.fromisoformat(value)
            rows = rows.filter(Q(**{f"{by}__gt": value}) | Q(**{by: value, "pk__gt": last}))
        else:
            rows = rows.filter(pk__gt=last)
    found = list(rows.order_by(*([by] if by else []), "pk")[: limit + 1])
    if len(found) <= limit:
        return found, None
    final = found[limit - 1]
    value = getattr(final, by).isoformat() if by else None
    return found[:limit], _sealed(request, listing, [value, final.pk])


def place_of(request: Asked, *, cursor: str, listing: str) -> int:
    """The place at which a page of a computed listing begins.

    Raises:
        ProblemError: bad-input, for a cursor that this listing did not give out.
    """
    return cast(int, _opened(request, listing, cursor)[0]) if cursor else 0


def cursor_at(request: Asked, place: int, *, listing: str) -> str:
    """The cursor of the page that begins at this place."""
    return _sealed(request, listing, [place, ""])


def _sealed(request: Asked, listing: str, last: list[Any]) -> str:
    said = json.dumps(last)
    tag = bytes.fromhex(keyed(request.office, "cursor", listing, said))[:_SIGNATURE]
    return base64.urlsafe_b64encode(tag + said.encode()).decode().rstrip("=")


def _opened(request: Asked, listing: str, cursor: str) -> list[Any]:
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        tag, said = data[:_SIGNATURE], data[_SIGNATURE:].decode()
        wanted = bytes.fromhex(keyed(request.office, "cursor", listing, said))[:_SIGNATURE]
        if not hmac.compare_digest(tag, wanted):
            raise ValueError("another signature")
        last: list[Any] = json.loads(said)
    except ValueError as error:
        raise ProblemError(
            "bad-input", "this listing gave out no such cursor: begin at the first page"
        ) from error
    return last
