"""The settings pages and the start page in a browser: axe, a small phone, the keyboard alone, and without scripts."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.content import partners
from newsletter.content.models import GlossaryTerm, Partner, PriorityArea
from newsletter.editions import elections, falling_due
from newsletter.staff import keys
from newsletter.staff.models import KeyScope, StaffRole
from newsletter.web.staff import guard
from subscribers import topics
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff.conftest import sign_in

SETTINGS = "/staff/settings"


def enter(visitor: Visitor, *roles: StaffRole) -> int:
    """Sign in; the cookie is gone again at the end of the test (`leave`)."""
    staff_id, text = sign_in(visitor.site.runtime, *roles, email="officer@example.org", name="Communications officer")
    visitor.context.add_cookies(
        [{"name": guard.cookie_name(visitor.site.runtime), "value": text, "url": visitor.site.base_url}]
    )
    return staff_id


@pytest.fixture
def admin(visitor: Visitor) -> Iterator[Visitor]:
    staff_id = enter(visitor, *StaffRole)
    furnish(visitor.site, staff_id)
    yield visitor
    visitor.context.clear_cookies()


def furnish(site: Site, staff_id: int) -> None:
    """Something on every page."""
    now = site.runtime.clock.now()
    with site.runtime.db.transaction() as session:
        session.add(Partner(slug="nhs", name="NHS Board of a County with a Long Name", from_date=date(2022, 7, 1)))
        session.add(PriorityArea(number=1, name="On time", description="Plans.", from_date=date(2027, 1, 1)))
        for number in range(60):
            session.add(
                GlossaryTerm(
                    term=f"T{number}", expansion="a long expansion", explanation="Some.", from_date=date(2026, 1, 1)
                )
            )
        elections.add(session, "County council election", date(2026, 10, 27), date(2026, 12, 3))
        falling_due.close(session, "Christmas break", date(2026, 12, 24), date(2027, 1, 1), now=now)
        falling_due.change(
            session, 1, rule="FREQ=WEEKLY;BYDAY=TU", anchor=datetime(2026, 11, 10, 10, tzinfo=UTC), now=now
        )
        topics.write(session, 2, slug="early-years", name="Early years", from_date=date(2026, 1, 1))
        keys.add(
            session,
            site.runtime.crypto,
            "Council website",
            scopes=[*KeyScope],
            staff_id=staff_id,
            expires_at=now + timedelta(days=90),
            now=now,
        )


@pytest.mark.parametrize(
    "path",
    [
        "/staff/", SETTINGS, f"{SETTINGS}/partnership", f"{SETTINGS}/partners", f"{SETTINGS}/partners/1",
        f"{SETTINGS}/priority-areas", f"{SETTINGS}/glossary?page=2", f"{SETTINGS}/glossary/new",
        f"{SETTINGS}/calendar", f"{SETTINGS}/calendar/elections/1/remove", f"{SETTINGS}/calendar/closed-days/new",
        f"{SETTINGS}/keys", f"{SETTINGS}/keys/new", f"{SETTINGS}/retention", f"{SETTINGS}/retention/deliveries",
        f"{SETTINGS}/bases", f"{SETTINGS}/bases/1", f"{SETTINGS}/lists", f"{SETTINGS}/lists/1",
        f"{SETTINGS}/lists/new", f"{SETTINGS}/lists/1/wording", f"{SETTINGS}/lists/1/cadence",
        f"{SETTINGS}/lists/2/topics",
    ],
)  # fmt: skip
def test_every_page_is_for_everybody(admin: Visitor, path: str) -> None:
    admin.open(path)
    admin.look("staff" + path.removeprefix("/staff").replace("/", "-").replace("?", "-").rstrip("-"))


def test_an_unreadable_colour_is_mended_by_keyboard_alone(admin: Visitor) -> None:
    admin.open(f"{SETTINGS}/partnership")
    admin.page.get_by_label("Main colour").focus()
    admin.page.keyboard.press("Control+a")
    admin.page.keyboard.type("#ffd500")
    with admin.page.expect_navigation():
        admin.page.keyboard.press("Enter")
    refused = admin.page.get_by_role("link", name="the contrast is 1.42 to 1")
    refused.focus()
    admin.look("staff-settings-partnership-error")
    refused.focus()
    admin.page.keyboard.press("Enter")
    assert admin.page.evaluate("document.activeElement.id") == "brand_colour"
    admin.page.keyboard.press("Control+a")
    admin.page.keyboard.type("#6b2c6b")
    with admin.page.expect_navigation():
        admin.page.keyboard.press("Enter")
    assert admin.page.get_by_text("The partnership was saved").is_visible()
    admin.look("staff-settings-partnership-saved")
    with admin.site.runtime.db.reading() as session:
        assert partners.partnership(session).brand_colour == "#6b2c6b"


def test_what_somebody_else_saved_stands_beside_what_was_typed(admin: Visitor) -> None:
    admin.open(f"{SETTINGS}/partners/1")
    with admin.site.runtime.db.transaction() as session:
        session.get_one(Partner, 1).name = "Theirs"
    admin.page.get_by_label("Name of the organisation").fill("Mine")
    admin.press("Save")
    assert admin.page.get_by_role("region", name="What is saved now").get_by_text("Theirs").is_visible()
    admin.look("staff-settings-partner-meanwhile")
    admin.press("Save")
    assert admin.page.get_by_role("link", name="Mine").is_visible()


def test_everything_works_without_scripts(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    enter(visitor, StaffRole.ADMIN)
    visitor.open(f"{SETTINGS}/keys/new")
    visitor.page.get_by_label("Which program will use it?").fill("Council website")
    visitor.page.get_by_label("Sign people up").check()
    visitor.press("Make the key")
    assert visitor.page.locator("code").inner_text().startswith("nl_")
    visitor.open(f"{SETTINGS}/lists/1/cadence")
    visitor.page.get_by_label("Every fortnight").check()
    visitor.page.get_by_label("Day of the first edition").fill("10/11/2026")
    visitor.page.get_by_label("Time", exact=True).fill("10:00")
    visitor.press("Save")
    assert visitor.page.get_by_text("Tuesday 24 November 2026, 10am").is_visible()
    visitor.context.clear_cookies()
