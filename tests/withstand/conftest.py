"""Fixtures of the attacks, and the table of counts that `make test` shows.

The table needs one process (`-p no:xdist`, as tools/run_tests runs this folder); under xdist none is printed.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import shim
from counts import Counts
from crowd import Crowd, copy_of, make_crowd

_COUNTS = pytest.StashKey[Counts]()


def pytest_configure(config: pytest.Config) -> None:
    """One table a session."""
    config.stash[_COUNTS] = Counts()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Print it."""
    table = session.config.stash[_COUNTS].table()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if table and reporter is not None:
        reporter.ensure_newline()
        for line in table:
            reporter.write_line(line)


@pytest.fixture
def counts(pytestconfig: pytest.Config) -> Counts:
    """Where a test leaves its numbers."""
    return pytestconfig.stash[_COUNTS]


@pytest.fixture(scope="session")
def crowd_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One installation with a crowd, made once a session."""
    home = tmp_path_factory.mktemp("crowd") / "home"
    make_crowd(home)
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where this test's installation lies."""
    return tmp_path / "home"


@pytest.fixture
def crowd(crowd_template: Path, home: Path) -> Crowd:
    """A fresh installation for this test alone, opened by nobody yet."""
    return copy_of(crowd_template, home)


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled shim."""
    try:
        return shim.build(tmp_path_factory.mktemp("shim"))
    except shim.NoCompilerError as error:
        pytest.skip(f"no disk can be made to fail at a chosen call: {error}")
