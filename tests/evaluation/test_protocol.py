"""Plans say what they mean or are refused; a verdict is a pass only when the whole interval says so."""

import copy
import json
import random
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.evaluation.bootstrap import NAMELESS, NOT_RESAMPLED
from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.protocol import (
    CorpusCard,
    Outcome,
    Plan,
    PlanError,
    document_digest,
    judge,
    overall,
    verdict_document,
)
from measured import CARD, ENOUGH, PLAN_TOML, TARGET, goal, plan, plan_document, rate, result_document

RATIO_OF_TWO = goal("fmr", scope="ratio", grouping="sex", limit=rate(2, "ratio"))


class TestReadingAPlan:
    def test_from_toml_and_back(self) -> None:
        read = Plan.from_toml(PLAN_TOML)

        assert read.fmr_targets == (0.01, 0.001, 0.0001)
        assert read.goals[0].limit.at_most == 0.033
        assert read.labels_of("sex x age")[1] == "female x 40 and over"
        assert Plan.from_json(json.loads(json.dumps(read.as_json()))) == read

    def test_the_digest_is_of_the_meaning_not_of_the_writing(self) -> None:
        """The order of tables and 0.0330 for 0.033 change nothing; every other change does."""
        read = Plan.from_toml(PLAN_TOML)
        shuffled = list(read.as_json().items())
        random.Random(3).shuffle(shuffled)

        assert Plan.from_json(dict(shuffled)).digest() == read.digest()
        as_rate = PLAN_TOML.replace('3.3, unit = "percent"', '0.0330, unit = "rate"')
        assert Plan.from_toml(as_rate).digest() == read.digest()
        assert Plan.from_toml(PLAN_TOML.replace("3.3,", "3.4,")).digest() != read.digest()

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"titel": "x"}, "`titel` is no key here; is `title` meant"),
            ({"title": " "}, "`title` is a text"),
            ({"title": None}, "`title` is missing"),
            ({"goals": []}, "`goals` is empty"),
            ({"goals": None}, "`goals` is missing"),
            ({"goals": [goal("fnmr"), goal("fnmr")]}, "`goals` gives an id twice"),
            ({"goals": [goal("fnmr", scope="each-group")]}, r"`goals\[0\].grouping` is given for every scope"),
            ({"goals": [goal("fnmr", scope="each-group", grouping="age")]}, r"`age` is not among `groupings`"),
            ({"goals": [goal("fnmr", limit=0.05)]}, r"`goals\[0\].limit` has a number and its unit"),
            ({"goals": [goal("fnmr", limit={"at_most": 0.05})]}, r"`goals\[0\].limit` has a number and its unit"),
            ({"goals": [goal("fnmr", limit=rate(5))]}, r"`goals\[0\].limit.at_most` is 5, outside 0 to 1"),
            ({"goals": [goal("fnmr", limit=rate(2, "ratio"))]}, r"`goals\[0\].limit.unit` is one of rate, percent"),
            (
                {"goals": [goal("fmr", scope="ratio", grouping="sex", limit=rate(0.9, "ratio"))]},
                r"`goals\[0\].limit.at_most` is 0.9, outside 1",
            ),
            (
                {"goals": [RATIO_OF_TWO | {"margin": rate(3, "ratio")}]},
                r"`goals\[0\].margin` is for a ratio",
            ),
            ({"goals": [goal("fnmr", at_fmr=0.02)]}, r"`goals\[0\].at_fmr` is one of `fmr_targets`"),
            ({"goals": [goal("fta", at_fmr=TARGET)]}, r"`goals\[0\].at_fmr` is one of `fmr_targets`"),
            ({"goals": [goal("fta", scope="each-group", grouping="sex")]}, r"fta is measured over everybody only"),
            ({"goals": [goal("fpir", at_threshold=0.5)]}, "fpir is measured by searches, and the mode"),
            ({"goals": [goal("fnmr", extra=1)]}, r"`goals\[0\].extra` is no key here"),
            ({"goals": ["fnmr"]}, r"`goals\[0\]` is not a table"),
            ({"operating_fmr": 0.5}, "`operating_fmr` is one of `fmr_targets`"),
            ({"fmr_targets": [0.01, TARGET]}, "at least three different rates"),
            ({"fmr_targets": [0.01, TARGET, float("nan")]}, r"`fmr_targets\[2\]` is a number"),
            ({"fmr_targets": [0.01, TARGET, True]}, r"`fmr_targets\[2\]` is a number"),
            ({"confidence": 0.2}, "`confidence` is 0.2, outside 0.9"),
            ({"bootstrap": 39}, "`bootstrap` is 0 or enough"),
            ({"bootstrap": -1}, "`bootstrap` is a whole number of at least 0"),
            ({"mode": "recognition"}, "`mode` is one of verification"),
            ({"corpus": "abc"}, "`corpus` is a SHA-256"),
            ({"schema": "counterseal-test-plan-2"}, "`schema` is counterseal-test-plan-1"),
            ({"groupings": [{"name": "sex", "how": "inferred", "labels": ["A", "B"]}]}, "self-declared"),
            ({"groupings": [{"name": "sex", "how": "document", "labels": ["A"]}]}, "names at least two groups"),
            ({"groupings": [{"name": "sex", "how": "document", "labels": ["A", "A"]}]}, "names something twice"),
            ({"groupings": [{"name": "a x b", "how": "document", "labels": ["A", "B"]}]}, "stands between the parts"),
            ({"intersections": [["sex", "age"]]}, r"`intersections\[0\]`: `age` is not among"),
            ({"smallest_group": {"subjects": 0}}, "`smallest_group.subjects` is a whole number"),
            ({"system": {"service": "s", "engine_id": "e"}}, "`system.version` is missing"),
            ({"expected": {"non_mated": 5_000}}, "0.0001 cannot be measured with 5,000 non-mated"),
            ({"expected": {"mated": 40}}, r"`goals\[0\].limit`: 0.05 cannot be shown: without a single error in 40"),
            ({"expected": {"pairs": 40}}, "`expected.pairs` is no key"),
        ],
    )  # fmt: skip
    def test_a_fault_is_named_with_its_place(self, changes, says) -> None:
        with pytest.raises(PlanError, match=says):
            plan(**changes)

    @pytest.mark.parametrize("missing", sorted(set(plan_document()) - {"groupings"}))
    def test_what_is_required_is_required(self, missing) -> None:
        document = plan_document()
        del document[missing]

        with pytest.raises(PlanError, match=missing):
            Plan.from_json(document)

    def test_no_toml(self) -> None:
        with pytest.raises(PlanError, match="no TOML"):
            Plan.from_toml("title = ")

    def test_one_to_one_goals_alone_are_no_plan_for_searches(self) -> None:
        """1:1 results do not carry over to 1:N."""
        asked = {"mode": "identification", "list_length": 20, "database_size": 1000}
        with pytest.raises(PlanError, match="do not carry over"):
            plan(**asked)
        with pytest.raises(PlanError, match="database_size"):
            plan(mode="identification", list_length=20)
        assert plan(**asked, goals=[goal("miss-rate")]).goals[0].at_fmr is None

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_anything_else_is_refused_as_input(self, rubbish) -> None:
        """Whatever stands under whatever key: a plan, or an error that names the key."""
        for key in ("goals", "system", "groupings", "fmr_targets", "smallest_group", "intersections", "seed"):
            try:
                read = plan(**{key: rubbish})
            except PlanError as error:
                assert "`" in str(error)
            else:
                assert Plan.from_json(read.as_json()).digest() == read.digest()


