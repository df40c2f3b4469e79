"""`counterseal service`: the register of services."""

from datetime import datetime

import click

from counterseal import bootstrap
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import INSTANT
from counterseal.cli.views import answered, view
from counterseal.gateway import register_service as verbs
from counterseal.oversight.models import Service, ServiceReview, ServiceStatus
from counterseal.terms.biometrics import Mode
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

service = Ordered("service", help="The register of services: decide, test, terms, reviews.")
DECIDABLE = [str(s) for s in ServiceStatus if s not in (ServiceStatus.UNREVIEWED, ServiceStatus.EXPIRED)]


@command(service, "register", acts="reg")
@click.argument("name")
@click.option("--operator", required=True, help="Who runs it.")
@click.option("--algorithm", required=True, help="What it compares with.")
@click.option("--algorithm-version", required=True, help="Its version; tests are for one version.")
@click.option("--images", required=True, help="What its gallery is made of.")
@click.option("--connector", required=True, help="Name of its folder under `services/`.")
@click.option("--mode", "modes", multiple=True, required=True, type=click.Choice([str(m) for m in Mode]))
@click.option("--case-type", "case_types", multiple=True, required=True, help="What it may be used for.")
@click.option("--terms-version", required=True)
@click.option("--terms", required=True, help="The terms, in words.")
@click.option("--contract", default="", help="Number of the contract.")
@click.option("--floor", "floors", multiple=True, metavar="COMPONENT=VALUE", help="Quality it demands.")
def register(
    desk: Desk,
    *,
    name: str,
    operator: str,
    algorithm: str,
    algorithm_version: str,
    images: str,
    connector: str,
    modes: tuple[str, ...],
    case_types: tuple[str, ...],
    terms_version: str,
    terms: str,
    contract: str,
    floors: tuple[str, ...],
) -> Outcome:
    """Put a service on the register, unreviewed."""
    description = verbs.ServiceDescription(
        name=name,
        operator=operator,
        algorithm=algorithm,
        version=algorithm_version,
        gallery=images,
        connector=connector,
        modes=modes,
        case_types=case_types,
        terms_version=terms_version,
        terms=terms,
        contract=contract,
        quality_floor=dict(map(_floor, floors)),
    )
    row = verbs.register_service(desk.office, description=description, by=desk.by)
    return (
        refused(row) if isinstance(row, Refusal) else Outcome(view(row), headline="Registered, unreviewed.")
    )


@command(service, "connect", acts="admin")
@click.argument("which", metavar="SERVICE")
@click.option("--verification-threshold", type=float, help="Distance at or below which 1:1 decides `match`.")
def connect(desk: Desk, *, which: str, verification_threshold: float | None) -> Outcome:
    """Make the folder of a registered service that runs on the embedded engine: credential, gallery key, settings."""
    row = Service.objects.get(pk=desk.service(which))
    if (desk.office.home / "services" / row.connector).exists():
        raise BadInputError(f"the folder `services/{row.connector}` exists already; nothing was changed")
    config = {} if verification_threshold is None else {"verification_threshold": verification_threshold}
    folder = bootstrap.connect_service(
        desk.office, name=row.connector, service_id=row.id, backend="embedded", config=config
    )
    return Outcome({"service": row.id, "folder": str(folder)}, headline="Connected.")


@command(service, "decide", acts="rue")
@click.argument("which", metavar="SERVICE")
@click.argument("status", type=click.Choice(DECIDABLE))
@click.option("--expires", type=INSTANT, help="The day an approval ends.")
def decide(desk: Desk, *, which: str, status: str, expires: datetime | None) -> Outcome:
    """Change a service's standing; it takes effect at the next submission."""
    row = verbs.decide_on_service(
        desk.office, service_id=desk.service(which), status=status, approval_expires=expires, by=desk.by
    )
    return answered(row, "Decided.")


@command(service, "test", acts="rue")
@click.argument("which", metavar="SERVICE")
@click.option("--standard", required=True, help="By which standard it was tested.")
@click.option("--report", required=True, help="Where the report lies.")
@click.option("--passed/--failed", required=True)
@click.option("--tested", type=INSTANT, required=True, help="When.")
@click.option("--due", type=INSTANT, required=True, help="When the next test is due.")
def test(
    desk: Desk, *, which: str, standard: str, report: str, passed: bool, tested: datetime, due: datetime
) -> Outcome:
    """Record a test of the present version for differences between groups (D-026-11/testing)."""
    row = verbs.record_test(
        desk.office,
        service_id=desk.service(which),
        standard=standard,
        report=report,
        passed=passed,
        tested_at=tested,
        due=due,
        by=desk.by,
    )
    return answered(row, "Recorded.")


@command(service, "terms", acts="ines")
@click.argument("which", metavar="[SERVICE]", required=False, default="")
@click.option("--show", is_flag=True, help="Show the terms and accept nothing.")
def terms(desk: Desk, *, which: str, show: bool) -> Outcome:
    """Accept a service's terms in their present version, for oneself (HSI-M/4C4-terms)."""
    row = Service.objects.get(pk=desk.service(which))
    shown = {"terms_version": row.terms_version, "terms": row.terms}
    if show:
        return Outcome({"service": row.id, **shown})
    accepted = verbs.accept_terms(desk.office, service_id=row.id, by=desk.by)
    return Outcome({**view(accepted), **shown}, headline="Accepted.")


@command(service, "review", acts="rue")
@click.argument("review_id", metavar="REVIEW")
@click.option("--outcome", required=True, help="What came of it; only an outcome closes a review.")
def review(desk: Desk, *, review_id: str, outcome: str) -> Outcome:
    """Close a review that a use in exigency opened (HSI-M/4C3-after-review)."""
    row = verbs.close_service_review(desk.office, review_id=review_id, outcome=outcome, by=desk.by)
    return answered(row, "Closed.")


@command(service, "list")
def list_services(_: Desk) -> Outcome:
    """Every service with its standing, and the reviews that are open."""
    return Outcome(
        {
            "services": [view(s) for s in Service.objects.order_by("entry_index")],
            "open_reviews": [view(r) for r in ServiceReview.objects.filter(status="open").order_by("due")],
        },
        tables={
            "services": ("id", "name", "status", "approval_expires", "modes", "case_types"),
            "open_reviews": ("id", "service", "because_of_request", "due"),
        },
    )


def _floor(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise BadInputError(f"`--floor {text}` is not COMPONENT=VALUE, for example sharpness=20") from None
