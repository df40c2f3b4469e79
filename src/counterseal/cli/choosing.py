"""What the commands of a checkpoint share: the options in which a person's choice is stated, and the way back."""

import sys
from collections.abc import Callable
from typing import Any

import click

from counterseal.cli.outcome import Outcome
from counterseal.gateway.check_opt_out import Choice
from counterseal.terms.errors import BadInputError

_SAID = (
    click.option("--told/--not-told", required=True, help="Were they told, before the camera, that they may decline?"),
    click.option("--no", "said_no", is_flag=True, help="They said no."),
    click.option("--signed-no", is_flag=True, help="They signed a no."),
    click.option("--says-no-citizen", is_flag=True, help="They said so of their own accord. Never ask."),
    click.option("--document", multiple=True, help="A document number to look up; `-` reads it from standard input."),
    click.option("--booking", multiple=True, help="A booking reference to look up; `-` reads it from standard input."),
    click.option("--receipt", multiple=True, help="A receipt's code to look up; `-` reads it from standard input."),
)  # fmt: skip


def choice_options(work: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Add the options that say what the person at the checkpoint chose."""
    for option in reversed(_SAID):
        work = option(work)
    return work


def choice_of(said: dict[str, Any]) -> Choice:
    """The choice as it was stated.

    Raises:
        BadInputError: two kinds of no at once.
    """
    if said["said_no"] and said["signed_no"]:
        raise BadInputError("give `--no` or `--signed-no`, not both")
    references = tuple(
        (kind, typed(text)) for kind in ("document", "booking", "receipt") for text in said[kind]
    )
    return Choice(
        told=said["told"],
        said="no" if said["said_no"] else "signed-no" if said["signed_no"] else "nothing",
        says_no_citizen=said["says_no_citizen"],
        references=references,
    )


def typed(text: str) -> str:
    """What was typed, or one line of standard input where that is `-`: a command line is seen by others."""
    return sys.stdin.readline().strip() if text == "-" else text
