"""`counterseal demo`: the story as JSON, told again, stopped half-way, and on a folder of one's own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from calling import run_plain

from counterseal.cli.demo.cast import cast_of, people_of
from counterseal.cli.demo.synthetic_people import people
from counterseal.terms.errors import BadInputError

PICTURE = people(1)[0].photograph(0)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The story of one demo, as its JSON says it."""
    home = tmp_path_factory.mktemp("demo") / "home"
    ran = run_plain("demo", "--home", home, "--no-serve", "--json")
    assert ran.code == 0, ran.out
    assert ran.err == ""
    return ran.json


class TestStory:
    def test_it_goes_from_a_refusal_to_a_verified_log(self, told) -> None:
        titles = [s["title"] for s in told["steps"]]

        assert len(titles) == 10
        assert [s["step"] for s in told["steps"]] == list(range(1, 11))
        assert all(s["happened"] for s in told["steps"])
        assert told["verified"] is True
        assert told["seconds"] < 120

    def test_the_first_still_is_too_blurred(self, told) -> None:
        assert told["steps"][1]["rejected"] == ["too-blurred"]

    def test_the_refusal_names_everything_at_once(self, told) -> None:
        refused = told["steps"][2]

        assert refused["decision"] == "refused"
        assert {
            "HSI-M/4A2-traditional-means",
            "HSI-M/4A3-training",
            "HSI-M/4A3-best-practice",
            "HSI-M/4A3-safeguards",
        } == set(refused["clauses"])
        assert all(set(u) == {"clause", "missing", "remedy"} for u in refused["unmet"])

    def test_the_mended_search_is_sealed_before_another_process_compares(self, told) -> None:
        run = told["steps"][4]

        assert run["decision"] == "permitted"
        assert run["request"] == told["steps"][2]["request"]
        assert run["receipt_verified"] is True
        assert run["outcome_index"] == run["intent_index"] + 1
        assert run["service_pid"] != os.getpid()

    def test_two_people_reviewed(self, told) -> None:
        assert len(told["steps"][5]["reviews"]) == 2
        assert told["steps"][5]["ranks_of_kept"] == [1]

    def test_the_line_up_is_not_independent_and_the_print_is(self, told) -> None:
        no, yes = told["steps"][7], told["steps"][8]

        assert no["decision"] == "refused"
        assert set(no["clauses"]) == {"HSI-M/4D3-leads-only", "D-026-11/not-sole-basis"}
        assert no["independent_for_offence"] == 0 and no["from_face_recognition"] == 1
        assert yes["status"] == "cleared"
        assert yes["independent_for_offence"] == 1 and yes["from_face_recognition"] == 1

    def test_everything_lies_where_it_says(self, told) -> None:
        assert all(Path(path).exists() for path in told["paths"].values())
        assert run_plain("ledger", "verify", told["paths"]["log"], "--json").json["ok"] is True
        assert run_plain("fsck", "--home", told["home"]).code == 0
        assert run_plain("case", "show", "2026-0001", "--home", told["home"]).code == 0

    def test_it_is_told_again_in_place_of_the_first(self, told) -> None:
        again = run_plain("demo", "--home", told["home"])

        assert again.code == 0
        assert " 3  The search is refused, with its reasons" in again.out
        assert "The receipt holds" in again.out
        assert "Try next" in again.out
        assert "Traceback" not in again.out + again.err


