"""Replies taken, feedback read as a list and as a table, grouped into themes, counted for the public."""

import csv
import io
from datetime import date
from email.message import EmailMessage
from pathlib import Path

import pytest

from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.editions import replied
from newsletter.editions.models import Edition
from newsletter.feedback import taking
from newsletter.feedback.models import FeedbackSource
from tests.newsletter.cli.conftest import Newsletter


def reply(directory: Path, text: str, *, subject: str = "Re: news") -> Path:
    directory.mkdir(exist_ok=True)
    message = EmailMessage()
    message["From"], message["Subject"] = "Jo Reader <jo@example.org>", subject
    message.set_content(text)
    file = directory / "reply.eml"
    file.write_bytes(bytes(message))
    return file


def on_day(day: date, *texts: str) -> None:
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        for text in texts:
            taking.view(session, text=text, day=day, source=FeedbackSource.EVENT, priority_area_id=3)
    built.db.dispose()


def table(newsletter: Newsletter, *arguments: object) -> list[dict[str, str]]:
    result = newsletter("feedback", "list", "--csv", *arguments)
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_a_reply_is_kept_without_its_sender(demo: Newsletter, tmp_path: Path) -> None:
    result = demo("feedback", "take", reply(tmp_path, "More on Fridays, please.\n\nJo"), "--area", 2)
    assert result.exit_code == 0, result.stderr
    assert "feedback 1" in result.stdout
    (row,) = table(demo)
    assert (row["text"], row["source"]) == ("More on Fridays, please.\n\n(name)", "reply")
    assert row["area"].startswith("2 ")
    assert demo("feedback", "take", reply(tmp_path, "More"), "--area", 9).exit_code == 1
    assert demo("feedback", "take", reply(tmp_path, "> quoted")).exit_code == 1
    assert len(table(demo)) == 1


def sent_edition(newsletter: Newsletter, number: int = 1) -> tuple[str, list[tuple[str, str]]]:
    """Let the sample's edition go out; its subject, and anchor and title of its parts."""
    newsletter("edition", "approve", number, "--by", "approver@example.org")
    assert newsletter("edition", "send", number, "--now").exit_code == 0
    built = runtimes.build(settings.load())
    with built.db.reading() as session:
        edition = session.get_one(Edition, number)
        found = edition.frozen_subject or "", replied.parts(edition)
    built.db.dispose()
    return found


def test_a_reply_belongs_to_the_edition_with_its_subject(demo: Newsletter, tmp_path: Path) -> None:
    subject, parts = sent_edition(demo)
    file = reply(tmp_path, "Good.", subject=f"RE: {subject}")
    result = demo("feedback", "take", file)
    assert f"It answers edition 1, “{subject}”.\n" in result.stdout
    anchor, title = parts[0]
    assert demo("feedback", "take", file, "--about", anchor).exit_code == 0
    assert demo("feedback", "take", file, "--about", title.upper(), "--area", 1).exit_code == 0
    assert demo("feedback", "take", reply(tmp_path, "Bad.", subject="A question"), "--edition", 1).exit_code == 0
    result = demo("feedback", "take", reply(tmp_path, "So so.", subject="A question"))
    assert "It belongs to no edition" in result.stdout
    rows = table(demo)
    assert [(row["edition"], row["part"]) for row in rows] == [
        ("1", ""), ("1", anchor), ("1", anchor), ("1", ""), ("", "")
    ]  # fmt: skip
    assert rows[0]["area"] == ""
    assert rows[1]["area"]  # that of the update
    assert rows[2]["area"].startswith("1 ")


def test_a_part_or_an_edition_that_is_not_there_is_refused(demo: Newsletter, tmp_path: Path) -> None:
    subject, parts = sent_edition(demo)
    answering, other = reply(tmp_path, "Good.", subject=f"Re: {subject}"), reply(tmp_path / "b", "Good.")
    for said, arguments in (
        (f"It has: {parts[0][0]} ({parts[0][1]}); ", (answering, "--about", "update-999")),
        ("has not gone out", (answering, "--edition", 2)),
        ("has not gone out", (answering, "--edition", 2, "--about", "update-1")),
        ("There is no edition", (answering, "--edition", 99)),
        ("Say which: --edition ID.", (other, "--about", parts[0][0])),
    ):
        result = demo("feedback", "take", *arguments)
        assert result.exit_code == 1
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert table(demo) == []


