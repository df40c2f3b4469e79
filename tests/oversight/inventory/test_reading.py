"""Files: whole or refused with the reason; every change told."""

import io
import zipfile
from datetime import date, datetime

import pytest
from made_inventory import (
    NAMES,
    SOUND,
    SOUND_2024,
    as_csv,
    file_2024,
    file_2025,
    of_2024,
    of_2025,
    with_part,
    workbook,
)

from counterseal.oversight.inventory import UnusableInventoryError, read_inventory, tables
from counterseal.oversight.inventory.columns import COLUMNS_2025
from counterseal.oversight.inventory.rows import ChangeKind as K

HEADERS = [column.header for column in COLUMNS_2025]


class TestCsv:
    def test_a_row_is_a_use_and_keeps_its_place(self) -> None:
        read = of_2025(SOUND, {**SOUND, "id": "DEM-2"})

        assert [(r.number, r.identifier, r.agency) for r in read.rows] == [
            (2, "DEM-1", "DEM"),
            (3, "DEM-2", "DEM"),
        ]
        assert read.form == 2025
        assert read.columns == tuple(NAMES)
        assert read.rows[0].label == "DEM-1 (row 2)"

    def test_published_words_and_shorthand_read_alike(self) -> None:
        in_words = {
            name: next((c.label for c in column.choices if c.code == SOUND.get(name)), SOUND.get(name, ""))
            for name, column in zip(NAMES, COLUMNS_2025, strict=True)
        }

        assert in_words != SOUND
        assert dict(of_2025(in_words).rows[0].texts) == dict(of_2025(SOUND).rows[0].texts)

    def test_the_long_headers_of_the_form_are_known(self) -> None:
        titled = [HEADERS, [SOUND.get(name, "") for name in NAMES]]
        titled[0][NAMES.index("id")] = "Use Case ID\n\n[Agency Abbrev.] – [#] "
        titled[0][NAMES.index("hi_testing_conducted")] += " \n\n\nPractice: Complete AI Impact Assessment"
        titled[0][NAMES.index("hi_potential_impacts")] = (
            "What are the potential  impacts of using the AI for this particular use case and how were they found?"
        )
        read = read_inventory(as_csv(titled))

        assert read.columns == tuple(NAMES)
        assert K.HEADER in read.counts()
        assert K.ABSENT_COLUMN not in read.counts()

    def test_changes_are_told_with_their_place(self) -> None:
        read = of_2025(
            {
                **SOUND,
                "topic_area": "Health & Medical",
                "benefits": "line one\r\nline  two",
                "operational_date": "5/6/2024",
                "classification": "Other",
                "hi_public_consultation": "Direct usability testing, Other",
            },
            {**SOUND, "operational_date": "soon"},
        )
        told = {(c.row, c.column, c.kind) for c in read.changes}

        assert {
            (2, "topic_area", K.SELECTION),
            (2, "benefits", K.LINE_BREAK),
            (2, "benefits", K.SPACES),
            (2, "operational_date", K.DATE_FORM),
            (2, "classification", K.UNKNOWN_SELECTION),
            (2, "hi_public_consultation", K.LIST_FORM),
            (3, "operational_date", K.UNKNOWN_DATE),
        } <= told
        assert read.rows[0]["hi_public_consultation"] == "Usability Testing; Other"
        assert read.rows[0]["classification"] == "Other", "kept, though no selection"
        assert read.rows[1]["operational_date"] == "soon"

    def test_a_blank_row_is_left_out_and_told(self) -> None:
        read = read_inventory(
            file_2025(SOUND) + b",,\n" + b"`" + b"," * 35 + b"\n" + file_2025(SOUND).split(b"\n", 1)[1]
        )

        assert [row.number for row in read.rows] == [2, 5]
        assert [(c.row, c.says) for c in read.changes if c.kind is K.BLANK_ROW] == [
            (3, ""),
            (4, "holds only ```"),
        ]

    def test_an_unknown_column_is_kept_and_told(self) -> None:
        read = read_inventory(
            file_2025({**SOUND, "Shoe  size": "43"}, SOUND, names=[*NAMES, "Shoe  size", " "])
        )

        assert read.rows[0]["Shoe size"] == "43"
        assert read.rows[1]["Shoe size"] == ""
        assert [c.column for c in read.changes if c.kind is K.UNKNOWN_COLUMN] == ["Shoe size"]

    def test_a_missing_column_is_told_once(self) -> None:
        read = read_inventory(file_2025(SOUND, names=[n for n in NAMES if n != "agency"]))

        assert [c.column for c in read.changes if c.kind is K.ABSENT_COLUMN] == ["agency"]
        assert read.rows[0].agency == "DEM", "from the identifier"
        bare = file_2025({**SOUND, "id": "77"}, names=[n for n in NAMES if n != "agency"])
        assert read_inventory(bare).rows[0].agency == ""

    def test_a_short_row_is_filled_and_told(self) -> None:
        read = read_inventory(file_2025() + b"DEM,Department of Examples,DEM-9,Short\n")

        assert read.rows[0].name == "Short"
        assert K.SHORT_ROW in read.counts()

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_other_delimiters(self, delimiter: str) -> None:
        data = as_csv([NAMES, [SOUND.get(n, "") for n in NAMES]], delimiter=delimiter)

        assert read_inventory(data).rows[0].name == "Gate check"

    @pytest.mark.parametrize(("encoding", "told"), [("utf-8", 0), ("utf-16", 1), ("cp1252", 1)])
    def test_code_pages(self, encoding: str, told: int) -> None:
        data = as_csv(
            [NAMES, [SOUND.get(n, "") + ("’" if n == "benefits" else "") for n in NAMES]], encoding=encoding
        )
        read = read_inventory(data)

        assert read.rows[0]["benefits"].endswith("’")
        assert read.counts().get(K.CODE_PAGE, 0) == told

    def test_a_cell_without_substance_is_no_selection(self) -> None:
        assert of_2025({**SOUND, "has_pii": "-"}).rows[0]["has_pii"] == ""


