"""What a report is made of before it is a page: sections of facts, tables, figures and notes.

Cells hold words that were written for a reader; escaping is the template's work.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from counterseal.evaluation.report.measured import Measured
from counterseal.evaluation.report.text import between, number, of, plain

Tone = Literal["plain", "absent", "warning"]


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph. absent: what was not tested or not told; warning: what a reader must not pass over."""

    text: str
    tone: Tone = "plain"
    kind: Literal["note"] = "note"


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms, each with what was told of it."""

    rows: Sequence[tuple[str, str]]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Listed:
    """Sentences in a list."""

    items: Sequence[str]
    kind: Literal["list"] = "list"


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its header. numeric: indices of columns that hold numbers.

    folded: on the page it opens on demand; in print it is always open. wide: how it is printed: `dense`, in smaller
    letters and with numbers that may run over two lines, or `sideways`, on a page turned.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    folded: bool = False
    wide: Literal["", "dense", "sideways"] = ""
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing (an SVG element) with its caption; the table with its numbers follows it."""

    svg: str
    caption: str
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: Literal["heading"] = "heading"


Block = Note | Facts | Listed | Table | Figure | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """One section: a letter of the checklist, a title, and its blocks."""

    letter: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


RATES = ("errors / trials", "rate", "interval", "method")


def rates(
    caption: str,
    first: str,
    rows: Iterable[tuple[str, Measured]],
    *,
    flags: Mapping[int, str] | None = None,
    folded: bool = False,
) -> Table:
    """Rates with their counts. flags: index of a row -> what is said of it in a column of its own."""
    listed = list(rows)
    cells = [
        [name, of(m.errors, m.trials), number(m.rate), _interval(m), m.method or "none"] for name, m in listed
    ]
    if flags is not None:
        cells = [[*row, flags.get(i, "")] for i, row in enumerate(cells)]
    head = (first, *RATES, *(("remarks",) if flags is not None else ()))
    return Table(caption, head, cells, frozenset({1, 2, 3}), folded)


def _interval(m: Measured) -> str:
    return between((m.low, m.high))


def facts(rows: Iterable[tuple[str, Any]]) -> Facts:
    """Terms with what was told, `not told` where nothing was."""
    return Facts([(term, said(value)) for term, value in rows])


def said(value: Any) -> str:
    """A value of a document in words; nested values one after the other."""
    if isinstance(value, Mapping):
        return "; ".join(f"{plain(k).replace('_', ' ')}: {said(v)}" for k, v in value.items()) or plain(None)
    if isinstance(value, list | tuple):
        return ", ".join(said(v) for v in value) or "none"
    if isinstance(value, float):
        return number(value, 6)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return plain(value if value != "" else None)
