"""What is written of a delivery after its window, and the quickest way to write a hundred of them.

A helper of `newsletter.delivery.ledger`, which alone calls it: on PostgreSQL one statement takes all rows as arrays, on
SQLite, where a statement costs next to nothing, each row is written by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import Session

from newsletter.delivery.models import DeliveryState


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new values of one row; None leaves what is there, but for `finished_at`."""

    id: int
    state: DeliveryState
    attempts: int
    finished_at: datetime | None = None
    due_at: datetime | None = None
    doubts: int = 0  # to be added
    provider: str | None = None
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None


#: Columns that keep their value where an outcome says nothing.
_KEPT = ("due_at", "provider", "provider_id", "code", "detail")
_SET = ("attempts", "finished_at")


def write(session: Session, table: sa.Table, rows: Sequence[Outcome]) -> None:
    """Write the rows, which the caller holds, and end their claim."""
    if not rows:
        return
    values = [
        {
            "row_id": row.id,
            "new_state": row.state,
            "more_doubts": row.doubts,
            **{name: getattr(row, name) for name in (*_KEPT, *_SET)},
        }
        for row in rows
    ]
    connection = session.connection()
    if session.get_bind().dialect.name == "sqlite":
        connection.execute(_one(table), values)
    else:
        arrays = {name: [value[name] for value in values] for name in values[0]}
        connection.execute(_many(table), arrays)


def _one(table: sa.Table) -> sa.Update:
    return _update(table, {name: sa.bindparam(name, type_=kind) for name, kind in _types(table).items()})


def _many(table: sa.Table) -> sa.Update:
    types = _types(table)
    arrays = [sa.bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in types.items()]
    columns = [sa.column(name, kind) for name, kind in types.items()]
    given = sa.func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    return _update(table, {name: given.c[name] for name in types})


def _types(table: sa.Table) -> dict[str, sa.types.TypeEngine[Any]]:
    columns = table.c
    return {
        "row_id": columns.id.type,
        "new_state": columns.state.type,
        "more_doubts": columns.doubts.type,
        **{name: columns[name].type for name in (*_KEPT, *_SET)},
    }


def _update(table: sa.Table, new: dict[str, Any]) -> sa.Update:
    columns = table.c
    return (
        sa.update(table)
        .where(columns.id == new["row_id"])
        .values(
            state=new["new_state"],
            claim=None,
            lease_until=None,
            doubts=columns.doubts + new["more_doubts"],
            **{name: new[name] for name in _SET},
            **{name: sa.func.coalesce(new[name], columns[name]) for name in _KEPT},
        )
    )
