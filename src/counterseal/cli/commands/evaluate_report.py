"""`counterseal evaluate report`: the pages, the print and the tables of a finished test."""

from pathlib import Path

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.outcome import Exit, Outcome
from counterseal.cli.parsing import FILE
from counterseal.gateway.testing.folder import write_whole


def register(group: click.Group) -> None:
    """Add `report` to the group of evaluation commands."""

    @command(group, "report", opens=False)
    @click.argument("folder", metavar="DIR", type=FILE)
    @click.option("--pdf/--no-pdf", default=True, show_default=True, help="Also print the full report.")
    def report(bench: Bench, *, folder: Path, pdf: bool) -> Outcome:  # noqa: ARG001
        """Write report.html, report.pdf, public.html, result.csv and sha256.txt into a test's folder.

        They are made from plan.json, corpus.json, result.json and verdict.json there and from nothing else: the same
        documents give the same bytes. Ends with 3 where the documents do not belong together, and with 4 where no
        PDF can be printed here; the pages are written all the same. See docs/how-to/read-a-test-report.md.
        """
        # Only now: the other commands draw nothing.
        from counterseal.evaluation.report import build_report, read_documents

        documents = read_documents(folder)
        made = build_report(documents, pdf=pdf)
        for name, content in made.files.items():
            write_whole(folder / name, content)
        if "report.pdf" not in made.files:
            (folder / "report.pdf").unlink(missing_ok=True)  # one from before would tell other numbers
        data = {
            "folder": str(folder),
            "overall": (documents.verdict or {}).get("overall", "not shown"),
            "written": sorted(made.files),
            "no_pdf": made.no_pdf,
            "disagree": list(documents.faults),
        }
        code = Exit.INTEGRITY if documents.faults else Exit.UNAVAILABLE if made.no_pdf else Exit.DONE
        says = [f"Written into {folder}: {', '.join(sorted(made.files))}.", *documents.faults]
        if made.no_pdf:
            says.append(f"There is no report.pdf: {made.no_pdf}.")
        return Outcome(data, code, raw="\n".join(says) + "\n")
