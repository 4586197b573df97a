"""How fast mail may go: messages a second over all workers, a day's most, a warm-up, and a rate for receiving domains.

One row for the provider and one for each domain with a rate of its own, shared by all workers, holds the moment from
which the next message may go (the generic cell rate algorithm: a token bucket without a timer). A worker reserves first
and claims afterwards, so that nothing is `sending` while it waits for its turn. Letters never wait, but count.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.dates import LONDON, london_date
from newsletter.core.crypto import Crypto
from newsletter.core.db import insert
from newsletter.core.errors import ConfigurationError
from newsletter.core.settings import Settings
from newsletter.delivery.models import Pace

#: A bucket that was left alone may be this much ahead: as many messages as fit into it may go at once.
BURST = timedelta(seconds=1)
#: Any domain that has no rate of its own.
ANY = "*"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say. No limit: 0, None or empty."""

    per_s: float = 0
    per_day: int = 0
    warm_up_from: date | None = None
    warm_up_first_day: int = 0
    domains: Mapping[str, float] = field(default_factory=dict)  # messages a second, by domain

    @property
    def is_unlimited(self) -> bool:
        return not (self.per_s or self.per_day or self.warm_up_from)

    def on(self, day: date) -> int | None:
        """The most messages of one day: the day's limit, or what the warm-up, doubling daily, has come to."""
        most = self.per_day or None
        if self.warm_up_from is not None:
            days = min(max((day - self.warm_up_from).days, 0), 30)
            grown = self.warm_up_first_day * 2**days
            most = grown if most is None else min(most, grown)
        return most

    def of_domain(self, domain: str) -> float:
        return self.domains.get(domain) or self.domains.get(ANY) or 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: ask again after `seconds`; or, when the day's messages are used up, not before `until`."""

    seconds: float = 0
    until: datetime | None = None


def limits(settings: Settings) -> Limits:
    """Read the settings. Raises `ConfigurationError` naming the setting and the form it has to have."""
    first, number = None, 0
    if text := settings.warm_up.strip():
        day, _, most = text.partition(":")
        try:
            first, number = date.fromisoformat(day.strip()), int(most)
        except ValueError:
            number = 0
        if number < 1:
            raise ConfigurationError(
                "NEWSLETTER_WARM_UP must be a day and how many messages may go on it, like 2026-12-01:500."
            )
    return Limits(settings.rate_per_s, settings.rate_per_day, first, number, dict(_domains(settings.domain_rates)))


def reserve(session: Session, name: str, number: int, *, limits: Limits, now: datetime) -> int | Wait:
    """Reserve up to `number` messages of the provider's pace for now, and say how many; or how long to wait."""
    if limits.is_unlimited:
        return number
    row, today = _row(session, f"provider:{name}", now), london_date(now)
    sent, most = (row.sent if row.day == today else 0), limits.on(today)
    if most is not None:
        number = min(number, most - sent)
        if number <= 0:
            return Wait(until=_tomorrow(now))
    free_at = max(row.free_at, now - BURST)
    if limits.per_s and free_at > now:
        return Wait((free_at - now).total_seconds())
    row.free_at = free_at + timedelta(seconds=number / limits.per_s) if limits.per_s else now
    row.sent, row.day = sent + number, today
    return number


def closed_until(session: Session, name: str, *, limits: Limits, now: datetime) -> datetime | None:
    """When the next day begins, if this day's messages are used up."""
    today = london_date(now)
    most = limits.on(today)
    if most is None:
        return None
    row = _row(session, f"provider:{name}", now)
    return _tomorrow(now) if row.day == today and row.sent >= most else None


def note(session: Session, name: str, number: int, *, limits: Limits, now: datetime) -> None:
    """Count what went without asking (letters), or, with a negative number, what was reserved and not needed."""
    if limits.is_unlimited or not number:
        return
    row, today = _row(session, f"provider:{name}", now), london_date(now)
    if limits.per_s:
        row.free_at = max(row.free_at, now - BURST) + timedelta(seconds=number / limits.per_s)
    row.sent, row.day = max((row.sent if row.day == today else 0) + number, 0), today


def spread(
    session: Session,
    crypto: Crypto,
    waiting: Mapping[int, tuple[str, bool]],
    *,
    limits: Limits,
    now: datetime,
) -> dict[int, datetime]:
    """Of these deliveries (by id: the address, and whether its turn was put off before) those that must wait for the
    sake of their domain, and until when.

    Those put off get turns of their own, one after the other, and a newcomer goes behind them: so each is put off once,
    and not again and again.
    """
    if not limits.domains:
        return {}
    by_domain: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
    for delivery_id, (address, was_put_off) in waiting.items():
        domain = address.rpartition("@")[2].lower()
        if limits.of_domain(domain):
            by_domain[domain].append((delivery_id, was_put_off))
    later: dict[int, datetime] = {}
    for domain, deliveries in sorted(by_domain.items()):
        step = timedelta(seconds=1 / limits.of_domain(domain))
        # A domain can tell who somebody is: what is kept for a while is its keyed hash.
        row = _row(session, f"domain:{crypto.keyed_hash(domain, context='pace').hex()[:32]}", now)
        for delivery_id, was_put_off in deliveries:
            is_next = was_put_off or row.promised_until <= now
            if is_next and max(row.free_at, now - BURST) <= now:
                row.free_at = max(row.free_at, now - BURST) + step
            else:
                row.promised_until = max(row.promised_until, row.free_at, now) + step
                later[delivery_id] = row.promised_until
    return later


def forget(session: Session, *, now: datetime) -> None:
    """Remove what has not been used for days. Repeatable."""
    session.execute(sa.delete(Pace).where(col(Pace.free_at) < now - timedelta(days=2)))


def _row(session: Session, name: str, now: datetime) -> Pace:
    """The row with this name, locked until the transaction ends."""
    today = london_date(now)
    first = {"name": name, "free_at": now - BURST, "promised_until": now, "day": today, "sent": 0}
    session.execute(insert(session, Pace).on_conflict_do_nothing().values(first))
    found = session.exec(
        select(Pace).where(Pace.name == name).with_for_update().execution_options(populate_existing=True)
    ).one()
    return found


def _tomorrow(now: datetime) -> datetime:
    day = london_date(now) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(now.tzinfo)


def _domains(text: str) -> Iterator[tuple[str, float]]:
    for each in filter(None, (part.strip() for part in text.split(","))):
        domain, _, rate = each.partition("=")
        try:
            per_s = float(rate)
        except ValueError:
            per_s = 0
        if not domain.strip() or not (per_s > 0 and math.isfinite(per_s)):
            raise ConfigurationError(
                "NEWSLETTER_DOMAIN_RATES must name domains and messages a second, like gmail.com=10, *=50."
            )
        yield domain.strip().lower(), per_s
