"""Staff at the door: from an invitation into the studio, out and in again, as somebody new does it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import expect

from newsletter.staff.models import StaffRole
from tests.browser.conftest import Visitor
from tests.newsletter.web.staff.test_signing_in import EMAIL, PASSWORD, invited


def set_up(visitor: Visitor) -> str:
    """Join by invitation; the secret that the app keeps."""
    runtime = visitor.site.runtime
    visitor.open(invited(runtime, StaffRole.AUTHOR, StaffRole.ADMIN, StaffRole.DPO))
    visitor.is_staff = True
    secret = visitor.page.locator(".app-secret").inner_text().replace(" ", "")
    visitor.page.get_by_label("Choose a password").fill(PASSWORD)
    visitor.page.get_by_label("Enter the six digits").fill(pyotp.TOTP(secret).at(runtime.clock.now()))
    return secret


@pytest.mark.parametrize("has_scripts", [True, False])
def test_from_an_invitation_out_and_in_again(visit: Callable[..., Visitor], has_scripts: bool) -> None:
    visitor = visit(java_script_enabled=has_scripts)
    secret = set_up(visitor)
    visitor.press("Set up my account")
    assert visitor.heading() == "Your account is ready. Keep these codes"
    codes = visitor.page.locator("li.app-secret").all_inner_texts()
    assert len(codes) == 10
    visitor.page.get_by_role("button", name="I have kept them").click()
    visitor.page.get_by_role("link", name="Your account").click()
    visitor.press("Sign out")
    visitor.site.runtime.clock.move(timedelta(minutes=2))  # type: ignore[attr-defined]
    visitor.page.get_by_label("Email address").fill(EMAIL)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Continue")
    visitor.page.get_by_label("Enter your code").fill(pyotp.TOTP(secret).at(visitor.site.runtime.clock.now()))
    visitor.press("Sign in")
    assert visitor.page.url == f"{visitor.site.base_url}/staff/"
    visitor.page.get_by_role("link", name="Your account").click()
    expect(visitor.page.get_by_text(f"You sign in as {EMAIL}")).to_be_visible()


def test_by_keyboard_alone(visitor: Visitor) -> None:
    set_up(visitor)
    visitor.press("Set up my account")
    visitor.open("/staff/account")
    visitor.press("Sign out")
    visitor.site.runtime.clock.move(timedelta(minutes=2))  # type: ignore[attr-defined]
    keyboard = visitor.page.keyboard
    visitor.page.get_by_label("Email address").focus()
    keyboard.type(EMAIL)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.page.url.endswith("/staff/sign-in/code?next=/staff/")


def test_every_page_of_signing_in_looks_right(visitor: Visitor) -> None:
    secret = set_up(visitor)
    visitor.page.get_by_label("Choose a password").fill("short")
    visitor.press("Set up my account")
    visitor.look("staff-join-errors")
    assert visitor.page.locator(".app-secret").inner_text().replace(" ", "") == secret
    set_up(visitor)
    visitor.press("Set up my account")
    visitor.look("staff-recovery-codes")
    for path, name in (
        ("/staff/", "start"), ("/staff/account", "account"), ("/staff/colleagues", "colleagues"),
        ("/staff/log?check=1", "log"), ("/staff/join/nothing", "invitation-over"),
    ):  # fmt: skip
        visitor.open(path)
        visitor.look(f"staff-{name}")
    visitor.open("/staff/colleagues")
    visitor.press("Give the role")
    visitor.look("staff-colleagues-errors")
    visitor.page.get_by_label("Their email address").fill("somebody@example.org")
    visitor.page.get_by_label("Name or post").fill("Designated clinical officer")
    visitor.page.get_by_label("Approver", exact=True).check()
    visitor.press("Give the role")
    assert re.search(r"/staff/join/[A-Za-z0-9_-]{43}$", visitor.page.locator(".app-secret").inner_text())
    visitor.look("staff-invited")
    visitor.open("/staff/account")
    visitor.press("Sign out")
    visitor.look("staff-sign-in")
    visitor.press("Continue")
    visitor.look("staff-sign-in-errors")
    visitor.page.get_by_label("Email address").fill(EMAIL)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Continue")
    visitor.look("staff-sign-in-code")


def test_pages_of_staff_are_framed_by_nobody(visitor: Visitor) -> None:
    answer = visitor.page.goto(f"{visitor.site.base_url}/staff/sign-in")
    assert answer is not None
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
