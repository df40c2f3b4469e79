"""`counterseal public`: released from an installation, verified without one, with the exit codes of the page."""

import json
from pathlib import Path

import pytest
from calling import Ran, Run, run_plain

from counterseal.oversight.figures import release


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """A release of everything that the founding of the agency sealed."""
    ran = run("public", "release", tmp_path / "out", "--delay-days", "0", "--json")
    assert ran.code == 0, ran.out
    return tmp_path / "out"


def verify(folder: Path, *words: object) -> Ran:
    return run_plain("public", "verify", folder, "--json", *words)


def codes(ran: Ran) -> set[str]:
    return {finding["code"] for finding in ran.json["findings"]}


class TestVerify:
    def test_a_sound_release(self, folder: Path) -> None:
        vkey = (folder / "log.vkey").read_text("ascii").strip()
        ran = verify(folder, "--vkey", vkey)

        assert ran.code == 0
        assert ran.json["ok"] is True
        assert ran.json["findings"] == []
        assert {"figure": "service-tests", "year": ran.json["figures"][0]["year"], "code": "passed",
                "count": 1} in ran.json["figures"]  # fmt: skip

    def test_says_so_to_a_reader(self, folder: Path) -> None:
        ran = run_plain("public", "verify", folder)

        assert ran.code == 0
        assert "Every figure was counted again and agrees." in ran.out
        assert "No --vkey was given" in ran.out

    def test_a_changed_count_is_an_integrity_failure_and_named(self, folder: Path) -> None:
        figures = folder / release.FIGURES_FILE
        content = json.loads(figures.read_text("utf-8"))
        tests = next(each for each in content["figures"] if each["id"] == "service-tests")
        tests["rows"][0][2] = 9
        figures.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")), "utf-8")
        ran = verify(folder)

        assert ran.code == 3
        assert "figure-differs" in codes(ran)
        assert any(f["where"].startswith("service-tests") for f in ran.json["findings"])
        assert "figures" not in ran.json

    def test_a_dropped_entry_is_an_integrity_failure(self, folder: Path) -> None:
        bundle = next((folder / "tile" / "entries").rglob("*.p/*"))
        bundle.write_bytes(bundle.read_bytes()[:-40])
        ran = verify(folder)

        assert ran.code == 3
        assert "entries-missing" in codes(ran)

    def test_a_second_history_is_named_by_the_kept_checkpoint(
        self, run: Run, folder: Path, tmp_path: Path
    ) -> None:
        run("public", "release", tmp_path / "next", "--delay-days", "0")
        ran = verify(folder, "--older", tmp_path / "next" / "checkpoint")
        on = verify(tmp_path / "next", "--older", folder / "checkpoint", "--previous", folder)

        assert (ran.code, codes(ran)) == (3, {"second-history"})
        assert (on.code, on.json["version"]) == (0, 2)

    @pytest.mark.parametrize("words", [("nowhere",), (".",), (".", "--older", "nothing")])
    def test_what_is_no_release_is_bad_input(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        ran = run_plain("public", "verify", tmp_path / words[0], *words[1:], "--json")

        assert ran.code == 2
        assert ran.json["error"]["kind"] == "bad-input"

    def test_a_link_out_of_the_folder_is_not_followed(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"{}")
        (folder / release.OPENINGS_FILE).unlink()
        (folder / release.OPENINGS_FILE).symlink_to(tmp_path / "secret")
        ran = verify(folder)

        assert ran.code == 3
        assert "openings-unreadable" in codes(ran)


class TestRelease:
    def test_is_refused_to_an_investigator(self, run: Run, tmp_path: Path) -> None:
        ran = run("public", "release", tmp_path / "out", "--delay-days", "0", "--as", "ines", "--json")

        assert ran.code == 1
        assert ran.json["clauses"] == ["D-026-11/oversight"]
        assert not (tmp_path / "out").exists()

    def test_nothing_is_old_enough_at_first(self, run: Run, tmp_path: Path) -> None:
        ran = run("public", "release", tmp_path / "out", "--json")

        assert ran.code == 2
        assert "30 days" in ran.json["error"]["says"]

    def test_a_rule_that_keeps_nothing_back_is_refused(self, run: Run, tmp_path: Path) -> None:
        assert run("public", "release", tmp_path / "out", "--fewest", "1", "--json").code == 2
