"""What the tests of the proofs share: the base in force, and the examples as a list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from counterseal.policy import PolicyLibrary, PolicySetInForce

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.fixture(scope="session")
def base(library: PolicyLibrary) -> PolicySetInForce:
    """The base packs without any overlay."""
    return library.composed(library.composition(AT).over(())).in_force(AT)


@pytest.fixture(scope="session")
def near(examples: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return list(examples.values())
