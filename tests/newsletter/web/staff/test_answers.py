"""Answers in "You said, we did" as staff write them: the red list first, what belongs to each outcome, two people at
once, and the themes of feedback that they answer."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.content import responses
from newsletter.content.models import Response, ResponseOutcome
from newsletter.editions import publishing
from newsletter.editions.models import EditionState, ResponseChoice
from newsletter.feedback import taking, themes
from newsletter.feedback.models import FeedbackSource
from newsletter.staff.models import StaffRole, StaffRoleHeld
from newsletter.web.staff import answer_sheet, event_sheet
from newsletter.web.staff.settings.sheets import Sheet
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, TODAY, Newsroom
from tests.newsletter.web.staff.settings.forms import Counted, errors, filled, logged
from tests.newsletter.web.staff.test_events import picked

Sit = Callable[..., Desk]
PATH = "/staff/answers"


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def typed(room: Newsroom, **changes: str) -> dict[str, str]:
    return {
        "theme": "The phone line is engaged",
        "said": "You cannot get through.",
        "people": "14",
        "period_from": "1/9/2026",
        "period_until": "31/10/2026",
        "outcome": "done",
        "did": "Two more people answer.",
        "decision_owner": "Head of SEND",
        "partner_id": str(room.partner),
        "priority_area_id": str(room.areas[0]),
        "for_parents": "yes",
        "from_date": "3/11/2026",
        **changes,
    }


def stored(room: Newsroom, theme: str = "The phone line is engaged") -> Response:
    with room.runtime.db.reading() as session:
        return session.exec(select(Response).where(Response.theme == theme)).one()


def added(author: Desk, room: Newsroom, **changes: str) -> Response:
    answer = author.post(f"{PATH}/new", typed(room, **changes))
    assert answer.status_code == 303, errors(answer)
    return stored(room, changes.get("theme", "The phone line is engaged"))


def form_of(author: Desk, answer_id: int) -> dict[str, str]:
    page = author.get(f"{PATH}/{answer_id}")
    return filled(page) | picked(page.text)


def filed(room: Newsroom, theme: str, *days: date, area: int | None = None) -> int:
    """Feedback under a theme, a text for each day; the theme's id."""
    with room.runtime.db.transaction() as session:
        rows = [
            taking.view(session, text=f"{theme}!", day=day, source=FeedbackSource.WEB, priority_area_id=area)
            for day in days
        ]
        found = themes.file(session, [row.id or 0 for row in rows], theme, now=room.runtime.clock.now())
        assert found.id is not None
        return found.id


class TestAdding:
    def test_it_is_kept_as_it_was_typed_and_readers_find_it(self, author: Desk, newsroom: Newsroom) -> None:
        answer = added(author, newsroom, outcome="doing", doing_by="31/3/2027")
        assert (answer.people, answer.doing_by, answer.author_id) == (14, date(2027, 3, 31), author.staff_id)
        assert "The phone line is engaged" in author.get("/you-said-we-did").text
        page = author.get(f"{PATH}/{answer.id}?said=added").text
        assert "The answer was added." in page
        assert 'href="/you-said-we-did/2026"' in page
        assert logged(newsroom.runtime)[-1] == ("add answer", f"answer {answer.id}", "")

    def test_what_is_missing_is_said_in_the_words_of_the_page(self, author: Desk, newsroom: Newsroom) -> None:
        assert errors(author.post(f"{PATH}/new", {})) == [
            "Enter what it is about", "Enter what people told us", "Answer “How many people said it?”",
            "Enter the first day on which they said it", "Enter the last day on which they said it",
            "Answer “What came of it?”", "Enter the answer", "Answer “Who decided, or has to?”",
            "Answer “Which organisation answers?”", "Answer “Which priority area is it about?”",
            "Enter the first day to tell readers",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "field", "said"),
        [
            ({"outcome": "doing"}, "doing_by", "Say by when it will be done"),
            ({"doing_by": "31/3/2027"}, "doing_by", "Say by when it will be done if it is being done, and only then"),
            ({"outcome": "will not"}, "reason", "Give the reason why it will not be done"),
            ({"outcome": "not decided by us"}, "reason", "Give the reason why it will not be done"),
            ({"people": "0"}, "people", "How many people said it? must be 1 or more"),
            ({"people": "some"}, "people", "How many people said it? must be a whole number"),
            ({"period_until": "31/8/2026"}, "period_until", "The last day on which people said it must be on or after"),
            ({"until_date": "2/11/2026"}, "until_date", "The last day must be on or after the first day"),
            ({"said": "Mrs Example said so."}, "said", "“Mrs Example” looks like a name"),
            ({"said": "Three parents said so."}, "said", "“Three parents” looks like a number so small"),
            ({"for_parents": ""}, "for_parents", "Choose who it is for"),
            ({"priority_area_id": "999"}, "priority_area_id", "Choose a priority area from the list"),
        ],
    )
    def test_what_cannot_be_is_refused_where_it_stands(
        self, author: Desk, newsroom: Newsroom, changes: dict[str, str], field: str, said: str
    ) -> None:
        answer = author.post(f"{PATH}/new", typed(newsroom, **changes))
        assert answer.status_code == 422
        assert errors(answer)[0].startswith(said)
        assert f'href="#{field}"' in answer.text
        assert f'id="{field}"' in answer.text
        assert filled(answer)["did"] == "Two more people answer."

    @pytest.mark.parametrize("outcome", ["will not", "not decided by us"])
    def test_a_no_has_its_reason(self, author: Desk, newsroom: Newsroom, outcome: str) -> None:
        answer = added(author, newsroom, outcome=outcome, reason="The law sets it.")
        assert (answer.outcome, answer.reason) == (ResponseOutcome(outcome), "The law sets it.")

    def test_what_looks_like_markup_is_shown_as_it_was_typed(self, author: Desk, newsroom: Newsroom) -> None:
        theme = filed(newsroom, HOSTILE, TODAY)
        with newsroom.runtime.db.transaction() as session:
            row = session.get_one(Response, newsroom.response)
            row.theme = row.decision_owner = row.reason = HOSTILE
            row.outcome = ResponseOutcome.WILL_NOT
        for path in (PATH, f"{PATH}/{newsroom.response}", f"{PATH}/new?theme={theme}"):
            page = author.get(path)
            assert page.status_code == 200
            assert "<script>alert(" not in page.text
            assert "&lt;script&gt;alert(1)" in page.text


