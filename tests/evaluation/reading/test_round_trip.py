"""Any table, written in any format by somebody else's pen, reads back as the same comparisons, up to their order."""

import csv
import gzip
import io
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from counterseal.evaluation.comparisons import Comparisons, Direction, Scores
from counterseal.evaluation.reading import Format, Reading, read, read_comparisons, read_scores, write_parquet

NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).map(
    str.strip
)
WORD = NAME.filter(lambda w: w and "," not in w and '"' not in w)
REASONS = ["no face found", "too dark", "timeout"]
SCORE = st.floats(allow_nan=False, allow_infinity=False, width=64)
LABELS = ["", "18-30", "31-60", "über 60"]


@dataclass(frozen=True)
class Row:
    """One comparison, as a person would tell it."""

    probe: str
    reference: str
    probe_subject: str
    reference_subject: str
    score: float | None
    reason: str

    @property
    def mated(self) -> bool:
        return self.probe_subject == self.reference_subject


@dataclass(frozen=True)
class Table:
    rows: list[Row]
    label: dict[str, str]


@st.composite
def tables(draw: st.DrawFn, *, failures: bool = True) -> Table:
    """At least one mated and one non-mated comparison, each pair of samples once, each person in one group."""
    people = draw(st.lists(WORD, min_size=2, max_size=5, unique=True))
    probes = [(f"p{i}", person) for i, person in enumerate(people * 2)]
    references = [(f"r{i}", person) for i, person in enumerate(people)]
    pairs = [(p, r) for p in probes for r in references]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=2, max_size=len(pairs), unique=True))
    rows = []
    for (p, p_person), (r, r_person) in chosen:
        failed = failures and draw(st.booleans()) and draw(st.booleans())
        score = None if failed else draw(SCORE)
        reason = draw(st.sampled_from(REASONS)) if failed else ""
        rows.append(Row(p, r, p_person, r_person, score, reason))
    assume({True, False} == {row.mated for row in rows})
    label = {person: draw(st.sampled_from(LABELS)) for person in people}
    return Table(rows, label)


def told(table: Table, direction: Direction, *, subjects: bool = True) -> Counter[tuple[object, ...]]:
    """What must be read of this table."""
    sign = 1 if direction is Direction.SIMILARITY else -1
    return Counter(
        (
            row.mated,
            -np.inf if row.score is None else row.score * sign,
            *((row.probe_subject, row.reference_subject) if subjects else ()),
        )
        for row in table.rows
    )


def found(c: Comparisons, *, subjects: bool = True) -> Counter[tuple[object, ...]]:
    """What was read."""
    if not subjects or c.probe_subject is None or c.reference_subject is None:
        return Counter(zip(c.mated.tolist(), c.scores.tolist(), strict=True))
    return Counter(
        zip(
            c.mated.tolist(),
            c.scores.tolist(),
            [c.subjects[i] for i in c.probe_subject],
            [c.subjects[i] for i in c.reference_subject],
            strict=True,
        )
    )


def reasons(table: Table) -> dict[str, int]:
    return dict(sorted(Counter(row.reason for row in table.rows if row.score is None).items()))


HEADING = ["probe", "reference", "probe_subject", "reference_subject", "mated", "score", "failure"]


def cells(row: Row) -> list[str]:
    score = "" if row.score is None else repr(row.score)
    return [
        row.probe,
        row.reference,
        row.probe_subject,
        row.reference_subject,
        str(int(row.mated)),
        score,
        row.reason,
    ]


def as_csv(rows: list[list[str]], delimiter: str, end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue().encode()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "blank lines": lambda data: b"\n\n" + data + b"\n\n",
}

