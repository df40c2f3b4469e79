"""Scores to log-likelihood ratios: what they cost, how far the data carry them, and that the check can fail."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.evaluation import calibration
from counterseal.evaluation.calibration import (
    LOGISTIC,
    SUPPOSED,
    Check,
    Reach,
    calibrate,
    check,
    cllr,
    min_cllr,
    people_of,
    scored,
    stated_log_lr,
)
from counterseal.evaluation.comparisons import Comparisons, Direction, Scores
from counterseal.evaluation.intervals import binomial_rate

LN10 = math.log(10)
KIND = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=12)


def made(mated: Any, non_mated: Any, dtype: Any = np.float64) -> Scores:
    return Scores.sorted_in_place(np.array(mated, dtype), np.array(non_mated, dtype), Direction.SIMILARITY)


def normal(n: int, apart: float = 3.0, seed: int = 1) -> Scores:
    """Two normal kinds of spread 1: their true log LR is apart * score - apart^2 / 2."""
    rng = np.random.default_rng(seed)
    return made(rng.normal(apart, 1, n), rng.normal(0, 1, n))


def of_people(people: int, shared: float = 0.5, seed: int = 5) -> Comparisons:
    """Everybody against everybody, one mated comparison each; people differ in how alike others find them."""
    rng = np.random.default_rng(seed)
    i, j = (side.astype(np.int32) for side in np.triu_indices(people))
    own = rng.normal(0, shared, people)
    scores = rng.normal(0, 1, len(i)) + own[i] + own[j] + 3.0 * (i == j)
    names = tuple(f"s{n}" for n in range(people))
    return Comparisons(scores, i == j, Direction.SIMILARITY, names, i, j)


class TestCost:
    def test_scores_that_say_nothing_cost_one_bit(self):
        assert cllr(made([0.0], [0.0, 0.0])) == pytest.approx(1.0)

    def test_as_written_in_the_definition(self):
        mated, non_mated = [2.0, -1.0], [-3.0, 0.5, 1.0]
        cost = np.mean([math.log2(1 + math.exp(-u)) for u in mated]) / 2
        cost += np.mean([math.log2(1 + math.exp(v)) for v in non_mated]) / 2

        assert cllr(made(mated, non_mated)) == pytest.approx(cost, rel=1e-12)

    @given(KIND, KIND)
    def test_the_least_is_reached_by_no_map_and_never_above_one(self, mated, non_mated):
        scores = made(mated, non_mated)
        least = min_cllr(scores)

        assert least is not None
        assert -1e-12 <= least <= 1 + 1e-12
        for slope, shift in ((1.0, 0.0), (0.3, -0.2), (2.0, 1.0), (0.0, 0.0)):
            cost = cllr(made([slope * s + shift for s in mated], [slope * s + shift for s in non_mated]))
            assert cost is not None
            assert least <= cost + 1e-12

    @given(KIND, KIND)
    def test_the_least_depends_on_the_order_of_scores_alone(self, mated, non_mated):
        before = min_cllr(made(mated, non_mated))
        after = min_cllr(made([math.exp(s) for s in mated], [math.exp(s) for s in non_mated]))

        assert before == pytest.approx(after, abs=1e-12)

    def test_failed_comparisons_say_nothing(self):
        with_failed = made([1.0, -math.inf], [0.0, -math.inf, -math.inf])

        assert cllr(with_failed) == cllr(made([1.0], [0.0]))
        assert min_cllr(with_failed) == min_cllr(made([1.0], [0.0]))
        assert [len(a) for a in (scored(with_failed).mated, scored(with_failed).non_mated)] == [1, 1]

    @pytest.mark.parametrize("kinds", [([], [1.0]), ([1.0], []), ([-math.inf], [1.0]), ([math.inf], [0.0])])
    def test_without_finite_scores_of_both_kinds_nothing_is_said(self, kinds):
        assert (cllr(made(*kinds)), min_cllr(made(*kinds)), calibrate(made(*kinds))) == (None, None, None)

    def test_half_precision_and_chunks_change_nothing(self, monkeypatch):
        scores = normal(500)
        whole = cllr(scores)
        monkeypatch.setattr(calibration, "_CHUNK", 7)

        assert cllr(scores) == pytest.approx(whole, rel=1e-12)
        assert cllr(made(scores.mated, scores.non_mated, np.float32)) == pytest.approx(whole, rel=1e-6)


class TestLine:
    def test_it_finds_the_true_line_of_two_normal_kinds(self):
        found = calibrate(normal(40_000))

        assert found is not None
        assert found.method == LOGISTIC
        assert found.slope * LN10 == pytest.approx(3, rel=0.03)
        assert found.intercept * LN10 == pytest.approx(-4.5, rel=0.03)

    def test_how_many_of_each_kind_there_are_is_no_evidence(self):
        rng = np.random.default_rng(2)
        mated, non_mated = rng.normal(3, 1, 2_000), rng.normal(0, 1, 2_000)
        one, other = calibrate(made(mated, non_mated)), calibrate(made(mated, np.tile(non_mated, 10)))

        assert one is not None
        assert other is not None
        assert (one.slope, one.intercept) == pytest.approx((other.slope, other.intercept), rel=1e-6)

    @given(st.floats(0.01, 1000), st.floats(-1000, 1000))
    @settings(max_examples=20)
    def test_scale_and_origin_of_the_scores_do_not_matter(self, scale, origin):
        scores = normal(300)
        one = calibrate(scores)
        other = calibrate(made(scale * scores.mated + origin, scale * scores.non_mated + origin))

        assert one is not None
        assert other is not None
        assert other.log_lr(scale * scores.mated + origin) == pytest.approx(
            one.log_lr(scores.mated), abs=1e-4
        )

    def test_separated_kinds_get_a_finite_line(self):
        found = calibrate(made([3.0, 4.0, 5.0], [0.0, 1.0, 2.0]))

        assert found is not None
        assert found.method == SUPPOSED
        assert 0 < found.slope < 100

    def test_scores_the_wrong_way_round_get_none(self):
        assert calibrate(made([0.0, 1.0, 2.0, 1.5], [2.0, 3.0, 1.2])) is None

    def test_thinning_keeps_the_line(self, monkeypatch):
        scores = normal(20_000)
        whole = calibrate(scores)
        monkeypatch.setattr(calibration, "MOST", 2_000)
        thin = calibrate(scores)

        assert whole is not None
        assert thin is not None
        assert (thin.slope, thin.intercept) == pytest.approx((whole.slope, whole.intercept), rel=0.01)


class TestBounds:
    def test_no_statement_goes_beyond_them(self):
        found = calibrate(normal(1_000))

        assert found is not None
        assert found.log_lr(np.array([-math.inf, -1e9, 1e9])).tolist() == [
            found.bounds[0],
            found.bounds[0],
            found.bounds[1],
        ]
        low, high = found.valid
        inside = found.slope * np.linspace(low, high, 50) + found.intercept
        assert found.log_lr(np.linspace(low, high, 50)) == pytest.approx(inside, abs=1e-9)

    def test_few_data_carry_little_however_far_apart_the_kinds_are(self):
        """One more misleading comparison among n: no more than about n can be said."""
        for n in (10, 100, 1_000):
            found = calibrate(normal(n, apart=30))
            assert found is not None
            assert math.log10(n) - 0.5 < found.bounds[1] <= math.log10(n + 1)
            assert -math.log10(n + 1) <= found.bounds[0] < -math.log10(n) + 0.5

    def test_people_carry_less_than_their_comparisons(self):
        scores = normal(5_000, apart=10)
        by_comparison, by_person = calibrate(scores), calibrate(scores, (50, 50))

        assert by_comparison is not None
        assert by_person is not None
        assert (by_comparison.rests_on, by_person.rests_on) == ("comparisons", "people")
        assert by_person.bounds[1] <= math.log10(51) < by_comparison.bounds[1]

    def test_scores_that_say_nothing_bound_at_nothing(self):
        found = calibrate(made(np.arange(50.0) + 0.01, np.arange(50.0)))

        assert found is not None
        assert max(map(abs, found.bounds)) < 0.1

    def test_within_them_deciding_beats_the_prior_as_counted_by_hand(self):
        scores = normal(200, apart=2)
        found = calibrate(scores)
        assert found is not None
        m, k = len(scores.mated), len(scores.non_mated)
        for at in (found.bounds[1], found.bounds[1] + 0.0100001, 0.5):
            t = 10**at
            line = found.slope * scores.mated + found.intercept
            other = found.slope * scores.non_mated + found.intercept
            cost = ((line < at).sum() + 1) / (m + 1) + t * ((other >= at).sum() + 1) / (k + 1)
            assert (cost < 1) == (at <= found.bounds[1])


class TestCheck:
    def test_a_line_that_fits_holds_on_people_left_out(self):
        comparisons = of_people(120)
        found = check(comparisons, seed=1)

        assert found is not None
        assert (found.split, found.holds) == ("people", True)
        assert found.min_cllr <= found.cllr < 1
        assert found.n_mated == 120

    def test_nobody_is_on_both_sides_of_the_check(self):
        comparisons = of_people(40)
        of_score = {
            float(s): {int(p), int(r)}
            for s, p, r in zip(
                comparisons.scores, comparisons.probe_subject, comparisons.reference_subject, strict=True
            )
        }
        folds = list(calibration._of_people(comparisons, 3))
        for learnt, left_out, _ in folds:
            sides = [
                set().union(*(of_score[float(s)] for s in np.concatenate([part.mated, part.non_mated])))
                for part in (learnt, left_out)
            ]
            assert sides[0].isdisjoint(sides[1])
        assert sum(len(left_out.mated) for _, left_out, _ in folds) == 40

    def test_scores_that_tell_nothing_do_not_hold(self):
        rng = np.random.default_rng(4)
        kinds = [(rng.normal(0.05, 1, 60), rng.normal(0, 1, 300)) for _ in range(20)]
        found = [check(made(*kind), seed=1) for kind in kinds]

        assert sum(f is not None for f in found) >= 5
        assert all(not f.holds for f in found if f is not None and f.cllr >= 1)
        assert any(f.cllr >= 1 for f in found if f is not None)

    def test_a_large_ratio_that_misleads_oftener_than_it_may_is_told(self):
        """Of 10,000 non-mated comparisons at most one in a hundred may have a ratio of 100."""
        rare, often = binomial_rate(90, 10_000), binomial_rate(150, 10_000)
        none = binomial_rate(0, 50)

        assert Reach(2.0, 0.01, rare, none).honoured
        assert not Reach(2.0, 0.01, often, none).honoured
        assert not Reach(2.0, 0.01, none, often).honoured
        assert not Check("people", 5, 50, 10_000, 0.2, 0.1, (Reach(2.0, 0.01, often, none),)).holds

    def test_the_order_of_rows_and_of_names_does_not_matter(self):
        comparisons = of_people(60)
        rng = np.random.default_rng(9)
        rows = rng.permutation(len(comparisons))
        names = rng.permutation(60)
        place = np.argsort(names).astype(np.int32)
        assert comparisons.probe_subject is not None
        assert comparisons.reference_subject is not None
        shuffled = Comparisons(
            comparisons.scores[rows],
            comparisons.mated[rows],
            Direction.SIMILARITY,
            tuple(comparisons.subjects[n] for n in names),
            place[comparisons.probe_subject[rows]],
            place[comparisons.reference_subject[rows]],
        )

        assert check(comparisons, seed=2) == check(shuffled, seed=2)

    def test_nameless_scores_are_split_by_comparison(self):
        found = check(normal(500), seed=0)

        assert found is not None
        assert (found.split, found.n_mated, found.holds) == ("comparisons", 500, True)

    def test_too_few_to_split_gives_no_check(self):
        assert check(made([1.0], [0.0, 0.5]), seed=0) is None

    def test_people_are_counted_by_what_did_not_fail(self):
        comparisons = of_people(5)
        scores = comparisons.scores.copy()
        scores[comparisons.mated & (comparisons.probe_subject == 0)] = -np.inf
        left = Comparisons(
            scores,
            comparisons.mated,
            Direction.SIMILARITY,
            comparisons.subjects,
            comparisons.probe_subject,
            comparisons.reference_subject,
        )

        assert people_of(comparisons) == (5, 5)
        assert people_of(left) == (4, 5)


class TestStatement:
    @pytest.mark.parametrize("direction", list(Direction))
    def test_it_is_that_of_the_calibration(self, direction):
        comparisons = of_people(100)
        scores = Scores.of(comparisons)
        found, held = calibrate(scores, people_of(comparisons)), check(comparisons, seed=0)
        assert found is not None
        document = found.document(direction, (float(scores.non_mated[0]), float(scores.mated[-1])), held)
        oriented = np.array([-50.0, 0.0, 1.0, 2.0, 3.0, 50.0])
        stated = [stated_log_lr(document, direction.shown(float(s))) for s in oriented]

        assert stated == pytest.approx(found.log_lr(oriented).tolist(), abs=1e-12)

    def test_nothing_is_stated_on_a_calibration_that_was_not_held(self):
        found = calibrate(normal(500))
        assert found is not None
        document = found.document(Direction.SIMILARITY, (-3.0, 6.0), None)
        failed = dict(document, check={"holds": False})
        held = dict(document, check={"holds": True})

        assert [stated_log_lr(d, 1.0) for d in (None, document, failed)] == [None, None, None]
        assert stated_log_lr(held, -math.inf) is None
        assert stated_log_lr(held, 1.0) is not None


class TestDocument:
    @pytest.mark.parametrize("direction", list(Direction))
    def test_it_is_told_in_numbers_of_the_file(self, direction):
        scores = normal(300)
        found = calibrate(scores)
        assert found is not None
        told = found.document(direction, (float(scores.mated[0]), float(scores.mated[-1])), None)
        points = told["points"]

        assert [p["score"] for p in points] == sorted(p["score"] for p in points)
        rising = points[-1]["log_lr"] > points[0]["log_lr"]
        assert rising == (direction is Direction.SIMILARITY)
        assert told["valid"] == sorted(told["valid"])
        middle = sum(told["valid"]) / 2
        line = told["slope"] * middle + told["intercept"]
        assert found.log_lr(np.array([direction.oriented(np.array(middle))]))[0] == pytest.approx(line)