class TestChanging:
    def test_a_promise_that_was_kept_is_no_longer_late(self, author: Desk, newsroom: Newsroom) -> None:
        answer = added(author, newsroom, outcome="doing", doing_by="1/11/2026")
        assert f'href="{PATH}/{answer.id}"' in author.get("/staff/").text
        assert "It was promised for 1 November 2026" in author.get(f"{PATH}/{answer.id}").text
        fields = form_of(author, answer.id or 0) | {"outcome": "done", "doing_by": ""}
        assert author.post(f"{PATH}/{answer.id}", fields).headers["location"] == f"{PATH}/{answer.id}?said=saved"
        assert "It was promised" not in author.get(f"{PATH}/{answer.id}").text
        assert logged(newsroom.runtime)[-1] == ("change answer", f"answer {answer.id}", "outcome, doing by")
        assert stored(newsroom).editor_id == author.staff_id

    def test_what_somebody_else_saved_is_not_overwritten_unseen(
        self, author: Desk, desk: Sit, newsroom: Newsroom
    ) -> None:
        mine = form_of(author, newsroom.response)
        colleague = desk(StaffRole.ADMIN, name="A colleague")
        theirs = form_of(colleague, newsroom.response) | {"did": "Theirs."}
        assert colleague.post(f"{PATH}/{newsroom.response}", theirs).status_code == 303
        refused = author.post(f"{PATH}/{newsroom.response}", mine | {"did": "Mine."})
        assert refused.status_code == 409
        assert "A colleague saved this" in refused.text
        assert "<dd>Theirs.</dd>" in refused.text
        assert filled(refused)["did"] == "Mine."
        again = filled(refused) | picked(refused.text)
        assert author.post(f"{PATH}/{newsroom.response}", again).status_code == 303
        assert stored(newsroom, "Answers take too long").did == "Mine."

    def test_whoever_changes_nothing_is_no_author_of_it(self, author: Desk, newsroom: Newsroom) -> None:
        assert author.post(f"{PATH}/{newsroom.response}", form_of(author, newsroom.response)).status_code == 303
        assert stored(newsroom, "Answers take too long").editor_id is None
        assert logged(newsroom.runtime) == []

    def test_an_edition_that_waited_for_approval_is_a_draft_again(self, author: Desk, newsroom: Newsroom) -> None:
        with newsroom.runtime.db.transaction() as session:
            publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
        answer = author.post(f"{PATH}/{newsroom.response}", form_of(author, newsroom.response) | {"did": "More."})
        assert "is a draft again" in author.get(answer.headers["location"]).text
        assert newsroom.state() is EditionState.DRAFT

    def test_nothing_there(self, author: Desk, newsroom: Newsroom) -> None:
        assert author.get(f"{PATH}/999").status_code == 404
        assert author.post(f"{PATH}/999", {}).status_code == 404
        for theme in ("999", "nonsense", "9" * 30):
            assert author.get(f"{PATH}/new?theme={theme}").status_code == 404


