"""The reference database: sealed, erasable, exact, and whole after a kill."""

import dataclasses
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from counterseal.biometrics import gallery as gallery_module
from counterseal.biometrics.errors import (
    EngineMismatchError,
    GalleryCorruptError,
    GalleryEngineError,
    GalleryKeyError,
    GalleryStateError,
    GalleryUnavailableError,
)
from counterseal.biometrics.gallery import FILE_NAME, Enrolled, FailureToEnrol, Gallery
from counterseal.biometrics.identify import identify
from counterseal.cli.demo.synthetic_people import cartoon, group_photograph
from counterseal.terms.biometrics import FailureCode

KEY = bytes(range(32))


@pytest.fixture
def gallery(tmp_path: Path, toy):
    with Gallery(tmp_path / "g", key=KEY, engine_id=toy.engine_id) as opened:
        yield opened


@pytest.fixture
def filled(gallery, toy, open_floor, noise_picture) -> Gallery:
    """Six references of three people."""
    for i in range(6):
        outcome = gallery.enrol(
            noise_picture(i),
            reference_id=f"ref-{i}",
            person_id=f"person-{i // 2}",
            engine=toy,
            floor=open_floor,
            captured_on=date(2020 + i, 1, 2),
        )
        assert isinstance(outcome, Enrolled)
    return gallery


def file_of(gallery: Gallery) -> Path:
    return gallery._folder / FILE_NAME


def raw(gallery: Gallery, query: str, *values):
    with sqlite3.connect(file_of(gallery)) as db:
        rows = db.execute(query, values).fetchall()
    db.close()
    return rows


class TestEnrolment:
    def test_what_was_enrolled_is_found(self, filled, toy):
        for i in range(6):
            found = identify(filled.template(f"ref-{i}"), filled.index(), limit=1)
            assert found.candidates[0].reference_id == f"ref-{i}"
            assert found.candidates[0].score.value == 0.0
            assert found.candidates[0].person_id == f"person-{i // 2}"
            assert found.candidates[0].captured_on == date(2020 + i, 1, 2)
            assert found.searched == 6

    def test_it_is_there_after_closing(self, filled, toy):
        folder, templates = filled._folder, [filled.template(f"ref-{i}") for i in range(6)]
        photograph = filled.photograph("ref-3")
        filled.close()

        with Gallery(folder, key=KEY, engine_id=toy.engine_id) as again:
            assert [again.template(f"ref-{i}") for i in range(6)] == templates
            assert again.photograph("ref-3") == photograph
            assert len(again.index()) == 6

    def test_a_failure_to_acquire_is_a_failure_to_enrol(self, gallery, toy, open_floor):
        outcome = gallery.enrol(b"nothing", reference_id="r", person_id="p", engine=toy, floor=open_floor)

        assert isinstance(outcome, FailureToEnrol)
        assert outcome.cause is not None and outcome.cause.code is FailureCode.UNSUPPORTED_TYPE
        assert gallery.references() == ()

    def test_an_id_is_taken_once(self, filled, toy, open_floor, noise_picture):
        before = filled.template("ref-0")

        outcome = filled.enrol(
            noise_picture(99), reference_id="ref-0", person_id="other", engine=toy, floor=open_floor
        )

        assert isinstance(outcome, FailureToEnrol) and outcome.cause is None
        assert filled.template("ref-0") == before

    def test_another_engine_cannot_enrol(self, gallery, toy, open_floor, noise_picture):
        toy.engine_id = "toy:2"
        with pytest.raises(EngineMismatchError):
            gallery.enrol(noise_picture(1), reference_id="r", person_id="p", engine=toy, floor=open_floor)

    def test_ids_are_needed(self, gallery, toy, open_floor, noise_picture):
        with pytest.raises(ValueError, match="needs"):
            gallery.enrol(noise_picture(1), reference_id="", person_id="p", engine=toy, floor=open_floor)

    def test_no_column_for_an_attribute_of_a_person(self, filled):
        """Protected attributes cannot filter or rank where there is no place for them."""
        columns = {
            (table, column[1])
            for (table,) in raw(filled, "SELECT name FROM sqlite_master WHERE type = 'table'")
            for column in raw(filled, f"PRAGMA table_info({table})")
        }

        assert columns == {
            ("header", "name"),
            ("header", "value"),
            ("person", "row"),
            ("person", "person_id"),
            ("person", "wrapped_key"),
            ("reference", "row"),
            ("reference", "reference_id"),
            ("reference", "person_row"),
            ("reference", "captured_on"),
            ("reference", "engine_id"),
            ("reference", "searchable"),
            ("reference", "sealed_template"),
            ("photograph", "row"),
            ("photograph", "sealed"),
        }

    def test_nothing_lies_open_in_the_files(self, filled):
        template, photograph = filled.template("ref-1").values.tobytes(), filled.photograph("ref-1")
        assert photograph.startswith(b"\x89PNG")
        files = [file for file in filled._folder.iterdir() if file.is_file()]
        content = b"".join(file.read_bytes() for file in files)

        assert len(content) > 10_000
        assert template[:16] not in content and photograph[:32] not in content and b"IHDR" not in content
        assert KEY not in content

    def test_only_the_owner_can_read_the_files(self, filled):
        files = list(filled._folder.iterdir())
        assert files
        assert [stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files] == [0] * len(files)


