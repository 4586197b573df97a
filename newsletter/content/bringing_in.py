"""Makes saved drafts of what was brought in, from a pasted text or a feed. An author finishes them in the form of
updates; nothing of it is seen by anybody else before."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from newsletter.content import feeds, saved_drafts
from newsletter.content.documents import LONGEST_TITLE, Piece
from newsletter.content.models import NewsFeed, NewsFeedEntry, SavedDraft

#: Characters of an entry's text that a draft gets: what an update may have.
MOST_OF_AN_ENTRY = 4_900
#: What a draft that was pasted says it came from.
DOCUMENT = "document"


class ForWhom(enum.StrEnum):
    """Whose wording it becomes."""

    PARENTS = "parents"
    PROFESSIONALS = "professionals"
    BOTH = "both"
    NOBODY = "nobody"  # leave it out


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody decided about a piece. Ids are 0 where they left it open."""

    for_whom: ForWhom
    partner_id: int = 0
    priority_area_id: int = 0
    first_day: str = ""  # as it is typed into the form


def of_document(
    session: Session,
    chosen: Sequence[tuple[Piece, Chosen]],
    *,
    form_key: str,
    staff_id: int,
    now: datetime,
) -> int:
    """Make a draft of each piece that is for somebody; how many. Repeatable: the same form makes them once.

    Raises `InvalidInput` when somebody has too many drafts, or one is too long.
    """
    made = 0
    for number, (piece, choice) in reversed([*enumerate(chosen)]):  # the first ends up on top
        if choice.for_whom is ForWhom.NOBODY:
            continue
        kept = saved_drafts.keep(
            session,
            typed(piece, choice),
            staff_id=staff_id,
            now=now,
            source=DOCUMENT,
            source_key=sha256(f"document {staff_id} {form_key} {number}".encode()).hexdigest(),
        )
        made += kept is not None
    return made


def of_feed(
    session: Session, feed: NewsFeed, entry_keys: Sequence[str], choice: Chosen, *, staff_id: int, now: datetime
) -> int:
    """Make a draft of each of these entries, and mark them as brought in; how many. One that waits as a draft already,
    or has left the feed, is passed over. Raises as `of_document`."""
    made = 0
    session.refresh(feed, with_for_update={"key_share": True})  # nobody reads it anew meanwhile
    wanted = [entry for entry in feeds.entries(session, feed.id or 0) if entry.entry_key in entry_keys]
    for entry in reversed(wanted):
        piece = Piece(entry.title, shortened(entry.body))
        kept = saved_drafts.keep(
            session,
            typed(piece, choice, url=entry.url),
            staff_id=staff_id,
            now=now,
            source=feed.name,
            source_key=feeds.source_key(feed.id or 0, entry.entry_key),
        )
        if kept is not None:
            entry.brought_in_at = now
            session.add(entry)
            made += 1
    return made


def waiting(session: Session, feed_id: int, entries: Sequence[NewsFeedEntry]) -> set[str]:
    """The keys of those entries that somebody has as a draft now."""
    by_source = {feeds.source_key(feed_id, entry.entry_key): entry.entry_key for entry in entries}
    found = session.exec(select(SavedDraft.source_key).where(col(SavedDraft.source_key).in_(by_source)))
    return {by_source[key] for key in found if key is not None}


def brought_in(session: Session, staff_id: int) -> list[SavedDraft]:
    """Somebody's drafts that were brought in and are not finished, the newest first."""
    return list(saved_drafts.of_officer(session, staff_id, only_new=True, only_brought_in=True))


def typed(piece: Piece, choice: Chosen, *, url: str = "") -> dict[str, str]:
    """The fields of the form of updates, as if somebody had typed them."""
    fields: dict[str, str] = {}
    if choice.for_whom in (ForWhom.PARENTS, ForWhom.BOTH):
        fields |= {"parent_title": piece.title, "parent_body": piece.text}
    if choice.for_whom in (ForWhom.PROFESSIONALS, ForWhom.BOTH):
        fields |= {"professional_title": piece.title, "professional_body": piece.text}
    if choice.first_day:
        fields["from_date"] = choice.first_day
    if choice.partner_id:
        fields["partner_id"] = str(choice.partner_id)
    if choice.priority_area_id:
        fields["priority_area_id"] = str(choice.priority_area_id)
    if url:
        fields |= {"evidence_url": url, "evidence_label": link_words(piece.title, url)}
    return fields


def link_words(title: str, url: str) -> str:
    """Words that say where the link leads: the piece of news, and the website."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")[:60]
    room = LONGEST_TITLE - len(host) - len("Read “” on ")
    short = title if len(title) <= room else f"{title[: room - 1].rstrip()}…"
    return f"Read “{short}” on {host}" if short else f"Read this on {host}"


def shortened(text: str) -> str:
    """The beginning of a long text: whole paragraphs of it, then a sign that there was more."""
    if len(text) <= MOST_OF_AN_ENTRY:
        return text
    begun = text[:MOST_OF_AN_ENTRY]
    whole = begun.rpartition("\n\n")[0] or begun.rpartition(" ")[0] or begun
    return f"{whole}\n\n…"
