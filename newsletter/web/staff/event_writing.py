"""Events, written by staff: add one, change it, copy it to another day, cancel it.

What is saved by somebody else meanwhile is never overwritten unseen (`settings.sheets`).
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import events
from newsletter.content.dates import from_until, london_date, moment_in_words
from newsletter.content.events import EventDraft
from newsletter.content.models import Event
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.editions import publishing, used_in
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff import event_sheet, picking, writing_scope
from newsletter.web.staff.event_sheet import SHEET
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id
from newsletter.web.staff.settings.sheets import Outcome

router = APIRouter()

PATH = "/staff/events"
BACK = (PATH, "All events")
SAID = {
    "added": "The event was added.",
    "saved": "The event was saved.",
    "saved-reopened": (
        "The event was saved. An edition with it that was waiting or approved is a draft again, so that it is approved "
        "with the new words."
    ),
    "cancelled": "The event was cancelled. Its page and its calendar file say so.",
    "cancelled-reopened": (
        "The event was cancelled. Its page and its calendar file say so. An edition with it that was waiting or "
        "approved is a draft again."
    ),
}


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, copy: str = "") -> Response:
    today = london_date(runtime.clock.now())
    with runtime.db.reading() as session:
        first: Mapping[str, Any] = {"cost": "Free", "announce_from": today}
        if copy.isascii() and copy.isdecimal() and len(copy) < 10:
            same = event_sheet.as_typed(events.by_id(session, int(copy)))
            first = same | {"day": None, "last_day": None, "announce_from": today}
        return _form(request, pages, session, runtime, officer, outcome=Outcome(filling.showing(first)), copied=copy)


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()

    with runtime.db.transaction() as session:

        def keep(draft: EventDraft) -> None:
            writing_scope.check(session, officer, draft)
            made.append(events.write(session, draft, now=now, author_id=officer.id))

        made: list[Event] = []
        outcome = sheets.save(session, SHEET, None, typed, keep)
        if outcome.status:
            return _form(request, pages, session, runtime, officer, outcome=outcome)
        _note(session, runtime, officer, "add event", made[0].id)
        return sheets.redirect(f"{PATH}/{made[0].id}", "added")


@router.get(PATH + "/{event_id:int}")
def one_event(
    event_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        event = events.by_id(session, event_id)
        return _form(request, pages, session, runtime, officer, event, said=SAID.get(said))


@router.post(PATH + "/{event_id:int}")
def save(
    event_id: Id, request: Request, typed: TheForm, officer: TheAuthor, runtime: TheRuntime, pages: ThePages
) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        event = events.by_id(session, event_id)

        def keep(draft: EventDraft) -> None:
            writing_scope.check(session, officer, event, draft)
            # Whoever changed nothing is no author of it, and may still approve an edition with it.
            if SHEET.changed(SHEET.stored(event), draft) or event.cancelled_at is not None:
                events.edit(session, event_id, draft, now=now, editor_id=officer.id)

        try:
            outcome = sheets.save(session, SHEET, event, typed, keep)
        except WrongState as error:  # it was cancelled meanwhile
            form, _ = SHEET.fill(typed)
            form.errors = {SHEET.fields[0].name: str(error).rstrip(".")}
            outcome = Outcome(form, 409, shown=filling.mark(SHEET.stored(event)))
        if outcome.status:
            return _form(request, pages, session, runtime, officer, event, outcome=outcome)
        if not outcome.changed:
            return sheets.redirect(f"{PATH}/{event_id}", "saved")
        reopened = publishing.reopen_editions_with_event(session, event_id, now=now, staff_id=officer.id)
        _note(session, runtime, officer, "change event", event_id, ", ".join(outcome.changed))
    return sheets.redirect(f"{PATH}/{event_id}", "saved-reopened" if reopened else "saved")


@router.get(PATH + "/{event_id:int}/cancel")
def cancel_page(event_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        event = events.by_id(session, event_id)
        writing_scope.check(session, officer, event)
        if event.cancelled_at is not None:
            return RedirectResponse(f"{PATH}/{event_id}", status_code=303)
        return pages.show(
            request,
            "staff/event-cancel.html",
            site.current(session),
            officer=officer,
            event=event,
            when=from_until(event.starts_at, event.ends_at),
            is_public=event.announce_from <= london_date(runtime.clock.now()),
            uses=picking.uses(session, officer, used_in.events(session, [event_id])).get(event_id, []),
        )


@router.post(PATH + "/{event_id:int}/cancel")
def cancel(event_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        writing_scope.check(session, officer, events.by_id(session, event_id))
        is_new = events.cancel(session, event_id, now=now, editor_id=officer.id)
        reopened = publishing.reopen_editions_with_event(session, event_id, now=now, staff_id=officer.id)
        if is_new:
            _note(session, runtime, officer, "cancel event", event_id)
    return sheets.redirect(f"{PATH}/{event_id}", "cancelled-reopened" if reopened else "cancelled")


def _form(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    event: Event | None = None,
    *,
    outcome: Outcome | None = None,
    said: str | None = None,
    copied: str = "",
) -> Response:
    """The form with what is kept or was typed. What was cancelled is shown and no longer changed."""
    now = runtime.clock.now()
    today = london_date(now)
    if outcome is None:
        stored = SHEET.stored(event)
        outcome = Outcome(filling.showing(stored), shown=filling.mark(stored))
    partner, area = outcome.form.get("partner_id"), outcome.form.get("priority_area_id")
    event_id = event.id or 0 if event else 0
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title=event.title if event else "Add an event",
        back=BACK,
        row=event,
        outcome=outcome,
        template="staff/event-form.html",
        said=said,
        event=event,
        copied=copied,
        is_closed=event is not None and event.cancelled_at is not None,
        button="Add it as a new event" if event and event.cancelled_at else "Save" if event else "Add the event",
        when=from_until(event.starts_at, event.ends_at) if event else "",
        is_over=event is not None and event.ends_at <= now,
        is_public=event is not None and event.announce_from <= today,
        cancelled=moment_in_words(event.cancelled_at) if event and event.cancelled_at else "",
        may_write=event is None or writing_scope.may_write(writing_scope.audiences_of(session, officer), event),
        picks=picking.picks(session, today, partner=partner, area=area),
        uses=picking.uses(session, officer, used_in.events(session, [event_id])).get(event_id, []),
        saved_by=picking.saved_by(session, event) if event else None,
    )


def _note(
    session: Session, runtime: Runtime, officer: Officer, action: str, event_id: int | None, detail: str = ""
) -> None:
    about, now = f"event {event_id}", runtime.clock.now()
    audit.note(session, runtime.crypto, action, staff_id=officer.id, about=about, detail=detail, now=now)
