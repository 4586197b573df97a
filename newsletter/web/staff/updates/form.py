"""Writing an update and changing one: one form for both wordings.

The form carries the revision it was made from. When somebody else saved meanwhile, nothing is overwritten: both texts
are shown (`changed`). Whatever happens to a save, what was typed is shown again or kept as a draft.
"""

from enum import StrEnum

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import saved_drafts, updates
from newsletter.content.dates import london_date
from newsletter.content.models import Update
from newsletter.content.updates import ChangedMeanwhile, UpdateDraft
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound
from newsletter.core.runtime import Runtime
from newsletter.editions import publishing
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff import one_edition, writing_scope
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.one_edition import TheReader
from newsletter.web.staff.settings import filling
from newsletter.web.staff.settings.allowed import Id
from newsletter.web.staff.settings.filling import Form
from newsletter.web.staff.updates import changed, drafts, fields
from newsletter.web.staff.updates.pages import may_write, show
from newsletter.web.staff.updates.sent import TheUpdateForm

router = APIRouter()

#: What `?said=` stands for.
SAID = {
    "written": "The update was saved.",
    "saved": "The update was saved.",
    "reopened": "The update was saved. An edition that has it is a draft again and has to be approved again.",
    "draft": "The draft was saved. Only you can see it.",
    "theirs": "Your draft was thrown away. This is the update as it is saved.",
    "thrown-away": "The draft was thrown away.",
    "archived": "The update was archived. It is offered to no edition until you bring it back.",
    "brought-back": "The update was brought back.",
    "gone": "Somebody deleted this update while you were writing. What you typed is here, as a draft of a new one.",
    "before": "This form was saved before, as this update. What you typed since is here as your draft. "
    "Save it to put it in place.",
}
#: The same as "gone", where nothing was kept.
_GONE = (
    "Somebody deleted this update while you were writing. What you typed is here, for a new one. Nothing is saved yet."
)


class Press(StrEnum):
    """The buttons of the form."""

    SAVE = "save"
    PREVIEW = "preview"  # without a script
    DRAFT = "draft"  # without a script
    GO_ON = "go on"  # with one's own text, after somebody else's was shown
    THEIRS = "theirs"


