"""Why a mailing list may write to people (UK GDPR, article 6): the data protection officer decides it (REQ-31)."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheDpo
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import Id, of_list
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet
from subscribers import list_settings, lists

router = APIRouter()

PATH = "/staff/settings/bases"
SAID = {"saved": "The lawful basis was saved. The privacy notice says it from now on."}


class BasisDraft(BaseModel):
    """What a person chose."""

    model_config = ConfigDict(extra="forbid")

    lawful_basis: str


SHEET = Sheet(
    BasisDraft,
    (
        Field(
            "lawful_basis",
            "Why may this list write to people?",
            "Whoever objects is taken off the list either way",
            "choice",
            (
                ("consent", "Consent", "People said yes. The wording of the sign-up form is the evidence"),
                ("public task", "Public task", "It is part of the council’s work for the public by law"),
            ),
        ),
    ),
)


@router.get(PATH)
def bases_page(request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, said: str = "") -> Response:
    with runtime.db.reading() as session:
        theirs = [one for one in lists.all_lists(session) if officer.has(StaffRole.DPO, mailing_list_id=one.id)]
        return pages.show(
            request,
            "staff/settings/bases.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            lists=theirs,
        )


@router.get(PATH + "/{list_id}")
def basis_page(list_id: Id, request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages) -> Response:
    of_list(officer, list_id, StaffRole.DPO)
    with runtime.db.reading() as session:
        return _page(request, pages, session, officer, list_id)


@router.post(PATH + "/{list_id}")
def save(
    list_id: Id, request: Request, typed: TheForm, officer: TheDpo, runtime: TheRuntime, pages: ThePages
) -> Response:
    of_list(officer, list_id, StaffRole.DPO)
    with runtime.db.transaction() as session:
        row = lists.by_id(session, list_id)
        before = row.lawful_basis
        outcome = sheets.save(
            session,
            SHEET,
            row,
            typed,
            lambda draft: list_settings.change_basis(session, list_id, draft.lawful_basis),
        )
        if outcome.status:
            return _page(request, pages, session, officer, list_id, outcome)
        audit.note(
            session,
            runtime.crypto,
            "change lawful basis",
            staff_id=officer.id,
            about=f"mailing list {list_id}",
            detail=f"{before} to {row.lawful_basis}",
            now=runtime.clock.now(),
        )
    return sheets.redirect(PATH, "saved")


def _page(
    request: Request, pages: Pages, session: Session, officer: Officer, list_id: int, outcome: Outcome | None = None
) -> Response:
    row = lists.by_id(session, list_id)
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title=f"Lawful basis: {row.name}",
        back=(PATH, "Lawful bases"),
        row=row,
        outcome=outcome,
        lead="Change it only after you have written down why. The privacy notice says it from then on.",
    )
