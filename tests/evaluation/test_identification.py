"""Identification: against counting by hand, against published numbers, and against what must not change it."""

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError
from counterseal.evaluation.identification import (
    COUNT,
    EXPECTED,
    MODEL,
    NOT_RETURNED,
    NotSearchesError,
    SearchResults,
    Ties,
    fnir_in_larger,
    fnir_in_smaller,
    fpir_if_independent,
    fpir_in_smaller,
    identification_document,
    identification_rates,
    mates_left_out,
    miss_rate,
    rank_rate,
    searches_of,
    searches_of_lists,
    threshold_at_fpir,
)

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "scores"
real = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no folder of published scores ($COUNTERSEAL_DATA)"),
]


def compared(
    scores: Any, mated: Any, *, order: Any = None, direction: Direction = Direction.SIMILARITY
) -> Any:
    """A matrix of probes by references as comparisons, one subject a probe, and the index of the probe."""
    scores = np.asarray(scores, float)
    probe = np.repeat(np.arange(len(scores), dtype=np.int32), scores.shape[1])
    order = np.arange(scores.size) if order is None else order
    comparisons = Comparisons(scores.ravel()[order], np.asarray(mated, bool).ravel()[order], direction)
    return comparisons, probe[order]


def searched(scores: Any, mated: Any, **more: Any) -> SearchResults:
    """The same as searches."""
    return searches_of(*compared(scores, mated, **more))


@st.composite
def matrices(draw: st.DrawFn) -> tuple[Any, Any]:
    """Few searches of few references with coarse scores: ties, failures, several mates and none."""
    s, n = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    cell = st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.0])
    scores = draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=s, max_size=s))
    mated = draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=s, max_size=s))
    return np.array(scores), np.array(mated)


def rank_by_hand(scores: Any, mated: Any, ties: Ties) -> float:
    """Of one search, from the definition."""
    mates, others = scores[mated], scores[~mated]
    if not len(mates) or mates.max() == -np.inf:
        return float("inf")
    first = 1 + int((others > mates.max()).sum())
    last = first + int((others == mates.max()).sum())
    return {Ties.BEST: first, Ties.WORST: last, Ties.MEAN: (first + last) / 2}[ties]


class TestByHand:
    """Every rate against a count over the rows as they were told."""

    @given(
        matrices(), st.integers(0, 6), st.sampled_from([-np.inf, 0.5, 1.0, 3.0, 9.0]), st.sampled_from(Ties)
    )
    def test_rates_are_the_counts(self, told: Any, length: int, threshold: float, ties: Ties) -> None:
        scores, mated = told
        length = min(length, scores.shape[1])
        enrolled = mated.any(axis=1)
        missed = alarms = returned = 0
        for row, mates, mate in zip(scores, mated, enrolled, strict=True):
            if mate:
                best = row[mates].max()
                missed += not (rank_by_hand(row, mates, ties) <= length and best >= threshold)
            else:
                listed = sorted((x for x in row if x >= threshold and x > -np.inf), reverse=True)[:length]
                alarms += bool(listed)
                returned += len(listed)

        rates = identification_rates(searched(scores, mated), threshold, length, ties=ties)

        assert (rates.fnir.errors, rates.fnir.trials) == (missed, enrolled.sum())
        assert (rates.fpir.errors, rates.fpir.trials) == (alarms, (~enrolled).sum())
        alone = int((~enrolled).sum())
        assert rates.selectivity == (returned / alone if alone else None)

    @given(matrices(), st.sampled_from(Ties))
    def test_ranks_are_the_counts(self, told: Any, ties: Ties) -> None:
        scores, mated = told
        results = searched(scores, mated)
        by_hand = [rank_by_hand(row, mates, ties) for row, mates in zip(scores, mated, strict=True)]

        assert results.ranks(ties).tolist() == by_hand
        for k in range(1, scores.shape[1] + 1):
            assert rank_rate(results, k, ties=ties).errors == sum(rank <= k for rank in by_hand)

    def test_a_failed_search_is_a_miss_and_never_an_alarm(self) -> None:
        """A failed comparison is an outcome: it stays in the denominator."""
        results = searched([[-np.inf, -np.inf], [-np.inf, -np.inf]], [[True, False], [False, False]])

        rates = identification_rates(results, float("-inf"), 2)

        assert (rates.fnir.errors, rates.fnir.trials) == (1, 1)
        assert (rates.fpir.errors, rates.fpir.trials) == (0, 1)
        assert results.failed.all()

    def test_a_list_of_nobody_returns_nobody(self) -> None:
        """R matters to FPIR only where it is 0; then every mate is missed."""
        rates = identification_rates(searched([[5, 1], [5, 1]], [[True, False], [False, False]]), 0.0, 0)

        assert (rates.fpir.errors, rates.fnir.errors, rates.selectivity) == (0, 1, 0.0)

    def test_a_mate_above_the_threshold_but_outside_the_list_is_missed(self) -> None:
        results = searched([[9, 8, 7]], [[False, False, True]])

        assert [identification_rates(results, 6, r).fnir.errors for r in (1, 2, 3)] == [1, 1, 0]
        assert identification_rates(results, 7.5, 3).fnir.errors == 1

    @given(matrices(), st.integers(1, 3), st.sampled_from([0.5, 1.0, 2.5]))
    def test_what_is_not_kept_is_never_guessed(self, told: Any, keep: int, threshold: float) -> None:
        """Ranks and rates are exact however few scores are kept; a count that would need the others is refused."""
        scores, mated = told
        whole = searched(scores, mated)
        few = searches_of(*compared(scores, mated), keep=keep)

        assert few.ranks().tolist() == whole.ranks().tolist()
        for length in range(1, scores.shape[1] + 1):
            one, other = (identification_rates(r, threshold, length) for r in (few, whole))
            assert (one.fpir, one.fnir) == (other.fpir, other.fnir)
            assert one.selectivity in (None, other.selectivity)
        try:
            assert few.above_threshold(threshold).tolist() == whole.above_threshold(threshold).tolist()
        except EvaluationInputError:
            assert whole.above_threshold(threshold).max() >= keep

    def test_other_references_of_the_mate_push_nobody_down(self) -> None:
        assert searched([[9, 8, 8.5]], [[True, True, False]]).ranks().tolist() == [1]


