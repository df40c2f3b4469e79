"""`counterseal oscal`: write, check, spoil, check again."""

import json
from pathlib import Path

from calling import Run, run_plain


def test_export_then_check(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "oscal"
    proofs, gates = tmp_path / "proofs.json", tmp_path / "gates.json"
    clause = "HSI-M/4A2-traditional-means"
    proofs.write_text(json.dumps({"properties": [
        {"name": "prior-means", "says": "no search without", "status": "proved", "clauses": [clause]},
    ]}))  # fmt: skip
    gates.write_text(json.dumps([{"name": "ruff", "passed": True, "says": "no finding"}]))

    ran = run("oscal", "export", folder, "--proofs", proofs, "--gates", gates, "--json")
    assert ran.code == 0, ran.out
    assert ran.json["clauses"] == ran.json["satisfied"] + ran.json["not_satisfied"] > 61
    results = json.loads((folder / "assessment-results.json").read_text("utf-8"))
    titles = {o["title"] for o in results["assessment-results"]["results"][0]["observations"]}
    assert {"Property prior-means", "Gate ruff", "Monitor no-means-no", f"What holds {clause}"} <= titles

    # No installation is needed to check it.
    assert run_plain("oscal", "check", folder, "--json").json == {
        "ok": True, "files": ran.json["files"], "faults": [],
    }  # fmt: skip
    assert run("oscal", "export", folder, "--json").code == 2

    catalog = folder / "catalog.json"
    catalog.write_text(catalog.read_text("utf-8").replace('"id": "HSI-M.4A2', '"id": "HSI-M.4A3', 1), "utf-8")
    spoilt = run_plain("oscal", "check", folder, "--json")
    assert spoilt.code == 3
    assert any("is no control of the catalog" in fault["says"] for fault in spoilt.json["faults"])


def test_bad_input_is_said(run: Run, tmp_path: Path) -> None:
    assert run_plain("oscal", "check", tmp_path / "nowhere", "--json").code == 2
    assert run_plain("oscal", "check", tmp_path, "--json").code == 2
    (tmp_path / "proofs.json").write_text("[]")
    assert run("oscal", "export", tmp_path / "o", "--proofs", tmp_path / "proofs.json", "--json").code == 2
    assert not (tmp_path / "o").exists()
