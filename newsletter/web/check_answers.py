"""Checking one's answers: what a professional typed, shown once more before anything is done with it.

The answers travel sealed in the URL, as on the page after this one; no cookie is set and nothing is kept. The page is
made of what was typed alone, so that it is the same for every address (REQ-04).
"""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.core.errors import TooMany
from newsletter.core.runtime import Runtime
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound
from newsletter.web.pages import Pages
from newsletter.web.problems import retry_after, status_of
from newsletter.web.remembered import Remembered, remember, seal, unseal
from newsletter.web.signup import PHASES, ROLES, ask, to_check_page, too_many
from subscribers import lists, schools
from subscribers.mailboxes import is_shared_mailbox
from subscribers.models import MailingList

router = APIRouter()


@router.get("/{slug}/check-your-answers")
def answers_page(slug: str, request: Request, runtime: TheRuntime, pages: ThePages, to: str = "") -> Response:
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, slug)
        remembered = _typed(runtime, mailing_list.id, to)
        if remembered is None:
            return _to_form(slug)
        return _page(request, pages, session, mailing_list, remembered, to)


@router.post("/{slug}/check-your-answers")
def sign_up(slug: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        mailing_list = lists.by_slug(session, slug)
    sealed = form.get("to", "")
    remembered = _typed(runtime, mailing_list.id, sealed)
    if remembered is None:
        return _to_form(slug)
    try:
        ask(runtime, request, remembered)
    except TooMany as problem:
        with runtime.db.reading() as session:
            return _page(request, pages, session, mailing_list, remembered, sealed, problem)
    again = remember(
        remembered.mailing_list_id, remembered.address, remembered.details, now=runtime.clock.now()
    )  # the next page is good for an hour of its own
    return to_check_page(slug, seal(runtime.crypto, again))


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    mailing_list: MailingList,
    remembered: Remembered,
    sealed: str,
    problem: TooMany | None = None,
) -> Response:
    return pages.show(
        request,
        "check-your-answers.html",
        site.current(session),
        status=status_of(problem) if problem else 200,
        headers=retry_after(problem) if problem else None,
        form=Bound(errors={"sign-up": too_many(problem)} if problem else {}),
        list=mailing_list,
        wording=lists.current_wording(session, remembered.mailing_list_id).text,
        sealed=sealed,
        address=remembered.address,
        role=dict(ROLES).get(remembered.role) if remembered.role else None,
        workplace=_workplace(session, remembered),
        is_in_register=remembered.school_urn is not None,
        phase=dict(PHASES).get(remembered.phase) if remembered.phase else None,
        is_shared=is_shared_mailbox(remembered.address),
    )


def _typed(runtime: Runtime, list_id: int | None, sealed: str) -> Remembered | None:
    """The answers, or None when the page was open for too long, or there is nothing to check."""
    assert list_id is not None
    remembered = unseal(runtime.crypto, sealed, mailing_list_id=list_id, now=runtime.clock.now())
    return remembered if remembered and remembered.details else None


def _workplace(session: Session, remembered: Remembered) -> str:
    if remembered.school_urn is not None:
        return schools.by_urn(session, remembered.school_urn).label
    return remembered.setting_name or ""


def _to_form(slug: str) -> Response:
    return RedirectResponse(f"/{quote(slug)}", status_code=303)
