"""One pack: a source document turned into clauses, policies, duties, texts and parameters.

A folder `policies/<document>/` holds source.toml, clauses.toml, rules.cedar and, where the document needs them,
conditions.toml (a pack that permits), facts.cedarschema (facts that it brings itself), obligations.cedar,
attestations.toml, narrative.toml, opt-out.toml, retention.toml and pack.sig; cases/ decides nothing and is not
read here. What concerns one pack alone is checked here, several together in library.py.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from counterseal.policy.composition import Layer
from counterseal.policy.engine import (
    CedarError,
    Json,
    Schema,
    compile_schema_json,
    faults_of,
    policies_of,
)
from counterseal.policy.errors import PackError
from counterseal.policy.reads import asks_presence, can_err, compares
from counterseal.policy.schema import ActionShape, Groups, read_groups, schema_json, with_groups
from counterseal.policy.signals import SignalRule, read_signals
from counterseal.terms.calendar import Period, read_period
from counterseal.terms.sessions import Factor
from counterseal.terms.testing import Kind

REQUIRED_FILES = ("source.toml", "clauses.toml", "rules.cedar")
OPTIONAL_FILES = (
    "conditions.toml",
    "facts.cedarschema",
    "obligations.cedar",
    "attestations.toml",
    "narrative.toml",
    "opt-out.toml",
    "program-file.toml",
    "redress.toml",
    "retention.toml",
    "sessions.toml",
    "supervision.toml",
    "signals.toml",
    "testing.toml",
)
FACT_IN_WORDS = re.compile(r"\{([^{}]*)\}")
"""A fact that a remedy names, such as `{service.test.report}`: a refusal shows what was stated of it."""
_CASES = "cases"
SIGNATURE = "pack.sig"


class Status(StrEnum):
    """What is known of a source document. UNKNOWN counts as in force until a withdrawal is recorded."""

    IN_FORCE = "in force"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


class Holder(StrEnum):
    """What holds a clause up."""

    CEDAR = "cedar"
    TRANSITION = "transition"
    ENGINE = "engine"
    EVALUATION = "evaluation gate"
    REGISTER = "register"
    ORGANISATIONAL = "organisational"
    NOT_COVERED = "not covered"


KINDS = ("definition", "permission", "prohibition", "duty", "right", "promise")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a pack comes from. in_force_from, in_force_until: days in UTC, the second one not included.

    successor: the pack that follows. successor_elsewhere: the text that follows where no pack here carries it;
    what this one forbids then goes on counting.
    """

    id: str
    title: str
    issuer: str
    version: str
    reference: str
    status: Status
    in_force_from: date
    in_force_until: date | None
    successor: str | None
    successor_elsewhere: str
    note: str
    permits: tuple[str, ...]
    layer: Layer


@dataclass(frozen=True, slots=True)
class Form:
    """What a person attests to where no software can hold a clause: who, what, and how often in plain words."""

    who: str
    what: str
    every: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered sentence of a source document, in our words.

    reason: why it is not covered. verified: false where we could not read the text itself. tests: what shows the
    holders other than cedar, as `file::name`. form: of an organisational holder.
    """

    id: str
    pack: str
    kind: str
    section: str
    says: str
    held_by: tuple[Holder, ...]
    note: str = ""
    reason: str = ""
    verified: bool = True
    tests: tuple[str, ...] = ()
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One `when` of a permit: the clauses it carries out and the words for when it does not hold."""

    name: str
    clauses: tuple[str, ...]
    missing: str
    remedy: str

    @property
    def facts_named(self) -> tuple[str, ...]:
        """The facts whose values the remedy shows, by dotted path."""
        return tuple(FACT_IN_WORDS.findall(self.remedy))


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of rules.cedar. conditions: of a permit, in order; of a forbid, one in its own name."""

    id: str
    pack: str
    permits: bool
    cedar: Json
    conditions: tuple[Condition, ...]

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause it carries out, each once."""
        return tuple(dict.fromkeys(clause for c in self.conditions for clause in c.clauses))

    def applies_to(self, shape: ActionShape) -> bool:
        """True if the policy's scope takes in this action on its types."""
        return _in_scope(self.cedar, shape)


@dataclass(frozen=True, slots=True)
class Duty:
    """One question of obligations.cedar: satisfied, it opens an obligation."""

    id: str
    pack: str
    cedar: Json
    name: str
    clause: str
    owner: str
    within: timedelta
    says: str

    def applies_to(self, shape: ActionShape) -> bool:
        """True if the question's scope takes in this action on its types."""
        return _in_scope(self.cedar, shape)


@dataclass(frozen=True, slots=True)
class Attestation:
    """A text that a person attests to. fact: the one that carries the version attested to."""

    kind: str
    clause: str
    fact: str
    version: str
    title: str
    text: str
    course: str = ""


@dataclass(frozen=True, slots=True)
class NarrativeRule:
    """How a reason is measured: words of `stop_list` (lower case) say nothing and do not count."""

    minimum_distinct_words: int
    stop_list: frozenset[str]


WHO_MAY_DECLINE = ("everyone", "us-citizens")


@dataclass(frozen=True, slots=True)
class OptOutRule:
    """Who may decline (`WHO_MAY_DECLINE`), and for how many days a signed list of choices holds."""

    who_may: str
    list_valid_days: int


