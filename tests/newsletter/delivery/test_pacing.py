"""How fast mail goes: the rate over all workers, the day's most, the warm-up, and the pace of receiving domains."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.core.errors import ConfigurationError
from newsletter.core.runtime import Runtime
from newsletter.core.settings import Settings
from newsletter.delivery import pacing
from newsletter.delivery.pacing import Limits, Wait
from tests.conftest import START

TODAY = START.date()


def reserve(runtime: Runtime, number: int, limits: Limits) -> int | Wait:
    with runtime.db.transaction() as session:
        return pacing.reserve(session, "smtp", number, limits=limits, now=runtime.clock.now())


def spread(runtime: Runtime, waiting: dict[int, tuple[str, bool]], limits: Limits) -> dict[int, datetime]:
    with runtime.db.transaction() as session:
        return pacing.spread(session, runtime.crypto, waiting, limits=limits, now=runtime.clock.now())


def test_without_limits_everything_goes_and_nothing_is_written(runtime: Runtime) -> None:
    assert reserve(runtime, 10_000, Limits()) == 10_000
    with runtime.db.reading() as session:
        assert session.get(pacing.Pace, "provider:smtp") is None


def test_the_rate_holds_over_a_minute_however_many_ask(runtime: Runtime, clock: ManualClock) -> None:
    limits, sent = Limits(per_s=20), 0
    while clock.now() < START + timedelta(minutes=1):
        granted = reserve(runtime, 10, limits)
        if isinstance(granted, Wait):
            assert 0 < granted.seconds <= 1
            clock.move(timedelta(seconds=granted.seconds))
        else:
            sent += granted
    assert 20 * 60 <= sent <= 20 * 60 + 20 + 10  # a second's burst at the beginning, one window at the end


def test_who_comes_back_after_a_pause_may_send_no_more_than_a_seconds_worth_at_once(
    runtime: Runtime, clock: ManualClock
) -> None:
    limits, at_once = Limits(per_s=5), 0
    reserve(runtime, 1, limits)
    clock.move(timedelta(hours=1))
    while not isinstance(granted := reserve(runtime, 1, limits), Wait):
        at_once += granted
    assert at_once == 6


def test_a_day_has_its_most_and_the_next_day_begins_in_london(runtime: Runtime, clock: ManualClock) -> None:
    clock.set(datetime(2026, 7, 1, 22, 59, tzinfo=UTC))  # a minute before midnight, summer time
    limits = Limits(per_day=30)
    assert reserve(runtime, 20, limits) == 20
    assert reserve(runtime, 20, limits) == 10
    refused = reserve(runtime, 20, limits)
    assert isinstance(refused, Wait)
    assert refused.until == datetime(2026, 7, 1, 23, 0, tzinfo=UTC)
    clock.set(refused.until)
    assert reserve(runtime, 20, limits) == 20


def test_letters_count_and_what_was_not_needed_is_given_back(runtime: Runtime) -> None:
    limits = Limits(per_day=30)
    with runtime.db.transaction() as session:
        pacing.note(session, "smtp", 5, limits=limits, now=START)
    assert reserve(runtime, 25, limits) == 25
    with runtime.db.transaction() as session:
        pacing.note(session, "smtp", -4, limits=limits, now=START)
    assert reserve(runtime, 25, limits) == 4
    with runtime.db.transaction() as session:
        until = pacing.closed_until(session, "smtp", limits=limits, now=START)
    assert until == datetime(2026, 11, 4, tzinfo=UTC)


@pytest.mark.parametrize(("day", "most"), [(-3, 500), (0, 500), (1, 1_000), (3, 4_000), (4, 6_000), (400, 6_000)])
def test_a_warm_up_doubles_daily_up_to_the_days_most(day: int, most: int) -> None:
    limits = Limits(per_day=6_000, warm_up_from=TODAY, warm_up_first_day=500)
    assert limits.on(TODAY + timedelta(days=day)) == most


def test_a_domains_copies_are_put_off_once_each_and_in_turn(runtime: Runtime, clock: ManualClock) -> None:
    limits = Limits(domains={"slow.example.org": 2.0})
    readers = {number: (f"r{number}@slow.example.org", False) for number in range(10)}
    later = spread(runtime, readers | {99: ("r@fast.example.org", False)}, limits)
    now = [number for number in readers if number not in later]
    assert len(now) == 3  # a second's worth, and the one that is due
    assert 99 not in later
    assert sorted(later.values()) == list(later.values())
    assert len(set(later.values())) == 7
    newcomer = spread(runtime, {50: ("new@slow.example.org", False)}, limits)
    assert newcomer[50] > max(later.values())  # behind those who wait already
    for number, due_at in later.items():
        clock.set(max(due_at, clock.now()))
        assert spread(runtime, {number: (f"r{number}@slow.example.org", True)}, limits) == {}
    assert clock.now() - START == pytest.approx(timedelta(seconds=3.5), abs=timedelta(seconds=1))


def test_a_rate_for_all_domains_is_kept_for_each(runtime: Runtime) -> None:
    limits = Limits(domains={"*": 1.0, "fast.example.org": 1000.0})
    waiting = {number: (f"r@d{number % 2}.example.org", False) for number in range(6)}
    waiting |= {100 + number: ("r@fast.example.org", False) for number in range(50)}
    later = spread(runtime, waiting, limits)
    assert len(later) == 2
    assert all(number < 100 for number in later)


def test_no_domain_is_kept_in_words(runtime: Runtime) -> None:
    spread(runtime, {1: ("senco@a-small-school.example.org", False)}, Limits(domains={"*": 1.0}))
    with runtime.db.transaction() as session:
        names = session.exec(select(pacing.Pace.name)).all()
        assert len(names) == 1
        assert "school" not in names[0]
        pacing.forget(session, now=START + timedelta(days=3))
        assert session.exec(select(pacing.Pace.name)).all() == []


def test_the_settings_are_read() -> None:
    settings = Settings(
        rate_per_s=5, rate_per_day=100, warm_up=" 2026-12-01 : 500 ", domain_rates="Gmail.com=10, *=2.5"
    )
    assert pacing.limits(settings) == Limits(5, 100, date(2026, 12, 1), 500, {"gmail.com": 10.0, "*": 2.5})


@pytest.mark.parametrize("text", ["tomorrow", "2026-12-01", "2026-12-01:0", "2026-12-01:-5", "500:2026-12-01"])
def test_a_warm_up_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLETTER_WARM_UP"):
        pacing.limits(Settings(warm_up=text))


@pytest.mark.parametrize("text", ["gmail.com", "gmail.com=", "gmail.com=0", "=5", "gmail.com=nan", "gmail.com=inf"])
def test_domain_rates_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLETTER_DOMAIN_RATES"):
        pacing.limits(Settings(domain_rates=text))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_in_the_settings_is_read_or_refused(warm_up: str, domain_rates: str) -> None:
    try:
        found = pacing.limits(Settings(warm_up=warm_up, domain_rates=domain_rates))
    except ConfigurationError:
        return
    assert all(rate > 0 for rate in found.domains.values())
