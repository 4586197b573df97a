"""The page behind an invitation: choose a password, set up an app for codes, and keep ten codes for the day it is lost;
or join with the council's own account."""

from typing import Annotated, ClassVar

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import StringConstraints
from sqlmodel import Session

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit, codes, invitations, passwords, sessions
from newsletter.staff.invitations import Invited
from newsletter.web import limiting, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.staff import browsers, directory, guard
from newsletter.web.staff.guard import open_to_all

router = APIRouter()


class JoinForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {
        "password": "Choose a password",
        "code": "Enter the six digits that your app shows",
    }

    password: Annotated[str, StringConstraints(strip_whitespace=False)]
    code: str


@router.get("/staff/join/{token}")
@open_to_all
def invitation_page(token: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return _page(session, token, request, runtime, pages, Bound[JoinForm]())


@router.post("/staff/join/{token}")
@open_to_all
def join(token: str, request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages) -> Response:
    bound, now = bind(JoinForm, form), runtime.clock.now()
    with runtime.db.transaction() as session:
        limiting.check_network(session, runtime, request, "join")
    with runtime.db.reading() as session:
        if bound.value is None:
            return _page(session, token, request, runtime, pages, bound, status=422)
        try:
            invited = invitations.find(session, runtime.crypto, token, now=now)
            step = invitations.check(runtime.crypto, invited, bound.value.password, bound.value.code, now=now)
        except InvalidInput as problem:
            bound.errors = {problem.field or "password": str(problem).rstrip(".")}
            return _page(session, token, request, runtime, pages, bound, status=422)
        except NotFound:
            return _page(session, token, request, runtime, pages, bound)
    password_hash = passwords.hashed(bound.value.password)
    with runtime.db.transaction() as session:
        staff_id = invited.staff.id
        assert staff_id is not None
        invitations.accept(session, runtime.crypto, invited, password_hash=password_hash, totp_step=step, now=now)
        recovery = codes.renew_recovery(session, runtime.crypto, staff_id)
        text = sessions.begin(session, runtime.crypto, staff_id, browser=browsers.name(request), is_whole=True, now=now)
        audit.note(session, runtime.crypto, "join", staff_id=staff_id, now=now)
        answer = pages.show(
            request, "staff/recovery-codes.html", site.current(session), codes=recovery, is_first=True, officer=None
        )
    guard.set_cookie(answer, runtime, text)
    return answer


def _page(
    session: Session,
    token: str,
    request: Request,
    runtime: Runtime,
    pages: Pages,
    bound: Bound[JoinForm],
    *,
    status: int = 200,
) -> Response:
    bound.typed = {**bound.typed, "password": ""}
    place = site.current(session)
    try:
        invited = invitations.find(session, runtime.crypto, token, now=runtime.clock.now())
    except NotFound:
        return pages.show(request, "staff/invitation-over.html", place, status=404)
    return pages.show(
        request,
        "staff/join.html",
        place,
        status=status,
        form=bound,
        token=token,
        address=accounts.email_of(runtime.crypto, invited.staff),
        secret=" ".join(invited.totp_secret[at : at + 4] for at in range(0, len(invited.totp_secret), 4)),
        picture=_picture(runtime, invited),
        has_directory=directory.settings(runtime) is not None,
    )


def _picture(runtime: Runtime, invited: Invited) -> str:
    """The QR code as a data URI."""
    account = accounts.email_of(runtime.crypto, invited.staff)
    url = codes.app_url(invited.totp_secret, account=account, issuer="Newsletter studio")
    return str(segno.make(url, error="m").svg_data_uri(scale=5, dark="#000", light="#fff", border=4))
