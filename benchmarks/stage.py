"""What a measured database holds: readers, an edition that is approved, and whatever was sent long ago.

Everything is written straight into the tables, as quickly as they take it, for it is not what is measured. What the
measured code reads is real: sealed addresses, keyed hashes, and an edition frozen as approval freezes it.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

import newsletter.tables as tables
from benchmarks.rendering import edition as edition_mail
from newsletter.content.models import Partnership
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches
from newsletter.delivery.models import Batch, BatchState, DeliveryKind, DeliveryState
from newsletter.editions import composing, freezing
from newsletter.editions.models import Edition, EditionState
from newsletter.rendering.engine import Engine, templates_directory
from newsletter.rendering.mails import Rendered
from subscribers import identity
from subscribers.models import MailingList, SubscriberState

UPDATES = 25
#: Readers of the small edition that a worker sends first, so that all it does only once is done.
WARM_UP_READERS = 2000
#: Their addresses come after everybody else's.
_WARM_UP_FIRST = 2_000_000
_ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Stage:
    """What was set up."""

    readers: int
    edition_id: int
    warm_up_edition_id: int


def address(number: int) -> str:
    return f"r{number}@example.org"


def set_up(runtime: Runtime, readers: int, *, readable: bool = True, finished: int = 0) -> Stage:
    """A mailing list with so many confirmed readers and an approved edition for them; a small one to warm up with.

    Not `readable`: random bytes stand where addresses would, which is enough for opening an edition. `finished`: how
    many deliveries of earlier editions the ledger holds besides.
    """
    with runtime.db.transaction() as session:
        session.add(
            Partnership(
                name="Example SEND partnership",
                area="Example",
                publisher="Example County Council",
                postal_address="County Hall, New Road, Example EX1 1AA",
                phone="01632 960 100",
                contact_email="send-news@example.org",
                website="https://www.example.org",
                help_text="The [Local Offer](https://example.org/local-offer) lists services and support.",
                local_authority_code=931,
            )
        )
        list_id = _mailing_list(session, "parents", Audience.PARENTS)
        small_list_id = _mailing_list(session, "professionals", Audience.PROFESSIONALS)
    _add_readers(runtime, small_list_id, _WARM_UP_FIRST, WARM_UP_READERS)
    if readable:
        _add_readers(runtime, list_id, 0, readers)
    else:
        _add_random_readers(runtime, list_id, readers)
    if finished:
        _add_finished(runtime, list_id, readers, finished)
    rendered = Engine(templates_directory()).render(edition_mail(UPDATES))
    with runtime.db.transaction() as session:
        warm_up_edition_id = _approved_edition(session, runtime, small_list_id, rendered)
        edition_id = _approved_edition(session, runtime, list_id, rendered)
    settle(runtime)
    return Stage(readers, edition_id, warm_up_edition_id)


def _mailing_list(session: Session, slug: str, audience: Audience) -> int:
    made = MailingList(
        slug=slug,
        name=f"SEND news for {slug}",
        audience=audience,
        summary="News.",
        frequency="about once a fortnight",
        sender_name="Example SEND news",
        sender_email="news@example.org",
        reply_to="send-news@example.org",
        lawful_basis="consent",
    )
    session.add(made)
    session.flush()
    assert made.id is not None
    return made.id


def _add_readers(runtime: Runtime, list_id: int, first: int, number: int) -> None:
    table, crypto, now = tables.metadata.tables["subscriber"], runtime.crypto, runtime.clock.now()
    shared = {"mailing_list_id": list_id, "state": SubscriberState.CONFIRMED, "requested_at": now, "confirmed_at": now}
    with runtime.db.transaction() as session:
        for start in range(first, first + number, _ROWS_AT_ONCE):
            rows: list[dict[str, Any]] = [
                {
                    **shared,
                    "address_hash": identity.address_hash(crypto, list_id, address(each)),
                    "address_sealed": crypto.encrypt(address(each)),
                }
                for each in range(start, min(start + _ROWS_AT_ONCE, first + number))
            ]
            session.connection().execute(sa.insert(table), rows)


def _add_random_readers(runtime: Runtime, list_id: int, number: int) -> None:
    """By the database itself. Twelve bytes of nonce, an address, sixteen bytes of tag: 50 or so."""
    table, now = tables.metadata.tables["subscriber"], runtime.clock.now()
    numbers = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < number))
    hashed, sealed = sa.func.randomblob(32), sa.func.randomblob(50)
    if not runtime.db.is_sqlite:
        text = sa.cast(sa.cast(numbers.c.n, sa.Text), sa.LargeBinary)
        hashed, sealed = sa.func.sha256(text), sa.func.substr(sa.func.sha512(text), 1, 50)
    columns = table.c
    values: dict[str, sa.ColumnElement[Any]] = {
        "mailing_list_id": sa.literal(list_id),
        "state": sa.literal(SubscriberState.CONFIRMED, columns.state.type),
        "requested_at": sa.literal(now, columns.requested_at.type),
        "confirmed_at": sa.literal(now, columns.confirmed_at.type),
        "address_hash": hashed,
        "address_sealed": sealed,
    }
    rows = sa.select(*values.values()).select_from(numbers)
    with runtime.db.transaction() as session:
        session.connection().execute(sa.insert(table).from_select(list(values), rows))


def _approved_edition(
    session: Session, runtime: Runtime, list_id: int, rendered: Rendered, state: EditionState = EditionState.APPROVED
) -> int:
    mailing_list = session.get_one(MailingList, list_id)
    number = session.scalar(sa.select(sa.func.count()).select_from(Edition)) or 0
    now = runtime.clock.now()
    made = Edition(
        mailing_list_id=list_id,
        audience=mailing_list.audience,
        number=number + 1,
        slug=f"edition-{number + 1}",
        date=now.date(),
        subject=rendered.subject,
        created_at=now,
        state=state,
    )
    page = composing.page_json(edition_mail(0))  # its updates are in no table, for opening to compare them with
    for name, value in freezing.freeze(made, rendered, page).items():
        setattr(made, name, value)
    session.add(made)
    session.flush()
    assert made.id is not None
    return made.id


def _add_finished(runtime: Runtime, list_id: int, readers: int, number: int) -> None:
    """Earlier editions, sent, each with one accepted delivery for every reader, until there are so many deliveries."""
    now = runtime.clock.now()
    rendered = Rendered(subject="Sent long ago", html="<p>Sent</p>", text="Sent", markdown="Sent")
    deliveries, people = tables.metadata.tables["delivery"], tables.metadata.tables["subscriber"].c
    shared: dict[str, Any] = {
        "kind": DeliveryKind.EDITION,
        "mailing_list_id": list_id,
        "attempts": 1,
        "doubts": 0,
        "provider": "smtp",
    }
    shared |= {"state": DeliveryState.ACCEPTED, "due_at": now, "queued_at": now, "finished_at": now, "code": "250"}
    with runtime.db.transaction() as session:
        for _ in range(number // readers):
            edition_id = _approved_edition(session, runtime, list_id, rendered, EditionState.SENT)
            values = {**shared, "edition_id": edition_id}
            literals = [sa.literal(value, deliveries.c[name].type) for name, value in values.items()]
            batch = sa.cast((sa.func.row_number().over(order_by=people.id) - 1) // batches.SIZE, sa.Integer)
            rows = sa.select(people.id, batch, *literals).where(people.mailing_list_id == list_id).order_by(people.id)
            columns = ["subscriber_id", "batch", *values]
            session.connection().execute(sa.insert(deliveries).from_select(columns, rows))
            for number in range(-(-readers // batches.SIZE)):
                size = min(batches.SIZE, readers - number * batches.SIZE)
                session.add(
                    Batch(edition_id=edition_id, number=number, state=BatchState.DONE, due_at=now, accepted=size)
                )


def settle(runtime: Runtime) -> None:
    """What a database that has been there for a while has done already: everything is in its files."""
    with runtime.db.engine.connect() as plain:
        if runtime.db.is_sqlite:
            plain.exec_driver_sql("COMMIT")
            plain.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    if not runtime.db.is_sqlite:
        with runtime.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
