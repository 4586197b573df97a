"""An edition in figures, beside those before it: what became of its copies, who left, what readers found useful.

Nothing here is about single persons. The numbers are exact; whoever shows them does so by `core.small_numbers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from newsletter.delivery import counting
from newsletter.editions import archive
from newsletter.editions.composing import page_from_json
from newsletter.editions.models import Edition
from newsletter.feedback import usefulness
from newsletter.feedback.usefulness import Useful
from subscribers import movement
from subscribers.movement import Growth

#: Editions that one is compared with.
BEFORE = 5

#: The mail server took it, as far as anybody knows, and it did not come back.
_REACHED = ("accepted", "delivered", "complained")


@dataclass(frozen=True, slots=True)
class Part:
    """One update, answer or event of an edition, and what readers said of it."""

    title: str
    useful: Useful


@dataclass(frozen=True, slots=True)
class Figures:
    """One edition that went out."""

    edition: Edition
    counts: dict[str, int]  # by `DeliveryState`
    growth: Growth  # from its sending until that of the next one
    useful: Useful  # all answers and replies, about it and about its parts

    @property
    def recipients(self) -> int:
        return sum(self.counts.values())

    @property
    def reached(self) -> int:
        return sum(self.counts[state] for state in _REACHED)


@dataclass(frozen=True, slots=True)
class Report:
    figures: Figures
    parts: Sequence[Part]  # in the order of the edition
    before: Sequence[Figures]  # the newest first
    until: datetime  # when the next edition went out, or now


def report(session: Session, edition: Edition, *, now: datetime) -> Report:
    """The report of an edition that has gone out, in a fixed number of queries."""
    assert edition.id is not None
    assert edition.released_at is not None
    editions = [edition, *archive.published(session, edition.mailing_list_id, limit=BEFORE, older_than=edition)]
    later = archive.neighbours(session, edition)[1]
    until = later.released_at if later is not None and later.released_at is not None else now
    ends = [until, *(each.released_at or now for each in editions)]
    spans = [(each.released_at or now, end) for each, end in zip(editions, ends, strict=False)]
    grown = movement.between(session, edition.mailing_list_id, spans)
    ids = [each.id for each in editions if each.id is not None]
    counts = counting.counts_of(session, ids)
    answers = usefulness.of_editions(session, ids)
    found = [
        Figures(each, counts[id_], grew, sum(answers.get(id_, {}).values(), Useful()))
        for each, id_, grew in zip(editions, ids, grown, strict=True)
    ]
    return Report(found[0], _parts(edition, answers.get(edition.id, {})), found[1:], until)


def _parts(edition: Edition, answers: dict[str | None, Useful]) -> list[Part]:
    parts = [Part("The edition as a whole", answers.get(None, Useful()))]
    if edition.frozen_page is None:
        return parts
    page = page_from_json(edition.frozen_page)
    return parts + [Part(title, answers.get(anchor, Useful())) for anchor, title in page.parts]
