"""Times on the calendar: years and months are counted as days of the calendar, not as so many days.

Three years from a day is the same day three years on, whether there are 1,095 or 1,096 days between. Where the
month has no such day (29 February, the 31st) it is the month's last. All in UTC.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_PERIOD = re.compile(r"P(?:(\d{1,3})Y)?(?:(\d{1,3})M)?(?:(\d{1,4})D)?(?:T(\d{1,4})H)?")


@dataclass(frozen=True, slots=True)
class Period:
    """A time on the calendar: months (a year is twelve), then exact time. Neither is negative."""

    months: int
    exact: timedelta

    def after(self, start: datetime) -> datetime:
        """The instant this much later than `start`, in UTC."""
        start = start.astimezone(UTC)
        months = start.month - 1 + self.months
        year, month = start.year + months // 12, months % 12 + 1
        day = min(start.day, calendar.monthrange(year, month)[1])
        return start.replace(year=year, month=month, day=day) + self.exact


def years(count: int) -> Period:
    """So many years."""
    return Period(12 * count, timedelta())


def read_period(text: str) -> Period | None:
    """An ISO 8601 duration of years, months, days and hours (`P3Y`, `P6M`, `P14D`, `P1DT12H`); None if it is none."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour = (int(part or 0) for part in found.groups())
    period = Period(12 * year + month, timedelta(days=day, hours=hour))
    return None if period == Period(0, timedelta()) else period


def in_words(time: timedelta) -> str:
    """A time in days, hours and minutes: `14 days`, `1 day 12 hours`."""
    minutes = time // timedelta(minutes=1)
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    return " ".join(f"{n} {unit}{'s' if n != 1 else ''}" for n, unit in parts if n) or "no time"
