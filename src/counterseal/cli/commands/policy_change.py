"""`counterseal policy activate`, `withdraw`, `confirm`, `reject`, `state`, `authorise`, `replay`: what counts."""

import json
import time
from typing import TYPE_CHECKING, Any

import click

from counterseal.cli.command import command
from counterseal.cli.outcome import Exit, Outcome
from counterseal.shipped import shipped
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

if TYPE_CHECKING:
    from counterseal.cli.desk import Desk


def register(group: click.Group) -> None:
    """Add the commands that change what counts."""

    @command(group, "activate", acts="pat")
    @click.argument("pack")
    @click.option("--replaces", default="", metavar="PACK", help="The pack whose place it takes.")
    def activate(desk: "Desk", *, pack: str, replaces: str) -> Outcome:
        """Propose that PACK counts. Shows what it would newly allow and deny; another office confirms it."""
        return _proposed(desk, "activate", pack, replaces)

    @command(group, "withdraw", acts="pat")
    @click.argument("pack")
    def withdraw(desk: "Desk", *, pack: str) -> Outcome:
        """Propose that PACK counts no more. Nothing else ever takes a pack away."""
        return _proposed(desk, "withdraw", pack, "")

    @command(group, "confirm", acts="cora")
    @click.argument("change")
    def confirm(desk: "Desk", *, change: str) -> Outcome:
        """Confirm a proposed CHANGE for your office; with the last that is needed it takes effect."""
        return _spoken(desk, change, confirms=True)

    @command(group, "reject", acts="cora")
    @click.argument("change")
    def reject(desk: "Desk", *, change: str) -> Outcome:
        """Reject a proposed CHANGE for your office. It is over."""
        return _spoken(desk, change, confirms=False)

    @command(group, "changes")
    def changes(_: "Desk") -> Outcome:
        """Every proposed change of packs and what became of it."""
        from counterseal.cli.views import view
        from counterseal.oversight.models import PackChange

        rows = [view(row) for row in PackChange.objects.order_by("entry_index")]
        columns = ("id", "kind", "pack", "replaces", "status", "proposed_at", "effective_at")
        return Outcome({"changes": rows}, tables={"changes": columns})

    @command(group, "state", acts="sol")
    @click.argument("fact")
    @click.argument("about")
    @click.argument("value")
    def state(desk: "Desk", *, fact: str, about: str, value: str) -> Outcome:
        """State FACT of a pack ABOUT somebody or something (an id), as VALUE: true, a number, a text, an instant."""
        from counterseal.cli.views import answered
        from counterseal.gateway.state_fact import state_fact

        row = state_fact(desk.office, fact=fact, about=about, value=_value(value), by=desk.by)
        return answered(row, "Stated.", "")

    @command(group, "authorise", acts="sol")
    @click.argument("request")
    @click.option("--granted/--refused", "granted", default=None, help="What was answered.")
    @click.option("--authority", required=True, help="The court or independent authority.")
    @click.option("--reference", required=True, help="Its file number.")
    def authorise(
        desk: "Desk", *, request: str, granted: bool | None, authority: str, reference: str
    ) -> Outcome:
        """Record whether a court or authority authorised the search REQUEST. Refused, what it brought is deleted."""
        from counterseal.cli.views import answered
        from counterseal.gateway.authorise_use import authorise_use

        if granted is None:
            raise BadInputError("say `--granted` or `--refused`")
        row = authorise_use(
            desk.office,
            request_id=request,
            granted=granted,
            authority=authority,
            reference=reference,
            by=desk.by,
        )
        return answered(row, "Recorded.", "")

    @command(group, "replay")
    def replay(desk: "Desk") -> Outcome:
        """Decide every logged decision again: same facts, same packs, same answer. Ends with 3 where one differs."""
        from counterseal.gateway.replay_decisions import logged_decisions
        from counterseal.policy.replay import replay as again

        decisions = list(logged_decisions())
        began = time.monotonic()
        found = again(decisions, desk.office.policies)
        seconds = time.monotonic() - began
        data = {
            "decisions": len(decisions),
            "same": found.same,
            "differ": [{"index": index, "what": what} for index, what in found.differ],
            "without_facts": found.without_facts,
            "of_other_packs": list(found.of_other_packs),
            "a_second": round(len(decisions) / seconds) if seconds else 0,
        }
        return Outcome(
            data,
            Exit.INTEGRITY if found.differ else Exit.DONE,
            f"{found.same} of {len(decisions)} decided again: same answer, same digest.",
            tables={"differ": ("index", "what")},
        )


def _proposed(desk: "Desk", kind: str, pack: str, replaces: str) -> Outcome:
    from counterseal.cli.outcome import refused
    from counterseal.cli.views import view
    from counterseal.gateway.change_pack import propose_pack_change

    near = [json.loads(f.read_text("utf-8")) for f in sorted(shipped("examples").glob("permitted-*.json"))]
    row = propose_pack_change(desk.office, kind=kind, pack=pack, replaces=replaces, by=desk.by, near=near)
    if isinstance(row, Refusal):
        return refused(row)
    said = json.loads(desk.office.vault.open(row.difference))
    return Outcome(
        {**view(row), "changes": said["changes"], "equivalent": said["equivalent"]},
        headline="Proposed. It counts once another office has confirmed it.",
        tables={"changes": ("action", "change")},
        then=(f"another office: counterseal policy confirm {row.id}",),
    )


def _spoken(desk: "Desk", change: str, *, confirms: bool) -> Outcome:
    from counterseal.cli.views import answered
    from counterseal.gateway.change_pack import confirm_pack_change

    row = confirm_pack_change(desk.office, change_id=change, confirms=confirms, by=desk.by)
    return answered(row, "Spoken.", "counterseal policy in-force")


def _value(text: str) -> Any:
    """JSON where it is a true, false, number or list; else the text itself."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | list) else text
