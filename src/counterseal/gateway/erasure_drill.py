"""A drill of erasure: plant markers, destroy them as anybody would, then look for them everywhere.

1 plant a photograph and prose, each with a random marker, in the vault, and a template in a gallery where there
is one; 2 make a backup; 3 show that each opens, from the live parts and from the backup: else the rest would
prove nothing; 4 destroy; 5 look in every file of the home and of the backup for markers, keys and sealed bytes;
6 try to open what is left, with the backup's rows and the keys of today; 7 put the backup's database in the place
of a copy of the home's: it must refuse to work until the destructions are repeated, and open nothing after.

Each check is a line of the answer: what was looked at, whether it holds, what was seen. Nothing real is touched;
what was planted is destroyed at the end, and the log says that a drill was held.
"""

import secrets
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from counterseal.gateway.backup import back_up
from counterseal.gateway.databases import database
from counterseal.gateway.databases.sqlite import empty_log
from counterseal.gateway.destroy import finish, not_the_records_office, seal_destruction
from counterseal.gateway.enrol_references import enrol_references, erase_references, template_for_drill
from counterseal.gateway.erasures import restored_from_before
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.ledger.tree import Frontier, leaf_hash
from counterseal.oversight.models import VaultObject
from counterseal.oversight.vault import DestroyedError, VaultError
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import IntegrityError, UnavailableError

ACTION = "hold a drill of erasure"
RULE = "erasure-drill"
_PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. holds: as it must be. saw: in words."""

    what: str
    holds: bool
    saw: str


@dataclass(frozen=True, slots=True)
class Drill:
    """Every check, in order."""

    about: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all of them hold."""
        return all(check.holds for check in self.checks)


@dataclass(frozen=True, slots=True)
class _Planted:
    """One object: its row's values, and byte strings that must not be found once it is destroyed."""

    object_id: str
    name: str
    data: bytes
    slot: int
    wrapped_key: bytes
    marks: tuple[bytes, ...]


