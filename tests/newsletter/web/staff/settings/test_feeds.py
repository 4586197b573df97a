"""Feeds: named, tried, changed and stopped by administrators."""

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.content import feeds, reading_feeds
from newsletter.content.models import NewsFeed, NewsFeedEntry, Partner, PriorityArea
from newsletter.core.clock import ManualClock
from newsletter.staff.models import StaffRole, StaffRoleHeld
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.feed_site import URL, FeedSite, serve
from tests.newsletter.web.staff.newsroom import TODAY, Newsroom
from tests.newsletter.web.staff.settings.forms import NASTY, Counted, errors, filled, logged

FEEDS = "/staff/settings/feeds"


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.ADMIN)


@pytest.fixture
def feed_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedSite]:
    with serve() as site:
        monkeypatch.setattr(reading_feeds, "fetch", site.fetch)
        yield site


def form(newsroom: Newsroom, **changes: str) -> dict[str, str]:
    return {"name": "News of the council", "url": URL, "partner_id": str(newsroom.partner), **changes}


def all_feeds(newsroom: Newsroom) -> list[NewsFeed]:
    with newsroom.runtime.db.reading() as session:
        return list(feeds.all_feeds(session))


def test_a_feed_is_added_tried_changed_stopped_and_started(
    admin: Desk, newsroom: Newsroom, feed_site: FeedSite, clock: ManualClock
) -> None:
    assert "There is none yet" in admin.get(FEEDS).text
    added = admin.post(f"{FEEDS}/new", form(newsroom, priority_area_id=str(newsroom.areas[1])))
    assert added.headers["location"] == f"{FEEDS}/1?said=added"
    assert "It was not read yet" in admin.get(f"{FEEDS}/1").text
    tried = admin.post(f"{FEEDS}/1/try", {})
    assert tried.headers["location"] == f"{FEEDS}/1?said=read#found"
    page = html.unescape(admin.get(f"{FEEDS}/1").text)
    assert "A new room & garden" in page
    assert f'<option value="{newsroom.areas[1]}" selected>' in page
    assert "Works" in admin.get(FEEDS).text
    changed = admin.post(f"{FEEDS}/1", {**filled(admin.get(f"{FEEDS}/1")), **form(newsroom, name="Council news")})
    assert changed.headers["location"] == f"{FEEDS}/1?said=saved"
    assert "Authors can bring in nothing from it" in admin.get(f"{FEEDS}/1/stop").text
    assert admin.post(f"{FEEDS}/1/stop", {}).headers["location"] == f"{FEEDS}?said=stopped"
    assert "Stopped" in admin.get(FEEDS).text
    assert admin.post(f"{FEEDS}/1/try", {}).status_code == 409
    assert admin.post(f"{FEEDS}/1/start", {}).status_code == 303
    assert logged(newsroom.runtime) == [
        ("add feed", "feed 1", ""),
        ("read feed", "feed 1", "2 entries"),
        ("change feed", "feed 1", "name, priority area id"),
        ("stop feed", "feed 1", ""),
        ("start feed", "feed 1", ""),
    ]


def test_what_is_wrong_is_said_and_can_be_mended(admin: Desk, newsroom: Newsroom, feed_site: FeedSite) -> None:
    feed_site.says("<html></html>", content_type="text/html")
    admin.post(f"{FEEDS}/new", form(newsroom))
    admin.post(f"{FEEDS}/1/try", {})
    assert "There is no feed at this address" in admin.get(f"{FEEDS}/1").text
    assert "Problem" in admin.get(FEEDS).text
    # Another address is another feed: what was read, and what went wrong, is forgotten.
    other = form(newsroom, url="https://www.example.org/other.xml")
    admin.post(f"{FEEDS}/1", {**filled(admin.get(f"{FEEDS}/1")), **other})
    assert "It was not read yet" in admin.get(f"{FEEDS}/1").text
    assert [(row.problem, row.etag) for row in all_feeds(newsroom)] == [("", "")]


