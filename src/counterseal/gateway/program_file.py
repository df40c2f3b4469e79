"""Keep the file of a use outside law enforcement: its documents, line by line, and the list that it holds.

What a file must hold and for how long is said by the packs (`program-file.toml`). Every recording says in the
open until when the file is complete with it, so that anybody can count the programs whose file is.

Clauses: D-026-11/opt-out.
"""

from datetime import datetime

from counterseal.gateway.found import found
from counterseal.gateway.moving import ALL, stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.opt_out import list_signer
from counterseal.gateway.sealing import Change, change
from counterseal.ledger.checkpoint import Verifier
from counterseal.ledger.entry import PublicValue
from counterseal.oversight.models import ProgramFileRecord, ProgramListHeld, Use
from counterseal.oversight.optout import ListRefusedError, Seen, read_list
from counterseal.oversight.program_file import HeldList, ProgramFile, Shown, check_file
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

RECORD, NOTE = "record in a program's file", "note the list a program holds"
KIND = "program-file"
LONGEST_PLACE = 120
_PHOTOGRAPHS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def record_in_file(
    office: Office,
    *,
    use_id: str,
    line: str,
    document: bytes,
    made_on: datetime,
    by: str,
    place: str = "",
    taken_down: bool = False,
) -> ProgramFileRecord | Refusal:
    """Record a document for one line of the file; it goes to the vault, and counts from its own day.

    place, taken_down: of a line that hangs (a sign), where the document is a JPEG or PNG photograph; one that was
    taken down counts no more.

    Raises:
        BadInputError: no such use outside law enforcement, no such line, no document, a place where none belongs
            or none where one does, no photograph of what hangs, or a day that is yet to come.
    """
    if not document:
        raise BadInputError("the document is empty")
    with change(office) as now:
        use = _outside(use_id)
        lines = {each.id: each for each in office.policies.program_file(now.at)}
        if line not in lines:
            raise BadInputError(f"the file has no line `{line[:40]}`; there are {', '.join(lines)}")
        if lines[line].hangs != bool(place.strip()) or len(place) > LONGEST_PLACE:
            raise BadInputError(
                f"say in up to {LONGEST_PLACE} characters where the {line} hangs"
                if lines[line].hangs
                else f"`{line}` hangs nowhere: give no place"
            )
        if lines[line].hangs and not document.startswith(_PHOTOGRAPHS):
            raise BadInputError(f"what hangs is shown by a photograph, JPEG or PNG: photograph the {line}")
        if taken_down and not lines[line].hangs:
            raise BadInputError(f"`{line}` hangs nowhere, and cannot be taken down")
        if made_on > now.at:
            raise BadInputError("the document is of a day that is yet to come")
        if refusal := stands_against(now, RECORD, by=by, target=use.id):
            return refusal
        record_id = office.new_id(ProgramFileRecord)
        kept = office.vault.put(office.new_name("object"), document, kind=KIND, about=record_id, at=now.at)
        row = ProgramFileRecord(
            id=record_id,
            use=use,
            line=line,
            place=place.strip(),
            document=kept.id,
            made_on=made_on,
            valid_until=lines[line].holds_for.after(made_on),
            taken_down=taken_down,
            recorded_by_id=by,
            at=now.at,
        )
        now.seal(
            "program.file-recorded",
            by=by,
            action=RECORD,
            target=use.id,
            outcome="taken-down" if taken_down else "done",
            clauses=[lines[line].clause],
            public={"line": line, **_standing(now, use, added=row)},
            rows=[row],
            objects=[kept],
        )
        return row


def note_list(office: Office, *, use_id: str, data: bytes, by: str) -> ProgramListHeld | Refusal:
    """Note that a program holds this signed list from now on, once it was read as the program must read it.

    Raises:
        BadInputError: no such use outside law enforcement; the list is forged, cut short, stale, older than the
            one it held, or the one it holds.
    """
    signer = list_signer(office)
    with change(office) as now:
        use = _outside(use_id)
        before = ProgramListHeld.objects.filter(use=use).order_by("sequence").last()
        seen = Seen(before.sequence, before.list_digest) if before else None
        try:
            held = read_list(data, verifier=Verifier.from_vkey(signer.vkey), at=now.at, seen=seen)
        except ListRefusedError as error:
            raise BadInputError(f"{error}; nobody may be compared on its word: fetch a new list") from error
        if before and held.sequence == before.sequence:
            raise BadInputError("it is noted already that the program holds this list")
        if refusal := stands_against(now, NOTE, by=by, target=use.id):
            return refusal
        row = ProgramListHeld(
            id=office.new_id(ProgramListHeld),
            use=use,
            sequence=held.sequence,
            list_digest=held.seen.digest,
            issued=held.issued,
            valid_until=held.valid_until,
            recorded_by_id=by,
            at=now.at,
        )
        now.seal(
            "program.list-held",
            by=by,
            action=NOTE,
            target=use.id,
            outcome="done",
            clauses=[ALL[NOTE].clause],
            public={"sequence": row.sequence, **_standing(now, use, holds=row)},
            rows=[row],
        )
        return row


def file_of(office: Office, *, use_id: str, at: datetime | None = None) -> ProgramFile:
    """The file of a use as it stands. at: another instant.

    Raises:
        BadInputError: no such use outside law enforcement.
    """
    return _file(office, _outside(use_id), at or office.clock())


def _file(
    office: Office,
    use: Use,
    at: datetime,
    *,
    added: ProgramFileRecord | None = None,
    holds: ProgramListHeld | None = None,
) -> ProgramFile:
    rows = [*use.file_records.filter(at__lte=at).order_by("entry_index"), *([added] if added else [])]
    held = holds or use.lists_held.filter(at__lte=at).order_by("sequence").last()
    shown = [
        Shown(r.line, r.place, r.document, r.made_on, r.valid_until, r.taken_down, r.recorded_by_id)
        for r in rows
    ]
    return check_file(
        office.policies.program_file(at),
        shown,
        HeldList(held.sequence, held.issued, held.valid_until) if held else None,
        at=at,
    )


def _standing(
    now: Change, use: Use, *, added: ProgramFileRecord | None = None, holds: ProgramListHeld | None = None
) -> dict[str, PublicValue]:
    """What an entry says in the open: the use, its share, and until when its file is complete (0: it is not)."""
    file = _file(now.office, use, now.at, added=added, holds=holds)
    until = int(file.valid_until.timestamp()) if file.valid_until else 0
    return {"use": use.id, "share": file.share, "complete_until": until}


def _outside(use_id: str) -> Use:
    use = found(Use, use_id)
    if use.law_enforcement:
        raise BadInputError(
            f"`{use.name}` is a use for law enforcement: only uses outside it keep such a file"
        )
    return use
