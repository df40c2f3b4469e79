"""Fixtures for every test: the simulated office."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from office import SimulatedOffice, make_template, open_copy


@pytest.fixture(scope="session")
def office_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One founded installation, made once a session."""
    folder = tmp_path_factory.mktemp("template")
    make_template(folder / "home", folder / "pictures")
    return folder / "home"


@pytest.fixture
def office(office_template: Path, tmp_path: Path) -> Iterator[SimulatedOffice]:
    """A fresh office for this test alone."""
    with open_copy(office_template, tmp_path / "home") as opened:
        yield opened
