"""What the words lint cannot see by itself: that its exceptions are true, and what it counts as read."""

import sys
from pathlib import Path

import numpy as np
import pytest
from gates import ROOT

from counterseal.biometrics.engine import Metric
from counterseal.biometrics.identify import Index, Reference

sys.path.insert(0, str(ROOT / "tools"))
import words


class TestTheLint:
    def test_the_tree_is_clean_and_no_exception_is_idle(self) -> None:
        found, idle, read = words.faults(ROOT)

        assert [str(fault) for fault in found] == []
        assert idle == []
        assert read > 5_000

    def test_each_exception_names_a_rule_and_a_file(self) -> None:
        rules = {rule.name for rule in words.RULES}

        for excused in words.EXCUSED:
            assert excused.rule in rules
            assert (ROOT / excused.path).is_file(), excused.path
            assert excused.why
        assert len(words.EXCUSED) <= 12, "a closed list that grows is an open one"

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("98% match", "match"),
            ("three hits", "hit"),
            ("the person was identified", "identified"),
            ("a suspect list", "suspect list"),
            ("confidence: high", "confidence"),
            ("tamper proof", "tamper-proof"),
        ],
    )
    def test_a_word_said_of_a_candidate_is_seen(self, text: str, rule: str) -> None:
        assert [r.name for r in words.RULES if r.pattern.search(text)] == [rule]

    @pytest.mark.parametrize(
        "text",
        [
            "the false match rate of 12 comparisons",
            "a 95 % confidence interval",
            "decision `match` or `non_match`",
            "identification is one-to-many",
            "subject_role: suspect",
            "the log is tamper-evident",
        ],
    )
    def test_a_term_of_the_field_is_spared(self, text: str) -> None:
        assert [r.name for r in words.RULES if r.pattern.search(text)] == []

    def test_the_words_we_do_not_use_stand_only_in_the_last_column(self) -> None:
        read = [line for path, _, line in words.lines_people_read(ROOT) if path == "GLOSSARY.md"]

        assert "blockchain" in Path(ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
        assert not any("blockchain" in line for line in read)


class TestWhatIsCalledImmutable:
    def test_an_index_refuses_to_be_written(self) -> None:
        """The docstring of `Index` says so; an index that searches share must not shift under them."""
        index = Index(
            [Reference("reference-1", "person-1")],
            np.ones((1, 4), dtype=np.float32),
            engine_id="engine-of-a-test",
            metric=Metric.EUCLIDEAN,
        )

        with pytest.raises(ValueError, match="read-only"):
            index._rows[0, 0] = 2.0
        assert isinstance(index.references, tuple)
