"""Every command has the common options, speaks JSON whatever happens, and is in the reference."""

import json
from pathlib import Path

import click
import pytest
from calling import run_plain

from counterseal.cli.main import COMMANDS
from counterseal.cli.reference import all_commands, reference

REFERENCE = Path(__file__).parents[2] / "docs/reference/cli.md"
ALL = all_commands()
AT_LEAST = 76


def test_the_sweep_saw_every_command() -> None:
    """An empty sweep must fail, and one that misses a group too."""
    assert len(ALL) >= AT_LEAST
    assert {names[0] for names, _ in ALL} == set(COMMANDS)


@pytest.mark.parametrize(("names", "made"), ALL, ids=[" ".join(n) for n, _ in ALL])
def test_every_command_takes_home_and_json(names: tuple[str, ...], made: click.Command) -> None:
    options = {o for p in made.params if isinstance(p, click.Option) for o in p.opts}

    assert {"--home", "--json", "--debug"} <= options
    assert made.help


def test_the_reference_is_what_the_commands_say() -> None:
    """`python -m counterseal.cli.reference > docs/reference/cli.md` writes it anew."""
    page = REFERENCE.read_text("utf-8")

    assert page == reference()
    assert sum(f"#### `counterseal {' '.join(names)}`" in page for names, _ in ALL) == len(ALL)


@pytest.mark.parametrize("names", [n for n, _ in ALL], ids=[" ".join(n) for n, _ in ALL])
def test_every_command_answers_in_json_even_when_it_cannot(names: tuple[str, ...], tmp_path: Path) -> None:
    """Called with nothing but a folder that holds no installation: an error in JSON, or an answer."""
    if names == ("demo",):
        (tmp_path / "something").touch()
    ran = run_plain(*names, "--json", "--home", tmp_path)

    assert ran.err == ""
    assert ran.code == 2
    assert ran.json["error"]["kind"] == "bad-input"
    assert len(ran.json["error"]["says"]) > 10


@pytest.mark.parametrize("names", [n for n, _ in ALL], ids=[" ".join(n) for n, _ in ALL])
def test_every_command_has_help(names: tuple[str, ...]) -> None:
    ran = run_plain(*names, "--help")

    assert ran.code == 0
    assert "--json" in ran.out


def test_the_overview_lists_every_group_and_the_exit_codes() -> None:
    ran = run_plain("--help")

    assert all(name in ran.out for name in COMMANDS)
    assert "3 integrity failure" in ran.out


def test_an_unknown_command_is_bad_input() -> None:
    assert run_plain("identify").code == 2
    assert run_plain("case", "identify").code == 2
    assert run_plain().code == 2


def test_json_errors_are_one_document() -> None:
    ran = run_plain("case", "open", "--json")

    assert ran.code == 2
    assert json.loads(ran.out)["error"]["kind"] == "bad-input"
