"""One event and one response, put into the words that every form of an edition shows."""

from datetime import date

from newsletter.content import events
from newsletter.content.dates import from_until, in_words, london_date, period
from newsletter.content.models import Event, Partner, Response, ResponseOutcome
from newsletter.content.responses import is_overdue, people_in_words
from newsletter.editions.expanding import Expander
from newsletter.rendering.mails import EventBlock, ResponseBlock

#: The heading of the answer.
ANSWERS = {
    ResponseOutcome.DONE: "We did",
    ResponseOutcome.DOING: "We are doing",
    ResponseOutcome.WILL_NOT: "We will not do this",
    ResponseOutcome.NOT_OURS: "We cannot decide this",
}


def response(row: Response, partner: Partner, on: date, pen: Expander) -> ResponseBlock:
    """A response as it stands on that day."""
    people = people_in_words(row.people)
    who_decides = "It is decided by" if row.outcome is ResponseOutcome.NOT_OURS else "Decided by"
    return ResponseBlock(
        anchor=f"response-{row.id}",
        theme=pen.text(row.theme),
        asked=f"{people[0].upper()}{people[1:]} told us, {period(row.period_from, row.period_until)}",
        said=pen.text(row.said),
        answer=ANSWERS[row.outcome],
        did=pen.text(row.did),
        promise=promise(row, on),
        reason=pen.text(row.reason),
        decided=f"{who_decides}: {row.decision_owner}",
        organisation=partner.name,
        outcome=row.outcome,
        doing_by=row.doing_by,
    )


def promise(row: Response, on: date) -> str:
    """By when it will be done, or that it is late; empty where nothing is promised."""
    if row.doing_by is None:
        return ""
    if is_overdue(row, on):
        return f"This is late. We said that we would finish by {in_words(row.doing_by)}."
    return f"We will finish by {in_words(row.doing_by)}."


def event(row: Event, partner: Partner, pen: Expander) -> EventBlock:
    path = f"/events/{row.slug}"
    return EventBlock(
        anchor=f"event-{row.id}",
        title=pen.text(row.title),
        day=london_date(row.starts_at),
        when=from_until(row.starts_at, row.ends_at),
        where=events.where(row),
        cost=pen.text(row.cost),
        for_whom=pen.text(row.for_whom),
        access=pen.text(row.access_notes),
        without_attending=pen.text(row.without_attending),
        booking=pen.text(row.booking),
        booking_url=row.booking_url,
        adjustments=pen.text(row.adjustments_contact),
        organisation=partner.name,
        page_path=path,
        calendar_path=f"{path}.ics",
        is_cancelled=row.cancelled_at is not None,
    )
