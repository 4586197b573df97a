"""The dates: what is coming, a page for each, and calendar files that are the same for everybody."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import calendar_files, events, partners
from newsletter.content.dates import london_date
from newsletter.content.models import Event
from newsletter.core.audience import Audience
from newsletter.core.runtime import Runtime
from newsletter.editions import blocks
from newsletter.editions.expanding import Expander
from newsletter.rendering.mails import EventBlock
from newsletter.web import site
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.conditional import unless_known
from newsletter.web.pages import BRIEFLY

router = APIRouter()

_CALENDAR_MAX_AGE_S = 3600


@router.get("/events")
def coming_events(request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    audience = _asked_for(request)
    with runtime.db.reading() as session:
        found = events.coming(session, now=runtime.clock.now(), audience=audience)
        address = f"{runtime.settings.base_url.rstrip('/')}/events/calendar.ics" + (
            f"?for={audience}" if audience else ""
        )
        return pages.show(
            request,
            "events.html",
            site.current(session),
            cache=BRIEFLY,
            events=[_block(session, event) for event in found],
            audience=audience,
            calendar_url=address,
            subscribe_url=f"webcal:{address.partition(':')[2]}",
        )


@router.get("/events/calendar.ics")
def calendar(request: Request, runtime: TheRuntime) -> Response:
    """What is coming, to subscribe to."""
    audience = _asked_for(request)
    with runtime.db.reading() as session:
        found = events.coming(session, now=runtime.clock.now(), audience=audience)
        publisher = site.current(session).name
        dated = [(event, _page_url(runtime, event)) for event in found]
        body = calendar_files.feed(dated, name=f"Dates: {publisher}", product=publisher)
    return unless_known(request, body, calendar_files.MEDIA_TYPE, max_age_s=_CALENDAR_MAX_AGE_S)


@router.get("/events/{slug}.ics")
def calendar_of_one(slug: str, request: Request, runtime: TheRuntime) -> Response:
    with runtime.db.reading() as session:
        event = _find(session, runtime, slug)
        body = calendar_files.one(event, page_url=_page_url(runtime, event), product=site.current(session).name)
    return unless_known(request, body, calendar_files.MEDIA_TYPE, max_age_s=_CALENDAR_MAX_AGE_S)


@router.get("/events/{slug}")
def one_event(slug: str, request: Request, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        event = _find(session, runtime, slug)
        return pages.show(
            request,
            "event.html",
            site.current(session),
            cache=BRIEFLY,
            event=_block(session, event),
            summary=event.summary,
            online_url=event.online_url,
            is_over=event.ends_at <= runtime.clock.now(),
        )


def _asked_for(request: Request) -> Audience | None:
    asked = request.query_params.get("for")
    return Audience(asked) if asked in set(Audience) else None


def _find(session: Session, runtime: Runtime, slug: str) -> Event:
    return events.public_by_slug(session, slug, london_date(runtime.clock.now()))


def _block(session: Session, event: Event) -> EventBlock:
    return blocks.event(event, partners.partner_by_id(session, event.partner_id), Expander([]))


def _page_url(runtime: Runtime, event: Event) -> str:
    return f"{runtime.settings.base_url.rstrip('/')}/events/{event.slug}"
