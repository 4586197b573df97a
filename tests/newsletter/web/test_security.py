"""What holds for every page: headers, limits, silence about people, and plain words when something is wrong."""

import logging
import re
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import select

from newsletter.content import partners
from newsletter.content.models import Partnership
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.web import home
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_signup import ADDRESS


@pytest.mark.parametrize("path", ["/", "/parents", "/nothing-here", "/leave/broken", "/healthz", "/static/none.css"])
def test_every_response_keeps_to_itself(path: str, sqlite_door: Door) -> None:
    headers = sqlite_door.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "permissions-policy" in headers
    assert "strict-transport-security" not in headers


def test_production_insists_on_https(door_with: Callable[..., Door]) -> None:
    assert "strict-transport-security" in door_with(environment="production").get("/").headers


def test_every_script_carries_the_nonce_and_every_page_another_one(sqlite_door: Door) -> None:
    nonces = set()
    for _ in range(3):
        response = sqlite_door.get("/professionals")
        (nonce,) = re.findall(r"script-src 'nonce-([\w-]+)'", response.headers["content-security-policy"])
        scripts = re.findall(r"<script([^>]*)>", response.text)
        assert len(scripts) == 4
        assert all(f'nonce="{nonce}"' in script for script in scripts)
        assert not re.search(r"<[^>]+ (style|on\w+)=", response.text)
        nonces.add(nonce)
    assert len(nonces) == 3


def test_personal_pages_and_forms_are_kept_by_nobody(sqlite_door: Door) -> None:
    token = town.token(sqlite_door.runtime, Purpose.LEAVE, town.subscriber(sqlite_door.runtime, ADDRESS))
    for path in ("/parents", f"/leave/{token}", "/parents/check-your-email"):
        assert sqlite_door.get(path).headers["cache-control"] == "no-store"
    sheet = re.search(r'href="(/static/pages-\w+\.css)"', sqlite_door.get("/").text)
    assert sheet
    response = sqlite_door.get(sheet[1])
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"


def test_another_site_cannot_press_our_buttons_but_may_offer_our_form(sqlite_door: Door) -> None:
    subscriber_id = town.subscriber(sqlite_door.runtime, ADDRESS, confirmed=False)
    confirm = f"/confirm/{town.token(sqlite_door.runtime, Purpose.CONFIRM, subscriber_id)}"
    for foreign in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example.net"},
    ):
        assert sqlite_door.post(confirm, headers=foreign).status_code == 403
        assert sqlite_door.post("/parents", {"email": "r@example.org"}, headers=foreign).status_code == 303
    for own in ({"sec-fetch-site": "same-origin", "origin": "null"}, {"origin": "http://news.example.org"}, {}):
        assert sqlite_door.post(confirm, headers=own).status_code == 200


def test_too_much_is_refused_with_a_page(sqlite_door: Door) -> None:
    large = sqlite_door.post("/parents", {"email": "x" * 70_000})
    assert large.status_code == 413
    assert "too much to send" in large.text
    assert sqlite_door.post("/parents", {"email": "x" * 60_000}).status_code == 400
    many = sqlite_door.post("/parents", {f"field{number}": "x" for number in range(50)})
    assert many.status_code == 400
    assert "could not read that form" in many.text
    upload = sqlite_door.ask("POST", "/parents", files={"email": ("a.exe", b"MZ")})
    assert upload.status_code == 400


def test_wrong_methods_and_unknown_pages_are_plain_pages(sqlite_door: Door) -> None:
    assert sqlite_door.ask("DELETE", "/parents").status_code == 405
    missing = sqlite_door.get("/nothing-here")
    assert missing.status_code == 404
    assert "Page not found" in missing.text
    assert "Example SEND partnership" in missing.text


@pytest.mark.parametrize(
    "path", ["/%00", "/editions/%00", "/editions/parents/%00", "/editions/%00/feed.xml", "/leave/%00"]
)
def test_an_address_with_a_character_that_is_no_text_is_not_found(door: Door, path: str) -> None:
    assert door.get(path).status_code == 404


