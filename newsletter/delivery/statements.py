"""The statements that run for every window, each built once: building one costs several times what it costs to run it.

`newsletter.delivery.ledger` and `newsletter.delivery.batches` give them their values; nothing else uses them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import sqlalchemy as sa

from newsletter.core.db import AllAtOnce, one_of
from newsletter.delivery.models import Batch, BatchState, Delivery, DeliveryState
from newsletter.editions.models import Edition
from subscribers.models import MailingList


def _table(model: type) -> sa.Table:
    return cast(sa.Table, sa.inspect(model).local_table)


DELIVERY, BATCH = _table(Delivery), _table(Batch)

#: Written out, because the partial indexes are used only when the query says literally what they say.
IS_OPEN = sa.text("delivery.state IN ('queued', 'sending', 'deferred')")
IS_SENDING = sa.text("delivery.state = 'sending'")
BATCH_IS_OPEN = sa.text("batch.state = 'open'")

WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)


@cache
def standing(dialect: str) -> sa.Select[Any]:
    """How things stand for the holder of a batch, and the time by the database's clock, where it is one that several
    machines share. Values: `edition`, `number`."""
    edition, mailing_list = _table(Edition).c, _table(MailingList).c
    return (
        sa.select(
            edition.state,
            edition.frozen_sha256,
            edition.is_special,
            edition.topic_id,
            edition.mailing_list_id,
            BATCH.c.token,
            mailing_list.keep_trying_hours,
            mailing_list.resend_once,
            (sa.null() if dialect == "sqlite" else sa.func.clock_timestamp()).label("at"),
        )
        .select_from(BATCH.join(_table(Edition), edition.id == BATCH.c.edition_id))
        .join(_table(MailingList), mailing_list.id == edition.mailing_list_id)
        .where(BATCH.c.edition_id == sa.bindparam("edition"), BATCH.c.number == sa.bindparam("number"))
    )


@cache
def claim_of_batch() -> sa.Update:
    """The first due deliveries of a batch become `sending`. Values: `edition`, `number`, `claim_id`, `now`, `most`.

    Rows that somebody else is changing at this moment are left out, so that nobody waits for anybody.
    """
    columns = DELIVERY.c
    claimed = _claimed(sa.update(DELIVERY).where(_is_one_of(_first(columns.id, of=_of_batch()))))
    return claimed.returning(columns.id, columns.subscriber_id, columns.queued_at, columns.attempts, _was_put_off())


@cache
def due_of_batch() -> AllAtOnce:
    """What `claim_of_batch` gives, before it becomes `sending`: for SQLite, where a transaction that writes is alone,
    and rows that an UPDATE gives back cannot be had at once. Values: `edition`, `number`, `now`, `most`."""
    columns = DELIVERY.c
    counted = (columns.attempts + 1).label("attempts")
    return AllAtOnce(
        _first(columns.id, columns.subscriber_id, columns.queued_at, counted, _was_put_off(), of=_of_batch())
    )


@cache
def claim_of_these() -> sa.Update:
    """These deliveries become `sending`, for SQLite. Values: `claim_id`, `ids`."""
    return _claimed(sa.update(DELIVERY).where(one_of(DELIVERY.c.id, "ids", "sqlite")))


@cache
def claim_of_letters(dialect: str) -> sa.Update:
    """The first due letters become `sending`, for as long as `until`. Values: `claim_id`, `now`, `most`, `until`."""
    columns = DELIVERY.c
    first = _first(columns.id, of=(columns.edition_id.is_(None), columns.batch.is_(None)))
    is_one = columns.id.in_(first.scalar_subquery()) if dialect == "sqlite" else _is_one_of(first)
    claimed = _claimed(sa.update(DELIVERY).where(is_one))
    return claimed.values(lease_until=sa.bindparam("until")).returning(*row())


def row() -> tuple[sa.ColumnElement[Any], ...]:
    """What the ledger looks at of a delivery."""
    columns = DELIVERY.c
    return (
        columns.id, columns.kind, columns.edition_id, columns.mailing_list_id, columns.subscriber_id,
        columns.queued_at, columns.batch, columns.attempts, columns.due_at, columns.state, columns.doubts,
    )  # fmt: skip


#: What `outcomes` can be told of each row, in this order: the column it is for, and PostgreSQL's name for its kind.
OUTCOME = {"due_at": "timestamptz", "provider_id": "text", "code": "text", "detail": "text"}


@cache
def outcomes(dialect: str, told: tuple[str, ...]) -> sa.TextClause:
    """One outcome for many rows at once, of which those are written that were in the state `was`, in the hands of
    `claim_id`: once, for the hold ends with it. `told`: of which columns in `OUTCOME` any row is told something, for
    SQLite's time goes with each.

    Values: `rows` (JSON: for each a list of its id and what `OUTCOME` names, nulls leave what is there), `ids`,
    `state`, `undone` (1: it was no try), `more_doubts`, `finished_at`, `provider`, `claim_id`, `was`."""
    wanted = [("id", "bigint", 0)]
    wanted += [(name, kind, place) for place, (name, kind) in enumerate(OUTCOME.items(), 1) if name in told]
    if dialect == "sqlite":
        columns = [f"json_extract(value, '$[{place}]') AS new_{name}" for name, _, place in wanted]
        source, where = "json_each(:rows)", ""
    else:
        columns = [f"CAST(value->>{place} AS {kind}) AS new_{name}" for name, kind, place in wanted]
        source = "json_array_elements(CAST(:rows AS json))"
        # Known before anything is looked for, so that nothing but these rows is read, however old the plan is.
        where = "id = ANY(CAST(:ids AS bigint[])) AND "
    types = DELIVERY.c
    return sa.text(
        "UPDATE delivery SET state = :state, claim = NULL, lease_until = NULL, attempts = attempts - :undone, "  # noqa: S608  (names of our own)
        "doubts = doubts + :more_doubts, finished_at = :finished_at, provider = COALESCE(:provider, provider)"
        f"{''.join(f', {name} = COALESCE(new_{name}, {name})' for name, _, _ in wanted[1:])} "
        f"FROM (SELECT {', '.join(columns)} FROM {source}) AS given "
        f"WHERE {where}id = new_id AND claim = :claim_id AND state = :was"
    ).bindparams(
        sa.bindparam("state", type_=types.state.type),
        sa.bindparam("was", type_=types.state.type),
        sa.bindparam("undone", type_=types.attempts.type),
        sa.bindparam("more_doubts", type_=types.doubts.type),
        sa.bindparam("finished_at", type_=types.finished_at.type),
        sa.bindparam("provider", type_=types.provider.type),
    )


def moment(dialect: str, value: datetime) -> str:
    """A moment as it stands in JSON for `outcomes`: as SQLite stores it, or with its zone for PostgreSQL."""
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return text if dialect == "sqlite" else f"{text}+00"


@cache
def keep(states: tuple[str, ...], *, with_pace: bool) -> sa.Update:
    """Hold a batch for longer, and add to the counts of these states. Values: `edition`, `batch_number`, `holder`,
    `until`, `pace`, and one for each state, named `more_…`."""
    values: dict[str, Any] = {name: BATCH.c[name] + sa.bindparam(f"more_{name}") for name in states}
    if with_pace:
        values["pace_per_s"] = sa.bindparam("pace")
    return (
        sa.update(BATCH)
        .where(*_open_batch(), BATCH.c.token == sa.bindparam("holder"))
        .values(lease_until=sa.bindparam("until"), **values)
    )


@cache
def take() -> sa.Update:
    """Hold a batch that is due and in nobody's hands, or in the holder's already. Values: `edition`, `batch_number`,
    `holder`, `until`, `now`."""
    is_free = sa.and_(BATCH.c.token.is_(None), BATCH.c.due_at <= sa.bindparam("now"))
    return (
        sa.update(BATCH)
        .where(*_open_batch(), sa.or_(is_free, BATCH.c.token == sa.bindparam("holder")))
        .values(token=sa.bindparam("holder"), lease_until=sa.bindparam("until"))
    )


@cache
def finish() -> sa.Update:
    """End the hold of a batch in which nothing is left to send. Values: `edition`, `batch_number`, `holder`."""
    is_empty = BATCH.c.queued + BATCH.c.sending + BATCH.c.deferred == 0
    return (
        sa.update(BATCH)
        .where(*_open_batch(), BATCH.c.token == sa.bindparam("holder"), is_empty)
        .values(token=None, lease_until=None, pace_per_s=0, state=BatchState.DONE)
    )


@cache
def next_due() -> sa.Select[Any]:
    """When the next open delivery of a batch is due. Values: `edition`, `number`."""
    columns = DELIVERY.c
    return sa.select(sa.func.min(columns.due_at)).where(
        IS_OPEN, columns.edition_id == sa.bindparam("edition"), columns.batch == sa.bindparam("number")
    )


def _open_batch() -> tuple[sa.ColumnElement[Any], ...]:
    columns = BATCH.c
    of_number = columns.number == sa.bindparam("batch_number")
    return columns.edition_id == sa.bindparam("edition"), of_number, cast(sa.ColumnElement[Any], BATCH_IS_OPEN)


def _of_batch() -> tuple[sa.ColumnElement[bool], ...]:
    columns = DELIVERY.c
    return columns.edition_id == sa.bindparam("edition"), columns.batch == sa.bindparam("number")


def _was_put_off() -> sa.ColumnElement[bool]:
    return (DELIVERY.c.due_at > DELIVERY.c.queued_at).label("was_put_off")


def _first(*columns: sa.ColumnElement[Any], of: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """These columns of the first deliveries that are due, locked. Values: `now`, `most`."""
    delivery = DELIVERY.c
    return (
        sa.select(*columns)
        .where(IS_OPEN, *of, delivery.state.in_(WAITING), delivery.due_at <= sa.bindparam("now"))
        .order_by(delivery.due_at, delivery.id)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)
    )


def _is_one_of(first: sa.Select[Any]) -> sa.ColumnElement[bool]:
    """Whether a delivery is among these. As an array they are looked for once; PostgreSQL may look for those of an
    `IN (SELECT … LIMIT … FOR UPDATE SKIP LOCKED)` again for each row, and find others each time, beyond any limit."""
    return DELIVERY.c.id == sa.any_(sa.func.array(first.scalar_subquery()))


def _claimed(which: sa.Update) -> sa.Update:
    return which.values(state=DeliveryState.SENDING, attempts=DELIVERY.c.attempts + 1, claim=sa.bindparam("claim_id"))
