"""Bringing updates in: from a text that was pasted, and from a feed."""

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.content import feeds, reading_feeds
from newsletter.content.documents import MOST_CHARACTERS, MOST_PIECES
from newsletter.content.feeds import FeedDraft
from newsletter.content.models import NewsFeedEntry, SavedDraft, Update
from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.staff.models import StaffRole
from newsletter.web.staff import updates_import
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.feed_site import URL, FeedSite, serve
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom
from tests.newsletter.web.staff.queries import counted
from tests.newsletter.web.staff.settings.forms import errors, filled, logged

IMPORT = "/staff/updates/import"

TEXT = """Dear all,\r
\r
More plans on time\r
We finished 62% of plans within 20 weeks. See the figures: https://www.example.org/figures.\r
\r
What has changed\r
• A new phone line opens at 8am\r
• A co\u00adordinator for each school\r
"""


@pytest.fixture
def author(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.AUTHOR)


@pytest.fixture
def feed_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedSite]:
    with serve() as site:
        monkeypatch.setattr(reading_feeds, "fetch", site.fetch)
        yield site


@pytest.fixture
def feed(newsroom: Newsroom) -> int:
    return add_feed(newsroom)


def add_feed(newsroom: Newsroom, url: str = URL, *, area: int | None = None) -> int:
    draft = FeedDraft(name="News of the council", url=url, partner_id=newsroom.partner, priority_area_id=area)
    with newsroom.runtime.db.transaction() as session:
        return feeds.add(session, draft, staff_id=1, now=newsroom.runtime.clock.now()).id or 0


def drafts(runtime: Runtime) -> list[SavedDraft]:
    """What is kept, what was made first first."""
    with runtime.db.reading() as session:
        return list(session.exec(select(SavedDraft).order_by(col(SavedDraft.id))))