class TestWhatChangesNothing:
    """Order of rows, a monotone map of scores, their direction."""

    @given(matrices(), st.randoms(use_true_random=False))
    def test_order_of_rows(self, told: Any, random: Any) -> None:
        scores, mated = told
        order = list(range(scores.size))
        random.shuffle(order)
        one, other = searched(scores, mated), searched(scores, mated, order=np.array(order))

        for name in ("mate_score", "above", "tied", "others", "failed", "mate_enrolled"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name

    @given(matrices())
    def test_monotone_map(self, told: Any) -> None:
        scores, mated = told

        def document(of: Any, *thresholds: float) -> Any:
            made = identification_document(searched(of, mated), thresholds, list_length=1)
            return json.loads(
                json.dumps(made), object_hook=lambda d: {k: d[k] for k in d if k != "threshold"}
            )

        mapped = np.where(np.isneginf(scores), -np.inf, np.exp(scores / 3))

        assert document(scores, 0.5, 2.0) == document(
            mapped, float(np.exp(0.5 / 3)), float(np.exp(2.0) ** (1 / 3)) - 1e-9
        )

    def test_a_document_shows_thresholds_in_the_numbers_of_the_file(self) -> None:
        results = searched(-np.array([[0.2, 0.9]]), [[True, False]], direction=Direction.DISSIMILARITY)

        shown = identification_document(results, [-0.5], list_length=1)

        assert shown["rates"][0]["threshold"] == 0.5
        assert shown["rates"][0]["fnir"]["errors"] == 0


class TestOtherSizes:
    """Growth with N: exact below, a labelled model above."""

    @given(matrices(), st.sampled_from([0.5, 2.0]), st.integers(1, 3))
    def test_expectation_is_the_mean_over_every_smaller_database(
        self, told: Any, threshold: float, length: int
    ) -> None:
        """Every choice of references is tried; with one mate each, so that the mate can always stay."""
        scores, mated = told
        mated = np.zeros_like(mated)
        mated[::2, 0] = True
        results = searched(scores, mated)
        n = scores.shape[1]
        for size in range(1, n + 1):
            missed: list[Fraction] = []
            alarms: list[Fraction] = []
            for row, mates in zip(scores, mated, strict=True):
                if mates.any():
                    seen = [
                        rank_by_hand(row[[0, *some]], mates[[0, *some]], Ties.WORST) > length
                        or row[0] < threshold
                        for some in combinations(range(1, n), size - 1)
                    ]
                    missed.append(Fraction(sum(seen), len(seen)))
                else:
                    seen = [max(row[list(some)]) >= threshold for some in combinations(range(n), size)]
                    alarms.append(Fraction(sum(map(bool, seen)), len(seen)))
            fnir = fnir_in_smaller(results, size, threshold, length)
            fpir = fpir_in_smaller(results, size, threshold)
            assert fnir == pytest.approx(float(sum(missed) / len(missed)), abs=1e-12)
            assert (fpir is None) == (not alarms)
            if alarms:
                assert fpir == pytest.approx(float(sum(alarms) / len(alarms)), abs=1e-12)

    def test_at_n_itself_the_expectation_is_the_count(self) -> None:
        rng = np.random.default_rng(5)
        mated = np.zeros((40, 30), bool)
        mated[np.arange(25), np.arange(25)] = True
        results = searched(rng.normal(size=(40, 30)) + mated, mated)
        rates = identification_rates(results, 1.2, 5)

        assert fnir_in_smaller(results, 30, 1.2, 5) == pytest.approx(rates.fnir.value)
        assert fpir_in_smaller(results, 30, 1.2) == pytest.approx(rates.fpir.value)

    def test_both_errors_grow_with_the_database(self) -> None:
        rng = np.random.default_rng(6)
        mated = np.zeros((60, 50), bool)
        mated[np.arange(30), np.arange(30)] = True
        results = searched(rng.normal(size=(60, 50)) + mated, mated)
        fnir = [fnir_in_smaller(results, n, -np.inf, 3) for n in range(3, 51)]
        fpir = [fpir_in_smaller(results, n, 1.5) for n in range(1, 51)]

        for grows in (fnir, fpir):
            assert all(a <= b + 1e-12 for a, b in pairwise(grows))
            assert grows[0] < grows[-1]
        assert fnir_in_larger(results, 500, -np.inf, 3) > fnir[-1]

    def test_independent_comparisons_fit_the_model(self) -> None:
        """Where comparisons of one probe truly are independent, the model of FPIR is right."""
        rng = np.random.default_rng(7)
        results = searched(rng.random((4000, 100)), np.zeros((4000, 100), bool))
        counted = identification_rates(results, 0.99, 1).fpir

        low, high = counted.interval or (0, 0)
        assert low < fpir_if_independent(results, 100, 0.99) < high

    def test_every_figure_says_what_it_is(self) -> None:
        results = searched([[3, 1, 2, 0.5], [1, 3, 2, 0]], [[True, False, False, False], [False] * 4])

        growth = identification_document(results, [1.0], list_length=2, database_sizes=(2, 4, 40))["growth"]

        assert [(row["database_size"], row["method"]) for row in growth] == [
            (2, EXPECTED),
            (4, COUNT),
            (4, MODEL),
            (40, MODEL),
        ]

    def test_lists_that_end_cannot_be_thinned(self) -> None:
        with pytest.raises(EvaluationInputError, match="end at rank 2"):
            fnir_in_smaller(lists(), 5, 0.0, 1)
        assert {
            row["method"] for row in identification_document(lists(), [1.0], list_length=2)["growth"]
        } == {COUNT}


def lists(**change: Any) -> SearchResults:
    """Three searches of ten references, lists of two: a mate at rank 2, nobody returned, a search without a mate."""
    told: dict[str, Any] = {
        "search": np.array([0, 0, 2, 2], np.int32),
        "rank": np.array([1, 2, 1, 2], np.int32),
        "score": np.array([0.9, 0.8, 0.7, 0.6]),
        "mate": np.array([False, True, False, False]),
        "names": ("a", "b", "c"),
        "mate_enrolled": np.array([True, True, False]),
        "failed": np.zeros(3, bool),
        "database_size": 10,
        "list_length": 2,
        "direction": Direction.SIMILARITY,
    }
    return searches_of_lists(**(told | change))


class TestLists:
    """Candidate lists as a system returned them."""

    def test_are_counted(self) -> None:
        results = lists()

        assert results.ranks().tolist() == [2, np.inf, np.inf]
        assert results.above.tolist() == [1, NOT_RETURNED, NOT_RETURNED]
        assert [miss_rate(results, k).errors for k in (1, 2)] == [2, 1]
        assert identification_rates(results, 0.65, 2).fpir.errors == 1
        assert identification_rates(results, 0.65, 2).selectivity == 1.0
        assert identification_rates(results, 0.6, 2).selectivity == 2.0

    def test_rows_in_any_order(self) -> None:
        turned = np.array([3, 1, 0, 2])
        told = {
            "search": np.array([0, 0, 2, 2], np.int32)[turned],
            "rank": np.array([1, 2, 1, 2], np.int32)[turned],
            "score": np.array([0.9, 0.8, 0.7, 0.6])[turned],
            "mate": np.array([False, True, False, False])[turned],
        }

        assert identification_document(lists(**told), [0.7], list_length=2) == identification_document(
            lists(), [0.7], list_length=2
        )

    @pytest.mark.parametrize("length", [1, 3, 8])
    def test_say_what_all_scores_say_as_far_as_they_reach(self, length: int) -> None:
        rng = np.random.default_rng(11)
        mated = np.zeros((50, 20), bool)
        mated[np.arange(20), np.arange(20)] = True
        scores = rng.normal(size=(50, 20)) + mated
        whole = searched(scores, mated)
        order = np.argsort(-scores, axis=1)[:, :length]
        cut = lists(
            search=np.repeat(np.arange(50, dtype=np.int32), length),
            rank=np.tile(np.arange(1, length + 1, dtype=np.int32), 50),
            score=np.take_along_axis(scores, order, 1).ravel(),
            mate=np.take_along_axis(mated, order, 1).ravel(),
            names=tuple(map(str, range(50))),
            mate_enrolled=mated.any(axis=1),
            failed=np.zeros(50, bool),
            database_size=20,
            list_length=length,
        )

        for threshold in (-np.inf, 0.0, 1.5):
            for r in range(length + 1):
                assert identification_rates(cut, threshold, r) == identification_rates(whole, threshold, r)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"rank": np.array([1, 1, 1, 2], np.int32)}, "search `a` has two candidates at rank 1"),
            ({"rank": np.array([1, 3, 1, 2], np.int32)}, "search `a` has a candidate at rank 3"),
            ({"rank": np.array([1, 0, 1, 2], np.int32)}, "rank 0"),
            (
                {"rank": np.array([1, 2, 1, 3], np.int32), "list_length": 3},
                "search `c` has no candidate at rank 2 but one after it",
            ),
            ({"score": np.array([0.7, 0.8, 0.7, 0.6])}, "search `a` has a better score after a worse"),
            (
                {"mate_enrolled": np.array([False, True, False])},
                "search `a` is said to have no enrolled mate",
            ),
            ({"database_size": 1}, "lists of 2 candidates from a database of 1"),
        ],
    )
    def test_refuse_what_cannot_be(self, change: dict[str, Any], says: str) -> None:
        with pytest.raises(EvaluationInputError, match=says):
            lists(**change)

    def test_are_not_judged_beyond_their_end(self) -> None:
        with pytest.raises(EvaluationInputError, match="end at rank 2"):
            miss_rate(lists(), 3)

    def test_a_count_that_the_list_cut_off_is_not_given(self) -> None:
        with pytest.raises(EvaluationInputError, match="longer lists or a stricter threshold"):
            lists().above_threshold(0.5)
        assert lists().above_threshold(0.65).tolist() == [1, 0, 1]


