"""Feeds that the council has named, and what was last read from them.

A feed is stopped, not deleted: what was brought in from it keeps its mark. `newsletter.content.reading_feeds` fetches;
here it is kept, so that nobody asks the other website twice for the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, delete, select

from newsletter.content.feed_entries import Entry
from newsletter.content.fields import Line, SecureUrl
from newsletter.content.models import NewsFeed, NewsFeedEntry, Partner, PriorityArea
from newsletter.content.reading_feeds import Fetched
from newsletter.core.errors import InvalidInput, NotFound

#: A feed is read again no sooner than this.
PAUSE = timedelta(minutes=1)
#: And no sooner than this when it could not be read.
PAUSE_AFTER_PROBLEM = timedelta(seconds=10)
MOST_FEEDS = 100


class FeedDraft(BaseModel):
    """What a person typed about a feed."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(min_length=1, max_length=100)
    url: SecureUrl = Field(min_length=1)
    partner_id: int = Field(ge=1, le=2**31 - 1)
    priority_area_id: int | None = Field(default=None, ge=1, le=2**31 - 1)


def add(session: Session, draft: FeedDraft, *, staff_id: int, now: datetime) -> NewsFeed:
    """Name a feed. Raises `InvalidInput` when it is named already, or its organisation or area is not there."""
    _check(session, draft)
    if len(all_feeds(session)) >= MOST_FEEDS:
        raise InvalidInput(f"There are {MOST_FEEDS} feeds already. Change one of them instead", field="name")
    feed = NewsFeed(**draft.model_dump(), added_by_id=staff_id, added_at=now)
    session.add(feed)
    session.flush()
    return feed


def edit(session: Session, feed_id: int, draft: FeedDraft) -> NewsFeed:
    """Replace what is known of a feed. With another address, what was read is forgotten. Raises as `add`."""
    feed = by_id(session, feed_id)
    session.refresh(feed, with_for_update=True)  # nobody keeps what the old address said meanwhile
    _check(session, draft, other_than=feed_id)
    if feed.url != draft.url:
        feed.etag, feed.last_modified, feed.problem, feed.read_at = "", "", "", None
        _keep_entries(session, feed_id, [])
    for name, value in draft.model_dump().items():
        setattr(feed, name, value)
    session.add(feed)
    session.flush()
    return feed


def stop(session: Session, feed_id: int, *, now: datetime) -> NewsFeed:
    """Read nothing from it any more. Repeatable."""
    feed = by_id(session, feed_id)
    feed.stopped_at = feed.stopped_at or now
    session.add(feed)
    return feed


def resume(session: Session, feed_id: int) -> NewsFeed:
    """Read from it again."""
    feed = by_id(session, feed_id)
    feed.stopped_at = None
    session.add(feed)
    return feed


def all_feeds(session: Session) -> Sequence[NewsFeed]:
    """Every feed by name, those in use first."""
    return session.exec(select(NewsFeed).order_by(col(NewsFeed.stopped_at).is_not(None), col(NewsFeed.name))).all()


def in_use(session: Session) -> Sequence[NewsFeed]:
    """The feeds that are read, by name."""
    return session.exec(select(NewsFeed).where(col(NewsFeed.stopped_at).is_(None)).order_by(col(NewsFeed.name))).all()


def by_id(session: Session, feed_id: int) -> NewsFeed:
    """Raises `NotFound`."""
    feed = session.get(NewsFeed, feed_id)
    if feed is None:
        raise NotFound(f"There is no feed {feed_id}.")
    return feed


def may_read(feed: NewsFeed, *, now: datetime) -> bool:
    """Whether enough time has passed since it was read, or tried."""
    return feed.read_at is None or feed.read_at <= now - (PAUSE_AFTER_PROBLEM if feed.problem else PAUSE)


def keep(session: Session, feed: NewsFeed, fetched: Fetched, *, now: datetime) -> None:
    """Keep what was read, in place of what was read before."""
    feed.read_at, feed.problem = now, ""
    feed.etag, feed.last_modified = fetched.etag, fetched.last_modified
    session.add(feed)
    if fetched.entries is not None:
        _keep_entries(session, feed.id or 0, fetched.entries)


def keep_problem(session: Session, feed: NewsFeed, problem: str, *, now: datetime) -> None:
    """Keep why it could not be read. What was read before stays."""
    feed.read_at, feed.problem = now, problem[:300]
    session.add(feed)


def entries(session: Session, feed_id: int) -> Sequence[NewsFeedEntry]:
    """What is in the feed, newest first."""
    there = select(NewsFeedEntry).where(NewsFeedEntry.news_feed_id == feed_id, col(NewsFeedEntry.is_there))
    return session.exec(there.order_by(col(NewsFeedEntry.position))).all()


def source_key(feed_id: int, entry_key: str) -> str:
    """What a saved draft of this entry is known by, so that there is one at a time."""
    return sha256(f"feed {feed_id} {entry_key}".encode()).hexdigest()


def _keep_entries(session: Session, feed_id: int, found: Sequence[Entry]) -> None:
    _forget(session, feed_id)
    known = {
        row.entry_key: row for row in session.exec(select(NewsFeedEntry).where(NewsFeedEntry.news_feed_id == feed_id))
    }
    for row in known.values():
        row.is_there = False
    for position, entry in enumerate(found):
        row = known.get(entry.key) or NewsFeedEntry(
            news_feed_id=feed_id, entry_key=entry.key, title="", position=position
        )
        row.title, row.url, row.body, row.summary, row.at = entry.title, entry.url, entry.text, entry.summary, entry.at
        row.position, row.is_there = position, True
        session.add(row)
    for row in known.values():
        if not row.is_there:  # that it was brought in is remembered, not what others wrote
            row.body = row.summary = ""
    session.flush()


def _forget(session: Session, feed_id: int) -> None:
    """What was never brought in may go."""
    session.exec(
        delete(NewsFeedEntry)
        .where(col(NewsFeedEntry.news_feed_id) == feed_id, col(NewsFeedEntry.brought_in_at).is_(None))
        .execution_options(synchronize_session="fetch")
    )


def _check(session: Session, draft: FeedDraft, *, other_than: int | None = None) -> None:
    if session.get(Partner, draft.partner_id) is None:
        raise InvalidInput("Choose an organisation from the list", field="partner_id")
    if draft.priority_area_id is not None and session.get(PriorityArea, draft.priority_area_id) is None:
        raise InvalidInput("Choose a priority area from the list", field="priority_area_id")
    same = session.exec(select(NewsFeed).where(NewsFeed.url == draft.url, NewsFeed.id != other_than)).first()
    if same is not None:
        raise InvalidInput(f"“{same.name}” has this address already", field="url")
