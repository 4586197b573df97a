"""Where updates are used: the editions that have them, or had them when they went out."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content import updates
from newsletter.content.models import SavedDraft, Update
from newsletter.core.errors import WrongState
from newsletter.editions import pictures_used
from newsletter.editions.models import Edition, EditionChoice, EditionState

#: What was agreed about such an edition is undone when an update in it gets other words.
AGREED = frozenset({EditionState.REVIEW, EditionState.APPROVED, EditionState.SCHEDULED})
#: Such an edition keeps its words whatever happens.
GONE = frozenset({EditionState.SENDING, EditionState.PAUSED, EditionState.SENT})


@dataclass(frozen=True, slots=True)
class Use:
    """An edition that has an update."""

    edition_id: int
    mailing_list_id: int
    number: int
    date: date
    state: EditionState
    has_own_words: bool  # a wording of its own there
    is_without_picture: bool  # it has one, and is shown there without


def uses(session: Session, update_ids: Collection[int]) -> dict[int, list[Use]]:
    """The editions that have these updates, by update, the newest first. A cancelled edition uses nothing."""
    rows = session.execute(
        sa.select(
            col(EditionChoice.update_id),
            col(Edition.id),
            col(Edition.mailing_list_id),
            col(Edition.number),
            col(Edition.date),
            col(Edition.state),
            col(EditionChoice.own_body) != "",
            sa.and_(col(EditionChoice.without_picture), col(Update.picture_sha256).is_not(None)),
        )
        .select_from(EditionChoice)
        .join(Edition, col(Edition.id) == col(EditionChoice.edition_id))
        .join(Update, col(Update.id) == col(EditionChoice.update_id))
        .where(
            col(EditionChoice.update_id).in_(update_ids),
            col(EditionChoice.is_in),
            col(Edition.state) != EditionState.CANCELLED,
        )
        .order_by(col(Edition.date).desc(), col(Edition.id).desc())
    )
    found: defaultdict[int, list[Use]] = defaultdict(list)
    for update_id, *use in rows:
        found[update_id].append(Use(*use))
    return dict(found)


def may_be_deleted(session: Session, update_id: int) -> bool:
    """Whether it stands in no edition and stood in none: what readers got, or were to get, stays on record."""
    stands = select(EditionChoice.id).where(EditionChoice.update_id == update_id, col(EditionChoice.is_in))
    return session.exec(stands.limit(1)).first() is None


def delete(session: Session, update_id: int) -> None:
    """Delete an update that stood in no edition, its picture, and the notes why it was left out. What somebody is
    typing for it stays theirs, as a draft of a new update. Raises `NotFound`, `WrongState`."""
    update = updates.hold(session, update_id)
    if not may_be_deleted(session, update_id):
        raise WrongState("This update stands in an edition, or was in one, so it cannot be deleted. Archive it.")
    session.execute(sa.delete(EditionChoice).where(col(EditionChoice.update_id) == update_id))
    mine = sa.update(SavedDraft).where(col(SavedDraft.update_id) == update_id)
    session.execute(mine.values(update_id=None, revision=0))
    picture = update.picture_sha256
    session.delete(update)
    session.flush()
    pictures_used.forget_unused(session, picture)
