"""What readers told us, as staff read it: filed under themes, set aside, counted without small numbers, not logged."""

from collections.abc import Callable

import pytest
from sqlmodel import col, select

from newsletter.editions.models import Edition, EditionState
from newsletter.feedback import taking, themes
from newsletter.feedback.models import Feedback, FeedbackSource, FeedbackState, Speaker, Theme
from newsletter.staff.models import StaffRole
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, TODAY, Newsroom
from tests.newsletter.web.staff.settings.forms import Counted, errors, filled, logged

Sit = Callable[..., Desk]
PATH = "/staff/feedback"


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def told(room: Newsroom, *texts: str) -> list[int]:
    with room.runtime.db.transaction() as session:
        rows = [
            taking.view(
                session, text=text, day=TODAY, source=FeedbackSource.WEB, speaker=Speaker.PARENT,
                priority_area_id=room.areas[0],
            )
            for text in texts
        ]  # fmt: skip
        return [row.id or 0 for row in rows]


def states(room: Newsroom) -> list[tuple[FeedbackState, str | None]]:
    with room.runtime.db.reading() as session:
        rows = select(Feedback, Theme.name).outerjoin(Theme, col(Theme.id) == col(Feedback.theme_id))
        return [(row.state, name) for row, name in session.exec(rows.order_by(col(Feedback.id)))]


def test_texts_are_read_filed_and_lead_to_an_answer(author: Desk, newsroom: Newsroom) -> None:
    one, two, three = told(newsroom, "Nobody calls back.", "No call.", "Abuse.")
    page = author.get(PATH).text
    assert "Nobody calls back." in page
    assert "On our website. A parent or carer. Priority 1: Area 1" in page
    assert "Not filed yet (3)" in page
    answer = author.post(PATH, {f"text-{one}": "yes", f"text-{two}": "yes", "theme": "No calls", "do": "file"})
    assert answer.headers["location"] == f"{PATH}?said=filed"
    assert author.post(PATH, {f"text-{three}": "yes", "do": "aside"}).headers["location"] == f"{PATH}?said=aside"
    assert states(newsroom) == [
        (FeedbackState.FILED, "No calls"), (FeedbackState.FILED, "No calls"), (FeedbackState.SET_ASIDE, None)
    ]  # fmt: skip
    page = author.get(PATH).text
    assert "Everything is filed." in page
    assert "Said fewer than 5 times" in page
    assert 'href="/staff/answers/new?theme=1"' in page
    with newsroom.runtime.db.transaction() as session:
        themes.answer(session, "No calls", newsroom.response)
    assert f'href="/staff/answers/{newsroom.response}"' in author.get(PATH).text


def test_the_log_tells_numbers_and_no_words(author: Desk, newsroom: Newsroom) -> None:
    one, two = told(newsroom, "Nobody calls back.", "Abuse.")
    author.post(PATH, {f"text-{one}": "yes", "theme": "No calls", "do": "file"})
    author.post(PATH, {f"text-{two}": "yes", "do": "aside"})
    assert logged(newsroom.runtime) == [
        ("file feedback", "theme 1", "1 text"),
        ("set feedback aside", "", "1 text"),
    ]  # fmt: skip


def test_what_names_somebody_is_deleted_once_that_is_said_twice(author: Desk, newsroom: Newsroom) -> None:
    one, two, three = told(newsroom, "The head teacher never called.", "Nobody calls back.", "The head teacher again.")
    chosen = {f"text-{one}": "yes", f"text-{three}": "yes"}
    page = author.post(PATH, {**chosen, "do": "delete"})
    assert page.status_code == 200
    assert "Delete these 2 texts for good?" in page.text
    assert "The head teacher never called." in page.text
    assert len(states(newsroom)) == 3
    answer = author.post(PATH, {**chosen, "do": "delete-for-good"})
    assert answer.headers["location"] == f"{PATH}?said=deleted"
    assert "head teacher" not in author.get(f"{PATH}?said=deleted").text
    with newsroom.runtime.db.reading() as session:
        assert session.exec(select(Feedback.id)).all() == [two]
    assert logged(newsroom.runtime) == [("delete feedback", "", "2 texts")]
    assert author.post(PATH, {**chosen, "do": "delete-for-good"}).status_code == 409


