"""`counterseal supervise`: the routine review of searches, the random sample, and how approvals are given."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import click

from counterseal.casework.models import SearchRequest
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Json, Outcome, refused
from counterseal.cli.parsing import INSTANT
from counterseal.cli.views import answered, json_value, view
from counterseal.gateway import draw_sample as sample
from counterseal.gateway import supervising
from counterseal.gateway.review_search_use import ANSWERS, review_search_use
from counterseal.oversight.approvals import Habits, all_habits, pairs
from counterseal.oversight.models import ReviewConclusion, SamplePeriod
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

supervise = Ordered(
    "supervise", help="Review searches, draw the sample, see what is late and how approvals go."
)
REQUEST = click.argument("request_id", metavar="SEARCH")
SINCE = click.option("--since", type=INSTANT, help="From when; 90 days ago unless stated.")
UNTIL = click.option("--until", type=INSTANT, help="Until when; now unless stated.")
EXPIRING = timedelta(days=30)
LOOK_BACK = timedelta(days=90)


@command(supervise, "period", acts="sol")
@click.option("--until", type=INSTANT, required=True, help="When it ends.")
@click.option(
    "--since", type=INSTANT, help="When it begins: now, or where the one before it ends, unless stated."
)
def period(desk: Desk, *, until: datetime, since: datetime | None) -> Outcome:
    """Open a period: its secret is committed to before it begins, and shown when its sample is drawn."""
    opened = sample.open_period(desk.office, until=until, since=since, by=desk.by)
    return answered(opened, "Committed.", "When it is over: counterseal supervise draw {id}")


@command(supervise, "periods")
def periods(desk: Desk) -> Outcome:  # noqa: ARG001 - opens the installation
    """Every period, and whether its sample was drawn."""
    rows = [view(p) for p in SamplePeriod.objects.order_by("since")]
    return Outcome(
        {"count": len(rows), "periods": rows},
        tables={"periods": ("id", "since", "until", "status", "drawn_index")},
    )


@command(supervise, "draw", acts="sol")
@click.argument("period_id", metavar="PERIOD")
def draw(desk: Desk, *, period_id: str) -> Outcome:
    """Draw the random share of a period that is over; each search drawn gets a day by which it is reviewed."""
    drawn = sample.draw_sample(desk.office, period_id=period_id, by=desk.by)
    if isinstance(drawn, Refusal):
        return refused(drawn)
    return Outcome(
        {
            **view(drawn.period),
            "seed": drawn.seed.hex(),
            "population": drawn.population,
            "drawn": list(drawn.drawn),
            "between": list(drawn.between),
        },
        headline=f"Drawn: {len(drawn.drawn)} of {drawn.population}; between two periods: {len(drawn.between)}.",
        then=(f"Anybody may repeat it: counterseal supervise verify-sample {drawn.period.drawn_index}",),
    )


@command(supervise, "verify-sample")
@click.argument("entry", type=int)
def verify_sample(desk: Desk, *, entry: int) -> Outcome:  # noqa: ARG001 - opens the installation
    """Repeat a draw from the log's own entries and openings. Exit code 3: something does not fit."""
    again = sample.verify_sample(entry)
    return Outcome(
        {
            "entry": again.entry_index,
            "seed": again.seed,
            "share": again.share,
            "population": again.population,
            "drawn": list(again.drawn),
            "wrong": list(again.wrong),
        },
        Exit.INTEGRITY if again.wrong else Exit.DONE,
        "THE DRAW DOES NOT HOLD." if again.wrong else "The same draw comes out again.",
    )


@command(supervise, "queue")
@click.option("--reviewer", default="", help="Leave out what this person asked for or approved.")
def queue(desk: Desk, *, reviewer: str) -> Outcome:
    """Searches that wait for review: the gravest reason first, then by day. Also what else presses."""
    at = desk.office.clock()
    waiting = supervising.queue(at=at, unless=desk.person(reviewer) if reviewer else "")
    now = supervising.period_now(at=at)
    return Outcome(
        {
            "count": len(waiting),
            "late": sum(q.late for q in waiting),
            "period": now.id if now else "none is open: every search now will be reviewed",
            "searches": [
                {
                    "search": q.request.id,
                    "case": q.request.case_id,
                    "requester": q.request.requester_id,
                    "because": list(q.because),
                    "due": json_value(q.due),
                    "late": q.late,
                }
                for q in waiting
            ],
            "certificates_expiring": [
                {"person": c.person_id, "expires": json_value(c.expires)}
                for c in supervising.certificates_expiring(at=at, within=EXPIRING)
            ],
        },
        tables={
            "searches": ("search", "requester", "because", "due", "late"),
            "certificates_expiring": ("person", "expires"),
        },
    )


@command(supervise, "awaiting")
def awaiting(desk: Desk) -> Outcome:
    """Requests that an approval is owed to; exigent uses that ran without one come first, with their hours."""
    at = desk.office.clock()
    rows: Sequence[Json] = [
        {
            "search": a.request.id,
            "kind": str(a.kind),
            "requester": a.request.requester_id,
            "until": json_value(a.until),
            "hours_left": None if a.until is None else round((a.until - at) / timedelta(hours=1), 1),
        }
        for a in supervising.awaiting_approval(at=at)
    ]
    return Outcome(
        {"count": len(rows), "requests": rows},
        tables={"requests": ("search", "kind", "requester", "hours_left")},
    )


