"""Composing an edition: what its buttons do, whom they refuse, and what two people at once may not do to each other."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from newsletter.content import picture_files, pictures
from newsletter.content.models import Picture, Update
from newsletter.editions import choosing, composing, publishing
from newsletter.editions.models import Edition, EditionEvent, EditionState
from newsletter.staff.models import AuditEntry, StaffRole, StaffRoleHeld
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom
from tests.picture_samples import jpeg

Sit = Callable[..., Desk]


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def order(newsroom: Newsroom) -> list[list[str]]:
    """The titles by section, as readers get them."""
    with newsroom.runtime.db.reading() as session:
        edition = session.get(Edition, newsroom.edition)
        assert edition is not None
        return [[update.title for update in section.updates] for section in composing.sections(session, edition)]


def press(author: Desk, newsroom: Newsroom, path: str, *, status: int = 303) -> str:
    answer = author.post(f"/staff/editions/{newsroom.edition}/{path}", newsroom.form())
    assert answer.status_code == status, answer.text
    return answer.headers.get("location", "")


def test_the_page_says_what_is_in_and_out_and_why(author: Desk, newsroom: Newsroom) -> None:
    page = author.get(f"/staff/editions/{newsroom.edition}").text
    assert "Why it is in: New since edition" in page
    assert "Why it is out: No wording for parents" in page
    assert "Why it is out: Not yet due: from 12 November 2026" in page
    assert "It needs a wording for these readers first" in page
    assert "Why it is in: Within the next 8 weeks" in page
    assert "14 words" in page


def test_updates_are_moved_within_their_section_and_sections_among_each_other(author: Desk, newsroom: Newsroom) -> None:
    first, second, third = "More help by phone", "A new team answers letters", "Plans on time"
    assert order(newsroom) == [[first, second], [third]]
    one, two, three = newsroom.inside
    assert press(author, newsroom, f"updates/{two}/up").endswith(f"?said=moved#update-{two}")
    assert order(newsroom) == [[second, first], [third]]
    press(author, newsroom, f"updates/{two}/up")  # it is the first already
    press(author, newsroom, f"updates/{two}/down")
    assert order(newsroom) == [[first, second], [third]]
    press(author, newsroom, "areas/2/up")
    assert order(newsroom) == [[third], [first, second]]
    press(author, newsroom, f"updates/{one}/down")
    press(author, newsroom, "areas/2/down")
    assert order(newsroom) == [[second, first], [third]]
    press(author, newsroom, f"updates/{three}/up")
    assert order(newsroom) == [[second, first], [third]]
    assert press(author, newsroom, "areas/9/up", status=404) == ""


def test_the_whole_order_is_changed_at_once(author: Desk, newsroom: Newsroom) -> None:
    first, second, third = "More help by phone", "A new team answers letters", "Plans on time"
    one, two, three = newsroom.inside
    path = f"/staff/editions/{newsroom.edition}/order"
    answer = author.post(path, newsroom.form(order=f"{three},{two},{one}"))
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("?said=moved#updates")
    assert order(newsroom) == [[third], [second, first]]
    with newsroom.runtime.db.reading() as session:
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc())).first()
    assert entry is not None
    assert entry.detail == f"order {three},{two},{one}"


def test_an_order_that_is_none_is_refused(author: Desk, newsroom: Newsroom) -> None:
    one, two, three = newsroom.inside
    before, revision = order(newsroom), newsroom.revision()
    for wrong, said in (
        (f"{one},{three},{two}", "Updates of one priority area stay together"),
        (f"{one},{two}", "These are not the updates that are in this edition"),
        (f"{one},{two},{two},{three}", "These are not the updates that are in this edition"),
        (f"{one},{two},{three},999", "These are not the updates that are in this edition"),
        ("", "could not be read"),
        ("1,,2", "could not be read"),
        ("１,2", "could not be read"),
        ("9" * 400, "could not be read"),
    ):
        answer = author.post(f"/staff/editions/{newsroom.edition}/order", newsroom.form(order=wrong))
        assert answer.status_code == 422, wrong
        assert said in answer.text
    assert (order(newsroom), newsroom.revision()) == (before, revision)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_whatever_is_sent_as_an_order_no_update_is_lost(author: Desk, newsroom: Newsroom, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.sampled_from([*newsroom.inside, 999]), max_size=5) | st.permutations(newsroom.inside))
    typed = ",".join(map(str, ids))
    answer = author.post(f"/staff/editions/{newsroom.edition}/order", newsroom.form(order=typed))
    titles = [title for section in order(newsroom) for title in section]
    assert sorted(titles) == ["A new team answers letters", "More help by phone", "Plans on time"]
    with newsroom.runtime.db.reading() as session:
        found = [choice.update_id for choice, _ in choosing.choices(session, newsroom.edition) if choice.is_in]
    assert answer.status_code in (303, 422)
    assert (found == ids) or answer.status_code == 422


def test_what_is_left_out_can_be_put_back(author: Desk, newsroom: Newsroom) -> None:
    one = newsroom.inside[0]
    press(author, newsroom, f"updates/{one}/drop")
    assert [title for section in order(newsroom) for title in section].count("More help by phone") == 0
    assert "Why it is out: Left out by Author of the council" in author.get(f"/staff/editions/{newsroom.edition}").text
    press(author, newsroom, f"updates/{one}/add")
    assert "Why it is in: Added by Author of the council" in author.get(f"/staff/editions/{newsroom.edition}").text
    for path, id_ in ((f"events/{newsroom.event}", "dates"), (f"responses/{newsroom.response}", "answers")):
        assert press(author, newsroom, f"{path}/drop").endswith(f"#{id_}")
        assert press(author, newsroom, f"{path}/add").endswith(f"#{id_}")


def test_an_update_without_a_wording_for_these_readers_is_refused(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        bare = newsroom.write(session, "Only for schools", parent_title="", parent_body="")
    answer = author.post(f"/staff/editions/{newsroom.edition}/updates/{bare}/add", newsroom.form())
    assert answer.status_code == 422
    assert "has no wording for parents. Write one first." in answer.text


def test_an_update_written_since_is_offered(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        late = newsroom.write(session, "Written just now")
    assert "Written since this edition was started" in author.get(f"/staff/editions/{newsroom.edition}").text
    press(author, newsroom, f"updates/{late}/add")
    assert "Written just now" in order(newsroom)[0]


def test_what_an_earlier_edition_had_can_be_carried_over(author: Desk, newsroom: Newsroom) -> None:
    now = newsroom.runtime.clock.now()
    with newsroom.runtime.db.transaction() as session:
        session.execute(
            sa.update(Edition)
            .where(col(Edition.id) == newsroom.edition)
            .values(state=EditionState.SENT, released_at=now)
        )
        newsroom.write(session, "Newer news")
        newsroom.edition = newsroom.start(session, newsroom.parents)
    page = author.get(f"/staff/editions/{newsroom.edition}").text
    assert "Carry it over" in page
    press(author, newsroom, f"updates/{newsroom.inside[0]}/add")
    assert "More help by phone" in order(newsroom)[0]


def test_every_change_stands_in_the_log(author: Desk, newsroom: Newsroom) -> None:
    press(author, newsroom, f"updates/{newsroom.inside[0]}/drop")
    with newsroom.runtime.db.reading() as session:
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc())).first()
    assert entry is not None
    assert (entry.action, entry.about, entry.staff_id) == (
        "change edition",
        f"edition {newsroom.edition}",
        author.staff_id,
    )
    assert entry.detail == f"drop update {newsroom.inside[0]}"


CHANGES = (
    "updates/{update}/drop", "updates/{update}/up", "updates/{update}/usual-words", "areas/1/down",
    "events/{event}/drop", "responses/{response}/drop", "words", "order", "updates/{update}/wording",
    "updates/{update}/without-picture", "updates/{update}/with-picture",
)  # fmt: skip


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_that_was_meant_for_an_earlier_edition_is_not_made(
    author: Desk, newsroom: Newsroom, path: str
) -> None:
    path = path.format(update=newsroom.inside[0], event=newsroom.event, response=newsroom.response)
    stale = newsroom.form(subject="Mine", introduction="My words", title="My title", body="My text")
    press(author, newsroom, f"updates/{newsroom.inside[2]}/drop")
    before = newsroom.revision()
    answer = author.post(f"/staff/editions/{newsroom.edition}/{path}", stale)
    assert answer.status_code == 409
    assert "was changed after you opened this page" in answer.text
    assert newsroom.revision() == before
    if path == "words":
        assert "My words" in answer.text
        assert "As it is now" in answer.text
        # Who has seen what is there now may put their words in its place.
        again = {**stale, "revision": str(before)}
        assert author.post(f"/staff/editions/{newsroom.edition}/{path}", again).status_code == 303


def test_of_two_presses_at_the_same_moment_one_is_made(author: Desk, newsroom: Newsroom) -> None:
    form, path = newsroom.form(), f"/staff/editions/{newsroom.edition}/updates/{{}}/drop"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda update: author.post(path.format(update), form), newsroom.inside))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409]
    assert sum(len(section) for section in order(newsroom)) == 2


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_of_what_is_no_draft_is_refused(author: Desk, newsroom: Newsroom, path: str) -> None:
    path = path.format(update=newsroom.inside[0], event=newsroom.event, response=newsroom.response)
    with newsroom.runtime.db.transaction() as session:
        publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
    form = newsroom.form(subject="Mine", introduction="My words", title="My title", body="My text")
    answer = author.post(f"/staff/editions/{newsroom.edition}/{path}", form)
    assert answer.status_code == 409
    assert "is not a draft, so nothing in it was changed" in answer.text
    assert newsroom.state() is EditionState.REVIEW


def test_an_edition_that_was_submitted_is_taken_back_when_asked(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
    page = author.get(f"/staff/editions/{newsroom.edition}").text
    assert "Whatever was agreed about it is undone" in page
    assert "Leave out" not in page
    press(author, newsroom, "reopen")
    assert newsroom.state() is EditionState.DRAFT
    assert author.post("/staff/editions/1/reopen", {}).status_code == 409  # it has gone out


def test_the_first_words_are_changed_and_refused_with_what_was_typed(author: Desk, newsroom: Newsroom) -> None:
    path = f"/staff/editions/{newsroom.edition}/words"
    assert 'name="subject"' in author.get(path).text
    bad = newsroom.form(subject="", preheader="Line", introduction="See https://www.example.org")
    answer = author.post(path, bad)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert "Enter a subject" in answer.text
    assert "See https://www.example.org" in answer.text
    good = newsroom.form(subject="News for families", preheader="Line", introduction="Two sentences. Here.")
    assert author.post(path, good).headers["location"].endswith("?said=saved")
    page = author.get(f"/staff/editions/{newsroom.edition}?said=saved").text
    assert "News for families" in page
    assert "17 characters" in page
    assert "3 words" in page
    assert "Saved." in page


def test_an_update_gets_a_wording_for_this_edition_alone(author: Desk, newsroom: Newsroom) -> None:
    update, path = newsroom.inside[0], f"/staff/editions/{newsroom.edition}/updates/{newsroom.inside[0]}/wording"
    assert "The update’s own wording" in author.get(path).text
    for wrong, said in (
        ({"title": "", "body": "Text"}, "Enter a title"),
        ({"title": "Title", "body": "<b>bold</b>"}, "There is a problem"),
    ):
        answer = author.post(path, newsroom.form(**wrong))
        assert answer.status_code == 422
        assert said in answer.text
    assert author.post(path, newsroom.form(title="Shorter here", body="Call us from 8am.")).status_code == 303
    assert order(newsroom)[0][0] == "Shorter here"
    page = author.get(f"/staff/editions/{newsroom.edition}").text
    assert "Has a wording of its own here." in page
    frame = author.get(f"/staff/editions/{newsroom.edition}/preview/html").text
    assert "Call us from 8am." in frame
    press(author, newsroom, f"updates/{update}/usual-words")
    assert order(newsroom)[0][0] == "More help by phone"
    # Typing the update's own wording is the same as taking it back.
    author.post(path, newsroom.form(title="Shorter here", body="Call us from 8am."))
    own = "The phone line is open for longer. You can call from 8am to 6pm."
    author.post(path, newsroom.form(title="More help by phone", body=own))
    assert "Has a wording of its own here." not in author.get(f"/staff/editions/{newsroom.edition}").text


def put_picture(newsroom: Newsroom, update: int, alt: str = "A boy plants beans in the school garden") -> str:
    """Its hash."""
    with newsroom.runtime.db.transaction() as session:
        made, now = picture_files.photograph(jpeg()), newsroom.runtime.clock.now()
        pictures.put_to_update(session, update, made, alt, now=now, editor_id=None)
        return session.get_one(Update, update).picture_sha256 or ""


def test_a_picture_is_left_out_of_this_edition_alone_and_put_back(author: Desk, newsroom: Newsroom) -> None:
    update, here = newsroom.inside[0], f"/staff/editions/{newsroom.edition}"
    sha256 = put_picture(newsroom, update)
    page = author.get(here).text
    assert re.search(r"With a picture, \d+ KB: A boy plants beans in the school garden", page)
    assert f'src="/pictures/{sha256}.jpg" alt=""' in page
    assert press(author, newsroom, f"updates/{update}/without-picture").endswith(
        f"?said=without-picture#update-{update}"
    )
    page = author.get(f"{here}?said=without-picture").text
    assert "The picture is left out of this edition. The update keeps it." in page
    assert "<strong>Its picture is left out here:</strong> A boy plants beans in the school garden" in page
    assert f"/pictures/{sha256}" not in page
    for path in ("/preview/html", "/preview/web", "/preview?as=text", "/preview?as=notify"):
        assert "A boy plants beans" not in author.get(here + path).text, path
    assert "without its picture there" in author.get(f"/staff/updates/{update}").text
    assert f"/pictures/{sha256}" in author.get(f"/staff/updates/{update}/picture").text
    # Another picture does not come in unasked, and other words keep it out.
    put_picture(newsroom, update, "Two teachers read a letter")
    wording = newsroom.form(title="Shorter here", body="Call us from 8am.")
    assert author.post(f"{here}/updates/{update}/wording", wording).status_code == 303
    assert "Two teachers" not in author.get(f"{here}/preview/html").text
    press(author, newsroom, f"updates/{update}/without-picture")  # it is left out already
    press(author, newsroom, f"updates/{update}/with-picture")
    assert 'alt="Two teachers read a letter"' in author.get(f"{here}/preview/html").text
    assert "without its picture" not in author.get(f"/staff/updates/{update}").text
    with newsroom.runtime.db.reading() as session:
        notes = session.exec(
            select(EditionEvent.note)
            .where(EditionEvent.edition_id == newsroom.edition, col(EditionEvent.note).contains("picture"))
            .order_by(col(EditionEvent.id))
        ).all()
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc())).first()
    assert notes == [*[f"Left out the picture of update {update}"] * 2, f"Put back the picture of update {update}"]
    assert entry is not None
    assert entry.detail == f"with-picture update {update}"


def test_the_next_edition_has_the_picture_again(author: Desk, newsroom: Newsroom) -> None:
    update = newsroom.inside[0]
    put_picture(newsroom, update)
    press(author, newsroom, f"updates/{update}/without-picture")
    with newsroom.runtime.db.transaction() as session:
        publishing.cancel(session, newsroom.edition, now=newsroom.runtime.clock.now())
        newsroom.edition = newsroom.start(session, newsroom.parents)
    assert "With a picture" in author.get(f"/staff/editions/{newsroom.edition}").text


def test_a_picture_that_is_not_there_cannot_be_left_out(author: Desk, newsroom: Newsroom) -> None:
    update, revision = newsroom.inside[0], newsroom.revision()
    answer = author.post(f"/staff/editions/{newsroom.edition}/updates/{update}/without-picture", newsroom.form())
    assert answer.status_code == 422
    assert "This update has no picture that could be left out." in answer.text
    for way in ("without-picture", "with-picture"):
        press(author, newsroom, f"updates/987654/{way}", status=404)
    assert newsroom.revision() == revision
    assert "picture out" not in author.get(f"/staff/editions/{newsroom.edition}").text


def test_what_is_left_out_counts_for_nothing_in_the_checks(author: Desk, newsroom: Newsroom) -> None:
    update, here = newsroom.inside[0], f"/staff/editions/{newsroom.edition}"
    put_picture(newsroom, update)
    with newsroom.runtime.db.transaction() as session:
        session.execute(sa.update(Picture).values(size_bytes=900_000))
    assert "The pictures together are 1,200 KB" in author.get(here).text
    assert "The pictures together are 1,200 KB" in author.get(f"{here}/check").text
    press(author, newsroom, f"updates/{update}/without-picture")
    for path in ("", "/check"):
        assert "The pictures together" not in author.get(here + path).text


def test_somebody_of_another_list_may_neither_look_nor_change(desk: Sit, newsroom: Newsroom) -> None:
    stranger = desk(StaffRole.AUTHOR, email="schools@example.org")
    with newsroom.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == stranger.staff_id)).one()
        held.mailing_list_id = newsroom.professionals
        session.add(held)
    here, before = f"/staff/editions/{newsroom.edition}", newsroom.revision()
    update = newsroom.inside[0]
    for path in ("", "/check", "/preview", "/preview/html", "/preview/web", "/words", f"/updates/{update}/wording"):
        assert stranger.get(here + path).status_code == 403, path
    for path in (
        *(f"/{each}" for each in CHANGES),
        "/reopen", "/check", "/check/links", "/preview/test", "/updates/{update}/add",
    ):  # fmt: skip
        path = path.format(update=update, event=newsroom.event, response=newsroom.response)
        typed = newsroom.form(title="T", body="B", subject="S", address="schools@example.org", reason="R", finding="x")
        assert stranger.post(here + path, typed).status_code == 403, path
    assert newsroom.revision() == before
    listed = stranger.get("/staff/editions").text
    assert "SEND news for professionals" in listed
    assert f'href="{here}"' not in listed
    answer = stranger.post("/staff/editions/start", {"list": "parents", "kind": "regular"})
    assert answer.status_code == 422
    assert "Choose a mailing list" in answer.text


def test_an_approver_looks_and_is_offered_no_change(desk: Sit, newsroom: Newsroom) -> None:
    page = desk(StaffRole.APPROVER).get(f"/staff/editions/{newsroom.edition}").text
    assert "Why it is in" in page
    assert "Leave out" not in page
    assert "Change the first words" not in page


def test_what_somebody_typed_is_shown_and_never_run(author: Desk, newsroom: Newsroom) -> None:
    with newsroom.runtime.db.transaction() as session:
        late = newsroom.write(session, HOSTILE)
        publishing.edit(session, newsroom.edition, subject=HOSTILE, now=newsroom.runtime.clock.now())
    here = f"/staff/editions/{newsroom.edition}"
    press(author, newsroom, f"updates/{late}/add")
    for path in ("", "/check", "/preview", "/preview?as=text", "/preview?as=notify", "/words",
                 f"/updates/{late}/wording", "/preview/html", "/preview/web"):  # fmt: skip
        page = author.get(here + path).text
        assert "<script>alert" not in page, path
        assert "alert(1)" in page, path
    assert "<script>alert" not in author.get("/staff/editions").text


def test_an_update_that_no_mail_can_carry_is_said_and_breaks_no_page(author: Desk, newsroom: Newsroom) -> None:
    """Rules grow stricter; what was written before them stays in the database."""
    with newsroom.runtime.db.transaction() as session:
        session.execute(sa.text("UPDATE progress_update SET parent_body = '> quoted'"))
    for path in ("", "/check", "/preview"):
        answer = author.get(f"/staff/editions/{newsroom.edition}{path}")
        assert answer.status_code == 200
        assert "This edition cannot be put together" in answer.text


def test_the_page_asks_the_database_as_often_for_many_updates_as_for_few(author: Desk, newsroom: Newsroom) -> None:
    few = statements(newsroom, lambda: author.get(f"/staff/editions/{newsroom.edition}"))
    with newsroom.runtime.db.transaction() as session:
        for number in range(45):
            newsroom.write(session, f"Further news {number}", area=number % 2)
    for number in range(newsroom.inside[-1] + 3, newsroom.inside[-1] + 18):
        press(author, newsroom, f"updates/{number}/add")
    many = statements(newsroom, lambda: author.get(f"/staff/editions/{newsroom.edition}"))
    assert many == few
    assert few < 45
    page = author.get(f"/staff/editions/{newsroom.edition}").text
    assert "Not in it (32)" in page
    assert "more=2#left-out" in page
    assert "Further news 16" in author.get(f"/staff/editions/{newsroom.edition}?more=2").text


def statements(newsroom: Newsroom, ask: Callable[[], object]) -> int:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine = newsroom.runtime.db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return sum(bool(re.match("SELECT", statement)) for statement in seen)
