"""Why one search is reviewed by a supervisor in any case, and the duty that says so (HSI-M/4E4-supervisor-review).

Which reasons count is said by the packs (`supervision.toml`); what no reason catches is left to the random share.
"""

from collections.abc import Iterable, Iterator

from django.db import connection

from counterseal.casework.models import SearchRequest
from counterseal.gateway.sealing import Change
from counterseal.oversight.models import Duty
from counterseal.policy import SupervisionRule

KIND = "supervisor-review"
# One statement, because the log's pen is held while it is read. A search counts once its intent is sealed.
_BEFORE = """
SELECT (SELECT unit FROM people_person WHERE id = %(person)s),
  EXISTS (SELECT 1 FROM casework_probe p JOIN casework_searchrequest r ON r.probe_id = p.id
    WHERE p.fingerprint = %(fingerprint)s AND r.intent_index IS NOT NULL AND r.id <> %(request)s),
  EXISTS (SELECT 1 FROM casework_searchrequest WHERE case_id = %(case)s
    AND intent_index IS NOT NULL AND id <> %(request)s)
"""


def reasons_to_review(now: Change, request: SearchRequest, rule: SupervisionRule) -> tuple[str, ...]:
    """The codes of every reason that holds of this search now and that a pack in force names, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(
            _BEFORE,
            {
                "person": request.requester_id,
                "fingerprint": request.probe.fingerprint,
                "request": request.id,
                "case": request.case_id,
            },
        )
        unit, same_photograph, same_case = cursor.fetchone()
    holds = {
        "exigent": request.exigency_claimed,
        "witness": request.probe.subject_role == "witness",
        "protected-event": request.probe.protected_event,
        "out-of-hours": not rule.on_duty(unit or "", now.at),
        "same-photograph": bool(same_photograph),
        "same-case": bool(same_case),
    }
    return tuple(sorted(reason for reason, held in holds.items() if held and reason in rule.always))


def with_reasons(now: Change, request: SearchRequest, duties: Iterable[Duty]) -> Iterator[Duty]:
    """The duties that a permit opens, and a review where only a reason of the packs calls for one."""
    rule = now.office.policies.supervision(now.at)
    reasons = list(reasons_to_review(now, request, rule))
    opened = False
    for duty in duties:
        if duty.kind == KIND:
            duty.because, duty.due, opened = reasons, min(duty.due, now.at + rule.review_within), True
        yield duty
    if reasons and not opened:
        yield review_duty(now, request, rule, because=reasons)


def review_duty(now: Change, request: SearchRequest, rule: SupervisionRule, *, because: list[str]) -> Duty:
    """A supervisor's duty to review this search, due within the packs' time from now."""
    return Duty(
        id=now.office.new_id(Duty),
        kind=KIND,
        clause=rule.clause,
        about=request.id,
        person_id=request.requester_id,
        owner="supervisor",
        because=because,
        opened_at=now.at,
        due=now.at + rule.review_within,
    )
