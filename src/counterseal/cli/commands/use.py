"""`counterseal use`: uses of face recognition, what is assessed of them, and the three offices' word."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.cli.views import answered, json_value, view
from counterseal.gateway import assess_use as assessing
from counterseal.gateway import program_file as filing
from counterseal.gateway import propose_use as verbs
from counterseal.oversight.models import Duty, Use, UseKind
from counterseal.oversight.principles import CHANGES, PRINCIPLES
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

use = Ordered("use", help="Uses of face recognition, and the three offices' word on them.")


@command(use, "propose", acts="sol")
@click.argument("name")
@click.option("--purpose", required=True, help="What it is for, in a sentence.")
@click.option("--kind", type=click.Choice(list(map(str, UseKind))), help="What it does with faces.")
@click.option("--law-enforcement/--not-law-enforcement", required=True, help="Which kind of use it is.")
def propose(desk: Desk, *, name: str, purpose: str, kind: str | None, law_enforcement: bool) -> Outcome:
    """Put a use before the three offices. Nothing runs under it until all three concur.

    Unless told, its kind is identification for law enforcement, and verification outside it.
    """
    row = verbs.propose_use(
        desk.office, name=name, purpose=purpose, kind=kind or "", law_enforcement=law_enforcement, by=desk.by
    )
    return answered(row, "Proposed.", "Next: counterseal use risk {id}, then counterseal use principle {id}")


@command(use, "import", acts="sol")
@click.argument("file", type=FILE)
def import_uses(desk: Desk, *, file: Path) -> Outcome:
    """Put uses that existed before this register into the offices' queue, each with a day it is due.

    FILE is CSV with the columns name, purpose, kind, law_enforcement (yes or no), in_use_since, review_due.
    """
    try:
        text = read_file(file, "the list of uses").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"`{file}` is not UTF-8: save it as UTF-8") from error
    rows = assessing.import_existing_uses(desk.office, uses=assessing.read_existing_uses(text), by=desk.by)
    if isinstance(rows, Refusal):
        return refused(rows)
    return Outcome({"uses": [view(u) for u in rows]}, headline=f"{len(rows)} imported, each under review.")


@command(use, "risk", acts="sol")
@click.argument("which", metavar="USE")
@click.option("--risk", required=True, help="What may happen to whom.")
@click.option("--mitigation", required=True, help="What is done about it.")
@click.option("--owner", required=True, help="Who answers for that.")
@click.option("--due", type=INSTANT, required=True, help="Until when.")
def risk(desk: Desk, *, which: str, risk: str, mitigation: str, owner: str, due: datetime) -> Outcome:
    """Enter a risk into the register of a use (D-026-11/risk-assessment)."""
    row = assessing.record_risk(
        desk.office,
        use_id=desk.use(which),
        risk=risk,
        mitigation=mitigation,
        owner=desk.person(owner),
        due=due,
        by=desk.by,
    )
    return answered(row, "Recorded.")


@command(use, "close-risk", acts="pat")
@click.argument("risk_id", metavar="RISK")
@click.option("--evidence", required=True, help="Where it stands that the mitigation is in place.")
def close_risk(desk: Desk, *, risk_id: str, evidence: str) -> Outcome:
    """One of the three offices finds a mitigation in place. Never the owner of the risk."""
    return answered(
        assessing.close_risk(desk.office, risk_id=risk_id, evidence=evidence, by=desk.by), "Closed."
    )


@command(use, "principle", acts="sol")
@click.argument("which", metavar="USE")
@click.argument("principle", type=click.Choice(list(PRINCIPLES)))
@click.option("--evidence", required=True, help="Where it stands that the use keeps this principle.")
def principle(desk: Desk, *, which: str, principle: str, evidence: str) -> Outcome:
    """Show evidence for one of the nine principles, for the present round of review."""
    row = assessing.show_principle(
        desk.office, use_id=desk.use(which), principle=principle, evidence=evidence, by=desk.by
    )
    return answered(row, "Recorded.")


@command(use, "concur", acts="pat")
@click.argument("which", metavar="USE")
@click.option("--office", "as_office", type=click.Choice(sorted(THREE_OFFICES)), required=True)
@click.option("--object", "objects", is_flag=True, help="Say no instead; it stops the use.")
@click.option("--words", default="", help="Other conditions, or why the office objects; kept in the vault.")
@click.option("--only-mode", "modes", multiple=True, help="A condition: these modes alone.")
@click.option("--only-case-type", "case_types", multiple=True, help="A condition: these types of case alone.")
@click.option("--only-service", "services", multiple=True, help="A condition: these services alone.")
@click.option("--until", type=INSTANT, help="A condition: the concurrence ends then.")
def concur(
    desk: Desk,
    *,
    which: str,
    as_office: str,
    objects: bool,
    words: str,
    modes: tuple[str, ...],
    case_types: tuple[str, ...],
    services: tuple[str, ...],
    until: datetime | None,
) -> Outcome:
    """Give one office's word. The third concurrence, by a third person, activates the use."""
    use_id = desk.use(which)
    given = {
        "modes": modes,
        "case_types": case_types,
        "services": tuple(map(desk.service, services)),
        "until": until,
    }
    row = verbs.concur(
        desk.office,
        use_id=use_id,
        as_office=as_office,
        concurs=not objects,
        conditions={name: value for name, value in given.items() if value},
        words=words,
        by=desk.by,
    )
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome({**view(row), "use_status": Use.objects.get(pk=use_id).status}, headline="Recorded.")


