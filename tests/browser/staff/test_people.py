"""The pages about people in a real browser: by keyboard, without scripts, on a small phone, light and dark."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from newsletter.editions.models import Edition
from newsletter.feedback import complaints, paper_copies
from newsletter.feedback.models import PaperFormat
from newsletter.staff.models import StaffRole
from newsletter.web.staff import guard
from subscribers import bursts
from subscribers.models import Subscriber, SubscriberState
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web import town
from tests.newsletter.web.staff.conftest import sign_in

READER = "a-reader-with-a-rather-long-name-in-front@a-school-with-a-long-name.example.org"


@pytest.fixture
def officer(visit: Callable[..., Visitor], site: Site) -> Iterator[Callable[..., Visitor]]:
    """Somebody signed in at a browser. Their cookie goes again at the end."""
    opened: list[Visitor] = []

    def begin(*roles: StaffRole, email: str = "officer@example.org", **options: object) -> Visitor:
        visitor = visit(**options)
        name = f"{roles[0].capitalize()} officer"
        _, cookie = sign_in(site.runtime, *roles, email=email, name=name)
        visitor.context.add_cookies(
            [{"name": guard.cookie_name(site.runtime), "value": cookie, "url": f"{site.base_url}/staff/"}]
        )
        opened.append(visitor)
        return visitor

    yield begin
    for visitor in opened:
        visitor.context.clear_cookies()


def fill_town(site: Site) -> None:
    """A few months of life, and something that waits."""
    runtime = site.runtime
    for number in range(9):
        town.subscriber(runtime, f"parent-{number}@example.org")
    runtime.clock.move(timedelta(days=40))  # type: ignore[attr-defined]
    for number in range(5):
        subscriber_id = town.subscriber(runtime, f"reader-{number}@school.example.org", slug="professionals")
        with runtime.db.transaction() as session:
            bursts.press(
                session,
                runtime.crypto,
                mailing_list_id=2,
                subscriber_id=subscriber_id,
                how=bursts.ONE_CLICK,
                now=runtime.clock.now(),
            )
    town.subscriber(runtime, "new@example.org", confirmed=False)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        complaints.take(
            session,
            runtime.crypto,
            text="My address was shown to others.\n\nTwice.",
            contact=READER,
            now=now,
            today=now.date() - timedelta(days=27),
        )
        edition_id = session.exec(select(Edition.id).where(Edition.slug == "2026-11-02")).first()
        assert edition_id is not None
        paper_copies.ask(
            session,
            runtime.crypto,
            edition_id=edition_id,
            format=PaperFormat.LARGE_PRINT,
            name="A Reader",
            address="7 Low Road\nExampleton\nEX1 1AA",
            now=now,
        )


def test_people_in_numbers(officer: Callable[..., Visitor], site: Site) -> None:
    visitor = officer(StaffRole.DPO, StaffRole.ADMIN)
    visitor.open("/staff/people")
    visitor.look("staff-people-empty")
    fill_town(site)
    visitor = officer(StaffRole.DPO, StaffRole.ADMIN)
    visitor.open("/staff/people")
    visitor.look("staff-people")
    visitor.page.get_by_role("link", name="5 people left").click()
    assert visitor.heading() == "Many people left at once"
    visitor.press("Carry this out")
    assert visitor.page.evaluate("document.activeElement.className").startswith("govuk-error-summary")
    visitor.look("staff-people-burst-error")
    visitor.page.get_by_label("A mail filter did it").check()
    visitor.press("Carry this out")
    assert "Their emails go on" in visitor.page.get_by_role("alert").inner_text()
    visitor.page.get_by_role("link", name="Schools").click()
    assert visitor.heading() == "Schools"
    visitor.look("staff-people-schools")


@pytest.mark.parametrize("scripts", [True, False])
def test_answering_one_person(officer: Callable[..., Visitor], site: Site, scripts: bool) -> None:
    town.subscriber(site.runtime, READER)
    subscriber_id = town.subscriber(site.runtime, READER, slug="professionals")
    visitor = officer(StaffRole.DPO, java_script_enabled=scripts)
    look = visitor.look if scripts else lambda *_: None
    visitor.open("/staff/people/find")
    visitor.press("Look up")
    look("staff-person-find-error")
    visitor.page.get_by_label("Their email address").fill(READER)
    visitor.press("Look up")
    assert READER not in visitor.page.url
    look("staff-person")
    with visitor.page.expect_download() as begun:
        visitor.page.get_by_role("button", name="Download to read or print").click()
    assert READER in Path(begun.value.path()).read_text(encoding="utf-8")
    visitor.press("Correct this (SEND news for professionals)")
    look("staff-person-correct")
    visitor.page.get_by_label("What they do").select_option("head")
    visitor.page.get_by_label("Their school").fill("999999")
    visitor.press("Save what is right")
    look("staff-person-correct-error")
    visitor.page.get_by_label("Their school").fill("100002")
    visitor.press("Save what is right")
    assert "Corrected." in visitor.page.content()
    visitor.page.get_by_label("Their email address").fill(READER)
    visitor.press("Look up")
    visitor.press("Stop these emails (SEND news for parents and carers)")
    look("staff-person-stop")
    visitor.press("Stop these emails")
    visitor.page.get_by_label("Their email address").fill(READER)
    visitor.press("Look up")
    visitor.press("Erase (this person)")
    visitor.press("Erase for good")
    look("staff-person-erase-error")
    visitor.page.get_by_label("Type the word").fill("erase")
    visitor.press("Erase for good")
    assert "Erased." in visitor.page.content()
    look("staff-person-erased")
    with site.runtime.db.reading() as session:
        assert session.get(Subscriber, subscriber_id) is None


@pytest.mark.parametrize("scripts", [True, False])
def test_importing_a_file(officer: Callable[..., Visitor], site: Site, tmp_path: Path, scripts: bool) -> None:
    file = tmp_path / "people.csv"
    rows = [f"reader-{number}@example.org,2025-03-31,Yes please,paper form" for number in range(3)]
    file.write_text("\n".join(["email,consent_date,wording,source", *rows, "nobody,,,"]), encoding="utf-8")
    visitor = officer(StaffRole.DPO, java_script_enabled=scripts)
    look = visitor.look if scripts else lambda *_: None
    visitor.open("/staff/people/import")
    visitor.press("See what would happen")
    look("staff-import-error")
    visitor.page.get_by_label("SEND news for parents and carers").check()
    visitor.page.get_by_label("The file").set_input_files(file)
    visitor.page.get_by_label("Yes: ask each of them by email").check()
    visitor.press("See what would happen")
    assert visitor.heading() == "What would happen"
    look("staff-import-tried")
    visitor.press("Import 3 people")
    assert visitor.heading() == "What was imported"
    look("staff-import-done")
    with site.runtime.db.reading() as session:
        assert session.exec(select(Subscriber.state)).all() == [SubscriberState.PENDING] * 3


def test_two_people_take_a_list_out(officer: Callable[..., Visitor], site: Site) -> None:
    town.subscriber(site.runtime, "reader@example.org")
    asker = officer(StaffRole.ADMIN, email="admin@example.org")
    asker.open("/staff/people/exports")
    asker.press("Ask for this list")
    asker.look("staff-exports-error")
    asker.page.get_by_label("SEND news for parents and carers").check()
    asker.page.get_by_label("Why must it leave, and where does it go?").fill("The new council takes the list over.")
    asker.press("Ask for this list")
    asker.look("staff-exports-asked")
    second = officer(StaffRole.DPO, email="dpo@example.org")
    second.open("/staff/people/exports")
    second.look("staff-exports-decide")
    second.press("Agree to export 1")
    asker.open("/staff/people/exports")
    asker.look("staff-exports-agreed")
    with asker.page.expect_download() as begun:
        asker.page.get_by_role("button", name="Download it as CSV").click()
    assert "reader@example.org" in Path(begun.value.path()).read_text(encoding="utf-8")


def test_complaints_and_paper_copies(officer: Callable[..., Visitor], site: Site) -> None:
    visitor = officer(StaffRole.DPO)
    visitor.open("/staff/people/complaints")
    visitor.look("staff-complaints-empty")
    visitor.open("/staff/people/paper-copies")
    visitor.look("staff-paper-empty")
    fill_town(site)
    visitor = officer(StaffRole.DPO)
    visitor.open("/staff/people/complaints")
    visitor.look("staff-complaints")
    visitor.page.get_by_role("link", name="DC-").click()
    visitor.look("staff-complaint")
    visitor.press("I have told them that we have it")
    visitor.press("Close this complaint")
    visitor.look("staff-complaint-error")
    visitor.page.get_by_label("What came of it?").fill("We taught everybody again.")
    visitor.press("Close this complaint")
    visitor.look("staff-complaints-closed")
    visitor.open("/staff/people/paper-copies")
    visitor.look("staff-paper")
    visitor.press("It is posted (request 1)")
    assert "Noted as posted." in visitor.page.content()


def test_one_person_by_keyboard_alone(officer: Callable[..., Visitor], site: Site) -> None:
    town.subscriber(site.runtime, READER)
    visitor = officer(StaffRole.DPO, java_script_enabled=False)
    visitor.open("/staff/people/find")
    visitor.page.locator("#email").focus()
    visitor.page.keyboard.type(READER)
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert visitor.heading().startswith("What we hold about")
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement.innerText").startswith("Stop these emails"):
            break
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert visitor.heading() == "Stop these emails?"
