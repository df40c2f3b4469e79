"""Compare everything with everything: log rows, hashes, exported tiles, casework rows, vault, both ways."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.apps import apps

from counterseal.gateway.export_ledger import key_history
from counterseal.gateway.office import Office
from counterseal.ledger import fsck as pure
from counterseal.ledger.findings import Finding
from counterseal.ledger.fsck import FsckReport
from counterseal.ledger.tree import Frontier, Node
from counterseal.oversight.models import LogDisclosures, LogEntry, LogNode, LogState, VaultObject
from counterseal.terms.rows import SealedRow


@dataclass(frozen=True, slots=True)
class Report:
    """fsck of the log, and what was found of the vault. `orphans`: stored bytes that no row speaks of; noise
    left by a crash before a commit, unreadable, and no fault."""

    log: FsckReport
    orphans: int

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return self.log.sound


def run_fsck(
    office: Office, *, tiles: Path | None = None, progress: Callable[[int], None] | None = None
) -> Report:
    """Check the installation. tiles: an exported folder to hold against the database."""
    state = LogState.objects.get()
    report = pure.fsck(
        _rows(progress),
        (
            Node(n.level, n.index, bytes(n.hash))
            for n in LogNode.objects.order_by("level", "index").iterator()
        ),
        frontier=Frontier.from_bytes(bytes(state.frontier)),
        checkpoint=bytes(state.checkpoint),
        trust=key_history(),
        origin=office.origin,
        sealed=_sealed(),
        read=None if tiles is None else lambda path: (tiles / path).read_bytes(),
    )
    stored, known = office.vault.stored(), set()
    missing = []
    for held in VaultObject.objects.filter(destroyed_at=None).values_list("id", flat=True).iterator():
        known.add(held)
        if held not in stored:
            missing.append(Finding("vault-object-missing", held, "the vault's bytes of this object are gone"))
    return Report(replace(report, findings=(*report.findings, *missing)), len(stored - known))


def _rows(progress: Callable[[int], None] | None) -> Iterator[pure.LogRow]:
    opened = LogDisclosures.objects.order_by("index").iterator()
    disclosures = next(opened, None)
    for entry in LogEntry.objects.order_by("index").iterator():
        while disclosures is not None and disclosures.index < entry.index:
            disclosures = next(opened, None)
        lines: tuple[str, ...] = ()
        if disclosures is not None and disclosures.index == entry.index and disclosures.encoded:
            lines = tuple(disclosures.encoded.split("\n"))
        if progress is not None:
            progress(entry.index + 1)
        yield pure.LogRow(entry.index, bytes(entry.body), lines)


def _sealed() -> Iterator[pure.SealedRow]:
    for model in apps.get_models():
        if issubclass(model, SealedRow):
            for row in model._default_manager.iterator():
                yield pure.SealedRow(row.table(), str(row.pk), row.digest(), row.entry_index)
