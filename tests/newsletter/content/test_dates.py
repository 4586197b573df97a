"""Dates and times as people write them."""

from datetime import UTC, date, datetime

import pytest

from newsletter.content import dates


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 20, 18, 30, tzinfo=UTC), "6:30pm"),
        (datetime(2026, 7, 20, 18, 30, tzinfo=UTC), "7:30pm"),  # an hour ahead in summer
        (datetime(2026, 11, 20, 9, 5, tzinfo=UTC), "9:05am"),
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "midday"),
        (datetime(2026, 11, 20, 12, 30, tzinfo=UTC), "12:30pm"),
        (datetime(2026, 7, 20, 23, 0, tzinfo=UTC), "midnight"),
        (datetime(2026, 11, 20, 0, 15, tzinfo=UTC), "12:15am"),
    ],
)
def test_times_are_written_as_people_say_them(moment: datetime, words: str) -> None:
    assert dates.time_in_words(moment) == words


def test_the_day_stands_once_unless_there_are_two() -> None:
    start = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    assert dates.from_until(start, start.replace(hour=20, minute=0)) == "Friday 20 November 2026, 6:30pm to 8pm"
    assert dates.from_until(start, start.replace(day=21)) == (
        "Friday 20 November 2026, 6:30pm to Saturday 21 November 2026, 6:30pm"
    )


def test_a_period_names_its_year_once() -> None:
    assert dates.period(date(2026, 9, 1), date(2026, 10, 31)) == "1 September to 31 October 2026"
    assert dates.period(date(2025, 9, 1), date(2026, 1, 31)) == "1 September 2025 to 31 January 2026"
    assert dates.period(date(2026, 9, 1), date(2026, 9, 1)) == "1 September 2026"
