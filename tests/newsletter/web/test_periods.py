"""A period that was decided is the one that the sweep goes by and that the privacy page tells."""

from datetime import timedelta

from sqlmodel import select

from newsletter.core import periods
from newsletter.core.clock import ManualClock
from newsletter.core.periods import Period
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from scheduler import jobs
from subscribers.models import Subscriber, SubscriberState
from tests.newsletter.web.conftest import Door


def test_a_decided_period_is_swept_by_and_told(door: Door, clock: ManualClock) -> None:
    runtime = door.runtime
    now = clock.now()
    with runtime.db.transaction() as session:
        dpo = accounts.add(session, runtime.crypto, "dpo@example.org", roles=[StaffRole.DPO], now=now)
        assert dpo.id is not None
        periods.change(session, Period.PENDING, 14, staff_id=dpo.id, now=now)
        session.add(Subscriber(mailing_list_id=1, state=SubscriberState.PENDING, requested_at=now - timedelta(days=10)))
    assert "a sign-up that nobody confirms: 14 days" in door.get("/privacy").text

    def pending() -> int:
        with runtime.db.reading() as session:
            return len(
                session.exec(
                    select(Subscriber).where(
                        Subscriber.state == SubscriberState.PENDING, Subscriber.requested_at < now - timedelta(days=9)
                    )
                ).all()
            )

    jobs.sweep(runtime)
    assert pending() == 1
    clock.move(timedelta(days=5))
    jobs.sweep(runtime)
    assert pending() == 0
    with runtime.db.reading() as session:
        assert periods.last_sweep(session) == clock.now()
