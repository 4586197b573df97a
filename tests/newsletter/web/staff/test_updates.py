"""Writing updates, changing them, and the list: what is kept, refused, shown and used where."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from newsletter.content import glossary, updates
from newsletter.content.models import Update
from newsletter.editions import publishing
from newsletter.editions.models import EditionState
from newsletter.staff.models import AuditEntry, StaffRole, StaffRoleHeld
from newsletter.web.staff.updates import fields
from tests.newsletter.content.conftest import term_draft
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, TODAY, Newsroom
from tests.newsletter.web.staff.queries import counted
from tests.newsletter.web.staff.studio import words_of

Sit = Callable[..., Desk]


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def typed(newsroom: Newsroom, **changes: str) -> dict[str, str]:
    values = {
        "priority_area_id": str(newsroom.areas[0]),
        "partner_id": str(newsroom.partner),
        "owner": "Head of SEND",
        "from_date": "3/11/2026",
        "parent_title": "More help by phone",
        "parent_body": "You can call until **6pm**.",
    }
    return {**values, **changes}


def row(newsroom: Newsroom, update_id: int) -> Update:
    with newsroom.runtime.db.reading() as session:
        return updates.by_id(session, update_id)


def newest(newsroom: Newsroom) -> Update:
    with newsroom.runtime.db.reading() as session:
        return session.exec(select(Update).order_by(col(Update.id).desc())).first()  # type: ignore[return-value]


def log(newsroom: Newsroom) -> list[tuple[str, str, str]]:
    with newsroom.runtime.db.reading() as session:
        return [(each.action, each.about, each.detail) for each in session.exec(select(AuditEntry))]


def form_of(page: httpx.Response) -> dict[str, str]:
    """What the form on a page would send."""
    form = re.search(r"<form[^>]* data-update.*?</form>", page.text, re.DOTALL)
    assert form, page.text
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    for name in fields.LABELS:
        field = re.search(rf'<input[^>]*name="{name}"[^>]*>', form[0])
        area = re.search(rf'<textarea[^>]*name="{name}"[^>]*>(.*?)</textarea>', form[0], re.DOTALL)
        choice = re.search(rf'<select[^>]*name="{name}".*?</select>', form[0], re.DOTALL)
        if field:
            value = re.search(r' value="([^"]*)"', field[0])
            sent[name] = value[1] if value else ""
        elif area:
            sent[name] = area[1].removeprefix("\n")
        elif choice:
            chosen = re.search(r'value="([^"]*)" selected', choice[0])
            sent[name] = chosen[1] if chosen else ""
    assert set(fields.LABELS) <= set(sent)
    return {name: unescape(value) for name, value in sent.items()}


def change(author: Desk, update_id: int, **changes: str) -> httpx.Response:
    """Open an update, change something, save."""
    page = author.get(f"/staff/updates/{update_id}")
    return author.post(f"/staff/updates/{update_id}", {**form_of(page), **changes})


def test_an_update_is_written_with_both_wordings(author: Desk, newsroom: Newsroom) -> None:
    first = form_of(author.get("/staff/updates/new"))
    assert first["from_date"] == "3/11/2026"
    sent = typed(
        newsroom,
        professional_title="Phone line",
        professional_body="The line opens at 8am.",
        action="Tell families",
        action_by="1/12/2026",
        evidence_url="https://www.example.org/line",
        evidence_label="See when it is open",
        until_date="18 December 2026",
    )
    answer = author.post("/staff/updates/new", {**first, **sent})
    update = newest(newsroom)
    assert answer.headers["location"] == f"/staff/updates/{update.id}?said=written"
    assert (update.parent_title, update.action, update.author_id) == (
        "More help by phone",
        "Tell families",
        author.staff_id,
    )
    assert (str(update.action_by), str(update.until_date)) == ("2026-12-01", "2026-12-18")
    assert ("write update", f"update {update.id}", "") in log(newsroom)
    page = author.get(answer.headers["location"])
    assert "The update was saved." in page.text
    assert form_of(page)["until_date"] == "18/12/2026"
    assert "It is in no edition yet. It is offered to the next one." in words_of(page)


def test_what_has_to_be_mended_is_said_all_at_once_and_nothing_typed_is_lost(author: Desk, newsroom: Newsroom) -> None:
    sent = typed(
        newsroom,
        priority_area_id="",
        partner_id="x",
        owner="",
        from_date="31/2/2026",
        parent_title="",
        parent_body="See [this](http://example.org).",
        action="Do it",
        evidence_url="https://example.org/x",
        evidence_label="here",
    )
    answer = author.post("/staff/updates/new", sent)
    assert answer.status_code == 422
    said = words_of(answer)
    for sentence in (
        "Choose the priority area from the list",
        "Choose the organisation from the list",
        "Enter the owner",
        "First day it is news must be a real date, like 27/3/2027",
        "Wording for parents needs a title",
        "Text for parents, line 1: this link starts with http:",
        "The words of the link must say where it goes",
        "An action is for professionals",
    ):
        assert sentence in said
    assert said.startswith("Error: Write an update")
    shown = form_of(answer)
    assert {name: shown[name] for name in sent if name != "partner_id"} == {
        name: text for name, text in sent.items() if name != "partner_id"
    }
    assert newest(newsroom).parent_title == "Later this month"


def test_an_area_that_does_not_exist_is_refused(author: Desk, newsroom: Newsroom) -> None:
    answer = author.post("/staff/updates/new", typed(newsroom, priority_area_id="99"))
    assert answer.status_code == 422
    assert "Choose a priority area from the list" in answer.text


def test_a_change_is_saved_and_noted(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    answer = change(author, one, parent_title="Even more help", owner="Team lead")
    assert answer.headers["location"] == f"/staff/updates/{one}?said=saved"
    update = row(newsroom, one)
    assert (update.parent_title, update.revision, update.editor_id) == ("Even more help", 2, author.staff_id)
    assert ("change update", f"update {one}", "owner, parent title") in log(newsroom)


def test_saving_without_a_change_changes_nothing(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    assert change(author, one).status_code == 303
    assert (row(newsroom, one).revision, row(newsroom, one).editor_id) == (1, None)


def test_a_script_is_shown_as_it_was_typed(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        update = session.get_one(Update, newsroom.inside[0])
        update.parent_title, update.owner, update.professional_title = HOSTILE, HOSTILE, HOSTILE
        update.evidence_url, update.evidence_label = "javascript:alert(1)", HOSTILE
        session.add(update)
    for path in (f"/staff/updates/{newsroom.inside[0]}", "/staff/updates", "/staff/updates?q=" + "%3Cscript%3Ealert"):
        page = author.get(path)
        assert "<script>alert" not in page.text, path
        assert "&lt;script&gt;alert(1)" in page.text, path
        assert 'href="javascript:' not in page.text
    hostile = dict.fromkeys(fields.LABELS, HOSTILE)
    for path in ("/staff/updates/new", "/staff/updates/preview", f"/staff/updates/{newsroom.inside[0]}"):
        answer = author.post(path, {**hostile, "press": "preview", "revision": "1", "form_key": HOSTILE})
        assert "<script>alert" not in answer.text, path
        assert "&lt;script&gt;alert(1)" in answer.text


def test_a_form_of_another_site_is_refused(author: Desk, newsroom: Newsroom) -> None:
    for path in ("new", str(newsroom.inside[0]), "preview", "drafts", f"{newsroom.inside[0]}/archive"):
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example.org"}):
            answer = author.post(f"/staff/updates/{path}", typed(newsroom), headers=headers)
            assert answer.status_code == 403, path
    assert row(newsroom, newsroom.inside[0]).archived_at is None


def test_two_people_do_not_overwrite_each_other(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    other = desk(StaffRole.ADMIN, name="Editor of the council")
    mine = form_of(author.get(f"/staff/updates/{one}"))
    change(other, one, parent_title="Theirs", owner="Their owner")
    answer = author.post(f"/staff/updates/{one}", {**mine, "parent_title": "Mine", "press": "save"})
    assert answer.status_code == 409
    said = words_of(answer)
    assert "Editor of the council saved this update on 3 November 2026" in said
    assert "This update was changed after you opened it" in said
    assert "Title for parents Different What you typed Mine What is saved now Theirs" in said
    assert "Owner Different What you typed Head of SEND What is saved now Their owner" in said
    assert said.count("Different") == 2
    assert row(newsroom, one).parent_title == "Theirs"
    # Whatever happens now, it is there when the update is opened again.
    again = author.get(f"/staff/updates/{one}")
    assert form_of(again)["parent_title"] == "Mine"
    assert "Editor of the council saved this update after you began" in words_of(again)
    assert author.post(f"/staff/updates/{one}", form_of(again)).status_code == 409


def test_two_saves_in_the_same_moment_are_one_save_and_one_clash(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    form = form_of(author.get(f"/staff/updates/{one}"))

    def save(title: str) -> int:
        return author.post(f"/staff/updates/{one}", {**form, "parent_title": title}).status_code

    with ThreadPoolExecutor() as together:
        assert sorted(together.map(save, ["One", "Another"])) == [303, 409]
    assert row(newsroom, one).revision == 2


def after_a_clash(author: Desk, other: Desk, one: int) -> dict[str, str]:
    """What the buttons of the page about a clash send."""
    mine = form_of(author.get(f"/staff/updates/{one}"))
    change(other, one, parent_title="Theirs", owner="Their owner")
    page = author.post(f"/staff/updates/{one}", {**mine, "parent_title": 'Mine "<b>'})
    form = re.search(r"<form.*?</form>", page.text, re.DOTALL)
    assert form
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found}


def test_mine_can_be_saved_over_theirs_knowingly(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    one, other = newsroom.inside[0], desk(StaffRole.ADMIN)
    sent = after_a_clash(author, other, one)
    assert author.post(f"/staff/updates/{one}", {**sent, "press": "save"}).status_code == 303
    assert (row(newsroom, one).parent_title, row(newsroom, one).owner) == ('Mine "<b>', "Head of SEND")
    assert "This is your draft" not in author.get(f"/staff/updates/{one}").text


def test_theirs_can_be_taken(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    one, other = newsroom.inside[0], desk(StaffRole.ADMIN)
    sent = after_a_clash(author, other, one)
    assert author.post(f"/staff/updates/{one}", {**sent, "press": "theirs"}).status_code == 303
    assert form_of(author.get(f"/staff/updates/{one}"))["parent_title"] == "Theirs"


def test_one_can_go_on_with_ones_own_having_seen_theirs(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    one, other = newsroom.inside[0], desk(StaffRole.ADMIN)
    sent = after_a_clash(author, other, one)
    assert author.post(f"/staff/updates/{one}", {**sent, "press": "go on"}).status_code == 303
    page = author.get(f"/staff/updates/{one}")
    assert "saved this update after you began" not in page.text
    assert "See what is saved now Owner Their owner Title for parents Theirs" in words_of(page)
    assert author.post(f"/staff/updates/{one}", {**form_of(page), "owner": "Both"}).status_code == 303
    assert (row(newsroom, one).parent_title, row(newsroom, one).owner) == ('Mine "<b>', "Both")


def test_what_was_typed_outlives_the_update(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    author.post("/staff/updates/new", typed(newsroom))
    one = newest(newsroom).id or 0
    mine = form_of(author.get(f"/staff/updates/{one}"))
    assert desk(StaffRole.ADMIN).post(f"/staff/updates/{one}/delete").headers["location"].endswith("said=deleted")
    answer = author.post(f"/staff/updates/{one}", {**mine, "parent_title": "Still mine"})
    page = author.get(answer.headers["location"])
    assert "Somebody deleted this update while you were writing" in words_of(page)
    assert form_of(page)["parent_title"] == "Still mine"


def test_what_was_typed_outlives_the_update_in_its_preview_too(author: Desk, desk: Sit, newsroom: Newsroom) -> None:
    author.post("/staff/updates/new", typed(newsroom))
    one = newest(newsroom).id or 0
    mine = {**form_of(author.get(f"/staff/updates/{one}")), "parent_title": "Still mine"}
    desk(StaffRole.ADMIN).post(f"/staff/updates/{one}/delete")
    page = author.post(f"/staff/updates/{one}", {**mine, "press": "preview"})
    assert page.status_code == 200
    assert "Somebody deleted this update while you were writing" in words_of(page)
    assert form_of(page)["parent_title"] == "Still mine"
    assert 'action="/staff/updates/new"' in page.text


@pytest.mark.parametrize("press", ["save", "draft"])
@pytest.mark.parametrize("where", ["new", "changed", "deleted"])
def test_too_much_to_keep_is_shown_again(author: Desk, desk: Sit, newsroom: Newsroom, press: str, where: str) -> None:
    path, other = "/staff/updates/new", desk(StaffRole.ADMIN)
    if where != "new":
        author.post(path, typed(newsroom, form_key="first"))
        path = f"/staff/updates/{newest(newsroom).id}"
    mine = form_of(author.get(path))
    if where == "changed":
        other.post(path, {**mine, "owner": "Their owner"})
    elif where == "deleted":
        other.post(f"{path}/delete")
    text = "x" * 50_000
    page = author.post(path, {**mine, "parent_body": text, "press": press})
    assert page.status_code == 422
    assert ("This is too long" if where != "new" or press == "draft" else "must be 5,000") in words_of(page)
    assert form_of(page)["parent_body"] == text


def test_two_full_wordings_in_any_alphabet_pass_the_door(author: Desk, newsroom: Newsroom) -> None:
    text = "শিশুদের জন্য সাহায্য " * 230  # 4,830 characters
    sent = typed(newsroom, parent_body=text, professional_title="শিশু", professional_body=text)
    for path in ("drafts", "preview", "new"):
        assert author.post(f"/staff/updates/{path}", sent).status_code in (200, 303), path
    one = newest(newsroom)
    assert one.professional_body == text.strip()
    assert change(author, one.id or 0, parent_body=text + "এবং").status_code == 303


def test_a_form_that_is_saved_twice_makes_one_update(author: Desk, newsroom: Newsroom) -> None:
    sent = {**form_of(author.get("/staff/updates/new")), **typed(newsroom)}
    before = newest(newsroom).id or 0
    with ThreadPoolExecutor() as together:
        answers = list(together.map(lambda _: author.post("/staff/updates/new", sent), range(3)))
    made = newest(newsroom).id or 0
    assert {answer.headers["location"] for answer in answers} == {f"/staff/updates/{made}?said=written"}
    assert made == before + 1
    assert len([1 for action, about, _ in log(newsroom) if about == f"update {made}"]) == 1
    # Whoever goes back and types on has changed it, and is not thrown back to what they had.
    answer = author.post("/staff/updates/new", {**sent, "parent_title": "On second thoughts"})
    assert answer.headers["location"] == f"/staff/updates/{made}?said=before"
    page = author.get(answer.headers["location"])
    assert "This form was saved before" in words_of(page)
    assert form_of(page)["parent_title"] == "On second thoughts"
    assert change(author, made).status_code == 303
    assert (newest(newsroom).id, newest(newsroom).parent_title) == (made, "On second thoughts")


def test_an_edition_that_was_agreed_becomes_a_draft_again(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    with newsroom.runtime.db.transaction() as session:
        publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
    said = words_of(author.get(f"/staff/updates/{one}"))
    assert "which waits for approval. If you change its words there, that edition becomes a draft again" in said
    answer = change(author, one, parent_title="Other words")
    assert answer.headers["location"].endswith("?said=reopened")
    assert newsroom.state() is EditionState.DRAFT
    assert "An edition that has it is a draft again" in author.get(answer.headers["location"]).text


def test_the_page_says_where_an_update_is_used(author: Desk, newsroom: Newsroom) -> None:
    said = words_of(author.get(f"/staff/updates/{newsroom.inside[0]}"))
    assert re.search(r"Where it is used Edition \d+ of SEND news for parents and carers Draft", said)


def test_an_update_is_archived_and_brought_back(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    assert author.post(f"/staff/updates/{one}/archive").status_code == 303
    page = words_of(author.get(f"/staff/updates/{one}"))
    assert "This update is archived" in page
    assert "Draft" in page  # the edition keeps it
    titles = re.findall(r'href="/staff/updates/(\d+)"', author.get("/staff/updates").text)
    assert str(one) not in titles
    assert f'href="/staff/updates/{one}"' in author.get("/staff/updates?state=archived").text
    assert author.post(f"/staff/updates/{one}/bring-back").status_code == 303
    assert f'href="/staff/updates/{one}"' in author.get("/staff/updates").text
    assert ("archive update", f"update {one}", "") in log(newsroom)
    assert ("bring update back", f"update {one}", "") in log(newsroom)


def test_only_an_update_that_stood_nowhere_is_deleted(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    assert "Delete it" not in author.get(f"/staff/updates/{one}").text
    assert author.get(f"/staff/updates/{one}/delete").status_code == 409
    assert author.post(f"/staff/updates/{one}/delete").status_code == 409
    outside = newest(newsroom).id or 0  # considered for the edition, and left out
    assert "Delete it" in author.get(f"/staff/updates/{outside}").text
    assert "Later this month" in author.get(f"/staff/updates/{outside}/delete").text
    assert author.post(f"/staff/updates/{outside}/delete").status_code == 303
    assert author.get(f"/staff/updates/{outside}").status_code == 404
    assert ("delete update", f"update {outside}", "") in log(newsroom)


def titles(page: httpx.Response) -> set[str]:
    return set(map(unescape, re.findall(r'app-row-title"><a[^>]*>([^<]*)</a>', page.text)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=PLANS time", {"Plans on time"}),
        ("q=phone line 8am help", {"More help by phone"}),
        ("q=100%", set()),
        ("area={area}", {"Plans on time"}),
        ("for=parents&state=due", {"More help by phone", "A new team answers letters", "Plans on time"}),
        ("for=parents&state=coming", {"Later this month"}),
        ("state=over", {"Old news"}),
        ("author={author}", {"By me"}),
        ("partner=999", set()),
        ("state=nonsense&area=x&page=-4&author=²", None),
    ],
)
def test_updates_are_found(author: Desk, newsroom: Newsroom, query: str, found: set[str] | None) -> None:
    author.post("/staff/updates/new", typed(newsroom, parent_title="By me", from_date="1/1/2030"))
    with newsroom.runtime.db.transaction() as session:
        newsroom.write(session, "Old news", from_date=TODAY - timedelta(days=9), until_date=TODAY - timedelta(days=1))
    if "coming" in query and found:
        found = found | {"By me"}
    page = author.get("/staff/updates?" + query.format(area=newsroom.areas[1], author=author.staff_id))
    assert page.status_code == 200
    everything = {"Old news", "By me", "Later this month", "More help by phone", "A new team answers letters",
                  "Plans on time", "For schools alone (for schools)"}  # fmt: skip
    assert titles(page) == (everything if found is None else found)


def test_updates_are_found_by_capitals_with_accents(author: Desk, newsroom: Newsroom) -> None:
    change(author, newsroom.inside[0], parent_title="Une École 100%_ouverte")
    for words in ("École", "une", "100%_OUVERTE"):
        page = author.get("/staff/updates", params={"q": words})
        assert f'href="/staff/updates/{newsroom.inside[0]}"' in page.text, words
    assert f'href="/staff/updates/{newsroom.inside[0]}"' not in author.get("/staff/updates?q=100%25x").text


def test_the_list_is_shown_a_page_at_a_time_with_few_questions(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        for number in range(45):
            newsroom.write(session, f"Update {number}")
    author.get("/staff/updates")
    with counted(newsroom.runtime) as few:
        page = author.get("/staff/updates?q=Update")
    assert len(titles(page)) == 20
    assert "?q=Update&amp;page=2" in page.text
    assert len(titles(author.get("/staff/updates?q=Update&page=3"))) == 5
    assert titles(author.get("/staff/updates?q=Update&page=99")) == titles(author.get("/staff/updates?q=Update&page=3"))
    assert len(few) <= 16, few
    with counted(newsroom.runtime) as one:
        author.get(f"/staff/updates/{newsroom.inside[0]}")
    assert len(one) <= 18, one


def test_approvers_look_and_do_not_write(desk: Sit, newsroom: Newsroom) -> None:
    approver, one = desk(StaffRole.APPROVER), newsroom.inside[0]
    assert "Write an update" not in approver.get("/staff/updates").text
    page = approver.get(f"/staff/updates/{one}")
    assert "More help by phone" in page.text
    assert "Head of SEND answers for it" in page.text
    assert "data-update" not in page.text
    assert approver.post(f"/staff/updates/{one}", typed(newsroom)).status_code == 403


def test_an_author_of_one_list_sees_no_way_to_editions_of_another(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == author.staff_id)).one()
        held.mailing_list_id = newsroom.professionals
        session.add(held)
    page = author.get(f"/staff/updates/{newsroom.inside[0]}").text
    assert "SEND news for parents and carers" in page
    assert f'href="/staff/editions/{newsroom.edition}"' not in page


def narrowed(newsroom: Newsroom, author: Desk, list_id: int) -> None:
    with newsroom.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == author.staff_id)).one()
        held.mailing_list_id = list_id
        session.add(held)


def test_an_author_of_one_list_changes_nothing_that_is_for_others(author: Desk, newsroom: Newsroom) -> None:
    narrowed(newsroom, author, newsroom.parents)
    both = newsroom.inside[0]
    before = row(newsroom, both)
    page = author.get(f"/staff/updates/{both}").text
    assert "You can read it and not change it" in page
    assert "data-update" not in page
    for path in ("archive", "bring-back", "delete"):
        assert author.post(f"/staff/updates/{both}/{path}").status_code == 403
    assert author.get(f"/staff/updates/{both}/delete").status_code == 403
    # What was typed is shown again; taking the wording for professionals away is a change for them too.
    for changes in ({"revision": str(before.revision)}, {"revision": "99"}):
        answer = author.post(f"/staff/updates/{both}", typed(newsroom, parent_title="Mine now", **changes))
        assert answer.status_code == 403
        assert "This is also for readers of a mailing list that your role is not for" in answer.text
        assert 'value="Mine now"' in answer.text
    assert row(newsroom, both) == before
    assert not log(newsroom)


def test_an_author_of_one_list_writes_for_its_readers_alone(author: Desk, newsroom: Newsroom) -> None:
    narrowed(newsroom, author, newsroom.parents)
    for_both = typed(newsroom, professional_title="Phone line", professional_body="It opens at 8am.")
    refused = author.post("/staff/updates/new", for_both)
    assert refused.status_code == 403
    assert 'href="#professional_title"' in refused.text
    assert "It opens at 8am." in refused.text
    assert author.post("/staff/updates/new", typed(newsroom)).status_code == 303
    mine = newest(newsroom)
    assert not mine.for_professionals
    wider = author.post(f"/staff/updates/{mine.id}", {**for_both, "revision": "1"})
    assert wider.status_code == 403
    assert "It opens at 8am." in wider.text
    saved = author.post(f"/staff/updates/{mine.id}", typed(newsroom, parent_title="Better", revision="1"))
    assert saved.status_code == 303
    assert row(newsroom, mine.id or 0).parent_title == "Better"
    assert author.post(f"/staff/updates/{mine.id}/archive").status_code == 303
    assert author.post(f"/staff/updates/{mine.id}/delete").status_code == 303


def test_an_author_for_professionals_is_told_at_the_wording_for_parents(author: Desk, newsroom: Newsroom) -> None:
    narrowed(newsroom, author, newsroom.professionals)
    refused = author.post("/staff/updates/new", typed(newsroom))
    assert refused.status_code == 403
    assert 'href="#parent_title"' in refused.text


def previews(answer: httpx.Response) -> tuple[str, str]:
    """What is read in the previews for parents and for professionals."""
    parents, _, professionals = answer.text.partition('data-preview="professionals"')
    return tuple(" ".join(unescape(re.sub(r"<[^>]*>", " ", part)).split()) for part in (parents, professionals))  # type: ignore[return-value]


def test_the_preview_shows_both_wordings_with_what_the_checks_say(author: Desk, newsroom: Newsroom) -> None:
    sent = typed(
        newsroom,
        parent_body="Click here: [more](https://example.org/x.pdf). The CQC says so. " + "word " * 80,
        professional_title="Phone line",
        professional_body="It opens at 8am.\n\n* one\n* two",
        action="Tell families",
        action_by="1/12/2026",
    )
    answer = author.post("/staff/updates/preview", sent)
    assert answer.status_code == 200
    parents, professionals = previews(answer)
    assert "Priority 1: Area 1 More help by phone" in parents
    assert "says “click here”" in parents
    assert "“CQC” is not explained" in parents
    assert "words; up to 80 are enough" in parents
    assert "What to do" not in parents
    assert "What to do by 1 December 2026: Tell families Example Council" in professionals
    assert "<li>one</li>" in answer.text
    assert "The checks found nothing to mend." in professionals


def test_the_preview_writes_acronyms_out_as_an_edition_does(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        glossary.write(session, term_draft())
    parents, _ = previews(author.post("/staff/updates/preview", typed(newsroom, parent_body="Your EHCP is ready.")))
    assert "Your education, health and care plan (EHCP) is ready." in parents
    assert "not explained" not in parents


def test_a_text_that_cannot_be_shown_says_why(author: Desk, newsroom: Newsroom) -> None:
    parents, professionals = previews(
        author.post("/staff/updates/preview", typed(newsroom, parent_body="Good.\n\n<b>bad</b>"))
    )
    assert "Mend: Line 3: “<b>” is HTML" in parents
    assert "Nothing is written for professionals yet" in professionals


def test_without_scripts_a_button_shows_the_preview_and_keeps_nothing(author: Desk, newsroom: Newsroom) -> None:
    for path in ("/staff/updates/new", f"/staff/updates/{newsroom.inside[0]}"):
        answer = author.post(path, typed(newsroom, parent_title="Only shown", press="preview", revision="1"))
        assert answer.status_code == 200
        assert "You can call until <strong>6pm</strong>" in answer.text
        assert form_of(answer)["parent_title"] == "Only shown"
        assert "govuk-error-summary" not in answer.text
    assert row(newsroom, newsroom.inside[0]).parent_title == "More help by phone"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from([*fields.LABELS, "press", "revision", "form_key", "update"]),
        st.text(max_size=60) | st.sampled_from(["1", "3/11/2026", "**", "[a](https://a.example)", "\x00", "2" * 12]),
    )
)
def test_nothing_that_is_typed_breaks_a_page(author: Desk, newsroom: Newsroom, changes: dict[str, Any]) -> None:
    for path in ("new", "preview", "drafts", str(newsroom.inside[0])):
        answer = author.post(f"/staff/updates/{path}", typed(newsroom, **changes))
        assert answer.status_code in (200, 303, 409, 422), path
    assert author.get("/staff/updates").status_code == 200
