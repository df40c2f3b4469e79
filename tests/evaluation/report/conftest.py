"""Fixtures of the tests of reports: one test's folder, its report, and a browser."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from simulated import Made, made

from browser import browser as browser
from counterseal.evaluation.report import Report, build_report, read_documents


@pytest.fixture(scope="session")
def documents() -> Made:
    """The documents of one test with everything in it. Whoever changes them takes a copy."""
    return made()


@pytest.fixture(scope="session")
def report(documents: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """Its folder with the report in it, and the report."""
    folder = documents.write(tmp_path_factory.mktemp("test"))
    built = build_report(read_documents(folder))
    for name, data in built.files.items():
        (folder / name).write_bytes(data)
    return folder, built
