"""Pictures and a logo in a browser, for who puts them in and who reads: axe, small phones, no scripts, the dark."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsletter.content import picture_files, pictures
from newsletter.delivery import letterheads, opening
from newsletter.editions import publishing
from newsletter.editions.models import Edition
from newsletter.staff.models import StaffRole
from newsletter.web.staff import guard
from subscribers import lists
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.conftest import sign_in
from tests.newsletter.web.staff.newsroom import Newsroom
from tests.picture_samples import jpeg, png

ALT = "A boy and his teaching assistant plant beans in the school garden"


@pytest.fixture
def room(site: Site) -> Newsroom:
    return newsroom.build(site.runtime)


@pytest.fixture
def at_desk(site: Site, visit: Callable[..., Visitor]) -> Iterator[Callable[..., Visitor]]:
    """An administrator who writes, signed in; takes what `visit` takes."""
    opened: list[Visitor] = []
    _, cookie = sign_in(site.runtime, StaffRole.ADMIN, email="admin@example.org", name="Communications officer")

    def begin(**options: object) -> Visitor:
        visitor = visit(**options)
        name = guard.cookie_name(site.runtime)
        visitor.context.add_cookies([{"name": name, "value": cookie, "url": site.base_url}])
        opened.append(visitor)
        return visitor

    yield begin
    for visitor in opened:
        visitor.context.clear_cookies()


def put_both(room: Newsroom) -> None:
    now = room.runtime.clock.now()
    photo, drawing = picture_files.photograph(jpeg()), picture_files.photograph(png((300, 500)))
    with room.runtime.db.transaction() as session:
        pictures.put_to_update(session, room.inside[0], photo, ALT, now=now, editor_id=None)
        pictures.put_to_update(session, room.inside[1], drawing, "A blue door", now=now, editor_id=None)
        pictures.set_logo(session, picture_files.logo(png((600, 200), "#7a0019")), now=now)


def file(tmp_path: Path, content: bytes, name: str = "photo.jpg") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("scripts", [True, False])
def test_a_picture_is_put_in_and_taken_away(
    at_desk: Callable[..., Visitor], room: Newsroom, tmp_path: Path, scripts: bool
) -> None:
    author = at_desk(java_script_enabled=scripts)
    author.open(f"/staff/updates/{room.inside[0]}/picture")
    if scripts:
        author.look("staff-picture-none")
    author.press("Save picture")
    assert "Choose a picture" in author.page.locator(".govuk-error-summary").inner_text()
    if scripts:
        author.look("staff-picture-error")
    author.page.get_by_label("Picture", exact=True).set_input_files(file(tmp_path, jpeg()))
    author.page.get_by_label("What the picture shows").fill(ALT)
    author.page.get_by_role("checkbox").check()
    author.press("Save picture")
    assert author.page.get_by_role("img", name=ALT).evaluate("each => each.naturalWidth") == 1200
    if scripts:
        author.look("staff-picture")
    author.press("Take the picture away")
    assert author.page.get_by_role("img", name=ALT).count() == 0


def test_a_logo_is_put_in(at_desk: Callable[..., Visitor], room: Newsroom, tmp_path: Path) -> None:
    admin = at_desk()
    admin.open("/staff/settings/partnership")
    with admin.page.expect_navigation():
        admin.page.get_by_role("link", name="Add a logo").click()
    admin.look("staff-logo-none")
    admin.page.get_by_label("Logo", exact=True).set_input_files(file(tmp_path, png((900, 300), "#7a0019"), "logo.png"))
    admin.press("Save logo")
    admin.look("staff-logo")
    admin.open("/")
    assert admin.page.locator(".app-logo").evaluate("each => each.naturalHeight") == 240
    admin.look("home-with-logo")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_picture_is_left_out_of_one_edition_from_the_keyboard(
    at_desk: Callable[..., Visitor], room: Newsroom, scripts: bool
) -> None:
    put_both(room)
    author = at_desk(java_script_enabled=scripts)
    author.open(f"/staff/editions/{room.edition}")
    card = author.page.locator(f"#update-{room.inside[0]}")
    thumb = card.locator("img")
    thumb.scroll_into_view_if_needed()
    if scripts:
        thumb.evaluate("each => each.decode()")
        author.look("staff-compose-pictures")
    assert f"KB: {ALT}" in card.inner_text()
    with author.page.expect_navigation():
        card.get_by_role("button", name="Leave the picture out : More help by phone").press("Enter")
    assert "The picture is left out of this edition." in author.page.content()
    assert thumb.count() == 0
    assert f"Its picture is left out here: {ALT}" in card.inner_text()
    if scripts:
        author.look("staff-compose-picture-left-out")
    with author.page.expect_navigation():
        card.get_by_role("button", name="Put the picture back : More help by phone").press("Enter")
    assert thumb.count() == 1


@pytest.mark.parametrize("view", ["phone", "desktop", "dark", "no-pictures", "web"])
def test_previews_show_it_as_readers_will_see_it(at_desk: Callable[..., Visitor], room: Newsroom, view: str) -> None:
    put_both(room)
    author = at_desk()
    author.open(f"/staff/editions/{room.edition}/preview?as={view}")
    author.page.wait_for_load_state("networkidle")
    frame = author.page.frame_locator("iframe")
    if view == "no-pictures":
        assert frame.get_by_text(ALT).is_visible()
        assert frame.get_by_role("img").count() == 0
    else:
        picture = frame.get_by_role("img", name=ALT)
        picture.scroll_into_view_if_needed()
        picture.evaluate("each => each.decode()")
        assert picture.evaluate("each => each.naturalWidth") == 1200
    author.look(f"staff-preview-pictures-{view}")


def test_the_page_of_an_edition_shows_it_until_it_is_deleted(
    visit: Callable[..., Visitor], at_desk: Callable[..., Visitor], room: Newsroom
) -> None:
    put_both(room)
    now = room.runtime.clock.now()
    with room.runtime.db.transaction() as session:
        head = letterheads.letterhead(session, lists.by_id(session, room.parents), room.runtime.settings.base_url)
        publishing.submit(session, room.edition, now=now)
    approver, _ = sign_in(room.runtime, StaffRole.APPROVER, email="approver@example.org", name="Approver")
    with room.runtime.db.transaction() as session:
        publishing.approve(session, room.edition, approver_id=approver, roles=["approver"], letterhead=head, now=now)
        opening.release_and_open(session, room.edition, now=now)
        slug = session.get_one(Edition, room.edition).slug
    reader = visit()
    reader.open(f"/editions/parents/{slug}")
    picture = reader.page.get_by_role("img", name=ALT)
    picture.scroll_into_view_if_needed()
    picture.evaluate("each => each.decode()")
    assert picture.evaluate("each => each.naturalWidth") == 1200
    reader.page.get_by_role("img", name="A blue door").scroll_into_view_if_needed()
    reader.look("edition-with-pictures")
    with room.runtime.db.transaction() as session:
        publishing.finish(session, room.edition, now=now)
        pictures.take_from_update(session, room.inside[0], now=now, editor_id=None)
    author = at_desk()
    author.open(f"/staff/updates/{room.inside[0]}/picture")
    author.look("staff-picture-sent")
    author.press(f"Delete this picture for good: {ALT}")
    assert "No page shows it any more" in author.page.content()
    later = visit()  # a browser keeps the page for a minute
    later.open(f"/editions/parents/{slug}")
    assert later.page.get_by_role("img", name=ALT).count() == 0
    later.look("edition-without-its-picture")
