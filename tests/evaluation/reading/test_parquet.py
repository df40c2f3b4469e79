"""Parquet: what is refused, what is bounded, and that damage is told instead of read."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Grouping
from counterseal.evaluation.reading import parquet, read, read_comparisons, read_scores, write_parquet

GOOD: dict[str, Any] = {
    "probe": ["p1", "p1", "p2", "p2"],
    "reference": ["r1", "r2", "r1", "r2"],
    "probe_subject": ["a", "a", "b", "b"],
    "reference_subject": ["a", "b", "a", "b"],
    "mated": [True, False, False, True],
    "score": pa.array([0.9, 0.1, 0.2, None], pa.float32()),
    "failure": [None, None, "", "too dark"],
}


def refusal(path: Path, columns: dict[str, Any], **told: Any) -> str:
    """The message with which these columns are refused."""
    pq.write_table(pa.table(columns), path)
    with pytest.raises(EvaluationInputError) as refused:
        read(path, format="parquet", **{"direction": "similarity", **told})
    return str(refused.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scores.parquet"


def test_is_read(file: Path) -> None:
    pq.write_table(pa.table(GOOD), file)

    c = read_comparisons(file, format="parquet", direction="dissimilarity")

    assert c.scores.tolist() == [-np.float32(0.9), -np.float32(0.1), -np.float32(0.2), -np.inf]
    assert c.failures == {"too dark": 1}
    assert c.mated.tolist() == [True, False, False, True]


F32 = pa.float32()
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": ({"score": pa.array([0.9, float("nan"), 0.2, None], F32)}, "row 2: the score is NaN"),
    "infinity": ({"score": pa.array([0.9, 0.1, np.inf, None], F32)}, "row 3: the score is infinite"),
    "null": ({"score": pa.array([None, 0.1, 0.2, None], F32)}, "row 1: the score is empty and no reason"),
    "NaN with a reason": (
        {"score": pa.array([0.9, 0.1, 0.2, float("nan")], F32)},
        "row 4: there is both a score and a failure",
    ),
    "score and reason": (
        {"score": pa.array([0.9, 0.1, 0.2, 0.3], F32)},
        "row 4: there is both a score and a failure (`too dark`)",
    ),
    "text as scores": (
        {"score": ["0.9", "0.1", "0.2", "0.3"]},
        "`score` is float32, float64 or a whole number",
    ),
    "half floats": ({"score": np.zeros(4, np.float16)}, "of type halffloat"),
    "numbers as names": ({"probe_subject": [1, 1, 2, 2]}, "`probe_subject` is text"),
    "unlabelled": ({"mated": [True, None, False, True]}, "row 2: `` tells neither mated nor non-mated"),
    "dates as labels": ({"mated": np.zeros(4, "M8[D]")}, "`mated` is a boolean"),
    "nobody": ({"probe_subject": ["a", None, "b", "b"]}, "row 2: `probe_subject` is empty while others"),
    "swapped": (
        {"mated": [False, False, False, True]},
        "row 1: it is called non-mated, but both subjects are `a`",
    ),
    "itself": ({"reference": ["p1", "r2", "r1", "r2"]}, "row 1: a sample is compared with itself"),
    "repeated": (
        {"reference": ["r1", "r1", "r1", "r2"]},
        "row 2: `p1` and `r1` are compared again, as in row 1",
    ),
    "none mated": (
        {"probe_subject": list("aabb"), "reference_subject": list("cdcd"), "mated": [False] * 4},
        "none of the 4 comparisons is mated",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused(file: Path, what: str) -> None:
    columns, expected = REFUSED[what]

    assert expected in refusal(file, {**GOOD, **columns})


@pytest.mark.parametrize("missing", ["score", "probe", "reference_subject"])
def test_a_missing_column_is_told(file: Path, missing: str) -> None:
    columns = {name: values for name, values in GOOD.items() if name != missing}

    assert "no `" in refusal(file, columns) or "no column `score`" in refusal(file, columns)


def test_without_rows(file: Path) -> None:
    assert "there is no comparison" in refusal(
        file, {"mated": pa.array([], pa.bool_()), "score": pa.array([], F32)}
    )


def test_of_another_kind(file: Path) -> None:
    file.write_text("mated,score\n1,0.5\n")

    with pytest.raises(EvaluationInputError, match="this is no Parquet file"):
        read_comparisons(file, format="parquet", direction="similarity")


def test_direction_stands_in_our_own_files_only(file: Path) -> None:
    assert "say similarity or dissimilarity" in refusal(file, GOOD, direction=None)

    c = read_comparisons(file, format="parquet", direction="dissimilarity")
    write_parquet(c, file)

    assert read_comparisons(file, format="parquet", direction=None).direction is Direction.DISSIMILARITY
    assert read_scores(file, format="parquet", direction=None).direction is Direction.DISSIMILARITY
    with pytest.raises(EvaluationInputError, match="the file says that its scores are `dissimilarity`"):
        read_comparisons(file, format="parquet", direction="similarity")


class TestBounds:
    """What a file claims is looked at before anything is unpacked."""

    def test_of_rows(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet, "MOST_ROWS", 3)

        assert "it claims 4 rows in 1 row groups; at most 3" in refusal(file, GOOD)

    def test_of_row_groups(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet, "MOST_ROW_GROUPS", 3)
        pq.write_table(pa.table(GOOD), file, row_group_size=1)

        with pytest.raises(EvaluationInputError, match="4 rows in 4 row groups"):
            read_comparisons(file, format="parquet", direction="similarity")

    def test_of_what_a_small_file_unpacks_to(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ten megabytes of one letter are a few kilobytes in the file."""
        monkeypatch.setattr(parquet, "LARGEST_ROW_GROUP", 1 << 20)
        columns = {**GOOD, "probe": [letter * 5_000_000 for letter in "aabb"]}
        pq.write_table(pa.table(columns), file, compression="zstd")

        assert file.stat().st_size < 20_000
        with pytest.raises(EvaluationInputError, match=r"row group 1 unpacks to 1[0-9]{7} bytes"):
            read_comparisons(file, format="parquet", direction="similarity")

    def test_of_all_row_groups_together(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parquet, "LARGEST_UNPACKED", 1000)
        pq.write_table(pa.table(GOOD), file, row_group_size=1)

        with pytest.raises(EvaluationInputError, match=r"and all so far to 1[0-9]{3}; write smaller"):
            read_comparisons(file, format="parquet", direction="similarity")


