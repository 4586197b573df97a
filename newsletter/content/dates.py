"""Dates as people here count and write them: the day in Europe/London, and "4 November 2026".

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
