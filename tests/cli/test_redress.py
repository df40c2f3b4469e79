"""`counterseal redress`, and `use file` with a list that ran out, through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from calling import Ran, Run, run_plain

from counterseal.cli.reference import all_commands

WORDS = "On 3 May at the ferry terminal I was held for an hour"
COMMANDS = {names for names, _ in all_commands() if names[0] == "redress"}


def done(ran: Ran, code: int = 0) -> dict[str, Any]:
    assert ran.code == code, (ran.out, ran.err)
    return ran.json


def test_there_are_so_many_commands() -> None:
    assert len(COMMANDS) == 4


def test_from_asking_to_reading(run: Run, tmp_path: Path) -> None:
    """ask, list, the words, answer, status; the code is the only way to the answer."""
    asked = done(
        run("redress", "ask", "--about", "stopped", "--words", "-", "--json", given=f"{WORDS}\n".encode())
    )
    (waiting,) = done(run("redress", "list", "--json"))["requests"]
    assert (waiting["id"], waiting["overdue"]) == (asked["id"], False)
    assert WORDS not in json.dumps(waiting)
    assert asked["code"] not in json.dumps(waiting)

    look = ("record", asked["id"], "--why", "request-of-a-person", "--json")
    done(run(*look, "--out", tmp_path / "not-his", "--as", "sol"), 1)
    done(run(*look, "--out", tmp_path / "words", "--as", "pat"))
    assert WORDS in "".join(p.read_text() for p in (tmp_path / "words").rglob("*") if p.is_file())

    answer = (
        "redress",
        "answer",
        asked["id"],
        "--outcome",
        "nothing-found",
        "--words",
        "We looked.",
        "--json",
    )
    assert done(run(*answer, "--as", "sol"), 1)["clauses"] == ["D-026-11/rights-safe-bias"]
    assert done(run("redress", "status", asked["code"], "--json"))["status"] == "open"
    assert done(run(*answer))["status"] == "answered"
    assert run(*answer).code == 2
    read = done(run("redress", "status", "-", "--json", given=asked["code"].encode()))
    assert (read["outcome"], read["answer"], read["overdue"]) == ("nothing-found", "We looked.", False)
    assert done(run("redress", "list", "--json"))["requests"] == []
    assert run("redress", "status", "AAAA-BBBB", "--json").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("redress", "ask", "--about", "stopped"),
        ("redress", "ask", "--about", "identified", "--words", WORDS),
        ("redress", "ask", "--about", "stopped", "--words", " "),
        ("redress", "answer", "redress-nobody", "--outcome", "nothing-found", "--words", "x"),
    ],
)
def test_bad_input(home: Path, words: tuple[str, ...]) -> None:
    assert run_plain(*words, "--home", home).code == 2
