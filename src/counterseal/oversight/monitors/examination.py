"""Examination: two reviewers who both kept the candidate stand before a lead, and a lead gets into a report."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule, words
from counterseal.oversight.monitors.roles import RoleBook

MARKED = "lead.marked"
TURNS = 2


@dataclass(slots=True)
class _Review:
    opened: int
    of_list: tuple[int, ...]
    turn: object
    judged: dict[str, str] = field(default_factory=dict)
    judged_closed: bool = False
    kept_some: bool = False
    reviewer: str | None = None


class TwoReviewersBeforeLead(Monitor):
    """Each lead: two locked reviews of one list, by two persons, both of which kept the candidate; a comparison."""

    rule = Rule(
        "two-reviewers-before-lead",
        "HSI-M/2-candidate-list",
        "Before a lead was marked, two different persons had each locked a review of that list in which they kept "
        "the candidate, and a comparison with other information fitted.",
        "Whether the reviewers talked to each other.",
    )
    kinds = frozenset({"review.opened", "candidate.disposed", "review.locked", "candidate.compared", MARKED})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._reviews: dict[int, _Review] = {}
        self._locked: dict[int, _Review] = {}
        self._compared: dict[int, tuple[str, str | None]] = {}

    def follow(self, line: Line) -> None:
        """One step."""
        entry = line.entry
        match entry.kind:
            case "review.opened":
                self._reviews[line.index] = _Review(line.index, entry.causes, entry.public.get("turn"))
            case "candidate.disposed":
                for review in self._of(line):
                    candidate = line.maybe("target")
                    review.judged_closed |= candidate is None
                    if candidate is not None:
                        review.judged[candidate] = entry.outcome
            case "review.locked":
                for review in self._of(line):
                    review.kept_some = entry.outcome == "some-kept"
                    review.reviewer = line.maybe("initiator")
                    self._locked[line.index] = review
            case "candidate.compared":
                self._compared[line.index] = (entry.outcome, line.maybe("target"))
            case _:
                self._marked(line)

    def _of(self, line: Line) -> list[_Review]:
        return [self._reviews[cause] for cause in line.entry.causes if cause in self._reviews]

    def _marked(self, line: Line) -> None:
        self.checked += 1
        causes = line.entry.causes
        reviews = [self._locked[cause] for cause in causes if cause in self._locked]
        compared = [self._compared[cause] for cause in causes if cause in self._compared]
        if says := self._what_lacks(reviews, compared):
            self.violated(says, *causes, line.index, since=line.entry.at)
            return
        first, second = reviews
        candidate = compared[0][1]
        if first.reviewer is not None and first.reviewer == second.reviewer:
            self.violated(
                "one person made both reviews behind a lead", *causes, line.index, since=line.entry.at
            )
        elif candidate is not None and (says := self._who_did_not_keep(candidate, reviews)):
            self.violated(says, *causes, line.index, since=line.entry.at)
        elif candidate is None or any(r.reviewer is None or candidate not in r.judged for r in reviews):
            self.cannot_judge(line.index)

    @staticmethod
    def _what_lacks(reviews: list[_Review], compared: list[tuple[str, str | None]]) -> str:
        if len(reviews) != TURNS or {review.turn for review in reviews} != {1, 2}:
            return f"a lead was marked on {len(reviews)} locked reviews, not on a first and a second one"
        if reviews[0].of_list != reviews[1].of_list:
            return "the reviews behind a lead are of two different lists"
        if not all(review.kept_some for review in reviews):
            return "a reviewer behind a lead kept no candidate at all"
        if [outcome for outcome, _ in compared] != ["consistent"]:
            return "no comparison with other information that fits stands behind a lead"
        return ""

    def _who_did_not_keep(self, candidate: str, reviews: list[_Review]) -> str:
        for review in reviews:
            judgement = review.judged.get(candidate)
            if judgement is None and not review.judged_closed:
                return f"reviewer {review.turn} never judged the candidate of a lead"
            if judgement is not None and judgement not in self.expects.kept:
                return f"reviewer {review.turn} did not keep the candidate of a lead"
        return ""


@dataclass(frozen=True, slots=True)
class _Lead:
    index: int
    at: datetime


class LeadNoted(Monitor):
    """Each lead: noted in a report of investigation, or closed, within a time after it was marked."""

    rule = Rule(
        "lead-noted",
        "HSI-M/4E2-results",
        "Every lead was noted in a report of investigation in time, unless it was closed before.",
        "What the report says.",
    )
    kinds = frozenset({MARKED, "lead.noted", "lead.closed", "action.clearance-requested", "action.cleared"})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._of: dict[int, _Lead] = {}
        self._waiting: dict[int, _Lead] = {}

    def follow(self, line: Line) -> None:
        """One step. Every later entry about a lead names the one before it as a cause."""
        kind, index = line.entry.kind, line.index
        if kind == MARKED:
            self.checked += 1
            self._of[index] = self._waiting[index] = _Lead(index, line.entry.at)
            return
        leads = {self._of[cause].index: self._of[cause] for cause in line.entry.causes if cause in self._of}
        for lead in leads.values():
            self._of[index] = lead
            if kind in ("lead.noted", "lead.closed") and lead.index in self._waiting:
                del self._waiting[lead.index]
                due = lead.at + self.expects.noted_within
                if line.entry.at > due:
                    self.violated(
                        f"a lead was noted or closed only after {words(line.entry.at - lead.at)}",
                        lead.index,
                        index,
                        since=due,
                    )

    def end(self, until: datetime) -> Iterable[int]:
        """A lead that stands in no report after its time is broken since then."""
        within = self.expects.noted_within
        for lead in self._waiting.values():
            if until > lead.at + within:
                self.violated(
                    f"a lead stands in no report after {words(within)}", lead.index, since=lead.at + within
                )
            else:
                yield lead.index
