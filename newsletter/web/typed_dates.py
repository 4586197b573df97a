"""Dates as people type them into one box: a day, a month or a whole year.

Written for searches, where "2026" is a fair answer to "since when?": the first day of what was typed counts when a
time begins, the last when it ends. The order is the British one: 3/4/2026 is 3 April.
"""

from calendar import monthrange
from datetime import date, datetime

_DAYS = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y-%m-%d", "%d %m %Y", "%d %B %Y", "%d %b %Y")
_MONTHS = ("%B %Y", "%b %Y", "%m/%Y", "%Y-%m")
_YEARS = ("%Y",)


def span(typed: str) -> tuple[date, date]:
    """The first and last day of what was typed. Raises `ValueError` when it is no date."""
    text = " ".join(typed.replace(",", " ").split())
    if (day := _read(text, _DAYS)) is not None:
        return day, day
    if (month := _read(text, _MONTHS)) is not None:
        return month, month.replace(day=monthrange(month.year, month.month)[1])
    if (year := _read(text, _YEARS)) is not None:
        return year, year.replace(month=12, day=31)
    raise ValueError("not a date")


def day(typed: str) -> date:
    """The one day that was typed, of this century or the next. Raises `ValueError` when it is none."""
    found = _read(" ".join(typed.replace(",", " ").split()), _DAYS)
    if found is None or not 2000 <= found.year < 2200:
        raise ValueError("not a day")
    return found


def as_typed(day: date | None) -> str:
    """A day as a form shows it: 27/3/2027. Nothing for none."""
    return f"{day.day}/{day.month}/{day.year}" if day else ""


def _read(text: str, formats: tuple[str, ...]) -> date | None:
    for written in formats:
        try:
            return datetime.strptime(text, written).date()  # noqa: DTZ007 (a day, not a moment)
        except ValueError:
            continue
    return None
