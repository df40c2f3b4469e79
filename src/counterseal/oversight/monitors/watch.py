"""Run the monitors over a history, once, in order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from counterseal.ledger.errors import LedgerError
from counterseal.oversight.monitors.errors import HistoryNotSoundError
from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import ChecksNotes, Monitor, Result
from counterseal.oversight.monitors.roles import KINDS, RoleBook
from counterseal.oversight.monitors.table import MONITORS


@dataclass(frozen=True, slots=True)
class Watched:
    """What the monitors say of `entries` entries, as things stand at `until`; None where there is no entry."""

    entries: int
    until: datetime | None
    results: tuple[Result, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was violated. What could not be evaluated is no violation, and no proof either."""
        return not any(result.violations for result in self.results)

    @property
    def whole(self) -> bool:
        """Whether nothing was violated and everything could be evaluated."""
        return all(result.verdict == "holds" for result in self.results)


def watch(
    entries: Iterable[Line],
    notes: Iterable[tuple[str, bytes]],
    expects: Expectations,
    *,
    until: datetime | None = None,
    monitors: Iterable[type[Monitor]] = MONITORS,
) -> Watched:
    """Follow the history and judge it as it stands at `until`; unless told, at its last entry's instant.

    notes: signed checkpoints, each under a name to call it; read after the last entry.

    Raises:
        HistoryNotSoundError: an entry, an opening or a checkpoint that cannot be what it is said to be.
    """
    roles = RoleBook()
    running = [made(expects, roles) for made in monitors]
    # The monitors that want a kind, and whether the book of roles does: asked once a kind.
    steps: dict[str, tuple[Callable[[Line], None], ...]] = {}
    count, last = 0, None
    for line in entries:
        kind = line.entry.kind
        if kind not in steps:
            seeing = [monitor.see for monitor in running if monitor.wants(kind)]
            # The book comes last: whoever gives a role is judged by what they held before.
            steps[kind] = (*seeing, roles.see) if kind in KINDS else tuple(seeing)
        for step in steps[kind]:
            step(line)
        count += 1
        last = line.entry.at if last is None else max(last, line.entry.at)
    for name, note in notes:
        for monitor in (each for each in running if isinstance(each, ChecksNotes)):
            try:
                monitor.note(name, note)
            except LedgerError as error:
                raise HistoryNotSoundError(f"checkpoint `{name}` cannot be read: {error}") from error
    until = until or last
    results = tuple(monitor.result(until) for monitor in running) if until is not None else ()
    return Watched(count, until, results)
