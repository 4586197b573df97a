"""What became of an edition, in numbers."""

from typing import Any

from sqlmodel import Session

from newsletter.core.errors import NotFound
from newsletter.delivery import ledger
from newsletter.editions.models import Edition
from subscribers import lists


def status(session: Session, edition_id: int) -> dict[str, Any]:
    """Where an edition stands: its state, and how many of its deliveries are in each state."""
    edition = session.get(Edition, edition_id)
    if edition is None:
        raise NotFound(f"There is no edition {edition_id}.")
    counts = ledger.counts(session, edition_id)
    return {
        "edition": edition_id,
        "list": lists.by_id(session, edition.mailing_list_id).slug,
        "state": edition.state.value,
        "recipients": sum(counts.values()),
        "counts": counts,
    }
