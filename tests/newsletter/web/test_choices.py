"""Topics and frequency on the manage page."""

import re
from datetime import date, timedelta

import pytest
from sqlmodel import select

from newsletter.core.tokens import Purpose
from subscribers import lists, preferences, topics
from subscribers.models import Subscriber, SubscriberTopic
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_signup import ADDRESS, subscribers


def offer(door: Door, slug: str, name: str, *, until: date | None = None, list_slug: str = "professionals") -> int:
    with door.runtime.db.transaction() as session:
        list_id = lists.by_slug(session, list_slug).id
        assert list_id is not None
        made = topics.write(session, list_id, slug=slug, name=name, from_date=date(2020, 1, 1), until_date=until).id
        assert made is not None
        return made


def managed(door: Door, slug: str = "professionals") -> str:
    return f"/manage/{town.token(door.runtime, Purpose.MANAGE, town.subscriber(door.runtime, ADDRESS, slug=slug))}"


def chosen(door: Door) -> set[int]:
    with door.runtime.db.reading() as session:
        return set(session.exec(select(SubscriberTopic.topic_id)))


def test_topics_can_be_chosen_and_taken_away(door: Door) -> None:
    early, training = offer(door, "early-years", "Early years"), offer(door, "training", "Training")
    path = managed(door)
    assert chosen(door) == set()
    page = door.get(path).text
    assert re.search(r'id="editions"[^>]*value="all" checked', page)
    assert "checked" not in re.sub(r'value="all" checked', "", page)
    saved = door.post(f"{path}/choices", {"editions": "all", "topic-early-years": "1", "topic-training": "1"})
    assert saved.headers["location"] == f"{path}?saved=1"
    assert chosen(door) == {early, training}
    door.post(f"{path}/choices", {"editions": "regular", "topic-training": "1"})
    assert chosen(door) == {training}
    assert subscribers(door.runtime)[0].regular_only
    page = door.get(path).text
    assert re.search(r'value="regular" checked', page)
    assert re.search(r'name="topic-training"[^>]* checked', page)
    assert not re.search(r'name="topic-early-years"[^>]* checked', page)
    assert ADDRESS not in page
    door.post(f"{path}/choices", {"editions": "all"})
    assert chosen(door) == set()


def test_a_new_topic_enrols_nobody_and_an_old_one_stays_as_it_was(sqlite_door: Door) -> None:
    path = managed(sqlite_door)
    old = offer(sqlite_door, "old", "Old topic")
    sqlite_door.post(f"{path}/choices", {"editions": "all", "topic-old": "1"})
    offer(sqlite_door, "old", "Old topic", until=sqlite_door.runtime.clock.now().date() - timedelta(days=1))
    offer(sqlite_door, "new", "New topic")
    page = sqlite_door.get(path).text
    assert "Old topic" not in page
    assert "New topic" in page
    sqlite_door.post(f"{path}/choices", {"editions": "all"})
    assert chosen(sqlite_door) == {old}


@pytest.mark.parametrize("form", [{}, {"editions": "king"}, {"topic-nothing": "1"}, {"topic-": "1", "editions": ""}])
def test_nonsense_changes_nothing(form: dict[str, str], sqlite_door: Door) -> None:
    path = managed(sqlite_door)
    sqlite_door.post(f"{path}/choices", {"editions": "regular"})
    assert sqlite_door.post(f"{path}/choices", form).status_code == 303
    assert subscribers(sqlite_door.runtime)[0].regular_only
    assert chosen(sqlite_door) == set()


def test_a_topic_of_another_list_cannot_be_chosen(sqlite_door: Door) -> None:
    offer(sqlite_door, "theirs", "Theirs", list_slug="parents")
    sqlite_door.post(f"{managed(sqlite_door)}/choices", {"topic-theirs": "1"})
    assert chosen(sqlite_door) == set()


def test_parents_and_those_who_left_have_no_choices(sqlite_door: Door) -> None:
    path = managed(sqlite_door, "parents")
    assert "Choose what you get" not in sqlite_door.get(path).text
    assert sqlite_door.post(f"{path}/choices", {"editions": "regular"}).status_code == 404
    path = managed(sqlite_door)
    with sqlite_door.runtime.db.transaction() as session:
        row = session.exec(select(Subscriber).where(Subscriber.role.is_not(None))).one()  # type: ignore[union-attr]
        preferences.leave(
            session,
            mailing_list_id=row.mailing_list_id,
            subscriber_id=row.id or 0,
            how="button",
            now=sqlite_door.runtime.clock.now(),
        )
    assert sqlite_door.post(f"{path}/choices", {"editions": "regular"}).status_code == 404
