"""When editions fall due: the same local hour all year, whole fortnights, no bank holidays, one catch-up."""

import contextlib
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput
from scheduler import cadence

LONDON = ZoneInfo("Europe/London")
FORTNIGHTLY = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
#: One early in each half term: September, November, January, March, April or May, June.
HALF_TERMLY = "FREQ=MONTHLY;BYMONTH=1,3,5,6,9,11;BYDAY=2TU"
#: A Tuesday at nine in winter time.
ANCHOR = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


def never_closed(_day: date) -> bool:
    return False


def due(rule: str, *, after: datetime, count: int, anchor: datetime = ANCHOR, closed: cadence.Closed = never_closed):
    moments = []
    for _ in range(count):
        following = cadence.next_due(rule, anchor, "Europe/London", after, closed)
        assert following is not None
        moments.append(following)
        after = following
    return moments


def minutes(first_year: int, last_year: int, zone: tzinfo) -> st.SearchStrategy[datetime]:
    """Any whole minute of these years."""
    return st.datetimes(
        datetime(first_year, 1, 1),  # noqa: DTZ001 - hypothesis wants the limits without a zone
        datetime(last_year, 12, 31),  # noqa: DTZ001
        timezones=st.just(zone),
    ).map(lambda moment: moment.replace(second=0, microsecond=0, fold=0))


@given(
    anchor=minutes(2015, 2035, LONDON), hour=st.integers(3, 23), days=st.integers(0, 800), fortnights=st.integers(1, 60)
)
def test_fortnights_are_fourteen_local_days_apart_at_the_same_hour(
    anchor: datetime, hour: int, days: int, fortnights: int
) -> None:
    """Over years of 52 and 53 weeks, and over every clock change (which is between one and three in the morning)."""
    anchor = anchor.replace(hour=hour)
    moments = due(
        "FREQ=WEEKLY;INTERVAL=2",
        anchor=anchor.astimezone(UTC),
        after=anchor.astimezone(UTC) + timedelta(days=days),
        count=fortnights + 1,
    )
    local = [moment.astimezone(LONDON) for moment in moments]
    assert {(moment.hour, moment.minute) for moment in local} == {(anchor.hour, anchor.minute)}
    assert {(later.date() - earlier.date()).days for earlier, later in pairwise(local)} == {14}
    assert (local[0].date() - anchor.date()).days % 14 == 0


@pytest.mark.parametrize("year", [2015, 2020, 2026, 2032])
def test_a_year_of_fifty_three_weeks_does_not_shift_the_fortnights(year: int) -> None:
    assert date(year, 12, 28).isocalendar().week == 53
    anchor = datetime(year, 11, 3, 9, 0, tzinfo=LONDON).astimezone(UTC)
    local = [
        moment.astimezone(LONDON).date()
        for moment in due("FREQ=WEEKLY;INTERVAL=2", anchor=anchor, after=anchor, count=10)
    ]
    assert all((later - earlier).days == 14 for earlier, later in pairwise(local))


def test_the_local_hour_stays_when_the_clocks_change() -> None:
    moments = due("FREQ=DAILY", after=datetime(2027, 3, 26, 12, tzinfo=UTC), count=3)
    assert [moment.hour for moment in moments] == [9, 8, 8]  # summer time begins on 28 March 2027


def test_an_hour_that_the_clocks_leave_out_is_still_due() -> None:
    anchor = datetime(2027, 3, 27, 1, 30, tzinfo=UTC)
    moments = due("FREQ=DAILY", anchor=anchor, after=anchor, count=2)
    assert moments == [datetime(2027, 3, 28, 1, 30, tzinfo=UTC), datetime(2027, 3, 29, 0, 30, tzinfo=UTC)]


def test_an_hour_that_comes_twice_is_due_once() -> None:
    anchor = datetime(2026, 10, 24, 0, 30, tzinfo=UTC)  # half past one in summer time
    moments = due("FREQ=DAILY", anchor=anchor, after=anchor, count=2)
    assert moments == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]


def test_a_bank_holiday_moves_to_the_next_working_day_and_the_count_goes_on() -> None:
    anchor = datetime(2026, 12, 11, 9, 0, tzinfo=UTC)  # a Friday; a fortnight on is Christmas Day
    moments = due(
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", anchor=anchor, after=anchor, count=2, closed=cadence.bank_holidays()
    )
    # Boxing Day is a Saturday in 2026, so that Monday 28 December is a bank holiday in its place.
    assert [moment.date() for moment in moments] == [date(2026, 12, 29), date(2027, 1, 8)]
    assert moments[0].hour == 9


