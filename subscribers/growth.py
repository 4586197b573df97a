"""How a mailing list grows, in numbers about nobody: who is in which state, who came and went, who said yes (REQ-15).

Counted from the rows that are there. Whoever was erased is in none of these numbers; whoever came back counts once, in
the month they came back. Sign-ups that nobody confirmed are deleted after days, so that their number is kept by itself
(`LapsedSignUps`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.db import insert
from subscribers.models import LapsedSignUps, Subscriber, SubscriberState

MONTHS, WEEKS = 12, 8
#: Who gets no editions any more, or none for now.
_OVER = (SubscriberState.LEFT, SubscriberState.SUSPENDED, SubscriberState.HELD)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of one mailing list; the last one is not over."""

    first: date
    joined: int
    left: int
    at_end: int  # who got the editions then


@dataclass(frozen=True, slots=True)
class Week:
    """The sign-ups of one week, and how many of them were confirmed up to now."""

    monday: date
    asked: int
    confirmed: int

    @property
    def per_cent(self) -> int | None:
        """Rounded; None without sign-ups."""
        return round(100 * self.confirmed / self.asked) if self.asked else None


def states(session: Session) -> dict[int, Counter[SubscriberState]]:
    """How many are in each state, by mailing list, in one query. A list without anybody is missing."""
    found: dict[int, Counter[SubscriberState]] = {}
    for list_id, state, number in session.execute(
        sa.select(col(Subscriber.mailing_list_id), col(Subscriber.state), sa.func.count()).group_by(
            col(Subscriber.mailing_list_id), col(Subscriber.state)
        )
    ):
        found.setdefault(list_id, Counter())[state] = number
    return found


def by_month(session: Session, *, now: datetime) -> dict[int, list[Month]]:
    """The last twelve months (in UTC) by mailing list, oldest first, in one query."""
    firsts = _firsts(now)
    ends = [*firsts[1:], now + timedelta(days=1)]
    confirmed, ended = col(Subscriber.confirmed_at), col(Subscriber.ended_at)
    is_over = sa.and_(confirmed.is_not(None), col(Subscriber.state).in_(_OVER))
    counts = col(Subscriber.state).in_((SubscriberState.CONFIRMED, *_OVER))  # who asks again counts once they confirm
    sums = [sa.func.sum(sa.case((col(Subscriber.state) == SubscriberState.CONFIRMED, 1), else_=0))]
    for start, end in zip(firsts, ends, strict=True):
        sums.append(sa.func.sum(sa.case((sa.and_(counts, confirmed >= start, confirmed < end), 1), else_=0)))
        sums.append(sa.func.sum(sa.case((sa.and_(is_over, ended >= start, ended < end), 1), else_=0)))
    answer = {}
    query = sa.select(col(Subscriber.mailing_list_id), *sums).group_by(col(Subscriber.mailing_list_id))
    for list_id, number, *moved in session.execute(query):
        months: list[Month] = []
        for place in reversed(range(len(firsts))):
            joined, left = int(moved[2 * place]), int(moved[2 * place + 1])
            months.insert(0, Month(firsts[place].date(), joined, left, max(int(number), 0)))
            number += left - joined
        answer[list_id] = months
    return answer


def by_week(session: Session, *, now: datetime) -> dict[int, list[Week]]:
    """The last eight weeks (in UTC) by mailing list, oldest first, in two queries. Of the last week or two some may
    still confirm."""
    monday = monday_of(now)
    mondays = [monday - timedelta(weeks=weeks) for weeks in reversed(range(WEEKS))]
    asked, sums = col(Subscriber.requested_at), []
    for start in map(_midnight, mondays):
        is_then = sa.and_(asked >= start, asked < start + timedelta(weeks=1))
        said_yes = sa.and_(is_then, col(Subscriber.confirmed_at) >= asked)
        sums += [sa.func.sum(sa.case((is_then, 1), else_=0)), sa.func.sum(sa.case((said_yes, 1), else_=0))]
    rows = session.execute(
        sa.select(col(Subscriber.mailing_list_id), *sums)
        .where(asked >= _midnight(mondays[0]))
        .group_by(col(Subscriber.mailing_list_id))
    )
    numbers: dict[int, Sequence[int]] = {list_id: list(map(int, counted)) for list_id, *counted in rows}
    lapsed: Counter[tuple[int, date]] = Counter()
    for row in session.exec(select(LapsedSignUps).where(col(LapsedSignUps.week) >= mondays[0])):
        lapsed[row.mailing_list_id, row.week] = row.number
    nothing = [0] * 2 * WEEKS
    return {
        list_id: [
            Week(
                week,
                asked=numbers.get(list_id, nothing)[2 * place] + lapsed[list_id, week],
                confirmed=numbers.get(list_id, nothing)[2 * place + 1],
            )
            for place, week in enumerate(mondays)
        ]
        for list_id in {*numbers, *(list_id for list_id, _ in lapsed)}
    }


def note_lapsed(session: Session, sign_ups: Iterable[tuple[int, datetime]]) -> None:
    """Keep the number of sign-ups (mailing list, when) that are deleted in this transaction without a yes."""
    counted = Counter((list_id, monday_of(asked_at)) for list_id, asked_at in sign_ups)
    for (list_id, week), number in sorted(counted.items()):
        statement = insert(session, LapsedSignUps).values(mailing_list_id=list_id, week=week, number=number)
        session.exec(
            statement.on_conflict_do_update(
                index_elements=["mailing_list_id", "week"], set_={"number": col(LapsedSignUps.number) + number}
            )
        )


def monday_of(moment: datetime) -> date:
    """The first day of its week, in UTC."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _firsts(now: datetime) -> list[datetime]:
    day = now.astimezone(UTC)
    numbers = [day.year * 12 + day.month - 1 - back for back in reversed(range(MONTHS))]
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in numbers]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
