"""Fixtures of the tests about the house itself."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gates import Copy, make_copy


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the tree that this test may spoil."""
    return make_copy(tmp_path / "copy")
