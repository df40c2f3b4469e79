"""Checks across rows and across years, the pairing, and the table of checks."""

from collections import Counter
from collections.abc import Iterator

import pytest
from made_inventory import NAMES, SOUND, SOUND_2024, file_2025, of_2024, of_2025

from counterseal.oversight.inventory import CHECKS, Finding, check, read_inventory
from counterseal.oversight.inventory import checks_across as across
from counterseal.oversight.inventory.pairing import likeness, pair, significant

LONG = "Words that fill the answer beyond the length at which two texts can agree by accident, and then some more."
OTHER = {
    **SOUND,
    "id": "DEM-2",
    "use_case_name": "River forecast",
    "vendor_name": "Meadow Oak",
    "system_name_ato": "RIVERBED",
    "problem_solved": "Floods came without warning.",
    "benefits": "Towns are warned a day ahead.",
    "system_outputs": "A water level for each of seven days.",
    "hi_potential_impacts": "A false alarm may empty a town for nothing.",
}


def named(found: tuple[Finding, ...], name: str) -> list[Finding]:
    """The findings of one check."""
    return [finding for finding in found if finding.finding == name]


class TestIdentifierTwice:
    def test_is_seen_on_both_rows(self) -> None:
        found = list(
            across.identifier_twice(of_2025(SOUND, {**OTHER, "id": "DEM-1"}, {**OTHER, "id": "DEM-3"}))
        )

        assert [seen.row.number for seen in found] == [2, 3]
        assert "row 3 “River forecast”" in found[0].why

    def test_another_agency_or_none_at_all_is_spared(self) -> None:
        other = {**OTHER, "id": "DEM-1", "agency": "XMP"}
        none = {**OTHER, "id": ""}

        assert list(across.identifier_twice(of_2025(SOUND, other, none, none))) == []


class TestTextOfAnotherUse:
    def test_word_for_word_at_another_system(self) -> None:
        rows = {**SOUND, "benefits": LONG}, {**OTHER, "benefits": LONG.upper()}
        found = list(across.text_of_another_use(of_2025(*rows)))

        assert [(seen.row.number, seen.columns) for seen in found] == [(2, ("benefits",)), (3, ("benefits",))]
        assert "DEM-2 (row 3) “River forecast”" in found[0].why

    def test_nearly_so_on_impacts_falls_on_the_later_row(self) -> None:
        rows = (
            {**SOUND, "hi_potential_impacts": LONG + " GATEKEEPER wears out."},
            {**OTHER, "hi_potential_impacts": LONG + " RIVERBED wears out."},
        )
        found = list(across.text_of_another_use(of_2025(*rows)))

        assert [(seen.row.number, seen.columns) for seen in found] == [(3, ("hi_potential_impacts",))]

    def test_of_several(self) -> None:
        rows = [
            {
                **OTHER,
                "id": f"DEM-{n}",
                "use_case_name": name,
                "vendor_name": name,
                "system_name_ato": "",
                "benefits": LONG,
            }
            for n, name in enumerate(("Alder", "Birch", "Cedarwood"))
        ]
        found = list(across.text_of_another_use(of_2025(*rows)))

        assert "and 1 more of other systems" in found[0].why

    @pytest.mark.parametrize(
        "answers",
        [
            {"system_name_ato": "GATEKEEPER"},
            {"use_case_name": "Gate check at night"},
            {"system_name_ato": "", "vendor_name": "Lantern Works Inc."},
            {"system_name_ato": "Redacted", "vendor_name": ""},
            {"system_name_ato": "", "vendor_name": "", "benefits": LONG[:40]},
        ],
    )
    def test_the_same_system_is_spared(self, answers: dict[str, str]) -> None:
        rows = {**SOUND, "benefits": LONG}, {**OTHER, "benefits": LONG, **answers}

        assert list(across.text_of_another_use(of_2025(*rows))) == []

    def test_outputs_need_no_vendor_to_differ(self) -> None:
        bare = {"vendor_name": "", "system_name_ato": "", "system_outputs": LONG}
        rows = {**SOUND, **bare, "use_case_name": "Osprey"}, {**OTHER, **bare, "use_case_name": "Heron"}

        assert len(list(across.text_of_another_use(of_2025(*rows)))) == 2
        generic = {**rows[1], "use_case_name": "Chat bot"}
        assert list(across.text_of_another_use(of_2025(rows[0], generic))) == []

    def test_standing_wording_is_another_check(self) -> None:
        rows = [
            {
                **OTHER,
                "id": f"DEM-{n}",
                "use_case_name": f"u{n}",
                "system_name_ato": f"s{n}",
                "hi_potential_impacts": LONG,
            }
            for n in range(across.STANDING + 1)
        ]
        read = of_2025(*rows)

        assert list(across.text_of_another_use(read)) == []
        found = list(across.impacts_not_of_this_use(read))
        assert len(found) == across.STANDING + 1
        assert f"{across.STANDING} other systems" in found[0].why
        assert list(across.impacts_not_of_this_use(of_2025(*rows[:-1]))) == []


