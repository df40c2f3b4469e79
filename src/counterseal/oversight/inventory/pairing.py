"""Pair the uses of two years: by identifier where both files have them, else by name, else by what it is for.

1 identifier; 2 the same name; 3 the same name but for what stands in brackets; 4 every word of the shorter name in
the longer, and alone so or half of them; 5 the name of the one is the vendor of the other; 6 half of the words of
the purpose shared, best first.
Only within one agency, and no row is in two pairs. What it cannot see: a use that was renamed and rewritten.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from counterseal.oversight.inventory.cells import words
from counterseal.oversight.inventory.rows import Inventory, Row

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\][]*\]")
_COMMON = frozenset(
    words(
        "a an and as at by for from in is of on or that the this to using use used uses via with ai tool tools "
        "system systems service services application model models data its it be are will"
    ).split()
)
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Pair:
    """One use in two years. by: how it was told."""

    older: Row
    newer: Row
    by: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs, and the older rows that have no partner among the newer."""

    pairs: tuple[Pair, ...]
    vanished: tuple[Row, ...]
    by_identifier: bool


def pair(older: Inventory, newer: Inventory) -> Pairing:
    """Pair the rows of two years. An agency that one of the files lacks altogether is left out."""
    by_identifier = older.has_identifiers and newer.has_identifiers
    before, after = older.by_agency(), newer.by_agency()
    pairs: list[Pair] = []
    vanished: list[Row] = []
    for agency, rows in before.items():
        if agency in after:
            told = _by_identifier(rows, after[agency]) if by_identifier else _by_words(rows, after[agency])
            pairs += told
            paired = {p.older.number for p in told}
            vanished += (row for row in rows if row.number not in paired)
    return Pairing(tuple(pairs), tuple(vanished), by_identifier)


def significant(text: str) -> frozenset[str]:
    """The words of a text that tell something."""
    return frozenset(words(text).split()) - _COMMON


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of words in common (Jaccard index), 0 to 1; 0 where either has none."""
    return len(one & other) / len(one | other) if one and other else 0.0


def bare_name(row: Row) -> str:
    """The name without brackets."""
    return words(_BRACKETS.sub(" ", row.name))


def purpose(row: Row) -> frozenset[str]:
    """The words that say what a use is for: the form of 2024 has one column for what 2025 asks in two."""
    return significant(f"{row['problem_solved']} {row['benefits']}")


def _by_identifier(older: Sequence[Row], newer: Sequence[Row]) -> list[Pair]:
    there: dict[str, Row] = {}
    for row in newer:
        if row.identifier:
            there.setdefault(words(row.identifier), row)
    found: dict[str, Pair] = {}
    for row in older:
        key = words(row.identifier)
        if row.identifier and key in there:
            found.setdefault(key, Pair(row, there[key], "identifier"))
    named = {p.older.number for p in found.values()}, {p.newer.number for p in found.values()}
    # Rows without an identifier in files that have them elsewhere.
    rest = [row for row in older if not row.identifier and row.number not in named[0]]
    free = [row for row in newer if not row.identifier and row.number not in named[1]]
    return [*found.values(), *_by_words(rest, free)]


def _by_words(older: Sequence[Row], newer: Sequence[Row]) -> list[Pair]:
    left, right = list(older), list(newer)
    found: list[Pair] = []

    def take(pairs: Iterable[tuple[Row, Row]], by: str) -> None:
        for one, other in pairs:
            if one in left and other in right:
                left.remove(one)
                right.remove(other)
                found.append(Pair(one, other, by))

    take(_equal(left, right, lambda row: words(row.name)), "name")
    take(_equal(left, right, bare_name), "name without brackets")
    take(_contained(left, right), "name within a name")
    take(_named_after_vendor(left, right), "vendor")
    take(_alike(left, right), "purpose")
    return found


def _equal(left: Sequence[Row], right: Sequence[Row], key: Callable[[Row], str]) -> list[tuple[Row, Row]]:
    there: dict[str, list[Row]] = {}
    for row in right:
        there.setdefault(key(row), []).append(row)
    pairs = []
    for row in left:
        same = there.get(key(row), [])
        if same and key(row):
            # Several of one name: the one of the same component first.
            same.sort(key=lambda other: other.component != row.component)
            pairs.append((row, same.pop(0)))
    return pairs


def _named_after_vendor(left: Sequence[Row], right: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The older name is what the newer row gives as its vendor, and no other row of either does."""
    pairs = []
    for row in left:
        fits = [
            other for other in right if other["vendor_name"] and words(other["vendor_name"]) == bare_name(row)
        ]
        if len(fits) == 1 and sum(bare_name(one) == bare_name(row) for one in left) == 1:
            pairs.append((row, fits[0]))
    return pairs


def _contained(left: Sequence[Row], right: Sequence[Row]) -> list[tuple[Row, Row]]:
    names: Mapping[Row, frozenset[str]] = {row: significant(row.name) for row in (*left, *right)}

    def within(one: Row, other: Row) -> bool:
        small, large = sorted((names[one], names[other]), key=len)
        return len(small) > 1 and small <= large

    scored = []
    for row in left:
        fits = [other for other in right if within(row, other)]
        alone = len(fits) == 1 and sum(within(one, fits[0]) for one in left) == 1
        for other in fits:
            share = likeness(names[row], names[other])
            if alone or share >= HALF:
                scored.append((share, row.number, other.number, row, other))
    return _best_first(scored)


def _alike(left: Sequence[Row], right: Sequence[Row]) -> list[tuple[Row, Row]]:
    purposes = {row: purpose(row) for row in (*left, *right)}
    scored = [
        (share, one.number, other.number, one, other)
        for one in left
        for other in right
        if (share := likeness(purposes[one], purposes[other])) >= HALF
    ]
    return _best_first(scored)


def _best_first(scored: list[tuple[float, int, int, Row, Row]]) -> list[tuple[Row, Row]]:
    scored.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    return [(one, other) for *_, one, other in scored]
