"""The first page of the studio tells each officer what waits for them, and nobody what is not theirs."""

from collections.abc import Callable
from datetime import date, timedelta

from sqlmodel import select

from newsletter.content.models import Partner, PriorityArea, Response, ResponseOutcome
from newsletter.core.audience import Audience
from newsletter.delivery.models import Batch
from newsletter.editions.models import Edition, EditionState
from newsletter.feedback import complaints
from newsletter.staff.models import Staff, StaffRole, StaffRoleHeld
from subscribers.models import HeldLeave, LeaveBurst, MailingList
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.settings.forms import NASTY, Counted

ALL = tuple(StaffRole)


def fill(door: Door, *, times: int = 1) -> None:
    """Something of every kind."""
    now, runtime = door.runtime.clock.now(), door.runtime
    subscriber_ids = [town.subscriber(runtime, f"reader-{number}@example.org") for number in range(times)]
    with runtime.db.transaction() as session:
        sent = session.exec(select(Edition).where(Edition.state == EditionState.SENT)).first()
        assert sent
        partner = Partner(slug="council", name="Council", from_date=date(2020, 1, 1))
        area = PriorityArea(number=1, name="One", description="One.", from_date=date(2020, 1, 1))
        session.add_all([partner, area])
        session.flush()
        states = (EditionState.DRAFT, EditionState.REVIEW, EditionState.PAUSED)
        for number in range(times):
            for place, state in enumerate(states):
                values = sent.model_dump(exclude={"id", "number", "slug", "state", "subject"})
                session.add(
                    Edition(
                        **values, number=100 * (number + 1) + place, slug=f"x-{number}-{place}", state=state,
                        subject=NASTY,
                    )
                )  # fmt: skip
            session.add(Batch(edition_id=sent.id or 0, number=number + 50, due_at=now, unknown=2))
            burst = LeaveBurst(mailing_list_id=1, domain_hash=bytes([number]), started_at=now, last_at=now)
            session.add(burst)
            session.flush()
            session.add(HeldLeave(subscriber_id=subscriber_ids[number], burst_id=burst.id or 0))
            today = now.date() - timedelta(days=28)
            complaints.take(session, runtime.crypto, text="Wrong.", contact="", now=now, today=today)
            session.add(
                Response(
                    theme=f"Late {NASTY}", said="Said.", people=9, period_from=today, period_until=today, did="Doing.",
                    outcome=ResponseOutcome.DOING, doing_by=date(2026, 11, 1), decision_owner="Head",
                    partner_id=partner.id or 0, priority_area_id=area.id or 0, for_parents=True,
                    for_professionals=True, from_date=today, created_at=now, updated_at=now,
                )
            )  # fmt: skip


def told(desk: Desk) -> str:
    page = desk.get("/staff/")
    assert page.status_code == 200
    assert "<script>alert(" not in page.text
    return page.text.partition("<main")[2]


def test_each_role_is_told_what_is_theirs(door: Door, desk: Callable[..., Desk]) -> None:
    fill(door)
    author, approver = told(desk(StaffRole.AUTHOR)), told(desk(StaffRole.APPROVER))
    admin, officer = told(desk(StaffRole.ADMIN)), told(desk(StaffRole.DPO))
    assert ("Finish edition 100" in author, "Approve edition 101" in author) == (True, False)
    assert ("Finish edition 100" in approver, "Approve edition 101" in approver) == (False, True)
    assert "whether 2 copies arrived" in approver
    assert "Look after edition 102" in admin
    assert ("Acknowledge complaint" in admin, "Acknowledge complaint" in officer) == (False, True)
    assert "Decide about people who left SEND news for parents" in officer
    assert ("Say what became of" in author, "Say what became of" in officer) == (True, False)


def test_nobody_is_asked_to_approve_their_own_edition(door: Door, desk: Callable[..., Desk]) -> None:
    fill(door)
    approver = desk(StaffRole.APPROVER)
    with door.runtime.db.transaction() as session:
        edition = session.exec(select(Edition).where(Edition.number == 101)).one()
        edition.author_id = approver.staff_id
        session.add(edition)
    assert "Approve edition 101" not in told(approver)


