"""Keeping: nothing is destroyed under a hold, and duties are closed in time by somebody else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule

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

    def begin(self) -> None:
        """Nothing seen yet."""
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

    An entry commits to the duties that stand open in its rows; a later one with the row of such a duty, which
    does not commit to it any more, closes it.
    """

    rule = Rule(
        "duty-closed-in-time",
        "D-026-11/oversight",
        "Every duty that a decision opened was closed by its day, and, but for noting one's own result, by "
        "somebody else.",
        "Duties of entries that commit to none: those sealed before duties were committed to.",
    )

    def begin(self) -> None:
        """Nothing seen yet."""
        self._open: dict[str, _Duty] = {}

    def follow(self, line: Line) -> None:
        """One step."""
        if not line.whole and not line.has("duties"):
            self.cannot_judge(line.index)
        duties = line.items("duties") if line.has("duties") else ()
        stand = {duty[0] for duty in duties if isinstance(duty, list) and duty}
        for row in line.items("rows"):
            match row:
                case ["oversight.duty", str(duty_id), _] if duty_id in self._open and duty_id not in stand:
                    self._closed_by(line, self._open.pop(duty_id))
        for duty in duties:
            match duty:
                case [str(duty_id), str(kind), str(clause), str(due)]:
                    # Sealed again while it stands, it keeps its first day: nobody puts off a duty.
                    if duty_id not in self._open:
                        self.checked += 1
                        self._open[duty_id] = _Duty(
                            line.index, kind, clause, datetime.fromisoformat(due), line.maybe("initiator")
                        )

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
            if until > duty.due:
                self.violated(
                    f"the duty `{duty.kind}` ({duty.clause}) is overdue", duty.index, since=duty.due
                )
            else:
                yield duty.index
