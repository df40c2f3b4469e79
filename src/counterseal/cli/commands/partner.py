"""`counterseal partner`: agencies for which, or through which, a search may run, and on what authority."""

from datetime import datetime

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import INSTANT
from counterseal.cli.views import answered, view
from counterseal.gateway.partners import EVERY_SERVICE, KINDS, record_agreement
from counterseal.oversight.models import PartnerAgreement
from counterseal.terms.errors import BadInputError

partner = Ordered("partner", help="Agencies for which, or through which, a search may run.")


@command(partner, "record", acts="dis")
@click.argument("agency")
@click.option("--kind", type=click.Choice(KINDS), required=True)
@click.option("--citation", required=True, help="The section, or the agreement's number.")
@click.option("--from", "valid_from", type=INSTANT, required=True, help="First day.")
@click.option("--until", "valid_until", type=INSTANT, required=True, help="First day on which it is out.")
@click.option(
    "--bars", multiple=True, metavar="SERVICE", help="Its own rules bar it from this service; `*` from all."
)
@click.option(
    "--runs",
    multiple=True,
    metavar="SERVICE=REACHED",
    help="A service it runs for us, and the one behind it.",
)
def record(
    desk: Desk,
    *,
    agency: str,
    kind: str,
    citation: str,
    valid_from: datetime,
    valid_until: datetime,
    bars: tuple[str, ...],
    runs: tuple[str, ...],
) -> Outcome:  # fmt: skip
    """Record on what authority AGENCY (a code, like city-police) may ask us, or be asked."""
    row = record_agreement(
        desk.office,
        agency=agency,
        kind=kind,
        citation=citation,
        valid_from=valid_from,
        valid_until=valid_until,
        bars=tuple(each if each == EVERY_SERVICE else desk.service(each) for each in bars),
        services=tuple(_pair(desk, each) for each in runs),
        by=desk.by,
    )
    return answered(
        row, "Recorded.", "For a search on its behalf: counterseal search request --on-behalf-of {id}"
    )


@command(partner, "list")
def list_agreements(_: Desk) -> Outcome:
    """Every agreement, and the services that its agency runs for us."""
    agreements = [
        {**view(a), "runs": [f"{s.service_id}={s.reaches_id}" for s in a.services.order_by("service_id")]}
        for a in PartnerAgreement.objects.order_by("entry_index")
    ]
    columns = ("id", "agency", "kind", "citation", "valid_from", "valid_until", "bars", "runs")
    return Outcome({"agreements": agreements}, tables={"agreements": columns})


def _pair(desk: Desk, text: str) -> tuple[str, str]:
    service, equals, reached = text.partition("=")
    if not equals or not service or not reached:
        raise BadInputError(f"`{text}` is no pair: write SERVICE=REACHED")
    return desk.service(service), desk.service(reached)
