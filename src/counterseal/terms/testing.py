"""What evidence of a test is, and what a test came to."""

from enum import StrEnum


class Kind(StrEnum):
    """How it is known what a service's errors are.

    DIRECT: measured here, under a plan that was sealed before. OPERATIONAL: counted from its use, where nobody knows
    the truth of every comparison. THIRD_PARTY: the report of a vendor, a laboratory or NIST.
    """

    DIRECT = "direct"
    OPERATIONAL = "operational"
    THIRD_PARTY = "third-party"


class Tested(StrEnum):
    """Where the test of a service stands. Only `passed` carries a use; `planned` and `none` came to nothing yet."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SHOWN = "not-shown"
    PLANNED = "planned"
    NONE = "none"
