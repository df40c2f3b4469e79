"""`counterseal audit` and `counterseal record`: the whole road of an auditor, as it is typed."""

import csv
import json
import subprocess
import sys
from pathlib import Path

from calling import Ran, Run, run_plain

from counterseal.cli.reference import all_commands
from counterseal.gateway.audit.sample import WORKSHEET


def test_the_road_of_an_auditor(home: Path, run: Run, photo: Path, tmp_path: Path) -> None:
    made = run("search", "new", "--photo", photo, "--json").json
    request = made["request"]
    agency = run("person", "list", "--json").json["people"]
    aud = next(p["id"] for p in agency if p["name"].startswith("Aud "))
    vkey = run("ledger", "export", tmp_path / "log", "--json").json["vkey"]
    folder, called = tmp_path / "audit", set()

    def audit(name: str, *words: object, by: str = "", code: int = 0) -> Ran:
        called.add(name)
        who = ("--as", by) if by else ()
        ran = run_plain("audit", name, folder, *words, *who, "--json")
        assert ran.code == code, (name, ran.out, ran.err)
        return ran

    first = audit(
        "init", "--name", "ig.example/audit", "--agency", home, "--vkey", vkey, "--auditor", "Olive"
    ).json["auditor"]
    own = audit("admit", "--name", "Aud", "--account", aud, by=first).json["auditor"]
    third = audit("admit", "--name", "Third", by=first).json["auditor"]
    audit("end", third, by=first)
    known = audit("auditors").json["auditors"]
    assert [a["active"] for a in known] == [True, True, False]

    asked = audit("ask", "--kind", "search", "--out", tmp_path / "answer", by=first).json
    rows = json.loads((tmp_path / "answer/answer.json").read_bytes())["rows"]
    with (tmp_path / "answer/answer.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert asked["rows"] == rows
    assert [int(row["index"]) for row in table] == [row["index"] for row in rows]
    assert len(rows) >= 3
    found = audit("ask", "--photograph", photo, "--kind", "search.intent", by=first).json
    assert len(found["rows"]) == 1
    intent = found["rows"][0]["index"]
    audit("save", "runs", "--kind", "search.intent", by=first)
    assert audit("ask", "--saved", "runs", "--since", "2020-01-01", by=own).json["rows"]
    assert [q["name"] for q in audit("questions").json["questions"]] == ["runs"]
    audit("ask", by=first, code=2)
    audit("ask", "--kind", "search", by="auditor-0", code=2)
    audit("ask", "--saved", "nothing", by=first, code=2)

    shown = run(
        "record", request, "--why", "supervision", "--as", "sol", "--out", tmp_path / "seen", "--json"
    )
    assert shown.code == 0, shown.out
    held = {f["class"]: f["object"] for f in shown.json["files"]}
    assert "narrative" in held
    assert all(Path(f["file"]).is_file() for f in shown.json["files"])
    stranger = run("record", request, "--why", "case-work", "--as", "rue", "--out", tmp_path / "no", "--json")
    assert stranger.code == 1
    audit("view", held["narrative"], "--why", "a complaint", "--out", tmp_path / "n.txt", by=first)
    assert (tmp_path / "n.txt").read_bytes() == next(
        Path(f["file"]) for f in shown.json["files"] if f["class"] == "narrative"
    ).read_bytes()

    sample = audit("sample-commit", by=first).json["sample"]
    drawn = audit("sample-draw", sample, "--share", "1/2", "--saved", "runs", by=first).json
    index = drawn["rows"][0]["index"]
    line = next(iter(WORKSHEET))
    audit("sample-fill", sample, index, "--no", line, "--words", "not so", by=first)
    audit("sample-fill", sample, index, "--no", "nonsense", by=first, code=2)
    assert audit("samples").json["samples"][0]["filled"] == 1

    finding = audit(
        "finding", "no-case", "--about", request, "--says", "words", "--entry", intent, by=own
    ).json["id"]
    gone = audit("finding", "a-slip", "--about", request, "--says", "w", "--entry", intent, by=own).json["id"]
    audit("withdraw", gone, "--reason", "a slip", by=own)
    audit("deliver", finding, by=first, code=2)
    assert audit("deliver", finding, by=own).json["status"] == "delivered"
    assert {f["status"] for f in audit("findings").json["findings"]} == {"delivered", "withdrawn"}

    file = audit("file-open", "--title", "t", "--finding", finding, by=own).json["id"]
    audit("file-note", file, "--words", "w", by=own)
    referred = audit("refer", file, "--to", "x", "--authority", "y", "--due", "2099-01-01", by=own).json
    audit("file-close", file, "founded", by=own, code=2)
    audit("follow-up", file, referred["referrals"][0]["id"], "--answer", "done", by=own)
    audit("file-close", file, "founded", by=own)
    assert audit("files").json["files"][0]["status"] == "closed"

    made = audit("package", tmp_path / "package", "--saved", "runs", "--recipient", "a court", by=first).json
    assert made["entries"] == 1
    own_key = audit("verify").json["vkey"]
    checked = subprocess.run(
        [sys.executable, tmp_path / "package/verify.py", "--vkey", vkey, "--release-vkey", own_key],
        check=False,
        capture_output=True,
    )
    assert checked.returncode == 0, checked.stdout
    assert audit("close-day").json["tree_size"] % 64 == 0
    audit("export", tmp_path / "own")
    assert run_plain("ledger", "verify", tmp_path / "own", "--vkey", own_key).code == 0
    audit("verify", "--older", tmp_path / "own/checkpoint")
    (folder / "head").write_bytes(b"x")
    audit("verify", code=3)
    audit("ask", "--kind", "search", by=first, code=3)

    assert called == {names[1] for names, _ in all_commands() if names[0] == "audit"}
