""" "Was this useful?" under an edition, with a choice of the part that is meant, and under each of its updates.

What is kept says which edition, yes or no, the words and the day: nothing about who pressed (REQ-58).
"""

from typing import Annotated, ClassVar, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.errors import NotFound, TooMany
from newsletter.editions import archive
from newsletter.editions.composing import page_from_json
from newsletter.editions.models import Edition
from newsletter.feedback import taking
from newsletter.web import limiting, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, OneLine, bind, words
from newsletter.web.pages import BRIEFLY, Pages
from newsletter.web.problems import retry_after
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter()


class UsefulForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"useful": "Choose yes or no"}

    useful: Literal["yes", "no"] | None = None
    comment: Annotated[str, words("Your comment", taking.COMMENT_LENGTH)] = ""
    about: OneLine | None = None

    @classmethod
    def across(cls, typed: dict[str, str]) -> dict[str, str]:  # type: ignore[override]
        if "useful" not in typed and "comment" not in typed:
            return {"useful": "Choose yes or no, or write a comment"}
        return {}


@router.get("/editions/{list_slug}/{slug}/useful")
def useful_page(list_slug: str, slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return _form_page(request, pages, session, list_slug, slug, Bound())


@router.post("/editions/{list_slug}/{slug}/useful")
def answer(
    list_slug: str, slug: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    bound = bind(UsefulForm, form)
    with runtime.db.reading() as session:
        edition = _find(session, list_slug, slug)[1]
        if bound.value is None:
            return _form_page(request, pages, session, list_slug, slug, bound, status=422)
        given = bound.value
        if given.about is not None and given.about not in dict(_parts(edition)):
            raise NotFound("This edition has no such part.")
    assert edition.id is not None
    try:
        with runtime.db.transaction() as session:
            limiting.check_network(session, runtime, request, "useful")
            taking.useful(
                session,
                edition_id=edition.id,
                anchor=given.about,
                is_useful=None if given.useful is None else given.useful == "yes",
                comment=given.comment,
                day=london_date(runtime.clock.now()),
            )
    except TooMany as problem:
        bound.errors = {"useful": limiting.sentence(problem)}
        with runtime.db.reading() as session:
            return _form_page(request, pages, session, list_slug, slug, bound, status=429, headers=retry_after(problem))
    return RedirectResponse(f"/editions/{quote(list_slug)}/{quote(slug)}/thank-you", status_code=303)


@router.get("/editions/{list_slug}/{slug}/thank-you")
def thank_you(list_slug: str, slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        mailing_list, edition = _find(session, list_slug, slug)
        return pages.show(
            request, "useful-thank-you.html", site.current(session), cache=BRIEFLY, list=mailing_list, edition=edition
        )


def _find(session: Session, list_slug: str, slug: str) -> tuple[MailingList, Edition]:
    mailing_list = lists.by_slug(session, list_slug)
    assert mailing_list.id is not None
    return mailing_list, archive.by_slug(session, mailing_list.id, slug)


def _parts(edition: Edition) -> list[tuple[str, str]]:
    """Anchor and title of what an answer may be about, if it is not about all of it."""
    return page_from_json(edition.frozen_page).parts if edition.frozen_page is not None else []


def _form_page(
    request: Request,
    pages: Pages,
    session: Session,
    list_slug: str,
    slug: str,
    bound: Bound[UsefulForm],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    mailing_list, edition = _find(session, list_slug, slug)
    return pages.show(
        request,
        "useful.html",
        site.current(session),
        status=status,
        headers=headers,
        list=mailing_list,
        edition=edition,
        parts=_parts(edition),
        form=bound,
    )