@command(supervise, "search")
@REQUEST
def search(desk: Desk, *, request_id: str) -> Outcome:  # noqa: ARG001 - opens the installation
    """One search with its surroundings: why it is reviewed, the requester's last ones, the case's others."""
    seen = supervising.surroundings(request_id)
    return Outcome(
        {
            **view(seen.request),
            "because": list(seen.because),
            "review": view(seen.review) if seen.review else None,
            "approvals": [
                {"kind": a.kind, "approver": a.approver_id, "granted": a.granted, "at": json_value(a.at)}
                for a in seen.approvals
            ],
            "requester_before": [_short(r) for r in seen.person_last],
            "of_the_case": [_short(r) for r in seen.of_case],
            "findings": [view(f) for f in seen.findings],
        },
        tables={
            "approvals": ("kind", "approver", "granted", "at"),
            "requester_before": ("search", "case", "purpose", "at"),
            "of_the_case": ("search", "requester", "purpose", "at"),
            "findings": ("id", "kind", "status"),
        },
    )


@command(supervise, "worksheet")
def worksheet(desk: Desk) -> Outcome:
    """The lines that a review answers, as the packs in force state them."""
    rule = desk.office.policies.supervision(desk.office.clock())
    return Outcome(
        {
            "clause": rule.clause,
            "share": str(rule.share),
            "review_within_days": rule.review_within.days,
            "always": sorted(rule.always),
            "lines": [{"line": line, "asks": asks} for line, asks in rule.worksheet.items()],
        },
        tables={"lines": ("line", "asks")},
    )


@command(supervise, "review", acts="sol")
@REQUEST
@click.option(
    "--conclusion",
    type=click.Choice([str(c) for c in ReviewConclusion]),
    required=True,
    help="What it came to.",
)
@click.option(
    "--answer", "answers", multiple=True, metavar="LINE=ANSWER", help=f"Each line: {', '.join(ANSWERS)}."
)
@click.option("--why", "reasons", multiple=True, metavar="LINE=WORDS", help="Why a line is answered no.")
@click.option("--words", default="", help="Whatever else there is to say; kept in the vault.")
def review(
    desk: Desk,
    *,
    request_id: str,
    conclusion: str,
    answers: tuple[str, ...],
    reasons: tuple[str, ...],
    words: str,
) -> Outcome:
    """Review one search line by line. Never one's own, and never one that one approved."""
    done = review_search_use(
        desk.office,
        request_id=request_id,
        answers=_told(answers),
        reasons=_told(reasons),
        conclusion=conclusion,
        words=words,
        by=desk.by,
    )
    return answered(done, "Recorded.")


@command(supervise, "overdue")
def overdue(desk: Desk) -> Outcome:
    """What is late, of everybody: for the level above. Exit code 0 also where something is."""
    at = desk.office.clock()
    rows: Sequence[Json] = [
        {
            "what": o.what,
            "about": o.about,
            "owner": o.owner,
            "due": json_value(o.due),
            "days_late": round((at - o.due) / timedelta(days=1), 1),
        }
        for o in supervising.late(at=at)
    ]
    return Outcome(
        {"count": len(rows), "overdue": rows},
        tables={"overdue": ("what", "about", "owner", "due", "days_late")},
    )


@command(supervise, "completion")
@SINCE
@UNTIL
def completion(desk: Desk, *, since: datetime | None, until: datetime | None) -> Outcome:
    """How many of the reviews that fell due in a time were done, and in time."""
    begins, ends = _span(desk, since, until)
    done = supervising.completion(since=begins, until=ends)
    return Outcome(
        {
            "since": json_value(begins),
            "until": json_value(ends),
            "due": done.due,
            "in_time": done.in_time,
            "late": done.late,
            "missing": done.missing,
        }
    )


@command(supervise, "approvals")
@SINCE
@UNTIL
@click.option("--approver", default="", help="One person's only: the view of one's own.")
def approvals(desk: Desk, *, since: datetime | None, until: datetime | None, approver: str) -> Outcome:
    """How fast and how often approvals are given, and between whom. The same for a person and for their superior."""
    begins, ends = _span(desk, since, until)
    decided = supervising.decided(since=begins, until=ends)
    if approver:
        wanted = desk.person(approver)
        decided = tuple(d for d in decided if d.approver_id == wanted)
    return Outcome(
        {
            "since": json_value(begins),
            "until": json_value(ends),
            "approvers": [_habits(h) for h in all_habits(decided)],
            "pairs": [
                {"approver": one, "requester": other, "granted": n}
                for (one, other), n in pairs(decided).most_common()
            ],
        },
        tables={
            "approvers": ("approver", "decisions", "refused", "median_seconds"),
            "pairs": ("approver", "requester", "granted"),
        },
    )


def _span(desk: Desk, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    ends = until or desk.office.clock()
    begins = since or ends - LOOK_BACK
    if begins >= ends:
        raise BadInputError("the time ends after it begins; give --since and --until in that order")
    return begins, ends


def _told(pairs_of: Sequence[str]) -> Mapping[str, str]:
    """`LINE=TEXT` options as a mapping."""
    told: dict[str, str] = {}
    for text in pairs_of:
        line, equals, said = text.partition("=")
        if not equals or line in told:
            raise BadInputError(f"`{text}`: write LINE=TEXT, each line once")
        told[line] = said
    return told


def _short(row: SearchRequest) -> Json:
    return {
        "search": row.id,
        "case": row.case_id,
        "requester": row.requester_id,
        "purpose": row.purpose_code,
        "service": row.service_id,
        "at": json_value(row.submitted_at),
    }


def _habits(habits: Habits) -> Json:
    return {
        "approver": habits.approver_id,
        "decisions": habits.decisions,
        "refused": habits.refused,
        "median_seconds": habits.median_seconds,
        "requesters": dict(habits.requesters),
    }
