"""Requests that are sent again because nobody knows whether the first one arrived: the same answer, nothing done twice.

Kept for a day, as hashes of the request beside the answer it got.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.db import insert, number_inserted
from newsletter.core.errors import InvalidInput
from newsletter.staff.models import ApiAnswer

KEPT_FOR = timedelta(hours=24)


def once(
    session: Session, request_key: str, body: bytes, answer: Callable[[], str], *, api_key_id: int, now: datetime
) -> str:
    """What `answer` gives, or gave when this key first sent this request. In the transaction of what it does.

    Raises `InvalidInput` when the request key came before with another body.
    """
    session.execute(sa.delete(ApiAnswer).where(col(ApiAnswer.created_at) <= now - KEPT_FOR))
    key_hash, body_hash = hashlib.sha256(request_key.encode()).digest(), hashlib.sha256(body).digest()
    # Whoever comes second waits here until the first has finished.
    kept = insert(session, ApiAnswer).values(
        api_key_id=api_key_id, request_key_hash=key_hash, body_hash=body_hash, answer="", created_at=now
    )
    is_first = number_inserted(session, kept.on_conflict_do_nothing(index_elements=["api_key_id", "request_key_hash"]))
    row = session.exec(
        select(ApiAnswer).where(col(ApiAnswer.api_key_id) == api_key_id, col(ApiAnswer.request_key_hash) == key_hash)
    ).one()
    if row.body_hash != body_hash:
        raise InvalidInput("This Idempotency-Key was used for another request.", field="Idempotency-Key")
    if is_first:
        row.answer = answer()
        session.add(row)
        session.flush()
    return row.answer
