"""The statements that run for every window, each built once: building one costs several times what it costs to run it.

`newsletter.delivery.ledger` and `newsletter.delivery.batches` give them their values; nothing else uses them.
"""

from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from newsletter.delivery.models import Batch, Delivery, DeliveryState
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

#: Columns of an outcome that keep their value where it says nothing, and those that are set in any case.
_KEPT, _SET = ("due_at", "provider", "provider_id", "code", "detail"), ("attempts", "finished_at")


@cache
def standing() -> sa.Select[Any]:
    """How things stand for the holder of a batch. Values: `edition`, `number`."""
    edition, mailing_list = _table(Edition).c, _table(MailingList).c
    return (
        sa.select(
            edition.state,
            edition.mailing_list_id,
            BATCH.c.token,
            mailing_list.keep_trying_hours,
            mailing_list.resend_once,
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
    of_batch = (columns.edition_id == sa.bindparam("edition"), columns.batch == sa.bindparam("number"))
    claim = _claim(*of_batch).values(claim=sa.bindparam("claim_id"))
    return claim.returning(columns.id, columns.subscriber_id, columns.queued_at, columns.attempts, columns.due_at)


@cache
def claim_of_letters() -> sa.Update:
    """The first due letters become `sending`, for as long as `until`. Values: `claim_id`, `now`, `most`, `until`."""
    claim = _claim(DELIVERY.c.edition_id.is_(None), DELIVERY.c.batch.is_(None))
    return claim.values(claim=sa.bindparam("claim_id"), lease_until=sa.bindparam("until")).returning(*row())


def row() -> tuple[sa.ColumnElement[Any], ...]:
    """What the ledger looks at of a delivery."""
    columns = DELIVERY.c
    return (
        columns.id, columns.kind, columns.edition_id, columns.mailing_list_id, columns.subscriber_id,
        columns.queued_at, columns.batch, columns.attempts, columns.due_at, columns.state, columns.doubts,
    )  # fmt: skip


@cache
def still_claimed() -> sa.Select[Any]:
    """Of the deliveries `ids` those that `claim_id` may write: held, or given up on and claimed by nobody since."""
    columns = DELIVERY.c
    return (
        sa.select(columns.id, columns.state, columns.doubts)
        .where(
            columns.id.in_(sa.bindparam("ids", expanding=True)),
            columns.claim == sa.bindparam("claim_id"),
            columns.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN)),
        )
        .order_by(columns.id)
        .with_for_update()
    )


@cache
def outcome() -> sa.Update:
    """New values for one row; run with many, on SQLite, where a statement costs next to nothing."""
    return _outcome({name: sa.bindparam(name, type_=kind) for name, kind in _types().items()})


@cache
def outcomes() -> sa.Update:
    """New values for many rows at once, each value an array, on PostgreSQL."""
    types = _types()
    arrays = [sa.bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in types.items()]
    columns = [sa.column(name, kind) for name, kind in types.items()]
    given = sa.func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    return _outcome({name: given.c[name] for name in types})


@cache
def keep(states: tuple[str, ...], *, with_pace: bool) -> sa.Update:
    """Hold a batch for longer, and add to the counts of these states. Values: `edition`, `batch_number`, `holder`,
    `until`, `pace`, and one for each state, named `more_…`."""
    values: dict[str, Any] = {name: BATCH.c[name] + sa.bindparam(f"more_{name}") for name in states}
    if with_pace:
        values["pace_per_s"] = sa.bindparam("pace")
    return (
        sa.update(BATCH)
        .where(
            BATCH.c.edition_id == sa.bindparam("edition"),
            BATCH.c.number == sa.bindparam("batch_number"),
            BATCH.c.token == sa.bindparam("holder"),
            BATCH_IS_OPEN,
        )
        .values(lease_until=sa.bindparam("until"), **values)
    )


@cache
def next_due() -> sa.Select[Any]:
    """When the next open delivery of a batch is due. Values: `edition`, `number`."""
    columns = DELIVERY.c
    return sa.select(sa.func.min(columns.due_at)).where(
        IS_OPEN, columns.edition_id == sa.bindparam("edition"), columns.batch == sa.bindparam("number")
    )


def _claim(*which: sa.ColumnElement[bool]) -> sa.Update:
    columns = DELIVERY.c
    first = (
        sa.select(columns.id)
        .where(IS_OPEN, *which, columns.state.in_(WAITING), columns.due_at <= sa.bindparam("now"))
        .order_by(columns.due_at, columns.id)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    claimed = sa.update(DELIVERY).where(columns.id.in_(first.scalar_subquery()))
    return claimed.values(state=DeliveryState.SENDING, attempts=columns.attempts + 1)


def _types() -> dict[str, sa.types.TypeEngine[Any]]:
    columns = DELIVERY.c
    return {
        "row_id": columns.id.type,
        "new_state": columns.state.type,
        "more_doubts": columns.doubts.type,
        **{f"new_{name}": columns[name].type for name in (*_KEPT, *_SET)},
    }


def _outcome(new: dict[str, Any]) -> sa.Update:
    columns = DELIVERY.c
    return (
        sa.update(DELIVERY)
        .where(columns.id == new["row_id"])
        .values(
            state=new["new_state"],
            claim=None,
            lease_until=None,
            doubts=columns.doubts + new["more_doubts"],
            **{name: new[f"new_{name}"] for name in _SET},
            **{name: sa.func.coalesce(new[f"new_{name}"], columns[name]) for name in _KEPT},
        )
    )