def test_words_are_deleted_and_the_answer_they_came_with_stays_counted(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        edition = session.exec(select(Edition).where(Edition.state == EditionState.SENT)).first()
        assert edition is not None
        comment, number = "Thanks to the head teacher", edition.id or 0
        row = taking.useful(session, edition_id=number, anchor=None, is_useful=True, comment=comment, day=TODAY)
        one = row.id
    author.post(PATH, {f"text-{one}": "yes", "do": "delete-for-good"})
    with newsroom.runtime.db.reading() as session:
        kept = session.get_one(Feedback, one)
        assert (kept.text, kept.is_useful, kept.edition_id) == (None, True, number)
    assert author.get(f"{PATH}/{one}").status_code == 404


def test_what_was_set_aside_by_mistake_is_filed_after_all(author: Desk, newsroom: Newsroom) -> None:
    (one,) = told(newsroom, "Nobody calls back.")
    author.post(PATH, {f"text-{one}": "yes", "do": "aside"})
    assert "Nobody calls back." in author.get(f"{PATH}?state=set-aside").text
    answer = author.post(f"{PATH}?state=set-aside", {f"text-{one}": "yes", "theme": "No calls", "do": "file"})
    assert answer.status_code == 303
    assert "Under “No calls”" in author.get(f"{PATH}?state=filed").text


def test_a_theme_that_is_there_is_picked(author: Desk, newsroom: Newsroom) -> None:
    one, two = told(newsroom, "Nobody calls back.", "No call.")
    author.post(PATH, {f"text-{one}": "yes", "theme": "No calls", "do": "file"})
    assert author.post(PATH, {f"text-{two}": "yes", "theme_id": "1", "do": "file"}).status_code == 303
    assert states(newsroom)[1] == (FeedbackState.FILED, "No calls")


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"theme": "No calls"}, "texts", "Choose what to file, to set aside or to delete"),
        ({"text-1": "yes"}, "theme_id", "Choose a theme, or write a new one"),
        ({"text-1": "yes", "theme_id": "99"}, "theme_id", "Choose a theme, or write a new one"),
        (
            {"text-1": "yes", "theme": "Call 01632 960123"},
            "theme",
            "A theme is public: write it without contact details",
        ),
        ({"text-1": "yes", "theme": "x" * 121}, "theme", "A theme must be 120 characters or fewer"),
        ({"text-nonsense": "yes", "theme": "X"}, "texts", "Choose what to file, to set aside or to delete"),
    ],
)
def test_what_cannot_be_done_is_said_where_it_stands(
    author: Desk, newsroom: Newsroom, form: dict[str, str], field: str, said: str
) -> None:
    told(newsroom, "Nobody calls back.")
    (other,) = told(newsroom, "Other.")
    author.post(PATH, {f"text-{other}": "yes", "theme": "There is one", "do": "file"})
    answer = author.post(PATH, form | {"do": "file"})
    assert answer.status_code == 422
    assert errors(answer) == [said]
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert filled(answer).get("text-1", "") == form.get("text-1", "")
    assert states(newsroom)[0] == (FeedbackState.NEW, None)


def test_the_first_theme_has_its_error_at_its_only_field(author: Desk, newsroom: Newsroom) -> None:
    told(newsroom, "Nobody calls back.")
    answer = author.post(PATH, {"text-1": "yes", "do": "file"})
    assert 'href="#theme_id"' in answer.text
    assert answer.text.count('id="theme_id"') == 1


def test_what_somebody_else_dealt_with_meanwhile_is_not_moved(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    one, two = told(newsroom, "Nobody calls back.", "No call.")
    desk(StaffRole.ADMIN).post(PATH, {f"text-{one}": "yes", "theme": "Theirs", "do": "file"})
    answer = author.post(PATH, {f"text-{one}": "yes", f"text-{two}": "yes", "theme": "Mine", "do": "file"})
    assert answer.status_code == 409
    assert errors(answer) == ["Somebody else dealt with some of these meanwhile. Choose again"]
    assert filled(answer)["theme"] == "Mine"
    assert states(newsroom) == [(FeedbackState.FILED, "Theirs"), (FeedbackState.NEW, None)]


def test_what_looks_like_markup_is_shown_as_it_was_typed(author: Desk, newsroom: Newsroom) -> None:
    (one,) = told(newsroom, HOSTILE)
    page = author.get(PATH).text
    assert "<script>alert(" not in page
    assert "&lt;script&gt;alert(1)" in page
    author.post(PATH, {f"text-{one}": "yes", "theme": HOSTILE, "do": "file"})
    assert "<script>alert(" not in author.get(f"{PATH}?state=filed").text
    assert "&lt;script&gt;alert(1)" in author.get(PATH).text


def test_many_texts_are_paged_and_ask_the_database_no_more(author: Desk, newsroom: Newsroom) -> None:
    told(newsroom, "First.")
    author.get(PATH)
    with Counted(newsroom.runtime) as few:
        author.get(PATH)
    told(newsroom, *(f"Text {number}." for number in range(45)))
    with Counted(newsroom.runtime) as many:
        page = author.get(PATH).text
    assert many.number == few.number
    assert page.count('type="checkbox"') == 20
    assert "1 of 3" not in page
    assert "2 of 3" in page
    form = dict.fromkeys(filled_boxes(page), "yes") | {"theme": "All", "theme_id": "", "do": "file"}
    assert author.post(f"{PATH}?state=new&page=1", form).status_code == 303


def filled_boxes(page: str) -> list[str]:
    return [part.partition('"')[0] for part in page.split('name="')[1:] if part.startswith("text-")]


@pytest.mark.parametrize("role", [StaffRole.APPROVER, StaffRole.PARTNER_APPROVER, StaffRole.DPO])
def test_only_who_writes_reads_them(desk: Sit, newsroom: Newsroom, role: StaffRole) -> None:
    told(newsroom, "Nobody calls back.")
    somebody = desk(role)
    assert somebody.get(PATH).status_code == 403
    assert 'href="/staff/feedback"' not in somebody.get("/staff/").text


def test_a_form_of_another_site_is_refused(author: Desk, newsroom: Newsroom) -> None:
    (one,) = told(newsroom, "Nobody calls back.")
    foreign = {"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}
    assert author.post(PATH, {f"text-{one}": "yes", "do": "aside"}, headers=foreign).status_code == 403


def test_an_author_finds_the_paper_copies(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    link = 'href="/staff/people/paper-copies"'
    assert link in author.get("/staff/").text
    assert author.get("/staff/people/paper-copies").status_code == 200
    assert link not in desk(StaffRole.APPROVER).get("/staff/").text
