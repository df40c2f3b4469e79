"""After a database was restored from a backup: repeat every destruction that it does not know of.

1 read the erasure list, each file proved by its receipt; 2 hold it against an exported log, which tells how many
destructions there were; 3 finish what the restored log itself says was destroyed; 4 destroy again what the list
names and the restored log does not, each sealed anew; 5 erase again from the galleries; 6 seal that it was done;
only then does the installation take other changes.

Where a hold of the restored database stands in the way, or something is missing from the list, the outcome is
`incomplete` and says what: put it right and run it again.
"""

from dataclasses import dataclass
from pathlib import Path

from counterseal.gateway import erasures
from counterseal.gateway.destroy import finish, seal_destruction
from counterseal.gateway.destroy_openings import seal_closing, still_open
from counterseal.gateway.enrol_references import repeat_erasure
from counterseal.gateway.export_ledger import key_history
from counterseal.gateway.holds import holds_on
from counterseal.gateway.office import Office
from counterseal.gateway.retention import finish_interrupted, sealed_destructions
from counterseal.gateway.sealing import change
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import Trust, open_trusted
from counterseal.ledger.tiles import CHECKPOINT, split_bundle, tiles_of
from counterseal.ledger.tree import Frontier, leaf_hash
from counterseal.oversight.keystore import VaultError
from counterseal.oversight.models import LogEntry, LogState, VaultObject
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError, IntegrityError

ACTION = "repeat destructions after a restore"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a restore repeated. objects, persons: destroyed again. finished: interrupted ones that were completed.

    held: objects that a hold keeps. missing: destructions that the exported log shows and the list lacks.
    unlisted: objects of which the database has a key and the key store has none, named by nothing.
    """

    objects: tuple[str, ...]
    persons: tuple[str, ...]
    finished: int
    held: tuple[str, ...]
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be put right."""
        return not (self.held or self.missing or self.unlisted)


def restore(office: Office, *, by: str, exported: Path | None = None) -> Replayed | Refusal:
    """Repeat the destructions. Safe to run at any time, and again.

    exported: a log exported after the backup was made, the newer the better; it is verified.

    Raises:
        IntegrityError: the list was changed, or the exported log does not hold or is another history.
    """
    trust = key_history()
    # (1)
    items = list(erasures.listed(office.home, trust, office.origin))
    # (2)
    there = _exported(office, exported, trust) if exported else {}
    with change(office, replaying=True) as now:
        if not office.acting(by) & {Role.RECORDS_OFFICE, Role.ADMINISTRATOR}:
            return now.refuse(
                "restore.refused", now.unmet([_NOT_YOURS]), by=by, action=ACTION, target="vault"
            )
        begun = now.seal("restore.begun", by=by, action=ACTION, target="vault", outcome="permitted")
    ours = {leaf_hash(sealed.body) for sealed in sealed_destructions()}
    # (3)
    finished = finish_interrupted(office)
    objects: list[str] = []
    persons: list[str] = []
    held: list[str] = []
    settled = []
    for item in items:
        if item.leaf in ours:
            continue
        if item.kind == erasures.GALLERY:  # (5)
            if repeat_erasure(office, connector=item.target, person_ref=item.person, by=by, again=item.leaf):
                persons.append(item.person)
            settled.append(item)
            continue
        # (4)
        if openings := still_open(item.openings):
            with change(office, replaying=True) as now:
                closed = seal_closing(
                    now,
                    openings,
                    by=by,
                    committed={"authority": "restore", "again": item.leaf.hex()},
                    again=True,
                )
            erasures.keep(office.home, closed, now.receipt)
        done, kept = _again(office, item, by)
        objects += done
        held += kept
        if not kept:
            settled.append(item)
    listed = {item.leaf for item in items} | ours
    missing = tuple(f"entry {index}" for index, leaf in sorted(there.items()) if leaf not in listed)
    unlisted = tuple(sorted(set(_keyless(office)) - set(held)))
    answer = Replayed(tuple(objects), tuple(persons), finished, tuple(held), missing, unlisted)
    # (6)
    with change(office, replaying=True) as now:
        sealed = now.seal(
            erasures.REPLAYED,
            by=by,
            action=ACTION,
            target="vault",
            outcome="complete" if answer.complete else "incomplete",
            causes=[begun.index],
            public={
                "objects": len(objects),
                "persons": len(persons),
                "held": len(held),
                "missing": len(missing),
                "unlisted": len(unlisted),
            },
            committed={"objects": objects, "missing": list(missing), "unlisted": list(unlisted)},
        )
    for item in settled:
        erasures.settle(item)
    erasures.set_head(office.home, sealed.index, leaf_hash(sealed.body))
    return answer


def _again(office: Office, item: erasures.Erasure, by: str) -> tuple[list[str], list[str]]:
    """Destroy again what one file of the list names; which objects, and which a hold keeps."""
    alive = list(VaultObject.objects.filter(pk__in=item.objects, destroyed_at=None).order_by("id"))
    kept = [o.id for o in alive if holds_on(o.about)]
    objects = [o for o in alive if o.id not in kept]
    if not objects:
        return [], kept
    with change(office, replaying=True) as now:
        sealed = seal_destruction(
            now,
            objects,
            about=item.target,
            by=by,
            action=ACTION,
            public={"again": True},
            committed={"authority": "restore", "again": item.leaf.hex()},
        )
    finish(office, objects, sealed, now.receipt)
    return [o.id for o in objects], kept


def _keyless(office: Office) -> list[str]:
    """Objects that the database takes for kept and whose slot is gone: nobody can open them."""
    lost = []
    for held in VaultObject.objects.filter(destroyed_at=None).iterator():
        try:
            office.vault.keys.secret(held.slot)
        except VaultError:
            lost.append(held.id)
    return lost


def _exported(office: Office, folder: Path, trust: Trust) -> dict[int, bytes]:
    """Index and leaf hash of every destruction in an exported log, verified to its signed root."""
    if not (folder / CHECKPOINT).is_file():
        raise BadInputError(f"`{folder}` is no exported log: it has no file `{CHECKPOINT}`")
    kinds = [f'"kind":"{kind}"'.encode() for kind in (erasures.DESTROYED, erasures.GALLERY)]
    ours = Frontier.from_bytes(bytes(LogState.objects.get().frontier)).size
    there: dict[int, bytes] = {}
    frontier = Frontier()
    try:
        head = open_trusted((folder / CHECKPOINT).read_bytes(), trust, origin=office.origin)
        for tile in tiles_of(head.size):
            if tile.level is not None:
                continue
            for body in split_bundle((folder / tile.path).read_bytes(), tile.width):
                leaf = leaf_hash(body)
                if any(kind in body for kind in kinds):
                    there[frontier.size] = leaf
                frontier, _ = frontier.append(leaf)
        if frontier.root() != head.root:
            raise ValueError("its entries do not hash to the root that was signed")
    except (OSError, ValueError, LedgerError) as error:
        raise IntegrityError(
            f"the exported log in `{folder}` does not hold: {error}; bring another export"
        ) from error
    for entry in LogEntry.objects.filter(index__in=[i for i in there if i < ours]):
        if leaf_hash(bytes(entry.body)) != there[entry.index]:
            # After a restore the log may have grown another way; those are lost destructions, too.
            continue
        del there[entry.index]
    return there


_NOT_YOURS = Unmet(
    "D-026-11/security",
    "only the records office or an administrator repeats destructions after a restore",
    "ask one of them; until it is done nothing else can be changed here",
)
