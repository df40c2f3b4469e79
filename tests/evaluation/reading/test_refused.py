"""What cannot be read as it was told is refused: which file, which row, what, and what to do about it."""

import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.reading import files, read, read_candidates, read_comparisons, read_scores

GOOD = "probe,reference,probe_subject,reference_subject,mated,score,failure\n"
ROWS = "p1,r1,a,a,1,0.9,\np1,r2,a,b,0,0.1,\n"


def refusal(path: Path, format_: str, **told: object) -> str:
    """The message with which a file is refused."""
    with pytest.raises(EvaluationInputError) as refused:
        read(path, format=format_, **{"direction": "similarity", **told})  # type: ignore[arg-type]
    message = str(refused.value)
    assert "; " in message, "no remedy"
    return message


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scores.csv"


PAIRS = {
    "NaN": (GOOD + ROWS + "p2,r1,b,a,0,NaN,\n", "row 4: the score is NaN"),
    "infinity": (GOOD + ROWS + "p2,r1,b,a,0,inf,\n", "row 4: the score is infinite (`inf`)"),
    "minus infinity": (GOOD + ROWS + "p2,r1,b,a,0,-Infinity,\n", "row 4: the score is infinite"),
    "text": (GOOD + ROWS + "\n\np2,r1,b,a,0,high,\n", "row 6: the score `high` is not a number"),
    "decimal comma": (GOOD + ROWS + 'p2,r1,b,a,0,"0,3",\n', "row 4: the score `0,3` has a comma"),
    "hexadecimal": (GOOD + ROWS + "p2,r1,b,a,0,0x1p3,\n", "row 4: the score `0x1p3` is not a number"),
    "underscore": (GOOD + ROWS + "p2,r1,b,a,0,1_000,\n", "row 4: the score `1_000` is not a number"),
    "too large": (GOOD + ROWS + "p2,r1,b,a,0,1e999,\n", "row 4: the score `1e999` is larger"),
    "empty score": (GOOD + ROWS + "p2,r1,b,a,0,,\n", "row 4: the score is empty and no reason"),
    "score and failure": (GOOD + ROWS + "p2,r1,b,a,0,0.5,blur\n", "row 4: there is both a score (`0.5`)"),
    "swapped to mated": (
        GOOD + ROWS + "p2,r1,b,a,1,0.5,\n",
        "row 4: it is called mated, but the subjects are `b` and `a`",
    ),
    "swapped to non-mated": (
        GOOD + ROWS + "p2,r1,a,a,0,0.5,\n",
        "row 4: it is called non-mated, but both subjects are `a`",
    ),
    "label": (GOOD + ROWS + "p2,r1,b,a,maybe,0.5,\n", "row 4: `maybe` tells neither mated nor non-mated"),
    "repeated": (
        GOOD + ROWS + "p2,r1,b,a,0,0.5,\np1,r2,a,b,0,0.1,\n",
        "row 5: `p1` and `r2` are compared again, as in row 3",
    ),
    "a sample of two people": (
        GOOD + ROWS + "r2,p1,a,a,1,0.5,\n",
        "row 3: the sample `r2` is of `b`, in another row of `a`",
    ),
    "a probe of two people": (
        GOOD + ROWS + "p1,r3,c,c,1,0.5,\n",
        "row 4: the sample `p1` is of `c`, in another row of `a`",
    ),
    "self": (GOOD + ROWS + "p2,p2,b,b,1,0.5,\n", "row 4: a sample is compared with itself"),
    "too few cells": (GOOD + ROWS + "p2,r1,b,a,0,0.5\n", "row 4: it has 6 cells where 7 are expected"),
    "too many cells": (GOOD + ROWS + "p2,r1,b,a,0,0.5,,\n", "row 4: it has 8 cells where 7 are expected"),
    "subject missing": (GOOD + ROWS + "p2,r1,,a,0,0.5,\n", "row 4: `probe_subject` is empty while others"),
    "sample missing": (GOOD + ROWS + "p2,,b,a,0,0.5,\n", "row 4: `reference` is empty while others"),
    "no mated": (GOOD + "p1,r2,a,b,0,0.1,\n", "none of the 1 comparisons is mated"),
    "no non-mated": (GOOD + "p1,r1,a,a,1,0.1,\n", "none of the 1 comparisons is non-mated"),
    "only a heading": (GOOD, "there is no comparison"),
    "no score column": (
        "mated,value\n1,0.5\n",
        "there is no column `score` (the columns are `mated`, `value`)",
    ),
    "nothing tells": ("vendor,score\nx,0.5\n", "there is neither `mated` nor subjects"),
    "one side": ("probe,mated,score\np1,1,0.5\n", "there is `probe` but no `reference`"),
    "twice": ("mated,score,score\n1,0.5,0.5\n", "row 1: two columns are named `score`"),
    "blank": ("\n \n\n", "there are only blank lines"),
    "one label": (
        "mated,score,probe_sex,reference_sex\n1,.5,f,f\n0,.1,f,f\n",
        "`sex` has only one label (`f`)",
    ),
    "two groups": (
        "probe_subject,reference_subject,score,probe_sex,reference_sex\na,a,.5,f,f\na,b,.1,f,m\nb,b,.5,f,m\n",
        "subject `b` has two labels of `sex`: `f`, `m`",
    ),
    "quality": (
        "mated,score,probe_quality\n1,.5,good\n0,.1,20\n",
        "row 2: the probe quality `good` is not a number",
    ),
    "quality of NaN": ("mated,score,probe_quality\n1,.5,1\n0,.1,nan\n", "row 3: the probe quality"),
}


