"""Mailing lists: what each says of itself, who it writes as, and what it does when sending is not smooth."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core.audience import Audience
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id, everywhere, holds_everywhere, of_list
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet
from subscribers import list_settings
from subscribers import lists as mailing_lists
from subscribers.list_settings import ListDraft

router = APIRouter()

PATH = "/staff/settings/lists"
BACK = (PATH, "All mailing lists")
SAID = {
    "saved": "The mailing list was saved.",
    "added": "The mailing list was added. Write the wording of its sign-up form next.",
    "basis": "The lawful basis was saved.",
}
_HOURS = "Between 1 and 120"
FIELDS = (
    Field("name", "Name", "For example, SEND news for parents and carers", group="What readers see"),
    Field("summary", "Summary", "One or two sentences for the home page"),
    Field("frequency", "How often, in words", "For example, about once a fortnight"),
    Field("position", "Place on the home page", "1 comes first", "number"),
    Field(
        "sender_name", "Sender’s name", "What mail programs show beside each email", group="Who the emails come from"
    ),
    Field(
        "sender_email",
        "Sender’s address",
        "Its domain must be set up to send: “newsletter doctor” checks it",
        "email",
    ),
    Field("reply_to", "Address for replies", "A mailbox that people read every working day", "email"),
    Field(
        "keep_trying_hours",
        "Hours to keep trying when a mail server says “not now”",
        _HOURS,
        "number",
        group="When sending is not smooth",
    ),
    Field(
        "late_after_hours",
        "Hours after which a late edition waits for a person",
        f"{_HOURS}. It could not go in time, and news may be out of date",
        "number",
    ),
    Field(
        "resend_once",
        "When nobody can know whether a copy was sent, send one more",
        "Some readers may get it twice. Without this, a person decides each time",
        "yes",
    ),
)
SHEET = Sheet(ListDraft, FIELDS)
NEW_SHEET = Sheet(ListDraft, FIELDS, more=("slug", "audience"))
AUDIENCES = (
    (Audience.PARENTS, "Parents and carers", "The form asks for an email address and nothing else"),
    (Audience.PROFESSIONALS, "Professionals", "The form asks for a role and a setting too"),
)


@router.get(PATH)
def lists_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    with runtime.db.reading() as session:
        theirs = [
            one for one in mailing_lists.all_lists(session) if officer.has(StaffRole.ADMIN, mailing_list_id=one.id)
        ]
        return pages.show(
            request,
            "staff/settings/lists.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            lists=theirs,
            may_add=holds_everywhere(officer, StaffRole.ADMIN),
        )


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        usual = {"keep_trying_hours": 24, "late_after_hours": 2, "position": list_settings.next_position(session)}
        return _new_page(request, pages, session, officer, Outcome(filling.showing(usual)))


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    slug, audience = typed.get("slug", "").strip(), typed.get("audience", "")
    problems: dict[str, str] = {}
    if audience not in list(Audience):
        problems["audience"] = "Select who it is for"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", slug, re.ASCII):
        problems["slug"] = "Enter a web address of small letters, digits and dashes"
    elif slug in request.app.state.first_words:
        problems["slug"] = "Another page has this address. Choose a different one"

    def keep(draft: ListDraft) -> None:
        if not problems:
            list_settings.add(session, slug, Audience(audience), draft)

    with runtime.db.transaction() as session:
        outcome = sheets.save(session, NEW_SHEET, None, typed, keep)
        if problems:
            outcome.form.errors, outcome.status = problems | outcome.form.errors, 422
        if outcome.status:
            return _new_page(request, pages, session, officer, outcome)
        mailing_list = mailing_lists.by_slug(session, slug)
        audit.note(
            session,
            runtime.crypto,
            "add mailing list",
            staff_id=officer.id,
            about=f"mailing list {mailing_list.id}",
            detail=slug,
            now=runtime.clock.now(),
        )
    return sheets.redirect(f"{PATH}/{mailing_list.id}", "added")


@router.get(PATH + "/{list_id}")
def list_page(
    list_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, list_id, said=SAID.get(said))


@router.post(PATH + "/{list_id}")
def save(
    list_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.transaction() as session:
        row = mailing_lists.by_id(session, list_id)
        outcome = sheets.save(session, SHEET, row, typed, lambda draft: list_settings.edit(session, list_id, draft))
        if outcome.status:
            return _page(request, pages, session, officer, list_id, outcome)
        audit.note(
            session,
            runtime.crypto,
            "change mailing list",
            staff_id=officer.id,
            about=f"mailing list {list_id}",
            detail=", ".join(outcome.changed),
            now=runtime.clock.now(),
        )
    return sheets.redirect(f"{PATH}/{list_id}", "saved")


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    list_id: int,
    outcome: Outcome | None = None,
    said: str | None = None,
) -> Response:
    row = mailing_lists.by_id(session, list_id)
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title=row.name,
        back=BACK,
        row=row,
        outcome=outcome,
        said=said,
        template="staff/settings/list.html",
        list=row,
    )


def _new_page(request: Request, pages: Pages, session: Session, officer: Officer, outcome: Outcome) -> Response:
    return sheets.page(
        request,
        pages,
        session,
        officer,
        NEW_SHEET,
        title="Add a mailing list",
        back=BACK,
        outcome=outcome,
        template="staff/settings/list-new.html",
        audiences=AUDIENCES,
        button="Add the list",
    )
