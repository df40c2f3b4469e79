"""Review a candidate list: open a blind sheet, dispose of each candidate, lock.

Turn 1 shows every candidate; turn 2, by another person, shows the kept ones among foils. Both in random
order, under ids that say nothing, without score, rank, name or the other's opinion. After both are locked
the rank and a calibrated statement may be seen, and any disagreement means: no lead.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from counterseal.casework.models import CandidateListRow, CandidateRow, Disposition, Review
from counterseal.casework.words import KEPT, Judgement, ReviewStatus
from counterseal.evaluation.statement import graded_statement
from counterseal.gateway.conclude_test import plan_of, result_of
from counterseal.gateway.facts import examination_facts
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import ServiceTest
from counterseal.oversight.vault import DestroyedError
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from counterseal.terms.testing import Kind

CAVEAT = (
    "Candidates are unconfirmed. A candidate is a possible lead at most, never an identification, "
    "and no action may rest on it alone."
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a reviewer sees: candidate ids in a random order, each with a photograph in the vault. Nothing else.

    Of the probe and the photographs, `Office.vault.open` gives the bytes.
    """

    review_id: str
    turn: int
    probe: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Revealed:
    """What may be seen of a candidate once both reviews are locked."""

    candidate_id: str
    rank: int
    score: float
    score_kind: str
    reference_captured_on: date | None
    kept_by: int
    statement: str


def open_review(office: Office, *, list_id: str, by: str) -> Sheet | Refusal:
    """Open the next turn of review for this person, and give out the sheet.

    Raises:
        StaleError: both turns are taken, or the first is not locked yet. BadInputError: nothing to review.
    """
    with change(office) as now:
        candidate_list = found(CandidateListRow, list_id)
        earlier = list(candidate_list.reviews.order_by("turn"))
        if len(earlier) == 2:
            raise StaleError(f"both reviews of list `{list_id}` are taken")
        shown = list(candidate_list.candidates.filter(foil=False))
        if not shown:
            raise BadInputError(f"list `{list_id}` holds no candidate: there is nothing to review")
        if earlier:
            first = earlier[0]
            if first.status != ReviewStatus.LOCKED:
                raise StaleError("the first review is not locked yet")
            refusal = stands_against(
                now,
                "open the second review",
                by=by,
                target=list_id,
                people={"first_reviewer_id": first.reviewer_id},
            )
            shown = _kept(first) + list(candidate_list.candidates.filter(foil=True)) or shown
            if not _kept(first):
                raise BadInputError("the first reviewer kept no candidate: there is nothing to confirm")
        else:
            refusal = stands_against(now, "open the first review", by=by, target=list_id)
        if refusal:
            return refusal
        order = _shuffled(office, [c.id for c in shown])
        review = Review(
            id=office.new_id(Review),
            candidate_list=candidate_list,
            turn=len(earlier) + 1,
            reviewer_id=by,
            order=order,
            status=ReviewStatus.OPEN,
            opened_at=now.at,
        )
        now.seal(
            "review.opened",
            by=by,
            action="open a review",
            target=list_id,
            outcome="done",
            causes=[candidate_list.entry_index],
            public={"turn": review.turn},
            rows=[review],
        )
        return sheet(review)


def sheet(review: Review) -> Sheet:
    """The sheet of an open review, in its own random order."""
    photographs = dict(CandidateRow.objects.filter(pk__in=review.order).values_list("id", "photograph"))
    return Sheet(
        review_id=review.id,
        turn=review.turn,
        probe=review.candidate_list.request.probe.sent,
        items=tuple((c, photographs[c]) for c in review.order),
    )


def own_sheet(office: Office, *, review_id: str, by: str) -> Sheet:
    """The sheet of one's own open review again, in the order in which it was given out.

    Raises:
        BadInputError: it is somebody else's. StaleError: it is locked.
    """
    office.acting(by)
    review = _own(review_id, by)
    if review.status != ReviewStatus.OPEN:
        raise StaleError(f"review `{review_id}` is locked; its sheet is not given out again")
    return sheet(review)


def dispose_of_candidate(
    office: Office, *, review_id: str, candidate_id: str, judgement: str, by: str
) -> Disposition | Refusal:
    """Judge one candidate of one's own open review.

    Policy decides who may say what: an examiner's conclusion needs the qualification (HSI-M/4D1-examiners).
    """
    if judgement not in list(Judgement):
        raise BadInputError(f"there is no judgement `{judgement}`; there are {', '.join(Judgement)}")
    with change(office) as now:
        review = _own(review_id, by)
        refusal = stands_against(now, "dispose of a candidate", by=by, target=review_id, state=review.status)
        if refusal:
            return refusal
        if candidate_id not in review.order:
            raise BadInputError(f"`{candidate_id}` is not on this review's sheet")
        if Disposition.objects.filter(review=review, candidate_id=candidate_id).exists():
            raise StaleError(f"`{candidate_id}` has its disposition already; a judgement is not changed")
        facts = examination_facts(review, candidate=candidate_id, conclusion=judgement, at=now.at)
        decision = office.decide(facts, now.at)
        if isinstance(decision, Refusal):
            return now.refuse(
                "disposition.refused", decision, by=by, action="dispose of a candidate", target=candidate_id
            )
        disposition = Disposition(
            id=office.new_id(Disposition),
            review=review,
            candidate_id=candidate_id,
            judgement=judgement,
            at=now.at,
        )
        now.seal(
            "candidate.disposed",
            by=by,
            action="dispose of a candidate",
            target=candidate_id,
            outcome=judgement,
            decision=decision,
            causes=[review.entry_index],
            public={"turn": review.turn},
            rows=[disposition],
        )
        return disposition


