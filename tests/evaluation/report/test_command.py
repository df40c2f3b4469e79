"""`counterseal evaluate report`, as somebody types it."""

import hashlib
import sys
from pathlib import Path

import pytest
from simulated import Made

sys.path.insert(0, str(Path(__file__).parents[2] / "cli"))

from calling import run_plain

WRITTEN = ["public.html", "report.html", "result.csv", "sha256.txt"]


def test_writes_everything_and_hashes_that_hold(documents: Made, tmp_path: Path) -> None:
    folder = documents.write(tmp_path / "test")
    ran = run_plain("evaluate", "report", folder, "--no-pdf", "--json")

    assert ran.code == 0
    assert ran.json["written"] == WRITTEN
    assert ran.json["overall"] == documents.verdict["overall"]
    listed = dict(reversed(line.split("  ")) for line in (folder / "sha256.txt").read_text().splitlines())
    assert {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in listed} == listed
    assert {*WRITTEN, "plan.json", "corpus.json", "result.json", "verdict.json", "failures.csv"} - {
        "sha256.txt"
    } == set(listed)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".") or p.suffix == ".part") == []


def test_the_same_folder_gives_the_same_bytes(documents: Made, tmp_path: Path) -> None:
    folders = [documents.write(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        run_plain("evaluate", "report", folder, "--no-pdf")

    assert all((folders[0] / n).read_bytes() == (folders[1] / n).read_bytes() for n in WRITTEN)


def test_documents_that_do_not_belong_together_end_with_3(documents: Made, tmp_path: Path) -> None:
    folder = documents.write(tmp_path / "test")
    (folder / "scores.parquet").write_bytes(b"changed")

    ran = run_plain("evaluate", "report", folder, "--no-pdf")

    assert ran.code == 3
    assert "is not the file that was measured" in ran.out
    assert (folder / "report.html").exists()


def test_an_old_print_does_not_stay_beside_new_pages(
    documents: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no PDF can be made: 4, the pages are there, and no PDF tells other numbers."""
    folder = documents.write(tmp_path / "test")
    (folder / "report.pdf").write_bytes(b"old")
    monkeypatch.setitem(sys.modules, "weasyprint", None)

    ran = run_plain("evaluate", "report", folder)

    assert ran.code == 4
    assert "libpango" in ran.out
    assert not (folder / "report.pdf").exists()
    assert (folder / "public.html").exists()


def test_a_folder_without_a_result_is_bad_input(tmp_path: Path) -> None:
    ran = run_plain("evaluate", "report", tmp_path, "--json")

    assert ran.code == 2
    assert "result.json" in ran.json["error"]["says"]
