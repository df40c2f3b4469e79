"""`counterseal disclose` and `counterseal discovery`: hand information to somebody outside, on an authority."""

from datetime import datetime
from pathlib import Path

import click

from counterseal.cli.command import command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT
from counterseal.cli.views import answered
from counterseal.gateway.disclose import Authority
from counterseal.gateway.disclose import disclose as hand_out
from counterseal.gateway.discovery_package import write_discovery_package
from counterseal.gateway.review import CAVEAT
from counterseal.terms.decisions import Refusal


@command(None, "disclose", acts="dis")
@click.argument("about", metavar="RECORD")
@click.option("--case", "which", required=True, help="The case it belongs to.")
@click.option("--recipient", required=True, help="Who gets it.")
@click.option("--authority-kind", required=True, help="For example statute, regulation, agreement.")
@click.option("--citation", required=True, help="Which one.")
@click.option("--from", "valid_from", type=INSTANT, required=True, help="First day of the authority.")
@click.option("--until", "valid_until", type=INSTANT, required=True, help="First day on which it is out.")
@click.option("--content", "contents", multiple=True, required=True, help="What, as a code: lead ...")
def disclose(
    desk: Desk,
    *,
    about: str,
    which: str,
    recipient: str,
    authority_kind: str,
    citation: str,
    valid_from: datetime,
    valid_until: datetime,
    contents: tuple[str, ...],
) -> Outcome:
    """Record and seal a disclosure. The caveat always goes with it."""
    row = hand_out(
        desk.office,
        case_id=desk.case(which).id,
        about=about,
        recipient=recipient,
        authority=Authority(authority_kind, citation, valid_from, valid_until),
        contents=list(contents),
        by=desk.by,
    )
    return answered(row, "Recorded; it may be handed out.", caveat=CAVEAT)


@command(None, "discovery", acts="dis")
@click.argument("disclosure")
@click.argument("folder", metavar="DIR", type=FILE)
def discovery(desk: Desk, *, disclosure: str, folder: Path) -> Outcome:
    """Write the discovery package of the search that DISCLOSURE is about. It verifies offline.

    The disclosure must name probe, candidate-list, search-report and test-summary; its authority must be in force.
    """
    written = write_discovery_package(desk.office, disclosure_id=disclosure, folder=folder, by=desk.by)
    if isinstance(written, Refusal):
        return refused(written)
    return Outcome(
        {
            "record": written.record,
            "path": str(written.path),
            "files": written.files,
            "entries": written.entries,
            "manifest": written.manifest,
            "release_entry": written.release_index,
            "caveat": CAVEAT,
        },
        headline="Written; the release is sealed.",
        then=(f"To check it: python3 {written.path / 'verify.py'}",),
    )
