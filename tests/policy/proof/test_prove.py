"""The properties hold, both solvers say so, and whatever opens the policies is found with a request."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from counterseal.policy import PolicySetInForce
from counterseal.policy.pack import Condition, Policy
from counterseal.policy.proof.errors import DisagreementError
from counterseal.policy.proof.properties import GENERAL, expected_of
from counterseal.policy.proof.prove import Finding, Proof, prove
from counterseal.policy.proof.questions import Rules
from counterseal.policy.proof.replay import OPEN, ask
from counterseal.policy.proof.solvers import answers_of_cvc5, answers_of_z3

Near = list[dict[str, Any]]


def failing(proof: Proof) -> Iterator[Finding]:
    return (finding for finding in proof.findings if finding.counterexample is not None)


@pytest.fixture(scope="module")
def rules(base: PolicySetInForce) -> Rules:
    return Rules.of(base)


class TestTheShippedPacks:
    def test_every_property_is_proved_by_both_solvers(self, base: PolicySetInForce, near: Near) -> None:
        proof = prove(base, {}, near=near)

        assert [f"{f.name}: {f.status}, {f.why}" for f in proof.findings if f.status != "proved"] == []
        assert len(proof.findings) >= 60
        assert {"z3", "cvc5"} == proof.solvers.keys()
        assert proof.forbids[0] == proof.forbids[1] >= 29

    def test_every_property_that_is_promised_is_among_them(self) -> None:
        named = {each.name for each in expected_of([GENERAL])}

        assert {
            "certificate-in-force",
            "authorised-purpose",
            "prior-means",
            "program-code",
            "approved-or-exigent",
            "exigency-has-a-second-person",
            "disapproved-never",
            "witness-needs-a-supervisor",
            "no-protected-basis-alone",
            "no-live-source",
            "no-enforcement-on-a-candidate",
            "no-disclosure-without-authority",
            "three-offices",
            "no-analysis-but-age-estimation",
            "opt-out-is-heard",
            "no-self-approval",
            "no-self-clearance",
        } <= named

    def test_a_property_names_a_clause(self, base: PolicySetInForce) -> None:
        packs = {policy.pack for policy in base.policies}

        assert all(each.clauses and each.says for each in expected_of([GENERAL, *packs]))


class TestWhatOpensThePolicies:
    def test_a_planted_permit_is_found_with_a_request(
        self, base: PolicySetInForce, rules: Rules, near: Near
    ) -> None:
        """`permit(principal, action, resource);` breaks nearly everything, in Cedar's own words."""
        planted = Policy("planted", "hsi-frs-2021", True, OPEN, (Condition("planted", ("x",), "", ""),))
        proof = prove(replace(rules, policies=(*rules.policies, planted)), {}, near=near)

        found = {finding.name: finding.counterexample for finding in failing(proof)}
        assert {
            "certificate-in-force",
            "no-live-source",
            "one-permit-decides",
            "no-self-approval",
        } & found.keys()
        assert not proof.holds
        for example in found.values():
            assert example is not None
            shape = base.shapes[example.action]
            texts = {policy.id: policy.cedar for policy in (*base.policies, planted)}
            assert ask(example.request, shape, texts, base.schema).allowed

    def test_every_forbid_is_missed_when_it_is_deleted(self, rules: Rules, near: Near) -> None:
        """Each in turn: some property fails, with a request that Cedar lets pass once it is gone."""
        forbids = [policy for policy in rules.policies if not policy.permits]
        unseen = []
        for forbid in forbids:
            kept = tuple(policy for policy in rules.policies if policy.id != forbid.id)
            action = next(name for name, shape in rules.shapes.items() if forbid.applies_to(shape))
            without = replace(rules, policies=kept, shapes={action: rules.shapes[action]})
            # One action and one solver for each of these; both agree on the shipped packs above.
            proof = prove(without, {}, near=near, askers=(answers_of_z3,))
            if not any(finding.counterexample for finding in failing(proof)):
                unseen.append(forbid.id)
        assert unseen == []
        assert len(forbids) >= 29

    def test_a_forbid_that_nothing_claims_is_told(self, rules: Rules) -> None:
        idle = Policy(
            "idle",
            "hsi-frs-2021",
            False,
            {**OPEN, "effect": "forbid", "conditions": [{"kind": "when", "body": {"Value": False}}]},
            (Condition("idle", ("HSI-M/4B4-no-live",), "", ""),),
        )
        proof = prove(replace(rules, policies=(*rules.policies, idle)), {}, askers=(answers_of_z3,))

        assert [f.name for f in proof.findings if f.status != "proved"] == ["idle-is-needed"]

    def test_a_policy_that_can_err_is_found(self, rules: Rules, near: Near) -> None:
        """A sum that overflows skips the forbid that makes it."""
        sums = {"+": {"left": _fact("volume", "batch"), "right": {"Value": 1}}}
        erring = Policy(
            "erring",
            "hsi-frs-2021",
            False,
            {
                **OPEN,
                "effect": "forbid",
                "action": {"op": "==", "entity": {"type": "Action", "id": "identification"}},
                "conditions": [{"kind": "when", "body": {">": {"left": sums, "right": {"Value": 2}}}}],
            },
            (Condition("erring", ("HSI-M/4B4-no-live",), "", ""),),
        )
        proof = prove(replace(rules, policies=(*rules.policies, erring)), {}, near=near)

        (found,) = [f for f in failing(proof) if f.name == "policies-never-err"]
        assert found.counterexample is not None
        assert found.counterexample.request["volume"]["batch"] == 2**63 - 1

    def test_a_claim_is_vacuous_where_nothing_is_permitted(self, rules: Rules) -> None:
        """Packs that forbid everything keep every promise, and prove none."""
        everything = replace(
            next(policy for policy in rules.policies if not policy.permits),
            id="everything",
            cedar={**OPEN, "effect": "forbid"},
        )
        proof = prove(replace(rules, policies=(*rules.policies, everything)), {}, askers=(answers_of_z3,))

        by_name = {finding.name: finding.status for finding in proof.findings}
        assert by_name["certificate-in-force"] == "vacuous"
        assert not proof.holds

    def test_facts_that_the_packs_do_not_carry_are_named(self, rules: Rules) -> None:
        shapes = {name: shape for name, shape in rules.shapes.items() if name != "disclosure"}
        proof = prove(replace(rules, shapes=shapes), {}, askers=(answers_of_z3,))

        (found,) = [f for f in proof.findings if f.name == "no-disclosure-without-authority"]
        assert found.status == "not proved"
        assert "the action `disclosure`" in found.why


