"""Rooms of tests, as far as runs treat them differently."""

from pathlib import Path

TESTS = Path(__file__).parent
WITHOUT_DATABASE = ("biometrics", "evaluation", "house", "ledger", "policy")
"""No test of theirs opens a database, which `conftest.py` holds them to; a run on PostgreSQL leaves them out."""


def room_of(test: Path) -> str:
    """The first folder under tests/."""
    return test.relative_to(TESTS).parts[0]
