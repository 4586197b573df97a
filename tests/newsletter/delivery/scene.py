"""A mailing list with readers and an approved edition, without the rooms that usually make them: quick, of any size."""

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.models import Partnership
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, ledger, opening, reconciling
from newsletter.delivery.batches import BatchKey, Hold
from newsletter.delivery.counting import Changes
from newsletter.delivery.ledger import Claim, NotSent
from newsletter.delivery.letterheads import letterhead
from newsletter.delivery.links import page_url
from newsletter.delivery.models import Batch, Delivery, DeliveryState
from newsletter.editions import composing, freezing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import Outcome, Result
from newsletter.rendering.mails import EditionMail, Rendered
from subscribers import identity
from subscribers.models import MailingList, Subscriber, SubscriberState

DAY = date(2026, 11, 3)
LEASE = timedelta(minutes=2)


def address(number: int) -> str:
    return f"reader-{number}@example.org"


def set_up(runtime: Runtime) -> int:
    """The partnership and the parents' mailing list; its id."""
    with runtime.db.transaction() as session:
        session.add(
            Partnership(
                name="Oxfordshire SEND partnership",
                area="Oxfordshire",
                publisher="Oxfordshire County Council",
                postal_address="County Hall, Oxford",
                phone="01865 000000",
                contact_email="send@example.org",
                website="https://www.example.org",
                help_text="Call us.",
                local_authority_code=931,
            )
        )
        mailing_list = MailingList(
            slug="parents",
            name="SEND news for parents and carers",
            audience=Audience.PARENTS,
            summary="News.",
            frequency="about once a fortnight",
            sender_name="Oxfordshire SEND news",
            sender_email="news@example.org",
            reply_to="team@example.org",
            lawful_basis="consent",
        )
        session.add(mailing_list)
        session.flush()
        assert mailing_list.id is not None
        return mailing_list.id


