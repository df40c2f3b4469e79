"""Compare what each person did in a month with others, and with their own past.

One question for every count: given what others do in as much exposure, how often would chance bring about at least
as much? Searches are held against closed cases, searches out of hours against searches, quick approvals
against approvals, and so on. Others differ among themselves, and the tail allows for it (`chances.py`); so
somebody who is a little above the rest is no signal. Asked with each new month, and never of those for whom
there is too little to compare with.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from statistics import median

from counterseal.oversight.approvals import habits_of
from counterseal.oversight.signals.chances import pooled, rate_of, tail_of_counts, tail_of_pairs
from counterseal.oversight.signals.limits import SOCIAL_MEDIA
from counterseal.oversight.signals.rows import Approved, History, Search, Signal, month_of
from counterseal.policy import SignalRule


@dataclass(slots=True)
class Cell:
    """One person in one month: events, how much there was to have them in, and the entries behind them."""

    count: int = 0
    exposure: float = 0.0
    entries: list[int] = field(default_factory=list)

    @property
    def pair(self) -> tuple[float, float]:
        """Count and exposure."""
        return self.count, self.exposure


@dataclass(frozen=True, slots=True)
class Excess:
    """More than chance explains. expected: events at the others' rate. median: of the others' own rates."""

    expected: float
    median: float
    chance: float
    others: int


# Nobody's months are more alike than a shape of so much says, whatever few rare events of others suggest.
_STEADIEST = 10.0

Cells = Mapping[tuple[str, str], Cell]


def excess(
    rule: SignalRule,
    cell: Cell,
    others: Sequence[tuple[float, float]],
    *,
    needed: int | None = None,
    shape: float | None = None,
) -> Excess | None:
    """What is too much about a cell, held against cells of others; None where nothing is, or nothing can be said.

    needed: how many others there must be, `rule.others` unless told. shape: how unlike each other cells are, where
    that is known from elsewhere.
    """
    if cell.count < rule.least or len(others) < (rule.others if needed is None else needed):
        return None
    rate = rate_of(others)
    expected = rate.rate * cell.exposure
    if cell.count < rule.times * expected:
        return None
    chance = tail_of_counts(cell.count, expected, rate.shape if shape is None else shape)
    return Excess(expected, rate.median, chance, rate.others) if chance <= rule.chance else None


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is counted. what, per: in words. against_others, against_own_past: the kinds of its signals,
    empty where it is not asked."""

    cells: Cells
    what: str
    per: str
    against_others: str
    against_own_past: str = ""


def of_people(history: History, rule: SignalRule, *, since: datetime, until: datetime) -> list[Signal]:
    """Every comparison of a person and a month that lies in the period, at least in part."""
    asked = {month_of(since), month_of(until)}
    asked |= {month_of(s.at) for s in history.searches if since <= s.at < until}
    asked |= {
        month_of(a.decided.decided_at) for a in history.approved if since <= a.decided.decided_at < until
    }

    def share(what: str, kind: str, counts: Callable[[Search], bool]) -> Question:
        return Question(_share(history.searches, counts), what, "search", kind)

    questions = (
        Question(
            _searches(history),
            "searches",
            "closed case, the one at hand counted as one",
            "searches-above-peers",
            "searches-above-own-past",
        ),
        share("searches out of hours", "off-duty-above-peers", lambda s: not s.on_duty),
        share(
            "photographs from social media",
            "social-media-above-peers",
            lambda s: s.source_class == SOCIAL_MEDIA,
        ),
        share("photographs of protected events", "events-above-peers", lambda s: s.protected_event),
        Question(
            _quick(history.approved, rule),
            "approvals given faster than one can read",
            "approval",
            "quick-approvals",
            "quicker-than-before",
        ),
    )
    found = [s for q in questions for s in (*_against_others(rule, q, asked), *_against_past(rule, q, asked))]
    return [
        *(_with_seconds(s, history.approved) if s.kind.startswith("quick") else s for s in found),
        *_pairs(rule, history.approved, asked),
    ]


def _searches(history: History) -> dict[tuple[str, str], Cell]:
    """Searches by person and month, held against the cases that the person closed, and the one at hand.

    Closed a month, over this month and the two before it: a case is searched in one month and closed in another.
    """
    months = sorted({month_of(s.at) for s in history.searches} | {month_of(c.at) for c in history.closed})
    people = sorted({s.person for s in history.searches} | {c.person for c in history.closed})
    closed = Counter((c.person, month_of(c.at)) for c in history.closed)
    cells = {}
    for person in people:
        for number, month in enumerate(months):
            lately = months[max(0, number - 2) : number + 1]
            cells[person, month] = Cell(exposure=1 + sum(closed[person, m] for m in lately) / len(lately))
    for search in history.searches:
        cell = cells[search.person, month_of(search.at)]
        cell.count += 1
        cell.entries.append(search.entry)
    return cells


def _share(searches: Iterable[Search], counts: Callable[[Search], bool]) -> dict[tuple[str, str], Cell]:
    cells: dict[tuple[str, str], Cell] = defaultdict(Cell)
    for search in searches:
        cell = cells[search.person, month_of(search.at)]
        cell.exposure += 1
        if counts(search):
            cell.count += 1
            cell.entries.append(search.entry)
    return cells


def _quick(approved: Iterable[Approved], rule: SignalRule) -> dict[tuple[str, str], Cell]:
    cells: dict[tuple[str, str], Cell] = defaultdict(Cell)
    for each in approved:
        cell = cells[each.decided.approver_id, month_of(each.decided.decided_at)]
        cell.exposure += 1
        if each.decided.granted and each.decided.seconds < rule.quick_approval.total_seconds():
            cell.count += 1
            cell.entries.append(each.entry)
    return cells


