"""“You said, we did” on the web: by area and outcome, and year by year, with nobody to be recognised."""

import csv
from datetime import date, datetime
from io import StringIO
from typing import Any

import pytest

from newsletter.content import responses
from newsletter.content.models import Partner, PriorityArea
from subscribers import sheets
from tests.newsletter.content.conftest import response_draft
from tests.newsletter.web.conftest import Door
from tests.subscribers.test_sheets import opened


@pytest.fixture
def answered(door: Door) -> Door:
    """Four answers, one for each outcome."""
    now = door.runtime.clock.now()
    with door.runtime.db.transaction() as session:
        areas = [
            PriorityArea(number=n, name=f"Area {n}", description="A.", from_date=date(2023, 12, 12)) for n in (1, 2)
        ]
        partner = Partner(slug="council", name="Example Council", from_date=date(2020, 1, 1))
        session.add_all([*areas, partner])
        session.flush()

        def write(theme: str, **changes: Any) -> None:
            common = {"partner_id": partner.id, "priority_area_id": areas[0].id}
            responses.write(session, response_draft(theme=theme, **{**common, **changes}), now=now)

        write("Parking", people=3, did="=1+1")
        write("Phones", outcome="doing", doing_by=date(2026, 11, 2), priority_area_id=areas[1].id)
        write("Saturdays", outcome="will not", reason="The rooms are closed.", from_date=date(2025, 6, 1))
        write("Law", outcome="not decided by us", reason="It is a law.", until_date=date(2026, 11, 2))
        write("Tomorrow", from_date=date(2026, 11, 4))
    return door


def test_it_is_empty_before_there_is_anything(sqlite_door: Door) -> None:
    page = sqlite_door.get("/you-said-we-did").text
    assert "There is nothing here yet" in page
    assert "Reports" not in page
    assert sqlite_door.get("/you-said-we-did/2026").status_code == 404


def test_what_stands_is_shown_by_area(answered: Door) -> None:
    page = answered.get("/you-said-we-did").text
    places = [page.index(words) for words in ("Saturdays", "Parking", "Area 2", "Phones")]
    assert places == sorted(places)
    for words in (
        "Fewer than 5 people told us, 1 September to 31 October 2026", "14 people told us",
        "This is late. We said that we would finish by 2 November 2026.", "Why: The rooms are closed.",
        'href="/you-said-we-did/2025"', 'href="/you-said-we-did/2026"',
    ):  # fmt: skip
        assert words in page
    for words in ("Tomorrow", "It is a law.", "3 people"):
        assert words not in page


def test_it_can_be_narrowed_to_one_outcome(answered: Door) -> None:
    page = answered.get("/you-said-we-did?outcome=will%20not").text
    assert "Saturdays" in page
    assert "Parking" not in page
    assert "Parking" in answered.get("/you-said-we-did?outcome=nonsense").text


def test_a_report_has_the_year_and_counts_no_people(answered: Door) -> None:
    page = answered.get("/you-said-we-did/2026").text
    for words in ("regulation 56", "Parking", "Phones", "Law", "The year is not over", "Fewer than 5 people"):
        assert words in page
    for words in ("Saturdays", "Tomorrow", "3 people", "31 people"):
        assert words not in page
    past = answered.get("/you-said-we-did/2025").text
    assert "Saturdays" in past
    assert "The year is not over" not in past
    for year in ("2024", "20260", "x", "-1", "2024.csv", "2024.xlsx"):
        assert answered.get(f"/you-said-we-did/{year}").status_code == 404


def test_a_spreadsheet_has_the_same_and_runs_nothing(answered: Door) -> None:
    response = answered.get("/you-said-we-did/2026.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(response.content.decode("utf-8-sig"))))
    assert [row["Theme"] for row in rows] == ["Parking", "Law", "Phones"]
    assert rows[0]["How many people"] == "Fewer than 5 people"
    assert rows[0]["Our answer"] == "'=1+1"
    assert rows[2]["Done by"] == "2026-11-02"
    assert rows[1]["Reason"] == "It is a law."
    tag = response.headers["etag"]
    assert answered.get("/you-said-we-did/2026.csv", headers={"if-none-match": tag}).status_code == 304
    workbook = answered.get("/you-said-we-did/2026.xlsx")
    assert workbook.headers["content-type"] == sheets.XLSX
    headings, *cells = opened(workbook.content)
    assert [text for _, text in headings] == list(rows[0])
    assert [kind for row in cells for kind, _ in row if kind == "f"] == []
    assert [row[7] for row in cells][2] == ("d", datetime.fromisoformat("2026-11-02"))
    tag = workbook.headers["etag"]
    assert answered.get("/you-said-we-did/2026.xlsx", headers={"if-none-match": tag}).status_code == 304
