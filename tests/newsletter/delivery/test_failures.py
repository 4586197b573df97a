"""Who cannot be reached gets no more mail, but nobody is given up for what passes, nor for what is our own fault."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery.sending import Sender
from newsletter.providers import registry
from newsletter.providers.base import Outcome
from subscribers import lists, privacy, reachability, signup
from subscribers.models import Bouncing, Subscriber, SubscriberState
from subscribers.reachability import Fault
from tests.conftest import make_runtime
from tests.fakes import MailServer
from tests.newsletter.delivery.coming_back import anew, copy_of, made_out, take
from tests.newsletter.delivery.scene import (
    add_readers,
    address,
    approved_edition,
    claim,
    opened_edition,
    record,
    set_up,
    states,
)


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("5.1.1", Fault.GONE), ("5.1.2", Fault.GONE), ("5.1.10", Fault.GONE), ("5.2.1", Fault.DISABLED),
        ("5.2.2", Fault.PASSING), ("4.2.2", Fault.PASSING), ("4.2.1", Fault.PASSING), ("4.4.7", Fault.PASSING),
        ("4.1.1", Fault.PASSING), ("5.0.0", Fault.PASSING), ("5.4.1", Fault.PASSING), ("5.1.0", Fault.PASSING),
        ("5.7.0", Fault.OURS), ("5.7.1", Fault.OURS), ("5.7.26", Fault.OURS), ("5.7.515", Fault.OURS),
        ("4.7.0", Fault.OURS), ("5.1.8", Fault.OURS), ("5.2.3", Fault.OURS), ("5.3.4", Fault.OURS),
        ("5.6.0", Fault.OURS),
    ],
)  # fmt: skip
def test_what_a_status_says_about_the_reader(status: str, fault: Fault) -> None:
    assert reachability.fault(status) is fault


class Story:
    """One reader, and editions that come back or arrive."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.mailing_list = set_up(runtime)
        (self.reader,) = add_readers(runtime, self.mailing_list, 1)
        self.number = 0

    def edition(self, comes_back: str | None, *, days: int = 14) -> SubscriberState:
        """Time passes, and an edition is sent; what comes back of it, if anything. The reader's state after that."""
        self.runtime.clock.move(timedelta(days=days))  # type: ignore[attr-defined]
        self.number += 1
        edition = opened_edition(self.runtime, self.mailing_list, number=self.number)
        record(self.runtime, claim(self.runtime), Outcome.ACCEPTED)
        if comes_back is not None and states(self.runtime, edition):
            self.take(comes_back, edition)
        return self.state()

    def take(self, sample: str, edition: int, *, number: int = 0) -> None:
        raw = made_out(sample, copy_of(self.runtime, self.reader, edition))
        take(self.runtime, anew(raw, edition * 100 + number))

    def state(self) -> SubscriberState:
        with self.runtime.db.reading() as session:
            return session.get_one(Subscriber, self.reader).state

    def known_against(self) -> int:
        with self.runtime.db.reading() as session:
            return len(session.exec(select(Bouncing)).all())


CONFIRMED, SUSPENDED = SubscriberState.CONFIRMED, SubscriberState.SUSPENDED


def test_no_such_person_is_enough_once(runtime: Runtime) -> None:
    story = Story(runtime)
    assert story.edition("gmail-no-such-user") is SUSPENDED
    story.edition("gmail-no-such-user")
    with runtime.db.reading() as session:
        assert session.get_one(Subscriber, story.reader).ended_at == runtime.clock.now() - timedelta(days=14)
    assert states(runtime, 2) == {}, "nothing more is sent there"


def test_a_disabled_mailbox_is_given_a_second_chance(runtime: Runtime) -> None:
    story = Story(runtime)
    assert story.edition("gmail-disabled") is CONFIRMED
    assert story.edition("gmail-disabled") is SUSPENDED
    assert story.known_against() == 0


@pytest.mark.parametrize("sample", ["exchange-mailbox-full", "postfix-expired", "yahoo-no-account"])
def test_what_may_pass_takes_three_editions_in_a_row_over_thirty_days(runtime: Runtime, sample: str) -> None:
    story = Story(runtime)
    assert [story.edition(sample, days=16) for _ in range(3)] == [CONFIRMED, CONFIRMED, SUSPENDED]


def test_three_editions_in_a_fortnight_are_not_enough(runtime: Runtime) -> None:
    story = Story(runtime)
    assert [story.edition("exchange-mailbox-full", days=7) for _ in range(5)] == [CONFIRMED] * 5
    assert story.edition("exchange-mailbox-full", days=7) is SUSPENDED


def test_two_editions_over_a_long_time_are_not_enough(runtime: Runtime) -> None:
    story = Story(runtime)
    assert [story.edition("exchange-mailbox-full", days=90) for _ in range(2)] == [CONFIRMED] * 2


def test_an_edition_that_arrives_between_them_begins_the_count_anew(runtime: Runtime) -> None:
    story = Story(runtime)
    full = "exchange-mailbox-full"
    assert [story.edition(each, days=20) for each in (full, full, None, full, full)] == [CONFIRMED] * 5
    assert story.edition(full, days=20) is SUSPENDED


def test_a_notice_that_one_arrived_clears_what_came_back_before(runtime: Runtime) -> None:
    story = Story(runtime)
    story.edition("exchange-mailbox-full")
    assert story.known_against() == 1
    story.edition("postfix-delivered")
    assert story.known_against() == 0


