"""`counterseal retention` and `discovery` through the command line: exit codes and JSON."""

from pathlib import Path

import pytest
from calling import run_plain

import databases
from counterseal.cli.main import COMMANDS


@pytest.fixture
def home(office_template: Path, tmp_path: Path) -> Path:
    """A fresh installation."""
    databases.copy_home(office_template, tmp_path / "home")
    return tmp_path / "home"


def test_they_are_registered() -> None:
    assert {"retention", "discovery", "destroy", "disclose"} <= set(COMMANDS)


def test_due_run_backup_drill_restore(home: Path, tmp_path: Path) -> None:
    """On an installation where nothing is due: each answers, and the drill holds."""
    due = run_plain("retention", "due", "--json", "--home", home)
    assert (due.code, due.json["due"], due.json["objects"]) == (0, 0, [])

    ran = run_plain("retention", "run", "--json", "--home", home)
    assert (ran.code, ran.json["destroyed"]) == (0, [])

    backup = run_plain("retention", "backup", tmp_path / "backup", "--json", "--home", home)
    assert (backup.code, backup.json["left_out"]) == (0, ["keys", "erasure", "services"])
    assert run_plain("retention", "backup", tmp_path / "backup", "--json", "--home", home).code == 2

    drill = run_plain("retention", "drill", "--json", "--home", home)
    assert (drill.code, drill.json["passed"]) == (0, True)
    assert all(check["holds"] for check in drill.json["checks"])

    databases.put_back(home, tmp_path / "backup")
    refused = run_plain("retention", "run", "--json", "--home", home)
    assert refused.code == 3
    assert "retention restore" in refused.json["error"]["says"]
    restored = run_plain("retention", "restore", "--json", "--home", home)
    assert (restored.code, restored.json["complete"]) == (0, True)
    assert run_plain("retention", "run", "--json", "--home", home).code == 0
    assert run_plain("fsck", "--json", "--home", home).code == 0


def test_who_may_not_is_refused(home: Path) -> None:
    """Exit code 1, with the clause."""
    ran = run_plain("retention", "run", "--as", "ines", "--json", "--home", home)

    assert ran.code == 1
    assert "D-026-11/security" in ran.out


def test_unknown_things_are_bad_input(home: Path) -> None:
    for words in (
        ("retention", "hold", "evidence-x", "--kind", "audit", "--reason", "why"),
        ("retention", "lift", "hold-x"),
        ("retention", "close-opening", "0", "nothing", "--authority", "x"),
        ("retention", "restore", "--export", str(home)),
        ("discovery", "disclosure-x", str(home / "new")),
    ):
        ran = run_plain(*words, "--json", "--home", home)
        assert (ran.code, ran.json["error"]["kind"]) == (2, "bad-input"), words
    assert run_plain("retention", "holds", "--json", "--home", home).json["count"] == 0
