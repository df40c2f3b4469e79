"""`counterseal verify`: claims outside law enforcement, and face analysis, which is named so that it is refused."""

from pathlib import Path
from typing import Any

import click

from counterseal.cli.choosing import choice_of, choice_options
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome, not_acquired, permit_json, refused
from counterseal.cli.parsing import FILE, read_file
from counterseal.cli.views import answered, json_value
from counterseal.connectors.port import ServiceFailure
from counterseal.gateway import analyse as analysing
from counterseal.gateway.verification_terms import state_verification_terms
from counterseal.gateway.verify_claim import Instead, Liveness, Sample, verify_claim
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.terms.biometrics import FailureToAcquire
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

verify = Ordered(
    "verify", help="Claims outside law enforcement: one to one, and only for whoever does not decline."
)
USE = click.option("--use", "which", required=True, help="Use id or name.")


@command(verify, "terms", acts="pat")
@USE
@click.option("--service", default="", help="Service id or name; the only one unless told.")
@click.option("--setting", required=True, help="Code of the checkpoint, for example boarding.")
@click.option("--alternative", required=True, help="What happens instead, in words for the person.")
@click.option("--liveness/--no-liveness", default=False, help="Whether a liveness outcome is called for.")
@click.option("--destination", default="gate", show_default=True, help="Code for where samples go.")
@click.option(
    "--keep",
    "keep",
    multiple=True,
    metavar="OUTCOME:DESTINATION=HOURS",
    help="Keep samples of verified, not-verified or no-decision; what is not named is not kept.",
)
def terms(
    desk: Desk,
    *,
    which: str,
    service: str,
    setting: str,
    alternative: str,
    liveness: bool,
    destination: str,
    keep: tuple[str, ...],
) -> Outcome:
    """State how a use verifies claims, from now on: its service, its alternative, what is kept how long."""
    row = state_verification_terms(
        desk.office,
        use_id=desk.use(which),
        service_id=desk.service(service),
        setting=setting,
        alternative=alternative,
        liveness_called_for=liveness,
        destination=destination,
        keep_hours=_hours(keep),
        by=desk.by,
    )
    return answered(row, "Stated.")


@command(verify, "claim", acts="gail")
@USE
@click.option("--claim", "reference", required=True, metavar="REFERENCE", help="The one reference claimed.")
@click.option(
    "--photograph",
    type=FILE,
    required=True,
    help="What the camera brings; opened after the choice is heard.",
)
@click.option(
    "--liveness",
    type=click.Choice([str(w) for w in Liveness]),
    default=str(Liveness.NOT_ASSESSED),
    show_default=True,
)
@choice_options
def claim(
    desk: Desk, *, which: str, reference: str, photograph: Path, liveness: str, **said: Any
) -> Outcome:  # fmt: skip
    """Verify one claim. Exit code 1 where the person goes by the alternative procedure, whatever the reason."""
    outcome = verify_claim(
        desk.office,
        use_id=desk.use(which),
        reference=reference,
        choice=choice_of(said),
        camera=lambda: Sample(read_file(photograph, "the photograph"), liveness),
        by=desk.by,
    )
    shown: dict[str, Any] = {
        "entry": outcome.index,
        "receipt": outcome.receipt.decode(),
        "kept_until": json_value(outcome.kept_until),
    }
    if not isinstance(outcome, Instead):
        data = {
            "outcome": "verified",
            "threshold": outcome.threshold,
            "intent": outcome.intent_index,
            **shown,
        }
        return Outcome(data, headline="Verified.", hidden=("receipt",))
    shown = {"alternative": outcome.alternative, "honoured": outcome.honoured, **shown}
    match outcome.why:
        case Refusal():
            made = refused(outcome.why, **shown)
            headline = "Declined: follow the alternative procedure." if outcome.honoured else made.headline
            return Outcome(made.data, made.code, headline, hidden=("receipt",))
        case FailureToAcquire():
            made = not_acquired(outcome.why, **shown)
            return Outcome(made.data, made.code, made.headline, hidden=("receipt",))
        case ServiceFailure():
            data = {"failure": outcome.why.code, "says": outcome.why.says, **shown}
            return Outcome(data, Exit.UNAVAILABLE, "The service gave no usable answer.", hidden=("receipt",))
    data = {"outcome": outcome.why, **shown}
    return Outcome(
        data, Exit.REFUSED, "Not verified; that proves nothing against anybody.", hidden=("receipt",)
    )


@command(verify, "approve-age-estimation", acts="pat")
@USE
@click.option("--office", "as_office", type=click.Choice(sorted(THREE_OFFICES)), required=True)
def approve_age_estimation(desk: Desk, *, which: str, as_office: str) -> Outcome:
    """Give one office's approval of age estimation for this very use. Three offices, or none counts."""
    row = analysing.approve_age_estimation(
        desk.office, use_id=desk.use(which), as_office=as_office, by=desk.by
    )
    return answered(row, "Recorded.")


@command(verify, "analyse", acts="gail")
@USE
@click.option("--service", default="", help="Service id or name; the only one unless told.")
@click.option("--operation", required=True, help="For example age-estimation.")
@click.option("--case-type", required=True, help="The type of case or checkpoint.")
def analyse(desk: Desk, *, which: str, service: str, operation: str, case_type: str) -> Outcome:
    """Ask for an analysis of faces. It is refused; where it is permitted, there is no engine for it."""
    outcome = analysing.analyse(
        desk.office,
        use_id=desk.use(which),
        service_id=desk.service(service),
        operation=operation,
        case_type=case_type,
        by=desk.by,
    )
    if isinstance(outcome, Refusal):
        return refused(outcome)
    data = {**permit_json(outcome.permit), "outcome": "no-engine", "entry": outcome.index}
    return Outcome(data, Exit.UNAVAILABLE, "Permitted, and nothing here can do it: there is no engine.")


def _hours(keep: tuple[str, ...]) -> dict[str, dict[str, int]]:
    hours: dict[str, dict[str, int]] = {}
    for rule in keep:
        where, equals, number = rule.partition("=")
        outcome, colon, destination = where.partition(":")
        if not equals or not colon or not number.isascii() or not number.isdigit():
            raise BadInputError(f"`{rule}` is no rule: write it like verified:gate=12")
        hours.setdefault(outcome, {})[destination] = int(number)
    return hours
