"""What is counted: one line a figure, as data.

A counter reads the public parts of entries of one kind, and the sealed codes that the release opens. A kind
that no verb seals yet is marked `awaited`: the figure then stands among those that are not available.
Whoever changes a line raises `rule.COUNTING`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from counterseal.oversight.figures.rule import SEALED_KIND

CERTIFIED = frozenset({"HSI-M/4A3-training", "HSI-M/4A3-best-practice", "HSI-M/4A3-safeguards"})


@dataclass(frozen=True, slots=True)
class Counter:
    """One figure: how many entries of `kinds`, divided by `by`.

    outcome: only entries of this outcome. where: only entries with these public codes. clauses: only entries
    whose reason names all of these. by: empty, `kind`, `outcome`, `clauses`, `public:NAME` or `sealed:NAME`.
    adds: a public whole number that is added up, in place of counting entries.
    """

    id: str
    says: str
    kinds: tuple[str, ...]
    by: str = ""
    outcome: str = ""
    where: Mapping[str, object] = field(default_factory=dict)
    clauses: frozenset[str] = frozenset()
    adds: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """One figure for which several entries are read together, along their causes. See `followed`."""

    id: str
    says: str
    kinds: tuple[str, ...]
    by: str = "followed"


@dataclass(frozen=True, slots=True)
class Share:
    """One figure as a part of another: `part` of `of`, both ids of figures; code: of the part's rows, or all."""

    id: str
    says: str
    part: str
    of: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """What somebody asks for and nobody can count from this log, and why."""

    id: str
    says: str
    why: str


SEARCHES = (SEALED_KIND,)

