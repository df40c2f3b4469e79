"""Hold the operator's own log of searches against ours, one to one by the sealed request id. Pure.

Every line of the operator's log and every sealed intent of the time ends in exactly one place: paired, ours only,
theirs only, doubled or malformed. Off-book searches are what is theirs only.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from counterseal.terms.errors import BadInputError

COLUMNS = ("request", "time", "user")
MOST_LINES = 200_000
_REQUEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One search as the operator recorded it. row: in the file, where the header is row 1."""

    row: int
    request: str
    at: datetime
    user: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that is no search: which, and why."""

    row: int
    why: str


@dataclass(frozen=True, slots=True)
class OperatorLog:
    """What the operator's file holds."""

    lines: tuple[Line, ...]
    malformed: tuple[Malformed, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of it. paired: (our request, their line). doubled: lines whose request another line has already.

    outside: lines dated outside the time asked for, of requests that we did not seal: not judged, only counted.
    """

    paired: tuple[tuple[str, Line], ...]
    ours_only: tuple[str, ...]
    theirs_only: tuple[Line, ...]
    doubled: tuple[Line, ...]
    outside: tuple[Line, ...]


def read_operator_log(data: bytes) -> OperatorLog:
    """Read CSV in UTF-8 with a header that names at least `COLUMNS`; more columns are passed over.

    Raises:
        BadInputError: it is no such file. A single row that cannot be read is `Malformed` instead.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise BadInputError(f"the operator's log is not UTF-8 in row {row}: export it as UTF-8") from error
    lines: list[Line] = []
    malformed: list[Malformed] = []
    rows = csv.reader(io.StringIO(text), strict=True)
    header: list[str] | None = None
    number = 0
    while True:
        number += 1
        try:
            cells = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            raise BadInputError(f"row {number} of the operator's log is no CSV: {error}") from error
        if header is None:
            header = [cell.strip().lower() for cell in cells]
            if missing := [c for c in COLUMNS if header.count(c) != 1]:
                raise BadInputError(
                    f"row 1 of the operator's log must name each of {', '.join(COLUMNS)} once; "
                    f"not so: {', '.join(missing)}"
                )
            continue
        if number > MOST_LINES + 1:
            raise BadInputError(f"the operator's log has more than {MOST_LINES} rows; give a shorter time")
        read = _line(number, header, cells)
        if isinstance(read, Line):
            lines.append(read)
        else:
            malformed.append(read)
    if header is None:
        raise BadInputError("the operator's log is empty: not even a header; ask the operator for it again")
    return OperatorLog(tuple(lines), tuple(malformed))


def reconcile(
    ours: Mapping[str, datetime], theirs: Sequence[Line], *, since: datetime, until: datetime
) -> Reconciled:
    """Pair each sealed intent with one line of the operator's log.

    ours: every sealed intent of the service by request id, of any time: clocks differ at the edges of the time
    asked for, and a line of a sealed request is never off the books. since, until: the time, half open.
    """
    paired: list[tuple[str, Line]] = []
    theirs_only: list[Line] = []
    doubled: list[Line] = []
    outside: list[Line] = []
    seen: set[str] = set()
    for line in theirs:
        if line.request in seen:
            doubled.append(line)
            continue
        seen.add(line.request)
        if line.request in ours:
            paired.append((line.request, line))
        elif since <= line.at < until:
            theirs_only.append(line)
        else:
            outside.append(line)
    ours_only = tuple(r for r, at in ours.items() if since <= at < until and r not in seen)
    return Reconciled(tuple(paired), ours_only, tuple(theirs_only), tuple(doubled), tuple(outside))


def _line(number: int, header: Sequence[str], cells: Sequence[str]) -> Line | Malformed:
    if len(cells) != len(header):
        return Malformed(number, f"it has {len(cells)} cells where the header has {len(header)}")
    row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    if not _REQUEST.fullmatch(row["request"]):
        return Malformed(number, "its request id is empty or no id")
    if not _INSTANT.fullmatch(row["time"]):
        return Malformed(number, "its time is no instant with an offset, like 2026-11-20T15:00:00Z")
    try:
        at = datetime.fromisoformat(row["time"]).astimezone(UTC)
    except (ValueError, OverflowError):
        return Malformed(number, "its time does not exist")
    return Line(number, row["request"], at, row["user"])
