"""A history from an exported log and the openings that somebody was given: for an auditor outside.

Nothing is believed: the folder is audited first, every entry under the signed root (`ledger/audit.py`), and an
opening counts only where its digest stands in its entry.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from counterseal.ledger.audit import audit
from counterseal.ledger.checkpoint import Checkpoint
from counterseal.ledger.directory import checkpoint_path
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.fsck import LogRow
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.tiles import CHECKPOINT, WIDTH, Reader, split_bundle, tiles_of
from counterseal.oversight.monitors.errors import HistoryNotSoundError, HistoryUnreadableError

Openings = Mapping[int, Sequence[Disclosure]]


@dataclass(frozen=True, slots=True)
class ExportedHistory:
    """An audited export.

    openings: by index of their entry; those of entries beyond it open nothing here. kept: sizes of the checkpoints
    beside the latest.
    """

    read: Reader
    checkpoint: Checkpoint
    openings: Openings
    kept: tuple[int, ...]

    def rows(self) -> Iterator[LogRow]:
        """Every entry, from index 0 on, with what was brought to open it."""
        for tile in tiles_of(self.checkpoint.size):
            if tile.level is not None:
                continue
            first = tile.index * WIDTH
            for index, body in enumerate(split_bundle(self.read(tile.path), tile.width), first):
                yield LogRow(index, body, tuple(each.encoded for each in self.openings.get(index, ())))

    def notes(self) -> Iterator[tuple[str, bytes]]:
        """The latest checkpoint and those kept beside it."""
        for path in (CHECKPOINT, *map(checkpoint_path, self.kept)):
            yield path, self.read(path)


def open_export(
    read: Reader, openings: Openings, *, vkey: str | None = None, kept: Iterable[int] = ()
) -> ExportedHistory:
    """Audit the exported log behind `read`.

    vkey: a key that the caller brought; it must be one that the log has used. kept: sizes of kept checkpoints.

    Raises:
        HistoryUnreadableError: no exported log. HistoryNotSoundError: it does not hold, or the key is none of its.
    """
    try:
        keys = KeyHistory.from_json(read("keys.json"))
    except (OSError, LedgerError) as error:
        raise HistoryUnreadableError(
            f"this is no exported log: its keys cannot be read ({error}); name a folder that "
            "`counterseal ledger export` wrote"
        ) from error
    if vkey is not None and vkey not in {period.verifier.vkey for period in keys.periods}:
        raise HistoryNotSoundError("the key that you brought is none that this log has used")
    sizes = tuple(sorted(set(kept)))
    try:
        older = [read(checkpoint_path(size)) for size in sizes]
    except OSError as error:
        raise HistoryUnreadableError(f"a kept checkpoint cannot be read: {error}") from error
    report = audit(read, keys, older=older, decode=False)
    if report.checkpoint is None or not report.sound:
        first = report.findings[0]
        raise HistoryNotSoundError(f"the exported log does not hold: {first.where}: {first.says}")
    return ExportedHistory(read, report.checkpoint, openings, sizes)


def merged(*brought: Openings) -> dict[int, tuple[Disclosure, ...]]:
    """Openings from several sources as one; what comes twice counts once."""
    found: dict[int, dict[str, Disclosure]] = {}
    for openings in brought:
        for index, disclosures in openings.items():
            found.setdefault(index, {}).update({each.encoded: each for each in disclosures})
    return {index: tuple(by_text.values()) for index, by_text in found.items()}