calm = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@calm
@given(
    tables(),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(sorted(PACKED)),
    st.sampled_from(Direction),
)
def test_pairs(
    tmp_path: Path, table: Table, delimiter: str, end: str, packed: str, direction: Direction
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(PACKED[packed](as_csv([HEADING, *map(cells, table.rows)], delimiter, end)))

    reading = read(path, format="pairs", direction=direction, samples=True)

    assert found(reading.comparisons) == told(table, direction)
    assert reading.comparisons.failures == reasons(table)
    assert reading.comparisons.direction is direction
    assert reading.rows == len(table.rows)
    assert reading.left_out == {}
    assert reading.probes is not None
    assert [reading.probes.names[i] for i in reading.probes.codes] == [row.probe for row in table.rows]


@calm
@given(tables(failures=False), st.sampled_from([",", ";", "\t"]))
def test_the_smallest_pairs(tmp_path: Path, table: Table, delimiter: str) -> None:
    """`mated,score` and nothing else."""
    path = tmp_path / "pairs.csv"
    rows = [["mated", "score"], *([cells(row)[4], cells(row)[5]] for row in table.rows)]
    path.write_bytes(as_csv(rows, delimiter, "\n"))

    c = read_comparisons(path, format="pairs", direction="similarity")

    assert found(c, subjects=False) == told(table, Direction.SIMILARITY, subjects=False)
    assert c.probe_subject is None
    assert c.subjects == ()


@calm
@given(
    tables(),
    st.sampled_from(["bob4", "bob5"]),
    st.sampled_from([" ", "\t", "   ", " \t"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r", " \n\n"]),
)
def test_bob(tmp_path: Path, table: Table, format_: str, gap: str, packed: bool, end: str) -> None:
    """Failures are told by a word; the reason is that word."""
    path = tmp_path / "scores.txt"
    lines = []
    for row in table.rows:
        model = [row.reference] if format_ == "bob5" else []
        score = "fta" if row.score is None else repr(row.score)
        # With four columns a claimed identity has one model, so the sample of the probe tells comparisons apart.
        probe = row.probe if format_ == "bob5" else f"{row.probe}-{row.reference}"
        lines.append(gap.join([row.reference_subject, *model, row.probe_subject, probe, score]))
    data = end.join(lines).encode()
    if packed:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            info = tarfile.TarInfo("scores.txt")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        data = archive.getvalue()
    path.write_bytes(data)

    c = read_comparisons(path, format=format_, direction="similarity")

    assert found(c) == told(table, Direction.SIMILARITY)
    assert sum(c.failures.values()) == sum(reasons(table).values())
    assert set(c.failures) <= {"fta"}


@calm
@given(tables(failures=False), st.booleans(), st.sampled_from(Direction))
def test_columns(tmp_path: Path, table: Table, two_files: bool, direction: Direction) -> None:
    scores = {m: [repr(r.score) for r in table.rows if r.mated is m] for m in (True, False)}
    path, mated_file = tmp_path / "scores.txt", None
    if two_files:
        mated_file = tmp_path / "mated.txt"
        mated_file.write_text("\n".join(scores[True]) + "\n")
        path.write_text("\n".join(scores[False]) + "\n")
    else:
        path.write_text("".join(f"{'1' if r.mated else '-1'} {r.score!r}\n" for r in table.rows))

    c = read_comparisons(path, format="columns", direction=direction, mated_file=mated_file)

    assert found(c) == told(table, direction, subjects=False)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[str], list[str], list[list[float | None]]]:
    """Names of people for rows and columns, in any order and number, and a cell for each pair."""
    people = draw(st.lists(WORD, min_size=2, max_size=5, unique=True))
    rows = draw(st.lists(st.sampled_from(people), min_size=1, max_size=6))
    columns = draw(st.permutations(people))
    grid = [[draw(st.none() | SCORE) for _ in columns] for _ in rows]
    assume(not (len(rows) == len(columns) and rows == columns))  # the diagonal has tests of its own
    assume(not all(is_number(name) for name in columns))
    return rows, list(columns), grid


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.lower() in {"fta", "fte", "failed", "failure"}
    return True


@calm
@given(matrices(), st.sampled_from([",", ";", "\t"]), st.sampled_from(Direction))
def test_matrix_with_names(
    tmp_path: Path,
    matrix: tuple[list[str], list[str], list[list[float | None]]],
    delimiter: str,
    direction: Direction,
) -> None:
    rows, columns, grid = matrix
    path = tmp_path / "matrix.csv"
    written = [["", *columns]]
    written += [
        [n, *("FTA" if s is None else repr(s) for s in line)] for n, line in zip(rows, grid, strict=True)
    ]
    path.write_bytes(as_csv(written, delimiter, "\n"))
    as_table = Table(
        [
            Row("", "", a, b, s, "fta")
            for a, line in zip(rows, grid, strict=True)
            for b, s in zip(columns, line, strict=True)
        ],
        {},
    )

    reading = read(path, format="matrix", direction=direction, samples=True)

    assert found(reading.comparisons) == told(as_table, direction)
    assert reading.comparisons.failures == reasons(as_table)
    assert reading.probes is not None
    assert len(set(reading.probes.names)) == len(rows)


@calm
@given(
    st.integers(2, 6).flatmap(
        lambda n: st.lists(st.lists(SCORE, min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_matrix_without_names(tmp_path: Path, grid: list[list[float]]) -> None:
    """Square, mated on the diagonal; set apart by spaces."""
    n = len(grid)
    assume(len({grid[i][i] for i in range(n)}) > 1)
    path = tmp_path / "matrix.txt"
    path.write_text("\n".join("  ".join(map(repr, line)) for line in grid))

    c = read_comparisons(path, format="matrix", direction="similarity")

    assert c.scores.reshape(n, n).tolist() == grid
    assert np.flatnonzero(c.mated).tolist() == [i * (n + 1) for i in range(n)]
    assert len(c.subjects) == n


def plain_parquet(table: Table, path: Path, dtype: pa.DataType, groups: bool) -> None:
    """As somebody else would write it."""
    columns = {
        "probe": [r.probe for r in table.rows],
        "reference": [r.reference for r in table.rows],
        "probe_subject": [r.probe_subject for r in table.rows],
        "reference_subject": [r.reference_subject for r in table.rows],
        "mated": [r.mated for r in table.rows],
        "score": pa.array([r.score for r in table.rows], pa.float64()).cast(dtype, safe=False),
        "failure": [r.reason or None for r in table.rows],
    }
    if groups:
        columns["probe_age"] = [table.label[r.probe_subject] or None for r in table.rows]
        columns["reference_age"] = [table.label[r.reference_subject] or None for r in table.rows]
    pq.write_table(pa.table(columns), path, row_group_size=3)


@calm
@given(tables(), st.booleans(), st.booleans())
def test_parquet_by_others_and_by_us(tmp_path: Path, table: Table, groups: bool, swap: bool) -> None:
    """Read, written by us, read again: the same columns, the same groups, and the same bytes when written again."""
    labels = {table.label[r.probe_subject] for r in table.rows} | {
        table.label[r.reference_subject] for r in table.rows
    }
    assume(not groups or len(labels - {""}) > 1)
    direction = Direction.DISSIMILARITY if swap else Direction.SIMILARITY
    path, ours, again = (tmp_path / name for name in ("theirs.parquet", "ours.parquet", "again.parquet"))
    plain_parquet(table, path, pa.float64(), groups)

    c = read_comparisons(
        path, format="parquet", direction=direction, groups_how={"age": "document"} if groups else None
    )
    write_parquet(c, ours)
    k = read_comparisons(ours, format="parquet", direction=None)
    write_parquet(k, again)

    assert found(c) == told(table, direction)
    assert c.failures == reasons(table)
    same(c, k)
    assert ours.read_bytes() == again.read_bytes()


def same(c: Comparisons, k: Comparisons) -> None:
    """Every column of both is the same."""
    assert np.array_equal(c.scores, k.scores)
    assert c.scores.dtype == k.scores.dtype
    assert np.array_equal(c.mated, k.mated)
    assert (c.direction, c.subjects, c.failures) == (k.direction, k.subjects, k.failures)
    assert c.probe_subject is not None
    assert k.probe_subject is not None
    assert np.array_equal(c.probe_subject, k.probe_subject)
    assert c.groupings.keys() == k.groupings.keys()
    for a, b in zip(c.groupings.values(), k.groupings.values(), strict=True):
        assert (a.name, a.labels, a.how) == (b.name, b.labels, b.how)
        assert np.array_equal(a.probe, b.probe)
        assert np.array_equal(a.reference, b.reference)


@calm
@given(tables(), st.randoms(use_true_random=False))
def test_no_order_of_rows_shows_through(tmp_path: Path, table: Table, random: object) -> None:
    """The people and labels come in the order of their names, whatever row names them first."""
    shuffled = list(table.rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    readings: list[Reading] = []
    for name, rows in (("a.csv", table.rows), ("b.csv", shuffled)):
        (tmp_path / name).write_bytes(as_csv([HEADING, *map(cells, rows)], ",", "\n"))
        readings.append(read(tmp_path / name, format="pairs", direction="similarity"))

    assert readings[0].comparisons.subjects == readings[1].comparisons.subjects
    assert list(readings[0].comparisons.subjects) == sorted(readings[0].comparisons.subjects)
    assert found(readings[0].comparisons) == found(readings[1].comparisons)


@calm
@given(tables(), st.sampled_from([pa.float32(), pa.float64()]), st.sampled_from(Direction))
def test_scores_alone_are_those_of_the_comparisons(
    tmp_path: Path, table: Table, dtype: pa.DataType, direction: Direction
) -> None:
    """The quick way takes less memory and gives the same numbers, type included."""
    assume(all(r.score is None or abs(r.score) < 1e30 for r in table.rows))
    path = tmp_path / "scores.parquet"
    plain_parquet(table, path, dtype, groups=False)

    quick = read_scores(path, format=Format.PARQUET, direction=direction)
    whole = Scores.of(read_comparisons(path, format=Format.PARQUET, direction=direction))

    assert np.array_equal(quick.mated, whole.mated)
    assert np.array_equal(quick.non_mated, whole.non_mated)
    assert quick.mated.dtype == whole.mated.dtype == dtype.to_pandas_dtype()
    assert quick.direction is direction


def test_float32_stays_float32(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = Table([Row("a", "b", "x", "x", 0.1, ""), Row("a", "c", "x", "y", 0.2, "")], {})
    plain_parquet(table, path, pa.float32(), groups=False)

    c = read_comparisons(path, format="parquet", direction="similarity")

    assert c.scores.dtype == np.float32
    assert c.scores.tolist() == [np.float32(0.1), np.float32(0.2)]


def test_a_histogram_counts_the_same_scores(tmp_path: Path) -> None:
    """Line i counts the score i."""
    for name, counts in (("mated", [0, 1, 3]), ("non_mated", [5, 2])):
        (tmp_path / f"{name}.txt").write_text("\n".join(map(str, counts)))
        (tmp_path / f"{name}-each.txt").write_text(
            "\n".join(str(i) for i, n in enumerate(counts) for _ in range(n))
        )

    for kind, end in (("histogram", ""), ("columns", "-each")):
        c = read_comparisons(
            tmp_path / f"non_mated{end}.txt",
            format=kind,
            direction="similarity",
            mated_file=tmp_path / f"mated{end}.txt",
        )
        assert sorted(c.scores[c.mated]) == [1, 2, 2, 2]
        assert sorted(c.scores[~c.mated]) == [0, 0, 0, 0, 0, 1, 1]


def test_several_reasons_keep_their_counts(tmp_path: Path) -> None:
    """Which row failed for which of several reasons is not known any more; how many did is."""
    path = tmp_path / "a.parquet"
    table = Table(
        [
            Row("a", "b", "x", "x", None, "too dark"),
            Row("a", "c", "x", "y", None, "timeout"),
            Row("a", "d", "x", "z", None, "timeout"),
            Row("e", "b", "x", "x", 1.0, ""),
        ],
        {},
    )
    plain_parquet(table, path, pa.float64(), groups=False)

    c = read_comparisons(path, format="parquet", direction="similarity")
    write_parquet(c, tmp_path / "b.parquet")
    k = read_comparisons(tmp_path / "b.parquet", format="parquet", direction="similarity")

    assert c.failures == k.failures == {"timeout": 2, "too dark": 1}
    same(c, k)


def test_samples_are_written_and_read(tmp_path: Path) -> None:
    """With the samples, an own file tells which probe was searched."""
    path = tmp_path / "a.csv"
    path.write_text("probe,reference,mated,score\na,b,1,0.5\na,c,0,0.25\nd,b,0,0.125\n")
    reading = read(path, format="pairs", direction="similarity", samples=True)

    write_parquet(
        reading.comparisons, tmp_path / "a.parquet", probes=reading.probes, references=reading.references
    )
    again = read(tmp_path / "a.parquet", format="parquet", direction=None, samples=True)

    assert again.probes is not None
    assert again.references is not None
    assert [again.probes.names[i] for i in again.probes.codes] == ["a", "a", "d"]
    assert [again.references.names[i] for i in again.references.codes] == ["b", "c", "b"]
    assert again.comparisons.probe_subject is None
    assert replace(again, comparisons=reading.comparisons).rows == 3


def test_quality_comes_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mated,score,probe_quality,reference_quality\n1,0.5,80,\n0,0.25, 20 ,3.5\n")

    reading = read(path, format="pairs", direction="similarity")

    assert reading.probe_quality is not None
    assert reading.reference_quality is not None
    assert reading.probe_quality.tolist() == [80, 20]
    assert np.isnan(reading.reference_quality[0])
    assert reading.reference_quality[1] == 3.5


def test_columns_that_were_not_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("pair,kind,vendor,probe_key\n0.5,Yes,a,1\n0.25,No,b,2\n")

    reading = read(path, format="pairs", direction="similarity", columns={"score": "pair", "mated": "kind"})

    assert reading.unused == ("vendor", "probe_key")
    assert reading.comparisons.mated.tolist() == [True, False]
