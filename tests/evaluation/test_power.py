"""What a test can see: held to made-up tests and to sums over counts; the command in its forms."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from counterseal.cli.main import cli
from counterseal.evaluation.bootstrap import Resampling, bootstrap_by_part
from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.distinguish import fisher
from counterseal.evaluation.power import (
    Design,
    PlannedGroup,
    mated_design_effect,
    non_mated_design_effect,
    planned,
    power_of_two,
    simulated_test,
    together,
)
from measured import PLAN_TOML

PLAN = (
    PLAN_TOML.replace("intersections =", "expected = { subjects = 1200, mated = 2400 }\nintersections =")
    .replace('"sex x age"', '"sex"')
    .replace("3.3", "3")
)


def design(people=150, mated=300, n=2, **how):
    groups = tuple(PlannedGroup(f"g{g}", people, mated) for g in range(n))
    return Design(groups, **{"fmr": 0.01, "fnmr": 0.05, **how})


class TestAssumption:
    def test_gives_what_was_measured_on_517_people(self):
        """NIST BSSR1: design effects of 13.6 and 9.9 at FMR 1e-3, everybody against everybody both ways."""
        assert 9.9 < non_mated_design_effect(517, 517 * 516, 1e-3) < 13.6

    @given(st.floats(1e-6, 0.5), st.floats(0, 0.95))
    def test_errors_go_together_less_than_scores(self, rate, correlation):
        assert 0 <= together(rate, correlation) <= correlation + 1e-6

    def test_together_against_drawn_scores(self):
        rng = np.random.default_rng(1)
        shared, one, other = rng.standard_normal((3, 2_000_000))
        a, b = (np.sqrt(0.5) * shared + np.sqrt(0.5) * x > 1.6448536 for x in (one, other))
        assert together(0.05, 0.5) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=0.004)

    def test_nothing_shared_costs_nothing(self):
        assert non_mated_design_effect(500, 10**5, 1e-3, 0.0) == mated_design_effect(5, 500, 0.1, 0.0) == 1

    def test_design_effects_of_made_up_tests(self):
        """The variance between made-up tests, over that of independent trials."""
        planned_group = PlannedGroup("a", 50, 200)
        asked = Design((planned_group, planned_group), 0.05, 0.1)
        wrong, missed = [], []
        for rng in np.random.default_rng(4).spawn(400):
            comparisons, _ = simulated_test(asked, [0.05] * 2, [0.1] * 2, rng)
            wrong.append((comparisons.scores[~comparisons.mated] >= 0).mean())
            missed.append((comparisons.scores[comparisons.mated] < 0).mean())
        for found, measure, rate, trials in ((wrong, "fmr", 0.05, 2450), (missed, "fnmr", 0.1, 400)):
            assert np.mean(found) == pytest.approx(rate, rel=0.05)
            effect = np.var(found, ddof=1) / (rate * (1 - rate) / trials)
            assert effect == pytest.approx(asked.design_effect(measure, planned_group, rate), rel=0.25)

    def test_is_what_a_bootstrap_finds(self):
        asked = design(people=120, fmr=0.05)
        found = []
        for rng in np.random.default_rng(2).spawn(8):
            comparisons, group = simulated_test(asked, [0.05] * 2, [0.05] * 2, rng)
            for each in bootstrap_by_part(comparisons, [0.0], group, 2, Resampling(300, 1)):
                found.append(each.fmr[0].trials / each.fmr[0].effective_trials)
        assert np.mean(found) == pytest.approx(asked.design_effect("fmr", asked.groups[0], 0.05), rel=0.25)


class TestPower:
    @pytest.mark.parametrize(
        ("p", "q", "n", "m"), [(0.3, 0.1, 80, 80), (0.12, 0.05, 400, 200), (0.02, 0.005, 900, 1500)]
    )
    def test_against_the_sum_over_all_counts(self, p, q, n, m):
        """Fisher's test itself, weighed with the chance of each pair of counts."""
        k, j = (x.ravel() for x in np.indices((n + 1, m + 1)))
        chance = binom.pmf(k, n, p) * binom.pmf(j, m, q)
        likely = chance > 1e-9
        k, j, chance = k[likely], j[likely], chance[likely]
        found = fisher(k, np.full_like(k, n), j, np.full_like(j, m)) <= 0.05
        assert power_of_two(p, q, n, m, 0.05) == pytest.approx(chance[found].sum(), abs=0.05)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(40, 400), st.integers(1, 3), st.floats(1e-3, 0.05))
    def test_more_people_see_smaller_gaps(self, people, images, rate):
        def ratios(n):
            return [v.ratio or np.inf for v in planned(design(n, n * images, fmr=rate, fnmr=rate))]

        assert all(b <= a * (1 + 1e-6) for a, b in zip(ratios(people), ratios(2 * people), strict=True))

    def test_more_comparisons_printed_together_see_less(self):
        few, many = (planned(design(family=m))[0].ratio for m in (1, 300))
        assert 1 < few < many

    def test_a_gap_is_seen_with_the_power_that_was_asked(self):
        for wanted in (0.5, 0.8, 0.95):
            seen = planned(design(shared=0.0, family=1), wanted)[2]
            assert power_of_two(seen.rate * seen.ratio, seen.rate, 300, 300, 0.05) == pytest.approx(
                wanted, abs=1e-6
            )

    def test_a_hopeless_test_says_so(self):
        seen = planned(design(people=4, mated=1, fmr=1e-5))
        assert [v.ratio for v in seen] == [None] * 4

    def test_the_largest_other_group_is_compared_with(self):
        groups = (PlannedGroup("a", 50, 50), PlannedGroup("b", 300, 300), PlannedGroup("c", 90, 90))
        seen = planned(Design(groups, 0.01, 0.05))
        assert [(v.measure, v.group, v.against) for v in seen] == [
            (measure, *pair) for measure in ("fmr", "fnmr") for pair in (("a", "b"), ("b", "c"), ("c", "b"))
        ]

    def test_a_known_design_effect_stands_for_the_assumption(self):
        known = planned(design(design_effects={"fmr": 1.0}))[0].ratio
        assert known == planned(design(shared=0.0))[0].ratio < planned(design())[0].ratio