class TestOverlays:
    def overlay(self, base: PolicySetInForce, *, effect: str) -> Rules:
        more = Policy(
            "more",
            "overlay",
            effect == "permit",
            {
                **OPEN,
                "effect": effect,
                "action": {"op": "==", "entity": {"type": "Action", "id": "disclosure"}},
                "conditions": [{"kind": "when", "body": _fact("disclosure", "caveat_included")}],
            },
            (Condition("more", ("x",), "", ""),),
        )
        rules = Rules.of(base)
        return replace(rules, policies=(*rules.policies, more))

    def test_one_that_permits_is_found(self, base: PolicySetInForce) -> None:
        proof = prove(base, {"overlay": self.overlay(base, effect="permit")}, askers=(answers_of_z3,))

        assert "overlay-only-narrows" in {finding.name for finding in failing(proof)}

    def test_one_that_leaves_nothing_allowed_is_vacuous(self, base: PolicySetInForce) -> None:
        proof = prove(base, {"overlay": self.overlay(base, effect="forbid")}, askers=(answers_of_z3,))

        status = {finding.name: finding.status for finding in proof.findings}
        assert status["overlay-only-narrows"] == "vacuous"
        assert status["more-is-needed"] == "not proved"


class TestTheSolvers:
    SCRIPT = """
        (set-logic ALL) (declare-fun x () Bool)
        (push 1) (assert x) (check-sat) (pop 1)
        (assert (and x (not x))) (check-sat)
    """

    def test_both_read_one_script(self) -> None:
        assert answers_of_z3(self.SCRIPT) == answers_of_cvc5(self.SCRIPT) == ("sat", "unsat")

    def test_a_solver_that_says_otherwise_is_an_error(self, base: PolicySetInForce) -> None:
        def contrary(script: str) -> tuple[str, ...]:
            return tuple("sat" if said == "unsat" else "unsat" for said in answers_of_z3(script))

        with pytest.raises(DisagreementError, match="the solvers disagree on `"):
            prove(base, {}, askers=(answers_of_z3, contrary))

    def test_a_solver_without_an_answer_proves_nothing(self, base: PolicySetInForce) -> None:
        def unsure(script: str) -> tuple[str, ...]:
            return tuple("unknown" for _ in answers_of_z3(script))

        proof = prove(base, {}, askers=(answers_of_z3, unsure))

        assert {finding.status for finding in proof.findings} == {"not proved"}


def _fact(group: str, name: str) -> dict[str, Any]:
    return {".": {"left": {".": {"left": {"Var": "context"}, "attr": group}}, "attr": name}}
