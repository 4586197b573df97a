"""Bringing people in from a file, each with the evidence of their consent (REQ-14): tried first, then decided about.

For the data protection officer alone: what becomes of a row says whether its address is on the list.
"""

from typing import ClassVar, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import letters
from newsletter.delivery.models import DeliveryKind
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.limits import LargerBody
from newsletter.web.pages import Pages
from newsletter.web.staff import uploads
from newsletter.web.staff.guard import TheDpo
from newsletter.web.staff.people_scope import check_list, chosen_list, lists_of
from newsletter.web.staff.uploads import TheFile
from subscribers import lists, waiting_imports
from subscribers.exporting import COLUMNS
from subscribers.importing import RowResult

router = APIRouter()

IMPORT = "/staff/people/import"

SAID = {
    "taken": "Imported. The file itself is deleted.",
    "put-aside": "The file is deleted. Nobody was imported.",
}

RESULTS = {
    RowResult.IMPORTED: "Would come in",
    RowResult.ALREADY_THERE: "Already on the list",
    RowResult.SUPPRESSED: "Must not be mailed, or has left",
    RowResult.MISSING_EVIDENCE: "No evidence of consent",
    RowResult.INVALID: "Cannot be used",
}


class ImportForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "list": "Choose a mailing list",
        "file": "Choose a file",
        "how": "Choose whether they confirm themselves",
    }

    list: str
    file: str
    how: Literal["ask", "confirmed"]


def larger_body(runtime: Runtime) -> LargerBody:
    """How much the data protection officer may send to this page."""
    return LargerBody(uploads.MAXIMUM_BODY_BYTES, lambda request: uploads.may_send(runtime, request, StaffRole.DPO))


@router.get(IMPORT)
def import_page(request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    with runtime.db.reading() as session:
        return _form(request, pages, session, officer, Bound(), said=SAID.get(said))


@router.post(IMPORT)
def bring(request: Request, officer: TheDpo, sent: TheFile, runtime: TheRuntime, pages: ThePages) -> Response:
    """Try the file, and keep it for an hour at most."""
    bound = bind(ImportForm, {**sent.fields, "file": "chosen" if sent.content else ""})
    now = runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            mailing_list = chosen_list(sent.fields, lists_of(session, officer, StaffRole.DPO))
            if mailing_list is None:
                bound.errors = {"list": ImportForm.sentences["list"], **bound.errors}
            if bound.errors or bound.value is None or mailing_list is None or mailing_list.id is None:
                return _form(request, pages, session, officer, bound, status=422)
            row = waiting_imports.bring(
                session,
                runtime.crypto,
                sent.content,
                mailing_list_id=mailing_list.id,
                already_confirmed=bound.value.how == "confirmed",
                staff_id=officer.id,
                now=now,
            )
            summary = waiting_imports.summary_of(row)
            audit.note(
                session,
                runtime.crypto,
                "try import",
                staff_id=officer.id,
                about=f"import {row.id} into list {mailing_list.id}",
                detail=f"{summary.rows} rows, {summary.imported} would come in",
                now=now,
            )
    except (InvalidInput, WrongState) as problem:
        bound.errors = {"file": str(problem)}
        with runtime.db.reading() as session:
            return _form(request, pages, session, officer, bound, status=422)
    return RedirectResponse(f"{IMPORT}/{row.id}", status_code=303)


@router.get(IMPORT + "/{import_id:int}")
def tried_page(
    import_id: int, request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        row = waiting_imports.find(session, import_id, staff_id=officer.id, now=runtime.clock.now())
        return pages.show(
            request,
            "staff/people-import-tried.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said) if row.file_sealed is None else None,
            waiting=row,
            summary=waiting_imports.summary_of(row),
            mailing_list=lists.by_id(session, row.mailing_list_id),
            results=RESULTS,
            imported=RowResult.IMPORTED,
        )


@router.post(IMPORT + "/{import_id:int}/take-in")
def take_in(import_id: int, officer: TheDpo, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        row = waiting_imports.find(session, import_id, staff_id=officer.id, now=now)
        check_list(officer, row.mailing_list_id, StaffRole.DPO)
        report = waiting_imports.take_in(session, runtime.crypto, import_id, staff_id=officer.id, now=now)
        letters.queue_first(
            session,
            DeliveryKind.CONFIRM,
            mailing_list_id=row.mailing_list_id,
            subscriber_ids=report.to_confirm,
            now=now,
        )
        how = "already confirmed" if row.already_confirmed else "to be confirmed"
        audit.note(
            session,
            runtime.crypto,
            "import subscribers",
            staff_id=officer.id,
            about=f"import {import_id} into list {row.mailing_list_id}",
            detail=", ".join(f"{result.value}: {number}" for result, number in sorted(report.counts.items()))
            + f"; {how}",
            now=now,
        )
    return RedirectResponse(f"{IMPORT}/{import_id}?said=taken", status_code=303)


@router.post(IMPORT + "/{import_id:int}/put-aside")
def put_aside(import_id: int, officer: TheDpo, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        row = waiting_imports.put_aside(session, import_id, staff_id=officer.id, now=now)
        audit.note(
            session,
            runtime.crypto,
            "put import aside",
            staff_id=officer.id,
            about=f"import {import_id} into list {row.mailing_list_id}",
            now=now,
        )
    return RedirectResponse(f"{IMPORT}?said=put-aside", status_code=303)


def _form(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    bound: Bound[ImportForm],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    return pages.show(
        request,
        "staff/people-import.html",
        site.current(session),
        status=status,
        officer=officer,
        form=bound,
        said=said,
        lists=lists_of(session, officer, StaffRole.DPO),
        columns=COLUMNS,
        megabytes=uploads.MAXIMUM_FILE_BYTES // 1024**2,
    )
