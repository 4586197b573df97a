"""The privacy notice and the accessibility statement: short, honest pages made from what this installation does."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.web import notice, site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.pages import BRIEFLY

router = APIRouter()


@router.get("/privacy")
def privacy_page(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    return _page("privacy.html", request, runtime, pages)


@router.get("/accessibility")
def accessibility_page(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    return _page("accessibility.html", request, runtime, pages)


def _page(template: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(request, template, site.current(session), cache=BRIEFLY, notice=notice.read(session, runtime))
