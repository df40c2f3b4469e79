"""What authorise() answers, and each trap of the engine closing."""

import copy
from datetime import datetime, timedelta
from typing import Any

import cedarpy
import pytest

from counterseal.policy import PolicyError, PolicyLibrary, authorise, instant_of
from counterseal.policy.engine import Asked, Question, Uid, compile_set, policies_of
from counterseal.terms.decisions import Permit, Refusal, Unmet

NO_INSTANT = '`probe.captured` is not an instant like "2026-11-20T15:00:00Z".'
OVERFLOW = "context.volume.person_today + 9223372036854775807 > 5"
SEARCHES = '[Action::"verification", Action::"two-photographs", Action::"identification"]'


def _leaves(group: dict[str, Any], prefix: str = "") -> list[str]:
    paths: list[str] = []
    for name, value in group.items():
        paths += _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return paths


def _without(request: dict[str, Any], path: str) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    *groups, name = path.split(".")
    group = changed
    for part in groups:
        group = group[part]
    del group[name]
    return changed


class TestPermit:
    def test_carries_clauses_policy_digest_and_obligations(
        self, search, decide, library: PolicyLibrary
    ) -> None:
        permit = decide(search)

        assert isinstance(permit, Permit)
        assert permit.policies == ("hsi-search",)
        assert permit.pack_digest == library.in_force(instant_of(search)).digest
        assert {"HSI-M/4A3-training", "D-026-11/testing", "HSI-M/4C3-disapproved"} <= set(permit.clauses)
        assert len(set(permit.clauses)) == len(permit.clauses)
        assert [(o.name, o.clause, o.owner, o.within) for o in permit.obligations] == [
            ("note-result", "HSI-M/4E2-results", "investigator", timedelta(days=14))
        ]

    def test_an_exigent_use_owes_its_approval_within_24_hours(self, search, decide) -> None:
        search["exigency"] |= {
            "claimed": True, "ground": "escape", "facts_stated": True, "why_no_prior_approval": True
        }  # fmt: skip

        permit = decide(search)

        owed = {o.name: o for o in permit.obligations}
        assert owed["exigent-approval"].within == timedelta(hours=24)
        assert owed["exigent-approval"].owner == "supervisor"

    def test_every_action_has_a_permitted_example(self, examples, decide, library: PolicyLibrary) -> None:
        assert {e["action"] for e in examples.values()} == set(library.shapes)
        assert all(isinstance(decide(e), Permit) for e in examples.values())


