"""A supervisor reviews one search: line by line of the packs' worksheet, with an outcome (HSI-M/4E4-supervisor-review).

Never the requester, and never an approver of that search. Each `no` says why and becomes a finding; `referred`
hands these findings to professional responsibility at once. The review closes the duty that asked for it.
"""

from collections.abc import Mapping

from counterseal.casework.models import Approval, SearchRequest
from counterseal.gateway.findings import refer, seal_finding
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.review_reasons import KIND
from counterseal.gateway.sealing import change
from counterseal.ledger.canonical import write_canonical
from counterseal.oversight.models import Duty, ReviewConclusion, SupervisorReview
from counterseal.policy import SupervisionRule
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError

ANSWERS = ("yes", "no", "not-applicable")


def review_search_use(
    office: Office,
    *,
    request_id: str,
    answers: Mapping[str, str],
    reasons: Mapping[str, str],
    conclusion: str,
    by: str,
    words: str = "",
) -> SupervisorReview | Refusal:
    """Answer every line of the worksheet, and say what the review came to.

    answers: line -> one of `ANSWERS`. reasons: line -> words, for each `no`. conclusion: `in-order` where there
    is no `no`, else `finding` or `referred`. words: whatever else there is to say.

    Raises:
        BadInputError: no such search, it was never submitted, or the worksheet is not filled in.
        StaleError: it was reviewed.
    """
    with change(office) as now:
        request = found(SearchRequest, request_id)
        rule = office.policies.supervision(now.at)
        _filled_in(rule, answers, reasons, conclusion)
        approvers = set(Approval.objects.filter(request=request).values_list("approver_id", flat=True))
        move = "review the use of a search"
        people = {"requester_id": request.requester_id, "approver_id": by if by in approvers else ""}
        if refusal := stands_against(now, move, by=by, target=request_id, people=people):
            return refusal
        if request.intent_index is None:
            raise BadInputError(f"request `{request_id}` was never submitted: there is no search to review")
        if SupervisorReview.objects.filter(request_id=request_id).exists():
            raise StaleError(f"search `{request_id}` was reviewed already; read that review")
        duties = list(Duty.objects.filter(kind=KIND, about=request_id, closed_at=None))
        for duty in duties:
            duty.closed_at, duty.closed_by_id = now.at, by
        review_id = office.new_id(SupervisorReview)
        said = {line: reasons[line].strip() for line, answer in answers.items() if answer == "no"}
        kept = office.vault.put(
            office.new_name("object"),
            write_canonical({"no": said, "words": words.strip()}),
            kind="supervision-words",
            about=review_id,
            at=now.at,
        )
        review = SupervisorReview(
            id=review_id,
            request_id=request_id,
            requester_id=request.requester_id,
            reviewer_id=by,
            conclusion=conclusion,
            answers=dict(sorted(answers.items())),
            words=kept.id,
            pack=office.policies.in_force(now.at).digest,
            at=now.at,
        )
        sealed = now.seal(
            "supervision.reviewed",
            by=by,
            action=move,
            target=request_id,
            outcome=conclusion,
            clauses=[rule.clause],
            causes=[request.intent_index],
            public={"findings": len(said), "lines": len(answers)},
            # The review first: the duty's guard looks for it.
            rows=[review, *duties],
            objects=[kept],
        )
        for line, why in said.items():
            for finding in seal_finding(
                now,
                f"review-{line}",
                request_id,
                f"a supervisor's review answered no: {rule.worksheet[line]}",
                by=by,
                clauses=[rule.clause],
                person_id=request.requester_id,
                entries=[request.intent_index, sealed.index],
            ):
                if conclusion == ReviewConclusion.REFERRED:
                    refer(now, finding, reason=why, by=by)
        return review


def _filled_in(
    rule: SupervisionRule, answers: Mapping[str, str], reasons: Mapping[str, str], conclusion: str
) -> None:
    """Refuse a worksheet with lines missing, unknown, unexplained, or a conclusion that contradicts it."""
    if unknown := sorted({*answers, *reasons} - rule.worksheet.keys()):
        raise BadInputError(
            f"the worksheet has no line `{unknown[0]}`; its lines are {', '.join(sorted(rule.worksheet))}"
        )
    if missing := sorted(rule.worksheet.keys() - answers.keys()):
        raise BadInputError(f"answer every line of the worksheet; these are missing: {', '.join(missing)}")
    for line, answer in answers.items():
        if answer not in ANSWERS:
            raise BadInputError(f"`{line}` is answered {', '.join(ANSWERS)}; not `{answer}`")
        if answer == "no" and not reasons.get(line, "").strip():
            raise BadInputError(f"`{line}` is answered no: say why in words")
    if conclusion not in list(ReviewConclusion):
        raise BadInputError(f"a review comes to {', '.join(ReviewConclusion)}; not `{conclusion}`")
    if ("no" in answers.values()) == (conclusion == ReviewConclusion.IN_ORDER):
        raise BadInputError("a review is in order where no line is answered no, and only there")
