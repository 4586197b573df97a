"""Answers in "You said, we did", written by staff: add one, also to a theme of feedback, change it, and say which
themes it answers.

What is saved by somebody else meanwhile is never overwritten unseen (`settings.sheets`).
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import responses
from newsletter.content.dates import london_date
from newsletter.content.models import Response as Answer
from newsletter.content.responses import ResponseDraft
from newsletter.core.errors import NotFound, WrongState
from newsletter.core.runtime import Runtime
from newsletter.editions import publishing, used_in
from newsletter.feedback import gathering, themes
from newsletter.feedback.models import Theme
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff import picking, writing_scope
from newsletter.web.staff.answer_sheet import SHEET
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id
from newsletter.web.staff.settings.sheets import Outcome

router = APIRouter()

PATH = "/staff/answers"
BACK = (PATH, "All answers")
#: Texts of a theme that stand beside the form of its answer; all are on the page of feedback.
MOST_TEXTS = 20
SAID = {
    "added": "The answer was added.",
    "saved": "The answer was saved.",
    "saved-reopened": (
        "The answer was saved. An edition with it that was waiting or approved is a draft again, so that it is "
        "approved with the new words."
    ),
    "theme": "Noted: this answers the theme.",
    "no-theme": "The theme waits for an answer again.",
}


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, theme: str = "") -> Response:
    today = london_date(runtime.clock.now())
    first: dict[str, Any] = {"from_date": today}
    with runtime.db.reading() as session:
        if theme:
            first = first | _gathered(session, _number(theme))
        return _form(request, pages, session, runtime, officer, outcome=Outcome(filling.showing(first)))


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        try:
            theme = _theme(session, typed)
        except WrongState as error:
            outcome = _without_theme(typed, f"{error} Or save yours beside it, which answers no theme yet")
            return _form(request, pages, session, runtime, officer, outcome=outcome)
        made: list[Answer] = []

        def keep(draft: ResponseDraft) -> None:
            writing_scope.check(session, officer, draft)
            made.append(responses.write(session, draft, now=now, author_id=officer.id))

        outcome = sheets.save(session, SHEET, None, typed, keep)
        if outcome.status:
            return _form(request, pages, session, runtime, officer, outcome=outcome)
        answer_id = made[0].id or 0
        detail = ""
        if theme is not None:
            themes.answer(session, theme.name, answer_id)
            detail = f"answers theme {theme.id}"
        _note(session, runtime, officer, "add answer", answer_id, detail)
        return sheets.redirect(f"{PATH}/{answer_id}", "added")


@router.get(PATH + "/{answer_id:int}")
def one_answer(
    answer_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        answer = responses.by_id(session, answer_id)
        return _form(request, pages, session, runtime, officer, answer, said=SAID.get(said))


@router.post(PATH + "/{answer_id:int}")
def save(
    answer_id: Id, request: Request, typed: TheForm, officer: TheAuthor, runtime: TheRuntime, pages: ThePages
) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        answer = responses.by_id(session, answer_id)

        def keep(draft: ResponseDraft) -> None:
            writing_scope.check(session, officer, answer, draft)
            # Whoever changed nothing is no author of it, and may still approve an edition with it.
            if SHEET.changed(SHEET.stored(answer), draft):
                responses.edit(session, answer_id, draft, now=now, editor_id=officer.id)

        outcome = sheets.save(session, SHEET, answer, typed, keep)
        if outcome.status:
            return _form(request, pages, session, runtime, officer, answer, outcome=outcome)
        if not outcome.changed:
            return sheets.redirect(f"{PATH}/{answer_id}", "saved")
        reopened = publishing.reopen_editions_with_response(session, answer_id, now=now, staff_id=officer.id)
        _note(session, runtime, officer, "change answer", answer_id, ", ".join(outcome.changed))
    return sheets.redirect(f"{PATH}/{answer_id}", "saved-reopened" if reopened else "saved")


@router.post(PATH + "/{answer_id:int}/themes")
def answers_theme(answer_id: Id, typed: TheForm, officer: TheAuthor, runtime: TheRuntime) -> Response:
    """Say that it answers a theme of feedback."""
    with runtime.db.transaction() as session:
        writing_scope.check(session, officer, responses.by_id(session, answer_id))
        theme = _theme(session, typed)
        if theme is None:
            raise NotFound("Choose a theme first.")
        themes.answer(session, theme.name, answer_id)
        _note(session, runtime, officer, "answer theme", answer_id, f"theme {theme.id}")
    return sheets.redirect(f"{PATH}/{answer_id}", "theme")


@router.post(PATH + "/{answer_id:int}/themes/{theme_id:int}/remove")
def no_answer(answer_id: Id, theme_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    """Say that it does not answer a theme after all. Repeatable."""
    with runtime.db.transaction() as session:
        writing_scope.check(session, officer, responses.by_id(session, answer_id))
        if themes.open_again(session, theme_id, answer_id):
            _note(session, runtime, officer, "take answer off theme", answer_id, f"theme {theme_id}")
    return sheets.redirect(f"{PATH}/{answer_id}", "no-theme")


def _theme(session: Session, typed: Mapping[str, str]) -> Theme | None:
    """The theme that the form names; None when it names none. Raises `NotFound`, `WrongState` (it has an answer)."""
    text = typed.get("theme_id", "").strip()
    if not text:
        return None
    theme = themes.by_id(session, _number(text))
    session.refresh(theme, with_for_update={"key_share": True})
    if theme.response_id is not None:
        raise WrongState(f"Somebody has answered “{theme.name}” meanwhile. Look at their answer first.")
    return theme


def _without_theme(typed: Mapping[str, str], problem: str) -> Outcome:
    """The form with what was typed, when somebody else answered its theme meanwhile."""
    form, _ = SHEET.fill(typed)
    form.typed = {**form.typed, "theme_id": ""}
    form.errors = {"theme": problem}
    return Outcome(form, 409)


def _gathered(session: Session, theme_id: int) -> dict[str, Any]:
    """What the form for an answer to a theme begins with."""
    found = gathering.one(session, theme_id)
    return {
        "theme_id": theme_id,
        "theme": found.theme,
        "people": found.number or None,
        "period_from": found.first,
        "period_until": found.last,
        "priority_area_id": gathering.area_of(session, theme_id),
    }


def _number(text: str) -> int:
    """Raises `NotFound` for what is no number."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound("There is no such theme.")
    return int(text)


