"""Leaving one list or all of them, and coming back."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import NotFound
from newsletter.core.runtime import Runtime
from subscribers import preferences, retention
from subscribers.models import Consent, SubscriberState
from subscribers.preferences import Left
from subscribers.signup import Answer, Requested
from tests.subscribers.conftest import Lists
from tests.subscribers.test_signup import SENCO, ask, confirmed, leave, link, press, row


def leave_all(runtime: Runtime, mailing_list_id: int, subscriber_id: int) -> list[Left]:
    with runtime.db.transaction() as session:
        return preferences.leave_all(
            session,
            runtime.crypto,
            mailing_list_id=mailing_list_id,
            subscriber_id=subscriber_id,
            how="button",
            now=runtime.clock.now(),
        )


def come_back(runtime: Runtime, subscriber_id: int) -> Requested:
    with runtime.db.transaction() as session:
        return preferences.return_to(session, subscriber_id=subscriber_id, now=runtime.clock.now())


def test_leaving_is_noted_on_the_consent_once(runtime: Runtime, both: Lists, clock: ManualClock) -> None:
    subscriber_id = confirmed(runtime, both.parents)
    clock.move(timedelta(days=30))
    assert leave(runtime, both.parents, subscriber_id) == Left(both.parents, subscriber_id, newly=True)
    left_at = clock.now()
    clock.move(timedelta(days=1))
    assert leave(runtime, both.parents, subscriber_id) == Left(both.parents, subscriber_id, newly=False)
    with runtime.db.reading() as session:
        subscriber, consent = row(session, subscriber_id), session.exec(select(Consent)).one()
        assert (subscriber.state, subscriber.ended_at) == (SubscriberState.LEFT, left_at)
        assert (consent.withdrawn_at, consent.withdrawn_how) == (left_at, "button")
        assert consent.confirmed_at is not None


@pytest.mark.parametrize("state", list(SubscriberState))
def test_leaving_works_from_every_state(runtime: Runtime, both: Lists, state: SubscriberState) -> None:
    subscriber_id = confirmed(runtime, both.parents)
    with runtime.db.transaction() as session:
        row(session, subscriber_id).state = state
    assert leave(runtime, both.parents, subscriber_id).newly is (state is not SubscriberState.LEFT)
    with runtime.db.reading() as session:
        assert row(session, subscriber_id).state is SubscriberState.LEFT


def test_leaving_as_nobody_or_from_another_list_gives_the_same_answer(runtime: Runtime, both: Lists) -> None:
    subscriber_id = confirmed(runtime, both.parents)
    assert leave(runtime, both.parents, 987654321) == Left(both.parents, None, newly=False)
    assert leave(runtime, both.professionals, subscriber_id) == Left(both.professionals, None, newly=False)
    with runtime.db.reading() as session:
        assert row(session, subscriber_id).state is SubscriberState.CONFIRMED


def test_leaving_one_list_does_not_touch_the_other(runtime: Runtime, both: Lists) -> None:
    parent = confirmed(runtime, both.parents)
    professional = confirmed(runtime, both.professionals, details=SENCO)
    leave(runtime, both.parents, parent)
    with runtime.db.reading() as session:
        assert row(session, professional).state is SubscriberState.CONFIRMED


def test_stopping_all_finds_the_address_on_every_list(runtime: Runtime, both: Lists) -> None:
    parent = confirmed(runtime, both.parents)
    professional = confirmed(runtime, both.professionals, details=SENCO)
    other = confirmed(runtime, both.parents, "parent-two@example.org")
    assert leave_all(runtime, both.professionals, professional) == [
        Left(both.parents, parent, newly=True),
        Left(both.professionals, professional, newly=True),
    ]
    assert [left.newly for left in leave_all(runtime, both.professionals, professional)] == [False, False]
    with runtime.db.reading() as session:
        assert row(session, other).state is SubscriberState.CONFIRMED


def test_stopping_all_answers_in_one_shape_whatever_there_is(runtime: Runtime, both: Lists) -> None:
    only_here = confirmed(runtime, both.parents)
    shapes = [leave_all(runtime, both.parents, only_here), leave_all(runtime, both.parents, 987654321)]
    assert [[left.mailing_list_id for left in shape] for shape in shapes] == [[both.parents, both.professionals]] * 2
    assert shapes[1] == [Left(both.parents, None, newly=False), Left(both.professionals, None, newly=False)]


def test_stopping_all_with_the_link_of_another_list_stops_nothing(runtime: Runtime, both: Lists) -> None:
    parent = confirmed(runtime, both.parents)
    leave_all(runtime, both.professionals, parent)
    with runtime.db.reading() as session:
        assert row(session, parent).state is SubscriberState.CONFIRMED


class TestComingBack:
    def test_one_button_asks_for_a_confirmation(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        subscriber_id = confirmed(runtime, both.professionals, details=SENCO)
        leave(runtime, both.professionals, subscriber_id)
        clock.move(timedelta(days=27))
        assert come_back(runtime, subscriber_id) == Requested(Answer.CONFIRM, subscriber_id)
        assert come_back(runtime, subscriber_id).answer is Answer.NOTHING  # the letter is on its way
        with runtime.db.reading() as session:
            subscriber = row(session, subscriber_id)
            assert (subscriber.state, subscriber.ended_at) == (SubscriberState.PENDING, None)
            assert subscriber.school_urn == 123456
            assert len(session.exec(select(Consent)).all()) == 2
        assert press(runtime, link(runtime, both.professionals, subscriber_id)).newly

    def test_a_forwarded_mail_cannot_be_used_to_flood_its_first_reader(self, runtime: Runtime, both: Lists) -> None:
        subscriber_id = confirmed(runtime, both.parents)
        answers = []
        for _ in range(4):
            leave(runtime, both.parents, subscriber_id)
            answers.append(come_back(runtime, subscriber_id).answer)
        assert answers == [Answer.CONFIRM, Answer.CONFIRM, Answer.NOTHING, Answer.NOTHING]
        assert ask(runtime, both.parents).answer is Answer.NOTHING

    def test_nothing_is_due_to_somebody_confirmed(self, runtime: Runtime, both: Lists) -> None:
        assert come_back(runtime, confirmed(runtime, both.parents)).answer is Answer.NOTHING

    def test_when_the_address_is_gone(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        subscriber_id = confirmed(runtime, both.parents)
        leave(runtime, both.parents, subscriber_id)
        clock.move(timedelta(days=28))
        with runtime.db.transaction() as session:
            retention.sweep(session, now=clock.now())
        for id_ in (subscriber_id, 987654321):
            with pytest.raises(NotFound, match="Sign up again"):
                come_back(runtime, id_)
        assert leave(runtime, both.parents, subscriber_id) == Left(both.parents, subscriber_id, newly=False)
