"""Run the monitors: over an installation's own log with all its openings, or over an export with those one was given.

The rules are the same code in both (`oversight/monitors`); what they are held to comes from the tables of
transitions and from the policy packs. Nothing is written and nothing is sealed: an answer names entries, never
persons.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from counterseal.casework.words import KEPT
from counterseal.gateway.carrying_roles import carrying_roles
from counterseal.gateway.cosignatures import with_cosignatures
from counterseal.gateway.office import Office
from counterseal.gateway.run_fsck import log_rows
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger.directory import checkpoint_path
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.fsck import LogRow
from counterseal.ledger.tiles import CHECKPOINT, Reader
from counterseal.oversight.models import LogKey, LogState
from counterseal.oversight.monitors.expectations import Expectations, Period
from counterseal.oversight.monitors.exported import open_export
from counterseal.oversight.monitors.history import lines
from counterseal.oversight.monitors.watch import Watched, watch
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.policy import PolicyError, PolicyLibrary

_EVER = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class StoredHistory:
    """The history in this installation's database."""

    def rows(self) -> Iterator[LogRow]:
        """Every entry with every opening that still exists."""
        return log_rows()

    def notes(self) -> Iterator[tuple[str, bytes]]:
        """The latest checkpoint, and that of each change of key."""
        yield CHECKPOINT, with_cosignatures(bytes(LogState.objects.get().checkpoint))
        for key in LogKey.objects.exclude(checkpoint=b""):
            yield checkpoint_path(key.from_size), bytes(key.checkpoint)


def run_monitors(office: Office, *, until: datetime | None = None) -> Watched:
    """Follow the installation's own log. until: the instant as of which it is judged; unless told, now."""
    with snapshot():
        return follow_log(office.policies, until=until or office.clock())


def follow_log(policies: PolicyLibrary, *, until: datetime) -> Watched:
    """As `run_monitors`, inside a snapshot that the caller holds."""
    history = StoredHistory()
    return watch(lines(history), history.notes(), expectations(policies), until=until)


def monitor_export(
    read: Reader,
    openings: Mapping[int, Sequence[Disclosure]],
    policies: PolicyLibrary,
    *,
    vkey: str | None = None,
    kept: Iterable[int] = (),
    until: datetime | None = None,
) -> Watched:
    """Follow an exported log, which is audited first. until: unless told, the instant of its last entry.

    openings: what was handed over, by entry. policies: the packs as this program has them. vkey, kept: as
    `open_export` takes them.

    Raises:
        HistoryUnreadableError, HistoryNotSoundError: as `open_export` and `watch` raise them.
    """
    history = open_export(read, openings, vkey=vkey, kept=kept)
    return watch(lines(history), history.notes(), expectations(policies), until=until)


def expectations(policies: PolicyLibrary) -> Expectations:
    """What monitors are held to: roles from the tables of transitions, times and periods from the packs.

    Of one duty in several packs the shortest time counts, of those composed at last.
    """
    composed = policies.composition(_LAST).packs
    within: dict[str, timedelta] = {}
    for duty in (duty for pack in policies.packs if pack.source.id in composed for duty in pack.duties):
        within[duty.name] = min(duty.within, within.get(duty.name, duty.within))
    return Expectations(
        roles=carrying_roles(),
        packs=periods(policies),
        acts=frozenset(act.at for act in policies.acts()),
        ratified_within=within["exigent-approval"],
        noted_within=within["note-result"],
        offices=THREE_OFFICES,
        kept=frozenset(map(str, KEPT)),
    )


def periods(policies: PolicyLibrary) -> dict[str, tuple[Period, ...]]:
    """When each policy set that these packs make counts, by its digest."""
    days = {day for pack in policies.packs for day in (pack.source.in_force_from, pack.source.in_force_until)}
    turns = {datetime.combine(day, time(), UTC) for day in days if day is not None}
    turns |= {act.at for act in policies.acts()}
    found: dict[str, tuple[Period, ...]] = {}
    for begins, ends in pairwise([_EVER, *sorted(turns), None]):
        assert begins is not None
        try:
            digest = policies.in_force(begins).digest
        except PolicyError:
            continue  # what decided then cannot be made again here: its decisions are not evaluated
        found[digest] = (*found.get(digest, ()), Period(begins, ends))
    return found