class TestRefusal:
    def test_names_everything_that_is_unmet_at_once(self, search, decide) -> None:
        """JFL/clear-process: nobody is sent round in circles."""
        search["case"]["status"] = "closed"
        search["certificate"]["best_practice_version"] = "old"
        search["probe"]["from_live_feed"] = True
        search["service"]["status"] = "disapproved"
        search["service"]["test"]["status"] = "failed"

        refusal = decide(search)

        assert set(refusal.clauses) == {
            "HSI-M/4A1-purpose", "HSI-M/3-own-investigation", "HSI-M/4A3-best-practice", "HSI-M/4B4-no-live",
            "HSI-M/4C3-disapproved", "HSI-M/4C1-approved", "D-026-11/testing",
        }  # fmt: skip
        assert set(refusal.policies) == {"hsi-live-feed", "hsi-disapproved-service", "dhs-test-failed"}
        assert {u.condition for u in refusal.unmet} >= {"ground", "best-practice", "approved-service"}
        assert all(u.missing.endswith(".") and u.remedy.endswith(".") for u in refusal.unmet)

    def test_says_both_ways_to_a_purpose(self, search, decide) -> None:
        search["case"]["assigned"] = False

        (first, _) = decide(search).unmet

        assert "two ways" in first.remedy
        assert "open case" in first.remedy and "program" in first.remedy

    def test_every_single_absent_fact_names_a_clause_and_the_remedy(self, examples, decide) -> None:
        """Done when 3."""
        seen = 0
        for name, request in examples.items():
            for path in _leaves(request):
                refusal = decide(_without(request, path), at=instant_of(request))
                assert isinstance(refusal, Refusal), (name, path)
                assert any(f"`{path}`" in u.missing or path == "action" for u in refusal.unmet), (name, path)
                assert all(u.clause and u.remedy for u in refusal.unmet)
                if path not in ("action", "at"):
                    assert any(not c.startswith("road/facts") for c in refusal.clauses), (name, path)
                seen += 1
        assert seen > 300

    def test_an_absent_fact_does_not_hide_the_other_conditions(self, search, decide) -> None:
        del search["case"]["status"]
        search["probe"]["sketch"] = True

        refusal = decide(search)

        assert refusal.policies == ("hsi-sketch",)
        assert (
            Unmet(
                "HSI-M/4A1-purpose",
                "Not stated: `case.status`.",
                "State `case.status`: open, closed, or none where there is no case.",
                "road/facts",
            )
            in refusal.unmet
        )

    def test_an_absent_group_is_named_fact_by_fact(self, search, decide) -> None:
        del search["terms"]

        assert decide(search).clauses == ("HSI-M/4C4-terms",)

    def test_null_is_absent(self, search, decide) -> None:
        search["terms"]["accepted_version"] = None

        (unmet,) = decide(search).unmet

        assert unmet.missing == "Not stated: `terms.accepted_version`."

    @pytest.mark.parametrize(
        ("path", "value", "says"),
        [
            ("case.assigned", "true", "`case.assigned` is not true or false."),
            ("case.assigned", 1, "`case.assigned` is not true or false."),
            ("probe.faces", True, "`probe.faces` is not a whole number, zero or more."),
            ("probe.faces", 1.0, "`probe.faces` is not a whole number, zero or more."),
            ("probe.faces", -1, "`probe.faces` is not a whole number, zero or more."),
            ("probe.faces", 2**63, "`probe.faces` is not a whole number, zero or more."),
            ("case.status", 3, "`case.status` is not a text of at most 4096 characters."),
            ("case.status", "x" * 4097, "`case.status` is not a text of at most 4096 characters."),
            ("case.status", "\ud800", "`case.status` is not a text of at most 4096 characters."),
            ("person.roles", "investigator", "`person.roles` is not a list of at most 256 texts."),
            ("person.roles", [1], "`person.roles` is not a list of at most 256 texts."),
            ("person.roles", ["a"] * 257, "`person.roles` is not a list of at most 256 texts."),
            ("probe.captured", "2026-11-15", NO_INSTANT),
            ("probe.captured", "2026-11-15T20:10:00", NO_INSTANT),
            ("probe.captured", "2026-02-30T20:10:00Z", NO_INSTANT),
            ("probe.captured", "0001-01-01T00:00:00+23:59", NO_INSTANT),
            ("probe.captured", 5, NO_INSTANT),
            ("purpose.narrative", "long enough", "`purpose.narrative` is not a group of facts."),
            ("case", ["open"], "`case` is not a group of facts."),
        ],
    )
    def test_a_wrong_type_is_refused(self, search, decide, path: str, value: object, says: str) -> None:
        *groups, name = path.split(".")
        group = search
        for part in groups:
            group = group[part]
        group[name] = value

        refusal = decide(search)

        assert (refusal.unmet[0].clause, refusal.unmet[0].missing) == ("road/facts", says)

    def test_an_unknown_fact_is_refused(self, search, decide) -> None:
        """A misspelt fact must not pass for a stated one."""
        search["probe"]["facse"] = 1
        search["override"] = True
        search[7] = "seven"

        refusal = decide(search)

        assert [u.missing for u in refusal.unmet] == [
            "`probe.facse` is not a fact of identification.",
            "`override` is not a fact of identification.",
            "`7` is not a fact of identification.",
        ]

    def test_a_fact_of_another_action_is_refused(self, search, decide) -> None:
        search["claim"] = {"reference": "reference-1"}

        assert decide(search).clauses == ("road/facts",)

    def test_another_instant_than_the_decision_s_is_refused(self, search, decide) -> None:
        """Nobody dates a request back to when a certificate was valid."""
        refusal = decide(search, at=instant_of(search) + timedelta(seconds=1))

        assert refusal.clauses == ("road/facts",)
        assert "another instant" in refusal.unmet[0].missing

    def test_the_same_instant_in_another_zone_is_the_same(self, search, decide) -> None:
        at = instant_of(search)
        search["at"] = "2026-11-20T10:00:00.000999-05:00"

        assert isinstance(decide(search, at=at), Permit)

    @pytest.mark.parametrize("request_", [None, [], "identification", 4])
    def test_what_is_no_object_is_refused(self, library: PolicyLibrary, search, request_: Any) -> None:
        at = instant_of(search)

        assert authorise(request_, library.in_force(at), at=at).clauses == ("road/facts",)

    @pytest.mark.parametrize("action", [None, "match", 3, ["identification"], {}])
    def test_an_unknown_action_is_refused(self, search, library: PolicyLibrary, action: Any) -> None:
        at = instant_of(search)
        search["action"] = action

        refusal = authorise(search, library.in_force(at), at=at)

        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("road/facts",)
        assert "identification" in refusal.unmet[0].remedy

    def test_an_instant_without_zone_is_the_caller_s_fault(self, search, library: PolicyLibrary) -> None:
        naive = datetime(2026, 11, 20, 15)  # noqa: DTZ001

        with pytest.raises(PolicyError, match="time zone"):
            authorise(search, library.in_force(instant_of(search)), at=naive)
        with pytest.raises(PolicyError, match="time zone"):
            library.in_force(naive)

    def test_a_request_without_an_instant_has_no_instant(self) -> None:
        with pytest.raises(PolicyError, match="states no instant `at`"):
            instant_of({"at": "today"})


