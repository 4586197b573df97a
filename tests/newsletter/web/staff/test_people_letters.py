"""Complaints about data and copies on paper, as staff see them: what to do, that it was done, and nothing lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.core.clock import ManualClock
from newsletter.editions import archive
from newsletter.feedback import complaints, paper_copies
from newsletter.feedback.models import PaperFormat
from newsletter.staff.models import StaffRole
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.queries import counted
from tests.newsletter.web.staff.test_people import keep_to, log_of, words

Sit = Callable[..., Desk]

COMPLAINTS, PAPER = "/staff/people/complaints", "/staff/people/paper-copies"


@pytest.fixture
def officer(desk: Sit) -> Desk:
    return desk(StaffRole.DPO)


def complain(door: Door, text: str = "You shared <b>my</b> address", contact: str = "reader@example.org") -> str:
    now = door.runtime.clock.now()
    with door.runtime.db.transaction() as session:
        return complaints.take(
            session, door.runtime.crypto, text=text, contact=contact, now=now, today=now.date()
        ).reference


def ask_for_paper(door: Door, slug: str = "2026-11-02", list_slug: str = "parents") -> None:
    with door.runtime.db.transaction() as session:
        list_id = town.parents_id(session) + (list_slug == "professionals")
        edition_id = archive.by_slug(session, list_id, slug).id
        assert edition_id is not None
        paper_copies.ask(
            session,
            door.runtime.crypto,
            edition_id=edition_id,
            format=PaperFormat.LARGE_PRINT,
            name="A Reader & family",
            address="7 Low Road\nExampleton",
            now=door.runtime.clock.now(),
        )


def test_a_complaint_is_read_acknowledged_and_closed(door: Door, officer: Desk) -> None:
    reference = complain(door)
    page = officer.get(COMPLAINTS).text
    assert "30 days left to acknowledge" in page
    assert "shared" not in page
    one = officer.get(f"{COMPLAINTS}/{reference.lower()}").text
    assert "You shared &lt;b&gt;my&lt;/b&gt; address" in one
    assert "reader@example.org" in one
    officer.post(f"{COMPLAINTS}/{reference}/acknowledge")
    assert "acknowledged, open" in officer.get(COMPLAINTS).text
    for outcome in ("", "  ", "x" * (complaints.OUTCOME_LENGTH + 1)):
        wrong = officer.post(f"{COMPLAINTS}/{reference}/close", {"outcome": outcome})
        assert wrong.status_code == 422
        assert 'href="#outcome"' in wrong.text
        assert "--outcome" not in wrong.text
        assert outcome.strip() in wrong.text
    closed = officer.post(f"{COMPLAINTS}/{reference}/close", {"outcome": "We taught <everybody> again."})
    assert "Closed." in officer.get(closed.headers["location"]).text
    assert "We taught &lt;everybody&gt; again." in officer.get(COMPLAINTS).text
    assert officer.post(f"{COMPLAINTS}/{reference}/close", {"outcome": "Again"}).status_code == 409
    assert [action for action, about, _ in log_of(door.runtime) if about == f"complaint {reference}"] == [
        "read complaint",
        "acknowledge complaint",
        "close complaint",
    ]


def test_an_urgent_complaint_waits_on_the_first_page(door: Door, desk: Sit, clock: ManualClock) -> None:
    complain(door)
    clock.move(timedelta(days=26))
    assert "1 complaint must be acknowledged soon" in desk(StaffRole.DPO).get("/staff/people").text
    assert "acknowledged soon" not in desk(StaffRole.ADMIN).get("/staff/people").text
    clock.move(timedelta(days=6))
    assert "OVERDUE by 2 days" in desk(StaffRole.DPO).get(COMPLAINTS).text


def test_many_complaints_are_few_questions(door: Door, officer: Desk) -> None:
    complain(door)
    with counted(door.runtime) as few:
        officer.get(COMPLAINTS)
    for _ in range(10):
        complain(door)
    with counted(door.runtime) as many:
        officer.get(COMPLAINTS)
    assert len(many) == len(few)


def test_who_protects_one_list_reads_no_complaint(door: Door, officer: Desk) -> None:
    reference = complain(door)
    keep_to(door.runtime, officer, "professionals")
    assert officer.get(COMPLAINTS).status_code == 403
    assert officer.get(f"{COMPLAINTS}/{reference}").status_code == 403
    assert officer.post(f"{COMPLAINTS}/{reference}/close", {"outcome": "Done"}).status_code == 403


def test_a_paper_copy_is_posted_by_whoever_writes(door: Door, desk: Sit) -> None:
    ask_for_paper(door)
    author = desk(StaffRole.AUTHOR)
    page = author.get(PAPER).text
    assert "In large print: SEND news for parents and carers, edition 3" in words(page)
    assert "A Reader &amp; family\n7 Low Road\nExampleton" in page
    done = author.post(f"{PAPER}/1/done")
    assert "Noted as posted." in author.get(done.headers["location"]).text
    assert "Nothing is to be posted" in author.get(PAPER).text
    assert author.post(f"{PAPER}/9/done").status_code == 404
    assert log_of(door.runtime) == [("post paper copy", "paper copy 1", "")]


def test_an_author_of_one_list_posts_that_list_alone(door: Door, desk: Sit) -> None:
    ask_for_paper(door)
    ask_for_paper(door, list_slug="professionals")
    author = keep_to(door.runtime, desk(StaffRole.AUTHOR), "professionals")
    page = words(author.get(PAPER).text)
    assert "SEND news for professionals" in page
    assert "SEND news for parents" not in page
    assert author.post(f"{PAPER}/1/done").status_code == 403
    assert author.post(f"{PAPER}/2/done").status_code == 303


def test_many_paper_copies_are_few_questions(door: Door, desk: Sit) -> None:
    author = desk(StaffRole.AUTHOR)
    ask_for_paper(door)
    with counted(door.runtime) as few:
        author.get(PAPER)
    for _ in range(10):
        ask_for_paper(door)
        ask_for_paper(door, "2026-10-19")
    with counted(door.runtime) as many:
        author.get(PAPER)
    assert len(many) == len(few)