class TestCorpusCard:
    def test_there_and_back(self) -> None:
        card = CorpusCard.from_json(CARD)

        assert CorpusCard.from_json(card.as_json()) == card
        assert card.digest() == document_digest(card.as_json())

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"consent": ""}, "`consent` is a text"),
            ({"people": 0}, "`people` is a whole number"),
            ({"pepole": 3}, "`pepole` is no key here; is `people` meant"),
            ({"time_lapse_days": {"q1": 3, "median": 1, "q3": 9}}, "ascending"),
            ({"time_lapse_days": {"q1": 3, "median": 4}}, "`time_lapse_days.q3` is missing"),
        ],
    )
    def test_faults(self, changes, says) -> None:
        with pytest.raises(PlanError, match=says):
            CorpusCard.from_json(CARD | changes)


class TestVerdicts:
    def one(self, stated, **counted):
        """The verdict on a plan of this one goal."""
        made = plan(goals=[stated])
        (verdict,) = judge(made, result_document(made, **counted))
        return verdict

    @pytest.mark.parametrize(
        ("errors", "expected"), [(40, Outcome.PASS), (200, Outcome.NOT_SHOWN), (400, Outcome.FAIL)]
    )
    def test_the_whole_interval_decides(self, errors, expected) -> None:
        """40, 200 and 400 of 4,000 against a limit of 5 %: below, across, above."""
        verdict = self.one(goal("fnmr"), everybody=ENOUGH | {"fnmr": (errors, 4_000)})

        assert verdict.verdict == expected
        assert (verdict.counts.errors, verdict.counts.trials) == (errors, 4_000)
        assert verdict.interval == pytest.approx(clopper_pearson(errors, 4_000))

    @given(st.integers(0, 4_000), st.integers(0, 1_000))
    @settings(max_examples=50, deadline=None)
    def test_never_a_pass_where_the_interval_reaches_above(self, errors, per_mille) -> None:
        limit = per_mille / 1000
        verdict = self.one(goal("fnmr", limit=rate(limit)), everybody=ENOUGH | {"fnmr": (errors, 4_000)})

        low, high = clopper_pearson(errors, 4_000)
        assert (verdict.verdict == Outcome.PASS) == (high <= limit)
        assert (verdict.verdict == Outcome.FAIL) == (low > limit)

    def test_no_errors_in_few_trials_is_no_pass(self) -> None:
        """Resampled, the interval of no error has no width: the exact one stands."""
        made = plan(goals=[goal("fnmr")])
        result = result_document(made, everybody=ENOUGH | {"fnmr": (0, 20)})
        for row in result["thresholds"]:
            row["fnmr_interval"], row["method"] = [0.0, 0.0], "bootstrap over subjects"

        (verdict,) = judge(made, result)

        assert verdict.verdict == Outcome.NOT_SHOWN
        assert verdict.interval[1] == pytest.approx(0.168433, abs=1e-6)

    def test_every_group_must_pass_and_the_worst_is_named(self) -> None:
        each = goal("fmr", scope="each-group", grouping="sex", limit=rate(0.002))
        bad, thin = ENOUGH | {"fmr": (2_000, 400_000)}, ENOUGH | {"fmr": (800, 400_000)}

        assert self.one(each).verdict == Outcome.PASS
        assert self.one(each, groups={"A": ENOUGH, "B": thin}).verdict == Outcome.NOT_SHOWN
        failed = self.one(each, groups={"A": thin, "B": bad})
        assert (failed.verdict, failed.group) == (Outcome.FAIL, "B")
        assert "B: the whole interval breaks the limit" in failed.why

    @pytest.mark.parametrize("turned", [False, True])
    def test_a_ratio_holds_both_ways(self, turned) -> None:
        """Four times as often is four times as often, whichever group is named first."""
        ratio = goal("fmr", scope="ratio", grouping="sex", limit=rate(2, "ratio"))
        four = {"A": ENOUGH | {"fmr": (800, 400_000)}, "B": ENOUGH}
        if turned:
            four = {"A": four["B"], "B": four["A"]}

        assert self.one(ratio).verdict == Outcome.PASS
        assert self.one(ratio, groups=four).verdict == Outcome.FAIL
        none = {"A": ENOUGH | {"fmr": (0, 400)}, "B": ENOUGH | {"fmr": (0, 400)}}
        assert self.one(ratio, groups=none).verdict == Outcome.NOT_SHOWN

    def test_a_difference_holds_both_ways(self) -> None:
        difference = goal("fnmr", scope="difference", grouping="sex", limit=rate(0.02))
        far = ENOUGH | {"fnmr": (400, 4_000)}

        assert self.one(difference).verdict == Outcome.PASS
        for groups in ({"A": far, "B": ENOUGH}, {"A": ENOUGH, "B": far}):
            assert self.one(difference, groups=groups).verdict == Outcome.FAIL

    def test_failures_to_acquire(self) -> None:
        assert self.one(goal("fta")).verdict == Outcome.PASS
        assert self.one(goal("fte")).verdict == Outcome.NOT_SHOWN