class TestFolder:
    def test_every_picture_has_an_outcome(self, tmp_path, engine, crowd, probe_floor):
        folder = tmp_path / "pictures"
        (folder / "anna").mkdir(parents=True)
        (folder / "anna" / "1.jpg").write_bytes(crowd[0].photograph(0))
        (folder / "anna" / "2.JPG").write_bytes(crowd[0].photograph(1))
        (folder / "berta.jpg").write_bytes(crowd[1].photograph(0))
        (folder / "cartoon.png").write_bytes(cartoon())
        (folder / "group.jpeg").write_bytes(group_photograph(crowd[:2]))
        (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
        (folder / "notes.txt").write_text("no picture")
        (folder / ".hidden.jpg").write_bytes(crowd[1].photograph(1))
        with Gallery(tmp_path / "g", key=KEY, engine_id=engine.engine_id) as gallery:
            outcomes = {
                file.name: outcome
                for file, outcome in gallery.enrol_folder(folder, engine=engine, floor=probe_floor)
            }
            listed = {(r.reference_id, r.person_id) for r in gallery.references()}

            enrolled = {name for name, outcome in outcomes.items() if isinstance(outcome, Enrolled)}
            assert enrolled == {"1.jpg", "2.JPG", "berta.jpg"}
            assert listed == {("anna/1", "anna"), ("anna/2", "anna"), ("berta", "berta")}
            codes = {
                name: outcome.cause.code
                for name, outcome in outcomes.items()
                if isinstance(outcome, FailureToEnrol) and outcome.cause
            }
            assert codes == {
                "cartoon.png": FailureCode.NO_FACE,
                "group.jpeg": FailureCode.SEVERAL_FACES,
                "broken.jpg": FailureCode.CORRUPT_FILE,
            }
            again = list(gallery.enrol_folder(folder, engine=engine, floor=probe_floor))
            assert len(again) == 6 and not any(isinstance(outcome, Enrolled) for _, outcome in again)
            assert len(gallery.index()) == 3

    def test_a_missing_folder_is_an_error(self, gallery, toy, open_floor, tmp_path):
        with pytest.raises(GalleryStateError, match="no folder"):
            list(gallery.enrol_folder(tmp_path / "none", engine=toy, floor=open_floor))


class TestWrongKeyOrEngine:
    def test_another_key_opens_nothing(self, filled, toy):
        folder = filled._folder
        filled.close()
        with pytest.raises(GalleryKeyError, match="does not open"):
            Gallery(folder, key=bytes(32), engine_id=toy.engine_id)

    @pytest.mark.parametrize("length", [0, 16, 31, 33])
    def test_a_key_has_32_bytes(self, tmp_path, length):
        with pytest.raises(GalleryKeyError, match="32"):
            Gallery(tmp_path, key=bytes(length), engine_id="toy:1")

    def test_another_engine_is_refused(self, filled):
        folder = filled._folder
        filled.close()
        with pytest.raises(GalleryEngineError, match="toy:1"):
            Gallery(folder, key=KEY, engine_id="toy:2")

    def test_changing_the_engine_in_the_header_is_noticed(self, filled):
        raw(filled, "UPDATE header SET value = 'toy:2' WHERE name = 'engine_id'")
        folder = filled._folder
        filled.close()
        with pytest.raises(GalleryKeyError):
            Gallery(folder, key=KEY, engine_id="toy:2")


class TestDamage:
    """No part of a damaged database is searched."""

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE reference SET sealed_template = zeroblob(92) WHERE reference_id = 'ref-2'",
            "UPDATE reference SET sealed_template = x'00' WHERE reference_id = 'ref-2'",
            "UPDATE reference SET reference_id = 'ref-x' WHERE reference_id = 'ref-2'",
            "UPDATE reference SET captured_on = '1999-01-01' WHERE reference_id = 'ref-2'",
            "UPDATE reference SET person_row = 1 WHERE reference_id = 'ref-2'",
            "UPDATE person SET person_id = 'person-x' WHERE person_id = 'person-1'",
            "UPDATE reference SET sealed_template ="
            " (SELECT sealed_template FROM reference WHERE reference_id = 'ref-3')"
            " WHERE reference_id = 'ref-2'",
            "UPDATE person SET wrapped_key = (SELECT wrapped_key FROM person WHERE row = 1) WHERE row = 2",
        ],
    )
    def test_a_changed_or_moved_record_stops_the_search(self, filled, change):
        filled.index()
        raw(filled, change)

        with pytest.raises(GalleryCorruptError, match="does not open"):
            filled.index()

    def test_a_template_of_another_engine_stops_the_search(self, filled):
        raw(filled, "UPDATE reference SET engine_id = 'toy:2' WHERE reference_id = 'ref-2'")
        with pytest.raises(GalleryEngineError, match="ref-2"):
            filled.index()

    def test_a_moved_photograph_does_not_open(self, filled):
        raw(
            filled,
            "UPDATE photograph SET sealed = (SELECT sealed FROM photograph WHERE row = 1) WHERE row = 2",
        )
        with pytest.raises(GalleryCorruptError, match="photograph of reference `ref-1`"):
            filled.photograph("ref-1")
        raw(filled, "DELETE FROM photograph WHERE row = 2")
        with pytest.raises(GalleryCorruptError, match="lost"):
            filled.photograph("ref-1")

    def test_a_file_of_something_else_is_refused(self, tmp_path):
        (tmp_path / FILE_NAME).write_bytes(b"no database at all, but long enough to be read" * 40)
        with pytest.raises(GalleryCorruptError):
            Gallery(tmp_path, key=KEY, engine_id="toy:1")

    def test_a_file_of_another_format_is_refused(self, filled, toy):
        raw(filled, "UPDATE header SET value = 'counterseal-references-9' WHERE name = 'format'")
        folder = filled._folder
        filled.close()
        with pytest.raises(GalleryCorruptError, match="format"):
            Gallery(folder, key=KEY, engine_id=toy.engine_id)

    def test_what_is_not_there_is_said(self, filled):
        for ask in (filled.template, filled.photograph, lambda r: filled.set_searchable(r, False)):
            with pytest.raises(GalleryStateError, match="`ref-77`"):
                ask("ref-77")


