"""Approval, sending and the report in a real browser: live, by keyboard, without scripts, on a small phone."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from newsletter.delivery import ledger, opening
from newsletter.delivery.models import DeliveryState
from newsletter.editions import elections, publishing
from newsletter.editions.models import EditionState
from newsletter.feedback import taking
from newsletter.feedback.models import FeedbackSource
from newsletter.providers.base import Outcome, Scope
from newsletter.staff.models import StaffRole
from newsletter.tables import metadata
from newsletter.web.staff import guard, sending
from tests.browser.conftest import Site, Visitor
from tests.newsletter.delivery import scene
from tests.newsletter.editions import world
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.studio import LIST_NAME, Studio, at

S = EditionState
AtDesk = Callable[..., Visitor]


@pytest.fixture
def studio(site: Site) -> Studio:
    """The studio's partnership in place of the town."""
    with site.runtime.db.transaction() as session:
        for table in reversed(metadata.sorted_tables):
            session.execute(sa.delete(table))
    return Studio(world.make(site.runtime), Door(site.runtime))


@pytest.fixture
def at_desk(visit: Callable[..., Visitor]) -> Iterator[AtDesk]:
    """A browser with the session of somebody who is signed in; it is signed out at the end."""
    opened: list[Visitor] = []

    def sit_down(desk: Desk, **options: object) -> Visitor:
        visitor = visit(**options)
        name = guard.cookie_name(visitor.site.runtime)
        visitor.context.add_cookies([{"name": name, "value": desk.cookie, "url": visitor.site.base_url}])
        opened.append(visitor)
        return visitor

    yield sit_down
    for visitor in opened:
        visitor.context.clear_cookies()


def going_out(studio: Studio, readers: int) -> int:
    scene.add_readers(studio.runtime, studio.world.parents, readers)
    edition_id = studio.edition(S.APPROVED)
    with studio.runtime.db.transaction() as session:
        opening.release_and_open(session, edition_id, now=studio.runtime.clock.now())
    return edition_id


def test_from_a_draft_to_a_time_that_is_stopped(studio: Studio, at_desk: AtDesk) -> None:
    scene.add_readers(studio.runtime, studio.world.parents, 1_210)
    edition_id = studio.edition()
    author = at_desk(studio.author)
    author.open(at(edition_id))
    author.look("staff-approval-draft")
    author.press("Ask for approval")
    author.page.get_by_label("Add a comment for colleagues").fill("Please look at the second paragraph")
    author.press("Add comment")
    author.look("staff-approval-asked")

    approver = at_desk(studio.approver)
    approver.open(at(edition_id))
    approver.look("staff-approval-review")
    approver.press("Approve this edition")
    assert "What you saw is what will be sent." in approver.page.content()
    approver.look("staff-approval-approved")

    author.open(at(edition_id))
    author.press("Send it then")
    assert author.page.title().startswith("Error: ")
    assert author.page.evaluate("document.activeElement.className").startswith("govuk-error-summary")
    author.look("staff-approval-schedule-error")
    author.page.get_by_role("link", name="Choose when it goes out").click()
    assert author.page.evaluate("document.activeElement.id") == "when"
    author.page.get_by_label("In 10 minutes").check()
    author.page.get_by_label("Type the name of the newsletter").fill(LIST_NAME.lower())
    author.press("Send it then")
    assert studio.state(edition_id) is S.SCHEDULED
    author.look("staff-approval-scheduled")
    author.press("Stop: do not send it")
    assert studio.state(edition_id) is S.APPROVED


def test_what_changed_is_seen_and_heard(studio: Studio, at_desk: AtDesk) -> None:
    forum = studio.partner("Parent carer forum")
    with studio.runtime.db.transaction() as session:
        studio.world.write(session, "What families told us", partner_id=forum)
    edition_id = studio.edition(S.REVIEW)
    partner = at_desk(studio.only_for(StaffRole.PARTNER_APPROVER, partner_id=forum))
    partner.open(at(edition_id))
    partner.look("staff-approval-partner")
    partner.press("Approve these texts")
    approver = at_desk(studio.approver)
    approver.open(at(edition_id))
    approver.press("Approve this edition")
    with studio.runtime.db.transaction() as session:
        now = studio.runtime.clock.now()
        publishing.edit(session, edition_id, introduction="It says more now, and other things.", now=now)
        publishing.edit(session, edition_id, subject="More help by phone from next week on", now=now)
        publishing.submit(session, edition_id, now=now)
        elections.add(session, "County elections", date(2026, 11, 1), date(2026, 11, 20))
    approver.open(at(edition_id))
    approver.look("staff-approval-differences")
    assert "[added: " in approver.page.locator(".app-difference").first.inner_text()
    approver.press("Approve this edition")
    approver.look("staff-approval-election-error")
    approver.page.get_by_label("Why may it go out before an election, and who agreed?").fill("Dates only, agreed")
    approver.press("Approve this edition")
    assert studio.state(edition_id) is S.APPROVED
    approver.look("staff-approval-election")


