"""What the "Change your details" link opens: which newsletter it is, how to stop it, and, for professionals, new
answers about their work.

The page shows no address and none of the old answers, because mails are forwarded and links go with them (REQ-23).
"""

from typing import ClassVar, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose, Token
from newsletter.web import choices, school_choice, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, OneLine, bind
from newsletter.web.pages import Pages
from newsletter.web.signup import PHASES, ROLES
from subscribers import amending, lists, schools
from subscribers.amending import Amendment
from subscribers.models import Phase, Role, Subscriber, SubscriberState

router = APIRouter()

#: The choice that takes an earlier phase away.
NO_PHASE = "none"


class WorkForm(FormModel):
    """Every answer may be left out; what is left out stays."""

    sentences: ClassVar[dict[str, str]] = {
        "role": "Select what you do, or leave this blank",
        "school": "Select your school from the list, or write the name of your setting",
        "phase": "Select the phase you work in, or leave this blank",
    }

    role: Role | None = None
    school: int | None = None
    school_name: OneLine | None = None
    setting_name: OneLine | None = None
    phase: Phase | Literal["none"] | None = None


@router.get("/manage/{token}")
def manage_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages, saved: str = "") -> Response:
    read = runtime.tokens.read(Purpose.MANAGE, token, now=runtime.clock.now())
    with runtime.db.reading() as session:
        return _page(request, pages, runtime, session, read, token, Bound(), is_saved=bool(saved))


@router.post("/manage/{token}")
def change(token: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    read = runtime.tokens.read(Purpose.MANAGE, token, now=runtime.clock.now())
    with runtime.db.reading() as session:
        form = school_choice.settled(session, form)
        bound = bind(WorkForm, form)
        if bound.value is not None and bound.value.school_name:
            return school_choice.ask_which(request, pages, session, form, action=f"/manage/{token}")
    if bound.value is not None:
        value = bound.value
        amendment = Amendment(
            role=value.role,
            school_urn=value.school,
            setting_name=value.setting_name,
            phase=value.phase if isinstance(value.phase, Phase) else None,
            forgets_phase=value.phase == NO_PHASE,
        )
        try:
            with runtime.db.transaction() as session:
                amending.amend(
                    session, mailing_list_id=read.list_id, subscriber_id=read.subject_id, amendment=amendment
                )
            return RedirectResponse(f"/manage/{token}?saved=1", status_code=303)
        except InvalidInput as problem:
            field = {"school_urn": "school"}.get(problem.field or "", problem.field or "role")
            bound.errors = {field: str(problem)}
    with runtime.db.reading() as session:
        return _page(request, pages, runtime, session, read, token, bound, status=422)


def _page(
    request: Request,
    pages: Pages,
    runtime: Runtime,
    session: Session,
    read: Token,
    token: str,
    bound: Bound[WorkForm],
    *,
    status: int = 200,
    is_saved: bool = False,
) -> Response:
    mailing_list = lists.by_id(session, read.list_id)
    subscriber = session.get(Subscriber, read.subject_id)
    is_on_list = (
        subscriber is not None
        and subscriber.mailing_list_id == read.list_id
        and subscriber.state is SubscriberState.CONFIRMED
    )
    asks_about_work = is_on_list and mailing_list.audience is not Audience.PARENTS
    leave_token = runtime.tokens.make(
        Purpose.LEAVE, list_id=read.list_id, subject_id=read.subject_id, issued_at=runtime.clock.now()
    )
    return pages.show(
        request,
        "manage.html",
        site.current(session),
        status=status,
        list=mailing_list,
        token=token,
        leave_token=leave_token,
        is_on_list=is_on_list,
        is_saved=is_saved,
        asks_about_work=asks_about_work,
        choices=choices.of(session, runtime, subscriber) if asks_about_work and subscriber else None,
        form=bound,
        roles=ROLES,
        phases=PHASES,
        school_attribution=schools.ATTRIBUTION,
        school_label=school_choice.label(session, bound) if asks_about_work else "",
    )
