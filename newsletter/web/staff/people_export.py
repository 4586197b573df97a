"""Taking a mailing list out, which needs two people and a reason (REQ-36): one asks, another agrees, the first fetches
the file once within a day. One of the two protects data."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput, NotAllowed
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit
from newsletter.staff.models import Staff, StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import downloads, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.downloads import FileKind
from newsletter.web.forms import Bound
from newsletter.web.pages import NO_STORE, Pages
from newsletter.web.staff.guard import may
from newsletter.web.staff.people_scope import KEEPERS, check_list, chosen_list, lists_of
from subscribers import export_requests, exporting, lists
from subscribers.export_requests import Standing
from subscribers.models import ExportRequest

router = APIRouter()

EXPORTS = "/staff/people/exports"

TheKeeper = Annotated[Officer, may(*KEEPERS)]

SAID = {
    "asked": "Noted. Somebody else must agree before you can fetch the list. Ask them to look here.",
    "agreed": "Agreed. Whoever asked can fetch the list once, within a day.",
    "refused": "Refused. The list stays here.",
}

#: Where a request stands: the words of its tag, and its colour.
STANDINGS = {
    Standing.WAITS: ("Waits", "yellow"),
    Standing.AGREED: ("Agreed", "green"),
    Standing.REFUSED: ("Refused", "red"),
    Standing.FETCHED: ("Fetched", "blue"),
    Standing.EXPIRED: ("Expired", "grey"),
}


@router.get(EXPORTS)
def exports_page(
    request: Request, officer: TheKeeper, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        return _page(request, pages, session, runtime, officer, Bound(), said=SAID.get(said))


@router.post(EXPORTS)
def ask(request: Request, officer: TheKeeper, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    bound: Bound[Any] = Bound({name: form.get(name, "") for name in ("list", "reason")})
    try:
        with runtime.db.transaction() as session:
            mailing_list = chosen_list(form, lists_of(session, officer, *KEEPERS))
            if mailing_list is None or mailing_list.id is None:
                raise InvalidInput("Choose a mailing list", field="list")
            row = export_requests.ask(
                session, mailing_list_id=mailing_list.id, reason=bound.get("reason"), staff_id=officer.id, now=now
            )
            _note(session, runtime, officer, "ask for export", row)
    except InvalidInput as problem:
        bound.errors = {problem.field or "reason": str(problem)}
        with runtime.db.reading() as session:
            return _page(request, pages, session, runtime, officer, bound, status=422)
    return RedirectResponse(f"{EXPORTS}?said=asked", status_code=303)


@router.post(EXPORTS + "/{request_id:int}/agree")
def agree(request_id: int, officer: TheKeeper, runtime: TheRuntime) -> Response:
    return _decide(runtime, officer, request_id, agrees=True)


@router.post(EXPORTS + "/{request_id:int}/refuse")
def refuse(request_id: int, officer: TheKeeper, runtime: TheRuntime) -> Response:
    return _decide(runtime, officer, request_id, agrees=False)


@router.post(EXPORTS + "/{request_id:int}/file")
def fetch(request_id: int, officer: TheKeeper, form: TheForm, runtime: TheRuntime) -> Response:
    """The list as CSV or as a workbook. Whoever loses the file must ask again."""
    with runtime.db.transaction() as session:
        check_list(officer, export_requests.find(session, request_id).mailing_list_id, *KEEPERS)
        row = export_requests.fetch(session, request_id, staff_id=officer.id, now=runtime.clock.now())
        mailing_list = lists.by_id(session, row.mailing_list_id)
        rows = list(exporting.export_rows(session, runtime.crypto, row.mailing_list_id))
        _note(session, runtime, officer, "fetch export", row, f"{len(rows)} people")
    kind = FileKind.XLSX if form.get("as") == FileKind.XLSX else FileKind.CSV
    return downloads.answer(kind, mailing_list.slug, exporting.COLUMNS, rows, cache_control=NO_STORE)


def _decide(runtime: Runtime, officer: Officer, request_id: int, *, agrees: bool) -> Response:
    with runtime.db.transaction() as session:
        wanted = export_requests.find(session, request_id)
        check_list(officer, wanted.mailing_list_id, *KEEPERS)
        if agrees and not _one_protects_data(session, officer, wanted):
            raise NotAllowed("One of the two must be a data protection officer.")
        row = export_requests.decide(session, request_id, agrees=agrees, staff_id=officer.id, now=runtime.clock.now())
        _note(session, runtime, officer, "agree to export" if agrees else "refuse export", row)
    return RedirectResponse(f"{EXPORTS}?said={'agreed' if agrees else 'refused'}", status_code=303)


def _one_protects_data(session: Session, officer: Officer, wanted: ExportRequest) -> bool:
    asker = accounts.held_by(session, wanted.asked_by)
    return officer.has(StaffRole.DPO, mailing_list_id=wanted.mailing_list_id) or any(
        held.role is StaffRole.DPO and held.mailing_list_id in (None, wanted.mailing_list_id) for held in asker
    )


def _note(
    session: Session, runtime: Runtime, officer: Officer, action: str, row: ExportRequest, detail: str = ""
) -> None:
    audit.note(
        session,
        runtime.crypto,
        action,
        staff_id=officer.id,
        about=f"export {row.id} of list {row.mailing_list_id}",
        detail=detail,
        now=runtime.clock.now(),
    )


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    bound: Bound[Any],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    now = runtime.clock.now()
    allowed = lists_of(session, officer, *KEEPERS)
    rows = export_requests.newest(session, allowed)
    people = {row.asked_by for row in rows} | {row.decided_by for row in rows if row.decided_by}
    names = dict(session.exec(select(Staff.id, Staff.name).where(col(Staff.id).in_(people))).all())
    return pages.show(
        request,
        "staff/people-exports.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        said=said,
        lists=allowed,
        requests=[(row, *STANDINGS[export_requests.standing(row, now)]) for row in rows],
        names=names,
        reason_length=export_requests.REASON_LENGTH,
    )