class TestThemes:
    def test_an_answer_begins_with_what_was_filed(self, author: Desk, newsroom: Newsroom) -> None:
        area = newsroom.areas[1]
        theme = filed(newsroom, "Calls are not returned", date(2026, 9, 4), date(2026, 10, 30), area=area)
        assert f'href="{PATH}/new?theme={theme}"' in author.get(PATH).text
        page = author.get(f"{PATH}/new?theme={theme}")
        fields = filled(page) | picked(page.text)
        assert (fields["theme"], fields["people"], fields["theme_id"]) == ("Calls are not returned", "2", str(theme))
        assert (fields["period_from"], fields["period_until"]) == ("4/9/2026", "30/10/2026")
        assert fields["priority_area_id"] == str(area)
        assert page.text.count("Calls are not returned!</li>") == 2
        mine = {**typed(newsroom), **{name: text for name, text in fields.items() if text}}
        location = author.post(f"{PATH}/new", mine).headers["location"]
        assert "Calls are not returned\n" in author.get(location).text
        with newsroom.runtime.db.reading() as session:
            assert themes.by_id(session, theme).response_id == stored(newsroom, "Calls are not returned").id
        assert logged(newsroom.runtime)[-1][2] == f"answers theme {theme}"
        assert f"theme={theme}" not in author.get(PATH).text

    def test_whoever_answers_a_theme_second_keeps_what_they_typed(self, author: Desk, newsroom: Newsroom) -> None:
        theme = filed(newsroom, "Calls are not returned", TODAY)
        first = added(author, newsroom, theme_id=str(theme))
        refused = author.post(f"{PATH}/new", typed(newsroom, theme="Second", theme_id=str(theme)))
        assert refused.status_code == 409
        assert errors(refused)[0].startswith("Somebody has answered “Calls are not returned” meanwhile")
        fields = filled(refused) | picked(refused.text)
        assert (fields["theme"], fields.get("theme_id")) == ("Second", None)
        assert author.post(f"{PATH}/new", fields).status_code == 303
        with newsroom.runtime.db.reading() as session:
            assert themes.by_id(session, theme).response_id == first.id

    def test_a_theme_is_put_to_an_answer_and_taken_off_again(self, author: Desk, newsroom: Newsroom) -> None:
        theme = filed(newsroom, "Calls are not returned", TODAY)
        path = f"{PATH}/{newsroom.response}/themes"
        assert "A theme that waits for an answer" in author.get(f"{PATH}/{newsroom.response}").text
        assert author.post(path, {"theme_id": str(theme)}).headers["location"].endswith("?said=theme")
        assert author.post(path, {"theme_id": str(theme)}).status_code == 409
        assert author.post(path, {}).status_code == 404
        page = author.get(f"{PATH}/{newsroom.response}").text
        assert f'action="{path}/{theme}/remove"' in page
        for _ in range(2):
            assert author.post(f"{path}/{theme}/remove").headers["location"].endswith("?said=no-theme")
        with newsroom.runtime.db.reading() as session:
            assert themes.by_id(session, theme).response_id is None
        about = f"answer {newsroom.response}"
        assert logged(newsroom.runtime) == [
            ("answer theme", about, f"theme {theme}"), ("take answer off theme", about, f"theme {theme}")
        ]  # fmt: skip


