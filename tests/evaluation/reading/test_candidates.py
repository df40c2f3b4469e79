"""Candidate lists: one candidate a row, and searches that returned nobody are still searches."""

from pathlib import Path

import numpy as np
import pytest

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.reading import read_candidates

HEADING = "search,search_subject,mate_enrolled,rank,candidate_subject,score,failure\n"
ROWS = "s1,a,1,1,b,0.9,\ns1,a,1,2,a,0.8,\ns2,z,0,1,c,0.7,\ns3,y,0,,,,\ns4,b,1,,,,no face found\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lists.csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("sign", [1, -1])
def test_are_read(file: Path, delimiter: str, sign: int) -> None:
    text = HEADING + ROWS
    for score in ("0.9", "0.8", "0.7"):
        text = text.replace(score, str(sign * float(score)))
    file.write_text(text.replace(",", delimiter))
    direction = "similarity" if sign > 0 else "dissimilarity"

    results = read_candidates(file, direction=direction, database_size=100, list_length=5)

    assert results.names == ("s1", "s2", "s3", "s4")
    assert results.mate_enrolled.tolist() == [True, False, False, True]
    assert results.mate_score.tolist() == [0.8, -np.inf, -np.inf, -np.inf]
    assert results.above.tolist()[0] == 1
    assert results.others[:, 0].tolist() == [0.9, 0.7, -np.inf, -np.inf]
    assert results.failed.tolist() == [False, False, False, True]
    assert (results.database_size, results.list_length) == (100, 5)


REFUSED = {
    "missing column": (HEADING.replace("rank", "place") + ROWS, "row 1: there is no column `rank`"),
    "ragged": (HEADING + ROWS + "s5,a,1,1,a,0.5\n", "row 7: it has 6 cells where 7 are expected"),
    "no subject": (HEADING + ROWS + "s5,,1,1,a,0.5,\n", "row 7: the search or its subject has no name"),
    "enrolled": (HEADING + ROWS + "s5,a,perhaps,1,a,0.5,\n", "row 7: `perhaps` does not tell whether"),
    "two people": (HEADING + ROWS + "s1,c,1,3,d,0.5,\n", "row 7: search `s1` has another subject"),
    "two answers": (
        HEADING + ROWS + "s1,a,0,3,d,0.5,\n",
        "row 7: search `s1` has another subject, or another answer",
    ),
    "nobody and somebody": (
        HEADING + ROWS + "s3,y,0,1,a,0.5,\n",
        "row 7: search `s3` returned nobody, and yet",
    ),
    "somebody and nobody": (HEADING + ROWS + "s1,a,1,,,,\n", "row 7: search `s1` returned nobody, and yet"),
    "failed with a candidate": (HEADING + "s5,a,1,1,a,0.5,blur\n", "row 2: search `s5` failed (`blur`)"),
    "no rank": (HEADING + ROWS + "s5,a,1,first,a,0.5,\n", "row 7: `first` is no rank"),
    "a rank of many digits": (
        HEADING + ROWS + "s5,a,1,99999999999,a,0.5,\n",
        "row 7: `99999999999` is no rank",
    ),
    "no candidate": (HEADING + ROWS + "s5,a,1,1,,0.5,\n", "row 7"),
    "text for a score": (HEADING + ROWS + "s5,a,1,1,a,high,\n", "row 7: the score `high` is not a number"),
    "NaN": (HEADING + ROWS + "s5,a,1,1,a,nan,\n", "row 7: the score is NaN"),
    "a failed candidate": (HEADING + ROWS + "s5,a,1,1,a,fta,\n", "row 7: a candidate has a score"),
    "only a heading": (HEADING, "there is no search"),
    "rank beyond the list": (HEADING + ROWS + "s5,a,1,6,a,0.5,\n", "`s5` has a candidate at rank 6"),
    "rank left out": (HEADING + ROWS + "s5,a,1,2,a,0.5,\n", "`s5` has no candidate at rank 1"),
    "rank twice": (HEADING + ROWS + "s1,a,1,1,d,0.9,\n", "`s1` has two candidates at rank 1"),
    "a mate that is not enrolled": (
        HEADING + ROWS + "s5,a,0,1,a,0.5,\n",
        "`s5` is said to have no enrolled mate",
    ),
    "ranks against scores": (
        HEADING + "s5,a,1,1,a,0.5,\ns5,a,1,2,b,0.6,\n",
        "a better score after a worse one",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_are_refused(file: Path, what: str) -> None:
    text, expected = REFUSED[what]
    file.write_text(text)

    with pytest.raises(EvaluationInputError) as refused:
        read_candidates(file, direction="similarity", database_size=100, list_length=5)

    assert expected in str(refused.value)
