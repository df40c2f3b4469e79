"""The register of services."""

from django.http import HttpResponse
from ninja import Path, Router

from counterseal.api.asking import PAGE, Asked, known, page_of
from counterseal.api.declaring import route
from counterseal.api.schemas import (
    Cursor,
    DecisionGiven,
    Id,
    Limit,
    OperatorLogGiven,
    Page,
    ReconciliationShown,
    RecordGiven,
    ServiceGiven,
    ServiceShown,
    ServiceTestShown,
    VersionGiven,
)
from counterseal.gateway import register_service as verbs
from counterseal.gateway.facts import service_standing
from counterseal.gateway.reconcile_service import reconcile_service
from counterseal.oversight.models import Service, ServiceTest
from counterseal.terms.decisions import Refusal

router = Router(tags=["services"])
READ, WRITE = "services:read", "services:write"


def shown(request: Asked, row: Service | Refusal) -> ServiceShown | Refusal:
    """A service as it is answered; a refusal as it is."""
    if isinstance(row, Refusal):
        return row
    return ServiceShown(
        **{name: getattr(row, name) for name in ServiceShown.model_fields if hasattr(row, name)},
        standing=service_standing(row, at=request.office.clock()),
        missing=[u.missing for u in verbs.missing_for_approval(row)],
        entry=row.entry_index,
    )


@route(router, "GET", "/services", answers=Page[ServiceShown], scope=READ, problems=(422,))
def list_services(request: Asked, cursor: Cursor = "", limit: Limit = PAGE) -> Page[ServiceShown]:
    """List the services with their standing now."""
    request.told("services")
    rows, following = page_of(request, Service.objects.all(), cursor=cursor, limit=limit)
    items = [s for s in (shown(request, row) for row in rows) if isinstance(s, ServiceShown)]
    return Page[ServiceShown](items=items, next=following)


@route(router, "GET", "/services/{service_id}", answers=ServiceShown, scope=READ, problems=(422,))
def read_service(request: Asked, service_id: Path[Id]) -> ServiceShown | Refusal:
    """Read one service."""
    request.told("services")
    return shown(request, known(Service, service_id, "service"))


@route(
    router,
    "GET",
    "/services/{service_id}/tests",
    answers=Page[ServiceTestShown],
    scope=READ,
    problems=(422,),
)
def list_service_tests(
    request: Asked, service_id: Path[Id], cursor: Cursor = "", limit: Limit = PAGE
) -> Page[ServiceTestShown]:
    """List the tests of a service, failed ones and those of other versions included."""
    request.told("services")
    service = known(Service, service_id, "service")
    tests = ServiceTest.objects.filter(service=service)
    rows, following = page_of(request, tests, cursor=cursor, limit=limit)
    items = [
        ServiceTestShown(
            **{
                name: getattr(row, name)
                for name in ServiceTestShown.model_fields
                if name not in ("plan", "entry")
            },
            plan=row.plan_id,
            entry=row.entry_index,
        )
        for row in rows
    ]
    return Page[ServiceTestShown](items=items, next=following)


@route(router, "POST", "/services", answers=ServiceShown, scope=WRITE, status=201, changes=True)
def register_service(request: Asked, given: ServiceGiven) -> ServiceShown | Refusal:
    """Put a service on the register, unreviewed."""
    description = verbs.ServiceDescription(**given.model_dump())
    return shown(request, verbs.register_service(request.office, description=description, by=request.by))


@route(router, "POST", "/services/{service_id}/record", answers=ServiceShown, scope=WRITE, changes=True)
def complete_service(request: Asked, service_id: Path[Id], given: RecordGiven) -> ServiceShown | Refusal:
    """State what the record of a service lacks.

    An approved service is taken up first: what an approval rested on is not rewritten under it.
    """
    known(Service, service_id, "service")
    stated = {name: said for name, said in given.model_dump().items() if said is not None}
    row = verbs.complete_record(request.office, service_id=service_id, stated=stated, by=request.by)
    return shown(request, row)


@route(router, "POST", "/services/{service_id}/decisions", answers=ServiceShown, scope=WRITE, changes=True)
def decide_on_service(request: Asked, service_id: Path[Id], given: DecisionGiven) -> ServiceShown | Refusal:
    """Change a service's standing: take up, approve, disapprove or suspend it.

    It takes effect at the next submission.
    """
    known(Service, service_id, "service")
    row = verbs.decide_on_service(
        request.office,
        service_id=service_id,
        status=given.status,
        approval_expires=given.expires,
        conditions=verbs.Conditions(given.words, given.only_modes, given.only_case_types),
        by=request.by,
    )
    return shown(request, row)


@route(router, "POST", "/services/{service_id}/versions", answers=ServiceShown, scope=WRITE, changes=True)
def report_service_version(
    request: Asked, service_id: Path[Id], given: VersionGiven
) -> ServiceShown | Refusal:
    """Say that a service runs another version. An approval is suspended: test and review it anew."""
    known(Service, service_id, "service")
    row = verbs.report_version(request.office, service_id=service_id, version=given.version, by=request.by)
    return shown(request, row)


@route(
    router,
    "POST",
    "/services/{service_id}/reconciliations",
    answers=ReconciliationShown,
    scope=WRITE,
    status=201,
    changes=True,
)
def reconcile_service_log(
    request: Asked, service_id: Path[Id], given: OperatorLogGiven
) -> ReconciliationShown | Refusal | HttpResponse:
    """Hold the operator's own log against the intents that were sealed.

    Each request stands in both, once. What does not is a finding.
    """
    known(Service, service_id, "service")
    done = reconcile_service(
        request.office,
        service_id=service_id,
        log=given.log.encode("utf-8", "surrogatepass"),
        since=given.since,
        until=given.until,
        by=request.by,
    )
    if isinstance(done, Refusal):
        return done
    return ReconciliationShown(
        id=done.record.id,
        paired=done.record.paired,
        ours_only=list(done.result.ours_only),
        theirs_only=[line.row for line in done.result.theirs_only],
        doubled=[line.row for line in done.result.doubled],
        malformed=[fault.row for fault in done.log.malformed],
        outside=len(done.result.outside),
        new_findings=[finding.id for finding in done.new],
        entry=done.record.entry_index,
    )
