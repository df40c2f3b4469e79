"""The room of policies: packs, `authorise()`, explanation.

The only caller of Cedar. Pure: no clock, network or storage.
"""

from counterseal.policy.decide import authorise
from counterseal.policy.errors import CaseFileError, PackError, PolicyError, UnknownClauseError
from counterseal.policy.facts import instant_of
from counterseal.policy.library import PackInForce, PolicyLibrary, PolicySetInForce, load_policies
from counterseal.policy.pack import (
    CLOCK_STARTS,
    Attestation,
    Clause,
    Clock,
    FileLine,
    Holder,
    HoldRule,
    NarrativeRule,
    RedressRule,
    SessionRule,
    Source,
    Status,
    SupervisionRule,
)
from counterseal.policy.signals import SignalRule

__all__ = [
    "CLOCK_STARTS",
    "Attestation",
    "CaseFileError",
    "Clause",
    "Clock",
    "FileLine",
    "HoldRule",
    "Holder",
    "NarrativeRule",
    "PackError",
    "PackInForce",
    "PolicyError",
    "PolicyLibrary",
    "PolicySetInForce",
    "RedressRule",
    "SessionRule",
    "SignalRule",
    "Source",
    "Status",
    "SupervisionRule",
    "UnknownClauseError",
    "authorise",
    "instant_of",
    "load_policies",
]