class TestOneToolTwoAnswers:
    def test_one_name_at_two_components(self) -> None:
        other = {**SOUND, "id": "DEM-2", "agency_bureau": "Office of Yards", "has_pii": "No"}
        found = list(across.one_tool_two_answers(of_2025(SOUND, other)))

        assert [(seen.row.number, seen.columns) for seen in found] == [(2, ("has_pii",)), (3, ("has_pii",))]
        assert found[0].why.endswith("has_pii is “Yes” here and “No” in DEM-2 (row 3) of Office of Yards")

    def test_one_component_that_contradicts_itself(self) -> None:
        found = list(across.one_tool_two_answers(of_2025(SOUND, {**SOUND, "id": "DEM-2", "has_pii": "No"})))

        assert found[0].why.endswith("in DEM-2 (row 3)")

    @pytest.mark.parametrize(
        "answers",
        [
            {"use_case_name": "Chatbot"},
            {"vendor_name": "Meadow Oak"},
            {"development_stage": "Retired"},
            {"agency": "XMP"},
            {"has_pii": ""},
        ],
    )
    def test_spared(self, answers: dict[str, str]) -> None:
        one = {**SOUND, "use_case_name": answers.get("use_case_name", "Gate check")}
        other = {**SOUND, "id": "DEM-2", "has_pii": "No", **answers}

        assert list(across.one_tool_two_answers(of_2025(one, other))) == []

    def test_a_named_product_at_two_agencies(self) -> None:
        one = {**SOUND, "vendor_name": "Clearview AI", "use_case_name": "Search one"}
        other = {
            **one,
            "agency": "XMP",
            "is_high_impact": "Not High-impact",
            "has_pii": "No",
            "use_case_name": "Search two",
        }
        found = list(across.one_tool_two_answers(of_2025(one, other)))

        assert [seen.columns for seen in found] == [("is_high_impact",), ("is_high_impact",)]


class TestPairing:
    def test_by_identifier(self) -> None:
        told = pair(of_2025(SOUND, OTHER), of_2025({**SOUND, "use_case_name": "Renamed"}))

        assert told.by_identifier
        assert [(p.older.identifier, p.newer.name, p.by) for p in told.pairs] == [
            ("DEM-1", "Renamed", "identifier")
        ]
        assert [row.identifier for row in told.vanished] == ["DEM-2"]

    def test_rows_without_an_identifier_beside_others_are_told_by_name(self) -> None:
        told = pair(of_2025(SOUND, {**OTHER, "id": ""}), of_2025(SOUND, {**OTHER, "id": ""}))

        assert [p.by for p in told.pairs] == ["identifier", "name"]

    @pytest.mark.parametrize(
        ("older", "newer", "by"),
        [
            ({}, {}, "name"),
            ({"use_case_name": "Gate check (GC)"}, {}, "name without brackets"),
            ({"use_case_name": "Gate check for night visitors"}, {}, "name within a name"),
            ({"use_case_name": "Lantern Works"}, {"problem_solved": "Else.", "benefits": "More."}, "vendor"),
            ({"use_case_name": "Door watch"}, {}, "purpose"),
        ],
    )
    def test_by_words(self, older: dict[str, str], newer: dict[str, str], by: str) -> None:
        told = pair(of_2024({**SOUND_2024, **older}), of_2025({**SOUND, **newer}))

        assert [p.by for p in told.pairs] == [by]
        assert not told.by_identifier

    def test_one_of_a_name_goes_to_its_component(self) -> None:
        older = of_2024(SOUND_2024, {**SOUND_2024, "agency_bureau": "Office of Yards"})
        newer = of_2025({**SOUND, "agency_bureau": "Office of Yards"}, {**SOUND, "id": "DEM-2"})
        told = pair(older, newer)

        assert {(p.older.component, p.newer.component) for p in told.pairs} == {
            ("Office of Gates", "Office of Gates"),
            ("Office of Yards", "Office of Yards"),
        }

    def test_what_has_nothing_in_common_is_no_pair(self) -> None:
        told = pair(of_2024(SOUND_2024), of_2025({**OTHER, "vendor_name": ""}))

        assert told.pairs == ()
        assert [row.name for row in told.vanished] == ["Gate check"]

    def test_two_that_fit_equally_badly_are_no_pair(self) -> None:
        older = {**SOUND_2024, "use_case_name": "Gate check", "problem_solved": "x"}
        newer = (
            {**SOUND, "use_case_name": f"Gate check of {far} belonging to visitors from {far} abroad"}
            for far in ("bags", "coats")
        )

        assert pair(of_2024(older), of_2025(*newer)).pairs == ()

    def test_an_agency_that_one_file_lacks_is_left_out(self) -> None:
        told = pair(of_2025(SOUND), of_2025({**OTHER, "agency": "XMP"}))

        assert (told.pairs, told.vanished) == ((), ())

    def test_likeness(self) -> None:
        assert likeness(significant("red gate"), significant("the red door")) == pytest.approx(1 / 3)
        assert likeness(significant("the"), significant("the")) == 0.0


