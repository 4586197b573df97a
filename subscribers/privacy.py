"""What the data protection officer does for one person: show everything held about an address, and forget it.

Both start from the address, because that is all we know anybody by. Deliveries are not part of this room: erasing
empties their reference to the person (ON DELETE SET NULL) and their counts stay. What time alone removes is in
`subscribers.retention`; its names can be used from here.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from subscribers import consents, identity, lists, suppression
from subscribers.models import (
    Attempt,
    Bouncing,
    Consent,
    School,
    Subscriber,
    SubscriberTopic,
    Suppression,
    SuppressionReason,
    Topic,
    Wording,
)
from subscribers.retention import Swept as Swept
from subscribers.retention import sweep as sweep

log = logging.getLogger(__name__)


def export(session: Session, crypto: Crypto, address: str) -> dict[str, Any]:
    """Everything held about an address, ready for JSON (UK GDPR, article 15): its row on every mailing list with the
    evidence of consent, and whether it is suppressed. Times are ISO 8601 in UTC. Raises `InvalidInput`."""
    address = addresses.parse(address)
    rows = identity.find_everywhere(session, crypto, address)
    log.info("An address was exported", extra={"subscriber_ids": [row.id for row in rows]})
    suppressed = session.exec(
        select(Suppression).where(col(Suppression.address_hash) == identity.suppression_hash(crypto, address))
    ).first()
    return {
        "address": address,
        "mailing_lists": [_row(session, crypto, row) for row in rows],
        "suppression": None
        if suppressed is None
        else {
            "reason": suppressed.reason.value,
            "since": _when(suppressed.created_at),
            "until": _when(suppressed.until),
        },
    }


def erase(session: Session, crypto: Crypto, address: str, *, now: datetime) -> int:
    """Forget an address on every mailing list, and return how many rows there were. Repeatable.

    Only a keyed hash stays, with the reason `ERASED`: no import brings the person back, while their own later sign-up
    is possible (`subscribers.suppression` says what each reason blocks). Their consents stay as facts without a person,
    marked withdrawn. Links in old mails go on showing the same pages. Raises `InvalidInput`.
    """
    address = addresses.parse(address)
    identity.take_turns(session, crypto, address)
    rows = identity.find_everywhere(session, crypto, address, for_update=True)
    ids = [row.id for row in rows if row.id is not None]
    consents.withdraw(session, ids, how="erased", now=now)
    counted_by = [identity.mail_key(id_) for id_ in ids]
    counted_by += [identity.code_key(crypto, row.mailing_list_id, address) for row in rows]
    session.exec(sa.delete(Attempt).where(col(Attempt.key_hash).in_(counted_by)))
    for row in rows:
        session.delete(row)
    session.flush()
    suppression.suppress(session, crypto, address, reason=SuppressionReason.ERASED, now=now)
    log.info("An address was erased", extra={"subscriber_ids": ids})
    return len(rows)


def _row(session: Session, crypto: Crypto, row: Subscriber) -> dict[str, Any]:
    mailing_list = lists.by_id(session, row.mailing_list_id)
    school = session.get(School, row.school_urn) if row.school_urn is not None else None
    evidence = session.exec(
        select(Consent, Wording)
        .join(Wording, col(Wording.id) == col(Consent.wording_id))
        .where(col(Consent.subscriber_id) == row.id)
        .order_by(col(Consent.id))
    )
    topics = session.exec(
        select(Topic.name)
        .join(SubscriberTopic, col(SubscriberTopic.topic_id) == col(Topic.id))
        .where(SubscriberTopic.subscriber_id == row.id)
        .order_by(Topic.name)
    )
    bouncing = session.get(Bouncing, row.id)
    return {
        "mailing_list": mailing_list.name,
        "lawful_basis": mailing_list.lawful_basis,
        "address": crypto.decrypt(row.address_sealed) if row.address_sealed else None,
        "state": row.state.value,
        "requested_at": _when(row.requested_at),
        "reminded_at": _when(row.reminded_at),
        "confirmed_at": _when(row.confirmed_at),
        "ended_at": _when(row.ended_at),
        "role": row.role.value if row.role else None,
        "school": None if school is None else {"urn": school.urn, "name": school.name},
        "setting_name": row.setting_name,
        "phase": row.phase.value if row.phase else None,
        "regular_editions_only": row.regular_only,
        "topics": list(topics),
        "asked_if_still_you_at": _when(row.asked_at),
        "answered_that_at": _when(row.answered_at),
        "came_back": None
        if bouncing is None
        else {"editions_in_a_row": bouncing.editions, "since": _when(bouncing.since)},
        "consents": [_consent(consent, wording) for consent, wording in evidence],
    }


def _consent(consent: Consent, wording: Wording) -> dict[str, Any]:
    return {
        "wording": wording.text,
        "wording_version": wording.version,
        "wording_sha256": wording.sha256,
        "source": consent.source,
        "requested_at": _when(consent.requested_at),
        "confirmed_at": _when(consent.confirmed_at),
        "withdrawn_at": _when(consent.withdrawn_at),
        "withdrawn_how": consent.withdrawn_how,
    }


def _when(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
