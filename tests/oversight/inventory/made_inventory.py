"""Small inventories for tests: every name, text and address in them is made up."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook

from counterseal.oversight.inventory import Inventory, Row, read_inventory
from counterseal.oversight.inventory.columns import COLUMNS_2025
from counterseal.oversight.inventory.form_2024 import COLUMNS_2024

NAMES = [column.name for column in COLUMNS_2025]
NAMES_2024 = [column.name for column in COLUMNS_2024]

# A deployed high-impact use with which no check finds anything wrong.
SOUND = {
    "agency": "DEM",
    "agency_name": "Department of Examples",
    "id": "DEM-1",
    "use_case_name": "Gate check",
    "agency_bureau": "Office of Gates",
    "contact_email": "ai@dem.example",
    "is_withheld": "No",
    "development_stage": "Deployed",
    "is_high_impact": "High-impact",
    "topic_area": "Transportation",
    "classification": "Computer Vision",
    "problem_solved": "Long queues at the gates of the agency's buildings.",
    "benefits": "Visitors spend less time at the gate.",
    "system_outputs": "A facial verification score for the officer at the gate; a visitor may decline.",
    "operational_date": "2024-05-06",
    "contracting_usage": "Vendor Purchased",
    "vendor_name": "Lantern Works",
    "have_ato": "Yes",
    "system_name_ato": "GATEKEEPER",
    "data_description": "Portraits of volunteers who gave their consent in writing.",
    "has_pii": "Yes",
    "pia_url": "https://dem.example/pia/gate-check.pdf",
    "demographic_features": "['k) None of the above']",
    "has_custom_code": "No",
    "hi_testing_conducted": "Yes",
    "hi_assessment_completed": "Yes",
    "hi_potential_impacts": "A visitor may wait longer when the lamp above the gate is broken.",
    "hi_independent_review": "CAIO Review",
    "hi_ongoing_monitoring": "Yes - Monitoring Established",
    "hi_training_established": "Training Established",
    "hi_failsafe_presence": "Yes",
    "hi_appeal_process": "Appeal Process Established",
    "hi_public_consultation": "['Usability Testing']",
}
# The same in the form of 2024.
SOUND_2024 = {
    "use_case_name": "Gate check",
    "agency_name": "Department of Examples",
    "agency": "DEM",
    "agency_bureau": "Office of Gates",
    "problem_solved": "Long queues at the gates of the agency's buildings. Visitors spend less time at the gate.",
    "system_outputs": "A facial verification score for the officer at the gate.",
    "development_stage": "Operation and Maintenance",
    "impact": "Rights-Impacting\n",
    "has_pii": "Yes",
    "privacy_assessed": "Yes",
    "extension": "No – Agency did not request an extension for this use case.",
    "impact_assessment": "Yes",
    "real_world_testing": "Benchmark evaluation: made-up words follow.",
    "independent_evaluation": "Yes – by the CAIO",
    "monitoring": "Intermittent and Manually Updated: made-up words follow.",
    "appeal_process": "Yes",
    "opt_out": "Yes",
}


def as_csv(rows: Sequence[Sequence[str]], *, encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """Rows of cells as the bytes of a CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().encode(encoding)


def file_2025(*rows: Mapping[str, str], names: Sequence[str] = NAMES) -> bytes:
    """A CSV of 2025 with these answers under the published names."""
    return as_csv([list(names), *([row.get(name, "") for name in names] for row in rows)])


def file_2024(*rows: Mapping[str, str]) -> bytes:
    """A CSV of 2024 with these answers under its long headers, in Windows-1252."""
    headers = [column.header.rstrip("…") for column in COLUMNS_2024]
    return as_csv([headers, *([row.get(n, "") for n in NAMES_2024] for row in rows)], encoding="cp1252")


def of_2025(*rows: Mapping[str, str]) -> Inventory:
    """An inventory of 2025, read."""
    return read_inventory(file_2025(*rows))


def of_2024(*rows: Mapping[str, str]) -> Inventory:
    """An inventory of 2024, read."""
    return read_inventory(file_2024(*rows))


def row_2025(**answers: str) -> Row:
    """The sound row with other answers."""
    return of_2025({**SOUND, **answers}).rows[0]


def row_2024(**answers: str) -> Row:
    """The sound row of 2024 with other answers."""
    return of_2024({**SOUND_2024, **answers}).rows[0]


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]], *, hidden: Sequence[str] = ()) -> bytes:
    """Sheets of cells as the bytes of an `.xlsx`."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        if title in hidden:
            sheet.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with one part more, or in place of the one of that name."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return out.getvalue()
