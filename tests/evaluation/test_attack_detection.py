"""Presentation attack detection: counted by hand, and what grouping species differently does to the greatest rate."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.evaluation.attack_detection import (
    ACER_NOTE,
    BONA_FIDE,
    BPCER_AT,
    NOT_STATED,
    PresentationAttempts,
    acer,
    apcer,
    attack_detection_document,
    bpcer,
    detection_eer,
    full_system,
    non_response,
    refused,
    threshold_at_apcer,
    worst_apcer,
)
from counterseal.evaluation.comparisons import Direction, EvaluationInputError
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.reading.attacks import read_attacks

LOST = -np.inf


def attempts(bona_fide, potential=None, accepted=None, **species):
    """Scores of bona fide presentations and of each species."""
    return PresentationAttempts(
        np.array([*bona_fide, *(s for scores in species.values() for s in scores)], float),
        np.repeat(np.arange(-1, len(species), dtype=np.int16), [len(bona_fide), *map(len, species.values())]),
        tuple(species),
        tuple((potential or {}).get(name, NOT_STATED) for name in species),
        Direction.SIMILARITY,
        None if accepted is None else np.array(accepted, bool),
    )


@st.composite
def few_presentations(draw):
    """A few presentations of up to four species with coarse scores and some without a response."""
    scores = st.lists(st.sampled_from([LOST, 0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=12)
    names = [f"s{i}" for i in range(draw(st.integers(1, 4)))]
    return attempts(draw(scores), **{name: draw(scores) for name in names})


class TestByHand:
    def test_rates(self):
        told = attempts(
            [0.9, 0.8, 0.3, LOST],
            {"print": "low", "replay": "low", "mask": "high"},
            print=[0.1, 0.5, 0.2, 0.1],
            replay=[0.6, 0.7, LOST],
            mask=[0.9, 0.1, 0.1],
        )

        rates = apcer(told, 0.5)

        assert {name: (r.errors, r.trials) for name, r in rates.items()} == {
            "print": (1, 4),
            "replay": (2, 2),
            "mask": (1, 3),
        }
        assert {p: name for p, (name, _) in worst_apcer(told, 0.5).items()} == {
            "low": "replay",
            "high": "mask",
        }
        assert (bpcer(told, 0.5).errors, bpcer(told, 0.5).trials) == (1, 3)
        assert (refused(told, 0.5).errors, refused(told, 0.5).trials) == (2, 4)
        assert (non_response(told, 1).errors, non_response(told, 1).trials) == (1, 3)
        assert (non_response(told, BONA_FIDE).errors, non_response(told, BONA_FIDE).trials) == (1, 4)
        assert rates["replay"].interval == pytest.approx(clopper_pearson(2, 2))

    def test_a_score_at_the_threshold_passes(self):
        told = attempts([0.5], print=[0.5])

        assert (apcer(told, 0.5)["print"].errors, bpcer(told, 0.5).errors) == (1, 0)

    def test_a_threshold_in_the_precision_of_the_scores(self):
        """0.1 in single precision is above 0.1 in double: a file of single numbers must still pass at its own 0.1."""
        told = attempts([0.1], print=[0.7])
        told = replace(told, scores=(-told.scores).astype(np.float32))

        assert (bpcer(told, -0.1).errors, refused(told, -0.1).errors) == (0, 0)

    @given(few_presentations(), st.sampled_from([0.5, 1.0, 2.5, 9.0]))
    def test_any(self, told, threshold):
        for species, name in enumerate(told.species):
            scores = told.scores[told.species_of == species]
            passed = [s for s in scores if s >= threshold]
            answered = [s for s in scores if s > LOST]
            rate = apcer(told, threshold)[name]
            assert (rate.errors, rate.trials) == (len(passed), len(answered))
            assert non_response(told, species).errors == len(scores) - len(answered)

    def test_full_system(self):
        told = attempts(
            [1, 1, LOST, 0], accepted=[1, 1, 0, 0, 1, 0, 0, 0, 0], print=[1, 0, 0], mask=[0, LOST]
        )

        full = full_system(told)

        assert (full.iapar["print"].errors, full.iapar["print"].trials) == (1, 3)
        assert (full.iapar["mask"].errors, full.iapar["mask"].trials) == (0, 2)
        assert (full.worst, full.frr.errors, full.frr.trials) == ("print", 2, 4)
        assert full.riapar == pytest.approx(1 / 3 + 2 / 4)
        shown = attack_detection_document(told)["full_system"]["riapar"]
        assert shown["interval"][0] < shown["value"] < shown["interval"][1]
        assert shown["interval"][0] == pytest.approx(
            sum(clopper_pearson(*c, 0.975)[0] for c in ((1, 3), (2, 4)))
        )

    def test_no_full_system_was_tried(self):
        assert full_system(attempts([1], print=[0])) is None
        assert attack_detection_document(attempts([1], print=[0]))["full_system"] is None


class TestThresholds:
    @given(few_presentations(), st.sampled_from(sorted(BPCER_AT.values())))
    def test_every_species_keeps_the_bound(self, told, target):
        threshold = threshold_at_apcer(told, target)
        rates = apcer(told, threshold)

        assert all(r.errors <= target * r.trials for r in rates.values())
        bona_fide = told.responses(BONA_FIDE)
        for lower in bona_fide[bona_fide < threshold]:
            assert any(r.errors > target * r.trials for r in apcer(told, float(lower)).values())

    def test_bpcer_20_by_hand(self):
        """One of twenty attacks may pass: T is the smallest score above the second greatest of them."""
        told = attempts([18.0, 18.5, 19.5, 30], print=np.arange(20.0))

        row = next(r for r in attack_detection_document(told)["bpcer_at"] if r["name"] == "BPCER20")

        assert row["threshold"] == 18.5
        assert (row["bpcer"]["errors"], row["bpcer"]["trials"]) == (1, 4)
        assert row["measurable"]

    def test_a_bound_that_so_few_attacks_cannot_measure_says_so(self):
        rows = attack_detection_document(attempts([1, 2], print=np.arange(20.0)))["bpcer_at"]

        assert {r["name"]: r["measurable"] for r in rows} == {
            "BPCER10": True,
            "BPCER20": True,
            "BPCER100": False,
        }

    def test_detection_eer(self):
        told = attempts([1, 2, 3, 4], print=[0, 1.5, 2.5, 2.7], mask=[0, 0, 0, 0.5])

        assert detection_eer(told, 0).midpoint == pytest.approx(0.5)
        assert (detection_eer(told, 1).low, detection_eer(told, 1).high) == (0, 0)
        assert detection_eer(attempts([1], print=[LOST]), 0) is None


class TestGroupingOfSpecies:
    @given(few_presentations(), st.sampled_from([0.5, 1.0, 2.5]))
    def test_merging_never_raises_the_greatest_rate(self, told, threshold):
        """Why the list of species is fixed before the test."""
        merged = replace(
            told, species_of=np.minimum(told.species_of, 0), species=("any",), potential=(NOT_STATED,)
        )
        if all((told.scores[told.species_of == s] > LOST).any() for s in range(len(told.species))):
            each = [r.value for r in apcer(told, threshold).values()]
            (_, one), *_ = worst_apcer(merged, threshold).values()

            assert min(each) - 1e-12 <= one.value <= max(each) + 1e-12

    def test_it_can_lower_it(self):
        told = attempts([5], print=[0, 0, 0], mask=[4])
        merged = replace(
            told, species_of=np.minimum(told.species_of, 0), species=("any",), potential=("low",)
        )

        assert worst_apcer(told, 3)[NOT_STATED][1].value == 1
        assert worst_apcer(merged, 3)["low"][1].value == 0.25

    def test_potentials_are_not_compared_with_each_other(self):
        told = attempts([5], {"print": "low", "mask": "high"}, print=[0], mask=[9])
        shown = attack_detection_document(told, [3.0])

        assert [(w["attack_potential"], w["apcer"]["errors"]) for w in shown["thresholds"][0]["worst"]] == [
            ("low", 0),
            ("high", 1),
        ]
        assert {r["attack_potential"] for r in shown["bpcer_at"]} == {None, "low", "high"}


class TestWhatChangesNothing:
    @given(few_presentations(), st.randoms(use_true_random=False))
    def test_order_of_rows(self, told, random):
        order = list(range(len(told.scores)))
        random.shuffle(order)
        turned = replace(told, scores=told.scores[order], species_of=told.species_of[order])

        assert attack_detection_document(told, [1.0]) == attack_detection_document(turned, [1.0])

    @given(few_presentations())
    def test_monotone_map(self, told):
        mapped = replace(told, scores=np.where(np.isneginf(told.scores), LOST, 7 * told.scores - 3))

        for threshold in (0.5, 1.0, 2.5):
            assert apcer(told, threshold) == apcer(mapped, 7 * threshold - 3)
            assert bpcer(told, threshold) == bpcer(mapped, 7 * threshold - 3)


class TestAcer:
    def test_only_on_request_and_labelled(self):
        told = attempts([0, 1, 1, 1], print=[1, 0])

        assert "acer" not in attack_detection_document(told, [0.5])["thresholds"][0]
        asked = attack_detection_document(told, [0.5], with_acer=True)["thresholds"][0]["acer"]
        assert asked == {"value": (0.5 + 0.25) / 2, "note": ACER_NOTE}
        assert acer(attempts([1], print=[LOST]), 0.5) is None


class TestWhatCannotBeMeasured:
    @pytest.mark.parametrize(
        ("bona_fide", "species", "says"),
        [([], {"print": [1]}, "0 bona fide"), ([1], {"print": [1], "mask": []}, "`mask` 0")],
    )
    def test_a_kind_is_missing(self, bona_fide, species, says):
        with pytest.raises(EvaluationInputError, match=says):
            attempts(bona_fide, **species)

    def test_shapes(self):
        good = attempts([1, 2], print=[1])
        for wrong in (
            {"scores": np.array([1.0, np.nan, 0])},
            {"species_of": good.species_of[:2]},
            {"accepted": np.ones(2, bool)},
            {"potential": ()},
            {"species": ("print", "print"), "potential": ("low", "low")},
        ):
            with pytest.raises(ValueError, match=r"."):
                replace(good, **wrong)


FILE = """species,attack_potential,score,failure,accepted
,,0.9,,1
,,,timeout,0
print,low,0.2,,0
mask,high,0.8,,1
mask,high,failed,,0
"""


class TestFile:
    def told(self, tmp_path: Path, text: str, direction="similarity") -> PresentationAttempts:
        path = tmp_path / "attacks.csv"
        path.write_text(text, encoding="utf-8")
        return read_attacks(path, direction=direction)

    def test_is_read(self, tmp_path):
        read = self.told(tmp_path, FILE)

        assert (read.species, read.potential) == (("print", "mask"), ("low", "high"))
        assert read.scores.tolist() == [0.9, LOST, 0.2, 0.8, LOST]
        assert read.species_of.tolist() == [-1, -1, 0, 1, 1]
        assert read.accepted.tolist() == [True, False, False, True, False]

    def test_scores_that_are_higher_for_attacks(self, tmp_path):
        read = self.told(tmp_path, FILE, "dissimilarity")

        assert read.scores.tolist() == [-0.9, LOST, -0.2, -0.8, LOST]
        shown = attack_detection_document(read, [-0.5])["thresholds"][0]
        assert shown["threshold"] == 0.5
        assert [row["rate"]["errors"] for row in shown["apcer"]] == [1, 0]

    def test_two_columns_are_enough(self, tmp_path):
        read = self.told(tmp_path, "score;species\n1;\n0;print\n")

        assert (read.potential, read.accepted) == ((NOT_STATED,), None)

    @pytest.mark.parametrize(
        ("before", "after", "says"),
        [
            ("species,", "kind,", r"row 1: there is no column `species`"),
            ("mask,high,failed", "mask,low,failed", r"row 6: species `mask` has the attack potential `low`"),
            (",,0.9", ",low,0.9", r"row 2: a bona fide presentation has the attack potential"),
            ("0.2,,0", "0.2,,perhaps", r"row 4: `perhaps` does not tell"),
            ("0.2,,0", "nan,,0", r"row 4: the score is NaN"),
            ("0.2,,0", ",,0", r"row 4: the score is empty and no reason"),
            ("0.2,,0", "0.2,timeout,0", r"row 4: there is both a score"),
            ("0.2,,0", "0.2,0", r"row 4: it has 4 cells where 5"),
            (",,0.9,,1\n,,,timeout,0\n", "", r"there are 0 bona fide ones"),
        ],
    )
    def test_refuses_what_contradicts_itself(self, tmp_path, before, after, says):
        assert before in FILE
        with pytest.raises(EvaluationInputError, match=says):
            self.told(tmp_path, FILE.replace(before, after))
