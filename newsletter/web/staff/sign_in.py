"""Signing in: the address and the password, then the code; or through the council's own directory. And out again.

Whoever guesses learns nothing: a wrong address, a wrong password and an account that is switched off are answered alike
and take as long. Tries are limited for each account and each network.
"""

from datetime import timedelta
from typing import Annotated, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import StringConstraints
from sqlmodel import Session

from newsletter.core.errors import InvalidInput, NewsletterError, NotFound, TooMany
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit, codes, passwords, sessions
from newsletter.staff.models import Staff
from newsletter.web import limiting, site
from newsletter.web.asked import TheForm, ThePages, TheRuntime, network_address
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.problems import retry_after
from newsletter.web.staff import browsers, directory, guard
from newsletter.web.staff.guard import open_to_all
from subscribers import identity, limits

router = APIRouter()

#: Wrong and right tries for one account, from one network and from everywhere.
TRIES_HERE, TRIES, WINDOW = 10, 100, timedelta(minutes=15)

WRONG = "The email address or the password is not right"
WRONG_CODE = "This code is not right, or was used before. Wait for the next one"


class WrongSecret(NewsletterError):
    """It was counted, and that is kept."""

    keeps_work = True


class PasswordForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"email": "Enter your email address", "password": "Enter your password"}

    email: str
    password: Annotated[str, StringConstraints(strip_whitespace=False)]


class CodeForm(FormModel):
    sentences: ClassVar[dict[str, str]] = {"code": "Enter the code that your app shows"}

    code: str


@router.get(guard.SIGN_IN)
@open_to_all
def sign_in_page(request: Request, runtime: TheRuntime, pages: ThePages, next: str = "") -> Response:
    return _page(request, runtime, pages, Bound[PasswordForm](), next)


@router.post(guard.SIGN_IN)
@open_to_all
def give_password(request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages, next: str = "") -> Response:
    bound = bind(PasswordForm, form)
    if bound.value is None:
        return _page(request, runtime, pages, bound, next, status=422)
    given, now = bound.value, runtime.clock.now()
    try:
        with runtime.db.transaction() as session:
            limiting.check_network(session, runtime, request, "sign-in")
            _count(session, runtime, request, given.email.strip().casefold())
            member = _account(session, runtime, given.email)
        right = passwords.is_right(given.password, member.password_hash if member else None)  # no lock is held
        with runtime.db.transaction() as session:
            if not right or member is None or member.id is None:
                audit.note(session, runtime.crypto, "wrong password", staff_id=member.id if member else None, now=now)
                raise WrongSecret(WRONG)
            text = sessions.begin(
                session, runtime.crypto, member.id, browser=browsers.name(request), is_whole=False, now=now
            )
    except WrongSecret as problem:
        bound.errors = {"email": str(problem)}
        return _page(request, runtime, pages, bound, next, status=422)
    except TooMany as problem:
        bound.errors = {"email": _patience(problem)}
        return _page(request, runtime, pages, bound, next, status=429, headers=retry_after(problem))
    answer = RedirectResponse(f"{guard.SIGN_IN}/code?next={guard.quoted(next)}", status_code=303)
    guard.set_cookie(answer, runtime, text)
    return answer


@router.get(guard.SIGN_IN + "/code")
@open_to_all
def code_page(request: Request, runtime: TheRuntime, pages: ThePages, next: str = "") -> Response:
    with runtime.db.reading() as session:
        if _half_way(session, runtime, request) is None:
            return RedirectResponse(f"{guard.SIGN_IN}?next={guard.quoted(next)}", status_code=303)
        return _code_page(request, pages, session, Bound[CodeForm](), next)


@router.post(guard.SIGN_IN + "/code")
@open_to_all
def give_code(request: Request, form: TheForm, runtime: TheRuntime, pages: ThePages, next: str = "") -> Response:
    bound, now = bind(CodeForm, form), runtime.clock.now()
    cookie = request.cookies.get(guard.cookie_name(runtime), "")
    try:
        with runtime.db.transaction() as session:
            member = _half_way(session, runtime, request)
            if member is None or member.id is None:
                return RedirectResponse(f"{guard.SIGN_IN}?next={guard.quoted(next)}", status_code=303)
            if bound.value is None:
                return _code_page(request, pages, session, bound, next, status=422)
            _count(session, runtime, request, f"code:{member.id}")
            if not codes.is_right(session, runtime.crypto, member, bound.value.code, now=now):
                audit.note(session, runtime.crypto, "wrong code", staff_id=member.id, now=now)
                raise WrongSecret(WRONG_CODE)
            sessions.end(session, runtime.crypto, cookie)  # a new one: what was known before is worth nothing now
            text = sessions.begin(
                session, runtime.crypto, member.id, browser=browsers.name(request), is_whole=True, now=now
            )
            audit.note(session, runtime.crypto, "sign in", staff_id=member.id, now=now)
    except (WrongSecret, TooMany) as problem:
        is_limit = isinstance(problem, TooMany)
        bound.errors = {"code": _patience(problem) if isinstance(problem, TooMany) else str(problem)}
        with runtime.db.reading() as session:
            return _code_page(request, pages, session, bound, next, status=429 if is_limit else 422)
    answer = RedirectResponse(guard.way_back(next), status_code=303)
    guard.set_cookie(answer, runtime, text)
    return answer


@router.post("/staff/sign-out")
@open_to_all
def sign_out(request: Request, runtime: TheRuntime) -> Response:
    if cookie := request.cookies.get(guard.cookie_name(runtime)):
        with runtime.db.transaction() as session:
            sessions.end(session, runtime.crypto, cookie)
    answer = RedirectResponse(f"{guard.SIGN_IN}?said=out", status_code=303)
    guard.take_cookie(answer, runtime)
    return answer


def _account(session: Session, runtime: Runtime, email: str) -> Staff | None:
    try:
        return accounts.find(session, runtime.crypto, email)
    except (InvalidInput, NotFound):
        return None


def _half_way(session: Session, runtime: Runtime, request: Request) -> Staff | None:
    cookie = request.cookies.get(guard.cookie_name(runtime))
    return sessions.half_way(session, runtime.crypto, cookie, now=runtime.clock.now()) if cookie else None


def _count(session: Session, runtime: Runtime, request: Request, who: str) -> None:
    """One more try for an account, there or not. Raises `TooMany`."""
    network, now = network_address(request), runtime.clock.now()
    for limit, use in ((TRIES_HERE, f"sign-in:{network}"), (TRIES, "sign-in:everywhere")):
        key = identity.network_key(runtime.crypto, who, use=use)
        limits.take(session, key, limit=limit, window=WINDOW, now=now)


def _patience(problem: TooMany) -> str:
    minutes = max(1, round(problem.retry_after_s / 60))
    return f"Too many tries. Wait {minutes} {'minute' if minutes == 1 else 'minutes'}, then try again"


def _page(
    request: Request,
    runtime: Runtime,
    pages: Pages,
    bound: Bound[PasswordForm],
    wanted: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    bound.typed = {**bound.typed, "password": ""}
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/sign-in.html",
            site.current(session),
            status=status,
            headers=headers,
            form=bound,
            wanted=guard.quoted(wanted),
            has_directory=directory.settings(runtime) is not None,
            said="You are signed out." if request.query_params.get("said") == "out" else None,
        )


def _code_page(
    request: Request, pages: Pages, session: Session, bound: Bound[CodeForm], wanted: str, *, status: int = 200
) -> Response:
    return pages.show(
        request,
        "staff/sign-in-code.html",
        site.current(session),
        status=status,
        form=bound,
        wanted=guard.quoted(wanted),
    )
