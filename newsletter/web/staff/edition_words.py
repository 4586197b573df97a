"""The words of an edition that are typed: subject, line after it and introduction, and a wording of its own for one
update. Each on a page of its own, so that no other button can take what was typed with it."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import updates
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.editions import choosing, composing, drafting, own_words, plain_words, publishing
from newsletter.editions.checks import UPDATE_WORDS
from newsletter.editions.drafting import ChangedMeanwhile
from newsletter.editions.headlines import PREHEADER_LENGTH, SUBJECT_LENGTH
from newsletter.editions.models import Edition
from newsletter.rendering import markup
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel
from newsletter.web.pages import Pages
from newsletter.web.staff import composing as compose_page
from newsletter.web.staff import one_edition
from newsletter.web.staff.guard import TheAuthor

router = APIRouter()

_FIRST_WORDS = ("subject", "preheader", "introduction")


@dataclass(frozen=True, slots=True)
class Text:
    """A text beside the one that is being typed."""

    title: str
    body: str
    words: int
    reading_age: int | None


@router.get("/staff/editions/{edition_id:int}/words")
def first_words(
    edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages
) -> Response:
    with runtime.db.reading() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
        form: Bound[FormModel] = Bound({name: getattr(edition, name) for name in _FIRST_WORDS})
        return _first_words_page(request, session, pages, officer, edition_id, form)


@router.post("/staff/editions/{edition_id:int}/words")
def save_first_words(
    edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheForm
) -> Response:
    form: Bound[FormModel] = Bound({name: typed.get(name, "") for name in _FIRST_WORDS})
    status, is_stale = 422, False
    try:
        with runtime.db.transaction() as session:
            one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
            drafting.hold(session, edition_id, revision=one_edition.revision(typed))
            publishing.edit(
                session,
                edition_id,
                subject=form.get("subject"),
                preheader=form.get("preheader"),
                introduction=form.get("introduction"),
                now=runtime.clock.now(),
                staff_id=officer.id,
            )
            compose_page.note_change(session, runtime, officer, edition_id, "subject, line after it, introduction")
    except InvalidInput as error:
        form.errors[error.field or "subject"] = str(error)
    except WrongState as error:
        status, is_stale = 409, isinstance(error, ChangedMeanwhile)
        form.errors["subject"] = str(error)
    if form.errors:
        with runtime.db.reading() as session:
            return _first_words_page(
                request, session, pages, officer, edition_id, form, status=status, is_stale=is_stale
            )
    return RedirectResponse(f"/staff/editions/{edition_id}?said=saved", status_code=303)


@router.get("/staff/editions/{edition_id:int}/updates/{update_id:int}/wording")
def wording(
    edition_id: int, update_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages
) -> Response:
    with runtime.db.reading() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
        title, body = _now(session, edition, update_id)
        form: Bound[FormModel] = Bound({"title": title, "body": body})
        return _wording_page(request, session, pages, officer, edition, update_id, form)


@router.post("/staff/editions/{edition_id:int}/updates/{update_id:int}/wording")
def save_wording(
    edition_id: int,
    update_id: int,
    request: Request,
    officer: TheAuthor,
    runtime: TheRuntime,
    pages: ThePages,
    typed: TheForm,
) -> Response:
    form: Bound[FormModel] = Bound({"title": typed.get("title", ""), "body": typed.get("body", "")})
    status, is_stale = 422, False
    try:
        with runtime.db.transaction() as session:
            one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
            drafting.hold(session, edition_id, revision=one_edition.revision(typed))
            own_words.write(
                session,
                edition_id,
                update_id,
                title=form.get("title"),
                body=form.get("body"),
                now=runtime.clock.now(),
                staff_id=officer.id,
            )
            compose_page.note_change(session, runtime, officer, edition_id, f"own wording of update {update_id}")
    except InvalidInput as error:
        form.errors[error.field or "body"] = str(error)
    except WrongState as error:
        status, is_stale = 409, isinstance(error, ChangedMeanwhile)
        form.errors["body"] = str(error)
    if form.errors:
        with runtime.db.reading() as session:
            edition, _ = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
            return _wording_page(
                request, session, pages, officer, edition, update_id, form, status=status, is_stale=is_stale
            )
    return RedirectResponse(f"/staff/editions/{edition_id}?said=own-words#update-{update_id}", status_code=303)


def _first_words_page(
    request: Request,
    session: Session,
    pages: Pages,
    officer: Officer,
    edition_id: int,
    form: Bound[FormModel],
    *,
    status: int = 200,
    is_stale: bool = False,
) -> Response:
    edition, mailing_list = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
    return pages.show(
        request,
        "staff/edition-words.html",
        site.current(session),
        status=status,
        officer=officer,
        edition=edition,
        list=mailing_list,
        form=form,
        is_stale=is_stale,
        subject_length=SUBJECT_LENGTH,
        preheader_length=PREHEADER_LENGTH,
        introduction_words=len(form.get("introduction").split()),
    )


def _wording_page(
    request: Request,
    session: Session,
    pages: Pages,
    officer: Officer,
    edition: Edition,
    update_id: int,
    form: Bound[FormModel],
    *,
    status: int = 200,
    is_stale: bool = False,
) -> Response:
    title, body = _now(session, edition, update_id)
    own_title, own_body = updates.wording(updates.by_id(session, update_id), edition.audience)
    return pages.show(
        request,
        "staff/edition-wording.html",
        site.current(session),
        status=status,
        officer=officer,
        edition=edition,
        update_id=update_id,
        form=form,
        is_stale=is_stale,
        own=_text(own_title, own_body),
        here=_text(title, body),
        typed_words=len(form.get("body").split()),
        most_words=UPDATE_WORDS,
    )


def _now(session: Session, edition: Edition, update_id: int) -> tuple[str, str]:
    """Title and text of the update in this edition. Raises `NotFound` when it is not in it."""
    choice = choosing.chosen(session, edition, update_id)
    return composing.wording(updates.by_id(session, update_id), choice, edition)


def _text(title: str, body: str) -> Text:
    try:
        plain = markup.to_words(body)
    except InvalidInput:
        plain = body
    return Text(title, body, len(plain.split()), plain_words.reading_age(plain))