def test_approving_by_keyboard_alone_and_without_scripts(studio: Studio, at_desk: AtDesk) -> None:
    edition_id = studio.edition(S.REVIEW)
    approver = at_desk(studio.approver, java_script_enabled=False)
    approver.open(at(edition_id))
    approver.page.locator("#seen").focus()
    approver.page.keyboard.press("Tab")
    with approver.page.expect_navigation():
        approver.page.keyboard.press("Enter")
    assert studio.state(edition_id) is S.APPROVED
    approver.page.locator("#when").focus()
    approver.page.keyboard.press("Space")
    for _ in range(5):
        approver.page.keyboard.press("Tab")
    approver.page.keyboard.type(LIST_NAME)
    with approver.page.expect_navigation():
        approver.page.keyboard.press("Enter")
    assert studio.state(edition_id) is S.SCHEDULED


def test_figures_come_by_themselves(studio: Studio, at_desk: AtDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "EVERY_S", 0.05)
    edition_id = going_out(studio, 100)
    author = at_desk(studio.author)
    author.open(at(edition_id, "sending"))
    count = author.page.locator('[data-count="accepted"]')
    expect(author.page.get_by_role("link", name="Show the newest numbers")).to_be_hidden()
    expect(count).to_have_text("0")
    scene.record(studio.runtime, scene.claim(studio.runtime, 60), Outcome.ACCEPTED)
    expect(count).to_have_text("60")
    expect(author.page.locator("[data-spoken]")).to_have_text("60 of 100 copies are dealt with. Nothing is being "
                                                              "handed over at this moment.")  # fmt: skip
    author.look("staff-sending-live")
    scene.record(studio.runtime, scene.claim(studio.runtime, 100), Outcome.ACCEPTED)
    scene.reconcile(studio.runtime)
    expect(author.page.get_by_text("It has been sent.")).to_be_visible()
    author.look("staff-sending-sent")


def test_who_has_no_scripts_asks_for_the_newest_numbers(studio: Studio, at_desk: AtDesk) -> None:
    edition_id = going_out(studio, 10)
    author = at_desk(studio.author, java_script_enabled=False)
    author.open(at(edition_id, "sending"))
    scene.record(studio.runtime, scene.claim(studio.runtime, 6), Outcome.ACCEPTED)
    author.page.get_by_role("link", name="Show the newest numbers").click()
    assert author.page.locator('[data-count="accepted"]').inner_text() == "6"


def test_holding_deciding_and_giving_up(studio: Studio, at_desk: AtDesk) -> None:
    edition_id = going_out(studio, 40)
    runtime = studio.runtime
    scene.record(runtime, scene.claim(runtime, 20), Outcome.ACCEPTED)
    scene.record(runtime, scene.claim(runtime, 4), Outcome.REJECTED, code="5.1.1", scope=Scope.RECIPIENT)
    scene.record(runtime, scene.claim(runtime, 3), Outcome.UNKNOWN, detail="The connection was lost.")
    approver = at_desk(studio.approver)
    approver.open(at(edition_id, "sending"))
    approver.page.get_by_role("button", name="Pause sending").click()
    approver.look("staff-sending-pause")
    approver.page.get_by_label("Why? (optional)").fill("The second link is wrong")
    approver.press("Pause sending")
    approver.look("staff-sending-paused")
    approver.page.get_by_role("link", name="Look at them and decide").click()
    approver.look("staff-sending-unknown")
    approver.press("Decide for all of them")
    approver.look("staff-sending-unknown-error")
    approver.page.get_by_label("Leave them as they are").check()
    approver.press("Decide for all of them")
    assert "3 copies nobody knows about stay as they are" in approver.page.content()
    approver.page.get_by_role("button", name="Cancel the edition").click()
    approver.look("staff-sending-cancel")
    approver.press("Cancel the edition")
    assert studio.state(edition_id) is S.CANCELLED
    approver.look("staff-sending-cancelled")


def test_the_report_on_a_screen_and_on_paper(studio: Studio, at_desk: AtDesk) -> None:
    for number in range(4):
        edition_id = going_out(studio, 120 + 40 * number)
        claimed = scene.claim(studio.runtime, 10_000)
        scene.record(studio.runtime, claimed, Outcome.ACCEPTED)
        with studio.runtime.db.transaction() as session:
            for delivery in claimed.deliveries[:7]:
                ledger.apply_receipt(
                    session, delivery.id, DeliveryState.BOUNCED, code="5.1.1", now=studio.runtime.clock.now()
                )
            for each in range(20):
                taking.useful(
                    session, edition_id=edition_id, anchor=f"update-{number + 1}", is_useful=each % 4 != 0, comment="",
                    day=date(2026, 11, 3),
                )  # fmt: skip
                taking.view(
                    session, text="Thank you.", source=FeedbackSource.REPLY, day=date(2026, 11, 3),
                    edition_id=edition_id, anchor=f"update-{number + 1}" if each > 2 else None,
                )  # fmt: skip
        scene.reconcile(studio.runtime)
        studio.runtime.clock.move(timedelta(days=14))  # type: ignore[attr-defined]
    author = at_desk(studio.author)
    author.open(at(edition_id, "report"))
    author.look("staff-report")
    assert author.page.get_by_role("button", name="Print this page").is_visible()
    author.page.emulate_media(media="print")
    assert author.page.get_by_role("button", name="Print this page").is_hidden()
    assert author.page.locator(".app-tabs").is_hidden()
    assert author.page.get_by_text("Copies made").first.is_visible()
    author.page.emulate_media(media="screen")
    author.open(at(studio.edition(), "report"))
    author.look("staff-report-none")
