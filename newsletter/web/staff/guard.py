"""Who may come in: the session behind the cookie, and the roles that a route is for.

Every route below /staff asks for an officer with `may(…)` or `ANYBODY_SIGNED_IN`, or is marked `open_to_all` (signing
in). Whoever is not signed in is led to the sign-in page and back; whoever lacks the role is told so with 403.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.core.errors import NewsletterError, NotAllowed
from newsletter.core.runtime import Runtime
from newsletter.staff import sessions
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import CLOSE_IDLE, EXACTNESS, Officer
from newsletter.web.asked import TheRuntime

SIGN_IN = "/staff/sign-in"


class NotSignedIn(NewsletterError):
    """Nobody is signed in, or was seen too long ago for this page."""


class Door:
    """The dependency of a route: lets in officers with one of these roles; without any, everybody signed in."""

    def __init__(self, *roles: StaffRole) -> None:
        self.roles = frozenset(roles)
        #: What concerns named people: for the data protection officer alone.
        self.is_close = self.roles == {StaffRole.DPO}

    def __call__(self, request: Request, runtime: TheRuntime) -> Officer:
        text, now = request.cookies.get(cookie_name(runtime)), runtime.clock.now()
        found: Officer | None = None
        if text:
            with runtime.db.reading() as session:
                found = sessions.officer(session, runtime.crypto, text, now=now)
        if found is None or (self.is_close and found.seen_at <= now - CLOSE_IDLE):
            raise NotSignedIn("Sign in first.")
        request.state.officer = found  # whom a page that says no is shown to, too
        if self.roles and not found.has(*self.roles):
            raise NotAllowed("Your account may not do this. Ask an administrator for the role it needs.")
        if found.seen_at <= now - EXACTNESS:
            with runtime.db.transaction() as session:
                sessions.touch(session, found.session_id, now=now)
        return found


def may(*roles: StaffRole) -> Any:
    """`officer: Annotated[Officer, may(StaffRole.AUTHOR)]`: only somebody with one of these roles."""
    return Depends(Door(*roles))


#: Somebody who is signed in, whatever their roles.
TheOfficer = Annotated[Officer, may()]
#: Who writes and arranges.
TheAuthor = Annotated[Officer, may(StaffRole.AUTHOR, StaffRole.ADMIN)]
#: Who agrees that an edition may go.
TheApprover = Annotated[Officer, may(StaffRole.APPROVER)]
#: Who sets up lists, partners and accounts.
TheAdmin = Annotated[Officer, may(StaffRole.ADMIN)]
#: Who looks up a named person.
TheDpo = Annotated[Officer, may(StaffRole.DPO)]

_T = TypeVar("_T", bound=Callable[..., object])


def open_to_all(endpoint: _T) -> _T:
    """Mark a route below /staff for which nobody need be signed in."""
    endpoint.open_to_all = True  # type: ignore[attr-defined]
    return endpoint


def cookie_name(runtime: Runtime) -> str:
    """`__Host-` ties the cookie to this host and to https (RFC 6265bis); without https browsers would refuse it."""
    return "__Host-staff" if _is_https(runtime) else "staff"


def set_cookie(response: Response, runtime: Runtime, text: str, *, until: datetime | None = None) -> None:
    """Give the browser its session. Gone with the browser; the row ends it before that."""
    response.set_cookie(
        cookie_name(runtime), text, path="/", secure=_is_https(runtime), httponly=True, samesite="lax", expires=until
    )


def take_cookie(response: Response, runtime: Runtime) -> None:
    response.delete_cookie(cookie_name(runtime), path="/", secure=_is_https(runtime), httponly=True, samesite="lax")


def quoted(asked: str) -> str:
    """The way back as a query parameter."""
    return quote(way_back(asked), safe="/")


def way_back(asked: str) -> str:
    """Where to go after signing in: a page of ours below /staff, else the first one. Never another site."""
    is_ours = asked.startswith("/staff/") and "\\" not in asked and asked.isprintable()
    return asked if is_ours and not asked.startswith((SIGN_IN, "/staff/join")) else "/staff/"


def to_sign_in(request: Request, _error: Exception) -> Response:
    """What `NotSignedIn` becomes. A form that was sent is not sent again after signing in: its page is shown."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = asked if request.method in ("GET", "HEAD") else request.url.path
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate":  # a script of ours asks, not a person
        return Response(status_code=401)
    return RedirectResponse(f"{SIGN_IN}?next={quote(wanted, safe='/')}", status_code=303)


def _is_https(runtime: Runtime) -> bool:
    return runtime.settings.base_url.startswith("https://")
