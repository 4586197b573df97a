"""A complaint about how personal data is used (Data Protection Act 2018, section 164A; REQ-34).

The answer is a page with a reference. Whoever has the reference sees when the complaint came and where it stands, and
nothing of what it says.
"""

from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.errors import TooMany
from newsletter.feedback import complaints
from newsletter.web import limiting, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind, words
from newsletter.web.pages import Pages
from newsletter.web.problems import retry_after

router = APIRouter()


class ComplaintForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"text": "Enter what went wrong"}

    text: Annotated[str, words("What went wrong", complaints.TEXT_LENGTH)]
    contact: Annotated[str, words("How we can answer you", complaints.CONTACT_LENGTH)] = ""


@router.get("/data-complaint")
def complaint_page(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return _form_page(request, pages, session, Bound())


@router.post("/data-complaint")
def complain(request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    bound = bind(ComplaintForm, form)
    if bound.value is None:
        with runtime.db.reading() as session:
            return _form_page(request, pages, session, bound, status=422)
    now = runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            limiting.check_network(session, runtime, request, "data complaint")
            row = complaints.take(
                session,
                runtime.crypto,
                text=bound.value.text,
                contact=bound.value.contact,
                now=now,
                today=london_date(now),
            )
    except TooMany as problem:
        bound.errors = {"text": limiting.sentence(problem)}
        with runtime.db.reading() as session:
            return _form_page(request, pages, session, bound, status=429, headers=retry_after(problem))
    return RedirectResponse(f"/data-complaint/received/{row.reference}", status_code=303)


@router.get("/data-complaint/received/{reference}")
def received_page(reference: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "data-complaint-received.html",
            site.current(session),
            complaint=complaints.find(session, reference),
        )


def _form_page(
    request: Request,
    pages: Pages,
    session: Session,
    bound: Bound[ComplaintForm],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    return pages.show(
        request,
        "data-complaint.html",
        site.current(session),
        status=status,
        headers=headers,
        form=bound,
        text_length=complaints.TEXT_LENGTH,
        acknowledge_days=complaints.ACKNOWLEDGE_WITHIN.days,
    )
