"""What anybody may read, without a key: the mailing lists and the editions that went out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.api import answers, problems
from newsletter.api.asked import Slug, TheRuntime
from newsletter.api.shapes import (
    Action,
    AllLists,
    EditionCorrection,
    EditionEvent,
    EditionFormat,
    EditionLine,
    EditionLines,
    EditionResponse,
    EditionSection,
    EditionShown,
    EditionUpdate,
    Link,
    ListShown,
    ListWithWording,
    WordingShown,
    picture_of,
    text_of,
)
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.editions import archive, corrections, pictures_used, variants
from newsletter.editions.models import Edition
from newsletter.rendering.mails import EventBlock, ResponseBlock, SectionBlock
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter(tags=["Newsletters"])

Limit = Annotated[int, Query(ge=1, le=100, description="Most editions in one answer")]
Cursor = Annotated[
    str | None,
    Query(pattern="^[0-9a-z-]{1,60}$", description="`next_cursor` of the answer before; without it, from the newest"),
]


@router.get(
    "/v1/lists",
    operation_id="listMailingLists",
    summary="All mailing lists",
    response_model=AllLists,
    responses=problems.described("busy"),
)
def all_lists(request: Request, runtime: TheRuntime) -> Response:
    """Each mailing list, what it is, and its latest edition."""
    with runtime.db.reading() as session:
        found = [_list(session, runtime.settings.base_url, each) for each in lists.all_lists(session)]
    return answers.public(request, AllLists(lists=found))


@router.get(
    "/v1/lists/{list_slug}",
    operation_id="getMailingList",
    summary="One mailing list",
    response_model=ListWithWording,
    responses=problems.described("not-found", "invalid", "busy"),
)
def one_list(list_slug: Slug, request: Request, runtime: TheRuntime) -> Response:
    """One mailing list, with the words that a sign-up form for it must show."""
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        shown = _list(session, runtime.settings.base_url, mailing_list)
        wording = None
        try:
            current = lists.current_wording(session, mailing_list.id or 0)
            wording = WordingShown(version=current.version, text=current.text)
        except WrongState:  # nobody has written one yet
            pass
    return answers.public(request, ListWithWording(**shown.model_dump(), wording=wording))


@router.get(
    "/v1/lists/{list_slug}/editions",
    operation_id="listEditions",
    summary="The editions of a mailing list",
    response_model=EditionLines,
    responses=problems.described("not-found", "invalid", "busy"),
)
def editions(
    list_slug: Slug, request: Request, runtime: TheRuntime, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """The editions that went out, newest first."""
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        last = None
        if cursor is not None:
            try:
                last = archive.by_slug(session, mailing_list.id, cursor)
            except NotFound:
                raise InvalidInput("This cursor did not come from an answer of ours.", field="cursor") from None
        found = archive.published(session, mailing_list.id, limit=limit + 1, older_than=last)
        lines = [_line(runtime.settings.base_url, mailing_list, each) for each in found[:limit]]
    more = lines[-1].slug if len(found) > limit else None
    return answers.public(request, EditionLines(editions=lines, next_cursor=more))


@router.get(
    "/v1/editions/{list_slug}/{slug}",
    operation_id="getEdition",
    summary="The content of one edition",
    response_model=EditionShown,
    responses=problems.described("not-found", "invalid", "busy"),
)
def one_edition(list_slug: Slug, slug: Slug, request: Request, runtime: TheRuntime) -> Response:
    """Its sections and updates, in the words that were approved and sent, to be republished elsewhere."""
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        edition = archive.by_slug(session, mailing_list.id, slug)
        assert edition.id is not None
        if edition.frozen_page is None:
            raise NotFound("This edition has no page.")
        made = corrections.of_editions(session, [edition.id]).get(edition.id, [])
        page = corrections.current_page(edition, made)
        base_url = runtime.settings.base_url.rstrip("/")
        here = f"{base_url}/editions/{mailing_list.slug}/{edition.slug}"
        there = pictures_used.still_there(session, page)
        corrected = session.get(Edition, edition.corrects_id) if edition.corrects_id is not None else None
        shown = EditionShown(
            **_line(runtime.settings.base_url, mailing_list, edition).model_dump(),
            mailing_list=mailing_list.slug,
            mailing_list_name=page.list_name,
            preheader=page.preheader,
            introduction=text_of(page.introduction),
            sections=[_section(base_url, section, there) for section in page.sections],
            responses=[_response(one) for one in page.responses],
            events=[_event(base_url, one) for one in page.events],
            help=text_of(page.help_text),
            corrections=[
                EditionCorrection(at=one.at, because=one.because, old=text_of(one.old_text), new=text_of(one.new_text))
                for one in made
            ],
            corrects=_line(base_url, mailing_list, corrected) if corrected else None,
            correction_mails=[
                _line(base_url, mailing_list, each) for each in archive.correction_mails(session, edition.id)
            ],
            other_formats=[
                EditionFormat(
                    kind=one.kind.value,
                    language=one.language,
                    title=one.title,
                    url=one.url or f"{here}/{variants.key_of(one)}",
                )
                for one in variants.all_of(session, edition.id)
                if one.published_at is not None
            ],
            partnership=page.partnership,
            publisher=page.publisher,
        )
    return answers.public(request, shown)


def _list(session: Session, base_url: str, mailing_list: MailingList) -> ListShown:
    assert mailing_list.id is not None
    latest = archive.latest(session, mailing_list.id)
    return ListShown(
        slug=mailing_list.slug,
        name=mailing_list.name,
        audience=mailing_list.audience,
        summary=mailing_list.summary,
        frequency=mailing_list.frequency,
        sign_up_url=f"{base_url}/{mailing_list.slug}",
        latest_edition=_line(base_url, mailing_list, latest) if latest else None,
    )


def _line(base_url: str, mailing_list: MailingList, edition: Edition) -> EditionLine:
    return EditionLine(
        slug=edition.slug,
        number=edition.number,
        date=edition.date,
        title=edition.frozen_subject or edition.subject,
        url=f"{base_url}/editions/{mailing_list.slug}/{edition.slug}",
        content_url=f"{base_url}/api/v1/editions/{mailing_list.slug}/{edition.slug}",
    )


def _section(base_url: str, section: SectionBlock, pictures_there: set[str]) -> EditionSection:
    return EditionSection(
        number=section.number,
        heading=section.heading,
        updates=[
            EditionUpdate(
                title=update.title,
                body=text_of(update.body, heading_level=4),
                organisation=update.organisation,
                evidence=Link(url=update.evidence_url, label=update.evidence_label) if update.evidence_url else None,
                action=Action(text=update.action, by=update.action_by) if update.action else None,
                picture=picture_of(base_url, update.picture)
                if update.picture and update.picture.sha256 in pictures_there
                else None,
            )
            for update in section.updates
        ],
    )


def _response(response: ResponseBlock) -> EditionResponse:
    return EditionResponse(
        theme=response.theme,
        asked=response.asked,
        said=text_of(response.said, heading_level=4),
        answer=response.answer,
        did=text_of(response.did, heading_level=4),
        promise=response.promise,
        reason=response.reason,
        decided=response.decided,
        organisation=response.organisation,
    )


def _event(base_url: str, event: EventBlock) -> EditionEvent:
    same = {name: getattr(event, name) for name in EditionEvent.model_fields if hasattr(event, name)}
    return EditionEvent(**same, url=base_url + event.page_path, calendar_url=base_url + event.calendar_path)