class TestADocument:
    def test_what_is_found_is_shown_and_nothing_is_kept(self, author: Desk, newsroom: Newsroom) -> None:
        answer = author.post(IMPORT, {"text": TEXT})
        assert answer.status_code == 200
        assert "There are 3 pieces" in answer.text
        assert '<a href="https://www.example.org/figures" class="govuk-link">See the figures</a>' in answer.text
        form = filled(answer)
        # A greeting is no news; the rest is.
        assert [form[f"for-{number}"] for number in range(3)] == ["nobody", "both", "both"]
        assert drafts(newsroom.runtime) == []
        assert logged(newsroom.runtime) == []

    def test_what_is_chosen_becomes_drafts(self, author: Desk, newsroom: Newsroom) -> None:
        page = author.post(IMPORT, {"text": TEXT})
        form = {**filled(page), "for-2": "parents", "area": str(newsroom.areas[0]), "partner": str(newsroom.partner)}
        answer = author.post(f"{IMPORT}/drafts", {**form, "area-2": str(newsroom.areas[1])})
        assert answer.headers["location"] == f"{IMPORT}?said=drafts"
        changed, plans = drafts(newsroom.runtime)
        plans_text = "We finished 62% of plans within 20 weeks. [See the figures](https://www.example.org/figures)."
        assert plans.typed == {
            "parent_title": "More plans on time",
            "parent_body": plans_text,
            "professional_title": "More plans on time",
            "professional_body": plans_text,
            "from_date": "3/11/2026",
            "partner_id": str(newsroom.partner),
            "priority_area_id": str(newsroom.areas[0]),
        }
        assert changed.typed == {
            "parent_title": "What has changed",
            "parent_body": "- A new phone line opens at 8am\n- A coordinator for each school",
            "from_date": "3/11/2026",
            "partner_id": str(newsroom.partner),
            "priority_area_id": str(newsroom.areas[1]),
        }
        assert {draft.source for draft in (changed, plans)} == {"document"}
        assert logged(newsroom.runtime) == [("bring in updates", "a pasted document", "2 drafts of 3 pieces")]
        after = author.get(answer.headers["location"]).text
        assert "The drafts are made" in after
        assert after.index("More plans on time") < after.index("What has changed")
        assert f'href="/staff/updates/new?draft={plans.id}"' in after
        with newsroom.runtime.db.reading() as session:
            assert "More plans on time" not in session.exec(select(Update.parent_title)).all()

    def test_a_form_that_is_sent_twice_makes_them_once(self, author: Desk, newsroom: Newsroom) -> None:
        form = filled(author.post(IMPORT, {"text": TEXT}))
        author.post(f"{IMPORT}/drafts", form)
        again = author.post(f"{IMPORT}/drafts", form)
        assert again.headers["location"] == f"{IMPORT}?said=none"
        assert len(drafts(newsroom.runtime)) == 2
        assert len(logged(newsroom.runtime)) == 1
        # Pasted anew it is another errand.
        author.post(f"{IMPORT}/drafts", filled(author.post(IMPORT, {"text": TEXT})))
        assert len(drafts(newsroom.runtime)) == 4

    def test_somebody_else_sees_nothing_of_it(
        self, author: Desk, newsroom: Newsroom, desk: Callable[..., Desk]
    ) -> None:
        author.post(f"{IMPORT}/drafts", filled(author.post(IMPORT, {"text": TEXT})))
        assert "More plans on time" not in desk(StaffRole.ADMIN).get(IMPORT).text

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (" \r\n ", "Paste the text"),
            ("word " * 4_001, f"The text must be {MOST_CHARACTERS:,} characters or fewer. This has 20,005"),
            ("🙂" * (MOST_CHARACTERS + 1), "must be 20,000 characters or fewer"),
            ("# A\n\nb\n\n" * (MOST_PIECES + 1), f"The text has {MOST_PIECES + 1} headings"),
        ],
    )
    @pytest.mark.parametrize("path", [IMPORT, f"{IMPORT}/drafts"])
    def test_what_cannot_be_used_stays_in_the_box(
        self, author: Desk, newsroom: Newsroom, text: str, said: str, path: str
    ) -> None:
        answer = author.post(path, {"text": text})
        assert answer.status_code == 422
        assert errors(answer)[0].startswith(said) or said in errors(answer)[0]
        assert filled(answer)["text"].strip() == text.strip()

    def test_far_too_much_is_refused_unread(self, author: Desk, newsroom: Newsroom) -> None:
        assert author.post(IMPORT, {"text": "a" * 2_000_000}).status_code == 413

    def test_at_least_one_piece_is_for_somebody(self, author: Desk, newsroom: Newsroom) -> None:
        form = filled(author.post(IMPORT, {"text": TEXT}))
        nobody = {f"for-{number}": "nobody" for number in range(3)}
        answer = author.post(f"{IMPORT}/drafts", {**form, **nobody, "area": str(newsroom.areas[1])})
        assert answer.status_code == 422
        assert errors(answer) == ["Say for at least one piece whom it is for"]
        assert f'<option value="{newsroom.areas[1]}" selected>' in answer.text
        assert filled(answer)["text"] == form["text"]
        assert drafts(newsroom.runtime) == []

    def test_scripts_stay_words(self, author: Desk, newsroom: Newsroom) -> None:
        text = (
            f"{HOSTILE}\n\nA paragraph that says {HOSTILE}, and [[leave_url]] [x](javascript:alert(1)).\n\n</textarea>"
        )
        answer = author.post(IMPORT, {"text": text})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert 'href="javascript' not in answer.text
        author.post(f"{IMPORT}/drafts", {**filled(answer), "for-0": "both"})
        listed = author.get(IMPORT).text
        assert "<script>alert" not in listed
        assert "alert(1)" in html.unescape(listed) or "No title yet" in listed

    def test_whatever_is_chosen_is_taken_or_left_open(self, author: Desk, newsroom: Newsroom) -> None:
        form = filled(author.post(IMPORT, {"text": TEXT}))
        odd = {"area": "x", "partner": "-1", "area-1": "9" * 30, "for-2": "all", "form_key": "<b>"}
        assert author.post(f"{IMPORT}/drafts", {**form, **odd}).status_code == 303
        (only,) = drafts(newsroom.runtime)
        assert sorted(only.typed) == [
            "from_date",
            "parent_body",
            "parent_title",
            "professional_body",
            "professional_title",
        ]

    def test_too_many_drafts_are_said_to_be(
        self, author: Desk, newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("newsletter.content.saved_drafts.MOST_DRAFTS", 1)
        answer = author.post(f"{IMPORT}/drafts", filled(author.post(IMPORT, {"text": TEXT})))
        assert errors(answer) == ["You have 1 drafts. Save some of them, or throw some away, first"]
        assert drafts(newsroom.runtime) == []

    def test_the_largest_document_fits_into_the_form(self, author: Desk, newsroom: Newsroom) -> None:
        text = "".join(f"# Heading {number}\n\n{'🙂 Größe ' * 60}\n\n" for number in range(MOST_PIECES))
        form = filled(author.post(IMPORT, {"text": text}))
        every = {f"{name}-{number}": "1" for number in range(MOST_PIECES) for name in ("area", "partner")}
        assert author.post(f"{IMPORT}/drafts", {**form, **every}).status_code == 303
        assert len(drafts(newsroom.runtime)) == MOST_PIECES


class TestAFeed:
    def read(self, author: Desk, feed: int) -> str:
        answer = author.post(f"{IMPORT}/feed/{feed}/read", {})
        assert answer.status_code == 303
        return html.unescape(author.get(answer.headers["location"]).text)

    def test_it_is_read_when_somebody_asks_newest_first(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite
    ) -> None:
        assert "News of the council" in author.get(f"{IMPORT}/feed").text
        assert "It was not read yet" in author.get(f"{IMPORT}/feed/{feed}").text
        assert feed_site.asked == []
        page = self.read(author, feed)
        assert "The feed was read just now" in page
        assert page.index("A new room & garden") < page.index("Plans on time")
        assert "2 November 2026" in page
        assert 'href="https://www.example.org/news/plans"' in page
        assert "We finished more plans." in page
        (asked,) = feed_site.asked
        assert (asked["path"], asked["host"], asked["user-agent"]) == (
            "/feed.xml",
            "www.example.org",
            "send-newsletter",
        )
        assert "cookie" not in asked
        assert logged(newsroom.runtime) == [("read feed", f"feed {feed}", "2 entries")]
        author.get(f"{IMPORT}/feed/{feed}")
        assert len(feed_site.asked) == 1  # looking reads nothing

    def test_what_is_chosen_becomes_drafts_with_its_source(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite
    ) -> None:
        self.read(author, feed)
        form = self.choose(author, feed, "Plans on time")
        answer = author.post(f"{IMPORT}/feed/{feed}/drafts", {**form, "for": "both", "area": str(newsroom.areas[1])})
        assert answer.headers["location"] == f"{IMPORT}?said=drafts"
        (only,) = drafts(newsroom.runtime)
        text = "We finished 62% of plans. [See the figures](https://www.example.org/figures).\n\n- One\n- Two"
        assert only.typed == {
            "parent_title": "Plans on time",
            "parent_body": text,
            "professional_title": "Plans on time",
            "professional_body": text,
            "from_date": "3/11/2026",
            "partner_id": str(newsroom.partner),
            "priority_area_id": str(newsroom.areas[1]),
            "evidence_url": "https://www.example.org/news/plans",
            "evidence_label": "Read “Plans on time” on example.org",
        }
        assert only.source == "News of the council"
        assert logged(newsroom.runtime)[1:] == [("bring in updates", f"feed {feed}", "1 drafts")]
        page = html.unescape(author.get(f"{IMPORT}/feed/{feed}").text)
        assert "Waits as a draft" in page
        assert re.search(r'value="\w{64}" disabled', page)
        # Sent once more, by somebody else or with an old page: nothing happens.
        assert (
            author.post(f"{IMPORT}/feed/{feed}/drafts", {**form, "for": "both"})
            .headers["location"]
            .endswith("none-of-feed")
        )
        assert "Nothing new was made" in author.get(f"{IMPORT}?said=none-of-feed").text
        assert len(drafts(newsroom.runtime)) == 1

    def test_the_mark_stays_when_the_draft_is_gone(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite, clock: ManualClock
    ) -> None:
        self.read(author, feed)
        author.post(f"{IMPORT}/feed/{feed}/drafts", {**self.choose(author, feed, "Plans on time"), "for": "parents"})
        with newsroom.runtime.db.transaction() as session:
            session.execute(sa.delete(SavedDraft))
        clock.move(timedelta(minutes=2))
        page = self.read(author, feed)
        assert "Brought in on 3 November 2026" in page
        assert len(re.findall("Brought in on", page)) == 1
        # It may be brought in again.
        form = self.choose(author, feed, "Plans on time")
        assert (
            author.post(f"{IMPORT}/feed/{feed}/drafts", {**form, "for": "parents"})
            .headers["location"]
            .endswith("drafts")
        )

    def test_scripts_stay_words_and_only_https_is_a_link(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite
    ) -> None:
        author.post(f"{IMPORT}/feed/{feed}/read", {})
        page = author.get(f"{IMPORT}/feed/{feed}").text.partition("<main")[2].partition("</main>")[0]
        assert "<script" not in page
        assert "onerror" not in page
        assert "javascript:" not in page
        author.post(f"{IMPORT}/feed/{feed}/drafts", {**self.choose(author, feed, "A new room"), "for": "parents"})
        (only,) = drafts(newsroom.runtime)
        assert only.typed == {
            "parent_title": "A new room & garden",
            "parent_body": "It is open.",
            "from_date": "3/11/2026",
            "partner_id": str(newsroom.partner),
        }
        assert "alert" not in json.dumps(only.typed)

    def test_what_has_not_changed_is_not_sent_again(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite, clock: ManualClock
    ) -> None:
        since = "Mon, 02 Nov 2026 10:00:00 GMT"
        feed_site.headers |= {"etag": '"one"', "last-modified": since}
        self.read(author, feed)
        clock.move(timedelta(minutes=2))
        page = self.read(author, feed)
        assert "Plans on time" in page
        assert "The feed was read just now" in page
        assert [(asked.get("if-none-match"), asked.get("if-modified-since")) for asked in feed_site.asked] == [
            (None, None),
            ('"one"', since),
        ]
        assert logged(newsroom.runtime)[-1] == ("read feed", f"feed {feed}", "nothing new")

    def test_pressing_again_at_once_does_not_burden_the_website(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite
    ) -> None:
        self.read(author, feed)
        assert "The feed was read a moment ago" in self.read(author, feed)
        assert len(feed_site.asked) == 1

    def test_what_left_the_feed_is_shown_no_more(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite, clock: ManualClock
    ) -> None:
        self.read(author, feed)
        author.post(f"{IMPORT}/feed/{feed}/drafts", {**self.choose(author, feed, "Plans on time"), "for": "parents"})
        feed_site.says("<rss><channel><title>x</title></channel></rss>")
        clock.move(timedelta(minutes=2))
        page = self.read(author, feed)
        assert "The feed has no news now" in page
        assert "Plans on time" not in page
        with newsroom.runtime.db.reading() as session:  # that it was brought in is remembered
            (row,) = session.exec(select(NewsFeedEntry))
        assert (row.title, row.body, row.summary) == ("Plans on time", "", "")
        assert row.brought_in_at is not None

    @pytest.mark.parametrize(
        ("body", "status", "headers", "said"),
        [
            ("", 404, {}, "The feed is not there (404). Ask its website for the new address"),
            ("", 503, {}, "The website did not give the feed (503). Try again later"),
            ("<html><p>Hello</p></html>", 200, {"content_type": "text/html"}, "There is no feed at this address"),
            ("<html><p>Hello</p></html>", 200, {}, "There is no feed at this address"),
            ("no XML", 200, {"content_type": "text/plain"}, "There is no feed at this address"),
            ("<rss><channel><title>", 200, {}, "The feed is damaged"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><rss><channel/></rss>", 200, {}, "has parts (entities) that could make it"),
            ("<rss>" + " " * (3 * 2**20) + "</rss>", 200, {}, "The feed is larger than 2 MB"),
            ("", 302, {"location": "http://169.254.169.254/latest"}, "did not open: it is not a web address that can"),
            ("", 302, {"location": "https://inside.example.org/"}, "leads to a machine that is not on the public int"),
        ],
    )  # fmt: skip
    def test_what_goes_wrong_is_said_and_what_was_read_before_stays(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite, clock: ManualClock,
        body: str, status: int, headers: dict[str, str], said: str,
    ) -> None:  # fmt: skip
        feed_site.names["inside.example.org"] = ["10.0.0.7"]
        self.read(author, feed)
        feed_site.says(body, status, **headers)
        clock.move(timedelta(minutes=2))
        page = self.read(author, feed)
        assert said in page
        assert "Plans on time" in page
        assert said in logged(newsroom.runtime)[-1][2]
        # It may be tried again soon, not at once.
        asked = len(feed_site.asked)
        assert "Wait ten seconds, then try again" in self.read(author, feed)
        assert len(feed_site.asked) == asked
        clock.move(feeds.PAUSE_AFTER_PROBLEM)
        self.read(author, feed)
        assert len(feed_site.asked) == 2 * asked - 1

    def test_a_bomb_does_nothing(self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite) -> None:
        feed_site.packed(b"<rss>" + b" " * (200 * 2**20) + b"</rss>")
        assert len(feed_site.body) < 2**20
        assert "The feed is larger than 2 MB" in self.read(author, feed)

    def test_something_has_to_be_chosen(self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite) -> None:
        self.read(author, feed)
        path = f"{IMPORT}/feed/{feed}/drafts"
        assert errors(author.post(path, {"for": "both"})) == ["Choose at least one piece of news"]
        form = self.choose(author, feed, "Plans on time")
        answer = author.post(path, form | {"for": ""})
        assert errors(answer) == ["Say whom it is for"]
        assert re.search(r'value="\w{64}" checked', answer.text)
        assert drafts(newsroom.runtime) == []

    def test_a_stopped_feed_is_not_read(self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite) -> None:
        with newsroom.runtime.db.transaction() as session:
            feeds.stop(session, feed, now=newsroom.runtime.clock.now())
        assert author.post(f"{IMPORT}/feed/{feed}/read", {}).status_code == 409
        chosen = {"entry-0": "0" * 64, "for": "both"}
        assert author.post(f"{IMPORT}/feed/{feed}/drafts", chosen).status_code == 409
        assert feed_site.asked == []
        assert "No feed was named yet" in author.get(f"{IMPORT}/feed").text

    def test_a_full_feed_costs_no_more_questions(
        self, author: Desk, newsroom: Newsroom, feed: int, feed_site: FeedSite, clock: ManualClock
    ) -> None:
        self.read(author, feed)
        with counted(newsroom.runtime) as few:
            author.get(f"{IMPORT}/feed/{feed}")
        items = "".join(f"<item><title>News {number}</title></item>" for number in range(80))
        feed_site.says(f"<rss><channel><title>x</title>{items}</channel></rss>")
        clock.move(timedelta(minutes=2))
        page = self.read(author, feed)
        assert page.count('type="checkbox"') == 50
        with counted(newsroom.runtime) as many:
            author.get(f"{IMPORT}/feed/{feed}")
        assert len(many) == len(few)

    def choose(self, author: Desk, feed: int, title: str) -> dict[str, str]:
        """The box beside this title, ticked."""
        page = author.get(f"{IMPORT}/feed/{feed}").text
        boxes = re.findall(
            r'<input [^>]*name="(entry-\d+)"[^>]*value="(\w{64})".*?<label[^>]*>(.*?)</label>', page, re.DOTALL
        )
        return {name: key for name, key, words in boxes if title in html.unescape(words)}


def test_the_list_of_drafts_costs_no_more_questions(author: Desk, newsroom: Newsroom) -> None:
    with counted(newsroom.runtime) as none:
        author.get(IMPORT)
    for _ in range(3):
        author.post(f"{IMPORT}/drafts", filled(author.post(IMPORT, {"text": TEXT})))
    with counted(newsroom.runtime) as some:
        author.get(IMPORT)
    assert len(some) == len(none)


def test_only_those_who_may_send_more_than_others(newsroom: Newsroom, desk: Callable[..., Desk]) -> None:
    large = {"text": "word " * 20_000}
    assert desk(StaffRole.APPROVER).post(IMPORT, large).status_code == 413
    assert desk(StaffRole.AUTHOR).post(IMPORT, large).status_code == 422
    assert set(updates_import.larger_bodies(newsroom.runtime)) == {IMPORT, f"{IMPORT}/drafts"}


def test_a_draft_is_finished_in_the_form_of_updates(author: Desk, newsroom: Newsroom) -> None:
    form = {**filled(author.post(IMPORT, {"text": TEXT})), "area": str(newsroom.areas[0])}
    author.post(f"{IMPORT}/drafts", {**form, "partner": str(newsroom.partner), "for-2": "nobody"})
    (only,) = drafts(newsroom.runtime)
    assert f'href="/staff/updates/new?draft={only.id}"' in author.get("/staff/updates").text
    page = author.get(f"/staff/updates/new?draft={only.id}")
    finished = {**filled(page), **only.typed, "owner": "Head of SEND"}
    assert author.post("/staff/updates/new", finished).status_code == 303
    with newsroom.runtime.db.reading() as session:
        update = session.exec(select(Update).order_by(col(Update.id).desc())).first()
        assert update is not None
        assert (update.parent_title, update.partner_id) == ("More plans on time", newsroom.partner)
    assert drafts(newsroom.runtime) == []
