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
    for list_id, state, number in session.execute(_STATES):
        if number:
            found.setdefault(list_id, Counter())[state] = number
    return found


def _counting_states() -> sa.Select[tuple[int, SubscriberState, int]]:
    """A stretch of an index for each state of each list, which takes a third of the time of grouping everybody."""
    list_id, state = col(MailingList.id), Subscriber.__table__.c.state  # type: ignore[attr-defined]
    each = sa.union_all(*(sa.select(sa.literal(one, state.type).label("state")) for one in SubscriberState)).subquery()
    number = (
        sa.select(sa.func.count())
        .where(col(Subscriber.mailing_list_id) == list_id, state == each.c.state)
        .correlate(each, MailingList)
        .scalar_subquery()
    )
    return sa.select(list_id, each.c.state, number).join_from(MailingList, each, sa.true())


_STATES = _counting_states()


def by_month(
    session: Session, present: Mapping[int, Counter[SubscriberState]], *, now: datetime
) -> dict[int, list[Month]]:
    """The last twelve months (in UTC) by mailing list, oldest first, counted back from the `states` that are present,
    in two queries."""
    firsts = _firsts(now)
    end = now + timedelta(days=1)
    joined, left = (_counted(session, counting, firsts, end) for counting in (_JOINED, _LEFT))
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


def _counting(moment: Any, spans: int, where: sa.ColumnElement[bool]) -> sa.Select[tuple[int, int, int]]:
    """How many have this moment, by mailing list and the place of the span in which it lies; the moments `bound_0` to
    `bound_n` stand between n spans. Each span of each list is a stretch of an index: nobody's row is looked at, and
    nobody from before the first span, which are most people."""
    bounds = [sa.bindparam(f"bound_{place}", type_=moment.type) for place in range(spans + 1)]
    span = sa.union_all(
        *(
            sa.select(sa.literal_column(str(place)).label("place"), bounds[place].label("start"), stop.label("stop"))
            for place, stop in enumerate(bounds[1:])
        )
    ).subquery("span")
    list_id = col(MailingList.id)
    number = (
        sa.select(sa.func.count())
        .where(col(Subscriber.mailing_list_id) == list_id, moment >= span.c.start, moment < span.c.stop, where)
        .correlate(span, MailingList)
        .scalar_subquery()
    )
    return sa.select(list_id, span.c.place, number).join_from(MailingList, span, sa.true())


_state, _asked_at, _joined_at = col(Subscriber.state), col(Subscriber.requested_at), col(Subscriber.confirmed_at)
# Who asks again counts once they confirm.
_JOINED = _counting(_joined_at, MONTHS, _state.in_((SubscriberState.CONFIRMED, *_OVER)))
_LEFT = _counting(col(Subscriber.ended_at), MONTHS, sa.and_(_state.in_(_OVER), _joined_at.is_not(None)))
_ASKED = _counting(_asked_at, WEEKS, sa.true())
_SAID_YES = _counting(_asked_at, WEEKS, _joined_at >= _asked_at)


def _counted(
    session: Session, counting: sa.Select[tuple[int, int, int]], starts: Sequence[datetime], end: datetime
) -> Counter[tuple[int, int]]:
    bounds = {f"bound_{place}": moment for place, moment in enumerate((*starts, end))}
    return Counter({(list_id, place): number for list_id, place, number in session.execute(counting, bounds) if number})


def by_week(session: Session, *, now: datetime) -> dict[int, list[Week]]:
    """The last eight weeks (in UTC) by mailing list, oldest first, in three queries. Of the last week or two some may
    still confirm."""
    monday = monday_of(now)
    mondays = [monday - timedelta(weeks=weeks) for weeks in reversed(range(WEEKS))]
    starts = [_midnight(each) for each in mondays]
    end = starts[-1] + timedelta(weeks=1)
    asked_then, said_yes = (_counted(session, counting, starts, end) for counting in (_ASKED, _SAID_YES))
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
