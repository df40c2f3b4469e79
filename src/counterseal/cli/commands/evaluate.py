"""`counterseal evaluate`: error rates, their intervals and the differences between groups, from a file of scores.

`counterseal evaluate SCORES …` measures at once; the other commands hold a test to its plan.
"""

from typing import Any

import click

from counterseal.cli.command import Ordered
from counterseal.cli.commands.evaluate_report import register as register_report
from counterseal.cli.commands.evaluate_run import register as register_run


class _ScoresOrCommand(Ordered):
    """A group whose first word is the name of a command, or else a file of scores."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """A word that is no command of ours begins the arguments of `scores`."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["scores", *args]
        return super().resolve_command(ctx, args)


evaluate = _ScoresOrCommand(
    "evaluate",
    help="Error rates and differences between groups. `counterseal evaluate SCORES …` measures a file of scores.",
)

register_run(evaluate)
register_report(evaluate)
