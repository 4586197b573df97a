"""The sender: who gets what, and what happens when something on the way is broken."""

import asyncio
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from unittest import mock

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import RenderError
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery import batches, ledger, letters, stopping
from newsletter.delivery.ledger import Claim, NotSent, Standing
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState, Pulse
from newsletter.delivery.sending import Sender
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers import notify
from newsletter.providers.base import (
    API_VERSION,
    Capabilities,
    MailProvider,
    Message,
    Outcome,
    ProviderContext,
    Recipient,
    Result,
    Scope,
)
from newsletter.rendering import engine
from subscribers import preferences, suppression
from subscribers.models import MailingList, Subscriber, SubscriberState, SuppressionReason
from tests.conftest import START
from tests.newsletter.delivery.scene import (
    LEASE,
    add_readers,
    address,
    assert_counts_are_right,
    claim,
    deliveries,
    edition_state,
    opened_edition,
    reconcile,
    set_up,
    states,
)
from tests.newsletter.providers.notify_service import CONFIG, NotifyService

Answer = Callable[[Recipient], Result]


def accept(recipient: Recipient) -> Result:
    return Result(recipient.key, Outcome.ACCEPTED, provider_id=f"id-{recipient.key}", code="250")


@dataclass
class Kept:
    """A provider in memory. `answer` decides each outcome; `on_call` runs at the start of each call."""

    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(
            max_batch=4, max_bytes=1_000_000, raw_mime=True, one_click_unsubscribe=True, concurrency=3
        )
    )
    answer: Answer = accept
    on_call: Callable[[], object] = lambda: None
    sent: list[Recipient] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    name: str = "kept"
    api_version: int = API_VERSION

    async def check(self) -> None: ...

    async def aclose(self) -> None: ...

    async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        self.on_call()
        assert len(recipients) <= self.capabilities.max_batch
        results = [self.answer(recipient) for recipient in recipients]
        self.messages.append(message)
        self.sent += [r for r, result in zip(recipients, results, strict=True) if result.outcome is Outcome.ACCEPTED]
        return results

    @property
    def addresses(self) -> list[str]:
        return sorted(recipient.address for recipient in self.sent)


async def no_wait(seconds: float) -> None:
    """Stands in for waiting."""


def send(runtime: Runtime, provider: Kept, **values: object) -> int:
    assert isinstance(provider, MailProvider)
    return asyncio.run(Sender(runtime, provider, sleep=no_wait, **values).send_until_idle())  # type: ignore[arg-type]


def readers(number: int) -> list[str]:
    return sorted(address(each) for each in range(number))


def queue(runtime: Runtime, kind: DeliveryKind, mailing_list: int, subscriber: int) -> None:
    with runtime.db.transaction() as session:
        letters.queue(session, kind, mailing_list_id=mailing_list, subscriber_id=subscriber, now=runtime.clock.now())


@pytest.fixture
def mailing_list(runtime: Runtime) -> int:
    return set_up(runtime)


@pytest.fixture
def edition(runtime: Runtime, mailing_list: int) -> int:
    """An edition that is being sent to 30 readers."""
    add_readers(runtime, mailing_list, 30)
    return opened_edition(runtime, mailing_list)


