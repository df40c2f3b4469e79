"""What a supervisor looks at, and what the level above looks at: read from the records, stored nowhere.

The queue by risk and age, what is late, what waits for an approval, one search with its surroundings, how much
of the review is done, and how approvals are given.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from counterseal.casework.models import Approval, SearchRequest
from counterseal.casework.words import ApprovalKind, RequestStatus
from counterseal.gateway.draw_sample import BETWEEN, SAMPLED
from counterseal.gateway.found import found
from counterseal.gateway.review_reasons import KIND
from counterseal.oversight.approvals import Decided
from counterseal.oversight.models import (
    Duty,
    Finding,
    PeriodStatus,
    Referral,
    ReferralStatus,
    SamplePeriod,
    SupervisorReview,
)
from counterseal.people.models import Certificate

# Why a search is reviewed, the gravest first; a duty without a reason was opened by a policy alone.
BY_RISK = (
    "witness",
    "exigent",
    "protected-event",
    "same-photograph",
    "same-case",
    "out-of-hours",
    BETWEEN,
    SAMPLED,
)
LAST_SEARCHES = 20


@dataclass(frozen=True, slots=True)
class Queued:
    """A search that waits for its supervisor's review. late: the day is past."""

    request: SearchRequest
    because: tuple[str, ...]
    opened_at: datetime
    due: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Late:
    """Something whose day is past. what: `sample`, `referral`, or a duty's kind. owner: the role whose it is."""

    what: str
    about: str
    owner: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A request that an approval of this kind is still owed to. until: for an exigent use that ran without one."""

    request: SearchRequest
    kind: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One search as its reviewer sees it. person_last: the requester's latest others; of_case: the case's others."""

    request: SearchRequest
    because: tuple[str, ...]
    approvals: tuple[Approval, ...]
    person_last: tuple[SearchRequest, ...]
    of_case: tuple[SearchRequest, ...]
    findings: tuple[Finding, ...]
    review: SupervisorReview | None


@dataclass(frozen=True, slots=True)
class Completion:
    """Reviews that became due in a time, half open. in_time: closed by their day. missing: not closed."""

    due: int
    in_time: int
    late: int
    missing: int


def queue(*, at: datetime, unless: str = "") -> tuple[Queued, ...]:
    """Every search that waits for review, the gravest reason first, then the one that is due first.

    unless: a person who may not review their own, or what they approved; those are left out.
    """
    duties = Duty.objects.filter(kind=KIND, closed_at=None)
    requests = _requests(d.about for d in duties)
    approved = set(Approval.objects.filter(approver_id=unless).values_list("request_id", flat=True))
    waiting = [
        Queued(requests[d.about], tuple(d.because), d.opened_at, d.due, d.due < at)
        for d in duties
        if not unless or (requests[d.about].requester_id != unless and d.about not in approved)
    ]
    return tuple(sorted(waiting, key=lambda q: (_risk(q.because), q.due, q.request.id)))


def late(*, at: datetime) -> tuple[Late, ...]:
    """Every duty, referral and draw whose day is past: what the level above asks about. The longest late first."""
    duties = Duty.objects.filter(closed_at=None, due__lt=at)
    referrals = Referral.objects.filter(status=ReferralStatus.OPEN, due__lt=at)
    undrawn = SamplePeriod.objects.filter(status=PeriodStatus.OPEN, until__lt=at)
    everything = [
        *(Late(d.kind, d.about, d.owner, d.due) for d in duties),
        *(Late("referral", r.finding_id, "auditor", r.due) for r in referrals),
        *(Late("sample", p.id, "supervisor", p.until) for p in undrawn),
    ]
    return tuple(sorted(everything, key=lambda o: (o.due, o.about)))


def period_now(*, at: datetime) -> SamplePeriod | None:
    """The period that this instant lies in; None means that whatever is searched now will be reviewed whole."""
    return SamplePeriod.objects.filter(since__lte=at, until__gt=at).first()


