"""Checks of one row: each contradiction is found, and its near neighbour is spared."""

import pytest
from made_inventory import SOUND, SOUND_2024, row_2024, row_2025

from counterseal.oversight.inventory import checks_of_a_row as checks
from counterseal.oversight.inventory.findings import Seen


def only(found: object) -> Seen:
    """The one finding."""
    (seen,) = found  # type: ignore[misc]
    assert isinstance(seen, Seen)
    return seen


class TestPractices:
    def test_in_progress_on_a_deployed_high_impact_use(self) -> None:
        seen = only(
            checks.practice_unfinished(
                row_2025(
                    hi_testing_conducted="In-progress",
                    hi_appeal_process="Appeal Process In-progress",
                    hi_assessment_completed="No",
                )
            )
        )

        assert seen.columns == (
            "development_stage",
            "is_high_impact",
            "hi_testing_conducted",
            "hi_assessment_completed",
            "hi_appeal_process",
        )
        assert "3 practices of 8 not finished" in seen.why
        assert "testing before deployment “In-progress”" in seen.why

    def test_one_of_several_answers_in_progress(self) -> None:
        row = row_2025(hi_public_consultation="['Usability Testing', 'In-progress']")

        assert only(checks.practice_unfinished(row)).columns[-1] == "hi_public_consultation"

    @pytest.mark.parametrize(
        "answers",
        [
            {},
            {"hi_testing_conducted": "In-progress", "development_stage": "Pilot"},
            {"hi_testing_conducted": "In-progress", "is_high_impact": "Not High-impact"},
            {"hi_testing_conducted": "CAIO Waived"},
            {"hi_appeal_process": "Appeal Precluded by Law"},
        ],
    )
    def test_spared(self, answers: dict[str, str]) -> None:
        assert list(checks.practice_unfinished(row_2025(**answers))) == []

    def test_left_empty(self) -> None:
        seen = only(checks.practice_unanswered(row_2025(hi_testing_conducted="", hi_failsafe_presence="")))

        assert seen.why.endswith(
            "2 questions on safeguards without an answer: testing before deployment, fail-safe"
        )
        assert seen.columns == (
            "development_stage",
            "is_high_impact",
            "hi_testing_conducted",
            "hi_failsafe_presence",
        )

    def test_answered_or_not_asked(self) -> None:
        assert list(checks.practice_unanswered(row_2025())) == []
        assert (
            list(checks.practice_unanswered(row_2025(development_stage="Pilot", hi_testing_conducted="")))
            == []
        )

    def test_2024_without_an_extension(self) -> None:
        row = row_2024(
            impact_assessment="Planned or in-progress.", real_world_testing="No testing: none yet."
        )
        seen = only(checks.practice_unfinished(row))

        assert seen.columns[-2:] == ("impact_assessment", "real_world_testing")
        assert "no extension was asked for" in seen.why

    def test_2024_with_an_extension(self) -> None:
        asked = "Yes – Agency requested an extension for this use case."

        assert list(checks.practice_unfinished(row_2024(impact_assessment="No", extension=asked))) == []
        assert list(checks.practice_unanswered(row_2024(impact_assessment="", extension=asked))) == []

    def test_2024_left_empty(self) -> None:
        seen = only(checks.practice_unanswered(row_2024(appeal_process="")))

        assert seen.columns == ("development_stage", "impact", "appeal_process")
        assert "1 question on" in seen.why
        assert list(checks.practice_unanswered(row_2024())) == []


