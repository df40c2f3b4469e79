"""Keeping: nothing is destroyed under a hold, and duties are closed in time by somebody else."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from counterseal.ledger.entry import JsonValue
from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule, instant_of
from counterseal.oversight.monitors.roles import RoleBook

PLACED, LIFTED, DESTROYED = "hold.placed", "hold.lifted", "record.destroyed"
# The duty that is its opener's own to close; every other one is somebody else's.
OWN_DUTY = "note-result"


class NotDestroyedUnderHold(Monitor):
    """Each destruction of a record: no hold stood on it or on its case."""

    rule = Rule(
        "not-destroyed-under-hold",
        "D-026-11/security",
        "Nothing that the vault holds about a record was destroyed while a hold stood on that record or its case.",
        "What disappeared without an entry (`counterseal fsck` looks for that); openings, on which no hold stands.",
    )
    kinds = frozenset({PLACED, LIFTED, DESTROYED})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        # Index of the entry that placed it -> what it covers; None: closed.
        self._standing: dict[int, str | None] = {}

    def follow(self, line: Line) -> None:
        """One step."""
        entry = line.entry
        if entry.kind == PLACED:
            self._standing[line.index] = line.maybe("target")
        elif entry.kind == LIFTED:
            for cause in entry.causes:
                self._standing.pop(cause, None)
        elif entry.public.get("objects"):
            self.checked += 1
            self._destroyed(line)

    def _destroyed(self, line: Line) -> None:
        if not self._standing:
            return
        record, case = line.text("target"), line.maybe("case")
        under = [index for index, about in self._standing.items() if about and about in (record, case)]
        if under:
            self.violated(
                "a record was destroyed although a hold stood on it or on its case",
                *under,
                line.index,
                since=line.entry.at,
            )
        elif case is None or None in self._standing.values():
            self.cannot_judge(line.index)


@dataclass(frozen=True, slots=True)
class _Duty:
    index: int
    kind: str
    clause: str
    due: datetime
    by: str | None


class DutyClosedInTime(Monitor):
    """Each duty that an entry opened: closed by its day, by somebody other than the person it came from.

    An entry with rows of duties commits to those that stand open in them; a later one with the row of such a
    duty, which does not commit to it any more, closes it.
    """

    rule = Rule(
        "duty-closed-in-time",
        "D-026-11/oversight",
        "Every duty that a decision opened was closed by its day, and, but for noting one's own result, by "
        "somebody else.",
        "Duties of entries that commit to none: those sealed before duties were committed to.",
    )

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._open: dict[str, _Duty] = {}
        # Entries that cannot be read: any of them may have closed any duty that stood open then.
        self._unread: list[int] = []
        self._unread_at: list[datetime] = []

    def follow(self, line: Line) -> None:
        """One step."""
        if not self._readable(line):
            self._unread.append(line.index)
            self._unread_at.append(line.entry.at)
            self.cannot_judge(line.index)
            return
        duties = line.items("duties") if line.has("duties") else ()
        stand = {duty[0]: duty for duty in duties if isinstance(duty, list) and duty}
        for duty_id in _duty_rows(line):
            if duty_id in stand:
                self._stands(line, duty_id, stand[duty_id])
            elif duty_id in self._open:
                self._closed_by(line, self._open.pop(duty_id))

    def _readable(self, line: Line) -> bool:
        """Whether it can be told which duties this entry opened or closed."""
        return line.has("rows") and (line.has("duties") or not _duty_rows(line))

    def _stands(self, line: Line, duty_id: str, duty: Sequence[JsonValue]) -> None:
        match duty:
            case [_, str(kind), str(clause), str(text)] if due := instant_of(text):
                # Sealed again while it stands, it keeps its first day: nobody puts off a duty.
                if duty_id not in self._open:
                    self.checked += 1
                    self._open[duty_id] = _Duty(line.index, kind, clause, due, line.maybe("initiator"))
            case _:
                self.cannot_judge(line.index)

    def _closed_by(self, line: Line, duty: _Duty) -> None:
        who = f"the duty `{duty.kind}` ({duty.clause})"
        if line.entry.at > duty.due:
            self.violated(f"{who} was closed too late", duty.index, line.index, since=duty.due)
        closer = line.maybe("initiator")
        if duty.kind == OWN_DUTY:
            return
        if duty.by is None or closer is None:
            self.cannot_judge(duty.index)
        elif duty.by == closer:
            self.violated(
                f"{who} was closed by the person it came from", duty.index, line.index, since=line.entry.at
            )

    def end(self, until: datetime) -> Iterable[int]:
        """What nobody closed by its day is broken since then."""
        for duty in self._open.values():
            if until <= duty.due:
                yield duty.index
            elif self._may_be_closed(duty):
                self.cannot_judge(duty.index)
            else:
                self.violated(
                    f"the duty `{duty.kind}` ({duty.clause}) is overdue", duty.index, since=duty.due
                )

    def _may_be_closed(self, duty: _Duty) -> bool:
        """Whether an entry that nobody can read was sealed after the duty began and before its day was over."""
        first = bisect_right(self._unread, duty.index)
        return any(at <= duty.due for at in self._unread_at[first : first + 1])


def _duty_rows(line: Line) -> list[str]:
    """Ids of the duties whose rows this entry seals."""
    return [
        str(row[1]) for row in line.items("rows") if isinstance(row, list) and row[:1] == ["oversight.duty"]
    ]
