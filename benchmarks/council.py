"""A council that has sent newsletters for years: 100,000 readers, 200 editions, and one more in each state of its way.

The sample partnership comes first, with its lists, words and schools. Editions are made by the product's own code, as
of the day they are said to be from; readers and what became of their copies are written straight into the tables.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

import newsletter.tables as tables
from benchmarks import stage, workers
from newsletter import migrating, sample
from newsletter.content import feeds, saved_drafts, updates
from newsletter.content.dates import london_date
from newsletter.content.feed_entries import Entry
from newsletter.content.feeds import FeedDraft
from newsletter.content.models import Partner, PriorityArea
from newsletter.content.reading_feeds import Fetched
from newsletter.content.updates import UpdateDraft
from newsletter.core import installation
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, letterheads, opening
from newsletter.delivery.models import Batch, BatchState, DeliveryState, Opening
from newsletter.editions import assembling, composing, elections, freezing, publishing, replied
from newsletter.editions.models import (
    ClosedPeriod,
    Edition,
    EditionApproval,
    EditionChoice,
    EditionEvent,
    EditionState,
)
from newsletter.feedback import complaints
from newsletter.feedback.models import DataComplaint
from newsletter.rendering import engine
from newsletter.staff import accounts, audit, keys, sessions
from newsletter.staff.models import ApiKey, KeyScope, StaffRole
from subscribers import exporting, identity, lists, waiting_imports
from subscribers.models import HeldLeave, LeaveBurst, MailingList, Subscriber, SubscriberState

READERS, PROFESSIONALS, EDITIONS = 100_000, 3_000, 200
UPDATES_EACH, REPLIES_EACH = 6, 10
EVERY = timedelta(days=14)
LOG_ENTRIES = 5_000
NEWS, IMPORTED, HELD = 30, 2_000, 50

_ROWS_AT_ONCE = 5_000
_BODY = (
    "We have opened a phone line for parents and carers. You can call from 8am to 6pm, Monday to Friday. "
    "A person answers, and calls back within two working days.\n\n- It is free\n- You need no reference number"
)


@dataclass(frozen=True, slots=True)
class Council:
    """What a page can be asked about."""

    cookie: str  # of somebody who may do everything
    draft: int
    review: int
    sending: int
    sent: int
    update: int  # in the draft
    professionals: int  # the mailing list
    key: str  # the prefix of an API key
    complaint: str  # its reference


def fill(url: str) -> None:
    """Make it in an empty database."""
    runtime = workers.runtime(url)
    migrating.upgrade(runtime.db)
    with runtime.db.transaction() as session:
        installation.check_secret(session, runtime.crypto, runtime.clock)
    sample.load(runtime, with_people=False)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        parents, professionals = (lists.by_slug(session, slug) for slug in ("parents", "professionals"))
        _add_people(session, runtime, parents, READERS, now)
        _add_people(session, runtime, professionals, PROFESSIONALS, now)
        staff_id = _everybody_in_one(session, runtime, now)
        for entry in range(LOG_ENTRIES):
            about = f"edition {entry % EDITIONS + 1}"
            audit.note(session, runtime.crypto, "change edition", staff_id=staff_id, about=about, now=now)
    for number in range(EDITIONS, 0, -1):
        with runtime.db.transaction() as session:
            mailing_list = lists.by_slug(session, "professionals" if number % 4 == 0 else "parents")
            edition = _edition(session, mailing_list, staff_id, now - number * EVERY)
            _send(session, runtime, edition, mailing_list, staff_id, with_copies=number == 1)
    _three_on_their_way(runtime, staff_id, now)
    with runtime.db.transaction() as session:
        _one_of_each(session, runtime, staff_id, now)
    stage.settle(runtime)
    runtime.db.dispose()


def look(runtime: Runtime) -> Council:
    """Sign somebody in, and find what there is."""
    with runtime.db.transaction() as session:
        staff_id = accounts.find(session, runtime.crypto, _EMAIL).id
        assert staff_id is not None
        now = runtime.clock.now()
        cookie = sessions.begin(session, runtime.crypto, staff_id, browser="A benchmark", is_whole=True, now=now)

        def newest(state: EditionState) -> int:
            found = select(Edition.id).where(Edition.state == state).order_by(col(Edition.id).desc()).limit(1)
            return session.exec(found).one() or 0

        draft = newest(EditionState.DRAFT)
        in_draft = select(EditionChoice.update_id).where(EditionChoice.edition_id == draft, EditionChoice.is_in)
        return Council(
            cookie,
            draft=draft,
            review=newest(EditionState.REVIEW),
            sending=newest(EditionState.SENDING),
            sent=newest(EditionState.SENT),
            update=session.exec(in_draft.limit(1)).one(),
            professionals=lists.by_slug(session, "professionals").id or 0,
            key=session.exec(select(ApiKey.prefix)).one(),
            complaint=session.exec(select(DataComplaint.reference)).one(),
        )


_EMAIL = "everything@example.org"


def _everybody_in_one(session: Session, runtime: Runtime, now: datetime) -> int:
    member = accounts.add(session, runtime.crypto, _EMAIL, roles=StaffRole, now=now)
    member.name = "Officer for everything"
    session.add(member)
    assert member.id is not None
    return member.id


def _add_people(session: Session, runtime: Runtime, mailing_list: MailingList, number: int, now: datetime) -> None:
    """One in twenty has left, one in fifty has not said yes; they came over four years."""
    crypto, list_id = runtime.crypto, mailing_list.id or 0
    wording_id = lists.current_wording(session, list_id).id
    people, consents = tables.metadata.tables["subscriber"], tables.metadata.tables["consent"]
    first = (session.scalar(sa.select(sa.func.max(people.c.id))) or 0) + 1
    for start in range(0, number, _ROWS_AT_ONCE):
        rows: list[dict[str, Any]] = []
        for each in range(start, min(start + _ROWS_AT_ONCE, number)):
            asked = now - timedelta(days=each % 1460, minutes=each % 1000)
            has_left, has_said_yes = each % 20 == 0, each % 50 != 1
            address = f"{mailing_list.slug}-{each}@example.org"
            rows.append(
                {
                    "id": first + each,
                    "mailing_list_id": list_id,
                    "state": _state(has_left=has_left, has_said_yes=has_said_yes),
                    "address_hash": identity.address_hash(crypto, list_id, address),
                    "address_sealed": crypto.encrypt(address),
                    "requested_at": asked,
                    "confirmed_at": asked + timedelta(hours=1) if has_said_yes else None,
                    "ended_at": asked + (now - asked) / 2 if has_left else None,
                    "regular_only": False,
                }
            )
        session.connection().execute(sa.insert(people), rows)
        session.connection().execute(
            sa.insert(consents),
            [
                {
                    "subscriber_id": row["id"],
                    "mailing_list_id": list_id,
                    "wording_id": wording_id,
                    "source": "web form",
                    "requested_at": row["requested_at"],
                    "confirmed_at": row["confirmed_at"],
                    "withdrawn_at": row["ended_at"],
                    "withdrawn_how": "button" if row["ended_at"] else None,
                }
                for row in rows
            ],
        )
    if not runtime.db.is_sqlite:  # the ids were given here
        session.connection().exec_driver_sql("SELECT setval('subscriber_id_seq', (SELECT max(id) FROM subscriber))")


def _state(*, has_left: bool, has_said_yes: bool) -> SubscriberState:
    if not has_said_yes:
        return SubscriberState.PENDING
    return SubscriberState.LEFT if has_left else SubscriberState.CONFIRMED


def _edition(
    session: Session, mailing_list: MailingList, staff_id: int, at: datetime, *, updates_each: int = UPDATES_EACH
) -> Edition:
    """An edition of that day, from updates of that day."""
    partner_id = session.exec(select(Partner.id).order_by(col(Partner.id))).first()
    area_ids = session.exec(select(PriorityArea.id).order_by(col(PriorityArea.id))).all()
    day = london_date(at)
    for number in range(updates_each):
        title = f"More help by phone in area {number + 1}"
        draft = UpdateDraft.model_validate(
            {
                "priority_area_id": area_ids[number % len(area_ids)],
                "partner_id": partner_id,
                "owner": "Head of SEND",
                "parent_title": title,
                "parent_body": _BODY,
                "professional_title": title,
                "professional_body": _BODY,
                "from_date": day,
                "until_date": day + EVERY,
            }
        )
        updates.write(session, draft, author_id=staff_id, now=at)
    edition = assembling.assemble(
        session,
        mailing_list_id=mailing_list.id or 0,
        audience=mailing_list.audience,
        list_name=mailing_list.name,
        now=at,
        author_id=staff_id,
    ).edition
    assert edition is not None
    return edition


def _send(
    session: Session,
    runtime: Runtime,
    edition: Edition,
    mailing_list: MailingList,
    staff_id: int,
    *,
    with_copies: bool,
) -> None:
    """It has gone out: frozen as approval freezes it, and its copies counted. Single copies are kept for a week, so
    that only the newest edition has them."""
    assert edition.id is not None
    at, readers = edition.created_at, READERS if mailing_list.audience is Audience.PARENTS else PROFESSIONALS
    letterhead = letterheads.letterhead(session, mailing_list, runtime.settings.base_url)
    mail = composing.compose(session, edition, letterhead)
    page = composing.page_json(mail)
    for name, value in freezing.freeze(edition, engine.render(mail), page).items():
        setattr(edition, name, value)
    sha256 = edition.frozen_sha256 or ""
    session.add(EditionApproval(edition_id=edition.id, at=at, staff_id=staff_id, sha256=sha256, page=page))
    before = EditionState.DRAFT
    for move, state in (
        ("submit", EditionState.REVIEW),
        ("approve", EditionState.APPROVED),
        ("schedule", EditionState.SCHEDULED),
        ("release", EditionState.SENDING),
        ("finish", EditionState.SENT),
    ):
        event = EditionEvent(edition_id=edition.id, at=at, move=move, from_state=before, to_state=state)
        session.add(event)
        before = state
    edition.state, edition.released_at, edition.approved_at = EditionState.SENT, at + timedelta(days=1), at
    session.add(edition)
    session.add(Opening(edition_id=edition.id, opened_at=at, recipients=readers))
    for number in range(-(-readers // batches.SIZE)):
        size = min(batches.SIZE, readers - number * batches.SIZE)
        counts: dict[str, Any] = {"bounced": 3, "unknown": int(number == 0), "delivered": size // 2}
        counts["accepted"] = size - sum(counts.values())
        session.add(Batch(edition_id=edition.id, number=number, state=BatchState.DONE, due_at=at, **counts))
    session.flush()
    for number in range(REPLIES_EACH):
        replied.take(session, edition, text=f"Thank you for this ({number}).", day=london_date(at))
    if with_copies:
        _add_copies(session, edition, at)


def _add_copies(session: Session, edition: Edition, at: datetime) -> None:
    deliveries, people = tables.metadata.tables["delivery"], tables.metadata.tables["subscriber"].c
    batch = sa.cast((sa.func.row_number().over(order_by=people.id) - 1) // batches.SIZE, sa.Integer)
    values: dict[str, Any] = {
        "kind": "edition", "edition_id": edition.id, "mailing_list_id": edition.mailing_list_id, "attempts": 1,
        "doubts": 0, "state": DeliveryState.ACCEPTED, "due_at": at, "queued_at": at, "finished_at": at,
        "provider": "smtp", "code": "250",
    }  # fmt: skip
    literals = [sa.literal(value, deliveries.c[name].type) for name, value in values.items()]
    rows = sa.select(people.id, batch, *literals).where(people.mailing_list_id == edition.mailing_list_id)
    session.connection().execute(
        sa.insert(deliveries).from_select(["subscriber_id", "batch", *values], rows.order_by(people.id))
    )
    some = sa.select(sa.func.min(deliveries.c.id)).where(deliveries.c.edition_id == edition.id).scalar_subquery()
    session.execute(sa.update(deliveries).where(deliveries.c.id == some).values(state=DeliveryState.UNKNOWN))


def _three_on_their_way(runtime: Runtime, staff_id: int, now: datetime) -> None:
    """One going out, one that waits for approval, and a long draft: each of its own kind, so that they do not wait for
    each other."""
    with runtime.db.transaction() as session:
        parents = lists.by_slug(session, "parents")
        going = _edition(session, parents, staff_id, now - timedelta(days=1))
        letterhead = letterheads.letterhead(session, parents, runtime.settings.base_url)
        mail = composing.compose(session, going, letterhead)
        frozen = freezing.freeze(going, engine.render(mail), composing.page_json(mail))
        for name, value in {**frozen, "state": EditionState.APPROVED, "approved_at": now}.items():
            setattr(going, name, value)
        session.add(going)
        session.flush()
        opening.release_and_open(session, going.id or 0, now=now)
    with runtime.db.transaction() as session:
        parents, professionals = (lists.by_slug(session, slug) for slug in ("parents", "professionals"))
        review = _edition(session, professionals, staff_id, now - timedelta(hours=2))
        publishing.submit(session, review.id or 0, now=now, staff_id=staff_id)
    with runtime.db.transaction() as session:
        parents = lists.by_slug(session, "parents")
        sent = session.exec(select(Edition).where(Edition.state == EditionState.SENDING)).one()
        sent.state = EditionState.SENT  # one list has one edition in hand; afterwards it goes out again
        session.add(sent)
        session.flush()
        _edition(session, parents, staff_id, now, updates_each=25)
        sent.state = EditionState.SENDING
        session.add(sent)


def _one_of_each(session: Session, runtime: Runtime, staff_id: int, now: datetime) -> None:
    """What has a page of its own and is there once: each gets the number 1."""
    crypto, day, soon = runtime.crypto, london_date(now), london_date(now + timedelta(days=30))
    parents, professionals = (lists.by_slug(session, slug) for slug in ("parents", "professionals"))
    elections.add(session, "Local elections", day + timedelta(days=20), soon)
    session.add(ClosedPeriod(name="Summer break", starts_on=soon, ends_on=soon + timedelta(days=14)))
    keys.add(session, crypto, "A benchmark", scopes=KeyScope, staff_id=staff_id, now=now)
    complaints.take(session, crypto, text="We got the letter twice.", contact="", now=now, today=day)
    saved_drafts.keep(session, {"parent_title": "Not finished yet"}, staff_id=staff_id, form_key="form", now=now)
    partner_id = session.exec(select(Partner.id).order_by(col(Partner.id))).first()
    draft = FeedDraft.model_validate(
        {"name": "News of the council", "url": "https://www.example.org/news", "partner_id": partner_id}
    )
    feed = feeds.add(session, draft, staff_id=staff_id, now=now)
    entries = [
        Entry(f"news-{number}", f"News number {number}", f"https://www.example.org/{number}", _BODY, _BODY[:80], now)
        for number in range(NEWS)
    ]
    feeds.keep(session, feed, Fetched(entries), now=now)
    lines = (f"new-{number}@example.org,2025-03-31,,paper,,," for number in range(IMPORTED))
    waiting_imports.bring(
        session,
        crypto,
        "\n".join((",".join(exporting.COLUMNS), *lines)).encode(),
        mailing_list_id=parents.id or 0,
        already_confirmed=False,
        staff_id=staff_id,
        now=now,
    )
    burst = LeaveBurst(mailing_list_id=professionals.id or 0, domain_hash=b"domain", started_at=now, last_at=now)
    burst.domain_sealed = crypto.encrypt("example.org")
    session.add(burst)
    session.flush()
    confirmed = select(Subscriber).where(
        Subscriber.mailing_list_id == professionals.id, Subscriber.state == SubscriberState.CONFIRMED
    )
    for subscriber in session.exec(confirmed.limit(HELD)).all():
        subscriber.state = SubscriberState.HELD
        session.add(subscriber)
        session.add(HeldLeave(subscriber_id=subscriber.id or 0, burst_id=burst.id or 0))
