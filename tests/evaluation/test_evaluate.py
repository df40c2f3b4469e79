"""The result document: whole, the same again, and moved by nothing that must not move it."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counterseal.evaluation.attack_detection import (
    BONA_FIDE,
    PresentationAttempts,
    attack_detection_document,
)
from counterseal.evaluation.bootstrap import ThresholdRule
from counterseal.evaluation.by_group import NonMatedRule, rates_by_group
from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Grouping, Scores
from counterseal.evaluation.evaluate import (
    Attempts,
    Input,
    Settings,
    Unmeasurable,
    evaluate,
    transaction_rates,
)
from counterseal.evaluation.identification import searches_of
from counterseal.evaluation.intervals import binomial_rate, clopper_pearson
from counterseal.evaluation.plan import Bound, SmallestGroup
from counterseal.evaluation.quality import quality_document
from counterseal.evaluation.strict import document_digest

ROOT = Path(__file__).parents[2]
PEOPLE = 60
KEYS = {
    "schema", "inputs", "software", "settings", "n_mated", "n_non_mated", "n_subjects", "failures", "eer", "auc",
    "cllr", "calibration", "det", "det_method", "histogram", "thresholds", "stated", "groups", "matrices",
    "differentials", "identification", "quality", "attack_detection", "warnings",
}  # fmt: skip


def everybody(*, gap: float = 0.0, failed: int = 0, dtype: Any = np.float64, seed: int = 1) -> Comparisons:
    """Sixty synthetic people against each other, one mated comparison each; gap: what group b's mates lack."""
    rng = np.random.default_rng(seed)
    probe, reference = (side.ravel().astype(np.int32) for side in np.mgrid[0:PEOPLE, 0:PEOPLE])
    mated = probe == reference
    scores = rng.normal(0, 1, len(probe)) + 4.0 * mated
    side = np.arange(PEOPLE, dtype=np.int16) % 2
    scores[mated] -= gap * side
    lost = rng.choice(len(scores), failed, replace=False)
    scores[lost] = -np.inf
    old = (np.arange(PEOPLE) >= 50).astype(np.int16)
    return Comparisons(
        scores.astype(dtype),
        mated,
        Direction.SIMILARITY,
        tuple(f"s{n:02}" for n in range(PEOPLE)),
        probe,
        reference,
        {
            "side": Grouping("side", ("a", "b"), "synthetic", side[probe], side[reference]),
            "age": Grouping("age", ("young", "old"), "synthetic", old[probe], old[reference]),
        },
        {"no face": failed} if failed else {},
    )


def taken(comparisons: Comparisons, rows: Any) -> Comparisons:
    """The same comparisons in another order."""
    assert comparisons.probe_subject is not None
    assert comparisons.reference_subject is not None
    return replace(
        comparisons,
        scores=comparisons.scores[rows],
        mated=comparisons.mated[rows],
        probe_subject=comparisons.probe_subject[rows],
        reference_subject=comparisons.reference_subject[rows],
        groupings={
            name: replace(g, probe=g.probe[rows], reference=g.reference[rows])
            for name, g in comparisons.groupings.items()
        },
    )


FULL = Settings(fmr_targets=(0.1, 0.01), bootstrap=200, seed=3, intersections=(("side", "age"),))


def alone(scores: Scores) -> Scores:
    """Copies, since sorting is in place."""
    return Scores(scores.mated.copy(), scores.non_mated.copy(), scores.direction)


