"""The privacy notice and the accessibility statement say what this installation does, and change with it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from newsletter.content.models import Partnership
from newsletter.core import periods
from newsletter.core.periods import Period
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from newsletter.web import notice
from subscribers import lists
from tests.newsletter.web.conftest import Door


def partnership(door: Door, **values: object) -> None:
    with door.runtime.db.transaction() as session:
        row = session.exec(select(Partnership)).one()
        for name, value in values.items():
            setattr(row, name, value)


def test_every_period_of_the_notice_is_the_one_that_is_carried_out(sqlite_door: Door) -> None:
    page = sqlite_door.get("/privacy").text
    for words in ("1 year after we have dealt with it", "28 days after we post it", "90 days", "24 hours", "2 years"):
        assert words in page, words
    runtime = sqlite_door.runtime
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        dpo = accounts.add(session, runtime.crypto, "dpo@example.org", roles=[StaffRole.DPO], now=now)
        assert dpo.id is not None
        periods.change(session, Period.PENDING, 11, staff_id=dpo.id, now=now)
        periods.change(session, Period.FEEDBACK, 400, staff_id=dpo.id, now=now)
    page = sqlite_door.get("/privacy").text
    assert "a sign-up that nobody confirms: 11 days" in page
    assert "without who you are: 400 days" in page


@pytest.mark.parametrize(
    ("period", "words"),
    [(timedelta(days=28), "28 days"), (timedelta(days=365), "1 year"),
     (timedelta(days=730), "2 years")],
)  # fmt: skip
def test_periods_in_words(period: timedelta, words: str) -> None:
    assert notice.in_words(period) == words


def test_the_lawful_basis_is_that_of_each_list(sqlite_door: Door) -> None:
    assert sqlite_door.get("/privacy").text.count("because you said yes (consent)") == 2
    with sqlite_door.runtime.db.transaction() as session:
        lists.by_slug(session, "professionals").lawful_basis = "public task"
    page = sqlite_door.get("/privacy").text
    assert page.count("because you said yes (consent)") == 1
    assert "SEND news for professionals: because it is part of our work for the public (public task)" in page


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "emails do not leave our own machine"),
        ({"mail_provider": "notify"}, "carried by GOV.UK Notify, a service of the Government Digital Service"),
        (
            {"mail_provider": "smtp", "provider_values": {"smtp_host": "relay.example.org"}},
            "carried by the mail server relay.example.org",
        ),
        ({"mail_provider": "acme"}, "carried by acme"),
        (
            {"mail_provider": "smtp", "mail_carrier": "Example Post Ltd (Ireland)"},
            "carried by Example Post Ltd",
        ),
    ],
)
def test_who_carries_the_mail_is_named(door_with: Callable[..., Door], settings: dict[str, object], words: str) -> None:
    assert words in door_with(**settings).get("/privacy").text


def test_the_data_protection_officer_and_the_complaint_form_are_named(sqlite_door: Door) -> None:
    assert "send@example.org" in sqlite_door.get("/privacy").text
    partnership(sqlite_door, data_protection_email="dpo@example.org")
    page = sqlite_door.get("/privacy").text
    assert 'href="mailto:dpo@example.org"' in page
    assert 'href="/data-complaint"' in page


def test_the_notice_says_when_it_changed(sqlite_door: Door) -> None:
    assert f"last changed on {notice.WORDS_OF.day} November 2026" in sqlite_door.get("/privacy").text
    with sqlite_door.runtime.db.transaction() as session:
        mailing_list = lists.by_slug(session, "parents")
        lists.add_wording(session, mailing_list, "Other words.", now=datetime(2027, 2, 1, 12, tzinfo=UTC))
    assert "last changed on 1 February 2027" in sqlite_door.get("/privacy").text


def test_the_accessibility_statement_follows_the_data(sqlite_door: Door) -> None:
    page = sqlite_door.get("/accessibility").text
    assert "has not yet been checked by an outside expert" in page
    assert "This statement has not been reviewed yet." in page
    partnership(
        sqlite_door,
        accessibility_problems="* Charts & tables in old editions have no table.",
        accessibility_prepared_on=date(2026, 9, 1),
        accessibility_reviewed_on=date(2026, 10, 1),
    )
    page = sqlite_door.get("/accessibility").text
    assert "partially compliant" in page
    assert "Charts &amp; tables in old editions have no table." in page
    assert "prepared on 1 September 2026. It was last reviewed on 1 October 2026" in page
    for words in ("Equality Advisory and Support Service", "2018", "send@example.org", "Easy Read"):
        assert words in page


@pytest.mark.parametrize(("reviewed", "is_due"), [(None, True), (date(2025, 11, 3), True), (date(2025, 11, 4), False)])
def test_a_statement_is_looked_at_again_within_a_year(reviewed: date | None, is_due: bool) -> None:
    row = Partnership.model_construct(accessibility_reviewed_on=reviewed)
    assert notice.is_review_due(row, date(2026, 11, 3)) is is_due


def test_both_pages_stand_before_there_is_a_partnership(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.transaction() as session:
        session.delete(session.exec(select(Partnership)).one())
    for path in ("/privacy", "/accessibility", "/feedback", "/data-complaint", "/paper-copy"):
        assert sqlite_door.get(path).status_code == 200, path
