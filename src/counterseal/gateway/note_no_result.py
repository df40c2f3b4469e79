"""Record that no result of a search is used in the case: the other way to fulfil the duty to note results.

Clause: HSI-M/4E2-results.
"""

from collections.abc import Iterator

from counterseal.casework.models import CandidateRow, Lead, Review, SearchRequest
from counterseal.casework.words import LeadStatus, RequestStatus, ReviewStatus
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Duty
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

NOTE_RESULT = "note-result"


def note_no_result(office: Office, *, request_id: str, by: str) -> Duty | Refusal:
    """Close the duty to note results of a search whose results are not used.

    Refused while a list of candidates was looked at by nobody, and while a lead of it stands in no report.

    Raises:
        BadInputError: no such search, or it owes no note (any more).
    """
    with change(office) as now:
        request = found(SearchRequest, request_id)
        move = "record that no result is used"
        if refusal := stands_against(now, move, by=by, target=request_id, on_case=request.case_id):
            return refusal
        duty = Duty.objects.filter(kind=NOTE_RESULT, about=request_id, closed_at=None).first()
        if duty is None:
            raise BadInputError(
                f"the search `{request_id}` owes no note: it never ran, or its results are noted already"
            )
        if unmet := list(_stands_open(request)):
            return now.refuse("duty.refused", now.unmet(unmet), by=by, action=move, target=request_id)
        duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "search.no-result-used",
            by=by,
            action=move,
            target=request_id,
            outcome="done",
            clauses=["HSI-M/4E2-results"],
            causes=[duty.entry_index],
            rows=[duty],
        )
        return duty


def _stands_open(request: SearchRequest) -> Iterator[Unmet]:
    if request.status not in (RequestStatus.ANSWERED, RequestStatus.FAILED):
        yield Unmet(
            "HSI-M/4E2-results",
            "what came of this search is not recorded",
            "the overseer sees it as a search without outcome: have it looked into first",
        )
    candidates = CandidateRow.objects.filter(candidate_list__request=request, foil=False)
    reviewed = Review.objects.filter(candidate_list__request=request, status=ReviewStatus.LOCKED)
    if candidates.exists() and not reviewed.exists():
        yield Unmet(
            "HSI-M/2-candidate-list",
            "nobody has reviewed the candidates of this search",
            "review them (`counterseal review open`); none of them being the person is a result too",
        )
    leads = Lead.objects.filter(candidate__candidate_list__request=request, report="")
    if leads.exclude(status=LeadStatus.CLOSED).exists():
        yield Unmet(
            "HSI-M/4E2-results",
            "a lead of this search stands in no report",
            "note it (`counterseal lead note`), or close it where it came to nothing (`counterseal lead close`)",
        )
