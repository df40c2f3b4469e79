"""Candidate lists: what a system returned for each search, one candidate a row.

Columns: `search`, `search_subject`, `mate_enrolled`, `rank`, `candidate_subject`, `score`, and where searches failed
`failure`. A search that returned nobody has one row whose rank, candidate and score are empty; with a reason in
`failure` it failed. The mate is the candidate who is the person searched for.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from counterseal.evaluation.comparisons import Direction
from counterseal.evaluation.identification import SearchResults, searches_of_lists
from counterseal.evaluation.reading.assemble import MATED, NON_MATED
from counterseal.evaluation.reading.faults import fault, listed
from counterseal.evaluation.reading.numbers import read_cells
from counterseal.evaluation.reading.table import DELIMITERS, heading, named_rows

COLUMNS = ("search", "search_subject", "mate_enrolled", "rank", "candidate_subject", "score")
_FAILURE = "failure"


def read_candidates(
    path: Path, *, direction: Direction | str, database_size: int, list_length: int
) -> SearchResults:
    """Candidate lists as searches. database_size: how many references were searched; list_length: how many were asked.

    Raises EvaluationInputError with the row of whatever contradicts itself.
    """
    direction = Direction(direction)
    delimiter = max(DELIMITERS, key=lambda d: len(heading(path, d)))
    found = heading(path, delimiter)
    if missing := [name for name in COLUMNS if name not in found]:
        raise fault(
            path, f"there is no column {listed(missing)}", f"the columns are {', '.join(COLUMNS)}", row=1
        )
    searches: dict[str, int] = {}
    told: list[tuple[str, bool, bool, bool]] = []
    search, rank, score, mate, rows = [], [], [], [], []
    people: dict[str, int] = {}
    for row, cell in named_rows(path, delimiter, (*COLUMNS, _FAILURE)):
        name, person, reason = cell["search"], cell["search_subject"], cell.get(_FAILURE, "")
        if not name or not person:
            raise fault(path, "the search or its subject has no name", "name both", row=row)
        enrolled = _enrolled(path, cell["mate_enrolled"], row)
        nobody = not (cell["rank"] or cell["candidate_subject"] or cell["score"])
        if name not in searches:
            searches[name] = len(told)
            people.setdefault(person, len(people))
            told.append((person, enrolled, nobody, bool(reason)))
        elif told[searches[name]][:2] != (person, enrolled):
            what = f"search `{name}` has another subject, or another answer whether a mate is enrolled, than before"
            raise fault(path, what, "one search, one person", row=row)
        elif nobody or told[searches[name]][2]:
            raise fault(
                path, f"search `{name}` returned nobody, and yet has another row", "keep one of them", row=row
            )
        if nobody:
            continue
        if reason:
            raise fault(
                path, f"search `{name}` failed (`{reason}`) and yet has a candidate", "keep one", row=row
            )
        if not cell["rank"].isascii() or not cell["rank"].isdigit() or not cell["candidate_subject"]:
            what = f"`{cell['rank']}` is no rank, or the candidate has no name"
            raise fault(
                path, what, "ranks are 1, 2, 3, ...; leave all three cells empty where nobody came", row=row
            )
        if len(cell["rank"]) > 9:
            raise fault(path, f"`{cell['rank']}` is no rank", f"ranks are 1 to {list_length}", row=row)
        search.append(searches[name])
        rank.append(int(cell["rank"]))
        score.append(cell["score"])
        mate.append(cell["candidate_subject"] == person)
        rows.append(row)
    if not told:
        raise fault(path, "there is no search", "one row for each candidate")
    numbers = read_cells(pa.array(score, pa.string()), None, frozenset())
    if numbers.wrong is None and numbers.reasons is not None:
        wrong = int(np.flatnonzero(np.isnan(numbers.scores))[0])
        raise fault(
            path, "a candidate has a score", "a search fails as a whole, in a row of its own", row=rows[wrong]
        )
    if numbers.wrong is not None:
        raise fault(
            path,
            numbers.why,
            "a candidate has a score, written with a decimal point",
            row=rows[numbers.wrong],
        )
    return searches_of_lists(
        np.array(search, np.int32),
        np.array(rank, np.int32),
        np.asarray(direction.oriented(numbers.scores)),
        np.array(mate, np.bool_),
        names=tuple(searches),
        mate_enrolled=np.array([t[1] for t in told], np.bool_),
        failed=np.array([t[3] for t in told], np.bool_),
        database_size=database_size,
        list_length=list_length,
        direction=direction,
        subject=np.array([people[t[0]] for t in told], np.int32),
    )


def _enrolled(path: Path, word: str, row: int) -> bool:
    """The cell `mate_enrolled`."""
    if word.lower() in MATED:
        return True
    if word.lower() in NON_MATED:
        return False
    raise fault(path, f"`{word}` does not tell whether a mate is enrolled", "write 1 or 0", row=row)
