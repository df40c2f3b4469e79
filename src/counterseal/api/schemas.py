"""What goes in and out, in types. Unknown members are refused, numbers are not guessed from text.

Instants are RFC 3339 in UTC. Candidates have an id and nothing else until both reviews are locked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from annotated_types import GroupedMetadata, MaxLen, MinLen
from ninja import Query, Schema
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

LONGEST_PAGE = 100
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
# No control characters, no lone halves of characters: a database and a log take only what can be written down.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("give an instant like 2026-11-20T15:00:00Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such instant") from None


def _writable(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise ValueError("it holds characters that cannot be written down")
    return text


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-20T15:00:00Z"]}),
]
Id = Annotated[str, Field(pattern=r"^[a-z]+-[0-9a-f]{16}$", examples=["service-00112233aabbccdd"])]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,79}$")]


@dataclass(frozen=True, slots=True)
class Text(GroupedMetadata):
    """A text of so many characters that can be written down."""

    most: int
    least: int = 1

    def __iter__(self) -> Iterator[object]:
        yield MinLen(self.least)
        yield MaxLen(self.most)
        yield AfterValidator(_writable)


Cursor = Annotated[str, Query(max_length=400, description="as `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="how many, at most")]
Line = Annotated[str, Text(200)]
Words = Annotated[str, Text(4000)]
MaybeWords = Annotated[str, Text(4000, 0)]


class Given(Schema):
    """A body that somebody sends: strict, and with nothing in it that nobody reads."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(Schema):
    """A body that is answered."""

    model_config = ConfigDict(from_attributes=True)


ItemT = TypeVar("ItemT")


class Page(Shown, Generic[ItemT]):
    """One page of a listing. next: the cursor of the next page; null on the last."""

    items: list[ItemT]
    next: str | None


class UnmetCondition(Shown):
    """One condition that does not hold."""

    clause: str
    missing: str
    remedy: str


class Problem(Shown):
    """RFC 9457. type is stable: docs/reference/http-api.md lists each. entry: where a refusal is sealed."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    clauses: list[str] = Field(default_factory=list)
    unmet: list[UnmetCondition] = Field(default_factory=list)
    entry: int | None = None


class Health(Shown):
    """Whether this server can do its work."""

    status: Literal["ok"]
    log_size: int


class TokenAnswer(Shown):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class TokenRefused(Shown):
    """RFC 6749, 5.2."""

    error: str
    error_description: str = ""


class Whoami(Shown):
    """For whom the token acts."""

    client: str
    person: str
    roles: list[str]
    scopes: list[str]


# --- services -------------------------------------------------------------------------------------------------


class ServiceShown(Shown):
    """One row of the register of services. standing: as it is at this instant, an expired approval included."""

    id: str
    name: str
    operator: str
    algorithm: str
    version: str
    gallery: str
    status: str
    standing: str
    approval_expires: Instant
    modes: list[str]
    case_types: list[str]
    contract: str
    terms_version: str
    gallery_legality: str
    probe_retention: str
    security: str
    breaches: str
    conditions: str
    narrowed: dict[str, list[str] | int]
    missing: list[str]
    entry: int


class ServiceTestShown(Shown):
    """What is known of a service's errors, and how. kind: direct, operational or third-party.

    outcome: passed, failed or not-shown. use_id: the one use it is for, empty for every use. plan: of a direct test.
    """

    id: str
    version: str
    modes: list[str]
    use_id: str
    kind: str
    outcome: str
    plan: str | None
    standard: str
    made_by: str
    report: str
    report_sha256: str
    tested_at: Instant
    due: Instant
    entry: int


class ServiceGiven(Given):
    """A service as it is put on the register."""

    name: Annotated[str, Text(120)]
    operator: Annotated[str, Text(120)]
    algorithm: Annotated[str, Text(120)]
    version: Annotated[str, Text(80)]
    gallery: Annotated[str, Text(300)]
    connector: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    modes: Annotated[list[Code], Field(min_length=1, max_length=10)]
    case_types: Annotated[list[Code], Field(min_length=1, max_length=50)]
    terms_version: Annotated[str, Text(40)]
    terms: Words
    contract: Annotated[str, Text(120, 0)] = ""
    gallery_legality: Annotated[str, Text(300, 0)] = ""
    probe_retention: Annotated[str, Text(300, 0)] = ""
    security: Annotated[str, Text(300, 0)] = ""
    breaches: Annotated[str, Text(300, 0)] = ""


class RecordGiven(Given):
    """What the record of a service lacked. At least one member."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    contract: Annotated[str, Text(120)] | None = None
    terms: Annotated[str, Text(4000)] | None = None
    gallery_legality: Annotated[str, Text(300)] | None = None
    probe_retention: Annotated[str, Text(300)] | None = None
    security: Annotated[str, Text(300)] | None = None
    breaches: Annotated[str, Text(300)] | None = None