def add_readers(
    runtime: Runtime, mailing_list_id: int, number: int, state: SubscriberState = SubscriberState.CONFIRMED
) -> list[int]:
    """More subscribers; their ids. Their addresses are `address(0)`, `address(1)` and so on."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        first = session.exec(select(sa.func.count()).select_from(Subscriber)).one()
        rows = [
            Subscriber(
                mailing_list_id=mailing_list_id,
                address_hash=identity.address_hash(runtime.crypto, mailing_list_id, address(first + each)),
                address_sealed=runtime.crypto.encrypt(address(first + each)),
                state=state,
                requested_at=now,
                confirmed_at=now if state is SubscriberState.CONFIRMED else None,
            )
            for each in range(number)
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows if row.id is not None]


def approved_edition(runtime: Runtime, mailing_list_id: int, *, number: int = 1) -> int:
    """An approved edition, frozen as approval freezes it; its id."""
    with runtime.db.transaction() as session:
        mailing_list = session.get_one(MailingList, mailing_list_id)
        head = letterhead(session, mailing_list, runtime.settings.base_url)
        edition = Edition(
            mailing_list_id=mailing_list_id,
            audience=mailing_list.audience,
            number=number,
            slug=f"edition-{number}",
            date=DAY,
            subject=f"SEND news {number}",
            created_at=runtime.clock.now(),
            state=EditionState.APPROVED,
        )
        mail = EditionMail(head, edition.subject, "", number, DAY, "Hello.", (), page_url("", "parents", edition.slug))
        rendered = Rendered(
            subject=edition.subject,
            html='<html lang="en-GB"><body><p>Hello</p><a href="[[leave_url]]">Stop these emails</a>'
            '<a href="[[manage_url]]">Change</a></body></html>',
            text="Hello\n\nStop these emails: [[leave_url]]\nChange: [[manage_url]]\n",
            markdown="Hello\n\nStop these emails: [[leave_url]]",
        )
        for name, value in freezing.freeze(edition, rendered, composing.page_json(mail)).items():
            setattr(edition, name, value)
        session.add(edition)
        session.flush()
        assert edition.id is not None
        return edition.id


def opened_edition(runtime: Runtime, mailing_list_id: int, *, number: int = 1) -> int:
    """An edition that is being sent to everybody who is confirmed; its id."""
    edition_id = approved_edition(runtime, mailing_list_id, number=number)
    with runtime.db.transaction() as session:
        assert opening.release_and_open(session, edition_id, now=runtime.clock.now())
    return edition_id


def states(runtime: Runtime, edition_id: int | None) -> dict[str, int]:
    """How many deliveries are in each state, counted row by row."""
    whose = col(Delivery.edition_id) == edition_id if edition_id is not None else col(Delivery.edition_id).is_(None)
    with runtime.db.reading() as session:
        return dict(
            Counter(DeliveryState(state).value for state in session.exec(select(Delivery.state).where(whose)).all())
        )


def edition_state(runtime: Runtime, edition_id: int) -> EditionState:
    with runtime.db.reading() as session:
        return session.get_one(Edition, edition_id).state


def deliveries(runtime: Runtime, edition_id: int) -> Sequence[Delivery]:
    with runtime.db.reading() as session:
        found = session.exec(select(Delivery).where(Delivery.edition_id == edition_id).order_by(col(Delivery.id))).all()
        session.expunge_all()
        return found


def assert_counts_are_right(session: Session) -> None:
    """The kept counts are those of the rows, batch by batch."""
    counted = Counter(
        (edition_id, number, DeliveryState(state))
        for edition_id, number, state in session.exec(select(Delivery.edition_id, Delivery.batch, Delivery.state)).all()
        if edition_id is not None
    )
    kept = {
        (row.edition_id, row.number, state): getattr(row, state.value)
        for row in session.exec(select(Batch)).all()
        for state in DeliveryState
        if getattr(row, state.value)
    }
    assert kept == dict(counted)


def claim(runtime: Runtime, limit: int = 10, *, lease: timedelta = LEASE, claim_id: str | None = None) -> Claim:
    """What a worker would claim now: letters first, then a window of the first batch that is due. The batch stays held
    under the claim's id."""
    claim_id = claim_id or secrets.token_hex(16)
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        if letters := ledger.claim_letters(session, claim_id, limit=limit, lease=lease, now=now):
            return letters
        for key in batches.due(session, now=now, limit=1):
            hold, changes = Hold(key, claim_id), Changes()
            if not batches.take(session, hold, lease=lease, now=now):
                continue
            window = ledger.claim_window(
                session, key, claim_id, mailing_list_id=1, limit=limit, now=now, changes=changes
            )
            batches.keep(session, hold, lease=lease, now=now, changes=changes)
            if not window:
                batches.give_back(session, hold, due_at=ledger.next_due(session, key) or now)
            return window
    return Claim(claim_id, ())


def record(runtime: Runtime, held: Claim, outcome: Outcome | NotSent, **values: object) -> int:
    """Write one outcome of a whole claim down, and let its batch go."""
    results = {
        row.id: outcome if isinstance(outcome, NotSent) else Result("", outcome, **values)  # type: ignore[arg-type]
        for row in held.deliveries
    }
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        number = ledger.record(session, held, results, now=now, provider="test")
        for key in {BatchKey(row.edition_id, row.batch or 0) for row in held.deliveries if row.edition_id is not None}:
            hold, due_at = Hold(key, held.id), ledger.next_due(session, key)
            if due_at is None:
                batches.finish(session, hold)
            else:
                batches.give_back(session, hold, due_at=max(due_at, now))
        return number


def reconcile(runtime: Runtime) -> list[int]:
    """One look of the reconciler; the editions that are `sent` since."""
    with runtime.db.transaction() as session:
        before = set(session.exec(select(Edition.id).where(Edition.state == EditionState.SENT)).all())
        reconciling.reconcile(session, now=runtime.clock.now())
    with runtime.db.reading() as session:
        after = session.exec(
            select(Edition.id).where(Edition.state == EditionState.SENT).order_by(col(Edition.id))
        ).all()
        return [edition_id for edition_id in after if edition_id is not None and edition_id not in before]
