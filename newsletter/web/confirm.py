"""Confirming: a link whose GET shows a button, and a six-digit code for people who stay on the sign-up page.

A GET changes nothing and uses nothing up, because mail scanners open links before people do; the button may be
pressed twice.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core.errors import ExpiredToken, InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery import letters, stopping
from newsletter.delivery.models import DeliveryKind
from newsletter.editions import archive
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Address, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.remembered import unseal
from newsletter.web.signup import show_check_page
from subscribers import handing_over, lists, signup
from subscribers.models import MailingList
from subscribers.signup import Confirmed

router = APIRouter()

CODE_DIGITS = 6


class AddressForm(FormModel):
    sentences = {"email": "Enter your email address"}

    email: Address


@router.post("/confirm/code")
def confirm_by_code(request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    errors: dict[str, str] = {}
    with runtime.db.reading() as session:
        list_id = lists.by_slug(session, form.get("list", "")).id
    assert list_id is not None
    remembered = unseal(runtime.crypto, form.get("to", ""), mailing_list_id=list_id, now=now)
    address = remembered.address if remembered else ""
    if remembered is None:
        bound = bind(AddressForm, form)
        errors |= bound.errors
        address = bound.value.email if bound.value else ""
    code = "".join(character for character in form.get("code", "") if not character.isspace() and character != "-")
    if not (len(code) == CODE_DIGITS and code.isascii() and code.isdigit()):
        errors["code"] = f"Enter the code of {CODE_DIGITS} digits from the email"
    if not errors:
        try:
            with runtime.db.transaction() as session:
                confirmed = signup.confirm_by_code(
                    session, runtime.crypto, mailing_list_id=list_id, address=address, code=code, now=now
                )
                _welcome(session, runtime, confirmed)
                return _confirmed_page(request, pages, session, lists.by_id(session, list_id), confirmed)
        except InvalidInput as problem:
            errors["code"] = str(problem)
    with runtime.db.reading() as session:
        mailing_list = lists.by_id(session, list_id)
        return show_check_page(
            request, pages, runtime, session, mailing_list, form.get("to", ""), typed=form, errors=errors
        )


@router.get("/confirm/{token}")
def confirm_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        try:
            mailing_list = lists.by_id(session, signup.look(session, runtime.tokens, token, now=runtime.clock.now()))
        except ExpiredToken as expired:
            return _expired_page(request, pages, session, expired, token)
        except NotFound:
            return _gone_page(request, pages, runtime, token)
        return pages.show(request, "confirm.html", site.current(session), list=mailing_list, token=token)


@router.post("/confirm/{token}")
def confirm(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            confirmed = signup.confirm(session, runtime.tokens, token, now=now)
            _welcome(session, runtime, confirmed)
            mailing_list = lists.by_id(session, confirmed.mailing_list_id)
            return _confirmed_page(request, pages, session, mailing_list, confirmed)
    except ExpiredToken as expired:
        with runtime.db.reading() as session:
            return _expired_page(request, pages, session, expired, token)
    except NotFound:
        return _gone_page(request, pages, runtime, token)


@router.post("/confirm/{token}/new")
def new_link(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            requested = signup.renew(session, runtime.crypto, runtime.tokens, token, now=now)
            mailing_list = lists.by_id(session, _list_id(runtime, token))
            assert mailing_list.id is not None
            letters.queue_answer(session, requested, mailing_list_id=mailing_list.id, now=now)
            return show_check_page(request, pages, runtime, session, mailing_list, "")
    except NotFound:
        return _gone_page(request, pages, runtime, token)


@router.post("/confirm/{token}/not-me")
def not_me(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.transaction() as session:
        list_id = signup.not_requested(session, runtime.crypto, runtime.tokens, token, now=runtime.clock.now())
        return pages.show(request, "not-me.html", site.current(session), list=lists.by_id(session, list_id))


def _list_id(runtime: Runtime, token: str) -> int:
    return runtime.tokens.read(Purpose.CONFIRM, token, now=runtime.clock.now()).list_id


def _welcome(session: Session, runtime: Runtime, confirmed: Confirmed) -> None:
    """What follows from confirming: a welcome, and the end of a colleague's emails who handed over."""
    now = runtime.clock.now()
    if (left := handing_over.complete(session, confirmed, now=now)) is not None:
        stopping.stop_for(session, [left], now)
    if confirmed.newly:
        letters.queue(
            session,
            DeliveryKind.WELCOME,
            mailing_list_id=confirmed.mailing_list_id,
            subscriber_id=confirmed.subscriber_id,
            now=now,
        )
    if confirmed.replaced is not None:
        stopping.stop_for(session, [confirmed.replaced], runtime.clock.now(), letter=DeliveryKind.ADDRESS_CHANGED)


def _confirmed_page(
    request: Request, pages: Pages, session: Session, mailing_list: MailingList, confirmed: Confirmed
) -> Response:
    assert mailing_list.id is not None
    return pages.show(
        request,
        "confirmed.html",
        site.current(session),
        list=mailing_list,
        latest=archive.latest(session, mailing_list.id),
        is_change=confirmed.replaced is not None,
    )


def _expired_page(request: Request, pages: Pages, session: Session, expired: ExpiredToken, token: str) -> Response:
    return pages.show(
        request,
        "expired.html",
        site.current(session),
        status=410,
        list=lists.by_id(session, expired.list_id),
        token=token,
        link_days=signup.LINK_LIFETIME.days,
    )


def _gone_page(request: Request, pages: Pages, runtime: Runtime, token: str) -> Response:
    """The link was genuine, and what it was for is no longer there: never confirmed in time, or taken back."""
    with runtime.db.reading() as session:
        mailing_list = lists.by_id(session, _list_id(runtime, token))
        return pages.show(request, "gone.html", site.current(session), status=404, list=mailing_list)
