"""Checks that read several rows: one identifier twice, one text for two uses, one tool answered in two ways."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from counterseal.oversight.inventory.cells import words
from counterseal.oversight.inventory.columns import PRACTICES
from counterseal.oversight.inventory.faces import mentions
from counterseal.oversight.inventory.findings import Seen
from counterseal.oversight.inventory.pairing import bare_name, likeness, significant
from counterseal.oversight.inventory.rows import Inventory, Row

# --- identifiers ---------------------------------------------------------------------------------------------


def identifier_twice(inventory: Inventory) -> Iterator[Seen]:
    """Two rows of one agency with one identifier."""
    for rows in _grouped(inventory.rows, lambda row: (row.agency, words(row.identifier))).values():
        if len(rows) > 1 and rows[0].identifier:
            for row in rows:
                others = ", ".join(f"row {other.number} “{other.name}”" for other in rows if other is not row)
                yield Seen(row, f"the identifier {row.identifier} also stands in {others}", ("id",))


# --- texts ---------------------------------------------------------------------------------------------------

_DESCRIBES = ("problem_solved", "benefits", "system_outputs", "data_description", "hi_potential_impacts")
LONG = 80  # characters; shorter texts agree by accident
# What comes out belongs to one tool; a problem or a benefit may well be shared.
_OF_THE_TOOL = ("system_outputs",)
# Shared by so many it is the agency's standing wording, not the text of another use.
STANDING = 12
_COPIED = 0.75  # share of words in common that makes an answer on impacts a copy


def text_of_another_use(inventory: Inventory) -> Iterator[Seen]:
    """A text that stands word for word, or on impacts nearly so, at a few other uses of other systems.

    Two uses are of different systems when both name a system, or else a vendor, and these share no word; for what
    comes out, also when the names share none.
    """
    for rows in inventory.by_agency().values():
        yield from _copies(rows)


def _copies(rows: Sequence[Row]) -> Iterator[Seen]:
    found: dict[int, dict[str, list[Row]]] = {}
    for column in _DESCRIBES:
        same = _grouped((r for r in rows if len(r[column]) >= LONG), partial(_spelled, column))
        for group in same.values():
            for row in group:
                strangers = [
                    other
                    for other in group
                    if other is not row and _different_systems(row, other, by_name=column in _OF_THE_TOOL)
                ]
                if strangers and len(strangers) < STANDING:
                    found.setdefault(row.number, {})[column] = strangers
    for row, other in _nearly_the_same(rows):
        if not found.get(row.number, {}).get("hi_potential_impacts"):
            found.setdefault(row.number, {}).setdefault("hi_potential_impacts", []).append(other)
    for row in rows:
        if row.number in found:
            columns = found[row.number]
            yield Seen(
                row, "; ".join(_told(column, others) for column, others in columns.items()), tuple(columns)
            )


def impacts_not_of_this_use(inventory: Inventory) -> Iterator[Seen]:
    """A deployed high-impact use whose answer on impacts is the agency's standing wording for many systems."""
    column = "hi_potential_impacts"
    for rows in inventory.by_agency().values():
        answered = (r for r in rows if r.deployed and r.high_impact and len(r[column]) >= LONG)
        for group in _grouped(answered, partial(_spelled, column)).values():
            for row in group:
                strangers = [other for other in group if other is not row and _different_systems(row, other)]
                if len(strangers) >= STANDING:
                    yield Seen(
                        row,
                        f"the answer on impacts is word for word that of {len(strangers)} other systems of the agency, "
                        f"{strangers[0].label} “{strangers[0].name}” among them: it says nothing of this one",
                        (column,),
                    )


def _spelled(column: str, row: Row) -> str:
    return words(row[column])


def _told(column: str, others: Sequence[Row]) -> str:
    first = others[0]
    if len(others) == 1:
        return f"{column} is the text of {first.label} “{first.name}”, which is another system"
    return (
        f"{column} is one text with {first.label} “{first.name}” and {len(others) - 1} more of other systems, so it "
        "says nothing of this one"
    )


