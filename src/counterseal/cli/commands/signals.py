"""`counterseal signals`: what in a time of searches should be looked at, the most striking first."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from fractions import Fraction

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import INSTANT
from counterseal.gateway.raise_signals import Ran, run_signals
from counterseal.oversight.signals.rows import Signal
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

signals = Ordered("signals", help="Look at a time of searches for what a supervisor should see.")
LOOK_BACK = timedelta(days=31)


@command(signals, "run", acts="sol")
@click.option("--since", type=INSTANT, help="From when; 31 days ago unless stated.")
@click.option("--until", type=INSTANT, help="Until when; now unless stated.")
def run(desk: Desk, *, since: datetime | None, until: datetime | None) -> Outcome:
    """Look, and open a finding for each signal that is new. To be run daily; running it again adds nothing."""
    end = until or desk.office.clock()
    ran = run_signals(desk.office, since=since or end - LOOK_BACK, until=end, by=desk.by)
    if isinstance(ran, Refusal):
        return refused(ran)
    return Outcome(
        {
            "searches": ran.searches,
            "count": len(ran.signals),
            "opened": len(ran.opened),
            "signals": _listed(ran),
        },
        headline=f"{len(ran.signals)} signals among {ran.searches} searches; {len(ran.opened)} findings opened.",
        tables={"signals": ("times", "kind", "says", "finding")},
        then=("What came of one: counterseal finding dismiss FINDING --reason ...",) if ran.opened else (),
    )


@command(signals, "numbers")
def numbers(desk: Desk) -> Outcome:
    """The numbers by which something is a signal, as the pack in force states them."""
    rule = desk.office.policies.signals(desk.office.clock())
    if rule is None:
        raise BadInputError("no pack in force has a signals.toml: nobody knows what a signal is")
    return Outcome({name: _plain(value) for name, value in asdict(rule).items()})


def _listed(ran: Ran) -> list[dict[str, object]]:
    opened = {(f.kind, f.about): f.id for f in ran.opened}
    return [_shown(signal, opened.get((signal.kind, signal.about), "")) for signal in ran.signals]


def _shown(signal: Signal, finding: str) -> dict[str, object]:
    return {
        "times": round(signal.times, 1),
        "kind": signal.kind,
        "about": signal.about,
        "person": signal.person,
        "says": signal.says,
        "entries": list(signal.entries),
        "numbers": dict(signal.numbers),
        "finding": finding,
    }


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f} seconds"
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Mapping):
        return {name: sorted(each) for name, each in value.items()}
    return value
