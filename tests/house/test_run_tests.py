"""The runner of the gates: one failure anywhere, and `make test` does not end well."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from subprocess import CompletedProcess
from types import ModuleType, SimpleNamespace

import pytest
from gates import ROOT

FINE = ("python", "-c", "print('fine')")
BROKEN = ("python", "-c", "print('planted fault'); raise SystemExit(3)")


def loaded(name: str) -> ModuleType:
    """A program of tools/ as a module, each time anew."""
    spec = spec_from_loader(name, SourceFileLoader(name, str(ROOT / "tools" / name)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/run_tests as a module, with short commands in place of the long ones."""
    module = loaded("run_tests")
    monkeypatch.setattr(module, "GATES", (("first", FINE), ("second", FINE)))
    monkeypatch.setattr(module, "WITHSTAND", FINE)
    monkeypatch.setattr(module, "POSTGRES", FINE)
    monkeypatch.setattr(module, "TESTS", FINE)
    monkeypatch.setattr(module, "SAY_SYSTEM", module.say_what_of_the_system_is_here, raising=False)
    monkeypatch.setattr(module, "say_what_of_the_system_is_here", lambda: None)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return module


class TestTheRunner:
    def test_ends_well_when_everything_does(
        self, runner: ModuleType, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert runner.main() == 0

        said = capfd.readouterr().out
        assert "first: ok, " in said
        assert "FAILED" not in said
        assert said.rstrip().endswith("fine"), "the tests' own closing lines are the last"

    @pytest.mark.parametrize("place", ["GATES", "WITHSTAND", "POSTGRES", "TESTS"])
    def test_does_not_end_well_when_one_thing_fails(
        self,
        runner: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        place: str,
    ) -> None:
        planted = (("first", FINE), ("planted gate", BROKEN)) if place == "GATES" else BROKEN
        monkeypatch.setattr(runner, place, planted)

        assert runner.main() == 1

        said = capfd.readouterr().out
        assert "planted fault" in said
        named = "planted gate" if place == "GATES" else place.lower()
        assert said.rstrip().endswith(f"FAILED: {named}")

    def test_no_server_is_no_failure_and_is_said(
        self, runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Told apart from a failure by its exit code."""
        monkeypatch.setattr(runner, "POSTGRES", ("python", "-c", "raise SystemExit(2)"))

        assert runner.main() == 0
        assert "postgres: NOT TESTED, no server could be had" in capfd.readouterr().out

    def test_says_what_is_missing_where_nothing_was_built(
        self, runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(runner, "GATES", (("first", ("no-such-program",)),))

        assert runner.main() == 2
        assert "no-such-program not found" in capfd.readouterr().err


class TestOnPostgresql:
    def test_without_a_server_it_ends_with_a_code_of_its_own(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """`make test` tells by it that nothing was tried from that something failed."""
        tool = loaded("test_postgres")
        monkeypatch.setattr(tool, "install", lambda packages: None)
        monkeypatch.setattr(tool, "programs", _none)
        monkeypatch.setattr(tool.signal, "signal", lambda *_: None)

        assert tool.main() == loaded("run_tests").NO_SERVER
        assert "PostgreSQL is not here: install it" in capsys.readouterr().err

    def test_a_test_that_fails_or_an_interrupt_is_not_taken_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """pytest itself ends with 2 where it is interrupted."""
        tool, cluster = loaded("test_postgres"), SimpleNamespace(connection="", version="a server")
        for code in (1, 2, 3, 4, 5):
            ended = CompletedProcess([], code)
            monkeypatch.setattr(tool.subprocess, "run", lambda *_, ended=ended, **__: ended)
            assert tool.run(cluster, []) == 1

    def test_every_file_of_the_part_is_there(self) -> None:
        """A file that moved would fail every run; a room that is left out would be asked for nothing."""
        tool = loaded("test_postgres")
        files = [word for word in tool.PART if word.startswith("tests/")]
        assert files
        assert all((ROOT / name).exists() for name in files)
        assert not [f for f in files for left in tool.LEFT_OUT if f.startswith(left)]
        assert all((ROOT / left).is_dir() for left in tool.LEFT_OUT)


def _none() -> None:
    from cluster import NoPostgresError

    raise NoPostgresError("install it")


class TestProgramsOfTheSystem:
    @pytest.fixture
    def planted(self, runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """One program is here, two are not; what is asked to be installed is listed, and comes or not."""
        asked: list[str] = []
        monkeypatch.setattr(runner, "install", asked.extend)
        monkeypatch.setattr(
            runner,
            "SYSTEM",
            (
                ("Here", lambda: True, ("here",), "never said"),
                ("Comes", lambda: "comes" in asked, ("comes",), "never said"),
                ("Stays away", lambda: False, ("away", "beside"), "its tests will FAIL"),
            ),
        )
        return asked

    def test_what_is_missing_is_asked_for_once_and_named_where_it_does_not_come(
        self, runner: ModuleType, planted: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        runner.SAY_SYSTEM()

        assert planted == ["comes", "away", "beside"]
        said = capsys.readouterr().out.splitlines()
        assert said == [
            "Here is here",
            "Comes is here",
            "Stays away is not here: its tests will FAIL; install away, beside",
        ]

    def test_every_program_that_tests_need_is_listed(self, runner: ModuleType) -> None:
        packages = {package for _, _, needed, _ in runner.SYSTEM for package in needed}

        assert {"chromium", "libpango-1.0-0", "golang-go"} <= packages

    @pytest.mark.parametrize(("uid", "apt"), [(1000, "/usr/bin/apt-get"), (0, None)])
    def test_nothing_is_installed_where_that_is_not_one_harmless_command(
        self, runner: ModuleType, monkeypatch: pytest.MonkeyPatch, uid: int, apt: str | None
    ) -> None:
        """Not without root, not without apt-get: no other program is called."""
        home = sys.modules[runner.install.__module__]
        monkeypatch.setattr(home.os, "geteuid", lambda: uid)
        monkeypatch.setattr(home.shutil, "which", lambda _: apt)
        monkeypatch.setattr(home.subprocess, "run", lambda *_, **__: pytest.fail("something was run"))

        runner.install(["chromium"])
