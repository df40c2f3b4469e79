"""What changes between two sets: found over every request, shown by one that both sets then decide so."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.policy import PolicyLibrary, PolicySetInForce, authorise, instant_of
from counterseal.policy.proof import Difference, ProofError, difference
from counterseal.policy.proof.mutants import with_policy
from counterseal.terms.decisions import Permit

Near = list[dict[str, Any]]
AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
RULES = "hsi-frs-2021/rules.cedar"
VOLUME = "dhs-026-11/rules.cedar"


def in_force(library: PolicyLibrary) -> PolicySetInForce:
    return library.in_force(AT)


@pytest.fixture
def before(library: PolicyLibrary) -> PolicySetInForce:
    return in_force(library)


def kinds(found: Difference) -> set[tuple[str, str]]:
    return {(change.action, change.change) for change in found.changes}


SEARCHES = ("identification", "verification", "two-photographs")


class TestRewording:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("context.volume.batch == 1", "!(context.volume.batch < 1) && context.volume.batch <= 1"),
            (
                "context.support.independent_for_offence >= 1",
                "!(context.support.independent_for_offence < 1)",
            ),
            (
                '["suspect-lead", "victim-lead", "witness-lead"].contains(context.purpose.code)',
                'context.purpose.code == "witness-lead" || '
                '["victim-lead", "suspect-lead"].contains(context.purpose.code)',
            ),
            ("context.probe.captured < context.at", "context.at > context.probe.captured"),
        ],
    )
    def test_other_words_are_equivalent(
        self, old: str, new: str, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        """The digest changes; no request is decided otherwise."""
        after = in_force(packs.edit(RULES, old, new).load())
        found = difference(before, after, near=near)

        assert found.equivalent
        assert found.before != found.after
        assert found.json()["equivalent"] is True

    def test_a_set_is_equivalent_to_itself(self, before: PolicySetInForce) -> None:
        assert difference(before, before).changes == ()


class TestChanges:
    def test_an_added_purpose_is_newly_allowed(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit(RULES, '["suspect-lead", "victim-lead"', '["training-lead", "suspect-lead", "victim-lead"')
        found = difference(before, in_force(packs.load()), near=near)

        assert kinds(found) == {(action, "newly-allowed") for action in SEARCHES}
        assert found.loosens
        for change in found.changes:
            assert change.witness.after is not None
            assert change.witness.after["purpose"]["code"] == "training-lead"

    def test_a_removed_approver_is_newly_allowed_to_approve_alone(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit(RULES, "   context.witness.approver != principal.id &&\n", "")
        found = difference(before, in_force(packs.load()), near=near)

        assert kinds(found) == {(action, "newly-allowed") for action in SEARCHES}
        for change in found.changes:
            facts = change.witness.after
            assert facts is not None
            assert facts["witness"]["approver"] == facts["person"]["id"]

    def test_a_changed_deadline_of_a_duty_is_owed_otherwise(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit("hsi-frs-2021/obligations.cedar", '@within("PT24H")', '@within("P3D")')
        found = difference(before, in_force(packs.load()), near=near)

        assert kinds(found) == {(action, "owed-otherwise") for action in SEARCHES}
        assert {change.duty for change in found.changes} == {"exigent-approval"}
        assert all("3 days" in change.becomes and change.was for change in found.changes)

    def test_a_changed_deadline_in_a_rule_is_newly_allowed_at_that_very_instant(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit(
            "dhs-026-11/rules.cedar", "resource.test.due <= context.at", "resource.test.due < context.at"
        )
        found = difference(before, in_force(packs.load()), near=near)

        assert {change.change for change in found.changes} == {"newly-allowed"}
        for change in found.changes:
            facts = change.witness.after
            assert facts is not None
            assert facts["service"]["test"]["due"] == facts["at"]

    def test_a_dropped_duty_is_no_longer_owed(self, packs: Any, before: PolicySetInForce, near: Near) -> None:
        packs.edit("hsi-frs-2021/obligations.cedar", "context.exigency.claimed || ", "")
        found = difference(before, in_force(packs.load()), near=near)

        assert {(c.change, c.duty) for c in found.changes} == {("no-longer-owed", "supervisor-review")}
        assert found.loosens

    def test_what_is_stricter_is_newly_denied_and_loosens_nothing(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit(VOLUME, "person_today > 20", "person_today > 19")
        found = difference(before, in_force(packs.load()), near=near)

        assert kinds(found) == {(action, "newly-denied") for action in SEARCHES}
        assert not found.loosens
        for change in found.changes:
            assert change.witness.before is not None
            assert change.witness.before["volume"]["person_today"] == 20

    def test_the_two_directions_mirror_each_other(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit(VOLUME, "person_today > 20", "person_today > 19")
        after = in_force(packs.load())
        mirrored = {"newly-denied": "newly-allowed", "newly-allowed": "newly-denied"}

        assert {(a, mirrored[c]) for a, c in kinds(difference(before, after))} == kinds(
            difference(after, before)
        )

    def test_a_witness_changes_as_little_as_it_can(
        self, packs: Any, before: PolicySetInForce, near: Near
    ) -> None:
        packs.edit(VOLUME, "person_today > 20", "person_today > 19")
        found = difference(before, in_force(packs.load()), near=near)

        (change,) = [c for c in found.changes if c.action == "verification"]
        (example,) = [facts for facts in near if facts["action"] == "verification"]
        assert change.witness.before == {**example, "volume": {**example["volume"], "person_today": 20}}


class TestOverlays:
    def test_an_overlay_only_denies_and_each_set_is_asked_for_its_own_facts(
        self, library: PolicyLibrary, base: PolicySetInForce, near: Near
    ) -> None:
        overlays = [pack.source.id for pack in library.packs if pack.source.layer == "overlay"]
        assert overlays
        composed = library.composition(AT)
        # Each alone, and all of them at once.
        for laid in (*([overlay] for overlay in overlays), overlays):
            under = library.composed(composed.over(laid)).in_force(AT)
            found = difference(base, under, near=near)
            assert {c.change for c in found.changes} <= {"newly-denied", "newly-owed"}
            assert found.changes
            assert not found.loosens
            for change in found.changes:
                for facts, policies in ((change.witness.before, base), (change.witness.after, under)):
                    assert facts is not None
                    groups = policies.shapes[change.action].facts.members.keys() | {"action"}
                    assert facts.keys() == groups

    def test_a_fact_of_another_type_cannot_be_compared(self, packs: Any, before: PolicySetInForce) -> None:
        packs.edit(
            "schema.cedarschema",
            '@doc("number of persons submitted in this request")\n  batch: Long',
            '@doc("number of persons submitted in this request")\n  batch: String',
        ).edit(RULES, "context.volume.batch == 1", 'context.volume.batch == "1"')

        with pytest.raises(ProofError, match="of another type before and after"):
            difference(before, in_force(packs.load()))


@settings(max_examples=6, deadline=None)
@given(old=st.integers(1, 12), new=st.integers(1, 12))
def test_a_moved_bound_changes_exactly_the_requests_between(
    old: int, new: int, library: PolicyLibrary, near: Near
) -> None:
    """Both sets decide each witness as they are said to, whatever the two bounds."""

    def bounded(least: int) -> PolicySetInForce:
        policy = next(p for p in library.policies() if p.id == "hsi-search")
        return in_force(with_policy(library, replace(policy, cedar=_bounded(policy.cedar, least))))

    before, after = bounded(old), bounded(new)
    found = difference(before, after, near=near)

    wanted = set() if old == new else {"newly-allowed" if new < old else "newly-denied"}
    assert {change.change for change in found.changes} == wanted
    for change in found.changes:
        for facts, policies in ((change.witness.before, before), (change.witness.after, after)):
            assert facts is not None
            words = facts["purpose"]["narrative"]["distinct_words"]
            assert min(old, new) <= words < max(old, new)
            permitted = isinstance(authorise(facts, policies, at=instant_of(facts)), Permit)
            assert permitted is (words >= (old if policies is before else new))


def _bounded(tree: Any, least: int) -> Any:
    if isinstance(tree, dict):
        if ">=" in tree and tree[">="]["right"] == {"Value": 8}:
            return {">=": {"left": tree[">="]["left"], "right": {"Value": least}}}
        return {key: _bounded(value, least) for key, value in tree.items()}
    return [_bounded(value, least) for value in tree] if isinstance(tree, list) else tree
