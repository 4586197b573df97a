"""What the sign-up form of a mailing list says: a new version each time, the old ones kept as evidence."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core.errors import InvalidInput
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import Id, of_list
from newsletter.web.staff.settings.filling import MEANWHILE, SHOWN, Form
from subscribers import lists

router = APIRouter()

PATH = "/staff/settings/lists/{list_id}/wording"
SAID = {"saved": "The new wording is on the sign-up form."}
#: Old versions that one page shows.
VERSIONS = 10


@router.get(PATH)
def wording_page(
    list_id: Id,
    request: Request,
    officer: TheAdmin,
    runtime: TheRuntime,
    pages: ThePages,
    said: str = "",
    page: int = 1,
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, list_id, number=page, said=SAID.get(said))


@router.post(PATH)
def save(
    list_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    form: Form = Bound[FormModel]({"wording": typed.get("wording", "")})
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        mailing_list = lists.by_id(session, list_id)
        known = lists.wordings(session, list_id)
        if typed.get(SHOWN, "") != str(known[0].version if known else 0):
            form.errors = {"wording": MEANWHILE}
            return _page(request, pages, session, officer, list_id, form=form, status=409)
        try:
            added = lists.add_wording(session, mailing_list, typed.get("wording", "").replace("\r\n", "\n"), now=now)
        except InvalidInput as problem:
            form.errors = {"wording": str(problem)}
            return _page(request, pages, session, officer, list_id, form=form, status=422)
        if not known or added.version != known[0].version:
            audit.note(
                session,
                runtime.crypto,
                "change wording",
                staff_id=officer.id,
                about=f"mailing list {list_id}",
                detail=f"version {added.version}",
                now=now,
            )
    return sheets.redirect(f"/staff/settings/lists/{list_id}/wording", "saved")


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    list_id: int,
    *,
    form: Form | None = None,
    status: int = 200,
    number: int = 1,
    said: str | None = None,
) -> Response:
    mailing_list = lists.by_id(session, list_id)
    known = lists.wordings(session, list_id)
    current = known[0] if known else None
    return pages.show(
        request,
        "staff/settings/wording.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        list=mailing_list,
        form=form or Bound[FormModel]({"wording": current.text if current else ""}),
        current=current,
        paged=page_of(known[1:], number, size=VERSIONS),
        has_changed=status == 409,
    )
