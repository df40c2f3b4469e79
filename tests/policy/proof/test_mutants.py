"""Mutants: each change is made once, the solver says which let more through, and a blind eye is noticed."""

import copy
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from counterseal.policy import PolicyLibrary, PolicySetInForce, authorise, instant_of
from counterseal.policy.cases import load_cases
from counterseal.policy.engine import policies_of
from counterseal.policy.pack import Condition, Policy
from counterseal.policy.proof import mutants as module
from counterseal.policy.proof.mutants import Hunt, mutants_of, neighbours_of, with_policy
from counterseal.policy.proof.questions import Rules
from counterseal.terms.decisions import Permit


def policy(text: str) -> Policy:
    (cedar,) = policies_of(text)
    return Policy("p", "some-pack", cedar["effect"] == "permit", cedar, (Condition("p", ("x",), "", ""),))


def changes(text: str) -> list[str]:
    return [mutant.change for mutant in mutants_of(policy(text))]


class TestEveryPoint:
    def test_a_conjunction(self) -> None:
        made = changes("permit (principal, action, resource) when { context.a && context.b };")

        assert "condition 1: (context.a && context.b): `&&` becomes `||`" in made
        assert "condition 1: (context.a && context.b): the left side dropped" in made
        assert "condition 1: (context.a && context.b): the right side dropped" in made
        assert "condition 1: (context.a && context.b) becomes true" in made
        assert "condition 1: context.b negated" in made

    def test_bounds_words_and_comparisons(self) -> None:
        made = changes(
            'forbid (principal, action, resource) unless { context.n >= 8 && ["a", "b"].contains(context.t) };'
        )

        assert "the forbid dropped" in made
        assert "condition 1: `unless` becomes `when`" in made
        assert {"condition 1: 8 becomes 7", "condition 1: 8 becomes 9"} <= set(made)
        assert {f"condition 1: (context.n >= 8): becomes `{other}`" for other in ("<", "<=", ">")} <= set(
            made
        )
        assert 'condition 1: ["a", "b"] without "a"' in made
        assert 'condition 1: ["a", "b"] with a word more' in made

    def test_scopes(self) -> None:
        made = changes(
            'forbid (principal, action in [Action::"a", Action::"b"], resource is S) when { true };'
        )

        assert {
            "action: without `a`",
            "action: without `b`",
            "action: anything",
            "resource: anything",
        } <= set(made)

    def test_a_fact_is_taken_for_its_neighbour(self, base: PolicySetInForce) -> None:
        """The wrong one of two versions, the wrong approver: what a reader overlooks."""
        (search,) = [each for each in base.policies if each.id == "hsi-search"]
        made = {mutant.change for mutant in mutants_of(search, neighbours_of(base.shapes.values()))}

        assert {
            "condition 10: context.certificate.best_practice_version becomes `safeguards_version`",
            "condition 1: principal.active becomes `active`",
        } & made == {"condition 10: context.certificate.best_practice_version becomes `safeguards_version`"}
        assert "condition 7: context.purpose.narrative.stop_listed becomes `repeated`" in made

    def test_each_is_made_once_and_none_is_the_original(self, base: PolicySetInForce) -> None:
        for each in base.policies:
            made = [mutant.policy.cedar for mutant in mutants_of(each)]
            assert len(made) >= 2
            assert each.cedar not in made
            assert all(made.index(cedar) == n for n, cedar in enumerate(made[:60]))

    def test_the_original_is_left_alone(self, base: PolicySetInForce) -> None:
        (search,) = [each for each in base.policies if each.id == "hsi-search"]
        before = copy.deepcopy(search.cedar)
        assert len(list(mutants_of(search))) >= 500
        assert search.cedar == before


@pytest.fixture(scope="module")
def hunt(base: PolicySetInForce) -> Hunt:
    return Hunt(Rules.of(base))


class TestTheHunt:
    def one(self, hunt: Hunt, identifier: str, change: str) -> Any:
        (found,) = [m for m in hunt.mutants if m.policy.id == identifier and change in m.change]
        return hunt.verdict(found)

    def test_a_dropped_forbid_that_a_permit_repeats_still_widens_its_pack(self, hunt: Hunt) -> None:
        verdict = self.one(hunt, "hsi-disapproved-service", "the forbid dropped")

        assert verdict.widens
        assert verdict.killed_by == "property hsi-bars-disapproved-services"

    def test_what_is_stricter_does_not_count(self, hunt: Hunt) -> None:
        assert not self.one(hunt, "hsi-search", "8 becomes 9").widens
        assert self.one(hunt, "hsi-search", "8 becomes 7").killed_by == "property authorised-purpose"

    def test_every_fortieth_mutant_is_killed(self, hunt: Hunt) -> None:
        """All of them: tools/mutants.py, a gate of its own."""
        verdicts = [hunt.verdict(mutant) for mutant in hunt.mutants[::40]]
        said = Counter(verdict.killed_by.split(" ")[0] for verdict in verdicts if verdict.widens)

        assert said["property"] >= 30
        assert len(verdicts) >= 60

    def test_without_claims_and_cases_a_mutant_survives_with_a_request(
        self, library: PolicyLibrary, base: PolicySetInForce, monkeypatch: pytest.MonkeyPatch, near: Any
    ) -> None:
        monkeypatch.setattr(module, "expected_of", lambda packs: ())
        hunt = Hunt(Rules.of(base), near=near)
        verdict = self.one(hunt, "hsi-search", "8 becomes 7")

        assert verdict.survives
        bare = library.composed(library.composition(instant_of(verdict.request)).over(()))
        changed = with_policy(bare, verdict.mutant.policy)
        decided = [
            isinstance(authorise(verdict.request, each.in_force(at), at=at), Permit)
            for at in [instant_of(verdict.request)]
            for each in (bare, changed)
        ]
        assert decided == [False, True]

    def test_a_case_kills_what_no_property_does(
        self, library: PolicyLibrary, base: PolicySetInForce, monkeypatch: pytest.MonkeyPatch, root: Any
    ) -> None:
        monkeypatch.setattr(module, "expected_of", lambda packs: ())
        cases = load_cases(root / "policies", root / "examples")
        hunt = Hunt(Rules.of(base), library=library, cases=cases)

        verdict = self.one(hunt, "hsi-search", "8 becomes 7")
        assert verdict.killed_by.startswith("case ")
        assert not verdict.survives


def test_with_policy_changes_one_policy_and_nothing_else(library: PolicyLibrary) -> None:
    (search,) = [each for each in library.policies() if each.id == "hsi-search"]
    changed = with_policy(
        library, replace(search, cedar={**search.cedar, "conditions": search.cedar["conditions"]})
    )

    assert changed.policies() == library.policies()
    assert changed is not library
