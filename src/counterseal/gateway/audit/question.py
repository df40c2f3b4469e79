"""A question to an agency's log, and its answer: entries, each with its proof, as they were sealed at the time.

A question joins its parts by *and*. A person, case, service, photograph or session is looked for by id: in what an
entry commits to, and through the records that hang on it (a case's probes, requests, lists, reviews and leads).
Codes are shown as the entry has them, never looked up anew; a name is shown only where the stored row is still the
one that was sealed before the entry (R42). Where an opening was destroyed, an entry can no longer be found by
what it said: the answer counts those.
"""

import csv
import hashlib
import hmac
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from counterseal.casework.models import Case, Probe, SearchRequest
from counterseal.gateway.audit.reading import Logged, Reading
from counterseal.ledger.entry import JsonValue
from counterseal.oversight.models import Service
from counterseal.people.models import Person
from counterseal.terms.errors import BadInputError
from counterseal.terms.rows import SealedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked; what is empty asks nothing.

    person: who acted, or who is named. case: its id or number. service: its id or name. photograph: keyed
    fingerprint of a file (`fingerprint`). session: its id. clause: an id, or the section that ids begin with.
    kind: of entry, or its beginning. outcome: a code. since, until: instants, the second left out. entries: indices.
    """

    person: str = ""
    case: str = ""
    service: str = ""
    photograph: str = ""
    session: str = ""
    clause: str = ""
    kind: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    entries: tuple[int, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """As it is sealed and saved: only what is asked."""
        said: dict[str, JsonValue] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value:
                said[each.name] = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        return said | ({"entries": list(self.entries)} if self.entries else {})

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Question":
        """Read what `to_json` wrote."""
        instants = {name: datetime.fromisoformat(said[name]) for name in ("since", "until") if name in said}
        entries = {"entries": tuple(said["entries"])} if "entries" in said else {}
        return cls(**{**said, **instants, **entries})


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of an answer. leaf: its hash (hex). opened: what it commits to. receipt: proves that it is in the log.

    by_name: of the person who acted, as it was then; empty where nothing proves it.
    """

    index: int
    at: str
    kind: str
    outcome: str
    by: str
    by_name: str
    action: str
    target: str
    clauses: tuple[str, ...]
    policies: tuple[str, ...]
    pack: str
    causes: tuple[int, ...]
    public: Mapping[str, Any]
    opened: Mapping[str, Any]
    leaf: str
    body: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Answer:
    """rows: by rising index. own_acts: entries left out because the auditor made them. unopened: entries of the time
    and kind asked for whose openings were destroyed, so that they may or may not belong here."""

    question: Question
    origin: str
    tree_size: int
    root: str
    rows: tuple[Row, ...]
    own_acts: int
    unopened: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The answer for a program; `to_csv` says the same of its rows."""
        return {
            "question": self.question.to_json(),
            "origin": self.origin,
            "tree_size": self.tree_size,
            "root": self.root,
            "rows": [{**asdict(row), **_lists(row)} for row in self.rows],
            "own_acts": self.own_acts,
            "unopened": list(self.unopened),
        }

    def to_csv(self) -> str:
        """The rows as RFC 4180, a column for each member of the JSON; lists and objects as JSON in their cell."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        names = [each.name for each in fields(Row)]
        writer.writerow(names)
        for row in self.to_json()["rows"]:
            writer.writerow([_cell(row[name]) for name in names])
        return out.getvalue()

    def digest(self) -> str:
        """SHA-256 (hex) of the answer without its receipts: what the office seals before it shows it."""
        said = self.to_json()
        for row in said["rows"]:
            del row["receipt"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def fingerprint(read: Reading, photograph: bytes) -> str:
    """How the agency's records name this very file: a hash under the agency's own key."""
    return hmac.new(read.fingerprint_key, photograph, hashlib.sha256).hexdigest()


def answer(read: Reading, question: Question, *, own: Iterable[str] = ()) -> Answer:
    """Everything in the log that the question asks for, each entry proved. own: accounts of the auditor who asks.

    Raises:
        BadInputError: the question asks nothing.
    """
    if not question.to_json():
        raise BadInputError("a question names at least one thing: a person, a case, a time, a clause ...")
    wanted = list(_wanted(question))
    mine = frozenset(own)
    rows, own_acts, unopened = [], 0, []
    names = _Names(read)
    for logged in read.entries:
        if not _within(logged, question):
            continue
        if wanted and not all(_strings(logged) & ids for ids in wanted):
            if not logged.whole:
                unopened.append(logged.index)
            continue
        if logged.by in mine:
            own_acts += 1
            continue
        rows.append(_row(read, logged, names))
    return Answer(
        question,
        read.head.origin,
        read.head.size,
        read.head.root.hex(),
        tuple(rows),
        own_acts,
        tuple(unopened),
    )


def _within(logged: Logged, question: Question) -> bool:
    entry = logged.entry
    return (
        (not question.since or question.since <= entry.at)
        and (not question.until or entry.at < question.until)
        and (not question.kind or entry.kind == question.kind or entry.kind.startswith(question.kind + "."))
        and (not question.outcome or entry.outcome == question.outcome)
        and (not question.clause or any(_under(clause, question.clause) for clause in entry.reason.clauses))
        and (not question.entries or logged.index in question.entries)
    )


def _under(clause: str, asked: str) -> bool:
    return clause == asked or clause.startswith((asked + "-", asked + "/"))


def _wanted(question: Question) -> Iterator[frozenset[str]]:
    """For each thing asked about, the ids of which an entry must name one."""
    # What nothing bears is looked for as it was typed: an empty answer is an answer, and is sealed like one.
    if question.person:
        yield frozenset({question.person, *(p.pk for p in _known(Person, question.person, "name"))})
    if question.case:
        yield _hanging_on(_known(Case, question.case, "number")) | {question.case}
    if question.service:
        services = _known(Service, question.service, "name")
        searched = SearchRequest.objects.filter(service_id__in=[s.pk for s in services])
        yield _hanging_on([*services, *searched]) | {question.service}
    if question.photograph:
        probes = Probe.objects.filter(fingerprint=question.photograph)
        yield _hanging_on(probes) | {question.photograph}
    if question.session:
        yield frozenset({question.session})


def _known(model: type[SealedRow], text: str, name: str) -> list[SealedRow]:
    """Everything of this id or name."""
    return list(model._default_manager.filter(pk=text)) or list(model._default_manager.filter(**{name: text}))


def _hanging_on(rows: Iterable[Model]) -> frozenset[str]:
    """Ids of these rows and of every record that points at one of them, at one of those, and so on."""
    ids: set[str] = set()
    ahead = list(rows)
    while ahead:
        row = ahead.pop()
        if str(row.pk) in ids:
            continue
        ids.add(str(row.pk))
        for relation in row._meta.related_objects:
            model = relation.related_model
            if isinstance(model, type) and issubclass(model, SealedRow):
                ahead += list(model._default_manager.filter(**{relation.field.name: row}))
    return frozenset(ids)


def _strings(logged: Logged) -> frozenset[str]:
    """Every text in an entry: ids that it names, wherever they stand."""
    found: set[str] = set()
    ahead: list[Any] = [*logged.opened.values(), *logged.entry.public.values()]
    while ahead:
        value = ahead.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, Mapping):
            ahead += value.values()
        elif isinstance(value, list | tuple):
            ahead += value
    return frozenset(found)


