"""Whose news somebody may write: a role that is held for one mailing list reaches its readers and no others."""

from typing import Protocol

from sqlmodel import Session

from newsletter.core.audience import Audience
from newsletter.core.errors import NotAllowed
from newsletter.staff.sessions import Officer
from newsletter.web.staff.one_edition import WRITERS
from subscribers import lists


class ForReaders(Protocol):
    """An update, an event or a response, or its draft."""

    @property
    def for_parents(self) -> bool: ...

    @property
    def for_professionals(self) -> bool: ...


def audiences_of(session: Session, officer: Officer) -> set[Audience]:
    """The readers somebody may write for."""
    if any(held.role in WRITERS and held.mailing_list_id is None for held in officer.roles):
        return set(Audience)
    return {
        each.audience
        for each in lists.all_lists(session)
        if each.id is not None and officer.has(*WRITERS, mailing_list_id=each.id)
    }


def may_write(allowed: set[Audience], text: ForReaders) -> bool:
    """Whether all readers of a text are among those allowed."""
    wanted = {Audience.PARENTS: text.for_parents, Audience.PROFESSIONALS: text.for_professionals}
    return all(audience in allowed for audience, is_for in wanted.items() if is_for)


def check(session: Session, officer: Officer, *texts: ForReaders) -> None:
    """Raise `NotAllowed` where a text is for readers that somebody may not write for."""
    allowed = audiences_of(session, officer)
    if not all(may_write(allowed, text) for text in texts):
        raise NotAllowed("This is also for readers of a mailing list that your role is not for. Ask a colleague.")