@command(use, "suspend", acts="cora")
@click.argument("which", metavar="USE")
def suspend(desk: Desk, *, which: str) -> Outcome:
    """Suspend a use at once. Any one of the three offices does this."""
    row = verbs.suspend_use(desk.office, use_id=desk.use(which), by=desk.by)
    return answered(row, "Suspended.")


@command(use, "changed", acts="sol")
@click.argument("which", metavar="USE")
@click.argument("what", type=click.Choice(list(CHANGES)))
@click.option("--words", required=True, help="What changed, in words; kept in the vault.")
def changed(desk: Desk, *, which: str, what: str, words: str) -> Outcome:
    """Say what changed about a use. It goes back to the three offices, and stands still until they concur."""
    row = verbs.review_again(desk.office, use_id=desk.use(which), what=what, words=words, by=desk.by)
    return answered(row, "Under review again.")


@command(use, "file")
@click.argument("which", metavar="USE")
def show_file(desk: Desk, *, which: str) -> Outcome:
    """Show the file of a use outside law enforcement: what is complete, missing or out of date, and its list.

    Exit code 0 also where it is not complete, or the list that it holds is stale.
    """
    use_id = desk.use(which)
    file = filing.file_of(desk.office, use_id=use_id)
    lines = [
        {
            "line": c.line.id,
            "state": str(c.state),
            "asks": c.line.asks,
            "valid_until": json_value(c.valid_until),
            "shown_by": [
                {
                    "document": s.document,
                    "place": s.place,
                    "made_on": json_value(s.made_on),
                    "valid_until": json_value(s.valid_until),
                    "recorded_by": s.recorded_by,
                }
                for s in c.shown_by
            ],
        }
        for c in file.lines
    ]
    data = {
        "use": use_id,
        "compliant": file.compliant,
        "complete": file.complete,
        "of": len(file.lines),
        "share": file.share,
        "valid_until": json_value(file.valid_until),
        "list_state": str(file.list_state),
        "list_sequence": file.held.sequence if file.held else None,
        "list_valid_until": json_value(file.held.valid_until) if file.held else None,
        "lines": lines,
    }
    word = "Compliant" if file.compliant else "NOT COMPLIANT"
    return Outcome(
        data,
        headline=f"{word}: {file.complete} of {len(lines)} lines complete, list: {file.list_state}.",
        tables={"lines": ("line", "state", "valid_until")},
    )


@command(use, "file-record", acts="sol")
@click.argument("which", metavar="USE")
@click.argument("line")
@click.option("--document", type=FILE, required=True, help="The document; of a sign, its photograph.")
@click.option(
    "--made", "made_on", type=INSTANT, required=True, help="The day it speaks of; it holds from then."
)
@click.option("--place", default="", help="Of a sign: where it hangs.")
@click.option("--taken-down", is_flag=True, help="Of a sign: it hangs there no more.")
def file_record(
    desk: Desk, *, which: str, line: str, document: Path, made_on: datetime, place: str, taken_down: bool
) -> Outcome:
    """Record a document for one LINE of the file of a use; `use file` lists them."""
    row = filing.record_in_file(
        desk.office,
        use_id=desk.use(which),
        line=line,
        document=read_file(document, "the document"),
        made_on=made_on,
        place=place,
        taken_down=taken_down,
        by=desk.by,
    )
    return answered(row, "Recorded.")


@command(use, "file-list", acts="gail")
@click.argument("which", metavar="USE")
@click.argument("list_file", metavar="LIST", type=FILE)
def file_list(desk: Desk, *, which: str, list_file: Path) -> Outcome:
    """Note that a use without a connection holds this signed LIST of choices from now on."""
    data = read_file(list_file, "the list", most=1 << 30)
    return answered(filing.note_list(desk.office, use_id=desk.use(which), data=data, by=desk.by), "Noted.")


@command(use, "list")
def list_uses(desk: Desk) -> Outcome:
    """Every use with its state, the offices that concur, its open risks and what its assessment lacks."""
    now = desk.office.clock()
    uses = [_shown(u, now) for u in Use.objects.order_by("entry_index")]
    return Outcome(
        {"uses": uses},
        tables={"uses": ("id", "name", "kind", "status", "concurring", "open_risks", "days_left")},
    )


def _shown(row: Use, now: datetime) -> dict[str, Any]:
    said = row.concurrences.filter(round=row.round)
    due = Duty.objects.filter(kind="use-review", about=row.id, closed_at=None).first()
    open_risks = row.risks.filter(status="open")
    return {
        **view(row),
        "concurring": sorted(c.office for c in said.filter(concurs=True)),
        "objecting": sorted(c.office for c in said.filter(concurs=False)),
        "conditions": [c.conditions for c in said.filter(concurs=True).order_by("office") if c.conditions],
        "open_risks": open_risks.count(),
        "overdue_risks": open_risks.filter(due__lte=now).count(),
        "missing": [u.missing for u in assessing.missing_of(row)],
        "review_due": json_value(due.due) if due else None,
        "days_left": (due.due - now) // timedelta(days=1) if due else None,
    }
