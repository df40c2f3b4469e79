"""The runner of the gates: one failure anywhere, and `make test` does not end well."""

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
