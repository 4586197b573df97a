"""The picture of an update: put in with the words for whoever does not see it, replaced, and taken away.

Whoever puts one in says that the people in it agreed; what they said is kept word for word in the log.
"""

from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import alt_text, pictures, updates
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.editions import pictures_used, publishing
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.limits import LargerBody
from newsletter.web.pages import Pages
from newsletter.web.staff import uploads
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.uploads import TheFile

router = APIRouter()

PATH = "/staff/updates/{update_id:int}/picture"
#: The same, for whoever has only the address.
PATH_PATTERN = r"/staff/updates/\d+/picture"

SAID = {
    "saved": "The picture was saved.",
    "taken": "The picture was taken away.",
    "withdrawn": "The picture is deleted. No page shows it any more.",
}

#: What the box says, and so what stands in the log.
CONSENT = (
    "Nobody in this picture can be recognised, or everybody who can be has agreed that we send it by email and keep it "
    "on the web. For every child, a parent or carer has agreed."
)
_CONSENT_NEEDED = "Confirm that the people in the picture agreed, or use another picture"


class PictureForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "alt": "Say in words what the picture shows, for people who cannot see it",
    }

    file: str = ""
    alt: str = ""
    consent: str = ""


def larger_body(runtime: Runtime) -> LargerBody:
    """How much those who write may send to this page."""
    return LargerBody(
        uploads.MAXIMUM_PICTURE_BODY_BYTES,
        lambda request: uploads.may_send(runtime, request, StaffRole.AUTHOR, StaffRole.ADMIN),
    )


@router.get(PATH)
def picture_page(
    update_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        alt = updates.by_id(session, update_id).picture_alt
        return _page(request, pages, session, officer, update_id, Bound({"alt": alt}), said=SAID.get(said))


@router.post(PATH)
def save(
    update_id: int, request: Request, officer: TheAuthor, sent: TheFile, runtime: TheRuntime, pages: ThePages
) -> Response:
    now = runtime.clock.now()
    bound = bind(PictureForm, {**sent.fields, "file": "chosen" if sent.content else ""})
    agreed = bound.get("consent") == "yes"
    if sent.content and not agreed:
        bound.errors["consent"] = _CONSENT_NEEDED
    try:
        with runtime.db.transaction() as session:
            before = updates.by_id(session, update_id).picture_sha256
            update = pictures.put_to_update(
                session, update_id, sent.content, bound.get("alt"), now=now, editor_id=officer.id
            )
            if bound.errors:
                raise InvalidInput(_CONSENT_NEEDED, field="consent")
            publishing.reopen_editions_with(session, update_id, now=now, staff_id=officer.id)
            if update.picture_sha256 != before:
                pictures_used.forget_unused(session, before)
            said = f"SHA-256 {update.picture_sha256}. Confirmed: {CONSENT}" if sent.content else "Other words for it"
            _note(session, runtime, officer, "put picture", update_id, said)
    except InvalidInput as problem:
        bound.errors = {problem.field or "file": str(problem)} | bound.errors
        bound.errors = {name: bound.errors[name] for name in PictureForm.model_fields if name in bound.errors}
        with runtime.db.reading() as session:
            return _page(request, pages, session, officer, update_id, bound, status=422)
    return RedirectResponse(f"/staff/updates/{update_id}/picture?said=saved", status_code=303)


@router.post(PATH + "/take-away")
def take_away(update_id: int, officer: TheAuthor, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        taken = pictures.take_from_update(session, update_id, now=now, editor_id=officer.id)
        if taken is not None:
            publishing.reopen_editions_with(session, update_id, now=now, staff_id=officer.id)
            deleted = pictures_used.forget_unused(session, taken)
            said = f"SHA-256 {taken}. {'Deleted' if deleted else 'Kept: an edition or another update has it'}"
            _note(session, runtime, officer, "take picture away", update_id, said)
    return RedirectResponse(f"/staff/updates/{update_id}/picture?said=taken", status_code=303)


@router.post(PATH + "/withdraw")
def withdraw(update_id: int, officer: TheAuthor, form: TheForm, runtime: TheRuntime) -> Response:
    """Somebody in a picture that went out no longer agrees: take it off the web, whatever edition it is in."""
    with runtime.db.transaction() as session:
        updates.by_id(session, update_id)
        sha256 = form.get("sha256", "")
        if any(picture.sha256 == sha256 for _, picture in pictures_used.in_editions(session, update_id)):
            pictures_used.withdraw(session, sha256)
            _note(session, runtime, officer, "withdraw picture", update_id, f"SHA-256 {sha256}")
    return RedirectResponse(f"/staff/updates/{update_id}/picture?said=withdrawn", status_code=303)


def _note(session: Session, runtime: Runtime, officer: Officer, action: str, update_id: int, detail: str) -> None:
    audit.note(
        session,
        runtime.crypto,
        action,
        staff_id=officer.id,
        about=f"update {update_id}",
        detail=detail,
        now=runtime.clock.now(),
    )


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    update_id: int,
    bound: Bound[PictureForm],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    update = updates.by_id(session, update_id)
    found = pictures.facts(session, [update.picture_sha256]).get(update.picture_sha256 or "")
    return pages.show(
        request,
        "staff/update-picture.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        form=bound,
        update=update,
        picture=found.block(update.picture_alt) if found else None,
        sent=pictures_used.in_editions(session, update_id),
        consent=CONSENT,
        longest=alt_text.LONGEST,
        megabytes=uploads.MAXIMUM_PICTURE_BYTES // 1024**2,
    )
