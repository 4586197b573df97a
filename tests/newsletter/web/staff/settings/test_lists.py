"""Mailing lists on their pages: what they say, their wordings, topics and lawful basis, and when editions fall due."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlmodel import col, select

from newsletter.core.clock import ManualClock
from newsletter.editions import falling_due
from newsletter.staff.models import StaffRole
from scheduler import jobs
from subscribers import lists
from subscribers.models import MailingList, Topic, Wording
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.settings.forms import NASTY, Counted, errors, filled, logged

PARENTS, PROFESSIONALS = "/staff/settings/lists/1", "/staff/settings/lists/2"


@pytest.fixture
def admin(desk: Callable[..., Desk]) -> Desk:
    return desk(StaffRole.ADMIN)


def mailing_list(door: Door, list_id: int = 1) -> MailingList:
    with door.runtime.db.reading() as session:
        return lists.by_id(session, list_id)


class TestChanging:
    def test_what_was_typed_is_kept_and_logged_without_addresses(self, door: Door, admin: Desk) -> None:
        form = filled(admin.get(PARENTS))
        given = {"name": NASTY, "reply_to": "answers@example.org", "keep_trying_hours": "48", "resend_once": "yes"}
        assert admin.post(PARENTS, {**form, **given}).status_code == 303
        kept = mailing_list(door)
        assert (kept.name, kept.reply_to, kept.keep_trying_hours) == (NASTY, "answers@example.org", 48)
        assert kept.resend_once
        assert filled(admin.get(PARENTS))["resend_once"] == "yes"
        assert "<script>alert(" not in admin.get(PARENTS).text + admin.get("/staff/settings/lists").text
        assert logged(door.runtime) == [
            ("change mailing list", "mailing list 1", "name, reply to, keep trying hours, resend once")
        ]
        admin.post(PARENTS, {**filled(admin.get(PARENTS)), "resend_once": ""})
        assert not mailing_list(door).resend_once

    def test_mistakes_are_said_in_words(self, admin: Desk) -> None:
        form = filled(admin.get(PARENTS))
        wrong = {"name": "x" * 121, "sender_email": "news@", "late_after_hours": "121", "keep_trying_hours": "soon"}
        answer = admin.post(PARENTS, {**form, **wrong})
        assert answer.status_code == 422
        assert errors(answer) == [
            "Name must be 120 characters or fewer",
            "Enter an email address in the correct format, like name@example.com",
            "Hours to keep trying when a mail server says “not now” must be a whole number",
            "Hours after which a late edition waits for a person must be less than 121",
        ]
        assert filled(answer)["keep_trying_hours"] == "soon"

    def test_an_old_form_overwrites_nothing(self, door: Door, admin: Desk) -> None:
        old = filled(admin.get(PARENTS))
        admin.post(PARENTS, {**old, "name": "Theirs"})
        answer = admin.post(PARENTS, {**old, "name": "Mine"})
        assert answer.status_code == 409
        assert mailing_list(door).name == "Theirs"

    def test_the_page_of_lists_asks_the_same_number_of_questions_however_many(self, door: Door, admin: Desk) -> None:
        with Counted(door.runtime) as few:
            admin.get("/staff/settings/lists")
        with door.runtime.db.transaction() as session:
            first = session.get_one(MailingList, 1).model_dump(exclude={"id", "slug"})
            session.add_all([MailingList(slug=f"list-{number}", **first) for number in range(30)])
        with Counted(door.runtime) as many:
            admin.get("/staff/settings/lists")
        assert many.number == few.number


class TestAdding:
    def given(self, admin: Desk, **more: str) -> dict[str, str]:
        return {**filled(admin.get("/staff/settings/lists/new")), "audience": "parents", "slug": "early-years",
                "name": "Early years", "summary": "News.", "frequency": "monthly", "sender_name": "SEND news",
                "sender_email": "news@example.org", "reply_to": "news@example.org", **more}  # fmt: skip

    def test_a_list_is_data(self, door: Door, admin: Desk) -> None:
        answer = admin.post("/staff/settings/lists/new", self.given(admin))
        assert answer.status_code == 303
        path = answer.headers["location"].partition("?")[0]
        admin.post(f"{path}/wording", {**filled(admin.get(f"{path}/wording")), "wording": "Yes, write to me."})
        assert "Yes, write to me." in door.get("/early-years").text

    @pytest.mark.parametrize("slug", ["staff", "parents", "editions", "Early Years", "", "-x", "static"])
    def test_an_address_that_is_taken_or_none_is_refused(self, admin: Desk, slug: str) -> None:
        answer = admin.post("/staff/settings/lists/new", self.given(admin, slug=slug))
        assert answer.status_code == 422
        assert len(errors(answer)) == 1

    def test_it_is_for_somebody(self, admin: Desk) -> None:
        answer = admin.post("/staff/settings/lists/new", self.given(admin, audience="pupils"))
        assert errors(answer) == ["Select who it is for"]


class TestWording:
    def test_a_new_version_leaves_the_old_one_as_evidence(self, door: Door, admin: Desk) -> None:
        path = f"{PARENTS}/wording"
        before = filled(admin.get(path))["wording"]
        assert admin.post(path, {**filled(admin.get(path)), "wording": f"New words. {NASTY}"}).status_code == 303
        assert "New words." in door.get("/parents").text
        page = admin.get(path)
        assert "<script>alert(" not in page.text
        assert "Version 1, in use from" in page.text
        with door.runtime.db.reading() as session:
            texts = session.exec(
                select(Wording.text).where(Wording.mailing_list_id == 1).order_by(col(Wording.version))
            ).all()
        assert texts == [before, f"New words. {NASTY}"]
        assert logged(door.runtime) == [("change wording", "mailing list 1", "version 2")]

    def test_the_same_words_are_no_new_version(self, door: Door, admin: Desk) -> None:
        path = f"{PARENTS}/wording"
        form = filled(admin.get(path))
        assert admin.post(path, {**form, "wording": form["wording"].replace("\n", "\r\n")}).status_code == 303
        assert logged(door.runtime) == []

    def test_neither_nothing_nor_an_old_form(self, admin: Desk) -> None:
        path = f"{PARENTS}/wording"
        old = filled(admin.get(path))
        assert errors(admin.post(path, {**old, "wording": " "})) == ["Enter the wording of the sign-up form"]
        admin.post(path, {**old, "wording": "Theirs"})
        answer = admin.post(path, {**old, "wording": "Mine"})
        assert answer.status_code == 409
        assert filled(answer)["wording"] == "Mine"
        assert "Theirs" in answer.text


class TestTopics:
    def test_a_topic_is_offered_and_ended(self, door: Door, admin: Desk) -> None:
        path = f"{PROFESSIONALS}/topics"
        form = {**filled(admin.get(f"{path}/new")), "name": "Early years & “play”"}
        assert admin.post(f"{path}/new", form).status_code == 303
        assert errors(admin.post(f"{path}/new", form)) == ["There is a topic of this name. Change that one"]
        with door.runtime.db.reading() as session:
            topic = session.exec(select(Topic)).one()
        assert topic.slug == "early-years-play"
        page = f"{path}/{topic.id}"
        assert admin.post(page, {**filled(admin.get(page)), "until_date": "1/12/2026"}).status_code == 303
        with door.runtime.db.reading() as session:
            assert session.exec(select(Topic)).one().until_date == date(2026, 12, 1)

    def test_parents_are_asked_for_none(self, admin: Desk) -> None:
        assert admin.get(f"{PARENTS}/topics").status_code == 404
        assert admin.post(f"{PARENTS}/topics/new", {"name": "X", "from_date": "1/1/2026"}).status_code == 404

    def test_a_topic_belongs_to_its_list(self, door: Door, admin: Desk) -> None:
        with door.runtime.db.transaction() as session:
            other = MailingList(
                **session.get_one(MailingList, 2).model_dump(exclude={"id", "slug"}), slug="other-professionals"
            )
            session.add(other)
            session.flush()
            topic = Topic(mailing_list_id=other.id or 0, slug="x", name="X", from_date=date(2026, 1, 1))
            session.add(topic)
            session.flush()
            topic_id = topic.id
        assert admin.get(f"{PROFESSIONALS}/topics/{topic_id}").status_code == 404


class TestBasis:
    def test_the_data_protection_officer_decides_it(self, door: Door, desk: Callable[..., Desk], admin: Desk) -> None:
        path = "/staff/settings/bases/2"
        assert admin.post(path, {"lawful_basis": "public task"}).status_code == 403
        officer = desk(StaffRole.DPO)
        assert "Consent" in officer.get("/staff/settings/bases").text
        assert errors(officer.post(path, {**filled(officer.get(path)), "lawful_basis": "habit"})) == [
            "Choose consent or public task"
        ]
        assert officer.post(path, {**filled(officer.get(path)), "lawful_basis": "public task"}).status_code == 303
        assert mailing_list(door, 2).lawful_basis == "public task"
        assert logged(door.runtime) == [("change lawful basis", "mailing list 2", "consent to public task")]


class TestCadence:
    PATH = f"{PARENTS}/cadence"

    def save(self, admin: Desk, **given: str) -> list[str]:
        answer = admin.post(self.PATH, {**filled(admin.get(self.PATH)), **given})
        assert answer.status_code in (303, 422)
        return errors(answer)

    def coming(self, door: Door) -> list[datetime]:
        with door.runtime.db.reading() as session:
            cadence = falling_due.cadence_of(session, 1)
            return falling_due.coming(session, cadence, now=door.runtime.clock.now(), number=3) if cadence else []

    @pytest.mark.parametrize(
        ("how_often", "days"),
        [
            ("weekly", [(11, 10), (11, 17), (11, 24)]),
            ("fortnightly", [(11, 10), (11, 24), (12, 8)]),
            ("monthly", [(11, 10), (12, 8), (1, 12)]),
            ("half-termly", [(11, 10), (1, 12), (3, 9)]),
        ],
    )
    def test_a_choice_becomes_dates(self, door: Door, admin: Desk, how_often: str, days: list[tuple[int, int]]) -> None:
        assert self.save(admin, how_often=how_often, first_on="10/11/2026", at="10:00") == []
        assert [(moment.month, moment.day) for moment in self.coming(door)] == days
        assert {moment.hour for moment in self.coming(door)} == {10}
        page = admin.get(self.PATH)
        assert "Tuesday 10 November 2026, 10am" in page.text
        assert filled(page)["how_often"] == how_often

    def test_the_clock_follows_it(self, door: Door, admin: Desk, clock: ManualClock) -> None:
        self.save(admin, how_often="weekly", first_on="10/11/2026", at="10:00")
        clock.set(datetime(2026, 11, 10, 10, 0, tzinfo=UTC))
        jobs.assemble_due(door.runtime)
        assert self.coming(door)[0] == datetime(2026, 11, 17, 10, 0, tzinfo=UTC)

    def test_a_rule_of_its_own_and_none(self, door: Door, admin: Desk) -> None:
        day = {"first_on": "10/11/2026", "at": "9:30"}
        assert self.save(admin, how_often="own", rule="FREQ=MONTHLY;BYDAY=1TU,3TU", **day) == []
        assert [moment.day for moment in self.coming(door)] == [17, 1, 15]
        assert self.save(admin, how_often="own", rule="every now and then", **day)[0].startswith("This recurrence rule")
        assert self.save(admin, how_often="own", rule="FREQ=YEARLY;UNTIL=20200101", **day)[0].startswith(
            "With this rule"
        )
        assert self.save(admin, how_often="own", rule="", **day) == ["Write the rule"]
        assert self.save(admin, how_often="stopped", first_on="", at="") == []
        assert self.coming(door) == []
        assert "No edition falls due by itself" in admin.get(self.PATH).text

    def test_mistakes_are_said(self, admin: Desk) -> None:
        assert self.save(admin, how_often="daily", first_on="10/11/2026", at="10:00") == ["Select how often"]
        assert self.save(admin, how_often="weekly", first_on="x", at="10:00")[0].endswith("like 27/3/2027")
        assert self.save(admin, how_often="weekly", first_on="10/11/2026", at="25:00") == ["Enter a time like 10:00"]

    def test_an_old_form_is_refused(self, admin: Desk) -> None:
        old = filled(admin.get(self.PATH))
        day = {"first_on": "10/11/2026", "at": "10:00"}
        self.save(admin, how_often="weekly", **day)
        assert admin.post(self.PATH, {**old, "how_often": "monthly", **day}).status_code == 409
