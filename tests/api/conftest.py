"""The interface of a fresh office."""

from collections.abc import Iterator

import pytest

from counterseal.api.application import Application
from interface import Interface
from office import SimulatedOffice


@pytest.fixture
def interface(office: SimulatedOffice) -> Iterator[Interface]:
    """Asked in this process."""
    asked = Interface(office, Application(office.office))
    yield asked
    asked.application.close()  # a test may have put another in its place
