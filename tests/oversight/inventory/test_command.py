"""`counterseal inventory`: JSON as documented, findings are no failure, what cannot be read is bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_inventory import SOUND, SOUND_2024, file_2024, file_2025

from counterseal.cli.main import cli


def run(*words: object) -> tuple[int, Any, str]:
    """Exit code, the JSON if there is any, and what was printed."""
    result = CliRunner().invoke(cli, ["inventory", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return (
        result.exit_code,
        json.loads(result.stdout) if "--json" in words else None,
        result.stdout + result.stderr,
    )


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A file of 2025 with something wrong."""
    path = tmp_path / "2025.csv"
    path.write_bytes(file_2025({**SOUND, "pia_url": "", "system_outputs": "A face verification score."}))
    return path


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The year before."""
    path = tmp_path / "2024.csv"
    path.write_bytes(file_2024(SOUND_2024))
    return path


class TestCheck:
    def test_prints_findings_and_ends_with_0(self, newer: Path, older: Path) -> None:
        code, data, _ = run("check", newer, "--json")

        assert code == 0
        assert data == {
            "findings": [
                {
                    "row": 2,
                    "id": "DEM-1",
                    "agency": "DEM",
                    "finding": "personal-data-without-assessment",
                    "why": "personal data are involved, and no address of a privacy impact assessment is given",
                    "columns": ["has_pii", "pia_url"],
                }
            ]
        }
        _, against, _ = run("check", newer, "--against", older, "--json")
        assert [f["finding"] for f in against["findings"]] == [
            "personal-data-without-assessment",
            "opt-out-dropped",
        ]
        _, only, _ = run("check", newer, "--against", older, "--only", "opt-out-dropped", "--json")
        assert [f["finding"] for f in only["findings"]] == ["opt-out-dropped"]

    def test_for_a_reader(self, newer: Path) -> None:
        code, _, said = run("check", newer)

        assert code == 0
        assert "1 row read, 1 finding." in said

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"a,b\n", "the header of an inventory"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "encrypted"),
            (None, "cannot be read"),
        ],
    )
    def test_what_cannot_be_read_is_bad_input(self, tmp_path: Path, data: bytes | None, says: str) -> None:
        path = tmp_path / "file.csv"
        if data is not None:
            path.write_bytes(data)
        code, answer, _ = run("check", path, "--json")

        assert code == 2
        assert answer["error"]["kind"] == "bad-input"
        assert says in answer["error"]["says"]
        assert "file.csv" in answer["error"]["says"]

    def test_an_unknown_check_is_bad_input(self, newer: Path) -> None:
        code, answer, _ = run("check", newer, "--only", "nonsense", "--json")

        assert (code, "there is no check `nonsense`" in answer["error"]["says"]) == (2, True)


def test_faces(newer: Path) -> None:
    code, data, _ = run("faces", newer, "--near", "--json")

    assert code == 0
    assert [(row["id"], row["reason"]) for row in data["rows"]] == [
        ("DEM-1", "“face verification” in system_outputs")
    ]
    assert data["near"] == []
    assert "near" not in run("faces", newer, "--json")[1]


def test_near(tmp_path: Path) -> None:
    path = tmp_path / "near.csv"
    path.write_bytes(file_2025({**SOUND, "system_outputs": "Biometric sign-in."}))

    assert [g["id"] for g in run("faces", path, "--near", "--json")[1]["near"]] == ["DEM-1"]


def test_validate(newer: Path, older: Path, tmp_path: Path) -> None:
    assert run("validate", newer, "--json")[1] == {"valid": True, "absent_columns": [], "faults": []}
    assert run("validate", older, "--json")[0] == 2
    path = tmp_path / "wrong.csv"
    path.write_bytes(file_2025({**SOUND, "have_ato": ""}))
    code, data, _ = run("validate", path, "--json")
    assert (code, data["valid"], data["faults"][0]["finding"]) == (0, False, "required")


def test_read(older: Path) -> None:
    code, data, _ = run("read", older, "--changes", "--json")

    assert (code, data["form"], data["rows"], data["columns"]) == (0, 2024, 1, 62)
    assert {"kind": "code-page", "times": 1} in data["tidied"]
    assert data["changes"][0]["kind"] == "code-page"
    assert "changes" not in run("read", older, "--json")[1]


class TestExport:
    USE = {name: answer for name, answer in SOUND.items() if not answer.startswith("[")} | {
        "demographic_features": ["None of the above"],
        "hi_public_consultation": ["Usability Testing"],
    }

    def test_writes_a_file_that_validates(self, tmp_path: Path) -> None:
        uses, out = tmp_path / "uses.json", tmp_path / "out.csv"
        uses.write_text(json.dumps([self.USE]), encoding="utf-8")

        assert run("export", uses, out, "--json")[1] == {"uses": 1, "path": str(out)}
        assert run("validate", out, "--json")[1]["valid"]
        code, again, _ = run("export", uses, out, "--json")
        assert (code, "is there already" in again["error"]["says"]) == (2, True)
        assert run("export", uses, tmp_path / "no" / "out.csv")[0] == 2

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("{", "is not JSON"),
            ("{}", "is not a JSON list of uses"),
            ("[]", "is not a JSON list of uses"),
            ('[{"id": "DEM-1"}]', "missing"),
            (json.dumps([{**USE, "topic_area": "Gardening"}]), "nothing was written"),
        ],
    )
    def test_bad_input_writes_nothing(self, tmp_path: Path, content: str, says: str) -> None:
        uses, out = tmp_path / "uses.json", tmp_path / "out.csv"
        uses.write_text(content, encoding="utf-8")
        code, answer, _ = run("export", uses, out, "--json")

        assert (code, out.exists()) == (2, False)
        assert says in answer["error"]["says"]
