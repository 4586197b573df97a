"""The report of an edition: figures of groups, never of a person, beside those of the last editions."""

import csv
import io
import re
from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery import figures, ledger, opening
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.feedback import taking, themes
from newsletter.feedback.models import Feedback, FeedbackSource
from newsletter.providers.base import Outcome
from subscribers.models import MailingList, Subscriber, SubscriberState
from tests.newsletter.delivery import scene
from tests.newsletter.web.staff import studio as studios
from tests.newsletter.web.staff.studio import Studio, at, words_of
from tests.newsletter.web.staff.test_sending import outcome, prepared
from tests.subscribers.test_sheets import opened

S = EditionState
TODAY = date(2026, 11, 3)


@pytest.fixture
def studio(runtime: Runtime) -> Studio:
    return studios.build(runtime)


@pytest.fixture
def sqlite_studio(sqlite_runtime: Runtime) -> Studio:
    return studios.build(sqlite_runtime)


def answered(session: Session, edition_id: int, anchor: str | None, *, yes: int = 0, no: int = 0) -> None:
    for number in range(yes + no):
        taking.useful(
            session, edition_id=edition_id, anchor=anchor, is_useful=number < yes, comment="Why not", day=TODAY
        )


def replied(session: Session, edition_id: int, anchor: str | None, number: int, *, aside: int = 0) -> None:
    rows = [
        taking.view(
            session, text="Thank you", day=TODAY, source=FeedbackSource.REPLY, edition_id=edition_id, anchor=anchor
        )
        for _ in range(number + aside)
    ]
    themes.set_aside(session, [row.id or 0 for row in rows[number:]])


def leave(session: Session, studio: Studio, number: int) -> None:
    now = studio.runtime.clock.now()
    for row in session.exec(select(Subscriber).where(Subscriber.state == SubscriberState.CONFIRMED).limit(number)):
        row.state, row.ended_at = SubscriberState.LEFT, now
        session.add(row)


def sent(studio: Studio, readers: int) -> int:
    edition_id = prepared(studio, readers)
    outcome(studio, readers * 9, Outcome.ACCEPTED)
    scene.reconcile(studio.runtime)
    assert studio.state(edition_id) is S.SENT
    return edition_id


