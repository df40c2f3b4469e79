"""Which row of casework may go from where to where, by whom, and from whom that person must differ."""

from counterseal.casework.words import ActionStatus, CaseStatus, LeadStatus, RequestStatus, ReviewStatus
from counterseal.terms.transitions import Transition

# Roles by the words of people/; a test holds the two lists together.
WORKS_CASES = frozenset({"investigator", "examiner"})
REVIEWS = WORKS_CASES
SUPERVISES = frozenset({"supervisor"})

_TABLE = [
    Transition("casework.case", "open a case", ("",), CaseStatus.OPEN, WORKS_CASES | SUPERVISES, "HSI-M/3-own-investigation"),
    Transition("casework.case", "close a case", (CaseStatus.OPEN,), CaseStatus.CLOSED, WORKS_CASES | SUPERVISES, "HSI-M/3-own-investigation"),
    Transition("casework.caseassignment", "open a program", ("",), "opened", SUPERVISES, "HSI-M/4A1-purpose"),
    Transition("casework.caseassignment", "assign to a case", (CaseStatus.OPEN,), "assigned", WORKS_CASES | SUPERVISES, "HSI-M/3-own-investigation", ("person_id",)),
    Transition("casework.investigativestep", "record a step", ("",), "recorded", WORKS_CASES | SUPERVISES, "HSI-M/4A2-traditional-means"),
    Transition("casework.evidenceitem", "add evidence", ("",), "added", WORKS_CASES | SUPERVISES, "HSI-M/3-own-investigation"),
    Transition("casework.evidencerelation", "relate evidence", ("",), "open", WORKS_CASES | SUPERVISES, "HSI-M/4D3-leads-only"),
    Transition("casework.comparison", "record a comparison", ("",), "recorded", WORKS_CASES, "HSI-M/4D2-compare"),
    Transition("casework.lead", "note in a report", ("",), LeadStatus.POSSIBLE_LEAD, WORKS_CASES, "HSI-M/4E2-results"),
    Transition("casework.probe", "collect a probe", ("",), "collected", WORKS_CASES, "HSI-M/2-probe"),
    Transition("casework.searchrequest", "request a search", ("",), RequestStatus.REQUESTED, WORKS_CASES, "HSI-M/4E1-log"),
    Transition("casework.searchrequest", "refuse a request", (RequestStatus.REQUESTED, RequestStatus.REFUSED), RequestStatus.REFUSED, WORKS_CASES | SUPERVISES, "HSI-M/4A1-purpose"),
    Transition("casework.searchrequest", "submit a search", (RequestStatus.REQUESTED, RequestStatus.REFUSED), RequestStatus.SUBMITTED, WORKS_CASES, "HSI-M/4E1-log"),
    Transition("casework.searchrequest", "record the answer", (RequestStatus.SUBMITTED,), RequestStatus.ANSWERED, WORKS_CASES, "HSI-M/4E1-log"),
    Transition("casework.searchrequest", "record the failure", (RequestStatus.SUBMITTED,), RequestStatus.FAILED, WORKS_CASES, "HSI-M/4E1-log"),
    Transition("casework.approval", "approve a witness probe", ("",), "decided", SUPERVISES, "HSI-M/4B2-witnesses", ("requester_id",)),
    Transition("casework.approval", "approve an exigent use", ("",), "decided", SUPERVISES, "HSI-M/4C3-exigent-approval", ("requester_id",)),
    Transition("casework.approval", "approve a use at a protected event", ("",), "decided", frozenset({"civil-rights"}), "D-026-11/no-profiling", ("requester_id",)),
    Transition("casework.review", "open the first review", ("",), ReviewStatus.OPEN, REVIEWS, "HSI-M/2-candidate-list"),
    Transition("casework.review", "open the second review", ("",), ReviewStatus.OPEN, REVIEWS, "HSI-M/2-candidate-list", ("first_reviewer_id",)),
    Transition("casework.review", "dispose of a candidate", (ReviewStatus.OPEN,), ReviewStatus.OPEN, REVIEWS, "HSI-M/2-candidate-list"),
    Transition("casework.review", "lock a review", (ReviewStatus.OPEN,), ReviewStatus.LOCKED, REVIEWS, "HSI-M/2-candidate-list"),
    Transition("casework.candidatelistrow", "see ranks and scores", ("",), "seen", REVIEWS | SUPERVISES | frozenset({"auditor"}), "HSI-M/2-candidate-list"),
    Transition("casework.lead", "mark a lead", ("",), LeadStatus.POSSIBLE_LEAD, WORKS_CASES, "HSI-M/4D2-compare"),
    Transition("casework.lead", "corroborate a lead", (LeadStatus.POSSIBLE_LEAD,), LeadStatus.CORROBORATED, WORKS_CASES, "HSI-M/4D3-leads-only"),
    Transition("casework.lead", "cite a lead", (LeadStatus.CORROBORATED,), LeadStatus.CITED, WORKS_CASES, "HSI-M/4E2-results"),
    Transition("casework.lead", "close a lead", (LeadStatus.POSSIBLE_LEAD, LeadStatus.CORROBORATED), LeadStatus.CLOSED, WORKS_CASES, "HSI-M/4D2-compare"),
    Transition("casework.evidencerelation", "resolve a contradiction", ("open",), "resolved", WORKS_CASES | SUPERVISES, "HSI-M/4D3-leads-only", ("by_id",)),
    Transition("casework.enforcementaction", "request clearance", ("",), ActionStatus.AWAITING_CONFIRMATION, WORKS_CASES, "HSI-M/4D3-leads-only"),
    Transition("casework.enforcementaction", "refuse clearance", ("", ActionStatus.AWAITING_CONFIRMATION), ActionStatus.REFUSED, WORKS_CASES | SUPERVISES, "HSI-M/4D3-leads-only"),
    Transition("casework.enforcementaction", "confirm an action", (ActionStatus.AWAITING_CONFIRMATION,), ActionStatus.CLEARED, SUPERVISES, "HSI-M/4D3-leads-only", ("requested_by_id",)),
]  # fmt: skip

TRANSITIONS = {t.name: t for t in _TABLE}
