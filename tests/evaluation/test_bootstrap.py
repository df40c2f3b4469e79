"""Resampling people: held to a bootstrap that repeats rows, to published intervals, and to what it must not do."""

import csv
import os
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.evaluation import bootstrap
from counterseal.evaluation.bootstrap import (
    AGAIN,
    FIXED,
    NAMELESS,
    NOT_RESAMPLED,
    RULE_OF_THREE,
    Resampling,
    bootstrap_by_part,
    bounds_of,
    subject_bootstrap,
)
from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError
from counterseal.evaluation.intervals import CLOPPER_PEARSON, clopper_pearson, rule_of_three

DATA = Path(os.environ.get("COUNTERSEAL_DATA", Path(__file__).parents[3] / "shared/data")) / "scores"
BSSR1 = DATA / "nist-bssr1-set1"


def comparisons_of(scores, probe, reference, n_people):
    probe, reference = (np.asarray(x, np.int32) for x in (probe, reference))
    people = tuple(f"p{i}" for i in range(n_people))
    return Comparisons(
        np.asarray(scores, float), probe == reference, Direction.SIMILARITY, people, probe, reference
    )


def crossed(n_people, seed, shared=0.5):
    """Everybody against everybody, both ways; the scores of one person have something in common."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal(n_people)
    probe, reference = (x.ravel() for x in np.indices((n_people, n_people)))
    scores = np.sqrt(shared / 2) * (own[probe] + own[reference]) + np.sqrt(1 - shared) * rng.standard_normal(
        n_people**2
    )
    return comparisons_of(scores + 3.0 * (probe == reference), probe, reference, n_people)


@cache
def bssr1(name):
    with (BSSR1 / f"{name}.csv").open() as file:
        table = np.array([[float(x) for x in row[1:]] for row in list(csv.reader(file))[1:]])
    probe, reference = (x.ravel() for x in np.indices(table.shape))
    return comparisons_of(table.ravel(), probe, reference, len(table))


class TestPublishedNumbers:
    """NIST BSSR1, faces: 517 people, everybody against everybody; the published run had one seed of 2000 replicates.

    The standard error of such a standard error is about 3 %, since the replicates have a long tail.
    """

    pytestmark: ClassVar = [
        pytest.mark.shared_data,
        pytest.mark.skipif(
            not BSSR1.is_dir(),
            reason=f"{BSSR1}: no scores of NIST's; set COUNTERSEAL_DATA to have these tests run",
        ),
    ]

    @pytest.mark.parametrize(
        ("name", "threshold", "missed", "spread", "effect"),
        [("face-C", 0.64386, 83, 2.25e-4, 13.6), ("face-G", 74.92747, 115, 1.92e-4, 9.9)],
    )
    def test_standard_error_and_design_effect(self, name, threshold, missed, spread, effect):
        runs = [subject_bootstrap(bssr1(name), [threshold], replicates=2000, seed=s) for s in range(4)]
        fmr, fnmr = runs[0].fmr[0], runs[0].fnmr[0]
        assert (fmr.errors, fmr.trials, fnmr.errors, fnmr.trials) == (266, 266_772, missed, 517)
        assert np.mean([r.fmr[0].standard_error for r in runs]) == pytest.approx(spread, rel=0.08)
        assert np.mean([r.fmr[0].design_effect for r in runs]) == pytest.approx(effect, rel=0.16)

    def test_intervals_of_face_c(self):
        found = subject_bootstrap(bssr1("face-C"), [0.64386], replicates=2000, seed=1)
        published = (6.05e-4, 1.49e-3)
        assert found.fmr[0].percentiles == pytest.approx(published, rel=0.05)
        assert found.fmr[0].interval == pytest.approx(published, rel=0.07)
        assert found.fnmr[0].interval == pytest.approx((0.129946, 0.195078), abs=5e-7)
        assert found.fnmr[0].method == CLOPPER_PEARSON

    def test_a_threshold_set_anew_widens_fnmr_and_nothing_else(self):
        fixed, anew = (
            subject_bootstrap(bssr1("face-C"), [0.64386], replicates=200, seed=1, threshold_rule=rule)
            for rule in ("fixed", "re-estimated")
        )
        assert anew.fnmr[0].method == AGAIN
        assert anew.fnmr[0].standard_error > fixed.fnmr[0].standard_error
        assert anew.fmr[0].interval == fixed.fmr[0].interval


class TestWeights:
    """The two matrix products are the same as drawing people and repeating their rows."""

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10_000), st.integers(3, 9), st.integers(1, 60))
    def test_agree_with_repeated_rows(self, seed, n_people, n_rows):
        rng = np.random.default_rng(seed)
        probe, reference = rng.integers(0, n_people, (2, n_rows))
        scores = rng.integers(0, 3, n_rows)
        comparisons = comparisons_of(scores, probe, reference, n_people)
        part = rng.integers(-1, 2, n_rows).astype(np.int16)
        found = bootstrap_by_part(comparisons, [1, 2], part, 2, Resampling(7, seed))
        (drawn,) = [w for _, w in bootstrap._drawn(n_people, Resampling(7, seed))]
        assert (drawn.sum(axis=0) == n_people).all()
        for r in range(7):
            times = drawn[:, r]
            for p in range(2):
                for t, threshold in enumerate((1, 2)):
                    apart = (part == p) & (probe != reference)
                    weight = (times[probe] * times[reference])[apart]
                    self._same(
                        found[p].fmr[t], r, (weight * (scores[apart] >= threshold)).sum(), weight.sum()
                    )
                    alike = (part == p) & (probe == reference)
                    weight = times[probe][alike]
                    self._same(
                        found[p].fnmr[t], r, (weight * (scores[alike] < threshold)).sum(), weight.sum()
                    )

    @staticmethod
    def _same(estimate, r, errors, trials):
        if estimate.replicates is None:
            assert not estimate.trials or estimate.method == NOT_RESAMPLED, (
                "too few replicates have any trial"
            )
        elif not trials:
            assert np.isnan(estimate.replicates[r])
        else:
            assert estimate.replicates[r] == pytest.approx(errors / trials)

    def test_sparse_and_dense_agree(self, monkeypatch):
        """Few comparisons among many people take the sparse road; so do many, told to."""
        comparisons = crossed(40, 3)
        dense = subject_bootstrap(comparisons, [2.0], replicates=50, seed=1)
        monkeypatch.setattr(bootstrap, "_AT_ONCE", 100)
        sparse = subject_bootstrap(comparisons, [2.0], replicates=50, seed=1)
        assert sparse.fmr[0].interval == pytest.approx(dense.fmr[0].interval)
        assert sparse.fmr[0].design_effect == pytest.approx(dense.fmr[0].design_effect)

    def test_nobody_is_compared_with_themself(self):
        """Whoever is drawn twice adds no pair of a person with themself: mated scores are far above and never count."""
        comparisons = crossed(12, 5)
        found = subject_bootstrap(comparisons, [50.0], replicates=300, seed=2)
        assert found.fmr[0].errors == 0
        assert found.fmr[0].replicates.max() == 0

    def test_a_pair_is_one_pair_both_ways(self):
        """What a single pair adds to the variance is by the sum of both directions."""
        comparisons = crossed(15, 8)
        cells = bootstrap._matrix(
            comparisons.probe_subject[~comparisons.mated],
            comparisons.reference_subject[~comparisons.mated],
            [comparisons.scores[~comparisons.mated] >= 1],
            15,
        )
        wrong = (comparisons.scores.reshape(15, 15) >= 1) & ~np.eye(15, dtype=bool)
        beyond = wrong - wrong.sum() / 210 * ~np.eye(15, dtype=bool)
        both = np.triu(beyond + beyond.T)
        person, pairs = cells.influence(0, wrong.sum() / 210)
        assert pairs == pytest.approx((both**2).sum())
        assert person == pytest.approx(beyond.sum(axis=0) + beyond.sum(axis=1))


class TestWhenTrialsAreIndependent:
    def test_one_comparison_a_person_is_exact(self):
        """Pairs of people who are in no other comparison."""
        n = 60
        scores = np.r_[np.ones(4), np.zeros(n - 4)]
        comparisons = comparisons_of(scores, np.arange(n) * 2, np.arange(n) * 2 + 1, 2 * n)
        found = subject_bootstrap(comparisons, [0.5], replicates=100, seed=1).fmr[0]
        assert found.method == CLOPPER_PEARSON
        assert found.interval == pytest.approx(clopper_pearson(4, n))
        assert found.design_effect == 1
        assert found.alone

    def test_independent_errors_among_dependent_comparisons_cost_nothing(self):
        """Everybody against everybody, and nothing of a score belongs to a person: the effective trials are all."""
        found = [
            subject_bootstrap(crossed(60, s, shared=0.0), [1.5], replicates=400, seed=s).fmr[0]
            for s in range(12)
        ]
        assert np.median([e.effective_trials / e.trials for e in found]) > 0.8
        assert np.median([e.design_effect for e in found]) > 2, "the weights alone count a pair three times"

    def test_who_is_in_two_parts_is_not_alone(self):
        comparisons = comparisons_of([0, 1, 1, 0], [0, 0, 1, 2], [0, 0, 1, 2], 3)
        part = np.array([0, 1, 0, 1], np.int16)
        first, second = bootstrap_by_part(comparisons, [0.5], part, 2, Resampling(10, 1))
        assert first.fnmr[0].method == second.fnmr[0].method == CLOPPER_PEARSON
        assert not first.fnmr[0].alone
        assert not second.fnmr[0].alone


class TestWithoutErrors:
    def test_no_interval_of_no_width(self):
        found = subject_bootstrap(crossed(50, 1), [50.0, -50.0], replicates=100, seed=1)
        none, all_wrong = found.fmr
        assert none.percentiles == (0, 0), "what the replicates alone would say"
        assert none.interval == (0, pytest.approx(rule_of_three(50)))
        assert all_wrong.interval == (pytest.approx(1 - rule_of_three(50)), 1)
        assert none.method == all_wrong.method == RULE_OF_THREE

    def test_one_error_does_not_know_that_trials_are_independent(self):
        scores = np.zeros(50 * 50)
        scores[1] = 1
        probe, reference = (x.ravel() for x in np.indices((50, 50)))
        found = subject_bootstrap(
            comparisons_of(scores, probe, reference, 50), [0.5], replicates=400, seed=1
        ).fmr[0]
        low, high = clopper_pearson(1, 50 * 49)
        assert found.method == FIXED
        assert found.interval[0] < low
        assert found.interval[1] > 2 * high


class TestDeterminism:
    @given(st.randoms(use_true_random=False))
    @settings(max_examples=10, deadline=None)
    def test_the_order_of_rows_does_not_count(self, order):
        comparisons = crossed(12, 4)
        rows = order.sample(range(144), 144)
        shuffled = comparisons_of(
            comparisons.scores[rows], comparisons.probe_subject[rows], comparisons.reference_subject[rows], 12
        )
        for rule in ("fixed", "re-estimated"):
            one, other = (
                subject_bootstrap(c, [1.0, 2.0], replicates=40, seed=9, threshold_rule=rule)
                for c in (comparisons, shuffled)
            )
            for a, b in zip(one.fmr + one.fnmr, other.fmr + other.fnmr, strict=True):
                assert (a.interval, a.percentiles) == (pytest.approx(b.interval), b.percentiles)

    def test_the_same_seed_the_same_bytes(self):
        one, other = (subject_bootstrap(crossed(30, 4), [1.0], replicates=64, seed=9) for _ in range(2))
        assert one.fmr[0].replicates.tobytes() == other.fmr[0].replicates.tobytes()

    def test_steps_do_not_change_the_draw(self, monkeypatch):
        whole = np.concatenate([w for _, w in bootstrap._drawn(30, Resampling(64, 9))], axis=1)
        monkeypatch.setattr(bootstrap, "_AT_ONCE", 30 * 7)
        steps = np.concatenate([w for _, w in bootstrap._drawn(30, Resampling(64, 9))], axis=1)
        assert (whole == steps).all()


class TestSetAnew:
    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 1000))
    def test_agrees_with_setting_it_in_repeated_rows(self, seed):
        comparisons = crossed(9, seed)
        threshold = float(np.sort(comparisons.scores[~comparisons.mated])[-6])
        found = subject_bootstrap(
            comparisons, [threshold], replicates=12, seed=seed, threshold_rule="re-estimated"
        )
        (drawn,) = [w for _, w in bootstrap._drawn(9, Resampling(12, seed))]
        apart = ~comparisons.mated
        probe, reference, scores = (
            comparisons.probe_subject,
            comparisons.reference_subject,
            comparisons.scores,
        )
        for r in range(12):
            times = drawn[:, r]
            rows = np.repeat(scores[apart], (times[probe] * times[reference])[apart].astype(int))
            own = np.repeat(scores[~apart], times[probe[~apart]].astype(int))
            if found.fnmr[0].replicates is None or found.fnmr[0].method != AGAIN or not len(rows):
                continue
            # The smallest T with at most the FMR that T has: just above the first score that would exceed it.
            exceeding = [v for v in np.unique(rows) if (rows >= v).sum() > 6 / 72 * len(rows)]
            lost = (own <= max(exceeding)).sum() if exceeding else 0
            assert found.fnmr[0].replicates[r] == pytest.approx(lost / len(own))

    def test_without_false_matches_the_threshold_stays(self):
        found = subject_bootstrap(
            crossed(20, 1), [50.0], replicates=20, seed=1, threshold_rule="re-estimated"
        )
        assert found.fnmr[0].method != AGAIN


class TestWhoIsNotNamed:
    def test_is_told_in_the_method(self):
        comparisons = Comparisons(np.array([0.0, 1.0]), np.array([False, True]), Direction.SIMILARITY)
        found = subject_bootstrap(comparisons, [0.5], replicates=100, seed=1)
        assert found.fmr[0].method == found.fnmr[0].method == NAMELESS
        assert found.fmr[0].people is None

    def test_no_replicates_is_told_too(self):
        found = subject_bootstrap(crossed(10, 1), [0.5], replicates=0, seed=1)
        assert found.fmr[0].method == NOT_RESAMPLED
        assert found.fnmr[0].method == CLOPPER_PEARSON

    def test_nothing_tried_nothing_told(self):
        found = subject_bootstrap(comparisons_of([1.0], [0], [0], 1), [0.5], replicates=10, seed=1)
        assert found.fmr[0].interval is None
        assert found.fmr[0].value is None

    def test_only_those_chosen(self):
        comparisons = crossed(20, 2)
        chosen = (comparisons.probe_subject < 10) & (comparisons.reference_subject < 10)
        found = subject_bootstrap(comparisons, [1.0], replicates=10, seed=1, chosen=chosen)
        assert (found.fmr[0].trials, found.fnmr[0].trials) == (90, 10)


class TestRefused:
    @pytest.mark.parametrize(
        ("mated", "said"), [(True, "mated, of two people"), (False, "non-mated, of one person")]
    )
    def test_labels_that_contradict_the_people(self, mated, said):
        right = comparisons_of([0, 0], [0, 1], [0, 2], 3)
        flags = np.array([True, True]) if mated else np.array([False, False])
        wrong = Comparisons(
            right.scores, flags, right.direction, right.subjects, right.probe_subject, right.reference_subject
        )
        with pytest.raises(EvaluationInputError, match=f"row {2 if mated else 1}: told as {said}"):
            subject_bootstrap(wrong, [0.5], replicates=10, seed=1)

    @pytest.mark.parametrize("replicates", [-1, 1])
    def test_too_few_replicates_for_a_spread(self, replicates):
        with pytest.raises(EvaluationInputError, match="replicates"):
            Resampling(replicates, 1)


def test_a_higher_level_never_gives_a_narrower_interval():
    """Down to the levels at which a search for a p-value ends."""
    found = subject_bootstrap(crossed(30, 6), [1.0, 2.0, 50.0], replicates=100, seed=1)
    estimates = [*found.fmr, *found.fnmr]
    levels = (1e-14, 1e-9, 1e-4, 0.01, 0.5, 0.8, 0.9, 0.95, 0.99, 0.9999, 1 - 1e-15)
    low, high = zip(*(bounds_of(estimates, level) for level in levels), strict=True)
    assert (np.diff(low, axis=0) <= 1e-12).all()
    assert (np.diff(high, axis=0) >= -1e-12).all()
