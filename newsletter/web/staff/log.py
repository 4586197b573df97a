"""The audit log, for the data protection officer: who did what and when, and whether anybody has touched it."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.staff import accounts, audit
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff.guard import TheDpo

router = APIRouter()

ON_A_PAGE = 50


@router.get("/staff/log")
def log_page(
    request: Request, officer: TheDpo, runtime: TheRuntime, pages: ThePages, before: str = "", check: str = ""
) -> Response:
    before_number = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    with runtime.db.reading() as session:
        entries = audit.newest(session, before=before_number, limit=ON_A_PAGE + 1)
        shown = entries[:ON_A_PAGE]
        return pages.show(
            request,
            "staff/log.html",
            site.current(session),
            officer=officer,
            entries=shown,
            names=accounts.names_of(session, (entry.staff_id for entry in shown)),
            older=shown[-1].number if len(entries) > ON_A_PAGE else None,
            is_checked=bool(check),
            broken=audit.first_broken(session, runtime.crypto) if check else None,
        )
