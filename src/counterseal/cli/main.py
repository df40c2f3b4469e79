"""The entry point: `counterseal`."""

import os
import sys

import click

from counterseal.cli.command import Root
from counterseal.cli.outcome import Exit

_FILES = "counterseal.cli.commands."

# name -> file that holds it, and what the overview says of it
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (_FILES + "demo", "tell one whole story on a synthetic agency, and verify its log"),
    "init": (_FILES + "init", "make a new installation"),
    "person": (_FILES + "person", "admit people, grant and revoke roles"),
    "certify": (_FILES + "certify", "courses, attestations, examiners' qualifications"),
    "use": (_FILES + "use", "uses of face recognition and the three offices' word on them"),
    "program": (_FILES + "program", "program codes"),
    "service": (_FILES + "service", "the register of services: record, decide, test, terms, reviews, trials"),
    "gallery": (_FILES + "gallery", "references of the embedded service: enrol, list, withhold, erase"),
    "case": (_FILES + "case", "cases, assignments, investigative steps"),
    "evidence": (_FILES + "evidence", "evidence items and what was derived from what"),
    "probe": (_FILES + "probe", "photographs to be compared"),
    "search": (_FILES + "search", "request, approve and run one use of a service"),
    "review": (_FILES + "review", "judge a candidate list, blind, twice"),
    "lead": (_FILES + "lead", "compare a candidate with other information, mark and note a lead"),
    "action": (_FILES + "action", "clear an enforcement action on independent support"),
    "optout": (_FILES + "optout", "choose not to be compared; check choices; lists without a connection"),
    "redress": (_FILES + "redress", "ask after a wrong link, answer by a day, read the answer"),
    "verify": (_FILES + "verify", "claims outside law enforcement, for whoever does not decline"),
    "partner": (_FILES + "partner", "agencies for which, or through which, a search may run"),
    "disclose": (_FILES + "disclose", "hand information to somebody outside, on an authority"),
    "destroy": (_FILES + "destroy", "destroy what the vault holds about a record"),
    "record": (_FILES + "record", "look at what the vault holds of a record; every look is sealed"),
    "discovery": (_FILES + "disclose", "write the package of one search for a court or a defence"),
    "retention": (_FILES + "retention", "clocks, holds, backups, restores, the drill of erasure"),
    "supervise": (_FILES + "supervise", "review searches, draw the sample, see what is late"),
    "signals": (_FILES + "signals", "look at a time of searches for what stands out, with its reason"),
    "session": (_FILES + "session", "who is signed in where; end and disown sessions"),
    "finding": (_FILES + "finding", "what oversight must look at, and what came of it"),
    "evaluate": (
        _FILES + "evaluate",
        "error rates and differences between groups from scores; plan, run, report",
    ),
    "inventory": (_FILES + "inventory", "read and check a federal inventory of AI uses; export our own"),
    "decide": (_FILES + "decide", "ask the policies about facts in a file; nothing is recorded"),
    "clause": (_FILES + "clause", "show a clause: text, policies, cases, latest decisions"),
    "policy": (_FILES + "policy", "the packs of policies: prove what they guarantee"),
    "ledger": (_FILES + "ledger", "export the log, verify an export, receipts, change of key"),
    "witness": (_FILES + "witness", "run a witness of other logs, have one's own cosigned"),
    "public": (_FILES + "public", "release public figures; check a release on any machine"),
    "audit": (_FILES + "audit", "an audit office apart from the agency: ask, sample, find, hand on packages"),
    "serve": (_FILES + "serve", "serve the HTTP interface"),
    "api": (_FILES + "api", "programs that use the HTTP interface"),
    "monitor": (_FILES + "monitor", "run the rules over whole histories of the log"),
    "oscal": (_FILES + "oscal", "write OSCAL documents: clauses, what holds them, what was seen"),
    "fsck": (_FILES + "fsck", "compare everything that is stored with the log"),
}

cli = Root(
    COMMANDS,
    name="counterseal",
    help="The gateway that every face recognition use of an agency passes through.\n\n"
    "A newcomer begins with `counterseal demo`. A candidate is a possible lead at most, never an "
    "identification.\n\n"
    "Exit codes: 0 done, 1 refused by policy, 2 bad input, 3 integrity failure, 4 unavailable, "
    "70 a fault of this program, 130 interrupted.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
click.version_option(package_name="counterseal", prog_name="counterseal")(cli)


def main() -> None:
    """Run the command line."""
    try:
        cli.main(prog_name="counterseal")
    except SystemExit as end:
        if end.code == Exit.INTERRUPTED:
            # Everything of ours is closed by now. The networks' own threads may still be in the middle of
            # loading, and an interpreter that takes itself apart under them aborts.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(Exit.INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