class TestAnEdition:
    def test_everybody_gets_one_copy_and_the_edition_is_sent(self, runtime: Runtime, edition: int) -> None:
        provider = Kept()
        assert send(runtime, provider) == 30
        assert provider.addresses == readers(30)
        assert states(runtime, edition) == {"accepted": 30}
        assert edition_state(runtime, edition) is EditionState.SENT
        assert send(runtime, provider) == 0
        with runtime.db.reading() as session:
            assert_counts_are_right(session)

    def test_each_copy_is_personal_where_it_must_be_and_carries_the_headers(
        self, runtime: Runtime, edition: int, mailing_list: int
    ) -> None:
        provider = Kept()
        send(runtime, provider)
        links = set()
        for recipient in provider.sent:
            mail = message_from_bytes(bytes(recipient.mime))
            assert mail["To"] == recipient.address
            assert mail["From"] == "Oxfordshire SEND news <news@example.org>"
            assert mail["Reply-To"] == "team@example.org"
            assert mail["Message-ID"] == f"<{recipient.key}@news.example.org>"
            assert mail["List-Id"] == "SEND news for parents and carers <parents.news.example.org>"
            assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert recipient.leave_url is not None
            assert f"<{recipient.leave_url}>" in mail["List-Unsubscribe"]
            token_text = recipient.leave_url.rpartition("/")[2]
            assert f"<mailto:team@example.org?subject=stop%20{token_text}>" in mail["List-Unsubscribe"]
            assert mail["List-Help"].startswith("<http")
            assert mail["List-Archive"].startswith("<http")
            assert mail["Feedback-ID"].split(":")[1:3] == ["parents", "newsletter"]
            assert mail["Auto-Submitted"] is None
            links.add(recipient.leave_url)
            token = runtime.tokens.read(Purpose.LEAVE, token_text, now=START)
            with runtime.db.reading() as session:
                sealed = session.get_one(Subscriber, token.subject_id).address_sealed
            assert sealed is not None
            assert runtime.crypto.decrypt(sealed) == recipient.address
        assert len(links) == 30

    def test_who_left_or_is_suppressed_at_the_last_moment_gets_nothing(
        self, runtime: Runtime, edition: int, mailing_list: int
    ) -> None:
        rows = deliveries(runtime, edition)
        with runtime.db.transaction() as session:
            first, second = (row.subscriber_id for row in rows[:2])
            assert first is not None
            assert second is not None
            # Left without anybody telling the ledger: asked again before sending.
            session.get_one(Subscriber, first).state = SubscriberState.LEFT
            session.delete(session.get_one(Subscriber, second))
            suppression.suppress(session, runtime.crypto, address(2), reason=SuppressionReason.COMPLAINED, now=START)
        provider = Kept()
        assert send(runtime, provider) == 27
        assert not {address(0), address(1), address(2)} & set(provider.addresses)
        assert states(runtime, edition) == {"accepted": 27, "skipped": 3}

    def test_leaving_while_it_goes_out_stops_the_unsent_copy_and_says_goodbye(
        self, runtime: Runtime, edition: int, mailing_list: int
    ) -> None:
        last = deliveries(runtime, edition)[-1].subscriber_id
        assert last is not None
        provider = Kept(capabilities=replace(Kept().capabilities, concurrency=1))

        def leave_once() -> None:
            provider.on_call = lambda: None
            with runtime.db.transaction() as session:
                left = preferences.leave(
                    session, mailing_list_id=mailing_list, subscriber_id=last, how="button", now=START
                )
                stopping.stop_for(session, [left], START)
                stopping.stop_for(session, [replace(left, newly=False)], START)

        provider.on_call = leave_once
        assert send(runtime, provider, window=4) == 30
        assert states(runtime, edition) == {"accepted": 29, "skipped": 1}
        assert states(runtime, None) == {"accepted": 1}
        assert [recipient.address for recipient in provider.sent].count(address(29)) == 1

    def test_a_pause_and_a_cancellation_act_within_one_window(self, runtime: Runtime, edition: int) -> None:
        provider = Kept(capabilities=replace(Kept().capabilities, concurrency=1))

        def once(act: Callable[[Session], object]) -> Callable[[], None]:
            def run() -> None:
                provider.on_call = lambda: None
                with runtime.db.transaction() as session:
                    act(session)

            return run

        provider.on_call = once(lambda session: publishing.pause(session, edition, because="Wait.", now=START))
        assert send(runtime, provider, window=4) == 4
        with runtime.db.transaction() as session:
            publishing.resume(session, edition, now=START)
        provider.on_call = once(lambda session: publishing.cancel(session, edition, now=START))
        assert send(runtime, provider, window=4) == 4
        assert states(runtime, edition) == {"accepted": 8, "skipped": 22}
        assert edition_state(runtime, edition) is EditionState.CANCELLED

    def test_what_was_frozen_is_what_is_sent_or_nothing_is(self, runtime: Runtime, edition: int) -> None:
        with runtime.db.transaction() as session:
            session.get_one(Edition, edition).frozen_html = "<p>Something else</p>"
        provider = Kept()
        assert send(runtime, provider) == 0
        assert states(runtime, edition) == {"queued": 30}
        assert edition_state(runtime, edition) is EditionState.PAUSED
        with runtime.db.reading() as session:
            assert "not what was approved" in (session.get_one(Edition, edition).paused_because or "")

    def test_a_provider_without_one_click_leaving_may_not_carry_editions(self, runtime: Runtime, edition: int) -> None:
        provider = Kept(capabilities=replace(Kept().capabilities, one_click_unsubscribe=False))
        assert send(runtime, provider) == 0
        assert edition_state(runtime, edition) is EditionState.PAUSED

    def test_an_address_that_cannot_stand_in_a_message_costs_nobody_else_theirs(
        self, runtime: Runtime, edition: int
    ) -> None:
        with runtime.db.transaction() as session:
            who = session.exec(select(Subscriber)).first()
            assert who is not None
            who.address_sealed = runtime.crypto.encrypt("a@example.org\r\nBcc: b@example.org")
        provider = Kept()
        assert send(runtime, provider) == 29
        assert states(runtime, edition) == {"accepted": 29, "rejected": 1}


