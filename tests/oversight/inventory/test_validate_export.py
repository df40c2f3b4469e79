"""The dictionary's rules, and our own export: valid, and the same after it is read again."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_inventory import NAMES, SOUND, SOUND_2024, of_2024, of_2025, row_2025

from counterseal.oversight.inventory import (
    ExportRefusedError,
    InventoryError,
    UnusableInventoryError,
    UseForInventory,
    export_csv,
    read_inventory,
    uses_of,
    validate,
)
from counterseal.oversight.inventory.columns import (
    ASKED,
    BY_NAME,
    COLUMNS_2025,
    DEPLOYED,
    EVER,
    HIGH,
    Kind,
)
from counterseal.oversight.inventory.export import faults, from_register
from counterseal.oversight.inventory.validate import FAULTS, MAX_CELL, absent, needed

USE = UseForInventory.of(
    {
        **{name: answer for name, answer in SOUND.items() if not answer.startswith("[")},
        "demographic_features": ["None of the above"],
        "hi_public_consultation": ["Usability Testing"],
    }
)


class TestValidate:
    @pytest.mark.parametrize(
        ("answers", "fault", "column"),
        [
            ({"use_case_name": ""}, "required", "use_case_name"),
            ({"development_stage": ""}, "required", "development_stage"),
            ({"have_ato": ""}, "required", "have_ato"),
            ({"vendor_name": ""}, "required", "vendor_name"),
            ({"hi_appeal_process": ""}, "required", "hi_appeal_process"),
            ({"is_high_impact": "Presumed High-Impact, but Not High-impact"}, "required", "HI_justification"),
            ({"HI_justification": "It is not."}, "out-of-turn", "HI_justification"),
            ({"contracting_usage": "In-house Development"}, "out-of-turn", "vendor_name"),
            ({"have_ato": "No"}, "out-of-turn", "system_name_ato"),
            ({"topic_area": "Gardening"}, "not-a-selection", "topic_area"),
            ({"demographic_features": "['Shoe size']"}, "not-a-selection", "demographic_features"),
            (
                {"demographic_features": "['Age', 'None of the above']"},
                "contradicting-selections",
                "demographic_features",
            ),
            ({"operational_date": "soon"}, "not-a-date", "operational_date"),
            ({"contact_email": "the front desk"}, "not-a-mail-address", "contact_email"),
            ({"benefits": "=1+1"}, "formula", "benefits"),
            ({"benefits": "x" * (MAX_CELL + 1)}, "too-long", "benefits"),
        ],
    )
    def test_a_rule_that_is_broken(self, answers: dict[str, str], fault: str, column: str) -> None:
        found = [f for f in validate(of_2025({**SOUND, **answers})) if f.finding == fault]

        assert [f.columns[0] for f in found] == [column]
        assert len(found[0].why) > 15

    def test_a_sound_row_has_no_fault(self) -> None:
        assert validate(of_2025(SOUND)) == ()
        retired = {name: SOUND[name] for name in NAMES[:9] if name in SOUND} | {
            "development_stage": "Retired"
        }
        assert validate(of_2025(retired)) == ()

    def test_a_column_that_the_file_lacks_is_told_once(self) -> None:
        read = of_2025(SOUND)
        fewer = replace(read, columns=tuple(n for n in read.columns if n != "is_withheld"))

        assert absent(fewer) == ("is_withheld",)
        assert absent(read) == ()

    def test_2024_has_another_dictionary(self) -> None:
        with pytest.raises(UnusableInventoryError, match="the questions of 2024"):
            validate(of_2024(SOUND_2024))

    def test_every_question_is_required_somewhere_but_five(self) -> None:
        """The dictionary: `Required: No` for three addresses; the two of the agency are added by others."""
        everywhere = [
            row_2025(development_stage=stage, is_high_impact=impact)
            for stage in EVER
            for impact in (HIGH, "Presumed High-Impact, but Not High-impact")
        ]
        never = [c.name for c in COLUMNS_2025 if not any(needed(row, c) for row in everywhere)]

        assert never == ["agency", "agency_name", "link_to_data", "pia_url", "code_url"]
        assert len(FAULTS) == 8


class TestDictionary:
    def test_36_columns_in_the_published_order(self) -> None:
        assert len(COLUMNS_2025) == 36
        assert NAMES[:3] == ["agency", "agency_name", "id"]
        assert NAMES[-1] == "hi_public_consultation"
        assert sum(bool(c.choices) for c in ASKED) == 18

    def test_no_two_selections_of_a_question_share_code_or_words(self) -> None:
        for column in COLUMNS_2025:
            codes = [choice.code for choice in column.choices]
            labels = [choice.label for choice in column.choices]
            assert len(set(codes)) == len(codes)
            assert len(set(labels)) == len(labels)


class TestExport:
    def test_is_valid_and_comes_back(self) -> None:
        for short in (False, True):
            read = read_inventory(export_csv([USE], short=short))

            assert validate(read) == ()
            assert uses_of(read) == (USE,)
            assert read.columns == tuple(NAMES)

    def test_writes_the_published_words_or_the_shorthand(self) -> None:
        assert b"c) Deployed \xe2\x80\x93 The use case" in export_csv([USE])
        assert b"['a) Direct usability testing']" in export_csv([USE])
        assert b",Deployed,High-impact," in export_csv([USE], short=True)
        assert b"['k) None of the above']" in export_csv([USE], short=True), "they have no shorthand"

    @pytest.mark.parametrize(
        ("answers", "why"),
        [
            ({"benefits": ""}, "`benefits` must be answered"),
            ({"agency": ""}, "`agency` is empty"),
            ({"topic_area": "Gardening"}, "no valid selection"),
            ({"benefits": "two  spaces"}, "would be tidied when it is read (spaces)"),
            ({"use_case_name": "Gate\ncheck"}, "would be tidied when it is read (line-break)"),
            ({"benefits": "=HYPERLINK()"}, "which a spreadsheet runs"),
        ],
    )
    def test_refuses_and_says_why(self, answers: dict[str, str], why: str) -> None:
        with pytest.raises(ExportRefusedError) as refused:
            export_csv([replace(USE, **answers)])

        assert why in str(refused.value)
        assert str(refused.value).startswith("nothing was written: use DEM-1: ")

    def test_one_identifier_for_two_uses_is_refused(self) -> None:
        assert faults([USE, USE]) == ("use DEM-1: the identifier also stands in row 2",)

    def test_many_faults_are_counted(self) -> None:
        with pytest.raises(ExportRefusedError, match=r"; and 3 more$"):
            export_csv([replace(USE, id=f"DEM-{n}", benefits="") for n in range(15)])

    def test_a_form_of_2024_holds_no_uses_of_ours(self) -> None:
        with pytest.raises(InventoryError, match="the file is of 2024"):
            uses_of(of_2024(SOUND_2024))


class TestOf:
    @pytest.mark.parametrize(
        ("answers", "says"),
        [
            ({"shoe_size": "43"}, "unknown: `shoe_size`"),
            ({"operational_date": "2024-13-01"}, "give a day such as 2025-01-31"),
            ({"operational_date": 2024}, "`operational_date` takes date, not int"),
            ({"benefits": None}, "`benefits` takes free text, not NoneType"),
            ({"demographic_features": "Age"}, "takes a list of selections, not str"),
            ({"has_pii": True}, "`has_pii` takes one of the valid selections, not bool"),
        ],
    )
    def test_refuses(self, answers: dict[str, Any], says: str) -> None:
        with pytest.raises(InventoryError, match=says):
            UseForInventory.of({**{n: a for n, a in SOUND.items() if not a.startswith("[")}, **answers})

    def test_says_what_is_missing(self) -> None:
        with pytest.raises(InventoryError, match="missing: `agency_bureau`, `agency_name`"):
            UseForInventory.of({"agency": "DEM", "id": "DEM-1", "use_case_name": "x"})

    def test_takes_published_words_and_any_order(self) -> None:
        given = {
            **{n: a for n, a in SOUND.items() if not a.startswith("[")},
            "HI_justification": "",
            "operational_date": "",
        }
        use = UseForInventory.of(
            {
                **given,
                "development_stage": "Deployed",
                "demographic_features": ["c) Age", "Race/Ethnicity", "Shoe size"],
            }
        )

        assert use.demographic_features == ("Race/Ethnicity", "Age", "Shoe size")
        assert use.operational_date is None

    def test_from_the_register(self) -> None:
        @dataclass
        class Registered:
            id: str = "use-1"
            name: str = "Gate check"
            purpose: str = "Shorter queues."
            law_enforcement: bool = True
            status: str = "active"

        rest = {"agency": "DEM", "agency_name": "Department of Examples", "agency_bureau": "Office of Gates"}
        rest |= {"contact_email": "ai@dem.example", "is_high_impact": "High-impact"}
        use = from_register(Registered(), rest)

        assert (use.development_stage, use.topic_area, use.problem_solved) == (
            DEPLOYED,
            "Law Enforcement",
            "Shorter queues.",
        )
        assert from_register(Registered(law_enforcement=False), {**rest, "id": "DEM-9"}).id == "DEM-9"
        with pytest.raises(InventoryError, match="missing: `development_stage`"):
            from_register(Registered(status="suspended"), rest)


# --- properties ----------------------------------------------------------------------------------------------

WORD = st.text(st.sampled_from("abcXYZ 0189,;:'\"“”’–é()[]|\\%&#-\n"), max_size=24)
PLAIN = st.text(st.sampled_from("abcdefgh XYZ,;'\"[]\\"), min_size=1, max_size=20).map(
    lambda t: "w" + t.strip() + "."
)


def answered(text: st.SearchStrategy[str]) -> st.SearchStrategy[UseForInventory]:
    """Uses of every stage whose words come from `text`, with every answer that the stage needs."""

    @st.composite
    def build(draw: st.DrawFn) -> UseForInventory:
        stage, impact = (
            draw(st.sampled_from(EVER)),
            draw(st.sampled_from([c.code for c in BY_NAME["is_high_impact"].choices])),
        )
        answers: dict[str, Any] = {
            "agency": "DEM",
            "agency_name": draw(text),
            "development_stage": stage,
            "is_high_impact": impact,
        }
        for column in ASKED:
            if column.name in answers:
                continue
            row = row_like(answers)
            wanted = needed(row, column)
            optional = column.need is None or (column.need.only is None and draw(st.booleans()))
            if not wanted and not optional:
                continue
            answers[column.name] = draw(of_kind(column, text))
        return UseForInventory.of(answers)

    return build()


def row_like(answers: dict[str, Any]) -> Any:
    """What `needed` asks of a row."""

    class Like(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return ""

    return Like({k: v for k, v in answers.items() if isinstance(v, str)})


def of_kind(column: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """An answer to a question."""
    codes = [choice.code for choice in column.choices if choice.code != "None of the above"]
    match column.kind:
        case Kind.CHOICE:
            return st.sampled_from(codes)
        case Kind.LIST:
            return st.lists(st.sampled_from(codes), min_size=1, unique=True)
        case Kind.DATE:
            return st.dates(date(1000, 1, 1), date(9999, 12, 31))
        case Kind.EMAIL:
            return st.just("ai@dem.example")
        case _:
            return text


class TestLossless:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(answered(PLAIN), min_size=1, max_size=3, unique_by=lambda use: use.id), st.booleans())
    def test_every_use_in_plain_words_is_exported_and_comes_back(
        self, uses: list[UseForInventory], short: bool
    ) -> None:
        uses = [replace(use, **tidy(use)) for use in uses]
        read = read_inventory(export_csv(uses, short=short))

        assert uses_of(read) == tuple(uses)
        assert validate(read) == ()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answered(WORD))
    def test_whatever_is_exported_comes_back(self, use: UseForInventory) -> None:
        """Any text at all: either it is refused, or it is the same after reading."""
        try:
            data = export_csv([use])
        except ExportRefusedError:
            return
        assert uses_of(read_inventory(data)) == (use,)


def tidy(use: UseForInventory) -> dict[str, str]:
    """The texts of a use without runs of spaces, which the export refuses."""
    return {
        name: " ".join(value.split())
        for name in use.__dataclass_fields__
        if isinstance(value := getattr(use, name), str)
    }