@pytest.mark.parametrize("what", PAIRS)
def test_pairs(file: Path, what: str) -> None:
    text, expected = PAIRS[what]
    file.write_text(text)

    message = refusal(file, "pairs")

    assert message.startswith("`scores.csv`")
    assert expected in message


@pytest.mark.parametrize("blank", [0, 1, 3])
@pytest.mark.parametrize("at", [0, 1, 900])
def test_the_row_is_the_one_an_editor_shows(file: Path, at: int, blank: int) -> None:
    """Blank lines count."""
    rows = [f'"p{i}",r,{i % 2},0.5' for i in range(1000)]
    rows[at] = f"p{at},r,0,oops"
    file.write_text("\n" * blank + "probe,reference,mated,score\n" + "\n".join(rows))

    assert f"row {blank + at + 2}: the score `oops`" in refusal(file, "pairs")


@pytest.mark.parametrize("rows", [1, 100_000])
@pytest.mark.parametrize(
    ("heading", "good", "bad"),
    [
        ("mated,score,note", "1,0.5,a\n0,0.4,b\n", '1,0.3,"open'),
        ("mated,score,probe_sex,reference_sex", "1,.5,f,f\n0,.4,f,m\n", '1,.3,f,"m'),
        ("probe,reference,mated,score", "a,b,1,0.5\nc,d,0,0.4\n", '"e,f,1,0.3'),
    ],
)
def test_an_open_quote_swallows_no_rows(file: Path, rows: int, heading: str, good: str, bad: str) -> None:
    """Also in a column that nothing is read from, with another quote far below or none."""
    unique = heading.startswith("mated")
    for end in ("", '"\n'):
        file.write_text(heading + "\n" + good + bad + "\n" + (good * rows if unique else good) + end)

        message = refusal(file, "pairs")
        assert "row 4: " in message
        assert "close the quote that is open here" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mated,score\r1,0.5\r\r0,x\r", "row 4: the score `x`"),
        ('mated,score,note\n1,0.5,\n0,0.1,"a\rb"\n', "row 3: a cell holds a line break"),
        ("mated,score,note\n1,0.5," + "a" * 200_000 + "\n0,x,\n", "the table is broken (field larger"),
        ('mated,score\n1,0.5\n0,0.1"\n', 'row 3: the score `0.1"` is not a number'),
        ("mated,score\n1,0.5\n0,\0.1\n", "row 3: the score"),
        ("mated,score\n1,0.5\n0,\u0661\n", "row 3: the score `\u0661` is not a number"),
        ("mated,score\n1,0.5\n \n0,0.1\n", "row 3: it has 1 cells where 2 are expected"),
    ],
)
def test_odd_characters(file: Path, text: str, expected: str) -> None:
    file.write_bytes(text.encode())

    assert expected in refusal(file, "pairs")


