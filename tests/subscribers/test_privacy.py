"""What is held about a person, forgetting it, and what time alone removes."""

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import func, select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import InvalidInput
from newsletter.core.runtime import Runtime
from newsletter.delivery.models import Delivery, DeliveryKind
from subscribers import privacy, retention
from subscribers.models import Attempt, Consent, Subscriber, SubscriberState, Suppression, SuppressionReason
from subscribers.retention import Swept
from subscribers.signup import Answer
from tests.conftest import START
from tests.subscribers.conftest import Lists, make_lists
from tests.subscribers.test_recipients import suppress
from tests.subscribers.test_signup import ADDRESS, SENCO, ask, confirmed, leave, link, press, row


def export(runtime: Runtime, address: str = ADDRESS) -> dict[str, object]:
    with runtime.db.reading() as session:
        held = privacy.export(session, runtime.crypto, address)
    again: dict[str, object] = json.loads(json.dumps(held))
    assert again == held
    return held


def erase(runtime: Runtime, address: str = ADDRESS) -> int:
    with runtime.db.transaction() as session:
        return privacy.erase(session, runtime.crypto, address, now=runtime.clock.now())


def sweep(runtime: Runtime, rows_at_most: int = retention.ROWS_PER_SWEEP) -> Swept:
    with runtime.db.transaction() as session:
        return privacy.sweep(session, now=runtime.clock.now(), rows_at_most=rows_at_most)


def count(runtime: Runtime, table: type) -> int:
    with runtime.db.reading() as session:
        return session.exec(select(func.count()).select_from(table)).one()


class TestExport:
    def test_it_shows_every_row_with_its_evidence(self, runtime: Runtime, both: Lists, clock: ManualClock) -> None:
        professional = confirmed(runtime, both.professionals, details=SENCO)
        ask(runtime, both.parents)
        clock.move(timedelta(days=1))
        leave(runtime, both.professionals, professional)
        suppress(runtime, SuppressionReason.NOT_REQUESTED, days=30)
        held = export(runtime, f" {ADDRESS.upper()} ")
        parent, senco = held["mailing_lists"]  # type: ignore[misc]
        assert (parent["state"], parent["role"], parent["school"]) == ("pending", None, None)
        assert (senco["state"], senco["role"], senco["phase"]) == ("left", "senco", "primary")
        assert senco["school"] == {"urn": 123456, "name": "A primary school"}
        assert senco["consents"] == [
            {
                "wording": "Get SEND news for professionals.",
                "wording_version": 1,
                "wording_sha256": senco["consents"][0]["wording_sha256"],
                "source": "web form",
                "requested_at": "2026-11-03T09:00:00+00:00",
                "confirmed_at": "2026-11-03T09:00:00+00:00",
                "withdrawn_at": "2026-11-04T09:00:00+00:00",
                "withdrawn_how": "button",
            }
        ]
        assert held["suppression"] == {
            "reason": "not requested",
            "since": "2026-11-04T09:00:00+00:00",
            "until": "2026-12-04T09:00:00+00:00",
        }

    def test_nothing_is_held(self, runtime: Runtime, both: Lists) -> None:
        assert export(runtime) == {"address": ADDRESS, "mailing_lists": [], "suppression": None}

    def test_an_address_is_found_however_its_domain_is_written(self, runtime: Runtime, both: Lists) -> None:
        confirmed(runtime, both.parents, "parent@bücher.example.org")
        assert erase(runtime, "parent@xn--bcher-kva.example.org") == 1

    @pytest.mark.parametrize("typed", ["", "not an address"])
    def test_what_is_no_address_is_refused(self, runtime: Runtime, typed: str) -> None:
        with pytest.raises(InvalidInput):
            export(runtime, typed)
        with pytest.raises(InvalidInput):
            erase(runtime, typed)


class TestErasing:
    def test_only_a_keyed_hash_and_counts_stay(self, runtime: Runtime, both: Lists) -> None:
        parent = confirmed(runtime, both.parents)
        confirmed(runtime, both.professionals, details=SENCO)
        other = confirmed(runtime, both.parents, "parent-two@example.org")
        with runtime.db.transaction() as session:
            for subscriber_id in (parent, other):
                session.add(
                    Delivery(
                        kind=DeliveryKind.WELCOME,
                        mailing_list_id=both.parents,
                        subscriber_id=subscriber_id,
                        due_at=START,
                        queued_at=START,
                    )
                )
        assert erase(runtime) == 2
        assert erase(runtime) == 0
        with runtime.db.reading() as session:
            assert [left.id for left in session.exec(select(Subscriber))] == [other]
            owners = [delivery.subscriber_id for delivery in session.exec(select(Delivery))]
            assert sorted(owners, key=str) == [other, None]
            consents = session.exec(select(Consent).where(Consent.subscriber_id == None)).all()  # noqa: E711
            assert [consent.withdrawn_how for consent in consents] == ["erased", "erased"]
            assert len(session.exec(select(Attempt)).all()) == 1  # the other person's
            assert session.exec(select(Suppression)).one().reason is SuppressionReason.ERASED
        assert export(runtime)["mailing_lists"] == []

    def test_the_person_can_sign_up_again_as_somebody_new(self, runtime: Runtime, both: Lists) -> None:
        before = confirmed(runtime, both.parents)
        erase(runtime)
        asked = ask(runtime, both.parents)
        assert asked.answer is Answer.CONFIRM
        assert asked.subscriber_id != before
        assert press(runtime, link(runtime, both.parents, asked.subscriber_id)).newly

    def test_somebody_unknown_is_kept_out_of_imports_too(self, runtime: Runtime, both: Lists) -> None:
        assert erase(runtime, "never-seen@example.org") == 0
        assert count(runtime, Suppression) == 1


