"""Counting by group, held to a count that takes one row after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.evaluation.by_group import (
    MOST_GROUPS,
    NonMatedRule,
    intersection,
    matrix,
    rates_by_group,
    tally,
)
from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Grouping
from counterseal.evaluation.plan import SmallestGroup

LABELS = ("a", "b", "c")
ANY_SIZE = SmallestGroup(1, 1, 1)


def made(rows, labels=LABELS, subjects=True, dtype=np.float64):
    """Comparisons of rows (score, mated, probe's group, reference's group); every side another person."""
    n = len(rows)
    grouping = Grouping(
        "g",
        labels,
        "self-declared",
        np.array([r[2] for r in rows], np.int16).reshape(n),
        np.array([r[3] for r in rows], np.int16).reshape(n),
    )
    mated = np.array([r[1] for r in rows], bool).reshape(n)
    probe = np.arange(n, dtype=np.int32) * 2
    return Comparisons(
        np.array([r[0] for r in rows], dtype).reshape(n),
        mated,
        Direction.SIMILARITY,
        tuple(f"p{i}" for i in range(2 * n)) if subjects else (),
        probe if subjects else None,
        np.where(mated, probe, probe + 1) if subjects else None,
        {"g": grouping},
    )


SCORE = st.sampled_from([-np.inf, -1.0, 0.0, 0.25, 0.5, 1.0])
ROWS = st.lists(st.tuples(SCORE, st.booleans(), st.integers(-1, 2), st.integers(-1, 2)), max_size=60)
THRESHOLDS = st.lists(st.sampled_from([-1.0, 0.1, 0.25, 0.5, 2.0]), min_size=1, max_size=4)


class TestCounting:
    @given(ROWS, THRESHOLDS, st.sampled_from(list(NonMatedRule)))
    def test_agrees_with_one_row_after_the_other(self, rows, thresholds, rule):
        comparisons = made(rows)
        found = rates_by_group(comparisons, comparisons.groupings["g"], thresholds, rule, ANY_SIZE)
        for g, group in enumerate(found.groups):
            of_probe = [r for r in rows if r[2] == g]
            non_mated = [r for r in of_probe if not r[1] and (rule is NonMatedRule.ALL or r[3] == g)]
            mated = [r for r in of_probe if r[1]]
            assert (group.n_mated, group.n_non_mated) == (len(mated), len(non_mated))
            for t, threshold in enumerate(thresholds):
                assert group.false_matches[t] == sum(r[0] >= threshold for r in non_mated)
                assert group.false_non_matches[t] == sum(r[0] < threshold for r in mated)

    @given(ROWS, st.sampled_from([-1.0, 0.1, 0.25, 0.5, 2.0]))
    def test_the_matrix_agrees_too_and_its_rows_are_the_probes(self, rows, threshold):
        comparisons = made(rows)
        found = matrix(comparisons, comparisons.groupings["g"], threshold)
        for i in range(3):
            for j in range(3):
                of = [r for r in rows if not r[1] and (r[2], r[3]) == (i, j)]
                assert found.trials[i][j] == len(of)
                assert found.count[i][j] == sum(r[0] >= threshold for r in of)
                assert found.fmr[i][j] == (found.count[i][j] / len(of) if of else None)

    @given(ROWS, THRESHOLDS, st.randoms(use_true_random=False))
    def test_the_order_of_rows_does_not_count(self, rows, thresholds, order):
        shuffled = order.sample(rows, len(rows))
        first, second = (tally(c, c.groupings["g"], thresholds) for c in (made(rows), made(shuffled)))
        assert (first.trials == second.trials).all()
        assert (first.at_or_above == second.at_or_above).all()

    @given(ROWS, THRESHOLDS, st.permutations(range(3)))
    def test_names_of_groups_are_only_names(self, rows, thresholds, names):
        """Groups listed in another order bring the same counts, in that order."""
        place = {**{g: names.index(g) for g in range(3)}, -1: -1}
        renamed = [(s, m, place[p], place[r]) for s, m, p, r in rows]
        first, second = (
            rates_by_group(c, c.groupings["g"], thresholds, "within-group", ANY_SIZE)
            for c in (made(rows), made(renamed, tuple(LABELS[n] for n in names)))
        )
        assert {g.label: g for g in first.groups} == {g.label: g for g in second.groups}

    @settings(max_examples=10)
    @given(st.integers(0, 2**32 - 1))
    def test_more_rows_than_are_counted_at_once(self, seed):
        rng = np.random.default_rng(seed)
        n = 150_000
        probe, reference = rng.integers(-1, 3, (2, n)).astype(np.int16)
        grouping = Grouping("g", LABELS, "synthetic", probe, reference)
        comparisons = Comparisons(rng.random(n, np.float32), rng.random(n) < 0.1, Direction.SIMILARITY)
        found = tally(comparisons, grouping, [0.9, 0.5])
        for i in range(3):
            of = (probe == i) & (reference == 1) & comparisons.mated
            assert found.trials[1, i, 1] == of.sum()
            assert list(found.at_or_above[:, 1, i, 1]) == [
                (comparisons.scores[of] >= t).sum() for t in (0.9, 0.5)
            ]

    def test_a_threshold_has_the_precision_of_the_scores(self):
        """A score that was written 0.1 and kept as float32 is at the threshold 0.1, as in every other rate."""
        comparisons = made([(0.1, False, 0, 0)], dtype=np.float32)
        above = float(np.nextafter(np.float32(0.1), np.float32(1)))
        found = tally(comparisons, comparisons.groupings["g"], [0.1, above])
        assert found.at_or_above[:, 0, 0, 0].tolist() == [1, 0]


class TestGroups:
    def test_a_group_too_small_is_named_with_its_reason(self):
        comparisons = made([(0.5, True, 0, 0)] * 3 + [(0.5, False, 0, 0)] * 2 + [(0.5, True, 1, 1)])
        grouping = comparisons.groupings["g"]

        def why(smallest):
            found = rates_by_group(comparisons, grouping, [0.5], "within-group", smallest)
            return [g.why_not for g in found.groups]

        assert [g.subjects for g in rates_by_group(comparisons, grouping, [0], "all", ANY_SIZE).groups] == [
            7,
            1,
            0,
        ]
        assert why(SmallestGroup(7, 3, 2)) == [
            "",
            "too few people: 1 of at least 7",
            "too few people: 0 of at least 7",
        ]
        assert why(SmallestGroup(1, 4, 1))[0] == "too few mated comparisons: 3 of at least 4"
        assert why(SmallestGroup(1, 1, 3))[0] == "too few non-mated comparisons: 2 of at least 3"

    def test_people_are_counted_once(self):
        comparisons = made([(0.5, False, 0, 0)] * 4)
        comparisons.probe_subject[:] = 0
        comparisons.reference_subject[:] = [1, 2, 1, 2]
        found = rates_by_group(comparisons, comparisons.groupings["g"], [0.5], "within-group", ANY_SIZE)
        assert found.groups[0].subjects == 3

    def test_where_nobody_is_named_comparisons_stand_for_people(self):
        comparisons = made([(0.5, True, 0, 0), (0.5, False, 0, 0)], subjects=False)
        found = rates_by_group(comparisons, comparisons.groupings["g"], [0.5], "all", SmallestGroup(30))
        assert found.groups[0].subjects is None
        assert "nobody is named" in found.groups[0].why_not

    def test_too_many_groups(self):
        labels = tuple(f"g{i}" for i in range(MOST_GROUPS + 1))
        comparisons = made([(0.5, True, 0, 0)], labels)
        with pytest.raises(EvaluationInputError, match="merge"):
            tally(comparisons, comparisons.groupings["g"], [0.5])


class TestIntersections:
    def test_every_pair_of_labels_and_who_is_unknown(self):
        sex = Grouping(
            "sex", ("f", "m"), "self-declared", *np.array([[0, 1, -1, 1], [0, 0, 1, -1]], np.int16)
        )
        age = Grouping("age", ("y", "o"), "document", *np.array([[0, 1, 1, -1], [1, 1, 0, 0]], np.int16))
        both = intersection(sex, age)
        assert both.name == "sex x age"
        assert both.labels == ("f x y", "f x o", "m x y", "m x o")
        assert both.how == "self-declared and document"
        assert both.probe.tolist() == [0, 3, -1, -1]
        assert both.reference.tolist() == [1, 1, 2, -1]

    @given(ROWS)
    def test_the_parts_of_a_crossed_group_add_up(self, rows):
        comparisons = made(rows)
        grouping = comparisons.groupings["g"]
        crossed = tally(comparisons, intersection(grouping, grouping), [0.25]).trials.sum()
        assert crossed == tally(comparisons, grouping, [0.25]).trials.sum()

    def test_of_one_is_none(self):
        with pytest.raises(ValueError, match="two groupings"):
            intersection(Grouping("g", LABELS, "synthetic", np.zeros(1, np.int16), np.zeros(1, np.int16)))
