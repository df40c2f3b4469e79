"""Count: every figure of `counters`, from entries and the codes that a release opens."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from counterseal.ledger.entry import Entry
from counterseal.oversight.figures.counters import FIGURES, Counter, Followed, Share
from counterseal.oversight.figures.followed import FOLLOWED
from counterseal.oversight.figures.openings import year
from counterseal.oversight.figures.rule import Rule

NOT_SHOWN = "not-shown"

Row: TypeAlias = "tuple[str, str, int]"
"""Year, code (empty where a figure is not divided), count."""


def counted(
    entries: Mapping[int, Entry], shown: Mapping[tuple[int, str], str], *, rule: Rule, until: datetime
) -> dict[str, tuple[Row, ...]]:
    """Every figure's rows, sorted. entries: those counted, by index. shown: opened codes by (index, name)."""
    by_kind: dict[str, list[int]] = {}
    for index, entry in entries.items():
        by_kind.setdefault(entry.kind, []).append(index)
    years = {year(entry.at) for entry in entries.values()}
    found = {}
    for figure in FIGURES:
        adds = ""
        if isinstance(figure, Followed):
            sightings = FOLLOWED[figure.id](entries, rule=rule, until=until)
        else:
            among = [i for kind in figure.kinds or by_kind for i in by_kind.get(kind, ())]
            sightings = _sightings(figure, entries, shown, among)
            adds = figure.adds
        # A figure that is not divided says 0 where there was nothing; of codes nobody knows which would be 0.
        found[figure.id] = _rows(sightings, entries, adds, zeros=() if figure.by else years)
    return found


def shares(found: Mapping[str, Sequence[Row]], share: Share) -> tuple[tuple[str, int, int], ...]:
    """The rows (year, part, of) of a share; a year in which there is nothing to divide by has none."""
    of: dict[str, int] = {}
    part: dict[str, int] = {}
    for period, _, count in found[share.of]:
        of[period] = of.get(period, 0) + count
    for period, code, count in found[share.part]:
        if not share.code or code == share.code:
            part[period] = part.get(period, 0) + count
    return tuple((period, part.get(period, 0), of[period]) for period in sorted(of) if of[period])


def _sightings(
    figure: Counter,
    entries: Mapping[int, Entry],
    shown: Mapping[tuple[int, str], str],
    among: Iterable[int],
) -> Iterator[tuple[int, str]]:
    codes = _CODES[figure.by.partition(":")[0]]
    name = figure.by.partition(":")[2]
    for index in among:
        entry = entries[index]
        if figure.outcome and entry.outcome != figure.outcome:
            continue
        # `is` would take 0 for False and the other way round: a count is no flag.
        if any(
            type(entry.public.get(key)) is not type(value) or entry.public[key] != value
            for key, value in figure.where.items()
        ):
            continue
        if not figure.clauses <= set(entry.reason.clauses):
            continue
        yield from ((index, code) for code in codes(index, entry, name, shown))


def _public(_: int, entry: Entry, name: str, __: Mapping[tuple[int, str], str]) -> list[str]:
    value = entry.public.get(name, "none")
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    return (
        [str(each) for each in value]
        if isinstance(value, Sequence) and not isinstance(value, str)
        else [str(value)]
    )


_CODES: Mapping[str, Callable[[int, Entry, str, Mapping[tuple[int, str], str]], Iterable[str]]] = {
    "": lambda _i, _e, _n, _s: [""],
    "kind": lambda _i, entry, _n, _s: [entry.kind],
    "outcome": lambda _i, entry, _n, _s: [entry.outcome],
    "clauses": lambda _i, entry, _n, _s: sorted(set(entry.reason.clauses)) or ["none"],
    "public": _public,
    "sealed": lambda index, _e, name, shown: [shown.get((index, name), NOT_SHOWN)],
}


def _rows(
    sightings: Iterable[tuple[int, str]], entries: Mapping[int, Entry], adds: str, *, zeros: Iterable[str]
) -> tuple[Row, ...]:
    counts: dict[tuple[str, str], int] = {(period, ""): 0 for period in zeros}
    for index, code in sightings:
        place = (year(entries[index].at), code)
        number = entries[index].public.get(adds) if adds else 1
        # A flag or a word is no number: what adds up nothing stays visible in `entries`.
        counts[place] = counts.get(place, 0) + (number if type(number) is int else 0)
    return tuple((period, code, count) for (period, code), count in sorted(counts.items()))