def test_with_another_address_what_was_read_is_forgotten(admin: Desk, newsroom: Newsroom, feed_site: FeedSite) -> None:
    feed_site.headers["etag"] = '"one"'
    admin.post(f"{FEEDS}/new", form(newsroom))
    admin.post(f"{FEEDS}/1/try", {})
    other = form(newsroom, url="https://www.example.org/other.xml")
    admin.post(f"{FEEDS}/1", {**filled(admin.get(f"{FEEDS}/1")), **other})
    with newsroom.runtime.db.reading() as session:
        assert session.exec(select(NewsFeedEntry)).all() == []
    admin.post(f"{FEEDS}/1/try", {})  # at once: it is another website's turn
    assert [asked.get("if-none-match") for asked in feed_site.asked] == [None, None]
    assert [asked["path"] for asked in feed_site.asked] == ["/feed.xml", "/other.xml"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "Enter the name of the feed"),
        ({"url": ""}, "Enter the address of the feed"),
        ({"url": "http://www.example.org/feed"}, "Must be a full address that starts with https://"),
        ({"url": "https://name:secret@example.org/"}, "Must be a full address that starts with https://"),
        ({"url": "file:///etc/passwd"}, "Must be a full address that starts with https://"),
        ({"url": f"https://example.org/{'a' * 500}"}, "Address of the feed must be 500 characters or fewer"),
        ({"partner_id": ""}, "Enter the organisation"),
        ({"partner_id": "999"}, "Choose an organisation from the list"),
        ({"priority_area_id": "999"}, "Choose a priority area from the list"),
        ({"partner_id": "x"}, "Organisation must be a whole number"),
    ],
)
def test_what_is_refused(admin: Desk, newsroom: Newsroom, changes: dict[str, str], said: str) -> None:
    answer = admin.post(f"{FEEDS}/new", form(newsroom, **changes))
    assert answer.status_code == 422
    assert errors(answer) == [said]
    assert all_feeds(newsroom) == []
    assert logged(newsroom.runtime) == []


def test_a_feed_is_named_once(admin: Desk, newsroom: Newsroom) -> None:
    admin.post(f"{FEEDS}/new", form(newsroom))
    assert errors(admin.post(f"{FEEDS}/new", form(newsroom, name="Again"))) == [
        "“News of the council” has this address already"
    ]


def test_two_administrators_do_not_overwrite_each_other(admin: Desk, newsroom: Newsroom) -> None:
    admin.post(f"{FEEDS}/new", form(newsroom))
    mine = theirs = filled(admin.get(f"{FEEDS}/1"))
    admin.post(f"{FEEDS}/1", {**theirs, **form(newsroom, name="Theirs")})
    answer = admin.post(f"{FEEDS}/1", {**mine, **form(newsroom, name="Mine")})
    assert (answer.status_code, "Theirs" in answer.text) == (409, True)


def test_what_a_feed_has_stays_chosen_when_it_is_offered_no_longer(admin: Desk, newsroom: Newsroom) -> None:
    area = str(newsroom.areas[1])
    admin.post(f"{FEEDS}/new", form(newsroom, priority_area_id=area))
    with newsroom.runtime.db.transaction() as session:
        ended = {"until_date": TODAY - timedelta(days=1)}
        session.execute(sa.update(Partner).where(col(Partner.id) == newsroom.partner).values(ended))
        session.execute(sa.update(PriorityArea).where(col(PriorityArea.id) == newsroom.areas[1]).values(ended))
    assert f'<option value="{area}"' not in admin.get(f"{FEEDS}/new").text
    page = admin.get(f"{FEEDS}/1").text
    assert re.findall(r'<option value="(\d*)" selected>', page) == [str(newsroom.partner), area]


def test_a_name_does_nothing_but_be_shown(admin: Desk, newsroom: Newsroom, feed_site: FeedSite) -> None:
    admin.post(f"{FEEDS}/new", form(newsroom, name=NASTY))
    admin.post(f"{FEEDS}/1/try", {})
    for path in (FEEDS, f"{FEEDS}/1", f"{FEEDS}/1/stop", "/staff/updates/import/feed", "/staff/updates/import/feed/1"):
        page = admin.get(path).text
        assert "<script>alert" not in page
        assert NASTY in html.unescape(page) or path == f"{FEEDS}/1"


def test_it_is_not_for_who_has_one_list(admin: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        for held in session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == admin.staff_id)):
            held.mailing_list_id = newsroom.parents
            session.add(held)
    assert admin.get(FEEDS).status_code == 403
    assert admin.post(f"{FEEDS}/new", form(newsroom)).status_code == 403
    for act in ("try", "stop", "start"):
        assert admin.post(f"{FEEDS}/1/{act}", {}).status_code == 403


def test_a_long_list_costs_no_more_questions(admin: Desk, newsroom: Newsroom, clock: ManualClock) -> None:
    admin.post(f"{FEEDS}/new", form(newsroom))
    with Counted(newsroom.runtime) as one:
        admin.get(FEEDS)
    with newsroom.runtime.db.transaction() as session:
        for number in range(60):
            draft = feeds.FeedDraft(name=f"Feed {number}", url=f"{URL}?{number}", partner_id=newsroom.partner)
            feeds.add(session, draft, staff_id=1, now=clock.now() + timedelta(minutes=number))
    with Counted(newsroom.runtime) as many:
        page = admin.get(FEEDS).text
    assert many.number == one.number
    assert "Pages of feeds" in page
