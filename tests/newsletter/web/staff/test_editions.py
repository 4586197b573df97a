"""The list of editions, and starting one."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlmodel import select

from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.staff.models import StaffRole
from subscribers import topics
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import Newsroom
from tests.newsletter.web.staff.queries import counted
from tests.newsletter.web.staff.test_composing import statements
from tests.newsletter.web.town import edition

Sit = Callable[..., Desk]


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def test_each_edition_says_where_it_stands_and_what_comes_next(author: Desk, newsroom: Newsroom) -> None:
    page = author.get("/staff/editions").text
    assert "It is being written." in page
    assert "It is going out." in page
    assert "It went out on 2 November 2026." in page
    assert "It was given up." in page
    with newsroom.runtime.db.transaction() as session:
        publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
    page = author.get("/staff/editions?state=review").text
    assert "It has been waiting for approval since Tuesday 3 November 2026." in page
    assert f'href="/staff/editions/{newsroom.edition}/approval"' in page
    assert "1 edition<" in page


def test_the_list_is_narrowed_by_list_and_state(author: Desk, newsroom: Newsroom) -> None:
    page = author.get("/staff/editions?list=professionals").text
    assert "1 edition<" in page
    assert "SEND news for professionals, edition 1" in page
    assert "No edition is like that." in author.get("/staff/editions?list=professionals&state=draft").text
    assert author.get("/staff/editions?list=nonsense&state=nonsense&page=0x").status_code == 200


def test_a_long_list_is_paged_and_asks_the_database_no_more(author: Desk, newsroom: Newsroom) -> None:
    few = statements(newsroom, lambda: author.get("/staff/editions"))
    with newsroom.runtime.db.transaction() as session:
        mailing_list = newsroom.mailing_list(session)
        for number in range(50, 80):
            at = newsroom.runtime.clock.now() - timedelta(days=number)
            edition(session, mailing_list, number, at, EditionState.SENT)
    assert statements(newsroom, lambda: author.get("/staff/editions")) == few
    first, last = author.get("/staff/editions").text, author.get("/staff/editions?page=99").text
    assert "page=2" in first
    assert first.count("app-edition-row__what") == 20
    assert "Newer" in last


def test_lists_of_editions_read_no_mail(author: Desk, newsroom: Newsroom) -> None:
    with counted(newsroom.runtime) as asked:
        assert author.get("/staff/editions").status_code == 200
        assert author.get("/staff/").status_code == 200
    assert any("FROM edition" in each for each in asked)
    assert [each for each in asked if "frozen_html" in each] == []


class TestStarting:
    def test_it_makes_a_draft_of_what_is_due(self, author: Desk, newsroom: Newsroom) -> None:
        answer = author.post("/staff/editions/start", {"list": "professionals", "kind": "regular"})
        assert answer.status_code == 303
        page = author.get(answer.headers["location"]).text
        assert "This edition was made from what is due." in page
        assert "More help by phone (for schools)" in page

    def test_one_that_is_in_hand_is_shown_instead(self, author: Desk, newsroom: Newsroom) -> None:
        answer = author.post("/staff/editions/start", {"list": "parents", "kind": "regular"})
        assert answer.headers["location"] == f"/staff/editions/{newsroom.edition}?said=in-hand"
        assert "was started already" in author.get(answer.headers["location"]).text

    def test_it_says_when_there_is_nothing_new(self, author: Desk, newsroom: Newsroom) -> None:
        with newsroom.runtime.db.transaction() as session:
            session.get_one(Edition, newsroom.edition).state = EditionState.SENT
        answer = author.post("/staff/editions/start", {"list": "parents", "kind": "regular"})
        assert answer.status_code == 200
        assert "There is nothing new to send" in answer.text
        assert "More help by phone</a>: Already in edition" in answer.text
        with newsroom.runtime.db.reading() as session:
            assert len(session.exec(select(Edition).where(Edition.state == EditionState.DRAFT)).all()) == 0

    def test_a_special_one_is_for_those_who_chose_its_topic(self, author: Desk, newsroom: Newsroom) -> None:
        with newsroom.runtime.db.transaction() as session:
            topic = topics.write(
                session, newsroom.professionals, slug="early-years", name="Early years", from_date=date(2026, 1, 1)
            )
        assert "those who chose “Early years”" in author.get("/staff/editions/start").text
        kind = f"topic-{topic.id}"
        assert author.post("/staff/editions/start", {"list": "parents", "kind": kind}).status_code == 422
        answer = author.post("/staff/editions/start", {"list": "professionals", "kind": kind})
        assert answer.status_code == 303
        assert "special edition" in author.get(answer.headers["location"]).text

    @pytest.mark.parametrize("form", [{}, {"list": "nobody"}, {"list": "parents", "kind": "nonsense"}])
    def test_a_form_that_says_too_little_is_shown_again(self, author: Desk, door: Door, form: dict[str, str]) -> None:
        answer = author.post("/staff/editions/start", form)
        assert answer.status_code == 422
        assert "There is a problem" in answer.text
