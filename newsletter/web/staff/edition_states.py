"""Where an edition stands, for people: a tag, a sentence, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from newsletter.content.dates import in_words, london_date, weekday_and_time, with_weekday
from newsletter.editions.models import Edition, EditionState

_S = EditionState

#: The words of the tag and its colour.
TAGS: Mapping[EditionState, tuple[str, str]] = MappingProxyType(
    {
        _S.DRAFT: ("Draft", "grey"),
        _S.REVIEW: ("In review", "yellow"),
        _S.APPROVED: ("Approved", "green"),
        _S.SCHEDULED: ("Scheduled", "blue"),
        _S.SENDING: ("Being sent", "light-blue"),
        _S.PAUSED: ("Paused", "orange"),
        _S.SENT: ("Sent", "green"),
        _S.CANCELLED: ("Cancelled", "red"),
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page says about an edition."""

    tag: str
    colour: str
    sentence: str
    next_words: str = ""  # of the link to what comes next
    next_path: str = ""

    @property
    def classes(self) -> str:
        return f"govuk-tag--{self.colour}"


def standing(edition: Edition, *, since: datetime | None = None) -> Standing:
    """Where it stands; `since` is the moment it came there."""
    tag, colour = TAGS[edition.state]
    sentence, words, end = _next(edition, since)
    return Standing(tag, colour, sentence, words, f"/staff/editions/{edition.id}{end}" if words else "")


def _next(edition: Edition, since: datetime | None) -> tuple[str, str, str]:
    on = f" since {with_weekday(london_date(since))}" if since else ""
    match edition.state:
        case _S.DRAFT:
            return "It is being written.", "Compose it", ""
        case _S.REVIEW:
            waits = f"It has been waiting for approval{on}." if since else "It waits for approval."
            return waits, "See what is waiting", "/approval"
        case _S.APPROVED:
            held = f" It did not go: {edition.paused_because}" if edition.paused_because else ""
            return f"It is approved and has no date yet.{held}", "Choose when it goes", "/approval"
        case _S.SCHEDULED:
            when = edition.send_at
            at = f" on {weekday_and_time(when)}" if when else ""
            return f"It goes out{at}.", "See when it goes", "/approval"
        case _S.SENDING:
            return f"It is going out{on}.", "Watch it go", "/sending"
        case _S.PAUSED:
            return f"It is paused: {edition.paused_because or 'nobody said why.'}", "Decide how to go on", "/sending"
        case _S.SENT:
            at = f" It went out on {in_words(london_date(edition.released_at))}." if edition.released_at else ""
            return f"It has been sent.{at}", "See how it went", "/report"
        case _S.CANCELLED:
            return "It was given up. Its updates are free for the next edition.", "", ""
