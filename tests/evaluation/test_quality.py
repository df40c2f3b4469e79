"""Error versus discard: counted by hand, held between the ideal and the worst curve, and what must not change it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Grouping
from counterseal.evaluation.plan import SmallestGroup
from counterseal.evaluation.quality import (
    FRACTIONS,
    PairRule,
    discard_curve,
    pair_quality,
    quality_document,
)

QUALITIES = st.sampled_from([np.nan, 1.0, 2.0, 3.0, 4.0])
PAIRS = st.lists(
    st.tuples(st.sampled_from([-np.inf, 0.0, 1.0, 2.0]), QUALITIES), min_size=1, max_size=30
).map(lambda rows: np.array(rows, float).T)


def by_hand(scores, quality, threshold, fraction):
    """FNMR left at a fraction: the highest quality threshold that discards no more than it."""
    best = (0, int((scores < threshold).sum()), len(scores))
    order = np.where(np.isnan(quality), -np.inf, quality)
    for least in sorted(set(order)):
        left = order >= least
        out = int((~left).sum())
        if out <= fraction * len(scores) + 1e-9:
            best = (out, int((scores[left] < threshold).sum()), int(left.sum()))
    return best


class TestByHand:
    @given(PAIRS, st.sampled_from([0.5, 1.0, 1.5]), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]))
    def test_rates(self, pairs, threshold, fraction):
        scores, quality = pairs
        curve = discard_curve(scores, quality, threshold)
        rate = curve.rate(fraction)

        out, errors, left = by_hand(scores, quality, threshold, fraction)
        assert (int(curve.discarded[curve.step(fraction)]), rate.errors, rate.trials) == (out, errors, left)

    @given(PAIRS, st.sampled_from([0.2, 0.3, 0.77]))
    def test_area_is_that_of_the_rates(self, pairs, limit):
        scores, quality = pairs
        curve = discard_curve(scores, quality, 1.0)
        # Between two of these places the staircase is level, so that its middle is its value.
        edges = sorted(
            {0.0, limit, *(k / len(scores) for k in range(len(scores)) if k / len(scores) < limit)}
        )
        area = sum((b - a) * curve.rate((a + b) / 2).value for a, b in pairwise(edges))

        assert curve.area(limit) == pytest.approx(area, abs=1e-12)

    def test_worked(self):
        """Ten pairs, errors at qualities 1 and 2 and one good-looking error at 9."""
        scores, quality = np.array([0, 0, 1, 1, 1, 1, 1, 1, 0, 1.0]), np.arange(1.0, 11)
        curve = discard_curve(scores, quality, 0.5)

        assert [curve.rate(f).errors for f in (0, 0.05, 0.1, 0.2, 0.9)] == [3, 3, 2, 1, 0]
        assert [curve.rate(f).trials for f in (0, 0.05, 0.1, 0.2, 0.9)] == [10, 10, 9, 8, 1]
        assert curve.area(0.2) == pytest.approx(0.1 * 3 / 10 + 0.1 * 2 / 9)
        assert curve.level_area(0.2) == pytest.approx(0.06)


class TestIdeal:
    def test_area_by_numerical_integration(self):
        scores = np.array([0.0] * 25 + [1] * 75)
        curve = discard_curve(scores, np.arange(100.0), 0.5)
        for limit in (0.1, 0.2, 0.25, 0.3):
            r = (np.arange(200_000) + 0.5) / 200_000 * limit
            ideal = np.maximum(0, (0.25 - r) / (1 - r)).mean() * limit
            assert curve.ideal_area(limit) == pytest.approx(ideal, rel=1e-6)

    def test_a_perfect_quality_comes_to_it_as_pairs_grow_many(self):
        n = 20_000
        curve = discard_curve(np.repeat([0.0, 1.0], [n // 10, n - n // 10]), np.arange(n * 1.0), 0.5)

        assert curve.area(0.2) == pytest.approx(curve.ideal_area(0.2), rel=1e-3)

    def test_nothing_but_errors(self):
        curve = discard_curve(np.zeros(5), np.arange(5.0), 0.5)

        assert (curve.ideal_area(1.0), curve.ideal_area(0.5), curve.area(0.5)) == (1.0, 0.5, 0.5)

    @given(PAIRS, st.sampled_from([0.2, 0.3, 0.6]))
    def test_no_curve_is_below_it(self, pairs, limit):
        curve = discard_curve(*pairs, 1.0)

        # A staircase lies above the line it steps along, so this also holds for few pairs.
        assert curve.area(limit) >= curve.ideal_area(limit) - 1e-12


class TestFailures:
    def test_to_assess_are_discarded_first_and_together(self):
        scores, quality = np.array([0, 1, 0, 1.0]), np.array([np.nan, np.nan, -5.0, 7])
        curve = discard_curve(scores, quality, 0.5)

        assert curve.discarded.tolist() == [0, 2, 3]
        assert curve.errors.tolist() == [2, 1, 0]
        assert curve.quality.tolist() == [-np.inf, -5, 7]
        assert curve.not_assessed == 2

    def test_to_compare_are_errors_at_every_threshold(self):
        curve = discard_curve(np.array([-np.inf, 1.0]), np.array([1.0, 2]), -1e300)

        assert curve.errors.tolist() == [1, 0]

    def test_without_pairs_or_with_infinite_quality(self):
        with pytest.raises(EvaluationInputError, match="nothing to discard"):
            discard_curve(np.empty(0), np.empty(0), 1)
        with pytest.raises(EvaluationInputError, match="pair 2 has an infinite quality"):
            discard_curve(np.ones(2), np.array([1, np.inf]), 1)
        with pytest.raises(ValueError, match="one score and one quality"):
            discard_curve(np.ones(2), np.ones(3), 1)


class TestWhatChangesNothing:
    @given(PAIRS, st.randoms(use_true_random=False))
    def test_order_of_pairs_and_monotone_maps(self, pairs, random):
        scores, quality = pairs
        order = list(range(len(scores)))
        random.shuffle(order)
        one = discard_curve(scores, quality, 1.0)
        other = discard_curve(2 * scores[order] + 1, np.exp(quality[order]), 3.0)

        assert one.discarded.tolist() == other.discarded.tolist()
        assert one.errors.tolist() == other.errors.tolist()


class TestPairs:
    def test_the_lower_of_both_sides_or_the_probe(self):
        probe, reference = np.array([1, 5, np.nan, 2]), np.array([3, 4, 1, np.nan])

        assert pair_quality(probe, reference).tolist()[:2] == [1, 4]
        assert np.isnan(pair_quality(probe, reference)).tolist() == [False, False, True, True]
        assert pair_quality(probe, None, PairRule.PROBE) is probe
        with pytest.raises(EvaluationInputError, match="reference_quality"):
            pair_quality(probe, None)


def whole(seed=3, n=4000):
    """A test in which low quality lowers mated scores, twice as often in group b."""
    rng = np.random.default_rng(seed)
    mated = rng.random(n) < 0.5
    group = (rng.random(n) < 0.3).astype(np.int16)
    poor = rng.random(n) < np.where(group, 0.2, 0.1)
    quality = np.where(poor, rng.uniform(0, 30, n), rng.uniform(30, 100, n))
    scores = rng.normal(size=n) + np.where(mated, np.where(poor, 1.0, 4.0), 0.0)
    subject = np.arange(n, dtype=np.int32)
    grouping = Grouping("sex", ("a", "b"), "synthetic", group, group)
    return (
        Comparisons(
            scores,
            mated,
            Direction.SIMILARITY,
            tuple(map(str, range(n))),
            subject,
            subject,
            {"sex": grouping},
        ),
        quality,
    )


class TestDocument:
    def test_says_what_was_discarded_of_each_group(self):
        comparisons, quality = whole()
        shown = quality_document(comparisons, quality, quality, fmr_targets=[0.01])

        (curve,) = shown["discard"]
        assert curve["areas"][0]["ideal"] < curve["areas"][0]["area"] < curve["areas"][0]["level"]
        a, b = curve["groups"]
        at = FRACTIONS.index(0.1)
        parts = [row["same_quality_for_all"][at] for row in (a, b)]
        # One threshold for all discards group b about twice as often, as it was made.
        rates = [part["discarded"]["rate"] for part in parts]
        assert 1.5 < rates[1] / rates[0] < 2.7
        assert sum(p["discarded"]["errors"] for p in parts) == curve["at"][at]["discarded"]
        assert sum(p["fnmr"]["errors"] for p in parts) == curve["at"][at]["fnmr"]["errors"]
        assert sum(p["fnmr"]["trials"] for p in parts) == curve["at"][at]["fnmr"]["trials"]

    def test_the_threshold_stays_where_it_was_set(self):
        comparisons, quality = whole()
        shown = quality_document(comparisons, quality, quality, fmr_targets=[0.1])
        (curve,) = shown["discard"]
        for point in curve["curve"][:: len(curve["curve"]) // 7]:
            kept = comparisons.mated & (quality >= (point["quality"] or -np.inf))
            assert point["errors"] == int((comparisons.scores[kept] < curve["threshold"]).sum())
            assert point["trials"] == int(kept.sum())
            assert point["fnmr_low"] <= point["fnmr"] <= point["fnmr_high"]
        assert len(curve["curve"]) <= 200

    def test_a_small_group_is_named_and_not_measured(self):
        comparisons, quality = whole()
        shown = quality_document(
            comparisons,
            quality,
            quality,
            fmr_targets=[0.01],
            smallest_group=SmallestGroup(subjects=2000),
        )
        a, b = shown["discard"][0]["groups"]
        assert (a["evaluated"], b["evaluated"]) == (True, False)
        assert "too few people" in b["why_not"]
        assert "areas" not in b

    def test_a_random_quality_is_no_better_than_the_level_line(self):
        comparisons, _ = whole(n=20_000)
        quality = np.random.default_rng(9).random(len(comparisons))
        (curve,) = quality_document(comparisons, quality, None, fmr_targets=[0.01], rule=PairRule.PROBE)[
            "discard"
        ]
        assert curve["areas"][1]["area"] == pytest.approx(curve["areas"][1]["level"], rel=0.05)

    def test_distances_show_thresholds_of_the_file(self):
        comparisons, quality = whole()
        turned = replace(comparisons, direction=Direction.DISSIMILARITY)
        one, other = (
            quality_document(c, quality, quality, fmr_targets=[0.01])["discard"][0]
            for c in (comparisons, turned)
        )
        assert one["threshold"] == -other["threshold"]
        assert one["areas"] == other["areas"]

    def test_failures_to_assess_are_counted(self):
        comparisons, quality = whole()
        quality[:100] = np.nan
        shown = quality_document(comparisons, quality, quality, fmr_targets=[0.01])

        lost = shown["not_assessed"]
        assert lost == {
            "mated": int(comparisons.mated[:100].sum()),
            "non_mated": int((~comparisons.mated[:100]).sum()),
        }
        assert shown["discard"][0]["not_assessed"] == lost["mated"]

    def test_nothing_was_assessed(self):
        comparisons, quality = whole()
        with pytest.raises(EvaluationInputError, match="no mated pair has a quality"):
            quality_document(comparisons, quality * np.nan, quality, fmr_targets=[0.01])
        with pytest.raises(ValueError, match="one quality a side"):
            quality_document(comparisons, quality[1:], quality, fmr_targets=[0.01])