# When a clock begins: the record is made; its case is closed; its search was answered and led to no lead.
CLOCK_STARTS = ("made", "case-closed", "answered-without-lead")


@dataclass(frozen=True, slots=True)
class Clock:
    """When records of some classes are destroyed: `within` after `starts` (one of `CLOCK_STARTS`)."""

    id: str
    classes: tuple[str, ...]
    starts: str
    within: Period
    clause: str
    basis: str


@dataclass(frozen=True, slots=True)
class HoldRule:
    """One kind of hold. two_persons: only somebody else may lift it."""

    kind: str
    clause: str
    two_persons: bool


@dataclass(frozen=True, slots=True)
class SessionRule:
    """How long a session lasts, also without use, and which factor it needs: `least`, or more by role."""

    clause: str
    lasts: timedelta
    idle: timedelta
    least: Factor
    by_role: Mapping[str, Factor]

    def factor_for(self, roles: Iterable[str]) -> Factor:
        """The weakest factor that is enough for somebody who holds these roles."""
        wanted = [self.least, *(self.by_role[role] for role in roles if role in self.by_role)]
        return max(wanted, key=list(Factor).index)

    def stricter(self, other: "SessionRule") -> "SessionRule":
        """Both at once: the shorter times and the stronger factors."""
        roles = {*self.by_role, *other.by_role}
        return SessionRule(
            clause=self.clause,
            lasts=min(self.lasts, other.lasts),
            idle=min(self.idle, other.idle),
            least=max(self.least, other.least, key=list(Factor).index),
            by_role={
                role: max(self.factor_for([role]), other.factor_for([role]), key=list(Factor).index)
                for role in sorted(roles)
            },
        )


# Why a search is reviewed in any case.
ALWAYS_REVIEWED = (
    "exigent",
    "witness",
    "protected-event",
    "out-of-hours",
    "same-photograph",
    "same-case",
)
LEAST_SHARE = Fraction(1, 10)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Hours:
    """When a unit is on duty: weekdays by number (Monday 0), from and until by its own clock."""

    zone: ZoneInfo
    days: frozenset[int]
    since: time
    until: time

    def take_in(self, at: datetime) -> bool:
        """Whether this instant is within them."""
        here = at.astimezone(self.zone)
        return here.weekday() in self.days and self.since <= here.time() < self.until


@dataclass(frozen=True, slots=True)
class SupervisionRule:
    """What supervisors review, by when, and what they answer.

    share: of what is not `always` reviewed, drawn at random. hours: by unit; `*` is every other unit.
    worksheet: id of a line -> its question.
    """

    clause: str
    share: Fraction
    review_within: timedelta
    referral_within: timedelta
    always: frozenset[str]
    hours: Mapping[str, Hours]
    worksheet: Mapping[str, str]

    def on_duty(self, unit: str, at: datetime) -> bool:
        """Whether this unit is on duty at this instant; always where no hours are known for it."""
        hours = self.hours.get(unit, self.hours.get("*"))
        return hours is None or hours.take_in(at)

    def stricter(self, other: "SupervisionRule") -> "SupervisionRule":
        """Both at once: more is reviewed, sooner, with every question. Of two hours of a unit these hold."""
        return SupervisionRule(
            clause=self.clause,
            share=max(self.share, other.share),
            review_within=min(self.review_within, other.review_within),
            referral_within=min(self.referral_within, other.referral_within),
            always=self.always | other.always,
            hours={**other.hours, **self.hours},
            worksheet={**other.worksheet, **self.worksheet},
        )


@dataclass(frozen=True, slots=True)
class RedressRule:
    """How soon a request for redress is answered."""

    clause: str
    answer_within: Period


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """How long the result of a test counts, by kind of evidence. A kind that is not named counts for nothing."""

    clause: str
    counts_for: Mapping[Kind, Period]

    def counts_until(self, kind: Kind, tested_at: datetime) -> datetime:
        """The instant from which a test of this instant counts no more: at once, where its kind carries nothing."""
        period = self.counts_for.get(kind)
        return tested_at if period is None else period.after(tested_at)


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line of a program's file. hangs: it is shown by a photograph at each place, as a sign is."""

    id: str
    clause: str
    asks: str
    holds_for: Period
    hangs: bool


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything one folder says. digests: hex SHA-256 of each file that decides, by name."""

    source: Source
    clauses: Mapping[str, Clause]
    policies: tuple[Policy, ...]
    duties: tuple[Duty, ...]
    attestations: Mapping[str, Attestation]
    narrative: NarrativeRule | None
    opt_out: OptOutRule | None
    clocks: tuple[Clock, ...]
    holds: tuple[HoldRule, ...]
    sessions: SessionRule | None
    supervision: SupervisionRule | None
    redress: RedressRule | None
    program_file: tuple[FileLine, ...]
    testing: EvidenceRule | None
    signals: SignalRule | None
    groups: Groups
    digests: Mapping[str, str]
    folder: Path

    @property
    def listing(self) -> str:
        """A line for each file that decides, sorted: what the pack's digest and its signature are of."""
        lines = sorted(f"{digest}  {self.source.id}/{name}\n" for name, digest in self.digests.items())
        return "".join(lines)

    @property
    def digest(self) -> str:
        """SHA-256 over the listing."""
        return "sha256:" + hashlib.sha256(self.listing.encode()).hexdigest()


