"""Signing in: by invitation, password and code; what is refused, and what a guesser learns (nothing)."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from sqlmodel import col, select

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, audit, invitations
from newsletter.staff.models import AuditEntry, Staff, StaffRole, StaffSession
from newsletter.web.staff import guard
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk

EMAIL, PASSWORD = "officer@example.org", "gravel teapot Wednesday orbit"


class Browser:
    """Keeps cookies, and follows nothing."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, data: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = self.door.ask(method, path, data=data, tick=False, headers=headers | more.pop("headers", {}), **more)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer


def invited(runtime: Runtime, *roles: StaffRole, email: str = EMAIL) -> str:
    """The path of an invitation."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        member = accounts.add(session, runtime.crypto, email, roles=roles or [StaffRole.AUTHOR], now=now)
        assert member.id is not None
        return f"/staff/join/{invitations.invite(session, runtime.crypto, member.id, now=now)}"


def secret_on(page: str) -> str:
    found = re.search(r'app-secret">([A-Z2-7 ]+)<', page)
    assert found is not None
    return found.group(1).replace(" ", "")


def code(runtime: Runtime, secret: str) -> str:
    return pyotp.TOTP(secret).at(runtime.clock.now())


def join(browser: Browser, path: str) -> tuple[str, list[str]]:
    """Set up the account; its secret and recovery codes."""
    secret = secret_on(browser.ask("GET", path).text)
    answer = browser.ask("POST", path, {"password": PASSWORD, "code": code(browser.door.runtime, secret)})
    assert answer.status_code == 200, answer.text
    return secret, re.findall(r'app-secret">([a-z0-9-]{17})<', answer.text)


@pytest.fixture
def browser(door: Door) -> Browser:
    return Browser(door)


def test_from_an_invitation_to_the_studio_and_back_again(browser: Browser, clock: ManualClock) -> None:
    path = invited(browser.door.runtime)
    secret, recovery = join(browser, path)
    assert len(recovery) == 10
    assert browser.ask("GET", "/staff/").status_code == 200
    assert browser.ask("POST", "/staff/sign-out").headers["location"] == "/staff/sign-in?said=out"
    assert browser.ask("GET", "/staff/").status_code == 303
    assert "no longer good" in browser.ask("GET", path).text

    clock.move(timedelta(minutes=2))
    answer = browser.ask("POST", "/staff/sign-in?next=/staff/account", {"email": EMAIL, "password": PASSWORD})
    assert answer.headers["location"] == "/staff/sign-in/code?next=/staff/account"
    half = browser.cookies["staff"]
    assert browser.ask("GET", "/staff/").status_code == 303, "the password alone opens nothing"
    answer = browser.ask("POST", answer.headers["location"], {"code": code(browser.door.runtime, secret)})
    assert answer.headers["location"] == "/staff/account"
    assert browser.cookies["staff"] != half, "what was known before signing in is worth nothing after it"
    assert EMAIL in browser.ask("GET", "/staff/account").text
    browser.cookies["staff"] = half
    assert browser.ask("GET", "/staff/account").status_code == 303


def test_no_code_is_good_twice(browser: Browser, clock: ManualClock) -> None:
    secret, recovery = join(browser, invited(browser.door.runtime))

    def sign_in(with_code: str) -> int:
        browser.cookies.clear()
        browser.ask("POST", "/staff/sign-in", {"email": EMAIL, "password": PASSWORD})
        return browser.ask("POST", "/staff/sign-in/code", {"code": with_code}).status_code

    assert sign_in(code(browser.door.runtime, secret)) == 422, "the code that joined"
    clock.move(timedelta(minutes=2))
    now = code(browser.door.runtime, secret)
    assert [sign_in(now), sign_in(now)] == [303, 422]
    assert [sign_in(recovery[3].upper().replace("-", " ")), sign_in(recovery[3])] == [303, 422]
    assert sign_in("１２３４５６") == 422


@pytest.mark.parametrize(
    ("email", "password"),
    [("nobody@example.org", PASSWORD), (EMAIL, "something else altogether"), ("not an address", PASSWORD)],
)
def test_whoever_guesses_is_always_told_the_same(browser: Browser, email: str, password: str) -> None:
    join(browser, invited(browser.door.runtime))
    browser.cookies.clear()
    answer = browser.ask("POST", "/staff/sign-in", {"email": email, "password": password})
    assert answer.status_code == 422
    assert "The email address or the password is not right" in answer.text
    assert password not in answer.text
    assert "staff" not in browser.cookies


def test_an_account_that_is_switched_off_is_out_at_once(browser: Browser) -> None:
    join(browser, invited(browser.door.runtime))
    with browser.door.runtime.db.transaction() as session:
        member = session.exec(select(Staff)).one()
        member.is_active = False
        session.add(member)
    assert browser.ask("GET", "/staff/").status_code == 303
    answer = browser.ask("POST", "/staff/sign-in", {"email": EMAIL, "password": PASSWORD})
    assert "is not right" in answer.text


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.org"])
def test_tries_are_limited_whether_there_is_an_account_or_not(browser: Browser, clock: ManualClock, email: str) -> None:
    secret, _ = join(browser, invited(browser.door.runtime))
    browser.cookies.clear()
    for _ in range(10):
        assert browser.ask("POST", "/staff/sign-in", {"email": email, "password": "wrong"}).status_code == 422
    answer = browser.ask("POST", "/staff/sign-in", {"email": email, "password": PASSWORD})
    assert (answer.status_code, "Wait 15 minutes" in answer.text) == (429, True)
    clock.move(timedelta(minutes=16))
    assert browser.ask("POST", "/staff/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    for _ in range(10):
        assert browser.ask("POST", "/staff/sign-in/code", {"code": "000000"}).status_code == 422
    assert browser.ask("POST", "/staff/sign-in/code", {"code": code(browser.door.runtime, secret)}).status_code == 429


@pytest.mark.parametrize(
    ("password", "said"),
    [("short", "12 characters or more"), ("password1234", "guessed soon"), ("officer@example.org", "guessed soon")],
)
def test_passwords_that_are_guessed_first_are_refused(browser: Browser, password: str, said: str) -> None:
    path = invited(browser.door.runtime)
    secret = secret_on(browser.ask("GET", path).text)
    answer = browser.ask("POST", path, {"password": password, "code": code(browser.door.runtime, secret)})
    assert (answer.status_code, said in answer.text) == (422, True)
    assert secret_on(browser.ask("GET", path).text) == secret, "the app that was set up still fits"


def test_a_wrong_code_uses_no_invitation_up(browser: Browser) -> None:
    path = invited(browser.door.runtime)
    answer = browser.ask("POST", path, {"password": PASSWORD, "code": "000000"})
    assert (answer.status_code, "not the code" in answer.text) == (422, True)
    join(browser, path)


def test_a_new_invitation_ends_the_old_one_and_all_sessions_when_it_is_used(browser: Browser) -> None:
    runtime = browser.door.runtime
    old = invited(runtime)
    new = invited(runtime)
    assert browser.ask("GET", old).status_code == 404
    join(browser, new)
    join(Browser(browser.door), invited(runtime))
    assert browser.ask("GET", "/staff/").status_code == 303


def test_an_invitation_is_good_for_a_week(browser: Browser, clock: ManualClock) -> None:
    path = invited(browser.door.runtime)
    clock.move(invitations.LIFETIME)
    assert browser.ask("GET", path).status_code == 404


@pytest.mark.parametrize(
    "wanted", ["https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "/parents"]
)
def test_signing_in_leads_to_no_other_site(browser: Browser, clock: ManualClock, wanted: str) -> None:
    secret, _ = join(browser, invited(browser.door.runtime))
    clock.move(timedelta(minutes=2))
    browser.ask("POST", "/staff/sign-in", {"email": EMAIL, "password": PASSWORD})
    answer = browser.ask(
        "POST", "/staff/sign-in/code", {"code": code(browser.door.runtime, secret)}, params={"next": wanted}
    )
    assert answer.headers["location"] == "/staff/"


def test_another_sites_page_cannot_sign_anybody_in_or_out(browser: Browser) -> None:
    join(browser, invited(browser.door.runtime))
    for path in ("/staff/sign-in", "/staff/sign-out", "/staff/account/sessions"):
        answer = browser.ask("POST", path, {}, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
    assert browser.ask("GET", "/staff/").status_code == 200


def test_the_cookie_is_kept_from_scripts_and_from_other_hosts(browser: Browser) -> None:
    runtime = browser.door.runtime
    secret = secret_on(browser.ask("GET", path := invited(runtime)).text)
    answer = browser.ask("POST", path, {"password": PASSWORD, "code": code(runtime, secret)})
    said = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=lax", "path=/"):
        assert part in said
    assert "domain" not in said
    assert answer.headers["cache-control"] == "no-store"
    with runtime.db.reading() as session:
        kept = session.exec(select(StaffSession)).one()
    assert browser.cookies["staff"].encode() not in kept.token_hash


def test_over_https_the_cookie_is_tied_to_this_host(runtime: Runtime) -> None:
    secure = runtime.settings.model_copy(update={"base_url": "https://news.example.org"})
    assert guard.cookie_name(replace(runtime, settings=secure)) == "__Host-staff"


def test_ones_own_sessions_can_be_ended(browser: Browser, clock: ManualClock) -> None:
    secret, _ = join(browser, invited(browser.door.runtime))
    clock.move(timedelta(minutes=2))
    other = Browser(browser.door)
    other.ask("POST", "/staff/sign-in", {"email": EMAIL, "password": PASSWORD})
    assert other.ask("POST", "/staff/sign-in/code", {"code": code(browser.door.runtime, secret)}).status_code == 303
    assert other.ask("GET", "/staff/").status_code == 200
    assert "Sign out all others" in browser.ask("GET", "/staff/account").text
    browser.ask("POST", "/staff/account/sessions", {"session": "others"})
    assert [each.ask("GET", "/staff/").status_code for each in (browser, other)] == [200, 303]


def test_nobody_ends_somebody_elses_session(desk: Callable[..., Desk], door: Door) -> None:
    one, another = desk(StaffRole.AUTHOR), desk(StaffRole.APPROVER)
    with door.runtime.db.reading() as session:
        theirs = session.exec(select(StaffSession.id).where(col(StaffSession.staff_id) == another.staff_id)).one()
    one.post("/staff/account/sessions", {"session": str(theirs)})
    assert another.get("/staff/").status_code == 200


# Colleagues.


def test_an_administrator_invites_gives_and_takes(desk: Callable[..., Desk], browser: Browser) -> None:
    admin = desk(StaffRole.ADMIN)
    form = {"email": EMAIL, "name": "Communications officer", "role": "author", "only": "list 1"}
    answer = admin.post("/staff/colleagues", form)
    link = re.search(r"http://[^ <]+(/staff/join/[A-Za-z0-9_-]{43})<", answer.text)
    assert link is not None
    join(browser, link.group(1))
    assert "Author, only" in browser.ask("GET", "/staff/account").text
    assert admin.post("/staff/colleagues", {**form, "role": "approver", "only": ""}).status_code == 303
    page = admin.get("/staff/colleagues").text
    assert ("Communications officer" in page, EMAIL in page, "Approver" in page) == (True, True, True)
    with admin.door.runtime.db.reading() as session:
        staff_id = accounts.find(session, admin.door.runtime.crypto, EMAIL).id
    admin.post(f"/staff/colleagues/{staff_id}/take", {"role": "author", "only": "list 1"})
    assert "Author, only" not in browser.ask("GET", "/staff/account").text
    admin.post(f"/staff/colleagues/{staff_id}/switch", {"to": "off"})
    assert browser.ask("GET", "/staff/").status_code == 303
    admin.post(f"/staff/colleagues/{staff_id}/switch", {"to": "on"})
    assert browser.ask("GET", "/staff/").status_code == 303, "what ended does not begin again"


def test_an_administrator_cannot_lock_themselves_out(desk: Callable[..., Desk]) -> None:
    admin = desk(StaffRole.ADMIN)
    assert admin.post(f"/staff/colleagues/{admin.staff_id}/switch", {"to": "off"}).status_code == 409
    assert admin.post(f"/staff/colleagues/{admin.staff_id}/take", {"role": "admin", "only": ""}).status_code == 409


def test_what_is_typed_is_shown_and_not_run(desk: Callable[..., Desk]) -> None:
    admin = desk(StaffRole.ADMIN)
    name = '"><script>alert(1)</script>'
    admin.post("/staff/colleagues", {"email": EMAIL, "name": name, "role": "author"})
    page = admin.get("/staff/colleagues").text
    assert ("<script>alert" in page, "&lt;script&gt;alert" in page) == (False, True)


# The log.


def test_everything_is_in_the_log_without_an_address(desk: Callable[..., Desk], browser: Browser) -> None:
    runtime = browser.door.runtime
    admin, dpo = desk(StaffRole.ADMIN), desk(StaffRole.DPO)
    admin.post("/staff/colleagues", {"email": EMAIL, "name": "Officer", "role": "author"})
    join(browser, invited(runtime))
    browser.ask("POST", "/staff/sign-in", {"email": EMAIL, "password": "wrong"})
    page = dpo.get("/staff/log?check=1").text
    for words in ("give role", "invite", "join", "wrong password", "The log is whole"):
        assert words in page, words
    assert EMAIL not in page


@pytest.mark.parametrize("tampering", ["change", "take out", "swap"])
def test_a_change_of_the_log_shows(desk: Callable[..., Desk], tampering: str) -> None:
    dpo, runtime = desk(StaffRole.DPO), desk(StaffRole.ADMIN).door.runtime
    with runtime.db.transaction() as session:
        for number in range(1, 8):
            audit.note(session, runtime.crypto, f"act {number}", staff_id=None, now=runtime.clock.now())
    with runtime.db.reading() as session:
        assert audit.first_broken(session, runtime.crypto) is None
    with runtime.db.transaction() as session:
        third, fourth = session.exec(select(AuditEntry).where(col(AuditEntry.number).in_((3, 4)))).all()
        if tampering == "change":
            third.action = "nothing"
        elif tampering == "take out":
            session.delete(third)
        else:
            third.action, fourth.action = fourth.action, third.action
    answer = dpo.get("/staff/log?check=1").text
    assert f"Entry {4 if tampering == 'take out' else 3} does not fit" in answer


def test_the_log_is_kept_for_a_year(runtime: Runtime, clock: ManualClock) -> None:
    for _ in range(3):
        with runtime.db.transaction() as session:
            audit.note(session, runtime.crypto, "act", staff_id=None, now=clock.now())
        clock.move(timedelta(days=200))
    with runtime.db.transaction() as session:
        assert audit.forget(session, until=clock.now() - audit.KEPT_FOR) == 2
        audit.note(session, runtime.crypto, "act", staff_id=None, now=clock.now())
        assert audit.first_broken(session, runtime.crypto) is None
        assert [entry.number for entry in audit.newest(session)] == [4, 3]


def test_looking_at_people_and_the_log_wants_somebody_who_is_here(
    desk: Callable[..., Desk], clock: ManualClock
) -> None:
    dpo = desk(StaffRole.DPO)
    clock.move(timedelta(minutes=16))
    assert dpo.get("/staff/log").status_code == 303
    assert dpo.get("/staff/").status_code == 200
