"""`counterseal policy prove`: the shipped packs hold; a spoilt copy fails and shows a request."""

import shutil
from pathlib import Path

import pytest
from calling import run_plain

from counterseal.cli.outcome import Exit
from counterseal.shipped import shipped

PLANTED = """
@id("planted")
permit (principal, action, resource);
"""


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped("policies"), tmp_path / "packs"))


def test_the_shipped_packs_are_proved_by_both_solvers() -> None:
    ran = run_plain("policy", "prove", "--json")

    assert ran.code == Exit.DONE
    assert ran.json["holds"] is True
    assert ran.json["proved"] == len(ran.json["properties"]) >= 15
    assert {"z3", "cvc5"} == ran.json["solvers"].keys()
    assert ran.json["questions"] >= 500
    assert ran.json["forbids_needed"]["needed"] == ran.json["forbids_needed"]["all"] >= 40
    assert all(each["clauses"] or each["name"].endswith("-only-narrows") for each in ran.json["properties"])


def test_a_reader_is_told_the_counts() -> None:
    ran = run_plain("policy", "prove")

    assert ran.code == Exit.DONE
    assert "no-live-source: proved." in ran.out
    assert "proved by z3" in ran.out.splitlines()[-1]


def test_a_planted_permit_fails_and_prints_a_request(packs: Path) -> None:
    """It does not load either, and that is said beside it."""
    rules = packs / "hsi-frs-2021/rules.cedar"
    rules.write_text(rules.read_text("utf-8") + PLANTED, "utf-8")
    ran = run_plain("policy", "prove", "--json", "--packs", packs)

    assert ran.code == Exit.INTEGRITY
    assert ran.json["holds"] is False
    assert "rules.cedar" in ran.json["refused_on_load"]
    broken = {p["name"]: p["counterexample"] for p in ran.json["properties"] if "counterexample" in p}
    assert "certificate-in-force" in broken
    assert broken["certificate-in-force"]["request"]["action"] in (
        "identification",
        "verification",
        "two-photographs",
    )
    assert "planted" in broken["certificate-in-force"]["decided"]
    assert broken["certificate-in-force"]["gateway"].startswith("refusal")


@pytest.mark.parametrize(
    ("pack", "identifier"),
    [
        ("hsi-frs-2021", "hsi-live-feed"),
        ("hsi-frs-2021", "hsi-disapproved-service"),
        ("dhs-026-11", "dhs-person-volume"),
        ("dhs-026-11", "dhs-contents"),
        ("beyond-the-text", "beyond-declined"),
        ("us-md-2024", "md-training"),
    ],
)
def test_a_deleted_forbid_fails_and_prints_a_request(pack: str, identifier: str, packs: Path) -> None:
    rules = packs / pack / "rules.cedar"
    kept = [
        part for part in rules.read_text("utf-8").split("\n@id(") if not part.startswith(f'"{identifier}"')
    ]
    assert len(kept) == rules.read_text("utf-8").count("\n@id(")
    rules.write_text("\n@id(".join(kept), "utf-8")
    ran = run_plain("policy", "prove", "--packs", packs)

    assert ran.code == Exit.INTEGRITY
    assert "is broken by this request" in ran.out
    assert '{"action": "' in ran.out


def test_another_day_is_another_composition() -> None:
    """Before any pack was in force nothing is permitted, and nothing is proved by that."""
    ran = run_plain("policy", "prove", "--json", "--at", "2019-01-01T00:00:00Z")

    assert ran.code == Exit.INTEGRITY
    assert {each["status"] for each in ran.json["properties"]} >= {"vacuous"}


def test_packs_that_cannot_even_be_read_are_bad_input(packs: Path) -> None:
    (packs / "hsi-frs-2021/rules.cedar").write_text("permit (", "utf-8")
    ran = run_plain("policy", "prove", "--json", "--packs", packs)

    assert ran.code == Exit.BAD_INPUT
    assert "cannot even be read" in ran.json["error"]["says"]


def test_without_the_solvers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("counterseal.policy.proof")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "z3", None)
    ran = run_plain("policy", "prove", "--json")

    assert ran.code == Exit.BAD_INPUT
    assert "pip install 'counterseal[proof]'" in ran.json["error"]["says"]


def test_a_changed_deadline_is_told_with_both_times(packs: Path) -> None:
    duties = packs / "hsi-frs-2021/obligations.cedar"
    duties.write_text(duties.read_text("utf-8").replace('@within("PT24H")', '@within("P3D")'), "utf-8")
    ran = run_plain("policy", "diff", shipped("policies"), packs)

    assert ran.code == Exit.DONE
    assert "identification: owed-otherwise `exigent-approval` (by supervisor within 1 day" in ran.out
    assert "now by supervisor within 3 days" in ran.out
