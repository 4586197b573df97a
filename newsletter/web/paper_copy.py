"""A copy on paper (REQ-90), for whoever has no email or would rather read at a table. No email address is asked for."""

import re
from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.core import periods
from newsletter.core.errors import NotFound, TooMany
from newsletter.core.periods import Period
from newsletter.editions import archive
from newsletter.editions.models import Edition
from newsletter.feedback import paper_copies
from newsletter.feedback.models import PaperFormat
from newsletter.web import limiting, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, OneLine, bind, words
from newsletter.web.pages import BRIEFLY, Pages
from newsletter.web.problems import retry_after
from subscribers import lists
from subscribers.models import MailingList

router = APIRouter()

_PATH = re.compile(r"[\w-]{1,60}/[\w-]{1,60}", re.ASCII).fullmatch

FORMATS: tuple[tuple[PaperFormat, str, str], ...] = (
    (PaperFormat.PAPER, "Paper", ""),
    (PaperFormat.LARGE_PRINT, "Large print", ""),
    (PaperFormat.EASY_READ, "Easy Read", "Short sentences with pictures. If there is none yet, we send large print"),
)


class PaperForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "edition": "Select the edition you would like",
        "format": "Select how you would like to read it",
        "name": "Enter the name to write on the envelope",
        "address": "Enter your postal address",
    }

    edition: OneLine
    format: PaperFormat
    name: Annotated[OneLine, words("The name", paper_copies.NAME_LENGTH)]
    address: Annotated[str, words("Your postal address", paper_copies.ADDRESS_LENGTH)]


@router.get("/paper-copy")
def paper_copy_page(request: Request, runtime: TheRuntime, pages: ThePages, edition: str = "") -> Response:
    with runtime.db.reading() as session:
        return _form_page(request, pages, session, Bound({"edition": edition}))


@router.post("/paper-copy")
def ask_for_paper(request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    bound = bind(PaperForm, form)
    with runtime.db.reading() as session:
        wanted = _by_path(session, bound.get("edition"))
        if bound.value is not None and wanted is None:
            bound.value, bound.errors = None, {"edition": PaperForm.sentences["edition"]}
        if bound.value is None or wanted is None:
            return _form_page(request, pages, session, bound, status=422)
    given, edition_id = bound.value, wanted[1].id
    assert edition_id is not None
    try:
        with runtime.db.transaction() as session:
            limiting.check_network(session, runtime, request, "paper copy")
            paper_copies.ask(
                session,
                runtime.crypto,
                edition_id=edition_id,
                format=given.format,
                name=given.name,
                address=given.address,
                now=runtime.clock.now(),
            )
    except TooMany as problem:
        bound.errors = {"edition": limiting.sentence(problem)}
        with runtime.db.reading() as session:
            return _form_page(request, pages, session, bound, status=429, headers=retry_after(problem))
    return RedirectResponse("/paper-copy/thank-you", status_code=303)


@router.get("/paper-copy/thank-you")
def thank_you(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "paper-copy-thank-you.html",
            site.current(session),
            cache=BRIEFLY,
            kept_days=periods.all_periods(session)[Period.PAPER_COPIES].days,
        )


def _by_path(session: Session, path: str) -> tuple[MailingList, Edition] | None:
    """The public edition at `list/slug`, or None."""
    if not _PATH(path.strip()):
        return None
    list_slug, _, slug = path.strip().partition("/")
    try:
        mailing_list = lists.by_slug(session, list_slug)
        assert mailing_list.id is not None
        return mailing_list, archive.by_slug(session, mailing_list.id, slug)
    except NotFound:
        return None


def _offered(session: Session, path: str) -> dict[str, tuple[MailingList, Edition]]:
    """The latest edition of each list, and the one that was asked for, by `list/slug`."""
    offered: dict[str, tuple[MailingList, Edition]] = {}
    for mailing_list in lists.all_lists(session):
        assert mailing_list.id is not None
        if edition := archive.latest(session, mailing_list.id):
            offered[f"{mailing_list.slug}/{edition.slug}"] = (mailing_list, edition)
    wanted = _by_path(session, path)
    if wanted is not None:
        offered = {f"{wanted[0].slug}/{wanted[1].slug}": wanted} | offered
    return offered


def _form_page(
    request: Request,
    pages: Pages,
    session: Session,
    bound: Bound[PaperForm],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    return pages.show(
        request,
        "paper-copy.html",
        site.current(session),
        status=status,
        headers=headers,
        form=bound,
        offered=_offered(session, bound.get("edition")),
        formats=FORMATS,
        kept_days=periods.all_periods(session)[Period.PAPER_COPIES].days,
    )