def _against_others(rule: SignalRule, question: Question, asked: set[str]) -> Iterator[Signal]:
    cells = question.cells
    own: dict[str, tuple[float, float]] = defaultdict(lambda: (0, 0.0))
    for (person, _), cell in cells.items():
        own[person] = (own[person][0] + cell.count, own[person][1] + cell.exposure)
    count, exposure = sum(c for c, _ in own.values()), sum(e for _, e in own.values())
    for (person, month), cell in sorted(cells.items()):
        if month not in asked or cell.count < rule.least:
            continue
        # The others' rate alone, before every one of them is looked at: most people are nowhere near.
        rate = pooled(count - own[person][0], exposure - own[person][1])
        if cell.count < rule.times * rate * cell.exposure:
            continue
        others = [c.pair for (whose, _), c in cells.items() if whose != person]
        if over := excess(rule, cell, others):
            yield _signal(
                rule,
                question.against_others,
                (person, month),
                cell,
                over,
                f"{cell.count} {question.what} in {month}, {cell.count / cell.exposure:.1f} for each {question.per}; "
                f"others have {over.median:.1f} (median of {over.others} person-months), which would make "
                f"{over.expected:.1f}",
            )


def _against_past(rule: SignalRule, question: Question, asked: set[str]) -> Iterator[Signal]:
    if not question.against_own_past:
        return
    by_person: dict[str, list[tuple[str, Cell]]] = defaultdict(list)
    for (person, month), cell in sorted(question.cells.items()):
        by_person[person].append((month, cell))
    for person, months in by_person.items():
        for number, (month, cell) in enumerate(months):
            past = [c.pair for _, c in months[:number]]
            if month not in asked or excess(rule, cell, past, needed=rule.past, shape=inf) is None:
                continue  # not even if months differed by chance alone
            others = [c.pair for (whose, _), c in question.cells.items() if whose != person]
            shape = _of_months(rate_of(others).shape, past)
            if over := excess(rule, cell, past, needed=rule.past, shape=shape):
                yield _signal(
                    rule,
                    question.against_own_past,
                    (person, month),
                    cell,
                    over,
                    f"{cell.count} {question.what} in {month}; at this person's own rate of the {over.others} months "
                    f"before it would be {over.expected:.1f}",
                )


def _signal(
    rule: SignalRule, kind: str, whose: tuple[str, str], cell: Cell, over: Excess, says: str
) -> Signal:
    person, month = whose
    return Signal(
        kind=kind,
        about=f"{person}:{month}",
        says=says,
        times=cell.count / max(over.expected, 0.5),
        entries=tuple(cell.entries),
        person=person,
        numbers={
            "count": cell.count,
            "exposure": cell.exposure,
            "expected": over.expected,
            "median": over.median,
            "others": over.others,
            "chance": over.chance,
            "once_in": float(1 / rule.chance),
            "times": rule.times,
            "least": rule.least,
        },
    )


def _with_seconds(signal: Signal, approved: Iterable[Approved]) -> Signal:
    """How long this person and the others took, in words, beside the count of what was too fast."""
    month = signal.about.rpartition(":")[2]
    decided = [a.decided for a in approved if month_of(a.decided.decided_at) == month]
    own = habits_of(signal.person, decided).median_seconds
    others = [d.seconds for d in decided if d.approver_id != signal.person]
    if own is None or not others:
        return signal
    theirs = median(others)
    return replace(
        signal,
        says=f"{signal.says}; half of them took {own:.0f} seconds or less, and half of the others' {theirs:.0f}",
        numbers={**signal.numbers, "median_seconds": own, "others_seconds": theirs},
    )


def _of_months(shape: float, past: Sequence[tuple[float, float]]) -> float:
    """How unlike its past a month may be: twice as much as others' months are unlike each other, because of seasons;
    and the rate of a past of few events is itself a guess."""
    return 1 / (2 / min(shape, _STEADIEST) + 1 / (sum(count for count, _ in past) + 0.5))


def _pairs(rule: SignalRule, approved: Iterable[Approved], asked: set[str]) -> Iterator[Signal]:
    """Who approves for whom more often than the numbers of both, within the requester's unit, would bring about."""
    by_unit: dict[tuple[str, str], list[Approved]] = defaultdict(list)
    for each in approved:
        if each.decided.granted:
            by_unit[each.unit, _quarter(month_of(each.decided.decided_at))].append(each)
    quarters = {_quarter(month) for month in asked}
    for (_, quarter), within in sorted(by_unit.items()):
        if quarter not in quarters:
            continue
        together: dict[tuple[str, str], list[Approved]] = defaultdict(list)
        for each in within:
            together[each.decided.approver_id, each.decided.requester_id].append(each)
        for (approver, requester), both in sorted(together.items()):
            gave = sum(a.decided.approver_id == approver for a in within)
            got = sum(a.decided.requester_id == requester for a in within)
            expected = gave * got / len(within)
            if len(both) < rule.least:
                continue
            chance = tail_of_pairs(len(both), total=len(within), one=gave, other=got)
            if chance <= rule.chance:
                yield Signal(
                    kind="approvals-of-a-pair",
                    about=f"{approver[-16:]}-{requester[-16:]}:{quarter}",
                    says=(
                        f"{len(both)} of {got} approvals of one requester in {quarter} came from one approver, "
                        f"who gave {gave} of the unit's {len(within)}; by chance it would be {expected:.1f}"
                    ),
                    times=len(both) / expected,
                    entries=tuple(a.entry for a in both),
                    person=approver,
                    numbers={"count": len(both), "expected": expected, "chance": chance, "of": len(within)},
                )


def _quarter(month: str) -> str:
    year, _, number = month.partition("-")
    return f"{year}-q{(int(number) + 2) // 3}"