def awaiting_approval(*, at: datetime) -> tuple[Awaiting, ...]:
    """Requests that ask for an approval nobody has given or refused: exigent uses with a clock first."""
    clocks = Duty.objects.filter(kind="exigent-approval", closed_at=None).order_by("due")
    requests = _requests(d.about for d in clocks)
    waiting = [Awaiting(requests[d.about], ApprovalKind.EXIGENT, d.due) for d in clocks]
    asked = SearchRequest.objects.filter(status=RequestStatus.REQUESTED, requested_at__lte=at)
    for kind, asks in (
        (ApprovalKind.WITNESS, Q(probe__subject_role="witness")),
        (ApprovalKind.EXIGENT, Q(exigency_claimed=True)),
        (ApprovalKind.EVENT, Q(probe__protected_event=True)),
    ):
        decided = Approval.objects.filter(kind=kind).values("request_id")
        waiting += [
            Awaiting(r, kind, None)
            for r in asked.filter(asks).exclude(pk__in=decided).order_by("requested_at")
        ]
    return tuple(waiting)


def surroundings(request_id: str) -> Surroundings:
    """One search with what its reviewer needs around it. Raises: BadInputError."""
    request = found(SearchRequest, request_id)
    others = SearchRequest.objects.exclude(pk=request_id).filter(intent_index__isnull=False)
    others = others.order_by("-submitted_at")
    duty = Duty.objects.filter(kind=KIND, about=request_id).first()
    return Surroundings(
        request=request,
        because=tuple(duty.because) if duty else (),
        approvals=tuple(Approval.objects.filter(request=request).order_by("at")),
        person_last=tuple(others.filter(requester_id=request.requester_id)[:LAST_SEARCHES]),
        of_case=tuple(others.filter(case_id=request.case_id)),
        findings=tuple(Finding.objects.filter(about__in=[request_id, request.case_id]).order_by("opened_at")),
        review=SupervisorReview.objects.filter(request_id=request_id).first(),
    )


def completion(*, since: datetime, until: datetime) -> Completion:
    """How much of the review that was due in this time is done."""
    duties = list(Duty.objects.filter(kind=KIND, due__gte=since, due__lt=until))
    in_time = sum(d.closed_at is not None and d.closed_at <= d.due for d in duties)
    missing = sum(d.closed_at is None for d in duties)
    return Completion(len(duties), in_time, len(duties) - in_time - missing, missing)


def decided(*, since: datetime, until: datetime) -> tuple[Decided, ...]:
    """Every approval or refusal of this time, half open, in order: what `oversight.approvals` counts."""
    rows = Approval.objects.filter(at__gte=since, at__lt=until).select_related("request").order_by("at", "id")
    return tuple(map(decision_of, rows))


def decision_of(approval: Approval) -> Decided:
    """One approval or refusal as a plain row. Its request is read with it (`select_related`)."""
    return Decided(
        request_id=approval.request_id,
        kind=approval.kind,
        requester_id=approval.requester_id,
        approver_id=approval.approver_id,
        granted=approval.granted,
        requested_at=approval.request.requested_at,
        decided_at=approval.at,
    )


def certificates_expiring(*, at: datetime, within: timedelta) -> tuple[Certificate, ...]:
    """The latest certificate of each active person, where it runs out in this time or has run out."""
    latest: dict[str, Certificate] = {}
    for row in Certificate.objects.filter(person__active=True).order_by("expires", "id"):
        latest[row.person_id] = row
    return tuple(sorted((c for c in latest.values() if c.expires < at + within), key=lambda c: c.expires))


def _risk(because: Iterable[str]) -> int:
    return min((BY_RISK.index(b) for b in because if b in BY_RISK), default=len(BY_RISK))


def _requests(ids: Iterable[str]) -> dict[str, SearchRequest]:
    return {r.id: r for r in SearchRequest.objects.filter(pk__in=list(ids))}
