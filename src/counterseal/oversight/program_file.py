"""Whether the file of a program is complete, line by line, and whether the list it holds still counts.

1 each line of the packs is shown by its latest document, a line that hangs by the latest of each place where it
was not taken down; 2 a document counts until its last instant, not at it; 3 the file is complete when every line
is; 4 a program that holds a list must hold one that is valid; without a list it asks at each comparison.
Reads no clock, file or database.

Clauses: D-026-11/opt-out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from counterseal.policy import FileLine


class LineState(StrEnum):
    """Whether a line is shown by a document that counts."""

    COMPLETE = "complete"
    MISSING = "missing"
    OUT_OF_DATE = "out-of-date"


class ListState(StrEnum):
    """How a program knows who declines: asked each time, or by a list that counts, or by one that ran out."""

    ASKED_EACH_TIME = "asked-each-time"
    VALID = "valid"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Shown:
    """One document of a file. document: vault id. made_on: the day it speaks of. taken_down: of a sign."""

    line: str
    place: str
    document: str
    made_on: datetime
    valid_until: datetime
    taken_down: bool
    recorded_by: str


@dataclass(frozen=True, slots=True)
class HeldList:
    """The list that a program holds."""

    sequence: int
    issued: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """One line with the documents that now show it. valid_until: when the first of them runs out."""

    line: FileLine
    state: LineState
    shown_by: tuple[Shown, ...]
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """The file as it stands. valid_until: until when it is complete if nothing is added; None where it is not."""

    lines: tuple[CheckedLine, ...]
    list_state: ListState
    held: HeldList | None
    valid_until: datetime | None

    @property
    def complete(self) -> int:
        """How many lines are complete."""
        return sum(checked.state == LineState.COMPLETE for checked in self.lines)

    @property
    def share(self) -> int:
        """Lines that are complete, in whole percent, rounded down: 100 is all of them."""
        return 100 * self.complete // len(self.lines)

    @property
    def compliant(self) -> bool:
        """Every line complete, and no stale list."""
        return self.complete == len(self.lines) and self.list_state != ListState.STALE


def check_file(
    lines: Sequence[FileLine], shown: Iterable[Shown], held: HeldList | None, *, at: datetime
) -> ProgramFile:
    """Check a file. lines: at least one. shown: in the order they were recorded. held: the latest list noted."""
    latest: dict[str, dict[str, Shown]] = {}
    for each in shown:
        latest.setdefault(each.line, {})[each.place] = each
    checked = tuple(_checked(line, latest.get(line.id, {}).values(), at) for line in lines)
    list_state = ListState.ASKED_EACH_TIME
    if held is not None:
        list_state = ListState.VALID if held.issued <= at < held.valid_until else ListState.STALE
    file = ProgramFile(checked, list_state, held, None)
    if not file.compliant:
        return file
    ends = [c.valid_until for c in checked if c.valid_until] + ([held.valid_until] if held else [])
    return ProgramFile(checked, list_state, held, min(ends))


def _checked(line: FileLine, shown: Iterable[Shown], at: datetime) -> CheckedLine:
    standing = tuple(each for each in shown if not each.taken_down)
    if not standing:
        return CheckedLine(line, LineState.MISSING, (), None)
    until = min(each.valid_until for each in standing)
    return CheckedLine(line, LineState.COMPLETE if at < until else LineState.OUT_OF_DATE, standing, until)
