"""How fast, how often and between whom approvals are given: counts over plain rows, for supervisors and signals.

Nothing here says that anybody did wrong. Shares come with their counts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median


@dataclass(frozen=True, slots=True)
class Decided:
    """One approval or refusal of one request. requested_at, decided_at: aware instants."""

    request_id: str
    kind: str
    requester_id: str
    approver_id: str
    granted: bool
    requested_at: datetime
    decided_at: datetime

    @property
    def seconds(self) -> float:
        """From the request to the decision."""
        return (self.decided_at - self.requested_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Habits:
    """One approver's decisions. median_seconds: None where there are none. requesters: decisions by requester."""

    approver_id: str
    decisions: int
    refused: int
    median_seconds: float | None
    requesters: Mapping[str, int]


def habits_of(approver_id: str, decided: Iterable[Decided]) -> Habits:
    """What one person decided."""
    own = [d for d in decided if d.approver_id == approver_id]
    return Habits(
        approver_id=approver_id,
        decisions=len(own),
        refused=sum(not d.granted for d in own),
        median_seconds=median(d.seconds for d in own) if own else None,
        requesters=dict(Counter(d.requester_id for d in own).most_common()),
    )


def all_habits(decided: Iterable[Decided]) -> tuple[Habits, ...]:
    """Everybody's habits, the most decisions first."""
    by_approver = defaultdict(list)
    for each in decided:
        by_approver[each.approver_id].append(each)
    habits = (habits_of(approver, own) for approver, own in by_approver.items())
    return tuple(sorted(habits, key=lambda h: (-h.decisions, h.approver_id)))


def pairs(decided: Iterable[Decided]) -> Counter[tuple[str, str]]:
    """Granted approvals by (approver, requester)."""
    return Counter((d.approver_id, d.requester_id) for d in decided if d.granted)
