"""What time alone removes (REQ-33), in bounded steps, so that no sweep holds other work up for long.

How long what is kept: `newsletter.core.periods`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core import periods
from newsletter.core.periods import Period
from subscribers import growth
from subscribers.models import (
    Attempt,
    Bouncing,
    Consent,
    LeaveBurst,
    Subscriber,
    SubscriberState,
    SubscriberTopic,
    Suppression,
    SuppressionReason,
)

#: Rows of one kind that one sweep touches at most.
ROWS_PER_SWEEP = 10_000


#: What is counted is counted over a day at most.
_ATTEMPTS_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Swept:
    """How much one sweep removed. Not `is_complete`: there is more; sweep again in a new transaction."""

    pending_deleted: int
    addresses_emptied: int
    ended_deleted: int
    consents_deleted: int
    attempts_deleted: int
    suppressions_deleted: int
    is_complete: bool


def sweep(
    session: Session,
    *,
    now: datetime,
    rows_at_most: int = ROWS_PER_SWEEP,
) -> Swept:
    """Remove what has been kept long enough. Repeatable, and safe at any time and twice at once.

    - Requests nobody confirmed, with their consents: deleted; their number by week stays.
    - People who left or could not be reached: first everything that says who they were is emptied, later the row goes.
    - Consents that belong to nobody any more: deleted a while after they were asked for or withdrawn.
    - Bursts of leaves: deleted a while after they were decided about.
    - Attempts, and suppressions that are over: deleted.
    - That editions came back: deleted when the person gets none any more, or a while after it happened last.
    """
    bound = _Bound(session, rows_at_most)
    kept = periods.all_periods(session)
    unconfirmed = (
        col(Subscriber.state) == SubscriberState.PENDING,
        col(Subscriber.requested_at) <= now - kept[Period.PENDING],
    )
    bound.delete(
        Consent,
        col(Consent.subscriber_id).in_(sa.select(col(Subscriber.id)).where(*unconfirmed)),
        col(Consent.confirmed_at).is_(None),
    )
    pending = bound.delete_unconfirmed(*unconfirmed)
    is_over = col(Subscriber.state).in_((SubscriberState.LEFT, SubscriberState.SUSPENDED))
    emptied = bound.empty_addresses(is_over, col(Subscriber.ended_at) <= now - kept[Period.ADDRESS_AFTER_END])
    bound.delete(
        SubscriberTopic,
        col(SubscriberTopic.subscriber_id).in_(
            sa.select(col(Subscriber.id)).where(is_over, col(Subscriber.address_sealed).is_(None))
        ),
    )
    ended = bound.delete(Subscriber, is_over, col(Subscriber.ended_at) <= now - kept[Period.ROW_AFTER_END])
    orphaned = bound.delete(
        Consent,
        col(Consent.subscriber_id).is_(None),
        sa.func.coalesce(col(Consent.withdrawn_at), col(Consent.requested_at)) <= now - kept[Period.ROW_AFTER_END],
    )
    bound.delete(LeaveBurst, col(LeaveBurst.decided_at) <= now - kept[Period.ROW_AFTER_END])
    attempts = bound.delete(Attempt, col(Attempt.at) <= now - _ATTEMPTS_KEPT)
    suppressions = bound.delete(
        Suppression, col(Suppression.until) <= now, col(Suppression.reason) != SuppressionReason.ERASED
    )
    confirmed = sa.select(col(Subscriber.id)).where(col(Subscriber.state) == SubscriberState.CONFIRMED)
    bound.delete(
        Bouncing,
        sa.or_(
            col(Bouncing.subscriber_id).not_in(confirmed), col(Bouncing.last_at) <= now - kept[Period.ROW_AFTER_END]
        ),
    )
    return Swept(pending, emptied, ended, orphaned, attempts, suppressions, is_complete=not bound.is_reached)


class _Bound:
    """Statements that touch so many rows and no more, and remember whether that was too few."""

    def __init__(self, session: Session, rows_at_most: int) -> None:
        self._session = session
        self._rows_at_most = rows_at_most
        self.is_reached = False

    def delete(self, table: Any, *where: sa.ColumnElement[bool]) -> int:
        return self._run(sa.delete(table).where(_key(table).in_(self._ids(table, where))))

    def delete_unconfirmed(self, *where: sa.ColumnElement[bool]) -> int:
        """How many there were stays, by week; two sweeps at once count each of them once."""
        statement = sa.delete(Subscriber).where(col(Subscriber.id).in_(self._ids(Subscriber, where)))
        gone = self._session.execute(
            statement.returning(col(Subscriber.mailing_list_id), col(Subscriber.requested_at)),
            execution_options={"synchronize_session": False},
        ).all()
        growth.note_lapsed(self._session, ((list_id, asked_at) for list_id, asked_at in gone))
        self.is_reached = self.is_reached or len(gone) >= self._rows_at_most
        return len(gone)

    def empty_addresses(self, *where: sa.ColumnElement[bool]) -> int:
        holding = sa.or_(col(Subscriber.address_hash).is_not(None), col(Subscriber.address_sealed).is_not(None))
        return self._run(
            sa.update(Subscriber)
            .where(col(Subscriber.id).in_(self._ids(Subscriber, (*where, holding))))
            .values(
                address_hash=None,
                address_sealed=None,
                role=None,
                school_urn=None,
                setting_name=None,
                phase=None,
                regular_only=False,
                asked_at=None,
                asked_again_at=None,
                answered_at=None,
                takes_over_from=None,
            )  # fmt: skip
        )

    def _ids(self, table: Any, where: tuple[sa.ColumnElement[bool], ...]) -> sa.Select[Any]:
        return sa.select(_key(table)).where(*where).order_by(_key(table)).limit(self._rows_at_most)

    def _run(self, statement: sa.Delete | sa.Update) -> int:
        count = self._session.exec(statement, execution_options={"synchronize_session": False}).rowcount
        self.is_reached = self.is_reached or count >= self._rows_at_most
        return count


def _key(table: Any) -> sa.Column[Any]:
    return sa.inspect(table).primary_key[0]  # type: ignore[no-any-return]
