"""Copies to be posted on paper (REQ-90): which edition, in what format, to whom; and that it was done."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import col, select

from newsletter.core.errors import NotFound
from newsletter.editions.models import Edition
from newsletter.feedback import paper_copies
from newsletter.feedback.models import PaperCopy, PaperFormat
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff.guard import may
from newsletter.web.staff.people_scope import POSTERS, check_list, lists_of

router = APIRouter()

PAPER = "/staff/people/paper-copies"

ThePoster = Annotated[Officer, may(*POSTERS)]

SAID = {"posted": "Noted as posted. Name and address are deleted when their time is over."}

FORMATS = {
    PaperFormat.PAPER: "On paper",
    PaperFormat.LARGE_PRINT: "In large print",
    PaperFormat.EASY_READ: "In Easy Read",
}


@router.get(PAPER)
def paper_page(request: Request, officer: ThePoster, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    with runtime.db.reading() as session:
        allowed = lists_of(session, officer, *POSTERS)
        envelopes = paper_copies.to_post(session, runtime.crypto)
        ids = {each.edition_id for each in envelopes}
        editions = {
            edition.id: edition
            for edition in session.exec(select(Edition).where(col(Edition.id).in_(ids)))
            if edition.mailing_list_id in allowed
        }
        return pages.show(
            request,
            "staff/people-paper.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            envelopes=[each for each in envelopes if each.edition_id in editions],
            editions=editions,
            lists=allowed,
            formats=FORMATS,
        )


@router.post(PAPER + "/{paper_id:int}/done")
def done(paper_id: int, officer: ThePoster, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        row = session.get(PaperCopy, paper_id)
        if row is None:
            raise NotFound("There is no such request.")
        check_list(officer, session.get_one(Edition, row.edition_id).mailing_list_id, *POSTERS)
        paper_copies.done(session, paper_id, now=now)
        audit.note(
            session, runtime.crypto, "post paper copy", staff_id=officer.id, about=f"paper copy {paper_id}", now=now
        )
    return RedirectResponse(f"{PAPER}?said=posted", status_code=303)
