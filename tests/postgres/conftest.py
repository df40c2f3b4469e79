"""Fixtures of the tests about PostgreSQL: a cluster that syncs, of their own, and installations on it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "withstand"))

from cluster import Cluster, NoPostgresError, scratch
from crowd import Crowd, copy_of, make_crowd

import databases
from office import SimulatedOffice, make_template, open_copy


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One for all tests of this process. A test that stops it starts it again."""
    with scratch() as folder:
        try:
            running = Cluster(folder)
        except NoPostgresError as error:
            pytest.skip(f"no PostgreSQL here: {error}")
        with running:
            yield running


@pytest.fixture(scope="session")
def server_template(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded installation on the cluster."""
    folder = tmp_path_factory.mktemp("on-server")
    with databases.on_cluster(cluster.connection):
        make_template(folder / "home", folder / "pictures")
    return folder / "home"  # its database ends with the cluster


@pytest.fixture(scope="session")
def crowd_on_server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a crowd on the cluster."""
    home = tmp_path_factory.mktemp("crowd-on-server") / "home"
    with databases.on_cluster(cluster.connection):
        make_crowd(home, size=8)
    return home


@pytest.fixture(autouse=True)
def _on_cluster(cluster: Cluster) -> Iterator[None]:
    """Installations that a test makes are made here, and end with it; those of other tests are not."""
    with databases.on_cluster(cluster.connection), databases.databases_of_a_test():
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where this test's installation lies."""
    return tmp_path / "home"


@pytest.fixture
def office(server_template: Path, home: Path) -> Iterator[SimulatedOffice]:
    """A fresh office on the cluster, for this test alone."""
    with open_copy(server_template, home) as opened:
        yield opened


@pytest.fixture
def crowd(crowd_on_server: Path, home: Path) -> Crowd:
    """A fresh installation with a crowd, opened by nobody yet."""
    return copy_of(crowd_on_server, home)
