"""`counterseal decide`: ask the policies about facts in a file. Nothing is recorded."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.outcome import Outcome, permit_json, refused
from counterseal.cli.parsing import read_file
from counterseal.policy import PolicyLibrary, authorise, load_policies
from counterseal.policy.facts import read_instant
from counterseal.shipped import shipped
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


@command(None, "decide", opens=False)
@click.argument("file", metavar="[FILE]", required=False, default="")
@click.option("--example", metavar="ACTION", help="Print facts that are permitted, to begin with.")
def decide(bench: Bench, *, file: str, example: str | None) -> Outcome:
    """Ask whether a use would be permitted by the facts in FILE (`-` is standard input).

    Needs no installation: it asks the policies that come with the program, or those of `--home`. The facts are
    listed in docs/reference/facts.md. Decided at the instant `at` that the file states.
    """
    if bool(file) == bool(example):
        raise BadInputError("give a FILE of facts (`-` for standard input), or `--example ACTION`")
    if example:
        facts = _example(example)
        return Outcome(facts, raw=json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    # Whoever pipes an answer wants the document.
    bench.voice.as_json |= not bench.voice.out.is_terminal
    facts = read_facts(sys.stdin.buffer.read() if file == "-" else read_file(Path(file), "the facts"))
    # A missing or unreadable `at` is refused below like any other fact; something must be decided at.
    at = read_instant(facts.get("at")) or datetime.now(UTC)
    decision = authorise(facts, policies(bench).in_force(at), at=at)
    if isinstance(decision, Refusal):
        return refused(decision)
    data = permit_json(decision)
    return Outcome(
        data,
        headline="Permitted.",
        hidden=("decision", "unmet"),
        tables={"obligations": ("name", "clause", "owner", "within_hours", "says")},
    )


def policies(bench: Bench) -> PolicyLibrary:
    """The policies of the home that was named, else those that come with the program.

    Raises:
        BadInputError: the home that was named has none.
    """
    if not bench.stated:
        return load_policies(shipped("policies"))
    if not (bench.home / "office.toml").is_file():
        raise BadInputError(
            f"there is no installation in `{bench.home}`: make one with `counterseal init --home {bench.home}`, "
            "or leave `--home` (and COUNTERSEAL_HOME) out to ask the policies that come with the program"
        )
    # Only now: what two persons changed since stands in the database.
    from counterseal.cli.desk import opened

    with opened(bench.home, bench.voice) as desk:
        acts = desk.office.policies.acts()
        return replace(desk.office.policies, acts=lambda: acts)


def read_facts(data: bytes) -> dict[str, Any]:
    """A JSON object of facts, strictly: a key that stands twice or a number that is none is an error.

    Raises:
        BadInputError: it is no such thing.
    """
    try:
        facts = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            f"the facts are not JSON: {error}; `counterseal decide --example identification` prints a good file"
        ) from error
    if not isinstance(facts, dict):
        raise BadInputError(
            "the facts are not a JSON object with `action`, `at` and groups of facts; "
            "`counterseal decide --example identification` prints a good file"
        )
    return facts


def _example(action: str) -> dict[str, Any]:
    examples: dict[str, dict[str, Any]] = {}
    # Where an action has several, the plain one has the shortest name.
    for file in sorted(shipped("examples").glob("permitted-*.json"), key=lambda f: (len(f.name), f.name)):
        facts = json.loads(file.read_text("utf-8"))
        examples.setdefault(str(facts["action"]), facts)
    if action not in examples:
        raise BadInputError(f"there is no example for `{action}`; there are {', '.join(sorted(examples))}")
    return examples[action]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
