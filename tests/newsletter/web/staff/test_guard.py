"""Who may come in: every route below /staff is listed with its roles, and refuses everybody else."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st

from newsletter import main
from newsletter.core.clock import ManualClock
from newsletter.staff.models import StaffRole
from newsletter.web.staff import guard
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk


def routes(door: Door) -> Iterator[tuple[APIRoute, guard.Door | None]]:
    """Every route of staff and who stands at it. The application keeps routers whole, so they are asked."""
    every = [route for errand in (*main.STUDIO, *main.ERRANDS) for route in errand.router.routes]
    assert sum(getattr(route, "path", "").startswith("/staff") for route in every) > 40
    for route in every:
        if isinstance(route, APIRoute) and route.path.startswith("/staff"):
            doors = [each.call for each in route.dependant.dependencies if isinstance(each.call, guard.Door)]
            assert len(doors) <= 1, route.path
            yield route, doors[0] if doors else None


def address(route: APIRoute) -> str:
    """The route's path, with something in place of what varies."""
    path = route.path
    for name in route.param_convertors:
        for kind in (":int", ":path", ""):
            path = path.replace("{" + name + kind + "}", "1")
    return path


def test_every_route_has_somebody_at_its_door_or_is_open_to_all(door: Door) -> None:
    for route, found in routes(door):
        assert (found is None) == getattr(route.endpoint, "open_to_all", False), route.path


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_page(door: Door) -> None:
    for route, found in routes(door):
        for method in route.methods if found else ():
            answer = door.ask(method, address(route))
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, guard.SIGN_IN), (
                route.path
            )


@pytest.mark.parametrize("role", StaffRole)
def test_each_role_is_refused_what_it_may_not_do(door: Door, desk: Callable[..., Desk], role: StaffRole) -> None:
    somebody = desk(role)
    for route, found in routes(door):
        for method in route.methods if found else ():
            answer = somebody.get(address(route)) if method == "GET" else somebody.post(address(route), {})
            if found and found.roles and role not in found.roles:
                assert answer.status_code == 403, (method, route.path)
            else:
                assert answer.status_code in (200, 303, 404, 409, 410, 422), (method, route.path)


def test_a_session_that_nobody_uses_ends(desk: Callable[..., Desk], clock: ManualClock) -> None:
    somebody = desk(StaffRole.AUTHOR)
    for _ in range(3):
        clock.move(timedelta(minutes=59))
        assert somebody.get("/staff/").status_code == 200
    clock.move(timedelta(minutes=61))
    assert somebody.get("/staff/").status_code == 303


def test_every_session_ends_after_twelve_hours(desk: Callable[..., Desk], clock: ManualClock) -> None:
    somebody = desk(StaffRole.AUTHOR)
    answers = []
    for _ in range(15):
        clock.move(timedelta(minutes=50))
        answers.append(somebody.get("/staff/").status_code)
    assert answers == [200] * 14 + [303]


@given(st.text(max_size=60) | st.text(alphabet="/\\.:@staffevilexample\t\n", max_size=40).map("/staff".__add__))
def test_the_way_back_never_leaves_us(asked: str) -> None:
    found = guard.way_back(asked)
    assert found.startswith("/staff/")
    assert "\\" not in found
    assert found.isprintable()


@pytest.mark.parametrize(
    "asked", ["//evil.example.org", "https://evil.example.org/staff/", "/staff/../..//evil.example.org"]
)
def test_other_sites_are_no_way_back(asked: str) -> None:
    assert not guard.way_back(asked).startswith("//")
    assert "://" not in guard.way_back(asked)