class DecisionGiven(Given):
    """A service's new standing. An approval needs `expires`; one with conditions states them."""

    status: Literal["under-review", "approved", "approved-with-conditions", "disapproved", "suspended"]
    expires: Instant | None = None
    only_modes: Annotated[list[Code], Field(max_length=10)] | None = None
    only_case_types: Annotated[list[Code], Field(max_length=50)] | None = None
    words: Annotated[str, Text(600, 0)] = ""


class VersionGiven(Given):
    """The version that the service runs now."""

    version: Annotated[str, Text(80)]


class OperatorLogGiven(Given):
    """The operator's own log, CSV with the columns request, time, user, as text; and the time it is of, half open."""

    log: Annotated[str, Field(max_length=4_000_000)]
    since: Instant
    until: Instant


class ReconciliationShown(Shown):
    """What came of holding the two logs against one another."""

    id: str
    paired: int
    ours_only: list[str]
    theirs_only: list[int]
    doubled: list[int]
    malformed: list[int]
    outside: int
    new_findings: list[str]
    entry: int


# --- uses -----------------------------------------------------------------------------------------------------


class UseShown(Shown):
    """One use, the words of the offices in this round, and what its assessment lacks."""

    id: str
    name: str
    purpose: str
    kind: str
    law_enforcement: bool
    status: str
    round: int
    since: Instant | None
    proposed_by: str
    concurring: list[str]
    objecting: list[str]
    open_risks: int
    missing: list[str]
    entry: int


class FileDocument(Shown):
    """One document that shows a line. document: id of the vault's object. place: of a sign."""

    document: str
    place: str
    made_on: Instant
    valid_until: Instant
    recorded_by: str


class FileLineShown(Shown):
    """One line of a program's file."""

    line: str
    asks: str
    state: str
    valid_until: Instant | None
    shown_by: list[FileDocument]


class ProgramFileShown(Shown):
    """The file of a use outside law enforcement. share: lines complete, in percent. valid_until: until when it
    stays compliant if nothing is added; none where it is not."""

    use: str
    compliant: bool
    complete: int
    share: int
    valid_until: Instant | None
    list_state: str
    list_sequence: int | None
    list_valid_until: Instant | None
    lines: list[FileLineShown]


class UseGiven(Given):
    """A use as it is put before the three offices."""

    name: Annotated[str, Text(120)]
    purpose: Annotated[str, Text(300)]
    law_enforcement: bool
    kind: Literal["", "verification", "identification", "capture", "analysis"] = ""


class ConcurrenceGiven(Given):
    """One office's word: it concurs, with conditions or without, or it objects and says why."""

    office: Literal["privacy", "civil-rights", "information-officer"]
    concurs: bool
    words: MaybeWords = ""
    only_modes: Annotated[list[Code], Field(max_length=10)] = Field(default_factory=list)
    only_case_types: Annotated[list[Code], Field(max_length=50)] = Field(default_factory=list)
    only_services: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)
    until: Instant | None = None


class ConcurrenceShown(Shown):
    """One office's word as it was recorded, and where the use stands since."""

    id: str
    use: str
    office: str
    concurs: bool
    round: int
    use_status: str
    entry: int


class RiskGiven(Given):
    """A risk to people's rights, what is done about it, who answers for that and until when."""

    risk: Annotated[str, Text(300)]
    mitigation: Annotated[str, Text(300)]
    owner: Id
    due: Instant


class RiskShown(Shown):
    """One line of a use's risk register."""

    id: str
    use: str
    risk: str
    mitigation: str
    owner: str
    due: Instant
    status: str
    evidence: str
    entry: int


# --- searches and reviews -------------------------------------------------------------------------------------


class ExigencyGiven(Given):
    """A claim of exigent circumstances."""

    ground: Code
    facts: Words
    why_no_prior_approval: MaybeWords = ""


class SearchGiven(Given):
    """One use of one service as it is asked for. What is asked is frozen; approvals bind to it."""

    case: Id
    probe: Id
    service: Id
    use: Id
    mode: Literal["identification", "verification", "two-photographs"]
    purpose: Code
    narrative: Words
    relevant: bool
    necessary: bool
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    minimum: Annotated[float, Field(allow_inf_nan=False)] | None = None
    second_probe: Id | Literal[""] = ""
    claimed_reference: Annotated[str, Text(64, 0)] = ""
    exigency: ExigencyGiven | None = None
    witness_methods_exhausted: bool = False
    why_again: MaybeWords = ""
    on_behalf_of: Id | Literal[""] = ""


