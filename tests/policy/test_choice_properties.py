"""What must hold of every claim at a checkpoint and of every search with a partner, whatever the facts say."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.policy import authorise, load_policies
from counterseal.terms.decisions import Permit

ROOT = Path(__file__).parents[2]
IN_FORCE = load_policies(ROOT / "policies").in_force(datetime(2026, 11, 20, 15, tzinfo=UTC))
AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
NEAR = ("2026-11-20T14:59:59Z", "2026-11-20T15:00:00Z", "2026-11-20T15:00:01Z")
STATUSES = (
    "draft", "unreviewed", "under-review", "approved", "approved-with-conditions", "disapproved", "suspended",
    "expired", "",
)  # fmt: skip
CLAIM = {
    "person.active": (True, False),
    "person.roles": (["gate-operator"], ["investigator"], ["gate-operator", "investigator"], []),
    "service.status": STATUSES,
    "service.approval_expires": NEAR,
    "service.modes": (["verification"], ["identification"], []),
    "service.case_types": (["boarding"], []),
    "service.test.status": ("passed", "failed", "none"),
    "use.status": ("active", "under-review", "suspended"),
    "use.law_enforcement": (True, False),
    "claim.reference": ("reference-1", ""),
    "choice.who_may": ("everyone", "us-citizens", ""),
    "choice.told": (True, False),
    "choice.declined": (True, False),
    "choice.says_no_citizen": (True, False),
    "alternative.stated": (True, False),
    "face_capture.done": (True, False),
    "face_capture.liveness_called_for": (True, False),
    "face_capture.liveness": ("not-assessed", "suspicious", "no-attack-seen", "live"),
}
PARTNER = {
    "partner.agency": ("", "city-police"),
    "partner.authority": ("", "statute", "regulation", "agreement", "request"),
    "partner.citation": ("", "Agreement 2026-14"),
    "partner.valid_from": NEAR,
    "partner.valid_until": NEAR,
    "partner.reached_status": STATUSES,
    "partner.bars_it": (True, False),
    "service.status": STATUSES,
    "exigency.claimed": (True, False),
    "exigency.ground": ("escape", ""),
    "exigency.facts_stated": (True, False),
    "exigency.why_no_prior_approval": (True, False),
}


@st.composite
def requests(draw: st.DrawFn, example: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The permitted example with up to six facts drawn anew: near enough to be permitted often."""
    base = json.loads((ROOT / "examples" / f"{example}.json").read_text())
    request = copy.deepcopy(base)
    for path in draw(st.lists(st.sampled_from(sorted(facts)), max_size=6, unique=True)):
        group = request
        *parents, name = path.split(".")
        for parent in parents:
            group = group[parent]
        group[name] = draw(st.sampled_from(facts[path]))
    return request


def permitted(request: dict[str, Any]) -> bool:
    return isinstance(authorise(request, IN_FORCE, at=AT), Permit)


@given(requests("permitted-verify-claim", CLAIM))
@settings(max_examples=500, deadline=None)
def test_no_claim_is_verified_of_whoever_declines(request_: dict[str, Any]) -> None:
    """D-026-11/opt-out: the floor for everybody who does not say otherwise, and everyone where the data say so."""
    choice = request_["choice"]
    if choice["declined"] and (choice["who_may"] == "everyone" or not choice["says_no_citizen"]):
        assert not permitted(request_)


@given(requests("permitted-verify-claim", CLAIM))
@settings(max_examples=500, deadline=None)
def test_a_permitted_claim_has_everything(request_: dict[str, Any]) -> None:
    """Told, an alternative, one reference, outside law enforcement, an approved service, nothing suspicious."""
    if not permitted(request_):
        return
    seen = request_["face_capture"]
    assert request_["choice"]["told"]
    assert request_["alternative"]["stated"]
    assert request_["claim"]["reference"]
    assert not request_["use"]["law_enforcement"]
    assert request_["use"]["status"] == "active"
    assert request_["service"]["status"] in ("approved", "approved-with-conditions")
    assert "verification" in request_["service"]["modes"]
    assert seen["liveness"] in ("not-assessed", "no-attack-seen")
    if seen["done"] and seen["liveness_called_for"]:
        assert seen["liveness"] == "no-attack-seen"


@given(requests("permitted-verify-claim", CLAIM))
@settings(max_examples=300, deadline=None)
def test_taking_a_no_back_never_closes_and_a_no_never_opens(request_: dict[str, Any]) -> None:
    """A choice can only stop a comparison."""
    no, yes = copy.deepcopy(request_), copy.deepcopy(request_)
    no["choice"]["declined"], yes["choice"]["declined"] = True, False

    assert permitted(yes) or not permitted(no)


@given(requests("permitted-partner-search", PARTNER))
@settings(max_examples=500, deadline=None)
def test_no_search_reaches_what_is_barred_through_a_partner(request_: dict[str, Any]) -> None:
    """HSI-M/4C3-disapproved and 3-sharing: with or without an emergency, whatever the partner says."""
    if not permitted(request_):
        return
    partner = request_["partner"]
    assert partner["reached_status"] != "disapproved"
    if partner["agency"]:
        assert partner["reached_status"] in ("approved", "approved-with-conditions")
        assert partner["authority"] in ("statute", "regulation", "agreement")
        assert partner["citation"]
        assert partner["valid_from"] <= "2026-11-20T15:00:00Z" < partner["valid_until"]
        assert not partner["bars_it"]


def test_the_properties_are_not_about_nothing() -> None:
    """The examples themselves are permitted, so that a permit is among what is drawn."""
    assert all(
        permitted(json.loads((ROOT / "examples" / f"{name}.json").read_text()))
        for name in ("permitted-verify-claim", "permitted-partner-search")
    )
