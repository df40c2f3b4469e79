"""The committed document is what the routes are, and says of each what a client must know."""

import json
from pathlib import Path
from typing import Any

import pytest

from counterseal import bootstrap  # noqa: F401 - settings first
from counterseal.api.openapi import document, text
from counterseal.api.problems import KINDS
from counterseal.gateway.api_clients import SCOPES

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs/reference/openapi.json"
PAGE = ROOT / "docs/reference/http-api.md"
OPERATIONS = [
    (f"{method.upper()} {path}", path, method, said)
    for path, methods in document()["paths"].items()
    for method, said in methods.items()
]
WITHOUT_LOGIN = {
    "GET /health",
    "GET /api/v1/openapi.json",
    "POST /api/v1/token",
    "GET /api/v1/opt-out/rule",
    "POST /api/v1/opt-out/choices",
    "POST /api/v1/opt-out/withdrawals",
    "POST /api/v1/opt-out/complaints",
    "POST /api/v1/redress",
    "POST /api/v1/redress/status",
    "GET /api/v1/clauses",
    "GET /api/v1/figures",
}


def test_the_committed_document_is_what_the_routes_are() -> None:
    """`python -m counterseal.api.openapi > docs/reference/openapi.json` writes it anew."""
    assert text() == COMMITTED.read_text("utf-8")
    assert document()["openapi"].startswith("3.1")
    assert len(OPERATIONS) >= 49


def test_every_reference_is_there() -> None:
    found = 0

    def look(node: Any) -> None:
        nonlocal found
        if isinstance(node, dict):
            if "$ref" in node:
                found += 1
                at: Any = document()
                for part in node["$ref"].removeprefix("#/").split("/"):
                    at = at[part]
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(document())
    assert found > 100


@pytest.mark.parametrize(("label", "path", "method", "said"), OPERATIONS, ids=[o[0] for o in OPERATIONS])
def test_every_operation_says_what_a_client_must_know(
    label: str, path: str, method: str, said: dict[str, Any]
) -> None:
    """Summary, id, scope, problems; a key where state changes; 403 and 401 where a token is needed."""
    assert len(said["summary"]) > 10 and said["operationId"]
    assert {"400", "500", "503"} <= set(said["responses"])
    if label in WITHOUT_LOGIN:
        assert said["security"] == []
        assert said["x-scope"] is None
    else:
        ((scopes,),) = (list(s.values()) for s in said["security"])
        assert set(scopes) <= set(SCOPES)
        assert {"401", "403"} <= set(said["responses"])
    if method == "post" and label not in WITHOUT_LOGIN:
        assert said["x-changes-state"]
        assert any(p["name"] == "Idempotency-Key" and p["required"] for p in said["parameters"])
        assert {"409", "413", "415", "422"} <= set(said["responses"])
    if method == "get":
        assert not said["x-changes-state"]
    assert ("{" in path) == ("404" in said["responses"])


def test_every_scope_opens_something_and_nothing_else_is_asked() -> None:
    asked = {s for _, _, _, said in OPERATIONS for sec in said["security"] for s in sec["oauth2"]}
    assert asked == set(SCOPES)


def test_operation_ids_are_distinct() -> None:
    ids = [said["operationId"] for _, _, _, said in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_listings_have_cursors() -> None:
    """Each listing is paged, and bounded at 100."""
    listings = [said for _, _, _, said in OPERATIONS if said["operationId"].startswith("list_")]
    assert len(listings) >= 9
    for said in listings:
        parameters = {p["name"]: p["schema"] for p in said["parameters"]}
        assert {"cursor", "limit"} <= set(parameters)
        assert (parameters["limit"]["minimum"], parameters["limit"]["maximum"]) == (1, 100)


def test_no_schema_but_the_reveal_knows_rank_or_score() -> None:
    """Before both reviews are locked nothing that is answered can carry them."""
    schemas = document()["components"]["schemas"]
    with_them = {n for n, s in schemas.items() if {"rank", "score"} & set(s.get("properties", {}))}
    assert with_them == {"RevealedCandidate"}


def test_the_reference_page_lists_each_problem_and_each_operation() -> None:
    page = PAGE.read_text("utf-8")
    for code, kind in KINDS.items():
        assert f"| `{code}` | {kind.status} |" in page, code
    for label, _, _, _ in OPERATIONS:
        assert f"`{label}`" in page, label
    for scope in SCOPES:
        assert f"`{scope}`" in page, scope


def test_nothing_is_fetched_from_elsewhere() -> None:
    """No page of ours loads an asset; the document names no other host."""
    assert "http://" not in json.dumps(document()) and "cdn" not in json.dumps(document()).lower()
