"""Officers who are signed in, each at a desk of their own: a client that keeps their session's cookie."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, sessions
from newsletter.staff.models import StaffRole
from newsletter.web.staff import guard
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.newsroom import Newsroom, build


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody's browser."""

    door: Door
    staff_id: int
    cookie: str

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.door.get(path, headers=self._headers(more), **more)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        return self.door.ask("POST", path, data=data, headers=self._headers(more), tick=False, **more)

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        return {"cookie": f"{guard.cookie_name(self.door.runtime)}={self.cookie}", **more.pop("headers", {})}


def sign_in(runtime: Runtime, *roles: StaffRole, email: str, name: str) -> tuple[int, str]:
    """An account with these roles and a session of it: its id and its cookie."""
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        member = accounts.add(session, runtime.crypto, email, roles=roles, now=now)
        member.name = name
        session.add(member)
        assert member.id is not None
        cookie = sessions.begin(session, runtime.crypto, member.id, browser="A test", is_whole=True, now=now)
        return member.id, cookie


@pytest.fixture
def desk(door: Door) -> Callable[..., Desk]:
    """`desk(StaffRole.AUTHOR)`: somebody with these roles, signed in."""

    def sit_down(*roles: StaffRole, email: str = "", name: str = "") -> Desk:
        email = email or "-".join(role.replace(" ", "-") for role in roles) + "@example.org"
        name = name or f"{roles[0].capitalize()} of the council"
        return Desk(door, *sign_in(door.runtime, *roles, email=email, name=name))

    return sit_down


@pytest.fixture
def newsroom(door: Door) -> Newsroom:
    """A draft edition for parents, behind the door."""
    return build(door.runtime)
