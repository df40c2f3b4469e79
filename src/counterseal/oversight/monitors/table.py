"""Every monitor, in the order in which they are shown, and what they need opened."""

from counterseal.oversight.monitors.authority import (
    ActWithinRole,
    DisclosureOnAuthority,
    KeyInForce,
    PackInForce,
)
from counterseal.oversight.monitors.choices import NoMeansNo, UseConcurred
from counterseal.oversight.monitors.examination import LeadNoted, TwoReviewersBeforeLead
from counterseal.oversight.monitors.independence import ActionOnIndependentSupport, NotForOneself
from counterseal.oversight.monitors.keeping import DutyClosedInTime, NotDestroyedUnderHold
from counterseal.oversight.monitors.monitor import Monitor
from counterseal.oversight.monitors.searches import ExigentUseRatified, IntentHasOutcome

MONITORS: tuple[type[Monitor], ...] = (
    ExigentUseRatified,
    IntentHasOutcome,
    UseConcurred,
    TwoReviewersBeforeLead,
    LeadNoted,
    ActionOnIndependentSupport,
    DisclosureOnAuthority,
    NotForOneself,
    ActWithinRole,
    PackInForce,
    KeyInForce,
    NoMeansNo,
    NotDestroyedUnderHold,
    DutyClosedInTime,
)

OPENED = frozenset(
    {
        "initiator", "target", "rows", "duties",
        "case", "weighed", "authority_from", "authority_until",
    }
)  # fmt: skip
"""Names of the committed values that any monitor asks for: what to open for somebody who runs them outside."""
