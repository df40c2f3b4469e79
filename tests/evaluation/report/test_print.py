"""The print: tagged, words for every drawing, the same bytes each time; what is said where it cannot be made."""

import copy
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject
from simulated import Made

from counterseal.evaluation.report import Report, build_report, documents


@pytest.fixture(scope="module")
def reader(report: tuple[Path, Report]) -> PdfReader:
    """The print of the full test."""
    return PdfReader(io.BytesIO(report[1].files["report.pdf"]))


def _elements(reader: PdfReader) -> list[DictionaryObject]:
    """Every element of the tree of tags."""
    found: list[DictionaryObject] = []
    queue: list[Any] = [reader.root_object["/StructTreeRoot"].get_object()]
    while queue:
        node = queue.pop()
        kids = node.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            kid = kid.get_object()
            if isinstance(kid, DictionaryObject) and "/S" in kid:
                found.append(kid)
                queue.append(kid)
    return found


class TestTags:
    def test_says_that_it_is_tagged_its_language_and_its_title(
        self, reader: PdfReader, documents: Made
    ) -> None:
        root = reader.root_object
        about = reader.xmp_metadata

        assert root["/MarkInfo"]["/Marked"]
        assert root["/Lang"] == "en"
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]
        assert reader.metadata is not None
        assert documents.plan["title"] in str(reader.metadata.title)
        assert about is not None
        assert "pdfuaid" in about.stream.get_data().decode()

    def test_every_drawing_is_a_figure_with_words(
        self, reader: PdfReader, report: tuple[Path, Report]
    ) -> None:
        figures = [e for e in _elements(reader) if e["/S"] == "/Figure"]

        assert len(figures) == report[1].files["report.html"].count(b"<svg ") > 12
        assert all(len(str(f["/Alt"])) > 20 for f in figures)

    def test_headings_tables_and_their_cells_are_tagged(self, reader: PdfReader) -> None:
        kinds = [str(e["/S"]) for e in _elements(reader)]

        assert kinds.count("/H1") == 1
        assert kinds.count("/H2") == 13
        assert min(kinds.count(k) for k in ("/Table", "/TR", "/TH", "/TD", "/Caption")) > 20

    def test_runs_nothing_and_holds_no_file(self, reader: PdfReader) -> None:
        assert {"/OpenAction", "/AA", "/AcroForm"} & set(reader.root_object) == set()
        assert reader.attachments == {}


def _small(documents_: Made) -> Any:
    result = copy.deepcopy(documents_.result)
    result |= {"groups": [], "matrices": [], "differentials": [], "identification": None, "quality": None}
    return documents(result, plan=documents_.plan)


class TestSameBytes:
    def test_printed_twice(self, documents: Made, monkeypatch: pytest.MonkeyPatch) -> None:
        """At another time, with another clock: the same documents give the same files."""
        first = build_report(_small(documents)).files
        monkeypatch.setenv("TZ", "Pacific/Auckland")
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")

        assert build_report(_small(documents)).files == first

    def test_no_instant_stands_in_it(self, reader: PdfReader) -> None:
        assert reader.metadata is not None
        assert reader.metadata.creation_date is None
        assert reader.metadata.modification_date is None


class TestWherePrintingCannotBeHad:
    def test_the_pages_are_written_and_the_packages_named(
        self, documents: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "weasyprint", None)

        report = build_report(_small(documents))

        assert set(report.files) == {"report.html", "public.html", "result.csv", "sha256.txt"}
        assert report.no_pdf is not None
        assert "libpango-1.0-0" in report.no_pdf
        assert b"report.pdf" not in report.files["sha256.txt"]

    def test_nothing_is_missed_where_no_print_is_wanted(self, documents: Made) -> None:
        report = build_report(_small(documents), pdf=False)

        assert report.no_pdf is None
        assert "report.pdf" not in report.files
