"""Archiving an update, bringing it back, and deleting one that no edition ever had."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import updates
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.editions import where_used
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff import writing_scope
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.settings.allowed import Id

router = APIRouter()


@router.post("/staff/updates/{update_id:int}/archive")
def archive(update_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        writing_scope.check(session, officer, updates.by_id(session, update_id))
        updates.archive(session, update_id, now=runtime.clock.now())
        _note(session, runtime, officer, "archive update", update_id)
    return RedirectResponse(f"/staff/updates/{update_id}?said=archived", status_code=303)


@router.post("/staff/updates/{update_id:int}/bring-back")
def bring_back(update_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        writing_scope.check(session, officer, updates.by_id(session, update_id))
        updates.bring_back(session, update_id)
        _note(session, runtime, officer, "bring update back", update_id)
    return RedirectResponse(f"/staff/updates/{update_id}?said=brought-back", status_code=303)


@router.get("/staff/updates/{update_id:int}/delete")
def ask(update_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        update = updates.by_id(session, update_id)
        writing_scope.check(session, officer, update)
        if not where_used.may_be_deleted(session, update_id):
            raise WrongState("This update stands in an edition, or was in one, so it cannot be deleted. Archive it.")
        return pages.show(
            request,
            "staff/settings/sure.html",
            site.current(session),
            officer=officer,
            title="Delete this update?",
            facts=[update.parent_title or update.professional_title],
            consequence="Both its wordings are then gone and cannot be had back. If it may be news again one day, "
            "archive it instead.",
            button="Delete it",
            back=(f"/staff/updates/{update_id}", "The update"),
        )


@router.post("/staff/updates/{update_id:int}/delete")
def delete(update_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        writing_scope.check(session, officer, updates.by_id(session, update_id))
        where_used.delete(session, update_id)
        _note(session, runtime, officer, "delete update", update_id)
    return RedirectResponse("/staff/updates?said=deleted", status_code=303)


def _note(session: Session, runtime: Runtime, officer: Officer, action: str, update_id: int) -> None:
    about, now = f"update {update_id}", runtime.clock.now()
    audit.note(session, runtime.crypto, action, staff_id=officer.id, about=about, now=now)
