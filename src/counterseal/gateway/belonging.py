"""Which case a record belongs to: what clocks and holds of a case reach."""

from collections.abc import Mapping

from django.db import connection

# Prefix of a record's id -> the statement that finds its case.
CASE_OF: Mapping[str, str] = {
    "case": "SELECT id FROM casework_case WHERE id = {about}",
    "step": "SELECT case_id FROM casework_investigativestep WHERE id = {about}",
    "evidence": "SELECT case_id FROM casework_evidenceitem WHERE id = {about}",
    "relation": "SELECT case_id FROM casework_evidencerelation WHERE id = {about}",
    "probe": "SELECT case_id FROM casework_probe WHERE id = {about}",
    "request": "SELECT case_id FROM casework_searchrequest WHERE id = {about}",
    "lead": "SELECT case_id FROM casework_lead WHERE id = {about}",
    "candidate": "SELECT r.case_id FROM casework_candidaterow c "
    "JOIN casework_candidatelistrow l ON l.id = c.candidate_list_id "
    "JOIN casework_searchrequest r ON r.id = l.request_id WHERE c.id = {about}",
    "supervision": "SELECT r.case_id FROM oversight_supervisorreview s "
    "JOIN casework_searchrequest r ON r.id = s.request_id WHERE s.id = {about}",
    "finding": "SELECT c.id FROM casework_case c JOIN oversight_finding f ON f.about = c.id "
    "OR f.about IN (SELECT id FROM casework_searchrequest WHERE case_id = c.id) WHERE f.id = {about}",
    "comparison": "SELECT r.case_id FROM casework_comparison k "
    "JOIN casework_candidaterow c ON c.id = k.candidate_id "
    "JOIN casework_candidatelistrow l ON l.id = c.candidate_list_id "
    "JOIN casework_searchrequest r ON r.id = l.request_id WHERE k.id = {about}",
}


def case_of(about: str) -> str:
    """The id of the case that this record belongs to; empty where it belongs to none, or is unknown."""
    statement = CASE_OF.get(about.partition("-")[0])
    if statement is None:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(about="%s"), [about])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def cases_in_sql(about: str) -> str:
    """An SQL condition's right side: every case to which the record in column `about` belongs."""
    return " UNION ALL ".join(statement.format(about=about) for statement in CASE_OF.values())
