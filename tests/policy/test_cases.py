"""Every case comes out as it says, every policy is needed, and the gate that says so can fail."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from counterseal.policy import CaseFileError, PolicyLibrary, load_policies
from counterseal.policy.cases import Case, load_cases, run
from counterseal.policy.gate import check

ROOT = Path(__file__).resolve().parents[2]
CASES = load_cases(ROOT / "policies", ROOT / "examples")


def test_the_sweep_saw_the_cases() -> None:
    """An empty sweep must fail."""
    assert len(CASES) >= 200
    assert len([case for case in CASES if case.permitted]) >= 30


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, library: PolicyLibrary) -> None:
    outcome = run(case, library)

    assert outcome.permitted is case.permitted
    assert outcome.clauses == case.clauses
    if case.obligations is not None:
        assert outcome.obligations == case.obligations


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("clause_gate", ROOT / "tools" / "clause_gate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestGate:
    """Done when 6: green, and seen to fail on a planted fault."""

    def test_every_policy_of_the_shipped_packs_is_needed(
        self, tool: ModuleType, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert tool.main([]) == 0
        out = capsys.readouterr().out
        assert "NOTHING" not in out
        assert re.search(r"^\d{2,} left out in turn: \d{2,} flip a decision", out, re.M)

    def test_a_policy_that_nothing_needs_is_found(self, packs, small_cases) -> None:
        packs.append(
            "dhs-026-11/rules.cedar",
            '@id("idle")\n@clause("D-026-11/testing")\n@missing("m")\n@remedy("r")\n'
            'forbid (principal, action == Action::"analysis", resource)\n'
            'when { context.analysis.operation == "something-that-no-case-asks" };\n',
        )

        report = check(packs.load(), small_cases("permitted-analysis"))

        assert "nothing notices that `idle` is gone" in report.faults

    def test_a_condition_that_nothing_needs_is_found(self, packs, small_cases) -> None:
        packs.edit("hsi-frs-2021/rules.cedar", '@conditions("discloser,', '@conditions("discloser, idle,')
        packs.edit(
            "hsi-frs-2021/rules.cedar",
            "// disclosure-logged\n",
            "when { principal.active }\n// disclosure-logged\n",
        )
        packs.append(
            "hsi-frs-2021/conditions.toml", '[idle]\nclauses = ["road/role"]\nmissing = "m"\nremedy = "r"\n'
        )

        report = check(packs.load(), small_cases("permitted-disclosure"))

        assert "nothing notices that `hsi-disclosure/idle` is gone" in report.faults

    def test_a_case_that_comes_out_otherwise_is_found(self, packs, small_cases) -> None:
        packs.edit(
            "dhs-026-11/rules.cedar",
            'disclosure.recipient == ""',
            'disclosure.recipient == "x"',
        )

        report = check(packs.load(), small_cases("permitted-disclosure"))

        assert "case fails: a disclosure to nobody in particular is refused" in report.faults

    def test_a_clause_that_no_case_shows_is_found(self, library: PolicyLibrary, small_cases) -> None:
        cases = [
            case
            for case in small_cases("permitted-disclosure")
            if "D-026-11/limited-sharing" not in case.clauses
        ]

        report = check(library, cases)

        assert (
            "clause `D-026-11/limited-sharing` decides no case with a permitted near neighbour"
            in report.faults
        )
        assert (
            "clause `HSI-M/4C3-after-review` decides no case with a permitted near neighbour" in report.faults
        )

    def test_a_fact_that_nothing_reads_is_found(self, packs, small_cases) -> None:
        packs.edit(
            "schema.cedarschema", "type Analysis = {", 'type Analysis = {\n  @doc("nothing")\n  idle: Bool,'
        )

        report = check(packs.load(), [])

        assert "no policy reads the fact `analysis.idle` of analysis" in report.faults

    def test_the_tool_lists_faults_and_exits_1(
        self, tool: ModuleType, packs, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for path in packs.folder.glob("*/cases/*.toml"):
            path.unlink()

        assert tool.main(["--policies", str(packs.folder)]) == 1
        assert "fault: nothing notices that `hsi-live-feed` is gone" in capsys.readouterr().err

    def test_the_tool_exits_2_where_packs_do_not_load(
        self, tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert tool.main(["--policies", str(tmp_path)]) == 2
        assert "the schema cannot be read" in capsys.readouterr().err


@pytest.fixture
def small_cases():
    """The cases that build on one example: a gate over all of them takes many seconds."""
    return lambda base: [case for case in CASES if case.base == base]


class TestCaseFiles:
    """A case that says nothing, or too much, must not pass for one."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[[case]", "is not valid TOML"),
            ('[[case]]\nname = "n"\nbase = "permitted-search"\n', "a case has name, base, decision"),
            ('[[case]]\nname = "n"\nbase = "b"\ndecision = "permit"\nextra = 1\n', "a case has name"),
            ('[[case]]\nname = "n"\nbase = "b"\ndecision = "permit"\n', "there is no example `b`"),
            ('[[case]]\nname = "n"\nbase = "permitted-search"\ndecision = "refusal"\n', "with the clauses"),
            ('[[case]]\nname = "n"\nbase = "permitted-search"\ndecision = "maybe"\n', "decision is `permit`"),
            (
                '[[case]]\nname = "n"\nbase = "permitted-search"\ndecision = "permit"\nset = { "a.b" = 1 }\n',
                "no group for `a.b`",
            ),
            ('[[case]]\nname = "n"\nbase = "permitted-search"\ndecision = "permit"\n' * 2, "stands twice"),
        ],
    )
    def test_is_refused(self, packs, text: str, words: str) -> None:
        packs.append("dhs-026-11/cases/more.toml", text)

        with pytest.raises(CaseFileError, match=words):
            load_cases(packs.folder, ROOT / "examples")

    def test_an_example_that_is_no_json_is_named(self, packs, tmp_path: Path) -> None:
        (tmp_path / "permitted-x.json").write_text("{")

        with pytest.raises(CaseFileError, match=r"permitted-x\.json` is not valid JSON"):
            load_cases(packs.folder, tmp_path)

    def test_a_removed_fact_is_out_of_the_request(self, packs) -> None:
        packs.append(
            "dhs-026-11/cases/more.toml",
            '[[case]]\nname = "n"\nbase = "permitted-search"\ndecision = "refusal"\n'
            'clauses = ["HSI-M/4E3-program-code"]\nremove = ["case.program_code"]\n',
        )

        case = next(case for case in load_cases(packs.folder, ROOT / "examples") if case.name == "n")

        assert "program_code" not in case.request["case"]  # type: ignore[operator]
        assert run(case, load_policies(packs.folder)).agrees_with(case)