def _drop(*path):
    def change(result):
        for key in path[:-1]:
            result = result[key]
        del result[path[-1]]

    return change


def _put(*path_and_value):
    *path, key, value = path_and_value

    def change(result):
        for each in path:
            result = result[each]
        result[key] = value

    return change


ALL_SCOPES = [
    goal("fnmr"),
    goal("fmr", scope="each-group", grouping="sex", limit=rate(0.002)),
    goal("fmr", scope="ratio", grouping="sex", limit=rate(2, "ratio")),
    goal("fnmr", scope="difference", grouping="sex", limit=rate(0.02)),
]
OVERALL, EACH, RATIO, DIFFERENCE = range(4)
EVERY = {OVERALL, EACH, RATIO, DIFFERENCE}
BY_GROUP = EVERY - {OVERALL}


class TestNotShown:
    """Whatever was not measured as planned shows nothing, and says why."""

    @pytest.mark.parametrize(
        ("change", "touched", "why"),
        [
            (_put("schema", "other"), EVERY, "schema"),
            (_put("settings", "confidence", 0.9), EVERY, "confidence was 0.9, planned was 0.95"),
            (_put("settings", "bootstrap", 5), EVERY, "bootstrap"),
            (_put("settings", "non_mated_rule", "all"), EVERY, "non_mated_rule"),
            (_drop("settings"), EVERY, "confidence was None"),
            (_drop("thresholds"), EVERY, "at the target FMR 0.001"),
            (_put("thresholds", 1, "target_fmr", 0.002), EVERY, "target FMR 0.001"),
            (_put("thresholds", 1, "threshold", 0.7), BY_GROUP, "another threshold"),
            (_put("thresholds", 1, "measurable", False), {OVERALL}, "too few comparisons"),
            (_put("thresholds", 1, "fnmr_interval", None), {OVERALL}, "no interval"),
            (_put("thresholds", 1, "fnmr_interval", [0.02, 0.03]), {OVERALL}, "does not hold the rate"),
            (_put("thresholds", 1, "fnmr_count", None), {OVERALL}, "counts"),
            (_put("thresholds", 1, "method", NOT_RESAMPLED), {OVERALL}, "too narrow"),
            (_put("thresholds", 1, "method", f"FMR: clopper-pearson; FNMR: {NAMELESS}"), {OVERALL}, "too narrow"),
            (_put("thresholds", 1, "method", f"FMR: {NAMELESS}; FNMR: clopper-pearson"), set(), ""),
            (_put("groups", 0, "rates", 1, "method", NOT_RESAMPLED), BY_GROUP, "too narrow"),
            (_put("n_mated", 3), {OVERALL}, "counts"),
            (_put("n_mated", 0), {OVERALL}, "counts"),
            (_put("groups", 0, "group", "C"), BY_GROUP, "no group `A`"),
            (_put("groups", 0, "evaluated", False), BY_GROUP, "not evaluated"),
            (_put("groups", 0, "subjects", 29), BY_GROUP, "too small: subjects is 29, planned were at least 30"),
            (_put("groups", 0, "subjects", None), BY_GROUP, "too small"),
            (_put("groups", 0, "how", "measured"), BY_GROUP, "membership was measured, planned was self-declared"),
            (_put("groups", 0, "rates", []), {EACH}, "nothing was measured"),
            (_put("groups", 1, "rates", 1, "threshold", 0.2), {EACH}, "another threshold than everybody"),
            (_put("differentials", []), {RATIO, DIFFERENCE}, "no differences"),
            (_put("differentials", 1, "pairs", []), {RATIO, DIFFERENCE}, "were not compared"),
            (_put("differentials", 1, "non_mated_rule", "all"), {RATIO, DIFFERENCE}, "another rule"),
            (_put("differentials", 1, "pairs", 0, "ratio_interval", [None, None]), {RATIO}, "no interval"),
        ],
    )  # fmt: skip
    def test_what_differs_from_the_plan(self, change, touched, why) -> None:
        made = plan(goals=ALL_SCOPES)
        result = result_document(made)
        assert overall(judge(made, result)) == Outcome.PASS
        change(result)

        verdicts = judge(made, result)

        assert {n for n, v in enumerate(verdicts) if v.verdict == Outcome.NOT_SHOWN} == touched
        assert all(why in verdicts[n].why for n in touched), [v.why for v in verdicts]
        assert overall(verdicts) == (Outcome.NOT_SHOWN if touched else Outcome.PASS)

    @staticmethod
    @cache
    def _failing() -> tuple[Plan, str]:
        made = plan(goals=ALL_SCOPES)
        bad = {"A": ENOUGH | {"fmr": (3_000, 400_000)}, "B": ENOUGH | {"fnmr": (200, 4_000)}}
        return made, json.dumps(result_document(made, bad, everybody=ENOUGH | {"fnmr": (400, 4_000)}))

    def failing(self) -> tuple[Plan, Any]:
        """A plan, and a result of which every goal fails or is not shown."""
        made, result = self._failing()
        return made, json.loads(result)

    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_taking_away_never_turns_anything_into_a_pass(self, data) -> None:
        """Any part of a result that does not pass, dropped or replaced by nothing: still no pass, and no error."""
        made, result = self.failing()
        assert not any(v.verdict == Outcome.PASS for v in judge(made, result))
        place = result
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
                if data.draw(st.booleans()):
                    del place[key]
                else:
                    place[key] = data.draw(st.sampled_from([None, "", [], {}, -1, 0, True, "nan"]))
                break
            place = place[key]

        assert not any(v.verdict == Outcome.PASS for v in judge(made, result))

    def test_an_empty_result_shows_nothing(self) -> None:
        assert {v.verdict for v in judge(plan(goals=ALL_SCOPES), {})} == {Outcome.NOT_SHOWN}

    def test_no_verdicts_are_no_pass(self) -> None:
        assert overall(()) == Outcome.NOT_SHOWN


