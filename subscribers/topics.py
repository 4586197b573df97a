"""Topics and frequency: what a subscriber wants beside the regular editions.

Nobody is enrolled in a topic, neither by default nor when one is added (REQ-26).
"""

import re
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput, NotFound
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import Subscriber, SubscriberState, SubscriberTopic, Topic

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


def of_list(session: Session, mailing_list_id: int) -> list[Topic]:
    """Every topic a mailing list ever had, by name."""
    return list(session.exec(select(Topic).where(Topic.mailing_list_id == mailing_list_id).order_by(col(Topic.name))))


def current(session: Session, mailing_list_id: int, *, on: date) -> list[Topic]:
    """The topics that can be chosen on a day, by name."""
    return [
        topic
        for topic in of_list(session, mailing_list_id)
        if topic.from_date <= on and (topic.until_date is None or on <= topic.until_date)
    ]


def by_slug(session: Session, mailing_list_id: int, slug: str) -> Topic:
    """The topic with this short name. Raises `NotFound` naming those there are."""
    there = of_list(session, mailing_list_id)
    for topic in there:
        if topic.slug == slug:
            return topic
    known = ", ".join(topic.slug for topic in there) or "none yet"
    raise NotFound(f"This mailing list has no topic of that name. Its topics are: {known}.")


def write(
    session: Session, mailing_list_id: int, *, slug: str, name: str, from_date: date, until_date: date | None = None
) -> Topic:
    """Add a topic, or change the name and dates of the one with this short name. Raises `InvalidInput`."""
    if not _SLUG.fullmatch(slug) or len(slug) > 40:
        raise InvalidInput("Short name must be small letters, digits and dashes, like early-years", field="slug")
    name = " ".join(name.split())
    if not name or len(name) > 120 or not name.isprintable():
        raise InvalidInput("Name of the topic must be 1 to 120 characters", field="name")
    if until_date is not None and until_date < from_date:
        raise InvalidInput("The last day of a topic cannot be before its first", field="until_date")
    topic = session.exec(
        select(Topic).where(Topic.mailing_list_id == mailing_list_id, Topic.slug == slug)
    ).first() or Topic(mailing_list_id=mailing_list_id, slug=slug, name=name, from_date=from_date)
    topic.name, topic.from_date, topic.until_date = name, from_date, until_date
    session.add(topic)
    session.flush()
    return topic


def chosen(session: Session, subscriber_id: int) -> set[int]:
    """The ids of the topics a subscriber chose."""
    return set(session.exec(select(SubscriberTopic.topic_id).where(SubscriberTopic.subscriber_id == subscriber_id)))


def choose(
    session: Session,
    *,
    mailing_list_id: int,
    subscriber_id: int,
    regular_only: bool | None,
    topic_ids: set[int],
    on: date,
) -> None:
    """Keep what somebody who is on the list wants, in place of what they wanted before. `regular_only` None: as it was.

    Topics that can no longer be chosen stay as they were, and so do those of other lists, which nobody here can have
    chosen. Repeatable. Raises `NotFound` when they are not on the list (any more).
    """
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    if (
        subscriber is None
        or subscriber.mailing_list_id != mailing_list_id
        or subscriber.state is not SubscriberState.CONFIRMED
    ):
        raise NotFound("You do not get these emails now, so there is nothing to change.")
    if regular_only is not None:
        subscriber.regular_only = regular_only
        session.add(subscriber)
    offered = {topic.id for topic in current(session, mailing_list_id, on=on) if topic.id is not None}
    before = chosen(session, subscriber_id) & offered
    wanted = topic_ids & offered
    session.exec(
        sa.delete(SubscriberTopic).where(
            col(SubscriberTopic.subscriber_id) == subscriber_id, col(SubscriberTopic.topic_id).in_(before - wanted)
        )
    )
    session.add_all(SubscriberTopic(subscriber_id=subscriber_id, topic_id=topic_id) for topic_id in wanted - before)
    session.flush()
