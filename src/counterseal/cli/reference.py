"""Write docs/reference/cli.md from the commands themselves: `python -m counterseal.cli.reference`."""

from collections.abc import Iterator

import click

from counterseal.cli.command import Root
from counterseal.cli.main import COMMANDS, cli

HEAD = """# The command line

Written from the commands by `python -m counterseal.cli.reference`; a test compares the two.

`counterseal` calls the gateway's verbs and shows what they answer; no rule lives in it. Every command takes, after
its name:

- `--home DIR` The installation's folder; `COUNTERSEAL_HOME` unless told, else `counterseal-home`.
- `--json` Print one JSON document and nothing else.
- `--debug` Show the traceback of a fault of the program.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | refused by policy, by a transition's rule, or by the capture step (failure to acquire) |
| 2 | bad input: what was given cannot be used, or is out of date (somebody was faster, or it was done already) |
| 3 | integrity failure: something sealed does not hold, or `fsck` or `ledger verify` found something |
| 4 | unavailable: a service, the storage or the database did not answer |
| 70 | a fault of this program; `--debug` shows its traceback |
| 130 | interrupted; what was sealed before stands |

## What is printed

With `--json` exactly one JSON document on standard output, whatever happens:

- an answer: its members;
- a refusal: `{"decision": "refused", "clauses", "unmet": [{"clause", "missing", "remedy"}], "pack_digest"}` and what
  belongs to it. A failure to acquire is a refusal too, with its code in `failure_to_acquire`;
- an error: `{"error": {"kind", "says"}}`, where `kind` is `bad-input`, `integrity-failure`, `unavailable`, `fault` or
  `interrupted`.

Without it: words and tables for a reader. Notes, errors and progress bars go to standard error. There is no colour
and no bar where that is no terminal; `NO_COLOR` is honoured. `decide` prints its JSON also where standard output is
no terminal.

Dates are written `2026-11-20` (midnight UTC), instants `2026-11-20T15:00:00Z` or with another offset.

## Who acts

`--as PERSON` (or `COUNTERSEAL_AS`) says who acts. The command line takes the word of whoever runs it: use it where
the operating system has told already who that is. In an installation for evaluation (`init --evaluation`, `demo`)
the synthetic staff can be named by short names, and each command has a person who acts unless told.

## Commands
"""
ON_EVERY_COMMAND = ("home", "as_json", "debug")


def leaves(
    group: click.Group, ctx: click.Context, *names: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group that is no group itself, with its full name."""
    for name in group.list_commands(ctx):
        found = group.get_command(ctx, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from leaves(found, ctx, *names, name)
        else:
            yield (*names, name), found


def all_commands() -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command by its full name, without `counterseal`."""
    return list(leaves(cli, click.Context(cli)))


def reference() -> str:
    """The whole page."""
    assert isinstance(cli, Root)
    return HEAD + "".join(_entries())


def _entries() -> Iterator[str]:
    group = ""
    for names, made in all_commands():
        if names[0] != group:
            group = names[0]
            yield f"\n### {group}: {COMMANDS[group][1]}\n"
        yield f"\n#### `counterseal {' '.join(names)}`\n\n{_paragraphs(made.help or '')}\n\n"
        arguments = [p for p in made.params if isinstance(p, click.Argument)]
        if arguments:
            metavars = " ".join(p.make_metavar(click.Context(made)) for p in arguments)
            yield f"Arguments: `{metavars}`\n\n"
        yield from (
            _option(p) for p in made.params if isinstance(p, click.Option) and p.name not in ON_EVERY_COMMAND
        )


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(p.split()) for p in text.split("\n\n"))


def _option(option: click.Option) -> str:
    names = "/".join([*option.opts, *option.secondary_opts])
    takes = ""
    if isinstance(option.type, click.Choice):
        takes = " " + "|".join(map(str, option.type.choices))
    elif not option.is_flag:
        takes = f" {option.metavar or option.type.name.upper()}"
    words = [option.help or "", *(["Required."] * option.required), *(["Repeatable."] * option.multiple)]
    return f"- `{names}{takes}` {' '.join(w for w in words if w)}".rstrip() + "\n"


if __name__ == "__main__":
    print(reference(), end="")
