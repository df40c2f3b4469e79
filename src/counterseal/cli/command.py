"""Make commands: the options that all have, and the road from what a verb answers to an exit code."""

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from counterseal.cli.outcome import Exit, Outcome, code_of
from counterseal.cli.voice import Voice
from counterseal.terms.errors import CountersealError

HOME = Path("counterseal-home")

# Commands whose files load no installation: it takes a second, which they mostly do without.
QUICK = ("decide", "clause", "policy", "ledger", "witness", "public", "evaluate")

Work = Callable[..., Outcome]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a command works with that opens no installation by itself. stated: `--home` (or COUNTERSEAL_HOME)
    was given."""

    home: Path
    stated: bool
    voice: Voice


def command(
    group: click.Group | None, name: str, *, acts: str = "", opens: bool = True
) -> Callable[[Work], click.Command]:
    """Make a command of `name` in `group`.

    acts: short name of who acts by default in an evaluation; empty for a command in which nobody acts.
    opens: whether the work gets a `Desk` at an open installation; else it gets a `Bench`.
    """

    def decorate(work: Work) -> click.Command:
        def run(*, home: Path | None, as_json: bool, acting: str = "", **given: Any) -> int:
            given.pop("debug")  # `Root.main` reads it
            voice = Voice(as_json=as_json)
            if opens:
                # Only now: an installation's parts take a second to load.
                from counterseal.cli.desk import opened

                with opened(home or HOME, voice, acting=acting, default=acts) as desk:
                    outcome = work(desk, **given)
            else:
                outcome = work(Bench(home or HOME, home is not None, voice), **given)
            try:
                voice.tell(_with_home(outcome, home))
            except BrokenPipeError:
                # Nobody reads any more (`| head`); closing the pipe at the end would raise again.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return int(Exit.UNAVAILABLE)
            return int(outcome.code)

        made = click.Command(
            name,
            callback=run,
            params=[*reversed(getattr(work, "__click_params__", [])), *_common(acts)],
            help=inspect.cleandoc(work.__doc__ or ""),
        )
        if group is not None:
            group.add_command(made)
        return made

    return decorate


def _common(acts: str) -> list[click.Parameter]:
    options: list[click.Parameter] = []
    if acts:
        options.append(
            click.Option(
                ["--as", "acting"],
                metavar="PERSON",
                default="",
                envvar="COUNTERSEAL_AS",
                help="Who acts: a person id [env: COUNTERSEAL_AS]. "
                f"In an evaluation also a short name; there `{acts}` unless told.",
            )
        )
    return [
        *options,
        click.Option(
            ["--home"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            default=None,
            envvar="COUNTERSEAL_HOME",
            help=f"The installation's folder [env: COUNTERSEAL_HOME; default: {HOME}].",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document and nothing else."),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of a fault of the program."),
    ]


def _with_home(outcome: Outcome, home: Path | None) -> Outcome:
    """What to do next, with `--home` where it was given on the command line: it is needed again."""
    if click.get_current_context().get_parameter_source("home") is not ParameterSource.COMMANDLINE:
        return outcome
    needs = "counterseal "
    then = [f"{t} --home {home}" if needs in t and "--home" not in t else t for t in outcome.then]
    return replace(outcome, then=tuple(then))


class Ordered(click.Group):
    """A group whose commands are listed as they were written, in the order of the work."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, in order."""
        return list(self.commands)


class Root(click.Group):
    """The outermost group. Loads a command's file when it is called; ends with one of the exit codes."""

    def __init__(self, lazy: dict[str, tuple[str, str]], **given: Any) -> None:
        super().__init__(**given)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, in the order of the table."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one command."""
        if cmd_name not in self._lazy:
            return None
        module, _ = self._lazy[cmd_name]
        if cmd_name not in QUICK:
            import_module("counterseal.bootstrap")  # before anything that imports models
        loaded = getattr(import_module(module), cmd_name)
        assert isinstance(loaded, click.Command)
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in self._lazy.items()])

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        """Run, and end the process with the exit code."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        voice = Voice(as_json="--json" in given)
        sys.exit(_finished(lambda: super(Root, self).main(given, *more, **extra), voice, "--debug" in given))


def _finished(work: Callable[[], Any], voice: Voice, debug: bool) -> int:
    try:
        return int(work() or 0)
    except click.UsageError as error:
        if voice.as_json or not error.ctx:
            voice.error(Exit.BAD_INPUT, error.format_message())
        else:
            error.show()
        return Exit.BAD_INPUT
    except click.ClickException as error:
        voice.error(Exit.BAD_INPUT, error.format_message())
        return Exit.BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        voice.error(
            Exit.INTERRUPTED, "interrupted; what was sealed before stands (`counterseal fsck` shows it)"
        )
        return Exit.INTERRUPTED
    except CountersealError as error:
        voice.error(code_of(error), str(error))
        return code_of(error)
    except OSError as error:
        if debug:
            traceback.print_exc()
        voice.error(Exit.UNAVAILABLE, f"{error}; look at disk space and rights, then repeat the command")
        return Exit.UNAVAILABLE
    # The last resort: no traceback reaches a user who did not ask for it.
    except Exception as error:  # noqa: BLE001
        if debug:
            traceback.print_exc()
        voice.error(
            Exit.FAULT,
            f"a fault of this program ({type(error).__name__}: {error}); repeat with --debug and report what "
            "it shows; `counterseal fsck` says whether the installation is sound",
        )
        return Exit.FAULT
