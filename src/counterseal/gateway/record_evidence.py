"""Record what else is known of a service's errors, as what it is: somebody else's report, or statistics of its use.

A direct test is never recorded so: it has a plan that was sealed before (`plan_test`, `conclude_test`).
Which kind carries a use, and how long, is for the policies. Clauses: D-026-11/testing, PS-139-06/acquisition.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.register_service import MODES
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Service, ServiceTest, Use
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from counterseal.terms.testing import Kind

ACTION = "record a test"
INDIRECT = (Kind.OPERATIONAL, Kind.THIRD_PARTY)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found out, by whom and where it stands.

    kind: one of `INDIRECT`. version, modes: of what was tested, as the report says it. due: when it says that the
    next is due. report_sha256: of the report's file, empty where there is none to hash.
    """

    kind: str
    standard: str
    made_by: str
    report: str
    version: str
    modes: Sequence[str]
    passed: bool
    tested_at: datetime
    due: datetime
    report_sha256: str = ""


def record_evidence(
    office: Office, *, service_id: str, evidence: Evidence, by: str, use_id: str = ""
) -> ServiceTest | Refusal:
    """Record evidence, for every use of the service or for one.

    The reviewing unit does, and never the person who put the service on the register.
    """
    _check(evidence)
    with change(office) as now:
        service = found(Service, service_id)
        people = {"registered_by_id": service.registered_by_id}
        if refusal := stands_against(now, ACTION, by=by, target=service_id, people=people):
            return refusal
        if use_id:
            found(Use, use_id)
        if evidence.tested_at > now.at or evidence.due <= evidence.tested_at:
            raise BadInputError("a test was made in the past, and the next is due after it")
        test = ServiceTest(
            id=office.new_id(ServiceTest),
            service=service,
            version=evidence.version,
            modes=sorted(evidence.modes),
            use_id=use_id,
            kind=evidence.kind,
            outcome="passed" if evidence.passed else "failed",
            standard=evidence.standard,
            made_by=evidence.made_by,
            report=evidence.report,
            report_sha256=evidence.report_sha256,
            tested_at=evidence.tested_at,
            due=evidence.due,
            recorded_by_id=by,
        )
        now.seal(
            "service.tested",
            by=by,
            action=ACTION,
            target=service.id,
            outcome=test.outcome,
            clauses=["D-026-11/testing"],
            public={"service": service.id, "kind": str(evidence.kind)},
            rows=[test],
        )
        return test


def _check(evidence: Evidence) -> None:
    if evidence.kind not in INDIRECT:
        raise BadInputError(
            f"evidence is recorded as {' or '.join(INDIRECT)}, not `{evidence.kind}`; a direct test has a plan "
            "that is frozen first (`counterseal evaluate plan`)"
        )
    for said in ("standard", "made_by", "report", "version"):
        if not str(getattr(evidence, said)).strip():
            raise BadInputError(f"say the {said.replace('_', ' ')} of the evidence")
    if not evidence.modes or set(evidence.modes) - MODES:
        raise BadInputError(f"say which comparisons it is about: some of {', '.join(sorted(MODES))}")
    if evidence.report_sha256 and not re.fullmatch(r"[0-9a-f]{64}", evidence.report_sha256):
        raise BadInputError("a SHA-256 is written in 64 lower-case hexadecimal digits")