def _nearly_the_same(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Answers on impacts that differ by a few words, such as the system's name. The later row is the copy."""
    column = "hi_potential_impacts"
    answered = [(row, significant(row[column])) for row in rows if len(row[column]) >= LONG]
    for index, (row, mine) in enumerate(answered):
        for other, theirs in answered[:index]:
            if (
                words(row[column]) != words(other[column])
                and likeness(mine, theirs) >= _COPIED
                and _different_systems(row, other)
            ):
                yield row, other
                break


def _different_systems(one: Row, other: Row, *, by_name: bool = False) -> bool:
    if _related(one.name, other.name):
        return False
    for column in ("system_name_ato", "vendor_name"):
        if _given(one[column]) and _given(other[column]):
            return not _related(one[column], other[column])
    return by_name and not _unnamed(one) and not _unnamed(other)


_WITHHELD = re.compile(
    r"redacted|sensitive|withheld|not (?:applicable|available|disclosed)|n/?a$|tbd$|unknown|none$|multiple|various|"
    r"in-house|service provider",
    re.IGNORECASE,
)


def _given(name: str) -> bool:
    """Whether a system or a vendor is named; “withheld” names none."""
    return bool(name) and not _WITHHELD.search(name)


def _unnamed(row: Row) -> bool:
    """Whether the name only says what kind of thing it is."""
    return significant(row.name) <= _GENERIC


def _related(one: str, other: str) -> bool:
    mine, theirs = significant(one) - _CORPORATE, significant(other) - _CORPORATE
    return bool(mine & theirs) or not mine or not theirs


_CORPORATE = frozenset(words("inc llc corp corporation company ltd technologies group").split())

# --- tools ---------------------------------------------------------------------------------------------------

# Names made of such words only say what kind of thing it is, not which.
_GENERIC = frozenset(
    words(
        "generative ai text code idea information image design generation suggestion summarization capability "
        "evaluation chatbot chat bot facial face recognition technology license plate reader redaction tool object "
        "detection optical character ocr transcription translation search document processing data mapping tools "
        "analytics analysis and for of the unmanned aerial systems uas drone virtual assistant machine learning "
        "large language model system platform application software service services research discovery on product "
        "it 1 2 3 4 5 6 7 8 9 10 entity resolution speech to text"
    ).split()
)
_COMPARED = ("is_high_impact", "has_pii", "have_ato", *PRACTICES)


def one_tool_two_answers(inventory: Inventory) -> Iterator[Seen]:
    """One tool at two components, or twice at one, with answers that cannot both hold.

    One tool: the same name within an agency, unless it names but a kind of tool or the vendors differ; or a named
    face recognition product at any agency, and then only whether it is high-impact.
    """
    for rows in _grouped(_live(inventory), _tool).values():
        yield from _differing(rows, _COMPARED)
    by_product: dict[str, list[Row]] = {}
    for row in _live(inventory):
        for product in _products(row):
            by_product.setdefault(product, []).append(row)
    for rows in by_product.values():
        yield from _differing([r for r in rows if r.running], ("is_high_impact",))


def _live(inventory: Inventory) -> Iterator[Row]:
    return (row for row in inventory.rows if row.running or row.coming)


def _tool(row: Row) -> tuple[str, ...]:
    name = bare_name(row)
    if not name or set(name.split()) <= _GENERIC:
        return (row.agency, str(row.number))  # alone
    return (row.agency, name)


_PRODUCT = re.compile(r"clearview|pimeyes", re.IGNORECASE)


def _products(row: Row) -> Iterable[str]:
    return {m.group().lower() for mention in mentions(row) if (m := _PRODUCT.match(mention.words))}


def _differing(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[Seen]:
    for row in rows:
        differences: dict[str, Row] = {}
        for other in rows:
            if other is not row and _same_vendor(row, other):
                for column in columns:
                    if row[column] and other[column] and row[column] != other[column]:
                        differences.setdefault(column, other)
        if differences:
            told = "; ".join(
                f"{column} is “{row[column]}” here and “{other[column]}” in {other.label}"
                + (f" of {other.component or other.agency}" if other.component != row.component else "")
                for column, other in differences.items()
            )
            yield Seen(row, f"one tool, two answers: {told}", tuple(differences))


def _same_vendor(one: Row, other: Row) -> bool:
    if _given(one["vendor_name"]) and _given(other["vendor_name"]):
        return _related(one["vendor_name"], other["vendor_name"])
    return True


def _grouped(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> Mapping[Hashable, list[Row]]:
    found: dict[Hashable, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
