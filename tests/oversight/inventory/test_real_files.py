"""The published inventories, where the optional folder is: whole, searched, checked, and how much was found."""

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from counterseal.oversight.inventory import Inventory, about_faces, check, glance, read_inventory, validate
from counterseal.oversight.inventory.columns import ASKED

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("COUNTERSEAL_DATA", ROOT.parent / "shared" / "data")) / "inventory"
FILES = {
    "2025": "2025/2025_individually_reported_AI_use_cases.csv",
    "2024": "2024/2024_consolidated_ai_inventory_raw_v2.csv",
    "agency": "2025/dhs-published.xlsx",
}

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="no folder of published inventories ($COUNTERSEAL_DATA)"),
]


@cache
def load(which: str) -> Inventory:
    """One of the three files, read once."""
    return read_inventory((DATA / FILES[which]).read_bytes())


@pytest.mark.parametrize(
    ("which", "rows", "columns"), [("2025", 3611, 36), ("2024", 2133, 62), ("agency", 238, 33)]
)
def test_is_read_whole(which: str, rows: int, columns: int) -> None:
    read = load(which)

    assert len(read.rows) == rows
    assert len(read.columns) == columns
    assert len({row.number for row in read.rows}) == rows
    assert all(row.agency for row in read.rows)


def test_the_workbook_and_the_published_file_agree_on_the_agency() -> None:
    """Two roads to the same rows: one sheet of one agency, and its part of the file of all."""
    part = {row.identifier: row for row in load("2025").rows if row.agency == "DHS"}
    sheet = {row.identifier: row for row in load("agency").rows}

    assert part.keys() == sheet.keys()
    for column in (
        "development_stage",
        "is_high_impact",
        "has_pii",
        "hi_testing_conducted",
        "hi_appeal_process",
    ):
        assert [i for i in part if part[i][column] != sheet[i][column]] == [], column


def test_our_columns_are_the_dictionary() -> None:
    """The published dictionary, word for word, but for spaces at the ends."""
    published = json.loads((DATA / "2025/data_dictionary.json").read_text(encoding="utf-8"))

    assert [column.name for column in ASKED] == list(published)
    with_choices = 0
    for column in ASKED:
        selections = [s.strip() for s in published[column.name].get("valid_selections") or []]
        if selections:
            with_choices += 1
            assert [choice.label for choice in column.choices] == selections
        for words, code in (published[column.name].get("short_hand_recodings") or {}).items():
            same = [choice for choice in column.choices if choice.label == words.strip()]
            assert all(choice.code == code for choice in same)
    assert with_choices == 18


@pytest.mark.parametrize(("which", "taken", "near"), [("2025", 37, 17), ("2024", 32, 15), ("agency", 26, 6)])
def test_rows_about_faces(which: str, taken: int, near: int) -> None:
    """Each was read by a person; a change of these numbers is a change to look at."""
    read = load(which)

    assert (len(about_faces(read)), len(glance(read))) == (taken, near)
    assert all(found.reason for found in about_faces(read))


def test_findings_on_the_newest_file() -> None:
    found = Counter(f.finding for f in check(load("2025"), load("2024")))

    assert len(found) == 15, "all but a reused identifier: the form of 2024 has none"
    assert found["practice-unfinished"] == 92
    assert found["personal-data-without-assessment"] == 257
    assert 10 <= found["opt-out-dropped"] <= 20
    assert found["text-of-another-use"] < 80


def test_findings_on_the_agencys_workbook() -> None:
    found = check(load("agency"))
    columns = {
        (f.row, column) for f in found if f.finding == "answer-of-another-column" for column in f.columns
    }

    assert columns == {
        (123, "hi_public_consultation"),
        (124, "hi_training_established"),
        (125, "hi_training_established"),
    }
    assert len({f.row for f in found if f.finding == "one-tool-two-answers"}) == 2


def test_a_file_against_itself_changed_nothing() -> None:
    of_years = {"identifier-vanished", "identifier-reappears", "identifier-reused", "opt-out-dropped"}

    assert {f.finding for f in check(load("agency"), load("agency"))} & of_years == set()


def test_faults_against_the_dictionary_are_told() -> None:
    found = Counter(f.finding for f in validate(load("agency")))

    assert found["not-a-selection"] == 3
    assert sum(found.values()) < 238, "most of the agency's rows are valid"