@router.get("/staff/updates/new")
def new(
    request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, draft: str = "", said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        if not draft:
            form, key = fields.first(london_date(runtime.clock.now())), saved_drafts.new_key()
            return show(
                request, session, runtime, pages, officer, form, revision=0, form_key=key, offers_drafts=True,
                said=SAID.get(said),
            )  # fmt: skip
        kept = drafts.find(session, officer, draft)
        if kept.update_id is not None:
            return RedirectResponse(f"/staff/updates/{kept.update_id}", status_code=303)
        form = fields.as_typed(kept.typed)
        return show(
            request, session, runtime, pages, officer, form, revision=0, form_key=kept.form_key, draft=kept,
            said=SAID.get(said),
        )  # fmt: skip


@router.post("/staff/updates/new")
def write(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheUpdateForm) -> Response:
    key, press = drafts.form_key(typed), _press(typed)
    if press is Press.PREVIEW:
        return _again(request, runtime, pages, officer, fields.as_typed(typed), key)
    if press is not Press.SAVE:
        return _keep(request, runtime, pages, officer, typed, "draft")
    form, draft = fields.bind(typed)
    if draft is None:
        return _again(request, runtime, pages, officer, form, key, status=422)
    now = runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            writing_scope.check(session, officer, draft)
            update, is_new = updates.write_once(session, draft, author_id=officer.id, form_key=key, now=now)
            update_id, said = update.id, "written"
            saved_drafts.discard_of(session, staff_id=officer.id, form_key=key)
            if is_new:
                audit.note(
                    session, runtime.crypto, "write update", staff_id=officer.id, about=f"update {update_id}", now=now
                )
            elif filling.changed(fields.stored(update), draft.model_dump()):
                # They went back and typed on: that is a change of what the first save made.
                drafts.keep(session, officer, {**typed, "revision": "1"}, update_id=update_id, now=now)
                said = "before"
    except NotAllowed as problem:
        return _again(request, runtime, pages, officer, _refuse(runtime, officer, form, problem), key, status=403)
    except InvalidInput as problem:
        return _again(request, runtime, pages, officer, filling.refuse(form, problem), key, status=422)
    return RedirectResponse(f"/staff/updates/{update_id}?said={said}", status_code=303)


@router.get("/staff/updates/{update_id:int}")
def one(
    update_id: Id, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        update = updates.by_id(session, update_id)
        form, revision = fields.showing(update), update.revision
        writes = may_write(session, officer, update)
        draft = saved_drafts.of_update(session, update_id, staff_id=officer.id) if writes else None
        if draft is not None:
            typed = fields.as_typed(draft.typed)
            if typed.typed == form.typed:  # it says what is saved
                draft = None
            else:
                form, revision = typed, draft.revision
        return show(
            request, session, runtime, pages, officer, form,
            update=update, draft=draft, revision=revision, form_key=saved_drafts.new_key(), said=SAID.get(said),
        )  # fmt: skip


@router.post("/staff/updates/{update_id:int}")
def change(
    update_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheUpdateForm
) -> Response:
    press = _press(typed)
    if press is Press.PREVIEW:
        return _again(request, runtime, pages, officer, fields.as_typed(typed), "", typed, update_id)
    if press is Press.THEIRS:
        with runtime.db.transaction() as session:
            saved_drafts.discard_of(session, staff_id=officer.id, update_id=update_id)
        return RedirectResponse(f"/staff/updates/{update_id}?said=theirs", status_code=303)
    if press is not Press.SAVE:
        return _keep(request, runtime, pages, officer, typed, "draft", update_id)
    form, draft = fields.bind(typed)
    try:
        with runtime.db.transaction() as session:
            said = _save(session, runtime, officer, update_id, one_edition.revision(typed), draft)
    except ChangedMeanwhile:
        try:
            with runtime.db.transaction() as session:  # whatever is done next, it is not lost
                drafts.keep(session, officer, typed, update_id=update_id, now=runtime.clock.now())
        except InvalidInput as problem:
            return _refused(request, runtime, pages, officer, typed, problem, update_id)
        return changed.page(request, runtime, pages, officer, update_id, form)
    except NotAllowed as problem:
        form = _refuse(runtime, officer, form, problem)
        return _again(request, runtime, pages, officer, form, "", typed, update_id, status=403)
    except NotFound:
        return _keep(request, runtime, pages, officer, typed, "gone", update_id)
    except InvalidInput as problem:
        if draft is not None:
            form = filling.refuse(form, problem)
        return _again(request, runtime, pages, officer, form, "", typed, update_id, status=422)
    return RedirectResponse(f"/staff/updates/{update_id}?said={said}", status_code=303)


def _save(
    session: Session, runtime: Runtime, officer: Officer, update_id: int, revision: int, draft: UpdateDraft | None
) -> str:
    """Save the draft, unless the update is no longer what the form was made from; what to say."""
    update, now = updates.hold(session, update_id), runtime.clock.now()
    writing_scope.check(session, officer, update)
    if revision != update.revision:
        raise ChangedMeanwhile("This update was changed after you opened it, so yours was not saved.")
    if draft is None:
        raise InvalidInput("There is something to mend.")
    writing_scope.check(session, officer, draft)
    differing = filling.changed(fields.stored(update), draft.model_dump())
    saved_drafts.discard_of(session, staff_id=officer.id, update_id=update_id)
    if not differing:
        return "saved"
    updates.edit(session, update_id, draft, now=now, editor_id=officer.id, revision=revision)
    reopened = publishing.reopen_editions_with(session, update_id, now=now, staff_id=officer.id)
    audit.note(
        session,
        runtime.crypto,
        "change update",
        staff_id=officer.id,
        about=f"update {update_id}",
        detail=", ".join(differing),
        now=now,
    )
    return "reopened" if reopened else "saved"


def _keep(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    typed: dict[str, str],
    said: str,
    update_id: int | None = None,
) -> Response:
    """Keep what was typed, and lead to where it is gone on with; the form again when it is too much to keep."""
    try:
        with runtime.db.transaction() as session:
            draft = drafts.keep(session, officer, typed, update_id=update_id, now=runtime.clock.now())
    except InvalidInput as problem:
        return _refused(request, runtime, pages, officer, typed, problem, update_id)
    if draft is None:
        return RedirectResponse(f"/staff/updates/{update_id or 'new'}", status_code=303)
    place = f"{draft.update_id}?" if draft.update_id else f"new?draft={draft.id}&"
    return RedirectResponse(f"/staff/updates/{place}said={said}", status_code=303)


def _refused(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    typed: dict[str, str],
    problem: InvalidInput,
    update_id: int | None,
) -> Response:
    """The form as it was sent, with why it was not kept."""
    form, key = filling.refuse(fields.as_typed(typed), problem), drafts.form_key(typed)
    return _again(request, runtime, pages, officer, form, key, typed, update_id, status=422)


def _again(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    form: Form,
    key: str,
    typed: dict[str, str] | None = None,
    update_id: int | None = None,
    *,
    status: int = 200,
) -> Response:
    """The form as it was sent; that of a new update where somebody deleted the one it was for."""
    with runtime.db.reading() as session:
        update = session.get(Update, update_id) if update_id else None
        revision = one_edition.revision(typed or {}) if update else 0
        return show(
            request, session, runtime, pages, officer, form,
            update=update, revision=revision, form_key=key or saved_drafts.new_key(), status=status,
            said=_GONE if update_id and update is None else None,
        )  # fmt: skip


def _refuse(runtime: Runtime, officer: Officer, form: Form, problem: NotAllowed) -> Form:
    """The form, with the refusal at the wording that somebody may not write."""
    with runtime.db.reading() as session:
        allowed = writing_scope.audiences_of(session, officer)
    name = "professional_title" if Audience.PARENTS in allowed else "parent_title"
    return filling.refuse(form, InvalidInput(str(problem), field=name))


def _press(typed: dict[str, str]) -> Press:
    asked = typed.get("press", "")
    return Press(asked) if asked in {each.value for each in Press} else Press.SAVE