class _Names:
    """Names of persons as they were: only where the row is the one that was sealed before an entry."""

    def __init__(self, read: Reading) -> None:
        self._entries = read.entries
        self._now = {p.pk: (p.name, p.digest(), p.entry_index) for p in Person.objects.all()}

    def at(self, person_id: str, index: int) -> str:
        """The name that this person bore when that entry was sealed; empty where nothing proves it."""
        name, digest, sealed_at = self._now.get(person_id, ("", "", index + 1))
        if not 0 <= sealed_at <= index:
            return ""  # the row was changed since: what it said then is not stored any more
        rows: Any = self._entries[sealed_at].opened.get("rows", ())
        return name if [Person.table(), person_id, digest] in [list(row) for row in rows] else ""


def _row(read: Reading, logged: Logged, names: _Names) -> Row:
    entry, reason = logged.entry, logged.entry.reason
    return Row(
        index=logged.index,
        at=entry.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        kind=entry.kind,
        outcome=entry.outcome,
        by=logged.by,
        by_name=names.at(logged.by, logged.index),
        action=str(logged.opened.get("action", "")),
        target=str(logged.opened.get("target", "")),
        clauses=reason.clauses,
        policies=reason.policies,
        pack=reason.pack or "",
        causes=entry.causes,
        public=dict(entry.public),
        opened=dict(logged.opened),
        leaf=hashlib.sha256(b"\x00" + logged.body).hexdigest(),
        body=logged.body.decode("ascii"),
        receipt=read.receipt_of(logged.index).decode("utf-8"),
    )


def _lists(row: Row) -> dict[str, list[Any]]:
    return {"clauses": list(row.clauses), "policies": list(row.policies), "causes": list(row.causes)}


def _cell(value: Any) -> str:
    if isinstance(value, str):
        # A spreadsheet would run a cell that begins like a formula.
        return "'" + value if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return json.dumps(value, sort_keys=True)