def test_an_edition_that_was_never_sent_stands_between_no_others(runtime: Runtime) -> None:
    story = Story(runtime)
    story.edition("gmail-disabled")
    story.number += 1
    approved_edition(runtime, story.mailing_list, number=story.number)
    assert story.edition("gmail-disabled") is SUSPENDED


def test_an_edition_counts_once_however_many_notices_there_are_about_it(runtime: Runtime) -> None:
    story = Story(runtime)
    story.edition("gmail-disabled")
    for number in range(1, 5):
        story.take("gmail-disabled", 1, number=number)
    assert story.state() is CONFIRMED
    story.edition(None)
    story.edition("exchange-mailbox-full")
    story.take("gmail-disabled", 1, number=9)  # about the first, very late
    assert story.state() is CONFIRMED


@pytest.mark.parametrize("sample", ["gmail-not-authenticated", "microsoft-365-policy", "nhsmail-content"])
def test_what_is_our_fault_never_counts_against_a_reader(runtime: Runtime, sample: str) -> None:
    story = Story(runtime)
    assert [story.edition(sample, days=20) for _ in range(6)] == [CONFIRMED] * 6
    assert story.known_against() == 0


def test_who_was_suspended_can_come_back_through_the_form_with_a_clean_slate(runtime: Runtime) -> None:
    story = Story(runtime)
    story.edition("gmail-disabled")
    assert story.edition("gmail-disabled") is SUSPENDED
    with runtime.db.transaction() as session:
        mailing_list = lists.by_id(session, story.mailing_list)
        lists.add_wording(session, mailing_list, "I want to get these emails.", now=runtime.clock.now())
        asked = signup.request(
            session,
            runtime.crypto,
            mailing_list_id=story.mailing_list,
            address=address(0),
            now=runtime.clock.now(),
        )
    assert asked.answer is signup.Answer.CONFIRM


def test_what_is_known_against_a_reader_is_shown_to_them_and_not_kept_for_ever(runtime: Runtime) -> None:
    story = Story(runtime)
    story.edition("exchange-mailbox-full")
    with runtime.db.transaction() as session:
        (row,) = privacy.export(session, runtime.crypto, address(0))["mailing_lists"]
        assert row["came_back"] == {"editions_in_a_row": 1, "since": runtime.clock.now().isoformat()}
        privacy.sweep(session, now=runtime.clock.now() + timedelta(days=364))
    assert story.known_against() == 1
    with runtime.db.transaction() as session:
        privacy.sweep(session, now=runtime.clock.now() + timedelta(days=366))
    assert story.known_against() == 0


def test_it_goes_when_the_reader_goes(runtime: Runtime) -> None:
    story = Story(runtime)
    story.edition("exchange-mailbox-full")
    with runtime.db.transaction() as session:
        privacy.erase(session, runtime.crypto, address(0), now=runtime.clock.now())
    assert story.known_against() == 0


class TestRefusedAtOnce:
    """The mail server says so itself, in the conversation."""

    def states_after(
        self, url: str, clock: ManualClock, data_dir: Path, server: MailServer, answers: dict[str, str]
    ) -> dict[str, SubscriberState]:
        values = {"smtp_host": "127.0.0.1", "smtp_port": str(server.port), "smtp_tls": "none"}
        runtime = make_runtime(url, clock, data_dir, mail_provider="smtp", provider_values=values)
        mailing_list = set_up(runtime)
        readers = add_readers(runtime, mailing_list, len(answers) + 1)
        answer = {address(number): said for number, said in enumerate(answers.values())}
        server.on_recipient = answer.get
        opened_edition(runtime, mailing_list)

        async def send() -> None:
            provider = registry.make_configured(runtime)
            for _ in range(26):  # put off for a day, again and again, is refused
                await Sender(runtime, provider).send_until_idle()
                clock.move(timedelta(hours=1))
            await provider.aclose()

        asyncio.run(send())
        with runtime.db.reading() as session:
            after = [session.get_one(Subscriber, reader).state for reader in readers]
            self.known_against = {row.subscriber_id for row in session.exec(select(Bouncing)).all()}
        self.readers = dict(zip(answers, readers, strict=False))
        runtime.db.dispose()
        assert after.pop() is CONFIRMED, "who was not refused is as before"
        return dict(zip(answers, after, strict=True))

    def test_the_same_rules_hold(
        self, database_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer
    ) -> None:
        answers = {
            "gone": "550 5.1.1 No such person here",
            "no domain": "550 5.1.2 No such domain",
            "disabled": "550 5.2.1 Closed for the summer",
            "full": "552 5.2.2 Over quota",
            "put off": "451 4.2.2 Over quota, try later",
            "spam": "550 5.7.1 We do not like it",
            "no reason": "550 No",
        }
        after = self.states_after(database_url, clock, tmp_path, mail_server, answers)
        suspended = {name for name, state in after.items() if state is SUSPENDED}
        assert suspended == {"gone", "no domain"}
        counted = {name for name, reader in self.readers.items() if reader in self.known_against}
        assert counted == {"disabled", "full", "put off", "no reason"}

    def test_a_server_that_will_not_relay_for_us_blames_nobody(
        self, sqlite_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer
    ) -> None:
        after = self.states_after(sqlite_url, clock, tmp_path, mail_server, {"all": "550 5.1.1 Relaying denied"})
        assert after == {"all": CONFIRMED}
        assert self.known_against == set()
