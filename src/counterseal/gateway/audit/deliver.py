"""Hand a finding over to the agency: the one act of an audit that the agency's log shows.

1 seal the intent in the office's own log; 2 open the finding in the agency's log, through the same verb as a routine
review (`findings.seal_finding`); 3 seal its index and receipt in the own log. Repeated after an interruption, it
finds what (2) opened and does (3).
"""

from counterseal.gateway.audit.auditors import acting
from counterseal.gateway.audit.case_files import MADE, AuditFinding, finding, stands
from counterseal.gateway.audit.folder import CLAUSE, AuditOffice
from counterseal.gateway.export_ledger import receipt_of
from counterseal.gateway.findings import seal_finding
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Finding
from counterseal.people.models import Role, roles_of
from counterseal.terms.errors import BadInputError


def deliver(office: AuditOffice, agency: Office, *, finding_id: str, by: str) -> AuditFinding:
    """Open the finding in the agency's log as `audit.finding`, under the auditor's account there.

    The words stay with the office; the agency gets the code, what it is about, the entries, and the finding's id.

    Raises:
        BadInputError: none of the auditor's accounts holds the role auditor there. StaleError: it was delivered.
    """
    auditor = acting(office, by)
    account = next((p for p in auditor.persons if Role.AUDITOR in roles_of(p)), None)
    if account is None:
        raise BadInputError(
            "a finding is delivered under an account that holds the role auditor in the agency; this auditor has none"
        )
    if agency.origin != office.agency.current.name:
        raise BadInputError(
            f"`{agency.home}` is the home of `{agency.origin}`, not of the agency that was audited"
        )
    with office.turn():
        known = finding(office, finding_id)
        stands(known.status, (MADE,), f"finding `{finding_id}`")
        # (1)
        intended = office.seal(
            "audit.delivery-intended", by=by, action="deliver a finding", target=finding_id
        )
        # (2)
        says = f"audit finding {known.id}: {known.code}"
        row = Finding.objects.filter(says=says).first()
        if row is None:
            with change(agency) as now:
                made = seal_finding(
                    now,
                    f"audit-{known.code}",
                    known.about,
                    says,
                    by=account,
                    clauses=[CLAUSE],
                    person_id=known.person,
                    entries=known.entries,
                )
                if not made:
                    raise BadInputError(
                        f"a finding `audit-{known.code}` about `{known.about}` stands in the agency already: "
                        "wait for its outcome, or withdraw this one"
                    )
                row = made[0]
        # (3)
        office.seal(
            "audit.finding-delivered",
            by=by,
            action="deliver a finding",
            target=finding_id,
            causes=[intended.index],
            committed={
                "agency_finding": row.id,
                "agency_entry": row.entry_index,
                "receipt": receipt_of(row.entry_index).decode("utf-8"),
            },
        )
    return finding(office, finding_id)
