"""Ask, and look at what the vault holds: sealed in the office's own log first, shown after.

1 compute the answer from a proved copy; 2 seal the question, the number of rows, the digest of the answer and the
head of the log that it was read from; 3 only then hand it out. Where it cannot be sealed there is no answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from counterseal.gateway.audit.auditors import Auditor, acting
from counterseal.gateway.audit.folder import AuditOffice
from counterseal.gateway.audit.own_log import Sealed
from counterseal.gateway.audit.question import Answer, Question, answer, fingerprint
from counterseal.gateway.audit.reading import Reading, head_of, reading
from counterseal.oversight.models import VaultObject
from counterseal.oversight.vault import VaultError
from counterseal.terms.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, and the entry of the office's own log that says it was given."""

    answer: Answer
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Viewed:
    """One vault object, and the entry that says it was looked at. kind: its record class."""

    object_id: str
    kind: str
    about: str
    data: bytes
    sealed: Sealed


class OwnActError(BadInputError):
    """An auditor asked to look at what they did themselves. The attempt is sealed."""


def ask(
    office: AuditOffice, question: Question, *, by: str, photograph: bytes | None = None, name: str = ""
) -> Asked:
    """Answer a question. photograph: a file, in place of its fingerprint. name: of the saved question that it is.

    Raises:
        BadInputError: nothing is asked. UnavailableError: it could not be read, or not be sealed.
        IntegrityError: the agency's log, or the office's own, does not hold.
    """
    auditor = acting(office, by)
    with reading(office) as read:
        if photograph is not None:
            question = replace(question, photograph=fingerprint(read, photograph))
        found = answer(read, question, own=auditor.persons)
        return Asked(found, seal_question(office, read, found, by=by, name=name))


def seal_question(office: AuditOffice, read: Reading, found: Answer, *, by: str, name: str = "") -> Sealed:
    """Seal that this was asked and what came of it: also where nothing came, for that is an answer too."""
    return office.seal(
        "audit.asked",
        by=by,
        action="ask",
        target=name or "question",
        committed={
            "question": found.question.to_json(),
            "found": len(found.rows),
            "answer": found.digest(),
            "agency_head": head_of(read),
        },
    )


def view_object(office: AuditOffice, *, object_id: str, why: str, by: str) -> Viewed:
    """Look at one object of the agency's vault: a photograph, a reason, a note. why: in words, kept in the own log.

    Raises:
        OwnActError: it belongs to something that the auditor did. DestroyedError: nobody can open it any more.
    """
    auditor = acting(office, by)
    if not why.strip():
        raise BadInputError("say why this is looked at: whoever audits the auditors will ask")
    with reading(office) as read:
        row = VaultObject.objects.filter(pk=object_id).first()
        if row is None:
            raise BadInputError(f"the agency's vault holds no object `{object_id}`")
        refuse_own_acts(office, auditor, read, [row.about], action="view")
        data, failed = b"", None
        try:
            data = read.vault.open(object_id)
        except VaultError as error:
            failed = error
        sealed = office.seal(
            "audit.viewed",
            by=by,
            action="view",
            target=object_id,
            outcome="not-opened" if failed else "done",
            committed={
                "class": row.kind,
                "about": row.about,
                "why": why.strip(),
                "agency_head": head_of(read),
            },
        )
        if failed:
            raise failed
    return Viewed(object_id, row.kind, row.about, data, sealed)


def refuse_own_acts(
    office: AuditOffice, auditor: Auditor, read: Reading, ids: Sequence[str], *, action: str
) -> None:
    """Seal a refusal and raise, where an entry that names one of these ids is of the auditor's own making.

    Raises:
        OwnActError: it is so.
    """
    for logged in read.entries:
        rows = logged.opened.get("rows", ())
        named = {logged.opened.get("target")} | {row[1] for row in rows}  # type: ignore[union-attr,index]
        if logged.by in auditor.persons and named & set(ids):
            office.seal(
                "audit.refused",
                by=auditor.id,
                action=action,
                target=ids[0],
                outcome="refused",
                committed={"says": "own act", "entry": logged.index},
            )
            raise OwnActError(
                f"entry {logged.index} about `{ids[0]}` is an act of your own account `{logged.by}`: "
                "another auditor looks at it"
            )


def save_question(office: AuditOffice, *, name: str, question: Question, by: str) -> Sealed:
    """Keep a question under a name; a later one of the same name takes its place, and the earlier stays in the log."""
    acting(office, by)
    if not name.strip() or not question.to_json():
        raise BadInputError("a saved question has a name, and asks something")
    return office.seal(
        "audit.question-saved",
        by=by,
        action="save a question",
        target=name.strip(),
        committed={"question": question.to_json()},
    )


def saved_questions(office: AuditOffice) -> Mapping[str, Question]:
    """Every saved question by its name, as it was saved last."""
    found = {}
    for record in office.records("audit.question-saved"):
        said = record.opened["question"]
        assert isinstance(said, Mapping)
        found[record.says("target")] = Question.from_json(said)
    return found


def saved_question(office: AuditOffice, name: str) -> Question:
    """The question of this name.

    Raises:
        BadInputError: none was saved under it.
    """
    try:
        return saved_questions(office)[name]
    except KeyError:
        raise BadInputError(
            f"no question `{name}` was saved: `counterseal audit questions` lists them"
        ) from None
