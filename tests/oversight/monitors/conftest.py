"""Fixtures of the monitors' tests: what forged histories are held to."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "gateway"))

import forging

from counterseal.gateway.carrying_roles import carrying_roles
from counterseal.oversight.monitors.expectations import Expectations


@pytest.fixture(scope="session")
def held_to() -> Expectations:
    """The roles of the real tables, and the forged agency's packs and times."""
    return forging.expects({**carrying_roles(), "search.reviewed": frozenset({"supervisor"})})
