"""Feedback by priority area: what is on somebody's mind, without asking who they are.

A text that seems to have contact details in it is asked about once; pressed again, it is kept with those masked.
"""

from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import partners
from newsletter.content.dates import london_date
from newsletter.core.errors import TooMany
from newsletter.core.runtime import Runtime
from newsletter.feedback import masking, taking
from newsletter.feedback.models import FeedbackSource, Speaker
from newsletter.web import limiting, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind, words
from newsletter.web.pages import BRIEFLY, Pages
from newsletter.web.problems import retry_after

router = APIRouter()

SPEAKERS: tuple[tuple[Speaker, str], ...] = (
    (Speaker.PARENT, "A parent or carer"),
    (Speaker.YOUNG_PERSON, "A young person"),
    (Speaker.PROFESSIONAL, "Someone who works with children or young people"),
    (Speaker.OTHER, "Someone else"),
)

#: The choice for what belongs to no priority area; areas are numbered from 1.
SOMETHING_ELSE = 0


class FeedbackForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "area": "Select what your feedback is about",
        "text": "Enter what is on your mind",
        "speaker": "Select who you are, or leave this blank",
    }

    area: int
    text: Annotated[str, words("Your feedback", taking.VIEW_LENGTH)]
    speaker: Speaker | None = None
    asked: str | None = None

    @classmethod
    def across(cls, typed: dict[str, str]) -> dict[str, str]:  # type: ignore[override]
        kinds = masking.found(typed.get("text", ""))
        if not kinds or "asked" in typed:
            return {}
        return {
            "text": f"We do not need names or contact details. Take out the {' and the '.join(kinds)}, "
            "or press the button again and we will do it for you"
        }


@router.get("/feedback")
def feedback_page(request: Request, runtime: TheRuntime, pages: ThePages, area: str = "") -> Response:
    with runtime.db.reading() as session:
        return _form_page(request, pages, runtime, session, Bound({"area": area}))


@router.post("/feedback")
def send_feedback(request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    bound = bind(FeedbackForm, form)
    with runtime.db.reading() as session:
        areas = _areas(runtime, session)
        if bound.value is not None and bound.value.area not in {SOMETHING_ELSE, *areas}:
            bound.value, bound.errors = None, {"area": FeedbackForm.sentences["area"]}
        if bound.value is None:
            return _form_page(request, pages, runtime, session, bound, status=422)
    given = bound.value
    try:
        with runtime.db.transaction() as session:
            limiting.check_network(session, runtime, request, "feedback")
            taking.view(
                session,
                text=given.text,
                day=london_date(runtime.clock.now()),
                source=FeedbackSource.WEB,
                priority_area_id=areas[given.area][0] if given.area else None,
                speaker=given.speaker,
            )
    except TooMany as problem:
        bound.errors = {"text": limiting.sentence(problem)}
        with runtime.db.reading() as session:
            return _form_page(request, pages, runtime, session, bound, status=429, headers=retry_after(problem))
    return RedirectResponse("/feedback/thank-you", status_code=303)


@router.get("/feedback/thank-you")
def thank_you(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(request, "feedback-thank-you.html", site.current(session), cache=BRIEFLY)


def _areas(runtime: Runtime, session: Session) -> dict[int, tuple[int, str]]:
    """Today's priority areas by number: id and name."""
    today = london_date(runtime.clock.now())
    return {
        area.number: (area.id, area.name) for area in partners.priority_areas(session, on=today) if area.id is not None
    }


def _form_page(
    request: Request,
    pages: Pages,
    runtime: Runtime,
    session: Session,
    bound: Bound[FeedbackForm],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    areas = [(number, name) for number, (_, name) in _areas(runtime, session).items()]
    return pages.show(
        request,
        "feedback.html",
        site.current(session),
        status=status,
        headers=headers,
        form=bound,
        areas=areas,
        something_else=SOMETHING_ELSE,
        speakers=SPEAKERS,
        asks_again=bool(bound.errors) and bool(masking.found(bound.get("text"))),
        text_length=taking.VIEW_LENGTH,
    )
