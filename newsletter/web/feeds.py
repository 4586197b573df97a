"""Editions for programs and for people who pass them on: Atom feeds and plain text, asked for again cheaply.

Both say when they last changed, so that a program that asks again, as feed readers do all day, gets 304 and nothing
else.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.editions import archive, corrections
from newsletter.web import republishing, site
from newsletter.web.asked import TheRuntime
from newsletter.web.conditional import unless_known
from newsletter.web.republishing import Channel, Entry
from subscribers import lists

router = APIRouter()

#: How many editions a feed holds.
FEED_LENGTH = 20

_ATOM = "application/atom+xml"


@router.get("/editions/feed.xml")
def feed_of_all(request: Request, runtime: TheRuntime) -> Response:
    base_url = runtime.settings.base_url.rstrip("/")
    with runtime.db.reading() as session:
        here = site.current(session)
        channel = Channel(
            title=f"Newsletters of the {here.name}",
            subtitle=f"Every edition of every newsletter about SEND services in {here.area}.",
            author=here.publisher or here.name,
            publisher=here.publisher,
            here=f"{base_url}/editions/feed.xml",
            alternate=f"{base_url}/editions",
        )
        return _feed(request, session, channel, None)


@router.get("/editions/{list_slug}/feed.xml")
def feed(list_slug: str, request: Request, runtime: TheRuntime) -> Response:
    base_url = runtime.settings.base_url.rstrip("/")
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        publisher = site.current(session).publisher
        channel = Channel(
            title=mailing_list.name,
            subtitle=mailing_list.summary,
            author=publisher or mailing_list.sender_name,
            publisher=publisher,
            here=f"{base_url}/editions/{list_slug}/feed.xml",
            alternate=f"{base_url}/editions/{list_slug}",
        )
        return _feed(request, session, channel, mailing_list.id)


@router.get("/editions/{list_slug}/{slug}/text")
def edition_as_text(list_slug: str, slug: str, request: Request, runtime: TheRuntime) -> Response:
    """The same words as plain text, for whoever wants to copy them into a newsletter of their own."""
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        edition = archive.by_slug(session, mailing_list.id, slug)
        assert edition.id is not None
        made = corrections.of_editions(session, [edition.id]).get(edition.id, [])
        entry = Entry(edition, corrections.current_page(edition, made), made)
    text = republishing.plain_text(entry.page, made).encode()
    return unless_known(request, text, "text/plain; charset=utf-8", changed=entry.updated)


def _feed(request: Request, session: Session, channel: Channel, mailing_list_id: int | None) -> Response:
    editions = archive.published(session, mailing_list_id, limit=FEED_LENGTH)
    made = corrections.of_editions(session, [edition.id for edition in editions if edition.id is not None])
    entries = [
        Entry(edition, corrections.current_page(edition, of_it), of_it)
        for edition in editions
        for of_it in [made.get(edition.id or 0, [])]
    ]
    written = republishing.atom(channel, entries)
    return unless_known(request, written, _ATOM, changed=republishing.last_change(entries))