class TestWhatIsNoSearch:
    """Pairs that nobody searched."""

    def test_probes_against_databases_of_different_size(self) -> None:
        comparisons = Comparisons(np.arange(3.0), np.array([True, False, False]), Direction.SIMILARITY)

        with pytest.raises(NotSearchesError, match="`0` was compared with 1 references and `1` with 2"):
            searches_of(comparisons, np.array([0, 1, 1], np.int32))

    def test_nobody_named(self) -> None:
        comparisons = Comparisons(np.arange(2.0), np.array([True, False]), Direction.SIMILARITY)

        with pytest.raises(NotSearchesError, match="nobody is named"):
            searches_of(comparisons)

    def test_probes_not_told_apart(self) -> None:
        side = np.zeros(2, np.int32)
        comparisons = Comparisons(np.arange(2.0), np.ones(2, bool), Direction.SIMILARITY, ("p",), side, side)

        with pytest.raises(NotSearchesError, match="more than once"):
            searches_of(comparisons)

    def test_no_rows(self) -> None:
        comparisons = Comparisons(np.empty(0), np.empty(0, bool), Direction.SIMILARITY)

        with pytest.raises(NotSearchesError, match="no search"):
            searches_of(comparisons, np.empty(0, np.int32))

    def test_results_that_cannot_be(self) -> None:
        good = lists()
        for wrong in (
            {"others": good.others[:, ::-1]},
            {"others": good.others[:2]},
            {"mate_score": np.array([0.8, np.nan, -np.inf])},
            {"mate_score": np.array([0.8, -np.inf, 0.1])},
            {"above": good.above[:2]},
        ):
            with pytest.raises(ValueError, match=r"."):
                replace(good, **wrong)


