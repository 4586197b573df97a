"""The public archive: every edition that went out, as a page that anybody may link to, print and copy.

An edition's page is made from what was frozen with its mail, so it keeps the names and words of its time. It carries no
token, and nothing here knows subscribers.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.runtime import Runtime
from newsletter.editions import archive, corrections, pictures_used, reading_time, variants
from newsletter.editions.composing import page_from_json
from newsletter.editions.models import Edition
from newsletter.web import archive_search, site, text_size
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY, Pages
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter()

#: The most updates that the contents of a page name one by one.
MOST_CONTENTS = 8


@router.get("/editions")
def all_editions(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    return _shelf(request, runtime, pages, None)


@router.get("/editions/{list_slug}")
def editions_of_list(list_slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    return _shelf(request, runtime, pages, list_slug)


@router.get("/editions/{list_slug}/{slug}")
def one_edition(list_slug: str, slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        mailing_list, edition = _find(session, list_slug, slug)
        assert edition.id is not None
        made = corrections.of_editions(session, [edition.id]).get(edition.id, [])
        page = corrections.current_page(edition, made)
        older, newer = archive.neighbours(session, edition)
        return pages.show(
            request,
            "edition.html",
            site.current(session),
            cache=BRIEFLY,
            base_url=runtime.settings.base_url.rstrip("/"),
            text_size=text_size.chosen(request),
            list=mailing_list,
            edition=edition,
            page=page,
            corrections=made,
            corrections_at=corrections.by_anchor(made),
            correction_mails=archive.correction_mails(session, edition.id),
            minutes=reading_time.minutes(page),
            pictures_there=pictures_used.still_there(session, page),
            variants=[each for each in variants.all_of(session, edition.id) if each.published_at or each.promised_for],
            key_of=variants.key_of,
            today=london_date(runtime.clock.now()),
            is_long=sum(len(section.updates) for section in page.sections) > MOST_CONTENTS,
            newer=newer,
            older=older,
        )


@router.get("/editions/{list_slug}/{slug}/{variant_key}")
def edition_in_another_form(
    list_slug: str, slug: str, variant_key: str, request: Request, runtime: TheRuntime, pages: ThePages
) -> Response:
    with runtime.db.reading() as session:
        mailing_list, edition = _find(session, list_slug, slug)
        assert edition.id is not None
        variant = variants.public(session, edition.id, variant_key)
        return pages.show(
            request,
            "variant.html",
            site.current(session),
            cache=BRIEFLY,
            base_url=runtime.settings.base_url.rstrip("/"),
            list=mailing_list,
            edition=edition,
            page=page_from_json(edition.frozen_page or ""),
            variant=variant,
            direction=variants.direction(variant.language),
        )


def _shelf(request: Request, runtime: Runtime, pages: Pages, list_slug: str | None) -> Response:
    """The editions of one list or of all, and the form to search them."""
    with runtime.db.reading() as session:
        all_lists = lists.all_lists(session)
        only = lists.by_slug(session, list_slug) if list_slug is not None else None
        answer = archive_search.answer(session, request, all_lists, only)
        return pages.show(
            request,
            "editions.html",
            site.current(session),
            status=422 if answer.form.errors else 200,
            cache=BRIEFLY,
            lists=[only] if only else all_lists,
            only=only,
            search=answer,
            form=answer.form,
        )


def _find(session: Session, list_slug: str, slug: str) -> tuple[MailingList, Edition]:
    mailing_list = lists.by_slug(session, list_slug)
    assert mailing_list.id is not None
    return mailing_list, archive.by_slug(session, mailing_list.id, slug)
