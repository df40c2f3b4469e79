"""What holds for every request, not only for the cases."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.policy import authorise, instant_of, load_policies
from counterseal.policy.engine import Asked
from counterseal.policy.facts import Facts, read_facts
from counterseal.policy.schema import LeafType
from counterseal.terms.decisions import Permit, Refusal

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = load_policies(ROOT / "policies")
EXAMPLES: Mapping[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((ROOT / "examples").glob("permitted-*.json"))
}
AT = instant_of(EXAMPLES["permitted-search"])
IN_FORCE = LIBRARY.in_force(AT)

# Words that the policies know, so that generated requests come near a permit.
WORDS = {
    "service.status": ["draft", "unreviewed", "under-review", "approved", "approved-with-conditions", "disapproved",
                       "suspended", "expired"],
    "exigency.ground": ["physical-harm", "destruction-of-evidence", "escape", "frustration-of-lawful-efforts", ""],
    "probe.subject_role": ["suspect", "victim", "witness", "bystander"],
    "exigency.approver": ["", "person-4f2a", "person-b3c9"],
    "witness.approver": ["", "person-4f2a", "person-b3c9"],
    "event.approver": ["", "person-4f2a", "person-b3c9"],
    "probe.bases_of_collection": [["observed-conduct"], ["race"], [], ["speech"], ["race", "observed-conduct"]],
}  # fmt: skip


def value_of(path: str, kind: LeafType) -> st.SearchStrategy[Any]:
    if path in WORDS:
        return st.sampled_from(WORDS[path])
    match kind:
        case LeafType.BOOL:
            return st.booleans()
        case LeafType.LONG:
            return st.integers(0, 30)
        case LeafType.DATETIME:
            return st.sampled_from(["2020-01-01T00:00:00Z", "2026-11-20T15:00:00Z", "2030-01-01T00:00:00Z"])
        case LeafType.STRINGS:
            return st.lists(st.sampled_from(["investigator", "identification", "fraud", "race"]), max_size=3)
        case _:
            return st.sampled_from(["", "open", "passed", "2026-01", "person-b3c9"])


@st.composite
def searches(draw: st.DrawFn, most: int = 12) -> dict[str, Any]:
    """A permitted search with some facts changed to others of their type."""
    request = copy.deepcopy(EXAMPLES["permitted-search"])
    leaves = LIBRARY.shapes["identification"].leaves
    paths = sorted(set(leaves) - {"at"})
    for path in draw(st.lists(st.sampled_from(paths), max_size=most, unique=True)):
        put(request, path, draw(value_of(path, leaves[path].type)))
    return request


def put(request: dict[str, Any], path: str, value: object) -> None:
    *groups, name = path.split(".")
    for part in groups:
        request = request[part]
    request[name] = value


def decide(request: Any) -> Permit | Refusal:
    return authorise(request, IN_FORCE, at=AT)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JUNK)
def test_junk_is_refused_and_never_raises(junk: object) -> None:
    assert isinstance(decide(junk), Refusal)


@given(st.data())
@settings(max_examples=200)
def test_junk_in_one_place_is_never_permitted_unless_it_is_the_fact_itself(data: st.DataObject) -> None:
    request = copy.deepcopy(data.draw(st.sampled_from(list(EXAMPLES.values()))))
    path = data.draw(st.sampled_from(sorted(LIBRARY.shapes[request["action"]].leaves)))
    put(request, path, data.draw(JUNK.filter(lambda junk: not isinstance(junk, bool | int | str | list))))

    assert isinstance(decide(request), Refusal)


@given(st.data())
def test_a_permitted_request_without_any_one_fact_is_refused(data: st.DataObject) -> None:
    request = copy.deepcopy(data.draw(st.sampled_from(list(EXAMPLES.values()))))
    path = data.draw(st.sampled_from(sorted(LIBRARY.shapes[request["action"]].leaves)))
    *groups, name = path.split(".")
    group = request
    for part in groups:
        group = group[part]
    del group[name]

    refusal = decide(request)

    assert isinstance(refusal, Refusal)
    assert any(f"`{path}`" in unmet.missing for unmet in refusal.unmet)


@given(searches(most=25))
@settings(max_examples=300)
def test_a_disapproved_service_is_never_permitted(request: dict[str, Any]) -> None:
    """HSI-M/4C3-disapproved: whatever else holds, and it is always among the clauses named."""
    request["service"]["status"] = "disapproved"

    refusal = decide(request)

    assert isinstance(refusal, Refusal)
    assert "HSI-M/4C3-disapproved" in refusal.clauses


@given(searches())
@settings(max_examples=400)
def test_a_permit_agrees_with_the_engine_and_a_refusal_explains_itself(request: dict[str, Any]) -> None:
    """No permit with errors or against Cedar; no refusal that names nothing, and none without cause."""
    facts = read_facts(request, IN_FORCE.shapes, at=AT)
    assert isinstance(facts, Facts)
    bare = Asked(facts.question, IN_FORCE.schema).put_to(IN_FORCE.compiled, IN_FORCE.schema)

    decision = decide(request)

    assert isinstance(decision, Permit) is (bare.allowed and not bare.errors)
    if isinstance(decision, Refusal):
        assert "road/engine" not in decision.clauses
        # Whatever Cedar calls a determining forbid, the explanation names too.
        assert set(bare.reasons) <= set(decision.policies)


@given(searches())
@settings(max_examples=300)
def test_no_search_of_ones_own_approval(request: dict[str, Any]) -> None:
    """Whoever asks is nobody's approver: of a witness, of an event, of an emergency."""
    request["witness"]["approver"] = request["event"]["approver"] = request["person"]["id"]
    request["exigency"]["approver"] = request["person"]["id"]

    if isinstance(decide(request), Permit):
        assert request["probe"]["subject_role"] != "witness"
        assert not request["probe"]["protected_event"]
        assert not (request["exigency"]["claimed"] and request["exigency"]["prior_approval"])


