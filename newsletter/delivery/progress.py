"""How far an edition is at this moment, in a few numbers that are read every second while somebody watches."""

import math
from dataclasses import dataclass

from sqlmodel import Session, col, select

from newsletter.core.errors import NotFound
from newsletter.delivery import batches, counting
from newsletter.editions.models import Edition, EditionState

#: Nothing more happens to these by itself, or nothing is yet known to.
_UNDONE = ("queued", "sending", "deferred")


@dataclass(frozen=True, slots=True)
class Progress:
    state: EditionState
    counts: dict[str, int]  # by `DeliveryState`
    pace_per_s: float

    @property
    def recipients(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        return self.recipients - sum(self.counts[state] for state in _UNDONE)

    @property
    def seconds_left(self) -> int | None:
        """At the pace of this moment; None: nothing is being sent now."""
        waiting = self.counts["queued"] + self.counts["sending"]
        return math.ceil(waiting / self.pace_per_s) if self.pace_per_s and waiting else None


def of(session: Session, edition_id: int) -> Progress:
    """Raises `NotFound`."""
    state = session.exec(select(Edition.state).where(col(Edition.id) == edition_id)).first()
    if state is None:
        raise NotFound(f"There is no edition {edition_id}.")
    state = EditionState(state)
    pace = batches.pace_per_s(session, edition_id) if state is EditionState.SENDING else 0.0
    return Progress(state, counting.counts(session, edition_id), pace)
