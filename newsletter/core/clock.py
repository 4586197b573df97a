"""The one clock. Everything that asks for the time asks a `Clock` it was given, so that a story can move it by hand."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved: for tests, previews and sample data."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def move(self, by: timedelta) -> None:
        """Move forwards (or, with a negative `by`, backwards)."""
        self._now += by

    def set(self, to: datetime) -> None:
        self._now = to.astimezone(UTC)
