"""Feeds of other websites that authors bring news in from: named, tried, changed and stopped here."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.content import feeds, partners
from newsletter.content.dates import london_date
from newsletter.content.feeds import FeedDraft
from newsletter.content.models import NewsFeed
from newsletter.staff import audit
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.pages import Pages
from newsletter.web.staff import picking, updates_import_feed
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.paging import page_of
from newsletter.web.staff.settings import sheets
from newsletter.web.staff.settings.allowed import Id, everywhere
from newsletter.web.staff.settings.sheets import Field, Outcome, Sheet

router = APIRouter()

PATH = "/staff/settings/feeds"
BACK = (PATH, "All feeds")
SAID = {
    "added": "The feed was added. Try it, to see what it has.",
    "saved": "The feed was saved.",
    "stopped": "The feed was stopped. Nothing is read from it any more.",
    "started": "The feed was started again.",
    "read": "The feed was read just now.",
    "again": "The feed was read a moment ago. This is what it had.",
}


SHEET = Sheet(
    FeedDraft,
    (
        Field("name", "Name of the feed", "What authors call it. For example, News of the county council"),
        Field(
            "url",
            "Address of the feed",
            "It starts with https:// and is that of an RSS or Atom feed, not of the page people read",
        ),
        Field("partner_id", "Organisation", "Whose news it is", "select", picking.CHOOSE_ONE),
        Field(
            "priority_area_id",
            "Priority area (optional)",
            "When all of it belongs to the same one",
            "select",
            (("", "The author chooses each time", ""),),
        ),
    ),
)


@router.get(PATH)
def all_feeds(
    request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = "", page: int = 1
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/settings/feeds.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            paged=page_of(feeds.all_feeds(session), page),
            partners={row.id: row.name for row in partners.partners(session)},
        )


@router.get(f"{PATH}/new")
def new_page(request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _new(request, pages, session, runtime, officer)


@router.post(f"{PATH}/new")
def add(request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    now, made = runtime.clock.now(), 0

    def keep(draft: FeedDraft) -> None:
        nonlocal made
        made = feeds.add(session, draft, staff_id=officer.id, now=now).id or 0

    with runtime.db.transaction() as session:
        outcome = sheets.save(session, SHEET, None, typed, keep)
        if outcome.status:
            return _new(request, pages, session, runtime, officer, outcome)
        _note(session, runtime, officer, "add feed", made)
    return sheets.redirect(f"{PATH}/{made}", "added")


@router.get(PATH + "/{feed_id}")
def one_feed(
    feed_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        return _one(request, pages, session, runtime, officer, feeds.by_id(session, feed_id), said=SAID.get(said))


@router.post(PATH + "/{feed_id}")
def save(
    feed_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        feed = feeds.by_id(session, feed_id)
        outcome = sheets.save(session, SHEET, feed, typed, lambda draft: feeds.edit(session, feed_id, draft))
        if outcome.status:
            return _one(request, pages, session, runtime, officer, feed, outcome)
        _note(session, runtime, officer, "change feed", feed_id, ", ".join(outcome.changed))
    return sheets.redirect(f"{PATH}/{feed_id}", "saved")


@router.post(PATH + "/{feed_id}/try")
def try_it(feed_id: Id, officer: TheAdmin, runtime: TheRuntime) -> Response:
    """Read it as an author would."""
    everywhere(officer)
    done = updates_import_feed.read_now(runtime, feed_id, officer)
    return sheets.redirect(f"{PATH}/{feed_id}", f"{done}#found")


@router.get(PATH + "/{feed_id}/stop")
def stop_page(feed_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    everywhere(officer)
    with runtime.db.reading() as session:
        feed = feeds.by_id(session, feed_id)
        return pages.show(
            request,
            "staff/settings/sure.html",
            site.current(session),
            officer=officer,
            back=(f"{PATH}/{feed_id}", feed.name),
            title=f"Stop “{feed.name}”?",
            facts=[],
            consequence="Authors can bring in nothing from it. What they brought in stays. You can start it again.",
            button="Stop it",
        )


@router.post(PATH + "/{feed_id}/stop")
def stop(feed_id: Id, officer: TheAdmin, runtime: TheRuntime) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        feeds.stop(session, feed_id, now=runtime.clock.now())
        _note(session, runtime, officer, "stop feed", feed_id)
    return sheets.redirect(PATH, "stopped")


@router.post(PATH + "/{feed_id}/start")
def start(feed_id: Id, officer: TheAdmin, runtime: TheRuntime) -> Response:
    everywhere(officer)
    with runtime.db.transaction() as session:
        feeds.resume(session, feed_id)
        _note(session, runtime, officer, "start feed", feed_id)
    return sheets.redirect(f"{PATH}/{feed_id}", "started")


def _note(session: Session, runtime: TheRuntime, officer: Officer, action: str, feed_id: int, detail: str = "") -> None:
    now = runtime.clock.now()
    audit.note(
        session, runtime.crypto, action, staff_id=officer.id, about=f"feed {feed_id}", detail=detail, now=now
    )  # fmt: skip


def _new(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: TheRuntime,
    officer: Officer,
    outcome: Outcome | None = None,
) -> Response:
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title="Add a feed",
        back=BACK,
        outcome=outcome,
        button="Add it",
        picks=picking.picks(session, london_date(runtime.clock.now())),
    )


def _one(
    request: Request,
    pages: Pages,
    session: Session,
    runtime: TheRuntime,
    officer: Officer,
    feed: NewsFeed,
    outcome: Outcome | None = None,
    *,
    said: str | None = None,
) -> Response:
    today, partner, area = london_date(runtime.clock.now()), str(feed.partner_id), str(feed.priority_area_id or "")
    return sheets.page(
        request,
        pages,
        session,
        officer,
        SHEET,
        title="Change a feed",
        back=BACK,
        row=feed,
        outcome=outcome,
        template="staff/settings/feed.html",
        said=said,
        feed=feed,
        entries=feeds.entries(session, feed.id or 0),
        picks=picking.picks(session, today, partner=partner, area=area),
    )
