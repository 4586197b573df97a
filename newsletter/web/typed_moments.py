"""A day and a time as people type them: a moment by the clock in London."""

import re
from datetime import UTC, date, datetime

from newsletter.content.dates import LONDON

_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?", re.IGNORECASE)


def read(day: str, month: str, year: str, time: str) -> datetime:
    """The moment. Raises `ValueError` with the sentence for whoever typed it."""
    try:
        when = date(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        raise ValueError("Enter a real date, like 27 3 2027") from None
    return on(when, time)


def on(day: date, time: str) -> datetime:
    """The moment of a time on a day. Raises `ValueError` with the sentence for whoever typed it, also where the clocks
    change and that time does not exist or comes twice."""
    hour, minute = _time(time)
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=LONDON)
    moment = local.astimezone(UTC)
    if moment.astimezone(LONDON).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValueError("The clocks go forward in that hour, so that this time does not exist. Choose another time")
    if local.replace(fold=1).astimezone(UTC) != moment:
        raise ValueError("The clocks go back in that hour, so that this time comes twice. Choose another time")
    return moment


def as_typed(moment: datetime) -> str:
    """The time as a form shows it: 6:30pm, 12am, 12pm."""
    local = moment.astimezone(LONDON)
    minutes = f":{local.minute:02}" if local.minute else ""
    return f"{local.hour % 12 or 12}{minutes}{'am' if local.hour < 12 else 'pm'}"


def _time(typed: str) -> tuple[int, int]:
    text = typed.strip().casefold()
    if text in ("midday", "noon"):
        return 12, 0
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("Enter a time, like 9:30am or 14:00")
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half is not None and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif half is not None or found[2] is None:  # "14pm"; a bare "9" may be morning or evening
        raise ValueError("Enter a time, like 9:30am or 14:00")
    if hour > 23 or minute > 59:
        raise ValueError("Enter a time, like 9:30am or 14:00")
    return hour, minute
