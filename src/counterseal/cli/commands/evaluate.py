"""`counterseal evaluate`: error rates, their intervals and the differences between groups, from a file of scores.

`counterseal evaluate SCORES …` measures at once; the other commands hold a test to its plan.
"""

from difflib import get_close_matches
from pathlib import Path

import click

from counterseal.cli.command import Ordered
from counterseal.cli.commands.evaluate_curve import register as register_curve
from counterseal.cli.commands.evaluate_plan import register as register_plan
from counterseal.cli.commands.evaluate_power import register as register_power
from counterseal.cli.commands.evaluate_report import register as register_report
from counterseal.cli.commands.evaluate_run import register as register_run
from counterseal.cli.commands.evaluate_scores import register as register_scores


class _ScoresOrCommand(Ordered):
    """A group whose first word is the name of a command, or else whose words are those of `scores`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Anything but a command of ours or a cry for help begins the arguments of `scores`, options too."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            self._refuse_misspelt(ctx, args[0])
            args = ["scores", *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelt(self, ctx: click.Context, word: str) -> None:
        near = get_close_matches(word, self.commands, n=1)
        if near and not Path(word).exists():
            ctx.fail(f"there is no file and no command `{word}`; did you mean `{near[0]}`?")


evaluate = _ScoresOrCommand(
    "evaluate",
    help="Error rates and differences between groups. `counterseal evaluate SCORES …` measures a file of scores.",
)

register_scores(evaluate)
register_curve(evaluate)
register_power(evaluate)
register_plan(evaluate)
register_run(evaluate)
register_report(evaluate)