class TestDocument:
    def test_it_has_every_key_and_is_plain_canonical_json(self):
        found = evaluate(everybody(failed=40), FULL, inputs=[Input("scores", "a.csv", "00", 3_600, "pairs")])

        assert set(found) == KEYS
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert len(document_digest(found)) == 64
        assert found["inputs"][0]["name"] == "a.csv"

    def test_the_same_inputs_give_the_same_bytes(self):
        assert json.dumps(evaluate(everybody(), FULL)) == json.dumps(evaluate(everybody(), FULL))

    def test_the_order_of_rows_moves_nothing(self):
        rows = np.random.default_rng(8).permutation(PEOPLE**2)

        assert json.dumps(evaluate(everybody(), FULL)) == json.dumps(evaluate(taken(everybody(), rows), FULL))

    def test_another_seed_moves_intervals_alone(self):
        one, other = evaluate(everybody(), FULL), evaluate(everybody(), replace(FULL, seed=4))

        assert one["thresholds"][0]["fmr_interval"] != other["thresholds"][0]["fmr_interval"]
        for key in ("eer", "auc", "cllr", "histogram", "matrices"):
            assert one[key] == other[key]
        points = [[(p["threshold"], p["fmr"], p["fnmr"]) for p in found["det"]] for found in (one, other)]
        assert points[0] == points[1]

    def test_a_monotone_map_moves_thresholds_alone(self):
        before = everybody()
        after = replace(before, scores=np.exp(before.scores / 2))
        one, other = evaluate(before, FULL), evaluate(after, FULL)

        for key in ("eer", "auc", "n_mated", "identification"):
            assert one[key] == other[key]
        for a, b in zip(one["thresholds"], other["thresholds"], strict=True):
            moving = {"threshold", "other_end", "above"}
            assert {k: v for k, v in a.items() if k not in moving} == {
                k: v for k, v in b.items() if k not in moving
            }
            assert b["threshold"] == pytest.approx(math.exp(a["threshold"] / 2))
        rates = [[{k: v for k, v in g.items() if k != "rates"} for g in d["groups"]] for d in (one, other)]
        assert rates[0] == rates[1]

    def test_distances_are_shown_in_their_own_numbers(self):
        alike = everybody()
        unlike = replace(alike, direction=Direction.DISSIMILARITY)
        one, other = evaluate(alike, FULL), evaluate(unlike, FULL)

        assert [t["threshold"] for t in other["thresholds"]] == [-t["threshold"] for t in one["thresholds"]]
        assert (
            next(g["rates"][0]["threshold"] for g in other["groups"] if g["evaluated"])
            == -one["thresholds"][0]["threshold"]
        )
        assert [p["threshold"] for p in other["det"]] == [-p["threshold"] for p in one["det"]]
        assert other["histogram"]["mated"] == one["histogram"]["mated"][::-1]
        assert other["histogram"]["edges"] == [-e for e in one["histogram"]["edges"][::-1]]
        assert other["calibration"]["slope"] == pytest.approx(-one["calibration"]["slope"])
        assert (other["eer"], other["auc"]) == (one["eer"], one["auc"])

    def test_float32_scores_measure_alike(self):
        one, other = evaluate(everybody(), FULL), evaluate(everybody(dtype=np.float32), FULL)

        assert [t["fnmr_count"] for t in one["thresholds"]] == [t["fnmr_count"] for t in other["thresholds"]]
        assert one["auc"] == pytest.approx(other["auc"], abs=1e-6)

    def test_what_was_measured_elsewhere_stands_in_it(self):
        found = evaluate(
            everybody(), FULL, quality={"a": 1}, attack_detection={"b": 2}, identification={"c": 3}
        )

        assert (found["quality"], found["attack_detection"], found["identification"]) == (
            {"a": 1},
            {"b": 2},
            {"c": 3},
        )

    def test_searches_are_measured_at_the_thresholds_of_the_test(self):
        found = evaluate(everybody(), replace(FULL, list_length=5), searches=searches_of(everybody()))
        told = found["identification"]

        assert [r["threshold"] for r in told["rates"]] == [t["threshold"] for t in found["thresholds"]]
        assert (told["database_size"], told["list_length"]) == (PEOPLE, 5)


