"""From an empty installation to an edition in readers' inboxes, in a browser, in the order in which people go.

The administrator follows the first page of the studio; author and approver are then at work at the same time, each in
a browser of their own; readers sign up on the public page. The mail server is real, the clock is moved by hand.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import expect

from newsletter.core import installation
from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts, invitations
from newsletter.staff.models import StaffRole
from tests.browser.conftest import Site, Visitor
from tests.browser.test_scanners import aside
from tests.conftest import make_runtime
from tests.fakes import MailServer
from tests.journeys.conftest import House, listening, serving

PASSWORD = "four plain words together"
LIST = "SEND news for parents and carers"
READERS = ("first@example.org", "second@example.org", "third@example.org")


@dataclass
class Empty(House):
    """An installation in which nothing is set up; what it sends goes to a real mail server."""

    def send(self) -> None:
        aside(super().send)


@pytest.fixture
def house(sqlite_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer) -> Iterator[Empty]:
    listener, base_url = listening()
    runtime = make_runtime(
        sqlite_url,
        clock,
        tmp_path,
        base_url=base_url,
        mail_provider="smtp",
        provider_values={"smtp_host": "127.0.0.1", "smtp_port": str(mail_server.port), "smtp_tls": "none"},
    )
    with runtime.db.transaction() as session:
        installation.check_secret(session, runtime.crypto, clock)
    with serving(runtime, listener):
        yield Empty(runtime, clock, None, mail_server)  # type: ignore[arg-type]  # nobody but browsers knocks
    runtime.db.dispose()


@pytest.fixture
def site(house: Empty) -> Site:
    return Site(house.runtime, house.runtime.settings.base_url)


def first_link(runtime: Runtime) -> str:
    """What `newsletter run` prints for the first administrator."""
    with runtime.db.transaction() as session:
        now = runtime.clock.now()
        member = accounts.add(session, runtime.crypto, "admin@example.org", roles=[StaffRole.ADMIN], now=now)
        assert member.id is not None
        return f"/staff/join/{invitations.invite(session, runtime.crypto, member.id, now=now)}"


def join(visitor: Visitor, link: str) -> None:
    """Open an invitation, choose a password, set up the app, keep the recovery codes."""
    visitor.page.goto(link if link.startswith("http") else visitor.site.base_url + link)
    visitor.is_staff = True
    secret = visitor.page.locator(".app-secret").inner_text().replace(" ", "")
    visitor.page.get_by_label("Choose a password").fill(PASSWORD)
    code = pyotp.TOTP(secret).at(visitor.site.runtime.clock.now())
    visitor.page.get_by_label("Enter the six digits").fill(code)
    visitor.press("Set up my account")
    visitor.page.get_by_role("button", name="I have kept them").click()


def fill(visitor: Visitor, typed: Mapping[str, str]) -> None:
    """Each field by its label."""
    for label, text in typed.items():
        visitor.page.get_by_label(label, exact=True).fill(text)


def follow(visitor: Visitor, task: str) -> None:
    """From the first page to what it says is to be done."""
    visitor.open("/staff/")
    visitor.page.get_by_role("link", name=task, exact=True).click()


def set_up_the_council(admin: Visitor) -> None:
    follow(admin, "Say who publishes the newsletters")
    fill(
        admin,
        {
            "Name of the partnership": "Example SEND partnership",
            "Area": "Example",
            "Publisher": "Example County Council",
            "Local authority code": "931",
            "Postal address": "County Hall, New Road, Example EX1 1AA",
            "Phone number": "01632 960 100",
            "Email address for readers": "send-news@example.org",
            "Website": "https://www.example.org",
            "Where to get help": "Call 01632 960 100, Monday to Friday.",
        },
    )
    admin.press("Save")
    follow(admin, "Add the partners")
    admin.page.get_by_role("button", name="Add a partner").click()
    fill(admin, {"Name of the organisation": "Example County Council", "First day as a partner": "1/1/2025"})
    admin.press("Save")
    follow(admin, "Add the priority areas")
    admin.page.get_by_role("button", name="Add a priority area").click()
    fill(
        admin,
        {
            "Number": "1",
            "Short heading": "Getting help early",
            "What it is about": "Families get help before things get worse.",
            "First day in force": "1/1/2025",
        },
    )
    admin.press("Save")
    follow(admin, "Add a mailing list")
    admin.page.get_by_label("Parents and carers", exact=True).check()
    fill(
        admin,
        {
            "Web address of its sign-up form": "parents",
            "Name": LIST,
            "Summary": "What is changing for children with SEND, in plain words.",
            "How often, in words": "about once a fortnight",
            "Sender’s name": "Example SEND news",
            "Sender’s address": "news@example.org",
            "Address for replies": "send-news@example.org",
        },
    )
    admin.press("Add the list")
    follow(admin, f"Write what people agree to for {LIST}")
    fill(admin, {"Wording": "I want this newsletter by email. I can stop it at any time, with one press."})
    admin.press("Use this wording")


def invite(admin: Visitor, task: str, email: str, name: str, role: str) -> str:
    """The link that the administrator passes on."""
    follow(admin, task)
    fill(admin, {"Their email address": email, "Name or post": name})
    admin.page.get_by_label(role, exact=True).check()
    admin.press("Give the role")
    return admin.page.locator(".app-secret").inner_text()


def sign_up(visitor: Visitor, house: Empty, address: str) -> None:
    """From the public form to the confirmed address, by the link in the letter."""
    visitor.open("/")
    visitor.page.get_by_role("button", name=re.compile(LIST)).click()
    fill(visitor, {"Email address": address})
    visitor.press("Sign up")
    house.send()
    visitor.page.goto(house.inbox(address)[-1].link("/confirm/"))
    visitor.press("Start my emails")
    house.send()


def write_update(author: Visitor) -> None:
    author.open("/staff/")
    author.page.get_by_role("button", name="Write an update").click()
    author.page.get_by_label("Priority area").select_option(label="1: Getting help early")
    author.page.get_by_label("Organisation").select_option(label="Example County Council")
    fill(
        author,
        {
            "Owner": "Head of SEND",
            "First day it is news": "3/11/2026",
            "Title for parents": "More help by phone",
            "Text for parents": "You can call us from 8am to 6pm. A person answers.",
        },
    )
    expect(author.page.get_by_text("The checks found nothing to mend.")).to_be_visible()
    author.press("Save the update")


def test_from_an_empty_installation_to_a_sent_edition(visit: Callable[..., Visitor], house: Empty) -> None:
    admin, author, approver = visit(), visit(), visit()
    join(admin, first_link(house.runtime))
    admin.look("staff-start-empty")
    set_up_the_council(admin)
    asks = ("Invite somebody who writes", "author@example.org", "Communications officer", "Author")
    join(author, invite(admin, *asks))
    asks = ("Invite somebody who approves", "approver@example.org", "Head of SEND", "Approver")
    join(approver, invite(admin, *asks))
    admin.open("/staff/")
    expect(admin.page.get_by_text("Nothing waits for you now.")).to_be_visible()

    for address in READERS:
        sign_up(visit(), house, address)
    write_update(author)
    author.page.get_by_role("link", name="Editions", exact=True).click()
    author.page.get_by_role("button", name="Start an edition").click()
    author.press("Start the edition")
    author.page.get_by_role("link", name="Change the first words").click()
    fill(author, {"Subject": "A phone line for parents and carers"})
    author.press("Save")
    author.page.get_by_role("link", name="Check", exact=True).click()
    author.page.get_by_role("link", name="Ask for approval").click()
    author.press("Ask for approval")

    # The approver has it before them while the author changes a word: what they saw is not what would be approved.
    approver.open("/staff/")
    approver.page.get_by_role("link", name=re.compile("^Approve edition 1")).click()
    expect(approver.page.get_by_text("A phone line for parents and carers").first).to_be_visible()
    author.page.get_by_role("link", name="Compose", exact=True).click()
    author.press("Take it back to draft")
    author.page.get_by_role("link", name="Change the first words").click()
    fill(author, {"Subject": "More help by phone, from today"})
    author.press("Save")
    author.page.get_by_role("link", name="Approval", exact=True).click()
    author.press("Ask for approval")
    approver.press("Approve this edition")
    expect(approver.page.get_by_text("Edition 1 was changed after you looked at it.")).to_be_visible()
    approver.look("staff-changed-meanwhile")
    approver.page.get_by_role("link", name="Go back to the page as it is now").click()
    expect(approver.page.get_by_text("More help by phone, from today").first).to_be_visible()
    approver.press("Approve this edition")
    approver.page.get_by_label("In 10 minutes").check()
    fill(approver, {"Type the name of the newsletter": LIST})
    approver.press("Send it then")
    house.tick(minutes=9)
    assert not any("from today" in mail.subject for mail in house.mail_server.received)
    house.tick(minutes=2)

    for address in READERS:
        assert [mail.subject for mail in house.inbox(address)].count("More help by phone, from today") == 1
    author.page.get_by_role("link", name="Report", exact=True).click()
    author.look("staff-first-report")
    visit().open("/editions/parents/2026-11-03")
