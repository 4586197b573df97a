"""Where feedback came from and what it is about, in the words of the pages that show it."""

from collections.abc import Sequence

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter.content import partners
from newsletter.content.models import PriorityArea
from newsletter.editions import replied
from newsletter.editions.archive import HEAVY
from newsletter.editions.models import Edition
from newsletter.feedback.models import Feedback, FeedbackSource
from newsletter.web.feedback import SPEAKERS
from subscribers import lists

SOURCES = {
    FeedbackSource.WEB: "On our website",
    FeedbackSource.REPLY: "In a reply to an edition",
    FeedbackSource.EVENT: "At an event",
    FeedbackSource.PAPER: "On paper",
}


def about(session: Session, rows: Sequence[Feedback]) -> list[str]:
    """Of each: where it came from, whom it is from, its priority area, its edition and which part of that."""
    speakers = dict(SPEAKERS)
    areas = {area.id: in_full(area) for area in partners.priority_areas(session)}
    editions = _editions(session, {row.edition_id for row in rows if row.edition_id is not None})
    found = []
    for row in rows:
        edition, parts = editions.get(row.edition_id, ("", {}))
        part = parts.get(row.anchor, "")
        said = (
            SOURCES[row.source],
            speakers[row.speaker] if row.speaker else "",
            areas.get(row.priority_area_id, ""),
            f"About “{part}” in {edition}" if part else f"About {edition}" if edition else "",
        )
        found.append(". ".join(each for each in said if each))
    return found


def in_full(area: PriorityArea) -> str:
    """A priority area with its number."""
    return f"Priority {area.number}: {area.name}"


def _editions(session: Session, ids: set[int]) -> dict[int | None, tuple[str, dict[str | None, str]]]:
    """What each edition is called, and the titles of its parts by anchor."""
    names = {each.id: each.name for each in lists.all_lists(session)}
    found = session.exec(
        select(Edition).where(col(Edition.id).in_(sorted(ids))).options(*(defer(column) for column in HEAVY))
    )
    return {
        each.id: (f"edition {each.number} of {names[each.mailing_list_id]}", dict(replied.parts(each)))
        for each in found
    }
