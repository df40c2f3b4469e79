"""One-to-one errors: against counting by hand, and against what must not change them."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.evaluation import verification
from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Scores
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.verification import (
    allowed_errors,
    auc,
    convex_hull_eer,
    det_curve,
    equal_error_rate,
    false_matches,
    false_non_matches,
    fmr,
    fnmr,
    measure,
    pooled_blocks,
    threshold_at,
)

FEW = st.integers(-3, 3).map(float)  # coarse on purpose: ties are where definitions part
FAILED = st.just(-math.inf)
KIND = st.lists(FEW | FAILED, min_size=1, max_size=14)
TARGET = st.sampled_from([0.001, 0.05, 0.1, 0.2, 1 / 3, 0.5, 0.9, 0.999])
DTYPE = st.sampled_from([np.float32, np.float64])


def made(mated: Any, non_mated: Any, dtype: Any = np.float64) -> Scores:
    return Scores.sorted_in_place(np.array(mated, dtype), np.array(non_mated, dtype), Direction.SIMILARITY)


def by_hand(scores: Scores, threshold: float) -> tuple[int, int]:
    return (
        sum(v >= threshold for v in scores.non_mated.tolist()),
        sum(u < threshold for u in scores.mated.tolist()),
    )


def seen(scores: Scores) -> list[float]:
    return sorted({*scores.mated.tolist(), *scores.non_mated.tolist()})


class TestCounts:
    @given(KIND, KIND, st.floats(-4, 4) | FEW, DTYPE)
    def test_as_counted_by_hand(self, mated, non_mated, threshold, dtype):
        scores = made(mated, non_mated, dtype)
        t = float(dtype(threshold))

        assert (false_matches(scores, t), false_non_matches(scores, t)) == by_hand(scores, t)

    def test_a_score_at_the_threshold_is_a_match(self):
        scores = made([0.5, 0.6], [0.5, 0.4])

        assert (fmr(scores, 0.5).errors, fnmr(scores, 0.5).errors) == (1, 0)
        above = math.nextafter(0.5, 1)
        assert (fmr(scores, above).errors, fnmr(scores, above).errors) == (0, 1)

    def test_a_failed_comparison_never_matches_and_stays_in_the_denominator(self):
        scores = made([1.0, -math.inf], [-math.inf, 0.0, 0.0, 0.0])

        assert (fnmr(scores, -1e300).errors, fnmr(scores, -1e300).trials) == (1, 2)
        assert (fmr(scores, -1e300).errors, fmr(scores, -1e300).trials) == (3, 4)

    def test_the_decimal_number_0_1_is_reached_by_a_score_written_0_1_in_half_the_precision(self):
        """float32(0.1) is greater than 0.1, float32(0.7) less: neither may turn on the last bit."""
        for written in (0.1, 0.7, 0.3):
            scores = made([written], [written], np.float32)
            assert (fmr(scores, written).errors, fnmr(scores, written).errors) == (1, 0)

    def test_rates_carry_exact_intervals(self):
        scores = made([0.0, 1.0], np.arange(10.0))

        assert fmr(scores, 8.0).interval == clopper_pearson(2, 10)
        assert fmr(scores, 8.0, 0.5).interval == clopper_pearson(2, 10, 0.5)


class TestThreshold:
    @given(KIND, KIND, TARGET, DTYPE)
    def test_it_is_the_smallest_score_that_keeps_the_bound(self, mated, non_mated, target, dtype):
        scores = made(mated, non_mated, dtype)
        found = threshold_at(scores, target)
        allowed = math.floor(Fraction(str(target)) * len(non_mated))
        kept = [t for t in seen(scores) if by_hand(scores, t)[0] <= allowed and t > -math.inf]

        assert found.allowed == allowed
        assert found.measurable == (allowed >= 1)
        assert by_hand(scores, found.threshold)[0] <= allowed
        if kept:
            assert found.threshold == kept[0]
        else:
            assert found.threshold > max(seen(scores))
            assert by_hand(scores, found.threshold) == (0, len(mated))

    @given(KIND, KIND, TARGET)
    def test_no_admissible_threshold_has_a_lower_fnmr(self, mated, non_mated, target):
        scores = made(mated, non_mated)
        found = threshold_at(scores, target)
        between = np.linspace(-4, 4, 161)
        admissible = [t for t in between if by_hand(scores, t)[0] <= found.allowed]

        least = min((by_hand(scores, t)[1] for t in admissible), default=len(mated))
        assert by_hand(scores, found.threshold)[1] <= least

    @given(KIND, KIND, TARGET)
    def test_both_ends_count_the_same_and_beyond_them_not(self, mated, non_mated, target):
        scores = made(mated, non_mated)
        found = threshold_at(scores, target)
        count = by_hand(scores, found.threshold)[0]

        just_above = math.nextafter(found.above, math.inf)
        assert by_hand(scores, just_above)[0] == count
        assert by_hand(scores, found.above)[0] > found.allowed
        if found.other_end is None:
            assert count == 0
        else:
            assert found.other_end >= found.threshold
            assert by_hand(scores, found.other_end)[0] == count
            assert by_hand(scores, math.nextafter(found.other_end, math.inf))[0] < count

    @pytest.mark.parametrize(
        ("target", "trials", "allowed"),
        [
            (0.29, 100, 29),
            (0.1, 30, 3),
            (0.7, 10, 7),
            (1e-3, 266_772, 266),
            (1e-5, 266_772, 2),
            (0.07, 100, 7),
        ],
    )
    def test_the_target_is_the_decimal_number_that_was_written(self, target, trials, allowed):
        """0.29 * 100 is 28.999999999999996 in binary."""
        assert allowed_errors(target, trials) == allowed

    def test_a_target_that_cannot_be_measured_lies_above_every_non_mated_score(self):
        found = threshold_at(made([5.0, 7.0], [1.0, 2.0, 3.0]), 0.01)

        assert not found.measurable
        assert (found.threshold, found.other_end, found.above) == (5.0, None, 3.0)

    def test_where_nothing_is_above_it_is_the_next_number(self):
        scores = made([0.0], [1.0], np.float32)
        found = threshold_at(scores, 0.5)

        assert found.threshold == float(np.nextafter(np.float32(1), np.float32(2)))
        assert fmr(scores, found.threshold).errors == 0

    @pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 1.5, math.nan])
    def test_a_target_outside_0_to_1_is_refused(self, target):
        with pytest.raises(EvaluationInputError, match="between 0 and 1"):
            threshold_at(made([1.0], [0.0]), target)

    def test_no_non_mated_scores_and_too_many_infinite_ones_are_refused(self):
        with pytest.raises(EvaluationInputError, match="no non-mated scores"):
            threshold_at(made([1.0], []), 0.1)
        with pytest.raises(EvaluationInputError, match="more than 1 of 10 non-mated scores are"):
            threshold_at(made([1.0], [math.inf] * 2 + [0.0] * 8), 0.1)


class TestWholeCurve:
    @given(KIND, KIND)
    def test_auc_is_counted_over_all_pairs_with_ties_at_half(self, mated, non_mated):
        scores = made(mated, non_mated)
        halves = sum(2 * (u > v) + (u == v) for u in mated for v in non_mated)

        assert auc(scores) == halves / (2 * len(mated) * len(non_mated))

    @given(KIND, KIND)
    def test_auc_of_the_kinds_exchanged_is_its_complement(self, mated, non_mated):
        assert auc(made(mated, non_mated)) == pytest.approx(1 - auc(made(non_mated, mated)), abs=1e-15)

    @given(KIND, KIND)
    def test_eer_is_where_both_rates_are_nearest(self, mated, non_mated):
        scores = made(mated, non_mated)
        found = equal_error_rate(scores)
        m, k = len(mated), len(non_mated)
        counts = [by_hand(scores, t) for t in [*seen(scores), math.inf]]
        least = min(abs(wrong * m - missed * k) for wrong, missed in counts)
        wrong, missed = next(c for c in counts if abs(c[0] * m - c[1] * k) == least)

        assert (found.low, found.high) == tuple(sorted((wrong / k, missed / m)))
        assert found.midpoint == (found.low + found.high) / 2

    @given(KIND, KIND)
    def test_hull_is_the_lowest_mixture_of_two_thresholds_with_equal_rates(self, mated, non_mated):
        scores = made(mated, non_mated)
        points = [by_hand(scores, t) for t in [-math.inf, *seen(scores), math.inf]]
        rates = [(Fraction(w, len(non_mated)), Fraction(u, len(mated))) for w, u in points]
        crossings = [y for x, y in rates if x == y]
        for x0, y0 in rates:
            for x1, y1 in rates:
                if x0 > y0 and x1 < y1:
                    share = (x0 - y0) / ((x0 - y0) + (y1 - x1))
                    crossings.append(y0 + share * (y1 - y0))

        assert convex_hull_eer(scores) == pytest.approx(float(min(crossings)), abs=1e-12)
        assert convex_hull_eer(scores) <= equal_error_rate(scores).high + 1e-12

    @given(KIND, KIND)
    def test_blocks_keep_every_score_and_rise(self, mated, non_mated):
        blocks = pooled_blocks(made(mated, non_mated))
        share = blocks.mated / (blocks.mated + blocks.non_mated)

        assert (blocks.mated.sum(), blocks.non_mated.sum()) == (len(mated), len(non_mated))
        assert (np.diff(share) > 0).all()

    @given(KIND, KIND, st.integers(2, 30), DTYPE)
    def test_the_curve_holds_true_points_from_one_end_to_the_other(self, mated, non_mated, points, dtype):
        scores = made(mated, non_mated, dtype)
        curve = det_curve(scores, points)

        assert len(curve.threshold) <= max(points, 4)
        assert [*zip(curve.false_matches, curve.false_non_matches, strict=True)] == [
            by_hand(scores, t) for t in curve.threshold.tolist()
        ]
        assert (curve.fmr[0], curve.fnmr[0]) == (1, 0)
        assert (curve.fmr[-1], curve.fnmr[-1]) == (0, 1)
        assert (np.diff(curve.threshold) > 0).all()
        assert curve.fmr_bounds[1][0] == clopper_pearson(len(non_mated), len(non_mated))[1]

    def test_the_curve_of_many_scores_is_short_and_reaches_single_errors(self):
        rng = np.random.default_rng(3)
        curve = det_curve(made(rng.normal(2, 1, 5_000), rng.normal(0, 1, 200_000)))

        assert 150 < len(curve.threshold) <= 200
        assert 1 in curve.false_matches

    def test_without_one_kind_there_is_no_curve(self):
        for kinds in (([], [1.0]), ([1.0], [])):
            for of in (auc, equal_error_rate, det_curve, convex_hull_eer):
                with pytest.raises(EvaluationInputError, match="mated scores"):
                    of(made(*kinds))

    def test_perfect_and_useless_scores(self):
        perfect, useless = made([2.0, 3.0], [0.0, 1.0]), made([1.0, 1.0], [1.0])

        assert (auc(perfect), equal_error_rate(perfect).high, convex_hull_eer(perfect)) == (1, 0, 0)
        assert (auc(useless), convex_hull_eer(useless)) == (0.5, 0.5)
        assert (equal_error_rate(useless).low, equal_error_rate(useless).high) == (0, 1)


class TestWhatMustNotMatter:
    @given(KIND, KIND, TARGET, st.randoms(use_true_random=False))
    def test_the_order_of_rows(self, mated, non_mated, target, chance):
        rows = [(s, True) for s in mated] + [(s, False) for s in non_mated]
        shuffled = chance.sample(rows, len(rows))

        def of(rows: Any) -> Any:
            scores, kinds = (np.array(column) for column in zip(*rows, strict=True))
            one = Scores.of(Comparisons(scores, kinds, Direction.SIMILARITY))
            return threshold_at(one, target), auc(one), equal_error_rate(one)

        assert of(rows) == of(shuffled)

    @given(KIND, KIND, st.integers(0, 14), FEW)
    def test_counts_of_chunks_add_up(self, mated, non_mated, cut, threshold):
        whole = made(mated, non_mated)
        chunks = [made(mated[:cut], non_mated[:cut]), made(mated[cut:], non_mated[cut:])]

        assert sum(false_matches(c, threshold) for c in chunks) == false_matches(whole, threshold)
        assert sum(false_non_matches(c, threshold) for c in chunks) == false_non_matches(whole, threshold)

    @given(KIND, KIND, st.integers(1, 4))
    def test_how_many_are_looked_up_at_once(self, mated, non_mated, at_once):
        scores = made(mated, non_mated)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(verification, "_WALK", at_once)
            chunked = auc(scores)

        assert chunked == auc(scores)

    @given(KIND, KIND, TARGET)
    def test_a_monotone_map_moves_thresholds_and_nothing_else(self, mated, non_mated, target):
        def moved(kind: list[float]) -> list[float]:
            return [s if s == -math.inf else math.exp(s / 3) - 40 for s in kind]

        before, after = made(mated, non_mated), made(moved(mated), moved(non_mated))
        t, u = threshold_at(before, target), threshold_at(after, target)

        assert by_hand(before, t.threshold) == by_hand(after, u.threshold)
        if t.threshold <= max(seen(before)):
            assert moved([t.threshold]) == [u.threshold]
        assert auc(before) == auc(after)
        assert equal_error_rate(before) == equal_error_rate(after)
        a, b = det_curve(before), det_curve(after)
        assert (a.false_matches.tolist(), a.false_non_matches.tolist()) == (
            b.false_matches.tolist(),
            b.false_non_matches.tolist(),
        )

    @given(KIND, KIND, st.integers(2, 4), TARGET)
    def test_scores_given_several_times(self, mated, non_mated, times, target):
        once, often = made(mated, non_mated), made(mated * times, non_mated * times)

        assert auc(once) == pytest.approx(auc(often), abs=1e-15)
        assert convex_hull_eer(once) == pytest.approx(convex_hull_eer(often), abs=1e-12)
        assert equal_error_rate(once) == equal_error_rate(often)
        # More may be allowed of more, never a higher rate.
        allowed = threshold_at(often, target)
        assert allowed.threshold <= threshold_at(once, target).threshold
        assert Fraction(by_hand(often, allowed.threshold)[0], len(non_mated) * times) <= Fraction(str(target))

    @given(KIND, KIND, TARGET)
    def test_a_dissimilarity_is_the_negated_similarity(self, mated, non_mated, target):
        """Oriented on reading: the same decisions, thresholds shown in the file's own numbers."""
        columns = np.array(mated + non_mated), np.array([True] * len(mated) + [False] * len(non_mated))
        alike = Scores.of(Comparisons(*columns, Direction.SIMILARITY))
        file = -columns[0]
        unlike = Scores.of(
            Comparisons(Direction.DISSIMILARITY.oriented(file), columns[1], Direction.DISSIMILARITY)
        )

        t, u = threshold_at(alike, target), threshold_at(unlike, target)
        assert t == u
        assert unlike.direction.shown(u.threshold) == -alike.direction.shown(t.threshold)


class TestMeasure:
    def test_it_tells_the_same_as_the_parts(self):
        rng = np.random.default_rng(1)
        scores = made(rng.normal(2, 1, 300), rng.normal(0, 1, 3_000), np.float32)
        found = measure(scores, (0.1, 0.01))

        assert (found.n_mated, found.n_non_mated) == (300, 3_000)
        for t, wrong, missed in found.thresholds:
            assert t == threshold_at(scores, t.target_fmr)
            assert (wrong, missed) == (fmr(scores, t.threshold), fnmr(scores, t.threshold))

    def test_the_scores_are_neither_changed_nor_widened(self):
        scores = made([1, 2, 3], [0, 1, 2], np.float32)
        before = scores.mated.tobytes(), scores.non_mated.tobytes()
        measure(scores, (0.5,))
        equal_error_rate(scores)

        assert (scores.mated.tobytes(), scores.non_mated.tobytes()) == before
        assert scores.mated.dtype == np.float32
