"""However a request goes wrong, a program gets problem details, and a person their page."""

import sqlite3
from collections.abc import Callable

import pytest

from newsletter.api import reading
from newsletter.staff.models import KeyScope
from tests.newsletter.api.conftest import UPDATE, Program, problem

JSON = {"content-type": "application/json"}


def test_without_a_working_key_nothing_is_done(program: Program) -> None:
    for method, path in (
        ("GET", "/updates"), ("GET", "/updates/1"), ("POST", "/updates"), ("PATCH", "/updates/1"),
        ("GET", "/updates/choices"), ("POST", "/lists/parents/subscriptions"),
    ):  # fmt: skip
        missing = program.ask(method, path, key=None, content=b"{", headers=JSON)
        problem(missing, 401, "key-needed")
        assert missing.headers["www-authenticate"] == 'Bearer realm="SEND newsletter API"'
        wrong = program.ask(method, path, key="nl_aaaaaaaa_" + "x" * 43, content=b"{", headers=JSON)
        problem(wrong, 401, "key-needed")
        assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    basic = program.get("/updates", headers={"authorization": f"Basic {program.key}"})
    problem(basic, 401, "key-needed")


def test_a_key_does_only_what_it_was_made_for(program: Program) -> None:
    for scope, method, path in (
        (KeyScope.UPDATES_WRITE, "GET", "/updates"), (KeyScope.UPDATES_READ, "POST", "/updates"),
        (KeyScope.UPDATES_READ, "PATCH", "/updates/1"),
        (KeyScope.UPDATES_WRITE, "POST", "/lists/parents/subscriptions"),
    ):  # fmt: skip
        refused = program.ask(method, path, key=program.new_key(scope), json={})
        assert scope.value not in problem(refused, 403, "not-allowed")["detail"]
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe", b'{"a": 1} {}', b"[" * 30_000, b'{"a":' * 10_000, b'"\\ud800"', b"NaN"],
)
def test_what_is_no_json_is_malformed(sqlite_program: Program, body: bytes) -> None:
    said = sqlite_program.ask("POST", "/updates", content=body, headers=JSON)
    assert said.status_code in (400, 422)
    problem(said, said.status_code, {400: "malformed", 422: "invalid"}[said.status_code])


@pytest.mark.parametrize("body", ["null", "[]", "1", '"text"', "true", "{}"])
def test_json_of_another_shape_is_invalid(sqlite_program: Program, body: str) -> None:
    problem(sqlite_program.ask("POST", "/updates", content=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize("given", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonp"])
def test_only_json_is_read(sqlite_program: Program, given: str) -> None:
    refused = sqlite_program.ask("POST", "/updates", content=b"{}", headers={"content-type": given})
    problem(refused, 415, "media-type")
    parameters = sqlite_program.ask(
        "POST", "/updates", content=b"{}", headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert parameters.status_code == 422


def test_what_is_too_large_is_not_read(sqlite_program: Program) -> None:
    problem(sqlite_program.post("/updates", UPDATE | {"parent_body": "x" * 70_000}), 413, "too-large")


def test_a_method_that_is_not_taken_is_answered_with_those_that_are(sqlite_program: Program) -> None:
    for path, allowed in (
        ("/lists", "GET, HEAD"), ("/updates", "GET, HEAD, POST"), ("/updates/1", "GET, HEAD, PATCH"),
        ("/lists/parents/subscriptions", "POST"),
    ):  # fmt: skip
        for method in ("DELETE", "OPTIONS", "PUT", "TRACE", "NONSENSE"):
            refused = sqlite_program.ask(method, path)
            problem(refused, 405, "method")
            assert refused.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/api/", "/api/v2/lists", "/api/v1", "/api/v1/lists/", "/api/%00"])
def test_what_is_not_there_is_a_problem_below_api_and_a_page_elsewhere(sqlite_program: Program, path: str) -> None:
    problem(sqlite_program.door.get(path), 404, "not-found")
    assert "Page not found" in sqlite_program.door.get("/apis").text


def test_a_mistake_of_ours_is_a_problem_without_its_details(
    sqlite_program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(reading.archive, "latest", fail)
    response = sqlite_program.get("/lists", key=None)
    assert "secret" not in str(problem(response, 500, "unexpected"))
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "secret detail" in caplog.text


def test_a_database_that_is_busy_says_when_to_come_back(sqlite_program: Program) -> None:
    path = sqlite_program.runtime.db.url.database
    assert path
    with sqlite_program.runtime.db.engine.connect() as connection:  # do not wait ten seconds in a test
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
    locker = sqlite3.connect(path, isolation_level=None)
    try:
        locker.execute("BEGIN IMMEDIATE")
        refused = sqlite_program.post("/updates", UPDATE)
        problem(refused, 503, "busy")
        assert refused.headers["retry-after"] == "60"
    finally:
        locker.close()


def test_another_sites_page_can_do_nothing_with_a_form(sqlite_program: Program) -> None:
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example.net"}
    problem(sqlite_program.post("/updates", UPDATE, key=None, headers=foreign), 401, "key-needed")
    with_key = sqlite_program.post("/updates", UPDATE, headers=foreign)
    assert with_key.status_code == 201
    assert "access-control-allow-origin" not in with_key.headers


def test_what_goes_with_a_key_is_kept_by_nobody(program_with: Callable[..., Program]) -> None:
    response = program_with(environment="production").get("/updates")
    assert response.headers["cache-control"] == "no-store"
    assert "strict-transport-security" in response.headers
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
