"""Topics and frequency, on the "Change your details" page: what comes beside the regular editions.

Unlike answers about work, these choices are shown as they are: nobody can take away a tick they do not see, and which
topics a mailbox gets says nothing about who reads it (docs/decisions/0012-choices-are-shown.md).
"""

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from newsletter.content.dates import london_date
from newsletter.core.audience import Audience
from newsletter.core.errors import NotFound
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.web.asked import TheForm, TheRuntime
from subscribers import lists, topics
from subscribers.models import Subscriber, Topic

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen, and what is."""

    topics: list[Topic]
    chosen: set[int]
    regular_only: bool


def of(session: Session, runtime: Runtime, subscriber: Subscriber) -> Choices:
    """The choices of somebody on a list for professionals."""
    assert subscriber.id is not None
    return Choices(
        topics=topics.current(session, subscriber.mailing_list_id, on=london_date(runtime.clock.now())),
        chosen=topics.chosen(session, subscriber.id),
        regular_only=subscriber.regular_only,
    )


@router.post("/manage/{token}/choices")
def choose(token: str, form: TheForm, runtime: TheRuntime) -> Response:
    now = runtime.clock.now()
    read = runtime.tokens.read(Purpose.MANAGE, token, now=now)
    with runtime.db.transaction() as session:
        if lists.by_id(session, read.list_id).audience is Audience.PARENTS:
            raise NotFound("Parents and carers are not asked this.")
        offered = topics.current(session, read.list_id, on=london_date(now))
        topics.choose(
            session,
            mailing_list_id=read.list_id,
            subscriber_id=read.subject_id,
            regular_only={"regular": True, "all": False}.get(form.get("editions", "")),
            topic_ids={topic.id for topic in offered if topic.id is not None and f"topic-{topic.slug}" in form},
            on=london_date(now),
        )
    return RedirectResponse(f"/manage/{token}?saved=1", status_code=303)
