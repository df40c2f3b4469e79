"""`counterseal evaluate plan`: frozen once, into one folder, with the corpus card that it names."""

import json
from pathlib import Path

import pytest
from calling import Run

from counterseal.evaluation.protocol import CorpusCard, Plan
from measured import CARD

PLAN = """
title = "Claims at a gate"
kind = "direct"
mode = "verification"
use_case = "claims at a gate"
who_may_rely = "the reviewing unit"
tester = "laboratory"
independence = "another unit"
standard = "ISO/IEC 19795-1:2021"
fmr_targets = [0.01, 0.001, 0.0001]
operating_fmr = 0.001
non_mated_rule = "within-group"
confidence = 0.95
bootstrap = 2000
seed = 1
system = { service = "SERVICE", engine_id = "embedded", version = "1" }

[[groupings]]
name = "sex"
how = "self-declared"
labels = ["A", "B"]

[[goals]]
id = "missed"
says = "In each group at most five of a hundred are refused wrongly"
measure = "fnmr"
at_fmr = 0.001
scope = "each-group"
grouping = "sex"
limit = { at_most = 5, unit = "percent" }
"""


@pytest.fixture
def service(run: Run) -> str:
    """The id of the embedded service."""
    return str(run("service", "list", "--json").json["services"][0]["id"])


@pytest.fixture
def folder(tmp_path: Path, service: str) -> Path:
    """A folder with a plan and a corpus card, as people write them."""
    made = tmp_path / "test"
    made.mkdir()
    (made / "plan.toml").write_text(PLAN.replace("SERVICE", service), "utf-8")
    lapse = ", ".join(f"{name} = {days}" for name, days in CARD["time_lapse_days"].items())
    lines = [f"{k} = {json.dumps(v)}" for k, v in CARD.items() if k != "time_lapse_days"]
    (made / "corpus.toml").write_text("\n".join([*lines, f"time_lapse_days = {{ {lapse} }}"]), "utf-8")
    return made


def test_frozen_with_its_corpus_and_shown_by_the_service(run: Run, service: str, folder: Path) -> None:
    words = ("--service", service, "--corpus", folder / "corpus.toml", "--json")

    ran = run("evaluate", "plan", folder / "plan.toml", *words)

    assert ran.code == 0, ran.err
    frozen = Plan.from_json(json.loads((folder / "plan.json").read_text()))
    card = CorpusCard.from_json(json.loads((folder / "corpus.json").read_text()))
    assert frozen.corpus == card.digest()
    assert ran.json["sha256"] == frozen.digest()
    assert b"c2sp.org/tlog-proof" in (folder / "plan-receipt.txt").read_bytes()
    shown = run("service", "show", service, "--json").json
    assert [(p["id"], p["status"]) for p in shown["test_plans"]] == [(ran.json["id"], "planned")]
    assert {r["mode"]: r["kind"] for r in shown["rests_on"]}["verification"] == "third-party"

    again = run("evaluate", "plan", folder / "plan.toml", *words)
    assert again.code == 2
    assert "another plan belongs in another folder" in again.json["error"]["says"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "Claims', 'titel = "Claims', "`title` is missing; is `titel` meant for it?"),
        ("confidence = 0.95", "confidence = 0.95\ncorpus = '" + "ab" * 32 + "'", "is not the digest"),
        (', unit = "percent" }', " }", "goals[0].limit"),
        ('version = "1"', 'version = "2"', "`system.version`"),
        ("title", "title = ", "no TOML"),
    ],
)
def test_a_plan_that_cannot_be_frozen_leaves_nothing(
    run: Run, service: str, folder: Path, old: str, new: str, says: str
) -> None:
    text = (folder / "plan.toml").read_text()
    assert old in text
    (folder / "plan.toml").write_text(text.replace(old, new, 1))

    ran = run(
        "evaluate",
        "plan",
        folder / "plan.toml",
        "--service",
        service,
        "--corpus",
        folder / "corpus.toml",
        "--json",
    )

    assert ran.code == 2
    assert says in ran.json["error"]["says"]
    assert not (folder / "plan.json").exists()
    assert run("service", "show", service, "--json").json["test_plans"] == []


def test_who_registered_the_service_freezes_nothing(run: Run, service: str, folder: Path) -> None:
    ran = run("evaluate", "plan", folder / "plan.toml", "--service", service, "--as", "reg", "--json")

    assert ran.code == 1
    assert not (folder / "plan.json").exists()
