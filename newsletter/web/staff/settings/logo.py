"""The logo of the partnership, at the top of editions and of every public page. Its words are the partnership's
name."""

from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import partners, picture_files, pictures
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.runtime import Runtime
from newsletter.editions import pictures_used
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.limits import LargerBody
from newsletter.web.pages import Pages
from newsletter.web.staff import uploads
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import everywhere
from newsletter.web.staff.uploads import TheFile

router = APIRouter()

PATH = "/staff/settings/partnership/logo"
SAID = {
    "saved": "The logo was saved. Pages and new editions show it from now on.",
    "taken": "The logo was taken away.",
}


class LogoForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"file": "Choose a picture"}

    file: str


def larger_body(runtime: Runtime) -> LargerBody:
    """How much an administrator may send to this page."""
    return LargerBody(
        uploads.MAXIMUM_PICTURE_BODY_BYTES, lambda request: uploads.may_send(runtime, request, StaffRole.ADMIN)
    )


@router.get(PATH)
def logo_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, Bound(), said=SAID.get(said))


@router.post(PATH)
def save(request: Request, officer: TheAdmin, sent: TheFile, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    bound = bind(LogoForm, {"file": "chosen" if sent.content else ""})
    try:
        if not sent.content:
            raise InvalidInput("Choose a picture", field="file")
        made = picture_files.logo(sent.content)  # takes long: nothing is locked meanwhile
        with runtime.db.transaction() as session:
            before = partners.partnership(session).logo_sha256
            row = pictures.set_logo(session, made, now=runtime.clock.now())
            if row.logo_sha256 != before:
                pictures_used.forget_unused(session, before)
                _note(session, runtime, officer, "put logo", f"SHA-256 {row.logo_sha256}")
    except (InvalidInput, WrongState) as problem:
        bound.errors = {"file": str(problem)}
        status = 409 if isinstance(problem, WrongState) else 422
        with runtime.db.reading() as session:
            return _page(request, pages, session, officer, bound, status=status)
    return sheets.redirect(PATH, "saved")


@router.post(PATH + "/take-away")
def take_away(officer: TheAdmin, runtime: TheRuntime) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        taken = pictures.take_logo(session)
        if taken is not None:
            pictures_used.forget_unused(session, taken)
            _note(session, runtime, officer, "take logo away", f"SHA-256 {taken}")
    return sheets.redirect(PATH, "taken")


def _note(session: Session, runtime: Runtime, officer: Officer, action: str, detail: str) -> None:
    audit.note(session, runtime.crypto, action, staff_id=officer.id, detail=detail, now=runtime.clock.now())


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    bound: Bound[LogoForm],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    partnership = partners.partnership(session)
    return pages.show(
        request,
        "staff/settings/logo.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        form=bound,
        partnership=partnership,
        logo=pictures.logo(session, partnership),
        megabytes=uploads.MAXIMUM_PICTURE_BYTES // 1024**2,
    )
