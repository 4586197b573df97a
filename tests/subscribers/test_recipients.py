"""Who may be mailed at this moment, and what each suppression holds back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from subscribers import identity, recipients, suppression
from subscribers.models import SubscriberState, Suppression, SuppressionReason
from tests.conftest import START
from tests.subscribers.conftest import Lists
from tests.subscribers.test_signup import ADDRESS, SENCO, ask, confirmed, leave, row


def suppress(runtime: Runtime, reason: SuppressionReason, days: int | None = None, address: str = ADDRESS) -> None:
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        until = now + timedelta(days=days) if days is not None else None
        suppression.suppress(session, runtime.crypto, address, reason=reason, until=until, now=now)


def reachable(runtime: Runtime, ids: list[int], *states: SubscriberState) -> dict[int, str]:
    with runtime.db.reading() as session:
        return recipients.reachable(session, runtime.crypto, ids, states=set(states), now=runtime.clock.now())


def is_suppressed(runtime: Runtime, address: str = ADDRESS) -> bool:
    with runtime.db.reading() as session:
        return suppression.is_suppressed(session, runtime.crypto, address, now=runtime.clock.now())


def test_only_those_who_confirmed_get_editions(runtime: Runtime, both: Lists) -> None:
    stays = confirmed(runtime, both.parents, "stays@example.org")
    left = confirmed(runtime, both.parents, "left@example.org")
    leave(runtime, both.parents, left)
    pending = ask(runtime, both.parents, "pending@example.org").subscriber_id
    elsewhere = confirmed(runtime, both.professionals, "stays@example.org", details=SENCO)
    assert pending is not None
    with runtime.db.reading() as session:
        assert list(session.execute(recipients.confirmed_ids(both.parents)).scalars()) == [stays]
        assert recipients.count_confirmed(session, both.parents) == 1
        assert recipients.count_confirmed(session, 99) == 0
    everybody = [stays, left, pending, elsewhere, 987654321]
    assert reachable(runtime, everybody, SubscriberState.CONFIRMED) == {
        stays: "stays@example.org",
        elsewhere: "stays@example.org",
    }
    assert reachable(runtime, everybody, SubscriberState.PENDING) == {pending: "pending@example.org"}
    assert reachable(runtime, everybody, SubscriberState.LEFT) == {left: "left@example.org"}
    assert reachable(runtime, everybody) == reachable(runtime, [], SubscriberState.CONFIRMED) == {}


def test_the_address_is_the_one_typed(runtime: Runtime, both: Lists) -> None:
    subscriber_id = confirmed(runtime, both.parents, "O'Brien+send@Example.org")
    assert reachable(runtime, [subscriber_id], SubscriberState.CONFIRMED) == {subscriber_id: "O'Brien+send@example.org"}


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED])
def test_bounces_and_complaints_hold_everything_back(
    runtime: Runtime, both: Lists, clock: ManualClock, reason: SuppressionReason
) -> None:
    subscriber_id = confirmed(runtime, both.parents)
    suppress(runtime, reason, days=2)
    assert reachable(runtime, [subscriber_id], SubscriberState.CONFIRMED) == {}
    assert is_suppressed(runtime, ADDRESS.upper())
    clock.move(timedelta(days=2))
    assert not is_suppressed(runtime)
    assert reachable(runtime, [subscriber_id], SubscriberState.CONFIRMED) == {subscriber_id: ADDRESS}


def test_not_asking_for_one_list_does_not_stop_another_that_was_confirmed(runtime: Runtime, both: Lists) -> None:
    professional = confirmed(runtime, both.professionals, details=SENCO)
    pending = ask(runtime, both.parents).subscriber_id
    assert pending is not None
    suppress(runtime, SuppressionReason.NOT_REQUESTED, days=30)
    wanted = reachable(runtime, [professional, pending], SubscriberState.CONFIRMED, SubscriberState.PENDING)
    assert wanted == {professional: ADDRESS}


def test_a_window_of_a_hundred_takes_two_queries(runtime: Runtime, both: Lists) -> None:
    import sqlalchemy as sa

    ids = [confirmed(runtime, both.parents, f"parent-{number}@example.org") for number in range(20)]
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sa.event.listen(runtime.db.engine, "before_cursor_execute", note)
    assert len(reachable(runtime, ids, SubscriberState.CONFIRMED)) == 20
    assert sum(statement.startswith("SELECT") for statement in seen) == 2


class TestTwoReasonsForOneAddress:
    def held(self, runtime: Runtime) -> tuple[SuppressionReason, int | None]:
        with runtime.db.reading() as session:
            suppressed = session.exec(select(Suppression)).one()
            days = (suppressed.until - START).days if suppressed.until else None
            return suppressed.reason, days

    def test_a_block_is_never_shortened(self, runtime: Runtime) -> None:
        suppress(runtime, SuppressionReason.BOUNCED)
        suppress(runtime, SuppressionReason.NOT_REQUESTED, days=30)
        suppress(runtime, SuppressionReason.ERASED)
        assert self.held(runtime) == (SuppressionReason.BOUNCED, None)
        suppress(runtime, SuppressionReason.COMPLAINED)
        assert self.held(runtime) == (SuppressionReason.COMPLAINED, None)

    def test_an_erased_address_keeps_its_date_and_does_not_block_the_form_after_it(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        suppress(runtime, SuppressionReason.NOT_REQUESTED, days=30)
        suppress(runtime, SuppressionReason.ERASED)
        assert self.held(runtime) == (SuppressionReason.ERASED, 30)
        assert is_suppressed(runtime)
        clock.move(timedelta(days=30))
        assert not is_suppressed(runtime)

    def test_a_complaint_of_an_erased_person_blocks_everything(self, runtime: Runtime) -> None:
        suppress(runtime, SuppressionReason.ERASED)
        assert not is_suppressed(runtime)
        suppress(runtime, SuppressionReason.COMPLAINED)
        assert is_suppressed(runtime)

    _held = st.tuples(
        st.sampled_from(SuppressionReason), st.none() | st.integers(1, 60).map(lambda days: START + timedelta(days))
    )

    @given(one=_held, other=_held)
    def test_whichever_comes_first(self, one: suppression._Held, other: suppression._Held) -> None:
        together = suppression._stronger(one, other)
        assert together == suppression._stronger(other, one)
        assert suppression._stronger(together, one) == together
        ends = [until for reason, until in (one, other) if until or reason is not SuppressionReason.ERASED]
        assert together[1] == (None if None in ends else max((end for end in ends if end), default=None))


def test_reachable_needs_the_address(runtime: Runtime, both: Lists) -> None:
    subscriber_id = confirmed(runtime, both.parents)
    with runtime.db.transaction() as session:
        row(session, subscriber_id).address_sealed = None
    assert reachable(runtime, [subscriber_id], SubscriberState.CONFIRMED) == {}


def lift(runtime: Runtime) -> SuppressionReason | None:
    with runtime.db.transaction() as session:
        return suppression.lift(session, runtime.crypto, ADDRESS)


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED])
def test_a_block_that_is_lifted_frees_who_is_on_a_list_for_imports_too(
    runtime: Runtime, both: Lists, reason: SuppressionReason
) -> None:
    """The address was put right, or its owner thought better of it; a mailbox that is gone suspends them once more."""
    confirmed(runtime, both.parents, ADDRESS)
    suppress(runtime, reason)
    assert lift(runtime) is reason
    with runtime.db.reading() as session:
        hashed = identity.suppression_hash(runtime.crypto, ADDRESS)
        assert suppression.blocks(session, [hashed], now=runtime.clock.now()) == {}


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED])
@pytest.mark.parametrize("erased_first", [True, False])
def test_a_block_that_is_lifted_brings_back_nobody_who_was_erased(
    runtime: Runtime, both: Lists, reason: SuppressionReason, erased_first: bool
) -> None:
    reasons = [SuppressionReason.ERASED, reason]
    for each in reasons if erased_first else reversed(reasons):
        suppress(runtime, each)
    assert lift(runtime) is reason
    with runtime.db.reading() as session:
        hashed = identity.suppression_hash(runtime.crypto, ADDRESS)
        (block,) = suppression.blocks(session, [hashed], now=runtime.clock.now()).values()
    assert (block.imports, block.sign_up, block.editions) == (True, False, False)
    with pytest.raises(WrongState):
        lift(runtime)