def comparisons(n: int = 40) -> Comparisons:
    """A few comparisons of six people in two groups, two of which failed."""
    rng = np.random.default_rng(0)
    probe, reference = (rng.integers(0, 6, n).astype(np.int32) for _ in range(2))
    scores = rng.standard_normal(n).astype(np.float32)
    scores[[3, 7]] = -np.inf
    label = np.array([0, 1, 0, 1, -1, 1], np.int16)
    sex = Grouping("sex", ("f", "m"), "document", label[probe], label[reference])
    return Comparisons(
        scores,
        probe == reference,
        Direction.SIMILARITY,
        tuple("abcdef"),
        probe,
        reference,
        {"sex": sex},
        {"fta": 2},
    )


def test_a_damaged_file_is_never_read_as_other_numbers(file: Path) -> None:
    """One byte of our own file is changed, many times: it is refused, or says what it said."""
    c = comparisons()
    write_parquet(c, file)
    good = file.read_bytes()
    rng = random.Random(5)
    refused = 0
    for _ in range(600):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        file.write_bytes(bad)
        try:
            k = read_comparisons(file, format="parquet", direction="similarity")
        except EvaluationInputError:
            refused += 1
            continue
        assert np.array_equal(k.scores, c.scores)
        assert np.array_equal(k.mated, c.mated)
        assert k.subjects == c.subjects
        assert k.failures == c.failures
        assert np.array_equal(k.groupings["sex"].probe, c.groupings["sex"].probe)
        assert np.array_equal(k.groupings["sex"].reference, c.groupings["sex"].reference)
    assert refused > 300


