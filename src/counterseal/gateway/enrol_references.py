"""Enrol, withhold and erase references in a gallery of our own, with a sealed record of each act."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counterseal.connectors.embedded import GalleryDesk, pictures_under
from counterseal.gateway import erasures
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

if TYPE_CHECKING:
    from counterseal.biometrics.gallery import ErasureSteps


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What came of a folder: references made, and failures to enrol by reason, each with its files."""

    enrolled: int
    failures: dict[str, list[str]]


def enrol_references(
    office: Office, *, connector: str, pictures: Path, by: str, progress: Callable[[Path], None] | None = None
) -> Enrolment | Refusal:
    """Enrol every picture under a folder. Runs again after an interruption: what is there stays.

    The intent is sealed before the first picture, the counts after the last.
    """
    if not pictures.is_dir():
        raise BadInputError(f"`{pictures}` is no folder")
    with change(office) as now:
        if refusal := _not_steward(now, by, "enrol references", connector):
            return refusal
        intent = now.seal(
            "gallery.enrolment.intent",
            by=by,
            action="enrol references",
            target=connector,
            outcome="permitted",
            committed={"folder": str(pictures)},
        )
    desk = _desk(office, connector)
    enrolled, failures = 0, Counter[str]()
    files: dict[str, list[str]] = {}
    try:
        for picture, reason in desk.enrol_folder(pictures):
            if reason is None:
                enrolled += 1
            else:
                failures[reason] += 1
                files.setdefault(reason, []).append(str(picture.relative_to(pictures)))
            if progress is not None:
                progress(picture)
    finally:
        desk.close()
    with change(office) as now:
        now.seal(
            "gallery.enrolment.outcome",
            by=by,
            action="enrol references",
            target=connector,
            outcome="done",
            causes=[intent.index],
            public={"enrolled": enrolled, "failed": sum(failures.values())},
        )
    return Enrolment(enrolled, files)


def pictures_to_enrol(folder: Path) -> list[Path]:
    """The files that an enrolment of this folder would read."""
    return pictures_under(folder)


def withhold_reference(
    office: Office, *, connector: str, reference_id: str, searchable: bool, by: str
) -> Refusal | None:
    """Take a reference out of searches, or back in: gallery hygiene, for example after a dismissed case.

    Raises:
        BadInputError: no such service of our own, or no such reference.
    """
    desk = _desk(office, connector)
    held = {r.reference_id for r in desk.references()}
    desk.close()
    with change(office) as now:
        if refusal := _not_steward(now, by, "withhold a reference", connector):
            return refusal
        if reference_id not in held:
            raise BadInputError(
                f"the gallery holds no reference `{reference_id}` (`counterseal gallery list`)"
            )
        now.seal(
            "reference.restored" if searchable else "reference.withheld",
            by=by,
            action="withhold a reference",
            target=connector,
            outcome="done",
            committed={"reference": reference_id},
        )
    desk = _desk(office, connector)
    try:
        desk.set_searchable(reference_id, searchable)
    finally:
        desk.close()
    return None


def erase_references(office: Office, *, connector: str, person_ref: str, by: str) -> "ErasureSteps | Refusal":
    """Erase everything about one person of the gallery: sealed first, listed, then destroyed, then checked."""
    desk = _desk(office, connector)
    try:
        if not any(r.person_id == person_ref for r in desk.references()):
            raise BadInputError(f"the gallery holds nobody under `{person_ref}` (`counterseal gallery list`)")
        with change(office) as now:
            if refusal := _not_steward(now, by, "erase references", connector):
                return refusal
            intent = _seal_erasure(now, by, connector, person_ref)
        return _erase(office, desk, connector, person_ref, by, intent, now.receipt)
    finally:
        desk.close()


def repeat_erasure(office: Office, *, connector: str, person_ref: str, by: str, again: bytes) -> bool:
    """Erase a person once more after a restore; False where the gallery holds nobody of this name.

    again: leaf hash of the entry that sealed it the first time. Only `restore.py` calls this.
    """
    if not (office.home / "services" / connector / "gallery.key").is_file():
        return False
    desk = _desk(office, connector)
    try:
        if not any(r.person_id == person_ref for r in desk.references()):
            return False
        with change(office, replaying=True) as now:
            intent = _seal_erasure(now, by, connector, person_ref, again=again.hex())
        _erase(office, desk, connector, person_ref, by, intent, now.receipt, replaying=True)
        return True
    finally:
        desk.close()


def _seal_erasure(now: Change, by: str, connector: str, person_ref: str, again: str = "") -> Sealed:
    return now.seal(
        "gallery.erasure.intent",
        by=by,
        action="erase references",
        target=connector,
        outcome="permitted",
        committed={"person": person_ref, **({"again": again} if again else {})},
    )


def _erase(
    office: Office,
    desk: GalleryDesk,
    connector: str,
    person_ref: str,
    by: str,
    intent: Sealed,
    receipt: bytes,
    *,
    replaying: bool = False,
) -> "ErasureSteps":
    erasures.keep(office.home, intent, receipt)
    steps = desk.erase(person_ref)
    with change(office, replaying=replaying) as now:
        now.seal(
            "gallery.erasure.outcome",
            by=by,
            action="erase references",
            target=connector,
            outcome="done" if steps.complete else "incomplete",
            causes=[intent.index],
            public={"references": len(steps.references)},
        )
    return steps


def list_references(office: Office, *, connector: str) -> list[dict[str, object]]:
    """Every reference of the gallery by id; no photograph, no features."""
    desk = _desk(office, connector)
    try:
        return [
            {
                "reference": r.reference_id,
                "person": r.person_id,
                "captured_on": r.captured_on.isoformat() if r.captured_on else None,
                "searchable": r.searchable,
            }
            for r in desk.references()
        ]
    finally:
        desk.close()


def template_for_drill(office: Office, *, connector: str, person_ref: str) -> bytes:
    """The plain template of one person of the gallery, to look for it in files after its erasure."""
    desk = _desk(office, connector)
    try:
        (reference,) = [r.reference_id for r in desk.references() if r.person_id == person_ref]
        return desk.template_bytes(reference)
    finally:
        desk.close()


def _desk(office: Office, connector: str) -> GalleryDesk:
    folder = office.home / "services" / connector
    if not (folder / "gallery.key").is_file():
        raise BadInputError(f"there is no service of our own named `{connector}`")
    return GalleryDesk(folder)


def _not_steward(now: Change, by: str, action: str, connector: str) -> Refusal | None:
    if now.office.acting(by) & {Role.REVIEWING_UNIT, Role.RECORDS_OFFICE, Role.ADMINISTRATOR}:
        return None
    return now.refuse(
        "gallery.refused",
        now.unmet(
            [
                Unmet(
                    "D-026-11/security",
                    f"`{action}` needs the role reviewing-unit, records-office or administrator",
                    "ask somebody who holds one of these roles",
                )
            ]
        ),
        by=by,
        action=action,
        target=connector,
    )
