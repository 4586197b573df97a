"""Approval as its people see it: asked for, talked about, given for exactly what was seen, undone by any change, and a
time set that can be stopped."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import select

from newsletter.content.models import Partnership, Update
from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.editions import elections, publishing
from newsletter.editions.models import Edition, EditionApproval, EditionState, PartnerApproval
from newsletter.staff.models import StaffRole
from scheduler import jobs
from tests.newsletter.web.staff import studio as studios
from tests.newsletter.web.staff.studio import LIST_NAME, Studio, at, fields_of, words_of

S = EditionState


@pytest.fixture
def studio(runtime: Runtime) -> Studio:
    return studios.build(runtime)


@pytest.fixture
def sqlite_studio(sqlite_runtime: Runtime) -> Studio:
    return studios.build(sqlite_runtime)


def test_an_edition_is_asked_for_approved_and_sent_ten_minutes_later(studio: Studio, clock: ManualClock) -> None:
    edition_id = studio.edition()
    asked = studio.author.post(f"{at(edition_id)}/submit", {})
    assert (asked.status_code, asked.headers["location"]) == (303, f"{at(edition_id)}?said=submitted")
    assert studio.state(edition_id) is S.REVIEW
    assert "You have asked for approval." in words_of(studio.author.get(asked.headers["location"]))

    page = studio.approver.get(at(edition_id))
    for words in (LIST_NAME, "More help by phone", "Readers at this moment", "Approve this edition"):
        assert words in words_of(page)
    answer = studios.approve(studio, edition_id)
    assert answer.headers["location"].endswith("said=approved")
    row = studio.row(edition_id)
    assert (row.state, row.approver_id) == (S.APPROVED, studio.approver.staff_id)

    answer = studio.author.post(f"{at(edition_id)}/schedule", {"when": "soon", "list_name": f"  {LIST_NAME.upper()} "})
    assert answer.headers["location"].endswith("said=scheduled")
    assert studio.row(edition_id).send_at == clock.now() + timedelta(minutes=10)
    clock.move(timedelta(minutes=9, seconds=59))
    assert jobs.open_due(studio.runtime) == []
    clock.move(timedelta(seconds=1))
    assert jobs.open_due(studio.runtime) == [edition_id]
    assert [action for action, about, _ in studio.log() if about == f"edition {edition_id}"] == [
        "submit edition",
        "approve edition",
        "schedule edition",
    ]
    assert row.frozen_sha256 in next(detail for action, _, detail in studio.log() if action == "approve edition")


def test_what_is_scheduled_can_be_stopped_until_it_goes(studio: Studio, clock: ManualClock) -> None:
    edition_id = studio.edition(S.APPROVED)
    studio.author.post(f"{at(edition_id)}/schedule", {"when": "soon", "list_name": LIST_NAME})
    page = studio.approver.get(at(edition_id))
    assert "Stop: do not send it" in words_of(page)
    assert studio.approver.post(f"{at(edition_id)}/stop").status_code == 303
    clock.move(timedelta(minutes=30))
    assert jobs.open_due(studio.runtime) == []
    row = studio.row(edition_id)
    assert (row.state, row.send_at, row.frozen_sha256 is None) == (S.APPROVED, None, False)
    assert studio.approver.post(f"{at(edition_id)}/stop").status_code == 303  # twice does no harm
    assert [move for move, _ in studio.notes(edition_id)].count("hold back") == 1


def test_what_has_begun_cannot_be_stopped_but_paused(sqlite_studio: Studio, clock: ManualClock) -> None:
    edition_id = sqlite_studio.edition(S.APPROVED)
    sqlite_studio.author.post(f"{at(edition_id)}/schedule", {"when": "soon", "list_name": LIST_NAME})
    clock.move(timedelta(minutes=10))
    jobs.open_due(sqlite_studio.runtime)
    answer = sqlite_studio.author.post(f"{at(edition_id)}/stop")
    assert answer.status_code == 409
    assert "has begun to go out. Pause it" in answer.text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({}, "when", "Choose when it goes out"),
        ({"when": "soon"}, "list_name", "Type the name of the newsletter"),
        ({"when": "soon", "list_name": "SEND news for professionals"}, "list_name", "goes to “SEND news for parents”"),
        ({"when": "at", "list_name": LIST_NAME}, "day", "Enter a real date"),
        ({"when": "at", "list_name": LIST_NAME, "day": "31", "month": "2", "year": "2027"}, "day", "Enter a real date"),
        (
            {"when": "at", "list_name": LIST_NAME, "day": "4", "month": "11", "year": "2026", "time": "9"},
            "time",
            "Enter a time, like 9:30am",
        ),
        (
            {"when": "at", "list_name": LIST_NAME, "day": "28", "month": "3", "year": "2027", "time": "1:30am"},
            "time",
            "The clocks go forward",
        ),
        (
            {"when": "at", "list_name": LIST_NAME, "day": "31", "month": "10", "year": "2027", "time": "1:30am"},
            "time",
            "The clocks go back",
        ),
        (
            {"when": "at", "list_name": LIST_NAME, "day": "3", "month": "11", "year": "2026", "time": "9:05am"},
            "day",
            "at least 10 minutes from now",
        ),
        (
            {"when": "at", "list_name": LIST_NAME, "day": "3", "month": "11", "year": "2036", "time": "9:05am"},
            "day",
            "within a year",
        ),
    ],
)
def test_a_time_that_cannot_be_set_says_what_to_mend(
    sqlite_studio: Studio, typed: dict[str, str], field: str, sentence: str
) -> None:
    edition_id = sqlite_studio.edition(S.APPROVED)
    answer = sqlite_studio.author.post(f"{at(edition_id)}/schedule", typed)
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert sentence in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    for value in typed.values():
        assert f'value="{value}"' in answer.text
    assert sqlite_studio.state(edition_id) is S.APPROVED


def test_a_day_and_time_are_those_of_london(sqlite_studio: Studio) -> None:
    edition_id = sqlite_studio.edition(S.APPROVED)
    typed = {"when": "at", "list_name": LIST_NAME, "day": "1", "month": "6", "year": "2027", "time": "9.30am"}
    assert sqlite_studio.author.post(f"{at(edition_id)}/schedule", typed).status_code == 303
    sent_at = sqlite_studio.row(edition_id).send_at
    assert sent_at is not None
    assert sent_at.isoformat() == "2027-06-01T08:30:00+00:00"
    assert "Tuesday 1 June 2027 at 9:30am" in words_of(sqlite_studio.author.get(at(edition_id)))


def test_whoever_wrote_part_of_it_cannot_approve_it(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    both = studio.desk(StaffRole.AUTHOR, StaffRole.APPROVER, name="Head of communications")
    edition_id = studio.edition()
    with studio.runtime.db.transaction() as session:
        now = studio.runtime.clock.now()
        publishing.edit(session, edition_id, subject="News", now=now, staff_id=both.staff_id)
        publishing.submit(session, edition_id, now=now, staff_id=both.staff_id)
    page = both.get(at(edition_id))
    assert "You cannot approve this edition. Somebody who did not write edition 1 has to" in words_of(page)
    assert "Approve this edition" not in page.text
    other = studio.approver.get(at(edition_id))
    stolen = fields_of(other, f"{at(edition_id)}/approve")
    answer = both.post(f"{at(edition_id)}/approve", stolen)
    assert answer.status_code == 422
    assert "Somebody who did not write edition 1 has to approve it." in words_of(answer)
    assert studio.state(edition_id) is S.REVIEW


@pytest.mark.parametrize("how", ["edit", "partnership", "update in the database", "made up"])
def test_only_what_was_seen_is_approved(sqlite_studio: Studio, how: str) -> None:
    studio = sqlite_studio
    edition_id = studio.edition(S.REVIEW)
    address = f"{at(edition_id)}/approve"
    seen = fields_of(studio.approver.get(at(edition_id)), address)
    with studio.runtime.db.transaction() as session:
        if how == "edit":
            publishing.edit(session, edition_id, subject="Another", now=studio.runtime.clock.now())
            publishing.submit(session, edition_id, now=studio.runtime.clock.now())
        elif how == "partnership":
            session.execute(sa.update(Partnership).values(help_text="Call somebody else."))
        elif how == "update in the database":
            session.execute(sa.update(Update).values(parent_body="Something else altogether."))
        else:
            seen["seen"] = "0" * 64
    answer = studio.approver.post(address, seen)
    assert answer.status_code == 409
    assert "was changed after you looked at it" in answer.text
    assert studio.state(edition_id) is S.REVIEW
    assert studios.approve(studio, edition_id).headers["location"].endswith("said=approved")


def test_what_changed_since_the_last_approval_is_marked_word_by_word(studio: Studio) -> None:
    edition_id = studio.edition(S.APPROVED)
    with studio.runtime.db.transaction() as session:
        now = studio.runtime.clock.now()
        update = session.exec(select(Update)).one()
        update.parent_body = "The phone line is closed for longer."
        update.parent_title = "More <b>help</b> by phone"
        session.add(update)
        session.flush()
        assert update.id is not None
        assert publishing.reopen_editions_with(session, update.id, now=now) == [edition_id]
        publishing.submit(session, edition_id, now=now)
    page = studio.approver.get(at(edition_id))
    words = words_of(page)
    assert "What changed since it was last approved" in words
    assert "[taken out: open ]" in words
    assert "closed" in words
    assert "<b>closed</b>" not in page.text
    assert "<del><span" in page.text
    studios.approve(studio, edition_id)
    with studio.runtime.db.reading() as session:
        assert len(session.exec(select(EditionApproval)).all()) == 2


def test_an_edition_is_sent_back_with_a_reason(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    edition_id = studio.edition(S.APPROVED)
    empty = studio.approver.post(f"{at(edition_id)}/send-back", {"because": " "})
    assert empty.status_code == 422
    assert 'href="#because">Say what has to change' in empty.text
    answer = studio.approver.post(f"{at(edition_id)}/send-back", {"because": "Say <when> it begins"})
    assert answer.status_code == 303
    assert studio.state(edition_id) is S.DRAFT
    assert ("send back", "Say <when> it begins") in studio.notes(edition_id)
    assert "Say &lt;when&gt; it begins" in studio.author.get(at(edition_id)).text


def test_comments_are_shown_as_they_were_written(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    edition_id = studio.edition(S.REVIEW)
    typed = "<script>alert(1)</script> \"=cmd|' /C calc'!A0"
    assert studio.author.post(f"{at(edition_id)}/comment", {"comment": typed}).status_code == 303
    page = studio.approver.get(at(edition_id))
    assert "<script>alert" not in page.text
    assert typed in words_of(page)
    assert "Author of the council" in words_of(page)
    long = studio.author.post(f"{at(edition_id)}/comment", {"comment": "x" * 301})
    assert (long.status_code, "x" * 301 in long.text) == (422, True)
    assert studio.state(edition_id) is S.REVIEW


def test_a_partner_approves_its_texts_before_the_edition_can_be_approved(studio: Studio) -> None:
    forum = studio.partner("Parent & carer forum")
    with studio.runtime.db.transaction() as session:
        studio.world.write(session, "What families told us", partner_id=forum)
    edition_id = studio.edition(S.REVIEW)
    answer = studios.approve(studio, edition_id)
    assert answer.status_code == 422
    assert "Parent & carer forum has still to approve its texts." in words_of(answer)

    somebody = studio.only_for(StaffRole.PARTNER_APPROVER, partner_id=forum)
    page = somebody.get(at(edition_id))
    assert "What families told us" in words_of(page)
    address = f"{at(edition_id)}/partner/{forum}"
    seen = fields_of(page, address)
    stranger = studio.only_for(StaffRole.PARTNER_APPROVER, partner_id=studio.world.partner)
    assert stranger.post(address, seen).status_code == 404
    assert address not in stranger.get(at(edition_id)).text
    assert somebody.post(address, {"seen": "0" * 64}).status_code == 409
    assert somebody.post(address, seen).status_code == 303
    assert somebody.post(address, seen).status_code == 303
    with studio.runtime.db.reading() as session:
        assert len(session.exec(select(PartnerApproval)).all()) == 1
    assert studios.approve(studio, edition_id).headers["location"].endswith("said=approved")


def test_a_partner_is_asked_again_when_its_text_was_changed(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    forum = studio.partner()
    with studio.runtime.db.transaction() as session:
        update_id = studio.world.write(session, "What families told us", partner_id=forum).id
    edition_id = studio.edition(S.REVIEW)
    somebody = studio.only_for(StaffRole.PARTNER_APPROVER, partner_id=forum)
    address = f"{at(edition_id)}/partner/{forum}"
    somebody.post(address, fields_of(somebody.get(at(edition_id)), address))
    with studio.runtime.db.transaction() as session:
        session.execute(sa.update(Update).where(Update.id == update_id).values(parent_body="We say it otherwise."))  # type: ignore[arg-type]
    answer = studios.approve(studio, edition_id)
    assert "has still to approve its texts again, because they were changed." in words_of(answer)


@pytest.fixture
def before_an_election(sqlite_studio: Studio) -> Studio:
    with sqlite_studio.runtime.db.transaction() as session:
        elections.add(session, name="County elections", starts_on=date(2026, 11, 1), ends_on=date(2026, 11, 20))
    return sqlite_studio


def test_before_an_election_an_approver_says_why(before_an_election: Studio, clock: ManualClock) -> None:
    studio = before_an_election
    edition_id = studio.edition(S.REVIEW)
    refused = studios.approve(studio, edition_id)
    assert refused.status_code == 422
    assert 'href="#election_reason"' in refused.text
    assert "An approver has to write why edition 1 may go out then" in words_of(refused)
    why = "Dates of courses only. The monitoring officer agreed."
    assert studios.approve(studio, edition_id, election_reason=why).status_code == 303
    assert why in words_of(studio.author.get(at(edition_id)))
    assert any(why in detail for _, _, detail in studio.log())
    studio.author.post(f"{at(edition_id)}/schedule", {"when": "soon", "list_name": LIST_NAME})
    clock.move(timedelta(minutes=10))
    assert jobs.open_due(studio.runtime) == [edition_id]


def test_a_time_before_an_election_needs_the_reason_first(sqlite_studio: Studio, clock: ManualClock) -> None:
    studio = sqlite_studio
    edition_id = studio.edition(S.APPROVED)
    with studio.runtime.db.transaction() as session:
        elections.add(session, name="County elections", starts_on=date(2026, 12, 1), ends_on=date(2026, 12, 20))
    typed = {"when": "at", "list_name": LIST_NAME, "day": "2", "month": "12", "year": "2026", "time": "10:00"}
    refused = studio.author.post(f"{at(edition_id)}/schedule", typed)
    assert refused.status_code == 422
    assert "2 December 2026 is in the pre-election period “County elections”" in words_of(refused)
    assert studio.author.post(f"{at(edition_id)}/reason", {"election_reason": "I say so"}).status_code == 403
    assert studio.approver.post(f"{at(edition_id)}/reason", {"election_reason": ""}).status_code == 422
    assert studio.approver.post(f"{at(edition_id)}/reason", {"election_reason": "Agreed"}).status_code == 303
    assert studio.author.post(f"{at(edition_id)}/schedule", typed).status_code == 303
    with studio.runtime.db.transaction() as session:
        publishing.edit(session, edition_id, subject="Another", now=clock.now())
    assert studio.row(edition_id).election_reason is None


def test_a_period_that_is_entered_later_holds_what_was_scheduled(sqlite_studio: Studio, clock: ManualClock) -> None:
    studio = sqlite_studio
    edition_id = studio.edition(S.APPROVED)
    studio.author.post(f"{at(edition_id)}/schedule", {"when": "soon", "list_name": LIST_NAME})
    with studio.runtime.db.transaction() as session:
        elections.add(session, name="By-election", starts_on=date(2026, 11, 3), ends_on=date(2026, 11, 5))
    clock.move(timedelta(minutes=10))
    assert jobs.open_due(studio.runtime) == []
    row = studio.row(edition_id)
    assert (row.state, row.send_at) == (S.APPROVED, None)
    assert "By-election" in words_of(studio.approver.get(at(edition_id)))


def test_nobody_reaches_an_edition_of_another_list(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    edition_id = studio.edition(S.REVIEW)
    seen = fields_of(studio.approver.get(at(edition_id)), f"{at(edition_id)}/approve")
    for role in StaffRole:
        if role is StaffRole.DPO:
            continue
        stranger = studio.only_for(role, list_id=studio.world.professionals)
        assert stranger.get(at(edition_id)).status_code == 403
        for path, form in (
            ("submit", {}), ("comment", {"comment": "x"}), ("send-back", {"because": "x"}), ("approve", seen),
            ("reason", {"election_reason": "x"}), ("schedule", {"when": "soon", "list_name": LIST_NAME}), ("stop", {}),
            ("partner/1", {"seen": "x"}),
        ):  # fmt: skip
            assert stranger.post(f"{at(edition_id)}/{path}", form).status_code == 403, (role, path)
    assert studio.state(edition_id) is S.REVIEW


def test_a_role_for_one_list_is_none_for_another(sqlite_studio: Studio) -> None:
    """Somebody who approves professionals' editions and writes parents' ones cannot approve the latter."""
    studio = sqlite_studio
    edition_id = studio.edition(S.REVIEW)
    approver = studio.only_for(StaffRole.APPROVER, list_id=studio.world.parents)
    assert "Approve this edition" in approver.get(at(edition_id)).text
    with studio.runtime.db.transaction() as session:
        session.execute(sa.update(Edition).values(mailing_list_id=studio.world.professionals))
    assert approver.get(at(edition_id)).status_code == 403


def test_a_page_asks_the_database_few_questions(sqlite_studio: Studio) -> None:
    studio = sqlite_studio
    forum = studio.partner()
    with studio.runtime.db.transaction() as session:
        for number in range(15):
            studio.world.write(session, f"News {number}", partner_id=forum)
            studio.world.event(session, f"Event {number}")
            studio.world.response(session, f"Theme {number}")
    edition_id = studio.edition(S.REVIEW)
    for number in range(30):
        studio.author.post(f"{at(edition_id)}/comment", {"comment": f"Comment {number}"})
    asked: list[str] = []
    sa.event.listen(studio.runtime.db.engine, "before_cursor_execute", lambda *ran: asked.append(ran[2]), named=False)
    assert studio.approver.get(at(edition_id)).status_code == 200
    assert len(asked) <= 40