class TestHygiene:
    def test_not_searchable_is_not_searched_and_comes_back(self, filled):
        template = filled.template("ref-4")
        filled.set_searchable("ref-4", False)
        found = identify(template, filled.index(), limit=50)
        assert found.searched == 5 and "ref-4" not in {c.reference_id for c in found.candidates}
        assert [r.searchable for r in filled.references("person-2")] == [False, True]

        filled.set_searchable("ref-4", True)
        assert identify(template, filled.index(), limit=1).candidates[0].reference_id == "ref-4"

    def test_another_process_is_noticed(self, filled, toy):
        """The index follows the file, not this object's memory."""
        with Gallery(filled._folder, key=KEY, engine_id=toy.engine_id) as other:
            assert len(filled.index()) == 6
            other.set_searchable("ref-0", False)
            assert len(filled.index()) == 5
            other.erase("person-2")
            assert len(filled.index()) == 3

    def test_the_index_is_kept_while_nothing_changes(self, filled):
        assert filled.index() is filled.index()


class TestErasure:
    def test_everything_of_the_person_goes_and_the_others_stay(self, filled):
        templates = [filled.template("ref-2"), filled.template("ref-3")]

        steps = filled.erase("person-1")

        assert steps.complete and steps.references == ("ref-2", "ref-3")
        assert [step.name for step in steps.steps] == [
            "key destroyed",
            "rows deleted",
            "write-ahead log emptied",
            "index told and checked",
            "files searched for the erased bytes",
        ]
        assert {r.reference_id for r in filled.references()} == {"ref-0", "ref-1", "ref-4", "ref-5"}
        for template in templates:
            found = identify(template, filled.index(), limit=50)
            assert found.searched == 4 and min(c.score.value for c in found.candidates) > 0
        assert identify(filled.template("ref-0"), filled.index(), limit=1).candidates[0].score.value == 0.0

    def test_sealed_template_and_wrapped_key_are_in_no_file(self, gallery, toy, open_floor, noise_picture):
        """Many people, so that pages were split and merged; every file of the folder is read raw."""
        for i in range(120):
            gallery.enrol(
                noise_picture(i, (48, 48)),
                reference_id=f"ref-{i * 7919 % 120:04d}",
                person_id=f"person-{i % 40}",
                engine=toy,
                floor=open_floor,
            )
        query = (
            "SELECT p.wrapped_key, r.sealed_template, f.sealed FROM reference r"
            " JOIN person p ON p.row = r.person_row JOIN photograph f ON f.row = r.row WHERE p.person_id = ?"
        )
        for person in ("person-3", "person-17", "person-39"):
            rows = raw(gallery, query, person)
            assert len(rows) == 3
            marks = {part for row in rows for part in (row[0], row[1], row[2][:64], row[2][-64:])}
            before = b"".join(file.read_bytes() for file in gallery._folder.iterdir() if file.is_file())
            assert all(mark in before for mark in marks), "the look itself must work"

            assert gallery.erase(person).complete

            after = b"".join(file.read_bytes() for file in gallery._folder.iterdir() if file.is_file())
            assert not any(mark in after for mark in marks)
        assert len(gallery.index()) == 111

    def test_erasing_nobody_or_twice_is_no_error(self, filled):
        """After a restore the list of erasures is replayed."""
        assert filled.erase("person-0").complete
        again = filled.erase("person-0")
        assert again.complete and again.references == ()
        assert filled.erase("nobody").complete

    def test_a_backup_no_longer_opens_without_its_own_key_row(self, filled, tmp_path, toy):
        """What is left elsewhere is sealed under a key that only the copy itself still holds."""
        sealed = raw(filled, "SELECT sealed_template FROM reference WHERE reference_id = 'ref-2'")[0][0]
        filled.erase("person-1")

        with pytest.raises(GalleryStateError):
            filled.template("ref-2")
        assert sealed not in file_of(filled).read_bytes()

    def test_an_old_copy_in_the_free_space_is_found_and_rewritten(self, filled, monkeypatch):
        """The look at the files is real: a stale copy makes it rewrite the file."""
        looks = []
        real = Gallery._lying_around

        def first_finds(self, marks):
            looks.append(marks)
            return ["references.sqlite3"] if len(looks) == 1 else real(self, marks)

        monkeypatch.setattr(Gallery, "_lying_around", first_finds)
        steps = filled.erase("person-1")

        assert steps.complete and len(looks) == 2 and "rewritten" in steps.steps[-1].says
        assert len(filled.index()) == 4

    def test_a_copy_in_another_file_of_the_folder_is_reported(self, filled):
        """Somebody's backup beside the database: not erased, and said so."""
        filled.index()
        shutil.copy(file_of(filled), filled._folder / "old-copy.sqlite3")
        raw(filled, "PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(file_of(filled), filled._folder / "old-copy.sqlite3")

        steps = filled.erase("person-1")

        assert not steps.complete
        assert "old-copy.sqlite3" in steps.steps[-1].says

    def test_a_reader_that_holds_the_log_is_reported(self, filled, monkeypatch):
        monkeypatch.setattr(gallery_module, "PATIENCE_SECONDS", 0.1)
        filled._db.execute("PRAGMA busy_timeout = 50")
        reader = sqlite3.connect(file_of(filled), isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM reference").fetchall()
        try:
            steps = filled.erase("person-1")
        finally:
            reader.close()

        assert not steps.complete
        assert [s.done for s in steps.steps][2] is False and "reader" in steps.steps[2].says
        assert filled.erase("person-1").complete

    @pytest.mark.parametrize("after", ["key", "rows"])
    def test_an_interrupted_erasure_is_finished_on_opening(self, filled, toy, monkeypatch, after):
        """The key goes first: nothing of the person opens in between."""

        class Killed(BaseException):
            pass

        def stop(*_):
            raise Killed

        real = Gallery._write
        calls = []

        def until_second(self):
            calls.append(1)
            if after == "key" and len(calls) == 2:
                raise Killed
            return real(self)

        if after == "key":
            monkeypatch.setattr(Gallery, "_write", until_second)
        else:
            monkeypatch.setattr(Gallery, "_emptied_log", stop)
        with pytest.raises(Killed):
            filled.erase("person-1")
        monkeypatch.undo()
        if after == "key":
            assert len(filled.index()) == 4
            with pytest.raises(GalleryStateError, match="interrupted"):
                filled.template("ref-2")
        filled.close()

        with Gallery(filled._folder, key=KEY, engine_id=toy.engine_id) as again:
            assert {r.person_id for r in again.references()} == {"person-0", "person-2"}
            assert len(again.index()) == 4


class TestWithstand:
    def test_a_full_disk_leaves_nothing_half_written(self, filled, toy, open_floor, noise_picture):
        pages = filled._db.execute("PRAGMA page_count").fetchone()[0]
        filled._db.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(GalleryUnavailableError, match="full"):
            filled.enrol(
                noise_picture(50, (300, 300)), reference_id="x", person_id="y", engine=toy, floor=open_floor
            )

        assert len(filled.references()) == len(filled.index()) == 6
        filled._db.execute("PRAGMA max_page_count = 100000")
        assert isinstance(
            filled.enrol(noise_picture(50), reference_id="x", person_id="y", engine=toy, floor=open_floor),
            Enrolled,
        )

    @pytest.mark.withstand
    def test_kill_at_random_instants_loses_nothing_acknowledged(self, tmp_path):
        """`kill -9` while enrolling and erasing; every acknowledged act holds afterwards."""
        script = tmp_path / "worker.py"
        script.write_text(WORKER)
        folder = tmp_path / "g"
        rng = np.random.default_rng(12)
        kills = 12
        acts: dict[str, set[str]] = {"enrolled": set(), "erasing": set(), "erased": set()}
        for turn in range(kills):
            worker = subprocess.Popen(
                [sys.executable, script, folder, str(turn)],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            )
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            time.sleep(float(rng.uniform(0.0, 0.25)))
            os.kill(worker.pid, signal.SIGKILL)
            lines = re.findall(r"(enrolled|erasing|erased) (\S+)\n", worker.stdout.read())
            worker.wait()
            worker.stdout.close()
            for act, person in lines:
                acts[act].add(person)
            with Gallery(folder, key=KEY, engine_id="toy:1") as gallery:
                there = {reference.person_id for reference in gallery.references()}
                assert acts["enrolled"] - acts["erasing"] <= there
                assert not acts["erased"] & there
                assert len(gallery.index()) == len(gallery.references())
                for reference in gallery.references():
                    assert gallery.photograph(reference.reference_id).startswith(b"\x89PNG")
        counts = {act: len(people) for act, people in acts.items()}
        print(f"killed {kills} times; acknowledged: {counts}")
        assert counts["enrolled"] > kills and counts["erased"]


WORKER = f"""
import sys
from pathlib import Path
from conftest import OPEN_FLOOR, ToyEngine, picture_of
from counterseal.biometrics.gallery import Gallery

folder, turn = Path(sys.argv[1]), sys.argv[2]
gallery = Gallery(folder, key=bytes({list(KEY)}), engine_id="toy:1")
pictures = [picture_of(i) for i in range(200)]
print("ready", flush=True)
for i, picture in enumerate(pictures):
    person = f"{{turn}}-{{i}}"
    gallery.enrol(picture, reference_id=person, person_id=person, engine=ToyEngine(), floor=OPEN_FLOOR)
    print("enrolled", person, flush=True)
    if i % 5 == 4:
        # Acknowledged as erased only afterwards: in between the person may be there or not.
        old = f"{{turn}}-{{i - 2}}"
        print("erasing", old, flush=True)
        gallery.erase(old)
        print("erased", old, flush=True)
"""


def test_ten_thousand_references_load_whole(tmp_path, toy, open_floor, noise_picture, monkeypatch):
    """A service starts, and follows changes of the file, with every reference in place; the time is printed."""
    from counterseal.biometrics import capture as capture_module

    with Gallery(tmp_path, key=KEY, engine_id=toy.engine_id) as gallery:
        gallery._db.execute("PRAGMA synchronous = OFF")
        template = capture_module.capture(noise_picture(0), engine=toy, floor=open_floor)
        rng = np.random.default_rng(0)
        values = rng.normal(size=(10_000, 16)).astype(np.float32)

        def quick(data, **_):
            row = int.from_bytes(data, "big")
            made = type(template.template)(values[row], toy.engine_id)
            return dataclasses.replace(template, template=made, crop_pixels=np.zeros((2, 2, 3), np.uint8))

        monkeypatch.setattr(gallery_module, "capture", quick)
        for i in range(10_000):
            gallery.enrol(
                i.to_bytes(4, "big"), reference_id=f"r{i}", person_id=f"p{i}", engine=toy, floor=open_floor
            )
        began = time.perf_counter()
        index = gallery.index()
        took = time.perf_counter() - began

        assert len(index) == 10_000
        print(f"10,000 references loaded in {took:.2f} s")
