"""What the clock does: once each, however late, however often, and however many clocks there are."""

import logging
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from newsletter.content import saved_drafts
from newsletter.content.models import SavedDraft
from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery import letterheads
from newsletter.delivery.models import Delivery
from newsletter.editions import publishing
from newsletter.editions.models import Cadence, Edition, EditionState
from newsletter.staff import accounts
from newsletter.staff.models import Staff, StaffRole
from scheduler import jobs
from subscribers import identity, lists
from subscribers.models import Attempt, MailingList, Subscriber, SubscriberState
from tests.scheduler import scenes

ROOT = Path(__file__).parents[2]

#: One clock of several, in a process of its own: waits for a line on standard input and ticks ten times.
ONE_CLOCK = """
import sys
from datetime import datetime
from pathlib import Path
from newsletter.core.clock import ManualClock
from scheduler import jobs
from tests.conftest import make_runtime
runtime = make_runtime(sys.argv[1], ManualClock(datetime.fromisoformat(sys.argv[2])), Path(sys.argv[3]))
with runtime.db.reading() as session:
    session.connection()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    jobs.assemble_due(runtime)
    jobs.open_due(runtime)
"""


def editions(runtime: Runtime) -> list[Edition]:
    with runtime.db.reading() as session:
        found = list(session.exec(select(Edition).order_by(col(Edition.id))).all())
        session.expunge_all()
        return found


@pytest.fixture
def due(runtime: Runtime, clock: ManualClock) -> int:
    """A list whose first occurrence has just fallen due, and an update to put into it."""
    scenes.partnership(runtime)
    found = scenes.mailing_list(runtime, next_due=scenes.ANCHOR)
    scenes.update(runtime, "Plans are quicker")
    clock.set(scenes.ANCHOR)
    return found