def _form(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    answer: Answer | None = None,
    *,
    outcome: Outcome | None = None,
    said: str | None = None,
) -> Response:
    today = london_date(runtime.clock.now())
    if outcome is None:
        stored = SHEET.stored(answer)
        outcome = Outcome(filling.showing(stored), shown=filling.mark(stored))
    partner, area = outcome.form.get("partner_id"), outcome.form.get("priority_area_id")
    answer_id = answer.id or 0 if answer else 0
    theme = outcome.form.get("theme_id") if answer is None else ""
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title=answer.theme if answer else "Add an answer",
        back=BACK,
        row=answer,
        outcome=outcome,
        template="staff/answer-form.html",
        said=said,
        answer=answer,
        is_overdue=answer is not None and responses.is_overdue(answer, today),
        is_public=answer is not None and answer.from_date <= today,
        may_write=answer is None or writing_scope.may_write(writing_scope.audiences_of(session, officer), answer),
        button="Save" if answer else "Add the answer",
        picks=picking.picks(session, today, partner=partner, area=area),
        uses=picking.uses(session, officer, used_in.responses(session, [answer_id])).get(answer_id, []),
        saved_by=picking.saved_by(session, answer) if answer else None,
        texts=gathering.texts(session, _number(theme), limit=MOST_TEXTS) if theme else [],
        themes=themes.answered_by(session, answer_id) if answer else [],
        waiting=themes.unanswered(session) if answer else [],
    )


def _note(session: Session, runtime: Runtime, officer: Officer, action: str, answer_id: int, detail: str = "") -> None:
    about, now = f"answer {answer_id}", runtime.clock.now()
    audit.note(session, runtime.crypto, action, staff_id=officer.id, about=about, detail=detail, now=now)