def keys(value: Any) -> set[str]:
    """Every key of a document, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


class TestReferencePage:
    def test_the_page_tells_every_key(self):
        """docs/reference/evaluation.md, against a document with everything in it."""
        comparisons = everybody(failed=10, gap=1.0)
        rng = np.random.default_rng(6)
        attacks = PresentationAttempts(
            rng.normal(0, 1, 60),
            np.repeat(np.array([BONA_FIDE, 0, 1], np.int16), 20),
            ("print", "mask"),
            ("low", "low"),
            Direction.SIMILARITY,
            rng.random(60) < 0.5,
        )
        found = evaluate(
            comparisons,
            replace(FULL, stated=(1.0,), margins={"fmr": Bound(2.0, "ratio")}),
            inputs=[Input("scores", "a", "b", 1, "pairs")],
            attempts=Attempts(binomial_rate(1, 9), binomial_rate(1, 9)),
            searches=searches_of(comparisons),
            quality=quality_document(
                comparisons, rng.random(len(comparisons)), rng.random(len(comparisons)), fmr_targets=[0.1]
            ),
            attack_detection=attack_detection_document(attacks, [0.0]),
        )
        found["failures"]["by_reason"] = {}  # its keys are the file's own words
        told = keys(found)
        page = (ROOT / "docs/reference/evaluation.md").read_text("utf-8")

        assert len(told) > 150
        untold = {key for key in told if f"`{key}`" not in page and f".{key}`" not in page}
        assert untold == set()


class TestNumbers:
    def test_histogram_holds_every_score_but_the_failed(self):
        found = evaluate(everybody(failed=40), FULL)
        bins, failed = found["histogram"], found["failures"]["comparisons"]

        assert sum(bins["mated"]) == found["n_mated"] - failed["mated"]
        assert sum(bins["non_mated"]) == found["n_non_mated"] - failed["non_mated"]
        assert failed["mated"] + failed["non_mated"] == 40
        assert found["failures"]["by_reason"] == {"no face": 40}

    def test_failures_never_leave_the_denominator(self):
        with_failed = evaluate(everybody(failed=40), FULL)

        for t in with_failed["thresholds"]:
            assert (t["fnmr_trials"], t["fmr_trials"]) == (PEOPLE, PEOPLE * (PEOPLE - 1))
            assert t["fnmr_count"] >= with_failed["failures"]["comparisons"]["mated"]

    def test_thresholds_keep_their_targets(self):
        for t in evaluate(everybody(), FULL)["thresholds"]:
            assert t["fmr"] == t["fmr_count"] / t["fmr_trials"] <= t["target_fmr"]
            assert t["fmr_interval"][0] <= t["fmr"] <= t["fmr_interval"][1]
            assert t["above"] < t["threshold"] <= t["other_end"]
            assert t["enough_fmr"] == (t["fmr_count"] >= 30)

    def test_transactions_by_hand(self):
        attempts = Attempts(binomial_rate(1, 10), binomial_rate(1, 5))
        t = evaluate(everybody(), FULL, attempts=attempts)["thresholds"][0]

        assert t["far"] == pytest.approx(t["fmr"] * 0.9)
        assert t["frr"] == pytest.approx(0.1 + t["fnmr"] * 0.9)
        assert t["gfar"] == pytest.approx(t["fmr"] * 0.9 * 0.8)
        assert t["gfrr"] == pytest.approx(0.2 + 0.8 * 0.1 + 0.8 * 0.9 * t["fnmr"])

    @pytest.mark.parametrize("direction", list(Direction))
    def test_a_stated_threshold_is_measured_as_it_stands(self, direction):
        comparisons = replace(everybody(), direction=direction)
        t = direction.shown(1.5)
        found = evaluate(comparisons, replace(FULL, stated=(t,)))
        (row,) = found["stated"]
        reach = comparisons.scores >= 1.5

        assert row["threshold"] == t
        assert row["fmr_count"] == int((reach & ~comparisons.mated).sum())
        assert row["fnmr_count"] == int((~reach & comparisons.mated).sum())
        assert len(found["thresholds"]) == 2

    def test_what_is_not_known_is_none(self):
        assert set(transaction_rates(0.1, 0.2, Attempts()).values()) == {None}
        only_acquired = transaction_rates(0.1, 0.2, Attempts(to_acquire=binomial_rate(0, 4)))
        assert only_acquired == {"far": 0.1, "frr": 0.2, "gfar": None, "gfrr": None}

    def test_usual_targets_expect_thirty_false_matches(self):
        rng = np.random.default_rng(0)
        for count, targets in ((30_000, [1e-2, 1e-3]), (3_000, [1e-2]), (2_999, [0.1])):
            scores = Scores.sorted_in_place(
                rng.normal(4, 1, 9), rng.normal(0, 1, count), Direction.SIMILARITY
            )
            assert evaluate(scores, Settings())["settings"]["fmr_targets"] == targets

    def test_scores_alone_measure_as_comparisons_that_name_nobody(self):
        nameless = replace(everybody(), subjects=(), probe_subject=None, reference_subject=None, groupings={})
        settings = replace(FULL, bootstrap=0, intersections=())
        one, other = evaluate(nameless, settings), evaluate(Scores.of(nameless), settings)

        assert one == other
        assert one["n_subjects"] is None
        assert any("nobody is named" in said for said in one["warnings"])

    def test_bands_of_the_curve_know_who_appears_where(self):
        """At a threshold of the test they are about its interval; never narrower than of independent comparisons."""
        own = np.random.default_rng(5).normal(0, 1.0, PEOPLE)
        comparisons = everybody()
        alike = own[comparisons.probe_subject] + own[comparisons.reference_subject]
        comparisons = replace(comparisons, scores=comparisons.scores + np.where(comparisons.mated, 4, alike))
        found = evaluate(comparisons, FULL)
        naive = evaluate(comparisons, replace(FULL, bootstrap=0))

        assert "interpolated" in found["det_method"]
        assert "too narrow" in naive["det_method"]
        for band, point in zip(found["det"], naive["det"], strict=True):
            assert (band["threshold"], band["fmr"], band["fnmr"]) == (
                point["threshold"],
                point["fmr"],
                point["fnmr"],
            )
            assert band["fmr_low"] <= point["fmr_low"] + 1e-12
            assert band["fmr_high"] >= point["fmr_high"] - 1e-12
            assert (band["fnmr_low"], band["fnmr_high"]) == pytest.approx(
                (point["fnmr_low"], point["fnmr_high"])
            )
        t = found["thresholds"][0]
        near = min(found["det"], key=lambda p: abs((p["threshold"] or 1e9) - t["threshold"]))
        assert near["fmr_high"] - near["fmr_low"] == pytest.approx(
            t["fmr_interval"][1] - t["fmr_interval"][0], rel=0.3
        )

    def test_a_bootstrap_of_nobody_is_refused(self):
        with pytest.raises(EvaluationInputError, match="nobody is named"):
            evaluate(Scores.of(everybody()), replace(FULL, intersections=()))

    def test_a_threshold_set_anew_is_said(self):
        found = evaluate(everybody(gap=3), replace(FULL, threshold_rule=ThresholdRule.RE_ESTIMATED))

        assert "re-estimated" in found["thresholds"][0]["fnmr_method"]
        assert "fixed" in found["thresholds"][0]["fmr_method"]

    def test_no_mated_comparisons_leave_what_needs_them_empty(self):
        scores = Scores(np.array([]), np.arange(100.0))
        found = evaluate(scores, Settings(fmr_targets=(0.1,)))

        assert (found["auc"], found["eer"], found["det"], found["calibration"]) == (None, None, [], None)
        assert (found["thresholds"][0]["fnmr"], found["thresholds"][0]["fnmr_interval"]) == (None, None)
        assert found["thresholds"][0]["fmr_count"] == 10
        json.dumps(found, allow_nan=False)

    def test_infinite_scores_leave_plain_json(self):
        scores = Scores(np.array([1.0, math.inf]), np.concatenate([[-math.inf], np.arange(-99.0, 0)]))
        found = evaluate(scores, Settings(fmr_targets=(0.1, 0.001)))

        json.dumps(found, allow_nan=False)
        assert (found["cllr"], found["calibration"]) == (None, None)


class TestGroups:
    def test_counts_are_those_of_the_groups(self):
        comparisons = everybody(gap=1.5)
        found = evaluate(comparisons, FULL)
        t = [row["threshold"] for row in found["thresholds"]]
        counted = rates_by_group(
            comparisons, comparisons.groupings["side"], t, NonMatedRule.WITHIN_GROUP, SmallestGroup()
        )
        told = [g for g in found["groups"] if g["grouping"] == "side"]

        for group, row in zip(counted.groups, told, strict=True):
            assert [r["fmr_count"] for r in row["rates"]] == list(group.false_matches)
            assert [r["fnmr_count"] for r in row["rates"]] == list(group.false_non_matches)
            assert (row["group"], row["subjects"], row["how"]) == (group.label, 30, "synthetic")

    def test_a_planted_gap_is_seen_and_an_absent_one_is_not(self):
        def seen(gap: float) -> list[tuple[str, str]]:
            found = evaluate(everybody(gap=gap), replace(FULL, intersections=()))
            pairs = [p for d in found["differentials"] if d["grouping"] == "side" for p in d["pairs"]]
            return [(p["measure"], p["a"] + p["b"]) for p in pairs if p["distinguishable"]]

        assert ("fnmr", "ab") in seen(4.0)
        assert seen(0.0) == []

    def test_a_small_group_is_named_and_enters_nothing(self):
        found = evaluate(everybody(), FULL)
        old = next(g for g in found["groups"] if g["group"] == "old")

        assert (old["evaluated"], old["rates"]) == (False, [])
        assert "too few people: 10 of at least 30" in old["why_not"]
        assert any("`old`" in said for said in found["warnings"])
        by_age = next(d for d in found["differentials"] if d["grouping"] == "age")
        assert (by_age["fmr"]["groups"], by_age["pairs"], by_age["smallest_visible"]) == (1, [], [])

    def test_groups_are_crossed_where_that_is_asked(self):
        found = evaluate(everybody(), FULL)

        assert len({g["grouping"] for g in found["groups"]}) == 3
        assert sum(g["n_mated"] for g in found["groups"]) == 3 * PEOPLE
        with pytest.raises(EvaluationInputError, match="no grouping `sex` was told; told are side, age"):
            evaluate(everybody(), replace(FULL, intersections=(("side", "sex"),)))

    def test_all_comparisons_of_the_probe_may_count(self):
        found = evaluate(everybody(), replace(FULL, non_mated_rule=NonMatedRule.ALL))
        told = [g["n_non_mated"] for g in found["groups"] if g["grouping"] == "side"]

        assert told == [30 * 59, 30 * 59]
        assert {d["non_mated_rule"] for d in found["differentials"]} == {"all"}

    def test_a_margin_makes_equivalence_a_question(self):
        without = evaluate(everybody(), FULL)["differentials"][0]["pairs"]
        wide = replace(FULL, margins={"fnmr": Bound(0.9, "rate")})
        with_margin = evaluate(everybody(), wide)["differentials"][0]["pairs"]

        assert {p["equivalent"] for p in without} == {None}
        assert [p["equivalent"] for p in with_margin if p["measure"] == "fnmr"] == [True]
        assert [p["equivalent"] for p in with_margin if p["measure"] == "fmr"] == [None]

    def test_no_error_in_the_best_group_divides_by_nothing(self):
        comparisons = everybody(gap=3.0)
        found = evaluate(comparisons, replace(FULL, fmr_targets=(0.1,), intersections=()))
        missed = next(d for d in found["differentials"] if d["grouping"] == "side")["fnmr"]
        best = next(g for g in found["groups"] if g["group"] == "a")["rates"][0]

        assert best["fnmr_count"] == 0
        assert missed["max_min"] is None
        assert missed["max_min_at_least"] > 1
        assert best["fnmr_interval"][1] == pytest.approx(clopper_pearson(0, 30)[1])

    def test_what_could_have_been_seen_rests_on_sizes_alone(self):
        """The same people and scores: once the group takes all of the gap, once half of it."""
        whole = everybody(gap=4.0)
        side = (np.arange(PEOPLE, dtype=np.int16) // 2) % 2
        halved = Grouping(
            "side", ("a", "b"), "synthetic", side[whole.probe_subject], side[whole.reference_subject]
        )
        settings = replace(FULL, intersections=())
        found = [
            next(d for d in evaluate(each, settings)["differentials"] if d["grouping"] == "side")
            for each in (whole, replace(whole, groupings={"side": halved}))
        ]
        one, other = (d["smallest_visible"] for d in found)

        assert found[0]["fnmr"] != found[1]["fnmr"]
        assert one == other
        assert {v["measure"] for v in one} == {"fmr", "fnmr"}
        assert all(v["ratio"] is None or v["ratio"] > 1 for v in one)


class TestRefused:
    def test_the_wrong_direction_asks(self):
        turned = replace(everybody(), scores=-everybody().scores)

        with pytest.raises(EvaluationInputError, match="did you mean --distance"):
            evaluate(turned, FULL)
        with pytest.raises(EvaluationInputError, match="did you mean --similarity"):
            evaluate(replace(turned, direction=Direction.DISSIMILARITY), FULL)
        insisted = evaluate(turned, replace(FULL, against_direction=True))
        assert insisted["auc"] < 0.5
        assert any("below 0.5" in said for said in insisted["warnings"])
        assert insisted["calibration"] is None

    def test_a_target_that_cannot_be_measured(self):
        settings = replace(FULL, fmr_targets=(1e-4,), unmeasurable=Unmeasurable.REFUSE)

        with pytest.raises(
            EvaluationInputError, match=r"3,540 non-mated .* the least is 1 in 3,540, 0\.000282"
        ):
            evaluate(everybody(), settings)
        with pytest.raises(EvaluationInputError, match="at least 10,000 of them"):
            evaluate(everybody(), settings)
        found = evaluate(everybody(), replace(settings, unmeasurable=Unmeasurable.REPORT))
        t = found["thresholds"][0]
        assert (t["measurable"], t["fmr_count"], t["other_end"]) == (False, 0, None)
        assert any("cannot measure" in said or "can measure" in said for said in found["warnings"])

    def test_no_non_mated_comparisons(self):
        with pytest.raises(EvaluationInputError, match="no non-mated comparisons"):
            evaluate(Scores(np.array([1.0]), np.array([])), Settings())

    def test_too_few_for_any_usual_target(self):
        with pytest.raises(EvaluationInputError, match="too few for any usual target"):
            evaluate(Scores(np.array([9.0]), np.arange(9.0)), Settings())

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"confidence": 1.0}, "confidence"),
            ({"fmr_targets": (0.1, 1.0)}, "not 1.0"),
            ({"fmr_targets": (0.1, 0.1)}, "twice"),
            ({"stated": (1.0, math.inf)}, "finite"),
            ({"margins": {"fpir": Bound(0.1, "rate")}}, "not `fpir`"),
        ],
    )
    def test_settings_that_cannot_be(self, wrong, says):
        with pytest.raises(EvaluationInputError, match=says):
            Settings(**wrong)

    def test_failures_that_may_be_counted_twice_are_said(self):
        found = evaluate(everybody(failed=5), FULL, attempts=Attempts(to_acquire=binomial_rate(2, 60)))

        assert any("count them twice" in said for said in found["warnings"])
