"""Taking a mailing list out, in the columns that an import takes in. Rare, and noted in the log without an address."""

import logging
from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.crypto import Crypto
from subscribers.lists import by_id
from subscribers.models import Consent, Subscriber, SubscriberState, Wording
from subscribers.sheets import Cell

COLUMNS = ("email", "consent_date", "wording", "source", "role", "setting", "phase")
_ROWS_AT_ONCE = 500

log = logging.getLogger(__name__)


def export_rows(session: Session, crypto: Crypto, mailing_list_id: int) -> Iterator[tuple[Cell, ...]]:
    """Everybody who gets the editions of a mailing list, with the evidence of their consent. Streams.

    Each row has `COLUMNS`, in that order, to be written by `subscribers.sheets`. Whoever has not confirmed or has left
    is not exported: nobody may write to them. Raises `NotFound` for the list.
    """
    by_id(session, mailing_list_id)
    log.info("A mailing list was exported", extra={"mailing_list_id": mailing_list_id})
    return _rows(session, crypto, mailing_list_id)


def _rows(session: Session, crypto: Crypto, mailing_list_id: int) -> Iterator[tuple[Cell, ...]]:
    last_consent = (
        sa.select(sa.func.max(col(Consent.id)))
        .where(col(Consent.subscriber_id) == col(Subscriber.id), col(Consent.confirmed_at).is_not(None))
        .correlate(Subscriber)
        .scalar_subquery()
    )
    query = (
        sa.select(
            col(Subscriber.id),
            col(Subscriber.address_sealed),
            col(Subscriber.confirmed_at),
            col(Subscriber.role),
            col(Subscriber.school_urn),
            col(Subscriber.setting_name),
            col(Subscriber.phase),
            col(Consent.confirmed_at),
            col(Consent.source),
            col(Wording.text),
        )
        .outerjoin(Consent, col(Consent.id) == last_consent)
        .outerjoin(Wording, col(Wording.id) == col(Consent.wording_id))
        .where(
            col(Subscriber.mailing_list_id) == mailing_list_id,
            col(Subscriber.state) == SubscriberState.CONFIRMED,
            col(Subscriber.address_sealed).is_not(None),
        )
        .order_by(col(Subscriber.id))
        .limit(_ROWS_AT_ONCE)
    )
    last_id = 0
    while page := session.execute(query.where(col(Subscriber.id) > last_id)).all():
        last_id = page[-1][0]
        for _id, sealed, confirmed_at, role, urn, setting, phase, consented_at, source, wording in page:
            yield (
                crypto.decrypt(sealed),
                consented_at or confirmed_at,
                wording,
                source,
                role.value if role else None,
                urn if urn is not None else setting,
                phase.value if phase else None,
            )