class TestThresholdAtFpir:
    """The smallest score that honours the bound."""

    @given(matrices(), st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.75, 0.99]))
    def test_is_admissible_and_the_smallest(self, told: Any, target: float) -> None:
        scores, mated = told
        assume(scores.shape[1] > 1)
        results = mates_left_out(searched(scores, mated))
        threshold = threshold_at_fpir(results, target)
        fpir = identification_rates(results, threshold, 1).fpir

        assert fpir.errors <= target * fpir.trials
        best = results.returned_to(1).non_mated  # the scores that decide; what is below them decides nothing
        for lower in best[np.isfinite(best) & (best < threshold)]:
            assert identification_rates(results, float(lower), 1).fpir.errors > target * fpir.trials

    def test_needs_searches_without_a_mate(self) -> None:
        with pytest.raises(EvaluationInputError, match="without an enrolled mate"):
            threshold_at_fpir(searched([[1, 0]], [[True, False]]), 0.1)


@cache
def bssr1(name: str) -> SearchResults:
    """One of the four matrices, each probe searched among all references."""
    with (DATA / "nist-bssr1-set1" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    matrix = np.array([row[1:] for row in rows[1:]], float)
    probe, reference = (x.astype(np.int32) for x in np.divmod(np.arange(matrix.size), len(matrix)))
    subjects = tuple(rows[0][1:])
    return searches_of(
        Comparisons(matrix.ravel(), probe == reference, Direction.SIMILARITY, subjects, probe, reference)
    )


class TestPublishedNumbers:
    """NIST's matrices and bob's files."""

    pytestmark = real

    def test_the_independence_model_against_the_count(self) -> None:
        """Face C at T for FMR 1e-3: a model says 0.4024, 108 of 517 searches say 0.2089."""
        shown = identification_document(bssr1("face-C"), [0.64386], list_length=50, database_sizes=(517,))

        assert shown["without_a_mate"] == "every search with its mate's references left out"
        rates = shown["rates"][0]
        assert (rates["fpir"]["errors"], rates["fpir"]["trials"]) == (108, 517)
        assert round(rates["fpir"]["rate"], 4) == 0.2089
        assert (rates["fnir"]["errors"], rates["fnir"]["trials"]) == (83, 517)
        assert rates["selectivity"] == 266 / 517
        count, model = shown["growth"]
        assert (count["method"], model["method"]) == (COUNT, MODEL)
        assert (round(count["fpir"], 4), round(model["fpir"], 4)) == (0.2089, 0.4024)

    def test_ties_move_rank_one(self) -> None:
        left = bssr1("finger-left")

        assert round(rank_rate(left, 1, ties=Ties.BEST).value or 0, 4) == 0.8646
        assert round(rank_rate(left, 1, ties=Ties.WORST).value or 0, 4) == 0.8588

    def test_cmc_of_bob(self) -> None:
        h5py = pytest.importorskip("h5py")
        with h5py.File(DATA / "bob-measure/tests/data/test-cmc.hdf5") as file:
            others, mates = (np.concatenate(list(arrays_of(file, part))) for part in ("neg", "pos"))
        others, mates = others.reshape(100, -1), mates.reshape(100, -1)
        scores = np.hstack([mates, others])
        mated = np.zeros(scores.shape, bool)
        mated[:, : mates.shape[1]] = True
        results = searched(scores, mated)

        cmc = [rank_rate(results, k).value for k in range(1, 6)]

        assert cmc == [0.76, 0.89, 0.96, 0.98, 1.0]

    @pytest.mark.parametrize(("file", "found", "alarms"), [(0, 7, 0), (1, 6, 0), (2, 6, 1)])
    def test_open_set_of_bob(self, file: int, found: int, alarms: int) -> None:
        """DIR at 0.5: 1, 6/7, 6/7; false alarms 0, 0, 1/2."""
        h5py = pytest.importorskip("h5py")
        rows, mated = [], []
        with h5py.File(DATA / f"bob-measure/tests/data/test{file}-open-set.hdf5") as read:
            for others, mates in zip(arrays_of(read, "neg"), arrays_of(read, "pos"), strict=True):
                mates = [] if mates.dtype.kind in "SO" else mates  # a text says that there is no mate
                rows.append([*mates, *others])
                mated.append([True] * len(mates) + [False] * len(others))

        rates = identification_rates(searched(rows, mated), 0.5, 1)

        assert (rates.fnir.trials - rates.fnir.errors, rates.fnir.trials) == (found, 7)
        assert (rates.fpir.errors, rates.fpir.trials) == (alarms, 2)


def arrays_of(file: Any, part: str) -> Iterator[Any]:
    """The arrays whose names hold `part`, in the order of their numbers."""
    found: list[tuple[str, Any]] = []
    file.visititems(lambda name, it: found.append((name, it[()])) if hasattr(it, "shape") else None)
    for _, array in sorted(found):
        if f"-{part}" in _ or f"{part}" in _.rsplit("/", 1)[-1]:
            yield np.ravel(array)
