"""All editions, by mailing list and state, and the form to start one."""

from collections.abc import Sequence
from datetime import date, datetime
from math import ceil

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter.content.dates import london_date
from newsletter.core.runtime import Runtime
from newsletter.editions import assembling
from newsletter.editions.archive import NOT_LISTED
from newsletter.editions.assembling import Special
from newsletter.editions.models import Edition, EditionEvent, EditionState
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.forms import Bound, FormModel, bind
from newsletter.web.pages import Pages
from newsletter.web.staff.edition_states import TAGS, standing
from newsletter.web.staff.guard import TheAuthor
from newsletter.web.staff.one_edition import READERS, WRITERS, TheReader
from subscribers import lists, topics
from subscribers.models import MailingList, Topic

router = APIRouter()

PAGE_LENGTH = 20

#: The kinds of edition; beside them one for each topic of a list.
_KINDS = {"regular": "A regular edition, for everybody on the list", "special": "A special edition beside those"}


class StartForm(FormModel):
    list: str = ""
    kind: str = "regular"

    sentences = {"list": "Choose a mailing list", "kind": "Choose a kind of edition"}


@router.get("/staff/editions")
def all_editions(
    request: Request, officer: TheReader, runtime: TheRuntime, pages: ThePages, page: str = "1"
) -> Response:
    only_list, only_state = request.query_params.get("list", ""), request.query_params.get("state", "")
    with runtime.db.reading() as session:
        theirs = _theirs(session, officer, *READERS)
        wanted = select(Edition).where(col(Edition.mailing_list_id).in_([each.id for each in theirs]))
        chosen = next((each for each in theirs if each.slug == only_list), None)
        if chosen is not None:
            wanted = wanted.where(Edition.mailing_list_id == chosen.id)
        state = EditionState(only_state) if only_state in {each.value for each in EditionState} else None
        if state is not None:
            wanted = wanted.where(Edition.state == state)
        ids = wanted.with_only_columns(col(Edition.id)).subquery()
        total = session.scalar(sa.select(sa.func.count()).select_from(ids)) or 0
        last = max(1, ceil(total / PAGE_LENGTH))
        number = min(max(1, int(page)), last) if page.isascii() and page.isdigit() and len(page) < 9 else 1
        newest = wanted.order_by(col(Edition.created_at).desc(), col(Edition.id).desc())
        listed = newest.limit(PAGE_LENGTH).options(*(defer(column) for column in NOT_LISTED))
        found = session.exec(listed.offset((number - 1) * PAGE_LENGTH)).all()
        since = _waiting_since(session, found)
        names = {each.id: each.name for each in theirs}
        return pages.show(
            request,
            "staff/editions.html",
            site.current(session),
            officer=officer,
            lists=theirs,
            states=[(each.value, words) for each, (words, _) in TAGS.items()],
            only_list=chosen.slug if chosen else "",
            only_state=state.value if state else "",
            rows=[
                (edition, names[edition.mailing_list_id], standing(edition, since=since.get(edition.id or 0)))
                for edition in found
            ],
            total=total,
            number=number,
            last=last,
            may_start=officer.has(*WRITERS),
        )


@router.get("/staff/editions/start")
def form_to_start(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages) -> Response:
    with runtime.db.reading() as session:
        theirs = _theirs(session, officer, *WRITERS)
        first = theirs[0].slug if len(theirs) == 1 else ""
        form: Bound[StartForm] = Bound({"list": first, "kind": "regular"})
        today = london_date(runtime.clock.now())
        return _start_page(request, session, pages, officer, theirs, form, on=today)