class SearchShown(Shown):
    """A search request and its state. No candidate, rank or score: those come out of the reviews alone."""

    id: str
    case: str
    probe: str
    service: str
    use: str
    mode: str
    purpose: str
    limit: int
    status: str
    exigency: bool
    requester: str
    requested_at: Instant
    submitted_at: Instant | None
    intent: int | None
    candidate_list: str | None
    entry: int


class ApprovalGiven(Given):
    """A second person's yes or no to exactly what was asked."""

    kind: Code
    granted: bool
    words: Words


class ApprovalShown(Shown):
    """An approval as it was recorded."""

    id: str
    request: str
    kind: str
    granted: bool
    entry: int


class DutyShown(Shown):
    """A duty that the permit opened."""

    name: str
    clause: str
    owner: str
    within_hours: float
    says: str


class SubmissionShown(Shown):
    """The service's answer, or its failure; both are sealed. comparison: the decision of a one-to-one comparison.

    list: for the reviews. candidates: how many are on it. Every candidate is unconfirmed: a possible lead at most.
    """

    request: str
    outcome: Literal["answered", "failed"]
    intent: int
    entry: int
    candidate_list: str | None
    candidates: int
    searched: int | None
    comparison: str | None
    failure: str | None
    duties: list[DutyShown]
    caveat: str


class SheetShown(Shown):
    """A blind sheet: candidate ids in random order, without score, rank, name, or anybody's opinion.

    photographs: the paths from which the photographs of probe and candidates are read.
    """

    review: str
    turn: int
    probe: str
    candidates: list[str]
    photographs: dict[str, str]
    caveat: str


class DispositionGiven(Given):
    """One judgement of one candidate. It is not changed afterwards."""

    candidate: Id
    judgement: Code


class DispositionShown(Shown):
    """A judgement as it was recorded."""

    id: str
    review: str
    candidate: str
    judgement: str
    entry: int


class ReviewShown(Shown):
    """A review. none_of_these: whether nobody was kept, once it is locked."""

    id: str
    candidate_list: str
    turn: int
    status: str
    none_of_these: bool | None
    entry: int


class RevealedCandidate(Shown):
    """What may be seen of a candidate once both reviews are locked. statement: what its score means, or does not."""

    candidate: str
    rank: int
    score: float
    score_kind: str
    kept_by: int
    statement: str


class Revelation(Shown):
    """Ranks and scores, after both reviews. The reading is sealed."""

    candidate_list: str
    caveat: str
    candidates: list[RevealedCandidate]


# --- checkpoints ----------------------------------------------------------------------------------------------


class ReferenceGiven(Given):
    """Something that the person travels under. Looked up as a keyed token, and forgotten."""

    kind: Literal["document", "booking", "receipt"]
    reference: Annotated[str, Text(100)]


class ChoiceGiven(Given):
    """What the person at the checkpoint said. told: they were told beforehand that they may decline.

    A `Sec-GPC: 1` header of the request counts as `said: no`.
    """

    told: bool
    said: Literal["nothing", "no", "signed-no"] = "nothing"
    says_no_citizen: bool = False
    references: Annotated[list[ReferenceGiven], Field(max_length=10)] = Field(default_factory=list)


class ClaimGiven(Given):
    """One claim at one checkpoint. picture: a still in base64, not decoded before the choice is heard."""

    use: Id
    reference: Annotated[str, Text(64)]
    choice: ChoiceGiven
    picture: Annotated[
        str,
        Field(
            min_length=4,
            max_length=4_900_000,
            description="base64 (RFC 4648, section 4); read only once the person has not declined",
        ),
    ]
    liveness: Literal["not-assessed", "suspicious", "no-attack-seen"] = "not-assessed"


class Answered(Shown):
    """How a claim came out. Everything but `verified` means: follow the alternative procedure; it is no finding.

    outcome: `verified`; `declined` (the person chose so); `refused` (by policy, with `unmet`); `not-acquired` (the
    capture failed, with `failure`); `failed` (the service, with `failure`); `not-verified`; `no-decision` (no tested
    threshold is stated). receipt: a tlog-proof of the sealed entry. kept_until: null where nothing was kept.
    """

    outcome: Literal[
        "verified", "declined", "refused", "not-acquired", "failed", "not-verified", "no-decision"
    ]
    alternative: str
    entry: int
    receipt: str
    threshold: float | None = None
    clauses: list[str] = Field(default_factory=list)
    unmet: list[UnmetCondition] = Field(default_factory=list)
    failure: str | None = None
    kept_until: Instant | None = None


class CheckGiven(Given):
    """A check whether somebody declines, at one use."""

    use: Id
    choice: ChoiceGiven