def test_a_file_cut_off_is_refused(file: Path) -> None:
    write_parquet(comparisons(), file)
    good = file.read_bytes()
    for size in range(1, len(good), 97):
        file.write_bytes(good[:size])
        with pytest.raises(EvaluationInputError):
            read_comparisons(file, format="parquet", direction="similarity")


def test_what_stands_beside_the_rows_agrees_with_them(file: Path) -> None:
    """Rows of one file of ours, beside which somebody put the words of another."""
    c = comparisons()
    write_parquet(c, file)
    words = {k: v for k, v in pq.read_metadata(file).metadata.items() if k.startswith(b"counterseal")}
    table = pq.read_table(file)
    changed = table.set_column(
        table.schema.get_field_index("mated"), "mated", pa.array(~c.mated)
    ).drop_columns(["probe_subject", "reference_subject"])
    with pq.ParquetWriter(file, changed.schema) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata(words)

    with pytest.raises(EvaluationInputError, match="scores or labels are not those that were written"):
        read_comparisons(file, format="parquet", direction="similarity")
    with pytest.raises(EvaluationInputError, match="scores or labels are not those that were written"):
        read_scores(file, format="parquet", direction="similarity")


@pytest.mark.parametrize("rows", [1 << 20, (1 << 20) + 1])
def test_more_than_one_batch(file: Path, rows: int) -> None:
    """Batches end where they end; rows in messages go on counting."""
    scores = np.arange(rows, dtype=np.float32)
    mated = np.arange(rows) % 3 == 0
    pq.write_table(pa.table({"mated": mated, "score": scores}), file, row_group_size=300_000)

    c = read_comparisons(file, format="parquet", direction="similarity")
    s = read_scores(file, format="parquet", direction="dissimilarity")

    assert np.array_equal(c.scores, scores)
    assert np.array_equal(c.mated, mated)
    assert np.array_equal(s.mated, -scores[mated][::-1])
    assert np.array_equal(s.non_mated, -scores[~mated][::-1])

    scores[-1] = np.nan
    pq.write_table(pa.table({"mated": mated, "score": scores}), file, row_group_size=300_000)
    for reader in (read_comparisons, read_scores):
        with pytest.raises(EvaluationInputError, match=f"row {rows}: the score is NaN"):
            reader(file, format="parquet", direction="similarity")


def test_sparse_pairs_are_told_apart_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pairs of all names are too many for a map, pairs are sorted instead."""
    from counterseal.evaluation.reading import assemble

    monkeypatch.setattr(assemble, "_LARGEST_MAP", 3)
    pq.write_table(pa.table(GOOD), file)

    assert len(read_comparisons(file, format="parquet", direction="similarity")) == 4
    expected = "row 2: `p1` and `r1` are compared again, as in row 1"
    assert expected in refusal(file, {**GOOD, "reference": ["r1", "r1", "r1", "r2"]})


def test_a_long_word_in_every_row_stays_one_word(file: Path) -> None:
    """A million rows, each with a reason, a label and an attack of a million letters: 5 TB if they were spelled out."""
    n = 1_000_000
    letters = pa.array(["x" * 1_000_000])
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), letters)
    mated = pa.DictionaryArray.from_arrays(pa.array(np.arange(n) % 2, pa.int8()), pa.array(["No", "Yes"]))
    columns = {"mated": mated, "score": pa.nulls(n, pa.float32()), "failure": long, "attack": long}
    columns |= {"probe_subject": long, "reference_subject": long}

    message = refusal(file, columns)
    assert "it is called non-mated, but both subjects are" in message
    assert len(message) < 1000

    del columns["probe_subject"], columns["reference_subject"]
    assert "this is an attack presentation" in refusal(file, columns)

    del columns["attack"]
    pq.write_table(pa.table(columns), file)
    c = read_comparisons(file, format="parquet", direction="similarity")
    assert [(len(word), count) for word, count in c.failures.items()] == [(1_000_000, n)]
    assert int(c.mated.sum()) == n // 2
