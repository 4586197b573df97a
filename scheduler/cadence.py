"""When a mailing list's editions fall due: recurrence rules (RFC 5545) counted in local wall time from an anchor.

Counting in local time keeps "Tuesday at nine" at nine when the clocks change, and counting whole fortnights from the
anchor keeps them fortnights across years of 53 weeks. An occurrence on a bank holiday moves to the next working day
at the same hour. This module only does arithmetic: it reads no clock and no database.
"""

import functools
import heapq
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from dateutil.rrule import rrule, rrulestr

from newsletter.core.errors import InvalidInput

#: A rule that has no occurrence within this time is taken to have none: some rules never do (30 February).
HORIZON = timedelta(days=366 * 10)

#: Longest run of days an occurrence can be moved by; Christmas needs four or five.
LONGEST_MOVE = timedelta(days=14)

_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")

#: The parts a rule may have, with the smallest and largest number where they hold numbers. `dateutil` is kinder and
#: lets nonsense through, which then never falls due.
_PARTS: dict[str, tuple[int, int] | None] = {
    "FREQ": None,
    "INTERVAL": None,
    "UNTIL": None,
    "WKST": None,
    "BYDAY": None,
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYSETPOS": (1, 366),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
}
_SATURDAY = 5

Closed = Callable[[date], bool]


def next_due(rule: str, anchor: datetime, timezone: str, after: datetime, closed: Closed) -> datetime | None:
    """The first moment later than `after` at which an edition falls due, in UTC; None when the rule has ended.

    Raises `InvalidInput` when the rule or the time zone cannot be used.
    """
    for moment in _occurrences(rule, anchor, timezone, since=after, closed=closed):
        if moment > after:
            return moment
    return None


def newest_due(
    rule: str, anchor: datetime, timezone: str, closed: Closed, *, since: datetime, until: datetime
) -> datetime | None:
    """The last moment from `since` to `until` (both included) at which an edition fell due; None when there is none.

    After the machine was down this is the one occurrence to catch up with: several editions at once help nobody.
    """
    newest = None
    for moment in _occurrences(rule, anchor, timezone, since=since, closed=closed):
        if moment > until:
            break
        if moment >= since:
            newest = moment
    return newest


def check(rule: str, timezone: str) -> None:
    """Raise `InvalidInput`, saying what to write instead, unless the rule and the time zone can be used."""
    _parse(rule, datetime(2024, 1, 1, 9, 0), _zone(timezone))  # noqa: DTZ001 - local wall time has no zone here


@functools.cache
def bank_holidays() -> Closed:
    """Tells whether a date is a bank holiday in England."""
    calendar = holidays.country_holidays("GB", subdiv="ENG")

    def is_bank_holiday(day: date) -> bool:
        return day in calendar

    return is_bank_holiday


def _occurrences(rule: str, anchor: datetime, timezone: str, *, since: datetime, closed: Closed) -> Iterator[datetime]:
    """Moments at which editions fall due, in order, from some time before `since` on."""
    zone = _zone(timezone)
    local_anchor = anchor.astimezone(zone).replace(tzinfo=None)
    local_since = since.astimezone(zone).replace(tzinfo=None)
    start = max(local_anchor, local_since) - LONGEST_MOVE  # one before `since` may have been moved past it
    recurrence, until = _parse(rule, local_anchor, zone)
    horizon = max(local_anchor, local_since) + HORIZON
    end = horizon if until is None else min(until, horizon)
    waiting: list[datetime] = []  # a moved occurrence may fall behind one that was not moved
    for nominal in recurrence.xafter(start, inc=True):
        if nominal > end:
            break
        while waiting and waiting[0] < nominal:
            yield _utc(heapq.heappop(waiting), zone)
        moved = _working_day(nominal, closed)
        if moved not in waiting:  # two may have been moved to the same hour
            heapq.heappush(waiting, moved)
    while waiting:
        yield _utc(heapq.heappop(waiting), zone)


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    """Local wall time as a moment. In autumn the first of two equal hours; in spring the hour that is left out counts
    as if the clocks had not changed yet (RFC 5545, section 3.3.5)."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _working_day(nominal: datetime, closed: Closed) -> datetime:
    """The same hour on the first working day from `nominal` on. A rule that names Saturdays keeps them."""
    if not closed(nominal.date()):
        return nominal
    moved = nominal
    while closed(moved.date()) or moved.weekday() >= _SATURDAY:
        moved += timedelta(days=1)
        if moved - nominal > LONGEST_MOVE:
            return nominal
    return moved


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"“{timezone[:40]}” is not a time zone. Use a name such as Europe/London.", field="timezone"
        ) from None


@functools.lru_cache(maxsize=64)
def _parse(rule: str, local_anchor: datetime, zone: ZoneInfo) -> tuple[rrule, datetime | None]:
    """The rule as `dateutil` counts it, without its end; and its end in local time, None when it has none."""
    text = rule.strip().upper().removeprefix("RRULE:")
    parts = dict(_part(part) for part in text.split(";") if part)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise _invalid("it needs FREQ=, one of YEARLY, MONTHLY, WEEKLY and DAILY")
    if not re.fullmatch(r"[1-9]\d{0,3}", parts.get("INTERVAL", "1")):
        raise _invalid("INTERVAL= must be a whole number from 1")
    until = parts.pop("UNTIL", None)
    try:
        parsed = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=local_anchor)
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError):
        raise _invalid("part of it cannot be understood") from None
    if not isinstance(parsed, rrule):
        raise _invalid("it must be one rule")
    return parsed, None if until is None else _local_until(until, zone)


def _part(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name == "COUNT":
        raise _invalid("COUNT= is not offered; say when it ends with UNTIL=")
    if name not in _PARTS or not equals or not re.fullmatch(r"[A-Z0-9,+-]+", value):
        raise _invalid("part of it cannot be understood")
    limits = _PARTS[name]
    if limits is not None:
        for number in value.split(","):
            if not re.fullmatch(r"[+-]?\d{1,3}", number) or not limits[0] <= abs(int(number)) <= limits[1]:
                raise _invalid(f"{name}= must be numbers from {limits[0]} to {limits[1]}")
    return name, value


def _local_until(text: str, zone: ZoneInfo) -> datetime:
    """The end in local time. The RFC writes it in UTC where, as here, the rule is counted in local time."""
    for layout in ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d"):
        try:
            until = datetime.strptime(text, layout)  # noqa: DTZ007 - a zone is given to it below, where it has one
        except ValueError:
            continue
        if layout.endswith("Z"):
            return until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
        return until if "T" in layout else until + timedelta(days=1, seconds=-1)  # a date: to the end of that day
    raise _invalid("UNTIL= must look like 20271231T090000Z")


def _invalid(because: str) -> InvalidInput:
    return InvalidInput(
        f"This recurrence rule cannot be used: {because}. "
        "A fortnight on Tuesdays is written FREQ=WEEKLY;INTERVAL=2;BYDAY=TU.",
        field="rule",
    )
