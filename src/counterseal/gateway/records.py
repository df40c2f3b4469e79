"""Read what decides a search in one statement, because the log's pen is held while it is read.

Twenty questions asked one by one through the ORM took 4 ms, and every other writer waited for them. Plain
SQL that SQLite and PostgreSQL both understand; each line names the fact it becomes in `facts.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from counterseal.casework.models import SearchRequest
from counterseal.people.models import roles_of


@dataclass(frozen=True, slots=True)
class Records:
    """What the registers hold about one request, its requester and its service at one instant.

    Instants are None where there is nothing to have one. faces: different photographs searched for the case,
    not counting this one. behind_partner: whether a partner runs the service. approvers: who granted an
    approval of this payload, by kind of approval.
    """

    active: bool
    roles: tuple[str, ...]
    use_status: str
    use_law_enforcement: bool
    concurrences: tuple[str, ...]
    use_conditions: tuple[Mapping[str, object], ...]
    course: str
    course_version: str
    course_expires: datetime | None
    course_attested: bool
    best_practice_version: str
    safeguards_version: str
    assigned: bool
    program_code_in_force: bool
    steps: int
    latest_step: datetime | None
    edits: int
    second_edits: int
    overdue: int
    accepted_terms: str
    approvers: Mapping[str, str]
    behind_partner: bool
    by_person: int
    by_gallery: int
    faces: int


_ONE = """
SELECT
  (SELECT active FROM people_person WHERE id = %(person)s) AS active,
  (SELECT status FROM oversight_use WHERE id = %(use)s) AS use_status,
  (SELECT law_enforcement FROM oversight_use WHERE id = %(use)s) AS use_law_enforcement,
  c.course, c.course_version, c.expires AS course_expires,
  EXISTS (SELECT 1 FROM people_attestation WHERE person_id = %(person)s AND kind = 'course'
    AND text_version = c.course_version) AS course_attested,
  (SELECT text_version FROM people_attestation WHERE person_id = %(person)s AND kind = 'best-practice'
    ORDER BY at DESC LIMIT 1) AS best_practice_version,
  (SELECT text_version FROM people_attestation WHERE person_id = %(person)s AND kind = 'safeguards'
    ORDER BY at DESC LIMIT 1) AS safeguards_version,
  EXISTS (SELECT 1 FROM casework_caseassignment WHERE case_id = %(case)s AND person_id = %(person)s) AS assigned,
  EXISTS (SELECT 1 FROM oversight_programcode WHERE code = %(program)s AND valid_from <= %(at)s
    AND valid_until > %(at)s) AS program_code_in_force,
  (SELECT count(*) FROM casework_investigativestep WHERE case_id = %(case)s AND taken_at <= %(at)s
    AND recorded_at <= %(at)s) AS steps,
  (SELECT max(taken_at) FROM casework_investigativestep WHERE case_id = %(case)s AND taken_at <= %(at)s
    AND recorded_at <= %(at)s) AS latest_step,
  (SELECT count(*) FROM casework_probeedit WHERE probe_id = %(probe)s) AS edits,
  (SELECT count(*) FROM casework_probeedit WHERE probe_id = %(second)s) AS second_edits,
  (SELECT count(*) FROM oversight_duty WHERE kind = 'exigent-approval' AND person_id = %(person)s
    AND closed_at IS NULL AND due < %(at)s) AS overdue,
  (SELECT terms_version FROM oversight_termsacceptance WHERE service_id = %(service)s AND person_id = %(person)s
    ORDER BY at DESC LIMIT 1) AS accepted_terms,
  EXISTS (SELECT 1 FROM oversight_partnerservice WHERE service_id = %(service)s) AS behind_partner,
  (SELECT count(*) FROM casework_searchrequest WHERE submitted_at > %(day)s
    AND requester_id = %(person)s) AS by_person,
  (SELECT count(*) FROM casework_searchrequest WHERE submitted_at > %(day)s
    AND service_id = %(service)s) AS by_gallery,
  (SELECT count(DISTINCT p.fingerprint) FROM casework_searchrequest r JOIN casework_probe p ON p.id = r.probe_id
    WHERE r.case_id = %(case)s AND r.intent_index IS NOT NULL AND p.fingerprint <> %(fingerprint)s) AS faces
FROM (SELECT 1 AS one) AS here
LEFT JOIN people_certificate c ON c.id =
  (SELECT id FROM people_certificate WHERE person_id = %(person)s ORDER BY expires DESC, id LIMIT 1)
"""
_APPROVERS = """
SELECT kind, approver_id FROM casework_approval
WHERE request_id = %(request)s AND payload_digest = %(payload)s AND granted
"""
_CONCURRENCES = """
SELECT c.office, c.conditions FROM oversight_concurrence c JOIN oversight_use u ON u.id = c.use_id
WHERE u.id = %(use)s AND c.round = u.round AND c.concurs ORDER BY c.office
"""


def read_records(request: SearchRequest, *, at: datetime) -> Records:
    """Everything about this request that other registers hold. Volume counts over the last 24 hours."""
    asked = {
        "person": request.requester_id,
        "use": request.use_id,
        "case": request.case_id,
        "program": request.case.program_code,
        "probe": request.probe_id,
        "second": request.second_probe_id or "",
        "fingerprint": request.probe.fingerprint,
        "service": request.service_id,
        "at": connection.ops.adapt_datetimefield_value(at),
        "day": connection.ops.adapt_datetimefield_value(at - timedelta(days=1)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONCURRENCES, {"use": asked["use"]})
        words = cursor.fetchall()
        cursor.execute(_APPROVERS, {"request": request.id, "payload": request.payload_digest})
        approvers = dict(cursor.fetchall())
        cursor.execute(_ONE, asked)
        names = [column[0] for column in cursor.description]
        one = dict(zip(names, cursor.fetchone(), strict=True))
    return Records(
        active=bool(one["active"]),
        roles=tuple(sorted(roles_of(request.requester_id))),
        use_status=one["use_status"] or "unknown",
        use_law_enforcement=bool(one["use_law_enforcement"]),
        concurrences=tuple(office for office, _ in words),
        use_conditions=tuple(json.loads(c) if isinstance(c, str) else c for _, c in words),
        course=one["course"] or "",
        course_version=one["course_version"] or "",
        course_expires=_instant(one["course_expires"]),
        course_attested=bool(one["course_attested"]),
        best_practice_version=one["best_practice_version"] or "",
        safeguards_version=one["safeguards_version"] or "",
        assigned=bool(one["assigned"]),
        program_code_in_force=bool(one["program_code_in_force"]),
        steps=one["steps"],
        latest_step=_instant(one["latest_step"]),
        edits=one["edits"],
        second_edits=one["second_edits"],
        overdue=one["overdue"],
        accepted_terms=one["accepted_terms"] or "",
        approvers=approvers,
        behind_partner=bool(one["behind_partner"]),
        by_person=one["by_person"],
        by_gallery=one["by_gallery"],
        faces=one["faces"],
    )


def _instant(value: str | datetime | None) -> datetime | None:
    return None if value is None else instant_of_row(value)


def instant_of_row(value: str | datetime) -> datetime:
    """An instant as the database's driver hands it over: SQLite text, or a datetime; without a zone it is UTC."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