class TestSearches:
    goals = (
        goal("fpir", at_threshold=0.6, limit=rate(0.02)),
        goal("fnir", at_threshold=0.6, limit=rate(0.2)),
        goal("miss-rate", limit=rate(0.1)),
    )

    def judged(self, **changes):
        made = plan(mode="identification", list_length=20, database_size=1_000, goals=list(self.goals))

        def counted(errors, trials):
            return {"errors": errors, "trials": trials, "interval": list(clopper_pearson(errors, trials))}

        found = {
            "database_size": 1_000,
            "rates": [
                {"threshold": 0.6, "list_length": 20, "fpir": counted(5, 1_000), "fnir": counted(90, 1_000)}
            ],
            "miss_rate": [{"list_length": 20, "fnir": counted(40, 1_000)}],
        }
        return judge(made, result_document(made) | {"identification": found | changes})

    def test_counted_at_the_operating_threshold_and_list_length(self) -> None:
        assert [v.verdict for v in self.judged()] == [Outcome.PASS] * 3

    @pytest.mark.parametrize(
        ("changes", "shown"),
        [({"database_size": 999}, 0), ({"rates": []}, 1), ({"miss_rate": None}, 2)],
    )  # fmt: skip
    def test_another_database_or_list_shows_nothing(self, changes, shown) -> None:
        assert sum(v.verdict == Outcome.PASS for v in self.judged(**changes)) == shown


class TestDocument:
    def test_judged_from_plan_and_result_and_bound_to_both(self) -> None:
        made = plan()
        result = result_document(made)

        document = verdict_document(made, result, expires=date(2029, 11, 21))

        assert document["plan_sha256"] == made.digest()
        assert document["result_sha256"] == document_digest(result)
        assert document["overall"] == "pass"
        assert document["expires"] == "2029-11-21"
        assert json.loads(json.dumps(document)) == document
        assert any("version" in when for when in document["retest_when"])
        changed = copy.deepcopy(result)
        changed["thresholds"][1]["fnmr_count"] += 1
        assert (
            verdict_document(made, changed, expires=date(2029, 11, 21))["result_sha256"]
            != document["result_sha256"]
        )

    def test_no_number_no_digest(self) -> None:
        for bad in (float("nan"), float("inf"), 2**60, {1}):
            with pytest.raises(EvaluationInputError, match="canonical"):
                document_digest({"a": bad})