def test_a_moved_occurrence_is_found_on_the_days_it_was_moved_over() -> None:
    moment = cadence.next_due(
        "FREQ=WEEKLY;BYDAY=FR", ANCHOR, "Europe/London", datetime(2026, 12, 27, tzinfo=UTC), cadence.bank_holidays()
    )
    assert moment == datetime(2026, 12, 29, 9, tzinfo=UTC)


def test_two_occurrences_moved_to_one_day_are_one() -> None:
    moments = due("FREQ=DAILY", after=datetime(2026, 12, 24, 12, tzinfo=UTC), count=3, closed=cadence.bank_holidays())
    # Christmas Day and Boxing Day both move to Tuesday 29 December, the daily edition of which they join; the Sunday
    # between is no bank holiday, and this rule asks for Sundays.
    assert [moment.day for moment in moments] == [27, 29, 30]


@given(anchor=minutes(2015, 2035, LONDON), after=minutes(2020, 2034, UTC))
def test_nothing_falls_due_on_a_bank_holiday(anchor: datetime, after: datetime) -> None:
    closed = cadence.bank_holidays()
    moment = cadence.next_due("FREQ=WEEKLY;BYDAY=MO,FR", anchor.astimezone(UTC), "Europe/London", after, closed)
    assert moment is not None
    local = moment.astimezone(LONDON)
    assert not closed(local.date())
    assert local.weekday() < 5
    assert moment > after


def test_half_termly_is_six_times_a_school_year() -> None:
    moments = due(HALF_TERMLY, after=datetime(2027, 8, 31, tzinfo=UTC), count=6, closed=cadence.bank_holidays())
    assert [moment.month for moment in moments] == [9, 11, 1, 3, 5, 6]
    assert {moment.astimezone(LONDON).strftime("%a %H:%M") for moment in moments} == {"Tue 09:00"}


def test_after_a_long_stop_only_the_newest_missed_occurrence_is_caught_up() -> None:
    newest = cadence.newest_due(
        FORTNIGHTLY, ANCHOR, "Europe/London", never_closed, since=ANCHOR, until=datetime(2027, 1, 20, tzinfo=UTC)
    )
    assert newest == datetime(2027, 1, 12, 9, tzinfo=UTC)


def test_nothing_was_missed_when_nothing_fell_due() -> None:
    newest = cadence.newest_due(
        FORTNIGHTLY,
        ANCHOR,
        "Europe/London",
        never_closed,
        since=ANCHOR + timedelta(minutes=1),
        until=ANCHOR + timedelta(days=13),
    )
    assert newest is None


@pytest.mark.parametrize("until", ["20261201T090000Z", "20261201T090000", "20261201"])
def test_a_rule_ends_with_until(until: str) -> None:
    rule = f"{FORTNIGHTLY};UNTIL={until}"
    before = datetime(2026, 11, 30, tzinfo=UTC)
    assert cadence.next_due(rule, ANCHOR, "Europe/London", before, never_closed) == datetime(2026, 12, 1, 9, tzinfo=UTC)
    after = datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert cadence.next_due(rule, ANCHOR, "Europe/London", after, never_closed) is None


def test_a_day_that_never_comes_is_no_occurrence() -> None:
    rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    assert cadence.next_due(rule, ANCHOR, "Europe/London", ANCHOR, never_closed) is None


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "every other Tuesday",
        "FREQ=HOURLY",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;COUNT=4",
        "FREQ=WEEKLY;UNTIL=soon",
        "FREQ=WEEKLY;UNTIL=2",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=YEARLY;BYEASTER=900",
        "FREQ=WEEKLY;WKST=ZZ",
        "FREQ=WEEKLY\nRDATE:20261103T090000",
        "DTSTART:20261103T090000\nRRULE:FREQ=WEEKLY",
    ],
)
def test_a_rule_that_cannot_be_used_says_what_to_write(rule: str) -> None:
    with pytest.raises(InvalidInput, match="FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"):
        cadence.check(rule, "Europe/London")


@given(rule=st.text(alphabet="FREQ=WKLYDAIBNTVUOMH;:,+-0123456789 \n", max_size=60))
def test_no_text_makes_it_fail_in_another_way(rule: str) -> None:
    with contextlib.suppress(InvalidInput):
        cadence.check(rule, "Europe/London")


@pytest.mark.parametrize("zone", ["Europe/Oxford", "", "../../etc/passwd", "Europe"])
def test_an_unknown_time_zone_says_what_to_write(zone: str) -> None:
    with pytest.raises(InvalidInput, match="Europe/London"):
        cadence.check(FORTNIGHTLY, zone)