def test_a_subject_of_two_newsletters_is_asked_about(demo: Newsletter, tmp_path: Path) -> None:
    subject, _ = sent_edition(demo)
    sent_edition(demo, 2)
    built = runtimes.build(settings.load())
    with built.db.transaction() as session:
        session.get_one(Edition, 2).frozen_subject = subject
    built.db.dispose()
    file = reply(tmp_path, "Good.", subject=f"Re: {subject}")
    result = demo("feedback", "take", file)
    assert result.stderr == (
        "Editions 1 and 2, of several newsletters, have the subject of this mail. Say which: --edition ID.\n"
    )
    assert demo("feedback", "take", file, "--edition", 2).exit_code == 0
    assert [row["edition"] for row in table(demo)] == ["2"]


def test_the_list_can_be_narrowed(demo: Newsletter) -> None:
    assert demo("feedback", "list").stdout == "There is no feedback.\n"
    on_day(date(2026, 3, 1), "in spring")
    on_day(date(2026, 9, 1), "in autumn\nlong")
    assert [row["text"] for row in table(demo, "--since", "2026-09-01")] == ["in autumn\nlong"]
    assert table(demo, "--area", 1) == []
    assert "       in autumn\n       long\n" in demo("feedback", "list", "--area", 3).stdout


@pytest.mark.parametrize("text", ["=1+1", "+44", "-2", "@SUM(A1)", "＝1", ' =cmd|"/c calc"!A1'])
def test_no_cell_is_a_formula(demo: Newsletter, text: str) -> None:
    on_day(date(2026, 3, 1), text)
    (row,) = table(demo)
    assert row["text"] == f"'{text.strip()}"


def test_a_line_break_in_a_text_makes_no_second_row(demo: Newsletter) -> None:
    on_day(date(2026, 3, 1), 'one"\n,=2\r\n"three')
    (row,) = table(demo)
    assert row["text"] == 'one"\n,=2\n"three'


def test_feedback_is_filed_and_small_numbers_are_not_told(demo: Newsletter) -> None:
    on_day(date(2026, 3, 1), *(f"too slow {number}" for number in range(6)))
    assert demo("feedback", "file", 1, 2, 3, 4, 5, "--theme", " Plans  take too long ").exit_code == 0
    assert demo("feedback", "file", 6, "--theme", "Phones").exit_code == 0
    counted = demo("feedback", "themes", "--since", "2026-01-01", "--until", "2026-12-31").stdout
    assert "           5  Plans take too long (3 " in counted
    assert "fewer than 5  Phones (3 " in counted
    assert demo("feedback", "themes", "--since", "2026-04-01", "--until", "2026-12-31").stdout == ""
    assert demo("feedback", "set-aside", 6).exit_code == 0
    assert "Phones" not in demo("feedback", "themes", "--since", "2026-01-01", "--until", "2026-12-31").stdout
    assert {row["state"] for row in table(demo)} == {"filed", "set-aside"}
    assert demo("feedback", "delete", 6).stdout == "Deleted: 1.\n"
    assert {row["state"] for row in table(demo)} == {"filed"}


@pytest.mark.parametrize(
    "arguments",
    ["file 1 99 --theme slow", "file 99 --theme slow", "set-aside 99", "delete 1 99", "file 1 --theme ",
     "themes --since 2026-02-01 --until 2026-01-01"],
)  # fmt: skip
def test_refusals(demo: Newsletter, arguments: str) -> None:
    on_day(date(2026, 3, 1), "one")
    result = demo("feedback", *arguments.split(" "))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert table(demo)[0]["state"] == "new"


def test_a_theme_is_one_whatever_its_capitals(demo: Newsletter) -> None:
    on_day(date(2026, 3, 1), "one", "two")
    demo("feedback", "file", 1, "--theme", "Phones")
    demo("feedback", "file", 2, "--theme", "phones")
    assert {row["theme"] for row in table(demo)} == {"Phones"}
