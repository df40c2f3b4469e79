"""Which of a service's tests a use rests on.

1 a test of the present version before one of another; 2 among these, one of the mode that is asked before one of
another; 3 of the rest, the latest of the strongest kind of evidence (direct, third-party, operational);
4 but a weaker kind takes away what it never gives: its latest, if it failed and is newer, stands instead.
Whether the test that is found carries the use is for the policies: found may be of another version or mode.

Clauses: D-026-11/testing.
"""

from collections.abc import Sequence

from counterseal.oversight.models import ServiceTest
from counterseal.terms.testing import Kind, Tested

_STRONGEST_FIRST = (Kind.DIRECT, Kind.THIRD_PARTY, Kind.OPERATIONAL)


def standing_test(tests: Sequence[ServiceTest], *, version: str, mode: str) -> ServiceTest | None:
    """The test that counts, or None where there is none. tests: all of one service, oldest first."""
    # (1), (2)
    left = [test for test in tests if test.version == version] or list(tests)
    left = [test for test in left if mode in test.modes] or left
    # (3)
    latest = {test.kind: test for test in left}
    ranked = [latest[kind] for kind in _STRONGEST_FIRST if kind in latest]
    if not ranked:
        return None
    # (4)
    found = ranked[0]
    for weaker in ranked[1:]:
        if weaker.outcome == Tested.FAILED and weaker.tested_at > found.tested_at:
            found = weaker
    return found
