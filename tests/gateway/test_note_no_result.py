"""The duty to note results, where none is used (HSI-M/4E2-results)."""

import pytest

from counterseal.casework.models import CandidateListRow
from counterseal.gateway.mark_lead import close_lead, note_in_report
from counterseal.gateway.note_no_result import note_no_result
from counterseal.oversight.models import Duty
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made


def _none(office: SimulatedOffice, request_id: str, by: str = "ines") -> Duty | Refusal:
    return note_no_result(office.office, request_id=request_id, by=office.who(by))


def _clauses(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, Refusal), answer
    return answer.clauses


def test_a_list_that_nobody_looked_at_is_no_unused_result(office: SimulatedOffice) -> None:
    request = office.searched(limit=2).candidate_list.request_id

    assert _clauses(_none(office, request)) == ("HSI-M/2-candidate-list",)
    assert Duty.objects.get(about=request, kind="note-result").closed_at is None


def test_a_lead_outside_every_report_is_in_the_way(office: SimulatedOffice) -> None:
    lead = office.lead(reported=False)
    request = lead.candidate.candidate_list.request_id

    assert _clauses(_none(office, request)) == ("HSI-M/4E2-results",)
    made(close_lead(office.office, lead_id=lead.id, by=office.who("ines")))
    assert isinstance(_none(office, request), Duty)
    with pytest.raises(BadInputError, match="owes no note"):
        _none(office, request)


def test_what_is_noted_in_a_report_needs_no_second_note(office: SimulatedOffice) -> None:
    lead = office.lead(reported=False)
    made(note_in_report(office.office, lead_id=lead.id, report="ROI-1", by=office.who("ines")))

    with pytest.raises(BadInputError, match="owes no note"):
        _none(office, CandidateListRow.objects.get().request_id)


def test_what_never_ran_owes_nothing(office: SimulatedOffice) -> None:
    case = office.case()
    request = made(office.request(case, office.probe(case)))

    with pytest.raises(BadInputError, match="owes no note"):
        _none(office, request.id)
    with pytest.raises(BadInputError, match="there is no"):
        _none(office, "request-0")
