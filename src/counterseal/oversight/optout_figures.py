"""What declining was like, counted from the public parts of entries (R64). Anybody with the log can repeat it.

Reads no clock, file or network.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from counterseal.ledger.entry import Entry


@dataclass(frozen=True, slots=True)
class Durations:
    """Of a set of durations: how many, the middle one and the longest; None where there is none."""

    count: int
    median: float | None
    longest: int | None


@dataclass(frozen=True, slots=True)
class ChoiceFigures:
    """checks: at points of use. declined: of these, by way (`no`, `signed-no`, `list`). honoured: refusals
    of a comparison because the person declined. overruled: checks that found a no, after which a comparison
    was permitted all the same. lag_ms: from a registration's arrival until it holds. list_lag_hours: until
    the next list was signed. check_ms: what a check took. alternative_seconds: from the answer until the
    alternative was done. complaints: by subject.
    """

    registrations: int
    withdrawals: int
    checks: int
    untold: int
    declined: Mapping[str, int]
    honoured: int
    overruled: int
    lag_ms: Durations
    list_lag_hours: Durations
    unlisted: int
    check_ms: Durations
    alternative_seconds: Durations
    complaints: Mapping[str, int] = field(default_factory=dict)


def choice_figures(entries: Iterable[Entry], *, use_id: str = "") -> ChoiceFigures:
    """Count over entries in the order of the log, from its beginning.

    use_id: only what happened under this use; registrations and lists belong to no use and always count.
    """
    declined: Counter[str] = Counter()
    complaints: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    lag_ms: list[int] = []
    list_lag: list[int] = []
    check_ms: list[int] = []
    alternative: list[int] = []
    waiting = []
    with_a_no: set[int] = set()
    for index, entry in enumerate(entries):
        public = entry.public
        if use_id and public.get("use", use_id) != use_id:
            continue
        match entry.kind:
            case "optout.registered":
                counts["registrations"] += 1
                lag_ms.append(_number(public["lag_ms"]))
                waiting.append(entry.at)
            case "optout.withdrawn":
                counts["withdrawals"] += 1
            case "optout.list-issued":
                list_lag += [round((entry.at - made).total_seconds() / 3600) for made in waiting]
                waiting.clear()
            case "optout.checked":
                counts["checks"] += 1
                counts["untold"] += public["told"] is False
                check_ms.append(_number(public["took_ms"]))
                if entry.outcome == "declined":
                    declined[str(public["via"])] += 1
                    with_a_no.add(index)
            case "verification.refused":
                counts["honoured"] += public["honoured"] is True
            case "verification.intent":
                counts["overruled"] += bool(with_a_no.intersection(entry.causes))
            case "optout.alternative-done":
                alternative.append(_number(public["seconds"]))
            case "optout.complaint":
                complaints[str(public["about"])] += 1
    return ChoiceFigures(
        registrations=counts["registrations"],
        withdrawals=counts["withdrawals"],
        checks=counts["checks"],
        untold=counts["untold"],
        declined=dict(sorted(declined.items())),
        honoured=counts["honoured"],
        overruled=counts["overruled"],
        lag_ms=_durations(lag_ms),
        list_lag_hours=_durations(list_lag),
        unlisted=len(waiting),
        check_ms=_durations(check_ms),
        alternative_seconds=_durations(alternative),
        complaints=dict(sorted(complaints.items())),
    )


def _number(value: object) -> int:
    assert isinstance(value, int)  # the gateway seals it as a whole number
    return value


def _durations(values: list[int]) -> Durations:
    return Durations(len(values), median(values) if values else None, max(values, default=None))
