"""Dates and times as people here count and write them: the day in Europe/London, "4 November 2026", "6:30pm to 8pm".

Everything is stored in UTC; which day it is, and so what is due, is decided by the clock on the wall.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def london_date(moment: datetime) -> date:
    """The day it is in London at that moment."""
    return moment.astimezone(LONDON).date()


def in_words(day: date) -> str:
    """4 November 2026."""
    return f"{day.day} {day:%B %Y}"


def with_weekday(day: date) -> str:
    """Wednesday 4 November 2026."""
    return f"{day:%A} {in_words(day)}"


def time_in_words(moment: datetime) -> str:
    """The time in London as GOV.UK writes it: 6pm, 6:30pm, midday, midnight."""
    local = moment.astimezone(LONDON)
    if local.minute == 0 and local.hour in (0, 12):
        return "midday" if local.hour else "midnight"
    minutes = f":{local.minute:02}" if local.minute else ""
    return f"{local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"


def moment_in_words(moment: datetime) -> str:
    """26 November 2026 at 6:30pm."""
    return f"{in_words(london_date(moment))} at {time_in_words(moment)}"


def weekday_and_time(moment: datetime) -> str:
    """Tuesday 10 November 2026 at 10am."""
    return f"{with_weekday(london_date(moment))} at {time_in_words(moment)}"


def from_until(start: datetime, end: datetime) -> str:
    """Friday 20 November 2026, 6:30pm to 8pm; with both days when it ends on another one."""
    first, last = london_date(start), london_date(end)
    if first == last:
        return f"{with_weekday(first)}, {time_in_words(start)} to {time_in_words(end)}"
    return f"{with_weekday(first)}, {time_in_words(start)} to {with_weekday(last)}, {time_in_words(end)}"


def period(first: date, last: date) -> str:
    """1 September to 31 October 2026: the year once when it is the same, one date when the days are."""
    if first == last:
        return in_words(first)
    start = f"{first.day} {first:%B}" if first.year == last.year else in_words(first)
    return f"{start} to {in_words(last)}"