class TestAssembling:
    def test_nothing_happens_before_it_is_due(self, runtime: Runtime, due: int, clock: ManualClock) -> None:
        clock.set(scenes.ANCHOR - timedelta(seconds=1))
        assert jobs.assemble_due(runtime) == []
        assert editions(runtime) == []
        assert scenes.next_due(runtime, due) == scenes.ANCHOR

    def test_an_edition_is_assembled_for_the_occurrence(self, runtime: Runtime, due: int) -> None:
        made = jobs.assemble_due(runtime)
        (edition,) = editions(runtime)
        assert made == [edition.id]
        assert edition.occurrence == scenes.ANCHOR
        assert edition.author_id is None
        assert edition.state is EditionState.DRAFT
        assert scenes.next_due(runtime, due) == scenes.ANCHOR + timedelta(days=14)

    def test_a_second_tick_finds_nothing_to_do(self, runtime: Runtime, due: int) -> None:
        jobs.assemble_due(runtime)
        assert jobs.assemble_due(runtime) == []
        assert len(editions(runtime)) == 1

    def test_after_a_long_stop_there_is_one_edition_for_the_newest_occurrence(
        self, runtime: Runtime, due: int, clock: ManualClock
    ) -> None:
        clock.set(datetime(2027, 1, 20, 3, tzinfo=UTC))
        assert len(jobs.assemble_due(runtime)) == 1
        (edition,) = editions(runtime)
        assert edition.occurrence == datetime(2027, 1, 12, 10, tzinfo=UTC)
        assert scenes.next_due(runtime, due) == datetime(2027, 1, 26, 10, tzinfo=UTC)

    def test_nothing_new_means_no_edition_and_the_next_date_is_set(self, runtime: Runtime, clock: ManualClock) -> None:
        scenes.partnership(runtime)
        found = scenes.mailing_list(runtime, next_due=scenes.ANCHOR)
        scenes.update(runtime, "Not yet", from_date=date(2026, 12, 25))
        clock.set(scenes.ANCHOR)
        assert jobs.assemble_due(runtime) == []
        assert scenes.next_due(runtime, found) == scenes.ANCHOR + timedelta(days=14)

    def test_an_edition_that_is_still_in_hand_is_not_overtaken(
        self, runtime: Runtime, due: int, clock: ManualClock
    ) -> None:
        jobs.assemble_due(runtime)
        scenes.update(runtime, "Something newer")
        clock.move(timedelta(days=14))
        assert jobs.assemble_due(runtime) == []
        assert len(editions(runtime)) == 1
        assert scenes.next_due(runtime, due) == scenes.ANCHOR + timedelta(days=28)

    def test_a_bad_rule_stops_its_own_cadence_only(
        self, runtime: Runtime, due: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = scenes.mailing_list(runtime, "professionals", rule="FREQ=NEVER", next_due=scenes.ANCHOR)
        with caplog.at_level(logging.ERROR):
            assert len(jobs.assemble_due(runtime)) == 1
        assert scenes.next_due(runtime, broken) is None
        assert "FREQ=WEEKLY;INTERVAL=2" in caplog.text

    def test_a_list_that_fails_does_not_keep_the_others_waiting_and_is_tried_again(
        self, runtime: Runtime, due: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        scenes.mailing_list(runtime, "professionals", next_due=scenes.ANCHOR)
        with runtime.db.transaction() as session:  # the first list is gone from under its cadence
            session.exec(select(Cadence).where(Cadence.mailing_list_id == due)).one().rule = "FREQ=WEEKLY"
        broken = due
        original = jobs.lists.by_id

        def by_id(session: Session, mailing_list_id: int) -> object:
            if mailing_list_id == broken:
                raise jobs.NewsletterError("There is no such list.")
            return original(session, mailing_list_id)

        with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
            patched.setattr(jobs.lists, "by_id", by_id)
            assert len(jobs.assemble_due(runtime)) == 1
        assert scenes.next_due(runtime, due) == scenes.ANCHOR
        assert len(jobs.assemble_due(runtime)) == 1

    def test_two_clocks_in_threads_make_one_edition(
        self, runtime: Runtime, due: int, clock: ManualClock, database_url: str, tmp_path: object
    ) -> None:
        scenes.mailing_list(runtime, "professionals", next_due=scenes.ANCHOR)
        start = threading.Barrier(4)
        failures: list[BaseException] = []

        def tick() -> None:
            try:
                start.wait(10)
                for _ in range(5):
                    jobs.assemble_due(runtime)
            except BaseException as failure:
                failures.append(failure)

        clocks = [threading.Thread(target=tick) for _ in range(4)]
        for one in clocks:
            one.start()
        for one in clocks:
            one.join(60)
        assert failures == []
        made = editions(runtime)
        assert sorted(edition.mailing_list_id for edition in made) == [1, 2]
        assert {edition.occurrence for edition in made} == {scenes.ANCHOR}

    def test_two_clocks_in_two_processes_make_one_edition(
        self, runtime: Runtime, due: int, clock: ManualClock, database_url: str, tmp_path: object
    ) -> None:
        command = [sys.executable, "-W", "error", "-c", ONE_CLOCK, database_url, clock.now().isoformat(), str(tmp_path)]
        clocks = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
            )
            for _ in range(2)
        ]
        for one in clocks:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        answers = [one.communicate("go\n", timeout=60) for one in clocks]
        assert [one.returncode for one in clocks] == [0, 0], answers
        (edition,) = editions(runtime)
        assert edition.occurrence == scenes.ANCHOR
        assert scenes.next_due(runtime, due) == scenes.ANCHOR + timedelta(days=14)