def _in_scope(cedar: Json, shape: ActionShape) -> bool:
    actions = actions_of(cedar)
    return (
        (actions is None or shape.action in actions)
        and cedar["principal"].get("entity_type", shape.principal_type) == shape.principal_type
        and cedar["resource"].get("entity_type", shape.resource_type) == shape.resource_type
    )


def actions_of(cedar: Json) -> tuple[str, ...] | None:
    """The actions a policy names in its scope, or None where it names none and so means all."""
    scope = cedar["action"]
    if scope["op"] == "All":
        return None
    named = scope.get("entities") or [scope["entity"]]
    return tuple(entity["id"] for entity in named)


class TextFile:
    """One file of a pack: its text, and errors that know their place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.bytes = path.read_bytes()
            self.text = self.bytes.decode("utf-8")
        except FileNotFoundError as error:
            raise PackError(
                path, 0, "the file is missing", "a pack needs " + ", ".join(REQUIRED_FILES)
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise PackError(
                path, 0, f"the file cannot be read: {error}", "restore it from the release"
            ) from error

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.bytes).hexdigest()

    def line_of(self, *needles: str) -> int:
        """The line of the first needle that occurs, or 0."""
        for needle in needles:
            found = self.text.find(needle)
            if found >= 0:
                return self.text.count("\n", 0, found) + 1
        return 0

    def error(self, says: str, remedy: str, *needles: str) -> PackError:
        return PackError(self.path, self.line_of(*needles), says, remedy)

    def toml(self) -> Json:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            line = int(found.group(1)) if found else 0
            raise PackError(self.path, line, f"not valid TOML: {error}", "mend the line") from error


class TomlTable:
    """One table of a TOML file, read field by field; what is left over is an error."""

    def __init__(self, file: TextFile, values: object, needle: str) -> None:
        if not isinstance(values, dict):
            raise file.error(f"`{needle}` is not a table", "write it as a table", needle)
        self.file = file
        self.values: Json = dict(values)
        self.needle = needle

    def take(self, key: str, kind: type, what: str) -> Any:
        if key not in self.values:
            raise self.file.error(f"`{key}` is missing", f"state `{key}`: {what}", self.needle)
        return self.maybe(key, kind, what)

    def maybe(self, key: str, kind: type, what: str) -> Any:
        value = self.values.pop(key, None)
        # TOML's true is no number and its instant no day, although Python's types say so.
        wider = {int: bool, date: datetime}.get(kind)
        if value is not None and (
            not isinstance(value, kind) or (wider is not None and isinstance(value, wider))
        ):
            raise self.file.error(f"`{key}` must be {what}", f"write {what}", f"{key} =", self.needle)
        return value

    def text(self, key: str) -> str:
        value = self.take(key, str, "a text that is not empty")
        if not value.strip():
            raise self.file.error(f"`{key}` is empty", "say something", f"{key} =", self.needle)
        return str(value).strip()

    def texts(self, key: str, *, empty: bool = False) -> tuple[str, ...]:
        value = self.take(key, list, "a list of texts")
        if not all(isinstance(item, str) and item for item in value) or (not value and not empty):
            raise self.file.error(
                f"`{key}` must be a list of texts", "write a list of texts", f"{key} =", self.needle
            )
        if len(set(value)) != len(value):
            raise self.file.error(f"`{key}` names something twice", "name each once", f"{key} =", self.needle)
        return tuple(value)

    def done(self) -> None:
        for key in self.values:
            raise self.file.error(
                f"`{key}` is not a field here", "remove it or mend its name", f"{key} =", self.needle
            )


def load_pack(folder: Path, schema: Schema, shapes: Mapping[str, ActionShape], own: frozenset[str]) -> Pack:
    """Read and check one pack. own: ids of the clauses that need no source document (the road's).

    Raises: PackError.
    """
    files = _files(folder)
    source = _source(folder.name, files["source.toml"], shapes)
    clauses = _clauses(source, files["clauses.toml"])
    groups: Groups = {}
    if brought := files.get("facts.cedarschema"):
        groups = read_groups(brought.text, brought.path, shapes)
        schema = compile_schema_json(schema_json(with_groups(shapes, groups)))
    conditions = _conditions(files.get("conditions.toml"), clauses, own)
    policies = _rules(source, files["rules.cedar"], schema, shapes, conditions, clauses)
    duties = _obligations(source, files.get("obligations.cedar"), schema, clauses)
    attestations = _attestations(files.get("attestations.toml"), policies, clauses)
    narrative = _narrative(files.get("narrative.toml"), policies)
    opt_out = _opt_out(files.get("opt-out.toml"))
    clocks, holds = _retention(files.get("retention.toml"), clauses)
    sessions = _sessions(files.get("sessions.toml"), clauses)
    supervision = _supervision(files.get("supervision.toml"), clauses)
    redress = _redress(files.get("redress.toml"), clauses)
    program_file = _program_file(files.get("program-file.toml"), clauses)
    testing = _testing(files.get("testing.toml"), clauses)
    signals = _signals(files.get("signals.toml"), clauses)
    _facts_in_words(files["rules.cedar"], policies, with_groups(shapes, groups))
    _all_used(files.get("conditions.toml"), conditions, policies)
    _all_held(files["clauses.toml"], clauses, policies, duties)
    return Pack(
        source,
        clauses,
        policies,
        duties,
        attestations,
        narrative,
        opt_out,
        clocks,
        holds,
        sessions,
        supervision,
        redress,
        program_file,
        testing,
        signals,
        groups,
        {name: file.digest for name, file in files.items()},
        folder,
    )


def _files(folder: Path) -> dict[str, TextFile]:
    known = {*REQUIRED_FILES, *OPTIONAL_FILES, SIGNATURE, _CASES}
    present = sorted(path.name for path in folder.iterdir())
    for name in present:
        if name not in known:
            raise PackError(folder / name, 0, "no file of a pack has this name", "rename it or take it out")
    return {
        name: TextFile(folder / name)
        for name in (*REQUIRED_FILES, *OPTIONAL_FILES)
        if name in REQUIRED_FILES or name in present
    }


def _source(pack: str, file: TextFile, shapes: Mapping[str, ActionShape]) -> Source:
    table = TomlTable(file, file.toml(), "title")
    status = table.text("status")
    if status not in set(Status):
        raise file.error(f"`{status}` is no status", "write one of: " + ", ".join(Status), "status =")
    begin = table.take("in_force_from", date, "a day such as 2021-01-15")
    end = table.maybe("in_force_until", date, "a day such as 2025-01-15")
    successor = table.maybe("successor", str, "the folder name of another pack")
    elsewhere = table.maybe("successor_elsewhere", str, "the text that follows, in words") or ""
    layer = table.text("layer")
    if layer not in set(Layer):
        raise file.error(f"`{layer}` is no layer", "write one of: " + ", ".join(Layer), "layer =")
    permits = table.texts("permits", empty=True)
    if permits and layer == Layer.OVERLAY:
        raise file.error(
            "an overlay permits nothing", "empty `permits`, or say that the pack is base", "permits ="
        )
    for action in permits:
        if action not in shapes:
            raise file.error(
                f"`{action}` is no action of the schema", "name actions of the schema", "permits ="
            )
    if end is not None and end <= begin:
        raise file.error(
            "`in_force_until` is not after `in_force_from`", "mend the dates", "in_force_until ="
        )
    if status in (Status.SUPERSEDED, Status.WITHDRAWN) and end is None:
        raise file.error(f"a document that is {status} has a last day", "state `in_force_until`", "status =")
    if (status == Status.SUPERSEDED and successor is None and not elsewhere) or (successor and elsewhere):
        raise file.error(
            "a superseded document has a successor",
            "state `successor`, or `successor_elsewhere` where no pack here carries it",
            "status =",
        )
    source = Source(
        id=pack,
        title=table.text("title"),
        issuer=table.text("issuer"),
        version=table.text("version"),
        reference=table.text("reference"),
        status=Status(status),
        in_force_from=begin,
        in_force_until=end,
        successor=successor,
        successor_elsewhere=elsewhere,
        note=table.text("note"),
        permits=permits,
        layer=Layer(layer),
    )
    table.done()
    return source


def _clauses(source: Source, file: TextFile) -> dict[str, Clause]:
    top = TomlTable(file, file.toml(), "[[clause]]")
    clauses: dict[str, Clause] = {}
    for values in top.take("clause", list, "at least one [[clause]]"):
        needle = f'id = "{values.get("id", "")}"' if isinstance(values, dict) else "clause"
        table = TomlTable(file, values, needle)
        identifier, kind = table.text("id"), table.text("kind")
        if identifier in clauses:
            raise file.error(f"clause `{identifier}` is listed twice", "list it once", needle)
        if kind not in KINDS:
            raise file.error(f"`{kind}` is no kind of clause", "write one of: " + ", ".join(KINDS), needle)
        held_by = table.texts("held_by", empty=True)
        for holder in held_by:
            if holder not in set(Holder):
                raise file.error(
                    f"`{holder}` holds nothing up", "write some of: " + ", ".join(Holder), needle
                )
        verified = table.maybe("verified", bool, "true or false")
        if verified is None and source.layer is Layer.OVERLAY:
            raise file.error(
                f"clause `{identifier}` does not say whether its text was read",
                "state `verified`: true if somebody read the text itself, else false",
                needle,
            )
        form = table.maybe("form", dict, "a table with `who`, `what` and `every`")
        clause = Clause(
            id=identifier,
            pack=source.id,
            kind=kind,
            section=table.text("section"),
            says=table.text("says"),
            held_by=tuple(Holder(holder) for holder in held_by),
            note=table.maybe("note", str, "a text") or "",
            reason=table.maybe("reason", str, "a text") or "",
            verified=verified is not False,
            tests=table.texts("tests") if "tests" in table.values else (),
            form=_form(file, form, needle),
        )
        if (Holder.ORGANISATIONAL in clause.held_by) != (clause.form is not None):
            raise file.error(
                f"clause `{identifier}` needs a `form` if, and only if, it is organisational",
                "say who attests to what, and how often",
                needle,
            )
        if not held_by:
            raise file.error(f"nobody holds clause `{identifier}`", "say what does, or `not covered`", needle)
        if (Holder.NOT_COVERED in clause.held_by) != bool(clause.reason):
            raise file.error(
                f"clause `{identifier}` needs a `reason` if, and only if, it is not covered",
                "say why it is not covered, or remove the reason",
                needle,
            )
        table.done()
        clauses[identifier] = clause
    top.done()
    return clauses


def _form(file: TextFile, values: object, needle: str) -> Form | None:
    if values is None:
        return None
    table = TomlTable(file, values, needle)
    form = Form(table.text("who"), table.text("what"), table.text("every"))
    table.done()
    return form


def _conditions(
    file: TextFile | None, clauses: Mapping[str, Clause], own: frozenset[str]
) -> dict[str, Condition]:
    conditions: dict[str, Condition] = {}
    for name, values in file.toml().items() if file else ():
        assert file is not None
        table = TomlTable(file, values, f"[{name}]")
        condition = Condition(name, table.texts("clauses"), table.text("missing"), table.text("remedy"))
        table.done()
        for clause in condition.clauses:
            if clause not in own:
                _needs_cedar(file, clauses, clause, f"[{name}]")
        conditions[name] = condition
    return conditions


def _needs_cedar(file: TextFile, clauses: Mapping[str, Clause], clause: str, needle: str) -> None:
    if clause not in clauses:
        raise file.error(
            f"clause `{clause}` is not in clauses.toml of this pack", "list it or mend the id", needle
        )
    if Holder.CEDAR not in clauses[clause].held_by:
        raise file.error(
            f"clause `{clause}` is not said to be held by cedar",
            "add `cedar` to its `held_by` in clauses.toml",
            needle,
        )


def _annotated(file: TextFile, schema: Schema) -> Iterator[tuple[Json, Callable[[str], str]]]:
    """Each policy of a file, checked by Cedar, with a reader of its annotations."""
    try:
        parsed = policies_of(file.text)
    except CedarError as error:
        raise PackError(
            file.path, _failing_line(file.text), f"Cedar cannot read it: {error}", "mend the policy"
        ) from error
    places = [
        file.text.count("\n", 0, m.start()) + 1 for m in re.finditer(r"^(?:permit|forbid)\b", file.text, re.M)
    ]

    def place(number: int) -> int:
        return places[number] if number < len(places) else 0

    for number, words in faults_of(file.text, schema):
        raise PackError(
            file.path, place(number), f"the policy does not fit the schema: {words}", "mend the policy"
        )
    seen: set[str] = set()
    for number, cedar in enumerate(parsed):
        annotations = cedar.get("annotations", {})

        def read(name: str, number: int = number, annotations: Json = annotations) -> str:
            value = annotations.get(name) or ""
            if not value.strip():
                raise PackError(
                    file.path, place(number), f"the policy has no @{name}", f"annotate it with @{name}"
                )
            return str(value)

        identifier = read("id")
        if identifier in seen:
            raise PackError(
                file.path, place(number), f"the id `{identifier}` is used twice", "give it an id of its own"
            )
        seen.add(identifier)
        if asks_presence(cedar):
            raise PackError(
                file.path,
                place(number),
                f"policy `{identifier}` uses `has`: an absent fact would pass it by",
                "read the fact itself; every fact is required",
            )
        if operation := can_err(cedar):
            raise PackError(
                file.path,
                place(number),
                f"policy `{identifier}` could end in an error by `{operation}`, and an erring policy is skipped",
                "compare facts with one another or with constants; let the gateway do the sum",
            )
        for part in ("principal", "resource"):
            if cedar[part]["op"] not in ("All", "is") or "in" in cedar[part]:
                raise PackError(
                    file.path,
                    place(number),
                    f"policy `{identifier}` names one {part}: a pack is about everybody",
                    f"write `{part}` or `{part} is <Type>`, and put the rest into a condition",
                )
        yield cedar, read


def _failing_line(text: str) -> int:
    """The line of the first policy that does not parse by itself, or 0: Cedar's message names no place."""
    starts = [m.start() for m in re.finditer(r"^@id\(", text, re.M)]
    for begin, end in pairwise([*starts, len(text)]):
        try:
            policies_of(text[begin:end])
        except CedarError:
            return text.count("\n", 0, begin) + 1
    return 0


def _rules(
    source: Source,
    file: TextFile,
    schema: Schema,
    shapes: Mapping[str, ActionShape],
    conditions: Mapping[str, Condition],
    clauses: Mapping[str, Clause],
) -> tuple[Policy, ...]:
    policies = []
    permitted: list[str] = []
    for cedar, read in _annotated(file, schema):
        identifier = read("id")
        needle = f'@id("{identifier}")'
        if cedar["effect"] == "permit":
            actions = actions_of(cedar)
            for action in shapes if actions is None else actions:
                if action not in source.permits:
                    raise file.error(
                        f"`{identifier}` permits `{action}`, which `permits` of source.toml does not list",
                        "a pack that may not permit an action holds forbids only: write a forbid",
                        needle,
                    )
                if action in permitted:
                    raise file.error(f"`{action}` is permitted twice", "put both into one permit", needle)
                permitted.append(action)
            names = [name.strip() for name in read("conditions").split(",")]
            if len(names) != len(cedar["conditions"]):
                raise file.error(
                    f"policy `{identifier}` names {len(names)} conditions and has {len(cedar['conditions'])}",
                    "name each `when` and `unless` in @conditions, in order",
                    needle,
                )
            if len(set(names)) != len(names):
                raise file.error(
                    f"policy `{identifier}` names a condition twice", "give each its own name", needle
                )
            for name in names:
                if name not in conditions:
                    raise file.error(
                        f"condition `{name}` is not in conditions.toml", f"describe it under [{name}]", needle
                    )
            policies.append(
                Policy(identifier, source.id, True, cedar, tuple(conditions[name] for name in names))
            )
        else:
            clause = read("clause")
            _needs_cedar(file, clauses, clause, needle)
            condition = Condition(identifier, (clause,), read("missing"), read("remedy"))
            policies.append(Policy(identifier, source.id, False, cedar, (condition,)))
    for action in source.permits:
        if action not in permitted:
            raise file.error(
                f"source.toml lists `{action}` under `permits`, and no policy permits it",
                "write the permit, or take the action off the list",
            )
    return tuple(policies)


def _facts_in_words(file: TextFile, policies: Iterable[Policy], shapes: Mapping[str, ActionShape]) -> None:
    """A remedy names facts only that every action of its policy states."""
    for policy in policies:
        for condition in policy.conditions:
            for fact in condition.facts_named:
                for shape in shapes.values():
                    if policy.applies_to(shape) and fact not in shape.leaves:
                        raise file.error(
                            f"the remedy of `{condition.name}` names `{fact}`, which is no fact of {shape.action}",
                            "name a fact by its dotted path, or write it without braces",
                            f'@id("{policy.id}")',
                        )


_WITHIN = re.compile(r"P(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,4})H)?(?:(\d{1,4})M)?)?")


def _time(file: TextFile, text: str, needle: str) -> timedelta:
    found = _WITHIN.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if days + hours + minutes == 0:
        raise file.error(f"`{text}` is no time", "write days, hours, minutes: PT30M, P14D, P1DT12H", needle)
    return timedelta(days=days, hours=hours, minutes=minutes)


def _period(file: TextFile, text: str, needle: str) -> Period:
    period = read_period(text)
    if period is None:
        raise file.error(
            f"`{text}` is no time", "write years, months, days, hours: P3Y, P6M, P14D, P1DT12H", needle
        )
    return period


def _obligations(
    source: Source,
    file: TextFile | None,
    schema: Schema,
    clauses: Mapping[str, Clause],
) -> tuple[Duty, ...]:
    if file is None:
        return ()
    duties = []
    for cedar, read in _annotated(file, schema):
        needle = f'@id("{read("id")}")'
        if cedar["effect"] != "permit":
            raise file.error(
                "a forbid has no place among the obligations", "write the question as a permit", needle
            )
        within = _time(file, read("within"), needle)
        _needs_cedar(file, clauses, read("clause"), needle)
        duties.append(
            Duty(
                id=read("id"),
                pack=source.id,
                cedar=cedar,
                name=read("duty"),
                clause=read("clause"),
                owner=read("owner"),
                within=within,
                says=read("says"),
            )
        )
    return tuple(duties)


def _attestations(
    file: TextFile | None, policies: tuple[Policy, ...], clauses: Mapping[str, Clause]
) -> dict[str, Attestation]:
    attestations = {}
    for kind, values in file.toml().items() if file else ():
        assert file is not None
        table = TomlTable(file, values, f"[{kind}]")
        text = Attestation(
            kind=kind,
            clause=table.text("clause"),
            fact=table.text("fact"),
            version=table.text("version"),
            title=table.text("title"),
            text=table.text("text"),
            course=table.maybe("course", str, "a text") or "",
        )
        table.done()
        _needs_cedar(file, clauses, text.clause, f"[{kind}]")
        if not any(compares(policy.cedar, "==", text.fact, text.version) for policy in policies):
            raise file.error(
                f'no policy demands `{text.fact} == "{text.version}"`',
                "change the version in rules.cedar and here together",
                f"[{kind}]",
            )
        attestations[kind] = text
    return attestations


def _narrative(file: TextFile | None, policies: tuple[Policy, ...]) -> NarrativeRule | None:
    if file is None:
        return None
    table = TomlTable(file, file.toml(), "fact")
    fact, minimum = table.text("fact"), table.take("minimum_distinct_words", int, "a whole number")
    words = table.texts("stop_list")
    table.done()
    if not any(compares(policy.cedar, ">=", fact, minimum) for policy in policies):
        raise file.error(
            f"no policy demands `{fact} >= {minimum}`",
            "change the number in rules.cedar and here together",
            "minimum_distinct_words =",
        )
    for word in words:
        if word != word.lower() or len(word.split()) != 1:
            raise file.error(f"`{word}` is not one word in lower case", "write it so", "stop_list =")
    return NarrativeRule(minimum, frozenset(words))


def _opt_out(file: TextFile | None) -> OptOutRule | None:
    if file is None:
        return None
    table = TomlTable(file, file.toml(), "who_may")
    who_may, days = table.text("who_may"), table.take("list_valid_days", int, "a whole number")
    table.done()
    if who_may not in WHO_MAY_DECLINE:
        raise file.error(
            f"`{who_may}` is nobody who may decline", f"write {' or '.join(WHO_MAY_DECLINE)}", "who_may ="
        )
    if not 1 <= days <= 366:
        raise file.error(
            f"a list cannot be valid for {days} days", "write 1 to 366 days", "list_valid_days ="
        )
    return OptOutRule(who_may, days)


_CODE = re.compile(r"[a-z][a-z0-9-]*")


def _retention(
    file: TextFile | None, clauses: Mapping[str, Clause]
) -> tuple[tuple[Clock, ...], tuple[HoldRule, ...]]:
    if file is None:
        return (), ()
    top = TomlTable(file, file.toml(), "[[clock]]")
    clocks: dict[str, Clock] = {}
    once: set[tuple[str, str]] = set()
    for values in top.take("clock", list, "at least one [[clock]]"):
        needle = f'id = "{values.get("id", "")}"' if isinstance(values, dict) else "clock"
        table = TomlTable(file, values, needle)
        clock = Clock(
            id=table.text("id"),
            classes=table.texts("classes"),
            starts=table.text("starts"),
            within=_period(file, table.text("within"), needle),
            clause=_known(file, clauses, table.text("clause"), needle),
            basis=table.text("basis"),
        )
        table.done()
        for code in (clock.id, *clock.classes):
            _coded(file, code, needle)
        if clock.starts not in CLOCK_STARTS:
            raise file.error(
                f"no clock starts at `{clock.starts}`", "write one of: " + ", ".join(CLOCK_STARTS), needle
            )
        if clock.id in clocks:
            raise file.error(f"the clock `{clock.id}` is listed twice", "give it an id of its own", needle)
        for record_class in clock.classes:
            if (record_class, clock.starts) in once:
                raise file.error(
                    f"two clocks of `{record_class}` start at `{clock.starts}`",
                    "keep the one that holds",
                    needle,
                )
            once.add((record_class, clock.starts))
        clocks[clock.id] = clock
    holds: dict[str, HoldRule] = {}
    for values in top.maybe("hold", list, "a list of [[hold]]") or ():
        needle = f'kind = "{values.get("kind", "")}"' if isinstance(values, dict) else "hold"
        table = TomlTable(file, values, needle)
        rule = HoldRule(
            kind=table.text("kind"),
            clause=_known(file, clauses, table.text("clause"), needle),
            two_persons=table.take("two_persons", bool, "true or false"),
        )
        table.done()
        _coded(file, rule.kind, needle)
        if rule.kind in holds:
            raise file.error(f"holds of the kind `{rule.kind}` are listed twice", "list them once", needle)
        holds[rule.kind] = rule
    top.done()
    return tuple(clocks.values()), tuple(holds.values())


def _sessions(file: TextFile | None, clauses: Mapping[str, Clause]) -> SessionRule | None:
    if file is None:
        return None
    top = TomlTable(file, file.toml(), "clause")
    clause = _known(file, clauses, top.text("clause"), "clause =")
    lasts, idle = (_time(file, top.text(name), f"{name} =") for name in ("lasts", "idle"))
    if idle > lasts:
        raise file.error("`idle` is longer than the session `lasts`", "mend the times", "idle =")
    least = _factor(file, top.text("least_factor"), "least_factor =")
    by_role: dict[str, Factor] = {}
    for values in top.maybe("stronger", list, "a list of [[stronger]]") or ():
        table = TomlTable(file, values, "[[stronger]]")
        factor = _factor(file, table.text("factor"), "[[stronger]]")
        for role in table.texts("roles"):
            if role in by_role:
                raise file.error(f"the role `{role}` is listed twice", "list it once", "[[stronger]]")
            by_role[role] = factor
        table.done()
    top.done()
    return SessionRule(clause, lasts, idle, least, by_role)


def _factor(file: TextFile, word: str, needle: str) -> Factor:
    if word not in set(Factor):
        raise file.error(f"`{word}` is no factor", "write one of: " + ", ".join(Factor), needle)
    return Factor(word)


def _testing(file: TextFile | None, clauses: Mapping[str, Clause]) -> EvidenceRule | None:
    if file is None:
        return None
    top = TomlTable(file, file.toml(), "clause")
    clause = _known(file, clauses, top.text("clause"), "clause =")
    periods = TomlTable(file, top.take("counts_for", dict, "a table"), "[counts_for]")
    counts_for = {
        kind: _period(file, periods.text(kind), f"{kind} =") for kind in Kind if kind in periods.values
    }
    periods.done()
    top.done()
    return EvidenceRule(clause, counts_for)


def _signals(file: TextFile | None, clauses: Mapping[str, Clause]) -> SignalRule | None:
    if file is None:
        return None
    return read_signals(
        file,
        {name: TomlTable(file, values, f"[{name}]") for name, values in file.toml().items()},
        lambda clause, needle: _known(file, clauses, clause, needle),
        lambda text, needle: _time(file, text, needle),
    )


def _supervision(file: TextFile | None, clauses: Mapping[str, Clause]) -> SupervisionRule | None:
    if file is None:
        return None
    top = TomlTable(file, file.toml(), "clause")
    clause = _known(file, clauses, top.text("clause"), "clause =")
    written = top.text("share")
    share = Fraction(written) if re.fullmatch(r"[1-9]\d{0,3}/[1-9]\d{0,3}", written) else Fraction(0)
    if not LEAST_SHARE <= share <= 1:
        raise file.error(f"`{written}` is no share", f"write a fraction from {LEAST_SHARE} to 1/1", "share =")
    review, referral = (
        _time(file, top.text(name), f"{name} =") for name in ("review_within", "referral_within")
    )
    always = top.texts("always")
    for reason in always:
        if reason not in ALWAYS_REVIEWED:
            raise file.error(
                f"`{reason}` is no reason to review",
                "write some of: " + ", ".join(ALWAYS_REVIEWED),
                "always =",
            )
    hours: dict[str, Hours] = {}
    for values in top.maybe("hours", list, "a list of [[hours]]") or ():
        table = TomlTable(file, values, "[[hours]]")
        unit = table.text("unit")
        if unit in hours:
            raise file.error(f"the hours of `{unit}` are listed twice", "list them once", f'unit = "{unit}"')
        hours[unit] = _hours(file, table, f'unit = "{unit}"')
    if "out-of-hours" in always and not hours:
        raise file.error("no [[hours]] say what is out of hours", "state the hours of duty", "always =")
    worksheet: dict[str, str] = {}
    for values in top.take("line", list, "at least one [[line]] of the worksheet"):
        needle = f'id = "{values.get("id", "")}"' if isinstance(values, dict) else "line"
        table = TomlTable(file, values, needle)
        line = table.text("id")
        _coded(file, f"review-{line}", needle)
        if line in worksheet:
            raise file.error(f"the line `{line}` is listed twice", "give it an id of its own", needle)
        worksheet[line] = table.text("asks")
        table.done()
    if not worksheet:
        raise file.error("the worksheet is empty", "state at least one [[line]]", "line")
    top.done()
    return SupervisionRule(clause, share, review, referral, frozenset(always), hours, worksheet)


def _redress(file: TextFile | None, clauses: Mapping[str, Clause]) -> RedressRule | None:
    if file is None:
        return None
    top = TomlTable(file, file.toml(), "clause")
    rule = RedressRule(
        clause=_known(file, clauses, top.text("clause"), "clause ="),
        answer_within=_period(file, top.text("answer_within"), "answer_within ="),
    )
    top.done()
    return rule


def _program_file(file: TextFile | None, clauses: Mapping[str, Clause]) -> tuple[FileLine, ...]:
    if file is None:
        return ()
    top = TomlTable(file, file.toml(), "clause")
    clause = _known(file, clauses, top.text("clause"), "clause =")
    lines: dict[str, FileLine] = {}
    for values in top.take("line", list, "at least one [[line]] of the file"):
        needle = f'id = "{values.get("id", "")}"' if isinstance(values, dict) else "line"
        table = TomlTable(file, values, needle)
        line = FileLine(
            id=table.text("id"),
            clause=clause,
            asks=table.text("asks"),
            holds_for=_period(file, table.text("holds_for"), needle),
            hangs=bool(table.maybe("hangs", bool, "true or false")),
        )
        table.done()
        _coded(file, line.id, needle)
        if line.id in lines:
            raise file.error(f"the line `{line.id}` is listed twice", "give it an id of its own", needle)
        lines[line.id] = line
    if not lines:
        raise file.error("the file has no line", "state at least one [[line]]", "line")
    top.done()
    return tuple(lines.values())


def _hours(file: TextFile, table: TomlTable, needle: str) -> Hours:
    zone, days = table.text("zone"), table.texts("days")
    try:
        since, until = (time.fromisoformat(table.text(name)) for name in ("from", "until"))
        known = ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise file.error(
            f"no such hours: {error}", "write `06:00` and a zone of the tz database", needle
        ) from error
    table.done()
    if unknown := set(days) - set(_DAYS):
        raise file.error(f"`{min(unknown)}` is no day of the week", "write: " + ", ".join(_DAYS), needle)
    if since.tzinfo or until.tzinfo or since >= until:
        raise file.error(
            "the hours end before they begin", "write `from` before `until`, without a zone", needle
        )
    return Hours(known, frozenset(_DAYS.index(day) for day in days), since, until)


def _known(file: TextFile, clauses: Mapping[str, Clause], clause: str, needle: str) -> str:
    if clause not in clauses:
        raise file.error(
            f"clause `{clause}` is not in clauses.toml of this pack", "list it or mend the id", needle
        )
    return clause


def _coded(file: TextFile, code: str, needle: str) -> None:
    if not _CODE.fullmatch(code) or len(code) > 40:
        raise file.error(
            f"`{code}` is no code", "write at most 40 lower-case letters, digits and hyphens", needle
        )


def _all_used(
    file: TextFile | None, conditions: Mapping[str, Condition], policies: tuple[Policy, ...]
) -> None:
    used = {condition.name for policy in policies if policy.permits for condition in policy.conditions}
    for name in conditions:
        if file is not None and name not in used:
            raise file.error(f"no permit names the condition `{name}`", "remove it or name it", f"[{name}]")


def _all_held(
    file: TextFile, clauses: Mapping[str, Clause], policies: tuple[Policy, ...], duties: tuple[Duty, ...]
) -> None:
    held = {clause for policy in policies for condition in policy.conditions for clause in condition.clauses}
    held |= {duty.clause for duty in duties}
    for clause in clauses.values():
        if Holder.CEDAR in clause.held_by and clause.id not in held:
            raise file.error(
                f"clause `{clause.id}` is said to be held by cedar, and no policy names it",
                "write the policy, or say what holds the clause",
                f'id = "{clause.id}"',
            )
