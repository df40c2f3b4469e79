"""The audit office's own case files: findings, referrals with dates, and what came of them.

A finding stays in the office's folder until it is delivered (`deliver`). A file is open, referred or closed; each
referral names to whom, on what authority, and by when an answer is due; what was answered is a follow-up, and the
file closes only when every referral has one. Nothing is changed: a later record says what a former one did not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from counterseal.gateway.audit.auditors import acting
from counterseal.gateway.audit.folder import AuditOffice
from counterseal.gateway.audit.own_log import Record
from counterseal.terms.errors import BadInputError, StaleError

OPEN, REFERRED, CLOSED = "open", "referred", "closed"
MADE, WITHDRAWN, DELIVERED = "made", "withdrawn", "delivered"
OUTCOMES = ("unfounded", "founded", "no-action", "disciplined", "prosecuted", "rule-changed")


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """What an audit found. about: id of a record of the agency. entries: leaf indices behind it.

    person: whom it concerns. status: made, withdrawn or delivered. delivered_at: leaf index in the agency's log.
    """

    id: str
    code: str
    about: str
    says: str
    person: str
    entries: tuple[int, ...]
    status: str = MADE
    delivered_at: int | None = None


@dataclass(frozen=True, slots=True)
class Referral:
    """Somebody outside was asked to act. answer: what they said; empty until then."""

    id: str
    to: str
    authority: str
    due: date
    answer: str = ""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of the audit office."""

    id: str
    title: str
    findings: tuple[str, ...]
    status: str = OPEN
    notes: tuple[str, ...] = ()
    referrals: tuple[Referral, ...] = field(default=())
    outcome: str = ""


def make_finding(
    office: AuditOffice,
    *,
    code: str,
    about: str,
    says: str,
    entries: Sequence[int],
    person: str = "",
    by: str,
) -> AuditFinding:
    """Record what was found. code: short, lower case, like `purpose-not-borne-out`. says: in words, kept here.

    Raises:
        BadInputError: nothing it is about, or it concerns the auditor who makes it.
    """
    auditor = acting(office, by)
    if not about.strip() or not says.strip() or not entries:
        raise BadInputError("a finding names a record, says something of it, and rests on at least one entry")
    if person and person in auditor.persons:
        raise BadInputError("it concerns an account of your own: another auditor makes that finding")
    made = AuditFinding(
        office.new_name("finding"), code, about, says.strip(), person, tuple(sorted(set(entries)))
    )
    office.seal(
        "audit.finding-made",
        by=by,
        action="make a finding",
        target=made.id,
        public={"code": code},
        committed={"about": about, "says": made.says, "person": person, "entries": list(made.entries)},
    )
    return made


def withdraw_finding(office: AuditOffice, *, finding_id: str, reason: str, by: str) -> AuditFinding:
    """Take a finding back, with the reason; it stays on record.

    Raises:
        StaleError: it was delivered or withdrawn already.
    """
    acting(office, by)
    if not reason.strip():
        raise BadInputError("say why it is withdrawn")
    with office.turn():
        known = finding(office, finding_id)
        stands(known.status, (MADE,), f"finding `{finding_id}`")
        office.seal(
            "audit.finding-withdrawn",
            by=by,
            action="withdraw a finding",
            target=finding_id,
            committed={"reason": reason.strip()},
        )
    return replace(known, status=WITHDRAWN)


def findings(office: AuditOffice) -> tuple[AuditFinding, ...]:
    """Every finding, oldest first."""
    found: dict[str, AuditFinding] = {}
    kinds = ("audit.finding-made", "audit.finding-withdrawn", "audit.finding-delivered")
    for record in office.records(*kinds):
        target, kind = record.says("target"), record.entry.kind
        if kind == "audit.finding-made":
            entries = record.opened["entries"]
            assert isinstance(entries, Sequence)
            found[target] = AuditFinding(
                target,
                str(record.entry.public["code"]),
                record.says("about"),
                record.says("says"),
                record.says("person"),
                tuple(int(str(each)) for each in entries),
            )
        elif kind == "audit.finding-withdrawn":
            found[target] = replace(found[target], status=WITHDRAWN)
        else:
            at = int(str(record.opened["agency_entry"]))
            found[target] = replace(found[target], status=DELIVERED, delivered_at=at)
    return tuple(found.values())


def finding(office: AuditOffice, finding_id: str) -> AuditFinding:
    """One finding.

    Raises:
        BadInputError: there is none of this id.
    """
    for each in findings(office):
        if each.id == finding_id:
            return each
    raise BadInputError(f"there is no finding `{finding_id}`: `counterseal audit findings` lists them")


def open_file(office: AuditOffice, *, title: str, findings: Sequence[str], by: str) -> CaseFile:
    """Open a file. findings: ids of those that it is about; none is allowed."""
    acting(office, by)
    if not title.strip():
        raise BadInputError("a file has a title")
    for each in findings:
        finding(office, each)
    made = CaseFile(office.new_name("file"), title.strip(), tuple(findings))
    office.seal(
        "audit.file-opened",
        by=by,
        action="open a file",
        target=made.id,
        committed={"title": made.title, "findings": list(findings)},
    )
    return made


