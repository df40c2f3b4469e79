"""Every route, under its path. What is not here is a problem `not-found`."""

from importlib.metadata import version
from typing import NoReturn

from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from counterseal.api.routes import (
    access,
    checkpoints,
    clauses,
    log,
    records,
    redress,
    reviews,
    searches,
    services,
    uses,
)

V1 = "/api/v1"
DESCRIPTION = (
    "The gateway that every face recognition use of an agency passes through, for machines. Each route calls the "
    "same verb as the command line; policy decides, the log seals, a refusal names its clauses and what is missing. "
    "A candidate is a possible lead at most, never an identification."
)

api = NinjaAPI(
    title="Counterseal",
    version=version("counterseal"),
    description=DESCRIPTION,
    docs_url=None,
    openapi_url=None,
    urls_namespace="counterseal",
)
api.add_router("", access.outside)
for _routes in (access, checkpoints, redress, services, uses, searches, reviews, records, clauses, log):
    api.add_router(V1, _routes.router)


def _through(_request: HttpRequest, error: Exception) -> NoReturn:
    """Every fault is answered in one place: `application.py`."""
    raise error


for _kind in (Exception, HttpError, ValidationError):
    api.add_exception_handler(_kind, _through)  # type: ignore[arg-type]

urlpatterns = [path("", api.urls)]