def test_a_role_for_another_list_is_told_nothing(door: Door, desk: Callable[..., Desk]) -> None:
    fill(door)
    somebody = desk(StaffRole.APPROVER)
    with door.runtime.db.transaction() as session:
        held = session.exec(select(StaffRoleHeld)).one()
        held.mailing_list_id = 2
        session.add(held)
    page = told(somebody)
    assert "Nothing waits for you now" not in told(desk(StaffRole.ADMIN))
    assert "SEND news for parents" not in page


def test_thirteen_questions_are_enough_however_much_there_is(door: Door, desk: Callable[..., Desk]) -> None:
    everything = desk(*ALL)
    fill(door, times=15)
    with Counted(door.runtime) as seen:
        told(everything)
    assert seen.number <= 13


def test_when_nothing_waits(door: Door, desk: Callable[..., Desk]) -> None:
    assert "Nothing waits for you now" in told(desk(StaffRole.DPO))


def test_an_administrator_is_told_what_is_still_to_be_set_up(door: Door, desk: Callable[..., Desk]) -> None:
    """The town has a list and a partnership, and neither partners nor areas nor anybody who writes or approves."""
    admin = desk(StaffRole.ADMIN)
    steps = ("Add the partners", "Add the priority areas", "Invite somebody who writes", "Invite somebody who approves")
    assert [step in told(admin) for step in steps] == [True] * 4
    assert "Add a mailing list" not in told(admin)
    assert "To set up" not in told(desk(StaffRole.DPO))
    with door.runtime.db.transaction() as session:
        row = MailingList(
            slug="early-years", name=NASTY, audience=Audience.PARENTS, summary="News.", frequency="monthly",
            sender_name="News", sender_email="news@example.org", reply_to="send@example.org", lawful_basis="consent",
        )  # fmt: skip
        session.add(row)
    assert "Write what people agree to for" in told(admin)
    fill(door)
    desk(StaffRole.AUTHOR)
    desk(StaffRole.APPROVER)
    assert [step in told(admin) for step in steps] == [False] * 4


def test_an_approver_has_to_be_somebody_else_than_the_author_and_active(door: Door, desk: Callable[..., Desk]) -> None:
    admin = desk(StaffRole.ADMIN)
    writer, approver = "Invite somebody who writes", "Invite somebody who approves"

    def asked() -> tuple[bool, bool]:
        page = told(admin)
        return writer in page, approver in page

    def switch(member: Desk, *, on: bool) -> None:
        with door.runtime.db.transaction() as session:
            row = session.get_one(Staff, member.staff_id)
            row.is_active = on
            session.add(row)

    both = desk(StaffRole.AUTHOR, StaffRole.APPROVER, email="both@example.org", name="Author and approver")
    assert asked() == (False, True)
    second = desk(StaffRole.APPROVER, email="second@example.org", name="Second approver")
    assert asked() == (False, False)
    switch(second, on=False)
    assert asked() == (False, True)
    switch(second, on=True)
    switch(both, on=False)
    assert asked() == (True, False)
    third = desk(StaffRole.AUTHOR, email="third@example.org", name="Another author")
    switch(both, on=True)
    switch(second, on=False)
    assert asked() == (False, False)  # the one approves what the other writes
    switch(third, on=False)
    assert asked() == (False, True)


def test_whoever_cannot_do_something_is_led_back_to_where_they_were(door: Door, desk: Callable[..., Desk]) -> None:
    approver = desk(StaffRole.APPROVER)
    for answer, back in (
        (approver.post("/staff/editions/99/approval/approve", {}), "/staff/editions/99/approval"),
        (approver.get("/staff/editions/99/approval"), "/staff/editions/99"),
        (approver.get("/staff/editions/99"), "/staff/editions"),
        (approver.get("/staff/log"), "/staff/"),
    ):
        assert answer.status_code in (403, 404, 422)
        assert f'<a class="govuk-link" href="{back}">' in answer.text
        assert "Newsletter studio" in answer.text
