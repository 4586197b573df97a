"""All events as staff see them: coming, over, cancelled; who is told; and in which editions they stand."""

from enum import StrEnum
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.content import events, finding_events
from newsletter.content.dates import from_until, london_date
from newsletter.content.finding_events import Wanted, When
from newsletter.core.audience import Audience
from newsletter.core.texts import visible
from newsletter.editions import used_in
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.staff import picking
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.paging import ROWS, pages_for

router = APIRouter()

WHENS = {
    When.COMING: "Coming",
    When.OVER: "Over",
    When.CANCELLED: "Cancelled",
    When.ALL: "All events",
}
AUDIENCES = {Audience.PARENTS: "Parents and carers", Audience.PROFESSIONALS: "Professionals"}

_Choice = TypeVar("_Choice", bound=StrEnum)


@router.get("/staff/events")
def all_events(
    request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, page: str = "1", words: str = ""
) -> Response:
    asked, now = request.query_params, runtime.clock.now()
    wanted = Wanted(
        chosen(When, asked.get("when")) or When.COMING, chosen(Audience, asked.get("for")), visible(words)[:100]
    )
    with runtime.db.reading() as session:
        total = finding_events.count(session, wanted, now=now)
        number, last = pages_for(total, page)
        found = finding_events.page(session, wanted, now=now, number=number, size=ROWS)
        uses = picking.uses(session, officer, used_in.events(session, [event.id or 0 for event in found]))
        return pages.show(
            request,
            "staff/events.html",
            site.current(session),
            officer=officer,
            rows=[
                (
                    event,
                    from_until(event.starts_at, event.ends_at),
                    events.where(event),
                    uses.get(event.id or 0, []),
                )
                for event in found
            ],
            wanted=wanted,
            whens=WHENS,
            audiences=AUDIENCES,
            total=total,
            number=number,
            last=last,
            now=now,
            today=london_date(now),
        )


def chosen(choices: type[_Choice], text: str | None) -> _Choice | None:
    """The choice that was made in a filter; None for none, or for what is none."""
    return choices(text) if text in {each.value for each in choices} else None
