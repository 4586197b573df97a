"""Getting one list's emails at another address: a form with one field, and "check your email".

The answer is the same for every address, whatever we know about it (REQ-04), and the old address is never shown,
because mails are forwarded and links go with them (REQ-23). The link in the letter to the new address does the rest, by
way of `web/confirm`.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.core.tokens import Purpose, Token
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime, network_address
from newsletter.web.forms import Address, Bound, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.remembered import remember, seal
from newsletter.web.signup import to_check_page
from subscribers import lists, preferences, signup

router = APIRouter()


class NewAddressForm(FormModel):
    sentences = {"email": "Enter your new email address"}

    email: Address


@router.get("/manage/{token}/address")
def new_address_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    read = runtime.tokens.read(Purpose.MANAGE, token, now=runtime.clock.now())
    with runtime.db.reading() as session:
        return _page(request, pages, session, read, token, Bound())


@router.post("/manage/{token}/address")
def change_address(token: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    now = runtime.clock.now()
    read = runtime.tokens.read(Purpose.MANAGE, token, now=now)
    bound = bind(NewAddressForm, form)
    if bound.value is None:
        with runtime.db.reading() as session:
            return _page(request, pages, session, read, token, bound, status=422)
    address = bound.value.email
    with runtime.db.transaction() as session:
        signup.check_network(
            session,
            runtime.crypto,
            ip=network_address(request),
            limit_per_hour=runtime.settings.sign_ups_per_network_per_hour,
            now=now,
        )
        preferences.change_address(
            session,
            runtime.crypto,
            mailing_list_id=read.list_id,
            subscriber_id=read.subject_id,
            address=address,
            now=now,
        )
        slug = lists.by_id(session, read.list_id).slug
    remembered = remember(read.list_id, address, None, now=now).model_copy(update={"manage_token": token})
    return to_check_page(slug, seal(runtime.crypto, remembered), again=bool(form.get("again")))


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    read: Token,
    token: str,
    bound: Bound[NewAddressForm],
    *,
    status: int = 200,
) -> Response:
    mailing_list = lists.by_id(session, read.list_id)
    return pages.show(
        request, "new-address.html", site.current(session), status=status, list=mailing_list, token=token, form=bound
    )
