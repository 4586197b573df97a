"""People in numbers: what each list counts, what waits for a decision, and who may see which list. Never who."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.staff.models import AuditEntry, StaffRole, StaffRoleHeld
from scheduler import jobs
from subscribers import growth, lists
from subscribers.models import School, Subscriber, SubscriberState
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.queries import counted

Sit = Callable[..., Desk]


def keep_to(runtime: Runtime, desk: Desk, slug: str) -> Desk:
    """Let their roles reach one mailing list alone."""
    with runtime.db.transaction() as session:
        for held in session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == desk.staff_id)):
            held.mailing_list_id = lists.by_slug(session, slug).id
            session.add(held)
    return desk


def log_of(runtime: Runtime) -> list[tuple[str, str, str]]:
    """What the audit log says was done, about what, and how."""
    with runtime.db.reading() as session:
        entries = session.exec(select(AuditEntry).order_by(AuditEntry.number))  # type: ignore[arg-type]
        return [(entry.action, entry.about, entry.detail) for entry in entries]


def words(html: str) -> str:
    """What stands on a page, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def leave_at_once(door: Door, number: int = 5, slug: str = "professionals") -> list[int]:
    ids = [town.subscriber(door.runtime, f"reader-{n}@school.example.org", slug=slug) for n in range(number)]
    for subscriber_id in ids:
        door.post(f"/leave/{town.token(door.runtime, Purpose.LEAVE, subscriber_id)}", {"List-Unsubscribe": "One-Click"})
    return ids


def test_each_list_is_counted_and_nobody_named(door: Door, desk: Sit, clock: ManualClock) -> None:
    for number in range(3):
        town.subscriber(door.runtime, f"parent-{number}@example.org")
    town.subscriber(door.runtime, "pending@example.org", confirmed=False)
    clock.move(timedelta(days=8))
    jobs.sweep(door.runtime)
    town.subscriber(door.runtime, "late@example.org", confirmed=False)
    page = desk(StaffRole.ADMIN).get("/staff/people").text
    said = words(page)
    assert "Get the emails 3" in said
    assert "Have asked and not yet confirmed 1" in said
    assert "2 Nov 4 3 (75%)" in said  # the one that was swept away is not forgotten
    assert "9 Nov 1 0 (0%)" in said
    assert "Nov 2026 3 0 3" in said
    assert "Nobody has signed up yet" in said  # the professionals
    assert page.count("<rect") == 1  # of the months since it began
    assert not re.search(r"(parent-|pending|late)[\w-]*@", page)


def test_a_year_of_coming_and_going(runtime: Runtime, door: Door, clock: ManualClock) -> None:
    ids = [town.subscriber(runtime, f"one-{number}@example.org") for number in range(4)]
    clock.move(timedelta(days=40))
    with runtime.db.transaction() as session:
        for subscriber_id in ids[:1]:
            row = session.get_one(Subscriber, subscriber_id)
            row.state, row.ended_at = SubscriberState.LEFT, clock.now()
            session.add(row)
    town.subscriber(runtime, "new@example.org")
    with runtime.db.reading() as session:
        months = growth.by_month(session, growth.states(session), now=clock.now())[town.parents_id(session)]
    assert [(month.first.isoformat(), month.joined, month.left, month.at_end) for month in months[-3:]] == [
        ("2026-10-01", 0, 0, 0),
        ("2026-11-01", 4, 0, 4),
        ("2026-12-01", 1, 1, 4),
    ]


def test_whoever_did_not_ask_counts_as_not_confirmed(door: Door) -> None:
    subscriber_id = town.subscriber(door.runtime, "somebody@example.org", confirmed=False)
    door.post(f"/confirm/{town.token(door.runtime, Purpose.CONFIRM, subscriber_id)}/not-me")
    with door.runtime.db.reading() as session:
        week = growth.by_week(session, now=door.runtime.clock.now())[town.parents_id(session)][-1]
    assert (week.asked, week.confirmed, week.per_cent) == (1, 0, 0)


