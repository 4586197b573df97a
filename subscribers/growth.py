"""How a mailing list grows, in numbers about nobody: who is in which state, who came and went, who said yes (REQ-15).

Counted from the rows that are there. Whoever was erased is in none of these numbers; whoever came back counts once, in
the month they came back. Sign-ups that nobody confirmed are deleted after days, so that their number is kept by itself
(`LapsedSignUps`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.db import insert
from subscribers.models import LapsedSignUps, MailingList, Subscriber, SubscriberState

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


def by_month(
    session: Session, present: Mapping[int, Counter[SubscriberState]], *, now: datetime
) -> dict[int, list[Month]]:
    """The last twelve months (in UTC) by mailing list, oldest first, counted back from the `states` that are present,
    in two queries."""
    firsts = _firsts(now)
    state, end = col(Subscriber.state), now + timedelta(days=1)
    counts = state.in_((SubscriberState.CONFIRMED, *_OVER))  # who asks again counts once they confirm
    is_over = sa.and_(state.in_(_OVER), col(Subscriber.confirmed_at).is_not(None))
    joined = _counted(session, col(Subscriber.confirmed_at), firsts, end, counts)
    left = _counted(session, col(Subscriber.ended_at), firsts, end, is_over)
    answer = {}
    for list_id, of_state in present.items():
        number = of_state[SubscriberState.CONFIRMED]
        months: list[Month] = []
        for place in reversed(range(len(firsts))):
            came, went = joined[list_id, place], left[list_id, place]
            months.insert(0, Month(firsts[place].date(), came, went, max(number, 0)))
            number += went - came
        answer[list_id] = months
    return answer


def _counted(
    session: Session, moment: Any, starts: Sequence[datetime], end: datetime, where: sa.ColumnElement[bool]
) -> Counter[tuple[int, int]]:
    """How many have this moment, by mailing list and the place among `starts` of the span in which it lies. Looks at
    nobody from before the first, which are most people."""
    place = sa.case(*((moment < later, number) for number, later in enumerate(starts[1:])), else_=len(starts) - 1)
    found = session.execute(
        sa.select(col(Subscriber.mailing_list_id), place.label("place"), sa.func.count())
        .where(col(Subscriber.mailing_list_id).in_(sa.select(col(MailingList.id))), moment >= starts[0], moment < end)
        .where(where)
        .group_by(col(Subscriber.mailing_list_id), sa.text("place"))
    )
    return Counter({(list_id, number): counted for list_id, number, counted in found})


def by_week(session: Session, *, now: datetime) -> dict[int, list[Week]]:
    """The last eight weeks (in UTC) by mailing list, oldest first, in three queries. Of the last week or two some may
    still confirm."""
    monday = monday_of(now)
    mondays = [monday - timedelta(weeks=weeks) for weeks in reversed(range(WEEKS))]
    starts, asked = [_midnight(each) for each in mondays], col(Subscriber.requested_at)
    end = starts[-1] + timedelta(weeks=1)
    asked_then = _counted(session, asked, starts, end, sa.true())
    said_yes = _counted(session, asked, starts, end, col(Subscriber.confirmed_at) >= asked)
    lapsed: Counter[tuple[int, date]] = Counter()
    for row in session.exec(select(LapsedSignUps).where(col(LapsedSignUps.week) >= mondays[0])):
        lapsed[row.mailing_list_id, row.week] = row.number
    return {
        list_id: [
            Week(
                week,
                asked=asked_then[list_id, place] + lapsed[list_id, week],
                confirmed=said_yes[list_id, place],
            )
            for place, week in enumerate(mondays)
        ]
        for list_id in {list_id for list_id, _ in (*asked_then, *lapsed)}
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
