"""A program with its keys, in front of the door that the pages' tests knock at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import httpx
import pytest

from newsletter.content.models import Partner, PriorityArea
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, keys
from newsletter.staff.models import KeyScope, StaffRole
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door

#: An update that can be kept.
UPDATE: dict[str, Any] = {
    "priority_area_id": 1,
    "partner_id": 1,
    "owner": "Head of SEND",
    "parent_title": "The helpline is open for longer",
    "parent_body": "You can call until **6pm** on weekdays.",
    "from_date": "2026-11-03",
}


@dataclass
class Program:
    """Sends JSON, with a key for everything unless told otherwise."""

    door: Door
    key: str

    @property
    def runtime(self) -> Runtime:
        return self.door.runtime

    def ask(self, method: str, path: str, *, key: str | None = "", **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers.setdefault("authorization", f"Bearer {key or self.key}")
        return self.door.ask(method, f"/api/v1{path}", headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, sent: object, **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=sent, **more)

    def patch(self, path: str, sent: object, **more: Any) -> httpx.Response:
        return self.ask("PATCH", path, json=sent, **more)

    def new_key(self, *scopes: KeyScope, name: str = "council website") -> str:
        return make_key(self.runtime, *scopes, name=name)


def make_key(runtime: Runtime, *scopes: KeyScope, name: str = "council website") -> str:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        staff = accounts.add(session, runtime.crypto, "admin@example.org", roles=[StaffRole.ADMIN], now=now)
        assert staff.id is not None
        return keys.add(session, runtime.crypto, name, scopes=scopes or tuple(KeyScope), staff_id=staff.id, now=now)


def build(runtime: Runtime) -> Program:
    town.build(runtime)
    with runtime.db.transaction() as session:
        day = date(2024, 1, 1)
        session.add(PriorityArea(id=1, number=1, name="Clear communication", description="…", from_date=day))
        session.add(Partner(id=1, slug="council", name="Example Council", from_date=day))
    return Program(Door(runtime), make_key(runtime))


@pytest.fixture
def program(runtime: Runtime) -> Program:
    """On SQLite and on PostgreSQL."""
    return build(runtime)


@pytest.fixture
def sqlite_program(sqlite_runtime: Runtime) -> Program:
    """On SQLite alone."""
    return build(sqlite_runtime)


@pytest.fixture
def program_with(sqlite_runtime: Runtime) -> Callable[..., Program]:
    """A program that meets other settings."""

    def make(**settings: object) -> Program:
        runtime = replace(sqlite_runtime, settings=sqlite_runtime.settings.model_copy(update=settings))
        return build(runtime)

    return make


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem details of an answer, which must be of this kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in response.headers
    said: dict[str, Any] = response.json()
    assert said["status"] == status
    assert said["type"] == f"http://news.example.org/api/problems/{kind}"
    return said


def fields(said: dict[str, Any]) -> list[str]:
    return [error["field"] for error in said["errors"]]