def test_a_role_for_one_list_shows_that_list_alone(door: Door, desk: Sit) -> None:
    leave_at_once(door, slug="parents")
    somebody = keep_to(door.runtime, desk(StaffRole.ADMIN), "professionals")
    page = somebody.get("/staff/people").text
    assert "SEND news for professionals" in page
    assert "SEND news for parents" not in page
    assert "Nothing waits for you" in page
    assert somebody.get("/staff/people/bursts/1").status_code == 403
    assert somebody.post("/staff/people/bursts/1", {"decision": "obeyed"}).status_code == 403
    parents_only = keep_to(door.runtime, desk(StaffRole.DPO), "parents")
    assert parents_only.get("/staff/people/schools").status_code == 403
    assert parents_only.get("/staff/people/bursts/1").status_code == 200


@pytest.mark.parametrize(("decision", "state"), [("obeyed", "left"), ("dismissed", "confirmed")])
def test_held_leaves_are_decided_about(door: Door, desk: Sit, decision: str, state: str) -> None:
    ids = leave_at_once(door)
    somebody = desk(StaffRole.ADMIN)
    page = somebody.get("/staff/people").text
    assert "5 people left “SEND news for professionals” within minutes, all at school.example.org" in page
    assert "reader-" not in page
    assert "obeyed" in somebody.get("/staff/people/bursts/1").text
    wrong = somebody.post("/staff/people/bursts/1", {})
    assert (wrong.status_code, "Choose what happened" in wrong.text) == (422, True)
    done = somebody.post("/staff/people/bursts/1", {"decision": decision})
    assert (done.status_code, done.headers["location"]) == (303, f"/staff/people?said={decision}")
    assert "Done." in somebody.get(done.headers["location"]).text
    with door.runtime.db.reading() as session:
        assert {session.get_one(Subscriber, each).state.value for each in ids} == {state}
    assert log_of(door.runtime)[-1] == (
        "obey leaves" if decision == "obeyed" else "dismiss leaves",
        "burst 1 of list 2",
        "5 subscribers",
    )
    assert somebody.post("/staff/people/bursts/1", {"decision": decision}).status_code == 404


def test_which_schools_nobody_reads_it_at(door: Door, desk: Sit) -> None:
    town.subscriber(door.runtime, "senco@example.org", slug="professionals")  # at Ashfield
    town.subscriber(door.runtime, "mother@example.org")
    with door.runtime.db.transaction() as session:
        row = session.get_one(School, 100_002)
        row.name = "<script>alert(1)</script> School"
        session.add(row)
    page = desk(StaffRole.ADMIN).get("/staff/people/schools").text
    assert "2 schools where nobody gets it" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; School" in page
    assert "O&#39;Hara" in page
    assert "Ashfield" not in page
    assert "fewer than 5" in page


def test_many_schools_come_by_pages_and_by_phase(door: Door, desk: Sit) -> None:
    with door.runtime.db.transaction() as session:
        for number in range(120):
            session.add(
                School(
                    urn=200_000 + number,
                    name=f"School {number:03}",
                    type_name="Academy",
                    phase_name="Secondary & more",
                    town="Exampleton",
                    postcode="EX1 1AA",
                    local_authority_code=931,
                    words="",
                )
            )
    somebody = desk(StaffRole.DPO)
    with counted(door.runtime) as statements:
        page = somebody.get("/staff/people/schools?phase=Secondary+%26+more&page=3").text
    assert len(statements) < 30
    assert "120 schools where nobody gets it: Secondary &amp; more" in page
    assert "Page 3 of 3" in page
    assert "School 100" in page
    assert "School 099" not in page
    for odd in ("page=0", "page=x", "page=999999", "page=9999999999", "phase=%00&page=-1"):
        assert somebody.get(f"/staff/people/schools?{odd}").status_code == 200


def test_the_numbers_of_many_people_are_few_questions(door: Door, desk: Sit) -> None:
    somebody = desk(StaffRole.ADMIN)
    with counted(door.runtime) as few:
        somebody.get("/staff/people")
    for number in range(30):
        town.subscriber(door.runtime, f"parent-{number}@example.org")
    leave_at_once(door, 7)
    with counted(door.runtime) as many:
        somebody.get("/staff/people")
    assert len(many) == len(few)
