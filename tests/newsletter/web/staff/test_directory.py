"""Signing in with the council's own directory: a real provider, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.staff.models import StaffRole
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.test_signing_in import Browser, invited, join

ENTRA = {"oid": "00000000-0000-0000-0000-00000000000a", "tid": "00000000-0000-0000-0000-00000000000b"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-m", "tests.identity_provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


@pytest.fixture
def browser(runtime: Runtime, issuer: str) -> Browser:
    given = {"oidc_issuer": issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    settings = runtime.settings.model_copy(update={"provider_values": given, "base_url": "http://news.example.org"})
    return Browser(Door(replace(runtime, settings=settings)))


@pytest.fixture
def be(issuer: str, clock: ManualClock) -> Any:
    """Tell the provider who signs in, and what to do wrong."""

    def tell(*, key: str = "published", **claims: Any) -> None:
        told = {"now": clock.now().timestamp(), "key": key, "claims": claims}
        httpx.post(f"{issuer}/be", json=told, trust_env=False).raise_for_status()

    tell()
    return tell


def go(browser: Browser, query: str = "") -> tuple[str, httpx.Response]:
    """There and back: where the provider sent the browser, and what we said to that."""
    there = browser.ask("GET", f"/staff/sign-in/directory{query}").headers["location"]
    back = httpx.get(there, trust_env=False).headers["location"]
    path = urlsplit(back)
    return back, browser.ask("GET", f"{path.path}?{path.query}")


def invitation(browser: Browser, *roles: StaffRole, **more: Any) -> str:
    return invited(browser.door.runtime, *roles, **more).rpartition("/")[2]


def test_an_invitation_ties_an_account_to_somebody_in_the_directory(browser: Browser, be: Any) -> None:
    token = invitation(browser, StaffRole.AUTHOR)
    assert "Join with your council account" in browser.ask("GET", f"/staff/join/{token}").text
    be(**ENTRA)
    _, answer = go(browser, f"?invitation={token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/")
    assert browser.ask("GET", "/staff/").status_code == 200
    browser.ask("POST", "/staff/sign-out")
    assert "Sign in with your council account" in browser.ask("GET", "/staff/sign-in").text
    be(**ENTRA, sub="another", email="changed@example.org")  # `sub` and addresses may change; `oid` and `tid` do not
    _, answer = go(browser, "?next=/staff/account")
    assert answer.headers["location"] == "/staff/account"
    assert browser.ask("GET", "/staff/account").status_code == 200


def test_whoever_has_no_account_here_is_told_so(browser: Browser, be: Any) -> None:
    _, answer = go(browser)
    assert answer.status_code == 403
    assert "Ask an administrator to invite you" in answer.text
    assert "staff" not in browser.cookies


def test_the_same_object_of_another_tenant_is_somebody_else(browser: Browser, be: Any) -> None:
    be(**ENTRA)
    go(browser, f"?invitation={invitation(browser)}")
    be(**{**ENTRA, "tid": "00000000-0000-0000-0000-00000000000c"})
    assert go(Browser(browser.door))[1].status_code == 403


def test_a_password_is_worth_nothing_once_the_directory_knows(browser: Browser, be: Any, clock: ManualClock) -> None:
    join(browser, invited(browser.door.runtime))
    go(browser, f"?invitation={invitation(browser)}")
    answer = Browser(browser.door).ask(
        "POST", "/staff/sign-in", {"email": "officer@example.org", "password": "gravel teapot Wednesday orbit"}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another client"}, {"iss": "https://evil.example.org"}, {"nonce": "of another sign-in"}, {"exp": 1},
        {"key": "another"}, {"sub": None},
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_trusted_signs_nobody_in(browser: Browser, be: Any, wrong: dict[str, Any]) -> None:
    go(browser, f"?invitation={invitation(browser)}")
    be(**wrong)
    stranger = Browser(browser.door)
    assert go(stranger)[1].status_code == 403
    assert "staff" not in stranger.cookies


def test_the_way_back_is_good_once_and_in_the_same_browser(browser: Browser, be: Any, clock: ManualClock) -> None:
    back, answer = go(browser, f"?invitation={invitation(browser)}")
    assert answer.status_code == 303
    path = urlsplit(back)
    again = f"{path.path}?{path.query}"
    assert browser.ask("GET", again).status_code == 403
    assert Browser(browser.door).ask("GET", again).status_code == 403
    for query in ("?error=access_denied", "", "?code=x&state=y"):
        browser.ask("GET", "/staff/sign-in/directory")
        assert browser.ask("GET", f"{path.path}{query}").status_code == 403
    there = browser.ask("GET", "/staff/sign-in/directory").headers["location"]
    late = urlsplit(httpx.get(there, trust_env=False).headers["location"])
    clock.move(timedelta(minutes=11))
    assert browser.ask("GET", f"{late.path}?{late.query}").status_code == 403


def test_two_accounts_cannot_belong_to_one_person(browser: Browser, be: Any) -> None:
    go(browser, f"?invitation={invitation(browser)}")
    _, answer = go(browser, f"?invitation={invitation(browser, email='second@example.org')}")
    assert answer.status_code == 422
    assert "Another account here" in answer.text


def test_without_a_directory_there_is_no_such_way(door: Door) -> None:
    assert door.get("/staff/sign-in/directory").status_code == 404
    assert "council account" not in door.get("/staff/sign-in").text


def test_a_directory_that_is_away_is_said_in_a_sentence(runtime: Runtime) -> None:
    given = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "x"}
    settings = runtime.settings.model_copy(update={"provider_values": given})
    answer = Door(replace(runtime, settings=settings)).get("/staff/sign-in/directory")
    assert (answer.status_code, "does not answer" in answer.text) == (403, True)
