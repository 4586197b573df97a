"""The glossary: words and acronyms, what they stand for, and since when."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import glossary
from newsletter.content.dates import london_date
from newsletter.content.glossary import TermDraft
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id, everywhere
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet

router = APIRouter()

PATH = "/staff/settings/glossary"
BACK = (PATH, "The glossary")
SAID = {"added": "The term was added.", "saved": "The term was saved."}
SHEET = Sheet(
    TermDraft,
    (
        Field("term", "Word or acronym", "For example, EHCP"),
        Field("expansion", "What the acronym stands for (optional)", "Editions write it out at its first use"),
        Field("explanation", "What it means", "One or two plain sentences", "text"),
        Field("from_date", "First day in use", "For example, 27/3/2027", "day"),
        Field("until_date", "Last day in use (optional)", "Leave this empty while the word is in use", "day"),
    ),
)


@router.get(PATH)
def glossary_page(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/settings/glossary.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            paged=page_of(glossary.all_terms(session), page),
            today=london_date(runtime.clock.now()),
        )


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        form = filling.showing({"from_date": london_date(runtime.clock.now())})
        return sheets.page(request, pages, session, officer, SHEET, title="Add a term", back=BACK, form=form)


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        outcome = sheets.save(session, SHEET, None, typed, lambda draft: glossary.write(session, draft))
        if outcome.status:
            return sheets.page(request, pages, session, officer, SHEET, title="Add a term", back=BACK, outcome=outcome)
        now, term = runtime.clock.now(), outcome.form.get("term")
        audit.note(session, runtime.crypto, "add term", staff_id=officer.id, detail=term, now=now)
    return sheets.redirect(PATH, "added")


@router.get(PATH + "/{term_id}")
def term_page(term_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, term_id)


@router.post(PATH + "/{term_id}")
def save(
    term_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        row = glossary.by_id(session, term_id)
        outcome = sheets.save(session, SHEET, row, typed, lambda draft: glossary.edit(session, term_id, draft))
        if outcome.status:
            return _page(request, pages, session, officer, term_id, outcome)
        audit.note(
            session,
            runtime.crypto,
            "change term",
            staff_id=officer.id,
            about=f"term {term_id}",
            detail=", ".join(outcome.changed),
            now=runtime.clock.now(),
        )
    return sheets.redirect(PATH, "saved")


def _page(
    request: Request, pages: Pages, session: Session, officer: Officer, term_id: int, outcome: Outcome | None = None
) -> Response:
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title="Change a term",
        back=BACK,
        row=glossary.by_id(session, term_id),
        outcome=outcome,
        lead="To take a word out of use, give it a last day. Editions that were approved keep their words.",
    )
