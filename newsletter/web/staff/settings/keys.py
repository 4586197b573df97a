"""Keys by which other programs use the API: listed, made and shown once, taken back."""

from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content.dates import LONDON, in_words, london_date
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.staff import audit, keys
from newsletter.staff.models import ApiKey, KeyScope
from newsletter.staff.sessions import Officer
from newsletter.web import site, typed_dates
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import everywhere
from newsletter.web.staff.settings.filling import SHOWN, Form

router = APIRouter()

PATH = "/staff/settings/keys"
BACK = (PATH, "All keys")
SAID = {"revoked": "The key no longer works."}
SCOPES: dict[KeyScope, tuple[str, str]] = {
    KeyScope.SUBSCRIBE: ("Sign people up", "They are still asked to confirm by email"),
    KeyScope.UPDATES_READ: ("Read updates", "Drafts too, not only what readers can see"),
    KeyScope.UPDATES_WRITE: ("Write updates", "As you: they carry your name, and somebody else approves them"),
}

Prefix = Annotated[str, Path(max_length=16, pattern=r"^[a-z0-9]+$")]


@router.get(PATH)
def keys_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
) -> Response:
    everywhere(officer)
    now = runtime.clock.now()
    with runtime.db.reading() as session:
        known = sorted(keys.all_keys(session), key=lambda key: (standing(key, now)[0] != "Works", -(key.id or 0)))
        paged = page_of(known, page)
        return pages.show(
            request,
            "staff/settings/keys.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            paged=paged,
            shown=[(key, *standing(key, now)) for key in paged.rows],
            may={key.id: [SCOPES[scope][0].lower() for scope in sorted(keys.scopes_of(key))] for key in paged.rows},
        )


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _form_page(request, pages, session, officer, Bound[FormModel]())


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    """The one form that answers with a page instead of leading to one: what it shows is kept nowhere. Loading that
    page again makes no second key, because the form is good once."""
    everywhere(officer)
    now = runtime.clock.now()
    names = ("name", *(f"may-{scope.name.lower()}" for scope in KeyScope), "last_day")
    form: Form = Bound({name: typed.get(name, "").strip() for name in names})
    scopes = [scope for scope in KeyScope if form.get(f"may-{scope.name.lower()}") == "yes"]
    expires_at: datetime | None = None
    if form.get("last_day"):
        try:
            last_day = typed_dates.day(form.get("last_day"))
            expires_at = datetime.combine(last_day + timedelta(days=1), time(), LONDON)
        except ValueError:
            form.errors["last_day"] = "The last day must be a real date, like 27/3/2027"
    if not form.get("name"):
        form.errors["name"] = "Enter the name of the program that uses the key"
    if not scopes:
        form.errors["may"] = "Select what the program may do"
    with runtime.db.transaction() as session:
        if typed.get(SHOWN, "") != _mark(session):
            form.errors = {
                "name": "A key was made or taken back meanwhile. Look at the list, then press the button again"
            }
            return _form_page(request, pages, session, officer, form, status=409)
        if form.errors:
            return _form_page(request, pages, session, officer, form, status=422)
        try:
            text = keys.add(
                session,
                runtime.crypto,
                form.get("name"),
                scopes=scopes,
                staff_id=officer.id,
                expires_at=expires_at,
                now=now,
            )
        except InvalidInput as problem:
            form.errors = {{"expires": "last_day"}.get(problem.field or "", problem.field or "name"): str(problem)}
            return _form_page(request, pages, session, officer, form, status=422)
        prefix = text.split("_")[1]
        detail = f"{form.get('name')}: {' '.join(sorted(scopes))}"
        audit.note(
            session, runtime.crypto, "add key", staff_id=officer.id, about=f"key {prefix}", detail=detail, now=now
        )
        return pages.show(
            request,
            "staff/settings/key-made.html",
            site.current(session),
            officer=officer,
            key=text,
            name=form.get("name"),
        )


@router.get(PATH + "/{prefix}/revoke")
def revoke_page(prefix: Prefix, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        key = next((one for one in keys.all_keys(session) if one.prefix == prefix), None)
        if key is None:
            raise NotFound("There is no such key.")
        used = f"It was last used on {in_words(key.last_used_on)}." if key.last_used_on else "It was never used."
        return pages.show(
            request,
            "staff/settings/sure.html",
            site.current(session),
            officer=officer,
            back=BACK,
            title=f"Take back the key of “{key.name}”?",
            facts=[used],
            consequence="The program that uses it stops working at once. To let it in again you would make a new key.",
            button="Take the key back",
        )


@router.post(PATH + "/{prefix}/revoke")
def revoke(prefix: Prefix, officer: TheAdmin, runtime: TheRuntime) -> Response:
    everywhere(officer)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        key = keys.revoke(session, prefix, now=now)
        audit.note(
            session,
            runtime.crypto,
            "revoke key",
            staff_id=officer.id,
            about=f"key {key.prefix}",
            detail=key.name,
            now=now,
        )
    return sheets.redirect(PATH, "revoked")


def standing(key: ApiKey, now: datetime) -> tuple[str, str]:
    """Whether a key works, in one word, and until when."""
    if key.revoked_at is not None:
        return "Taken back", f"on {in_words(london_date(key.revoked_at))}"
    if key.expires_at is None:
        return "Works", ""
    last_day = in_words(london_date(key.expires_at - timedelta(seconds=1)))
    return ("Expired", f"after {last_day}") if key.expires_at <= now else ("Works", f"until {last_day}")


def _mark(session: Session) -> str:
    known: dict[str, Any] = {key.prefix: str(key.revoked_at) for key in keys.all_keys(session)}
    return filling.mark(known)


def _form_page(
    request: Request, pages: Pages, session: Session, officer: Officer, form: Form, *, status: int = 200
) -> Response:
    return pages.show(
        request,
        "staff/settings/key-new.html",
        site.current(session),
        status=status,
        officer=officer,
        form=form,
        scopes=[(f"may-{scope.name.lower()}", *words) for scope, words in SCOPES.items()],
        shown=_mark(session),
    )