class TestForm2024:
    def test_repeated_headers_are_told_by_their_place(self) -> None:
        read = of_2024({**SOUND_2024, "opt_out_other": "ask at the desk", "notice_other": "a sign"})

        assert read.form == 2024
        assert not read.has_identifiers
        assert read.rows[0]["opt_out_other"] == "ask at the desk"
        assert read.rows[0]["notice_other"] == "a sign"
        assert K.UNKNOWN_COLUMN not in read.counts()

    def test_selections_are_brought_to_one_form(self) -> None:
        row = of_2024(
            {
                **SOUND_2024,
                "opt_out": "No – There is law or governmentwide guidance that restricts opt-out for this context. ",
                "demographic_features": "N/A",
                "has_custom_code": "Not Applicable",
            }
        ).rows[0]

        assert row["impact"] == "Rights"
        assert row["extension"] == "No"
        assert row["opt_out"] == "No – law or guidance restricts it"
        assert row["demographic_features"] == "None of the above"
        assert row["has_custom_code"] == "Not Applicable"
        assert row.high_impact
        assert row.deployed
        assert not row.coming


class TestWorkbook:
    def test_is_read_below_its_titles_and_beside_its_hidden_sheets(self) -> None:
        sheet = [
            ["SECTION 1", *[None] * 35],
            HEADERS,
            [SOUND.get(name, "") for name in NAMES],
            [None] * 36,
        ]
        sheet[2][NAMES.index("operational_date")] = datetime(2024, 5, 6)  # noqa: DTZ001
        sheet[2][NAMES.index("have_ato")] = True
        data = workbook(
            {"Choices": [HEADERS, ["x"] * 36, ["y"] * 36, ["z"] * 36], "Uses": sheet, "Notes": [["read me"]]},
            hidden=["Choices"],
        )
        read = read_inventory(data)

        assert read.sheet == "Uses"
        assert [row.number for row in read.rows] == [3]
        assert read.rows[0]["operational_date"] == "2024-05-06"
        assert read.rows[0]["have_ato"] == "Yes"
        assert [c.says for c in read.changes if c.kind is K.SHEET] == ["sheet `Notes` was not read"]

    def test_cells_of_every_kind(self) -> None:
        row = [SOUND.get(name, "") for name in NAMES]
        row[NAMES.index("vendor_name")] = 7.0
        row[NAMES.index("system_name_ato")] = 7.5
        row[NAMES.index("benefits")] = datetime(2024, 5, 6, 7, 8)  # noqa: DTZ001
        row[NAMES.index("operational_date")] = date(2024, 5, 6)
        row[NAMES.index("have_ato")] = False
        read = read_inventory(workbook({"Uses": [NAMES, row]})).rows[0]

        assert [
            read[n] for n in ("vendor_name", "system_name_ato", "benefits", "operational_date", "have_ato")
        ] == [
            "7",
            "7.5",
            "2024-05-06 07:08:00",
            "2024-05-06",
            "No",
        ]
        assert (tables._cell(date(2024, 5, 6)), tables._cell(7.0)) == ("2024-05-06", "7")

    def test_a_formula_is_refused(self) -> None:
        """Its value is whatever a program last made of it."""
        data = workbook({"Uses": [NAMES, ['=HYPERLINK("https://dem.example")']]})

        with pytest.raises(UnusableInventoryError, match="cell A2 of sheet `Uses` holds a formula"):
            read_inventory(data)

    @pytest.mark.parametrize(
        "content",
        [
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
            '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><x/>'.encode("utf-16"),
        ],
    )
    def test_a_document_type_is_refused(self, content: bytes) -> None:
        """Without one there are no entities, neither to expand nor to fetch."""
        data = with_part(workbook({"Uses": [NAMES]}), "xl/extra.xml", content)

        with pytest.raises(UnusableInventoryError, match="document type"):
            read_inventory(data)

    def test_a_bomb_is_refused_before_it_is_unpacked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "MAX_UNPACKED", 1_000_000)
        data = io.BytesIO(workbook({"Uses": [NAMES]}))
        with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/zeros.bin", b"\0" * 1_000_001)

        with pytest.raises(UnusableInventoryError, match="unpacks to more"):
            read_inventory(data.getvalue())

    def test_a_broken_part_is_refused(self) -> None:
        data = with_part(
            workbook({"Uses": [NAMES]}), "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"
        )

        with pytest.raises(UnusableInventoryError, match="the workbook cannot be read"):
            read_inventory(data)

    def test_a_cut_off_archive_is_refused(self) -> None:
        with pytest.raises(UnusableInventoryError, match="cannot be unpacked"):
            read_inventory(workbook({"Uses": [NAMES]})[:-40])

    def test_another_archive_is_refused(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("hello.txt", "hello")

        with pytest.raises(UnusableInventoryError, match=r"no `\.xlsx` workbook"):
            read_inventory(out.getvalue())


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"", "the file is empty"),
            (b"  \n ", "the file is empty"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest", "encrypted workbook"),
            (b"%PDF-1.7", "a PDF"),
            (b"<!DOCTYPE html>", "a web page"),
            (b"<HTML>", "a web page"),
            (b"a,b\0c", "zero bytes"),
            (b"\xff\xfe\x00", "no code page"),
            (b"caf\x81", "no code page"),
            (b'name,"broken\n', "not a CSV"),
            (b"a,b,c\n1,2,3\n", "found “a”, “b”, “c”"),
            (b",,,\n,,,\n", "found nothing"),
        ],
    )
    def test_says_what_it_is(self, data: bytes, says: str) -> None:
        with pytest.raises(UnusableInventoryError, match=says):
            read_inventory(data)

    def test_says_which_columns_are_missing(self) -> None:
        with pytest.raises(
            UnusableInventoryError, match=r"lacks `development_stage` \(“Stage of Development”\)"
        ):
            read_inventory(file_2025(SOUND, names=[n for n in NAMES if n != "development_stage"]))

    def test_a_column_twice(self) -> None:
        with pytest.raises(UnusableInventoryError, match="`benefits` stands twice"):
            read_inventory(file_2025(SOUND, names=[*NAMES, "benefits"]))

    def test_a_header_without_uses(self) -> None:
        with pytest.raises(UnusableInventoryError, match="no use under it"):
            read_inventory(file_2025())

    def test_a_row_with_more_cells_than_the_header(self) -> None:
        """A comma without quotes shifts every answer after it: better no inventory than that one."""
        with pytest.raises(UnusableInventoryError, match="row 3 has 37 cells and the header 36"):
            read_inventory(file_2025(SOUND) + b",".join([b"x"] * 37) + b"\n")

    def test_too_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "MAX_BYTES", 10)
        with pytest.raises(UnusableInventoryError, match="at most 10"):
            read_inventory(file_2025(SOUND))

    def test_too_many_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "MAX_ROWS", 2)
        with pytest.raises(UnusableInventoryError, match="row 3 lies outside"):
            read_inventory(file_2025(SOUND, SOUND))

    def test_too_many_rows_in_a_workbook(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "MAX_ROWS", 2)
        with pytest.raises(UnusableInventoryError, match="row 3 lies outside"):
            read_inventory(workbook({"Uses": [NAMES, *([[SOUND.get(n, "") for n in NAMES]] * 2)]}))

    def test_the_form_of_2024_needs_its_own_columns(self) -> None:
        table = file_2024(SOUND_2024).decode("cp1252").replace("Agency Abbreviation", "Shoe size")
        with pytest.raises(UnusableInventoryError, match="of 2024 but lacks `agency`"):
            read_inventory(table.encode("cp1252"))
