"""Deletes a picture that nothing shows any more: what was replaced or taken away before it was ever approved.

A picture in an edition that was approved stays with the edition, as its words do.
"""

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.content.models import Partnership, Picture, Update
from newsletter.editions.models import Edition


def forget_unused(session: Session, sha256: str | None) -> bool:
    """Delete the picture unless an update, the partnership or an approved edition has it; whether it was deleted."""
    if sha256 is None:
        return False
    session.flush()
    for column in (col(Update.picture_sha256), col(Partnership.logo_sha256)):
        if session.execute(sa.select(sa.literal(1)).where(column == sha256).limit(1)).first():
            return False
    frozen = col(Edition.frozen_html).contains(sha256)
    if session.execute(sa.select(sa.literal(1)).where(frozen).limit(1)).first():
        return False
    found = sa.delete(Picture).where(col(Picture.sha256) == sha256)
    return bool(session.execute(found).rowcount)  # type: ignore[attr-defined]