class TestRoom:
    def test_another_home_is_left_alone(self, home: Path) -> None:
        before = sorted(p.name for p in home.iterdir())

        ran = run_plain("demo", "--home", home)

        assert ran.code == 2
        assert sorted(p.name for p in home.iterdir()) == before

    def test_a_mark_alone_does_not_make_a_demo(self, tmp_path: Path) -> None:
        """A folder with the mark but no installation for evaluation is somebody's."""
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo/story.json").write_text(json.dumps({"made_by": "counterseal demo"}))

        assert run_plain("demo", "--home", tmp_path).code == 2
        assert (tmp_path / "demo/story.json").exists()

    @pytest.mark.parametrize("after", [1.5, 3.0, 5.0])
    def test_an_interrupt_leaves_no_process_and_the_next_demo_goes_on(
        self, tmp_path: Path, after: float
    ) -> None:
        home = tmp_path / "home"
        command = [sys.executable, "-m", "counterseal.cli.main", "demo", "--home", str(home)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(after)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)

        # 0 where the story was over already.
        assert running.returncode in (130, 0), (out, err)
        assert "Traceback" not in out + err
        deadline = time.monotonic() + 5
        while (left := _processes_of(home)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left == []
        if home.exists():
            assert json.loads((home / "demo/story.json").read_text())["made_by"] == "counterseal demo"


class TestFaces:
    def _folder(self, tmp_path: Path, *names: str) -> Path:
        for name in names:
            path = tmp_path / "faces" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PICTURE)
        return tmp_path / "faces"

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (("ann/1.jpg", "ann/2.jpg", "bob/1.jpg"), {"ann": 2, "bob": 1}),
            (("ann-1.jpg", "ann-2.jpg", "bob_1.png"), {"ann": 2, "bob": 1}),
            (("ann.jpg", "ann2.jpg", "ann3.jpg", "bob.jpg"), {"ann": 3, "bob": 1}),
            (("A001.jpg", "A002.jpg", "ann-1.jpg", "ann-2.jpg"), {"A001": 1, "A002": 1, "ann": 2}),
            (("all/ann-1.jpg", "all/ann-2.jpg", "all/bob.jpg"), {"ann": 2, "bob": 1}),
        ],
    )
    def test_people_by_folder_or_by_name(
        self, tmp_path: Path, names: tuple[str, ...], expected: dict[str, int]
    ) -> None:
        found = people_of(self._folder(tmp_path, *names))

        assert {person: len(pictures) for person, pictures in found.items()} == expected

    def test_nobody_with_two_photographs_is_explained(self, tmp_path: Path) -> None:
        faces = self._folder(tmp_path, "ann.jpg", "bob.jpg")

        ran = run_plain("demo", "--home", tmp_path / "home", "--faces", faces, "--json")

        assert ran.code == 2
        assert "person-1.jpg" in ran.json["error"]["says"]
        assert not (tmp_path / "home").exists()

    @pytest.mark.parametrize("what", ["missing", "empty", "file"])
    def test_a_folder_that_is_none(self, tmp_path: Path, what: str) -> None:
        faces = tmp_path / "faces"
        if what == "empty":
            faces.mkdir()
        elif what == "file":
            faces.touch()

        with pytest.raises(BadInputError):
            people_of(faces)

    def test_what_is_searched_with_is_not_enrolled(self, tmp_path: Path) -> None:
        cast = cast_of(self._folder(tmp_path, "ann/1.jpg", "ann/2.jpg", "bob/1.jpg"), tmp_path)

        assert cast.sought == "ann"
        enrolled = sorted(str(p.relative_to(cast.gallery)) for p in cast.gallery.rglob("*.jpg"))
        assert enrolled == ["ann/1.jpg", "bob/1.jpg"]
        assert [p.name for p in cast.probes] == ["2.jpg"]

    def test_a_story_on_a_folder_of_ones_own(self, tmp_path: Path) -> None:
        faces = tmp_path / "faces"
        for one in people(4):
            (faces / f"p{one.number}").mkdir(parents=True)
            (faces / f"p{one.number}/a.jpg").write_bytes(one.photograph(0))
        (faces / "p2/b.jpg").write_bytes(people(2)[1].photograph(1))

        ran = run_plain("demo", "--home", tmp_path / "home", "--faces", faces, "--json")

        assert ran.code == 0, ran.out
        assert ran.json["steps"][5]["ranks_of_kept"] == [1]

    def test_nobody_kept_ends_the_story_early_and_verified(self, tmp_path: Path) -> None:
        """Two photographs in one folder that are of two people: none of these, and the log still holds."""
        faces = tmp_path / "faces"
        faces.mkdir()
        pictures = people(8)
        for one in pictures[:7]:
            (faces / f"p{one.number}.jpg").write_bytes(one.photograph(0))
        (faces / "zoe").mkdir()
        (faces / "zoe/1.jpg").write_bytes(b"not a picture, so it is never enrolled")
        (faces / "zoe/2.jpg").write_bytes(pictures[7].photograph(0))

        ran = run_plain("demo", "--home", tmp_path / "home", "--faces", faces, "--json")

        assert ran.code == 0, ran.out
        assert ran.json["verified"] is True
        assert "ends early" in ran.json["steps"][6]["title"]


def _processes_of(home: Path) -> list[str]:
    """Command lines of running processes that name this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(home) in line:
                found.append(line)
    return found
