"""Bringing updates in, in a browser: axe, small phones, the keyboard, no scripts."""

from collections.abc import Callable, Iterator

import pytest

from newsletter.content import feeds, reading_feeds
from newsletter.content.feeds import FeedDraft
from newsletter.staff.models import StaffRole
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.feed_site import URL, FeedSite, serve
from tests.newsletter.web.staff.newsroom import Newsroom

IMPORT = "/staff/updates/import"
FEEDS = "/staff/settings/feeds"

TEXT = """Dear all,

More plans on time
We finished 62% of plans within 20 weeks. See the figures: https://www.example.org/figures.

What has changed in the way that we answer your letters, telephone calls and emails
• A new phone line opens at 8am
• A coordinator for each school, whose name is thisisawordthatistoolongforanytelephoneanywhere
"""


@pytest.fixture
def room(site: Site) -> Newsroom:
    return newsroom.build(site.runtime)


@pytest.fixture
def feed_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedSite]:
    with serve() as there:
        monkeypatch.setattr(reading_feeds, "fetch", there.fetch)
        yield there


@pytest.fixture
def author(visitor: Visitor, room: Newsroom) -> Visitor:
    visitor.sign_in(StaffRole.AUTHOR, StaffRole.ADMIN)
    return visitor


def add_feed(room: Newsroom) -> int:
    draft = FeedDraft(name="News of the council", url=URL, partner_id=room.partner)
    with room.runtime.db.transaction() as session:
        return feeds.add(session, draft, staff_id=1, now=room.runtime.clock.now()).id or 0


def paste(author: Visitor) -> None:
    author.open(IMPORT)
    author.page.get_by_label("The text").fill(TEXT)
    author.press("See what is in it")


def test_a_document_becomes_drafts(author: Visitor) -> None:
    author.open(IMPORT)
    author.look("staff-import-paste")
    author.press("See what is in it")
    author.look("staff-import-paste-error")
    paste(author)
    author.look("staff-import-found")
    author.page.get_by_label("Organisation").first.select_option("Example Council")
    author.press("Make the drafts")
    assert author.page.get_by_text("The drafts are made").is_visible()
    author.look("staff-import-made")
    author.page.get_by_role("link", name="More plans on time").click()
    assert author.page.get_by_label("Title for parents").input_value() == "More plans on time"


def test_what_was_typed_stays_when_something_is_to_be_mended(author: Visitor) -> None:
    paste(author)
    for group in author.page.get_by_role("group", name="Whom is it for?").all():
        group.get_by_label("Leave it out").check()
    author.press("Make the drafts")
    author.page.get_by_role("link", name="Say for at least one piece whom it is for").click()
    assert author.page.evaluate("document.activeElement.id") == "for-0"
    author.look("staff-import-found-error")


def test_a_feed_is_named_tried_and_stopped(author: Visitor, feed_site: FeedSite) -> None:
    author.open(FEEDS)
    author.look("staff-settings-feeds-none")
    author.open(f"{FEEDS}/new")
    author.page.get_by_label("Name of the feed").fill("News of the council")
    author.page.get_by_label("Address of the feed").fill(URL)
    author.page.get_by_label("Organisation").select_option("Example Council")
    author.look("staff-settings-feeds-new")
    author.press("Add it")
    author.press("Try it")
    assert author.page.get_by_text("A new room & garden").is_visible()
    author.look("staff-settings-feeds-tried")
    author.open(FEEDS)
    author.look("staff-settings-feeds")
    feed_site.says("<html></html>", content_type="text/html")
    author.site.runtime.clock.move(feeds.PAUSE)  # type: ignore[attr-defined]
    author.open(f"{FEEDS}/1")
    author.press("Try it")
    author.look("staff-settings-feeds-problem")
    author.page.get_by_role("link", name="Stop this feed").click()
    author.look("staff-settings-feeds-stop")
    author.press("Stop it")
    author.look("staff-settings-feeds-stopped")


def test_news_of_a_feed_becomes_drafts(author: Visitor, room: Newsroom, feed_site: FeedSite) -> None:
    author.open(f"{IMPORT}/feed")
    author.look("staff-import-feeds-none")
    feed = add_feed(room)
    author.open(f"{IMPORT}/feed")
    author.look("staff-import-feeds")
    author.page.get_by_role("link", name="News of the council").click()
    author.look("staff-import-feed-unread")
    author.press("Read it now")
    author.look("staff-import-feed")
    author.press("Make the drafts")
    author.page.get_by_role("link", name="Choose at least one piece of news").click()
    assert author.page.evaluate("document.activeElement.id") == "entry-0"
    author.look("staff-import-feed-error")
    author.page.get_by_label("Plans on time").check()
    author.press("Make the drafts")
    author.open(f"{IMPORT}/feed/{feed}")
    assert author.page.get_by_label("Plans on time").is_disabled()
    author.look("staff-import-feed-waiting")


def test_the_keyboard_alone_will_do(author: Visitor) -> None:
    author.open(IMPORT)
    author.page.get_by_label("The text").focus()
    author.page.keyboard.insert_text(TEXT)
    author.page.keyboard.press("Tab")
    with author.page.expect_navigation():
        author.page.keyboard.press("Enter")
    author.page.get_by_role("group", name="Whom is it for? More plans on time").get_by_label(
        "Parents and professionals"
    ).focus()
    author.page.keyboard.press("ArrowDown")
    author.page.get_by_role("button", name="Make the drafts").focus()
    with author.page.expect_navigation():
        author.page.keyboard.press("Enter")
    assert author.page.get_by_text("The drafts are made").is_visible()


def test_everything_works_without_scripts(visit: Callable[..., Visitor], room: Newsroom, feed_site: FeedSite) -> None:
    author = visit(java_script_enabled=False)
    author.sign_in(StaffRole.AUTHOR)
    paste(author)
    author.page.get_by_text("Another priority area or organisation").nth(1).click()
    author.page.locator("#area-1").select_option(index=1)
    author.press("Make the drafts")
    assert author.page.get_by_text("The drafts are made").is_visible()
    feed = add_feed(room)
    author.open(f"{IMPORT}/feed/{feed}")
    author.press("Read it now")
    author.page.get_by_label("Plans on time").check()
    author.press("Make the drafts")
    assert author.page.get_by_role("link", name="Plans on time", exact=True).is_visible()
