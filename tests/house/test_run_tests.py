"""The runner of the gates: one failure anywhere, and `make test` does not end well."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest
from gates import ROOT

FINE = ("python", "-c", "print('fine')")
BROKEN = ("python", "-c", "print('planted fault'); raise SystemExit(3)")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/run_tests as a module, with short commands in place of the long ones."""
    path = str(ROOT / "tools/run_tests")
    spec = spec_from_loader("run_tests", SourceFileLoader("run_tests", path))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "GATES", (("first", FINE), ("second", FINE)))
    monkeypatch.setattr(module, "WITHSTAND", FINE)
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

    @pytest.mark.parametrize("place", ["GATES", "WITHSTAND", "TESTS"])
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
        named = {"GATES": "planted gate", "WITHSTAND": "withstand", "TESTS": "tests"}[place]
        assert said.rstrip().endswith(f"FAILED: {named}")

    def test_says_what_is_missing_where_nothing_was_built(
        self, runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(runner, "GATES", (("first", ("no-such-program",)),))

        assert runner.main() == 2
        assert "no-such-program not found" in capfd.readouterr().err
