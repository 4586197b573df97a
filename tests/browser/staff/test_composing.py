"""The composing pages in a browser: axe, small phones, no scripts, the keyboard."""

from collections.abc import Callable, Iterator

import pytest

from newsletter.staff.models import StaffRole
from newsletter.web.staff import guard
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.conftest import sign_in
from tests.newsletter.web.staff.newsroom import Newsroom


@pytest.fixture
def room(site: Site) -> Newsroom:
    """A draft with something to mend and something to look at in it."""
    room = newsroom.build(site.runtime)
    with site.runtime.db.transaction() as session:
        room.write(session, "Click here for news", parent_body="word " * 30 + ".")
        room.write(session, "A title that goes on for a while so that it has to be broken on a small telephone")
    return room


@pytest.fixture
def at_desk(site: Site, visit: Callable[..., Visitor]) -> Iterator[Callable[..., Visitor]]:
    """An author who is signed in; takes what `visit` takes."""
    opened: list[Visitor] = []
    _, cookie = sign_in(site.runtime, StaffRole.AUTHOR, email="author@example.org", name="Communications officer")

    def begin(**options: object) -> Visitor:
        visitor = visit(**options)
        name = guard.cookie_name(site.runtime)
        visitor.context.add_cookies([{"name": name, "value": cookie, "url": site.base_url}])
        opened.append(visitor)
        return visitor

    yield begin
    for visitor in opened:
        visitor.context.clear_cookies()


PAGES = (
    ("editions", "/staff/editions"),
    ("start", "/staff/editions/start"),
    ("compose", "/staff/editions/{edition}"),
    ("words", "/staff/editions/{edition}/words"),
    ("wording", "/staff/editions/{edition}/updates/{update}/wording"),
    ("check", "/staff/editions/{edition}/check"),
    *((f"preview-{view}", f"/staff/editions/{{edition}}/preview?as={view}")
      for view in ("phone", "desktop", "dark", "text", "notify", "no-pictures", "web")),
)  # fmt: skip


@pytest.mark.parametrize(("name", "path"), PAGES, ids=[name for name, _ in PAGES])
def test_every_page_is_clean(at_desk: Callable[..., Visitor], room: Newsroom, name: str, path: str) -> None:
    author = at_desk()
    add_both(author, room)
    author.open(path.format(edition=room.edition, update=room.inside[0]))
    author.page.wait_for_load_state("networkidle")
    author.look(f"staff-{name}")


def add_both(author: Visitor, room: Newsroom) -> None:
    for title in (
        "Click here for news",
        "A title that goes on for a while so that it has to be broken on a small telephone",
    ):
        author.open(f"/staff/editions/{room.edition}")
        author.press(f"Add : {title}")


def test_the_errors_of_a_form_are_clean_too(at_desk: Callable[..., Visitor], room: Newsroom) -> None:
    author = at_desk()
    author.open(f"/staff/editions/{room.edition}/words")
    author.page.get_by_label("Subject", exact=True).fill("")
    author.press("Save")
    assert author.page.locator(".govuk-error-summary").evaluate("each => each === document.activeElement")
    author.look("staff-words-error")
    author.open("/staff/editions/start")
    author.press("Start the edition")
    author.look("staff-start-error")


def test_two_people_at_once_are_told(at_desk: Callable[..., Visitor], room: Newsroom) -> None:
    first, second = at_desk(), at_desk()
    for somebody in (first, second):
        somebody.open(f"/staff/editions/{room.edition}")
    first.press("Leave out : More help by phone")
    assert "Left out." in first.page.content()
    second.press("Leave out : Plans on time")
    assert "was changed after you opened this page" in second.page.locator(".govuk-error-summary").inner_text()
    second.look("staff-compose-stale")
    second.press("Leave out : Plans on time")
    assert "Left out." in second.page.content()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_edition_is_arranged_from_the_keyboard(
    at_desk: Callable[..., Visitor], room: Newsroom, scripts: bool
) -> None:
    author = at_desk(java_script_enabled=scripts)
    author.open("/staff/editions")
    with author.page.expect_navigation():
        author.page.get_by_role("link", name="Compose it").press("Enter")
    cards = author.page.locator(".app-area .app-card h4")
    assert cards.all_inner_texts() == ["More help by phone", "A new team answers letters", "Plans on time"]
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Move up : A new team answers letters").press("Enter")
    assert author.page.url.endswith(f"#update-{room.inside[1]}")
    assert cards.all_inner_texts() == ["A new team answers letters", "More help by phone", "Plans on time"]
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Move section up : Area 2").press("Enter")
    assert cards.all_inner_texts()[0] == "Plans on time"
    with author.page.expect_navigation():
        author.page.get_by_role("link", name="Change the first words").press("Enter")
    author.page.get_by_label("Introduction", exact=True).fill("Three plain words.")
    if scripts:
        assert "It has 3 words." in author.page.locator("#introduction-hint").inner_text()
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Save").press("Enter")
    assert "Three plain words." in author.page.content()


def test_a_test_is_sent_and_the_mail_is_shown_in_its_frame(
    at_desk: Callable[..., Visitor], site: Site, room: Newsroom
) -> None:
    author = at_desk()
    author.open(f"/staff/editions/{room.edition}/preview?as=desktop")
    frame = author.page.frame_locator("iframe")
    assert frame.get_by_role("heading", name="More help by phone").is_visible()
    # The styles of the mail count in its frame.
    assert frame.locator("h1").first.evaluate("each => getComputedStyle(each).fontFamily").lower().startswith("arial")
    # From the keyboard: in this browser without a screen the mouse gets lost in a frame that was looked into.
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Send the test").press("Enter")
    assert "The test was sent." in author.page.content()
    assert len(list((site.runtime.settings.data_dir / "outbox").glob("*.eml"))) == 1
    # What remains is the frame's policy at work: our own test tools' scripts, refused.
    author.complaints[:] = [text for text in author.complaints if "Blocked script execution in" not in text]


def test_the_web_page_is_shown_with_its_styles(at_desk: Callable[..., Visitor], room: Newsroom) -> None:
    author = at_desk()
    author.open(f"/staff/editions/{room.edition}/preview?as=web")
    masthead = author.page.frame_locator("iframe").locator(".govuk-generic-header")
    assert masthead.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(0, 89, 76)"
