"""Topics of a mailing list for professionals: what its special editions may be about, and from when to when."""

from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limits
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.texts import short_name
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.web import site
from newsletter.web.asked import TheForm, ThePages, TheRuntime
from newsletter.web.staff.guard import TheAdmin
from newsletter.web.staff.settings import filling, sheets
from newsletter.web.staff.settings.allowed import Id, of_list
from newsletter.web.staff.settings.sheets import Field, Sheet
from subscribers import lists, topics
from subscribers.models import MailingList, Topic

router = APIRouter()

PATH = "/staff/settings/lists/{list_id}/topics"
SAID = {"added": "The topic was added. Nobody has it until they choose it.", "saved": "The topic was saved."}


class TopicDraft(BaseModel):
    """What a person typed about a topic; `subscribers.topics` checks the rest."""

    model_config = ConfigDict(extra="forbid")

    name: str = Limits(min_length=1, max_length=120)
    from_date: date
    until_date: date | None = None


SHEET = Sheet(
    TopicDraft,
    (
        Field("name", "Name", "For example, Early years"),
        Field("from_date", "First day it can be chosen", "For example, 27/3/2027", "day"),
        Field("until_date", "Last day it can be chosen (optional)", "Leave this empty while it is offered", "day"),
    ),
)


@router.get(PATH)
def topics_page(
    list_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages, said: str = ""
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.reading() as session:
        return pages.show(
            request,
            "staff/settings/topics.html",
            site.current(session),
            officer=officer,
            said=SAID.get(said),
            list=_list(session, list_id),
            topics=topics.of_list(session, list_id),
            today=london_date(runtime.clock.now()),
        )


@router.get(f"{PATH}/new")
def new_page(list_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.reading() as session:
        _list(session, list_id)
        form = filling.showing({"from_date": london_date(runtime.clock.now())})
        return sheets.page(request, pages, session, officer, SHEET, title="Add a topic", back=_back(list_id), form=form)


@router.post(f"{PATH}/new")
def add(
    list_id: Id, request: Request, typed: TheForm, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)

    def keep(draft: TopicDraft) -> None:
        slug = short_name(draft.name, at_most=40, otherwise="topic")
        if any(topic.slug == slug for topic in topics.of_list(session, list_id)):
            raise InvalidInput("There is a topic of this name. Change that one", field="name")
        topics.write(session, list_id, slug=slug, **draft.model_dump())

    with runtime.db.transaction() as session:
        _list(session, list_id)
        outcome = sheets.save(session, SHEET, None, typed, keep)
        if outcome.status:
            return sheets.page(
                request, pages, session, officer, SHEET, title="Add a topic", back=_back(list_id), outcome=outcome
            )
        audit.note(
            session,
            runtime.crypto,
            "add topic",
            staff_id=officer.id,
            about=f"mailing list {list_id}",
            detail=outcome.form.get("name"),
            now=runtime.clock.now(),
        )
    return sheets.redirect(_back(list_id)[0], "added")


@router.get(PATH + "/{topic_id}")
def topic_page(
    list_id: Id, topic_id: Id, request: Request, officer: TheAdmin, runtime: TheRuntime, pages: ThePages
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.reading() as session:
        row = _topic(session, list_id, topic_id)
        return sheets.page(
            request, pages, session, officer, SHEET, title="Change a topic", back=_back(list_id), row=row
        )


@router.post(PATH + "/{topic_id}")
def save(
    list_id: Id,
    topic_id: Id,
    request: Request,
    typed: TheForm,
    officer: TheAdmin,
    runtime: TheRuntime,
    pages: ThePages,
) -> Response:
    of_list(officer, list_id, StaffRole.ADMIN)
    with runtime.db.transaction() as session:
        row = _topic(session, list_id, topic_id)
        slug = row.slug
        outcome = sheets.save(
            session,
            SHEET,
            row,
            typed,
            lambda draft: topics.write(session, list_id, slug=slug, **draft.model_dump()),
        )
        if outcome.status:
            return sheets.page(
                request,
                pages,
                session,
                officer,
                SHEET,
                title="Change a topic",
                back=_back(list_id),
                row=row,
                outcome=outcome,
            )
        audit.note(
            session,
            runtime.crypto,
            "change topic",
            staff_id=officer.id,
            about=f"topic {topic_id}",
            detail=", ".join(outcome.changed),
            now=runtime.clock.now(),
        )
    return sheets.redirect(_back(list_id)[0], "saved")


def _list(session: Session, list_id: int) -> MailingList:
    mailing_list = lists.by_id(session, list_id)
    if mailing_list.audience is Audience.PARENTS:
        raise NotFound("Parents and carers are asked for an address and nothing else: topics are not for them.")
    return mailing_list


def _topic(session: Session, list_id: int, topic_id: int) -> Topic:
    _list(session, list_id)
    row = session.get(Topic, topic_id)
    if row is None or row.mailing_list_id != list_id:
        raise NotFound("This mailing list has no such topic.")
    return row


def _back(list_id: int) -> tuple[str, str]:
    return f"/staff/settings/lists/{list_id}/topics", "All topics"
