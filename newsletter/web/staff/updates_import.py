"""Bringing in a pasted document: what is found in it is shown first, and becomes drafts when somebody says so.

The text goes from the first page to the second in the form and is split again there: nothing is kept meanwhile.
"""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import bringing_in, documents, partners, saved_drafts
from newsletter.content.bringing_in import Chosen, ForWhom
from newsletter.content.dates import london_date
from newsletter.content.documents import MOST_CHARACTERS, MOST_PIECES, Piece
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import asked, site, typed_dates
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel
from newsletter.web.limits import LargerBody
from newsletter.web.pages import Pages
from newsletter.web.staff import uploads
from newsletter.web.staff.guard import TheAuthor

router = APIRouter()

IMPORT = "/staff/updates/import"
SAID = {
    "drafts": "The drafts are made. Nobody else sees them before you have finished them.",
    "none": "These drafts were made before. You find them below.",
    "none-of-feed": "Nothing new was made: these are drafts of somebody already, or are no longer in the feed.",
}
#: Three answers for each piece, and what stands at the top.
_MOST_FIELDS = 3 * MOST_PIECES + 10
#: Somewhat more text than can be used, each letter written as %F0%9F%98%80, so that the page can say so.
_MOST_BYTES = 4 * 12 * MOST_CHARACTERS
_FORM_KEY = re.compile(r"[A-Za-z0-9_-]{10,40}")

#: What can be said of whom something is for, in the words of the page.
FOR_WHOM = (
    (ForWhom.BOTH, "Parents and professionals"),
    (ForWhom.PARENTS, "Parents"),
    (ForWhom.PROFESSIONALS, "Professionals"),
    (ForWhom.NOBODY, "Leave it out"),
)


async def _long_form(request: Request) -> dict[str, str]:
    return await asked.form_of(request, max_fields=_MOST_FIELDS, max_field_bytes=_MOST_BYTES)


TheLongForm = Annotated[dict[str, str], Depends(_long_form)]


def larger_bodies(runtime: Runtime) -> dict[str, LargerBody]:
    """How much authors may send to these pages."""

    def may_send(request: Request) -> bool:
        return uploads.may_send(runtime, request, StaffRole.AUTHOR, StaffRole.ADMIN)

    return {path: LargerBody(_MOST_BYTES + 64 * 1024, may_send) for path in (IMPORT, f"{IMPORT}/drafts")}


@router.get(IMPORT)
def paste_page(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    with runtime.db.reading() as session:
        return _paste(request, pages, session, officer, Bound(), said=SAID.get(said))


@router.post(IMPORT)
def found_page(
    request: Request, officer: TheAuthor, typed: TheLongForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    """Show what is in the text. Nothing is kept."""
    with runtime.db.reading() as session:
        try:
            pieces = documents.split(typed.get("text", ""))
        except InvalidInput as problem:
            form: Bound[FormModel] = Bound({"text": typed.get("text", "")}, errors={"text": str(problem)})
            return _paste(request, pages, session, officer, form, status=422)
        first = {"form_key": saved_drafts.new_key(), "text": typed["text"]}
        first |= {f"for-{number}": _usual(piece, pieces) for number, piece in enumerate(pieces)}
        return _found(request, pages, session, officer, runtime, pieces, Bound(first))


@router.post(f"{IMPORT}/drafts")
def make_drafts(
    request: Request, officer: TheAuthor, typed: TheLongForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    """Make drafts of the pieces that are for somebody."""
    now = runtime.clock.now()
    form: Bound[FormModel] = Bound(typed)
    pieces: list[Piece] = []
    try:
        pieces = documents.split(typed.get("text", ""))
        today = typed_dates.as_typed(london_date(now))
        chosen = [(piece, _choice(typed, number, today)) for number, piece in enumerate(pieces)]
        if all(choice.for_whom is ForWhom.NOBODY for _, choice in chosen):
            raise InvalidInput("Say for at least one piece whom it is for", field="for-0")
        with runtime.db.transaction() as session:
            made = bringing_in.of_document(session, chosen, form_key=_form_key(typed), staff_id=officer.id, now=now)
            if made:
                audit.note(
                    session,
                    runtime.crypto,
                    "bring in updates",
                    staff_id=officer.id,
                    about="a pasted document",
                    detail=f"{made} drafts of {len(pieces)} pieces",
                    now=now,
                )
        return RedirectResponse(f"{IMPORT}?said={'drafts' if made else 'none'}", status_code=303)
    except InvalidInput as problem:
        form.errors = {problem.field or ("for-0" if pieces else "text"): str(problem).rstrip(".")}
    with runtime.db.reading() as session:
        if not pieces:
            return _paste(request, pages, session, officer, form, status=422)
        return _found(request, pages, session, officer, runtime, pieces, form, status=422)


def number_of(typed: dict[str, str], name: str) -> int:
    """An id that was chosen from a list; 0 for none."""
    text = typed.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0


def for_whom_of(text: str) -> ForWhom:
    """Whom something is for; nobody, unless it was said."""
    return ForWhom(text) if text in ForWhom.__members__.values() else ForWhom.NOBODY


def lists_of(session: Session, runtime: Runtime) -> dict[str, list[dict[str, str]]]:
    """The organisations and priority areas of today, as a select has them."""
    today = london_date(runtime.clock.now())
    return {
        "partners": [{"value": str(row.id), "text": row.name} for row in partners.partners(session, today)],
        "areas": [
            {"value": str(row.id), "text": f"{row.number}. {row.name}"}
            for row in partners.priority_areas(session, today)
        ],
    }


def _usual(piece: Piece, pieces: list[Piece]) -> str:
    """Greetings before the first heading, and headings without a text, are seldom news."""
    is_news = piece.text and (piece.title or len(pieces) == 1)
    return ForWhom.BOTH if is_news else ForWhom.NOBODY


def _choice(typed: dict[str, str], number: int, today: str) -> Chosen:
    return Chosen(
        for_whom_of(typed.get(f"for-{number}", "")),
        number_of(typed, f"partner-{number}") or number_of(typed, "partner"),
        number_of(typed, f"area-{number}") or number_of(typed, "area"),
        today,
    )


def _form_key(typed: dict[str, str]) -> str:
    key = typed.get("form_key", "")
    return key if _FORM_KEY.fullmatch(key) else saved_drafts.new_key()


def _paste(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    form: Bound[FormModel],
    *,
    said: str | None = None,
    status: int = 200,
) -> Response:
    return pages.show(
        request,
        "staff/updates-import.html",
        site.current(session),
        status=status,
        officer=officer,
        form=form,
        said=said,
        drafts=bringing_in.brought_in(session, officer.id),
        title_of=saved_drafts.title,
        document=bringing_in.DOCUMENT,
    )


def _found(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    runtime: Runtime,
    pieces: list[Piece],
    form: Bound[FormModel],
    *,
    status: int = 200,
) -> Response:
    return pages.show(
        request,
        "staff/updates-import-found.html",
        site.current(session),
        status=status,
        officer=officer,
        form=form,
        pieces=pieces,
        for_whom=FOR_WHOM,
        lists=lists_of(session, runtime),
    )
