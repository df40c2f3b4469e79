"""Freeze the plan of a test, before its scores are seen (D-026-11/testing).

The plan's digest is sealed and the plan lies in the vault: whoever concludes the test is held to it. A plan is never
changed; another one is another plan, and how many were never concluded is public.
What the log cannot show is that nobody had seen the scores: docs/how-to/test-a-service.md says what can be held.
"""

from dataclasses import dataclass

import rfc8785

from counterseal.evaluation.protocol import Plan, Scope
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Service, ServiceTestPlan, Use
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError
from counterseal.terms.testing import Kind

ACTION = "plan a test"
_NO_GROUPS = Unmet(
    "D-026-11/testing",
    "no goal of the plan is about groups: it could be passed however differently it treats them",
    "state a goal for each group, or on the ratio or difference between groups",
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that is frozen. receipt: proves its entry; keep it beside the plan."""

    row: ServiceTestPlan
    receipt: bytes


def plan_test(office: Office, *, service_id: str, plan: Plan, by: str, use_id: str = "") -> Planned | Refusal:
    """Freeze a plan for the present version of a service, in one mode, for every use or for one.

    The reviewing unit does, and never the person who put the service on the register.
    Raises: BadInputError, where the plan is of another service, version or mode, or of no direct test.
    """
    with change(office) as now:
        service = found(Service, service_id)
        people = {"registered_by_id": service.registered_by_id}
        if refusal := stands_against(now, ACTION, by=by, target=service_id, people=people):
            return refusal
        if use_id:
            found(Use, use_id)
        _is_of(plan, service)
        if all(goal.scope == Scope.OVERALL for goal in plan.goals):
            return now.refuse(
                "servicetestplan.refused", now.unmet([_NO_GROUPS]), by=by, action=ACTION, target=service_id
            )
        kept = office.vault.put(
            office.new_name("object"),
            rfc8785.dumps(plan.as_json()),
            kind="test-plan",
            about=service.id,
            at=now.at,
        )
        row = ServiceTestPlan(
            id=office.new_id(ServiceTestPlan),
            service=service,
            version=service.version,
            mode=str(plan.mode),
            use_id=use_id,
            plan=kept.id,
            sha256=plan.digest(),
            status="planned",
            planned_at=now.at,
            planned_by_id=by,
        )
        now.seal(
            "test.planned",
            by=by,
            action=ACTION,
            target=row.id,
            outcome="planned",
            clauses=["D-026-11/testing"],
            public={"service": service.id, "plan": row.id, "mode": row.mode},
            committed={"plan_sha256": row.sha256, "use": use_id},
            rows=[row],
            objects=[kept],
        )
    return Planned(row, now.receipt)


def _is_of(plan: Plan, service: Service) -> None:
    if plan.kind != Kind.DIRECT:
        raise BadInputError(
            f"`kind` is {plan.kind}: only a direct test has a plan here; record other evidence as what it is "
            "(`counterseal service test`)"
        )
    for name, planned, registered in (
        ("service", plan.system.service, service.id),
        ("version", plan.system.version, service.version),
    ):
        if planned != registered:
            raise BadInputError(f"`system.{name}` is `{planned}`, and on the register it is `{registered}`")
    if plan.mode not in service.modes:
        raise BadInputError(
            f"`mode` is {plan.mode}, and the service is registered for {', '.join(service.modes)}"
        )