class TestYears:
    def test_an_identifier_that_vanished(self) -> None:
        found = named(check(of_2025(OTHER), of_2025(SOUND, OTHER)), "identifier-vanished")

        assert [(f.row, f.id, f.columns) for f in found] == [(2, "DEM-1", ("id", "development_stage"))]
        assert "row number of the older file" in found[0].why

    def test_a_retired_one_may_be_left_out(self) -> None:
        older = of_2025({**SOUND, "development_stage": "Retired"}, OTHER)

        assert named(check(of_2025(OTHER), older), "identifier-vanished") == []

    def test_an_identifier_that_moved_to_another_agency_has_not_vanished(self) -> None:
        newer = of_2025(OTHER, {**SOUND, "agency": "XMP"})

        assert named(check(newer, of_2025(SOUND, OTHER)), "identifier-vanished") == []

    def test_without_identifiers_only_what_bears_on_people(self) -> None:
        older = of_2024(
            {**SOUND_2024, "development_stage": ""},
            {
                **SOUND_2024,
                "use_case_name": "Lawn plan",
                "impact": "Neither",
                "system_outputs": "A plan.",
                "problem_solved": "Moss.",
            },
        )
        found = named(check(of_2025({**OTHER, "vendor_name": ""}), older), "identifier-vanished")

        assert [f.row for f in found] == [2]
        assert "stage not given" in found[0].why
        assert found[0].columns == ("use_case_name", "development_stage")

    def test_one_that_came_back(self) -> None:
        older = of_2025({**SOUND, "development_stage": "Retired"})

        assert named(check(of_2025(SOUND), older), "identifier-reappears")[0].columns == (
            "id",
            "development_stage",
        )
        retired = of_2025({**SOUND, "development_stage": "Retired"})
        assert named(check(retired, older), "identifier-reappears") == []
        told = named(
            check(of_2025(SOUND), of_2024({**SOUND_2024, "development_stage": "Retired"})),
            "identifier-reappears",
        )
        assert told[0].columns == ("use_case_name", "development_stage")

    def test_an_identifier_used_again(self) -> None:
        found = named(check(of_2025({**OTHER, "id": "DEM-1"}), of_2025(SOUND)), "identifier-reused")

        assert [f.columns for f in found] == [("id", "use_case_name")]
        assert "“Gate check”" in found[0].why
        assert (
            named(check(of_2025({**SOUND, "use_case_name": "New name"}), of_2025(SOUND)), "identifier-reused")
            == []
        )

    def test_an_opt_out_that_was_dropped(self) -> None:
        silent = {**SOUND, "system_outputs": "A facial verification score for the officer."}
        found = named(check(of_2025(silent), of_2024(SOUND_2024)), "opt-out-dropped")

        assert [(f.row, f.id) for f in found] == [(2, "DEM-1")]
        assert "a mechanism to opt out (row 2 there, told by name)" in found[0].why

    def test_an_opt_out_between_two_files_of_2025(self) -> None:
        silent = {**SOUND, "system_outputs": "A facial verification score for the officer."}

        assert (
            "may opt out (in system_outputs)"
            in named(check(of_2025(silent), of_2025(SOUND)), "opt-out-dropped")[0].why
        )
        assert named(check(of_2025(SOUND), of_2025(SOUND)), "opt-out-dropped") == []

    @pytest.mark.parametrize(
        ("newer", "older"),
        [
            ({}, {}),
            ({"development_stage": "Retired", "system_outputs": "A face verification score."}, {}),
            ({"system_outputs": "A face verification score."}, {"opt_out": "Other"}),
            (
                {"system_outputs": "A score.", "is_high_impact": "Not High-impact"},
                {"impact": "Neither", "system_outputs": "A score."},
            ),
        ],
    )
    def test_an_opt_out_that_was_not(self, newer: dict[str, str], older: dict[str, str]) -> None:
        found = check(of_2025({**SOUND, **newer}), of_2024({**SOUND_2024, **older}))

        assert named(found, "opt-out-dropped") == []

    def test_2024_against_itself(self) -> None:
        restricted = "No – There is law or governmentwide guidance that restricts opt-out for this context."
        found = named(
            check(of_2024({**SOUND_2024, "opt_out": restricted}), of_2024(SOUND_2024)), "opt-out-dropped"
        )

        assert found[0].columns == ("opt_out", "hi_appeal_process")


