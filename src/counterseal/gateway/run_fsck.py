"""Compare everything with everything: log rows, hashes, exported tiles, casework rows, vault, both ways."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.apps import apps

from counterseal.gateway.erasure_findings import erasure_findings
from counterseal.gateway.export_ledger import key_history
from counterseal.gateway.guards import missing_guards
from counterseal.gateway.office import Office
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger import fsck as pure
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.findings import Finding
from counterseal.ledger.fsck import FsckReport
from counterseal.ledger.tree import Frontier, Node, at_place
from counterseal.oversight.models import LogDisclosures, LogEntry, LogNode, LogState, VaultObject
from counterseal.oversight.vault import VaultError
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
    """Check the installation as it is at this instant. tiles: an exported folder to hold against the database."""
    with snapshot():
        return _run(office, tiles, progress)


def _run(office: Office, tiles: Path | None, progress: Callable[[int], None] | None) -> Report:
    state = LogState.objects.get()
    keys = key_history()
    report = pure.fsck(
        log_rows(progress),
        (
            Node(*at_place(place), bytes(stored))
            for place, stored in LogNode.objects.values_list("place", "hash").iterator()
        ),
        frontier=Frontier.from_bytes(bytes(state.frontier)),
        checkpoint=bytes(state.checkpoint),
        trust=keys,
        origin=office.origin,
        sealed=_sealed(),
        read=None if tiles is None else lambda path: (tiles / path).read_bytes(),
    )
    stored, known = office.vault.stored(), set()
    missing = []
    # Whoever can write to the database can put a key of their own there, and sign what they like with it.
    if keys.current != office.signer.verifier:
        missing.append(
            Finding(
                "log-key-differs",
                f"key {keys.current.key_id.hex()}",
                f"the database names it as the log's key; the keys folder holds {office.signer.verifier.key_id.hex()}",
            )
        )
    for held in VaultObject.objects.filter(destroyed_at=None).values_list("id", flat=True).iterator():
        known.add(held)
        if held not in stored:
            missing.append(Finding("vault-object-missing", held, "the vault's bytes of this object are gone"))
            continue
        try:
            office.vault.open(held)
        except VaultError as error:
            missing.append(Finding("vault-object-changed", held, str(error)))
    missing += [
        Finding(
            "destroyed-unsealed", held, "this object's key is gone and no entry says that it was destroyed"
        )
        for held in sorted(_destroyed() - _sealed_destructions())
    ]
    missing += [
        Finding(
            "guard-missing", name, "the database does not hold this guard: somebody removed or changed it"
        )
        for name in missing_guards()
    ]
    missing += erasure_findings(office, stored)
    return Report(replace(report, findings=(*report.findings, *missing)), len(stored - known))


def log_rows(progress: Callable[[int], None] | None = None) -> Iterator[pure.LogRow]:
    """Every stored entry, in order, with what still opens it. progress: told how many were read."""
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


def _destroyed() -> set[str]:
    return set(VaultObject.objects.exclude(destroyed_at=None).values_list("id", flat=True))


def _sealed_destructions() -> set[str]:
    """Ids of the vault objects that sealed entries say were destroyed."""
    named: set[str] = set()
    kind = f'"kind":"{pure.DESTROYED}"'.encode()
    # Only where something was destroyed is the log read once more.
    for entry in (
        LogEntry.objects.iterator() if VaultObject.objects.exclude(destroyed_at=None).exists() else ()
    ):
        if kind not in bytes(entry.body):
            continue
        for encoded in LogDisclosures.objects.get(pk=entry.index).encoded.split("\n"):
            opened = Disclosure.parse(encoded)
            if opened.name == "objects" and isinstance(opened.value, list):
                named.update(str(held) for held in opened.value)
    return named


def _sealed() -> Iterator[pure.SealedRow]:
    for model in apps.get_models():
        if issubclass(model, SealedRow):
            for row in model._default_manager.iterator():
                yield pure.SealedRow(row.table(), str(row.pk), row.digest(), row.entry_index)
