"""The gate before approval: what has to be mended, what wants mending or a reason, and where each of it stands."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core import loops
from newsletter.core.errors import InvalidInput, NotFound, RenderError, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import preview
from newsletter.editions import gate, links, opening_links
from newsletter.editions.checks import Finding
from newsletter.editions.models import Edition
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff import composing, one_edition
from newsletter.web.staff.edition_states import standing
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.one_edition import TheReader

router = APIRouter()

SAID = {"reason": "Your reason was saved.", "links": "The links were opened."}


@router.get("/staff/editions/{edition_id:int}/check")
def check(edition_id: int, request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        said = SAID.get(request.query_params.get("said", ""))
        return _page(request, session, runtime, pages, officer, edition_id, said=said)


@router.post("/staff/editions/{edition_id:int}/check")
def give_reason(
    edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheForm
) -> Response:
    """Say why one warning may stay."""
    key, now = typed.get("finding", ""), runtime.clock.now()
    problem, status = "", 422
    try:
        with runtime.db.transaction() as session:
            edition, _ = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
            _refuse_when_agreed(edition)
            found = _look(session, runtime, edition)
            gate.give_reason(session, edition, found, key, typed.get("reason", ""), now=now, staff_id=officer.id)
            composing.note_change(session, runtime, officer, edition_id, "reason for a warning")
        return RedirectResponse(f"/staff/editions/{edition_id}/check?said=reason#warnings", status_code=303)
    except WrongState as error:
        problem, status = str(error), 409
    except (InvalidInput, RenderError) as error:
        problem = str(error)
    except NotFound as error:
        problem, status = str(error), 404
    with runtime.db.reading() as session:
        one_edition.find(session, officer, edition_id, *one_edition.READERS)
        return _page(request, session, runtime, pages, officer, edition_id, status=status, problem=problem, typed=typed)


@router.post("/staff/editions/{edition_id:int}/check/links")
def open_links(edition_id: int, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    """Open every link of the edition and keep what came of it. No session is open meanwhile."""
    with runtime.db.reading() as session:
        edition, _ = one_edition.find(session, officer, edition_id, *one_edition.WRITERS)
        if edition.state not in one_edition.OPEN:
            return _page(request, session, runtime, pages, officer, edition_id, status=409, problem=_AGREED)
        try:
            urls = links.targets(_look(session, runtime, edition).mail)
        except (InvalidInput, NotFound, RenderError) as error:
            return _page(request, session, runtime, pages, officer, edition_id, status=422, problem=str(error))
    problems = loops.run(opening_links.open_all(urls))
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        links.keep(session, problems, now=now)
        links.forget(session, now=now)
        composing.note_change(session, runtime, officer, edition_id, f"opened {len(problems)} links")
    return RedirectResponse(f"/staff/editions/{edition_id}/check?said=links#links", status_code=303)


_AGREED = "This edition has gone out or was given up. What was found in it stays as it is."


def _refuse_when_agreed(edition: Edition) -> None:
    if edition.state not in one_edition.OPEN:
        raise WrongState(_AGREED)


def _look(session: Session, runtime: Runtime, edition: Edition) -> gate.Gate:
    now = runtime.clock.now()
    head = preview.letterhead(session, runtime, edition)
    return gate.look(session, edition, head, on=london_date(now), now=now)


def _page(
    request: Request,
    session: Session,
    runtime: Runtime,
    pages: Pages,
    officer: Officer,
    edition_id: int,
    *,
    status: int = 200,
    said: str | None = None,
    problem: str | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    edition, mailing_list = one_edition.find(session, officer, edition_id, *one_edition.READERS)
    found, broken = None, ""
    if edition.state in one_edition.OPEN:
        try:
            found = _look(session, runtime, edition)
        except (InvalidInput, NotFound, RenderError) as error:
            broken = str(error)
    now_found = {judged.finding.key for judged in found.warnings} if found else set()
    return pages.show(
        request,
        "staff/edition-check.html",
        site.current(session),
        status=status,
        officer=officer,
        said=said,
        problem=problem,
        edition=edition,
        list=mailing_list,
        standing=standing(edition),
        gate=found,
        broken=broken,
        links=len(links.targets(found.mail)) if found else 0,
        may_answer=one_edition.may_change(officer, edition) and found is not None,
        place_of=_place,
        earlier=[reason for reason in gate.reasons_of(session, edition_id) if reason.finding_key not in now_found],
        typed=typed or {},
    )


def _place(edition: Edition, finding: Finding) -> tuple[str, str]:
    """The words and the address of where a thing was found."""
    here, where = f"/staff/editions/{edition.id}", finding.where
    kind, _, number = where.partition("-")
    match kind:
        case "subject" | "preheader" | "introduction":
            return "Change the first words", f"{here}/words#{where}"
        case "update" if number:
            return "Go to the update", f"{here}#{where}"
        case "event" if number:
            return "Go to the date", f"{here}#{where}"
        case "response" if number:
            return "Go to the answer", f"{here}#{where}"
        case "help":
            return "Change where to get help", "/staff/settings"
    return "Go to the edition", here