def hold_drill(
    office: Office,
    *,
    by: str,
    photograph: bytes,
    connector: str = "",
    face: bytes = b"",
    server_files: Path | None = None,
) -> Drill | Refusal:
    """Hold one drill. photograph: any picture file. connector, face: a gallery of our own and a picture of one
    face to enrol there; both empty leaves the gallery out, and the answer says so. server_files: the data
    directory of a database server, where this program may read it; else they are left out, and the answer says so.

    Raises:
        UnavailableError: storage failed; run the drill again.
    """
    # (1)
    with change(office) as now:
        if refusal := not_the_records_office(now, by=by, action=ACTION, target="vault"):
            return refusal
        about = office.new_name("drill")
        made = []
        for name, head in (("photograph", photograph), ("prose", b"Statement of the drill: ")):
            marker = secrets.token_hex(24).encode()
            row = office.vault.put(
                office.new_name("object"), head + marker, kind=f"drill-{name}", about=about, at=now.at
            )
            made.append((row, name, head + marker, marker))
        now.seal(
            "drill.planted",
            by=by,
            action=ACTION,
            target=about,
            outcome="done",
            public={"objects": len(made)},
            objects=[row for row, *_ in made],
        )
    planted = [_planted(office, row, name, data, marker) for row, name, data, marker in made]
    marks = [mark for each in planted for mark in each.marks]
    checks: list[Check] = []
    person = f"{about}-person"
    with tempfile.TemporaryDirectory(prefix="counterseal-drill-") as scratch:
        folder = Path(scratch)
        if connector:
            template = _enrol(office, folder, connector, person, face, by)
            checks.append(Check("a template was planted in the gallery", bool(template), connector))
            marks += [template] if template else []
        # (2)
        backup = folder / "backup"
        back_up(office, backup)
        # (3)
        for each in planted:
            checks.append(
                _opens(f"before: {each.name} opens", partial(office.vault.open, each.object_id), each)
            )
            checks.append(
                _opens(
                    f"before: {each.name} opens from the backup",
                    partial(_from, office, backup, each),
                    each,
                )
            )
        seen = _where([office.home, backup], marks)
        checks.append(Check("before: the scan finds what is there", bool(seen), _listed(seen)))
        if database().SERVED and server_files is not None:
            checks.append(_server_seen(server_files, [each.wrapped_key for each in planted]))
        # (4)
        _destroy(office, about, planted, by)
        if connector:
            steps = erase_references(office, connector=connector, person_ref=person, by=by)
            complete = not isinstance(steps, Refusal) and steps.complete
            checks.append(Check("the gallery says that it erased the person", complete, connector))
        else:
            checks.append(Check("gallery", True, "left out: none was named"))
        # (5) Not the backup's own wrapped keys and sealed bytes: those are there, and open nothing.
        if not database().SERVED:  # a server recycles its log in its own time
            empty_log(office.home)
        for where in sorted(p for p in office.home.iterdir() if p.name != "write.lock"):
            found = _where([where], marks)
            checks.append(Check(f"after: nothing in {where.name}", not found, _listed(found)))
        plain = [mark for each in planted for mark in each.marks[:2]]
        found = _where([backup], _written_out(plain))
        checks.append(Check("after: no marker and no key secret in the backup", not found, _listed(found)))
        if database().SERVED:
            checks += _server(server_files, plain, [mark for each in planted for mark in each.marks[2:]])
        # (6)
        for each in planted:
            checks.append(
                _shut(f"after: {each.name} does not open", partial(office.vault.open, each.object_id))
            )
            checks.append(
                _shut(
                    f"after: {each.name} does not open from the backup",
                    partial(_from, office, backup, each),
                )
            )
        # (7)
        checks.append(_restored(office.home, backup))
    with change(office) as now:
        now.seal(
            "drill.held",
            by=by,
            action=ACTION,
            target=about,
            outcome="passed" if all(c.holds for c in checks) else "failed",
            public={"checks": len(checks), "failed": sum(not c.holds for c in checks)},
        )
    return Drill(about, tuple(checks))


def _planted(office: Office, row: VaultObject, name: str, data: bytes, marker: bytes) -> _Planted:
    assert row.wrapped_key is not None
    wrapped = bytes(row.wrapped_key)
    sealed = office.vault.sealed_bytes(row.id)
    return _Planted(
        row.id,
        name,
        data,
        row.slot,
        wrapped,
        (marker, office.vault.keys.secret(row.slot), wrapped, sealed[:48]),
    )


def _destroy(office: Office, about: str, planted: Iterable[_Planted], by: str) -> None:
    ids = [each.object_id for each in planted]
    with change(office) as now:
        objects = list(VaultObject.objects.filter(pk__in=ids))
        sealed = seal_destruction(
            now,
            objects,
            about=about,
            by=by,
            action=ACTION,
            public={"rule": RULE, "class": "drill"},
            committed={"authority": RULE},
        )
    finish(office, objects, sealed, now.receipt)


def _enrol(office: Office, folder: Path, connector: str, person: str, face: bytes, by: str) -> bytes:
    pictures = folder / "pictures"
    (pictures / person).mkdir(parents=True)
    (pictures / person / "face.png").write_bytes(face)
    answer = enrol_references(office, connector=connector, pictures=pictures, by=by)
    if isinstance(answer, Refusal) or answer.enrolled != 1:
        return b""
    return template_for_drill(office, connector=connector, person_ref=person)


def _from(office: Office, backup: Path, each: _Planted) -> bytes:
    """Open an object with row and bytes of the backup, and the keys of the live installation."""
    with database().copied(backup) as copied:
        row = copied.values("oversight_vaultobject", "id", each.object_id, "wrapped_key", "slot")
    if row is None:
        raise VaultError(f"the backup's database does not hold `{each.object_id}`")
    wrapped, slot = cast(tuple[bytes, int], row)
    sealed = (backup / "vault" / each.object_id[-2:] / each.object_id).read_bytes()
    return office.vault.unseal(each.object_id, sealed, wrapped_key=bytes(wrapped), slot=slot)


