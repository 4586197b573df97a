"""What staff have typed for an update and not saved yet, kept so that a browser that dies takes nothing with it.

A draft is its owner's alone: it is found with the owner's id and never without. It is kept as typed, right or wrong;
`newsletter.content.updates` decides what may be saved. Nothing here is read by editions.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from newsletter.content.models import SavedDraft
from newsletter.core.db import insert
from newsletter.core.errors import InvalidInput, NotFound

#: Characters of one draft, names of fields too: four times what an update can hold.
MOST_CHARACTERS = 50_000
#: Fields of one draft.
MOST_FIELDS = 40
#: Drafts of new updates that one person may have.
MOST_DRAFTS = 200
#: A draft that nobody touched for half a year is no news any more, and may say something about people. Nobody was
#: promised anything about it, so that it is no period for the data protection officer to decide.
KEPT_FOR = timedelta(days=180)


def new_key() -> str:
    """A key for a form that is about to be shown."""
    return secrets.token_urlsafe(16)


def keep(
    session: Session,
    typed: Mapping[str, str],
    *,
    staff_id: int,
    now: datetime,
    update_id: int | None = None,
    form_key: str = "",
    revision: int = 0,
    source: str = "",
    source_key: str | None = None,
) -> SavedDraft | None:
    """Keep what somebody has typed, in place of what they had typed there before.

    It is one place for an existing update (`update_id`), else for the form (`form_key`; empty: a new place). Where the
    draft came from is told the first time. Safe to call twice.
    Returns None when another draft has that `source_key`: what it stands for was brought in before.
    Raises `InvalidInput` when it is too much.
    """
    _refuse_too_much(typed)
    row = _held(session, staff_id, update_id, form_key)
    if row is None:
        if update_id is None and _number(session, staff_id) >= MOST_DRAFTS:
            raise InvalidInput(f"You have {MOST_DRAFTS} drafts. Save some of them, or throw some away, first.")
        begun = {
            "staff_id": staff_id,
            "update_id": update_id,
            "form_key": form_key or new_key(),
            "typed": dict(typed),
            "revision": revision,
            "source": source,
            "source_key": source_key,
            "created_at": now,
            "updated_at": now,
        }
        made = insert(session, SavedDraft).values(begun).on_conflict_do_nothing().returning(col(SavedDraft.id))
        draft_id = session.execute(made).scalar_one_or_none()
        if draft_id is not None:
            return session.get_one(SavedDraft, draft_id)
        row = _held(session, staff_id, update_id, form_key)  # the same was kept in this very moment
        if row is None:
            return None
    row.typed, row.revision, row.updated_at = dict(typed), revision, now
    session.add(row)
    session.flush()
    return row


def by_id(session: Session, draft_id: int, *, staff_id: int) -> SavedDraft:
    """Somebody's own draft. Raises `NotFound`, also for one of somebody else's."""
    found = session.exec(
        select(SavedDraft).where(SavedDraft.id == draft_id, SavedDraft.staff_id == staff_id)
    ).one_or_none()
    if found is None:
        raise NotFound("This draft is not there any more: it was saved as an update, or thrown away.")
    return found


def of_update(session: Session, update_id: int, *, staff_id: int) -> SavedDraft | None:
    """What somebody has typed for an update and not saved."""
    return session.exec(_place(staff_id, update_id, "")).one_or_none()


def of_officer(
    session: Session,
    staff_id: int,
    *,
    only_new: bool = False,
    only_brought_in: bool = False,
    limit: int = MOST_DRAFTS,
    offset: int = 0,
) -> Sequence[SavedDraft]:
    """Somebody's drafts, the one typed last first. `only_new`: of updates that do not exist yet."""
    wanted = select(SavedDraft).where(SavedDraft.staff_id == staff_id)
    if only_new:
        wanted = wanted.where(col(SavedDraft.update_id).is_(None))
    if only_brought_in:
        wanted = wanted.where(SavedDraft.source != "")
    newest = wanted.order_by(col(SavedDraft.updated_at).desc(), col(SavedDraft.id).desc())
    return session.exec(newest.limit(limit).offset(offset)).all()


def count(session: Session, staff_id: int) -> int:
    """How many drafts somebody has, of new updates and of others."""
    return session.scalar(sa.select(sa.func.count()).where(col(SavedDraft.staff_id) == staff_id)) or 0


def title(draft: SavedDraft) -> str:
    """What a draft is called where drafts are listed."""
    return draft.typed.get("parent_title") or draft.typed.get("professional_title") or "No title yet"


def others(session: Session, update_id: int, *, staff_id: int) -> Sequence[tuple[int, datetime]]:
    """Who else has a draft of the update, and since when; not what it says."""
    rows = session.exec(
        select(SavedDraft.staff_id, SavedDraft.created_at)
        .where(SavedDraft.update_id == update_id, SavedDraft.staff_id != staff_id)
        .order_by(col(SavedDraft.created_at))
    )
    return list(rows.all())


def discard(session: Session, draft_id: int, *, staff_id: int) -> None:
    """Throw a draft away. Raises `NotFound`."""
    session.delete(by_id(session, draft_id, staff_id=staff_id))
    session.flush()


def discard_of(session: Session, *, staff_id: int, update_id: int | None = None, form_key: str = "") -> None:
    """The same by its place, when the update it was for is saved. Without a draft there, nothing happens."""
    row = _held(session, staff_id, update_id, form_key)
    if row is not None:
        session.delete(row)
        session.flush()


def forget(session: Session, gone: Collection[int], *, now: datetime) -> int:
    """Delete the drafts that nobody has touched for `KEPT_FOR`, and all of those in `gone`, who cannot reach theirs any
    more; how many."""
    old = sa.or_(col(SavedDraft.updated_at) <= now - KEPT_FOR, col(SavedDraft.staff_id).in_(gone))
    return session.exec(sa.delete(SavedDraft).where(old)).rowcount


def _place(staff_id: int, update_id: int | None, form_key: str) -> SelectOfScalar[SavedDraft]:
    is_there = SavedDraft.form_key == form_key if update_id is None else SavedDraft.update_id == update_id
    return select(SavedDraft).where(SavedDraft.staff_id == staff_id, is_there)


def _held(session: Session, staff_id: int, update_id: int | None, form_key: str) -> SavedDraft | None:
    """The draft of that place, held until the transaction ends."""
    found = _place(staff_id, update_id, form_key).with_for_update().execution_options(populate_existing=True)
    return session.exec(found).one_or_none()


def _number(session: Session, staff_id: int) -> int:
    found = sa.select(sa.func.count()).where(col(SavedDraft.staff_id) == staff_id, col(SavedDraft.update_id).is_(None))
    return session.scalar(found) or 0


def _refuse_too_much(typed: Mapping[str, str]) -> None:
    if len(typed) > MOST_FIELDS or sum(len(name) + len(text) for name, text in typed.items()) > MOST_CHARACTERS:
        raise InvalidInput("This is too long to be kept as a draft. Shorten it: an update has about 80 words.")
