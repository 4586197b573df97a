"""The picture of an update: put in with the words for whoever does not see it, replaced, and taken away.

Whoever puts one in says that the people in it agreed; what they said is kept word for word in the log.
"""

from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import alt_text, picture_files, pictures, updates
from newsletter.content.models import Update
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import counting
from newsletter.editions import pictures_used, publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.limits import LargerBody
from newsletter.web.pages import Pages
from newsletter.web.staff import one_edition, uploads, writing_scope
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

#: The hidden field with the hash of the picture that the page showed.
SEEN = "seen"

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
    with runtime.db.reading() as session:
        if not sent.content and updates.by_id(session, update_id).picture_sha256 is None:
            bound.errors["file"] = "Choose a picture"
    try:
        alt = alt_text.checked(bound.get("alt"))
        if bound.errors:
            field, sentence = next(iter(bound.errors.items()))
            raise InvalidInput(sentence, field=field)
        # Takes long: nothing is locked meanwhile.
        made = picture_files.photograph(sent.content) if sent.content else None
        with runtime.db.transaction() as session:
            update = _find(session, officer, update_id)
            before = update.picture_sha256
            seen = sent.fields.get(SEEN)
            if pictures.put_to_update(session, update_id, made, alt, now=now, editor_id=officer.id, seen=seen):
                publishing.reopen_editions_with(session, update_id, now=now, staff_id=officer.id)
                if update.picture_sha256 != before:
                    pictures_used.forget_unused(session, before)
                said = f"SHA-256 {update.picture_sha256}. Confirmed: {CONSENT}" if made else "Other words for it"
                _note(session, runtime, officer, "put picture", update_id, said)
    except (InvalidInput, WrongState) as problem:
        place = problem.field if isinstance(problem, InvalidInput) else None
        bound.errors = {place or "file": str(problem)} | bound.errors
        bound.errors = {name: bound.errors[name] for name in PictureForm.model_fields if name in bound.errors}
        status = 409 if isinstance(problem, WrongState) else 422
        with runtime.db.reading() as session:
            return _page(request, pages, session, officer, update_id, bound, status=status)
    return RedirectResponse(f"/staff/updates/{update_id}/picture?said=saved", status_code=303)


@router.post(PATH + "/take-away")
def take_away(
    update_id: int, request: Request, officer: TheAuthor, form: TheForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    try:
        _take_away(runtime, officer, update_id, form.get(SEEN))
    except WrongState as problem:
        with runtime.db.reading() as session:
            bound: Bound[PictureForm] = Bound({"alt": updates.by_id(session, update_id).picture_alt})
            bound.errors = {"file": str(problem)}
            return _page(request, pages, session, officer, update_id, bound, status=409)
    return RedirectResponse(f"/staff/updates/{update_id}/picture?said=taken", status_code=303)


def _take_away(runtime: Runtime, officer: Officer, update_id: int, seen: str | None) -> None:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        _find(session, officer, update_id)
        taken = pictures.take_from_update(session, update_id, now=now, editor_id=officer.id, seen=seen)
        if taken is not None:
            publishing.reopen_editions_with(session, update_id, now=now, staff_id=officer.id)
            deleted = pictures_used.forget_unused(session, taken)
            said = f"SHA-256 {taken}. {'Deleted' if deleted else 'Kept: an edition or another update has it'}"
            _note(session, runtime, officer, "take picture away", update_id, said)


@router.post(PATH + "/withdraw")
def withdraw(update_id: int, officer: TheAuthor, form: TheForm, runtime: TheRuntime) -> Response:
    """Somebody in a picture that went out no longer agrees: take it off the web, whatever edition it is in."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        updates.by_id(session, update_id)
        sha256 = form.get("sha256", "")
        if not pictures.was_withdrawn(session, sha256):  # safe to press twice
            if all(picture.sha256 != sha256 for _, picture in pictures_used.in_editions(session, update_id)):
                raise NotFound("No edition that went out shows this picture with this update.")
            _check_editions(session, officer, pictures_used.showing(session, sha256))
            pictures_used.withdraw(session, sha256, now=now)
            _note(session, runtime, officer, "withdraw picture", update_id, f"SHA-256 {sha256}")
    return RedirectResponse(f"/staff/updates/{update_id}/picture?said=withdrawn", status_code=303)


def _find(session: Session, officer: Officer, update_id: int) -> Update:
    """The update, held, for somebody who may write for all its readers. Raises `NotFound`, `NotAllowed`."""
    update = updates.hold(session, update_id)
    writing_scope.check(session, officer, update)
    return update


def _check_editions(session: Session, officer: Officer, editions: list[Edition]) -> None:
    """Raise `NotAllowed` where an edition is not somebody's own, `WrongState` where a copy of it may still be made."""
    if not all(one_edition.may_change(officer, edition) for edition in editions):
        raise NotAllowed("An edition of a mailing list that your role is not for shows this picture. Ask a colleague.")
    kept = [edition for edition in editions if edition.state is not EditionState.CANCELLED]
    counts = counting.counts_of(session, [edition.id for edition in kept if edition.id is not None])
    for edition in kept:
        if any(counts[edition.id or 0][state] for state in counting.OPEN_STATES):
            raise WrongState(
                f"Some copies of edition {edition.number}, which shows this picture, have not gone out. Wait until "
                "they have, or cancel it, and try again."
            )


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
