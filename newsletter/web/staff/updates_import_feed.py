"""Bringing in news from a feed: it is read when somebody presses the button, and what they choose becomes drafts."""

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content import bringing_in, feeds, partners, reading_feeds
from newsletter.content.bringing_in import Chosen, ForWhom
from newsletter.content.dates import london_date
from newsletter.content.models import NewsFeed
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.core.runtime import Runtime
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site, typed_dates
from newsletter.web.asked import ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel
from newsletter.web.pages import Pages
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.settings.allowed import Id
from newsletter.web.staff.updates_import import FOR_WHOM, IMPORT, TheLongForm, for_whom_of, lists_of, number_of

router = APIRouter()

FEEDS = f"{IMPORT}/feed"
SAID = {
    "read": "The feed was read just now.",
    "again": "The feed was read a moment ago. This is what it had.",
    "wait": "The feed was tried a moment ago. Wait ten seconds, then try again.",
}


def read_now(runtime: Runtime, feed_id: int, officer: Officer) -> str:
    """Read a feed and keep what came of it; the word for what was done. No session is open meanwhile.

    Raises `NotFound`; `WrongState` when it is stopped.
    """
    now = runtime.clock.now()
    with runtime.db.reading() as session:
        feed = feeds.by_id(session, feed_id)
        _check_in_use(feed)
        if not feeds.may_read(feed, now=now):
            return "wait" if feed.problem else "again"
        url, etag, last_modified = feed.url, feed.etag, feed.last_modified
    fetched, problem = None, ""
    try:
        fetched = asyncio.run(reading_feeds.fetch(url, etag=etag, last_modified=last_modified))
    except InvalidInput as error:
        problem = str(error)
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        feed = feeds.by_id(session, feed_id)
        session.refresh(feed, with_for_update=True)
        if feed.url != url:  # changed meanwhile: this is not what it stands for now
            return "again"
        if fetched is None:
            feeds.keep_problem(session, feed, problem, now=now)
        else:
            feeds.keep(session, feed, fetched, now=now)
        found = f"{len(fetched.entries)} entries" if fetched and fetched.entries is not None else "nothing new"
        audit.note(
            session,
            runtime.crypto,
            "read feed",
            staff_id=officer.id,
            about=f"feed {feed_id}",
            detail=problem or found,
            now=now,
        )
    return "problem" if problem else "read"


@router.get(FEEDS)
def feeds_page(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/updates-import-feeds.html",
            site.current(session),
            officer=officer,
            feeds=feeds.in_use(session),
        )


@router.get(FEEDS + "/{feed_id}")
def feed_page(
    feed_id: Id, request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    with runtime.db.reading() as session:
        feed = feeds.by_id(session, feed_id)
        first = {"for": ForWhom.BOTH.value, "area": str(feed.priority_area_id or "")}
        return _page(request, pages, session, runtime, officer, feed, first, said=SAID.get(said))


@router.post(FEEDS + "/{feed_id}/read")
def read(feed_id: Id, officer: TheAuthor, runtime: TheRuntime) -> Response:
    done = read_now(runtime, feed_id, officer)
    return RedirectResponse(f"{FEEDS}/{feed_id}?said={done}", status_code=303)


@router.post(FEEDS + "/{feed_id}/drafts")
def make_drafts(
    feed_id: Id, request: Request, officer: TheAuthor, typed: TheLongForm, runtime: TheRuntime, pages: ThePages
) -> Response:
    """Make drafts of the entries that were chosen."""
    now = runtime.clock.now()
    keys = [value for name, value in typed.items() if name.startswith("entry-")]
    try:
        for_whom = for_whom_of(typed.get("for", ""))
        if not keys:
            raise InvalidInput("Choose at least one piece of news", field="entry-0")
        if for_whom is ForWhom.NOBODY:
            raise InvalidInput("Say whom it is for", field="for")
        with runtime.db.transaction() as session:
            feed = feeds.by_id(session, feed_id)
            _check_in_use(feed)
            today = typed_dates.as_typed(london_date(now))
            choice = Chosen(for_whom, feed.partner_id, number_of(typed, "area"), today)
            made = bringing_in.of_feed(session, feed, keys, choice, staff_id=officer.id, now=now)
            if made:
                audit.note(
                    session,
                    runtime.crypto,
                    "bring in updates",
                    staff_id=officer.id,
                    about=f"feed {feed_id}",
                    detail=f"{made} drafts",
                    now=now,
                )
        return RedirectResponse(f"{IMPORT}?said={'drafts' if made else 'none-of-feed'}", status_code=303)
    except InvalidInput as problem:
        errors = {problem.field or "entry-0": str(problem).rstrip(".")}
    with runtime.db.reading() as session:
        feed = feeds.by_id(session, feed_id)
        return _page(request, pages, session, runtime, officer, feed, typed, errors=errors)


def _check_in_use(feed: NewsFeed) -> None:
    if feed.stopped_at is not None:
        raise WrongState("This feed is stopped. An administrator can start it again in the settings.")


def _page(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: Runtime,
    officer: Officer,
    feed: NewsFeed,
    typed: Mapping[str, str],
    *,
    said: str | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    entries = feeds.entries(session, feed.id or 0)
    form: Bound[FormModel] = Bound(typed, errors=errors or {})
    return pages.show(
        request,
        "staff/updates-import-entries.html",
        site.current(session),
        status=422 if errors else 200,
        officer=officer,
        said=said,
        form=form,
        feed=feed,
        partner=partners.partner_by_id(session, feed.partner_id),
        entries=entries,
        waiting=bringing_in.waiting(session, feed.id or 0, entries),
        chosen={value for name, value in typed.items() if name.startswith("entry-")},
        for_whom=FOR_WHOM[:-1],
        lists=lists_of(session, runtime),
    )
