"""Every clause of the source documents is there, says what holds it, and each holder shows itself."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.policy import Holder, PackError
from counterseal.policy.cases import load_cases
from counterseal.policy.coverage import coverage, coverage_html, coverage_markdown, floor_in_words

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
CLAUSES = {
    "PS-139-06": """
        lawful eo-13960 no-protected-basis acquisition
    """,
    "D-026-11": """
        def-fr def-verification def-identification def-face-capture def-face-analysis testing
        existing-uses no-profiling no-mass-surveillance opt-out not-sole-basis limited-sharing security
        no-face-analysis oversight risk-assessment rights-safe-bias
    """,
    "HSI-M": """
        2-modes 2-service 2-probe 2-candidate-list 2-exigent 3-own-investigation 3-sharing 4A1-purpose
        4A2-traditional-means 4A3-training 4A3-best-practice 4A3-safeguards 4B1-subjects 4B2-witnesses
        4B3-protected-basis 4B4-no-public-surveillance 4B4-no-live 4B4-future 4C1-approved 4C2-list
        4C3-exigent-approval 4C3-after-review 4C3-disapproved 4C4-terms 4D1-examiners 4D2-compare
        4D3-leads-only 4E1-log 4E1-format 4E2-results 4E3-program-code 4E4-supervisor-review 4E5-audits
    """,
    "HSI-B": """
        parameters compare
    """,
    "JFL": """
        opt-out-for-all clear-process contracts training transparency
    """,
}
IDS = {f"{source}/{clause}" for source, clauses in CLAUSES.items() for clause in clauses.split()}


@pytest.fixture(scope="module")
def rows(library, root: Path):
    return coverage(library, load_cases(root / "policies", root / "examples"), at=AT)


class TestDoneWhen1:
    def test_all_61_clauses_are_there_and_none_is_without_a_holder(self, rows) -> None:
        found = {row.clause.id for row in rows}

        assert len(IDS) == 61
        assert found >= IDS
        assert all(row.clause.held_by for row in rows)

    def test_those_of_the_documents_are_in_force(self, rows) -> None:
        assert all(row.in_force for row in rows if row.clause.id in IDS)

    def test_every_holder_shows_itself(self, rows) -> None:
        assert [fault for row in rows for fault in row.faults] == []

    def test_every_named_test_is_there(self, rows, root: Path) -> None:
        named = {test for row in rows for test in row.clause.tests}
        defined = {
            f"{file}::{node.name}"
            for file in {test.split("::")[0] for test in named}
            for node in ast.walk(ast.parse((root / file).read_text("utf-8")))
            if isinstance(node, ast.FunctionDef)
        }

        assert len(named) > 30
        assert named <= defined

    def test_what_is_not_covered_says_why(self, rows) -> None:
        bare = [row for row in rows if Holder.NOT_COVERED in row.clause.held_by]

        assert all(row.clause.reason for row in bare)


class TestThePage:
    def test_names_every_clause_and_what_is_not_covered(self, rows, library) -> None:
        for page in (coverage_markdown(rows, floor_in_words(library, AT)), coverage_html(rows, "floor")):
            assert all(row.clause.id in page for row in rows)
            assert page.count("NOT COVERED: ") == sum(bool(row.clause.reason) for row in rows)
            assert page.count("UNVERIFIED: ") == sum(not row.clause.verified for row in rows)

    def test_is_the_one_that_is_written(self, rows, library, root: Path) -> None:
        """Else: `counterseal policy coverage --markdown docs/reference/coverage.md`."""
        page = (root / "docs/reference/coverage.md").read_text("utf-8")

        assert page == coverage_markdown(rows, floor_in_words(library, AT))

    def test_escapes_and_closes_what_it_opens(self, rows) -> None:
        page = coverage_html(rows, "<b>")

        assert "<b>" not in page and "<script" not in page
        for tag in ("table", "tbody", "tr", "td", "ul", "main", "body", "html", "div"):
            assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>")


class TestTheFloor:
    def test_is_one_setting_away_and_said(self, packs) -> None:
        shipped = packs.load()
        packs.edit("composition.toml", '"beyond-the-text"', "")
        floor = packs.load()

        assert "what critics ask for" in floor_in_words(shipped, AT)
        assert "literal floor of the texts; `beyond-the-text` is off" in floor_in_words(floor, AT)
        assert shipped.opt_out(AT).who_may == "everyone"
        assert floor.opt_out(AT).who_may == "us-citizens"
        assert shipped.in_force(AT).digest != floor.in_force(AT).digest

    def test_other_overlays_are_named(self, library) -> None:
        composed = library.composed(library.founding.over(["beyond-the-text", "us-md-2024"]))

        assert floor_in_words(composed, AT).endswith("Overlays: `us-md-2024`.")


def test_a_clause_that_nobody_holds_is_refused(packs) -> None:
    packs.edit("dhs-139-06/clauses.toml", 'held_by = ["transition", "register"]', "held_by = []")

    with pytest.raises(PackError, match="nobody holds clause `PS-139-06/eo-13960`"):
        packs.load()
