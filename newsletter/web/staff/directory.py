"""Signing in through the council's own directory: there, and back again.

What has to be the same on the way back travels sealed in a cookie of its own that lives for ten minutes.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.core.errors import ConfigurationError, NotAllowed, NotFound
from newsletter.core.runtime import Runtime
from newsletter.staff import audit, invitations, sessions
from newsletter.staff.directory import Begun, Directory
from newsletter.web.asked import TheRuntime
from newsletter.web.staff import browsers, guard
from newsletter.web.staff.guard import open_to_all

router = APIRouter()

LIFETIME = timedelta(minutes=10)
_PATH = f"{guard.SIGN_IN}/directory"


def settings(runtime: Runtime) -> dict[str, str] | None:
    """NEWSLETTER_OIDC_ISSUER, …_CLIENT_ID, …_CLIENT_SECRET and perhaps …_NAME; None when there is no directory."""
    given = runtime.settings.provider("oidc")
    return given if given.get("issuer") and given.get("client_id") else None


@router.get(_PATH)
@open_to_all
def go_there(request: Request, runtime: TheRuntime, next: str = "", invitation: str = "") -> Response:
    url, begun = _directory(request, runtime).begin(_redirect_uri(runtime))
    kept = {
        "state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "next": guard.way_back(next),
        "invitation": invitation, "until": (runtime.clock.now() + LIFETIME).isoformat(),
    }  # fmt: skip
    answer = RedirectResponse(url, status_code=303)
    sealed = urlsafe_b64encode(runtime.crypto.encrypt(json.dumps(kept))).decode()
    answer.set_cookie(_cookie(runtime), sealed, path="/", secure=_is_https(runtime), httponly=True, samesite="lax")
    return answer


@router.get(f"{_PATH}/back")
@open_to_all
def come_back(request: Request, runtime: TheRuntime, state: str = "", code: str = "", error: str = "") -> Response:
    kept = _kept(request, runtime)
    if error or not code:
        raise NotAllowed("The directory did not sign you in. Begin again.")
    begun = Begun(kept["state"], kept["nonce"], kept["verifier"])
    now = runtime.clock.now()
    who = _directory(request, runtime).finish(
        begun, state=state, code=code, redirect_uri=_redirect_uri(runtime), now=now
    )
    with runtime.db.transaction() as session:
        if kept["invitation"]:
            invited = invitations.find(session, runtime.crypto, kept["invitation"], now=now)
            invitations.accept_directory(session, runtime.crypto, invited, who, now=now)
            audit.note(session, runtime.crypto, "join", staff_id=invited.staff.id, detail="with the directory", now=now)
        member = invitations.by_directory(session, runtime.crypto, who)
        if member is None or member.id is None:
            raise NotAllowed("Your account in the directory has no account here. Ask an administrator to invite you.")
        text = sessions.begin(
            session, runtime.crypto, member.id, browser=browsers.name(request), is_whole=True, now=now
        )
        audit.note(session, runtime.crypto, "sign in", staff_id=member.id, detail="with the directory", now=now)
    answer = RedirectResponse(kept["next"], status_code=303)
    guard.set_cookie(answer, runtime, text)
    answer.delete_cookie(_cookie(runtime), path="/", secure=_is_https(runtime), httponly=True, samesite="lax")
    return answer


def _directory(request: Request, runtime: Runtime) -> Directory:
    """One for each application, because it remembers what the provider says of itself."""
    found: Directory | None = getattr(request.app.state, "directory", None)
    if found is None:
        given = settings(runtime)
        if given is None:
            raise NotFound("There is no directory to sign in with.")
        if runtime.settings.is_production and not given["issuer"].startswith("https://"):
            raise ConfigurationError("NEWSLETTER_OIDC_ISSUER must begin with https:// in production.")
        name = given.get("name") or "your council account"
        found = Directory(given["issuer"], given["client_id"], given.get("client_secret", ""), name)
        request.app.state.directory = found
    return found


def _kept(request: Request, runtime: Runtime) -> dict[str, str]:
    """What was remembered on the way there. Raises `NotAllowed`."""
    try:
        sealed = urlsafe_b64decode(request.cookies.get(_cookie(runtime), ""))
        kept: dict[str, str] = json.loads(runtime.crypto.decrypt(sealed))
        if datetime.fromisoformat(kept["until"]) > runtime.clock.now():
            return kept
    except (Base64Error, ConfigurationError, KeyError, ValueError):
        pass
    raise NotAllowed("This sign-in was begun in another window, or too long ago. Begin again.")


def _redirect_uri(runtime: Runtime) -> str:
    return f"{runtime.settings.base_url}{_PATH}/back"


def _cookie(runtime: Runtime) -> str:
    return "__Host-directory" if _is_https(runtime) else "directory"


def _is_https(runtime: Runtime) -> bool:
    return runtime.settings.base_url.startswith("https://")
