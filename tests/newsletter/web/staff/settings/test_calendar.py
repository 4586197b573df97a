"""Closed days and weeks before elections; how long what is kept; keys; where the settings begin."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from newsletter.core import periods
from newsletter.core.clock import ManualClock
from newsletter.core.periods import Period
from newsletter.editions import elections, falling_due
from newsletter.editions.models import ClosedPeriod, ElectionPeriod
from newsletter.staff.models import ApiKey, StaffRole
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.settings.forms import NASTY, Counted, errors, filled, logged

CALENDAR = "/staff/settings/calendar"


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.ADMIN)


class TestCalendar:
    def test_an_election_is_entered_and_called_off(self, door: Door, admin: Desk) -> None:
        given = {"name": NASTY, "starts_on": "27/10/2026", "ends_on": "3/12/2026"}
        assert admin.post(f"{CALENDAR}/elections/new", given).status_code == 303
        page = admin.get(CALENDAR)
        assert "<script>alert(" not in page.text
        assert "27 October to 3 December 2026" in page.text
        with door.runtime.db.reading() as session:
            period = session.exec(select(ElectionPeriod)).one()
            for day, is_in in ((26, False), (27, True)):
                assert (elections.at(session, date(2026, 10, day)) is not None) == is_in
            assert elections.at(session, date(2026, 12, 3)) == period
            assert elections.at(session, date(2026, 12, 4)) is None
        path = f"{CALENDAR}/elections/{period.id}/remove"
        assert "no longer checked" in admin.get(path).text
        assert admin.post(path).status_code == 303
        assert admin.post(path).status_code == 404
        assert [entry[0] for entry in logged(door.runtime)] == ["add election period", "remove election period"]

    def test_days_in_the_wrong_order_and_no_days(self, admin: Desk) -> None:
        path = f"{CALENDAR}/elections/new"
        assert errors(admin.post(path, {"name": "X", "starts_on": "2/1/2027", "ends_on": "1/1/2027"})) == [
            "The last day must be on or after the first day"
        ]
        assert errors(admin.post(path, {})) == [
            "Answer “Which election?”", "Enter the first day", "Enter the day of the election"
        ]  # fmt: skip

    def test_an_edition_moves_off_closed_days_and_back(self, door: Door, admin: Desk) -> None:
        with door.runtime.db.transaction() as session:
            anchor = datetime(2026, 11, 10, 10, 0, tzinfo=UTC)
            now = door.runtime.clock.now()
            falling_due.change(session, 1, rule="FREQ=WEEKLY;BYDAY=TU", anchor=anchor, now=now)
        given = {"name": "Inset week", "starts_on": "9/11/2026", "ends_on": "11/11/2026"}
        assert admin.post(f"{CALENDAR}/closed-days/new", given).status_code == 303
        assert self.next_due(door) == anchor + timedelta(days=2)
        with door.runtime.db.reading() as session:
            period_id = session.exec(select(ClosedPeriod.id)).one()
        assert admin.post(f"{CALENDAR}/closed-days/{period_id}/remove").status_code == 303
        assert self.next_due(door) == anchor

    def next_due(self, door: Door) -> datetime | None:
        with door.runtime.db.reading() as session:
            cadence = falling_due.cadence_of(session, 1)
            return cadence.next_due if cadence else None

    def test_a_long_holiday_is_for_the_cadence(self, admin: Desk) -> None:
        given = {"name": "Summer", "starts_on": "20/7/2027", "ends_on": "1/9/2027"}
        found = errors(admin.post(f"{CALENDAR}/closed-days/new", given))
        assert found[0].startswith("Choose 10 days or fewer")

    def test_bank_holidays_are_known(self, admin: Desk) -> None:
        assert "25 December 2026: Christmas Day" in admin.get(CALENDAR).text


class TestKeys:
    PATH = "/staff/settings/keys"

    def make(self, admin: Desk, **given: str) -> tuple[dict[str, str], str]:
        form = {**filled(admin.get(f"{self.PATH}/new")), "name": "Council website", "may-subscribe": "yes", **given}
        answer = admin.post(f"{self.PATH}/new", form)
        assert answer.headers["cache-control"] == "no-store"
        return form, answer.text

    def test_a_key_is_shown_once_works_and_is_taken_back(self, door: Door, admin: Desk) -> None:
        form, page = self.make(admin, **{"may-updates_read": "yes"})
        found = re.search(r"nl_([a-z0-9]{8})_[A-Za-z0-9_-]{43}", page)
        assert found
        headers = {"authorization": f"Bearer {found[0]}"}
        assert door.get("/api/v1/updates", headers=headers).status_code == 200
        listed = admin.get(self.PATH).text
        assert found[0] not in listed
        assert f"nl_{found[1]}…" in listed
        assert admin.post(f"{self.PATH}/new", form).status_code == 409  # the page was loaded again
        sure = f"{self.PATH}/{found[1]}/revoke"
        assert "stops working at once" in admin.get(sure).text
        assert admin.post(sure).status_code == 303
        assert door.get("/api/v1/updates", headers=headers).status_code in (401, 403)
        assert logged(door.runtime) == [
            ("add key", f"key {found[1]}", "Council website: subscribe updates:read"),
            ("revoke key", f"key {found[1]}", "Council website"),
        ]

    def test_what_is_missing_is_said(self, door: Door, admin: Desk) -> None:
        form = filled(admin.get(f"{self.PATH}/new"))
        assert errors(admin.post(f"{self.PATH}/new", {**form, "last_day": "soon"})) == [
            "The last day must be a real date, like 27/3/2027",
            "Enter the name of the program that uses the key",
            "Select what the program may do",
        ]
        past = {**form, "name": "X", "may-subscribe": "yes", "last_day": "1/1/2026"}
        assert errors(admin.post(f"{self.PATH}/new", past)) == ["A key cannot expire in the past."]
        with door.runtime.db.reading() as session:
            assert session.exec(select(ApiKey)).all() == []

    def test_a_key_ends_after_its_last_day(self, admin: Desk, clock: ManualClock) -> None:
        self.make(admin, last_day="3/11/2026", name=NASTY)
        page = admin.get(self.PATH).text
        assert "until 3 November 2026" in page
        assert "<script>alert(" not in page

    def test_no_such_key(self, admin: Desk) -> None:
        assert admin.get(f"{self.PATH}/aaaa2222/revoke").status_code == 404
        assert admin.post(f"{self.PATH}/aaaa2222/revoke").status_code == 404


class TestRetention:
    PATH = "/staff/settings/retention"

    def test_the_data_protection_officer_decides(self, door: Door, admin: Desk, desk: Callable[..., Desk]) -> None:
        assert "may change these periods" in admin.get(self.PATH).text
        assert admin.get(f"{self.PATH}/deliveries").status_code == 403
        officer = desk(StaffRole.DPO)
        path = f"{self.PATH}/deliveries"
        old = filled(officer.get(path))
        assert errors(officer.post(path, {**old, "days": "1"}))[0].startswith("Choose between 7 and 90 days")
        assert errors(officer.post(path, {**old, "days": "some"})) == ["Days must be a whole number"]
        assert officer.post(path, {**old, "days": "30"}).status_code == 303
        assert officer.post(path, {**old, "days": "14"}).status_code == 409
        with door.runtime.db.reading() as session:
            assert periods.all_periods(session)[Period.DELIVERIES] == timedelta(days=30)
        assert logged(door.runtime) == [("change period", "deliveries", "7 to 30 days")]

    def test_no_such_period(self, desk: Callable[..., Desk]) -> None:
        assert desk(StaffRole.DPO).get(f"{self.PATH}/for-ever").status_code == 404


def test_everybody_sees_the_settings_that_are_theirs(admin: Desk, desk: Callable[..., Desk]) -> None:
    assert "/staff/settings/partnership" in admin.get("/staff/settings").text
    assert "/staff/settings/bases" not in admin.get("/staff/settings").text
    theirs = desk(StaffRole.DPO).get("/staff/settings").text
    assert "/staff/settings/partnership" not in theirs
    assert "/staff/settings/bases" in theirs


@pytest.mark.parametrize("end", ["partners/new", "priority-areas/new", "glossary/new", "lists/1", "lists/new",
                                 "lists/1/wording", "lists/1/cadence", "lists/2/topics/new", "partnership",
                                 "calendar/elections/new", "calendar/closed-days/new", "keys/new"])  # fmt: skip
@pytest.mark.parametrize("text", ["\0", "\ud800", "9" * 400, "[[x]]", "\u202e", "x" * 20_000, "1/1/9999", "-1"])
def test_whatever_is_typed_is_answered(sqlite_admin: Desk, end: str, text: str) -> None:
    path = f"/staff/settings/{end}"
    form = filled(sqlite_admin.get(path))
    sendable = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    answer = sqlite_admin.post(path, {name: form[name] if name == "shown" else sendable for name in form})
    assert answer.status_code in (200, 303, 409, 413, 422)


@pytest.fixture
def sqlite_admin(sqlite_door: Door) -> Desk:
    from tests.newsletter.web.staff.conftest import sign_in

    return Desk(sqlite_door, *sign_in(sqlite_door.runtime, StaffRole.ADMIN, email="a@example.org", name="Admin"))


def test_the_calendar_asks_few_questions(door: Door, admin: Desk) -> None:
    with door.runtime.db.transaction() as session:
        for number in range(80):
            day = date(2027, 1, 1) + timedelta(days=number)
            session.add(ElectionPeriod(name=f"E{number}", starts_on=day, ends_on=day))
            session.add(ClosedPeriod(name=f"C{number}", starts_on=day, ends_on=day))
    with Counted(door.runtime) as seen:
        assert admin.get(CALENDAR).status_code == 200
    assert seen.number <= 8