class TestSearchesOfPeople:
    def test_a_fail_safe_not_applicable_on_faces(self) -> None:
        seen = only(checks.fail_safe_not_applicable(row_2025(hi_failsafe_presence="Not Applicable")))

        assert "searches people (faces)" in seen.why
        assert seen.columns == ("hi_failsafe_presence", "is_high_impact")

    @pytest.mark.parametrize(
        "text",
        [
            "Finds persons of interest in records.",
            "License plate readers on the access road.",
            "Fingerprint comparison of applicants.",
            "Locating missing persons.",
            "Screening of passengers.",
        ],
    )
    def test_an_appeal_not_applicable_on_other_searches(self, text: str) -> None:
        row = row_2025(system_outputs=text, hi_appeal_process="b) Not applicable")

        assert "hi_appeal_process" in only(checks.appeal_not_applicable(row)).columns

    def test_2024(self) -> None:
        assert only(checks.appeal_not_applicable(row_2024(appeal_process="N/A"))).columns == (
            "appeal_process",
            "impact",
        )

    @pytest.mark.parametrize(
        "answers",
        [
            {},
            {"hi_failsafe_presence": "Not Applicable", "system_outputs": "A forecast of the water level."},
            {"hi_failsafe_presence": "Not Applicable", "is_high_impact": "Not High-impact"},
            {"hi_failsafe_presence": "In-progress"},
        ],
    )
    def test_spared(self, answers: dict[str, str]) -> None:
        row = row_2025(**{**answers, "hi_appeal_process": answers.get("hi_failsafe_presence", "Yes")})

        assert list(checks.fail_safe_not_applicable(row)) == []
        assert list(checks.appeal_not_applicable(row)) == []


class TestPersonalData:
    @pytest.mark.parametrize(
        ("address", "why"),
        [
            ("", "no address"),
            (
                "Not publicly available",
                "in place of the assessment's address stands “Not publicly available”",
            ),
            ("https://dem.example/collections/privacy-impact-assessments-pia", "a general page"),
            ("https://dem.example/privacy", "a general page"),
        ],
    )
    def test_without_an_assessment(self, address: str, why: str) -> None:
        seen = only(checks.personal_data_without_assessment(row_2025(pia_url=address)))

        assert why in seen.why
        assert seen.columns == ("has_pii", "pia_url")

    @pytest.mark.parametrize(
        "answers",
        [
            {},
            {"pia_url": "see https://dem.example/pia/a.pdf; and another"},
            {"pia_url": "", "has_pii": "No"},
            {"pia_url": "", "development_stage": "Retired"},
        ],
    )
    def test_spared(self, answers: dict[str, str]) -> None:
        assert list(checks.personal_data_without_assessment(row_2025(**answers))) == []

    def test_2024_asks_whether_an_official_assessed(self) -> None:
        assert list(checks.personal_data_without_assessment(row_2024())) == []
        assert (
            "answered “No”"
            in only(checks.personal_data_without_assessment(row_2024(privacy_assessed="NO"))).why
        )
        assert (
            "not answered" in only(checks.personal_data_without_assessment(row_2024(privacy_assessed=""))).why
        )


class TestWrongColumn:
    @pytest.mark.parametrize(
        ("column", "answer", "why"),
        [
            (
                "hi_training_established",
                "b) Development of monitoring protocols is in-progess",
                "another question: monitoring",
            ),
            ("hi_ongoing_monitoring", "c) Yes – by the CAIO", "another question: independent review"),
            (
                "hi_public_consultation",
                "['Establishment of an appropriate appeal process is in-progress']",
                "another question: appeal",
            ),
            ("vendor_name", "b) Developed in-house", "another question: who developed it"),
            ("link_to_data", "Documentation is complete: made-up words", "the inventory of 2024"),
            ("have_ato", "https://dem.example/ato", "an address stands where a selection"),
            ("have_ato", "2024-05-06", "a date stands where a selection"),
            ("operational_date", "GATEKEEPER", "stands where a date belongs"),
            ("data_description", "5/6/2024", "a date stands where words"),
            ("data_description", "ai@dem.example", "a mail address stands where words"),
            ("data_description", "No", "a bare “No” stands where words"),
            ("pia_url", "Yes", "a bare “Yes” stands where an address"),
        ],
    )
    def test_is_seen(self, column: str, answer: str, why: str) -> None:
        seen = only(checks.answer_of_another_column(row_2025(**{column: answer})))

        assert why in seen.why
        assert seen.columns == (column,)

    @pytest.mark.parametrize(
        ("column", "answer"),
        [
            ("system_name_ato", "2024"),
            ("data_description", "2024"),
            ("topic_area", "Other – Gardening"),
            ("classification", "Other"),
            ("demographic_features", "Class of worker"),
            ("benefits", "Science"),
            ("benefits", "Transportation"),
            ("has_pii", "Science"),
            ("pia_url", "No"),
            ("hi_testing_conducted", "No"),
            ("use_case_name", "Computer Vision"),
            ("contact_email", "the front desk"),
        ],
    )
    def test_is_spared(self, column: str, answer: str) -> None:
        assert list(checks.answer_of_another_column(row_2025(**{column: answer}))) == []

    def test_2024_has_other_selections(self) -> None:
        assert list(checks.answer_of_another_column(row_2024(topic_area="Yes"))) == []
        assert (
            "an address" in only(checks.answer_of_another_column(row_2024(has_pii="https://dem.example"))).why
        )


