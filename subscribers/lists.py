"""Mailing lists and the wording of their sign-up forms. A list is data; a wording, once shown, never changes."""

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput, NotFound, WrongState
from subscribers.models import MailingList, Wording

MAXIMUM_WORDING_LENGTH = 10_000

#: How this room locks a row it is about to change (PostgreSQL's FOR NO KEY UPDATE): other rows may still refer to it
#: meanwhile, so that a sign-up or an edition being opened does not wait.
NO_KEY_UPDATE = {"key_share": True}


def all_lists(session: Session) -> list[MailingList]:
    """Every mailing list, in the order of the home page."""
    return list(session.exec(select(MailingList).order_by(col(MailingList.position), col(MailingList.id))))


def by_slug(session: Session, slug: str) -> MailingList:
    """The list with this short name. Raises `NotFound` naming those there are."""
    found = None
    if "\0" not in slug:  # which PostgreSQL refuses to compare with anything
        found = session.exec(select(MailingList).where(col(MailingList.slug) == slug)).first()
    if found is None:
        known = ", ".join(mailing_list.slug for mailing_list in all_lists(session)) or "none yet"
        raise NotFound(f"There is no mailing list of that name. The mailing lists are: {known}.")
    return found


def by_id(session: Session, mailing_list_id: int) -> MailingList:
    """The list with this id. Raises `NotFound`."""
    found = session.get(MailingList, mailing_list_id)
    if found is None:
        raise NotFound("There is no such mailing list.")
    return found


def current_wording(session: Session, mailing_list_id: int) -> Wording:
    """What the sign-up form of this list says now. Raises `WrongState` when nobody has written it yet."""
    found = session.exec(
        select(Wording)
        .where(col(Wording.mailing_list_id) == mailing_list_id, col(Wording.version) > 0)
        .order_by(col(Wording.version).desc())
        .limit(1)
    ).first()
    if found is None:
        raise WrongState("This mailing list has no sign-up wording yet. Add one before anybody can sign up.")
    return found


def wordings(session: Session, mailing_list_id: int) -> list[Wording]:
    """Every wording that our own form showed, the newest first."""
    return list(
        session.exec(
            select(Wording)
            .where(col(Wording.mailing_list_id) == mailing_list_id, col(Wording.version) > 0)
            .order_by(col(Wording.version).desc())
        )
    )


def add_wording(session: Session, mailing_list: MailingList, text: str, *, now: datetime) -> Wording:
    """Make `text` the wording of the sign-up form, as a new version.

    Repeatable: the text it has now stays the version it is. Going back to an older text makes a
    new version too, so that versions tell the order in which texts were used.
    """
    text = check_wording(text)
    assert mailing_list.id is not None
    _hold(session, mailing_list.id)
    latest = session.exec(
        select(Wording)
        .where(col(Wording.mailing_list_id) == mailing_list.id, col(Wording.version) > 0)
        .order_by(col(Wording.version).desc())
        .limit(1)
    ).first()
    if latest is not None and latest.text == text:
        return latest
    return _add(session, mailing_list.id, (latest.version if latest else 0) + 1, text, now)


def check_wording(text: str) -> str:
    """The wording as it is kept, without space around it. Raises `InvalidInput`."""
    text = text.strip()
    if not text:
        raise InvalidInput("Enter the wording of the sign-up form", field="wording")
    if len(text) > MAXIMUM_WORDING_LENGTH:
        raise InvalidInput(f"Wording must be {MAXIMUM_WORDING_LENGTH:,} characters or fewer", field="wording")
    if "\0" in text:
        raise InvalidInput("Wording contains a character that is not text", field="wording")
    return text


def imported_wording(session: Session, mailing_list_id: int, text: str, *, now: datetime) -> Wording:
    """A wording that another system or a paper form showed, kept as evidence and never shown by our form.

    Repeatable: a text this list knows already, ours or imported, stays the version it is.
    """
    text = check_wording(text)
    _hold(session, mailing_list_id)
    known = session.exec(
        select(Wording)
        .where(col(Wording.mailing_list_id) == mailing_list_id, col(Wording.sha256) == _sha256(text))
        .order_by(col(Wording.version).desc())
        .limit(1)
    ).first()
    if known is not None:
        return known
    lowest = session.scalar(
        sa.select(sa.func.min(col(Wording.version))).where(col(Wording.mailing_list_id) == mailing_list_id)
    )
    return _add(session, mailing_list_id, min(lowest or 0, 0) - 1, text, now)


def _hold(session: Session, mailing_list_id: int) -> None:
    """Two people adding a version at once take turns."""
    if session.get(MailingList, mailing_list_id, with_for_update=NO_KEY_UPDATE) is None:
        raise NotFound("There is no such mailing list.")


def _add(session: Session, mailing_list_id: int, version: int, text: str, now: datetime) -> Wording:
    wording = Wording(mailing_list_id=mailing_list_id, version=version, text=text, sha256=_sha256(text), used_from=now)
    session.add(wording)
    session.flush()
    return wording


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
