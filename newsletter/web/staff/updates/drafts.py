"""Drafts that are kept while somebody types: by a script after a pause, or with a button."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import saved_drafts
from newsletter.content.dates import moment_in_words, time_in_words
from newsletter.content.models import SavedDraft, Update
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff import one_edition
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.settings.allowed import Id
from newsletter.web.staff.updates import fields
from newsletter.web.staff.updates.sent import TheUpdateForm

router = APIRouter()


@router.post("/staff/updates/drafts")
def autosave(officer: TheAuthor, runtime: TheRuntime, typed: TheUpdateForm) -> Response:
    """Keep the form as it is now; a sentence for the page."""
    now = runtime.clock.now()
    update_id = fields.number(typed.get("update", ""))
    try:
        with runtime.db.transaction() as session:
            kept = keep(session, officer, typed, update_id=update_id, now=now)
    except InvalidInput as problem:
        return JSONResponse({"said": f"The draft was not saved. {problem}"}, status_code=422)
    return JSONResponse({"said": f"Draft saved at {time_in_words(now)}" if kept else ""})


@router.get("/staff/updates/drafts/{draft_id:int}/discard")
def ask(draft_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        draft = saved_drafts.by_id(session, draft_id, staff_id=officer.id)
        return pages.show(
            request,
            "staff/settings/sure.html",
            site.current(session),
            officer=officer,
            title="Throw this draft away?",
            facts=[saved_drafts.title(draft)],
            consequence=f"What you typed until {moment_in_words(draft.updated_at)} is then gone and cannot be had back."
            + (" The update stays as it is saved." if draft.update_id else ""),
            button="Throw it away",
            back=("/staff/updates", "All updates"),
        )


@router.post("/staff/updates/drafts/{draft_id:int}/discard")
def discard(draft_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        saved_drafts.discard(session, draft_id, staff_id=officer.id)
    return RedirectResponse("/staff/updates?said=thrown-away", status_code=303)


def keep(
    session: Session, officer: Officer, typed: Mapping[str, str], *, update_id: int | None, now: datetime
) -> SavedDraft | None:
    """Keep what was typed; None when there is nothing yet. For an update that was deleted it becomes a new one's.

    Raises `InvalidInput` when it is too much.
    """
    form = fields.as_typed(typed)
    held = {"read": True, "key_share": True}  # it is not deleted meanwhile
    update = session.get(Update, update_id, with_for_update=held) if update_id else None
    texts = {name: text for name, text in form.typed.items() if text}
    if update is None and not set(texts) - {"from_date"}:
        return None
    return saved_drafts.keep(
        session,
        texts,
        staff_id=officer.id,
        now=now,
        update_id=update.id if update else None,
        form_key=form_key(typed),
        revision=max(0, one_edition.revision(typed)) if update else 0,
    )


def form_key(typed: Mapping[str, str]) -> str:
    """The key of the form that was sent; a new one where there is none that could be ours."""
    sent = typed.get("form_key", "")
    is_ours = sent.isascii() and sent.replace("-", "").replace("_", "").isalnum() and len(sent) <= 64
    return sent if is_ours else saved_drafts.new_key()


def find(session: Session, officer: Officer, asked: str) -> SavedDraft:
    """Their draft with this number, as it stands in an address. Raises `NotFound`."""
    number = fields.number(asked)
    if number is None:
        raise NotFound("There is no such draft.")
    return saved_drafts.by_id(session, number, staff_id=officer.id)
