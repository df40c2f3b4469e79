"""Fixtures of the gateway's tests: an office in which every table has rows."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from whole_story import tell

from office import SimulatedOffice, open_copy


@pytest.fixture(scope="session")
def told_template(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in which the whole story was told, once a session."""
    home = tmp_path_factory.mktemp("told") / "home"
    with open_copy(office_template, home) as opened:
        tell(opened)
        assert opened.fsck().sound, opened.fsck().log.findings
    return home


@pytest.fixture
def told(told_template: Path, tmp_path: Path) -> Iterator[SimulatedOffice]:
    """A fresh copy of it for this test alone."""
    with open_copy(told_template, tmp_path / "told") as opened:
        yield opened