class TestRefused:
    def test_one_group(self):
        with pytest.raises(EvaluationInputError, match="at least two groups"):
            design(n=1)

    @pytest.mark.parametrize(
        "changes", [{"fmr": 0}, {"fnmr": 1}, {"shared": 1}, {"shared": -0.1}, {"fmr": float("nan")}]
    )
    def test_what_is_no_rate(self, changes):
        with pytest.raises(EvaluationInputError, match="between 0 and 1"):
            design(**changes)

    def test_nobody_to_compare(self):
        with pytest.raises(EvaluationInputError, match="at least 2 people"):
            PlannedGroup("a", 1, 1)


class TestCommand:
    def test_from_a_plan(self, tmp_path):
        (tmp_path / "plan.toml").write_text(PLAN)
        found = _json("power", str(tmp_path / "plan.toml"))
        rows = found["smallest_visible"]
        assert found["comparisons_adjusted"] == (1 + 1 + 6) * 2 * 3
        assert found["assumed"]["fnmr"] == 0.03
        assert {(r["grouping"], r["target_fmr"]) for r in rows} == {
            (g, t) for g in ("sex", "age", "sex x age") for t in (0.01, 0.001, 0.0001)
        }
        by_people = {
            r["grouping"]: r["ratio"] for r in rows if r["measure"] == "fnmr" and r["target_fmr"] == 0.01
        }
        assert by_people["sex"] < by_people["sex x age"], "half of a group sees less"

    def test_a_frozen_plan_says_the_same(self, tmp_path):
        from counterseal.evaluation.plan import Plan

        (tmp_path / "plan.toml").write_text(PLAN)
        (tmp_path / "plan.json").write_text(json.dumps(Plan.from_toml(PLAN).as_json()))
        assert _json("power", str(tmp_path / "plan.json")) == _json("power", str(tmp_path / "plan.toml"))

    def test_from_sizes(self):
        found = _json("power", "--groups", "4", "--mated-subjects", "200", "--fmr", "1e-3", "--fmr", "1e-2")
        assert found["comparisons_adjusted"] == 6 * 2 * 2
        assert [(r["target_fmr"], r["measure"], r["group"]) for r in found["smallest_visible"]] == [
            (t, m, "each") for t in (1e-3, 1e-2) for m in ("fmr", "fnmr")
        ]

    def test_groups_of_unlike_sizes_are_told_apart_and_tried(self):
        words = ["power", "--group", "young=60:120", "--group", "old=40", "--fmr", "0.02", "--fnmr", "0.1"]
        found = _json(*words, "--simulate", "4", "--seed", "3")["smallest_visible"]
        assert [r["group"] for r in found] == ["young", "old", "young", "old"]
        assert all(0 <= r["simulated"] <= 1 for r in found)

    def test_says_it_to_a_reader(self):
        ran = CliRunner().invoke(cli, ["evaluate", "power", "--groups", "2", "--mated-subjects", "100"])
        assert ran.exit_code == 0
        assert "0.8" in ran.output
        assert "fnmr" in ran.output

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ([], "give PLAN"),
            (["--groups", "3"], "give PLAN"),
            (["--group", "a=ten"], "LABEL=PEOPLE"),
            (["--group", "a=10", "--groups", "2"], "give either"),
            (["--group", "a=10"], "at least two groups"),
            (["--groups", "2", "--mated-subjects", "9", "--power", "0.2"], "coin"),
            (["--groups", "2", "--mated-subjects", "9", "--confidence", "95"], "below 1"),
            (["--groups", "2", "--mated-subjects", "9", "--fmr", "2"], "between 0 and 1"),
            (["--groups", "2", "--mated-subjects", "9", "--fnmr", "0"], "between 0 and 1"),
            (["--groups", "2", "--mated-subjects", "9", "--confidence", "0"], "below 1"),
            (["no-such-plan.toml"], "no-such-plan.toml"),
        ],
    )
    def test_what_cannot_be_planned_with(self, words, says):
        ran = CliRunner().invoke(cli, ["evaluate", "power", *words])
        assert ran.exit_code == 2
        assert says in ran.stderr

    def test_a_plan_and_sizes_contradict(self, tmp_path):
        (tmp_path / "plan.toml").write_text(PLAN)
        ran = CliRunner().invoke(cli, ["evaluate", "power", str(tmp_path / "plan.toml"), "--fmr", "0.1"])
        assert ran.exit_code == 2
        assert "give either" in ran.stderr


def _json(*words):
    ran = CliRunner().invoke(cli, ["evaluate", *words, "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)
