"""What the data protection officer does about a complaint, and what is posted on paper."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from newsletter.content.dates import london_date
from newsletter.core import runtime as runtimes
from newsletter.core import settings
from newsletter.core.runtime import Runtime
from newsletter.editions.models import Edition
from newsletter.feedback import complaints, paper_copies
from newsletter.feedback.models import DataComplaint, PaperFormat
from tests.newsletter.cli.conftest import Newsletter

DPO = ("--by", "dpo@example.org")
WORDS, CONTACT = "My address was shown.", "Reader <reader@example.org>"


def inside(work: Callable[[Session, Runtime], str]) -> str:
    built = runtimes.build(settings.load())
    try:
        with built.db.transaction() as session:
            return work(session, built)
    finally:
        built.db.dispose()


def complain(days_ago: int = 0, contact: str = CONTACT) -> str:
    def work(session: Session, built: Runtime) -> str:
        # Days of the calendar: when the clocks have changed meanwhile, that is not the same as so many times 24 hours.
        now, ago = built.clock.now(), timedelta(days=days_ago)
        today = london_date(now) - ago
        row = complaints.take(session, built.crypto, text=WORDS, contact=contact, now=now - ago, today=today)
        return row.reference

    return inside(work)


def test_the_clock_of_each_complaint_is_told_in_words(demo: Newsletter) -> None:
    assert demo("complaints", "list").stdout == "There are no complaints.\n"
    for days_ago in (0, 29, 30, 31, 40):
        complain(days_ago)
    said = [line.rpartition(": ")[2] for line in demo("complaints", "list").stdout.splitlines()]
    assert said == [
        "OVERDUE by 10 days", "OVERDUE by 1 day", "acknowledge today", "1 day left to acknowledge",
        "30 days left to acknowledge",
    ]  # fmt: skip


def test_only_the_data_protection_officer_reads_and_answers(demo: Newsletter) -> None:
    reference = complain()
    for command in (("show",), ("acknowledge",), ("close", "--outcome", "Put right")):
        for other in ("admin@example.org", "approver@example.org", "nobody@example.org"):
            result = demo("complaints", command[0], reference, *command[1:], "--by", other)
            assert result.exit_code == 1
            assert WORDS not in result.output
    assert "acknowledged" not in demo("complaints", "list").stdout


def test_a_complaint_is_read_acknowledged_and_closed(demo: Newsletter) -> None:
    reference = complain()
    shown = demo("complaints", "show", reference.lower(), *DPO)
    assert WORDS in shown.stdout
    assert CONTACT in shown.stdout
    assert "A complaint was read" in shown.stderr
    assert "@" not in shown.stderr
    assert demo("complaints", "acknowledge", reference, *DPO).exit_code == 0
    assert "acknowledged, open" in demo("complaints", "list").stdout
    assert demo("complaints", "close", reference, "--outcome", " ", *DPO).exit_code == 1
    assert demo("complaints", "close", reference, "--outcome", "x" * 2001, *DPO).exit_code == 1
    assert demo("complaints", "close", reference, "--outcome", "Put right", *DPO).exit_code == 0
    assert demo("complaints", "close", reference, "--outcome", "Again", *DPO).exit_code == 1
    assert ": closed" in demo("complaints", "list").stdout
    assert "Outcome: Put right" in demo("complaints", "show", reference, *DPO).stdout


@pytest.mark.parametrize(("days_ago", "is_problem"), [(24, False), (25, True), (45, True)])
def test_the_doctor_warns_of_what_is_nearly_due(demo: Newsletter, days_ago: int, is_problem: bool) -> None:
    reference = complain(days_ago)
    said = demo("doctor").stdout
    assert (f"problem  complaints about data: {reference}" in said) is is_problem
    demo("complaints", "acknowledge", reference, *DPO)
    assert "problem  complaints" not in demo("doctor").stdout


def test_a_person_who_asks_is_shown_their_complaint(demo: Newsletter) -> None:
    reference = complain()
    assert reference in demo("person", "export", "READER@example.org").stdout
    for other in ("ader@example.org", "reader@example.or"):
        assert reference not in demo("person", "export", other).stdout


def test_erasing_a_person_empties_closed_complaints_and_names_open_ones(demo: Newsletter) -> None:
    reference = complain()
    assert (
        "1 open complaint of this person must still be answered" in demo("person", "erase", "reader@example.org").stdout
    )
    assert WORDS in demo("complaints", "show", reference, *DPO).stdout
    demo("complaints", "close", reference, "--outcome", "Put right", *DPO)
    assert "Erased." in demo("person", "erase", "reader@example.org").stdout
    shown = demo("complaints", "show", reference, *DPO).stdout
    assert WORDS not in shown
    assert "reader@" not in shown
    assert "Outcome: Put right" in shown


def test_what_is_to_be_posted_is_listed_until_it_is_done(demo: Newsletter) -> None:
    assert demo("paper", "list").stdout == "Nothing is to be posted.\n"

    def work(session: Session, built: Runtime) -> str:
        edition_id = session.exec(select(Edition.id)).first()
        assert edition_id is not None
        paper_copies.ask(
            session, built.crypto, edition_id=edition_id, format=PaperFormat.PAPER,
            name="A Reader", address="7 Low Road\nExampleton", now=built.clock.now(),
        )  # fmt: skip
        return ""

    inside(work)
    said = demo("paper", "list").stdout
    assert "/editions/parents/" in said
    assert "    A Reader\n    7 Low Road\n    Exampleton\n" in said
    assert demo("paper", "done", 2).exit_code == 1
    assert demo("paper", "done", 1).exit_code == 0
    assert demo("paper", "done", 1).exit_code == 0
    assert demo("paper", "list").stdout == "Nothing is to be posted.\n"


def test_a_closed_complaint_is_kept_longer_than_its_words(demo: Newsletter) -> None:
    """The row stays, for the record of what was complained of and how soon it was answered."""
    reference = complain()
    demo("complaints", "close", reference, "--outcome", "Put right", *DPO)

    def work(session: Session, built: Runtime) -> str:
        row = session.exec(select(DataComplaint)).one()
        row.text_sealed = row.contact_sealed = None
        return str(row.acknowledge_by >= date(2026, 1, 1))

    inside(work)
    assert "(deleted: it has had its time)" in demo("complaints", "show", reference, *DPO).stdout
