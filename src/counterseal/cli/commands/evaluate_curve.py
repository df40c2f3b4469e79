"""`counterseal evaluate curve`: what a published curve of rates says, and what it cannot say."""

from pathlib import Path

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.evaluated import number
from counterseal.cli.outcome import Json, Outcome
from counterseal.cli.parsing import FILE
from counterseal.evaluation.published_curve import curve_document
from counterseal.evaluation.reading.curves import RATES, read_curve
from counterseal.gateway.testing.folder import sha256_of
from counterseal.terms.errors import BadInputError


def register(group: click.Group) -> None:
    """Add `curve` to the group of evaluation commands."""

    @command(group, "curve", opens=False)
    @click.argument("points", metavar="FILE", type=FILE)
    @click.option(
        "--rates",
        required=True,
        metavar="fmr=COLUMN,fnmr=COLUMN",
        help="Which columns hold the rates, by heading or number from 1; tmr=COLUMN for 1 - FNMR.",
    )
    @click.option(
        "--fmr", "targets", type=float, multiple=True, help="A target FMR [default: 0.1, 0.01, 0.001]."
    )
    def curve(bench: Bench, *, points: Path, rates: str, targets: tuple[float, ...]) -> Outcome:  # noqa: ARG001
        """Read a ROC or DET table that somebody published: rates without scores and without counts.

        It gives no interval, no difference between groups and no verdict; a service rests on none of it but as
        somebody else's report (`counterseal service test --kind third-party`).
        """
        found = curve_document(read_curve(points, _columns(rates)), targets)
        digest = sha256_of(points)
        data: Json = {**found, "inputs": [{"role": "curve", "name": points.name, "sha256": digest}]}
        return Outcome(data, raw=_in_words(data))


def _columns(told: str) -> dict[str, str]:
    columns = {}
    for each in told.split(","):
        rate, sign, column = (part.strip() for part in each.partition("="))
        if not sign or rate not in RATES or not column or rate in columns:
            raise BadInputError(f"`--rates {told}`: say fmr=COLUMN,fnmr=COLUMN or fmr=COLUMN,tmr=COLUMN")
        columns[rate] = column
    return columns


def _in_words(found: Json) -> str:
    low, high = found["fmr_range"]
    eer = found["eer"]
    lines = [
        f"{found['points']:,} points, FMR {number(low)} to {number(high)}; rates without counts",
        *(
            f"FMR at most {number(t['target_fmr'])}: "
            + (
                "no point reaches that far"
                if t["fnmr"] is None
                else f"FNMR {number(t['fnmr'])} (at FMR {number(t['fmr'])})"
            )
            for t in found["thresholds"]
        ),
        f"equal error rate {number(eer['midpoint'])} [{number(eer['low'])}, {number(eer['high'])}], "
        f"on the convex hull {number(eer['convex_hull'])}; AUC {number(found['auc'], 6)}",
        *(f"mind: {each}" for each in found["warnings"]),
    ]
    return "\n".join(lines) + "\n"
