"""`counterseal monitor` on a real home and on an exported log."""

from pathlib import Path

from calling import Run


def test_at_home_and_outside(run: Run, tmp_path: Path) -> None:
    """Run at home, hand out, export, run outside without the home: the same rules, no violation in either."""
    at_home = run("monitor", "run", "--json")
    assert at_home.code == 0, at_home.out
    assert at_home.json["clean"]
    assert len(at_home.json["monitors"]) == 14
    assert at_home.json["violations"] == []

    file, folder = tmp_path / "openings.json", tmp_path / "log"
    to = ("--recipient", "inspector-general", "--authority", "5 U.S.C. 406")
    refused = run("monitor", "hand-out", file, *to, "--as", "sol", "--json")
    assert refused.code == 1
    assert not file.exists()
    handed = run("monitor", "hand-out", file, *to, "--json")
    assert handed.code == 0, handed.out
    vkey = run("ledger", "export", folder, "--json").json["vkey"]

    outside = run("monitor", "run", "--export", folder, "--openings", file, "--vkey", vkey, "--json")
    assert outside.code == 0, outside.out
    theirs = {each["rule"]: each["checked"] for each in outside.json["monitors"]}
    ours = {each["rule"]: each["checked"] for each in run("monitor", "run", "--json").json["monitors"]}
    assert ours == theirs
    # Whoever was handed openings before the entry that seals this cannot judge that one.
    closed = {i for each in outside.json["monitors"] for i in each["not_evaluated_entries"]}
    assert handed.json["entry"] in closed


def test_what_is_overdue_is_exit_code_1(run: Run) -> None:
    ran = run("monitor", "run", "--until", "2999-01-01", "--json")

    # The founding of an evaluation opens no duty and makes no search: nothing can be overdue.
    assert ran.code == 0
    assert ran.json["until"].startswith("2999")


def test_bad_input_is_said(run: Run, tmp_path: Path) -> None:
    assert run("monitor", "run", "--openings", tmp_path / "x", "--json").code == 2
    assert run("monitor", "run", "--export", tmp_path / "nowhere", "--json").code == 2
    assert run("monitor", "run", "--export", tmp_path, "--json").code == 2
    folder = tmp_path / "log"
    run("ledger", "export", folder, "--json")
    broken = tmp_path / "openings.json"
    broken.write_text('{"0":["AAAA"]}')
    assert run("monitor", "run", "--export", folder, "--openings", broken, "--json").code == 2
    assert run("monitor", "run", "--export", folder, "--package", tmp_path, "--json").code == 2


def test_a_changed_export_is_exit_code_3(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    run("ledger", "export", folder, "--json")
    bundle = next(path for path in (folder / "tile/entries").rglob("*") if path.is_file())
    bundle.write_bytes(bundle.read_bytes().replace(b"role.granted", b"role.grantex", 1))

    ran = run("monitor", "run", "--export", folder, "--json")

    assert ran.code == 3
    assert "were changed" in ran.json["error"]["says"]


def test_a_reader_sees_a_table(run: Run) -> None:
    ran = run("monitor", "run")

    assert ran.code == 0
    assert "Nothing was violated." in ran.out
    assert "two-reviewers-before-lead" in ran.out