def cells(studio: Studio, edition_id: int) -> list[dict[str, str]]:
    answer = studio.author.get(at(edition_id, "report.csv"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_a_report_says_what_became_of_it_and_what_readers_made_of_it(studio: Studio, clock: ManualClock) -> None:
    edition_id = sent(studio, 40)
    with studio.runtime.db.transaction() as session:
        ids = session.exec(select(Delivery.id).order_by(col(Delivery.id))).all()
        for place, state in enumerate([DeliveryState.BOUNCED] * 6 + [DeliveryState.COMPLAINED] * 2):
            ledger.apply_receipt(session, ids[place] or 0, state, now=clock.now())
        answered(session, edition_id, "update-1", yes=12, no=3)
        answered(session, edition_id, None, yes=7)
    clock.move(timedelta(hours=1))
    with studio.runtime.db.transaction() as session:
        leave(session, studio, 5)
    clock.move(timedelta(hours=1))
    page = words_of(studio.approver.get(at(edition_id, "report")))
    for words in (
        "Copies made 40",
        "Taken by the mail server 32",
        "Came back 6",
        "Reported as spam fewer than 5",
        "Stopped their emails since 5",
        "More help by phone 12 fewer than 5 15",
        "The edition as a whole 7 0 7",
        "It is the first edition of this newsletter",
    ):
        assert words in page, words
    rows = {(row["what"], row["about"]): row["number"] for row in cells(studio, edition_id)}
    assert rows["Came back", ""] == "6"
    assert rows["Reported as spam", ""] == "fewer than 5"
    assert rows["Useful: yes", "More help by phone"] == "12"
    workbook = opened(studio.author.get(at(edition_id, "report.xlsx")).content)
    found = {(row[3][1], row[4][1]): row[5] for row in workbook}
    assert found["Came back", None] == ("n", 6)
    assert found["Reported as spam", None] == ("s", "fewer than 5")
    assert workbook[1][2] == ("d", datetime.combine(studio.row(edition_id).date, time()))


def test_replies_are_counted_by_part_and_beside_other_editions(studio: Studio, clock: ManualClock) -> None:
    first = sent(studio, 10)
    clock.move(timedelta(days=14))
    second = sent(studio, 10)
    with studio.runtime.db.transaction() as session:
        replied(session, first, None, 8)
        replied(session, second, "update-2", 6, aside=5)
        replied(session, second, None, 2)
        answered(session, second, "update-2", yes=7)
        rows = session.exec(select(Feedback).where(Feedback.anchor == "update-2")).all()
        themes.file(session, [row.id or 0 for row in rows[:2]], "Phones", now=clock.now())  # changes nothing here
    page = words_of(studio.author.get(at(second, "report")))
    for words in (
        "Useful Not useful Comments Replies",
        "The edition as a whole 0 0 0 fewer than 5",
        "More help by phone 7 0 7 6",
        "Replies in all 8",
        "7 of 7 8",
        "no answers 8",
    ):
        assert words in page, words
    rows_of_file = {(row["edition"], row["what"], row["about"]): row["number"] for row in cells(studio, second)}
    assert rows_of_file["2", "Replies", "More help by phone"] == "6"
    assert rows_of_file["2", "Replies", "The edition as a whole"] == "fewer than 5"
    assert rows_of_file["1", "Replies in all", ""] == rows_of_file["2", "Replies in all", ""] == "8"
    workbook = opened(studio.author.get(at(second, "report.xlsx")).content)
    assert ("n", 6) in [row[5] for row in workbook if row[3][1] == "Replies"]
    assert ("s", "fewer than 5") in [row[5] for row in workbook if row[3][1] == "Replies"]


def test_editions_stand_beside_each_other(sqlite_studio: Studio, clock: ManualClock) -> None:
    first = sent(sqlite_studio, 20)
    clock.move(timedelta(days=7))
    with sqlite_studio.runtime.db.transaction() as session:
        leave(session, sqlite_studio, 6)
    clock.move(timedelta(days=7))
    second = sent(sqlite_studio, 30)
    with sqlite_studio.runtime.db.reading() as session:
        found = figures.report(session, session.get_one(Edition, second), now=clock.now())
    assert [each.recipients for each in (found.figures, *found.before)] == [44, 20]
    assert [each.growth.left for each in (found.figures, *found.before)] == [0, 6]
    page = sqlite_studio.author.get(at(second, "report"))
    assert f'href="{at(first, "report")}"' in page.text
    assert "<svg" in page.text
    assert "style=" not in page.text
    # The report of the first one ends where the second begins.
    assert "Stopped their emails since 6" in words_of(sqlite_studio.author.get(at(first, "report")))


def test_small_numbers_are_said_nowhere(sqlite_studio: Studio) -> None:
    """Not in the table, the chart or the file."""
    edition_id = sent(sqlite_studio, 3)
    page = words_of(sqlite_studio.author.get(at(edition_id, "report")))
    assert "Copies made fewer than 5" in page
    assert {row["number"] for row in cells(sqlite_studio, edition_id)} <= {"0", "fewer than 5"}


def test_bars_begin_at_zero_and_have_their_number_beside_them(sqlite_studio: Studio, clock: ManualClock) -> None:
    for _ in range(2):
        edition_id = sent(sqlite_studio, 20)
        clock.move(timedelta(days=14))
    page = sqlite_studio.author.get(at(edition_id, "report")).text
    assert re.findall(r'<rect[^>]* width="([\d.]+)"', page) == ["80.0", "160.0"]
    assert re.findall(r"font-size=\"16\">(\d+)<", page) == ["20", "40"]


def test_there_is_no_report_before_it_went_out(sqlite_studio: Studio) -> None:
    edition_id = sqlite_studio.edition()
    assert "There is a report once the edition has gone out" in sqlite_studio.author.get(at(edition_id, "report")).text
    for kind, status in (("csv", 404), ("xlsx", 404), ("pdf", 422)):
        assert sqlite_studio.author.get(at(edition_id, f"report.{kind}")).status_code == status


def test_what_people_wrote_harms_neither_page_nor_spreadsheet(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    title = "=cmd|' /C calc'!A0 <script>alert(1)</script>"
    scene.add_readers(studio.runtime, studio.world.parents, 5)
    with studio.runtime.db.transaction() as session:
        session.execute(sa.update(MailingList).values(name='@SUM("1") <script>'))
    edition_id = studio.edition(S.APPROVED, title)
    with studio.runtime.db.transaction() as session:
        opening.release_and_open(session, edition_id, now=studio.runtime.clock.now())
        publishing.finish(session, edition_id, now=studio.runtime.clock.now())
    for page in ("report", "sending", "approval"):
        text = studio.author.get(at(edition_id, page)).text
        assert "<script>alert" not in text
        assert "@SUM" in text
    for row in cells(studio, edition_id):
        for cell in row.values():
            assert cell[:1] not in ("=", "@", "+", "-")


def test_many_editions_and_answers_take_few_questions(sqlite_studio: Studio, clock: ManualClock) -> None:
    for number in range(8):
        edition_id = sent(sqlite_studio, 5 + number)
        with sqlite_studio.runtime.db.transaction() as session:
            for anchor in range(10):
                answered(session, edition_id, f"update-{anchor}", yes=3, no=3)
                replied(session, edition_id, f"update-{anchor}", 2)
        clock.move(timedelta(days=14))
    assert sqlite_studio.author  # signs in before anything is counted
    asked: list[str] = []
    sa.event.listen(
        sqlite_studio.runtime.db.engine, "before_cursor_execute", lambda *ran: asked.append(ran[2]), named=False
    )
    page = sqlite_studio.author.get(at(edition_id, "report")).text
    assert page.count("app-chart__bar--this") == 1
    assert len(asked) <= 20
