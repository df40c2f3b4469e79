"""Choose which sealed codes a release opens, so that nobody can compute the others.

The codes about persons sought (`rule.SEALED_NAMES`) are opened entry by entry. Entries are compared within
one class: the same year and the same public codes. The rule, in this order, for each class:
1. open both codes of entries whose pair of codes at least k entries of the class carry;
2. of the rest, open the case type alone where at least k of them share it;
3. of the rest, open the subject role alone where at least k of them share it;
4. where fewer than k entries keep a code back, close that code for the smallest opened group too, until at
   least k do, or all: else the few would stand out (complementary suppression).

What holds afterwards, and is tested: whatever is opened of an entry, k - 1 others of its class show the same;
and changing every code that was kept back into another one changes nothing that is released.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from sys import intern
from typing import TypeAlias

from counterseal.ledger.entry import Entry, Reason
from counterseal.oversight.figures.rule import SEALED_KIND, SEALED_NAMES

Class: TypeAlias = "tuple[object, ...]"


@dataclass(frozen=True, slots=True)
class Coded:
    """One entry's sealed codes, None where there is none (any more). place: its class."""

    index: int
    place: Class
    codes: tuple[str | None, ...]


def class_of(entry: Entry) -> Class:
    """What an entry shows of itself without any opening: its year, and every public code."""
    public = tuple((n, tuple(v) if isinstance(v, list) else v) for n, v in sorted(entry.public.items()))
    return (year(entry.at), public)


def year(at: datetime) -> str:
    """The calendar year, UTC, of an entry."""
    return f"{at:%Y}"


class Shared:
    """Makes entries lean, so that a million of them fit into memory: equal reasons are one, no idle digests."""

    def __init__(self) -> None:
        self._reasons: dict[Reason, Reason] = {}

    def lean(self, entry: Entry) -> Entry:
        """The entry, with digests only where a release opens something."""
        reason = self._reasons.setdefault(entry.reason, entry.reason)
        digests = entry.digests if entry.kind == SEALED_KIND else ()
        return replace(entry, kind=intern(entry.kind), reason=reason, digests=digests)


def choose_openings(coded: Iterable[Coded], k: int) -> frozenset[tuple[int, str]]:
    """The (index, name) of every sealed code that is opened."""
    classes: dict[Class, list[Coded]] = defaultdict(list)
    for each in coded:
        classes[each.place].append(each)
    return frozenset(opened for members in classes.values() for opened in _of_class(members, k))


def faults_of(shown: Sequence[Coded], k: int) -> list[str]:
    """What a reader of the opened codes finds against the rule; codes None are those kept back.

    A reader cannot see that a code was kept back without need; only that no more was opened than allowed.
    """
    classes: dict[Class, list[Coded]] = defaultdict(list)
    for each in shown:
        classes[each.place].append(each)
    faults = []
    for members in classes.values():
        for group in _groups(members).values():
            if len(group) < k:
                faults.append(
                    f"entry {group[0].index} shows what only {len(group)} entries of its kind show; "
                    f"the rule asks for {k}"
                )
        for place, name in enumerate(SEALED_NAMES):
            hidden = sum(each.codes[place] is None for each in members)
            if 0 < hidden < min(k, len(members)):
                faults.append(
                    f"`{name}` is kept back for {hidden} entries beside entry {members[0].index}; "
                    f"the rule asks for none or at least {k}"
                )
    return faults


def _of_class(members: list[Coded], k: int) -> set[tuple[int, str]]:
    # What is shown of each entry so far, by index.
    shown: dict[int, tuple[str | None, ...]] = {each.index: (None, None) for each in members}
    rest = list(members)
    # (1), (2), (3)
    for wanted in ((True, True), (True, False), (False, True)):
        carriers: dict[tuple[str | None, ...], list[Coded]] = defaultdict(list)
        for each in rest:
            seen = tuple(code if want else None for code, want in zip(each.codes, wanted, strict=True))
            if all(code is not None for code, want in zip(each.codes, wanted, strict=True) if want):
                carriers[seen].append(each)
        for seen, group in carriers.items():
            if len(group) >= k:
                shown |= {each.index: seen for each in group}
        rest = [each for each in rest if shown[each.index] == (None, None)]
    # (4) Closing one name can leave the other's hidden few as they were, never more of them.
    for place in range(len(SEALED_NAMES)):
        while 0 < sum(seen[place] is None for seen in shown.values()) < min(k, len(members)):
            groups: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
            for index, seen in shown.items():
                if seen[place] is not None:
                    groups[seen].append(index)
            # Ties go to the group with the earliest entry: the spelling of a code must not decide.
            smallest = min(groups.values(), key=lambda group: (len(group), min(group)))
            for index in smallest:
                codes = list(shown[index])
                codes[place] = None
                shown[index] = tuple(codes)
    return {
        (index, name)
        for index, seen in shown.items()
        for name, code in zip(SEALED_NAMES, seen, strict=True)
        if code is not None
    }


def _groups(members: Iterable[Coded]) -> Mapping[tuple[str | None, ...], list[Coded]]:
    """The members that show anything, by what they show."""
    groups: dict[tuple[str | None, ...], list[Coded]] = defaultdict(list)
    for each in members:
        if any(code is not None for code in each.codes):
            groups[each.codes].append(each)
    return groups
