"""`counterseal evaluate plan`: freeze the plan of a test before anybody sees a score."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterseal.cli.command import command
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, read_file
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

if TYPE_CHECKING:
    from counterseal.cli.desk import Desk

RECEIPT = "plan-receipt.txt"


def register(group: click.Group) -> None:
    """Add `plan` to the group of evaluation commands."""

    @command(group, "plan", acts="rue")
    @click.argument("file", type=FILE)
    @click.option("--service", "which", required=True, help="The service that is to be tested (id or name).")
    @click.option(
        "--use", "use_id", default="", help="The one use it is for; leave it out where it is for all."
    )
    @click.option("--corpus", type=FILE, help="The corpus card (TOML); the plan then names it by its digest.")
    @click.option("--into", type=FILE, help="The folder of the test; the folder of FILE unless given.")
    def plan(
        desk: "Desk", *, file: Path, which: str, use_id: str, corpus: Path | None, into: Path | None
    ) -> Outcome:
        """Freeze the test plan in FILE (TOML) and seal its digest. Never by who put the service on the register.

        Writes plan.json, its receipt and, where one is given, corpus.json into the test's folder. A frozen plan is
        not changed any more: another one is another plan, in another folder, and a plan that no test concludes is
        counted in the public figures. Next: `counterseal evaluate run`. See docs/how-to/test-a-service.md.
        """
        # Only now: the other commands need not load what measures.
        from counterseal.evaluation.protocol import CorpusCard, Plan
        from counterseal.evaluation.strict import read_toml
        from counterseal.gateway.plan_test import plan_test
        from counterseal.gateway.testing.folder import CORPUS, PLAN, write_json, write_whole

        folder = into or file.parent
        if not folder.is_dir():
            raise BadInputError(f"`{folder}` is no folder; make it, or name another one with `--into`")
        if (folder / PLAN).exists():
            raise BadInputError(
                f"`{folder}` holds a frozen plan already: another plan belongs in another folder"
            )
        written = read_toml(_text(file, "the plan"), "plan")
        card = CorpusCard.from_toml(_text(corpus, "the corpus card")) if corpus else None
        if card is not None and written.setdefault("corpus", card.digest()) != card.digest():
            raise BadInputError("`corpus` of the plan is not the digest of this corpus card; leave it out")
        planned = plan_test(
            desk.office,
            service_id=desk.service(which),
            plan=(frozen := Plan.from_json(written)),
            use_id=use_id,
            by=desk.by,
        )
        if isinstance(planned, Refusal):
            return refused(planned)
        write_json(folder / PLAN, frozen.as_json())
        write_whole(folder / RECEIPT, planned.receipt)
        if card is not None:
            write_json(folder / CORPUS, card.as_json())
        from counterseal.cli.views import view

        return Outcome(
            {**view(planned.row), "folder": str(folder), "entry": planned.row.entry_index},
            headline="Frozen and sealed.",
            then=(
                f"Next: counterseal evaluate run {folder} --service {planned.row.service_id} --images ...",
            ),
        )


def _text(file: Path, what: str) -> str:
    try:
        return read_file(file, what).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{what} `{file}` is not UTF-8: save it as UTF-8") from error
