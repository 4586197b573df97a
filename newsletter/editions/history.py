"""What happened to an edition, what people said about it, and what was last approved."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput
from newsletter.editions import moves
from newsletter.editions.models import EditionApproval, EditionEvent

COMMENT_LENGTH = 300


def newest(session: Session, edition_id: int, *, limit: int = 30) -> Sequence[EditionEvent]:
    """The events of an edition, newest first."""
    return session.exec(
        select(EditionEvent)
        .where(EditionEvent.edition_id == edition_id)
        .order_by(col(EditionEvent.id).desc())
        .limit(limit)
    ).all()


def comment(session: Session, edition_id: int, text: str, *, now: datetime, staff_id: int) -> None:
    """Say something about an edition, for colleagues. Raises `NotFound`, `InvalidInput`."""
    try:
        line = one_line(text)
    except ValueError as error:
        raise InvalidInput(f"Comment: {error}", field="comment") from None
    if not line:
        raise InvalidInput("Write a comment", field="comment")
    if len(line) > COMMENT_LENGTH:
        raise InvalidInput(f"The comment must be {COMMENT_LENGTH} characters or fewer", field="comment")
    moves.note(session, moves.read(session, edition_id), "comment", line, now=now, staff_id=staff_id)


def last_approval(session: Session, edition_id: int) -> EditionApproval | None:
    """The newest approval that was ever given, whether it stands or was undone."""
    return session.exec(
        select(EditionApproval)
        .where(EditionApproval.edition_id == edition_id)
        .order_by(col(EditionApproval.id).desc())
        .limit(1)
    ).first()