class TestOpening:
    @pytest.fixture
    def scheduled(self, runtime: Runtime, due: int, clock: ManualClock) -> int:
        """An approved edition that goes out in an hour, to two confirmed subscribers."""
        (edition_id,) = jobs.assemble_due(runtime)
        now = clock.now()
        with runtime.db.transaction() as session:
            for name in ("one", "two"):
                session.add(
                    Subscriber(
                        mailing_list_id=due,
                        address_hash=identity.address_hash(runtime.crypto, due, f"{name}@example.org"),
                        address_sealed=runtime.crypto.encrypt(f"{name}@example.org"),
                        state=SubscriberState.CONFIRMED,
                        requested_at=now,
                        confirmed_at=now,
                    )
                )
            approver = accounts.add(
                session, runtime.crypto, "approver@example.org", roles=[StaffRole.APPROVER], now=now
            )
            assert approver.id is not None
            publishing.submit(session, edition_id, now=now)
            publishing.approve(
                session,
                edition_id,
                approver_id=approver.id,
                roles={StaffRole.APPROVER},
                letterhead=letterheads.letterhead(session, lists.by_id(session, due), runtime.settings.base_url),
                now=now,
            )
            publishing.schedule(session, edition_id, send_at=now + timedelta(hours=1), now=now)
        return edition_id

    def deliveries(self, runtime: Runtime) -> int:
        with runtime.db.reading() as session:
            return len(session.exec(select(Delivery.id)).all())

    def test_it_stays_until_its_time_comes(self, runtime: Runtime, scheduled: int, clock: ManualClock) -> None:
        clock.move(timedelta(minutes=59))
        assert jobs.open_due(runtime) == []
        assert self.deliveries(runtime) == 0

    def test_it_goes_once_although_it_is_late_and_however_often(
        self, runtime: Runtime, scheduled: int, clock: ManualClock
    ) -> None:
        clock.move(timedelta(hours=3))
        assert jobs.open_due(runtime) == [scheduled]
        assert jobs.open_due(runtime) == []
        assert self.deliveries(runtime) == 2
        (edition,) = editions(runtime)
        assert edition.state is EditionState.SENDING

    def test_it_is_held_when_it_is_too_late_and_goes_when_a_person_says_so(
        self, runtime: Runtime, scheduled: int, clock: ManualClock
    ) -> None:
        clock.move(timedelta(hours=3, seconds=1))  # two hours after its time
        assert jobs.open_due(runtime) == []
        assert jobs.open_due(runtime) == []
        (edition,) = editions(runtime)
        assert edition.state is EditionState.APPROVED
        assert edition.send_at is None
        assert edition.paused_because is not None
        assert edition.paused_because.startswith("It should have gone at ")
        with runtime.db.transaction() as session:
            publishing.schedule(session, scheduled, send_at=clock.now() + timedelta(hours=1), now=clock.now())
        clock.move(timedelta(hours=1))
        assert jobs.open_due(runtime) == [scheduled]
        (edition,) = editions(runtime)
        assert edition.paused_because is None

    def test_how_late_is_too_late_is_the_lists_choice(
        self, runtime: Runtime, scheduled: int, clock: ManualClock
    ) -> None:
        with runtime.db.transaction() as session:
            session.exec(select(MailingList)).one().late_after_hours = 12
        clock.move(timedelta(hours=12))
        assert jobs.open_due(runtime) == [scheduled]

    def test_four_clocks_open_it_once(self, runtime: Runtime, scheduled: int, clock: ManualClock) -> None:
        clock.move(timedelta(hours=1))
        start = threading.Barrier(4)
        opened: list[int] = []
        failures: list[BaseException] = []

        def tick() -> None:
            try:
                start.wait(10)
                opened.extend(jobs.open_due(runtime))
            except BaseException as failure:
                failures.append(failure)

        clocks = [threading.Thread(target=tick) for _ in range(4)]
        for one in clocks:
            one.start()
        for one in clocks:
            one.join(60)
        assert failures == []
        assert opened == [scheduled]
        assert self.deliveries(runtime) == 2


class TestSweeping:
    def test_it_sweeps_until_nothing_is_left_and_may_run_twice(
        self, runtime: Runtime, due: int, clock: ManualClock
    ) -> None:
        now = clock.now()
        with runtime.db.transaction() as session:
            session.add(Attempt(key_hash=b"x" * 32, at=now - timedelta(days=2)))
            session.add(
                Subscriber(
                    mailing_list_id=due,
                    address_hash=b"a" * 32,
                    address_sealed=runtime.crypto.encrypt("pending@example.org"),
                    state=SubscriberState.PENDING,
                    requested_at=now - timedelta(days=8),
                )
            )
        swept = jobs.sweep(runtime)
        assert swept[-1].is_complete
        with runtime.db.reading() as session:
            assert session.exec(select(Subscriber)).all() == []
            assert session.exec(select(Attempt)).all() == []
        assert jobs.sweep(runtime)[-1].is_complete

    def test_drafts_that_nobody_goes_on_with_are_swept(self, runtime: Runtime, clock: ManualClock) -> None:
        now = clock.now()
        with runtime.db.transaction() as session:
            ids = []
            for name in ("author", "second"):
                email, roles = f"{name}@example.org", [StaffRole.AUTHOR]
                ids.append(accounts.add(session, runtime.crypto, email, roles=roles, now=now).id or 0)
            for staff_id, days in ((ids[0], 180), (ids[0], 179), (ids[1], 1)):
                typed = {"parent_title": f"{days} days"}
                saved_drafts.keep(session, typed, staff_id=staff_id, now=now - timedelta(days=days))

        def left() -> list[str]:
            jobs.sweep(runtime)
            with runtime.db.reading() as session:
                return [each.typed["parent_title"] for each in session.exec(select(SavedDraft).order_by(SavedDraft.id))]

        assert left() == ["179 days", "1 days"]
        with runtime.db.transaction() as session:
            session.get_one(Staff, ids[1]).is_active = False
        assert left() == ["179 days"]
