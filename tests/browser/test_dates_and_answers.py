"""The pages of dates, answers and words, looked at by axe, by keyboard and without scripts."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.content import events, glossary, responses
from newsletter.content.models import Partner, PriorityArea
from tests.browser.conftest import Site, Visitor
from tests.newsletter.content.conftest import event_draft, response_draft, term_draft

LONG = "https://www.example.org/" + "a-very-long-address-that-does-not-break/" * 4


@pytest.fixture
def town_with_dates(site: Site) -> Site:
    now = site.runtime.clock.now()
    with site.runtime.db.transaction() as session:
        partner = Partner(slug="council", name="Example County Council", from_date=date(2020, 1, 1))
        areas = [
            PriorityArea(number=n, name=name, description="What it says.", from_date=date(2023, 12, 12))
            for n, name in ((1, "Listening and acting on what we hear"), (3, "Plans on time and of good quality"))
        ]
        session.add_all([partner, *areas])
        session.flush()
        start = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
        for days, changes in (
            (0, {"place": "both", "venue": "Town Hall", "postal_address": "1 High Street, Exampleton EX1 1AA",
                 "summary": "Ask the people who run SEND services.\n\n* about plans\n* about waiting times",
                 "booking": "Book by Monday 16 November.", "booking_url": "https://www.example.org/book"}),
            (5, {"title": "Questions about education, health and care plans", "for_professionals": True}),
            (9, {"title": "Called off"}),
        ):  # fmt: skip
            moved = start + timedelta(days=days)
            draft = event_draft(
                partner_id=partner.id, starts_at=moved, ends_at=moved + timedelta(minutes=90), **changes
            )
            written = events.write(session, draft, now=now)
        events.cancel(session, written.id or 0, now=now)
        for number, changes in enumerate((
            {"people": 3},
            {"theme": "Answers take too long", "outcome": "doing", "doing_by": date(2026, 11, 1)},
            {"theme": "A session on Saturdays", "outcome": "will not", "reason": "The rooms are closed."},
        )):  # fmt: skip
            draft = response_draft(
                partner_id=partner.id, priority_area_id=areas[number % 2].id, **{"theme": "Parking", **changes}
            )
            responses.write(session, draft, now=now)
        for name, expansion in (
            ("EHCP", "education, health and care plan"),
            ("annual review", ""),
            ("SEND", "special"),
        ):
            glossary.write(session, term_draft(term=name, expansion=expansion))
    return site


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("events", "/events"),
        ("events-professionals", "/events?for=professionals"),
        ("event", "/events/tell-us-what-you-think-2026-11-20"),
        ("event-cancelled", "/events/called-off-2026-11-29"),
        ("you-said-we-did", "/you-said-we-did"),
        ("you-said-we-did-late", "/you-said-we-did?outcome=doing"),
        ("you-said-we-did-report", "/you-said-we-did/2026"),
        ("glossary", "/glossary"),
    ],
)
def test_pages_that_anybody_can_open(name: str, path: str, visitor: Visitor, town_with_dates: Site) -> None:
    visitor.open(path)
    visitor.look(name)


@pytest.mark.parametrize("path", ["/events", "/you-said-we-did", "/glossary"])
def test_pages_before_there_is_anything(path: str, visitor: Visitor) -> None:
    visitor.open(path)
    visitor.look(f"{path[1:]}-empty")


def test_a_long_address_does_not_push_the_page_sideways(visitor: Visitor, town_with_dates: Site) -> None:
    with town_with_dates.runtime.db.transaction() as session:
        draft = event_draft(title="x" * 110, access_notes=f"See{LONG[7:200]}", partner_id=1)
        slug = events.write(session, draft, now=town_with_dates.runtime.clock.now()).slug
    visitor.open(f"/events/{slug}")
    visitor.look("event-long")


def test_somebody_without_scripts_or_a_mouse_finds_a_date(visit: Callable[..., Visitor], town_with_dates: Site) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.open("/events")
    page = visitor.page

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.locator("a:focus").count() and page.locator("a:focus").inner_text() == name:
                return
        raise AssertionError(f"{name} cannot be reached with the keyboard")

    tab_to("Professionals")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to("Questions about education, health and care plans")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert visitor.heading() == "Questions about education, health and care plans"
    assert page.get_by_role("button", name="Print this page").count() == 0
    tab_to("Add it to your calendar")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".ics")


def test_the_report_prints_without_what_paper_cannot_do(visitor: Visitor, town_with_dates: Site) -> None:
    visitor.open("/you-said-we-did/2026")
    visitor.page.emulate_media(media="print")
    assert visitor.page.get_by_role("button", name="Print this page").count() == 0
    assert visitor.page.get_by_role("heading", name="Answers take too long").is_visible()
