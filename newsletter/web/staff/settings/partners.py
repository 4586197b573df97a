"""Partners: the organisations that news comes from, each with the time it was one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.content import partners
from newsletter.content.dates import london_date
from newsletter.content.partners import PartnerDraft
from newsletter.staff import audit
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import Id, everywhere
from newsletter.web.staff.settings.sheets import Field, Sheet

router = APIRouter()

PATH = "/staff/settings/partners"
BACK = (PATH, "All partners")
SAID = {"added": "The partner was added.", "saved": "The partner was saved."}
LEAD = (
    "When an organisation gets another name, do not change it here: give it a last day and add the new one. So "
    "editions keep the names of their time. Change the name only to mend a mistake."
)
SHEET = Sheet(
    PartnerDraft,
    (
        Field("name", "Name of the organisation"),
        Field("from_date", "First day as a partner", "For example, 27/3/2027", "day"),
        Field("until_date", "Last day as a partner (optional)", "Leave this empty while it is one", "day"),
        Field(
            "approves_texts",
            "It approves its own texts",
            "No edition with news of this partner is approved before somebody of theirs has agreed to it",
            "yes",
        ),
    ),
)


@router.get(PATH)
def partners_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/settings/partners.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            paged=page_of(partners.partners(session), page),
            today=london_date(runtime.clock.now()),
        )


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return sheets.page(request, pages, session, officer, SHEET, title="Add a partner", back=BACK)


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        outcome = sheets.save(session, SHEET, None, typed, lambda draft: partners.add_partner(session, draft))
        if outcome.status:
            return sheets.page(
                request, pages, session, officer, SHEET, title="Add a partner", back=BACK, outcome=outcome
            )
        now = runtime.clock.now()
        detail = outcome.form.get("name")
        audit.note(session, runtime.crypto, "add partner", staff_id=officer.id, detail=detail, now=now)
    return sheets.redirect(PATH, "added")


@router.get(PATH + "/{partner_id}")
def partner_page(partner_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        row = partners.partner_by_id(session, partner_id)
        return sheets.page(
            request, pages, session, officer, SHEET, title="Change a partner", back=BACK, row=row, lead=LEAD
        )


@router.post(PATH + "/{partner_id}")
def save(
    partner_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        row = partners.partner_by_id(session, partner_id)
        outcome = sheets.save(
            session, SHEET, row, typed, lambda draft: partners.edit_partner(session, partner_id, draft)
        )
        if outcome.status:
            return sheets.page(
                request,
                pages,
                session,
                officer,
                SHEET,
                title="Change a partner",
                back=BACK,
                row=row,
                outcome=outcome,
                lead=LEAD,
            )
        audit.note(
            session,
            runtime.crypto,
            "change partner",
            staff_id=officer.id,
            about=f"partner {partner_id}",
            detail=", ".join(outcome.changed),
            now=runtime.clock.now(),
        )
    return sheets.redirect(PATH, "saved")