FIGURES: Sequence[Counter | Followed] = (
    Counter("searches", "Searches that were permitted and submitted to a service.", SEARCHES),
    Counter("searches-by-service", "The same, by service.", SEARCHES, "public:service"),
    Counter("searches-by-use", "The same, by the approved use they ran under.", SEARCHES, "public:use"),
    Counter(
        "searches-by-partner",
        "The same, by the agency on whose behalf or through whom they ran; `none` for this agency's own.",
        SEARCHES,
        "public:partner",
    ),
    Counter("searches-by-mode", "The same, by kind of comparison.", SEARCHES, "public:mode"),
    Counter(
        "searches-by-case-type", "The same, by type of case (offence group).", SEARCHES, "sealed:case_type"
    ),
    Counter(
        "searches-by-subject-role",
        "The same, by the role of the person sought.",
        SEARCHES,
        "sealed:subject_role",
    ),
    Counter(
        "searches-by-certified",
        "The same, where the permit rests on a current course and both attestations.",
        SEARCHES,
        clauses=CERTIFIED,
    ),
    Counter(
        "refused",
        "Times that the policy refused a search. One request can be refused several times.",
        ("search.refused",),
    ),
    Counter(
        "refused-by-clause",
        "The same, by clause. A refusal can rest on several clauses.",
        ("search.refused",),
        "clauses",
    ),
    Counter("answered", "Searches that the service answered.", ("search.outcome",)),
    Counter(
        "answered-identifications",
        "The same, one-to-many searches only.",
        ("search.outcome",),
        where={"mode": "identification"},
    ),
    Counter(
        "without-candidate",
        "One-to-many searches that the service answered with no candidate at all.",
        ("search.outcome",),
        where={"mode": "identification", "candidates": 0},
    ),
    Counter(
        "failed",
        "Searches that the service did not answer, by what went wrong.",
        ("search.failed",),
        "outcome",
    ),
    Counter(
        "probes-refused",
        "Photographs that the capture step refused, by reason.",
        ("probe.failed",),
        "outcome",
    ),
    Counter("exigent", "Searches in claimed exigent circumstances.", SEARCHES, where={"exigency": True}),
    Followed(
        "exigent-by-approval",
        "The same, by when and how a supervisor decided. Counted at the last instant of the release.",
        (SEALED_KIND, "search.approved", "search.not-approved"),
    ),
    Counter("reviews", "Blind reviews of a candidate list that were finished.", ("review.locked",)),
    Counter(
        "reviews-none-of-these",
        "The same, where the reviewer kept no candidate.",
        ("review.locked",),
        outcome="none-of-these",
    ),
    Counter(
        "judgements",
        "Judgements of single candidates in blind reviews, foils included.",
        ("candidate.disposed",),
        "outcome",
    ),
    Counter("leads", "Possible leads that were marked.", ("lead.marked",)),
    Followed(
        "leads-by-standing",
        "The same, by what became of them at the last instant of the release.",
        ("lead.marked", "lead.closed", "action.clearance-requested"),
    ),
    Counter("leads-refused", "Times that somebody asked for a lead and it was refused.", ("lead.refused",)),
    Counter(
        "actions-cleared",
        "Enforcement actions that a second person confirmed, by kind.",
        ("action.cleared",),
        "public:kind",
    ),
    Counter(
        "actions-refused",
        "Enforcement actions that were refused, by kind.",
        ("action.refused",),
        "public:kind",
    ),
    Counter(
        "disclosures",
        "Disclosures to somebody outside, by kind of authority.",
        ("information.disclosed",),
        "public:authority",
    ),
    Counter("disclosures-refused", "Disclosures that were refused.", ("disclosure.refused",)),
    Counter("service-decisions", "Decisions on services, by outcome.", ("service.decided",), "outcome"),
    Counter(
        "service-tests",
        "Tests of services for differences between groups, by result.",
        ("service.tested", "test.concluded"),
        "outcome",
    ),
    Counter(
        "test-plans",
        "Plans of tests that were frozen; those that no test concluded came to nothing that anybody was shown.",
        ("test.planned",),
    ),
    Counter(
        "service-reviews-closed",
        "Reviews of a service that an exigent use opened, and that closed.",
        ("service.review-closed",),
    ),
    Counter("use-reviews", "Words of the three offices on uses.", ("use.reviewed",), "outcome"),
    Counter("uses-suspended", "Uses that an office suspended.", ("use.suspended",)),
    Counter("destroyed", "Acts of destroying records.", ("record.destroyed",)),
    Counter(
        "references-erased",
        "Acts of erasing references of the agency's own gallery.",
        ("gallery.erasure.outcome",),
        "outcome",
    ),
    Counter("holds", "Holds that stopped destruction, by kind.", ("hold.placed",), "public:kind"),
    Counter("opt-outs", "Choices not to be compared that were registered.", ("optout.registered",)),
    Counter(
        "opt-out-checks",
        "Checks whether somebody declines, made before any face was looked at, by how they came out.",
        ("optout.checked",),
        "outcome",
    ),
    Counter(
        "opt-out-told",
        "The same, by whether the person was told of the choice.",
        ("optout.checked",),
        "public:told",
    ),
    Followed(
        "opt-outs-honoured",
        "Checks in which a person declined: `honoured` where no comparison follows from the check.",
        ("optout.checked", "verification.intent"),
    ),
    Counter(
        "opt-out-lists", "Signed lists issued to programs without a connection.", ("optout.list-issued",)
    ),
    Counter(
        "opt-out-complaints",
        "Complaints about a use, made without a name, by subject.",
        ("optout.complaint",),
        "public:about",
    ),
    Counter(
        "redress", "Requests for redress, by what was done to the asker.", ("redress.asked",), "public:about"
    ),
    Counter(
        "redress-outcomes",
        "Answers to them, by what came of it.",
        ("redress.answered",),
        "outcome",
    ),
    Followed(
        "redress-by-standing",
        "Requests for redress, by whether they were answered by their day, as of the last instant of the release.",
        ("redress.asked", "redress.answered"),
    ),
    Followed(
        "program-files",
        "Uses outside law enforcement, by whether their file was complete and their list valid at the last instant "
        "of the release.",
        ("use.proposed", "use.imported", "program.file-recorded", "program.list-held"),
    ),
    Counter(
        "verifications",
        "One-to-one checks outside law enforcement, by use.",
        ("verification.intent",),
        "public:use",
    ),
    Counter(
        "verification-outcomes",
        "The same, by how they came out.",
        ("verification.outcome",),
        "outcome",
    ),
    Counter("audits", "Samples of searches drawn for routine review.", ("audit.sampled",)),
    Counter("searches-drawn", "Searches that these samples drew.", ("audit.sampled",), adds="drawn"),
    Counter(
        "searches-between-periods",
        "Searches made while no period of review was open: all of them are reviewed.",
        ("audit.sampled",),
        adds="between",
    ),
    Counter(
        "supervisor-reviews",
        "Searches that a supervisor reviewed, by what the review came to.",
        ("supervision.reviewed",),
        "outcome",
    ),
    Counter(
        "audit-findings", "Findings of routine review and audit, by kind.", ("audit.finding",), "public:kind"
    ),
    Counter(
        "reconciliations",
        "Times that a service's own log was held against this one, by whether they agree.",
        ("service.reconciled",),
        "outcome",
    ),
    Counter(
        "off-book-searches",
        "Searches that the service's own log has and this log does not: they went round the gateway.",
        ("service.reconciled",),
        adds="theirs_only",
    ),
    Counter(
        "unknown-to-the-service",
        "Searches that this log has and the service's own log does not.",
        ("service.reconciled",),
        adds="ours_only",
    ),
    Counter(
        "trials",
        "Trials and shadow uses that were declared, by how they came to light.",
        ("trial.declared",),
        "outcome",
    ),
    Counter(
        "uses-changed", "Changes that sent a use back to the three offices.", ("use.changed",), "outcome"
    ),
    Counter("entries", "Every entry of the log, by kind: nothing is counted out.", (), "kind"),
)