class TestTrouble:
    def test_deferred_is_tried_again_and_rejected_is_not(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        def answer(recipient: Recipient) -> Result:
            if recipient.address == address(3):
                return Result(recipient.key, Outcome.DEFERRED, code="451", detail=f"{recipient.address} is busy")
            if recipient.address == address(4):
                return Result(recipient.key, Outcome.REJECTED, code="550")
            if recipient.address == address(5):
                return Result(recipient.key, Outcome.UNKNOWN)
            return accept(recipient)

        provider = Kept(answer=answer)
        assert send(runtime, provider) == 27
        expected = {"accepted": 27, "deferred": 1, "rejected": 1, "unknown": 1}
        assert states(runtime, edition) == expected
        assert all("@" not in (row.detail or "") for row in deliveries(runtime, edition))
        provider.answer = accept
        assert send(runtime, provider) == 0
        clock.move(timedelta(minutes=2))
        assert send(runtime, provider) == 1
        assert states(runtime, edition) == {"accepted": 28, "rejected": 1, "unknown": 1}
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_sent_again_carries_the_same_message_id(self, runtime: Runtime, edition: int) -> None:
        keys: dict[str, set[str]] = {}

        def answer(recipient: Recipient) -> Result:
            keys.setdefault(recipient.address, set()).add(recipient.key)
            return Result(recipient.key, Outcome.UNKNOWN)

        provider = Kept(answer=answer)
        send(runtime, provider)
        assert edition_state(runtime, edition) is EditionState.PAUSED  # 30 doubts in a row are no coincidence
        with runtime.db.transaction() as session:
            assert ledger.decide_unknown(session, edition, send_again=True, now=START) == 30
            publishing.resume(session, edition, now=START)

        def accept_now(recipient: Recipient) -> Result:
            keys[recipient.address].add(recipient.key)
            return accept(recipient)

        provider.answer = accept_now
        assert send(runtime, provider) == 30
        assert {len(each) for each in keys.values()} == {1}

    @pytest.mark.parametrize(
        ("outcome", "scope"),
        [(Outcome.DEFERRED, Scope.ACCOUNT), (Outcome.REJECTED, Scope.ACCOUNT), (Outcome.REJECTED, Scope.BATCH)],
    )
    def test_a_refusal_of_us_or_of_the_mail_pauses_the_edition_and_costs_nobody_their_copy(
        self, runtime: Runtime, edition: int, outcome: Outcome, scope: Scope
    ) -> None:
        calls: list[None] = []
        provider = Kept(
            answer=lambda recipient: Result(recipient.key, outcome, code="535", detail="Bad password", scope=scope),
            on_call=lambda: calls.append(None),
        )
        assert send(runtime, provider) == 0
        assert edition_state(runtime, edition) is EditionState.PAUSED
        with runtime.db.reading() as session:
            assert "535 Bad password" in (session.get_one(Edition, edition).paused_because or "")
            rows = session.exec(select(Delivery.state, Delivery.attempts)).all()
        assert set(rows) == {(DeliveryState.QUEUED, 0)}
        assert len(calls) <= provider.capabilities.concurrency
        with runtime.db.transaction() as session:
            publishing.resume(session, edition, now=START)
        provider.answer = accept
        assert send(runtime, provider) == 30

    def test_letters_wait_when_the_account_is_refused(
        self, runtime: Runtime, mailing_list: int, clock: ManualClock
    ) -> None:
        who = add_readers(runtime, mailing_list, 1)[0]
        queue(runtime, DeliveryKind.WELCOME, mailing_list, who)
        provider = Kept(
            answer=lambda recipient: Result(recipient.key, Outcome.DEFERRED, detail="Not now", scope=Scope.ACCOUNT)
        )
        assert send(runtime, provider) == 0
        assert states(runtime, None) == {"deferred": 1}
        clock.move(timedelta(minutes=2))
        provider.answer = accept
        assert send(runtime, provider) == 1

    def test_a_provider_that_raises_leaves_a_doubt_and_stops(self, runtime: Runtime, edition: int) -> None:
        def fail() -> None:
            raise RuntimeError("a fault in the provider")

        provider = Kept(on_call=fail, capabilities=replace(Kept().capabilities, concurrency=1))
        assert send(runtime, provider, window=8) == 0
        assert states(runtime, edition) == {"unknown": 4, "queued": 26}
        assert edition_state(runtime, edition) is EditionState.PAUSED

    def test_a_provider_whose_answers_do_not_fit_leaves_a_doubt(self, runtime: Runtime, edition: int) -> None:
        provider = Kept(answer=lambda recipient: Result("another", Outcome.ACCEPTED))
        send(runtime, provider, window=4)
        assert set(states(runtime, edition)) == {"unknown", "queued"}

    def test_a_broken_template_loses_no_letter(self, runtime: Runtime, mailing_list: int, clock: ManualClock) -> None:
        for who in add_readers(runtime, mailing_list, 3):
            queue(runtime, DeliveryKind.WELCOME, mailing_list, who)
        provider = Kept()
        broken = RenderError("There is a bracket missing.", template="welcome.mjml", line=3)
        with mock.patch.object(engine, "render", side_effect=broken):
            assert send(runtime, provider) == 0
        assert states(runtime, None) == {"deferred": 3}
        clock.move(timedelta(minutes=2))
        assert send(runtime, provider) == 3

    def test_a_worker_that_died_leaves_a_doubt_about_its_window_alone(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        claim(runtime, 5)
        assert send(runtime, Kept()) == 0  # its batch is still in the dead worker's hands
        assert edition_state(runtime, edition) is EditionState.SENDING
        clock.move(LEASE * 2)
        assert send(runtime, Kept()) == 25
        assert states(runtime, edition) == {"accepted": 25, "unknown": 5}
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_a_database_that_is_away_after_sending_loses_nothing_and_doubles_nothing(
        self, runtime: Runtime, edition: int
    ) -> None:
        failures = iter(range(3))
        record = ledger.record

        def sometimes(*arguments: object, **values: object) -> int:
            if next(failures, None) is not None:
                raise sa.exc.OperationalError("UPDATE", {}, Exception("the server closed the connection"))
            return record(*arguments, **values)  # type: ignore[arg-type]

        provider = Kept()
        with mock.patch.object(ledger, "record", side_effect=sometimes):
            assert send(runtime, provider) == 30
        assert provider.addresses == readers(30)
        assert states(runtime, edition) == {"accepted": 30}

    def test_a_commit_in_doubt_strands_no_window(self, runtime: Runtime, edition: int) -> None:
        provider = Kept()
        sender = Sender(runtime, provider, sleep=no_wait)
        doubtful = iter((True, False, True, True))
        turn_once = sender._turn_once

        def lose_the_answer(*arguments: object, **values: object) -> object:
            turn = turn_once(*arguments, **values)  # type: ignore[arg-type]
            if next(doubtful, False):
                raise sa.exc.OperationalError("COMMIT", {}, Exception("the server closed the connection"))
            return turn

        with mock.patch.object(sender, "_turn_once", lose_the_answer):
            asyncio.run(sender.send_until_idle())
        assert provider.addresses == readers(30)
        assert states(runtime, edition) == {"accepted": 30}

    @pytest.mark.parametrize("what_came", ["a stop", "a pause"])
    def test_a_commit_in_doubt_strands_no_window_when_nothing_may_go_any_more(
        self, runtime: Runtime, edition: int, what_came: str
    ) -> None:
        """The claim was committed, and its answer lost; before the next attempt the worker is told to end, or the
        edition is paused. Nobody holds that window but this worker, so it has to bring it back."""
        stop, provider, lost = asyncio.Event(), Kept(), []
        sender = Sender(runtime, provider, sleep=no_wait)
        turn_once = sender._turn_once

        def lose_the_answer(*arguments: object, **values: object) -> object:
            turn = turn_once(*arguments, **values)  # type: ignore[arg-type]
            if lost:
                return turn
            lost.append(turn.claim)
            if what_came == "a stop":
                stop.set()
            else:
                with runtime.db.transaction() as session:
                    publishing.pause(session, edition, because="To look at it", now=START)
            raise sa.exc.OperationalError("COMMIT", {}, Exception("the server closed the connection"))

        with mock.patch.object(sender, "_turn_once", lose_the_answer):
            asyncio.run(sender.send_until_idle(stop))
        assert lost[0], "something was claimed"
        assert set(states(runtime, edition)) <= {"queued", "accepted"}
        if what_came == "a pause":
            assert not provider.sent
            with runtime.db.transaction() as session:
                publishing.resume(session, edition, now=START)
        send(runtime, provider)
        assert provider.addresses == readers(30)
        assert states(runtime, edition) == {"accepted": 30}

    def test_a_claim_is_held_while_the_provider_takes_its_time(self, runtime: Runtime, edition: int) -> None:
        renewed = threading.Event()

        class Slow(Kept):
            async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
                assert await asyncio.to_thread(renewed.wait, 20)
                return await super().send(message, recipients)

        keep = batches.keep

        def noted(*arguments: object, **values: object) -> bool:
            if "changes" not in values:
                renewed.set()
            return keep(*arguments, **values)  # type: ignore[arg-type]

        with mock.patch.object(batches, "keep", side_effect=noted):
            assert send(runtime, Slow(), lease=timedelta(seconds=0.03)) == 30

    def test_nothing_is_handed_over_after_the_lease(self, runtime: Runtime, edition: int, clock: ManualClock) -> None:
        provider = Kept(capabilities=replace(Kept().capabilities, concurrency=1))
        calls: list[int] = []

        def freeze() -> None:  # as a process that was stopped for a while
            calls.append(len(provider.sent))
            if len(calls) == 1:
                clock.move(LEASE * 2)

        provider.on_call = freeze
        record = ledger.record
        written: list[set[object]] = []

        def noted(session: Session, claim: object, results: dict[int, object], **values: object) -> int:
            written.append({getattr(result, "outcome", result) for result in results.values()})
            return record(session, claim, results, **values)  # type: ignore[arg-type]

        with mock.patch.object(ledger, "record", side_effect=noted):
            assert send(runtime, provider, window=8) == 30
        assert written[0] == {Outcome.ACCEPTED, NotSent.BACK}
        assert provider.addresses == readers(30)


def with_settings(runtime: Runtime, **settings: object) -> Runtime:
    return replace(runtime, settings=runtime.settings.model_copy(update=settings))


class TestPace:
    def test_a_days_most_goes_and_the_rest_on_the_days_after(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        paced, provider = with_settings(runtime, rate_per_day=12), Kept()
        for day, expected in enumerate((12, 12, 6)):
            assert send(paced, provider) == expected
            assert send(paced, provider) == 0, "until tomorrow"
            clock.set(START + timedelta(days=day + 1))
            reconcile_as_if_workers_had_been_there(runtime)
        assert provider.addresses == readers(30)
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_a_rate_is_waited_for_with_nothing_in_hand(self, runtime: Runtime, edition: int) -> None:
        """The clock is moved by whoever asks for the time: it stands still while anything is being sent."""
        seen: list[dict[str, int]] = []
        paced = with_settings(runtime, rate_per_s=40.0)

        class Ticking(ManualClock):
            def now(self) -> datetime:
                self.move(timedelta(milliseconds=5))
                return super().now()

        paced = replace(paced, clock=Ticking(runtime.clock.now()))
        provider = Kept(on_call=lambda: seen.append(states(runtime, edition)))
        assert send(paced, provider) == 30
        assert provider.addresses == readers(30)
        assert max(each.get("sending", 0) for each in seen) <= 10

    def test_a_slow_domain_gets_its_copies_later_and_each_once(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        paced, provider = with_settings(runtime, domain_rates="example.org=5"), Kept()
        assert send(paced, provider) == 6
        assert states(runtime, edition) == {"accepted": 6, "queued": 24}
        calls = 0
        while edition_state(runtime, edition) is EditionState.SENDING:
            clock.move(timedelta(seconds=1))
            assert send(paced, provider) <= 6
            calls += 1
        assert provider.addresses == readers(30)
        assert 4 <= calls <= 8
        assert {row.attempts for row in deliveries(runtime, edition)} == {1}


def reconcile_as_if_workers_had_been_there(runtime: Runtime) -> None:
    with runtime.db.transaction() as session:
        session.merge(Pulse(id=1, seen_at=runtime.clock.now()))


class TestDoubt:
    @pytest.fixture
    def resending(self, runtime: Runtime, mailing_list: int) -> int:
        with runtime.db.transaction() as session:
            session.get_one(MailingList, mailing_list).resend_once = True
        return mailing_list

    def test_a_list_may_choose_one_second_copy_under_the_same_message_id_and_never_a_third(
        self, runtime: Runtime, resending: int, edition: int
    ) -> None:
        keys: Counter[str] = Counter()

        def doubt(recipient: Recipient) -> Result:
            keys[recipient.key] += 1
            is_doubtful = recipient.address in {address(3), address(4)} and keys[recipient.key] < 3
            outcome = Outcome.UNKNOWN if is_doubtful and recipient.address == address(3) else Outcome.ACCEPTED
            if recipient.address == address(4) and keys[recipient.key] == 1:
                outcome = Outcome.UNKNOWN
            return Result(recipient.key, outcome)

        assert send(runtime, Kept(answer=doubt)) == 29
        assert states(runtime, edition) == {"accepted": 29, "unknown": 1}
        assert sorted(keys.values())[-3:] == [1, 2, 2]
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_so_does_what_a_dead_worker_held(
        self, runtime: Runtime, resending: int, edition: int, clock: ManualClock
    ) -> None:
        claim(runtime, 5)
        clock.move(LEASE * 2)
        assert send(runtime, Kept()) == 30
        assert states(runtime, edition) == {"accepted": 30}

    def test_a_worker_that_wakes_after_somebody_took_over_stops_and_writes_only_what_it_knows(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        taken: list[None] = []

        def sleep_through_the_lease() -> None:
            if not taken:
                taken.append(None)
                clock.move(timedelta(seconds=runtime.settings.lease_s + 1))
                reconcile(runtime)
                assert claim(runtime, 1)

        provider = Kept(
            capabilities=replace(Kept().capabilities, concurrency=1, max_batch=100), on_call=sleep_through_the_lease
        )
        assert send(runtime, provider, window=5) == 5
        assert states(runtime, edition) == {"accepted": 5, "sending": 1, "queued": 24}


@pytest.mark.parametrize("is_letter", [True, False])
def test_a_worker_that_slept_while_it_wrote_the_copies_sends_none_of_them(
    runtime: Runtime, mailing_list: int, clock: ManualClock, is_letter: bool
) -> None:
    """It is the claim that the lease counts from: by now the copies may be somebody else's."""
    who = add_readers(runtime, mailing_list, 1)[0]
    if is_letter:
        queue(runtime, DeliveryKind.WELCOME, mailing_list, who)
    else:
        opened_edition(runtime, mailing_list)
    provider = Kept()
    sender = Sender(runtime, provider, sleep=no_wait)
    prepare, sent_before = sender._copies.prepare, []

    def sleep_first(held: Claim, standing: Standing | None) -> object:
        prepared = prepare(held, standing)
        sent_before.append(len(provider.sent))
        if len(sent_before) == 1:
            clock.move(timedelta(seconds=runtime.settings.lease_s + 1))
            reconcile(runtime)
        return prepared

    with mock.patch.object(sender._copies, "prepare", side_effect=sleep_first):
        asyncio.run(sender.send_until_idle())
    assert sent_before == [0, 0], "it gave them back, and they were claimed anew"
    assert len(provider.sent) == 1


class TestTheServerIsAway:
    def test_batches_are_put_aside_and_nobody_is_given_up(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        away = Kept(
            answer=lambda recipient: Result(recipient.key, Outcome.DEFERRED, detail="Refused", scope=Scope.BATCH)
        )
        assert send(runtime, away, window=10) == 0
        found = states(runtime, edition)
        assert found == {"deferred": 10, "queued": 20}, "one window was tried, the rest of its batch waits"
        clock.move(timedelta(minutes=2))
        assert send(runtime, Kept()) == 30
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_after_a_quarter_of_an_hour_a_person_is_told(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        away = Kept(
            answer=lambda recipient: Result(recipient.key, Outcome.DEFERRED, detail="Refused", scope=Scope.BATCH)
        )
        sender = Sender(runtime, away, sleep=no_wait)
        for _ in range(40):
            asyncio.run(sender.send_until_idle())
            clock.move(timedelta(minutes=1))
        assert edition_state(runtime, edition) is EditionState.PAUSED
        with runtime.db.reading() as session:
            because = session.get_one(Edition, edition).paused_because
        assert because == "kept could not be reached for 15 minutes: Refused"


def test_failures_in_a_row_pause_an_edition(runtime: Runtime, edition: int) -> None:
    provider = Kept(
        answer=lambda recipient: Result(recipient.key, Outcome.REJECTED, code="554", detail="5.7.1 Policy"),
        capabilities=replace(Kept().capabilities, concurrency=1),
    )
    assert send(runtime, provider, window=4) == 0
    assert states(runtime, edition) == {"rejected": 20, "queued": 10}
    assert edition_state(runtime, edition) is EditionState.PAUSED


def test_an_edition_through_notify(runtime: Runtime, edition: int) -> None:
    service = NotifyService()
    context = ProviderContext(CONFIG, runtime.settings.data_dir, runtime.clock)

    async def run() -> int:
        provider = notify.make(context, transport=httpx.MockTransport(service))
        try:
            return await Sender(runtime, provider).send_until_idle()
        finally:
            await provider.aclose()

    assert asyncio.run(run()) == 30
    assert sorted(call["email_address"] for call in service.accepted) == readers(30)
    assert len({call["reference"] for call in service.accepted}) == 30
    for call in service.accepted:
        assert call["personalisation"]["body"].endswith(call["one_click_unsubscribe_url"])


class TestLetters:
    @pytest.mark.parametrize(
        ("kind", "state", "leaves"),
        [
            (DeliveryKind.CONFIRM, SubscriberState.PENDING, False),
            (DeliveryKind.REMINDER, SubscriberState.PENDING, False),
            (DeliveryKind.ALREADY, SubscriberState.CONFIRMED, False),
            (DeliveryKind.WELCOME, SubscriberState.CONFIRMED, True),
            (DeliveryKind.GOODBYE, SubscriberState.LEFT, False),
            (DeliveryKind.NEW_ADDRESS, SubscriberState.PENDING, False),
            (DeliveryKind.ADDRESS_CHANGED, SubscriberState.LEFT, False),
            (DeliveryKind.STILL_ON, SubscriberState.CONFIRMED, False),
            (DeliveryKind.STILL_YOU, SubscriberState.CONFIRMED, True),
            (DeliveryKind.STILL_YOU_REMINDER, SubscriberState.CONFIRMED, True),
        ],
    )
    def test_each_goes_to_whom_it_is_for_and_to_nobody_else(
        self, runtime: Runtime, mailing_list: int, kind: DeliveryKind, state: SubscriberState, leaves: bool
    ) -> None:
        for each in SubscriberState:
            who = add_readers(runtime, mailing_list, 1, each)[0]
            queue(runtime, kind, mailing_list, who)
        provider = Kept()
        assert send(runtime, provider) == 1
        assert states(runtime, None) == {"accepted": 1, "skipped": len(SubscriberState) - 1}
        mail = message_from_bytes(bytes(provider.sent[0].mime))
        assert mail["Auto-Submitted"] == "auto-generated"
        assert (mail["List-Unsubscribe"] is not None) == leaves
        assert (provider.sent[0].leave_url is not None) == leaves
        assert provider.sent[0].address == address(list(SubscriberState).index(state))
        assert b"[[" not in bytes(provider.sent[0].mime)

    def test_a_confirmation_carries_a_link_and_a_code_that_work(self, runtime: Runtime, mailing_list: int) -> None:
        who = add_readers(runtime, mailing_list, 1, SubscriberState.PENDING)[0]
        queue(runtime, DeliveryKind.CONFIRM, mailing_list, who)
        provider = Kept()
        send(runtime, provider)
        slots = provider.sent[0].slots
        token = runtime.tokens.read(Purpose.CONFIRM, slots["confirm_url"].rpartition("/")[2], now=START)
        assert (token.subject_id, token.issued_at) == (who, START)
        assert len(slots["code"]) == 6
        assert slots["code"].encode() in bytes(provider.sent[0].mime)


class TestRunning:
    """The loop of a worker process."""

    def test_a_letter_goes_as_soon_as_somebody_wakes_the_sender(self, runtime: Runtime, mailing_list: int) -> None:
        who = add_readers(runtime, mailing_list, 1)[0]
        provider = Kept()

        async def run() -> None:
            stop = asyncio.Event()
            sent = asyncio.Event()
            loop = asyncio.get_running_loop()
            provider.on_call = lambda: loop.call_soon(sent.set)
            sender = Sender(runtime, provider)
            sender.wake()  # before it runs: nothing happens
            task = asyncio.create_task(sender.run(stop))
            await asyncio.to_thread(queue, runtime, DeliveryKind.WELCOME, mailing_list, who)
            threading.Thread(target=sender.wake).start()
            await asyncio.wait_for(sent.wait(), 20)
            stop.set()
            await asyncio.wait_for(task, 20)

        asyncio.run(run())
        assert states(runtime, None) == {"accepted": 1}

    def test_stopping_finishes_the_windows_in_progress_and_leaves_nothing_sending(
        self, runtime: Runtime, edition: int
    ) -> None:
        async def run() -> Kept:
            stop = asyncio.Event()
            provider = Kept(on_call=stop.set)
            await asyncio.wait_for(Sender(runtime, provider, window=4).run(stop), 30)
            return provider

        provider = asyncio.run(run())
        sent = len(provider.sent)
        assert 4 <= sent <= 12
        assert states(runtime, edition) == {"accepted": sent, "queued": 30 - sent}
        provider = Kept()
        assert send(runtime, provider) == 30 - sent

    def test_several_senders_share_the_work(self, runtime: Runtime, edition: int) -> None:
        providers = [Kept() for _ in range(3)]

        def run(provider: Kept) -> None:
            send(runtime, provider, window=3)

        threads = [threading.Thread(target=run, args=(provider,)) for provider in providers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(a for provider in providers for a in provider.addresses) == readers(30)
        send(runtime, Kept())
        assert edition_state(runtime, edition) is EditionState.SENT


def test_a_database_locked_by_somebody_else_delays_and_loses_nothing(sqlite_runtime: Runtime, sqlite_url: str) -> None:
    runtime = sqlite_runtime

    @sa.event.listens_for(runtime.db.engine, "connect")
    def _impatient(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=1")

    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 10)
    edition = opened_edition(runtime, mailing_list)
    runtime.db.dispose()
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) >= 4 and other.in_transaction:
            other.execute("ROLLBACK")

    def lock() -> None:
        if not waits and not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    provider = Kept(on_call=lock)
    sent = asyncio.run(Sender(runtime, provider, sleep=wait).send_until_idle())
    other.close()
    assert len(waits) >= 4
    assert waits[:3] == sorted(waits[:3])
    assert sent == 10
    assert provider.addresses == readers(10)
    assert states(runtime, edition) == {"accepted": 10}
    with runtime.db.reading() as session:
        assert not session.exec(select(Delivery).where(col(Delivery.state) == DeliveryState.SENDING)).all()


def test_no_statement_of_a_window_reads_a_whole_table(postgresql_runtime: Runtime) -> None:
    """PostgreSQL keeps a statement's plan, and tables grow a thousandfold from one hour to the next."""
    runtime, said = postgresql_runtime, {}
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 30)
    opened_edition(runtime, mailing_list)
    queue(runtime, DeliveryKind.WELCOME, mailing_list, add_readers(runtime, mailing_list, 1)[0])

    def listen(connection: sa.Connection, cursor: object, statement: str, parameters: object, *_: object) -> None:
        options = connection.get_execution_options()
        if options.get("overwriting") is False or options.get("isolation_level") == "AUTOCOMMIT":
            said[statement] = parameters

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        assert send(runtime, Kept()) == 31
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert sum("UPDATE delivery" in statement for statement in said) >= 3
    with runtime.db.transaction(for_sending=True) as session:
        connection = session.connection()
        connection.exec_driver_sql("ANALYZE")
        for statement, parameters in said.items():
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            assert not re.search(r"Seq Scan on (delivery|batch|subscriber|suppression)\b", plan), f"{statement}\n{plan}"
            assert not re.search(r"Index Scan using \w+ on delivery[^\n]*\n +Filter", plan), f"{statement}\n{plan}"