class TestListing:
    def test_what_is_late_comes_first_and_small_numbers_are_not_said(self, author: Desk, newsroom: Newsroom) -> None:
        late = added(author, newsroom, theme="Late one", outcome="doing", doing_by="1/11/2026", people="3",
                     from_date="1/10/2026")  # fmt: skip
        later = added(author, newsroom, theme="Later one", outcome="doing", doing_by="2/11/2026", from_date="1/10/2026")
        page = author.get(PATH).text
        assert page.index("Late one") < page.index("Later one") < page.index("Answers take too long")
        assert "Fewer than 5 people told us, 1 September to 31 October 2026" in page
        assert "3 people" not in page
        assert "Promised for 1 November 2026" in page
        with newsroom.runtime.db.reading() as session:
            assert [one.id for one in responses.overdue(session, on=TODAY)] == [late.id, later.id]

    def test_it_is_narrowed(self, author: Desk, newsroom: Newsroom) -> None:
        area = str(newsroom.areas[1])
        added(author, newsroom, outcome="doing", doing_by="1/11/2026", priority_area_id=area, for_parents="",
              for_professionals="yes")  # fmt: skip
        for query in ("outcome=late", "outcome=doing", f"area={area}", "for=professionals", "words=PHONE+engaged"):
            page = author.get(f"{PATH}?{query}").text
            assert "1 answer<" in page, query
            assert "The phone line is engaged" in page, query
        assert "No answer is like that" in author.get(f"{PATH}?outcome=will+not").text
        assert author.get(f"{PATH}?outcome=x&area=x&for=x&page=-1&words=%00").status_code == 200

    def test_a_long_list_is_paged_and_asks_the_database_no_more(self, author: Desk, newsroom: Newsroom) -> None:
        author.get(PATH)
        with Counted(newsroom.runtime) as few:
            author.get(PATH)
        with newsroom.runtime.db.transaction() as session:
            same = responses.draft_of(responses.by_id(session, newsroom.response))
            for number in range(60):
                draft = same.model_copy(update={"theme": f"Theme {number}"})
                row = responses.write(session, draft, now=newsroom.runtime.clock.now())
                session.add(
                    ResponseChoice(edition_id=newsroom.edition, response_id=row.id or 0, is_in=True, reason="It is")
                )
        for number in range(12):
            filed(newsroom, f"Theme of feedback {number}", TODAY)
        with Counted(newsroom.runtime) as many:
            page = author.get(PATH).text
        assert many.number == few.number
        assert page.count("<li>\n    <h2") == 50
        assert "61 answers" in page
        assert "All 12 of them" in page
        assert "1 of 2" in author.get(f"{PATH}?page=99").text

    def test_the_composing_page_leads_to_it(self, author: Desk, desk: Sit, newsroom: Newsroom) -> None:
        link = f'href="{PATH}/{newsroom.response}"'
        assert link in author.get(f"/staff/editions/{newsroom.edition}").text
        assert link not in desk(StaffRole.APPROVER).get(f"/staff/editions/{newsroom.edition}").text


def test_a_role_for_one_list_reaches_its_readers_and_no_others(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    theirs = added(author, newsroom, for_parents="", for_professionals="yes")
    mark = form_of(author, theirs.id or 0)
    narrow = desk(StaffRole.AUTHOR, email="narrow@example.org", name="Author of one list")
    with newsroom.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == narrow.staff_id)).one()
        held.mailing_list_id = newsroom.parents
        session.add(held)
    theme = filed(newsroom, "Calls are not returned", TODAY)
    page = narrow.get(f"{PATH}/{theirs.id}").text.partition("<main")[2]
    assert "You can read it and not change it" in page
    assert "<form" not in page
    assert narrow.post(f"{PATH}/{theirs.id}", mark | {"did": "Mine."}).status_code == 403
    assert narrow.post(f"{PATH}/{theirs.id}/themes", {"theme_id": str(theme)}).status_code == 403
    assert narrow.post(f"{PATH}/{theirs.id}/themes/{theme}/remove").status_code == 403
    assert narrow.post(f"{PATH}/new", typed(newsroom, for_professionals="yes")).status_code == 403
    assert narrow.post(f"{PATH}/new", typed(newsroom, theme="Ours")).status_code == 303


def test_a_form_of_another_site_is_refused(author: Desk, newsroom: Newsroom) -> None:
    foreign = {"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}
    assert author.post(f"{PATH}/new", typed(newsroom), headers=foreign).status_code == 403
    assert author.post(f"{PATH}/{newsroom.response}", {}, headers=foreign).status_code == 403


_TYPED = st.text(max_size=40) | st.sampled_from(
    [
        "27/3/2027",
        "6pm",
        "24:00",
        "12am",
        "yes",
        "online",
        "doing",
        "9" * 25,
        "-1",
        "٣",
        "\0",
        "\ud800",
        "[[leave_url]]",
    ]
)


@given(data=st.data())
@pytest.mark.parametrize("sheet", [answer_sheet.SHEET, event_sheet.SHEET], ids=["answer", "event"])
def test_whatever_is_typed_is_a_draft_or_a_sentence_for_each_field(sheet: Sheet[Any], data: st.DataObject) -> None:
    form, draft = sheet.fill({name: data.draw(_TYPED) for name in sheet.labels})
    assert (draft is None) == bool(form.errors)
    assert set(form.errors) <= set(sheet.labels)
