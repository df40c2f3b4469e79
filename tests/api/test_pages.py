"""Cursors: everything that is there all the time is seen once, however rows come and go; and nothing is made up."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.gateway.holds import place_hold
from counterseal.gateway.propose_use import propose_use
from interface import Interface
from office import made


def all_pages(interface: Interface, path: str, token: str, limit: int, between=lambda: None) -> list[str]:
    """Ids of every page, one after the other; `between` runs after each."""
    seen, cursor = [], ""
    while True:
        answer = interface.ask("GET", f"{path}?limit={limit}&cursor={cursor}", token=token)
        assert answer.status == 200, answer
        assert 0 < len(answer.json["items"]) <= limit
        seen += [item["id"] for item in answer.json["items"]]
        cursor = answer.json["next"]
        if cursor is None:
            return seen
        between()


def new_use(interface: Interface, name: str) -> str:
    return made(
        propose_use(
            interface.sim.office, name=name, purpose="p", law_enforcement=True, by=interface.sim.who("sol")
        )
    ).id


def test_any_page_size_sees_everything_once(interface):
    names = [new_use(interface, f"use {n}") for n in range(7)]
    token = interface.token("pat")

    @settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(limit=st.integers(1, 9), newcomers=st.booleans())
    def seen_once(limit: int, newcomers: bool) -> None:
        between = (
            (lambda: new_use(interface, interface.sim.office.new_name("more"))) if newcomers else lambda: None
        )
        ids = all_pages(interface, "/api/v1/uses", token, limit, between)
        assert len(ids) == len(set(ids))
        assert set(names) <= set(ids)

    seen_once()


def test_in_order_of_time(interface):
    """Holds come in the order in which they were placed, also those of one instant."""
    case = interface.sim.case()
    placed = [
        made(
            place_hold(
                interface.sim.office,
                about=case.id,
                kind="litigation",
                reason="suit",
                by=interface.sim.who("arc"),
            )
        )
        for _ in range(5)
    ]
    ids = all_pages(interface, "/api/v1/holds", interface.token("arc"), 2)
    assert ids == [hold.id for hold in sorted(placed, key=lambda h: (h.placed_at, h.id))]


def test_computed_listings_too(interface):
    for _ in range(3):
        interface.sim.probe(interface.sim.case())
    token = interface.token("arc")
    whole = interface.ask("GET", "/api/v1/retention/dues?limit=100", token=token).json["items"]
    paged, cursor = [], ""
    while cursor is not None:
        answer = interface.ask("GET", f"/api/v1/retention/dues?limit=2&cursor={cursor}", token=token).json
        paged += answer["items"]
        cursor = answer["next"]
    assert [due["object"] for due in paged] == [due["object"] for due in whole]


@pytest.mark.parametrize("limit", ["0", "-1", "101", "9" * 40, "many", "1.5", ""])
def test_page_sizes_that_are_none(interface, limit):
    answer = interface.ask("GET", f"/api/v1/uses?limit={limit}", token=interface.token("pat"))
    assert answer.problem == "bad-input"


def test_cursors_that_nobody_gave_out(interface):
    for n in range(3):
        new_use(interface, f"use {n}")
    token = interface.token("pat")
    cursor = interface.ask("GET", "/api/v1/uses?limit=1", token=token).json["next"]
    data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [bytes([data[0] ^ 1, *data[1:]]), data[:-3] + b'zz"', data[:16], b"", data[:5], data + b" "]
    tried = [
        "x",
        "%00",
        "A" * 390,
        *(base64.urlsafe_b64encode(f).decode().rstrip("=") or "AA" for f in forged),
    ]
    for text in tried:
        assert interface.ask("GET", f"/api/v1/uses?cursor={text}", token=token).problem == "bad-input", text
    # Of another listing, though signed by us.
    for path in ("/api/v1/services", "/api/v1/searches", f"/api/v1/uses/{interface.sim.agency.use_id}/risks"):
        assert interface.ask("GET", f"{path}?cursor={cursor}", token=token).status in (403, 422)


def test_searches_of_other_peoples_cases_are_not_listed(interface):
    """Whoever is not on the case does not see its requests; a supervisor and the auditors do."""
    mine = interface.sim.searched(by="ines", limit=2).request.id
    theirs = interface.sim.searched(
        by="ivan", limit=2, purpose=interface.sim.another_reason(), why_again="x y z"
    ).request.id
    for short, sees in (
        ("ines", {mine}),
        ("ivan", {theirs}),
        ("sol", {mine, theirs}),
        ("aud", {mine, theirs}),
    ):
        token = interface.token(short)
        listed = interface.ask("GET", "/api/v1/searches", token=token).json["items"]
        assert {row["id"] for row in listed} == sees, short
    assert (
        interface.ask("GET", f"/api/v1/searches/{theirs}", token=interface.token("ines")).problem
        == "role-missing"
    )
