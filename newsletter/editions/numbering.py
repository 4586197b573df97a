"""The number and the slug of a mailing list's next edition. Whoever makes one holds the list first."""

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, func, select

from newsletter.core.errors import NotFound
from newsletter.editions.models import Edition

#: Editions and subscribers are strangers; of a mailing list nothing is needed here but that it stands still.
_MAILING_LIST = sa.table("mailing_list", sa.column("id"))


def hold(session: Session, mailing_list_id: int) -> None:
    """Let editions of one mailing list be made one after the other, until the transaction ends.

    The lock leaves sign-ups alone; on SQLite a writing transaction is alone anyway. Raises `NotFound`.
    """
    wanted = sa.select(_MAILING_LIST.c.id).where(_MAILING_LIST.c.id == mailing_list_id)
    if session.scalar(wanted.with_for_update(key_share=True)) is None:
        raise NotFound("There is no such mailing list.")


def next_number(session: Session, mailing_list_id: int) -> int:
    """1, 2, 3 … within the list."""
    last = session.exec(select(func.max(Edition.number)).where(Edition.mailing_list_id == mailing_list_id)).one()
    return (last or 0) + 1


def free_slug(session: Session, mailing_list_id: int, today: date) -> str:
    """The date, or the date with "-2", "-3" … for another edition of the same day."""
    taken = set(
        session.exec(select(Edition.slug).where(Edition.mailing_list_id == mailing_list_id, Edition.date == today))
    )
    slug, count = today.isoformat(), 1
    while slug in taken:
        count += 1
        slug = f"{today.isoformat()}-{count}"
    return slug
