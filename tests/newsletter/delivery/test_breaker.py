"""The breaker: what pauses an edition, what does not, and that it says why in one sentence."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery import breaker
from newsletter.delivery.breaker import IN_A_ROW, LONGEST_ABSENCE, Absence, Runs
from newsletter.delivery.models import Batch
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import Outcome, Result, Scope
from tests.conftest import START
from tests.newsletter.delivery.scene import add_readers, edition_state, opened_edition, reconcile, set_up

ACCEPTED = Result("", Outcome.ACCEPTED)
REFUSED = Result("", Outcome.REJECTED, code="550", detail="5.1.1 <reader@example.org> is not known")
PUT_OFF = Result("", Outcome.DEFERRED, code="451", detail="4.7.1 Greylisted")
AWAY = Result("", Outcome.DEFERRED, detail="Connection refused", scope=Scope.BATCH)
DOUBT = Result("", Outcome.UNKNOWN)


@pytest.fixture
def edition(runtime: Runtime) -> int:
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 1)
    return opened_edition(runtime, mailing_list)


def count(runtime: Runtime, edition: int, **numbers: int) -> None:
    """As if so many deliveries of the edition had ended like this, besides one that still waits."""
    with runtime.db.transaction() as session:
        session.execute(sa.update(Batch).where(col(Batch.edition_id) == edition).values(**numbers))


def because(runtime: Runtime, edition: int) -> str:
    with runtime.db.reading() as session:
        return session.get_one(Edition, edition).paused_because or ""


class TestInARow:
    @pytest.mark.parametrize("failure", [REFUSED, DOUBT])
    def test_so_many_failures_trip_it_and_it_says_why_without_an_address(self, failure: Result) -> None:
        runs = Runs()
        assert runs.trips(1, [failure] * (IN_A_ROW - 1), "smtp") is None
        said = runs.trips(1, [failure], "smtp")
        assert said is not None
        assert said.startswith("20 copies in a row could not be sent. The last answer from smtp: ")
        assert "@" not in said
        assert runs.trips(1, [failure], "smtp") is None  # it begins to count anew

    def test_one_success_between_them_is_enough(self) -> None:
        runs = Runs()
        for _ in range(10):
            assert runs.trips(1, [REFUSED] * (IN_A_ROW - 1) + [ACCEPTED], "smtp") is None

    def test_each_edition_is_counted_by_itself(self) -> None:
        runs = Runs()
        for edition in range(5):
            assert runs.trips(edition, [REFUSED] * (IN_A_ROW - 1), "smtp") is None

    def test_being_put_off_is_no_failure(self) -> None:
        assert Runs().trips(1, [PUT_OFF] * 500, "smtp") is None


class TestAbsence:
    def test_a_server_that_is_away_is_waited_for_and_then_a_person_is_told(self, clock: ManualClock) -> None:
        absence, waits = Absence("smtp"), []
        while True:
            wait_s, said = absence.seen([AWAY] * 5, clock.now())
            if said is not None:
                break
            waits.append(wait_s)
            clock.move(timedelta(seconds=wait_s))
        assert waits[:4] == [5, 10, 20, 40]
        assert max(waits) == 60
        assert clock.now() - START >= LONGEST_ABSENCE
        assert said == "smtp could not be reached for 15 minutes: Connection refused"

    def test_any_answer_ends_it(self, clock: ManualClock) -> None:
        absence = Absence("smtp")
        absence.seen([AWAY], START)
        assert absence.seen([AWAY, PUT_OFF], START) == (0, None)
        assert absence.seen([AWAY], START + timedelta(days=1)) == (5, None)

    def test_a_window_in_which_nothing_was_tried_says_nothing(self) -> None:
        assert Absence("smtp").seen([], START) == (0, None)


class TestShares:
    @pytest.mark.parametrize(
        ("numbers", "words"),
        [
            ({"accepted": 150, "rejected": 30, "bounced": 20}, "50 of 200 copies were refused or came back"),
            ({"accepted": 950, "bounced": 51}, "51 of 1,001 copies"),
            ({"delivered": 997, "complained": 3}, "3 of 1,000 readers reported it as spam"),
            ({"accepted": 199, "complained": 1}, "1 of 200 readers"),
        ],
    )
    def test_too_large_a_share_pauses_it(
        self, runtime: Runtime, edition: int, numbers: dict[str, int], words: str
    ) -> None:
        count(runtime, edition, **numbers)
        reconcile(runtime)
        assert edition_state(runtime, edition) is EditionState.PAUSED
        assert words in because(runtime, edition)

    @pytest.mark.parametrize(
        "numbers",
        [
            {"accepted": 1, "rejected": 198},  # too few to tell
            {"accepted": 950, "rejected": 50},
            {"accepted": 998, "complained": 2},
            {"accepted": 100, "unknown": 500, "deferred": 500, "skipped": 500},
        ],
    )
    def test_less_does_not(self, runtime: Runtime, edition: int, numbers: dict[str, int]) -> None:
        count(runtime, edition, **numbers)
        reconcile(runtime)
        assert edition_state(runtime, edition) is EditionState.SENDING

    def test_after_a_person_resumed_it_only_what_came_since_is_judged(self, runtime: Runtime, edition: int) -> None:
        count(runtime, edition, accepted=150, rejected=50)
        reconcile(runtime)
        with runtime.db.transaction() as session:
            publishing.resume(session, edition, now=START)
        reconcile(runtime)
        assert edition_state(runtime, edition) is EditionState.SENDING
        count(runtime, edition, accepted=300, rejected=100)
        with runtime.db.transaction() as session:
            assert breaker.judge(session, now=START) == [edition]
        assert "50 of 200" in because(runtime, edition)
