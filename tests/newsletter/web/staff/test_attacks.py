"""What somebody with bad intent would try on every page of staff at once, also on those that are added later.

What belongs to one page stands with its tests: links and feeds that lead inside, formulas in spreadsheets, stolen and
set sessions, uploads.
"""

import re
from collections.abc import Iterator

import pytest
from sqlmodel import select

from newsletter.editions.models import Edition
from newsletter.staff.models import StaffRole, StaffRoleHeld
from newsletter.tables import metadata
from newsletter.web.staff import guard
from subscribers.models import MailingList
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk, sign_in
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom, build
from tests.newsletter.web.staff.test_guard import address, routes

ALL = tuple(StaffRole)
#: Every parameter that some page has, and one that none has.
PARAMETERS = (
    "said", "page", "list", "state", "next", "q", "for", "area", "partner", "author", "more", "as", "check", "phase",
    "before", "draft", "theme", "copy", "when", "outcome", "source",
    "edition", "anything",
)  # fmt: skip
REFLECTED = '"><script>alert(1)</script>'
TRICK = "\r\nset-cookie: staff=mine\r\n\r\n<script>"


@pytest.fixture
def room(sqlite_door: Door) -> Newsroom:
    return build(sqlite_door.runtime)


def sit(door: Door, *roles: StaffRole, name: str = "Officer for everything") -> Desk:
    """Somebody who is signed in, with these roles."""
    return Desk(door, *sign_in(door.runtime, *roles, email="officer@example.org", name=name))


def pages(door: Door, room: Newsroom) -> Iterator[str]:
    """The address of every page that can be looked at; its edition is there."""
    for route, _ in routes(door):
        if "GET" in route.methods and not route.path.endswith("/sending/events"):  # which does not end
            path = route.path.replace("{edition_id:int}", str(room.edition))
            path = re.sub(r"\{update_id[^}]*\}", str(room.inside[0]), path)
            yield re.sub(r"\{[^}]*\}", "1", path)


def rows(door: Door) -> dict[str, int]:
    with door.runtime.db.reading() as session:
        return {table.name: len(session.execute(table.select()).all()) for table in metadata.sorted_tables}


def test_no_form_of_another_site_is_taken(sqlite_door: Door, room: Newsroom) -> None:
    everything, before = sit(sqlite_door, *ALL), rows(sqlite_door)
    for route, _ in routes(sqlite_door):
        for foreign in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example.net"}):
            if "POST" in route.methods:
                answer = everything.post(address(route), {"anything": "x"}, headers=foreign)
                assert answer.status_code == 403, route.path
    assert rows(sqlite_door) == before


def test_nothing_in_an_address_becomes_a_script_or_a_header(sqlite_door: Door, room: Newsroom) -> None:
    everything = sit(sqlite_door, *ALL)
    for path in pages(sqlite_door, room):
        for value in (REFLECTED, TRICK):
            answer = everything.get(path, params=dict.fromkeys(PARAMETERS, value))
            assert answer.status_code < 500, path
            assert "<script>alert" not in answer.text, path
            assert "staff=mine" not in str(answer.headers.get_list("set-cookie")), path


def test_every_page_says_who_may_frame_it_and_runs_no_script_but_ours(sqlite_door: Door, room: Newsroom) -> None:
    everything = sit(sqlite_door, *ALL)
    for path in pages(sqlite_door, room):
        answer = everything.get(path)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        policy = answer.headers["content-security-policy"]
        is_preview = re.search(r"/preview/(html|web)$", path) is not None
        assert ("frame-ancestors 'self'" if is_preview else "frame-ancestors 'none'") in policy, path
        assert "unsafe-inline" not in policy.partition("style-src")[0], path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["cache-control"].startswith(("no-store", "private")), path


def test_what_was_typed_is_shown_as_it_was_typed(sqlite_door: Door, room: Newsroom) -> None:
    """Stored scripts: in the names of lists and in an edition; `newsroom` puts them into updates."""
    with sqlite_door.runtime.db.transaction() as session:
        for mailing_list in session.exec(select(MailingList)):
            mailing_list.name = mailing_list.sender_name = HOSTILE
            session.add(mailing_list)
        edition = session.get_one(Edition, room.edition)
        edition.subject, edition.introduction = HOSTILE, HOSTILE
        session.add(edition)
    everything = sit(sqlite_door, *ALL, name=HOSTILE)
    for path in pages(sqlite_door, room):
        answer = everything.get(path)
        assert answer.status_code < 500, path
        assert "<script>alert" not in answer.text, path


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.DPO])
def test_a_role_for_one_list_opens_no_edition_of_another(sqlite_door: Door, room: Newsroom, role: StaffRole) -> None:
    somebody = sit(sqlite_door, role)
    with sqlite_door.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == somebody.staff_id)).one()
        held.mailing_list_id = room.professionals
        session.add(held)
    before = rows(sqlite_door)
    for route, found in routes(sqlite_door):
        if "edition_id" not in route.param_convertors:
            continue
        path = re.sub(r"\{(?!edition_id)[^}]*\}", "1", route.path).replace("{edition_id:int}", str(room.edition))
        for method in route.methods:
            answer = somebody.get(path) if method == "GET" else somebody.post(path, room.form(because="x"))
            refused = (403, 404, 422) if found and role in found.roles else (403,)
            assert answer.status_code in refused, (method, path)
    assert rows(sqlite_door) == before


@pytest.mark.parametrize("asked", ["//evil.example.org", "https://evil.example.org", "/\\evil.example.org", TRICK])
def test_signing_in_leads_to_no_other_site(sqlite_door: Door, asked: str) -> None:
    answer = sqlite_door.get("/staff/sign-in", params={"next": asked})
    assert answer.status_code == 200
    assert "evil.example.org" not in answer.text
    assert guard.way_back(asked) == "/staff/"
