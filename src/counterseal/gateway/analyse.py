"""Analyse a face: named, so that it can be refused.

Face analysis is prohibited but for age estimation in a use that all three offices approved for that very
thing. Nothing here estimates anything: where the policies permit, the sealed outcome says that there is no
engine. No picture is taken in.

Clauses: D-026-11/no-face-analysis.
"""

from dataclasses import dataclass

from counterseal.gateway.coding import coded
from counterseal.gateway.facts import analysis_facts, facts_of_test
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import AnalysisApproval, Service, Use
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.terms.decisions import Permit, Refusal
from counterseal.terms.errors import BadInputError

AGE_ESTIMATION = "age-estimation"


@dataclass(frozen=True, slots=True)
class NoEngine:
    """The analysis was permitted, and nothing here can do it. receipt: proves the entry at `index`."""

    permit: Permit
    index: int
    receipt: bytes


def approve_age_estimation(
    office: Office, *, use_id: str, as_office: str, by: str
) -> AnalysisApproval | Refusal:
    """Give one office's approval of age estimation for this use. Three offices, three persons, or none counts.

    Raises:
        BadInputError: unknown use, or a person who does not speak for that office.
    """
    with change(office) as now:
        use = found(Use, use_id)
        if as_office not in THREE_OFFICES:
            raise BadInputError(f"the offices are {', '.join(sorted(THREE_OFFICES))}, not `{as_office}`")
        if as_office not in office.acting(by):
            raise BadInputError(f"`{by}` does not speak for the office `{as_office}`")
        move = "approve age estimation for a use"
        people = {"proposed_by_id": use.proposed_by_id}
        if refusal := stands_against(now, move, by=by, target=use_id, people=people):
            return refusal
        approval = AnalysisApproval(
            id=office.new_id(AnalysisApproval),
            use=use,
            office=as_office,
            person_id=by,
            proposer_id=use.proposed_by_id,
            at=now.at,
        )
        now.seal(
            "analysis.approved",
            by=by,
            action=move,
            target=use_id,
            outcome="done",
            clauses=["D-026-11/no-face-analysis"],
            public={"use": use_id, "office": as_office},
            rows=[approval],
        )
        return approval


def analyse(
    office: Office, *, use_id: str, service_id: str, operation: str, case_type: str, by: str
) -> NoEngine | Refusal:
    """Ask for an analysis of faces. It is refused, or it is permitted and cannot be done.

    Raises:
        BadInputError: unknown use, service or person, or no operation named.
    """
    if not operation.strip():
        raise BadInputError("name the analysis that is asked for, for example age-estimation")
    with change(office) as now:
        office.acting(by)
        use, service = found(Use, use_id), found(Service, service_id)
        test = facts_of_test(office, service, mode=operation, use_id=use.id, at=now.at)
        facts = analysis_facts(
            by=by, use=use, service=service, test=test, operation=operation, case_type=case_type, at=now.at
        )
        decision = office.decide(facts, now.at)
        public = {"use": use.id, "service": service.id, "operation": coded(operation)}
        if isinstance(decision, Refusal):
            return now.refuse(
                "analysis.refused",
                decision,
                by=by,
                action="analyse a face",
                target=use.id,
                public=public,
            )
        sealed = now.seal(
            "analysis.not-done",
            by=by,
            action="analyse a face",
            target=use.id,
            outcome="no-engine",
            decision=decision,
            public=public,
        )
    return NoEngine(decision, sealed.index, now.receipt)