def lock_review(office: Office, *, review_id: str, by: str) -> Review | Refusal:
    """Close one's review: every candidate has its disposition, and nothing changes any more.

    Raises:
        BadInputError: a candidate has no disposition yet.
    """
    with change(office) as now:
        review = _own(review_id, by)
        if refusal := stands_against(now, "lock a review", by=by, target=review_id, state=review.status):
            return refusal
        disposed = set(review.dispositions.values_list("candidate_id", flat=True))
        if missing := [c for c in review.order if c not in disposed]:
            raise BadInputError(
                f"{len(missing)} of {len(review.order)} candidates have no disposition yet: {', '.join(missing)}; "
                "judge each (`potential-lead`, `excluded` or `inconclusive`), then lock"
            )
        review.status, review.locked_at = ReviewStatus.LOCKED, now.at
        review.none_of_these = not review.dispositions.filter(judgement__in=KEPT).exists()
        now.seal(
            "review.locked",
            by=by,
            action="lock a review",
            target=review.candidate_list_id,
            outcome="none-of-these" if review.none_of_these else "some-kept",
            causes=[review.entry_index],
            public={"turn": review.turn},
            rows=[review],
        )
        return review


def reveal(office: Office, *, list_id: str, by: str) -> tuple[Revealed, ...] | Refusal:
    """Rank, score and statement of every candidate, once the reviews are locked. The reading is sealed.

    Raises:
        StaleError: a review is still to be locked.
    """
    with change(office) as now:
        candidate_list = found(CandidateListRow, list_id)
        if refusal := stands_against(now, "see ranks and scores", by=by, target=list_id):
            return refusal
        reviews = list(candidate_list.reviews.order_by("turn"))
        over = reviews and all(r.status == ReviewStatus.LOCKED for r in reviews)
        if not over or (len(reviews) == 1 and not reviews[0].none_of_these):
            raise StaleError("scores and ranks are shown only after both reviews are locked")
        now.seal(
            "candidates.revealed", by=by, action="see ranks and scores", target=list_id, outcome="done",
            causes=[reviews[-1].entry_index],
        )  # fmt: skip
        kept = [{c.id for c in _kept(r)} for r in reviews]
        tested = _tested(office, candidate_list)
        return tuple(
            Revealed(
                candidate_id=c.id,
                rank=c.rank or 0,
                score=c.score or 0.0,
                score_kind=c.score_kind,
                reference_captured_on=c.reference_captured_on,
                kept_by=sum(c.id in k for k in kept),
                statement=_statement(candidate_list, c, tested),
            )
            for c in candidate_list.candidates.filter(foil=False).order_by("rank")
        )


def _tested(office: Office, candidate_list: CandidateListRow) -> tuple[str, Mapping[str, Any]] | None:
    """Id and result of the latest test that was made here of the very engine that answered."""
    request = candidate_list.request
    tests = ServiceTest.objects.filter(service_id=request.service_id, kind=Kind.DIRECT).order_by("-tested_at")
    for test in tests.select_related("plan"):
        if test.plan is None or request.mode not in test.modes:
            continue
        # What was destroyed since carries no statement; an older test may.
        with suppress(DestroyedError):
            if plan_of(office, test.plan).system.engine_id == candidate_list.engine_id:
                return test.id, result_of(office, test)
    return None


def _statement(
    candidate_list: CandidateListRow, candidate: CandidateRow, tested: tuple[str, Mapping[str, Any]] | None
) -> str:
    if tested is not None and candidate.score is not None:
        graded = graded_statement(
            tested[1], candidate.score, score_kind=candidate.score_kind, searched=candidate_list.searched
        )
        if graded is not None:
            return f"{graded} By test `{tested[0]}` of this version."
    if candidate_list.operating_point:
        return (
            f"at or better than the operating point `{candidate_list.operating_point}`, which was calibrated on "
            f"other data for galleries of this size; {candidate_list.searched} references were compared"
        )
    return "vendor number, meaning not tested here; no decision follows from it"


def _kept(review: Review) -> list[CandidateRow]:
    return [d.candidate for d in review.dispositions.filter(judgement__in=KEPT).select_related("candidate")]


def _own(review_id: str, by: str) -> Review:
    review = found(Review, review_id)
    if review.reviewer_id != by:
        raise BadInputError(
            f"review `{review_id}` belongs to somebody else; reviewers do not see each other's sheets"
        )
    return review


def _shuffled(office: Office, ids: list[str]) -> list[str]:
    """A random order from the office's randomness: sort by 16 random bytes each."""
    keyed = sorted((office.token(16), i) for i in sorted(ids))
    return [i for _, i in keyed]