@given(searches())
@settings(max_examples=300)
def test_an_emergency_waives_the_review_and_the_prior_means_only(request: dict[str, Any]) -> None:
    """A permit in an emergency is one on an approved service with a prior step too, and loses nothing by it."""
    request["exigency"] |= {
        "claimed": True, "ground": "escape", "facts_stated": True, "prior_approval": False,
        "why_no_prior_approval": True, "overdue": 0,
    }  # fmt: skip
    exigent = decide(request)
    calm = copy.deepcopy(request)
    calm["exigency"]["claimed"] = False
    calm["service"] |= {"status": "approved", "approval_expires": "2030-01-01T00:00:00Z"}
    calm["prior_means"] = {"count": 1, "latest": "2020-01-01T00:00:00Z"}

    if isinstance(exigent, Permit):
        assert isinstance(decide(calm), Permit)
        assert "exigent-approval" in [o.name for o in exigent.obligations]


@given(searches())
@settings(max_examples=300)
def test_claiming_an_emergency_never_spares_another_clause(request: dict[str, Any]) -> None:
    """What a claim can lift is HSI-M/4A2 and HSI-M/4C1; every other clause named without it is named with it."""
    request["exigency"]["claimed"] = False
    calm = decide(request)
    request["exigency"]["claimed"] = True
    exigent = decide(request)

    if isinstance(calm, Refusal):
        named = set(calm.clauses) - {"HSI-M/4A2-traditional-means", "HSI-M/4C1-approved"}
        assert named <= set(exigent.clauses if isinstance(exigent, Refusal) else ())


@given(searches(most=25))
@settings(max_examples=200)
def test_the_same_request_is_decided_the_same(request: dict[str, Any]) -> None:
    """In whatever order its facts stand."""
    turned = dict(reversed(list(request.items())))

    assert decide(request) == decide(turned)
