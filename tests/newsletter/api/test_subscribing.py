"""Signing up from the council's own website: pending as ever, and the same answer for every address."""

import logging
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from newsletter.core.runtime import Runtime
from newsletter.delivery.models import DeliveryKind
from newsletter.staff.models import KeyScope
from subscribers import lists
from subscribers.models import Consent, Phase, Role, SubscriberState
from tests.newsletter.api.conftest import Program, fields, problem
from tests.newsletter.web.test_signup import (
    ADDRESS,
    letters,
    make_confirmed,
    make_left,
    make_new,
    make_pending,
    make_suppressed,
    make_suspended,
    make_tired,
    subscribers,
)

PARENTS = "/lists/parents/subscriptions"
PROFESSIONALS = "/lists/professionals/subscriptions"


def typed(**more: object) -> dict[str, object]:
    return {"email": ADDRESS, "wording_version": 1, **more}


@pytest.mark.parametrize(
    "make", [make_new, make_pending, make_confirmed, make_left, make_suspended, make_suppressed, make_tired]
)
def test_every_address_gets_the_same_answer(make: Callable[[Runtime], None], program: Program) -> None:
    def answer(address: str) -> tuple[int, str, list[tuple[str, str]]]:
        response: httpx.Response = program.post(PARENTS, typed(email=address))
        return response.status_code, response.text, list(response.headers.items())

    make(program.runtime)
    assert answer(ADDRESS) == answer("nobody@example.org")
    assert answer(ADDRESS)[0] == 202


def test_somebody_signed_up_is_pending_until_they_confirm(program: Program) -> None:
    assert program.post(PARENTS, typed(email=f" {ADDRESS} ")).status_code == 202
    (row,) = subscribers(program.runtime)
    assert row.state is SubscriberState.PENDING
    assert letters(program.runtime) == [DeliveryKind.CONFIRM]
    with program.runtime.db.reading() as session:
        assert session.exec(select(Consent)).one().source == "api: council website"


def test_a_professional_gives_role_setting_and_phase(program: Program) -> None:
    response = program.post(PROFESSIONALS, typed(role="senco", school_urn=100_001, phase="special"))
    assert response.status_code == 202
    (row,) = subscribers(program.runtime)
    assert (row.role, row.school_urn, row.phase) == (Role.SENCO, 100_001, Phase.SPECIAL)
    assert program.post(PROFESSIONALS, typed(email="b@example.org", role="other", setting_name="A nursery")).is_success


def test_a_parent_gives_an_address_and_nothing_else(sqlite_program: Program) -> None:
    problem(sqlite_program.post(PARENTS, typed(role="senco")), 422, "invalid")
    assert fields(problem(sqlite_program.post(PARENTS, typed(child="x")), 422, "invalid")) == ["child"]
    assert subscribers(sqlite_program.runtime) == []


@pytest.mark.parametrize(
    ("path", "sent", "wrong"),
    [
        (PARENTS, {}, ["email", "wording_version"]),
        (PARENTS, typed(email="not an address"), ["email"]),
        (PARENTS, typed(email="a\0b@example.org"), ["email"]),
        (PARENTS, typed(email=["a@example.org"]), ["email"]),
        (PARENTS, typed(wording_version="1"), ["wording_version"]),
        (PARENTS, typed(wording_version=2), ["wording_version"]),
        (PARENTS, typed(wording_version=10**40), ["wording_version"]),
        (PROFESSIONALS, typed(), ["role"]),
        (PROFESSIONALS, typed(role="king"), ["role"]),
        (PROFESSIONALS, typed(role="senco"), ["school_urn"]),
        (PROFESSIONALS, typed(role="senco", school_urn=999_999), ["school_urn"]),
        (PROFESSIONALS, typed(role="senco", school_urn=10**40), ["school_urn"]),
        (PROFESSIONALS, typed(role="senco", school_urn=100_001, setting_name="Both"), ["setting_name"]),
        (PROFESSIONALS, typed(role="senco", setting_name="\0"), ["setting_name"]),
    ],
)
def test_a_mistake_is_named_by_its_field_and_not_repeated(
    program: Program, path: str, sent: dict[str, object], wrong: list[str]
) -> None:
    said = problem(program.post(path, sent), 422, "invalid")
    assert fields(said) == wrong
    assert ADDRESS not in str(said)
    assert subscribers(program.runtime) == []
    assert letters(program.runtime) == []


def test_a_form_that_showed_an_older_wording_must_show_the_one_in_use(sqlite_program: Program) -> None:
    with sqlite_program.runtime.db.transaction() as session:
        lists.add_wording(
            session, lists.by_slug(session, "parents"), "New words.", now=sqlite_program.runtime.clock.now()
        )
    assert fields(problem(sqlite_program.post(PARENTS, typed()), 422, "invalid")) == ["wording_version"]
    assert sqlite_program.post(PARENTS, typed(wording_version=2)).status_code == 202


def test_the_limits_of_the_key_count_and_not_where_its_server_stands(program_with: Callable[..., Program]) -> None:
    program = program_with(sign_ups_per_network_per_hour=1, api_requests_per_minute=3)
    for number in range(3):
        assert program.post(PARENTS, typed(email=f"r{number}@example.org")).status_code == 202
    refused = program.post(PARENTS, typed(email="r4@example.org"))
    problem(refused, 429, "too-many")
    assert refused.headers["retry-after"] == "20"
    program.runtime.clock.move(timedelta(seconds=20))  # type: ignore[attr-defined]
    assert program.post(PARENTS, typed(email="r4@example.org")).status_code == 202


def test_logs_name_the_key_by_its_prefix_and_nobody(sqlite_program: Program, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = sqlite_program.new_key(KeyScope.SUBSCRIBE)
    sqlite_program.post(PARENTS, typed(), key=key)
    sqlite_program.post(PARENTS, typed(), key=key[:-1] + "x")
    used = [record.key for record in caplog.records if hasattr(record, "key")]
    assert used == [key.split("_")[1]]
    assert [record.route for record in caplog.records if hasattr(record, "route")] == [
        "/api/v1/lists/{list_slug}/subscriptions"
    ] * 2
    everything = "".join(str(record.__dict__) for record in caplog.records if record.name.startswith("newsl"))
    for secret in (ADDRESS, key, key.split("_", 2)[2]):
        assert secret not in everything
