"""What became of an edition, in numbers."""

import math
from typing import Any

from sqlmodel import Session

from newsletter.core.errors import NotFound
from newsletter.delivery import batches, ledger
from newsletter.editions.models import Edition
from subscribers import bursts, lists


def status(session: Session, edition_id: int) -> dict[str, Any]:
    """Where an edition stands: its state, how many of its deliveries are in each state, how many leaves of its list are
    held, how many copies go in a second at this moment, and how long the rest will take at that pace (None: nothing is
    being sent now)."""
    edition = session.get(Edition, edition_id)
    if edition is None:
        raise NotFound(f"There is no edition {edition_id}.")
    counts = ledger.counts(session, edition_id)
    waiting = counts["queued"] + counts["sending"]
    pace_per_s = batches.pace_per_s(session, edition_id) if waiting else 0.0
    return {
        "edition": edition_id,
        "list": lists.by_id(session, edition.mailing_list_id).slug,
        "state": edition.state.value,
        "recipients": sum(counts.values()),
        "counts": counts,
        "held_leaves": bursts.count_held(session, edition.mailing_list_id),
        "pace_per_s": round(pace_per_s, 1),
        "seconds_left": math.ceil(waiting / pace_per_s) if pace_per_s else None,
    }
