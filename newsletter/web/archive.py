"""The public archive: every edition that went out, as a page that anybody may link to, print and copy.

An edition's page is made from what was frozen with its mail, so it keeps the names and words of its time. It carries no
token, and nothing here knows subscribers.
"""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from sqlmodel import Session

from newsletter.core.errors import NotFound
from newsletter.editions import archive
from newsletter.editions.composing import EditionPage, page_from_json
from newsletter.editions.models import Edition
from newsletter.web import republishing, site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter()

#: The most updates that the contents of a page name one by one.
MOST_CONTENTS = 8

#: How many editions a feed holds.
FEED_LENGTH = 20


@router.get("/editions")
def all_editions(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        shelves = [(each, _published(session, each)) for each in lists.all_lists(session)]
        return pages.show(request, "editions.html", site.current(session), cache=BRIEFLY, shelves=shelves)


@router.get("/editions/{list_slug}")
def editions_of_list(list_slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        shelves = [(mailing_list, _published(session, mailing_list))]
        return pages.show(
            request, "editions.html", site.current(session), cache=BRIEFLY, shelves=shelves, only=mailing_list
        )


@router.get("/editions/{list_slug}/feed.xml")
def feed(list_slug: str, runtime: TheRuntime) -> Response:
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        entries = [(edition, _page(edition)) for edition in _published(session, mailing_list, limit=FEED_LENGTH)]
        publisher = site.current(session).publisher
        written = republishing.atom(mailing_list, publisher, entries, base_url=runtime.settings.base_url.rstrip("/"))
    return Response(
        written,
        media_type="application/atom+xml",
        headers={"cache-control": "public, max-age=300"},
    )


@router.get("/editions/{list_slug}/{slug}")
def one_edition(list_slug: str, slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        mailing_list, edition = _find(session, list_slug, slug)
        page = _page(edition)
        shelf = _published(session, mailing_list)
        place = next(index for index, other in enumerate(shelf) if other.id == edition.id)
        return pages.show(
            request,
            "edition.html",
            site.current(session),
            cache=BRIEFLY,
            list=mailing_list,
            edition=edition,
            page=page,
            is_long=sum(len(section.updates) for section in page.sections) > MOST_CONTENTS,
            newer=shelf[place - 1] if place > 0 else None,
            older=shelf[place + 1] if place + 1 < len(shelf) else None,
        )


@router.get("/editions/{list_slug}/{slug}/text")
def edition_as_text(list_slug: str, slug: str, runtime: TheRuntime) -> Response:
    """The same words as plain text, for whoever wants to copy them into a newsletter of their own."""
    with runtime.db.reading() as session:
        _, edition = _find(session, list_slug, slug)
        text = republishing.plain_text(_page(edition))
    return PlainTextResponse(text, headers={"cache-control": "public, max-age=300"})


def _published(session: Session, mailing_list: MailingList, *, limit: int | None = None) -> list[Edition]:
    assert mailing_list.id is not None
    return archive.published(session, mailing_list.id, limit=limit)


def _find(session: Session, list_slug: str, slug: str) -> tuple[MailingList, Edition]:
    mailing_list = lists.by_slug(session, list_slug)
    assert mailing_list.id is not None
    return mailing_list, archive.by_slug(session, mailing_list.id, slug)


def _page(edition: Edition) -> EditionPage:
    if edition.frozen_page is None:  # cannot be released without, but a page must not fall over an odd row
        raise NotFound("This edition has no page.")
    return page_from_json(edition.frozen_page)
