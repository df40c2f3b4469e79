"""Fixtures for every test: the simulated office, on SQLite or on PostgreSQL (`databases.py`)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import databases
from office import SimulatedOffice, make_template, open_copy
from rooms import WITHOUT_DATABASE, room_of

databases.obey_the_cluster()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL, tests about SQLite itself are skipped, each by name in the summary."""
    for item in items:
        if databases.CLUSTER and item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason=f"about SQLite itself: {item.nodeid}"))


@pytest.fixture(autouse=True)
def _databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """What this test makes in a cluster ends with it. Where no run on PostgreSQL looks, no database is opened."""
    before = databases.opened()
    with databases.databases_of_a_test():
        yield
    if room_of(request.path) in WITHOUT_DATABASE:
        assert databases.opened() == before, "take this test's room out of `rooms.WITHOUT_DATABASE`"


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
