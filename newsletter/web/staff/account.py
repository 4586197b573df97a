"""One's own account: where one is signed in, and new recovery codes."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.core.errors import InvalidInput
from newsletter.staff import accounts, audit, codes, sessions
from newsletter.staff.models import Staff
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.staff import role_words
from newsletter.web.staff.guard import TheOfficer

router = APIRouter()

SAID = {
    "ended": "That browser is signed out.",
    "ended-all": "All other browsers are signed out.",
    "named": "Your name is saved.",
}


@router.get("/staff/account")
def account_page(
    request: Request, officer: TheOfficer, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        member = session.get_one(Staff, officer.id)
        return pages.show(
            request,
            "staff/account.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            address=accounts.email_of(runtime.crypto, member),
            roles=role_words.of(session, sorted(officer.roles, key=str)),
            sessions=sessions.of(session, officer.id, now=runtime.clock.now()),
            has_codes=member.totp_secret_sealed is not None,
            codes_left=codes.recovery_left(session, officer.id),
        )


@router.post("/staff/account/name")
def rename(officer: TheOfficer, form: TheForm, runtime: TheRuntime) -> Response:
    with runtime.db.transaction() as session:
        accounts.rename(session, officer.id, form.get("name", ""))
    return RedirectResponse("/staff/account?said=named", status_code=303)


@router.post("/staff/account/sessions")
def end_session(officer: TheOfficer, form: TheForm, runtime: TheRuntime) -> Response:
    """End one of one's own sessions, or all but this one."""
    which, now = form.get("session", ""), runtime.clock.now()
    if which != "others" and not (which.isascii() and which.isdigit() and len(which) < 10):
        raise InvalidInput("Choose which browser to sign out.")
    with runtime.db.transaction() as session:
        if which == "others":
            sessions.end_all(session, officer.id, but=officer.session_id)
        else:
            sessions.end_one(session, officer.id, int(which))
        audit.note(session, runtime.crypto, "end session", staff_id=officer.id, now=now)
    return RedirectResponse(f"/staff/account?said={'ended-all' if which == 'others' else 'ended'}", status_code=303)


@router.post("/staff/account/recovery-codes")
def new_recovery_codes(request: Request, officer: TheOfficer, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.transaction() as session:
        made = codes.renew_recovery(session, runtime.crypto, officer.id)
        audit.note(session, runtime.crypto, "new recovery codes", staff_id=officer.id, now=runtime.clock.now())
        return pages.show(
            request, "staff/recovery-codes.html", site.current(session), codes=made, is_first=False, officer=officer
        )
