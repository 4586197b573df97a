"""When the editions of a mailing list fall due: its cadence, and the days on which the council is closed.

`scheduler.cadence` does the arithmetic, `scheduler.jobs` follows it. Here staff decide.
"""

from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions.elections import checked_name
from newsletter.editions.models import Cadence, ClosedPeriod
from scheduler import cadence as cadences
from scheduler.cadence import Closed

#: Beyond this an edition would move too far: for a long holiday the cadence itself leaves the months out.
LONGEST_CLOSURE = timedelta(days=10)

TIMEZONE = "Europe/London"


def closed(session: Session) -> Closed:
    """Tells whether a date is a bank holiday in England or the council is closed."""
    entered = [(row.starts_on, row.ends_on) for row in closures(session)]
    is_bank_holiday = cadences.bank_holidays()

    def is_closed(day: date) -> bool:
        return is_bank_holiday(day) or any(first <= day <= last for first, last in entered)

    return is_closed


def closures(session: Session) -> list[ClosedPeriod]:
    """Every time the council is closed, the latest first."""
    return list(session.exec(select(ClosedPeriod).order_by(col(ClosedPeriod.starts_on).desc(), col(ClosedPeriod.id))))


def close(session: Session, name: str, starts_on: date, ends_on: date, *, now: datetime) -> ClosedPeriod:
    """Let no edition fall due on these days, both included: it moves to the next working day. Repeatable.

    Raises `InvalidInput`.
    """
    name = checked_name(name)
    if ends_on < starts_on:
        raise InvalidInput("The last day must be on or after the first day", field="ends_on")
    if ends_on - starts_on >= LONGEST_CLOSURE:
        raise InvalidInput(
            f"Choose {LONGEST_CLOSURE.days} days or fewer. For a longer holiday, change when the mailing list’s "
            "editions fall due",
            field="ends_on",
        )
    known = session.exec(
        select(ClosedPeriod).where(
            ClosedPeriod.name == name, ClosedPeriod.starts_on == starts_on, ClosedPeriod.ends_on == ends_on
        )
    ).first()
    period = known or ClosedPeriod(name=name, starts_on=starts_on, ends_on=ends_on)
    session.add(period)
    session.flush()
    count_anew(session, now=now)
    return period


def closure_by_id(session: Session, period_id: int) -> ClosedPeriod:
    """Raises `NotFound`."""
    period = session.get(ClosedPeriod, period_id)
    if period is None:
        raise NotFound("There are no such closed days.")
    return period


def reopen(session: Session, period_id: int, *, now: datetime) -> ClosedPeriod:
    """Take closed days out. Raises `NotFound`."""
    period = closure_by_id(session, period_id)
    session.delete(period)
    session.flush()
    count_anew(session, now=now)
    return period


def cadence_of(session: Session, mailing_list_id: int) -> Cadence | None:
    """When this list's editions fall due; None: nobody has decided it, they are assembled by hand."""
    return session.exec(select(Cadence).where(Cadence.mailing_list_id == mailing_list_id)).first()


def change(session: Session, mailing_list_id: int, *, rule: str, anchor: datetime, now: datetime) -> Cadence:
    """Decide when editions fall due, the first at `anchor`. Raises `InvalidInput` for a rule that cannot be used or
    has no date to come."""
    cadences.check(rule, TIMEZONE)
    following = cadences.next_due(rule, anchor, TIMEZONE, _after(anchor, now), closed(session))
    if following is None:
        raise InvalidInput("With this rule no edition would ever fall due. Write another one", field="rule")
    cadence = cadence_of(session, mailing_list_id) or Cadence(mailing_list_id=mailing_list_id, rule=rule, anchor=anchor)
    cadence.rule, cadence.anchor, cadence.timezone, cadence.next_due = rule, anchor, TIMEZONE, following
    session.add(cadence)
    session.flush()
    return cadence


def stop(session: Session, mailing_list_id: int) -> None:
    """Let no more editions fall due; the rule is remembered. Repeatable."""
    cadence = cadence_of(session, mailing_list_id)
    if cadence is not None:
        cadence.next_due = None
        session.add(cadence)
        session.flush()


def coming(session: Session, cadence: Cadence, *, now: datetime, number: int = 5) -> list[datetime]:
    """The next moments at which an edition falls due, in UTC; none when it is stopped."""
    moments: list[datetime] = []
    is_closed, moment = closed(session), cadence.next_due
    while moment is not None and len(moments) < number:
        moments.append(moment)
        moment = cadences.next_due(cadence.rule, cadence.anchor, cadence.timezone, max(moment, now), is_closed)
    return moments


def count_anew(session: Session, *, now: datetime) -> None:
    """Work out again when each list is due, after closed days have changed. What is due already stays due."""
    is_closed = closed(session)
    for cadence in session.exec(select(Cadence).where(col(Cadence.next_due) > now).order_by(col(Cadence.id))):
        after = _after(cadence.anchor, now)
        cadence.next_due = cadences.next_due(cadence.rule, cadence.anchor, cadence.timezone, after, is_closed)
        session.add(cadence)
    session.flush()


def _after(anchor: datetime, now: datetime) -> datetime:
    """What is due after this moment is to come, the first of all included."""
    return max(now, anchor - timedelta(seconds=1))