def _server(files: Path | None, plain: Iterable[bytes], ciphers: Iterable[bytes]) -> list[Check]:
    """Look in a server's own files: tables, dead rows, write-ahead log. It keeps wrapped keys of what is destroyed
    until it cleans up; what is looked for is whatever would open them."""
    nothing = "after: no marker and no key secret in the server's files"
    if files is None:
        return [Check("the server's files", True, "left out: their folder was not named")]
    try:
        looked = sum(file.is_file() for file in files.rglob("*"))
        found = _where([files], _written_out(plain))
        left = _where([files], ciphers)
    except OSError as error:
        return [Check(nothing, False, f"they cannot be read: {error}")]
    return [
        Check(nothing, not found, f"{_listed(found)}; {looked} files were looked at"),
        Check("after: wrapped keys and sealed bytes in the server's files open nothing", True, _listed(left)),
    ]


def _server_seen(files: Path, wrapped: Iterable[bytes]) -> Check:
    """Whether looking there sees anything: what was just committed is in the write-ahead log at least."""
    what = "before: the scan finds the wrapped keys in the server's files"
    try:
        seen = _where([files], wrapped)
    except OSError as error:
        return Check(what, False, f"they cannot be read: {error}")
    return Check(what, bool(seen), _listed(seen))


def _written_out(marks: Iterable[bytes]) -> list[bytes]:
    """Marks as they are, and as a dump writes bytes."""
    return [form for mark in marks for form in (mark, mark.hex().encode())]


def _restored(home: Path, backup: Path) -> Check:
    """Whether the backup's database, in this home, would be refused until the destructions are repeated."""
    what = "after: a restored database is refused until the destructions are repeated"
    with database().copied(backup) as copied:
        state = copied.values("oversight_logstate", "id", 1, "frontier")
        size = Frontier.from_bytes(bytes(cast(tuple[bytes], state)[0])).size

        def leaf(index: int) -> bytes | None:
            found = copied.values("oversight_logentry", "index", index, "body")
            return leaf_hash(bytes(cast(tuple[bytes], found)[0])) if found else None

        try:
            says = restored_from_before(home, size, leaf)
        except IntegrityError as error:
            return Check(what, False, str(error))
    return Check(what, says is not None, says or "it would be taken for the present one")


def _opens(what: str, read: Callable[[], bytes], each: _Planted) -> Check:
    try:
        return Check(what, read() == each.data, "it does")
    except (VaultError, UnavailableError, OSError) as error:
        return Check(what, False, str(error))


def _shut(what: str, read: Callable[[], bytes]) -> Check:
    try:
        read()
    except DestroyedError:
        return Check(what, True, "its key is destroyed")
    except (VaultError, UnavailableError, OSError) as error:
        return Check(what, False, f"not for the right reason: {error}")
    return Check(what, False, "IT OPENS")


def _where(folders: Iterable[Path], marks: Iterable[bytes]) -> list[str]:
    """Files under these folders that hold one of the marks.

    Raises:
        OSError: one of them cannot be read. A file that goes away meanwhile holds nothing any more.
    """
    wanted = list(marks)
    found = []
    for folder in folders:
        for file in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            try:
                if file.is_file() and not file.name.endswith("-shm") and _holds(file, wanted):
                    found.append(f"{folder.name}/{file.name}" if file != folder else file.name)
            except FileNotFoundError:
                continue
    return found


def _holds(file: Path, wanted: list[bytes]) -> bool:
    """Read in pieces that overlap: a server may shorten a file while it is looked at."""
    overlap = max(len(mark) for mark in wanted)
    before = b""
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            if any(mark in before + piece for mark in wanted):
                return True
            before = (before + piece)[-overlap:]
    return False


def _listed(found: list[str]) -> str:
    return f"in {len(found)} files: {', '.join(found[:4])}" if found else "nothing"
