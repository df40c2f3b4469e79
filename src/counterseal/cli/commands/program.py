"""`counterseal program`: program codes."""

from datetime import datetime

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import INSTANT
from counterseal.cli.views import answered, view
from counterseal.gateway.register_service import record_program_code
from counterseal.oversight.models import ProgramCode

program = Ordered("program", help="Program codes (HSI-M/4E3-program-code).")


@command(program, "code", acts="rue")
@click.argument("code")
@click.option("--from", "valid_from", type=INSTANT, required=True, help="First day.")
@click.option("--until", "valid_until", type=INSTANT, required=True, help="First day on which it is out.")
def code_(desk: Desk, *, code: str, valid_from: datetime, valid_until: datetime) -> Outcome:
    """Put a program code into force for a time."""
    row = record_program_code(
        desk.office, code=code, valid_from=valid_from, valid_until=valid_until, by=desk.by
    )
    return answered(row, "Recorded.")


@command(program, "list")
def list_codes(_: Desk) -> Outcome:
    """Every program code with its days."""
    codes = [view(c) for c in ProgramCode.objects.order_by("valid_from", "code")]
    return Outcome({"codes": codes}, tables={"codes": ("code", "valid_from", "valid_until")})