class CheckShown(Shown):
    """Whether they decline. via: how; alternative: the procedure to follow then. receipt: of the sealed check."""

    declined: bool
    via: str
    alternative: str
    entry: int
    receipt: str


class AlternativeGiven(Given):
    """entry: of the check or verification that sent somebody to the alternative procedure, which is done now."""

    entry: Annotated[int, Field(ge=0, le=2**53)]


class AlternativeShown(Shown):
    """How long the alternative procedure took, in seconds."""

    id: str
    use: str
    seconds: int
    entry: int


class WhoMay(Shown):
    """Who may decline under the policies in force."""

    who_may: str
    list_valid_days: int
    pack_digest: str


class ChoiceRegistration(Given):
    """A choice not to be compared: for a document or a booking, or for the code of the receipt alone (both empty).

    No photograph, no name, no proof of anything.
    """

    kind: Literal["", "document", "booking"] = ""
    reference: Annotated[str, Text(100, 0)] = ""


class Registration(Shown):
    """The choice holds from now on. code: shown this once; it takes the choice back, and stands for it."""

    code: str
    entry: int
    receipt: str


class WithdrawalGiven(Given):
    """The code of the receipt that came with a choice."""

    code: Annotated[str, Text(60)]


class WithdrawalShown(Shown):
    """The choice was taken back; nothing of it is left on the register."""

    entry: int
    receipt: str


class ComplaintGiven(Given):
    """An anonymous complaint about a use."""

    use: Id
    about: Literal["not-told", "pressed", "delayed", "not-honoured", "other"]
    words: MaybeWords = ""


class ComplaintShown(Shown):
    """The complaint was recorded. Nobody's name is kept."""

    id: str
    entry: int


# --- redress --------------------------------------------------------------------------------------------------


class RedressGiven(Given):
    """What happened to somebody who was wrongly linked, stopped, arrested or refused. contact: if they like."""

    about: Literal["linked", "stopped", "arrested", "refused"]
    words: Words
    contact: Annotated[str, Text(400, 0)] = ""


class RedressAsked(Shown):
    """The request was sealed. code: shown this once; it reads the answer. due: by when it is to be answered."""

    code: str
    due: Instant
    entry: int
    receipt: str


class RedressCode(Given):
    """The code of a request for redress."""

    code: Annotated[str, Text(60)]


class RedressShown(Shown):
    """What became of a request. outcome and answer are empty until it is answered."""

    status: str
    asked_at: Instant
    due: Instant
    overdue: bool
    outcome: str
    answered_at: Instant | None
    answer: str


# --- records --------------------------------------------------------------------------------------------------


class AuthorityGiven(Given):
    """A statute, a regulation or an agreement, with its dates."""

    kind: Code
    citation: Line
    valid_from: Instant
    valid_until: Instant


class DisclosureGiven(Given):
    """What is handed to whom, on which authority. contents: codes of the policy pack."""

    case: Id
    about: Id
    recipient: Line
    authority: AuthorityGiven
    contents: Annotated[list[Code], Field(min_length=1, max_length=20)]


class DisclosureShown(Shown):
    """A disclosure as it was sealed. The caveat always goes with what is handed out."""

    id: str
    about: str
    recipient: str
    authority_kind: str
    authority_citation: str
    authority_from: Instant
    authority_until: Instant
    contents: list[str]
    by: str
    at: Instant
    caveat: str
    entry: int


class HoldGiven(Given):
    """What must not be destroyed, whatever the clocks say, and why. kind: one that a pack in force names."""

    about: Id
    kind: Code
    reason: Words


class HoldShown(Shown):
    """A hold."""

    id: str
    about: str
    kind: str
    status: str
    two_persons: bool
    placed_by: str
    placed_at: Instant
    lifted_by: str
    lifted_at: Instant | None
    entry: int


class DueShown(Shown):
    """One object and the clock that ran out, or will first. held_by: the holds that stand over it."""

    object: str
    record_class: str
    about: str
    clock: str
    at: Instant
    held_by: list[str]


class FindingShown(Shown):
    """Something that oversight must look at."""

    id: str
    kind: str
    about: str
    says: str
    status: str
    opened_at: Instant
    entry: int


class FiguresShown(Shown):
    """A release of public figures. document: what it said, as it was sealed."""

    entry: int
    document: dict[str, Any]


class ReceiptShown(Shown):
    """A tlog-proof of one entry, and the bytes of the entry, both as text."""

    index: int
    receipt: str
    entry: str


class WitnessedShown(Shown):
    """How far witnesses have seen the log. says: empty where the latest checkpoint has its quorum."""

    size: int
    held: bool
    held_size: int | None
    held_at: Instant | None
    by: list[str]
    uncosigned: int
    uncosigned_since: Instant | None
    says: str
