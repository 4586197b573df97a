"""Complaints about how personal data is used: read, acknowledged within 30 days, closed with what came of it (REQ-34).
For the data protection officer; that one was read is logged."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.feedback import complaints
from newsletter.feedback.models import DataComplaint
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheDpo
from newsletter.web.staff.people_scope import check_every_list

router = APIRouter()

COMPLAINTS = "/staff/people/complaints"

SAID = {
    "acknowledged": "Noted: you have told the person that we have the complaint.",
    "closed": "Closed. What the person wrote is deleted when its time is over.",
}


@router.get(COMPLAINTS)
def complaints_page(
    request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    check_every_list(officer)
    today = london_date(runtime.clock.now())
    with runtime.db.reading() as session:
        rows = complaints.all_complaints(session)
        return pages.show(
            request,
            "staff/people-complaints.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            open=[(row, complaints.clock(row, today), _is_urgent(row, today)) for row in rows if row.closed_at is None],
            closed=[row for row in rows if row.closed_at is not None][:50],
        )


@router.get(COMPLAINTS + "/{reference}")
def complaint_page(
    reference: str, request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    check_every_list(officer)
    with runtime.db.transaction() as session:
        row = complaints.find(session, reference)
        _note(session, runtime, officer, "read complaint", row)
        return _page(request, pages, session, runtime, officer, row, Bound(), said=SAID.get(said))


@router.post(COMPLAINTS + "/{reference}/acknowledge")
def acknowledge(reference: str, officer: TheDpo, runtime: TheRuntime) -> Response:
    check_every_list(officer)
    with runtime.db.transaction() as session:
        row = complaints.acknowledge(session, reference, now=runtime.clock.now())
        _note(session, runtime, officer, "acknowledge complaint", row)
    return RedirectResponse(f"{COMPLAINTS}/{row.reference}?said=acknowledged", status_code=303)


@router.post(COMPLAINTS + "/{reference}/close")
def close(
    reference: str, request: Request, officer: TheDpo, form: TheForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    check_every_list(officer)
    bound: Bound[Any] = Bound({"outcome": form.get("outcome", "")})
    try:
        with runtime.db.transaction() as session:
            if not bound.get("outcome").strip():
                complaints.find(session, reference)
                raise InvalidInput("Say what came of it", field="outcome")
            row = complaints.close(session, reference, bound.get("outcome"), now=runtime.clock.now())
            _note(session, runtime, officer, "close complaint", row)
    except InvalidInput as problem:
        bound.errors = {"outcome": str(problem)}
        with runtime.db.reading() as session:
            row = complaints.find(session, reference)
            return _page(request, pages, session, runtime, officer, row, bound, status=422)
    return RedirectResponse(f"{COMPLAINTS}?said=closed", status_code=303)


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    row: DataComplaint,
    bound: Bound[Any],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    today = london_date(runtime.clock.now())
    return pages.show(
        request,
        "staff/people-complaint.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        said=said,
        complaint=row,
        clock=complaints.clock(row, today),
        is_urgent=_is_urgent(row, today),
        text=runtime.crypto.decrypt(row.text_sealed) if row.text_sealed else None,
        contact=runtime.crypto.decrypt(row.contact_sealed) if row.contact_sealed else None,
        outcome_length=complaints.OUTCOME_LENGTH,
    )


def _is_urgent(row: DataComplaint, today: Any) -> bool:
    left = complaints.days_left(row, today)
    return left is not None and left <= complaints.URGENT_DAYS


def _note(session: Session, runtime: Runtime, officer: Officer, action: str, row: DataComplaint) -> None:
    audit.note(
        session,
        runtime.crypto,
        action,
        staff_id=officer.id,
        about=f"complaint {row.reference}",
        now=runtime.clock.now(),
    )
