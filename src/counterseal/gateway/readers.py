"""Who may read which register through a front end that knows who asks. Files of cases are read by those on the case.

These looks are not sealed. What must be (photographs, lists, narratives) is read through verbs that seal.
"""

from collections.abc import Mapping

from django.db.models import Q

from counterseal.casework.models import CaseAssignment
from counterseal.casework.transitions import SUPERVISES
from counterseal.gateway.moving import works_on
from counterseal.gateway.office import Office
from counterseal.oversight.transitions import HOLDERS, REVIEWING_UNIT, STAFF, THREE_OFFICES

_OVERSIGHT = SUPERVISES | THREE_OFFICES | REVIEWING_UNIT | frozenset({"auditor"})
# The roles that read a register whole; of searches, everybody else sees those of their own cases.
READERS: Mapping[str, frozenset[str]] = {
    "services": STAFF,
    "uses": STAFF,
    "log": STAFF,
    "searches": SUPERVISES | frozenset({"auditor"}),
    "disclosures": SUPERVISES
    | THREE_OFFICES
    | frozenset({"disclosure-officer", "records-office", "auditor"}),
    "clocks": HOLDERS,
    "findings": _OVERSIGHT,
}


def may_read(office: Office, register: str, *, by: str, case_id: str = "") -> bool:
    """Whether this person reads this register, or what belongs to this case."""
    return bool(READERS[register] & office.acting(by)) or bool(case_id and works_on(case_id, by))


def cases_to_read(office: Office, register: str, *, by: str) -> Q:
    """The condition on `case_id` for what this person may read: everything, or their own cases."""
    if READERS[register] & office.acting(by):
        return Q()
    return Q(case_id__in=CaseAssignment.objects.filter(person_id=by).values("case_id"))
