"""`counterseal policy`: what is in force, what holds each clause, what changes, what is missing, decided again."""

import json
from pathlib import Path

import pytest
from calling import Run, run_plain

from counterseal.shipped import shipped


def done(ran, code: int = 0) -> dict:
    assert ran.code == code, ran.out + ran.err
    return ran.json


@pytest.fixture
def floor(tmp_path: Path) -> Path:
    """A draft: the shipped packs with the literal floor."""
    import shutil

    folder = tmp_path / "floor"
    shutil.copytree(shipped("policies"), folder)
    composed = folder / "composition.toml"
    composed.write_text(composed.read_text().replace('"beyond-the-text"', ""))
    return folder


class TestInForce:
    def test_says_whether_the_floor_or_more(self) -> None:
        said = done(run_plain("policy", "in-force", "--json"))

        assert said["floor"] is False
        assert said["overlays"] == ["beyond-the-text"]
        standing = {pack["pack"]: pack["standing"] for pack in said["packs"]}
        assert standing["dhs-139-06"].startswith("superseded by DHS Directive 139-08")
        assert standing["us-md-2024"] == "not composed"
        assert "what critics ask for" in run_plain("policy", "in-force").out

    def test_of_a_day_long_past(self) -> None:
        said = done(run_plain("policy", "in-force", "--at", "2020-01-01T00:00:00Z", "--json"))

        assert not [pack for pack in said["packs"] if pack["standing"] == "decides"]


class TestCoverage:
    def test_done_when_1(self) -> None:
        said = done(run_plain("policy", "coverage", "--json"))
        held = {row["id"]: row for row in said["clauses"]}

        assert (
            sum(
                row["pack"] in ("hsi-frs-2021", "dhs-026-11", "dhs-139-06", "beyond-the-text")
                for row in held.values()
            )
            == 61 + 1  # every clause of the documents, and a promise of our own
        )
        assert all(row["held_by"] for row in held.values())
        assert said["faults"] == []
        assert all(row["cases"] for row in held.values() if "cedar" in row["held_by"])
        assert not held["MD/2-506"]["verified"]

    def test_writes_both_pages(self, tmp_path: Path) -> None:
        done(
            run_plain(
                "policy", "coverage", "--html", tmp_path / "c.html", "--markdown", tmp_path / "c.md", "--json"
            )
        )

        assert (tmp_path / "c.html").read_text().startswith("<!doctype html>")
        assert "HSI-M/4E5-audits" in (tmp_path / "c.md").read_text()

    def test_a_page_that_cannot_be_written_is_bad_input(self, tmp_path: Path) -> None:
        assert run_plain("policy", "coverage", "--html", tmp_path / "no" / "c.html").code == 2


class TestExplain:
    def test_says_everything_at_once(self, tmp_path: Path) -> None:
        facts = json.loads((shipped("examples") / "permitted-search.json").read_text())
        facts["probe"]["sketch"] = True
        del facts["case"]["program_code"]
        facts["person"]["active"] = False
        file = tmp_path / "facts.json"
        file.write_text(json.dumps(facts))

        said = done(run_plain("policy", "explain", file, "--json"), 1)

        assert {"HSI-M/2-probe", "HSI-M/4E3-program-code", "road/role"} <= {
            u["clause"] for u in said["unmet"]
        }
        assert all(unmet["missing"] and unmet["remedy"] for unmet in said["unmet"])
        assert said["fired"] == ["hsi-sketch"]

    def test_of_a_permit_says_on_which_conditions(self) -> None:
        said = done(run_plain("policy", "explain", shipped("examples") / "permitted-search.json", "--json"))

        assert said["policy"] == "hsi-search"
        assert {"condition": "program-code", "clauses": ["HSI-M/4E3-program-code"]} in said["met"]


class TestDiff:
    def test_between_two_dates(self) -> None:
        said = done(run_plain("policy", "diff", "2022-01-01", "2026-01-01", "--json"))

        assert {(c["action"], c["change"]) for c in said["changes"]} >= {("identification", "newly-denied")}

    def test_of_a_draft_shows_what_it_loosens(self, floor: Path) -> None:
        said = done(run_plain("policy", "diff", shipped("policies"), floor, "--json"))

        (change,) = said["changes"]
        assert (change["action"], change["change"]) == ("verify-claim", "newly-allowed")
        assert change["request_after"]["choice"]["declined"] is True

    def test_a_rewording_is_equivalent(self, floor: Path, tmp_path: Path) -> None:
        import shutil

        reworded = tmp_path / "reworded"
        shutil.copytree(floor, reworded)
        rules = reworded / "dhs-026-11/rules.cedar"
        rules.write_text(
            rules.read_text().replace(
                "context.volume.person_today > 20", "!(context.volume.person_today <= 20)"
            )
        )

        ran = run_plain("policy", "diff", floor, reworded)

        assert (ran.code, ran.out.split()) == (0, ["equivalent"])

    def test_what_is_no_side_is_bad_input(self) -> None:
        assert run_plain("policy", "diff", "yesterday", "2026-01-01").code == 2


class TestActs:
    def test_two_offices_activate_and_withdraw(self, run: Run) -> None:
        proposed = done(run("policy", "activate", "detroit-2024", "--json"))
        assert {c["change"] for c in proposed["changes"]} == {"newly-denied"}
        assert done(run("policy", "in-force", "--json"))["overlays"] == ["beyond-the-text"]
        assert run("policy", "confirm", proposed["id"], "--as", "pat", "--json").code == 1

        assert done(run("policy", "confirm", proposed["id"], "--json"))["status"] == "in-effect"
        assert done(run("policy", "in-force", "--json"))["overlays"] == ["beyond-the-text", "detroit-2024"]

        back = done(run("policy", "withdraw", "detroit-2024", "--json"))
        assert {c["change"] for c in back["changes"]} == {"newly-allowed"}
        done(run("policy", "reject", back["id"], "--json"))
        kinds = [(c["kind"], c["status"]) for c in done(run("policy", "changes", "--json"))["changes"]]
        assert kinds == [("activate", "in-effect"), ("withdraw", "rejected")]
        assert run("policy", "activate", "us-tx-2031").code == 2

    def test_a_fact_is_stated(self, run: Run) -> None:
        service = done(run("service", "list", "--json"))["services"][0]["id"]

        stated = done(
            run("policy", "state", "washington.tested_in_operation", service, "true", "--as", "rue", "--json")
        )

        assert stated["value"] is True
        assert (
            run("policy", "state", "washington.tested_in_operation", service, "perhaps", "--as", "rue").code
            == 2
        )

    def test_an_authorisation_says_what_was_answered(self, run: Run) -> None:
        assert run("policy", "authorise", "request-x", "--authority", "Court", "--reference", "1").code == 2
        ran = run("policy", "authorise", "request-x", "--granted", "--authority", "Court", "--reference", "1")
        assert ran.code == 2


def test_replay_of_a_fresh_installation_finds_no_decision_that_differs(run: Run) -> None:
    said = done(run("policy", "replay", "--json"))

    assert said["differ"] == []
    assert said["same"] + said["without_facts"] + len(said["of_other_packs"]) == said["decisions"]
