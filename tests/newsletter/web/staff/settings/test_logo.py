"""The partnership's logo: put in by an administrator, shown on every public page, on white and with its name."""

import re
from collections.abc import Callable

import httpx
import pytest
from sqlmodel import select

from newsletter.content import pictures
from newsletter.content.models import Partnership, Picture
from newsletter.staff.models import AuditEntry, StaffRole
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.picture_samples import jpeg, png

PATH = "/staff/settings/partnership/logo"


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.ADMIN)


def put(desk: Desk, content: bytes) -> httpx.Response:
    return desk.post(PATH, {}, files={"file": ("logo.png", content, "image/png")})


def stored(door: Door) -> str | None:
    with door.runtime.db.reading() as session:
        return session.exec(select(Partnership.logo_sha256)).one()


def test_it_stands_at_the_top_of_every_page_with_the_name_of_the_partnership(admin: Desk, door: Door) -> None:
    before = door.get("/").text
    assert "app-logo" not in before
    assert put(admin, png()).status_code == 303
    for path in ("/", "/editions", "/privacy", "/parents"):
        shown = re.search(
            r'<img class="app-logo" src="([^"]+)" alt="([^"]+)" width="144" height="72">', door.get(path).text
        )
        assert shown, path
        assert shown[2] == "Example SEND partnership"
    assert door.get(shown[1]).headers["content-type"] == "image/png"
    page = admin.get(f"{PATH}?said=saved").text
    assert "The logo was saved." in page
    assert "the name of the partnership" in page
    assert "Change the logo" in admin.get("/staff/settings/partnership").text


def test_it_is_noted_and_can_be_taken_away(admin: Desk, door: Door) -> None:
    put(admin, png())
    sha256 = stored(door)
    assert admin.post(f"{PATH}/take-away", {}).headers["location"] == f"{PATH}?said=taken"
    assert stored(door) is None
    with door.runtime.db.reading() as session:
        assert session.exec(select(Picture)).all() == []
        entries = [(each.action, each.detail) for each in session.exec(select(AuditEntry))]
    assert entries[-2:] == [("put logo", f"SHA-256 {sha256}"), ("take logo away", f"SHA-256 {sha256}")]
    assert "app-logo" not in door.get("/").text
    assert "Add a logo" in admin.get("/staff/settings/partnership").text


def test_another_one_takes_its_place(admin: Desk, door: Door) -> None:
    put(admin, png())
    first = stored(door)
    put(admin, jpeg((900, 300)))
    assert stored(door) != first
    assert door.get(f"/pictures/{first}.png").status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This file is not a picture we can read: use JPEG, PNG or WebP"),
        (png(colour="#ffffff", background=None), "This logo can hardly be seen on white"),
        (png((300, 12)), "too small"),
    ],
)
def test_what_could_not_be_seen_is_refused(admin: Desk, door: Door, content: bytes, said: str) -> None:
    answer = put(admin, content)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'href="#file"' in answer.text
    assert stored(door) is None


def test_a_large_file_is_taken_from_administrators_alone(admin: Desk, desk: Callable[..., Desk], door: Door) -> None:
    large = jpeg((3000, 1500))
    assert len(large) > 64 * 1024
    assert put(admin, large).status_code == 303
    assert put(desk(StaffRole.AUTHOR), large).status_code == 413


def test_one_that_is_deleted_while_it_is_put_in_has_to_be_chosen_again(
    admin: Desk, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "keep", lambda *_args, **_more: "0" * 64)
    answer = put(admin, png())
    assert answer.status_code == 409
    assert "Choose it again" in answer.text
    assert stored(door) is None


def test_twenty_megabytes_are_not_waited_for(admin: Desk) -> None:
    assert put(admin, b"\xff\xd8\xff" + b"\0" * 20_000_000).status_code == 413
