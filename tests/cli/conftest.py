"""Fixtures of the command line: a fresh installation for each test, and a way to call a command."""

import sys
from pathlib import Path

import pytest

from databases import copy_home
from office import person

sys.path.insert(0, str(Path(__file__).parent))

from calling import Run, run_plain


@pytest.fixture
def home(office_template: Path, tmp_path: Path) -> Path:
    """An installation for evaluation, with the synthetic agency and its gallery, for this test alone."""
    copy_home(office_template, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Run:
    """Call `counterseal ... --home HOME` in this process."""
    return lambda *words, **more: run_plain(*words, "--home", home, **more)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Another photograph of somebody who is in the gallery (`synthetic-04`)."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(person(3).photograph(2))
    return path
