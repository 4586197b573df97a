"""Changing what a professional told us about their work. An answer that is not given stays what it was."""

from dataclasses import dataclass, replace

from sqlmodel import Session

from newsletter.core.errors import NotFound
from subscribers import lists
from subscribers.details import Details, checked, details_of, write_details
from subscribers.models import Phase, Role, Subscriber, SubscriberState


@dataclass(frozen=True, slots=True)
class Amendment:
    """New answers; None keeps the old one. A school takes the place of a setting in own words, and the reverse."""

    role: Role | None = None
    school_urn: int | None = None
    setting_name: str | None = None
    phase: Phase | None = None
    forgets_phase: bool = False


def amend(session: Session, *, mailing_list_id: int, subscriber_id: int, amendment: Amendment) -> Details:
    """Write the new answers of somebody who is on the list. Repeatable.

    Raises `NotFound` when they are not on it (any more), `InvalidInput` for an answer that cannot be used.
    """
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=True, populate_existing=True)
    if (
        subscriber is None
        or subscriber.mailing_list_id != mailing_list_id
        or subscriber.state is not SubscriberState.CONFIRMED
    ):
        raise NotFound("You do not get these emails now, so there is nothing to change.")
    details = details_of(subscriber)
    if amendment.role is not None:
        details = replace(details, role=amendment.role)
    if amendment.school_urn is not None or amendment.setting_name is not None:
        details = replace(details, school_urn=amendment.school_urn, setting_name=amendment.setting_name)
    if amendment.phase is not None or amendment.forgets_phase:
        details = replace(details, phase=amendment.phase)
    written = checked(session, lists.by_id(session, mailing_list_id).audience, details)
    write_details(subscriber, written)
    session.add(subscriber)
    session.flush()
    return written