def note(office: AuditOffice, *, file_id: str, words: str, by: str) -> CaseFile:
    """Write something into a file that is not closed."""
    acting(office, by)
    if not words.strip():
        raise BadInputError("a note says something")
    return _change(
        office,
        file_id,
        (OPEN, REFERRED),
        "audit.file-noted",
        "note",
        by=by,
        committed={"words": words.strip()},
    )


def refer(office: AuditOffice, *, file_id: str, to: str, authority: str, due: date, by: str) -> CaseFile:
    """Refer a file to somebody who can act, with the day by which an answer is due."""
    acting(office, by)
    if not to.strip() or not authority.strip():
        raise BadInputError("a referral names to whom, and on what authority")
    if due < office.clock().date():
        raise BadInputError("the day by which an answer is due lies in the past")
    committed = {
        "referral": office.new_name("referral"),
        "to": to.strip(),
        "authority": authority.strip(),
        "due": due.isoformat(),
    }
    return _change(
        office, file_id, (OPEN, REFERRED), "audit.file-referred", "refer", by=by, committed=committed
    )


def follow_up(office: AuditOffice, *, file_id: str, referral_id: str, answer: str, by: str) -> CaseFile:
    """Record what came of a referral.

    Raises:
        StaleError: it was answered already.
    """
    acting(office, by)
    if not answer.strip():
        raise BadInputError("say what was answered; silence is recorded by leaving it due")
    with office.turn():
        referral = next((r for r in file(office, file_id).referrals if r.id == referral_id), None)
        if referral is None:
            raise BadInputError(f"file `{file_id}` has no referral `{referral_id}`")
        if referral.answer:
            raise StaleError(f"referral `{referral_id}` was answered already")
        office.seal(
            "audit.file-followed-up",
            by=by,
            action="follow up",
            target=file_id,
            committed={"referral": referral_id, "answer": answer.strip()},
        )
    return file(office, file_id)


def close_file(office: AuditOffice, *, file_id: str, outcome: str, by: str) -> CaseFile:
    """Close a file. Every referral must have its answer.

    Raises:
        StaleError: it is closed, or a referral is not answered.
    """
    acting(office, by)
    if outcome not in OUTCOMES:
        raise BadInputError(f"the outcome of a file is one of {', '.join(OUTCOMES)}")
    if waiting := [r.id for r in file(office, file_id).referrals if not r.answer]:
        raise StaleError(f"referral `{waiting[0]}` has no answer yet: a file closes on answers")
    return _change(
        office, file_id, (OPEN, REFERRED), "audit.file-closed", "close", by=by, committed={"outcome": outcome}
    )


def files(office: AuditOffice) -> tuple[CaseFile, ...]:
    """Every file, oldest first."""
    found: dict[str, CaseFile] = {}
    kinds = ("opened", "noted", "referred", "followed-up", "closed")
    for record in office.records(*(f"audit.file-{kind}" for kind in kinds)):
        _take_up(found, record)
    return tuple(found.values())


def file(office: AuditOffice, file_id: str) -> CaseFile:
    """One file.

    Raises:
        BadInputError: there is none of this id.
    """
    for each in files(office):
        if each.id == file_id:
            return each
    raise BadInputError(f"there is no file `{file_id}`: `counterseal audit files` lists them")


def overdue(office: AuditOffice, on: date) -> tuple[tuple[CaseFile, Referral], ...]:
    """Referrals whose answer was due before this day and is not there, the longest first."""
    waiting = [
        (each, referral)
        for each in files(office)
        for referral in each.referrals
        if not referral.answer and referral.due < on
    ]
    return tuple(sorted(waiting, key=lambda pair: pair[1].due))


def stands(current: str, expected: Sequence[str], what: str) -> None:
    """Refuse an act on something that is not in a state from which it starts.

    Raises:
        StaleError: somebody was faster, or it was done already.
    """
    if current not in expected:
        raise StaleError(
            f"{what} is `{current}`, not {' or '.join(f'`{e}`' for e in expected)}: read it again"
        )


def _change(
    office: AuditOffice,
    file_id: str,
    before: Sequence[str],
    kind: str,
    action: str,
    *,
    by: str,
    committed: dict[str, str],
) -> CaseFile:
    with office.turn():
        stands(file(office, file_id).status, before, f"file `{file_id}`")
        office.seal(kind, by=by, action=f"{action} a file", target=file_id, committed=committed)
    return file(office, file_id)


def _take_up(found: dict[str, CaseFile], record: Record) -> None:
    target, said = record.says("target"), record.says
    match record.entry.kind:
        case "audit.file-opened":
            about = record.opened["findings"]
            assert isinstance(about, Sequence)
            found[target] = CaseFile(target, said("title"), tuple(map(str, about)))
        case "audit.file-noted":
            found[target] = replace(found[target], notes=(*found[target].notes, said("words")))
        case "audit.file-referred":
            new = Referral(said("referral"), said("to"), said("authority"), date.fromisoformat(said("due")))
            found[target] = replace(found[target], status=REFERRED, referrals=(*found[target].referrals, new))
        case "audit.file-followed-up":
            found[target] = replace(
                found[target],
                referrals=tuple(
                    replace(r, answer=said("answer")) if r.id == said("referral") else r
                    for r in found[target].referrals
                ),
            )
        case "audit.file-closed":
            found[target] = replace(found[target], status=CLOSED, outcome=said("outcome"))