AWAITED: frozenset[str] = frozenset()
"""Kinds that no verb seals yet. A figure of these alone stands among what is not available."""

SHARES: Sequence[Share] = (
    Share(
        "certified-share",
        "Searches by people with a current course and both attestations. The share is 100 percent"
        " by construction: the permit itself demands all three, and names their clauses in the "
        "entry.",
        "searches-by-certified",
        "searches",
    ),
    Share(
        "no-candidate-share",
        "One-to-many searches without any candidate.",
        "without-candidate",
        "answered-identifications",
    ),
    Share(
        "none-of-these-share", "Reviews in which no candidate was kept.", "reviews-none-of-these", "reviews"
    ),
    Share(
        "opt-outs-honoured-share",
        "Checks in which a person declined, and no comparison followed.",
        "opt-outs-honoured",
        "opt-outs-honoured",
        "honoured",
    ),
    Share(
        "corroborated-share",
        "Leads for which independent support was found.",
        "leads-by-standing",
        "leads",
        "corroborated",
    ),
)

NOT_AVAILABLE: Sequence[NotAvailable] = (
    NotAvailable(
        "breaches",
        "Data breaches (Maryland 2-510).",
        "A breach happens outside the gateway; no entry of the log records one. The agency must "
        "state them by itself.",
    ),
    NotAvailable(
        "unauthorised-uses",
        "Every unauthorised use (Maryland 2-510).",
        "What was asked and not permitted is counted as `refused`. A use that went round the gateway leaves no "
        "entry; those that a service's own log shows are `off-book-searches`, and others nobody can count.",
    ),
    NotAvailable(
        "convictions", "What became of leads in court.", "Courts' outcomes do not come back to the gateway."
    ),
    NotAvailable(
        "persons",
        "Number of different persons searched for.",
        "Entries say nothing that tells persons apart; that is on purpose.",
    ),
)