def test_direction_is_never_guessed(file: Path) -> None:
    file.write_text(GOOD + ROWS)

    assert "say similarity or dissimilarity" in refusal(file, "pairs", direction=None)
    with pytest.raises(EvaluationInputError, match="`up` is no direction"):
        read_comparisons(file, format="pairs", direction="up")


def test_a_format_is_named(file: Path) -> None:
    file.write_text(GOOD + ROWS)

    assert "`xlsx` is no format; formats are matrix, pairs, bob4" in refusal(file, "xlsx")


def test_columns_that_are_not_there(file: Path) -> None:
    file.write_text("a,b\n1,0.5\n0,0.1\n")

    assert "there is no column `c`" in refusal(file, "pairs", columns={"score": "c", "mated": "a"})
    assert "`colour` is no column of ours" in refusal(file, "pairs", columns={"colour": "a"})
    assert "has no heading" in refusal(file, "columns", columns={"score": "a"})


class TestFiles:
    @pytest.mark.parametrize("format_", ["pairs", "matrix", "bob4", "columns", "parquet", "histogram"])
    def test_that_are_none(self, tmp_path: Path, format_: str) -> None:
        (tmp_path / "empty").touch()
        (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))

        assert "`empty`: the file is empty" in refusal(tmp_path / "empty", format_, mated_file=None)
        assert "this is a folder" in refusal(tmp_path, format_)
        assert "there is no such file" in refusal(tmp_path / "gone", format_)
        assert "empty.gz`" in refusal(tmp_path / "empty.gz", format_)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_of_another_encoding(self, file: Path, encoding: str) -> None:
        file.write_bytes((GOOD + ROWS).encode(encoding))

        assert "save it as UTF-8" in refusal(file, "pairs")

    def test_in_latin(self, file: Path) -> None:
        file.write_bytes((GOOD + ROWS).encode() + "p2,r1,Jürgen,a,0,0.5,\n".encode("latin-1"))

        assert "row 4: the text is not UTF-8" in refusal(file, "pairs")

    @pytest.mark.parametrize(
        ("start", "kind"),
        [(b"\x89HDF\r\n", "HDF5"), (b"PK\x03\x04", "spreadsheet"), (b"\x89PNG", "picture"), (b"%PDF", "PDF")],
    )
    def test_of_another_kind(self, file: Path, start: bytes, kind: str) -> None:
        file.write_bytes(start + b"0" * 100)

        assert kind in refusal(file, "pairs")

    def test_that_gzip_cannot_unpack(self, file: Path) -> None:
        whole = gzip.compress((GOOD + ROWS * 10_000).encode())
        file.write_bytes(whole[:-20])

        assert "the gzip file is damaged" in refusal(file, "pairs")

        file.write_bytes(whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:])

        assert "the gzip file is damaged" in refusal(file, "pairs")

    def test_that_unpack_without_end(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is unpacked is bounded, however small the file."""
        monkeypatch.setattr(files, "LARGEST_UNPACKED", 10_000_000)
        file.write_bytes(gzip.compress(GOOD.encode() + b"\n" * 50_000_000))

        assert "unpacks to more than 10000000 bytes" in refusal(file, "pairs")

    @pytest.mark.parametrize("members", [0, 2, "link", "folder"])
    def test_archives_of_anything_but_one_file(self, file: Path, members: int | str) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for i in range(members if isinstance(members, int) else 0):
                info = tarfile.TarInfo(f"{i}.txt")
                info.size = 8
                archive.addfile(info, io.BytesIO(b"a a x 1\n"))
            if isinstance(members, str):
                info = tarfile.TarInfo("x")
                info.type = tarfile.SYMTYPE if members == "link" else tarfile.DIRTYPE
                info.linkname = "/etc/passwd"
                archive.addfile(info)
        file.write_bytes(packed.getvalue())

        message = refusal(file, "bob4")

        assert "scores.csv`" in message
        assert ("archive" in message) or members == 0

    def test_a_second_file_is_never_passed_over(self, file: Path) -> None:
        file.write_text("a a x 1\n")

        for format_ in ("bob4", "bob5", "matrix", "parquet"):
            assert "leave `other.txt` away" in refusal(file, format_, mated_file=file.with_name("other.txt"))


MATRICES = {
    "ragged": (",a,b\na,1,2\nb,3\n", "row 3: it has 2 cells where 3 are expected"),
    "not square": ("1,2,3\n4,5,6\n", "it has 2 rows and 3 columns, and no names"),
    "text": (",a,b\na,1,2\n\nb,3,x\n", "row 4: column 2 of the scores: the score `x` is not a number"),
    "NaN": (",a,b\na,1,nan\nb,3,4\n", "row 2: column 2 of the scores: the score is NaN"),
    "infinite": (",a,b\na,1,2\nb,-inf,4\n", "row 3: column 1 of the scores: the score is infinite"),
    "empty cell": (",a,b\na,1,2\nb,,4\n", "row 3: column 1 of the scores: the score is empty"),
    "no mated": (",a,b\nc,1,2\nd,3,4\n", "none of the 4 comparisons is mated"),
    "no non-mated": (",a\na,1\n", "none of the 1 comparisons is non-mated"),
    "row without a name": (",a,b\na,1,2\n,3,4\n", "row 3: a row has no name"),
    "column without a name": (",a,\na,1,2\nb,3,4\n", "row 1: a column has no name"),
    "each with itself": (",a,b,c\na,1,.2,.3\nb,.2,1,.4\nc,.3,.4,1\n", "each sample was compared with itself"),
    "the first row at fault": (",a,b\na,1,x\nb,y,4\n", "row 2: column 2"),
}


@pytest.mark.parametrize("what", MATRICES)
def test_matrices(file: Path, what: str) -> None:
    text, expected = MATRICES[what]
    file.write_text(text)

    assert expected in refusal(file, "matrix")


BOB = {
    "five columns": ("bob4", "a m a x 1\n", "row 1: it has 5 cells where 4 are expected"),
    "four columns": ("bob5", "a a x 1\n", "row 1: it has 4 cells where 5 are expected"),
    "a broken line": ("bob4", "a a x 1\nb a y 0\nb a z\n", "row 3: it has 3 cells where 4 are expected"),
    "NaN": ("bob4", "a a x 1\nb a y nan\n", "row 2: the score is NaN"),
    "repeated": ("bob4", "a a x 1\nb a y 0\na a x 1\n", "are compared again, as in row 1"),
    "a list of files": ("bob4", "data/a 3 3 3\ndata/b 4 4 4\n", "none of the 2 comparisons is mated"),
}


@pytest.mark.parametrize("what", BOB)
def test_bob(file: Path, what: str) -> None:
    format_, text, expected = BOB[what]
    file.write_text(text)

    assert expected in refusal(file, format_)


COLUMNS = {
    "a curve": ("1.0 1.0\n1.0 0.997\n", "a table of rates (ROC, DET) holds no scores"),
    "three columns": ("1 0.5 2\n", "row 1: it has 3 cells where 2 are expected"),
    "text": ("1 0.5\n0 low\n", "row 2: the score `low` is not a number"),
    "NaN": ("1 0.5\n0 nan\n", "row 2: the score is NaN"),
}


@pytest.mark.parametrize("what", COLUMNS)
def test_columns(file: Path, what: str) -> None:
    text, expected = COLUMNS[what]
    file.write_text(text)

    assert expected in refusal(file, "columns")


def test_each_of_two_files_is_named_with_its_own_rows(file: Path) -> None:
    mated = file.with_name("mated.txt")
    file.write_text("0.1\n0.2\n0.3\n")
    mated.write_text("0.9\nhigh\n")

    assert "`mated.txt`, row 2: the score `high`" in refusal(file, "columns", mated_file=mated)

    mated.write_text("0.9\n")
    file.write_text("0.1\n0.2 0.3\n")

    assert "`scores.csv`, row 2: it has 2 cells where 1 are expected" in refusal(
        file, "columns", mated_file=mated
    )


def test_histograms(file: Path) -> None:
    mated = file.with_name("mated.txt")
    mated.write_text("1\n")

    for text, expected in (
        ("3\n-1\n", "row 2: `-1` is no count"),
        ("3\n0.5\n", "row 2: `0.5` is no count"),
        ("0\n0\n", "it counts 0 comparisons"),
        ("3\n99999999999999999999\n", "more than 1000000000"),
        ("900000000\n900000000\n", "it counts 1800000000 comparisons"),
    ):
        file.write_text(text)
        assert expected in refusal(file, "histogram", mated_file=mated)
    assert "name the file that counts the mated scores" in refusal(file, "histogram")


class TestListsOfMatedPairs:
    """Scores without a heading, and the pairs that are mated in a second file."""

    def test_agree(self, file: Path) -> None:
        mated = file.with_name("mated.txt")
        file.write_text("a b 0.5\na c 0.1\nd b 0.2\n")
        mated.write_text("a b\n")

        c = read_comparisons(file, format="pairs", direction="similarity", mated_file=mated)

        assert c.mated.tolist() == [True, False, False]

    def test_a_pair_without_a_score(self, file: Path) -> None:
        mated = file.with_name("mated.txt")
        file.write_text("a b 0.5\na c 0.1\n")
        mated.write_text("a b\nd b\n")

        assert "lists 2 mated pairs, of which 1 have a score" in refusal(file, "pairs", mated_file=mated)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("a b\na b\n", "row 2: the pair is listed twice"), ("a\n", "row 1: it has 1 words")],
    )
    def test_a_bad_list(self, file: Path, text: str, expected: str) -> None:
        mated = file.with_name("mated.txt")
        file.write_text("a b 0.5\na c 0.1\n")
        mated.write_text(text)

        assert f"`mated.txt`, {expected}" in refusal(file, "pairs", mated_file=mated)


class TestWhatIsLeftOut:
    """Only what the caller named is left out, and all of it is counted."""

    def test_self_comparisons(self, file: Path) -> None:
        file.write_text(GOOD + ROWS + "p2,p2,b,b,1,0.5,\np3,p3,c,c,1,,blur\n")

        reading = read(file, format="pairs", direction="similarity", leave_out=["self comparisons"])

        assert reading.rows == 4
        assert len(reading.comparisons) == 2
        assert reading.left_out == {"self comparisons": 2}
        assert reading.comparisons.subjects == ("a", "b")
        assert reading.comparisons.failures == {}

    def test_repeated_comparisons_but_the_first(self, file: Path) -> None:
        file.write_text(GOOD + ROWS + "p1,r2,a,b,0,0.7,\np1,r2,a,b,0,,blur\np1,r1,a,a,1,0.2,\n")

        reading = read(file, format="pairs", direction="similarity", leave_out=["repeated comparisons"])

        assert reading.comparisons.scores.tolist() == [0.9, 0.1]
        assert reading.left_out == {"repeated comparisons": 3}
        assert reading.comparisons.failures == {}

    def test_attack_presentations(self, file: Path) -> None:
        file.write_text("mated,score,attack\n1,0.9,\n0,0.8,print\n0,0.1,\n")

        assert "row 3: this is an attack presentation" in refusal(file, "pairs")

        reading = read(file, format="pairs", direction="similarity", leave_out=["attack presentations"])

        assert reading.comparisons.scores.tolist() == [0.9, 0.1]
        assert reading.left_out == {"attack presentations": 1}

    def test_the_diagonal(self, file: Path) -> None:
        """People have two samples each; each sample is compared with all, itself too."""
        file.write_text(",a,a,b,b\na,1,.8,.3,.2\na,.8,1,.4,.1\nb,.3,.4,1,.7\nb,.2,.1,.7,1\n")

        reading = read(file, format="matrix", direction="similarity", leave_out=["self comparisons"])

        assert reading.left_out == {"self comparisons": 4}
        assert reading.comparisons.scores[reading.comparisons.mated].tolist() == [0.8, 0.8, 0.7, 0.7]
        assert 1 not in reading.comparisons.scores

    def test_nothing_else(self, file: Path) -> None:
        file.write_text(GOOD + ROWS)

        assert "`failures` cannot be left out" in refusal(file, "pairs", leave_out=["failures"])


class TestWordsOfFailure:
    def test_that_are_known(self, file: Path) -> None:
        file.write_text("mated,score\n1,0.5\n1,FTA\n0,0.1\n0,fta\n0,no_face\n")

        c = read_comparisons(file, format="pairs", direction="dissimilarity")

        assert c.failures == {"fta": 2, "no_face": 1}
        assert c.scores.tolist() == [-0.5, -float("inf"), -0.1, -float("inf"), -float("inf")]

    def test_that_the_caller_tells(self, file: Path) -> None:
        """Also one that looks like a number."""
        file.write_text("mated,score\n1,0.5\n1,NaN\n0,0.1\n0,-1\n")

        c = read_comparisons(file, format="pairs", direction="similarity", failure_words=["nan", "-1"])

        assert c.failures == {"-1": 1, "nan": 1}
        assert c.scores.tolist() == [0.5, -float("inf"), 0.1, -float("inf")]

    def test_reasons_win_over_words(self, file: Path) -> None:
        file.write_text("mated,score,failure\n1,0.5,\n1,FTA,too dark\n0,0.1,\n")

        c = read_comparisons(file, format="pairs", direction="similarity")

        assert c.failures == {"too dark": 1}

    def test_in_scores_alone(self, file: Path) -> None:
        file.write_text("mated,score\n1,0.5\n1,FTA\n0,0.1\n")

        scores = read_scores(file, format="pairs", direction="similarity")

        assert scores.mated.tolist() == [-float("inf"), 0.5]
        assert scores.non_mated.tolist() == [0.1]


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("pairs", GOOD + ROWS),
        ("matrix", ",a,b,c\na,1,.2,.3\nb,.4,.5,.6\nc,.7,.8,.9\n"),
        ("bob4", "a a x 1\nb a y 0\na b z 1\n"),
        ("bob5", "a m a x 1\nb n a y 0\na m b z 1\n"),
        ("columns", "1 0.5\n0 0.1\n"),
    ],
)
def test_no_boundary_is_lost_unseen(file: Path, format_: str, text: str) -> None:
    """Whichever comma, space or end of a line within the table goes missing, or comes twice, it is told."""
    file.write_text(text)
    read_comparisons(file, format=format_, direction="similarity")
    blank = "\n" if format_ in ("pairs", "matrix") else "\n "
    seen = 0
    for i, character in enumerate(text[:-1]):
        if character not in ", \n":
            continue
        damaged = [text[:i] + text[i + 1 :]]
        if character not in blank:
            damaged.append(text[:i] + character + text[i:])
        for each in damaged:
            file.write_text(each)
            refusal(file, format_)
            seen += 1
    assert seen >= 3


BEGUN = {
    "pairs": GOOD + ROWS + "p2,r2,b,b,1,,blur\n",
    "matrix": ",a,b,c\na,1,.2,.3\nb,.4,fta,.6\nc,.7,.8,.9\n",
    "bob4": "a a x 1\nb a y 0\na b z 1\n",
    "bob5": "a m a x 1\nb n a y 0\na m b z 1\n",
    "columns": "1 0.5\n0 0.1\n-1 fta\n",
    "groups": "subject,sex\n#how,document\na,f\nb,m\n",
    "candidates": "search,search_subject,mate_enrolled,rank,candidate_subject,score\ns,a,1,1,a,0.5\nt,b,0,,,\n",
}


@pytest.mark.parametrize("what", BEGUN)
def test_nothing_but_a_refusal_comes_of_any_bytes(tmp_path: Path, what: str) -> None:
    """Bytes are changed, dropped, doubled, put in: the file is read, or refused in our words."""
    rng = random.Random(what)
    good = BEGUN[what].encode()
    odd = [
        b"\0",
        b'"',
        b"\r",
        b"\n",
        b",",
        b";",
        b"\t",
        b" ",
        b"\xff",
        b"\xef\xbb\xbf",
        b"nan",
        b"1e999",
        b"\xc2\x85",
    ]
    scores = tmp_path / "scores.txt"
    scores.write_text(BEGUN["bob4"])
    path = tmp_path / "file"
    refused = 0
    for _ in range(250):
        data = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data))
            end = at + rng.choice([0, 0, 1, 1, 7])
            data[at:end] = rng.choice([b"", rng.choice(odd), rng.randbytes(1), bytes(data[at : at + 9])])
        path.write_bytes(data)
        try:
            match what:
                case "groups":
                    read(scores, format="bob4", direction="similarity", groups=path)
                case "candidates":
                    read_candidates(path, direction="similarity", database_size=9, list_length=3)
                case _:
                    read(path, format=what, direction="similarity", samples=True)
        except EvaluationInputError as why:
            refused += 1
            assert len(str(why)) < 1500
    assert refused > 50