@router.post("/staff/editions/start")
def start(request: Request, officer: TheAuthor, runtime: TheRuntime, pages: ThePages, typed: TheForm) -> Response:
    """Make a draft from the updates that are due, or lead to the one that is in hand."""
    form, today = bind(StartForm, typed), london_date(runtime.clock.now())
    with runtime.db.transaction() as session:
        theirs = _theirs(session, officer, *WRITERS)
        mailing_list = next((each for each in theirs if each.slug == form.get("list")), None)
        if mailing_list is None:
            form.errors["list"] = "Choose a mailing list"
            return _start_page(request, session, pages, officer, theirs, form, on=today, status=422)
        beside, is_kind = _kind(session, mailing_list, form.get("kind") or "regular", on=today)
        if not is_kind:
            form.errors["kind"] = "Choose a kind of edition that this list has"
            return _start_page(request, session, pages, officer, theirs, form, on=today, status=422)
        assert mailing_list.id is not None
        in_hand = assembling.in_hand(session, mailing_list.id, beside)
        if in_hand is not None:
            return RedirectResponse(f"/staff/editions/{in_hand.id}?said=in-hand", status_code=303)
        assembled = _assemble(session, runtime, mailing_list, beside, officer)
        if assembled.edition is None:
            return _start_page(request, session, pages, officer, theirs, form, on=today, nothing=assembled)
        number = assembled.edition.number
        audit.note(
            session,
            runtime.crypto,
            "start edition",
            staff_id=officer.id,
            about=f"edition {assembled.edition.id}",
            detail=f"Edition {number} of {mailing_list.slug}",
            now=runtime.clock.now(),
        )
        return RedirectResponse(f"/staff/editions/{assembled.edition.id}?said=started", status_code=303)


def _assemble(
    session: Session, runtime: Runtime, mailing_list: MailingList, beside: Special | None, officer: Officer
) -> assembling.Assembled:
    assert mailing_list.id is not None
    return assembling.assemble(
        session,
        mailing_list_id=mailing_list.id,
        audience=mailing_list.audience,
        list_name=mailing_list.name,
        now=runtime.clock.now(),
        author_id=officer.id,
        special=beside,
    )


def _start_page(
    request: Request,
    session: Session,
    pages: Pages,
    officer: Officer,
    theirs: list[MailingList],
    form: Bound[StartForm],
    *,
    on: date,
    status: int = 200,
    nothing: assembling.Assembled | None = None,
) -> Response:
    kinds = dict(_KINDS)
    for mailing_list in theirs:
        for value, topic in _topics(session, mailing_list, on=on).items():
            kinds[value] = f"A special edition of {mailing_list.name} for those who chose “{topic.name}”"
    return pages.show(
        request,
        "staff/edition-start.html",
        site.current(session),
        status=status,
        officer=officer,
        lists=theirs,
        kinds=kinds,
        form=form,
        nothing=nothing,
    )


def _topics(session: Session, mailing_list: MailingList, *, on: date) -> dict[str, Topic]:
    """The topics a special edition can be for, by the value of its choice."""
    assert mailing_list.id is not None
    return {f"topic-{topic.id}": topic for topic in topics.current(session, mailing_list.id, on=on)}


def _kind(session: Session, mailing_list: MailingList, kind: str, *, on: date) -> tuple[Special | None, bool]:
    """Which edition is meant, and whether there is such a kind on this list."""
    if kind == "regular":
        return None, True
    if kind == "special":
        return Special(), True
    found = _topics(session, mailing_list, on=on).get(kind)
    return Special(found.id if found else None), found is not None


def _theirs(session: Session, officer: Officer, *roles: StaffRole) -> list[MailingList]:
    """The mailing lists for which they hold one of these roles."""
    return [each for each in lists.all_lists(session) if officer.has(*roles, mailing_list_id=each.id)]


def _waiting_since(session: Session, found: Sequence[Edition]) -> dict[int, datetime]:
    """When each of those that wait for approval was last submitted."""
    waiting = [edition.id for edition in found if edition.state is EditionState.REVIEW]
    rows = session.execute(
        sa.select(col(EditionEvent.edition_id), sa.func.max(col(EditionEvent.at)))
        .where(col(EditionEvent.edition_id).in_(waiting), col(EditionEvent.to_state) == EditionState.REVIEW)
        .group_by(col(EditionEvent.edition_id))
    )
    return {row[0]: row[1] for row in rows}
