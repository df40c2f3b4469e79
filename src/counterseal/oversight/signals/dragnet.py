"""The monitor over the whole: searches that no single person's numbers show.

Days with more searches than days of their kind have, in the office, a unit, a service or at protected events;
many faces out of one source, or captured at one time; and several persons who search many faces for one case
within the hour, each below every limit (structuring). Nobody in particular is concerned: who it was, the entries say.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256

from counterseal.oversight.signals.comparisons import Cell, excess
from counterseal.oversight.signals.rows import History, Search, Signal, day_of
from counterseal.policy import SignalRule

_WEEKEND = (5, 6)


def over_the_whole(history: History, rule: SignalRule, *, since: datetime, until: datetime) -> list[Signal]:
    """Everything of the period, seen against the whole history."""
    searches = history.searches
    return [
        *_days(searches, rule, since=since, until=until),
        *(s for s in _sources(searches, rule) if _reaches(s, searches, since, until)),
        *_batches([s for s in searches if since - rule.batch_within <= s.at < until], rule, since),
    ]


def _reaches(signal: Signal, searches: Iterable[Search], since: datetime, until: datetime) -> bool:
    entries = set(signal.entries)
    return any(s.entry in entries and since <= s.at < until for s in searches)


def _days(
    searches: Sequence[Search], rule: SignalRule, *, since: datetime, until: datetime
) -> Iterator[Signal]:
    if not searches:
        return
    first, last = day_of(searches[0].at), day_of(searches[-1].at)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    groups: dict[tuple[str, str], list[Search]] = defaultdict(list)
    for search in searches:
        groups["the whole office", "all"].append(search)
        groups["one unit", f"unit-{sha256(search.unit.encode()).hexdigest()[:16]}"].append(search)
        groups["one service", search.service].append(search)
        if search.protected_event:
            groups["protected events", "events"].append(search)
    for (where, name), of_group in sorted(groups.items()):
        cells = {day: Cell(exposure=1.0) for day in days}
        for search in of_group:
            cells[day_of(search.at)].count += 1
            cells[day_of(search.at)].entries.append(search.entry)
        yield from _days_of(cells, where, name, rule, since=since, until=until)


def _days_of(
    cells: dict[date, Cell], where: str, name: str, rule: SignalRule, *, since: datetime, until: datetime
) -> Iterator[Signal]:
    for day, cell in cells.items():
        if cell.count < rule.least or not since.date() <= day <= until.date():
            continue
        weekend = day.weekday() in _WEEKEND
        others = [c.pair for d, c in cells.items() if d != day and (d.weekday() in _WEEKEND) == weekend]
        if over := excess(rule, cell, others):
            yield Signal(
                kind="busy-day",
                about=f"{name}:{day}",
                says=(
                    f"{cell.count} searches on {day} in {where}; the {over.others} other days of this kind had "
                    f"{over.expected:.1f} on average, {over.median:g} in the middle"
                ),
                times=cell.count / max(over.expected, 0.5),
                entries=tuple(cell.entries),
                numbers={
                    "count": cell.count,
                    "expected": over.expected,
                    "others": over.others,
                    "chance": over.chance,
                    "once_in": float(1 / rule.chance),
                },
            )


def _sources(searches: Sequence[Search], rule: SignalRule) -> Iterator[Signal]:
    """Many faces cut out of one item, or out of one moment at one kind of place."""
    by_item: dict[str, list[Search]] = defaultdict(list)
    by_class: dict[str, list[Search]] = defaultdict(list)
    for search in searches:
        by_item[search.item].append(search)
        by_class[search.source_class].append(search)
    for item, of_item in sorted(by_item.items()):
        yield from _crowd(of_item, item, "out of one item of evidence", rule)
    for source_class, of_class in sorted(by_class.items()):
        for together in _moments(of_class, rule):
            if len({s.item for s in together}) > 1:  # one item alone was told of above
                yield from _crowd(
                    together,
                    f"{together[0].captured:%Y-%m-%dT%H:%M}@{source_class}"[:48],
                    f"captured at one time by sources of the class `{source_class}`",
                    rule,
                )


def _moments(searches: Sequence[Search], rule: SignalRule) -> Iterator[list[Search]]:
    """Photographs that were captured within `crowd_within`, where these are more faces than the limit."""
    captured = sorted(searches, key=lambda s: (s.captured, s.entry))
    instants = [s.captured for s in captured]
    begin = 0
    while begin < len(captured):
        within = captured[begin : bisect_right(instants, instants[begin] + rule.crowd_within)]
        many = len({s.face for s in within}) > rule.faces_of_a_source
        if many:
            yield within
        begin += len(within) if many else 1


def _crowd(together: Sequence[Search], about: str, where: str, rule: SignalRule) -> Iterator[Signal]:
    faces = {s.face for s in together}
    if len(faces) > rule.faces_of_a_source:
        yield Signal(
            kind="many-faces-from-one-source",
            about=about,
            says=(
                f"{len(faces)} different faces {where} were searched, for {len({s.case for s in together})} cases by "
                f"{len({s.person for s in together})} persons: was a gathering searched face by face?"
            ),
            times=len(faces) / rule.faces_of_a_source,
            entries=tuple(sorted(s.entry for s in together)),
            numbers={"count": len(faces), "limit": rule.faces_of_a_source},
        )


def _batches(searches: Sequence[Search], rule: SignalRule, since: datetime) -> Iterator[Signal]:
    """On one case, within `batch_within`: that many persons with more faces than `batch_faces` between them."""
    by_case: dict[str, list[Search]] = defaultdict(list)
    for search in searches:
        by_case[search.case].append(search)
    for case, of_case in sorted(by_case.items()):
        worst: list[Search] = []
        begin = 0
        for end, search in enumerate(of_case):
            while search.at - of_case[begin].at > rule.batch_within:
                begin += 1
            window = of_case[begin : end + 1]
            if _structured(window, rule) and len(window) > len(worst) and search.at >= since:
                worst = window
        if worst:
            faces = len({s.face for s in worst})
            yield Signal(
                kind="batch-of-several-persons",
                about=case,
                says=(
                    f"{faces} different faces on one case within {rule.batch_within.total_seconds() / 60:.0f} minutes "
                    f"by {len({s.person for s in worst})} persons, none of whom passed a limit alone"
                ),
                times=faces / rule.batch_faces,
                entries=tuple(s.entry for s in worst),
                numbers={
                    "count": faces,
                    "limit": rule.batch_faces,
                    "persons": len({s.person for s in worst}),
                },
            )


def _structured(window: Sequence[Search], rule: SignalRule) -> bool:
    by_person: dict[str, set[str]] = defaultdict(set)
    for search in window:
        by_person[search.person].add(search.face)
    return (
        len(by_person) >= rule.batch_persons
        and len({s.face for s in window}) > rule.batch_faces
        and all(len(faces) <= rule.batch_faces for faces in by_person.values())
    )
