"""A register: things that stand from one day to another, of which new ones are added and none is ever taken out, such
as partners. Its list, and one form to add and to change them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.staff import audit
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id, everywhere
from newsletter.web.staff.settings.sheets import Outcome, Sheet


@dataclass(frozen=True, slots=True)
class Register:
    """What a register holds, and what does the work."""

    path: str
    template: str
    thing: str  # "priority area"
    back: str  # words of the link to the list
    lead: str  # advice on the form that changes one
    sheet: Sheet[Any]
    all: Callable[[Session], Sequence[Any]]
    by_id: Callable[[Session, int], Any]
    add: Callable[[Session, Any], object]
    edit: Callable[[Session, int, Any], object]
    first: Callable[[date], Mapping[str, Any]] = lambda _today: {}  # what the form for a new one begins with


def router_of(register: Register) -> APIRouter:
    """The pages of a register."""
    router, thing, path = APIRouter(), register.thing, register.path
    said_of = {"added": f"The {thing} was added.", "saved": f"The {thing} was saved."}
    back = (path, register.back)

    @router.get(path)
    def all_of_them(
        request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
    ) -> Response:
        everywhere(officer)
        with runtime.db.reading() as session:
            return pages.show(
                request,
                register.template,
                site.current(session),
                officer=officer,
                said=said_of.get(said),
                paged=page_of(register.all(session), page),
                today=london_date(runtime.clock.now()),
            )

    @router.get(f"{path}/new")
    def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
        everywhere(officer)
        form = filling.showing(register.first(london_date(runtime.clock.now())))
        title = f"Add a {thing}"
        with runtime.db.reading() as session:
            return sheets.page(request, pages, session, officer, register.sheet, title=title, back=back, form=form)

    @router.post(f"{path}/new")
    def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
        everywhere(officer)
        sheet = register.sheet
        with runtime.db.transaction() as session:
            outcome = sheets.save(session, sheet, None, typed, lambda draft: register.add(session, draft))
            if outcome.status:
                title = f"Add a {thing}"
                return sheets.page(request, pages, session, officer, sheet, title=title, back=back, outcome=outcome)
            now, detail = runtime.clock.now(), outcome.form.get(_naming(sheet))
            audit.note(session, runtime.crypto, f"add {thing}", staff_id=officer.id, detail=detail, now=now)
        return sheets.redirect(path, "added")

    @router.get(path + "/{row_id}")
    def one_of_them(row_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
        everywhere(officer)
        with runtime.db.reading() as session:
            return shown(request, pages, session, officer, row_id)

    @router.post(path + "/{row_id}")
    def save(
        row_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
    ) -> Response:
        everywhere(officer)
        with runtime.db.transaction() as session:
            row = register.by_id(session, row_id)
            outcome = sheets.save(
                session, register.sheet, row, typed, lambda draft: register.edit(session, row_id, draft)
            )
            if outcome.status:
                return shown(request, pages, session, officer, row_id, outcome)
            audit.note(
                session,
                runtime.crypto,
                f"change {thing}",
                staff_id=officer.id,
                about=f"{thing} {row_id}",
                detail=", ".join(outcome.changed),
                now=runtime.clock.now(),
            )
        return sheets.redirect(path, "saved")

    def shown(
        request: Request,
        pages: ThePages,
        session: Session,
        officer: TheAdmin,
        row_id: int,
        outcome: Outcome | None = None,
    ) -> Response:
        return sheets.page(
            request,
            pages,
            session,
            officer,
            register.sheet,
            title=f"Change a {thing}",
            back=back,
            row=register.by_id(session, row_id),
            outcome=outcome,
            lead=register.lead,
        )

    return router


def _naming(sheet: Sheet[Any]) -> str:
    """The field that says in the log which one it is: its name, or else the first."""
    return "name" if "name" in sheet.labels else sheet.fields[0].name
