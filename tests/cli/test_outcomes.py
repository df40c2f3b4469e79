"""One place maps what happens to exit codes, and no traceback reaches a user."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from calling import Run, run_plain

from counterseal.cli import command as commands
from counterseal.cli.command import Root, command
from counterseal.cli.outcome import Exit, Outcome, code_of
from counterseal.gateway.sealing import SealingError
from counterseal.ledger.errors import MalformedNoteError, ProofError
from counterseal.policy.errors import UnknownClauseError
from counterseal.terms.errors import (
    BadInputError,
    CountersealError,
    IntegrityError,
    StaleError,
    UnavailableError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInputError, 2),
        (StaleError, 2),
        (UnknownClauseError, 2),
        (MalformedNoteError, 2),
        (IntegrityError, 3),
        (ProofError, 3),
        (UnavailableError, 4),
        (SealingError, 4),
    ],
)
def test_every_family_of_errors_has_its_code(error: type[CountersealError], code: int) -> None:
    assert code_of(error("x")) == code


def _root(work: BaseException | Outcome) -> Root:
    """A command line with one command that does this."""

    @command(None, "do", opens=False)
    def do(bench: commands.Bench) -> Outcome:
        """Do it."""
        if isinstance(work, BaseException):
            raise work
        return work

    root = Root({"do": ("x", "do it")}, name="test")
    root.get_command = lambda ctx, name: do  # type: ignore[method-assign]
    return root


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (Outcome({}), 0),
        (Outcome({}, Exit.REFUSED), 1),
        (BadInputError("x"), 2),
        (click.BadParameter("x"), 2),
        (IntegrityError("x"), 3),
        (UnavailableError("x"), 4),
        (OSError(28, "No space left on device"), 4),
        (RuntimeError("x"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_end_has_its_exit_code(
    work: BaseException | Outcome, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["do"], ["do", "--json"]):
        with pytest.raises(SystemExit) as ended:
            _root(work).main(words)

        assert ended.value.code == code
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err


def test_a_fault_shows_its_traceback_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _root(RuntimeError("deep inside")).main(["do", "--debug"])

    assert ended.value.code == Exit.FAULT
    assert "Traceback" in capsys.readouterr().err


class TestHomes:
    def test_no_installation(self, tmp_path: Path) -> None:
        ran = run_plain("case", "list", "--home", tmp_path / "nowhere")

        assert ran.code == 2
        assert "counterseal init" in ran.err

    @pytest.mark.parametrize(
        "content",
        [
            b"x = 1",
            b"\xff\xfe",
            b"agency = [",
            b"agency = 1\norigin = ''\nevaluation = 0\n[database]\nconnection = 'x'",
            b"agency = 1\norigin = ''\nevaluation = 0\n[database]\nport = 5432",
            pytest.param(b"agency = 1\norigin = ''\nevaluation = 0", marks=pytest.mark.sqlite),
        ],
    )
    def test_settings_of_another_program(self, home: Path, content: bytes) -> None:
        (home / "office.toml").write_bytes(content)

        assert run_plain("case", "list", "--home", home).code == 2

    @pytest.mark.sqlite
    def test_a_database_that_is_none(self, home: Path, run: Run) -> None:
        for beside in home.glob("counterseal.sqlite3-*"):
            beside.unlink()
        (home / "counterseal.sqlite3").write_bytes(os.urandom(8192))

        ran = run("case", "list", "--json")

        assert ran.code == 3
        assert ran.json["error"]["kind"] == "integrity-failure"

    @pytest.mark.sqlite
    def test_a_database_that_is_gone(self, home: Path, run: Run) -> None:
        """SQLite would make an empty one; the command must not."""
        (home / "counterseal.sqlite3").unlink()

        assert run("fsck").code == 3
        assert not (home / "counterseal.sqlite3").exists()

    def test_a_key_that_is_gone(self, home: Path, run: Run) -> None:
        (home / "keys/log.key").unlink()

        assert run("case", "list").code == 2

    def test_a_key_of_another_length(self, home: Path, run: Run) -> None:
        (home / "keys/vault.key").write_bytes(b"short")

        assert run("case", "list").code == 3

    def test_init_leaves_another_folder_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")

        ran = run_plain("init", "--evaluation", "--home", tmp_path)

        assert ran.code == 2
        assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]

    def test_init_leaves_nothing_half_made(self, tmp_path: Path) -> None:
        ran = run_plain(
            "init",
            "--agency",
            "A",
            "--administrator",
            "B",
            "--origin",
            "Not An Origin",
            "--home",
            tmp_path / "h",
        )

        assert ran.code == 2
        assert not (tmp_path / "h").exists()

    def test_init_in_place_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        assert run_plain("init", "--evaluation", "--home", tmp_path / "file").code == 2
        assert run_plain("init", "--evaluation", "--home", tmp_path / "file/below").code == 2


class TestWhoActs:
    def test_an_agency_must_say_who_acts(self, tmp_path: Path) -> None:
        """Only an evaluation has somebody who acts by default."""
        home = tmp_path / "home"
        made = run_plain(
            "init", "--agency", "An agency", "--administrator", "Ada", "--origin", "agency.example/log", "--json",
            "--home", home,
        )  # fmt: skip
        assert made.code == 0
        founder = made.json["administrator"]

        assert run_plain("person", "admit", "Ines", "--unit", "Fraud", "--home", home).code == 2
        assert (
            run_plain("person", "admit", "Ines", "--unit", "Fraud", "--home", home, "--as", "admin").code == 2
        )
        admitted = run_plain("person", "admit", "Ines", "--unit", "Fraud", "--home", home, "--as", founder)
        assert admitted.code == 0
        assert run_plain("fsck", "--home", home).code == 0

    def test_the_environment_says_who_acts(self, home: Path) -> None:
        ran = run_plain("person", "admit", "X", "--unit", "Y", "--home", home, COUNTERSEAL_AS="ines")

        assert ran.code == 1
        assert "administrator" in ran.out

    def test_a_note_says_whose_word_it_takes(self, run: Run) -> None:
        ran = run("person", "admit", "Zoe", "--unit", "Fraud")

        assert "takes the word" in ran.err
        assert "`admin`" in ran.err
        assert run("person", "admit", "Zoe", "--unit", "Fraud", "--json").err == ""

    def test_nobody_by_that_name(self, run: Run) -> None:
        ran = run("person", "admit", "Zoe", "--unit", "Fraud", "--as", "nobody")

        assert ran.code == 2
        assert "ines" in ran.err

    def test_an_agency_makes_nothing_up(self, home: Path, run: Run, photo: Path) -> None:
        """--photo fills in a case and its evidence, --reveal-for-evaluation shows ranks: not on real people."""
        settings = home / "office.toml"
        settings.write_text(settings.read_text("utf-8").replace("evaluation = true", "evaluation = false"))

        ran = run("search", "new", "--photo", photo, "--reveal-for-evaluation", "--as", "ines", "--json")

        assert ran.code == 2
        assert "evaluation only" in ran.json["error"]["says"]


class TestWords:
    @pytest.mark.parametrize(
        "day", ["yesterday", "2026-02-30", "2026-11-20T15:00:00", "20.11.2026", "2026-13-01", ""]
    )
    def test_a_bad_date_says_the_form(self, run: Run, day: str) -> None:
        ran = run("case", "step", "2026-0001", "--kind", "x", "--result", "y", "--taken", day, "--json")

        assert ran.code == 2
        assert "2026-11-20T15:00:00Z" in ran.json["error"]["says"]

    def test_a_record_cannot_drive_the_terminal(self, run: Run) -> None:
        """What somebody typed as a name is shown without its control characters."""
        assert run("person", "admit", "Eve\x1b[2J\x07", "--unit", "Fraud").code == 0

        ran = run("person", "list")

        assert "Eve" in ran.out
        assert "\x1b" not in ran.out and "\x07" not in ran.out

    def test_no_colour_without_a_terminal(self, run: Run) -> None:
        assert "\x1b[" not in run("person", "list").out

    @pytest.mark.parametrize("no_color", ["", "1"])
    def test_a_terminal_gets_bars_and_colour_unless_told(self, home: Path, no_color: str) -> None:
        """NO_COLOR takes the colour away and leaves the bar; --json leaves neither."""
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COUNTERSEAL_HOME")}
        environment |= {"TERM": "xterm-256color", "COLUMNS": "100"} | (
            {"NO_COLOR": no_color} if no_color else {}
        )
        command = [sys.executable, "-m", "counterseal.cli.main", "fsck", "--home", str(home)]

        shown = _on_a_terminal(command, environment)
        silent = _on_a_terminal([*command, "--json"], environment)

        assert "checking" in shown and "Everything agrees." in shown
        assert ("\x1b[1;32m" in shown) is (not no_color)
        assert "checking" not in silent and "\x1b" not in silent

    def test_what_to_do_next_names_the_home_again(self, home: Path, run: Run) -> None:
        assert f"--home {home}" in run("person", "admit", "Zoe", "--unit", "Fraud").out
        beside = run_plain("person", "admit", "Zoe", "--unit", "Fraud", COUNTERSEAL_HOME=str(home))
        assert beside.code == 0
        assert "--home" not in beside.out

    def test_a_reader_who_goes_away_is_no_fault(self, home: Path) -> None:
        """`counterseal person list | head -1`"""
        ran = subprocess.run(
            [sys.executable, "-c", "import os,sys,subprocess as s; r,w=os.pipe(); os.close(r); "
             "sys.exit(s.run([sys.executable,'-m','counterseal.cli.main','person','list','--json','--home',sys.argv[1]],"
             "stdout=w).returncode)", str(home)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert ran.returncode == 4
        assert "Traceback" not in ran.stderr


def _on_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """What a command shows on a terminal of its own."""
    ours, theirs = pty.openpty()
    try:
        running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        assert running.wait(60) == 0, shown
    finally:
        os.close(ours)
    return shown.decode("utf-8", "replace")
