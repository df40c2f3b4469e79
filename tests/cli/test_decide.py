"""`counterseal decide`: permits the whole, and refuses each single missing fact, naming a clause."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calling import run_plain

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("permitted-*.json"))
ACTIONS = sorted({json.loads(file.read_text("utf-8"))["action"] for file in EXAMPLES})


def example(action: str) -> dict[str, Any]:
    """The permitted facts that the command itself prints."""
    ran = run_plain("decide", "--example", action)
    assert ran.code == 0
    return dict(json.loads(ran.out))


def decide(facts: object) -> Any:
    """Ask about facts on standard input."""
    return run_plain("decide", "-", "--json", given=json.dumps(facts).encode())


def leaves(facts: dict[str, Any], *above: str) -> Iterator[tuple[str, ...]]:
    """The path of every single fact."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from leaves(value, *above, name)
        else:
            yield (*above, name)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_whole_is_permitted(action: str) -> None:
    ran = decide(example(action))

    assert ran.code == 0
    assert set(ran.json) == {"decision", "clauses", "unmet", "pack_digest", "obligations"}
    assert ran.json["decision"] == "permitted"
    assert ran.json["unmet"] == []
    assert ran.json["clauses"]
    assert ran.json["pack_digest"].startswith("sha256:")


@pytest.mark.parametrize("action", ACTIONS)
def test_each_single_fact_that_is_missing_is_refused_by_a_clause(action: str) -> None:
    """Done when 3: take out one fact at a time; each time a refusal that names a clause and the fact."""
    whole, seen = example(action), 0
    for path in leaves(whole):
        facts = copy.deepcopy(whole)
        group = facts
        for name in path[:-1]:
            group = group[name]
        del group[path[-1]]

        ran = decide(facts)

        assert ran.code == 1, path
        answer = ran.json
        assert set(answer) == {"decision", "clauses", "unmet", "pack_digest"}
        assert answer["decision"] == "refused"
        assert answer["clauses"] and set(answer["clauses"]) == {u["clause"] for u in answer["unmet"]}
        assert all(set(u) == {"clause", "missing", "remedy"} and all(u.values()) for u in answer["unmet"])
        assert any(".".join(path) in u["missing"] or path == ("action",) for u in answer["unmet"]), path
        seen += 1
    assert seen >= 12


def test_a_condition_that_does_not_hold_is_named() -> None:
    facts = example("identification")
    facts["prior_means"]["count"] = 0

    ran = decide(facts)

    assert ran.code == 1
    assert "HSI-M/4A2-traditional-means" in ran.json["clauses"]


def test_a_file_reads_like_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(example("verification")))

    assert run_plain("decide", file, "--json").json == decide(example("verification")).json


def test_without_a_terminal_the_document_is_printed(tmp_path: Path) -> None:
    """Whoever pipes the answer into another program gets JSON without asking."""
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(example("verification")))

    assert run_plain("decide", file).json["decision"] == "permitted"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "no JSON number"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_object_of_facts_is_bad_input(given: bytes, says: str) -> None:
    ran = run_plain("decide", "-", "--json", given=given)

    assert ran.code == 2
    assert says in ran.json["error"]["says"]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"action": 5},
        {"action": "identify"},
        {"action": "identification", "at": "yesterday"},
        {"action": "identification", "at": None, "person": "ines"},
        {"action": "identification", "at": "2026-11-20T15:00:00Z", "person": []},
    ],
)
def test_facts_of_wrong_types_are_refused_and_never_a_fault(facts: dict[str, Any]) -> None:
    ran = decide(facts)

    assert ran.code == 1
    assert "road/facts" in ran.json["clauses"]


def test_a_misspelt_fact_does_not_pass_for_a_stated_one() -> None:
    facts = example("identification")
    facts["prior_means"]["cuont"] = 3

    assert decide(facts).json["clauses"] == ["road/facts"]


def test_the_policies_of_a_home_are_asked_when_it_is_named(home: Path) -> None:
    """With the home's packs withdrawn, nothing is permitted; without --home the shipped packs decide."""
    facts = json.dumps(example("identification")).encode()
    assert run_plain("decide", "-", "--json", "--home", home, given=facts).code == 0

    rules = home / "policies/dhs-026-11/rules.cedar"
    rules.write_text(
        rules.read_text("utf-8").replace(
            "context.volume.person_today > 20", "context.volume.person_today > 1"
        )
    )

    refused = run_plain("decide", "-", "--json", "--home", home, given=facts)
    assert refused.json["clauses"] == ["D-026-11/no-mass-surveillance"]
    assert run_plain("decide", "-", "--json", given=facts).code == 0


def test_a_broken_pack_of_a_home_is_bad_input(home: Path) -> None:
    (home / "policies/dhs-026-11/rules.cedar").write_text('@id("x")\npermit (')

    ran = run_plain("decide", "-", "--json", "--home", home, given=b"{}")

    assert ran.code == 2
    assert "rules.cedar" in ran.json["error"]["says"]


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_every_example_file_is_permitted(file: Path) -> None:
    assert run_plain("decide", file, "--json").code == 0


def test_the_sweep_saw_every_example() -> None:
    """An empty sweep must fail; what the page lists is there."""
    listed = set(
        re.findall(r"`(permitted-[a-z-]+\.json)`", (EXAMPLES[0].parent / "README.md").read_text("utf-8"))
    )

    assert len(EXAMPLES) >= len(ACTIONS) >= 8
    assert listed <= {file.name for file in EXAMPLES}
    assert len(listed) >= 8
