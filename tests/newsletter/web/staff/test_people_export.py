"""A mailing list leaves with two people, a reason, once, within a day; and every step of it is logged."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.core.clock import ManualClock
from newsletter.staff import sessions
from newsletter.staff.models import StaffRole
from newsletter.web.staff.people_export import STANDINGS
from scheduler import jobs
from subscribers import export_requests, exporting, sheets
from subscribers.models import Role
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.queries import counted
from tests.newsletter.web.staff.test_people import keep_to, log_of, words
from tests.subscribers.test_sheets import opened

Sit = Callable[..., Desk]

EXPORTS = "/staff/people/exports"
REASON = "The new council takes the list over <script>alert(1)</script>"


@pytest.fixture
def asker(desk: Sit) -> Desk:
    return desk(StaffRole.ADMIN)


@pytest.fixture
def officer(desk: Sit) -> Desk:
    return desk(StaffRole.DPO)


def ask(desk: Desk, list_id: str = "1", reason: str = REASON) -> int:
    return desk.post(EXPORTS, {"list": list_id, "reason": reason}).status_code


def later(door: Door, desk: Desk, clock: ManualClock, by: timedelta) -> Desk:
    """The same person on another day."""
    clock.move(by)
    with door.runtime.db.transaction() as session:
        cookie = sessions.begin(
            session, door.runtime.crypto, desk.staff_id, browser="A test", is_whole=True, now=clock.now()
        )
    return Desk(door, desk.staff_id, cookie)


def test_one_asks_another_agrees_and_the_first_fetches_it_once(door: Door, asker: Desk, officer: Desk) -> None:
    town.subscriber(door.runtime, "one@example.org")
    town.subscriber(door.runtime, "pending@example.org", confirmed=False)
    assert ask(asker) == 303
    page = asker.get(EXPORTS).text
    assert "Somebody else must agree within a week." in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "1 person wants to take a mailing list out" in officer.get("/staff/people").text
    assert asker.post(f"{EXPORTS}/1/agree").status_code == 403
    assert asker.post(f"{EXPORTS}/1/file").status_code == 409
    agreed = officer.post(f"{EXPORTS}/1/agree")
    assert agreed.headers["location"] == f"{EXPORTS}?said=agreed"
    assert officer.post(f"{EXPORTS}/1/file").status_code == 403
    assert "Agreed to by Dpo of the council" in words(asker.get(EXPORTS).text)
    file = asker.post(f"{EXPORTS}/1/file")
    assert file.headers["content-disposition"] == 'attachment; filename="parents.csv"'
    assert file.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))
    assert [row["email"] for row in rows] == ["one@example.org"]
    assert rows[0]["wording"] == town.PARENTS_WORDING
    assert asker.post(f"{EXPORTS}/1/file").status_code == 409
    assert log_of(door.runtime) == [
        ("ask for export", "export 1 of list 1", ""),
        ("agree to export", "export 1 of list 1", ""),
        ("fetch export", "export 1 of list 1", "1 people"),
    ]


def test_no_cell_is_a_formula(door: Door, asker: Desk, officer: Desk) -> None:
    town.subscriber(door.runtime, "=cmd@example.org", slug="professionals")
    ask(asker, "2")
    officer.post(f"{EXPORTS}/1/agree")
    text = asker.post(f"{EXPORTS}/1/file").text
    assert "'=cmd@example.org" in text
    assert Role.SENCO.value in text


def test_it_can_be_fetched_as_a_workbook(door: Door, asker: Desk, officer: Desk) -> None:
    town.subscriber(door.runtime, "=cmd@example.org", slug="professionals")
    ask(asker, "2")
    officer.post(f"{EXPORTS}/1/agree")
    file = asker.post(f"{EXPORTS}/1/file", {"as": "xlsx"})
    assert file.headers["content-disposition"] == 'attachment; filename="professionals.xlsx"'
    assert (file.headers["content-type"], file.headers["cache-control"]) == (sheets.XLSX, "no-store")
    headings, row = opened(file.content)
    assert [text for _, text in headings] == list(exporting.COLUMNS)
    assert row[0] == ("s", "'=cmd@example.org")
    assert row[1][0] == "d"


def test_it_can_be_refused(door: Door, asker: Desk, officer: Desk) -> None:
    ask(asker)
    officer.post(f"{EXPORTS}/1/refuse")
    assert "Refused by Dpo of the council" in words(asker.get(EXPORTS).text)
    assert asker.post(f"{EXPORTS}/1/file").status_code == 409
    assert officer.post(f"{EXPORTS}/1/agree").status_code == 409


def test_one_of_the_two_protects_data(door: Door, desk: Sit, asker: Desk, officer: Desk) -> None:
    second = desk(StaffRole.ADMIN, email="second@example.org")
    ask(asker)
    assert second.post(f"{EXPORTS}/1/agree").status_code == 403
    ask(officer)
    assert second.post(f"{EXPORTS}/2/agree").status_code == 303
    assert officer.post(f"{EXPORTS}/2/file").status_code == 200


def test_time_takes_it_away(door: Door, asker: Desk, officer: Desk, clock: ManualClock) -> None:
    ask(asker)
    officer.post(f"{EXPORTS}/1/agree")
    ask(asker)
    late = later(door, asker, clock, export_requests.FETCHED_WITHIN)
    assert late.post(f"{EXPORTS}/1/file").status_code == 409
    later_still = later(door, officer, clock, export_requests.DECIDED_WITHIN)
    assert later_still.post(f"{EXPORTS}/2/agree").status_code == 409
    assert words(later_still.get(EXPORTS).text).count("Expired") == 2
    a_month_later = later(door, officer, clock, export_requests.KEPT_FOR)
    jobs.sweep(door.runtime)
    assert "Nobody has asked for a list." in a_month_later.get(EXPORTS).text


def test_a_role_for_one_list_asks_for_that_list_alone(door: Door, desk: Sit, asker: Desk, officer: Desk) -> None:
    ask(asker)
    officer.post(f"{EXPORTS}/1/agree")
    keep_to(door.runtime, asker, "professionals")
    assert ask(asker, "1") == 422
    assert ask(asker, "2") == 303
    assert "parents" not in words(asker.get(EXPORTS).text)
    assert asker.post(f"{EXPORTS}/1/file").status_code == 403
    professionals = keep_to(door.runtime, desk(StaffRole.DPO, email="other@example.org"), "professionals")
    for act in ("agree", "refuse", "file"):
        assert professionals.post(f"{EXPORTS}/1/{act}").status_code == 403


def test_a_request_says_list_and_reason(asker: Desk) -> None:
    for list_id, reason, field in (("", REASON, "list"), ("1", " ", "reason"), ("1", "x" * 501, "reason")):
        found = asker.post(EXPORTS, {"list": list_id, "reason": reason})
        assert found.status_code == 422
        assert f'href="#{field}"' in found.text
        assert reason.strip().replace("<", "&lt;").replace(">", "&gt;")[:400] in found.text
    for act in ("agree", "refuse", "file"):
        assert asker.post(f"{EXPORTS}/7/{act}").status_code == 404


def test_every_standing_has_words_and_many_requests_are_few_questions(door: Door, asker: Desk, officer: Desk) -> None:
    assert set(STANDINGS) == set(export_requests.Standing)
    ask(asker)
    with counted(door.runtime) as few:
        officer.get(EXPORTS)
    for _ in range(20):
        ask(asker)
    with counted(door.runtime) as many:
        officer.get(EXPORTS)
    assert len(many) == len(few)
