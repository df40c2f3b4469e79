"""R46: page, print, flat table and JSON show the same numbers, each read back on its own."""

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import parsed
from pypdf import PdfReader
from simulated import Json, Made

from counterseal.evaluation.report import Report
from counterseal.evaluation.report.text import between, number, of

Counted = tuple[int, int, float | None]


@pytest.fixture(scope="module")
def sheet(report: tuple[Path, Report]) -> list[dict[str, str]]:
    """result.csv, row by row."""
    return list(csv.DictReader(io.StringIO(report[1].files["result.csv"].decode())))


@pytest.fixture(scope="module")
def rows(report: tuple[Path, Report]) -> list[tuple[str, tuple[str, ...]]]:
    """The rows of every table of the page."""
    return parsed(report[1].files["report.html"]).rows


def _float(text: str) -> float | None:
    return float(text) if text else None


def _rates_of(document: Any) -> Iterator[Counted]:
    """Every rate of a result document: wherever errors and trials stand together."""
    if isinstance(document, dict):
        if {"errors", "trials"} <= set(document):
            value = document.get("rate", document.get("fnmr"))
            yield document["errors"], document["trials"], value
        for measure in ("fmr", "fnmr"):
            if f"{measure}_count" in document:
                yield document[f"{measure}_count"], document[f"{measure}_trials"], document[measure]
        for value in document.values():
            yield from _rates_of(value)
    elif isinstance(document, list):
        for value in document:
            yield from _rates_of(value)


class TestTheFlatTable:
    def test_holds_every_counted_rate_of_the_document_and_no_other(
        self, documents: Made, sheet: list[dict[str, str]]
    ) -> None:
        read = json.loads(json.dumps(documents.result))
        expected = Counter(_rates_of(_without_what_repeats(read)))
        others = ("share of ", "failed ", "FMR of probe")
        found = Counter(
            (int(r["errors"]), int(r["trials"]), _float(r["rate"]))
            for r in sheet
            if r["trials"] and not r["measure"].startswith(others)
        )

        assert found == expected
        assert len(expected) > 100

    def test_holds_every_cell_of_the_matrices(self, documents: Made, sheet: list[dict[str, str]]) -> None:
        cells = [r for r in sheet if r["measure"].startswith("FMR of probe")]
        expected = [
            (count, trials)
            for m in documents.result["matrices"]
            for counts, tried in zip(m["count"], m["trials"], strict=True)
            for count, trials in zip(counts, tried, strict=True)
        ]

        assert [(int(r["errors"]), int(r["trials"])) for r in cells] == expected

    def test_is_unrounded(self, documents: Made, sheet: list[dict[str, str]]) -> None:
        points = [r for r in sheet if r["item"].startswith("DET point")]

        assert [float(r["rate"]) for r in points] == [
            p[m] for p in documents.result["det"] for m in ("fmr", "fnmr")
        ]

    def test_holds_indices_and_pairs(self, documents: Made, sheet: list[dict[str, str]]) -> None:
        ratios = [float(r["rate"]) for r in sheet if r["measure"] in ("FMR ratio", "FNMR ratio")]
        gini = [float(r["rate"]) for r in sheet if r["measure"] == "FMR gini corrected"]
        found = documents.result["differentials"]

        assert ratios == [p["ratio"] for d in found for p in d["pairs"] if p["ratio"] is not None]
        assert gini == [d["fmr"]["gini_corrected"] for d in found if d["fmr"]["gini_corrected"] is not None]
        assert ratios
        assert gini


def _without_what_repeats(result: Json) -> Json:
    """Some parts of a document say a rate twice; the flat table says it once."""
    for curve in result["quality"]["discard"]:
        curve.pop("fnmr")  # the curve's first point
        for group in curve["groups"]:
            group.pop("fnmr", None)
            group.pop("at", None)
            group.pop("areas", None)
    for t in result["attack_detection"]["thresholds"]:
        t.pop("worst")
    told = result["identification"]
    told["lights_out"] = [r for r in told["lights_out"] if r not in told["rates"]]
    return result


class TestThePage:
    def test_shows_every_counted_rate_in_its_section(
        self, sheet: list[dict[str, str]], rows: list[tuple[str, tuple[str, ...]]]
    ) -> None:
        """k / n, rate and interval stand beside each other, rounded to four digits and no further."""
        shown = Counter((section, cells[1:4]) for section, cells in rows if len(cells) >= 5)
        expected = Counter(
            (r["section"], (of(int(r["errors"]), int(r["trials"])), number(_float(r["rate"])), _interval(r)))
            for r in sheet
            if r["trials"] and not r["measure"].startswith(("share of ", "FMR of probe"))
        )

        assert expected - shown == Counter()
        assert sum(expected.values()) > 100

    def test_shows_every_cell_of_the_matrices(
        self, sheet: list[dict[str, str]], rows: list[tuple[str, tuple[str, ...]]]
    ) -> None:
        shown = Counter(cell for section, cells in rows if section == "G" for cell in cells)
        expected = Counter(
            f"{of(int(r['errors']), int(r['trials']))}, {number(_float(r['rate']))}"
            if int(r["trials"])
            else "none"
            for r in sheet
            if r["measure"].startswith("FMR of probe")
        )

        assert expected - shown == Counter()
        assert expected

    def test_shows_every_other_number_in_its_section(
        self, sheet: list[dict[str, str]], rows: list[tuple[str, tuple[str, ...]]]
    ) -> None:
        shown = Counter((section, cell) for section, cells in rows for cell in cells)
        whole = ("EER", "AUC", "Cllr", "least Cllr")  # these are shown to six digits
        expected = Counter(
            (r["section"], number(float(r["rate"]), 6 if r["measure"].startswith(whole) else 4))
            for r in sheet
            if not r["trials"] and r["rate"]
        )

        assert expected - shown == Counter()
        assert sum(expected.values()) > 100

    def test_shows_no_counted_rate_that_the_flat_table_does_not_hold(
        self, sheet: list[dict[str, str]], rows: list[tuple[str, tuple[str, ...]]]
    ) -> None:
        known = {of(int(r["errors"]), int(r["trials"])) for r in sheet if r["trials"]}
        shown = [
            c
            for section, cells in rows
            if section != "L"
            for c in cells[1:2]
            if " / " in c and "," not in c[-8:]
        ]
        strange = [c for c in shown if c not in known and c.replace(",", "").replace(" / ", "").isdigit()]

        assert strange == []
        assert len(shown) > 100


def _interval(row: dict[str, str]) -> str:
    return between((_float(row["low"]), _float(row["high"])))


class TestThePrint:
    def test_prints_every_row_of_the_page(
        self, report: tuple[Path, Report], rows: list[tuple[str, tuple[str, ...]]]
    ) -> None:
        """Row by row, all cells of a row after each other, as often as on the page."""
        reader = PdfReader(io.BytesIO(report[1].files["report.pdf"]))
        printed = _bare("".join(page.extract_text() for page in reader.pages))
        expected = Counter(_bare("".join(cells)) for _, cells in rows)
        missing = [row for row, times in expected.items() if printed.count(row) < times]

        assert missing == []
        assert len(rows) > 250


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
