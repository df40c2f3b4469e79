"""What is missing, broken or does not belong together is said, in the report or as an error that names the place."""

import copy
import json
from pathlib import Path

import pytest
from pages import parsed
from simulated import Json, Made

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.report import build_report, documents, public_page, read_documents, report_page

LETTERS = tuple("ABCDEFGHIJKLM")
BARE: Json = {
    "schema": "counterseal-evaluation-1", "n_mated": 0, "n_non_mated": 0, "settings": {}, "thresholds": [], "det": [],
    "groups": [], "matrices": [], "differentials": [], "warnings": [],
}  # fmt: skip


class TestNothingVanishes:
    def test_every_section_is_there_though_nothing_was_told(self) -> None:
        page = parsed(report_page(documents(BARE)))
        letters = [text[0] for tag, text in page.headings if tag == "h2"]
        sections = "".join(page.text).split("What was tested")[-1]

        assert tuple(letters) == LETTERS
        assert sections.count("Not tested") + sections.count("Not told") > 12
        assert "Attention. No plan lies in this folder" in " ".join("".join(page.text).split())

    def test_every_section_is_there_with_everything_told(self, documents: Made) -> None:
        found = build_report(_of(documents), pdf=False).files["report.html"]

        assert tuple(t[0] for tag, t in parsed(found).headings if tag == "h2") == LETTERS

    def test_the_public_page_says_that_nothing_was_shown(self) -> None:
        text = " ".join("".join(parsed(public_page(documents(BARE))).text).split())

        assert "Not shown: nobody gave a verdict on this test." in text
        assert "No threshold was tested" in text
        assert "Searches among many people were not tested." in text
        assert "Not tested: whether it errs more often on some groups" in text

    @pytest.mark.parametrize("part", ["identification", "quality", "attack_detection", "calibration", "eer"])
    def test_each_part_may_be_missing(self, documents: Made, part: str) -> None:
        made = copy.deepcopy(documents)
        made.result[part] = None

        text = "".join(parsed(report_page(_of(made))).text)
        assert "Not tested" in text

    def test_a_group_that_was_not_evaluated_is_named_wherever_groups_are(self, documents: Made) -> None:
        found = _of(documents)

        for page in (report_page(found), public_page(found)):
            assert "too few people" in page
        assert report_page(found).count("not evaluated") >= 3  # the table and both drawings


class TestCountsBeforeIndices:
    def test_rates_stand_before_every_index_and_nothing_is_ranked(self, documents: Made) -> None:
        """An index alone can be best where everybody is failed alike."""
        captions = parsed(report_page(_of(documents))).captions
        first_rate = next(i for i, c in enumerate(captions) if c.startswith("False match rate (FMR) by"))
        first_index = next(i for i, c in enumerate(captions) if c.startswith("Indices"))

        assert first_rate < first_index
        assert all(
            "under the rates" in c or "over both rates" in c for c in captions if c.startswith("Indices")
        )

    def test_counts_stand_before_curves(self, documents: Made) -> None:
        page = report_page(_of(documents))

        assert page.index("everybody</span>") < page.index("<svg")


def _of(made: Made) -> "object":
    return documents(made.result, plan=made.plan, corpus=made.corpus, verdict=made.verdict)


class TestWhatDoesNotBelongTogether:
    @pytest.mark.parametrize(
        ("name", "key", "value", "says"),
        [
            (
                "plan",
                "title",
                "another",
                "The plan in this folder is not the plan that the verdict was given on.",
            ),
            (
                "result",
                "n_subjects",
                1,
                "The result in this folder is not the result that the verdict was given on.",
            ),
            ("corpus", "people", 1, "The corpus card in this folder is not the one that the plan names."),
        ],
    )
    def test_a_document_that_was_changed_is_told_on_both_pages(
        self, documents: Made, tmp_path: Path, name: str, key: str, value: object, says: str
    ) -> None:
        made = copy.deepcopy(documents)
        getattr(made, name)[key] = value

        files = build_report(read_documents(made.write(tmp_path / "test")), pdf=False).files

        assert says in files["report.html"].decode()
        assert says in files["public.html"].decode()

    def test_scores_that_were_not_measured_are_told(self, documents: Made, tmp_path: Path) -> None:
        folder = documents.write(tmp_path / "test")
        (folder / "scores.parquet").write_bytes(b"other scores")

        assert read_documents(folder).faults == (
            "The file scores.parquet in this folder is not the file that was measured.",
        )

    def test_what_belongs_together_is_not_told(self, documents: Made, tmp_path: Path) -> None:
        folder = documents.write(tmp_path / "test")
        (folder / "scores.parquet").write_bytes(b"scores")

        assert read_documents(folder).faults == ()


class TestWhenThePlanWasMade:
    def test_a_plan_without_a_receipt_is_told_to_be_one(self, documents: Made, tmp_path: Path) -> None:
        """A digest proves what was planned, not when."""
        folder = documents.write(tmp_path / "test")
        assert "nothing here shows that the plan is older than the scores" in report_page(
            read_documents(folder)
        )

        (folder / "plan-receipt.txt").write_text("a receipt")
        page = report_page(read_documents(folder))
        assert "older than the scores" not in page
        assert "plan-receipt.txt beside this report" in page


class TestWhatCannotBeRead:
    def test_no_folder_and_no_result(self, tmp_path: Path) -> None:
        with pytest.raises(EvaluationInputError, match="no folder"):
            read_documents(tmp_path / "nowhere")
        with pytest.raises(EvaluationInputError, match=r"holds no result\.json"):
            read_documents(tmp_path)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("{", "is not JSON"),
            ("[]", "is not a JSON object"),
            ('{"schema": "other"}', "`schema` is not"),
            ('{"n_mated": NaN}', "`NaN` is no number"),
            ('{"n_mated": 1e999}', "too large"),
            ('{"a": 1, "a": 2}', "`a` stands there twice"),
            ("[" * 100_000, "is not JSON"),
        ],
    )
    def test_a_result_that_is_none(self, tmp_path: Path, text: str, says: str) -> None:
        (tmp_path / "result.json").write_text(text)

        with pytest.raises(EvaluationInputError, match=says):
            read_documents(tmp_path)

    def test_a_key_that_is_missing_or_wrong_is_named_with_its_place(self, documents: Made) -> None:
        result = copy.deepcopy(documents.result)
        del result["thresholds"][1]["fmr_count"]
        with pytest.raises(EvaluationInputError, match=r"thresholds`\[1\]\.?.*`fmr_count` is missing"):
            _read(result)

        result = copy.deepcopy(documents.result)
        result["groups"][0]["evaluated"] = "yes"
        with pytest.raises(EvaluationInputError, match=r"groups`\[0\]\.evaluated is 'yes'"):
            _read(result)

    @pytest.mark.parametrize("key", sorted(BARE))
    def test_each_key_that_is_needed_is_asked_for(self, key: str) -> None:
        result = {k: v for k, v in BARE.items() if k != key}

        with pytest.raises(EvaluationInputError, match=key):
            _read(result)


def _read(result: Json) -> None:
    documents(json.loads(json.dumps(result)))
