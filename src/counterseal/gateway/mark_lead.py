"""Mark a possible lead, note it in the report of investigation, close it.

A lead needs two locked reviews by two people that both kept the candidate, all candidates of the list
disposed of, and a recorded comparison with other information that did not speak against it.
"""

from counterseal.casework.models import CandidateRow, Comparison, Disposition, Lead, Review
from counterseal.casework.words import KEPT, ComparisonResult, LeadStatus, ReviewStatus
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.gateway.sessions import is_disowned
from counterseal.oversight.models import Duty
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError


def mark_lead(office: Office, *, candidate_id: str, by: str) -> Lead | Refusal:
    """Make a possible lead of a candidate, or say everything that stands against it."""
    with change(office) as now:
        candidate = found(CandidateRow, candidate_id)
        case_id = candidate.candidate_list.request.case_id
        if refusal := stands_against(now, "mark a lead", by=by, target=candidate_id, on_case=case_id):
            return refusal
        reviews = list(candidate.candidate_list.reviews.order_by("turn"))
        comparisons = list(candidate.comparisons.order_by("at"))
        if unmet := _unmet(candidate, reviews, comparisons):
            return now.refuse(
                "lead.refused", now.unmet(unmet), by=by, action="mark a lead", target=candidate_id
            )
        comparison = [c for c in comparisons if c.result == ComparisonResult.CONSISTENT][-1]
        lead = Lead(
            id=office.new_id(Lead),
            case_id=candidate.candidate_list.request.case_id,
            candidate=candidate,
            comparison=comparison,
            first_reviewer_id=reviews[0].reviewer_id,
            second_reviewer_id=reviews[1].reviewer_id,
            status=LeadStatus.POSSIBLE_LEAD,
            marked_by_id=by,
            marked_at=now.at,
        )
        now.seal(
            "lead.marked",
            by=by,
            action="mark a lead",
            target=lead.id,
            outcome=LeadStatus.POSSIBLE_LEAD,
            clauses=["HSI-M/4D2-compare", "HSI-M/4D3-leads-only"],
            causes=[comparison.entry_index, *(r.entry_index for r in reviews)],
            rows=[lead],
        )
        return lead


def note_in_report(office: Office, *, lead_id: str, report: str, by: str) -> Lead | Refusal:
    """Note a lead in a report of investigation of the case file (HSI-M/4E2-results).

    It closes the duty to note results that the search opened.
    """
    if not report.strip():
        raise BadInputError("give the number of the report of investigation")
    with change(office) as now:
        lead = found(Lead, lead_id)
        if refusal := stands_against(now, "note in a report", by=by, target=lead_id, on_case=lead.case_id):
            return refusal
        lead.report = report
        duties = list(
            Duty.objects.filter(
                kind="note-result", about=lead.candidate.candidate_list.request_id, closed_at=None
            )
        )
        for duty in duties:
            duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "lead.noted",
            by=by,
            action="note in a report",
            target=lead_id,
            outcome="done",
            clauses=["HSI-M/4E2-results"],
            causes=[lead.entry_index],
            rows=[lead, *duties],
        )
        return lead


def close_lead(office: Office, *, lead_id: str, by: str) -> Lead | Refusal:
    """Close a lead that came to nothing."""
    with change(office) as now:
        lead = found(Lead, lead_id)
        move = "close a lead"
        if refusal := stands_against(
            now, move, by=by, target=lead_id, state=lead.status, on_case=lead.case_id
        ):
            return refusal
        return _move(now, lead, LeadStatus.CLOSED, by=by, kind="lead.closed")


def _move(now: Change, lead: Lead, to: LeadStatus, *, by: str, kind: str) -> Lead:
    lead.status = to
    now.seal(kind, by=by, action=kind, target=lead.id, outcome=to, causes=[lead.entry_index], rows=[lead])
    return lead


def _unmet(candidate: CandidateRow, reviews: list[Review], comparisons: list[Comparison]) -> list[Unmet]:
    unmet = []
    if candidate.foil:
        unmet.append(
            Unmet(
                "HSI-M/2-candidate-list", "this is a foil, no candidate of the service", "nothing can be done"
            )
        )
    locked = [r for r in reviews if r.status == ReviewStatus.LOCKED]
    if len(locked) < 2:
        unmet.append(
            Unmet(
                "HSI-M/2-candidate-list",
                f"two people must have reviewed the list blind; {len(locked)} of 2 reviews is locked",
                "have the list reviewed (`counterseal review open`) by two different people, and lock both",
            )
        )
    for review in locked:
        if not Disposition.objects.filter(review=review, candidate=candidate, judgement__in=KEPT).exists():
            unmet.append(
                Unmet(
                    "HSI-M/2-candidate-list",
                    f"reviewer {review.turn} did not keep this candidate",
                    "two independent reviewers must keep it; a disagreement means that it is no lead",
                )
            )
    if is_disowned(candidate.candidate_list.request.intent_index, *(r.entry_index for r in locked)):
        unmet.append(
            Unmet(
                "HSI-M/4E1-log",
                "the search, or a review of it, was made in a session whose person says it was somebody else",
                "search anew in your own name, where that is permitted; this search leads to nothing any more",
            )
        )
    results = [c.result for c in comparisons]
    if ComparisonResult.CONSISTENT not in results:
        unmet.append(
            Unmet(
                "HSI-M/4D2-compare",
                "no comparison with information from traditional means fits this candidate",
                "compare it with an evidence item or a step of the case (`counterseal lead compare`)",
            )
        )
    if ComparisonResult.INCONSISTENT in results:
        unmet.append(
            Unmet(
                "HSI-M/4D2-compare",
                "a recorded comparison speaks against this candidate",
                "this candidate cannot become a lead",
            )
        )
    return unmet
