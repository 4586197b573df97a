"""Priority areas: the parts of the action plan, each with the time it is in force."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.content import partners
from newsletter.content.dates import london_date
from newsletter.content.partners import AreaDraft
from newsletter.staff import audit
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import Id, everywhere
from newsletter.web.staff.settings.sheets import Field, Sheet

router = APIRouter()

PATH = "/staff/settings/priority-areas"
BACK = (PATH, "All priority areas")
SAID = {"added": "The priority area was added.", "saved": "The priority area was saved."}
LEAD = (
    "When the action plan changes, do not write a new area over an old one: give the old one a last day and add the "
    "new one. So editions keep the names of their time."
)
SHEET = Sheet(
    AreaDraft,
    (
        Field("number", "Number", "As the action plan counts them", "number"),
        Field("name", "Short heading", "Editions show it above the news of this area"),
        Field("description", "What it is about", "One plain sentence for readers"),
        Field("from_date", "First day in force", "For example, 27/3/2027", "day"),
        Field("until_date", "Last day in force (optional)", "Leave this empty while it is in force", "day"),
    ),
)


@router.get(PATH)
def areas_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/settings/areas.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            paged=page_of(partners.priority_areas(session), page),
            today=london_date(runtime.clock.now()),
        )


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return sheets.page(request, pages, session, officer, SHEET, title="Add a priority area", back=BACK)


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        outcome = sheets.save(session, SHEET, None, typed, lambda draft: partners.add_area(session, draft))
        if outcome.status:
            return sheets.page(
                request, pages, session, officer, SHEET, title="Add a priority area", back=BACK, outcome=outcome
            )
        now = runtime.clock.now()
        detail = outcome.form.get("name")
        audit.note(session, runtime.crypto, "add priority area", staff_id=officer.id, detail=detail, now=now)
    return sheets.redirect(PATH, "added")


@router.get(PATH + "/{area_id}")
def area_page(area_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        row = partners.area_by_id(session, area_id)
        return sheets.page(
            request, pages, session, officer, SHEET, title="Change a priority area", back=BACK, row=row, lead=LEAD
        )


@router.post(PATH + "/{area_id}")
def save(
    area_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        row = partners.area_by_id(session, area_id)
        outcome = sheets.save(session, SHEET, row, typed, lambda draft: partners.edit_area(session, area_id, draft))
        if outcome.status:
            return sheets.page(
                request,
                pages,
                session,
                officer,
                SHEET,
                title="Change a priority area",
                back=BACK,
                row=row,
                outcome=outcome,
                lead=LEAD,
            )
        audit.note(
            session,
            runtime.crypto,
            "change priority area",
            staff_id=officer.id,
            about=f"priority area {area_id}",
            detail=", ".join(outcome.changed),
            now=runtime.clock.now(),
        )
    return sheets.redirect(PATH, "saved")