def everything_wrong() -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """For each check an inventory in which it finds something."""
    presumed = "Presumed high-impact, but determined not high impact"
    bare = {**SOUND, "system_outputs": "A facial verification score for the officer."}
    standing = [
        {
            **OTHER,
            "id": f"DEM-{n}",
            "use_case_name": f"u{n}",
            "system_name_ato": f"s{n}",
            "hi_potential_impacts": LONG,
        }
        for n in range(across.STANDING + 1)
    ]
    yield "practice-unfinished", check(of_2025({**SOUND, "hi_testing_conducted": "In-progress"}))
    yield "practice-unanswered", check(of_2025({**SOUND, "hi_testing_conducted": ""}))
    yield "fail-safe-not-applicable", check(of_2025({**SOUND, "hi_failsafe_presence": "Not Applicable"}))
    yield "appeal-not-applicable", check(of_2025({**SOUND, "hi_appeal_process": "Not Applicable"}))
    yield "personal-data-without-assessment", check(of_2025({**SOUND, "pia_url": ""}))
    yield "answer-of-another-column", check(of_2025({**SOUND, "have_ato": "https://dem.example"}))
    yield "presumed-without-justification", check(of_2025({**SOUND, "is_high_impact": presumed}))
    yield "faces-not-presumed", check(of_2025({**SOUND, "is_high_impact": "Not High-impact"}))
    yield "identifier-twice", check(of_2025(SOUND, {**OTHER, "id": "DEM-1"}))
    yield "text-of-another-use", check(of_2025({**SOUND, "benefits": LONG}, {**OTHER, "benefits": LONG}))
    yield "impacts-not-of-this-use", check(of_2025(*standing))
    yield "one-tool-two-answers", check(of_2025(SOUND, {**SOUND, "id": "DEM-2", "have_ato": "No"}))
    yield "identifier-vanished", check(of_2025(OTHER), of_2025(SOUND, OTHER))
    yield "identifier-reappears", check(of_2025(SOUND), of_2025({**SOUND, "development_stage": "Retired"}))
    yield "identifier-reused", check(of_2025({**OTHER, "id": "DEM-1"}), of_2025(SOUND))
    yield "opt-out-dropped", check(of_2025(bare), of_2025(SOUND))


class TestTable:
    def test_every_check_finds_something_somewhere(self) -> None:
        tried = dict(everything_wrong())

        assert set(tried) == {entry.name for entry in CHECKS}
        assert len(tried) == len(CHECKS) == 16
        for name, found in tried.items():
            assert named(found, name), name

    def test_nothing_is_found_in_a_sound_inventory(self) -> None:
        assert check(of_2025(SOUND, OTHER)) == ()
        assert check(of_2025(SOUND, OTHER), of_2025(SOUND, OTHER)) == ()
        assert check(of_2024(SOUND_2024)) == ()

    def test_every_finding_names_columns_of_the_file_and_says_why(self) -> None:
        found = [finding for _, findings in everything_wrong() for finding in findings]

        assert len(found) > 20
        for finding in found:
            assert finding.columns
            assert set(finding.columns) <= {*NAMES, "opt_out"}
            assert len(finding.why) > 20
            assert list(finding.as_json()) == ["row", "id", "agency", "finding", "why", "columns"]

    def test_every_check_says_what_it_cannot_see(self) -> None:
        for entry in CHECKS:
            assert len(entry.says) > 20
            assert len(entry.blind_to) > 10
        assert Counter(entry.of_years for entry in CHECKS) == {False: 12, True: 4}

    def test_findings_come_in_the_order_of_the_rows(self) -> None:
        wrong = {**SOUND, "pia_url": "", "hi_testing_conducted": "In-progress"}
        found = check(
            of_2025(wrong, {**OTHER, "pia_url": ""}), of_2025(wrong, OTHER, {**OTHER, "id": "DEM-3"})
        )

        assert [(f.row, f.finding) for f in found] == [
            (2, "practice-unfinished"),
            (2, "personal-data-without-assessment"),
            (3, "personal-data-without-assessment"),
            (4, "identifier-vanished"),
        ]

    def test_order_of_rows_does_not_change_what_is_found(self) -> None:
        """But for which of two near copies is the later one."""
        wrong = {**SOUND, "pia_url": "", "id": "DEM-7"}
        one, other = check(of_2025(wrong, OTHER)), check(of_2025(OTHER, wrong))

        assert [(f.id, f.finding) for f in one] == [(f.id, f.finding) for f in other]
        assert len(one) == 1

    def test_the_file_alone_decides(self) -> None:
        data = file_2025({**SOUND, "pia_url": ""})

        assert check(read_inventory(data)) == check(read_inventory(data))
