"""A row's digest covers every stored field, before and after it is stored."""

from datetime import UTC, date, datetime

import pytest

from counterseal.casework.models import Case, SearchRequest
from counterseal.casework.words import CaseStatus
from counterseal.terms.rows import stored_value
from office import made


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (0.1, "0.1"),
        (CaseStatus.OPEN, "open"),
        (7, 7),
        (None, None),
        (True, True),
        ({"a": [1]}, {"a": [1]}),
    ],
)
def test_value_has_one_json_form(value, stored):
    """The same before saving and after reading back."""
    assert stored_value(value) == stored


def test_digest_survives_the_database(office):
    """Else fsck would cry wolf."""
    case = office.case()
    request = made(office.request(case, office.probe(case), minimum=0.1))
    assert Case.objects.get(pk=case.id).digest() == case.digest()
    assert SearchRequest.objects.get(pk=request.id).digest() == request.digest()


def test_every_field_but_the_entry_index_changes_the_digest(office):
    """A field that the digest leaves out could be changed unseen."""
    case = office.case()
    before = case.digest()
    fields = [f.attname for f in Case._meta.concrete_fields if f.attname != "entry_index"]
    assert len(fields) == 10
    for name in fields:
        again = Case.objects.get(pk=case.id)
        value = getattr(again, name)
        setattr(
            again,
            name,
            (not value) if isinstance(value, bool) else datetime.now(UTC) if name == "opened_at" else "x",
        )
        assert again.digest() != before, name
    again = Case.objects.get(pk=case.id)
    again.entry_index += 1
    assert again.digest() == before


def test_row_is_called_by_its_id(office):
    """In messages and logs, never by a name."""
    case = office.case()
    assert str(case) == case.id
