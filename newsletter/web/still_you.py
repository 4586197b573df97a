""" "Is this still you?": the page of the yearly letter to professionals. Keep the emails, hand them over, or stop them.

The page shows no address and no earlier answer (REQ-23), and is the same whatever colleague somebody names (REQ-04).
"""

from typing import ClassVar, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose, Token
from newsletter.delivery import stopping
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime, network_address
from newsletter.web.forms import Address, Bound, FormModel, bind
from newsletter.web.pages import Pages
from subscribers import lists, preferences, signup, still_you

router = APIRouter()


class HandOverForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "email": "Enter your colleague's email address",
        "stop": "Select when your own emails stop",
    }

    email: Address
    stop: Literal["then", "now"]


@router.get("/still-you/{token}")
def question_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    read = _read(runtime, token)
    with runtime.db.reading() as session:
        if not still_you.is_on_list(session, mailing_list_id=read.list_id, subscriber_id=read.subject_id):
            return _not_on_list(request, pages, runtime, read)
        return _page(request, pages, runtime, session, "still-you.html", token, read)


@router.post("/still-you/{token}")
def keep(token: str, request: Request, _form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    read = _read(runtime, token)
    try:
        with runtime.db.transaction() as session:
            still_you.keep(
                session, mailing_list_id=read.list_id, subscriber_id=read.subject_id, now=runtime.clock.now()
            )
            return _page(request, pages, runtime, session, "still-you-kept.html", token, read)
    except NotFound:
        return _not_on_list(request, pages, runtime, read)


@router.get("/still-you/{token}/hand-over")
def hand_over_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    read = _read(runtime, token)
    with runtime.db.reading() as session:
        if not still_you.is_on_list(session, mailing_list_id=read.list_id, subscriber_id=read.subject_id):
            return _not_on_list(request, pages, runtime, read)
        return _page(request, pages, runtime, session, "hand-over.html", token, read)


@router.post("/still-you/{token}/hand-over")
def hand_over(token: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    read = _read(runtime, token)
    bound = bind(HandOverForm, form)
    if bound.value is not None:
        try:
            with runtime.db.transaction() as session:
                _hand_over(session, runtime, read, bound.value, network_address(request))
                return _page(request, pages, runtime, session, "handed-over.html", token, read, bound)
        except InvalidInput as problem:
            bound.errors = {"email": str(problem)}
        except NotFound:
            return _not_on_list(request, pages, runtime, read)
    with runtime.db.reading() as session:
        return _page(request, pages, runtime, session, "hand-over.html", token, read, bound)


def _hand_over(session: Session, runtime: Runtime, read: Token, form: HandOverForm, ip: str) -> None:
    now = runtime.clock.now()
    signup.check_network(
        session, runtime.crypto, ip=ip, limit_per_hour=runtime.settings.sign_ups_per_network_per_hour, now=now
    )
    still_you.hand_over(
        session,
        runtime.crypto,
        mailing_list_id=read.list_id,
        subscriber_id=read.subject_id,
        colleague=form.email,
        now=now,
    )
    if form.stop == "now":
        left = preferences.leave(
            session, mailing_list_id=read.list_id, subscriber_id=read.subject_id, how="handed over", now=now
        )
        stopping.stop_for(session, [left], now)


def _not_on_list(request: Request, pages: Pages, runtime: Runtime, read: Token) -> Response:
    """The link was genuine, and whoever it was for has left meanwhile."""
    with runtime.db.reading() as session:
        mailing_list = lists.by_id(session, read.list_id)
        status = 200 if request.method == "GET" else 404
        return pages.show(request, "still-you-left.html", site.current(session), status=status, list=mailing_list)


def _read(runtime: Runtime, token: str) -> Token:
    return runtime.tokens.read(Purpose.STILL_YOU, token, now=runtime.clock.now())


def _page(
    request: Request,
    pages: Pages,
    runtime: Runtime,
    session: Session,
    template: str,
    token: str,
    read: Token,
    bound: Bound[HandOverForm] | None = None,
) -> Response:
    bound = bound or Bound()
    leave_token = runtime.tokens.make(
        Purpose.LEAVE, list_id=read.list_id, subject_id=read.subject_id, issued_at=runtime.clock.now()
    )
    return pages.show(
        request,
        template,
        site.current(session),
        status=422 if bound.errors else 200,
        list=lists.by_id(session, read.list_id),
        token=token,
        leave_token=leave_token,
        link_days=signup.LINK_LIFETIME.days,
        form=bound,
    )