class TestSweep:
    def test_nothing_is_removed_a_moment_too_early_and_everything_in_time(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        ask(runtime, both.parents, "pending@example.org")
        left = confirmed(runtime, both.professionals, "left@example.org", details=SENCO)
        stays = confirmed(runtime, both.parents, "stays@example.org")
        leave(runtime, both.professionals, left)
        suppress(runtime, SuppressionReason.NOT_REQUESTED, days=30)
        suppress(runtime, SuppressionReason.ERASED, address="erased@example.org")
        moment = timedelta(seconds=1)
        steps = [
            (timedelta(hours=24), Swept(0, 0, 0, 0, 3, 0, is_complete=True)),
            (timedelta(days=7), Swept(1, 0, 0, 0, 0, 0, is_complete=True)),
            (timedelta(days=28), Swept(0, 1, 0, 0, 0, 0, is_complete=True)),
            (timedelta(days=30), Swept(0, 0, 0, 0, 0, 1, is_complete=True)),
            (timedelta(days=365), Swept(0, 0, 1, 1, 0, 0, is_complete=True)),
        ]
        nothing = Swept(0, 0, 0, 0, 0, 0, is_complete=True)
        for after, swept in steps:
            clock.set(START + after - moment)
            assert sweep(runtime) == nothing
            clock.set(START + after)
            assert sweep(runtime) == swept
            assert sweep(runtime) == nothing
        with runtime.db.reading() as session:
            assert [subscriber.id for subscriber in session.exec(select(Subscriber))] == [stays]
            assert [consent.subscriber_id for consent in session.exec(select(Consent))] == [stays]
            assert [block.reason for block in session.exec(select(Suppression))] == [SuppressionReason.ERASED]

    def test_an_emptied_row_says_nothing_about_the_person(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        left = confirmed(runtime, both.professionals, details=SENCO)
        leave(runtime, both.professionals, left)
        clock.move(timedelta(days=28))
        sweep(runtime)
        with runtime.db.reading() as session:
            subscriber = row(session, left)
            assert subscriber.state is SubscriberState.LEFT
            told = (subscriber.address_hash, subscriber.address_sealed, subscriber.role, subscriber.school_urn)
            assert told == (None, None, None, None)
        assert ask(runtime, both.professionals, details=SENCO).subscriber_id != left

    def test_it_works_in_bounded_steps_until_it_is_complete(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        for number in range(5):
            ask(runtime, both.parents, f"pending-{number}@example.org")
        clock.move(timedelta(days=8))
        steps = []
        while not steps or not steps[-1].is_complete:
            steps.append(sweep(runtime, rows_at_most=2))
        assert [step.pending_deleted for step in steps] == [2, 2, 1]
        assert sum(step.attempts_deleted for step in steps) == 5
        assert count(runtime, Consent) == 0

    def test_a_person_who_came_back_is_not_swept_for_having_left(
        self, runtime: Runtime, both: Lists, clock: ManualClock
    ) -> None:
        subscriber_id = confirmed(runtime, both.parents)
        leave(runtime, both.parents, subscriber_id)
        clock.move(timedelta(days=2))
        assert confirmed(runtime, both.parents) == subscriber_id
        clock.move(timedelta(days=400))
        sweep(runtime)
        with runtime.db.reading() as session:
            assert row(session, subscriber_id).state is SubscriberState.CONFIRMED


def test_the_database_file_never_holds_an_address_that_can_be_read(
    sqlite_runtime: Runtime, clock: ManualClock, tmp_path: Path
) -> None:
    runtime = sqlite_runtime
    both = make_lists(runtime)

    def stored() -> bytes:
        files = list(tmp_path.glob("newsletter.db*"))
        assert files
        return b"".join(file.read_bytes() for file in files).lower()

    def assert_nothing_readable() -> None:
        for spelling in (ADDRESS, ADDRESS.split("@")[0], "senco-one"):
            assert spelling.encode() not in stored()
            assert spelling.encode("utf-16-le") not in stored()

    ask(runtime, both.parents, ADDRESS)
    parent = confirmed(runtime, both.parents, ADDRESS)
    confirmed(runtime, both.professionals, "senco-one@example.org", SENCO)
    assert b"get send news for parents." in stored()  # the bytes are really looked at
    assert_nothing_readable()
    leave(runtime, both.parents, parent)
    erase(runtime, "senco-one@example.org")
    clock.move(timedelta(days=28))
    sweep(runtime)
    assert_nothing_readable()


def test_no_log_record_of_this_room_carries_an_address(
    runtime: Runtime, both: Lists, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    parent = confirmed(runtime, both.parents)
    leave(runtime, both.parents, parent)
    export(runtime)
    erase(runtime)
    clock.move(timedelta(days=400))
    sweep(runtime)
    ours = [record for record in caplog.records if record.name.startswith("subscribers")]
    assert {record.getMessage() for record in ours} >= {"A subscriber confirmed", "A subscriber left"}
    for record in caplog.records:
        assert "@" not in str(vars(record)), record.name
