"""One person: looked up, given a copy, put right, stopped, erased; by the data protection officer alone, and logged
without the address."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.delivery.models import Delivery, DeliveryKind
from newsletter.feedback import complaints
from newsletter.staff.models import StaffRole
from scheduler import jobs
from subscribers import suppression
from subscribers.models import Subscriber, SubscriberState, SuppressionReason
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.test_people import keep_to, log_of, words

Sit = Callable[..., Desk]

READER = "o'reader+send@example.org"


@pytest.fixture
def officer(desk: Sit) -> Desk:
    return desk(StaffRole.DPO)


def look_up(officer: Desk, address: str = READER) -> httpx.Response:
    return officer.post("/staff/people/find", {"email": address})


def state_of(door: Door, subscriber_id: int) -> SubscriberState:
    with door.runtime.db.reading() as session:
        return session.get_one(Subscriber, subscriber_id).state


def test_what_is_held_is_said_in_words(door: Door, officer: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = town.subscriber(door.runtime, READER)
    two = town.subscriber(door.runtime, READER, slug="professionals")
    found = look_up(officer, "  O'READER+send@Example.org ")
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    said = words(found.text)
    for part in (
        "What we hold about",
        "SEND news for parents and carers",
        "Now Gets the emails",
        "Asked for it on 3 November 2026",
        "School Ashfield Primary School (100001)",
        "Role SENCO or inclusion lead",
        "said yes on 3 November 2026",
        "Example Council will email you about once a fortnight",
        "Nothing stops us from writing to this address.",
    ):
        assert part in said, part
    assert log_of(door.runtime) == [("look up person", f"subscriber {one}, subscriber {two}", "")]
    assert "reader" not in str(log_of(door.runtime)).lower() + caplog.text.lower()


def test_an_address_that_is_nowhere_is_said_to_be(door: Door, officer: Desk) -> None:
    assert "on none of our mailing lists" in look_up(officer, "nobody@example.org").text
    assert log_of(door.runtime) == [("look up person", "an address on no list", "")]


@pytest.mark.parametrize("act", ["find", "copy", "correct", "stop", "suppress", "lift", "erase"])
def test_an_address_that_is_none_is_asked_for_again(officer: Desk, act: str) -> None:
    for typed in ("", "not an address", '"><script>alert(1)</script>@x'):
        found = officer.post(f"/staff/people/{act}", {"email": typed})
        assert found.status_code == 422
        assert "There is a problem" in found.text
        assert "<script>alert" not in found.text


def test_a_copy_can_be_read_by_people_and_by_programs(door: Door, officer: Desk, clock: ManualClock) -> None:
    town.subscriber(door.runtime, READER, slug="professionals")
    with door.runtime.db.transaction() as session:
        complaints.take(
            session,
            door.runtime.crypto,
            text="<script>alert(1)</script>",
            contact=READER,
            now=clock.now(),
            today=clock.now().date(),
        )
    data = officer.post("/staff/people/copy", {"email": READER, "as": "json"})
    assert data.headers["content-disposition"] == 'attachment; filename="what-we-hold.json"'
    assert data.headers["cache-control"] == "no-store"
    found = json.loads(data.text)
    assert found["mailing_lists"][0]["school"] == {"urn": 100001, "name": "Ashfield Primary School"}
    assert found["data_complaints"][0]["text"] == "<script>alert(1)</script>"
    text = officer.post("/staff/people/copy", {"email": READER, "as": "text"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Made on 3 November 2026." in text.text
    assert "What was written: <script>alert(1)</script>" in text.text
    assert [action for action, *_ in log_of(door.runtime)] == ["export person"] * 2
    assert "<script>alert" not in look_up(officer).text


def test_what_we_know_of_their_work_is_put_right(door: Door, officer: Desk) -> None:
    subscriber_id = town.subscriber(door.runtime, READER, slug="professionals")
    form = {"email": READER, "list": "2"}
    page = officer.post("/staff/people/correct", form)
    assert 'value="100001"' in page.text
    wrong = officer.post("/staff/people/correct", {**form, "save": "yes", "school_urn": "999999"})
    assert wrong.status_code == 422
    assert 'href="#school_urn"' in wrong.text
    assert 'value="999999"' in wrong.text
    nothing = officer.post("/staff/people/correct", {**form, "save": "yes"})
    assert (nothing.status_code, "Change something" in nothing.text) == (422, True)
    right = officer.post("/staff/people/correct", {**form, "save": "yes", "role": "head", "school_urn": "100003"})
    assert right.headers["location"] == "/staff/people/find?said=corrected"
    assert "Corrected." in officer.get(right.headers["location"]).text
    with door.runtime.db.reading() as session:
        row = session.get_one(Subscriber, subscriber_id)
    assert (row.role, row.school_urn) == ("head", 100003)
    assert log_of(door.runtime)[-1] == ("correct person", f"subscriber {subscriber_id}", "list 2: work")


def test_a_new_address_is_asked_first(door: Door, officer: Desk) -> None:
    subscriber_id = town.subscriber(door.runtime, READER)
    form = {"email": READER, "list": "1", "save": "yes", "new_address": "new@example.org", "role": "head"}
    done = officer.post("/staff/people/correct", form | {"role": ""})
    assert done.headers["location"] == "/staff/people/find?said=asked"
    jobs.answer_sign_ups(door.runtime)
    assert state_of(door, subscriber_id) is SubscriberState.CONFIRMED
    assert "has not confirmed" in look_up(officer, "new@example.org").text
    refused = officer.post("/staff/people/correct", form | {"new_address": ""})
    assert refused.status_code == 422
    assert "parents and carers" in refused.text


def test_an_objection_stops_one_list(door: Door, officer: Desk) -> None:
    parent = town.subscriber(door.runtime, READER)
    professional = town.subscriber(door.runtime, READER, slug="professionals")
    asked = officer.post("/staff/people/stop", {"email": READER, "list": "1"})
    assert "Stop these emails?" in asked.text
    assert state_of(door, parent) is SubscriberState.CONFIRMED
    officer.post("/staff/people/stop", {"email": READER, "list": "1", "sure": "yes"})
    assert state_of(door, parent) is SubscriberState.LEFT
    assert state_of(door, professional) is SubscriberState.CONFIRMED
    with door.runtime.db.reading() as session:
        goodbye = session.exec(select(Delivery.subscriber_id).where(Delivery.kind == DeliveryKind.GOODBYE)).all()
    assert list(goodbye) == [parent]
    for odd in ("", "9", "x", "99999999999"):
        assert officer.post("/staff/people/stop", {"email": READER, "list": odd, "sure": "y"}).status_code == 404


def test_erasing_asks_for_a_word(door: Door, officer: Desk, clock: ManualClock) -> None:
    subscriber_id = town.subscriber(door.runtime, READER)
    asked = officer.post("/staff/people/erase", {"email": READER})
    assert asked.status_code == 200
    assert "This cannot be undone" in asked.text
    wrong = officer.post("/staff/people/erase", {"email": READER, "word": "yes"})
    assert (wrong.status_code, "Type the word" in wrong.text) == (422, True)
    done = officer.post("/staff/people/erase", {"email": READER, "word": " Erase "})
    assert done.headers["location"].startswith("/staff/people/find?said=erased")
    with door.runtime.db.reading() as session:
        assert session.get(Subscriber, subscriber_id) is None
        found = suppression.find(session, door.runtime.crypto, READER)
        assert found is not None
        assert found.reason is SuppressionReason.ERASED
    assert log_of(door.runtime)[-1] == ("erase person", f"subscriber {subscriber_id}", "")
    again = look_up(officer).text
    assert "No import brings them in, because they were erased or blocked" in again
    assert officer.post("/staff/people/lift", {"email": READER, "sure": "yes"}).status_code == 409


def test_an_open_complaint_outlives_its_erasure(door: Door, officer: Desk, clock: ManualClock) -> None:
    with door.runtime.db.transaction() as session:
        complaints.take(
            session, door.runtime.crypto, text="Late", contact=READER, now=clock.now(), today=clock.now().date()
        )
    done = officer.post("/staff/people/erase", {"email": READER, "word": "erase"})
    assert done.headers["location"] == "/staff/people/find?said=erased-but-open"


def test_an_address_is_blocked_and_freed(door: Door, officer: Desk) -> None:
    town.subscriber(door.runtime, READER)
    form = {"email": READER}
    assert "Never write to this address?" in officer.post("/staff/people/suppress", form).text
    officer.post("/staff/people/suppress", form | {"sure": "yes"})
    assert "They asked not to be written to" in look_up(officer).text
    assert "Allow emails again" in officer.post("/staff/people/lift", form).text
    officer.post("/staff/people/lift", form | {"sure": "yes"})
    assert "Nothing stops us" in look_up(officer).text
    assert officer.post("/staff/people/lift", form | {"sure": "yes"}).status_code == 404
    assert [action for action, *_ in log_of(door.runtime)] == [
        "suppress address",
        "look up person",
        "lift suppression",
        "look up person",
    ]


def test_who_protects_one_list_looks_up_nobody(door: Door, desk: Sit) -> None:
    somebody = keep_to(door.runtime, desk(StaffRole.DPO), "professionals")
    assert somebody.get("/staff/people/find").status_code == 403
    for act in ("find", "copy", "correct", "stop", "suppress", "lift", "erase"):
        form = {"email": READER, "list": "2", "sure": "yes", "word": "erase"}
        assert somebody.post(f"/staff/people/{act}", form).status_code == 403, act


def test_after_a_quarter_of_an_hour_one_signs_in_again(officer: Desk, clock: ManualClock) -> None:
    clock.move(timedelta(minutes=16))
    refused = look_up(officer)
    assert (refused.status_code, refused.headers["location"]) == (303, "/staff/sign-in?next=/staff/people/find")
