"""Who gets a special edition: whoever wants it when it is opened, and still wants it when it goes."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.core.runtime import Runtime
from newsletter.delivery import opening
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.editions.models import Edition
from subscribers import topics
from subscribers.models import Subscriber, SubscriberState
from tests.newsletter.delivery import scene
from tests.newsletter.delivery.test_sending import Kept, send

DAY = date(2026, 11, 3)


def topic(runtime: Runtime, mailing_list: int, slug: str = "early-years") -> int:
    with runtime.db.transaction() as session:
        made = topics.write(session, mailing_list, slug=slug, name=slug.title(), from_date=date(2020, 1, 1)).id
        assert made is not None
        return made


def wants(runtime: Runtime, mailing_list: int, who: int, *topic_ids: int, regular_only: bool = False) -> None:
    with runtime.db.transaction() as session:
        topics.choose(
            session,
            mailing_list_id=mailing_list,
            subscriber_id=who,
            regular_only=regular_only,
            topic_ids=set(topic_ids),
            on=DAY,
        )


def special(runtime: Runtime, mailing_list: int, *, topic_id: int | None = None, number: int = 1) -> int:
    edition_id = scene.approved_edition(runtime, mailing_list, number=number)
    with runtime.db.transaction() as session:
        edition = session.get_one(Edition, edition_id)
        edition.is_special, edition.topic_id = True, topic_id
        session.add(edition)
    return edition_id


def opened(runtime: Runtime, edition_id: int) -> list[int | None]:
    """The ids of those it was opened for."""
    with runtime.db.transaction() as session:
        assert opening.release_and_open(session, edition_id, now=runtime.clock.now())
    return [delivery.subscriber_id for delivery in scene.deliveries(runtime, edition_id)]


def test_a_special_edition_goes_to_those_who_want_it(runtime: Runtime) -> None:
    mailing_list = scene.set_up(runtime)
    plain, chose, other, regular, both = scene.add_readers(runtime, mailing_list, 5)
    scene.add_readers(runtime, mailing_list, 1, SubscriberState.PENDING)
    early, training = topic(runtime, mailing_list), topic(runtime, mailing_list, "training")
    wants(runtime, mailing_list, chose, early)
    wants(runtime, mailing_list, other, training)
    wants(runtime, mailing_list, regular, regular_only=True)
    wants(runtime, mailing_list, both, early, regular_only=True)
    assert opened(runtime, special(runtime, mailing_list, number=1)) == [plain, chose, other]
    assert opened(runtime, special(runtime, mailing_list, topic_id=early, number=2)) == [chose]
    assert opened(runtime, scene.approved_edition(runtime, mailing_list, number=3)) == [
        plain,
        chose,
        other,
        regular,
        both,
    ]
    with runtime.db.reading() as session:
        scene.assert_counts_are_right(session)


def test_nobody_is_enrolled_in_a_topic(runtime: Runtime) -> None:
    mailing_list = scene.set_up(runtime)
    scene.add_readers(runtime, mailing_list, 3)
    assert opened(runtime, special(runtime, mailing_list, topic_id=topic(runtime, mailing_list))) == []


@pytest.mark.parametrize("change", ["takes the topic away", "wants the regular ones alone"])
def test_whoever_changes_their_mind_before_it_goes_is_skipped(runtime: Runtime, change: str) -> None:
    mailing_list = scene.set_up(runtime)
    stays, changes = scene.add_readers(runtime, mailing_list, 2)
    early = topic(runtime, mailing_list)
    for who in (stays, changes):
        wants(runtime, mailing_list, who, early)
    edition_id = special(runtime, mailing_list, topic_id=early)
    assert opened(runtime, edition_id) == [stays, changes]
    wants(runtime, mailing_list, changes, *([] if "topic" in change else [early]), regular_only="alone" in change)
    send(runtime, Kept())
    with runtime.db.reading() as session:
        found = dict(
            session.execute(
                sa.select(col(Delivery.subscriber_id), col(Delivery.state)).where(
                    col(Delivery.edition_id) == edition_id
                )
            ).all()
        )
    assert found == {stays: DeliveryState.ACCEPTED, changes: DeliveryState.SKIPPED}


def test_topics_are_dated_and_end_with_the_subscriber(runtime: Runtime) -> None:
    mailing_list = scene.set_up(runtime)
    (who,) = scene.add_readers(runtime, mailing_list, 1)
    with runtime.db.transaction() as session:
        for slug, first, last in (
            ("over", date(2020, 1, 1), date(2026, 11, 2)),
            ("today", date(2020, 1, 1), DAY),
            ("later", date(2026, 11, 4), None),
        ):
            topics.write(session, mailing_list, slug=slug, name=slug, from_date=first, until_date=last)
        ids = {one.slug: one.id or 0 for one in topics.of_list(session, mailing_list)}
        assert [one.slug for one in topics.current(session, mailing_list, on=DAY)] == ["today"]
    wants(runtime, mailing_list, who, *ids.values())
    with runtime.db.transaction() as session:
        assert topics.chosen(session, who) == {ids["today"]}
        session.delete(session.exec(select(Subscriber)).one())
    with runtime.db.reading() as session:
        assert topics.chosen(session, who) == set()
