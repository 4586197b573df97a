"""The first page of the studio: what waits for whom, and where everything is."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff.guard import TheOfficer
from newsletter.web.staff.waiting import waiting

router = APIRouter()


@router.get("/staff", include_in_schema=False)
def without_slash(officer: TheOfficer) -> Response:
    return RedirectResponse("/staff/", status_code=303)


@router.get("/staff/")
def start(request: Request, officer: TheOfficer, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/start.html",
            site.current(session),
            officer=officer,
            waiting=waiting(session, officer, now=runtime.clock.now()),
        )