class TestTraps:
    """Seen in the engine; each is shown to be there, and shut."""

    @pytest.fixture(autouse=True)
    def _let_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Loading refuses what can err (tests/policy/test_load.py); the decision must hold without that."""
        monkeypatch.setattr("counterseal.policy.pack.can_err", lambda _: "")

    def test_an_erring_forbid_is_a_refusal(self, packs, search, decide) -> None:
        """Cedar skips a policy that errs, forbids too, and says Allow."""
        packs.append(
            "dhs-026-11/rules.cedar",
            '@id("erring")\n@clause("D-026-11/no-mass-surveillance")\n@missing("m")\n@remedy("r")\n'
            f"forbid (principal, action in {SEARCHES}, resource)\nwhen {{ {OVERFLOW} }};\n",
        )
        library = packs.load()
        in_force = library.in_force(instant_of(search))

        refusal = decide(search, library=library)

        bare = _bare(search, in_force)
        assert bare.allowed and bare.reasons == ("hsi-search",) and bare.errors
        assert not bare.allows
        assert isinstance(refusal, Refusal)
        assert refusal.clauses == ("D-026-11/no-mass-surveillance",)
        assert refusal.unmet[0].missing == "The policy `erring` could not be evaluated."
        assert refusal.unmet[0].condition == "road/engine"

    def test_an_erring_condition_of_the_permit_is_a_refusal(self, packs, search, decide) -> None:
        packs.edit(
            "hsi-frs-2021/rules.cedar",
            "context.volume.batch == 1",
            f"context.volume.batch == 1 && {OVERFLOW}",
        )

        refusal = decide(search, library=packs.load())

        assert refusal.clauses == ("HSI-M/4B4-no-public-surveillance",)
        assert "`hsi-search/one-person` could not be evaluated" in refusal.unmet[0].missing

    def test_an_erring_obligation_is_a_refusal(self, packs, search, decide) -> None:
        packs.append(
            "hsi-frs-2021/obligations.cedar",
            '@id("erring")\n@duty("d")\n@clause("HSI-M/4E2-results")\n@owner("o")\n@within("P1D")\n@says("s")\n'
            f"permit (principal, action in {SEARCHES}, resource)\nwhen {{ {OVERFLOW} }};\n",
        )

        refusal = decide(search, library=packs.load())

        assert refusal.clauses == ("HSI-M/4E2-results",)
        assert refusal.unmet[0].missing == "The policy `erring` could not be evaluated."

    def test_an_absent_attribute_would_pass_an_unvalidated_forbid(self, library: PolicyLibrary) -> None:
        """Why `has` is refused on load, and why a decision is asked with the schema."""
        (forbid, permit) = policies_of(
            "forbid (principal, action, resource) when { context has probe && context.probe.sketch };"
            "permit (principal, action, resource);"
        )
        question = Question(Uid("Person", "p"), "disclosure", Uid("Record", "r"), {}, {}, {})

        answer = Asked(question, None).put_to(compile_set({"forbid": forbid, "permit": permit}), None)

        assert answer.allows

    def test_a_request_that_does_not_fit_the_schema_has_no_answer(self, library: PolicyLibrary) -> None:
        permit = policies_of("permit (principal, action, resource);")
        in_force = library.in_force(datetime.fromisoformat("2026-01-01T00:00:00Z"))
        sets = compile_set({"permit": permit[0]})
        whole = Question(
            Uid("Person", "p"), "disclosure", Uid("Record", "r"),
            {"id": "p", "active": True, "roles": []}, {"id": "r"}, {},
        )  # fmt: skip
        bare = Question(Uid("Person", "p"), "disclosure", Uid("Record", "r"), {}, {}, {})

        context_wrong = Asked(whole, in_force.schema).put_to(sets, in_force.schema)
        entities_wrong = Asked(bare, in_force.schema).put_to(sets, in_force.schema)

        assert not context_wrong.allows and "expected the record" in context_wrong.errors[0]
        assert not entities_wrong.allows and "does not conform to the schema" in entities_wrong.errors[0]

    def test_ids_that_the_parser_gives_are_positions(self) -> None:
        """Why policies go in as JSON under their own @id."""
        text = '@id("mine")\npermit (principal, action, resource);'
        request = {"principal": 'A::"a"', "action": 'Action::"a"', "resource": 'A::"a"', "context": {}}

        by_text = cedarpy.is_authorized(request, text, [])
        by_id = cedarpy.is_authorized(request, compile_set({"mine": policies_of(text)[0]}), [])

        assert by_text.diagnostics.reasons == ["policy0"]
        assert by_id.diagnostics.reasons == ["mine"]

    def test_an_allow_that_names_no_policy_is_none(self) -> None:
        from counterseal.policy.engine import Answer

        assert not Answer(True, (), ()).allows
        assert not Answer(True, ("p",), ("e",)).allows
        assert not Answer(False, ("p",), ()).allows
        assert Answer(True, ("p",), ()).allows

    def test_no_decision_without_an_error_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        silent = cedarpy.AuthzResult({"decision": "NoDecision", "diagnostics": {}})
        monkeypatch.setattr(cedarpy, "is_authorized", lambda *args: silent)
        question = Question(Uid("Person", "p"), "disclosure", Uid("Record", "r"), {}, {}, {})

        assert Asked(question, None).put_to(compile_set({}), None).errors == ("the engine made no decision",)

    def test_a_refusal_is_never_empty(
        self, search, decide, library: PolicyLibrary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the engine denies and the explanation finds nothing, the refusal says just that."""
        original = Asked.put_to

        def denying(self: Asked, policies: Any, schema: Any, context: Any = None) -> Any:
            answer = original(self, policies, schema, context)
            return answer if schema is None else type(answer)(False, (), ())

        monkeypatch.setattr(Asked, "put_to", denying)

        refusal = decide(search)

        assert refusal.clauses == ("road/engine",)

    def test_another_policy_than_the_action_s_permit_does_not_permit(
        self, search, decide, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = Asked.put_to

        def other(self: Asked, policies: Any, schema: Any, context: Any = None) -> Any:
            answer = original(self, policies, schema, context)
            return answer if schema is None else type(answer)(True, ("hsi-search", "stranger"), ())

        monkeypatch.setattr(Asked, "put_to", other)

        assert isinstance(decide(search), Refusal)


def _bare(request: dict[str, Any], in_force: Any) -> Any:
    """What Cedar alone says."""
    from counterseal.policy.facts import Facts, read_facts

    facts = read_facts(request, in_force.shapes, at=instant_of(request))
    assert isinstance(facts, Facts)
    return Asked(facts.question, in_force.schema).put_to(in_force.compiled, in_force.schema)
