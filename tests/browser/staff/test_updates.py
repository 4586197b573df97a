"""The updates pages in a browser: axe, small phones, the dark, the keyboard, no scripts, previews that follow, drafts
that outlive the tab, and two people at once."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from newsletter.content.models import SavedDraft, Update
from newsletter.staff.models import StaffRole
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom

Visit = Callable[..., Visitor]


@pytest.fixture
def room(site: Site) -> Newsroom:
    return newsroom.build(site.runtime)


def author(visit: Visit, *, email: str = "author@example.org", name: str = "Communications officer", **options: Any):  # type: ignore[no-untyped-def]
    visitor = visit(**options)
    visitor.sign_in(StaffRole.AUTHOR, email=email, name=name)
    return visitor


def fill(page: Page, room: Newsroom, **texts: str) -> None:
    page.get_by_label("Priority area").select_option(str(room.areas[0]))
    page.get_by_label("Organisation").select_option(str(room.partner))
    page.get_by_label("Owner").fill("Head of SEND")
    for name, text in texts.items():
        page.locator(f"#{name}").fill(text)


def drafts(site: Site) -> list[dict[str, str]]:
    with site.runtime.db.reading() as session:
        return [draft.typed for draft in session.exec(select(SavedDraft))]


def saved(page: Page) -> None:
    expect(page.locator("[data-said]")).to_contain_text("Draft saved at")


def test_every_page_is_clean(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    page = me.page
    me.open("/staff/updates/new")
    me.look("staff-update-new")
    fill(
        page, room, parent_title=HOSTILE, parent_body="Click here for a text\n\n* one\n* two\n\n^ " + "word " * 90,
        professional_title="Phone line", professional_body="It opens at 8am.", action="Tell families",
        action_by="1/12/2026", evidence_url="https://www.example.org/line", evidence_label="See when it is open",
    )  # fmt: skip
    expect(page.locator("[data-preview=parents]")).to_contain_text("says “click here”")
    saved(page)
    me.look("staff-update-typed")
    page.locator("#owner").fill("")
    me.press("Save the update")
    assert page.locator(".govuk-error-summary").evaluate("each => each === document.activeElement")
    me.look("staff-update-error")
    me.open("/staff/updates")
    me.look("staff-updates")
    me.open(f"/staff/updates/{room.inside[0]}")
    me.look("staff-update")
    me.open("/staff/updates?q=nothing+like+this")
    me.look("staff-updates-none")
    me.open("/staff/updates/new")
    me.look("staff-update-offered")
    page.get_by_role("link", name="Go on writing").click()
    me.look("staff-update-draft")
    page.get_by_role("link", name="Throw the draft away").click()
    me.look("staff-update-throw-away")
    looker = visit()
    looker.sign_in(StaffRole.APPROVER, email="approver@example.org")
    looker.open(f"/staff/updates/{room.inside[0]}")
    looker.look("staff-update-read")


def test_the_preview_follows_what_is_typed(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    me.open("/staff/updates/new")
    me.page.get_by_label("Title for parents").fill("More <i>help</i>")
    me.page.get_by_role("textbox", name="Text for parents").fill("You can call until **6pm**.")
    preview = me.page.locator("[data-preview=parents]")
    expect(preview.locator("strong").first).to_have_text("6pm")
    expect(preview.locator("h4")).to_have_text("More <i>help</i>")
    expect(preview).to_contain_text("5 words; up to 80 are enough.")
    me.page.get_by_role("textbox", name="Text for parents").fill("See <b>this</b>.")
    expect(preview).to_contain_text("is HTML, which readers would see as it stands")
    expect(me.page.locator("[data-preview=professionals]")).to_contain_text("Nothing is written for professionals yet")


def test_marks_are_put_from_the_keyboard(visit: Visit, room: Newsroom) -> None:
    me = author(visit)
    page = me.page
    me.open("/staff/updates/new")
    text = page.get_by_role("textbox", name="Text for parents")
    text.fill("First line")
    text.press("Control+a")
    page.keyboard.press("Shift+Tab")
    toolbar = page.get_by_role("toolbar", name="Marks for the text for parents")
    assert toolbar.get_by_role("button", name="Heading").evaluate("each => each === document.activeElement")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(text).to_have_value("**First line**")
    page.keyboard.press("Control+End")
    page.keyboard.type("\nnext")
    page.keyboard.press("Shift+Tab")  # back to the button that was used last
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(text).to_have_value("**First line**\n\n* next")
    page.keyboard.press("Control+z")
    expect(text).to_have_value("**First line**\nnext")
    text.fill("See the figures")
    text.press("Control+a")
    toolbar.get_by_role("button", name="Link").press("Enter")
    page.keyboard.type("https://www.example.org/figures")
    expect(text).to_have_value("[See the figures](https://www.example.org/figures)")
    expect(page.locator("[data-preview=parents] .app-prose a")).to_have_text("See the figures")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_update_is_written_from_the_keyboard(visit: Visit, site: Site, room: Newsroom, scripts: bool) -> None:
    me = author(visit, java_script_enabled=scripts)
    page = me.page
    me.open("/staff/")
    for name in ("Updates", "Write an update"):
        with page.expect_navigation():
            (page.get_by_role("link", name=name, exact=True).or_(page.get_by_role("button", name=name))).press("Enter")
    fill(page, room, parent_title="By keyboard", parent_body="It works.")
    if not scripts:
        assert page.get_by_role("toolbar").count() == 0
        with page.expect_navigation():
            page.get_by_role("button", name="Preview", exact=True).press("Enter")
        expect(page.locator("[data-preview=parents] .app-prose")).to_have_text("It works.")
        with page.expect_navigation():
            page.get_by_role("button", name="Save draft", exact=True).press("Enter")
        expect(page.locator(".govuk-notification-banner")).to_contain_text("The draft was saved.")
        assert drafts(site)[0]["parent_title"] == "By keyboard"
    with page.expect_navigation():
        page.get_by_role("button", name="Save the update").press("Enter")
    expect(page.locator(".govuk-notification-banner")).to_contain_text("The update was saved.")
    assert drafts(site) == []
    with site.runtime.db.reading() as session:
        assert session.exec(select(Update).where(Update.parent_title == "By keyboard")).one()


def test_a_draft_outlives_the_tab(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    me.open("/staff/updates/new")
    me.page.get_by_label("Title for parents").fill("Half a thought")
    saved(me.page)
    me.page.close()
    me.page = me.context.new_page()
    me.open("/staff/updates/new")
    me.page.get_by_role("link", name="Go on writing: Half a thought").click()
    expect(me.page.get_by_label("Title for parents")).to_have_value("Half a thought")
    # One that leaves within the pause is kept too, on its way out, in the same draft.
    me.page.get_by_label("Title for parents").fill("A whole thought")
    for _ in range(20):  # it arrives behind the back of the page that comes next
        me.open("/staff/updates?state=drafts")
        if me.page.get_by_role("heading", name="A whole thought").is_visible():
            break
    assert [draft["parent_title"] for draft in drafts(site)] == ["A whole thought"]


def test_whoever_is_signed_out_meanwhile_keeps_what_they_typed(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    me.open("/staff/updates/new")
    fill(me.page, room, parent_title="Typed for an hour", parent_body="It works.")
    saved(me.page)
    cookies = me.context.cookies()
    me.context.clear_cookies()
    me.page.get_by_role("button", name="Save the update").click()
    expect(me.page.get_by_text("You have been signed out.")).to_be_visible()
    expect(me.page.get_by_label("Title for parents")).to_have_value("Typed for an hour")
    me.look("staff-update-signed-out")
    me.context.add_cookies(cookies)  # type: ignore[arg-type]
    me.press("Save the update")
    expect(me.page.locator(".govuk-notification-banner")).to_contain_text("The update was saved.")
    me.complaints[:] = [text for text in me.complaints if "401" not in text]


def test_whoever_has_no_network_keeps_what_they_typed(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    me.open("/staff/updates/new")
    me.context.set_offline(True)
    me.page.get_by_label("Title for parents").fill("On a train")
    expect(me.page.get_by_text("We cannot be reached.")).to_be_visible()
    me.context.set_offline(False)
    me.page.get_by_label("Title for parents").fill("On a train again")
    saved(me.page)
    expect(me.page.get_by_text("We cannot be reached.")).to_be_hidden()
    assert drafts(site)[0]["parent_title"] == "On a train again"
    me.complaints[:] = [text for text in me.complaints if "ERR_INTERNET_DISCONNECTED" not in text]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, "We try again by ourselves"),
        (408, "We try again by ourselves"),
        (413, "it is too long"),
        (403, "your role does not allow it any more"),
    ],
)
def test_whoever_is_refused_keeps_what_they_typed(
    visit: Visit, site: Site, room: Newsroom, status: int, said: str
) -> None:
    me = author(visit)
    page = me.page
    page.clock.install()
    me.open("/staff/updates/new")
    page.route("**/staff/updates/drafts", lambda route: route.fulfill(status=status, body="<p>Sorry</p>"))
    fill(page, room, parent_title="Typed for an hour", parent_body="It works.")
    page.clock.run_for(2_000)
    expect(page.locator("[data-said]")).to_contain_text(said)
    leaving = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.evaluate(leaving) is False  # the browser asks first
    page.get_by_role("button", name="Save the update").click()
    expect(page.locator("[data-said]")).to_contain_text("still on this page")
    expect(page.get_by_label("Title for parents")).to_have_value("Typed for an hour")
    assert page.url.endswith("/staff/updates/new")
    page.unroute("**/staff/updates/drafts")
    if status not in (403, 413):
        page.clock.run_for(10_000)
        saved(page)
        assert page.evaluate(leaving) is True
        assert drafts(site)[0]["parent_title"] == "Typed for an hour"
    page.get_by_role("button", name="Save the update").click()
    expect(page.locator(".govuk-notification-banner")).to_contain_text("The update was saved.")
    me.complaints[:] = [text for text in me.complaints if str(status) not in text]


def test_what_left_unkept_with_the_window_is_kept_later(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    page = me.page
    page.clock.install()
    me.open("/staff/updates/new")
    page.route("**/staff/updates/drafts", lambda route: route.fulfill(status=401))
    page.get_by_label("Title for parents").fill("Half a thought")
    with page.expect_response("**/staff/updates/drafts"):
        page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.unroute("**/staff/updates/drafts")
    page.clock.run_for(12_000)
    saved(page)
    assert drafts(site)[0]["parent_title"] == "Half a thought"
    me.complaints[:] = [text for text in me.complaints if "401" not in text]


def test_two_people_at_the_same_update_see_each_other(visit: Visit, site: Site, room: Newsroom) -> None:
    me = author(visit)
    other = author(visit, email="other@example.org", name="Web officer")
    where = f"/staff/updates/{room.inside[0]}"
    me.open(where)
    me.page.get_by_label("Title for parents").fill("Mine")
    saved(me.page)
    other.open(where)
    expect(other.page.get_by_text("Communications officer has had a draft of this update open since")).to_be_visible()
    other.page.get_by_label("Title for parents").fill("Theirs")
    other.press("Save the update")
    me.press("Save the update")
    expect(me.page.get_by_role("heading", name="This update was changed after you opened it")).to_be_visible()
    expect(me.page.locator(".govuk-error-summary")).to_contain_text("Web officer saved this update")
    me.look("staff-update-changed")
    me.press("Go on with mine")
    expect(me.page.get_by_label("Title for parents")).to_have_value("Mine")
    me.page.get_by_text("See what is saved now").click()
    expect(me.page.locator(".app-meanwhile")).to_contain_text("Theirs")
    me.look("staff-update-draft-of-one")
    me.page.get_by_label("Title for parents").fill("Mine and theirs")
    me.press("Save the update")
    with site.runtime.db.reading() as session:
        assert session.get_one(Update, room.inside[0]).parent_title == "Mine and theirs"
