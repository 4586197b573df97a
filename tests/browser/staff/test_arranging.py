"""Dragging on the composing page, in a browser: by mouse, by touch, by two people at once, and when it fails."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from newsletter.editions import composing, moves
from newsletter.staff.models import StaffRole
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.newsroom import Newsroom

FIRST, SECOND, THIRD = "More help by phone", "A new team answers letters", "Plans on time"


@pytest.fixture
def room(site: Site) -> Newsroom:
    return newsroom.build(site.runtime)


@pytest.fixture
def author(visit: Callable[..., Visitor], room: Newsroom) -> Callable[..., Visitor]:
    """An author with the composing page open; takes what `visit` takes."""
    number = iter(range(9))

    def begin(**options: object) -> Visitor:
        visitor = visit(**options)
        visitor.sign_in(StaffRole.AUTHOR, email=f"author{next(number)}@example.org")
        visitor.open(f"/staff/editions/{room.edition}")
        return visitor

    return begin


def titles(visitor: Visitor) -> Locator:
    return visitor.page.locator(".app-area h4")


def said(visitor: Visitor) -> Locator:
    return visitor.page.locator("[data-arranged]")


def kept(room: Newsroom) -> list[str]:
    with room.runtime.db.reading() as session:
        edition = moves.read(session, room.edition)
        return [update.title for section in composing.sections(session, edition) for update in section.updates]


def grip(visitor: Visitor, id_: str | int) -> Locator:
    """The grip of an update or a section itself, not of what is in it."""
    return visitor.page.locator(f'[data-id="{id_}"] [data-grip]').first


def middle(where: Locator) -> tuple[float, float]:
    where.scroll_into_view_if_needed()
    box = where.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(visitor: Visitor, what: Locator, past: Locator) -> None:
    """With the mouse, in steps as a hand moves it, to beyond the middle of something else."""
    mouse = visitor.page.mouse
    x, y = middle(what)
    box = past.bounding_box()
    assert box
    goal = box["y"] + (box["height"] - 4 if box["y"] > y - 60 else 4)
    mouse.move(x, y)
    mouse.down()
    mouse.move(x, y + (4 if goal > y else -4))
    mouse.move(x, goal, steps=12)
    mouse.up()


def test_an_update_is_dragged_within_its_section(author: Callable[..., Visitor], room: Newsroom) -> None:
    somebody = author()
    one, two, _ = room.inside
    revision = room.revision()
    drag(somebody, grip(somebody, one), somebody.page.locator(f"#update-{two}"))
    expect(said(somebody)).to_have_text(f"Saved. “{FIRST}” is now 2 of 2.")
    expect(titles(somebody)).to_have_text([SECOND, FIRST, THIRD])
    assert kept(room) == [SECOND, FIRST, THIRD]
    assert room.revision() == revision + 1  # sent once
    somebody.look("staff-compose-dragged")
    # The buttons of the new order work, and so does the next drag.
    somebody.press(f"Move up : {FIRST}")
    expect(titles(somebody)).to_have_text([FIRST, SECOND, THIRD])
    drag(somebody, grip(somebody, two), somebody.page.locator(f"#update-{one}"))
    expect(said(somebody)).to_have_text(f"Saved. “{SECOND}” is now 1 of 2.")
    somebody.page.keyboard.press("Tab")
    expect(said(somebody)).to_be_empty()


def test_a_section_is_dragged_before_another(author: Callable[..., Visitor], room: Newsroom) -> None:
    somebody = author()
    drag(somebody, grip(somebody, "priority-2"), somebody.page.locator('[data-id="priority-1"]'))
    expect(said(somebody)).to_have_text("Saved. “Priority 2: Area 2” is now 1 of 2.")
    assert kept(room) == [THIRD, FIRST, SECOND]
    # Again, without a new page: what came back can be dragged too.
    drag(somebody, grip(somebody, "priority-1"), somebody.page.locator('[data-id="priority-2"]'))
    expect(said(somebody)).to_have_text("Saved. “Priority 1: Area 1” is now 1 of 2.")
    assert kept(room) == [FIRST, SECOND, THIRD]


def test_an_update_stays_in_its_section(author: Callable[..., Visitor], room: Newsroom) -> None:
    somebody = author()
    one, two, three = room.inside
    sent: list[str] = []
    somebody.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    drag(somebody, grip(somebody, two), somebody.page.locator(f"#update-{three}"))
    expect(titles(somebody)).to_have_text([FIRST, SECOND, THIRD])
    expect(said(somebody)).to_be_empty()
    drag(somebody, grip(somebody, two), somebody.page.locator(f"#update-{one}"))
    expect(said(somebody)).to_contain_text("Saved.")
    assert len(sent) == 1  # nothing was sent of the drag that changed nothing


def test_it_is_dragged_with_a_finger_on_a_small_phone(author: Callable[..., Visitor], room: Newsroom) -> None:
    somebody = author(has_touch=True, reduced_motion="reduce")
    somebody.page.set_viewport_size({"width": 320, "height": 900})
    what, past = grip(somebody, room.inside[0]), somebody.page.locator(f"#update-{room.inside[1]}")
    x, y = middle(what)
    box = past.bounding_box()
    assert box
    goal = box["y"] + box["height"] - 4
    finger = somebody.context.new_cdp_session(somebody.page)

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for step in range(1, 13):
        touch("touchMove", {"x": x, "y": y + (goal - y) * step / 12})
    touch("touchEnd")
    expect(said(somebody)).to_have_text(f"Saved. “{FIRST}” is now 2 of 2.")
    assert kept(room) == [SECOND, FIRST, THIRD]


def test_of_two_who_drag_the_second_sees_what_the_first_did(author: Callable[..., Visitor], room: Newsroom) -> None:
    first, second = author(), author()
    drag(first, grip(first, "priority-2"), first.page.locator('[data-id="priority-1"]'))
    expect(said(first)).to_contain_text("Saved.")
    drag(second, grip(second, room.inside[0]), second.page.locator(f"#update-{room.inside[1]}"))
    expect(said(second)).to_contain_text("was changed after you opened this page, so your change was not made")
    expect(titles(second)).to_have_text([THIRD, FIRST, SECOND])
    assert kept(room) == [THIRD, FIRST, SECOND]
    second.look("staff-compose-dragged-stale")
    drag(second, grip(second, room.inside[0]), second.page.locator(f"#update-{room.inside[1]}"))
    expect(said(second)).to_contain_text("Saved.")
    assert kept(room) == [THIRD, SECOND, FIRST]


def test_it_springs_back_when_it_cannot_be_saved(author: Callable[..., Visitor], room: Newsroom) -> None:
    somebody = author(reduced_motion="reduce")
    one, two, _ = room.inside
    somebody.page.route("**/order", lambda route: route.abort())
    drag(somebody, grip(somebody, one), somebody.page.locator(f"#update-{two}"))
    expect(said(somebody)).to_have_text(
        "The new order was not saved, because the website could not be reached. Try again in a moment."
    )
    expect(titles(somebody)).to_have_text([FIRST, SECOND, THIRD])
    somebody.complaints[:] = [text for text in somebody.complaints if "ERR_FAILED" not in text]
    somebody.page.unroute("**/order")
    somebody.context.clear_cookies()
    drag(somebody, grip(somebody, one), somebody.page.locator(f"#update-{two}"))
    expect(said(somebody)).to_contain_text("because you were signed out")
    expect(titles(somebody)).to_have_text([FIRST, SECOND, THIRD])
    assert kept(room) == [FIRST, SECOND, THIRD]
    somebody.is_staff = False


def test_without_scripts_and_from_the_keyboard_there_are_the_buttons(
    author: Callable[..., Visitor], room: Newsroom
) -> None:
    somebody = author(java_script_enabled=False)
    assert not grip(somebody, room.inside[0]).is_visible()
    assert somebody.page.get_by_role("button", name=f"Move down : {FIRST}").is_visible()
    somebody = author()
    expect(grip(somebody, room.inside[0])).to_be_visible()
    assert grip(somebody, room.inside[0]).evaluate("each => each.tabIndex") == -1
    # Nothing is dragged where there is nothing to change places with.
    assert somebody.page.locator(f"#update-{room.inside[2]} [data-grip]").count() == 0


def test_only_this_page_has_the_script(author: Callable[..., Visitor], room: Newsroom) -> None:
    somebody = author()
    assert "sortable-" in somebody.page.content()
    for path in ("", f"/{room.edition}/check", f"/{room.edition}/words"):
        somebody.open(f"/staff/editions{path}")
        assert "sortable-" not in somebody.page.content()