JUSTIFIED = (
    "The score only opens the shorter of two queues. Nobody is turned away on it, and it is not a principal basis "
    "for any decision on a person: an officer at the counter checks the badge in every case."
)


class TestJustification:
    @staticmethod
    def why(text: str) -> str:
        row = row_2025(
            is_high_impact="Presumed high-impact, but determined not high impact", HI_justification=text
        )
        found = list(checks.presumed_without_justification(row))
        return found[0].why if found else ""

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "no justification is given"),
            ("N/A", "no justification is given: “N/A”"),
            ("It is about gardens.", "4 words long"),
            ("In development stage and impact has not been determined", "not determined yet"),
            ("The tool is part of the office suite and everybody has it on the desk.", "describes the use"),
            (
                "Does not produce an output that serves as a principal basis for decisions or actions with legal, "
                "material, binding, or significant effect on any individual.",
                "repeats the definition",
            ),
            (
                "The tool suggests which recordings to look at first; officers watch each recording and decide on "
                "what follows; no decisions are automated by the suggestions.",
                "the only argument is that people look",
            ),
        ],
    )
    def test_unsound(self, text: str, why: str) -> None:
        assert why in self.why(text)
        assert self.why(text).startswith("presumed high-impact, but determined not to be: ")

    def test_sound(self) -> None:
        assert self.why(JUSTIFIED) == ""

    def test_not_asked(self) -> None:
        assert list(checks.presumed_without_justification(row_2025(HI_justification=""))) == []


class TestPresumption:
    @pytest.mark.parametrize(
        ("said", "why"), [("Not High-impact", "classed “Not High-impact”"), ("", "not classed")]
    )
    def test_faces_without_the_presumption(self, said: str, why: str) -> None:
        assert why in only(checks.faces_not_presumed(row_2025(is_high_impact=said))).why

    @pytest.mark.parametrize(
        "answers",
        [
            {},
            {"is_high_impact": "Not High-impact", "system_outputs": "A forecast of the water level."},
            {"is_high_impact": "Not High-impact", "development_stage": "Retired"},
        ],
    )
    def test_spared(self, answers: dict[str, str]) -> None:
        assert list(checks.faces_not_presumed(row_2025(**answers))) == []
        assert list(checks.faces_not_presumed(row_2024())) == []


def test_the_sound_rows_have_no_findings() -> None:
    """Or the tests above would see what they did not cause."""
    for function in (
        checks.practice_unfinished,
        checks.practice_unanswered,
        checks.fail_safe_not_applicable,
        checks.appeal_not_applicable,
        checks.personal_data_without_assessment,
        checks.answer_of_another_column,
        checks.presumed_without_justification,
        checks.faces_not_presumed,
    ):
        assert list(function(row_2025(**SOUND))) == []
        assert list(function(row_2024(**SOUND_2024))) == []
