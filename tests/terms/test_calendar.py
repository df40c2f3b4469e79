"""Times on the calendar are not counts of days."""

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.terms.calendar import Period, in_words, read_period, years

BEGIN = datetime(1990, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 100 * 365 * 86_400).map(lambda seconds: BEGIN + timedelta(seconds=seconds))


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T10:30:00+00:00")


class TestYears:
    @pytest.mark.parametrize(
        ("start", "count", "end"),
        [
            ("2024-03-01", 3, "2027-03-01"),
            ("2023-03-01", 3, "2026-03-01"),
            ("2024-02-29", 1, "2025-02-28"),
            ("2024-02-29", 4, "2028-02-29"),
            ("2023-02-28", 1, "2024-02-28"),
        ],
    )
    def test_the_same_day_or_the_months_last(self, start: str, count: int, end: str) -> None:
        assert years(count).after(day(start)) == day(end)

    def test_three_years_can_have_1096_days(self) -> None:
        spans = {(years(3).after(day(start)) - day(start)).days for start in ("2023-03-01", "2024-03-01")}

        assert spans == {1096, 1095}

    @given(INSTANTS, st.integers(1, 100))
    def test_same_month_day_and_time_so_many_years_on(self, start: datetime, count: int) -> None:
        end = years(count).after(start)

        assert (end.year, end.month, end.timetz()) == (start.year + count, start.month, start.timetz())
        assert end.day == start.day or (start.month, start.day, end.day) == (2, 29, 28)

    @given(INSTANTS, INSTANTS, st.integers(1, 50))
    def test_who_begins_later_is_never_due_earlier(self, one: datetime, other: datetime, count: int) -> None:
        first, second = sorted((one, other))

        assert years(count).after(first) <= years(count).after(second)

    @given(INSTANTS, st.integers(1, 600))
    def test_months_end_in_the_month_meant(self, start: datetime, months: int) -> None:
        end = Period(months, timedelta()).after(start)

        assert (end.year - start.year) * 12 + end.month - start.month == months
        assert end.day in (start.day, calendar.monthrange(end.year, end.month)[1])

    def test_another_zone_is_counted_in_utc(self) -> None:
        late = datetime.fromisoformat("2024-02-28T23:30:00-02:00")

        assert years(1).after(late) == datetime(2025, 2, 28, 1, 30, tzinfo=UTC)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "months", "exact"),
        [
            ("P3Y", 36, timedelta()),
            ("P1Y6M", 18, timedelta()),
            ("P14D", 0, timedelta(days=14)),
            ("PT24H", 0, timedelta(hours=24)),
            ("P1DT12H", 0, timedelta(days=1, hours=12)),
        ],
    )
    def test_are_read(self, text: str, months: int, exact: timedelta) -> None:
        assert read_period(text) == Period(months, exact)

    @pytest.mark.parametrize("text", ["", "P", "P0D", "PT", "3Y", "P3W", "P-1D", "P1.5Y", "PT24H "])
    def test_are_refused(self, text: str) -> None:
        assert read_period(text) is None


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(days=14), "14 days"),
        (timedelta(days=1, hours=12), "1 day 12 hours"),
        (timedelta(hours=24), "1 day"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(hours=1, minutes=1), "1 hour 1 minute"),
        (timedelta(), "no time"),
    ],
)
def test_a_time_in_words(time: timedelta, words: str) -> None:
    assert in_words(time) == words
