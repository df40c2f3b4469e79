"""The plain rows that signals are computed from, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from counterseal.oversight.approvals import Decided


@dataclass(frozen=True, slots=True)
class Search:
    """One search that was permitted.

    face: keyed fingerprint of the photograph: equal for the same file, and for nothing else. item: the evidence
    item it came from. captured: when the photograph was taken. on_duty: by the hours of the requester's unit.
    entry: leaf index of the intent.
    """

    id: str
    person: str
    unit: str
    case: str
    case_type: str
    service: str
    source_class: str
    item: str
    face: str
    captured: datetime
    protected_event: bool
    at: datetime
    on_duty: bool
    entry: int


@dataclass(frozen=True, slots=True)
class Closed:
    """One case that was closed, for one of those who worked on it."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approved:
    """One decision of a second person on a request. unit: the requester's. entry: leaf index of the decision."""

    decided: Decided
    unit: str
    entry: int


@dataclass(frozen=True, slots=True)
class History:
    """Everything of a time, each in the order in which it happened."""

    searches: Sequence[Search]
    closed: Sequence[Closed] = ()
    approved: Sequence[Approved] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """Something to look at: one of the kinds of `finding_kinds`, about one thing, with its reason in words.

    person: whom it concerns, or nothing. times: how many times the expectation, or the limit, what was seen is:
    the order of the list. numbers: what it was computed from and with. A signal accuses nobody.
    """

    kind: str
    about: str
    says: str
    times: float
    entries: tuple[int, ...]
    person: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


def month_of(at: datetime) -> str:
    """The calendar month, UTC, in which people and pairs are compared: `2026-03`."""
    return f"{at:%Y-%m}"


def day_of(at: datetime) -> date:
    """The calendar day, UTC."""
    return at.date()
