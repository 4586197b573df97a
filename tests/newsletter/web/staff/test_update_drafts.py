"""Drafts: kept while somebody types, offered when they come back, theirs alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.content import saved_drafts
from newsletter.content.models import SavedDraft
from newsletter.core.clock import ManualClock
from newsletter.staff.models import StaffRole
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom
from tests.newsletter.web.staff.studio import words_of
from tests.newsletter.web.staff.test_updates import form_of, newest, typed

Sit = Callable[..., Desk]


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def kept(newsroom: Newsroom) -> list[SavedDraft]:
    with newsroom.runtime.db.reading() as session:
        return list(session.exec(select(SavedDraft)))


def test_what_is_typed_is_kept_and_offered_when_the_form_is_opened_again(
    author: Desk, newsroom: Newsroom, clock: ManualClock
) -> None:
    form = form_of(author.get("/staff/updates/new"))
    for title in ("M", "More", "More help"):
        clock.move(timedelta(minutes=1))
        answer = author.post("/staff/updates/drafts", {**form, "parent_title": title})
        assert answer.json() == {"said": f"Draft saved at 9:0{clock.now().minute}am"}
    [draft] = kept(newsroom)
    assert draft.typed == {"from_date": "3/11/2026", "parent_title": "More help"}
    offer = author.get("/staff/updates/new")
    assert "Go on writing: More help" in words_of(offer)
    page = author.get(f"/staff/updates/new?draft={draft.id}")
    assert "This is your draft of 3 November 2026" in words_of(page)
    again = form_of(page)
    assert (again["parent_title"], again["form_key"]) == ("More help", form["form_key"])
    author.post("/staff/updates/new", {**again, **typed(newsroom, parent_title="More help")})
    assert newest(newsroom).parent_title == "More help"
    assert kept(newsroom) == []


def test_a_draft_of_an_update_opens_with_it(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    form = form_of(author.get(f"/staff/updates/{one}"))
    author.post("/staff/updates/drafts", {**form, "parent_title": HOSTILE})
    page = author.get(f"/staff/updates/{one}")
    assert form_of(page)["parent_title"] == HOSTILE
    assert "It is not saved yet" in words_of(page)
    assert "<script>alert" not in page.text + author.get("/staff/updates").text
    # The same as what is saved is no draft.
    author.post("/staff/updates/drafts", form)
    assert "This is your draft" not in author.get(f"/staff/updates/{one}").text


def test_colleagues_see_that_there_is_a_draft_and_not_what_it_says(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    one, other = newsroom.inside[0], desk(StaffRole.ADMIN)
    form = form_of(author.get(f"/staff/updates/{one}"))
    author.post("/staff/updates/drafts", {**form, "parent_title": "My secret"})
    page = other.get(f"/staff/updates/{one}")
    assert "Author of the council has had a draft of this update open since 3 November 2026" in words_of(page)
    assert "My secret" not in page.text + other.get("/staff/updates?state=drafts").text
    assert "has had a draft" not in author.get(f"/staff/updates/{one}").text
    [draft] = kept(newsroom)
    for path in (f"/staff/updates/new?draft={draft.id}", f"/staff/updates/drafts/{draft.id}/discard"):
        answer = other.get(path)
        assert answer.status_code == 404
        assert "My secret" not in answer.text
    assert other.post(f"/staff/updates/drafts/{draft.id}/discard").status_code == 404
    # Not even by somebody who knows the key of the form.
    other.post("/staff/updates/drafts", {"form_key": draft.form_key, "parent_title": "Mine"})
    mine = saved_drafts.by_id
    with newsroom.runtime.db.reading() as session:
        assert mine(session, draft.id or 0, staff_id=author.staff_id).typed["parent_title"] == "My secret"


def test_a_draft_is_thrown_away_after_a_question(author: Desk, newsroom: Newsroom) -> None:
    author.post("/staff/updates/drafts", typed(newsroom, form_key="abc"))
    [draft] = kept(newsroom)
    page = words_of(author.get("/staff/updates"))
    assert "Your drafts" in page
    assert "Go on writing : More help by phone Throw away : More help by phone" in page
    where = f"/staff/updates/drafts/{draft.id}/discard"
    assert "cannot be had back" in author.get(where).text
    assert author.post(where).headers["location"] == "/staff/updates?said=thrown-away"
    assert kept(newsroom) == []
    assert author.get(f"/staff/updates/new?draft={draft.id}").status_code == 404


def test_without_scripts_a_button_keeps_the_draft(author: Desk, newsroom: Newsroom) -> None:
    form = form_of(author.get("/staff/updates/new"))
    answer = author.post("/staff/updates/new", {**form, "parent_title": "Half", "press": "draft"})
    [draft] = kept(newsroom)
    assert answer.headers["location"] == f"/staff/updates/new?draft={draft.id}&said=draft"
    page = author.get(answer.headers["location"])
    assert "The draft was saved. Only you can see it." in words_of(page)
    assert form_of(page)["parent_title"] == "Half"
    one = newsroom.inside[0]
    answer = author.post(f"/staff/updates/{one}", {**typed(newsroom), "press": "draft", "revision": "1"})
    assert answer.headers["location"] == f"/staff/updates/{one}?said=draft"


def test_every_draft_is_found_a_page_at_a_time(author: Desk, newsroom: Newsroom, clock: ManualClock) -> None:
    author.post("/staff/updates/drafts", {"form_key": "oldest", "parent_title": "The oldest"})
    for number in range(23):
        clock.move(timedelta(minutes=1))
        author.post("/staff/updates/drafts", {"form_key": f"k{number}", "parent_title": f"Draft {number}"})
    first = author.get("/staff/updates").text
    assert first.count("Go on writing<") == 5
    assert "Show all 24 drafts" in first
    pages = [author.get(f"/staff/updates?state=drafts&page={number}").text for number in (1, 2)]
    assert [page.count("Go on writing<") for page in pages] == [20, 4]
    assert "/staff/updates?state=drafts&amp;page=2" in pages[0]
    assert "The oldest" in pages[1]
    # A draft of an update is none of the new ones that the form offers.
    clock.move(timedelta(minutes=1))
    form = form_of(author.get(f"/staff/updates/{newsroom.inside[0]}"))
    author.post("/staff/updates/drafts", {**form, "parent_title": "A change"})
    offered = author.get("/staff/updates/new").text
    assert "A change" not in offered
    assert offered.count("Go on writing: ") == 3


def test_nothing_typed_is_nothing_to_keep(author: Desk, newsroom: Newsroom) -> None:
    form = form_of(author.get("/staff/updates/new"))
    assert author.post("/staff/updates/drafts", form).json() == {"said": ""}
    assert author.post("/staff/updates/new", {**form, "press": "draft"}).headers["location"] == "/staff/updates/new"
    assert kept(newsroom) == []


def test_what_is_sent_twice_in_the_same_moment_is_one_draft(author: Desk, newsroom: Newsroom) -> None:
    for place in ({"form_key": "abc"}, {"form_key": "def", "update": str(newsroom.inside[0]), "revision": "1"}):
        sent = typed(newsroom, **place)
        with ThreadPoolExecutor() as together:
            answers = list(together.map(lambda _, sent=sent: author.post("/staff/updates/drafts", sent), range(4)))
        assert {answer.json()["said"] for answer in answers} == {"Draft saved at 9am"}
    assert len(kept(newsroom)) == 2


def test_too_much_is_refused_with_a_sentence(author: Desk, newsroom: Newsroom) -> None:
    sent = typed(newsroom, form_key="abc", parent_body="x" * 30_000, professional_body="x" * 30_000)
    answer = author.post("/staff/updates/drafts", sent)
    assert answer.status_code == 422
    assert answer.json()["said"].startswith("The draft was not saved. This is too long")


def test_whoever_was_signed_out_is_told_so(author: Desk, newsroom: Newsroom) -> None:
    cookieless = author.door
    answer = cookieless.ask(
        "POST", "/staff/updates/drafts", data=typed(newsroom), headers={"sec-fetch-mode": "cors"}, tick=False
    )
    assert answer.status_code == 401
    assert kept(newsroom) == []


def test_a_draft_of_an_update_that_was_deleted_is_one_of_a_new_update(
    author: Desk, desk: Sit, newsroom: Newsroom
) -> None:
    author.post("/staff/updates/new", typed(newsroom))
    one = newest(newsroom).id or 0
    form = form_of(author.get(f"/staff/updates/{one}"))
    author.post("/staff/updates/drafts", {**form, "owner": "Me"})
    desk(StaffRole.ADMIN).post(f"/staff/updates/{one}/delete")
    [draft] = kept(newsroom)
    assert form_of(author.get(f"/staff/updates/new?draft={draft.id}"))["owner"] == "Me"
    author.post("/staff/updates/drafts", {**form, "owner": "Still me"})  # the form is still open
    assert [each.update_id for each in kept(newsroom)] == [None] * len(kept(newsroom))


def test_the_first_page_leads_back_to_ones_drafts(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    author.post("/staff/updates/drafts", typed(newsroom, form_key="abc", parent_title="Half a thought"))
    [draft] = kept(newsroom)
    page = author.get("/staff/").text
    assert f'href="/staff/updates/new?draft={draft.id}"' in page
    assert "Finish the update “Half a thought”" in page
    assert "Half a thought" not in desk(StaffRole.ADMIN).get("/staff/").text


def test_composing_leads_to_the_updates(author: Desk, newsroom: Newsroom) -> None:
    page = author.get(f"/staff/editions/{newsroom.edition}").text
    for update_id in (newsroom.inside[0], newest(newsroom).id):  # one that is in it, one that is not
        assert f'href="/staff/updates/{update_id}"' in page
