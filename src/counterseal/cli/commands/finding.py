"""`counterseal finding`: what oversight must look at, and what came of it."""

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.views import answered, view
from counterseal.gateway import findings as verbs
from counterseal.oversight.finding_kinds import FAMILIES, KINDS
from counterseal.oversight.models import Finding, Referral, ReferralStatus

finding = Ordered("finding", help="What oversight must look at, and what came of it.")
FINDING = click.argument("finding_id", metavar="FINDING")
REASON = click.option("--reason", required=True, help="Why, in words; kept in the vault.")


@command(finding, "list")
@click.option("--all", "everything", is_flag=True, help="Also those that were closed.")
@click.option("--kind", default="", help="Of this kind only.")
def list_findings(desk: Desk, *, everything: bool, kind: str) -> Outcome:  # noqa: ARG001 - opens the installation
    """The findings that stand, the oldest first."""
    rows = Finding.objects.order_by("opened_at", "id")
    rows = rows if everything else rows.filter(status__in=verbs.STANDING)
    shown = [view(f) for f in (rows.filter(kind=kind) if kind else rows)]
    return Outcome(
        {"count": len(shown), "findings": shown},
        tables={"findings": ("id", "kind", "about", "says", "status", "opened_at")},
    )


@command(finding, "kinds")
def kinds(desk: Desk) -> Outcome:  # noqa: ARG001 - opens the installation
    """Every kind of finding, what it says, and who may decide on it."""
    known = {**KINDS, **{f"{beginning}...": family for beginning, family in FAMILIES.items()}}
    return Outcome(
        {
            "kinds": [
                {"kind": code, "says": kind.words, "owners": sorted(kind.owners)}
                for code, kind in known.items()
            ]
        },
        tables={"kinds": ("kind", "says", "owners")},
    )


@command(finding, "dismiss", acts="sol")
@FINDING
@REASON
def dismiss(desk: Desk, *, finding_id: str, reason: str) -> Outcome:
    """Say that there is nothing in it, and why. Never by the person whom it concerns."""
    row = verbs.dismiss_finding(desk.office, finding_id=finding_id, reason=reason, by=desk.by)
    return answered(row, "It is dismissed.")


@command(finding, "act", acts="sol")
@FINDING
@click.option("--done", required=True, help="What was done about it; kept in the vault.")
def act(desk: Desk, *, finding_id: str, done: str) -> Outcome:
    """Say what was done about it."""
    row = verbs.act_on_finding(desk.office, finding_id=finding_id, done=done, by=desk.by)
    return answered(row, "It is closed.")


@command(finding, "refer", acts="sol")
@FINDING
@REASON
def refer(desk: Desk, *, finding_id: str, reason: str) -> Outcome:
    """Hand it to professional responsibility. From then on only their answer closes it."""
    row = verbs.refer_finding(desk.office, finding_id=finding_id, reason=reason, by=desk.by)
    return answered(
        row, "It is referred.", "Their answer: counterseal finding answer {id} OUTCOME --words ..."
    )


@command(finding, "referrals")
@click.option("--all", "everything", is_flag=True, help="Also those that were answered.")
def referrals(desk: Desk, *, everything: bool) -> Outcome:  # noqa: ARG001 - opens the installation
    """The referrals that wait for an answer, the first due first."""
    rows = Referral.objects.order_by("due", "id")
    shown = [view(r) for r in (rows if everything else rows.filter(status=ReferralStatus.OPEN))]
    return Outcome(
        {"count": len(shown), "referrals": shown},
        tables={"referrals": ("id", "finding", "due", "status", "outcome")},
    )


@command(finding, "answer", acts="aud")
@click.argument("referral_id", metavar="REFERRAL")
@click.argument("outcome", type=click.Choice(["acted-on", "dismissed"]))
@click.option("--words", required=True, help="What was done, or why nothing; kept in the vault.")
def answer(desk: Desk, *, referral_id: str, outcome: str, words: str) -> Outcome:
    """Professional responsibility's answer: it closes the finding too."""
    row = verbs.answer_referral(
        desk.office, referral_id=referral_id, outcome=outcome, words=words, by=desk.by
    )
    return answered(row, "It is answered.")