def test_an_unexpected_error_is_a_page_with_all_headers_and_no_traceback(
    sqlite_door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(home.archive, "latest", fail)
    response = sqlite_door.get("/")
    assert response.status_code == 500
    assert "Sorry, something went wrong on our side" in response.text
    assert "secret detail" not in response.text
    assert "Traceback" not in response.text
    assert "content-security-policy" in response.headers
    assert "secret detail" in caplog.text


def test_a_locked_database_says_try_again_and_loses_nothing(sqlite_door: Door) -> None:
    path = sqlite_door.runtime.db.url.database
    assert path
    sqlite_door.get("/parents")
    with sqlite_door.runtime.db.engine.connect() as connection:  # do not wait ten seconds in a test
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
    locker = sqlite3.connect(path, isolation_level=None)
    try:
        locker.execute("BEGIN IMMEDIATE")
        response = sqlite_door.post("/parents", {"email": ADDRESS})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "60"
        assert "Nothing was lost; try again in a minute." in response.text
        assert ADDRESS not in response.text
        assert sqlite_door.get("/parents").status_code == 200  # reading goes on
    finally:
        locker.close()
    assert sqlite_door.post("/parents", {"email": ADDRESS}).status_code == 303


def test_a_database_that_is_away_is_not_ready_but_up(sqlite_door: Door) -> None:
    assert sqlite_door.get("/readyz").text == "ready\n"
    with sqlite_door.runtime.db.engine.connect() as connection:
        for table in ("edition_choice", "edition_event", "batch", "opening", "delivery", "edition", "partnership"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.exec_driver_sql("COMMIT")
    assert sqlite_door.get("/").status_code == 503
    assert sqlite_door.get("/healthz").status_code == 200


def test_logs_and_metrics_name_routes_and_no_people(sqlite_door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = town.token(sqlite_door.runtime, Purpose.LEAVE, town.subscriber(sqlite_door.runtime, ADDRESS))
    sqlite_door.get(f"/leave/{token}")
    sqlite_door.post(f"/leave/{token}")
    location = sqlite_door.post("/parents", {"email": ADDRESS}).headers["location"]
    sqlite_door.get(location)
    said = [(record.route, record.status) for record in caplog.records if hasattr(record, "route")]
    assert said == [
        ("/leave/{token}", 200),
        ("/leave/{token}", 200),
        ("/{slug}", 303),
        ("/{slug}/check-your-email", 200),
    ]
    metrics = sqlite_door.get("/metrics").text
    assert 'newsletter_requests_total{method="POST",route="/leave/{token}",status="200"} 1.0' in metrics
    everything = metrics + "".join(str(record.__dict__) for record in caplog.records if record.name.startswith("newsl"))
    for personal in (ADDRESS, token, location.rpartition("=")[2]):
        assert personal not in everything


def test_machines_find_what_they_look_for(sqlite_door: Door) -> None:
    security = sqlite_door.get("/.well-known/security.txt").text
    assert "Contact: mailto:send@example.org" in security
    assert "Expires: 2027-" in security
    assert "Disallow: /leave/" in sqlite_door.get("/robots.txt").text
    assert sqlite_door.get("/favicon.ico", follow=True).headers["content-type"] == "image/svg+xml"


def test_a_partnership_has_its_own_colour(sqlite_door: Door) -> None:
    assert "--govuk-brand-colour" not in sqlite_door.get("/").text
    with sqlite_door.runtime.db.transaction() as session:
        partners.partnership(session).brand_colour = "#5b2c83"
    assert "--govuk-brand-colour:#5b2c83" in sqlite_door.get("/").text


def test_before_there_is_a_partnership_the_pages_stand(sqlite_runtime: Runtime) -> None:
    door = Door(sqlite_runtime)
    assert door.get("/").status_code == 200
    assert door.get("/privacy").status_code == 200
    assert door.get("/parents").status_code == 404


def test_security_txt_is_what_the_rfc_asks_for(sqlite_door: Door) -> None:
    """RFC 9116: section 2.5 for the fields, 2.5.5 for a time less than a year away, 3 for type and place."""
    response = sqlite_door.get("/.well-known/security.txt")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.endswith("\n")
    fields = [line.split(": ", 1) for line in response.text.splitlines()]
    names = [name for name, _ in fields]
    assert names.count("Expires") == 1
    assert names.count("Preferred-Languages") == 1
    values = dict(fields)
    assert values["Contact"] == "mailto:send@example.org"
    assert values["Canonical"] == "http://news.example.org/.well-known/security.txt"
    now = sqlite_door.runtime.clock.now()
    assert timedelta(days=30) < datetime.fromisoformat(values["Expires"]) - now < timedelta(days=365)
    with sqlite_door.runtime.db.transaction() as session:
        session.exec(select(Partnership)).one().contact_email = "tête+send@example.org"
    assert "mailto:t%C3%AAte+send@example.org" in sqlite_door.get("/.well-known/security.txt").text
