"""What fsck says of erasures: begun and not finished, not on the list, or undone by a restore."""

from collections.abc import Iterator

from counterseal.gateway import erasures
from counterseal.gateway.export_ledger import key_history
from counterseal.gateway.office import Office
from counterseal.gateway.retention import sealed_destructions
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.findings import Finding
from counterseal.ledger.tree import Frontier, leaf_hash
from counterseal.oversight.models import LogEntry, LogState, VaultObject
from counterseal.terms.errors import IntegrityError

_FINISH = "run `counterseal retention run`, which finishes it"
_REPEAT = "run `counterseal retention restore`"


def erasure_findings(office: Office, stored: set[str]) -> Iterator[Finding]:
    """Every disagreement between log, erasure list, key store and vault. stored: ids with bytes in the vault."""
    size = Frontier.from_bytes(bytes(LogState.objects.get().frontier)).size
    try:
        if says := erasures.restored_from_before(office.home, size, _leaf):
            yield Finding("restored-from-before", "erasure/head.json", says)
        listed = list(erasures.listed(office.home, key_history(), office.origin))
    except IntegrityError as error:
        yield Finding("erasure-list-changed", "erasure", str(error))
        return
    alive = set(VaultObject.objects.filter(destroyed_at=None).values_list("id", flat=True))
    for item in listed:
        for held in sorted(alive & set(item.objects)):
            yield Finding("erasure-not-repeated", held, f"entry {item.index} destroyed it once: {_REPEAT}")
    leaves = {item.leaf for item in listed}
    for sealed in sealed_destructions():
        if "objects" in sealed.openings:
            named = Disclosure.parse(sealed.openings["objects"]).value
            ids = [str(held) for held in named] if isinstance(named, list) else []
            for row in VaultObject.objects.exclude(destroyed_at=None).filter(pk__in=ids):
                if not office.vault.keys.destroyed(row.slot):
                    yield Finding(
                        "key-left", row.id, f"its destruction is sealed and its key is there: {_FINISH}"
                    )
                elif row.id in stored:
                    yield Finding("bytes-left", row.id, f"its key is gone and its bytes are there: {_FINISH}")
        if leaf_hash(sealed.body) not in leaves:
            yield Finding(
                "erasure-not-listed",
                f"entry {sealed.index}",
                f"the erasure list lacks it, so that a restore would not repeat it: {_FINISH}",
            )


def _leaf(index: int) -> bytes | None:
    entry = LogEntry.objects.filter(pk=index).first()
    return leaf_hash(bytes(entry.body)) if entry else None
