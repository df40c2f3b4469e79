"""`counterseal redress`: ask after a wrong link, answer by a day, read the answer."""

from dataclasses import asdict

import click

from counterseal.cli.choosing import typed
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.views import json_value, view
from counterseal.gateway import redress as verbs
from counterseal.oversight.models import RedressAbout, RedressOutcome, RedressRequest, RedressStatus
from counterseal.terms.decisions import Refusal

redress = Ordered("redress", help="Ask after a wrong link, answer by a day, read the answer.")


@command(redress, "ask")
@click.option(
    "--about", type=click.Choice(list(map(str, RedressAbout))), required=True, help="What was done."
)
@click.option(
    "--words", required=True, help="What happened, when and where; `-` reads a line from standard input."
)
@click.option("--contact", default="", help="How to be reached, if you like; `-` reads a line likewise.")
def ask(desk: Desk, *, about: str, words: str, contact: str) -> Outcome:
    """Ask what happened, as somebody who was wrongly linked, stopped, arrested or refused. No name is needed."""
    asked = verbs.ask_redress(desk.office, about=about, words=typed(words), contact=typed(contact))
    return Outcome(
        {
            "id": asked.id,
            "code": asked.code,
            "due": json_value(asked.due),
            "entry": asked.index,
            "receipt": asked.receipt.decode(),
        },
        headline="Asked. Keep the code: it is shown this once, and reads the answer.",
        hidden=("receipt",),
        then=("To read the answer: counterseal redress status CODE",),
    )


@command(redress, "status")
@click.argument("code")
def status(desk: Desk, *, code: str) -> Outcome:
    """Read what became of a request, by its code. `-` reads the code from standard input."""
    standing = verbs.redress_standing(desk.office, code=typed(code))
    data = {
        name: json_value(value) if name.endswith("_at") or name == "due" else value
        for name, value in asdict(standing).items()
    }
    return Outcome(data, headline="Overdue: it should have been answered." if standing.overdue else "")


@command(redress, "list")
def list_requests(desk: Desk) -> Outcome:
    """Requests that wait for an answer, the first due first. Their words: `counterseal record REQUEST`."""
    at = desk.office.clock()
    rows = RedressRequest.objects.filter(status=RedressStatus.OPEN).order_by("due", "id")
    shown = [{**view(row), "overdue": row.due < at} for row in rows]
    return Outcome(
        {"requests": shown}, tables={"requests": ("id", "about", "due", "overdue", "words", "contact")}
    )


@command(redress, "answer", acts="pat")
@click.argument("redress_id", metavar="REQUEST")
@click.option("--outcome", type=click.Choice(list(map(str, RedressOutcome))), required=True)
@click.option("--words", required=True, help="The answer, as the asker reads it; `-` reads a line.")
@click.option("--record", "record_id", default="", help="The case that was looked into, or a record of it.")
def answer(desk: Desk, *, redress_id: str, outcome: str, words: str, record_id: str) -> Outcome:
    """Answer a request. Never by anybody who acted in what it is about."""
    given = verbs.answer_redress(
        desk.office,
        redress_id=redress_id,
        outcome=outcome,
        words=typed(words),
        record_id=record_id,
        by=desk.by,
    )
    if isinstance(given, Refusal):
        return refused(given)
    return Outcome(
        {**view(given.row), "receipt": given.receipt.decode()}, headline="Answered.", hidden=("receipt",)
    )
