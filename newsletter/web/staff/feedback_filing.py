"""What readers told us, as staff read it: filed under themes, set aside or deleted; and the themes, which lead to an
answer.

Texts carry no contact details and no identity, but a name may stand in one. So only who writes and arranges reads
them, the log tells of numbers of rows and never of words, and counts below five are not said.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.core.texts import visible
from newsletter.feedback import gathering, masking, themes
from newsletter.feedback.models import FeedbackState
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel
from newsletter.web.pages import Pages
from newsletter.web.staff import feedback_words
from newsletter.web.staff.event_list import chosen
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.paging import pages_for
from newsletter.web.staff.settings.sheets import redirect

router = APIRouter()

PATH = "/staff/feedback"
#: Texts on one page. Each has a box of its own in the form, which may have 40 fields.
ROWS = 20

STATES = {
    FeedbackState.NEW: "Not filed yet",
    FeedbackState.FILED: "Filed under a theme",
    FeedbackState.SET_ASIDE: "Set aside",
}
SAID = {
    "filed": "Filed under the theme.",
    "aside": "Set aside. It is counted nowhere.",
    "deleted": "Deleted for good.",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of feedback as the page shows it."""

    id: int
    about: str  # where it came from, whom it is from and what it is about
    text: str
    theme: str


@router.get(PATH)
def feedback_page(
    request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, Bound(), said=SAID.get(said))


@router.post(PATH)
def file(request: Request, typed: TheForm, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    """Put the chosen texts under a theme, set them aside, or delete them once that is said twice."""
    ids, do = _ids(typed), typed.get("do")
    number = "1 text" if len(ids) == 1 else f"{len(ids)} texts"
    form: Bound[FormModel] = Bound(dict(typed))
    status = 422
    try:
        with runtime.db.transaction() as session:
            if not ids:
                raise InvalidInput("Choose what to file, to set aside or to delete", field="texts")
            if not gathering.still(session, ids, _state(request)):
                status = 409
                raise InvalidInput("Somebody else dealt with some of these meanwhile. Choose again", field="texts")
            if do == "delete":
                return _are_you_sure(request, pages, session, officer, ids)
            if do == "delete-for-good":
                themes.delete(session, ids)
                _note(session, runtime, officer, "delete feedback", number)
                said = "deleted"
            elif do == "aside":
                themes.set_aside(session, ids)
                _note(session, runtime, officer, "set feedback aside", number)
                said = "aside"
            else:
                theme = themes.file(session, ids, _theme_name(session, typed), now=runtime.clock.now())
                _note(session, runtime, officer, "file feedback", number, about=f"theme {theme.id}")
                said = "filed"
        return redirect(PATH, said)
    except InvalidInput as problem:
        form.errors = {problem.field or "texts": str(problem).rstrip(".")}
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, form, status=status)


def _are_you_sure(request: Request, pages: Pages, session: Session, officer: Officer, ids: list[int]) -> Response:
    return pages.show(
        request,
        "staff/feedback-delete.html",
        site.current(session),
        officer=officer,
        state=_state(request),
        texts=[(each, gathering.text(session, each).text) for each in sorted(set(ids))],
    )


def _theme_name(session: Session, typed: Mapping[str, str]) -> str:
    """The new theme that was typed, or else the one that was picked. Raises `InvalidInput`."""
    name = visible(typed.get("theme", ""))
    if name:
        if masking.found(name):
            raise InvalidInput("A theme is public: write it without contact details", field="theme")
        return name
    text = typed.get("theme_id", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput("Choose a theme, or write a new one", field="theme_id")
    try:
        return themes.by_id(session, int(text)).name
    except NotFound:
        raise InvalidInput("Choose a theme, or write a new one", field="theme_id") from None


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    officer: Officer,
    form: Bound[FormModel],
    *,
    status: int = 200,
    said: str | None = None,
) -> Response:
    asked, state = request.query_params, _state(request)
    total = gathering.count(session, state)
    number, last = pages_for(total, asked.get("page", "1"), size=ROWS)
    rows = gathering.page(session, state, number=number, size=ROWS)
    return pages.show(
        request,
        "staff/feedback.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        form=form,
        texts=[
            Text(row.id or 0, about, row.text or "", theme or "")
            for (row, theme), about in zip(rows, feedback_words.about(session, [row for row, _ in rows]), strict=True)
        ],
        themes=gathering.themes(session),
        state=state,
        states=STATES,
        total=total,
        number=number,
        last=last,
    )


def _state(request: Request) -> FeedbackState:
    """Which texts the page shows."""
    return chosen(FeedbackState, request.query_params.get("state")) or FeedbackState.NEW


def _ids(typed: Mapping[str, str]) -> list[int]:
    """The texts whose boxes were ticked."""
    numbers = [name.removeprefix("text-") for name in typed if name.startswith("text-")]
    return [int(each) for each in numbers if each.isascii() and each.isdecimal() and len(each) < 10]


def _note(session: Session, runtime: Runtime, officer: Officer, action: str, detail: str, *, about: str = "") -> None:
    now = runtime.clock.now()
    audit.note(session, runtime.crypto, action, staff_id=officer.id, about=about, detail=detail, now=now)
