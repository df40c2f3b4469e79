"""What monitors must be told beside the history: who may do what, how long something may take, which pack counts.

All of it is data that whoever runs them brings (`gateway/run_monitors.py` takes it from the tables of
transitions and from the policy packs), so that a rule has one source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ANYBODY = "anybody"
"""In place of a role: whoever acts needs none."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when, both included: what ends it is still decided within it. None: without an end."""

    begins: datetime
    ends: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        return self.begins <= at and (self.ends is None or at <= self.ends)


@dataclass(frozen=True, slots=True)
class Expectations:
    """roles: for each kind of entry, or `kind:code` where a public `kind` tells acts apart, the roles of which
    the initiator holds one, or `ANYBODY`. packs: digest of each known policy set, and when it counts.
    acts: instants of the acts on packs that these periods take into account.

    ratified_within, noted_within, answered_within: after which time an exigent use without a supervisor's word,
    a lead without a note, an intent without an outcome is a violation. offices: whose concurrence activates a
    use. kept: the judgements that keep a candidate.
    """

    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    packs: Mapping[str, tuple[Period, ...]] = field(default_factory=dict)
    acts: frozenset[datetime] = frozenset()
    ratified_within: timedelta = timedelta(hours=24)
    noted_within: timedelta = timedelta(days=14)
    answered_within: timedelta = timedelta(hours=24)
    offices: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    def roles_for(self, kind: str, code: str = "", office: str = "") -> frozenset[str] | None:
        """The roles that carry an act, None where that is not known.

        code: its public `kind`, where it has one. office: the one it speaks for; then no other role carries it.
        """
        roles = self.roles.get(f"{kind}:{code}", self.roles.get(kind))
        return roles & {office} if roles and office else roles
